//! The forge of certificates itself: `openssl` and Python's `cryptography` must read in its products what was asked for,
//! and verify the good ones.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

mod forge;
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::collections::BTreeSet;
use std::path::Path;

use forge::{Forged, NOW};
use serde_json::json;
use support::judge::Judge;
use support::{command, openssl, run, scratch, text, write};

/// Who signs a certificate of the table below.
#[derive(Clone, Copy)]
enum By {
    Itself,
    Root,
    LeafItself,
    LeafOfRoot,
}
use By::{Itself, LeafItself, LeafOfRoot, Root};

/// Words, and what `openssl x509 -text` must say of the certificate that they make; with `!` before it, what it must not.
/// Blanks count once, and not at all around an equals sign.
const TABLE: &[(By, &str, &[&str])] = &[
    // The defaults.
    (
        Itself,
        "",
        &[
            "Version: 3 (0x2)",
            "Signature Algorithm: ecdsa-with-SHA256",
            "Issuer: CN=Forged CA Validity",
            "Not Before: Jun 1 12:00:00 2025 GMT",
            "Not After : May 30 12:00:00 2035 GMT",
            "Subject: CN=Forged CA Subject",
            "NIST CURVE: P-256",
            "Basic Constraints: critical CA:TRUE X509v3",
            "Key Usage: critical Certificate Sign, CRL Sign X509v3",
            "Subject Key Identifier",
            "!Authority Key Identifier",
            "!Extended Key Usage",
        ],
    ),
    (
        LeafOfRoot,
        "cn=a",
        &[
            "Issuer: CN=Root Validity",
            "Not Before: May 31 12:00:00 2026 GMT",
            "Not After : Aug 29 12:00:00 2026 GMT",
            "Subject: CN=a Subject",
            "Basic Constraints: critical CA:FALSE",
            "Key Usage: critical Digital Signature X509v3",
            "Extended Key Usage: TLS Web Server Authentication, TLS Web Client Authentication",
            "Subject Key Identifier",
            "Authority Key Identifier",
            "!Alternative Name",
        ],
    ),
    (LeafItself, "cn=a", &["Issuer: CN=a", "Subject: CN=a", "CA:FALSE", "!Authority Key Identifier"]),
    // Names.
    (
        LeafOfRoot,
        "o=dev o=ops cn='Jane Doe' ou=x c=DE l=Berlin st=Berlin dc=example",
        &["Subject: O=dev, O=ops, CN=Jane Doe, OU=x, C=DE, L=Berlin, ST=Berlin, DC=example"],
    ),
    (LeafOfRoot, "cn=a cn-as=bmp", &["Subject: CN=a"]),
    (LeafOfRoot, "subject=o=Acme/cn=b+ou=c", &["Subject: O=Acme, CN=b + OU=c"]),
    (LeafOfRoot, "subject=empty", &["Subject: Subject"]),
    (LeafOfRoot, "subject-raw=3000", &["Subject: Subject"]),
    (LeafOfRoot, "subject=cn:utf8=a%2Fb/2.5.4.12=boss", &["Subject: CN=a/b, title=boss"]),
    (LeafOfRoot, "issuer=cn=Elsewhere", &["Issuer: CN=Elsewhere Validity"]),
    (LeafOfRoot, "issuer=empty", &["Issuer: Validity"]),
    (
        LeafOfRoot,
        "sans=dns:*.example.com,ip:192.0.2.1,ip:2001:db8::1,email:a@example.com,uri:spiffe://x/y,\
         dir:o=Acme/cn=x,rid:1.2.3,other:1.2.3.4:hello,raw:8203612e62",
        &["Alternative Name: DNS:*.example.com, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, \
             email:a@example.com, URI:spiffe://x/y, DirName:/O=Acme/CN=x, Registered ID:1.2.3, \
             othername: 1.2.3.4::hello, DNS:a.b"],
    ),
    (LeafOfRoot, "san-raw=30058203612e62", &["Alternative Name: DNS:a.b"]),
    (LeafOfRoot, "sans=dns:a", &["Alternative Name: DNS:a"]),
    (LeafOfRoot, "sans=dns:a subject=empty", &["Alternative Name: critical DNS:a"]),
    (LeafOfRoot, "sans=dns:a san-critical", &["Alternative Name: critical DNS:a"]),
    (LeafOfRoot, "sans=dns:a subject=empty san-critical=no", &["Alternative Name: DNS:a"]),
    // Usages.
    (
        LeafOfRoot,
        "ku=digitalSignature,contentCommitment,keyEncipherment,dataEncipherment,keyAgreement,keyCertSign,cRLSign,\
         encipherOnly,decipherOnly ku-critical=no",
        &[
            "Key Usage: Digital Signature, Non Repudiation, Key Encipherment, Data Encipherment, Key Agreement, \
             Certificate Sign, CRL Sign, Encipher Only, Decipher Only",
        ],
    ),
    (LeafOfRoot, "ku=none", &["!X509v3 Key Usage"]),
    (
        LeafOfRoot,
        "eku=server,client,code,email,time,ocsp,any,1.2.3.4 eku-critical",
        &[
            "Extended Key Usage: critical TLS Web Server Authentication, TLS Web Client Authentication, Code Signing, \
             E-mail Protection, Time Stamping, OCSP Signing, Any Extended Key Usage, 1.2.3.4",
        ],
    ),
    (LeafOfRoot, "eku=none", &["!Extended Key Usage"]),
    (Itself, "pathlen=0", &["Basic Constraints: critical CA:TRUE, pathlen:0"]),
    (Itself, "pathlen=300 bc-critical=no", &["Basic Constraints: CA:TRUE, pathlen:300"]),
    (Itself, "ca=false", &["Basic Constraints: critical CA:FALSE"]),
    (Itself, "ca=absent", &["!Basic Constraints"]),
    (LeafOfRoot, "ca=true", &["Basic Constraints: critical CA:TRUE"]),
    (LeafOfRoot, "ca=false-encoded", &["Basic Constraints: critical CA:FALSE"]),
    // Identifiers of keys.
    (Itself, "ski=0102", &["Subject Key Identifier: 01:02"]),
    (Itself, "ski=absent", &["!Subject Key Identifier"]),
    (Itself, "ski=01 ski-critical", &["Subject Key Identifier: critical 01"]),
    (LeafOfRoot, "aki=0102 aki-critical", &["Authority Key Identifier: critical 01:02"]),
    (LeafOfRoot, "aki=absent", &["!Authority Key Identifier"]),
    (LeafOfRoot, "aki=empty", &["Authority Key Identifier: 0."]),
    (LeafOfRoot, "aki=issuer-serial", &["Authority Key Identifier: DirName:/CN=Root serial:0A:0B"]),
    (LeafOfRoot, "aki=full", &["Authority Key Identifier: keyid:01:02:03 DirName:/CN=Root serial:0A:0B"]),
    // Constraints on names and policies.
    (
        Root,
        "nc=permit:dns:example.com,exclude:ip:10.0.0.0/9,permit:email:example.com,permit:uri:.example.com,\
         exclude:dir:o=Acme,permit:ip:2001:db8::/33,exclude:ip:10.0.0.0/255.0.255.0",
        &["Name Constraints: critical Permitted: DNS:example.com email:example.com URI:.example.com \
             IP:2001:DB8:0:0:0:0:0:0/FFFF:FFFF:8000:0:0:0:0:0 Excluded: IP:10.0.0.0/255.128.0.0 DirName:O=Acme \
             IP:10.0.0.0/255.0.255.0"],
    ),
    (Root, "nc=permit:dns:a nc-critical=no", &["Name Constraints: Permitted: DNS:a"]),
    (Root, "nc-raw=3007a0053003820161", &["Name Constraints: critical Permitted: DNS:a"]),
    (Root, "policies=any,1.2.3", &["Certificate Policies: Policy: X509v3 Any Policy Policy: 1.2.3"]),
    (Root, "policies=any policies-critical", &["Certificate Policies: critical Policy: X509v3 Any Policy"]),
    (Root, "mappings=1.2.3:1.2.4", &["Policy Mappings: critical 1.2.3:1.2.4"]),
    (Root, "mappings=1.2.3:1.2.4 mappings-critical=no", &["Policy Mappings: 1.2.3:1.2.4"]),
    (
        Root,
        "explicit=0 inhibit-mapping=1",
        &["Policy Constraints: critical Require Explicit Policy:0, Inhibit Policy Mapping:1"],
    ),
    (
        Root,
        "explicit=3 constraints-critical=no",
        &["Policy Constraints: Require Explicit Policy:3", "!Inhibit Policy Mapping"],
    ),
    (Root, "inhibit-any=2", &["Inhibit Any Policy: critical 2"]),
    (Root, "inhibit-any=2 inhibit-any-critical=no", &["Inhibit Any Policy: 2"]),
    // Places.
    (
        LeafOfRoot,
        "crldp=uri:http://x/a,uri:http://x/b;reasons:keyCompromise|cACompromise;issuer:cn=Lister crldp=rel:cn=c \
         crldp-critical",
        &[
            "CRL Distribution Points: critical Full Name: URI:http://x/a URI:http://x/b Reasons: Key Compromise, \
             CA Compromise CRL Issuer: DirName:CN=Lister",
            "Relative Name: CN=c",
        ],
    ),
    (LeafOfRoot, "crldp=uri:http://x/a", &["CRL Distribution Points: Full Name: URI:http://x/a"]),
    (LeafOfRoot, "freshest=uri:http://x/d", &["Freshest CRL: Full Name: URI:http://x/d"]),
    (
        LeafOfRoot,
        "freshest=uri:http://x/d freshest-critical",
        &["Freshest CRL: critical Full Name: URI:http://x/d"],
    ),
    (
        LeafOfRoot,
        "aia=http://x/ca,ocsp:http://x/o",
        &["Authority Information Access: CA Issuers - URI:http://x/ca OCSP - URI:http://x/o"],
    ),
    (LeafOfRoot, "aia=http://x/ca aia-critical", &["Authority Information Access: critical CA Issuers"]),
    // Any extension, twice, none.
    (
        LeafOfRoot,
        "ext=1.2.3.4:critical:0500 ext=1.2.3.5:plain:0500 dup=1.2.3.4",
        &["1.2.3.4: critical ..", "1.2.3.5: ..", "1.2.3.5: .. 1.2.3.4: critical"],
    ),
    (Itself, "ext=2.5.29.19:plain:3000", &["Basic Constraints: CA:FALSE", "!CA:TRUE"]),
    (Itself, "extensions=none", &["Version: 3", "!X509v3"]),
    (Itself, "extensions=empty", &["Version: 3", "!X509v3 Basic"]),
    // Serial number, version, dates.
    (Itself, "serial=01ff", &["Serial Number: 511 (0x1ff)"]),
    (Itself, "serial=ff", &["Serial Number: 255 (0xff)"]),
    (Itself, "serial=zero", &["Serial Number: 0 (0x0)"]),
    (Itself, "serial=negative", &["Serial Number: -32767 (-0x7fff)"]),
    (
        Itself,
        "serial=long",
        &[concat!("Serial Number: ", "5a:5a:5a:5a:5a:5a:5a:5a:5a:5a:5a:5a:5a:5a:5a:5a:5a:5a:5a:5a:5a ")],
    ),
    (Itself, "version=1", &["Version: 1 (0x0)", "!X509v3"]),
    (
        Itself,
        "version=2 unique-ids=both",
        &["Version: 2 (0x1)", "Issuer Unique ID:", "Subject Unique ID:", "!X509v3"],
    ),
    (Itself, "version=1 extensions=keep", &["Version: 1 (0x0)", "X509v3 Basic Constraints"]),
    (Itself, "unique-ids=issuer", &["Version: 3", "Issuer Unique ID:", "!Subject Unique ID:", "X509v3"]),
    (
        Itself,
        "from=2020-01-02T03:04:05+01:00 until=2049-12-31T23:59:59Z",
        &["Not Before: Jan 2 02:04:05 2020 GMT", "Not After : Dec 31 23:59:59 2049 GMT"],
    ),
    (
        Itself,
        "from=-90s until=never",
        &["Not Before: Jun 1 11:58:30 2026 GMT", "Not After : Dec 31 23:59:59 9999 GMT"],
    ),
    (Itself, "from=utc:4906010000Z", &["Not Before: Jun 1 00:00:00 2049 GMT"]),
    (Itself, "until=+2h times=generalized", &["Not After : Jun 1 14:00:00 2026 GMT"]),
    // Keys and signatures.
    (Itself, "key=p384", &["NIST CURVE: P-384", "ecdsa-with-SHA384"]),
    (Itself, "key=p521", &["NIST CURVE: P-521", "ecdsa-with-SHA512"]),
    (Itself, "key=ed25519", &["Public Key Algorithm: ED25519", "Signature Algorithm: ED25519"]),
    (Itself, "key=rsa1024", &["(1024 bit)", "sha256WithRSAEncryption"]),
    (Itself, "key=rsa2048 sig=sha1", &["(2048 bit)", "sha1WithRSAEncryption"]),
    (Itself, "key=rsa2048 sig=md5", &["md5WithRSAEncryption"]),
    (
        Itself,
        "key=rsa3072 sig=pss,sha384",
        &["(3072 bit)", "rsassaPss Hash Algorithm: sha384", "Salt Length: 0x30"],
    ),
    (Itself, "sig=1.3.101.113", &["Signature Algorithm: ED448", "NIST CURVE: P-256"]),
    (
        Itself,
        "sig=outer-mismatch",
        &["Signature Algorithm: ecdsa-with-SHA256", "Signature Algorithm: ecdsa-with-SHA512"],
    ),
    (
        Itself,
        "spki=302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        &["Public Key Algorithm: ED25519", "ecdsa-with-SHA256"],
    ),
    (Itself, "trailing=0500", &["CN=Forged CA"]),
];

