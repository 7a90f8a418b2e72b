//! The ledger from end to end: what it notices, and many signers at once.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{kpki, run, scratch, text, write};

const SIGNERS: usize = 8;

fn at_noon(words: &[&str]) -> Command {
    let mut command = kpki(["--now", "2026-12-01T00:00:00Z"]);
    command.args(words);
    command
}

fn issue(pki: &Path, name: &str) -> Command {
    let out = pki.join(format!("{name}.crt"));
    at_noon(&["issue", "user", name, "--ca", text(pki), "--out", text(&out)])
}

/// A PKI whose Kubernetes CA has issued to three users.
fn with_three() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let directory = scratch();
    let pki = directory.path().join("pki");
    run(&mut at_noon(&["ca", "init", "kubernetes", "--dir", text(&pki)])).ok();
    for name in ["ada", "bob", "eve"] {
        run(&mut issue(&pki, name)).ok();
    }
    let ledger = pki.join("ca.ledger.jsonl");
    (directory, pki, ledger)
}

#[test]
fn every_kind_of_damage_is_found() {
    type Damage = fn(&mut Vec<String>);
    let cases: [(&str, Damage, &str); 6] = [
        ("altered", |lines| lines[1] = lines[1].replace("ada", "eva"), "line 3 does not follow"),
        ("removed", |lines| drop(lines.remove(2)), "does not follow"),
        ("swapped", |lines| lines.swap(1, 2), "does not follow"),
        ("doubled", |lines| lines.push(lines[3].clone()), "serial number"),
        ("cut", |lines| drop(lines.pop()), "eve.crt was issued by this CA and is not in its ledger"),
        ("garbage", |lines| lines[2] = "garbage \u{1b}[2J".into(), "line 3"),
    ];
    let (_directory, pki, ledger) = with_three();
    let whole = std::fs::read_to_string(&ledger).expect("the ledger");
    let verify = || run(&mut at_noon(&["ledger", "verify", "--ca", text(&pki)]));
    verify().ok();
    for (what, damage, expected) in cases {
        let mut lines: Vec<String> = whole.lines().map(str::to_owned).collect();
        damage(&mut lines);
        write(&ledger, &format!("{}\n", lines.join("\n")));
        let ran = verify().expect_code(1);
        assert!(ran.stdout.contains(expected), "{what}: {}", ran.stdout);
        assert!(!ran.words().contains('\u{1b}'), "{what}: an escape sequence came through");
    }
    write(&ledger, &whole);
    verify().ok();
}

#[test]
fn a_torn_last_line_is_mended_by_the_next_signing() {
    let (_directory, pki, ledger) = with_three();
    let whole = std::fs::read_to_string(&ledger).expect("the ledger");
    write(&ledger, &format!("{whole}{{\"line\":5,\"issu"));
    let torn = run(&mut at_noon(&["ledger", "verify", "--ca", text(&pki)])).expect_code(1);
    assert!(torn.stdout.contains("torn"), "{}", torn.stdout);
    run(&mut issue(&pki, "zoe")).ok();
    run(&mut at_noon(&["ledger", "verify", "--ca", text(&pki)])).ok();
    let mended = std::fs::read_to_string(&ledger).expect("the ledger");
    assert!(mended.starts_with(&whole) && mended.lines().count() == 5, "{mended}");
}

#[test]
fn signers_at_once_share_no_serial_and_lose_no_line() {
    let (_directory, pki, ledger) = with_three();
    let children: Vec<_> = (0..SIGNERS)
        .map(|number| {
            issue(&pki, &format!("user{number}")).stdout(Stdio::null()).spawn().expect("kpki starts")
        })
        .collect();
    for mut child in children {
        assert!(child.wait().expect("it ends").success());
    }
    run(&mut at_noon(&["ledger", "verify", "--ca", text(&pki)])).ok();
    let list = run(&mut at_noon(&["ledger", "list", "--ca", text(&pki), "-o", "json"])).ok().stdout;
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    let entries = list[0]["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 4 + SIGNERS);
    let of = |field: &str| -> BTreeSet<String> {
        entries.iter().map(|entry| entry[field].as_str().expect("a text").to_owned()).collect()
    };
    assert_eq!(of("serial").len(), 4 + SIGNERS, "a serial was given twice");
    assert_eq!(of("certificateSha256").len(), 4 + SIGNERS);
    assert!((0..SIGNERS).all(|number| of("subject").contains(&format!("CN=user{number}"))));
    assert_eq!(std::fs::read_to_string(&ledger).expect("the ledger").lines().count(), 4 + SIGNERS);
}
