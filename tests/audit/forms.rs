//! The forms in which an audit is told, read by those for whom they are.

use serde_json::Value;

use crate::support::{command, python, run, text};
use crate::tree::{Tree, document, repository};

/// Asks Python; it prints what it found.
#[track_caller]
fn ask_python(script: &str, arguments: &[&str]) -> Value {
    let ran = run(command(&python(), ["-c", script]).args(arguments)).ok();
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.words()))
}

/// A tree with findings of all kinds, one of which is waived.
fn broken() -> Tree {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    std::fs::copy(tree.file("pki/etcd/peer.key"), tree.file("pki/apiserver.key")).unwrap();
    std::fs::create_dir(tree.file("pki/a b#?")).unwrap();
    std::fs::copy(tree.file("pki/etcd/server.crt"), tree.file("pki/a b#?/\"q\"\n\\.crt")).unwrap();
    std::fs::write(tree.file("pki/a b#?/empty.crt"), "").unwrap();
    let waivers = "waivers:\n- rule: P015\n  path: pki/*.crt\n  reason: what kubeadm does & \"always\" did\n  expires: 2099-01-01\n- rule: F001\n  reason: none\n  expires: 2020-01-01\n";
    std::fs::write(tree.beside(".kpki.yaml"), waivers).unwrap();
    tree
}

#[test]
fn json_has_the_documented_fields() {
    let tree = broken();
    let report = document(&tree.audit(&["-o", "json", "--fail-on", "none"]).ok());
    let keys: Vec<&String> = report.as_object().unwrap().keys().collect();
    let mut documented = [
        "version",
        "at",
        "findings",
        "skipped",
        "waived",
        "deadWaivers",
        "summary",
        "outcomes",
        "read",
        "unread",
    ];
    documented.sort_unstable();
    assert_eq!(keys, documented);
    assert_eq!((&report["version"], &report["at"]), (&1.into(), &crate::tree::NOW.into()));
    let findings = report["findings"].as_array().unwrap();
    let p004 = findings
        .iter()
        .find(|finding| finding["rule"] == "P004" && finding["path"] == "tree/pki/apiserver.crt")
        .unwrap();
    assert_eq!(
        (&p004["name"], &p004["severity"], &p004["line"], &p004["block"]),
        (&"serial-entropy".into(), &"info".into(), &1.into(), &0.into())
    );
    assert!(p004["fix"].as_str().unwrap().ends_with('.'));
    assert!(p004["sources"][0]["url"].as_str().unwrap().starts_with("https://"));
    assert_eq!((p004.get("node"), p004.get("field")), (None, None));
    let ranks = ["critical", "high", "medium", "low", "info"];
    let rank = |finding: &Value| ranks.iter().position(|name| finding["severity"] == *name).unwrap();
    assert!(findings.is_sorted_by_key(rank), "the worst first");
    for (at, name) in ranks.iter().enumerate() {
        let count = findings.iter().filter(|finding| rank(finding) == at).count();
        assert_eq!(report["summary"][name], count, "{name}");
    }
    let waived = report["waived"].as_array().unwrap();
    assert!(waived.len() > 3 && waived.iter().all(|one| one["rule"] == "P015"), "{waived:?}");
    assert_eq!(waived[0]["expires"], "2099-01-01");
    assert_eq!(report["deadWaivers"][0]["place"], ".kpki.yaml:6");
    assert_eq!(report["read"]["nodes"], 1);
}

#[test]
fn text_tells_once_what_is_wrong_on_many_nodes() {
    let tree = broken();
    tree.shell(
        "for n in 1 2 3 4 5 6 7 8; do mkdir -p nodes/n$n/etc && cp -r tree nodes/n$n/etc/kubernetes; done",
    )
    .ok();
    for arguments in [&[][..], &["--group-by", "rule"]] {
        let audit = ["audit", "--nodes", "nodes", "--fail-on", "none", "--select", "F004"];
        let told = tree.kpki(&[&audit, arguments].concat()).ok().stdout;
        let line = "etc/kubernetes/pki/apiserver.key";
        let shared: Vec<&str> =
            told.lines().filter(|line| line.contains(" on 8 nodes: n1, n2, n3, ")).collect();
        assert_eq!(shared.len(), 1, "{told}");
        assert!(shared[0].contains(line) && shared[0].ends_with(" and 2 more"), "{told}");
        assert_eq!(told.matches("it is not the key of the certificate").count(), 1, "{told}");
        assert!(told.contains("8 critical"), "{told}");
    }
}

