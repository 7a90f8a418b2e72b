//! What must hold of every input, whatever it is: the fuzz targets' bodies. `tests/fuzz.rs` holds them against the
//! fixtures and against what the forge makes, so that they are kept without a fuzzer too.
//!
//! Only the library's public functions are used.

use std::fmt::{Debug, Display};
use std::path::Path;

use kpki::chain::{
    self, Attempt, Located, LocatedList, Policy, Purpose, Settings, Source, Verdict, Verifier,
};
use kpki::key::{KeyError, KeyPair, Passphrase};
use kpki::kubeconfig;
use kpki::pem;
use kpki::profile::Catalogue;
use kpki::request::SigningRequest;
use kpki::x509::{Certificate, Extensions, Name, PublicKey, RevocationList, TbsCertificate};
use time::OffsetDateTime;
use time::macros::datetime;

/// The instant of the tests: `forge::NOW`.
const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

/// What the seeds' encrypted keys are encrypted with.
pub(crate) const PASSPHRASE: &str = "fuzz";

/// Certificates: DER in is DER out, its parts can be read alone, and nothing of it moves a terminal.
pub(crate) fn certificate(data: &[u8]) {
    if let Some(all) = read(Certificate::all_from_pem_or_der(data)) {
        let first = read(Certificate::from_pem_or_der(data)).expect("the first of them");
        assert_eq!(first, all[0]);
    }
    let Some(certificate) = read(Certificate::from_der(data)) else { return };
    assert_eq!(certificate.der(), data);
    let again =
        Certificate::all_from_pem_or_der(certificate.to_pem().as_bytes()).expect("what was just written");
    assert_eq!(again, std::slice::from_ref(&certificate));
    assert_eq!(certificate.fingerprint().len(), 64);
    let tbs = &certificate.tbs;
    assert_eq!(TbsCertificate::from_der(certificate.tbs_der()).expect("it was read in the whole"), *tbs);
    name(&tbs.subject);
    name(&tbs.issuer);
    public_key(&tbs.public_key);
    extensions(&tbs.extensions);
    shown(&tbs.serial);
    shown(certificate.signature_algorithm());
    debugged(&certificate);
    // Go's: a serial number is positive or its first bit is set or it is zero.
    let content = tbs.serial.content();
    assert_eq!(tbs.serial.is_positive(), content.iter().any(|byte| *byte != 0) && content[0] < 0x80);
    if let Err(fault) = certificate.verify_signature(&tbs.public_key) {
        shown(fault);
    }
}

/// Chains: the certificates and lists that stand one after the other in DER, the first being the end entity, the second
/// the trust anchor. The search ends, and says why in words that can be shown; a path that holds is one.
pub(crate) fn chain(data: &[u8]) {
    let (mut certificates, mut lists) = (Vec::new(), Vec::new());
    for (block, der) in documents(data).take(12).enumerate() {
        let source = Source { file: "fuzz".into(), block, ..Source::default() };
        if let Some(certificate) = read(Certificate::from_der(der)) {
            certificates.push(Located { certificate, source });
        } else if let Some(list) = read(RevocationList::from_der(der)) {
            lists.push(LocatedList { list, source });
        }
    }
    let [leaf, anchor, ..] = &certificates[..] else { return };
    let anchors = std::slice::from_ref(anchor);
    let first_name = leaf.certificate.tbs.extensions.names().first().cloned();
    for policy in [Policy::Kubernetes, Policy::Rfc5280] {
        for (purpose, names) in [
            (Purpose::Any, vec![]),
            (Purpose::Server, first_name.clone().into_iter().collect()),
            (Purpose::Client, vec![]),
        ] {
            let settings = Settings { policy, purpose, names, at: NOW };
            let verifier = Verifier::new(&settings, anchors, &certificates, &lists);
            match verifier.verify(leaf) {
                Verdict::Valid(path) => {
                    let links = path.path();
                    assert_eq!(links.first().map(|link| link.located), Some(leaf));
                    assert_eq!(links.last().map(|link| &link.located.certificate), Some(&anchor.certificate));
                    let (end, index) = path.holds_until().expect("a path has a link");
                    assert!(end.unix_timestamp() >= NOW.unix_timestamp() && index < links.len());
                    for warning in path.warnings() {
                        assert!(warning.index < links.len());
                        fault(&warning.fault);
                    }
                }
                Verdict::Invalid(rejection) => {
                    shown(&rejection);
                    assert!(!rejection.to_string().is_empty(), "a rejection without a word");
                    let (_, path) = rejection.reason();
                    assert_eq!(path.first().map(|link| link.located), Some(leaf));
                    attempt(rejection.attempts());
                }
            }
        }
    }
}

