//! What of a node's certificates and keys is kept for the report.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::{Node, Signing};
use crate::audit::report::{CertificateRecord, Record, RecordKind};
use crate::inspect::Content;
use crate::key::algorithm_name;
use crate::ledger::may_be_the_clusters;
use crate::x509::{Name, PublicKey, sha256};

/// The largest RSA modulus that is kept, in bytes: what OpenSSL verifies with at most.
const LARGEST_MODULUS: usize = 2048;

impl Node {
    /// What tables, graphs and comparisons need of its certificates and keys.
    pub fn records(&self) -> Vec<Record> {
        let mut interned: HashMap<String, Arc<str>> = HashMap::new();
        let mut intern = |text: String| -> Arc<str> {
            Arc::clone(interned.entry(text).or_insert_with_key(|text| Arc::from(text.as_str())))
        };
        let mut moduli: HashMap<[u8; 32], Option<Arc<[u8]>>> = HashMap::new();
        let mut records: Vec<(usize, usize, Record)> = Vec::new();
        for cert in self.certs() {
            let tbs = cert.tbs();
            let signer = match &cert.found.signing {
                Signing::SelfSigned => Some(cert.found.fingerprint),
                Signing::By(signer) => signer.fingerprint(self),
                _ => None,
            };
            let names: Vec<String> =
                tbs.extensions.names().iter().take(64).map(ToString::to_string).collect();
            let purposes: Vec<String> =
                tbs.extensions.purposes().iter().take(16).map(ToString::to_string).collect();
            let name = |name: &Name| if name.is_empty() { "(empty)".to_owned() } else { name.to_string() };
            let certificate = CertificateRecord {
                fingerprint: cert.found.fingerprint,
                subject: intern(name(&tbs.subject)),
                name: tbs.extensions.is_ca().then(|| Box::new(sha256(tbs.subject.der()))),
                issuer: intern(name(&tbs.issuer)),
                serial: tbs.serial.to_string().into(),
                not_before: tbs.validity.not_before,
                not_after: tbs.validity.not_after,
                is_ca: tbs.extensions.is_ca(),
                names: names.join(", ").into(),
                purposes: purposes.join(", ").into(),
                signer,
                cluster: may_be_the_clusters(tbs),
                position: cert.found.position,
            };
            let record = Record {
                location: self.location(&cert.place()),
                elsewhere: self.elsewhere(cert.found.file),
                kind: RecordKind::Certificate,
                roles: cert.roles().collect(),
                alias: super::places::alias(self, cert.found.file),
                surest: cert.found.roles.iter().map(|(_, basis)| *basis).min(),
                usage: cert.found.usage,
                key: Some(cert.spki()),
                modulus: moduli.entry(cert.spki()).or_insert_with(|| modulus(&tbs.public_key)).clone(),
                algorithm: intern(algorithm_name(tbs.public_key.kind())),
                certificate: Some(Box::new(certificate)),
            };
            records.push((cert.found.file, cert.found.item, record));
        }
        for key in &self.keys {
            let item = self.files.get(key.file).and_then(|file| file.items().get(key.item));
            let algorithm = match item.map(|item| &item.content) {
                Some(Content::PrivateKey(facts)) => facts.algorithm.clone(),
                Some(Content::PublicKey(facts)) => Some(algorithm_name(facts.key.kind())),
                _ => None,
            };
            let read = || modulus(&PublicKey::from_der(item?.public_key()?).ok()?);
            let modulus = key.spki.and_then(|spki| moduli.entry(spki).or_insert_with(read).clone());
            let record = Record {
                location: self.location(&self.place_of_key(key)),
                elsewhere: self.elsewhere(key.file),
                kind: if key.private { RecordKind::PrivateKey } else { RecordKind::PublicKey },
                roles: key.roles.iter().map(|(role, _)| *role).collect(),
                alias: None,
                surest: key.roles.iter().map(|(_, basis)| *basis).min(),
                usage: key.usage,
                key: key.spki,
                modulus,
                algorithm: intern(algorithm.unwrap_or_else(|| "unknown".to_owned())),
                certificate: None,
            };
            records.push((key.file, key.item, record));
        }
        records.sort_by_key(|(file, item, _)| (*file, *item));
        records.into_iter().map(|(_, _, record)| record).collect()
    }
}

impl Node {
    /// The path of a file as commands take it, where that is another than the one that it is shown by.
    fn elsewhere(&self, file: usize) -> Option<Arc<Path>> {
        let file = self.files.get(file)?;
        let path = file.command_path();
        (path != Path::new(&*file.shown)).then(|| path.into())
    }
}

/// The modulus of an RSA key, where it is no monster's.
fn modulus(key: &PublicKey) -> Option<Arc<[u8]>> {
    key.rsa_modulus().filter(|modulus| modulus.len() <= LARGEST_MODULUS).map(Arc::from)
}