#[test]
fn sarif_is_valid_by_the_schema_of_its_standard() {
    let tree = broken();
    tree.audit(&["-q", "--fail-on", "none", "--output-file", "report.sarif"]).ok();
    let schema = repository("tests/fixtures/sarif/sarif-schema-2.1.0.json");
    let script = r"
import json, sys, jsonschema
schema, log = (json.load(open(name)) for name in sys.argv[1:])
validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker())
print(json.dumps([error.message[:300] for error in validator.iter_errors(log)]))
del log['runs'][0]['tool']['driver']['name']
assert list(validator.iter_errors(log)), 'a log without the name of its tool must be refused'
";
    let errors = ask_python(script, &[text(&schema), text(&tree.beside("report.sarif"))]);
    assert_eq!(errors, Value::Array(vec![]));

    let log: Value = serde_json::from_slice(&std::fs::read(tree.beside("report.sarif")).unwrap()).unwrap();
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), kpki::audit::RULES.len());
    let results = run["results"].as_array().unwrap();
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
    }
    let fingerprint = |result: &Value| result["partialFingerprints"]["kpkiFinding/v1"].to_string();
    let distinct: std::collections::BTreeSet<String> = results.iter().map(fingerprint).collect();
    assert_eq!(distinct.len(), results.len(), "each finding has a fingerprint of its own");
    let suppressed = results.iter().filter(|result| result.get("suppressions").is_some()).count();
    assert!(suppressed > 3);
    let uris: Vec<&str> = results
        .iter()
        .filter_map(|result| result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str())
        .collect();
    assert!(uris.contains(&"tree/pki/ca.crt"), "{uris:?}");
    assert!(uris.iter().any(|uri| uri.starts_with("tree/pki/a%20b%23%3F/")), "{uris:?}");
    // A day later the same findings have the same fingerprints, whatever their messages say.
    let later = tree.audit(&["--at", "2026-11-25", "-o", "sarif", "--fail-on", "none"]).ok();
    let later = document(&later);
    let again: std::collections::BTreeSet<String> =
        later["runs"][0]["results"].as_array().unwrap().iter().map(fingerprint).collect();
    assert_eq!(again, distinct);
}

#[test]
fn prometheus_reads_the_text_file() {
    let tree = broken();
    tree.audit(&["-q", "--fail-on", "none", "--output-file", "kpki.prom"]).ok();
    let script = r"
import json, sys
from prometheus_client.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(open(sys.argv[1], newline='').read()))
seen = [(s.name, tuple(sorted(s.labels.items()))) for f in families for s in f.samples]
assert len(seen) == len(set(seen)), 'a series twice'
print(json.dumps({f.name: [f.type, f.documentation, [[s.labels, s.value] for s in f.samples]] for f in families}))
";
    let families = ask_python(script, &[text(&tree.beside("kpki.prom"))]);
    let samples = |name: &str| {
        assert_eq!(families[name][0], "gauge", "{name}");
        assert!(!families[name][1].as_str().unwrap().is_empty(), "{name}");
        families[name][2].as_array().unwrap().clone()
    };
    let ends = samples("kpki_certificate_not_after_timestamp_seconds");
    let end = ends.iter().find(|sample| sample[0]["path"] == "tree/pki/apiserver.crt").unwrap();
    assert_eq!(
        (&end[0]["role"], &end[0]["subject"], &end[0]["serial"], end[1].as_f64()),
        (&"apiserver".into(), &"CN=kube-apiserver".into(), &"288157a58eb818c7".into(), Some(1_826_999_572.0))
    );
    assert!(ends.iter().any(|sample| sample[0]["path"].as_str().is_some_and(|path| path.contains("\"q\""))));
    assert_eq!(samples("kpki_certificate_not_before_timestamp_seconds").len(), ends.len());
    let report = document(&tree.audit(&["-o", "json", "--fail-on", "none"]).ok());
    let counted = samples("kpki_audit_findings").iter().filter_map(|sample| sample[1].as_f64()).sum::<f64>();
    let found = u32::try_from(report["findings"].as_array().unwrap().len()).unwrap();
    assert!((counted - f64::from(found)).abs() < 0.5, "{counted} {found}");
    let run = &samples("kpki_audit_last_run_timestamp_seconds")[0];
    assert_eq!(run[1], 1_795_478_400.0);
    assert_eq!(samples("kpki_audit_files_read")[0][1].as_f64(), report["read"]["files"].as_f64());
}

