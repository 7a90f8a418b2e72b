//! `kpki sign csr` from end to end: what a stranger's request becomes, and every reason why it does not.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use support::{command, kpki, openssl, python, run, scratch, text};

const NOW: [&str; 2] = ["--now", "2026-12-01T00:00:00Z"];

/// kpki at the fixed instant.
fn at_noon(words: &[&str]) -> support::Ran {
    run(kpki(NOW).args(words))
}

/// A scratch directory with a PKI in `pki`.
fn with_pki() -> (tempfile::TempDir, PathBuf) {
    let directory = scratch();
    let pki = directory.path().join("pki");
    at_noon(&["ca", "init", "--dir", text(&pki)]).ok();
    (directory, pki)
}

/// A request of `openssl`'s making, with its key.
fn request(directory: &Path, name: &str, key: &[&str], subject: &str, extensions: &[&str]) -> PathBuf {
    let (key_file, file) = (directory.join(format!("{name}.key")), directory.join(format!("{name}.csr")));
    let generate = ["genpkey", "-out", text(&key_file)];
    openssl(generate.iter().chain(key));
    let mut words = vec!["req", "-new", "-utf8", "-key", text(&key_file), "-subj", subject];
    words.extend(extensions.iter().flat_map(|extension| ["-addext", *extension]));
    words.extend(["-out", text(&file)]);
    openssl(words);
    file
}

const P256: [&str; 4] = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

/// kpki with these bytes on standard input.
fn with_input(words: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut child = kpki(NOW)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kpki starts");
    // It may refuse before it has read everything.
    let _ = child.stdin.take().expect("its stdin").write_all(input);
    let output = child.wait_with_output().expect("it ends");
    let words = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), words(output.stdout), words(output.stderr))
}

#[test]
fn pem_der_and_standard_input_give_one_certificate_each() {
    let (directory, pki) = with_pki();
    let here = directory.path();
    let csr = request(here, "jane", &P256, "/CN=jane/O=dev/O=ops", &[]);
    at_noon(&["sign", "csr", text(&csr), "--profile", "user", "--ca", text(&pki)]).ok();
    let crt = here.join("jane.crt");
    openssl(["verify", "-attime", "1796083200", "-CAfile", text(&pki.join("ca.crt")), text(&crt)]);
    let subject = openssl(["x509", "-in", text(&crt), "-noout", "-subject"]).stdout;
    assert_eq!(subject.trim(), "subject=O = dev, O = ops, CN = jane");

    let der = here.join("jane.der");
    openssl(["req", "-in", text(&csr), "-outform", "DER", "-out", text(&der)]);
    at_noon(&["sign", "csr", text(&der), "--profile", "user", "--ca", text(&pki)]).ok();
    assert!(here.join("jane.der.crt").is_file());

    let pem = std::fs::read_to_string(&csr).expect("the request");
    let inputs = [
        ("PEM", pem.clone().into_bytes()),
        ("CRLF", pem.replace('\n', "\r\n").into_bytes()),
        ("BOM", format!("\u{feff}{pem}").into_bytes()),
        ("DER", std::fs::read(&der).expect("the request")),
    ];
    for (what, input) in inputs {
        let words = ["sign", "csr", "-", "--profile", "user", "--ca", text(&pki)];
        let (code, stdout, stderr) = with_input(&words, &input);
        assert_eq!(code, Some(0), "{what}: {stderr}");
        assert!(stdout.starts_with("-----BEGIN CERTIFICATE-----\n"), "{what}: {stdout}");
        assert!(stdout.ends_with("-----END CERTIFICATE-----\n"), "{what}: {stdout}");
        assert_eq!(stdout.matches("-----BEGIN").count(), 1, "{what}: {stdout}");
        assert!(stderr.contains("admitted"), "{what}: {stderr}");
    }
}