/// Words of the table that openssl does not show, or that keep it from reading the certificate: looked for in the DER.
const IN_DER: &[(&str, &str, Presence)] = &[
    ("cn=a cn-as=bmp", "06035504031e020061", Presence::Within),
    ("cn=a cn-as=t61", "0603550403140161", Presence::Within),
    ("cn=a cn-as=utf8", "06035504030c0161", Presence::Within),
    ("cn=a cn-as=ia5", "0603550403160161", Presence::Within),
    ("cn=a cn-as=universal", "06035504031c0400000061", Presence::Within),
    ("cn=a%00b", "06035504030c03610062", Presence::Within),
    ("ku=", "0603551d0f0101ff0403030100", Presence::Within),
    ("eku=", "0603551d2504023000", Presence::Within),
    ("sans=", "0603551d1104023000", Presence::Within),
    ("nc=", "0603551d1e0101ff04023000", Presence::Within),
    ("ca=false-encoded", "0603551d130101ff04053003010100", Presence::Within),
    ("from=utc:x", "170178", Presence::Within),
    ("until=generalized:x", "180178", Presence::Within),
    ("serial=raw:ff", "0201ff", Presence::Within),
    ("sig=null", "300c06082a8648ce3d0403020500", Presence::Within),
    ("sig=empty", "030100", Presence::AtEnd),
    ("trailing=0500", "0500", Presence::AtEnd),
    ("inner-trailing=0500", "0500", Presence::AtEnd),
    ("tbs-trailing=04021234", "04021234300a06082a8648ce3d040302", Presence::Within),
    ("version=7", "a003020106", Presence::Within),
];

