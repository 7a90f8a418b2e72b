//! `kpki inspect` from end to end, beside `openssl`, `kubectl` and Python's `cryptography`.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod forge;
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use support::{command, kpki, openssl, python, run, scratch, text, tool, write};

/// A day within the life of what is forged, and of the trees in tests/fixtures.
const NOW: [&str; 2] = ["--now", "2026-11-25T00:00:00Z"];

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// `kpki inspect` with these words.
fn inspect(words: &[&str]) -> support::Ran {
    run(kpki(NOW).arg("inspect").args(words))
}

/// What it says of these files as JSON.
#[track_caller]
fn json(code: i32, files: &[&str]) -> Value {
    let ran = inspect(&[&["-o", "json"], files].concat()).expect_code(code);
    serde_json::from_str(&ran.stdout).expect("JSON")
}

/// The first item of the first file.
fn first(report: &Value) -> &Value {
    &report[0]["items"][0]
}

/// With these bytes on standard input.
fn with_input(words: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let mut child = kpki(NOW)
        .arg("inspect")
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

fn put(directory: &Path, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = directory.join(name);
    std::fs::write(&path, bytes).expect("a file");
    text(&path).to_owned()
}

/// The words of certificates that every reader takes, of every kind of key and with every extension.
const SOUND: [&str; 14] = [
    "cn=a",
    "cn=a key=p384",
    "cn=a key=p521",
    "cn=a key=ed25519",
    "cn=a key=rsa2048",
    "cn=a key=rsa3072 sig=sha384",
    "cn=jane o=dev o=ops c=DE st=Hessen l=Mainz ou=unit dc=example dc=com",
    "cn=a sans=dns:a.example.com,dns:*.b.example.com,ip:192.0.2.1,ip:2001:db8::1,email:a@example.com,uri:spiffe://a/b,dir:cn=x",
    "cn=a ku=digitalSignature,keyEncipherment eku=server,client,code,email,time,ocsp,any,1.2.3.4 ku-critical=no",
    "cn=a ca=true pathlen=3 ku=keyCertSign,cRLSign nc=permit:dns:example.com,exclude:ip:10.0.0.0/8,permit:email:example.com",
    "cn=a policies=1.2.3,any explicit=1 inhibit-mapping=2 inhibit-any=3 mappings=1.2.3:1.2.4 ca=true ku=keyCertSign",
    "cn=a crldp=uri:http://example.com/a.crl aia=http://example.com/ca.crt,ocsp:http://example.com/ocsp",
    "cn=a ext=1.2.3.4.5:plain:0500 until=generalized:20991231235959Z",
    "subject=empty sans=dns:a.example.com san-critical=yes serial=00ff00ff00ff00ff00ff00ff00ff00ff",
];

#[test]
fn certificates_are_what_openssl_and_cryptography_read() {
    let directory = scratch();
    let root = forge::ca("cn=Root");
    let forged: Vec<(String, forge::Forged)> = SOUND
        .iter()
        .enumerate()
        .map(|(number, words)| {
            let certificate = root.leaf(words);
            (put(directory.path(), &format!("{number}.der"), certificate.der()), certificate)
        })
        .collect();
    let files: Vec<&str> = forged.iter().map(|(file, _)| file.as_str()).collect();
    let script = tool("describe_certificates.py");
    let described = run(command(&python(), [text(&script)]).args(&files)).ok().stdout;
    let described: Vec<Value> = serde_json::from_str(&described).expect("JSON");
    let report = json(0, &files);
    for (number, words) in SOUND.iter().enumerate() {
        let own = &report[number]["items"][0];
        assert_eq!(own["oddities"].as_array().map(Vec::len), Some(0), "{words}: {own}");
        let own = &own["certificate"];
        let other = &described[number];
        assert!(other.is_object(), "{words}: cryptography reads it");
        for field in ["notBefore", "notAfter", "fingerprintSha256"] {
            assert_eq!(own[field], other[field], "{words}: {field}");
        }
        assert_eq!(own["key"]["publicKeySha256"], other["publicKeySha256"], "{words}");
        let serial = own["serial"].as_str().expect("a serial number").trim_start_matches('0');
        assert_eq!(serial, other["serial"].as_str().expect("a serial number"), "{words}");
        for name in ["subject", "issuer"] {
            let pairs: Vec<Value> = own[format!("{name}Attributes")]
                .as_array()
                .expect("attributes")
                .iter()
                .map(|one| serde_json::json!([one["oid"], one["value"]]))
                .collect();
            assert_eq!(Value::from(pairs), other[name], "{words}: {name}");
        }
        let extensions: Vec<Value> = own["extensions"]
            .as_array()
            .expect("extensions")
            .iter()
            .map(|one| serde_json::json!({"oid": one["oid"], "critical": one["critical"], "value": one["value"]}))
            .collect();
        assert_eq!(Value::from(extensions), other["extensions"], "{words}");
        by_openssl(words, files[number], own);
    }
}

/// The same fields as `openssl x509` prints them.
fn by_openssl(words: &str, file: &str, own: &Value) {
    let said = openssl([
        "x509",
        "-in",
        file,
        "-inform",
        "DER",
        "-noout",
        "-subject",
        "-issuer",
        "-serial",
        "-fingerprint",
        "-sha256",
        "-nameopt",
        "sep_comma_plus_space,sname,esc_2253,utf8",
    ])
    .stdout;
    let field = |name: &str| {
        let line = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("{words}: no {name} in {said}")).to_owned()
    };
    let or_empty = |name: String| if name.is_empty() { "(empty)".to_owned() } else { name };
    assert_eq!(own["subject"], or_empty(field("subject")), "{words}");
    assert_eq!(own["issuer"], field("issuer"), "{words}");
    assert_eq!(own["serial"].as_str().map(str::to_uppercase), Some(field("serial")), "{words}");
    let fingerprint = field("sha256 Fingerprint").replace(':', "").to_lowercase();
    assert_eq!(own["fingerprintSha256"], fingerprint, "{words}");

    let key = openssl(["x509", "-in", file, "-inform", "DER", "-noout", "-pubkey"]).stdout;
    let path = format!("{file}.pub");
    write(Path::new(&path), &key);
    let digest = |form: &str| {
        let der = format!("{file}.spki");
        openssl(["pkey", "-pubin", "-in", &path, "-outform", "DER", "-out", &der]);
        openssl(["dgst", "-sha256", form, &der]).stdout
    };
    let hash = digest("-r");
    assert_eq!(own["key"]["publicKeySha256"], hash.split(' ').next().unwrap_or_default(), "{words}");
    // What curl and kubeadm are told to pin.
    let pin =
        run(&mut command("bash", ["-c", &format!("openssl dgst -sha256 -binary {file}.spki | base64")])).ok();
    assert_eq!(own["key"]["publicKeyPin"], pin.stdout.trim(), "{words}");
    let again = inspect(&["-o", "pem", &path]).ok().stdout;
    assert_eq!(again, key, "{words}");
    let pem = openssl(["x509", "-in", file, "-inform", "DER"]).stdout;
    assert_eq!(inspect(&["-o", "pem", file]).ok().stdout, pem, "{words}");
}

