//! `kpki verify` from end to end: exit codes, text, JSON, the forms of its input, and `openssl verify` beside it.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod forge;
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::path::Path;

use forge::Forged;
use serde_json::Value;
use support::{Ran, command, kpki, run, scratch};

/// The forge's present.
const AT: &str = "2026-06-01T12:00:00Z";
/// The same in seconds since 1970, as openssl wants it.
const ATTIME: &str = "1780315200";

/// A root, a CA below it, a leaf of that, and a CA of the root's name with another key.
struct Pki {
    root: Forged,
    inter: Forged,
    leaf: Forged,
    impostor: Forged,
}

fn pki() -> Pki {
    let root = forge::ca("cn=Root");
    let inter = root.ca("cn=Sub pathlen=0");
    let leaf = inter
        .leaf("cn=api sans=dns:api.example.com,ip:192.0.2.1,email:a@example.com,uri:spiffe://c/a eku=server");
    Pki { impostor: forge::ca("cn=Root key=p256:other serial=77"), root, inter, leaf }
}

/// A scratch directory with these files.
fn files(all: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = scratch();
    for (name, text) in all {
        support::write(&dir.path().join(name), text);
    }
    dir
}

fn pki_files(pki: &Pki) -> tempfile::TempDir {
    files(&[
        ("root.pem", &pki.root.pem()),
        ("sub.pem", &pki.inter.pem()),
        ("leaf.pem", &pki.leaf.pem()),
        ("impostor.pem", &pki.impostor.pem()),
    ])
}

fn verify(dir: &Path, words: &str) -> Ran {
    let words = ["verify"].into_iter().chain(words.split_whitespace());
    run(kpki(words).current_dir(dir))
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}

#[test]
fn exit_codes_and_words() {
    let pki = pki();
    let dir = pki_files(&pki);
    support::write(&dir.path().join("nothing.txt"), "no certificate\n");
    support::write(
        &dir.path().join("broken.pem"),
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
    );
    for (words, code, expected) in [
        ("leaf.pem --ca root.pem --intermediates sub.pem", 0, "valid at 2026-06-01 12:00:00 UTC"),
        ("leaf.pem --ca root.pem --intermediates sub.pem --purpose server", 0, "valid as server"),
        ("leaf.pem --ca root.pem --intermediates sub.pem --purpose client", 1, "not for clientAuth"),
        (
            "leaf.pem --ca root.pem --intermediates sub.pem --name api.example.com",
            0,
            "for DNS:api.example.com",
        ),
        (
            "leaf.pem --ca root.pem --intermediates sub.pem --name dns:API.example.com --name 192.0.2.1",
            0,
            "valid",
        ),
        ("leaf.pem --ca root.pem --intermediates sub.pem --name ip:192.0.2.1", 0, "valid"),
        ("leaf.pem --ca root.pem --intermediates sub.pem --name email:a@example.com", 0, "valid"),
        ("leaf.pem --ca root.pem --intermediates sub.pem --name uri:spiffe://c/a", 0, "valid"),
        ("leaf.pem --ca root.pem --intermediates sub.pem --name 192.0.2.2", 1, "does not hold IP:192.0.2.2"),
        (
            "leaf.pem --ca root.pem --intermediates sub.pem --name api.example.com --name other",
            1,
            "does not hold DNS:other",
        ),
        ("leaf.pem --ca root.pem", 1, "its issuer CN=Sub is not among the certificates given"),
        (
            "leaf.pem --ca impostor.pem --intermediates sub.pem",
            1,
            "the issuer CN=Root is present, but with another key",
        ),
        ("leaf.pem --ca sub.pem", 0, "trust anchor  CN=Sub"),
        ("root.pem --ca root.pem", 0, "valid"),
        ("nothing.txt --ca root.pem", 2, "no certificate found"),
        ("absent.pem --ca root.pem", 2, "absent.pem"),
        ("leaf.pem --ca nothing.txt", 2, "nothing.txt"),
        ("broken.pem --ca root.pem", 1, "not a valid certificate"),
        (
            "leaf.pem --ca root.pem --intermediates broken.pem --intermediates sub.pem",
            0,
            "left out: broken.pem",
        ),
        ("leaf.pem --ca root.pem --crl leaf.pem", 2, "a revocation list is wanted here"),
        ("leaf.pem --ca root.pem --name ip:nonsense", 2, "it is no IP address"),
    ] {
        let ran = verify(dir.path(), &format!("{words} --at {AT}")).expect_code(code);
        assert!(ran.words().contains(expected), "{words}: {}", ran.words());
    }
}