fn attempt(tried: &Attempt<'_>) {
    tried.faults.iter().for_each(fault);
    tried.next.iter().for_each(attempt);
}

fn fault(fault: &chain::Fault) {
    shown(fault);
    fault.expected.iter().chain(&fault.found).for_each(shown);
}

/// Revocation lists, likewise.
pub(crate) fn crl(data: &[u8]) {
    let Some(list) = read(RevocationList::from_der(data)) else { return };
    assert_eq!(list.der(), data);
    let blocks = pem::parse(list.to_pem().as_bytes()).expect("what was just written");
    assert_eq!(*blocks[0].der, data);
    name(&list.issuer);
    debugged(&list);
    assert_eq!(list.entries().count(), list.len());
    assert_eq!(list.is_empty(), list.entries().next().is_none());
    for (issuer, serial, entry) in list.entries() {
        shown(issuer);
        shown(serial);
        shown(entry.reason_name());
        assert_eq!(list.entry(serial, |name| name == issuer), Some(entry));
    }
    list.unknown_critical().iter().for_each(shown);
    for (oid, reason) in &list.malformed {
        shown(oid);
        shown(reason);
    }
    let key = PublicKey::from_der(&ED25519_KEY).expect("a key");
    if let Err(fault) = list.verify_signature(&key) {
        shown(fault);
    }
}

/// Requests, in DER, in PEM and in Kubernetes objects.
pub(crate) fn csr(data: &[u8]) {
    let Some(requests) = read(SigningRequest::read_all(data)) else { return };
    assert!(!requests.is_empty());
    for request in requests {
        name(&request.subject);
        public_key(&request.public_key);
        extensions(&request.extensions);
        if let Err(reason) = request.possession() {
            shown(reason);
        }
        assert_eq!(request.hash().map(|hash| hash.len()), Some(64));
        if let Some(object) = &request.kubernetes {
            kpki::issue::remarks(object, &request).iter().for_each(shown);
        }
        if data.first() == Some(&0x30) {
            let again = SigningRequest::read_all(pem::encode(pem::CERTIFICATE_REQUEST, data).as_bytes());
            let again = read(again).and_then(|mut all| all.pop()).expect("what was read from DER");
            assert_eq!((again.subject, again.public_key), (request.subject, request.public_key));
        }
    }
}

/// Whatever a file holds: it is told in words that can be shown, what is normalised is the same thing, and how its parts
/// belong together is found out.
pub(crate) fn inspect(data: &[u8]) {
    thread_local! {
        static CATALOGUE: Catalogue = Catalogue::built_in();
    }
    let found = kpki::inspect::inspect("pki/ca.crt", data);
    shown(found.encoding.name());
    let items = found.all();
    for item in &items {
        shown(item.kind());
        shown(item.title());
        item.faults.iter().for_each(shown);
        item.oddities.iter().for_each(shown);
        assert_eq!(item.public_key_sha256().is_some(), item.public_key().is_some());
        if let Some(text) = item.to_pem() {
            let again = kpki::inspect::inspect("again", text.as_bytes());
            assert_eq!(again.items.len(), 1);
            assert_eq!(again.items[0].kind(), item.kind());
            assert_eq!(again.items[0].to_pem().as_deref(), Some(&*text));
        }
        CATALOGUE.with(|catalogue| {
            if let Some(role) = kpki::inspect::role(Path::new("pki/ca.crt"), item, false, catalogue) {
                shown(role.name());
                role.conflicts.iter().chain(&role.remark).for_each(shown);
            }
        });
    }
    assert_eq!(found.is_broken(), items.iter().any(|item| !item.faults.is_empty()));
    let count = items.len();
    drop(items);
    let relations = kpki::inspect::relate(&[found]);
    for item in 0..count {
        let own = relations.of(kpki::inspect::At { file: 0, item }).expect("every item has its relations");
        assert!(own.same_key.len() <= own.same_key_count);
    }
}