#[derive(Clone, Copy)]
enum Presence {
    Within,
    AtEnd,
}

fn forge(by: By, words: &str) -> Forged {
    match by {
        Itself => forge::ca(words),
        LeafItself => forge::self_signed_leaf(words),
        Root => root().ca(words),
        LeafOfRoot => root().leaf(words),
    }
}

fn root() -> Forged {
    forge::ca("cn=Root key=p256:root serial=0a0b ski=010203")
}

#[test]
fn openssl_reads_what_was_asked_for() {
    let directory = scratch();
    let file = directory.path().join("x.pem");
    let mut wrong = Vec::new();
    for (by, words, expected) in TABLE {
        write(&file, &forge(*by, words).pem());
        let said = openssl(["x509", "-noout", "-text", "-in", text(&file)]).stdout;
        wrong.extend(unsaid(words, expected, &said));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What was expected of openssl's words and is not so.
fn unsaid(words: &str, expected: &[&str], said: &str) -> Vec<String> {
    // Blanks and names are written differently by its versions.
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ").replace(" = ", "=");
    let wrong = expected.iter().filter(|part| match part.strip_prefix('!') {
        Some(absent) => said.contains(absent),
        None => !said.contains(**part),
    });
    wrong.map(|part| format!("`{words}`: {part}: {said}")).collect()
}

#[test]
fn what_openssl_does_not_show_is_in_the_bytes() {
    for (words, bytes, presence) in IN_DER {
        let der = forge::to_hex(root().leaf(words).der());
        let there = match presence {
            Presence::Within => der.contains(bytes),
            Presence::AtEnd => der.ends_with(bytes),
        };
        assert!(there, "`{words}`: {bytes} is not in {der}");
    }
}

#[test]
fn every_word_is_in_the_tables() {
    let used: BTreeSet<&str> = TABLE
        .iter()
        .map(|(_, words, _)| *words)
        .chain(IN_DER.iter().map(|(words, ..)| *words))
        .flat_map(str::split_whitespace)
        .map(|word| word.split('=').next().unwrap_or(word))
        .collect();
    let missing: Vec<&str> =
        forge::KNOWN.iter().map(|(word, _)| *word).filter(|word| !used.contains(word)).collect();
    assert!(missing.is_empty(), "words without a test: {missing:?}");
}

#[test]
fn mistakes_are_loud() {
    for words in [
        "sasn=dns:a",
        "cn=a cn=b",
        "cn='a",
        "sans=a",
        "sans=dsn:a",
        "sans=ip:example.com",
        "ku=signature",
        "eku=web",
        "nc=dns:a",
        "until=tomorrow",
        "until=90d",
        "until=+90w",
        "serial=xyz",
        "ext=1.2.3:0500",
        "dup=1.2.3",
        "key=dsa",
        "sig=crc32",
        "ca=maybe",
        "ku-critical=perhaps",
        "pathlen=-1",
        "cn-as=morse",
        "times=local",
        "extensions=all",
        "crldp=uri:a;when:now",
        "mappings=1.2.3",
    ] {
        let made = std::panic::catch_unwind(|| forge::ca(words).der().len());
        let Err(panic) = made else { panic!("`{words}` was taken") };
        let said = panic.downcast_ref::<String>().expect("a message");
        assert!(said.starts_with("forge: "), "`{words}`: {said}");
    }
    let list = std::panic::catch_unwind(|| root().crl("revoked=01;because:it").der().len());
    assert!(list.is_err());
}

#[test]
fn words_are_laid_over_others() {
    assert_eq!(forge::over("cn=a ku=none o=x", "ku= o='y z'"), "'cn=a' 'o=x' 'ku=' 'o=y z'");
    let laid = forge::ca(&forge::over("cn='Root CA' serial=01 o=a key=p256:k", "serial=02 o=b"));
    assert_eq!(laid.der(), forge::ca("cn='Root CA' o=a o=b serial=02 key=p256:k").der());
}

#[test]
fn the_same_in_every_run() {
    let make = || {
        let root = forge::ca("cn=Root");
        let leaf = root.leaf("cn=a key=rsa2048 sig=sha384");
        [root.der(), leaf.der(), root.ca("key=rsa2048").leaf("sig=pss").der(), root.crl("").der()]
            .map(<[u8]>::to_vec)
    };
    // The name of a test's thread is the test's; here it is given by hand, twice.
    let run = || std::thread::Builder::new().name("a test".into()).spawn(make).expect("a thread").join();
    let [first, second] = [run(), run()].map(|made| made.expect("forged"));
    assert_eq!(first, second);
    assert_ne!(first, make());
}

/// `openssl verify` at the forge's present, without its own limits on keys and digests.
fn verify(directory: &Path, roots: &str, between: &str, leaf: &str, more: &[&str]) -> support::Ran {
    for (file, pem) in [("roots", roots), ("between", between), ("leaf", leaf)] {
        write(&directory.join(file), pem);
    }
    let at = NOW.unix_timestamp().to_string();
    let mut verify = command("openssl", ["verify", "-auth_level", "0", "-attime", &at]);
    verify.args(["-CAfile", text(&directory.join("roots"))]);
    if !between.is_empty() {
        verify.args(["-untrusted", text(&directory.join("between"))]);
    }
    run(verify.args(more).arg(text(&directory.join("leaf"))))
}

#[test]
fn chains_of_every_key_and_digest_verify() {
    let directory = scratch();
    let mut judge = Judge::start();
    for (key, signatures) in [
        ("p256", &["default", "sha1", "sha384", "sha512"][..]),
        ("p384", &["default", "sha256", "sha512"]),
        ("p521", &["default", "sha256", "sha384"]),
        ("ed25519", &["default"]),
        ("rsa1024", &["default", "sha512"]),
        ("rsa2048", &["default", "sha1", "md5", "sha384", "sha512", "pss", "pss,sha384", "pss,sha512"]),
        ("rsa3072", &["default", "pss"]),
    ] {
        for signature in signatures {
            let root = forge::ca(&format!("cn=Root key={key} sig={signature}"));
            let inter = root.ca(&format!("cn=Inter key={key} pathlen=0 sig={signature}"));
            let leaf = inter.leaf(&format!("cn=a sans=dns:a.example.com key={key} sig={signature}"));
            let what = format!("key={key} sig={signature}");
            let strict = ["-x509_strict", "-purpose", "sslserver", "-verify_hostname", "a.example.com"];
            let ran = verify(directory.path(), &root.pem(), &inter.pem(), &leaf.pem(), &strict);
            assert_eq!(ran.code, Some(0), "{what}: {}", ran.words());
            // The private key is that of the certificate.
            write(&directory.path().join("key"), &leaf.key_pem());
            let public = openssl(["pkey", "-pubout", "-in", text(&directory.path().join("key"))]).stdout;
            let certified =
                openssl(["x509", "-pubkey", "-noout", "-in", text(&directory.path().join("leaf"))]);
            assert_eq!(public, certified.stdout, "{what}");
            for fault in ["broken", "other-key"] {
                let spoilt = inter.leaf(&format!("cn=a key={key} sig={signature},{fault}"));
                let ran = verify(directory.path(), &root.pem(), &inter.pem(), &spoilt.pem(), &[]);
                assert!(
                    ran.words().contains("certificate signature failure"),
                    "{what},{fault}: {}",
                    ran.words()
                );
            }
            let [leaf, issuer] = [&leaf, &inter].map(Forged::pem);
            // cryptography refuses MD5, and SHA-1 with ECDSA.
            if *signature != "md5" && *signature != "sha1" {
                let answer = judge.ask(&json!({"ask": "signed", "pem": leaf, "by": issuer}));
                assert_eq!(answer["valid"], true, "{what}: {answer}");
            }
        }
    }
}

#[test]
fn related_certificates_are_related() {
    let directory = scratch();
    let verify = |roots: &Forged, between: &[&Forged], leaf: &Forged| {
        let between = forge::bundle(between.iter().copied());
        verify(directory.path(), &roots.pem(), &between, &leaf.pem(), &["-x509_strict"])
    };
    let [one, two] = ["cn=One", "cn=Two"].map(forge::ca);
    let inter = one.ca("cn=Inter");
    let leaf = inter.leaf("cn=a");
    let crossed = two.cross(&inter, "pathlen=0");
    assert_eq!((crossed.subject_der(), crossed.spki_der()), (inter.subject_der(), inter.spki_der()));
    verify(&one, &[&inter], &leaf).ok();
    verify(&two, &[&crossed], &leaf).ok();
    verify(&two, &[&inter], &leaf).fails();

    let again = inter.reissue("until=+1d");
    assert_eq!((again.subject_der(), again.spki_der()), (inter.subject_der(), inter.spki_der()));
    assert_ne!((again.serial_hex(), again.der()), (inter.serial_hex(), inter.der()));
    verify(&one, &[&again], &leaf).ok();

    let other = one.rekey("");
    assert_eq!(other.subject_der(), one.subject_der());
    assert_ne!(other.spki_der(), one.spki_der());
    verify(&other, &[&inter], &leaf).fails();
    // The old root certifies the new one: what was signed by the new verifies under the old.
    verify(&one, &[&one.cross(&other, "")], &other.leaf("cn=b")).ok();

    let renamed = leaf.rekey("cn=c");
    assert_ne!((renamed.subject_der(), renamed.spki_der()), (leaf.subject_der(), leaf.spki_der()));
    verify(&one, &[&inter], &renamed).ok();
    let labelled = ["cn=a key=p256:x", "cn=b key=p256:x", "cn=a key=p256:y"].map(forge::ca);
    assert_eq!(labelled[0].spki_der(), labelled[1].spki_der());
    assert_ne!(labelled[0].spki_der(), labelled[2].spki_der());
}

/// Words of lists, and what `openssl crl -text` must say.
const LISTS: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "Version 2 (0x1)",
            "Issuer: CN=Root",
            "Last Update: Jun 1 11:00:00 2026 GMT",
            "Next Update: Jun 8 12:00:00 2026 GMT",
            "Authority Key Identifier: 01:02:03",
            "X509v3 CRL Number: 1",
            "No Revoked Certificates.",
        ],
    ),
    (
        "revoked=0102;reason:keyCompromise;at:-3d,03;ext:1.2.3:critical:0500 number=300 next=+1h this=-2h",
        &[
            "CRL Number: 300",
            "Last Update: Jun 1 10:00:00 2026 GMT",
            "Next Update: Jun 1 13:00:00 2026 GMT",
            "Serial Number: 0102 Revocation Date: May 29 12:00:00 2026 GMT CRL entry extensions: X509v3 CRL Reason \
             Code: Key Compromise",
            "Serial Number: 03 Revocation Date: Jun 1 10:00:00 2026 GMT CRL entry extensions: 1.2.3: critical",
        ],
    ),
    (
        "next=absent number=absent aki=absent",
        &["Next Update: NONE", "!CRL Number", "!Authority Key Identifier"],
    ),
    ("version=1 times=generalized", &["Version 1 (0x0)", "!extensions"]),
    (
        "number-critical aki-critical",
        &["CRL Number: critical 1", "Authority Key Identifier: critical 01:02:03"],
    ),
    ("delta=4", &["Delta CRL Indicator: critical 4"]),
    ("delta=4 delta-critical=no", &["Delta CRL Indicator: 4"]),
    (
        "idp=uri:http://x/a only=user reasons=keyCompromise|superseded",
        &[
            "Issuing Distribution Point: critical Full Name: URI:http://x/a Only User Certificates Only Some Reasons: \
             Key Compromise, Superseded",
        ],
    ),
    ("only=ca idp-critical=no", &["Issuing Distribution Point: Only CA Certificates"]),
    ("only=attribute", &["Only Attribute Certificates"]),
    ("idp", &["Issuing Distribution Point: critical <EMPTY>"]),
    (
        "indirect revoked=07;issuer:cn=Other",
        &["Indirect CRL", "Certificate Issuer: critical DirName:/CN=Other"],
    ),
    ("issuer=cn=Else sig=sha384", &["Issuer: CN=Else", "ecdsa-with-SHA384"]),
    ("freshest=uri:http://x/d freshest-critical", &["Freshest CRL: critical Full Name: URI:http://x/d"]),
    ("ext=1.2.3.4:plain:0500 dup=1.2.3.4 trailing=0500", &["1.2.3.4: .. 1.2.3.4: .."]),
];