#[test]
fn junit_counts_what_fails_by_the_policy() {
    let tree = broken();
    let script = r"
import json, sys
from xml.etree import ElementTree
root = ElementTree.parse(sys.argv[1]).getroot()
cases = {c.get('name').split()[0]: [child.tag for child in c] for c in root.iter('testcase')}
print(json.dumps({'root': [root.tag, dict(root.attrib)], 'cases': cases}))
";
    for (fail_on, p004) in [("info", "failure"), ("none", "system-out")] {
        let code = i32::from(fail_on == "info");
        tree.audit(&["-q", "--fail-on", fail_on, "--output-file", "junit=report.xml"]).expect_code(code);
        let found = ask_python(script, &[text(&tree.beside("report.xml"))]);
        assert_eq!(found["root"][0], "testsuites");
        let cases = found["cases"].as_object().unwrap();
        assert_eq!(cases.len(), kpki::audit::RULES.len());
        assert_eq!(cases["P004"], serde_json::json!([p004]), "{fail_on}");
        let failures = cases.values().filter(|tags| tags.to_string().contains("failure")).count();
        assert_eq!(found["root"][1]["failures"], failures.to_string());
        assert_eq!(cases["P001"], serde_json::json!([]));
    }
}

#[test]
fn files_hold_what_is_printed_and_replace_what_was_there() {
    let tree = broken();
    std::fs::write(tree.beside("report.json"), "old").unwrap();
    let files = ["report.json", "sarif=s", "report.xml", "kpki.prom", "report.txt"];
    let mut arguments = vec!["-q", "--fail-on", "none"];
    arguments.extend(files.iter().flat_map(|file| ["--output-file", file]));
    tree.audit(&arguments).ok();
    for (form, file) in [
        ("json", "report.json"),
        ("sarif", "s"),
        ("junit", "report.xml"),
        ("prometheus", "kpki.prom"),
        ("text", "report.txt"),
    ] {
        let printed = tree.audit(&["-q", "--fail-on", "none", "-o", form]).ok().stdout;
        assert_eq!(std::fs::read_to_string(tree.beside(file)).unwrap(), printed, "{form}");
    }
    let mut names: Vec<String> = std::fs::read_dir(tree.beside(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [".kpki.yaml", "kpki.prom", "report.json", "report.txt", "report.xml", "s", "tree"]);
    let ran = tree.audit(&["--output-file", "nowhere/report.json"]).expect_code(2);
    assert!(ran.stderr.contains("nowhere is no directory"), "{}", ran.words());
    let ran = tree.audit(&["--output-file", "report.yaml"]).expect_code(2);
    assert!(ran.stderr.contains("its ending says no format"), "{}", ran.words());
}

#[test]
fn text_tells_the_worst_first_by_file_or_by_rule() {
    let tree = broken();
    let by_file = tree.audit(&["--fail-on", "none"]).ok().stdout;
    let by_rule = tree.audit(&["--fail-on", "none", "--group-by", "rule"]).ok().stdout;
    for (text, title) in [(&by_file, "pki/apiserver.key\n"), (&by_rule, "P004 serial-entropy: ")] {
        assert!(text.contains(title), "{text}");
        assert!(text.contains("pki/apiserver.key:1 block 0"), "{text}");
        for said in [
            "mend: ",
            "\nread ",
            "\nrules: ",
            "\nfindings: ",
            " waived",
            "by .kpki.yaml",
            ".kpki.yaml:6 F001: it expired on 2020-01-01",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert!(!text.contains('\u{1b}'), "colours are for terminals");
    }
    let quiet = tree.audit(&["--fail-on", "none", "-q"]).ok().stdout;
    assert!(by_file.starts_with(quiet.trim_end()) && !quiet.contains("\nread "), "{quiet}");
}

#[test]
fn rules_explain_themselves() {
    let tree = Tree::of_kubeadm("kubeadm-ecdsa");
    let list = tree.kpki(&["explain"]).ok().stdout;
    assert_eq!(list.lines().count(), kpki::audit::RULES.len() + 1);
    let one = tree.kpki(&["explain", "P004"]).ok().stdout;
    assert_eq!(one, tree.kpki(&["explain", "serial-entropy"]).ok().stdout);
    let rule = kpki::audit::RULES.iter().find(|rule| rule.id == "P004").unwrap();
    for part in [rule.title, rule.explanation, rule.fix, rule.applies_to, rule.citations[0].source] {
        assert!(one.contains(part), "{one}");
    }
    let several = document(&tree.kpki(&["explain", "P004", "C", "P004", "-o", "json"]).ok());
    let ids: Vec<&str> =
        several.as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!((ids[0], &ids[1][..1]), ("P004", "C"));
    assert_eq!(ids.iter().filter(|id| **id == "P004").count(), 1);
    let ran = tree.kpki(&["explain", "serial-entropie"]).expect_code(2);
    assert!(ran.stderr.contains("did you mean P004 serial-entropy"), "{}", ran.words());
}