#[test]
fn what_is_there_is_kept_unless_forced_and_then_backed_up() {
    let (directory, pki) = with_pki();
    let csr = request(directory.path(), "jane", &P256, "/CN=jane", &[]);
    let sign = ["sign", "csr", text(&csr), "--profile", "user", "--ca", text(&pki)];
    let ledger = || std::fs::read(pki.join("ca.ledger.jsonl")).expect("the ledger");
    let before = ledger();
    at_noon(&[&sign[..], &["--dry-run"]].concat()).ok();
    assert_eq!(ledger(), before, "a dry run records nothing");
    assert!(!directory.path().join("jane.crt").exists(), "a dry run writes nothing");
    at_noon(&sign).ok();
    let first = std::fs::read(directory.path().join("jane.crt")).expect("a certificate");
    let again = at_noon(&sign).expect_code(2);
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
    assert_eq!(std::fs::read(directory.path().join("jane.crt")).expect("a certificate"), first);
    at_noon(&[&sign[..], &["--force"]].concat()).ok();
    let backup = directory.path().join("jane.crt.20261201T000000Z.bak");
    assert_eq!(std::fs::read(backup).expect("a backup"), first);
    at_noon(&["ledger", "verify", "--ca", text(&pki)]).ok();
}

#[test]
fn every_refusal_is_said_with_its_code() {
    let (directory, pki) = with_pki();
    let here = directory.path();
    let user = |name: &str, subject: &str, extensions: &[&str]| {
        (request(here, name, &P256, subject, extensions), "user")
    };
    let server =
        |name: &str, extensions: &[&str]| (request(here, name, &P256, "/CN=web", extensions), "server");
    let node = "/O=system:nodes/CN=system:node:n1";
    let rsa: [&str; 4] = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"];
    let p521: [&str; 4] = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"];
    let koblitz: [&str; 4] = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"];
    let flipped = {
        let (csr, der) = (request(here, "flip0", &P256, "/CN=jane", &[]), here.join("flip.csr"));
        openssl(["req", "-in", text(&csr), "-outform", "DER", "-out", text(&der)]);
        let mut bytes = std::fs::read(&der).expect("a request");
        let at = bytes.len() - 3;
        bytes[at] ^= 1;
        std::fs::write(&der, bytes).expect("written");
        der
    };
    let own = here.join("own.csr");
    openssl(["req", "-new", "-key", text(&pki.join("ca.key")), "-subj", "/CN=x", "-out", text(&own)]);
    let ca_wishes = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"];
    let all = [&ca_wishes[..], &["subjectAltName=DNS:*.example.com"]].concat();
    let cases: Vec<((PathBuf, &str), &[&str])> = vec![
        ((flipped, "user"), &["no-proof-of-possession"]),
        ((request(here, "rsa", &rsa, "/CN=x", &[]), "user"), &["no-proof-of-possession", "weak-key"]),
        ((request(here, "p521", &p521, "/CN=x", &[]), "user"), &["weak-key"]),
        ((request(here, "k1", &koblitz, "/CN=x", &[]), "user"), &["no-proof-of-possession", "weak-key"]),
        (user("ca", "/CN=x", &ca_wishes), &["ca-requested", "cert-sign-requested"]),
        (user("empty", "/", &[]), &["empty-subject"]),
        (user("two", "/CN=jane/CN=joe", &[]), &["ambiguous-subject"]),
        (user("escape", "/CN=a\u{1b}[31mb", &[]), &["control-character"]),
        (user("masters", "/CN=x/O=system:masters", &[]), &["reserved-group"]),
        (user("admins", "/CN=x/O=kubeadm:cluster-admins", &[]), &["reserved-group"]),
        (user("system", "/CN=system:kube-scheduler", &[]), &["reserved-name"]),
        (user("san", "/CN=x", &["subjectAltName=IP:10.0.0.1"]), &["san-kind"]),
        (server("wild", &["subjectAltName=DNS:*.example.com"]), &["wildcard"]),
        (server("bare", &[]), &["server-without-san"]),
        (server("api", &["subjectAltName=DNS:kubernetes.default.svc"]), &["san-reserved"]),
        ((request(here, "node", &P256, node, &[]), "kubelet-serving"), &["server-without-san"]),
        ((request(here, "node2", &P256, node, &["subjectAltName=DNS:n1"]), "kubelet-client"), &["san-kind"]),
        (
            (
                request(here, "node3", &P256, node, &["extendedKeyUsage=serverAuth,clientAuth"]),
                "kubelet-client",
            ),
            &["usage-not-admitted"],
        ),
        ((own, "user"), &["issuers-own-key"]),
        (
            user("all", "/CN=a/CN=b/O=system:masters", &all),
            &["ambiguous-subject", "reserved-group", "san-kind", "ca-requested", "cert-sign-requested"],
        ),
    ];
    for ((csr, profile), expected) in cases {
        let ran =
            at_noon(&["sign", "csr", text(&csr), "--profile", profile, "--ca", text(&pki), "-o", "json"])
                .expect_code(1);
        let shown: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let refusals = shown[0]["refusals"].as_array().expect("refusals").clone();
        let mut codes: Vec<&str> = refusals.iter().map(|one| one["code"].as_str().expect("a code")).collect();
        let mut expected = expected.to_vec();
        codes.sort_unstable();
        expected.sort_unstable();
        assert_eq!(codes, expected, "{}: {}", csr.display(), ran.stdout);
        assert!(refusals.iter().all(|one| one["reason"].as_str().is_some_and(|reason| reason.len() > 10)));
        assert!(!csr.with_extension("crt").exists(), "{}: it was signed", csr.display());
        let plain =
            at_noon(&["sign", "csr", text(&csr), "--profile", profile, "--ca", text(&pki)]).expect_code(1);
        assert!(!plain.words().bytes().any(|byte| byte.is_ascii_control() && byte != b'\n'), "{plain:?}");
    }
    let ledger = at_noon(&["ledger", "list", "--ca", text(&pki.join("ca.crt")), "-o", "json"]).ok();
    let ledger: serde_json::Value = serde_json::from_str(&ledger.stdout).expect("JSON");
    assert_eq!(ledger[0]["entries"].as_array().map(Vec::len), Some(1), "only the CA itself is recorded");
}