#[test]
fn openssl_reads_the_lists() {
    let directory = scratch();
    let file = directory.path().join("x.pem");
    let mut wrong = Vec::new();
    for (words, expected) in LISTS {
        write(&file, &root().crl(words).pem());
        let said = openssl(["crl", "-noout", "-text", "-in", text(&file)]).stdout;
        wrong.extend(unsaid(words, expected, &said));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unreadable = "inner-trailing=0500 tbs-trailing=04021234";
    let der = forge::to_hex(root().crl(unreadable).der());
    assert!(der.ends_with("0500") && der.contains("04021234300a06082a8648ce3d040302"), "{der}");
    let used: BTreeSet<&str> = LISTS
        .iter()
        .map(|(words, _)| *words)
        .chain([unreadable])
        .flat_map(str::split_whitespace)
        .map(|word| word.split('=').next().unwrap_or(word))
        .collect();
    let missing: Vec<&str> =
        forge::KNOWN_OF_LISTS.iter().map(|(word, _)| *word).filter(|word| !used.contains(word)).collect();
    assert!(missing.is_empty(), "words without a test: {missing:?}");
}

#[test]
fn lists_revoke() {
    let directory = scratch();
    let file = directory.path().join("list.pem");
    let root = forge::ca("cn=Root");
    let [good, bad] = ["cn=good", "cn=bad"].map(|words| root.leaf(words));
    let mut judge = Judge::start();
    let list = root.crl(&format!("revoked={};reason:keyCompromise", bad.serial_hex()));
    write(&file, &list.pem());
    let check = ["-crl_check", "-CRLfile", text(&file)];
    verify(directory.path(), &root.pem(), "", &good.pem(), &check).ok();
    let ran = verify(directory.path(), &root.pem(), "", &bad.pem(), &check).fails();
    assert!(ran.words().contains("certificate revoked"), "{}", ran.words());
    let said = judge.ask(&json!({"ask": "list", "pem": list.pem()}));
    assert_eq!(said["revoked"].as_object().map(serde_json::Map::len), Some(1), "{said}");
    assert!(said["revoked"][bad.serial_hex()].to_string().contains("key_compromise"), "{said}");
    let by = root.pem();
    assert_eq!(judge.ask(&json!({"ask": "signed", "pem": list.pem(), "by": by}))["valid"], true);
    let forged = root.crl("sig=other-key").pem();
    assert_eq!(judge.ask(&json!({"ask": "signed", "pem": forged, "by": by}))["valid"], false);
}

#[test]
fn cryptography_reads_and_verifies() {
    let root = forge::ca("cn=Root");
    let inter = root.ca("cn=Inter pathlen=0 nc=permit:dns:example.com");
    let leaf = inter.leaf("o=dev o=ops cn=a sans=dns:a.example.com,ip:192.0.2.1 eku=server serial=0abc");
    let mut judge = Judge::start();
    let said = judge.ask(&json!({"ask": "certificate", "pem": leaf.pem()}));
    for (field, expected) in [
        ("version", "v3"),
        ("serial", "abc"),
        ("subject", "CN=a,O=ops,O=dev"),
        ("issuer", "CN=Inter"),
        ("from", "2026-05-31T12:00:00+00:00"),
        ("until", "2026-08-29T12:00:00+00:00"),
        ("algorithm", "ecdsa-with-SHA256"),
    ] {
        assert_eq!(said[field], expected, "{field} in {said}");
    }
    let mut question = json!({
        "ask": "chain", "leaf": leaf.pem(), "roots": root.pem(), "intermediates": inter.pem(),
        "purpose": "server", "name": "dns:a.example.com", "at": "2026-06-01T12:00:00Z",
    });
    let said = judge.ask(&question);
    assert_eq!(said["valid"], true, "{said}");
    question["leaf"] = inter.leaf("sans=dns:a.example.com,dns:a.example.org").pem().into();
    assert_eq!(judge.ask(&question)["valid"], false, "a name that is not permitted");
    question["leaf"] = leaf.pem().into();
    question["name"] = "dns:b.example.com".into();
    assert_eq!(judge.ask(&question)["valid"], false);
}
