//! `kpki ca` from end to end, with `openssl` as the judge of what it made.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::path::Path;

use support::{kpki, openssl, run, scratch, text, write};

fn at_noon(words: &[&str]) -> support::Ran {
    run(kpki(["--now", "2026-12-01T00:00:00Z"]).args(words))
}

/// What `openssl verify` says on the day of these tests.
fn verify(root: &Path, intermediate: &Path, leaf: &Path) -> support::Ran {
    let words = [
        "verify",
        "-attime",
        "1796083200",
        "-CAfile",
        text(root),
        "-untrusted",
        text(intermediate),
        text(leaf),
    ];
    run(&mut support::command("openssl", words))
}

#[test]
fn every_algorithm_makes_authorities_that_openssl_verifies() {
    for (algorithm, said) in
        [("RSA-2048", "2048 bit"), ("ECDSA-P256", "P-256"), ("ECDSA-P384", "P-384"), ("Ed25519", "ED25519")]
    {
        let directory = scratch();
        let pki = directory.path().join("pki");
        at_noon(&["ca", "init", "--dir", text(&pki), "--algorithm", algorithm]).ok();
        for ca in ["ca", "front-proxy-ca", "etcd/ca"] {
            let certificate = pki.join(format!("{ca}.crt"));
            let shown = openssl(["x509", "-in", text(&certificate), "-noout", "-text"]).stdout;
            assert!(shown.contains(said), "{algorithm} {ca}: {shown}");
            assert!(shown.contains("CA:TRUE"), "{algorithm} {ca}: {shown}");
            verify(&certificate, &certificate, &certificate).ok();
            let of_key = openssl(["pkey", "-in", text(&certificate.with_extension("key")), "-pubout"]).stdout;
            let of_certificate = openssl(["x509", "-in", text(&certificate), "-noout", "-pubkey"]).stdout;
            assert_eq!(of_key, of_certificate, "{algorithm} {ca}");
        }
        let again = at_noon(&["ca", "init", "--dir", text(&pki), "--algorithm", algorithm]).ok();
        assert!(again.stdout.contains("all 4 are there and right"), "{}", again.stdout);
    }
}

#[test]
fn limits_stand_in_the_certificate_and_hold_below_it() {
    let directory = scratch();
    let here = directory.path();
    let (pki, middle) = (here.join("pki"), here.join("middle/ca.crt"));
    let init = ["ca", "init", "kubernetes", "--dir", text(&pki), "--path-len", "1", "--validity", "5y"];
    let more = ["--name-constraint", "permit:dns:example.com", "--subject", "CN=root,O=Example"];
    at_noon(&[&init[..], &more].concat()).ok();
    let root = pki.join("ca.crt");
    let shown = openssl(["x509", "-in", text(&root), "-noout", "-text"]).stdout;
    for expected in
        ["pathlen:1", "DNS:example.com", "O = Example, CN = root", "Not After : Nov 30 00:00:00 2031"]
    {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }

    at_noon(&["ca", "intermediate", "middle", "--ca", text(&root), "--out", text(&middle)]).ok();
    verify(&root, &middle, &middle).ok();
    let deeper = at_noon(&[
        "ca",
        "intermediate",
        "deep",
        "--ca",
        text(&middle),
        "--out",
        text(&here.join("deep.crt")),
    ]);
    assert!(deeper.expect_code(1).stderr.contains("path length 0"));
    assert!(!here.join("deep.crt").exists() && !here.join("deep.key").exists());

    // The constraints of the root hold for the leaves of the one in the middle, which says so itself.
    let out = here.join("web.crt");
    let issue = |san: &str| {
        at_noon(&[
            "issue",
            "server",
            "web",
            "--san",
            san,
            "--ca",
            text(&middle),
            "--out",
            text(&out),
            "--chain",
        ])
    };
    let outside = issue("web.example.org").expect_code(1);
    assert!(outside.words().contains("outside the name constraints"), "{}", outside.words());
    issue("web.example.com").ok();
    verify(&root, &middle, &out).ok();
    let chain = std::fs::read_to_string(&out).expect("a chain");
    assert_eq!(
        chain.matches("BEGIN CERTIFICATE").count(),
        2,
        "the leaf and the CA above it, without the root"
    );

    let shown = at_noon(&["ca", "show", text(&middle), text(&pki), "-o", "json"]).ok().stdout;
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown[0]["pathLength"], 0);
    assert_eq!(shown[0]["issuer"], shown[1]["subject"]);
    assert_eq!(shown[1]["permitted"][0], "DNS:example.com");
    assert_eq!(shown[1]["privateKey"], "here");
    assert!(at_noon(&["ca", "show", text(&pki)]).ok().stdout.contains("pathlen 1"));
}