#[test]
fn an_explicit_lifetime_past_the_issuers_is_refused_and_the_default_is_cut() {
    let directory = scratch();
    let pki = directory.path().join("pki");
    at_noon(&["ca", "init", "kubernetes", "--dir", text(&pki), "--validity", "240h"]).ok();
    let csr = request(directory.path(), "jane", &P256, "/CN=jane", &[]);
    let sign = ["sign", "csr", text(&csr), "--profile", "user", "--ca", text(&pki)];
    let refused = at_noon(&[&sign[..], &["--validity", "241h"]].concat()).expect_code(1);
    assert!(refused.words().contains("after the issuer"), "{}", refused.words());
    at_noon(&sign).ok();
    let end = |file: &Path| openssl(["x509", "-in", text(file), "-noout", "-enddate"]).stdout;
    assert_eq!(end(&directory.path().join("jane.crt")), end(&pki.join("ca.crt")));
}

#[test]
fn nothing_else_of_a_request_reaches_the_certificate() {
    let (directory, pki) = with_pki();
    let wishes = [
        "subjectAltName=DNS:web.example.com",
        "1.2.3.4.5=ASN1:UTF8String:marker-of-a-stranger",
        "nsComment=marker-of-a-stranger",
    ];
    let csr = request(directory.path(), "web", &P256, "/CN=web", &wishes);
    at_noon(&["sign", "csr", text(&csr), "--profile", "server", "--ca", text(&pki)]).ok();
    let script = "import sys
from cryptography import x509
c = x509.load_pem_x509_certificate(open(sys.argv[1], 'rb').read())
print(c.subject.rfc4514_string())
print(sorted(e.oid.dotted_string for e in c.extensions))
print(c.serial_number.bit_length() <= 128)
";
    let crt = directory.path().join("web.crt");
    let seen = run(&mut command(&python(), ["-c", script, text(&crt)])).ok().stdout;
    assert_eq!(
        seen,
        "CN=web\n['2.5.29.14', '2.5.29.15', '2.5.29.17', '2.5.29.19', '2.5.29.35', '2.5.29.37']\nTrue\n"
    );
    let der = std::fs::read_to_string(&crt).expect("a certificate");
    assert!(!openssl(["x509", "-in", text(&crt), "-noout", "-text"]).stdout.contains("marker"), "{der}");
}