/// The paths of a tree that is audited; a file's number is the first byte of its part of the input.
pub(crate) const PATHS: [&str; 16] = [
    "etc/kubernetes/pki/ca.crt",
    "etc/kubernetes/pki/ca.key",
    "etc/kubernetes/pki/apiserver.crt",
    "etc/kubernetes/pki/apiserver.key",
    "etc/kubernetes/pki/sa.pub",
    "etc/kubernetes/pki/etcd/ca.crt",
    "etc/kubernetes/pki/etcd/server.crt",
    "etc/kubernetes/pki/etcd/crl.der",
    "etc/kubernetes/admin.conf",
    "etc/kubernetes/kubelet.conf",
    "etc/kubernetes/tokens.csv",
    "etc/kubernetes/manifests/kube-apiserver.yaml",
    "etc/kubernetes/manifests/kube-controller-manager.yaml",
    "etc/kubernetes/manifests/etcd.yaml",
    "var/lib/kubelet/config.yaml",
    "var/lib/kubelet/pki/kubelet-client-current.pem",
];

/// Trees: of each file a byte that says which of [`PATHS`] it is, two for its length, and its bytes; one behind the other.
/// The audit ends, and what it says can be shown.
pub(crate) fn audit(data: &[u8]) {
    use kpki::audit::{self, Archive, Input, Policy, Source, Store};
    use kpki::disk::{Attributes, Entry, EntryKind};
    let mut rest = data;
    let mut entries = Vec::new();
    while let [which, high, low, behind @ ..] = rest
        && entries.len() < 40
    {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(behind.len());
        let (bytes, behind) = behind.split_at(length);
        rest = behind;
        let path = PATHS[usize::from(*which) % PATHS.len()];
        entries.push(Entry {
            path: path.into(),
            kind: EntryKind::File(Ok(bytes.to_vec().into())),
            attributes: Attributes { mode: 0o600, links: 1, ..Attributes::default() },
        });
    }
    let archive = Archive { entries, ..Archive::default() };
    let tree =
        Input { name: None, sources: vec![Source::Archive("archive".into(), archive)], store: Store::No };
    let report = audit::audit(vec![tree], &Policy::new(NOW), &|| ()).expect("an archive can be read");
    for finding in &report.findings {
        shown(&finding.message);
        shown(finding.fix());
        shown(&finding.location.path);
    }
    report.skipped.iter().for_each(|skipped| shown(&skipped.reason));
    for record in &report.records {
        shown(&record.location.path);
        if let Some(certificate) = &record.certificate {
            shown(&certificate.subject);
            shown(&certificate.names);
        }
    }
}

/// Private keys: what is read is written as it was, in a form that openssl has; and no secret is in what is shown.
pub(crate) fn key(data: &[u8]) {
    let pair = match KeyPair::from_pem(data, None) {
        Err(KeyError::Encrypted) => {
            let passphrase = Passphrase::from(PASSPHRASE.to_owned());
            match read(KeyPair::from_pem(data, Some(&passphrase))) {
                Some(pair) if pair.is_encrypted() => pair,
                Some(_) => panic!("it was encrypted"),
                None => return,
            }
        }
        other => match read(other) {
            Some(pair) => pair,
            None => return,
        },
    };
    let text = pair.to_pem();
    let again = KeyPair::from_pem(text.as_bytes(), None).expect("what was just written");
    assert_eq!(again.public_key_der(), pair.public_key_der());
    assert_eq!(*again.to_pem(), *text);
    assert_eq!((again.algorithm(), again.form()), (pair.algorithm(), pair.form()));
    let public = PublicKey::from_der(pair.public_key_der()).expect("a public key");
    assert!(public.is_canonical(), "{public:?}");
    debugged(&pair);
    // The document is in base64 in the text; no part of it may be in what Debug says.
    let secret = text.lines().nth(1).expect("a line of base64");
    assert!(!format!("{pair:?}").contains(secret));
    pair.sign(b"message").expect("a key that was read signs");
}