#[test]
fn usages_names_and_places_are_told_in_words() {
    let directory = scratch();
    let root = forge::ca("cn=Root");
    let (names, usages, ca, policies, places) = (SOUND[7], SOUND[8], SOUND[9], SOUND[10], SOUND[11]);
    let cases: [(&str, &str, Value); 12] = [
        (
            names,
            "names",
            serde_json::json!([
                "DNS:a.example.com",
                "DNS:*.b.example.com",
                "IP:192.0.2.1",
                "IP:2001:db8::1",
                "email:a@example.com",
                "URI:spiffe://a/b",
                "directoryName:CN=x"
            ]),
        ),
        (usages, "keyUsage", serde_json::json!(["digitalSignature", "keyEncipherment"])),
        (
            usages,
            "extendedKeyUsage",
            serde_json::json!([
                "serverAuth",
                "clientAuth",
                "codeSigning",
                "emailProtection",
                "timeStamping",
                "OCSPSigning",
                "anyExtendedKeyUsage",
                "1.2.3.4"
            ]),
        ),
        (ca, "ca", true.into()),
        (ca, "pathLength", 3.into()),
        (
            ca,
            "nameConstraints",
            serde_json::json!({"permitted": ["DNS:example.com", "email:example.com"], "excluded": ["IP:10.0.0.0/8"]}),
        ),
        (policies, "policies", serde_json::json!([{"oid": "1.2.3"}, {"oid": "2.5.29.32.0"}])),
        (
            policies,
            "policyRules",
            serde_json::json!([
                "requireExplicitPolicy 1",
                "inhibitPolicyMapping 2",
                "inhibitAnyPolicy 3",
                "1.2.3 is 1.2.4 below it"
            ]),
        ),
        (places, "crlDistributionPoints", serde_json::json!(["URI:http://example.com/a.crl"])),
        (
            places,
            "authorityInformation",
            serde_json::json!([
                {"method": "caIssuers", "location": "URI:http://example.com/ca.crt"},
                {"method": "OCSP", "location": "URI:http://example.com/ocsp"}
            ]),
        ),
        ("cn=a", "state", "notYetValid".into()),
        ("cn=a until=+1d", "state", "expired".into()),
    ];
    for (words, field, expected) in cases {
        let life = if field == "state" && expected == "notYetValid" {
            " from=2027-01-01T00:00:00Z until=never"
        } else {
            ""
        };
        let file = put(directory.path(), "a.der", root.leaf(&format!("{words}{life}")).der());
        let report = json(0, &[&file]);
        assert_eq!(first(&report)["certificate"][field], expected, "{words}: {field}");
    }
}

/// What cannot be hidden: words of a certificate, and the start of an oddity that is told of it.
const ODD: [(&str, &str); 20] = [
    ("serial=zero", "the serial number is zero (RFC 5280 section 4.1.2.2)"),
    ("serial=negative", "the serial number is negative (RFC 5280 section 4.1.2.2)"),
    ("serial=long", "the serial number has 21 octets"),
    ("version=1 extensions=keep", "it is of version 1 and has extensions"),
    ("cn=x cn-as=t61", "CN in the subject is a TeletexString (T61)"),
    ("cn=x cn-as=bmp", "CN in the subject is a BMPString (UTF-16)"),
    ("cn=x cn-as=universal", "CN in the subject is a UniversalString (UTF-32)"),
    ("issuer=empty", "the issuer is empty (RFC 5280 section 4.1.2.4)"),
    (
        "subject=empty",
        "the subject is empty and no alternative name stands for it (RFC 5280 section 4.1.2.6)",
    ),
    ("dup=2.5.29.15", "the keyUsage stands there more than once (RFC 5280 section 4.2)"),
    ("ski-critical=yes", "the subjectKeyIdentifier is critical, and must not be (RFC 5280 section 4.2.1.2)"),
    (
        "aki-critical=yes",
        "the authorityKeyIdentifier is critical, and must not be (RFC 5280 section 4.2.1.1)",
    ),
    ("ca=false-encoded", "`cA` is FALSE written out"),
    ("times=generalized", "notBefore is a GeneralizedTime before the year 2050"),
    (
        "until=generalized:20991231235959.5Z",
        "notAfter is `20991231235959.5Z`, and a GeneralizedTime is YYYYMMDDHHMMSSZ",
    ),
    ("key=rsa2048 sig=sha256", ""),
    ("sig=outer-mismatch", "the signature algorithm beside the signature is not the one that was signed"),
    ("trailing=00", "1 bytes follow it"),
    ("unique-ids=both", "it has a unique identifier"),
    ("sig=null", "an ECDSA signature algorithm has parameters (RFC 5758 section 3.2)"),
];