#[test]
fn kubernetes_objects_are_held_to_their_signers_rules() {
    type Case<'a> = (&'a Path, &'a str, &'a str, &'a str, &'a str, &'a [&'a str]);

    let (directory, pki) = with_pki();
    let here = directory.path();
    let node = "/O=system:nodes/CN=system:node:n1";
    let serving = request(here, "serving", &P256, node, &["subjectAltName=DNS:n1,IP:10.0.0.9"]);
    let client = request(here, "client", &P256, node, &[]);
    let jane = request(here, "jane", &P256, "/CN=jane/O=dev", &[]);
    let cases: &[Case<'_>] = &[
        (&serving, "kubelet-serving", "kubelet-serving", "digital signature, server auth", "", &[]),
        (
            &serving,
            "kubelet-serving",
            "kubelet-serving",
            "digital signature, key encipherment, server auth",
            "",
            &[],
        ),
        (&serving, "kubelet-serving", "kubelet-serving", "server auth", "", &["usage-not-exact"]),
        (&serving, "kubelet-serving", "kubelet-serving", "digital signature", "", &["usage-not-exact"]),
        (
            &serving,
            "kubelet-serving",
            "kubelet-serving",
            "digital signature, server auth, client auth",
            "",
            &["usage-not-admitted"],
        ),
        (
            &client,
            "kube-apiserver-client-kubelet",
            "kubelet-client",
            "digital signature, client auth",
            "",
            &[],
        ),
        (
            &client,
            "kube-apiserver-client-kubelet",
            "kubelet-serving",
            "digital signature, client auth",
            "",
            &["signer-mismatch"],
        ),
        (&jane, "kube-apiserver-client", "user", "client auth", "  expirationSeconds: 3600\n", &[]),
        (&jane, "kube-apiserver-client", "user", "digital signature", "", &["usage-not-exact"]),
        (&jane, "kubelet-serving", "user", "client auth", "", &["signer-mismatch"]),
    ];
    for (csr, signer, profile, usages, more, expected) in cases {
        let packed = run(command("base64", ["-w0"]).arg(csr)).ok().stdout;
        let object = format!(
            "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata:\n  name: x\nspec:\n  \
             signerName: kubernetes.io/{signer}\n  request: {packed}\n  usages: [{usages}]\n{more}"
        );
        let words = ["sign", "csr", "-", "--profile", profile, "--ca", text(&pki), "-o", "json"];
        let (code, stdout, stderr) = with_input(&words, object.as_bytes());
        assert_eq!(code, Some(i32::from(!expected.is_empty())), "{object}{stdout}{stderr}");
        for code in *expected {
            assert!(stdout.contains(&format!("\"code\": \"{code}\"")), "{object}{stdout}");
        }
        if !more.is_empty() {
            assert!(stdout.contains("\"notAfter\": \"2026-12-01T01:00:00Z\""), "{stdout}");
        }
    }
}

#[test]
fn one_refused_request_leaves_the_others_unsigned() {
    let (directory, pki) = with_pki();
    let csrs = directory.path().join("csrs");
    std::fs::create_dir(&csrs).expect("made");
    request(&csrs, "good", &P256, "/CN=good", &[]);
    let bad = request(&csrs, "bad", &P256, "/CN=bad/O=system:masters", &[]);
    let sign = ["sign", "csr", text(&csrs), "--profile", "user", "--ca", text(&pki)];
    let refused = at_noon(&sign).expect_code(1);
    assert!(refused.words().contains("nothing was signed"), "{}", refused.words());
    assert!(support::files_under(&csrs, &["crt"]).is_empty());
    std::fs::remove_file(bad).expect("removed");
    request(&csrs, "other", &P256, "/CN=other", &[]);
    at_noon(&sign).ok();
    assert_eq!(support::files_under(&csrs, &["crt"]), [csrs.join("good.crt"), csrs.join("other.crt")]);
}