#[test]
fn instants_have_fractions_and_both_ends_are_within() {
    let root = forge::ca("cn=Root from=2026-01-01T00:00:00Z until=2026-12-31T00:00:00Z");
    let leaf = root.leaf("cn=a from=2026-02-01T00:00:00Z until=2026-03-01T00:00:00Z");
    let dir = files(&[("root.pem", &root.pem()), ("leaf.pem", &leaf.pem())]);
    // Go counts fractions, RFC 5280 whole seconds.
    for (at, kubernetes, rfc5280) in [
        ("2026-02-01T00:00:00Z", 0, 0),
        ("2026-01-31T23:59:59.999Z", 1, 1),
        ("2026-03-01T00:00:00Z", 0, 0),
        ("2026-03-01T00:00:00.005Z", 1, 0),
        ("2026-03-01T01:00:00+01:00", 0, 0),
        ("2026-03-01T00:00:01Z", 1, 1),
    ] {
        verify(dir.path(), &format!("leaf.pem --ca root.pem --at {at}")).expect_code(kubernetes);
        verify(dir.path(), &format!("leaf.pem --ca root.pem --policy rfc5280 --at {at}"))
            .expect_code(rfc5280);
    }
}

#[test]
fn chains_bundles_der_and_directories() {
    let pki = pki();
    let other = pki.inter.leaf("cn=other sans=dns:o.example.com");
    let dir = pki_files(&pki);
    let path = |name: &str| dir.path().join(name);
    support::write(&path("chain.pem"), &format!("{}{}", pki.leaf.pem(), pki.inter.pem()));
    support::write(&path("leaves.pem"), &format!("{}{}", pki.leaf.pem(), other.pem()));
    support::write(&path("bundle.pem"), &format!("# CAs\n{}{}", pki.impostor.pem(), pki.root.pem()));
    std::fs::write(path("leaf.der"), pki.leaf.der()).unwrap();
    std::fs::write(path("root.der"), pki.root.der()).unwrap();
    // As a server sends it, a chain is one certificate; the leaf's own key and a leaf beside the CA are no trust anchors.
    let one = json(&verify(dir.path(), &format!("chain.pem --ca bundle.pem --at {AT} -o json")).ok());
    assert_eq!(one["results"].as_array().unwrap().len(), 1);
    assert_eq!(one["results"][0]["path"][1]["file"], "chain.pem");
    let first = format!("leaves.pem --ca root.der --intermediates sub.pem --at {AT} -o json");
    let first = json(&verify(dir.path(), &first).ok());
    assert_eq!(first["results"].as_array().unwrap().len(), 1);
    assert!(first["results"][0]["notes"][0].as_str().unwrap().contains("--select"));
    let all = format!("leaves.pem --ca root.der --intermediates sub.pem --select all --at {AT} -o json");
    let two = json(&verify(dir.path(), &all).ok());
    assert_eq!(two["results"].as_array().unwrap().len(), 2);
    assert!(two["results"][1]["line"].as_u64() > Some(1));
    verify(dir.path(), &format!("leaf.der --ca root.der --intermediates sub.pem --at {AT}")).ok();
    let cas = dir.path().join("pki");
    std::fs::create_dir_all(cas.join("etcd")).unwrap();
    support::write(&cas.join("ca.crt"), &pki.root.pem());
    support::write(&cas.join("server.crt"), &other.pem());
    support::write(&cas.join("ca.key"), &pki.root.key_pem());
    support::write(&cas.join("etcd/ca.crt"), &pki.impostor.pem());
    verify(dir.path(), &format!("chain.pem --ca pki --at {AT}")).ok();
    verify(dir.path(), &format!("impostor.pem --ca pki --at {AT}")).expect_code(1);
    verify(dir.path(), &format!("pki/server.crt --ca pki --at {AT}")).expect_code(1);
    verify(dir.path(), &format!("leaf.pem --ca pki/etcd/.. --intermediates sub.pem --at {AT}")).ok();
}