#[test]
fn odd_certificates_are_read_and_their_oddities_told() {
    let directory = scratch();
    let root = forge::ca("cn=Root");
    for (words, told) in ODD {
        let file = put(directory.path(), "odd.der", root.leaf(words).der());
        let ran = inspect(&["-o", "json", &file]);
        let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let item = first(&report);
        let oddities: Vec<String> = item["oddities"]
            .as_array()
            .expect("oddities")
            .iter()
            .map(|one| {
                format!(
                    "{} ({})",
                    one["what"].as_str().unwrap_or_default(),
                    one["source"].as_str().unwrap_or_default()
                )
            })
            .collect();
        let hit = oddities.iter().any(|odd| odd.starts_with(told));
        assert!(hit || (told.is_empty() && oddities.is_empty()), "{words}: {oddities:?}");
        // Whoever else reads it reads the same.
        if item["kind"] == "certificate" && !words.contains("trailing") {
            let said = run(&mut command(
                "openssl",
                ["x509", "-inform", "DER", "-in", &file, "-noout", "-fingerprint", "-sha256"],
            ));
            if said.code == Some(0) {
                let fingerprint =
                    said.stdout.trim().rsplit('=').next().unwrap_or_default().replace(':', "").to_lowercase();
                assert_eq!(item["certificate"]["fingerprintSha256"], fingerprint, "{words}");
            }
        }
        assert_eq!(ran.code, Some(i32::from(item["kind"] == "broken")), "{words}");
    }
    // The NULL of an RSA algorithm.
    let issuer = forge::ca("cn=RSA key=rsa2048");
    let file = put(directory.path(), "null.der", issuer.leaf("cn=a sig=no-null").der());
    let words = inspect(&[&file]).ok().stdout;
    assert!(
        words.contains("the NULL of an RSA signature algorithm is missing (RFC 4055 section 5)"),
        "{words}"
    );
}

#[test]
fn keys_are_told_by_their_public_part_alone() {
    let directory = scratch();
    let here = directory.path();
    let kinds: [(&[&str], &str); 8] = [
        (&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "RSA-2048"),
        (&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "RSA-1024"),
        (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "ECDSA-P256"),
        (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "ECDSA-P384"),
        (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "ECDSA-P521"),
        (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "ECDSA on secp256k1"),
        (&["-algorithm", "ED25519"], "Ed25519"),
        (&["-algorithm", "ED448"], "Ed448"),
    ];
    for (options, algorithm) in kinds {
        let key = text(&here.join("key")).to_owned();
        openssl(["genpkey", "-out", &key].iter().chain(options));
        let (der, public) = (format!("{key}.der"), format!("{key}.pub"));
        openssl(["pkcs8", "-topk8", "-nocrypt", "-in", &key, "-outform", "DER", "-out", &der]);
        openssl(["pkey", "-in", &key, "-pubout", "-outform", "DER", "-out", &public]);
        let hash = openssl(["dgst", "-sha256", "-r", &public]).stdout;
        let hash = hash.split(' ').next().unwrap_or_default();
        for (file, form) in forms(&key, &der, algorithm) {
            let item = first(&json(0, &[&file])).clone();
            assert_eq!(item["kind"], "privateKey", "{file}");
            let facts = &item["privateKey"];
            assert_eq!(facts["form"], form, "{algorithm} {file}");
            let encrypted = file.contains("encrypted");
            assert_eq!(facts["encrypted"], encrypted, "{algorithm} {file}");
            if !encrypted {
                assert_eq!(facts["algorithm"], algorithm, "{file}");
                let expected = if algorithm == "Ed448" { Value::Null } else { hash.into() };
                assert_eq!(facts["publicKeySha256"], expected, "{algorithm} {file}");
            }
            nothing_secret(&file, &std::fs::read(&der).expect("a key"));
        }
        let item = first(&json(0, &[&public])).clone();
        assert_eq!(
            (&item["kind"], &item["publicKey"]["publicKeySha256"]),
            (&"publicKey".into(), &hash.into())
        );
        assert_eq!(item["publicKey"]["algorithm"], algorithm);
    }
}

/// A key in every form that openssl writes.
fn forms(key: &str, der: &str, algorithm: &str) -> Vec<(String, &'static str)> {
    let mut files = vec![(key.to_owned(), "PKCS#8"), (der.to_owned(), "PKCS#8")];
    let traditional = match &algorithm[..2] {
        "RS" => Some("PKCS#1"),
        "EC" => Some("SEC 1"),
        _ => None,
    };
    if let Some(form) = traditional {
        let (own, legacy) = (format!("{key}.traditional"), format!("{key}.legacy-encrypted"));
        openssl(["pkey", "-in", key, "-traditional", "-out", &own]);
        openssl(["pkey", "-in", key, "-traditional", "-aes128", "-passout", "pass:x", "-out", &legacy]);
        files.extend([(own, form), (legacy, form)]);
    }
    for (name, options) in [("v2", ["-v2", "aes-256-cbc"]), ("v1", ["-v1", "PBE-SHA1-3DES"])] {
        let file = format!("{key}.{name}-encrypted");
        openssl(["pkcs8", "-topk8", "-in", key, "-passout", "pass:x", "-out", &file].iter().chain(&options));
        files.push((file, "encrypted PKCS#8"));
    }
    files
}

/// No form of output shows a part of the file, or of the key in it.
#[track_caller]
fn nothing_secret(file: &str, der: &[u8]) {
    let held = std::fs::read_to_string(file).unwrap_or_default();
    let base64 = run(&mut command("bash", ["-c", &format!("base64 -w0 {file}")])).ok().stdout;
    let hex = kpki::x509::hex(der);
    for words in [&[file][..], &["-s", file], &["-o", "json", file], &["-o", "pem", file]] {
        let said = inspect(words).words();
        let body = held.lines().filter(|line| line.len() > 60 && !line.contains(['-', ':']));
        for secret in body.chain([&base64[40..], &hex[60..]]) {
            assert!(!said.contains(secret), "{words:?}: {said}");
        }
        assert!(!said.contains("PRIVATE KEY-----"), "{words:?}: {said}");
    }
}