/// Kubeconfigs: whatever is wrong can be said, and no message holds the key.
pub(crate) fn kubeconfig(data: &[u8]) {
    let Some(identity) = read(kubeconfig::read(data)) else { return };
    assert!(!identity.authorities.is_empty());
    let shown = format!("{identity:?}");
    let key = identity.key.to_pem();
    assert!(!shown.contains(key.lines().nth(1).expect("a line of base64")));
}

/// PEM: blocks lie one after the other in the text, and each is read from what is written of it.
pub(crate) fn pem(data: &[u8]) {
    let Some(blocks) = read(pem::parse(data)) else { return };
    let lines = data.split(|byte| *byte == b'\n').count();
    let mut last = 0;
    for block in &blocks {
        shown(&block.label);
        assert!(
            last < block.span.first_line && block.span.first_line < block.span.last_line,
            "{:?}",
            block.span
        );
        last = block.span.last_line;
        let again =
            pem::parse(pem::encode(&block.label, &block.der).as_bytes()).expect("what was just written");
        assert_eq!((again.len(), &again[0].label, &again[0].der), (1, &block.label, &block.der));
    }
    assert!(last <= lines);
}

/// An Ed25519 key (RFC 8032 section 7.1, test 1).
const ED25519_KEY: [u8; 44] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00, 0xd7, 0x5a, 0x98, 0x01, 0x82,
    0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6,
    0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
];

/// What was read; an error is shown like everything else.
fn read<T, E: Display>(result: Result<T, E>) -> Option<T> {
    result.inspect_err(|error| shown(error)).ok()
}

fn name(name: &Name) {
    shown(name);
    debugged(name);
    assert_eq!(Name::from_der(name.der()).expect("a name that was read"), *name);
    for attribute in name.attributes() {
        shown(attribute.short_name());
    }
}

fn public_key(key: &PublicKey) {
    debugged(key);
    shown(key.kind());
    assert_eq!(PublicKey::from_der(key.der()).expect("a key that was read"), *key);
    assert!(key.rsa_modulus().is_none_or(|modulus| modulus.first() != Some(&0)));
    assert!(!key.key_identifier().is_empty());
    let _ = (key.is_canonical(), key.is_point());
}

fn extensions(extensions: &Extensions) {
    extensions.names().iter().for_each(shown);
    extensions.purposes().iter().for_each(shown);
    if let Some(constraints) = &extensions.name_constraints {
        constraints.value.permitted.iter().chain(&constraints.value.excluded).for_each(shown);
    }
    for extension in &extensions.all {
        shown(&extension.oid);
        assert!(extensions.find(&extension.oid).is_some());
    }
    for (oid, reason) in &extensions.malformed {
        shown(oid);
        shown(reason);
    }
    assert!(extensions.duplicates().len() < extensions.all.len().max(1));
    assert!(extensions.unknown().count() <= extensions.all.len());
}

/// The DER elements that stand one after the other, the first byte of each being that of a SEQUENCE.
fn documents(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let length = match rest {
            [0x30, length @ ..=0x7f, ..] => 2 + usize::from(*length),
            [0x30, 0x81, length, ..] => 3 + usize::from(*length),
            [0x30, 0x82, high, low, ..] => 4 + usize::from(u16::from_be_bytes([*high, *low])),
            _ => return None,
        };
        let (document, behind) = rest.split_at_checked(length)?;
        rest = behind;
        Some(document)
    })
}

/// Asserts that a text can be shown: nothing in it moves a terminal's cursor, and nothing in it hides or reorders what
/// stands around it.
fn shown(text: impl Display) {
    let text = text.to_string();
    let deceptive = |c: &char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!text.chars().any(|c| deceptive(&c)), "not safe to show: {text:?}");
}

/// The same of what Debug says.
fn debugged(value: &impl Debug) {
    shown(format!("{value:?}"));
}