/// openssl's salt of RSASSA-PSS is the longest that there is room for, unless it is told otherwise.
#[test]
fn requests_signed_with_pss_are_proved_by_their_own_parameters() {
    let (directory, pki) = with_pki();
    let ca = pki.join("ca.crt");
    for (name, options) in [
        ("longest", &["rsa_padding_mode:pss"][..]),
        ("digest", &["rsa_padding_mode:pss", "rsa_pss_saltlen:digest"]),
        ("none", &["rsa_padding_mode:pss", "rsa_pss_saltlen:0"]),
        ("sha512", &["rsa_padding_mode:pss", "digest:sha512"]),
    ] {
        let file = directory.path().join(format!("{name}.csr"));
        let mut words = vec!["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null"];
        words.extend(["-subj", "/CN=web", "-addext", "subjectAltName=DNS:web.example.com"]);
        let (digest, options): (Vec<&str>, Vec<&str>) =
            options.iter().partition(|option| option.starts_with("digest:"));
        words.push(if digest.is_empty() { "-sha256" } else { "-sha512" });
        words.extend(options.iter().flat_map(|option| ["-sigopt", *option]));
        words.extend(["-out", text(&file)]);
        openssl(words);
        let ran =
            at_noon(&["sign", "csr", text(&file), "--ca", text(&ca), "--profile", "server", "--dry-run"]);
        assert_eq!(ran.code, Some(0), "{name}: {}", ran.words());
        // With a bit of it wrong nothing is proved.
        let pem = std::fs::read_to_string(&file).expect("a request");
        let at = pem.rfind("\n-----END").expect("its end") - 20;
        let mut broken = pem.into_bytes();
        broken[at] = if broken[at] == b'A' { b'B' } else { b'A' };
        std::fs::write(&file, broken).expect("a request");
        let ran =
            at_noon(&["sign", "csr", text(&file), "--ca", text(&ca), "--profile", "server", "--dry-run"]);
        assert!(ran.words().contains("does not verify with its own public key"), "{name}: {}", ran.words());
    }
}

#[test]
fn hostile_input_is_an_error_and_never_a_panic() {
    let (directory, pki) = with_pki();
    let here = directory.path();
    let csr = request(here, "jane", &P256, "/CN=jane", &[]);
    let der = here.join("jane.der");
    openssl(["req", "-in", text(&csr), "-outform", "DER", "-out", text(&der)]);
    let der = std::fs::read(der).expect("a request");
    let pem = std::fs::read(&csr).expect("a request");
    let mut inputs: Vec<Vec<u8>> = vec![
        Vec::new(),
        vec![0; 100_000],
        vec![0x30; 100_000],
        pem[..pem.len() / 2].to_vec(),
        std::fs::read(pki.join("ca.crt")).expect("a certificate"),
        std::fs::read(here.join("jane.key")).expect("a key"),
        b"kind: CertificateSigningRequest\nspec: ".to_vec(),
        [b"kind: CertificateSigningRequest\nspec: ".to_vec(), vec![b'['; 50_000]].concat(),
        [der.clone(), vec![0]].concat(),
        [pem.clone(), pem].concat(),
    ];
    inputs.extend((1..der.len()).step_by(29).map(|length| der[..length].to_vec()));
    let words = ["sign", "csr", "-", "--profile", "user", "--ca", text(&pki)];
    for input in inputs {
        let (code, stdout, stderr) = with_input(&words, &input);
        assert_eq!(code, Some(2), "{} bytes: {stdout}{stderr}", input.len());
        assert!(stderr.starts_with("error: standard input") && stdout.is_empty(), "{stdout}{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        assert!(!stderr.contains("PRIVATE KEY-----"), "{stderr}");
    }
    for missing in [here.join("nothing.csr"), here.join("empty")] {
        let _ = std::fs::create_dir(here.join("empty"));
        at_noon(&["sign", "csr", text(&missing), "--profile", "user", "--ca", text(&pki)]).expect_code(2);
    }
}
