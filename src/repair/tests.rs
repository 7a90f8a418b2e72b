#![expect(clippy::disallowed_methods, reason = "tests lay out what is mended")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use super::bundle::rewritten_text;
use super::*;
use crate::forge;

fn chain() -> (String, String, String) {
    let root = forge::ca("cn=Root");
    let inter = root.ca("cn=Inter");
    let leaf = inter.leaf("cn=leaf");
    (leaf.pem(), inter.pem(), leaf.key_pem())
}

#[test]
fn certificates_are_put_in_order_and_lines_cleaned() {
    let (leaf, inter, key) = chain();
    let good = format!("{leaf}{inter}");
    assert_eq!(rewritten_text(good.as_bytes()), Ok(None));
    let with = |text: &str| rewritten_text(text.as_bytes()).map(|found| found.map(|contents| contents.text));
    for text in [
        format!("{inter}{leaf}"),
        good.replace('\n', "\r\n"),
        format!("\u{feff}{good}"),
        good.trim_end().to_owned(),
        format!("{leaf}\n\n{inter}"),
        format!("{}\r\n{inter}", leaf.replace('\n', "\r\n")),
    ] {
        assert_eq!(with(&text), Ok(Some(good.clone())), "{text}");
    }
    for (text, reason) in [
        (format!("{key}{inter}{leaf}"), "a private key is in it, and none is ever rewritten"),
        (format!("Issuer: CN=a\n{inter}{leaf}"), "words stand between the blocks, which would be lost"),
        (
            leaf.replace("MII", "MIJ"),
            "something else than certificates is in it, or something that cannot be read",
        ),
        ("hello".to_owned(), "it is not PEM"),
    ] {
        assert_eq!(with(&text), Err(reason.to_owned()));
    }
    // Trust anchors have no order.
    let anchors = format!("{}{}", forge::ca("cn=B").pem(), forge::ca("cn=A").pem());
    assert_eq!(with(&anchors), Ok(None));
}

#[test]
fn a_change_keeps_a_backup_and_the_mode() {
    let dir = tempfile::tempdir().unwrap();
    let (leaf, inter, _) = chain();
    let file = dir.path().join("server.crt");
    fs::write(&file, format!("{inter}{leaf}")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let data = fs::metadata(&file).unwrap();
    let found = Attributes { mode: 0o666, uid: data.uid(), gid: data.gid(), ..Attributes::default() };
    let repair = Repair {
        root: dir.path().to_owned(),
        relative: "server.crt".into(),
        rules: vec!["F018"],
        found,
        mode: 0o644,
        owner: None,
        contents: rewritten_text(&fs::read(&file).unwrap()).unwrap(),
    };
    let backups = apply(&repair, "20260601T120000Z").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{leaf}{inter}"));
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o7777, 0o644);
    assert_eq!(backups, [dir.path().join("server.crt.20260601T120000Z.bak")]);
    assert_eq!(fs::read_to_string(&backups[0]).unwrap(), format!("{inter}{leaf}"));
    // It is not what it was any more.
    assert!(matches!(apply(&repair, "20260601T120001Z"), Err(DiskError::Changed { .. })));
}

/// A finding of a rule on a file.
fn finding(rule: &str, path: &str) -> Finding {
    let rule = crate::audit::RULES.iter().copied().find(|known| known.id == rule).unwrap();
    let location = crate::audit::Location { path: path.into(), ..crate::audit::Location::default() };
    Finding::new(rule, rule.severity, location, "")
}

#[test]
fn what_becomes_roots_does_not_run_as_root() {
    let entry = |mode, kind| Entry {
        path: "x".into(),
        kind,
        attributes: Attributes { mode, uid: 1000, gid: 1000, ..Attributes::default() },
    };
    let planned = |rules: &[&str], entry| {
        let findings: Vec<Finding> = rules.iter().map(|rule| finding(rule, "x")).collect();
        let mut plan = Plan::default();
        plan.add(Path::new("/tree"), entry, &findings.iter().collect::<Vec<_>>(), false);
        plan.repairs.iter().map(|repair| (repair.mode, repair.owner)).collect::<Vec<_>>()
    };
    let file = || EntryKind::File(Err(String::new()));
    assert_eq!(planned(&["F009"], entry(0o6755, file())), [(0o755, Some((0, 0)))]);
    assert_eq!(planned(&["F009", "F007"], entry(0o6755, file())), [(0o600, Some((0, 0)))]);
    // The set-id bit of a directory says whose group its files get.
    assert_eq!(planned(&["F009"], entry(0o2755, EntryKind::Directory(Ok(())))), [(0o2755, Some((0, 0)))]);
    assert_eq!(planned(&["F009"], entry(0o644, EntryKind::Link("/etc/shadow".into()))), []);
}

#[test]
fn of_a_whole_system_only_what_was_found_is_looked_at() {
    let dir = tempfile::tempdir().unwrap();
    for directory in ["usr/deep", "etc/kubernetes/pki"] {
        fs::create_dir_all(dir.path().join(directory)).unwrap();
    }
    let key = dir.path().join("etc/kubernetes/pki/ca.key");
    fs::write(&key, "").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    std::os::unix::fs::symlink("/etc/shadow", dir.path().join("etc/kubernetes/link.key")).unwrap();
    let report = |paths: &[&str]| {
        let policy = crate::audit::Policy::new(time::OffsetDateTime::UNIX_EPOCH);
        let mut report = crate::audit::audit(Vec::new(), &policy, &|| ()).unwrap();
        let located = |path: &&str| {
            let mut finding = finding("F007", &format!("{}/{path}", dir.path().display()));
            finding.location.base = finding.location.path.len() - path.len();
            finding
        };
        report.findings = paths.iter().map(located).collect();
        report
    };
    let roots = [Root { node: None, path: dir.path().to_owned(), prefix: None }];
    let wanted = ["etc/kubernetes/pki/ca.key", "etc/kubernetes/link.key", "../x", "usr/gone"];
    let plan = plan(&roots, &report(&wanted), false).unwrap();
    let mended: Vec<(&Path, u32)> =
        plan.repairs.iter().map(|repair| (repair.relative.as_path(), repair.mode)).collect();
    assert_eq!(mended, [(Path::new("etc/kubernetes/pki/ca.key"), 0o600)]);
    let left: Vec<&str> = plan.left_alone.iter().map(|left| left.path.as_str()).collect();
    let expected = ["../x", "etc/kubernetes/link.key", "usr/gone"];
    assert_eq!(left, expected.map(|path| format!("{}/{path}", dir.path().display())));
}