#[test]
fn pem_is_normalised_and_private_keys_are_held_back() {
    let directory = scratch();
    let here = directory.path();
    let pki = fixtures().join("kubeadm-rsa/pki");
    let read = |name: &str| std::fs::read_to_string(pki.join(name)).expect(name);
    let (certificate, ca, key) = (read("apiserver.crt"), read("ca.crt"), read("apiserver.key"));
    // Text around, CRLF, a mark, blanks, a long line, an old label: what comes out is clean.
    let noise = openssl(["x509", "-in", text(&pki.join("apiserver.crt")), "-text"]).stdout;
    let old = ca.replace("CERTIFICATE", "X509 CERTIFICATE").replace('\n', "\r\n");
    let file = put(here, "noise.pem", format!("\u{feff}{noise}\r\n  {old}{key}"));
    let ran = inspect(&["-o", "pem", &file]).expect_code(1);
    assert_eq!(ran.stdout, format!("{certificate}{ca}"));
    assert!(ran.stderr.contains("refused:") && ran.stderr.contains("--private-keys"), "{}", ran.stderr);
    let ran = inspect(&["-o", "pem", "--private-keys", &file]).ok();
    assert_eq!(ran.stdout, format!("{certificate}{ca}{key}"));
    inspect(&["--private-keys", &file]).expect_code(2);
    inspect(&["-s", "-o", "json", &file]).expect_code(2);

    // A key under a wrong label comes out under the right one.
    let wrong = put(here, "wrong.pem", key.replace("RSA PRIVATE KEY", "CERTIFICATE"));
    let ran = inspect(&["-o", "pem", "--private-keys", &wrong]).expect_code(1);
    assert_eq!(ran.stdout, key);
    let words = inspect(&[&wrong]).expect_code(1).stdout;
    assert!(words.contains("labelled `CERTIFICATE` and holds a private key in PKCS#1"), "{words}");

    // What openssl adds to a certificate is not its own; and its RSA keys become keys for everybody.
    let trusted = text(&here.join("trusted.pem")).to_owned();
    let options = ["-trustout", "-addtrust", "serverAuth", "-addreject", "clientAuth", "-setalias", "mine"];
    openssl(["x509", "-in", text(&pki.join("ca.crt")), "-out", &trusted].iter().chain(&options));
    assert_eq!(inspect(&["-o", "pem", &trusted]).ok().stdout, ca);
    let report = json(0, &[&trusted]);
    assert_eq!(
        first(&report)["certificate"]["trust"],
        serde_json::json!({"trusted": ["1.3.6.1.5.5.7.3.1"], "rejected": ["1.3.6.1.5.5.7.3.2"], "alias": "mine"})
    );
    let own = text(&here.join("rsa.pub")).to_owned();
    openssl(["rsa", "-in", text(&pki.join("sa.key")), "-RSAPublicKey_out", "-out", &own]);
    assert_eq!(inspect(&["-o", "pem", &own]).ok().stdout, read("sa.pub"));
}

#[test]
fn requests_come_with_the_verdict_on_their_proof() {
    let directory = scratch();
    let here = directory.path();
    let (key, csr) = (text(&here.join("jane.key")).to_owned(), text(&here.join("jane.csr")).to_owned());
    for (options, digest, fault) in [
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "-sha512", None),
        (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "-sha256", None),
        (
            ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
            "-sha1",
            Some("SHA-1 with RSA proves nothing any more"),
        ),
        (
            ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            "flipped",
            Some("the signature does not verify with the issuer's key"),
        ),
    ] {
        openssl(["genpkey", "-out", &key].iter().chain(&options));
        let subject = ["-subj", "/CN=jane/O=dev", "-addext", "subjectAltName=DNS:a.example,IP:192.0.2.7"];
        let usage = ["-addext", "keyUsage=digitalSignature", "-addext", "extendedKeyUsage=clientAuth"];
        let sha = if digest == "flipped" { "-sha256" } else { digest };
        let new = ["req", "-new", sha, "-key", &key, "-outform", "DER", "-out", &csr];
        openssl(new.iter().chain(&subject).chain(&usage));
        if digest == "flipped" {
            let mut bytes = std::fs::read(&csr).expect("a request");
            let at = bytes.len() - 3;
            bytes[at] ^= 1;
            std::fs::write(&csr, bytes).expect("written");
        }
        let report = json(0, &[&csr, &key]);
        let facts = &first(&report)["request"];
        assert_eq!(facts["possession"], fault.is_none(), "{digest}");
        assert_eq!(facts["possessionFault"].as_str(), fault, "{digest}");
        let verified =
            run(&mut command("openssl", ["req", "-in", &csr, "-inform", "DER", "-verify", "-noout"]));
        // OpenSSL takes SHA-1 for good.
        assert_eq!(
            verified.words().contains("verify OK"),
            digest != "flipped",
            "{digest}: {}",
            verified.words()
        );
        assert_eq!(facts["subject"], "CN=jane, O=dev");
        assert_eq!(facts["names"], serde_json::json!(["DNS:a.example", "IP:192.0.2.7"]));
        assert_eq!(facts["extendedKeyUsage"], serde_json::json!(["clientAuth"]));
        assert_eq!(facts["attributes"], serde_json::json!(["extensionRequest"]));
        // The key beside it is its own, and each names the other.
        assert_eq!(first(&report)["sameKey"], serde_json::json!([{"kind": "privateKey", "place": key}]));
        assert_eq!(
            inspect(&["-o", "pem", &csr]).ok().stdout,
            openssl(["req", "-in", &csr, "-inform", "DER"]).stdout
        );
    }
}