#[test]
fn an_encrypted_key_needs_its_passphrase_and_openssl_reads_it() {
    let directory = scratch();
    let here = directory.path();
    let (pki, right, wrong) = (here.join("pki"), here.join("right"), here.join("wrong"));
    write(&right, "correct horse\n");
    write(&wrong, "battery staple\n");
    at_noon(&["ca", "init", "--dir", text(&pki), "--encrypt", "--passphrase-file", text(&right)]).ok();
    let key = std::fs::read_to_string(pki.join("ca.key")).expect("a key");
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "not encrypted");
    openssl(["pkey", "-in", text(&pki.join("ca.key")), "-passin", "pass:correct horse", "-noout"]);

    let out = here.join("jane.crt");
    let issue = |more: &[&str]| {
        at_noon(&[&["issue", "user", "jane", "--ca", text(&pki), "--out", text(&out)], more].concat())
    };
    let without = issue(&[]).expect_code(2);
    assert!(without.stderr.contains("--passphrase-file"), "{}", without.stderr);
    let with_wrong = issue(&["--passphrase-file", text(&wrong)]).expect_code(2);
    assert!(with_wrong.stderr.contains("wrong passphrase"), "{}", with_wrong.stderr);
    let missing = issue(&["--passphrase-file", text(&here.join("nowhere"))]).expect_code(2);
    assert!(missing.stderr.contains("nowhere"), "{}", missing.stderr);
    assert!(!out.exists());
    let done = issue(&["--passphrase-file", text(&right)]).ok();
    for words in [without.words(), with_wrong.words(), done.words()] {
        assert!(!words.contains("horse") && !words.contains("staple") && !words.contains("PRIVATE KEY-----"));
    }
    openssl(["verify", "-attime", "1796083200", "-CAfile", text(&pki.join("ca.crt")), text(&out)]);
}

#[test]
fn the_keys_of_openssl_are_read_in_every_format() {
    for (name, generate, convert) in [
        ("PKCS#1", &["genrsa", "-traditional", "2048"][..], &["rsa", "-traditional"][..]),
        ("SEC 1", &["ecparam", "-genkey", "-noout", "-name", "prime256v1"], &["ec"]),
        ("PKCS#8", &["genpkey", "-algorithm", "ed25519"], &["pkey"]),
    ] {
        let directory = scratch();
        let here = directory.path();
        let (key, certificate) = (here.join("ca.key"), here.join("ca.crt"));
        write(&here.join("raw"), &openssl(generate).stdout);
        openssl(convert.iter().copied().chain(["-in", text(&here.join("raw")), "-out", text(&key)]));
        let usage = "keyUsage=critical,keyCertSign,cRLSign";
        let make =
            ["req", "-x509", "-key", text(&key), "-subj", "/CN=old", "-days", "3650", "-addext", usage];
        openssl(make.iter().copied().chain(["-out", text(&certificate)]));
        let out = here.join("jane.crt");
        // openssl's certificates begin at the machine's present, and so do these.
        let ran = run(&mut kpki(["issue", "user", "jane", "--ca", text(&certificate), "--out", text(&out)]));
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.words());
        openssl(["verify", "-CAfile", text(&certificate), text(&out)]);
    }
}
