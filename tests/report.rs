//! The page of `kpki audit -o html` in headless Chromium (`tests/tools/browse.py`): it loads without an error and without
//! any request, nothing runs over an edge, the filter filters, links lead to certificates, and what hostile files say stays text.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod forge;
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::fs;
use std::path::Path;

use forge::Forged;
use serde_json::{Value, json};
use support::{command, copy_tree, kpki, python, run, scratch, text, tool, write};

/// The instant of kubeadm's fixtures, and that of the forge.
const KUBEADM: &str = "2026-12-01T00:00:00Z";
const FORGED: &str = "2026-06-01T12:00:00Z";

/// Where what is looked at is left for people, if they ask for it: `KPKI_SHOTS=DIR cargo test --test report`.
const SHOTS: &str = "KPKI_SHOTS";

/// The page of what the arguments name, as Chromium sees it.
#[track_caller]
fn look(name: &str, now: &str, arguments: &[&str]) -> Value {
    let page = page(now, arguments);
    let dir = scratch();
    let file = dir.path().join("report.html");
    write(&file, &page);
    let mut browse = command(&python(), [text(&tool("browse.py")), text(&file)]);
    if let Ok(shots) = std::env::var(SHOTS) {
        browse.args(["--shots", &format!("{shots}/{name}")]);
    }
    let seen = run(&mut browse).ok().stdout;
    serde_json::from_str(&seen).unwrap_or_else(|error| panic!("browse.py said {seen:?}: {error}"))
}

#[track_caller]
fn page(now: &str, arguments: &[&str]) -> String {
    let mut audit = vec!["--now", now, "audit", "-o", "html", "--fail-on", "none"];
    audit.extend(arguments);
    run(&mut kpki(audit)).ok().stdout
}

/// What holds of every page.
#[track_caller]
fn assert_sound(seen: &Value) {
    assert_eq!(seen["console"], json!([]));
    assert_eq!(seen["requests"].as_array().unwrap().len(), 1, "{}", seen["requests"]);
    assert!(seen["requests"][0].as_str().unwrap().starts_with("file:///"));
    for screen in ["light", "dark", "tablet", "phone", "phone-dark", "paper"] {
        assert_eq!(seen["layout"][screen], json!({ "wide": 0, "over": [] }), "{screen}");
        assert_eq!(seen["contrast"][screen], json!({}), "{screen}");
    }
    assert_eq!(seen["links"]["lost"], 0);
    assert_eq!(seen["unnamed links"], 0);
    assert_eq!(seen["ids twice"], 0);
    assert_eq!(seen["scripts"], 1);
    assert_eq!(seen["evil"], "undefined");
    assert!(seen["pdf"].as_u64().unwrap() > 10_000);
    assert_eq!(seen["facts on paper"], seen["certificates"]);
    // All can be read without the script; there is nothing to press then.
    let plain = &seen["without script"];
    for part in ["findings", "groups", "certificates", "boxes", "rows", "severities"] {
        assert_eq!(plain[part], seen[part], "{part}");
    }
    assert_eq!(plain["controls"], 0);
}

fn count(seen: &Value, what: &str) -> u64 {
    seen[what].as_u64().unwrap_or_else(|| panic!("{what}: {seen}"))
}

/// kubeadm's control plane with the modes that kubeadm gives.
fn control_plane(root: &Path) {
    let target = root.join("etc/kubernetes");
    fs::create_dir_all(root.join("etc")).unwrap();
    copy_tree(Path::new("tests/fixtures/kubeadm-ecdsa"), &target);
    let find = |arguments: &[&str]| {
        run(command("find", [text(&target)]).args(arguments)).ok();
    };
    find(&["-type", "f", "-exec", "chmod", "0600", "{}", "+"]);
    find(&["-name", "*.crt", "-exec", "chmod", "0644", "{}", "+"]);
}