#[test]
fn revocation_lists_are_what_openssl_reads() {
    let directory = scratch();
    let root = forge::ca("cn=Root");
    let revoked = [root.leaf("cn=a"), root.leaf("cn=b"), root.leaf("cn=c")];
    let serials: Vec<String> = revoked.iter().map(forge::Forged::serial_hex).collect();
    let words =
        format!("revoked={};reason:keyCompromise,{},{} number=4711", serials[0], serials[1], serials[2]);
    let list = root.crl(&words);
    let (file, ca) =
        (put(directory.path(), "a.crl", list.pem()), put(directory.path(), "ca.crt", root.pem()));
    let report = json(0, &[&file, &ca]);
    let item = first(&report);
    let facts = &item["revocationList"];
    assert_eq!(
        (&item["kind"], &facts["number"], &facts["revoked"]),
        (&"revocationList".into(), &"4711".into(), &3.into())
    );
    assert_eq!(item["signedBy"], serde_json::json!({"status": "signed", "place": ca}));
    let said = openssl(["crl", "-in", &file, "-noout", "-fingerprint", "-sha256", "-text"]).stdout;
    let fingerprint =
        said.lines().find_map(|line| line.split_once(" Fingerprint=")).expect("a fingerprint").1;
    assert_eq!(facts["fingerprintSha256"], fingerprint.replace(':', "").to_lowercase());
    let listed: Vec<String> = said
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Serial Number: "))
        .map(str::to_lowercase)
        .collect();
    let mut own: Vec<String> = facts["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| entry["serial"].as_str().expect("a serial number").to_owned())
        .collect();
    let mut expected = listed.clone();
    own.sort();
    expected.sort();
    assert_eq!(own, expected);
    let reasons: BTreeMap<&str, &str> = facts["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .filter_map(|entry| Some((entry["serial"].as_str()?, entry["reason"].as_str()?)))
        .collect();
    assert_eq!(reasons.get(serials[0].to_lowercase().as_str()), Some(&"keyCompromise"), "{reasons:?}");
    assert_eq!(inspect(&["-o", "pem", &file]).ok().stdout, list.pem());
    // In DER, and by somebody else of that name.
    let der = put(directory.path(), "b.crl", list.der());
    let other = put(directory.path(), "other.crt", forge::ca("cn=Root key=p256:other").pem());
    let report = json(0, &[&der, &other]);
    assert_eq!(first(&report)["signedBy"]["status"], "anotherKey");
    let words = inspect(&[&der]).ok().stdout;
    assert!(words.contains("revoked       3 certificates"), "{words}");
}

#[test]
fn what_kubectl_makes_is_looked_into() {
    let directory = scratch();
    let here = directory.path();
    let pki = fixtures().join("kubeadm-ecdsa/pki");
    let (crt, key) = (pki.join("apiserver.crt"), pki.join("apiserver.key"));
    let kubectl = |words: &[&str]| run(command("kubectl", words).env("KUBECONFIG", "/dev/null")).ok().stdout;
    for form in ["yaml", "json"] {
        let secret = kubectl(&[
            "create",
            "secret",
            "tls",
            "web",
            "--cert",
            text(&crt),
            "--key",
            text(&key),
            "--dry-run=client",
            "-o",
            form,
        ]);
        let (code, stdout, stderr) = with_input(&["-o", "json", "-"], secret.as_bytes());
        assert_eq!(code, Some(0), "{stderr}");
        let report: Value = serde_json::from_str(&stdout).expect("JSON");
        assert_eq!(report[0]["encoding"], form.to_uppercase());
        let items = &first(&report)["items"];
        assert_eq!(
            (&items[0]["kind"], &items[1]["kind"]),
            (&"certificate".into(), &"privateKey".into()),
            "{form}"
        );
        assert_eq!(items[0]["field"], "data[tls.crt]");
        assert_eq!(items[0]["sameKey"][0]["kind"], "privateKey");
        assert_eq!(items[0]["role"], serde_json::json!({"byContent": "apiserver", "conflicts": []}));
        assert!(!stdout.contains("PRIVATE KEY-----"), "{stdout}");
    }
    let file = format!("--from-file=ca.crt={}", text(&pki.join("ca.crt")));
    let map = kubectl(&["create", "configmap", "kube-root-ca.crt", &file, "--dry-run=client", "-o", "yaml"]);
    let (code, stdout, _) = with_input(&["-s", "-"], map.as_bytes());
    assert_eq!(code, Some(0));
    assert!(stdout.contains("ConfigMap kube-root-ca.crt") && stdout.contains("CN=kubernetes"), "{stdout}");
    // A whole list, and several documents.
    let secret = kubectl(&[
        "create",
        "secret",
        "generic",
        "note",
        "--from-literal=a=hello",
        "--dry-run=client",
        "-o",
        "yaml",
    ]);
    let both = put(here, "both.yaml", format!("{secret}---\n{map}"));
    let report = json(0, &[&both]);
    assert_eq!(report[0]["items"][0]["object"]["otherData"], serde_json::json!([["a", 5]]));
    assert_eq!(report[0]["items"][1]["items"][0]["certificate"]["subject"], "CN=kubernetes");
    let words = inspect(&[&both]).ok().stdout;
    assert!(!words.contains("hello") && !words.contains("aGVsbG8="), "{words}");
}

/// A request with a key of its own, in base64.
fn csr_of(directory: &Path) -> String {
    let file = text(&directory.join("own.csr")).to_owned();
    let key = text(&directory.join("own.key")).to_owned();
    openssl([
        "req", "-new", "-newkey", "ed25519", "-nodes", "-keyout", &key, "-subj", "/CN=own", "-out", &file,
    ]);
    run(&mut command("base64", ["-w0", &file])).ok().stdout
}

#[test]
fn objects_are_read_with_every_fault_in_them() {
    let directory = scratch();
    let here = directory.path();
    let pki = fixtures().join("kubeadm-ecdsa/pki");
    let base64 = |name: &str| {
        run(&mut command("base64", ["-w0", text(&pki.join(name))])).ok().stdout.trim().to_owned()
    };
    let (crt, key, other) = (base64("apiserver.crt"), base64("apiserver.key"), base64("ca.key"));
    let tls = |data: &str| {
        format!("apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {{name: a}}\ndata:\n{data}")
    };
    let csr = |status: &str| {
        format!(
            "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {{name: j}}\nspec: {{signerName: x.io/y, request: bm90aGluZw==}}\n{status}"
        )
    };
    let config = |rest: &str| format!("apiVersion: v1\nkind: Config\n{rest}");
    let cases: [(String, i32, &[&str]); 14] = [
        (tls(&format!("  tls.crt: {crt}\n  tls.key: {key}\n")), 0, &["its private key is in", ":7"]),
        (
            tls(&format!("  tls.crt: {crt}\n  tls.key: {other}\n")),
            0,
            &["warning", "is another's", "it is not the key of the certificate"],
        ),
        (
            tls(&format!("  tls.crt: {crt}\n")),
            1,
            &["it is of type kubernetes.io/tls and tls.key holds no private key"],
        ),
        (tls(&format!("  tls.crt: {key}\n  tls.key: {key}\n")), 1, &["tls.crt holds no certificate"]),
        (tls("  tls.crt: \"!!\"\n  tls.key: aGVsbG8=\n"), 1, &["data[tls.crt] is not base64"]),
        (
            format!(
                "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {{name: j}}\nspec: {{signerName: x.io/y, request: {}}}\nstatus: {{certificate: {crt}}}",
                csr_of(here)
            ),
            0,
            &[
                "the request in object.yaml:4 is for another key",
                "the certificate in object.yaml:5 is for another key",
            ],
        ),
        (csr(""), 1, &["condition     Pending", "spec.request holds 7 bytes that are nothing of a PKI"]),
        (csr("status: {conditions: [{type: Denied}]}"), 1, &["condition     Denied"]),
        (
            csr(
                "status: {conditions: [{type: Approved, status: 'True'}, {type: Failed, status: 'True', reason: SignerValidationFailure, message: no such node}]}",
            ),
            1,
            &["condition     Approved, Failed (SignerValidationFailure): no such node"],
        ),
        (
            config(
                "clusters: [{name: a, cluster: {server: 'https://a:6443', certificate-authority: pki/ca.crt, insecure-skip-tls-verify: true}}]\nusers: [{name: b, user: {token: secret-token, client-certificate: b.crt, client-key: b.key}}]\ncontexts: [{name: c, context: {cluster: a, user: b, namespace: 'n'}}]\ncurrent-context: c\n",
            ),
            1,
            &[
                "has insecure-skip-tls-verify and a certificate authority; kubectl refuses",
                "CA in pki/ca.crt",
                "its certificate is not checked at all",
                "certificate in b.crt",
                "key in b.key",
                "token",
                "context *     c: user b at cluster a, namespace n",
            ],
        ),
        (
            config("current-context: x\nclusters: []\n"),
            1,
            &["current-context is `x`, and there is no such context"],
        ),
        (
            config("contexts: [{name: c, context: {cluster: a, user: b}}]\n"),
            1,
            &["for cluster `a`, which is not there", "for user `b`, which is not there"],
        ),
        (
            format!(
                "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {{name: x}}\nspec: {{caBundle: {}}}\n",
                base64("front-proxy-ca.crt")
            ),
            0,
            &["spec.caBundle", "CN=front-proxy-ca"],
        ),
        (
            "apiVersion: v1\nkind: Secret\ndata: {a: b, a: c}\n".to_owned(),
            1,
            &["the field a stands there twice, on lines 3 and 3"],
        ),
    ];
    for (object, code, told) in cases {
        let file = put(here, "object.yaml", &object);
        let words = inspect(&[&file]).expect_code(code).stdout;
        for told in told {
            assert!(words.contains(told), "{object}\n{told}\n{words}");
        }
        assert!(!words.contains("secret-token"), "{words}");
    }
}

#[test]
fn the_files_of_a_tree_are_known_and_belong_together() {
    for tree in ["kubeadm-ecdsa", "kubeadm-rsa"] {
        let root = fixtures().join(tree);
        let report = json(0, &[text(&root)]);
        let mut roles = BTreeMap::new();
        for file in report.as_array().expect("files") {
            let name = file["file"].as_str().expect("a name").trim_start_matches(text(&root)).to_owned();
            for item in file["items"].as_array().expect("items") {
                let inner = item["items"].as_array().into_iter().flatten();
                for item in inner.chain([item]).filter(|item| item["kind"] == "certificate") {
                    let role = &item["role"];
                    let word = |field: &str| role[field].as_str().unwrap_or("-").to_owned();
                    roles.insert(
                        format!("{name} {}", item["field"].as_str().unwrap_or_default()),
                        format!("{} {} {}", word("byName"), word("byContent"), role["conflicts"]),
                    );
                    assert!(
                        ["signed", "selfSigned"]
                            .contains(&item["signedBy"]["status"].as_str().expect("a status"))
                    );
                    let ca = item["certificate"]["ca"] == true;
                    let kubeconfig = item["field"].is_string();
                    assert!(ca && kubeconfig || item["sameKey"].to_string().contains("privateKey"), "{item}");
                }
            }
        }
        let expected = [
            ("/admin.conf clusters[demo].certificate-authority-data", "- kubernetes-ca []"),
            ("/admin.conf users[kubernetes-admin].client-certificate-data", "admin admin []"),
            ("/controller-manager.conf clusters[demo].certificate-authority-data", "- kubernetes-ca []"),
            (
                "/controller-manager.conf users[system:kube-controller-manager].client-certificate-data",
                "controller-manager controller-manager []",
            ),
            ("/kubelet.conf clusters[demo].certificate-authority-data", "- kubernetes-ca []"),
            (
                "/kubelet.conf users[system:node:cp1.example.com].client-certificate-data",
                "kubelet-client kubelet-client []",
            ),
            ("/pki/apiserver-etcd-client.crt ", "apiserver-etcd-client apiserver-etcd-client []"),
            ("/pki/apiserver-kubelet-client.crt ", "apiserver-kubelet-client apiserver-kubelet-client []"),
            ("/pki/apiserver.crt ", "apiserver apiserver []"),
            ("/pki/ca.crt ", "kubernetes-ca kubernetes-ca []"),
            ("/pki/etcd/ca.crt ", "etcd-ca etcd-ca []"),
            ("/pki/etcd/healthcheck-client.crt ", "etcd-client etcd-client []"),
            ("/pki/etcd/peer.crt ", "etcd-peer - []"),
            ("/pki/etcd/server.crt ", "etcd-server - []"),
            ("/pki/front-proxy-ca.crt ", "front-proxy-ca front-proxy-ca []"),
            ("/pki/front-proxy-client.crt ", "front-proxy-client front-proxy-client []"),
            ("/scheduler.conf clusters[demo].certificate-authority-data", "- kubernetes-ca []"),
            (
                "/scheduler.conf users[system:kube-scheduler].client-certificate-data",
                "scheduler scheduler []",
            ),
            ("/super-admin.conf clusters[demo].certificate-authority-data", "- kubernetes-ca []"),
            (
                "/super-admin.conf users[kubernetes-super-admin].client-certificate-data",
                "super-admin super-admin []",
            ),
        ];
        let expected: BTreeMap<String, String> =
            expected.into_iter().map(|(file, role)| (file.to_owned(), role.to_owned())).collect();
        assert_eq!(roles, expected, "{tree}");
    }
}

#[test]
fn a_name_that_promises_another_thing_is_told() {
    let directory = scratch();
    let here = directory.path();
    let pki = fixtures().join("kubeadm-ecdsa/pki");
    std::fs::create_dir(here.join("etcd")).expect("a directory");
    for (from, to, told) in [
        (
            "apiserver-kubelet-client.crt",
            "apiserver.crt",
            "apiserver by name, but it is not good for serverAuth and its subject and usages are those of apiserver-kubelet-client",
        ),
        ("ca.crt", "apiserver.crt", "apiserver by name, but it is a CA"),
        ("apiserver.crt", "front-proxy-ca.crt", "front-proxy-ca by name, but it is no CA"),
        ("apiserver.crt", "etcd/server.crt", "etcd-server by name, but it is not good for clientAuth"),
        ("etcd/server.crt", "etcd/peer.crt", "etcd-peer, by name"),
        ("etcd/ca.crt", "ca.crt", "etcd-ca, by content"),
        ("apiserver.crt", "whatever.crt", "apiserver, by content"),
    ] {
        let file = put(here, to, std::fs::read(pki.join(from)).expect(from));
        let words = inspect(&[&file]).ok().stdout.replace("\n                ", " ");
        assert!(words.contains(&format!("role          {told}")), "{from} as {to}: {words}");
    }
    // A key beside a certificate that is not its own.
    let (crt, key) = (here.join("apiserver.crt"), here.join("apiserver.key"));
    std::fs::copy(pki.join("apiserver.crt"), &crt).expect("copied");
    std::fs::copy(pki.join("ca.key"), &key).expect("copied");
    let words = inspect(&[text(&crt), text(&key)]).ok().stdout;
    assert!(words.contains("the private key in apiserver.key is another's"), "{words}");
    assert!(words.contains("it is not the key of the certificate in apiserver.crt"), "{words}");
}

#[test]
fn one_line_for_each_thing() {
    let pki = fixtures().join("kubeadm-ecdsa");
    let ran = run(kpki(NOW).current_dir(&pki).args([
        "inspect",
        "-s",
        "admin.conf",
        "pki/apiserver.crt",
        "pki/apiserver.key",
        "pki/sa.pub",
        "pki/etcd",
    ]))
    .ok();
    assert_eq!(
        ran.stdout,
        "\
FILE                                               WHAT            SUBJECT                                        KEY         EXPIRES
admin.conf                                         kubeconfig
  clusters[demo].certificate-authority-data        CA certificate  CN=kubernetes                                  ECDSA-P256  3648 d left
  users[kubernetes-admin].client-certificate-data  certificate     O=kubeadm:cluster-admins, CN=kubernetes-admin  ECDSA-P256  363 d left
  users[kubernetes-admin].client-key-data          private key     that of admin.conf:17                          ECDSA-P256
pki/apiserver.crt                                  certificate     CN=kube-apiserver                              ECDSA-P256  363 d left
pki/apiserver.key                                  private key     that of apiserver.crt                          ECDSA-P256
pki/sa.pub                                         public key                                                     ECDSA-P256
pki/etcd/ca.crt                                    CA certificate  CN=etcd-ca                                     ECDSA-P256  3648 d left
pki/etcd/ca.key                                    private key     that of ca.crt                                 ECDSA-P256
pki/etcd/healthcheck-client.crt                    certificate     CN=kube-etcd-healthcheck-client                ECDSA-P256  363 d left
pki/etcd/healthcheck-client.key                    private key     that of healthcheck-client.crt                 ECDSA-P256
pki/etcd/peer.crt                                  certificate     CN=cp1.example.com                             ECDSA-P256  363 d left
pki/etcd/peer.key                                  private key     that of peer.crt                               ECDSA-P256
pki/etcd/server.crt                                certificate     CN=cp1.example.com                             ECDSA-P256  363 d left
pki/etcd/server.key                                private key     that of server.crt                             ECDSA-P256
"
    );
}

#[test]
fn nothing_moves_the_terminal() {
    let directory = scratch();
    let evil = "\u{1b}[31m\u{202e}\u{7}";
    let hex: String = "cn=%1B[2J%E2%80%AEx".into();
    let certificate = forge::ca("cn=Root").leaf(&format!("{hex} sans=dns:a%1Bb"));
    let file = put(directory.path(), &format!("{evil}.pem"), format!("{evil}{}", certificate.pem()));
    let object = put(
        directory.path(),
        "o.yaml",
        "apiVersion: v1\nkind: \"S\\e[1mx\"\nmetadata: {name: \"a\\e[2J\", namespace: \"\\u202e\"}\ncaBundle: \"\\e\"\n",
    );
    for words in [&[file.as_str(), &object][..], &["-s", &file, &object], &["-o", "json", &file, &object]] {
        let said = inspect(words).words();
        let hidden = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!said.contains(hidden), "{said:?}");
        assert!(said.contains("u{1b}"), "{said}");
    }
}

#[test]
fn exit_codes_and_places_of_faults() {
    let directory = scratch();
    let here = directory.path();
    let ca = fixtures().join("kubeadm-ecdsa/pki/ca.crt");
    let pem = std::fs::read_to_string(&ca).expect("a certificate");
    let broken = put(
        here,
        "broken.pem",
        format!("{pem}-----BEGIN CERTIFICATE-----\nMI*B\n-----END CERTIFICATE-----\n{pem}"),
    );
    let words = inspect(&[&broken]).expect_code(1).stdout;
    assert!(words.contains("broken certificate (PEM block 2, lines 11-13)"), "{words}");
    assert!(words.contains("line 12: '*' does not belong in base64"), "{words}");
    assert_eq!(json(1, &[&broken])[0]["items"].as_array().map(Vec::len), Some(3));

    let unknown = put(here, "note.txt", "hello\n");
    inspect(&[&unknown]).expect_code(1);
    let empty = put(here, "empty.crt", "");
    assert!(inspect(&[&empty]).expect_code(1).stdout.contains("there is nothing in it"));
    // In a directory a note is no matter, and a broken file is.
    std::fs::create_dir(here.join("d")).expect("a directory");
    put(&here.join("d"), "note.txt", "hello\n");
    put(&here.join("d"), "ca.crt", &pem);
    inspect(&[text(&here.join("d"))]).ok();
    put(&here.join("d"), "cut.crt", &pem[..200]);
    inspect(&[text(&here.join("d"))]).expect_code(1);
    // One that cannot be opened does not hide the others.
    let ran = inspect(&[text(&here.join("gone")), text(&ca)]).expect_code(2);
    assert!(ran.stdout.contains("CN=kubernetes") && ran.stderr.contains("No such file"), "{}", ran.words());
    let (code, stdout, _) = with_input(&["-"], pem.as_bytes());
    assert_eq!(
        (code, stdout.contains("standard input: certificate (PEM block 1, lines 1-10)")),
        (Some(0), true)
    );
}

#[test]
fn sizes_are_bounded() {
    let directory = scratch();
    let here = directory.path();
    let large = here.join("large");
    let file = std::fs::File::create(&large).expect("a file");
    file.set_len((64 << 20) + 1).expect("its length");
    let ran = inspect(&[text(&large)]).expect_code(2);
    assert!(ran.stderr.contains("is larger than 64 MiB"), "{}", ran.stderr);
    let yaml = put(here, "large.yaml", format!("apiVersion: v1\nkind: Secret\n# {}\n", "a".repeat(17 << 20)));
    let words = inspect(&[&yaml]).expect_code(1).stdout;
    assert!(words.contains("larger than 16 MiB"), "{words}");
    // Nested a million deep.
    for text in [
        format!("{{\"kind\": {}", "[".repeat(1 << 20)),
        format!("kind: a\na: {}", "{a: ".repeat(1 << 18)),
        format!("kind: a\n{}", "- ".repeat(1 << 20)),
    ] {
        let file = put(here, "deep", text);
        inspect(&[&file]).expect_code(1);
    }
    let der = put(here, "deep.der", [0x30, 0x80].repeat(1 << 20));
    inspect(&[&der]).expect_code(1);
}

#[test]
fn other_stores_are_named() {
    let directory = scratch();
    let here = directory.path();
    let pki = fixtures().join("kubeadm-ecdsa/pki");
    let path = |name: &str| text(&here.join(name)).to_owned();
    let chain = put(
        here,
        "chain.pem",
        ["apiserver.crt", "ca.crt"].map(|name| std::fs::read_to_string(pki.join(name)).expect(name)).concat(),
    );
    openssl(["crl2pkcs7", "-nocrl", "-certfile", &chain, "-out", &path("a.p7b")]);
    openssl(["crl2pkcs7", "-nocrl", "-certfile", &chain, "-outform", "DER", "-out", &path("b.p7b")]);
    let key = pki.join("apiserver.key");
    openssl([
        "pkcs12",
        "-export",
        "-in",
        &chain,
        "-inkey",
        text(&key),
        "-passout",
        "pass:x",
        "-out",
        &path("a.p12"),
    ]);
    openssl(["ecparam", "-name", "secp384r1", "-out", &path("ec.pem")]);
    let der = run(&mut command(
        "bash",
        ["-c", &format!("openssl x509 -in {} -outform DER | base64", text(&pki.join("ca.crt")))],
    ))
    .ok();
    put(here, "plain.b64", der.stdout);
    put(here, "jks", [0xfe, 0xed, 0xfe, 0xed, 0, 0, 0, 2]);
    put(here, "ca.srl", "4F3A\n");
    put(here, "utf16.crt", [0xff, 0xfe, b'-', 0, b'-', 0]);
    for (name, code, told) in [
        (
            "a.p7b",
            0,
            &[
                "PKCS#7 message",
                "CN=kube-apiserver",
                "CN=kubernetes",
                "certificates: 2 certificates, a chain in order",
            ][..],
        ),
        ("b.p7b", 0, &["PKCS#7 message (DER)", "CN=kube-apiserver"]),
        ("a.p12", 0, &["PKCS#12 store"]),
        ("ec.pem", 0, &["parameters of a curve", "P-384 (1.3.132.0.34)"]),
        ("plain.b64", 0, &["certificate (base64)", "CN=kubernetes"]),
        ("jks", 0, &["Java key store"]),
        ("ca.srl", 0, &["serial number file of OpenSSL", "4f3a"]),
        ("utf16.crt", 1, &["UTF-16", "iconv"]),
    ] {
        let words = inspect(&[&path(name)]).expect_code(code).stdout;
        for told in told {
            assert!(words.contains(told), "{name}: {told}\n{words}");
        }
    }
    // A CA's own ledger lies beside its certificate.
    let pki = here.join("pki");
    run(kpki(NOW).args(["ca", "init", "kubernetes", "--dir", text(&pki)])).ok();
    let words = inspect(&["-s", text(&pki)]).ok().stdout;
    assert!(words.contains("ledger of a CA"), "{words}");
}