#[test]
fn json_says_the_same() {
    let pki = pki();
    let dir = pki_files(&pki);
    let words = format!("leaf.pem --ca root.pem --intermediates sub.pem --purpose server --at {AT} -o json");
    let document = json(&verify(dir.path(), &words).ok());
    assert_eq!(document["policy"], "kubernetes");
    assert_eq!(document["purpose"], "server");
    let result = &document["results"][0];
    assert_eq!(result["valid"], true);
    let roles: Vec<&str> =
        result["path"].as_array().unwrap().iter().filter_map(|link| link["role"].as_str()).collect();
    assert_eq!(roles, ["end entity", "intermediate", "trust anchor"]);
    assert_eq!(result["holdsUntilThrough"], "CN=api");
    assert_eq!(result["path"][0]["serial"], pki.leaf.serial_hex());

    let words = format!("leaf.pem --ca impostor.pem --intermediates sub.pem --at {AT} -o json");
    let document = json(&verify(dir.path(), &words).expect_code(1));
    let result = &document["results"][0];
    assert_eq!(result["valid"], false);
    assert_eq!(result["reason"]["code"], "signature");
    assert_eq!(result["reason"]["certificate"]["file"], "impostor.pem");
    assert!(result["reason"]["expected"].as_str() != result["reason"]["found"].as_str());
    let tried = &result["tried"];
    assert_eq!(tried["certificate"]["subject"], "CN=api");
    assert_eq!(tried["issuers"][0]["issuers"][0]["faults"][0]["code"], "signature");
}

#[test]
fn revocation_lists_bind_the_strict_policy_and_warn_the_other() {
    let root = forge::ca("cn=Root");
    let leaf = root.leaf("cn=gone sans=dns:gone.example.com");
    let good = root.leaf("cn=good sans=dns:good.example.com");
    let list = root.crl(&format!("revoked={} number=3", leaf.serial_hex()));
    let dir = files(&[
        ("root.pem", &root.pem()),
        ("leaf.pem", &leaf.pem()),
        ("good.pem", &good.pem()),
        ("list.pem", &list.pem()),
    ]);
    let common = format!("--ca root.pem --crl list.pem --at {AT}");
    let ran = verify(dir.path(), &format!("leaf.pem {common} --policy rfc5280")).expect_code(1);
    assert!(ran.stdout.contains("revoked on"), "{}", ran.stdout);
    verify(dir.path(), &format!("good.pem {common} --policy rfc5280")).ok();
    let ran = verify(dir.path(), &format!("leaf.pem {common}")).ok();
    assert!(ran.stdout.contains("warning") && ran.stdout.contains("revoked on"), "{}", ran.stdout);
    let openssl = |leaf: &str| {
        let words =
            ["verify", "-attime", ATTIME, "-crl_check", "-CRLfile", "list.pem", "-CAfile", "root.pem", leaf];
        run(command("openssl", words).current_dir(dir.path()))
    };
    openssl("leaf.pem").fails();
    openssl("good.pem").ok();
}

#[test]
fn a_hostile_name_cannot_move_the_terminal() {
    let root = forge::ca("cn=Root");
    let leaf = root.leaf("cn=a%1b%5b2J%0aKPKI sans=dns:x.example.com until=-1h");
    let dir = files(&[("root.pem", &root.pem()), ("leaf.pem", &leaf.pem())]);
    for form in ["text", "json"] {
        let ran = verify(dir.path(), &format!("leaf.pem --ca root.pem --name b --at {AT} -o {form}"))
            .expect_code(1);
        let shown = ran.words();
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
        assert!(!shown.lines().any(|line| line.starts_with("KPKI")), "{shown:?}");
    }
}

/// Where openssl and the strict reading must agree.
#[test]
fn openssl_agrees() {
    let root = forge::ca("cn=Root");
    let sub = root.ca("cn=Sub nc=permit:dns:example.com");
    let cases: [(Forged, &Forged); 7] = [
        (sub.leaf("cn=a sans=dns:a.example.com"), &sub),
        (sub.leaf("cn=a sans=dns:a.example.org"), &sub),
        (sub.leaf("cn=a sans=dns:a.example.com until=-1d"), &sub),
        (sub.leaf("cn=a sans=dns:a.example.com sig=broken"), &sub),
        (sub.leaf("cn=a sans=dns:a.example.com ext=1.2.3.4:critical:0500"), &sub),
        (root.leaf("cn=a sans=dns:a.example.com key=ed25519"), &root),
        (root.leaf("cn=a sans=dns:a.example.com eku=client"), &root),
    ];
    for (leaf, issuer) in cases {
        let dir = files(&[("root.pem", &root.pem()), ("sub.pem", &issuer.pem()), ("leaf.pem", &leaf.pem())]);
        let strict = ["verify", "-x509_strict", "-attime", ATTIME, "-purpose", "sslserver"];
        let files = ["-CAfile", "root.pem", "-untrusted", "sub.pem", "leaf.pem"];
        let theirs = run(command("openssl", strict.into_iter().chain(files)).current_dir(dir.path()));
        let words = format!(
            "leaf.pem --ca root.pem --intermediates sub.pem --purpose server --policy rfc5280 --at {AT}"
        );
        let ours = verify(dir.path(), &words);
        assert_eq!(ours.code == Some(0), theirs.code == Some(0), "{}\n{}", ours.words(), theirs.words());
    }
}