fn put(pki: &Path, name: &str, certificate: &Forged) {
    let path = pki.join(format!("{name}.crt"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write(&path, &certificate.pem());
    write(&pki.join(format!("{name}.key")), &certificate.key_pem());
}

/// A control plane in which much is wrong.
fn broken(root: &Path) {
    let pki = root.join("etc/kubernetes/pki");
    let ca = forge::ca("cn=kubernetes");
    let etcd = forge::ca("cn=etcd-ca");
    let stranger = forge::ca("cn=etcd-ca key=p256:stranger");
    put(&pki, "ca", &ca);
    put(&pki, "etcd/ca", &etcd);
    put(&pki, "front-proxy-ca", &forge::ca("cn=front-proxy-ca"));
    put(&pki, "apiserver", &ca.leaf("cn=kube-apiserver eku=server sans=dns:kubernetes until=+12d"));
    // The key beside it is another's.
    write(&pki.join("apiserver.key"), &ca.leaf("cn=x key=p256:other").key_pem());
    put(
        &pki,
        "apiserver-kubelet-client",
        &forge::self_signed_leaf("o=system:masters cn=kube-apiserver-kubelet-client eku=client until=+364d"),
    );
    put(&pki, "apiserver-etcd-client", &ca.leaf("cn=kube-apiserver-etcd-client eku=client until=+364d"));
    put(&pki, "etcd/server", &stranger.leaf("cn=cp1 sans=dns:cp1 until=+364d"));
    put(&pki, "etcd/peer", &etcd.leaf("cn=cp1 sans=dns:cp1 from=-365d until=-3d key=p256:shared"));
    put(&pki, "etcd/healthcheck-client", &etcd.leaf("cn=health eku=client until=+364d key=p256:shared"));
    put(&pki, "front-proxy-client", &forge::ca("cn=Corp").leaf("cn=front-proxy-client eku=client"));
}

#[test]
fn a_tree_of_kubeadms_is_shown() {
    let dir = scratch();
    control_plane(dir.path());
    let seen = look("clean", KUBEADM, &[text(dir.path())]);
    assert_sound(&seen);
    assert_eq!(seen["severities"][0], "0");
    assert_eq!(seen["severities"][1], "0");
    // Fifteen certificates and the service-account pair.
    assert_eq!((count(&seen, "rows"), count(&seen, "boxes")), (15, 16));
}

#[test]
fn a_broken_tree_is_shown_and_filtered() {
    let dir = scratch();
    broken(dir.path());
    let seen = look("broken", FORGED, &[text(dir.path())]);
    assert_sound(&seen);
    let findings = count(&seen, "findings");
    let filter = &seen["filter"];
    let worst = filter["severity"].as_u64().unwrap();
    assert!(0 < worst && worst < findings, "{filter}");
    assert_eq!(seen["severities"][0], worst.to_string());
    assert_eq!(filter["said"], format!("{worst} of {findings} shown"));
    assert_eq!(filter["unpressed"], findings);
    assert_eq!(filter["nothing"], json!([0, 1]));
    let place = filter["place"].as_u64().unwrap();
    assert!(0 < place && place < findings, "{filter}");
    let groups = filter["rule"].as_u64().unwrap();
    assert!(0 < groups && groups < count(&seen, "groups"), "{filter}");
    assert_eq!(filter["reset"], findings);
    assert!(seen["links"]["open"].as_u64().unwrap() > 10);

    // Every kind of broken line is drawn, and what is at the other end of it is said.
    let page = page(FORGED, &[text(dir.path())]);
    for (said, times) in [
        ("signed by another key</text>", 2),
        ("signed by the wrong CA</text>", 2),
        ("self-signed, not by this CA</text>", 2),
        ("issuer not found</text>", 4),
        ("class=\"cut\"", 6),
        ("class=\"edge edge-key\"", 1),
        ("ended 3 d ago</text>", 4),
    ] {
        // Once for wide screens and once for narrow ones, except the key's arc; in the timeline as well.
        assert_eq!(page.matches(said).count(), times, "{said}");
    }
}

#[test]
fn two_hundred_certificates_are_shown_together() {
    let dir = scratch();
    let worker = |number| format!("    - name: worker{number:03}\n      addresses: [10.0.1.{number}]\n");
    let workers = (1..=60).map(worker).collect::<Vec<String>>().concat();
    let template = fs::read_to_string("templates/cluster.yaml").unwrap();
    let (before, after) = template.split_once("  workers:\n").unwrap();
    let rest = after.split_once("\n\n").map(|(_, rest)| rest).unwrap_or_default();
    let cluster = dir.path().join("cluster.yaml");
    write(&cluster, &format!("{before}  workers:\n{workers}\n{rest}"));
    let out = dir.path().join("out");
    run(&mut kpki(["--now", FORGED, "init", "-f", text(&cluster), "--dir", text(&out)])).ok();
    let seen = look("many", FORGED, &["--nodes", text(&out)]);
    assert_sound(&seen);
    assert!(count(&seen, "certificates") > 150, "{}", seen["certificates"]);
    // Those of a kind share a box and a line.
    assert!(count(&seen, "boxes") < 40, "{}", seen["boxes"]);
    assert!(count(&seen, "rows") < 40, "{}", seen["rows"]);
}

#[test]
fn what_hostile_files_say_stays_text() {
    let dir = scratch();
    let script = "%3C/script%3E%3Cscript%3Ewindow.evil=1%3C/script%3E";
    let nodes = dir.path().join("nodes");
    let node = nodes.join("n<img src=x onerror=window.evil=2>\"'");
    let pki = node.join("etc/kubernetes/pki");
    fs::create_dir_all(&pki).unwrap();
    let long = "a".repeat(3000);
    let ca = forge::ca(&format!("cn={script} o=%22%20onmouseover=%22window.evil=3 ou=%E2%80%AEtxt.exe"));
    put(&pki, "ca", &ca);
    put(
        &pki,
        "apiserver",
        &ca.leaf(&format!("cn={long} sans=dns:*.%3Cb%3E,dns:{} until=-3d", "x.".repeat(400))),
    );
    put(&pki, "<title><script>window.evil=4", &ca.leaf("cn='%7B%7B 7*7 %7D%7D' until=-1d"));
    put(
        &pki,
        "--><svg onload=window.evil=5>",
        &forge::ca("cn=%D7%90%D7%91%D7%92 o=%E6%BC%A2%E5%AD%97").leaf("cn=%0A%00"),
    );
    write(&pki.join("\"><script>window.evil=6.conf"), &kubeconfig(&ca));
    let seen = look("hostile", FORGED, &["--nodes", text(&nodes)]);
    assert_sound(&seen);
    let page = page(FORGED, &["--nodes", text(&nodes)]);
    assert_eq!(page.matches("<script").count(), 1);
    for bad in ["<img", "<b onclick", "*.<b>", "onload=window.evil=5>", "\u{202e}", "\0", " onmouseover=\""] {
        assert!(!page.contains(bad), "{bad:?}");
    }
    assert!(page.contains("{{ 7*7 }}"), "an expression in a name is a name");
}

fn kubeconfig(ca: &Forged) -> String {
    use base64::Engine as _;
    let data = |text: String| base64::prelude::BASE64_STANDARD.encode(text);
    let user = ca.leaf("cn=u eku=client until=-2d");
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: x\ncontexts:\n- name: x\n  context: {{cluster: x, user: \"<b onclick=1>\"}}\n\
         clusters:\n- name: x\n  cluster: {{server: \"https://a:1\", certificate-authority-data: {}}}\n\
         users:\n- name: \"<b onclick=1>\"\n  user: {{client-certificate-data: {}, client-key-data: {}}}\n",
        data(ca.pem()),
        data(user.pem()),
        data(user.key_pem())
    )
}

#[test]
fn a_tree_without_certificates_is_a_page() {
    let dir = scratch();
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: kube-scheduler}\nspec:\n  containers:\n  - command: [kube-scheduler]\n";
    write(&dir.path().join("kube-scheduler.yaml"), manifest);
    let seen = look("empty", FORGED, &[text(dir.path())]);
    assert_sound(&seen);
    assert_eq!((count(&seen, "boxes"), count(&seen, "rows"), count(&seen, "certificates")), (0, 0, 0));
}
