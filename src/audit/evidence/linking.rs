//! Who signed whom.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Contents, FoundCertificate, Node};
use crate::audit::report::Location;
use crate::inspect::{CertificateFacts, verification_cost};
use crate::x509::{KeyUsage, SignatureFault, TbsCertificate};

/// How much work the signatures of one node may be, in verifications of a P-256 signature (41 µs): two seconds.
pub(super) const BUDGET: usize = 50_000;
/// The most certificates of one name that are tried as an issuer.
const MOST_ISSUERS: usize = 16;

/// Who signed a certificate.
#[derive(Debug, Clone)]
pub enum Signing {
    /// Its holder: issuer and subject are one name, and the signature is by the key within.
    SelfSigned,
    /// The key of a certificate that is at hand.
    By(Signer),
    /// Somebody with the name of a certificate at hand, and with another key: the first of that name, and why not.
    AnotherKey(Signer, SignatureFault),
    /// Somebody with the holder's own name, by another key than its own, and none at hand.
    SelfIssued(SignatureFault),
    /// Somebody whose certificate is not at hand.
    Absent,
    /// It was not looked at: there was too much to verify.
    NotChecked,
}

/// A certificate whose key may have signed another.
#[derive(Debug, Clone)]
pub enum Signer {
    /// One of the same node, by its number.
    Here(usize),
    /// One of another node.
    Elsewhere(Arc<Authority>),
}

impl Signer {
    /// What it says, with how it is written.
    pub fn facts<'a>(&'a self, node: &'a Node) -> Option<&'a CertificateFacts> {
        match self {
            Self::Here(index) => node.certificate(*index).map(super::Cert::facts),
            Self::Elsewhere(authority) => authority.contents.certificate(authority.item),
        }
    }

    /// What it says.
    pub fn tbs<'a>(&'a self, node: &'a Node) -> Option<&'a TbsCertificate> {
        self.facts(node).map(|facts| &facts.certificate.tbs)
    }

    /// The SHA-256 of its bytes.
    pub fn fingerprint(&self, node: &Node) -> Option<[u8; 32]> {
        match self {
            Self::Here(index) => node.certificates.get(*index).map(|found| found.fingerprint),
            Self::Elsewhere(authority) => Some(authority.fingerprint),
        }
    }

    /// Where it stands.
    pub fn location(&self, node: &Node) -> Option<Location> {
        match self {
            Self::Here(index) => node.certificate(*index).map(|cert| node.location(&cert.place())),
            Self::Elsewhere(authority) => Some(authority.location.clone()),
        }
    }
}

/// A CA's certificate of some node.
#[derive(Debug)]
pub struct Authority {
    contents: Arc<Contents>,
    item: usize,
    fingerprint: [u8; 32],
    location: Location,
}

/// The CA certificates of all nodes, each once.
#[derive(Debug, Default)]
pub struct Authorities(Mutex<HashMap<Vec<u8>, Vec<Arc<Authority>>>>);

impl Authorities {
    /// Adds those of a node.
    pub(in super::super) fn add(&self, node: &Node) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for cert in node.distinct_certs() {
            let tbs = cert.tbs();
            let usage = tbs.extensions.key_usage.as_ref().map(|usage| usage.value).unwrap_or_default();
            if !(tbs.extensions.is_ca() || tbs.is_self_issued() || usage.contains(KeyUsage::KEY_CERT_SIGN)) {
                continue;
            }
            let Some(super::FileKind::Regular(Ok(contents))) =
                node.files.get(cert.found().file).map(|file| &file.kind)
            else {
                continue;
            };
            let named = known.entry(tbs.subject.der().to_vec()).or_default();
            let is_known = |other: &Arc<Authority>| {
                other.contents.certificate(other.item).is_some_and(|facts| facts.der() == cert.facts().der())
            };
            if named.len() <= MOST_ISSUERS && !named.iter().any(is_known) {
                let location = node.location(&cert.place());
                named.push(Arc::new(Authority {
                    contents: Arc::clone(contents),
                    item: cert.found().item,
                    fingerprint: cert.found().fingerprint,
                    location,
                }));
            }
        }
    }

    fn named(&self, subject: &[u8]) -> Vec<Arc<Authority>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(subject).cloned().unwrap_or_default()
    }
}

/// Finds out who signed each certificate of a node. Where it is given, also among the CAs of the others; whether all were found is the answer.
pub(in super::super) fn link(node: &mut Node, others: Option<&Authorities>) -> bool {
    let mut by_subject: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for cert in node.distinct_certs() {
        let named = by_subject.entry(cert.tbs().subject.der()).or_default();
        // One more than are tried tells that there are more.
        if named.len() <= MOST_ISSUERS {
            named.push(cert.index);
        }
    }
    let mut left = BUDGET;
    let mut found: Vec<Option<Signing>> = Vec::with_capacity(node.certificates.len());
    found.resize_with(node.certificates.len(), || None);
    for cert in node.distinct_certs() {
        let candidates = by_subject.get(cert.tbs().issuer.der()).map(Vec::as_slice).unwrap_or_default();
        let signing = signing(node, cert.index, candidates, others, &mut left);
        if let Some(place) = found.get_mut(cert.index) {
            *place = signing;
        }
    }
    drop(by_subject);
    let mut complete = true;
    for index in 0..node.certificates.len() {
        let same_as = node.certificates.get(index).map_or(index, |found: &FoundCertificate| found.same_as);
        let signing = found.get(same_as).cloned().flatten().unwrap_or(Signing::NotChecked);
        complete &= !matches!(signing, Signing::Absent | Signing::AnotherKey(..) | Signing::SelfIssued(_));
        if let Some(certificate) = node.certificates.get_mut(index) {
            certificate.signing = signing;
        }
    }
    complete
}

fn signing(
    node: &Node,
    index: usize,
    candidates: &[usize],
    others: Option<&Authorities>,
    left: &mut usize,
) -> Option<Signing> {
    let cert = node.certificate(index)?;
    let contents = cert.file().contents()?;
    let item = cert.found().item;
    let mut verify = |key: &crate::x509::PublicKey| {
        let cost = verification_cost(key);
        if cost > *left {
            *left = 0;
            return None;
        }
        *left -= cost;
        Some(contents.verify(item, key))
    };
    let own_fault = if cert.tbs().is_self_issued() {
        match verify(&cert.tbs().public_key) {
            None => return Some(Signing::NotChecked),
            Some(Ok(())) => return Some(Signing::SelfSigned),
            Some(Err(fault)) => Some(fault),
        }
    } else {
        None
    };
    // A certificate in the same directory is the likeliest issuer; of several with one key, the one that lives longest.
    let directory = cert.file().on_node.parent();
    let mut candidates: Vec<super::Cert<'_>> = candidates
        .iter()
        .filter(|other| **other != index)
        .filter_map(|other| node.certificate(*other))
        .collect();
    let is_backup = |other: &super::Cert<'_>| {
        other.file().on_node.extension().is_some_and(|extension| extension == "bak")
    };
    candidates.sort_by_key(|other| {
        (
            // What was replaced is kept beside what replaced it.
            is_backup(other),
            other.file().on_node.parent() != directory,
            std::cmp::Reverse(other.tbs().validity.not_after),
            other.index,
        )
    });
    let mut fault = None;
    for (number, other) in candidates.iter().enumerate() {
        if number == MOST_ISSUERS {
            return Some(Signing::NotChecked);
        }
        match verify(&other.tbs().public_key) {
            None => return Some(Signing::NotChecked),
            Some(Ok(())) => return Some(Signing::By(Signer::Here(other.index))),
            Some(Err(why)) => fault = fault.or(Some((Signer::Here(other.index), why))),
        }
    }
    for authority in others.map(|others| others.named(cert.tbs().issuer.der())).unwrap_or_default() {
        let Some(facts) = authority.contents.certificate(authority.item) else { continue };
        if facts.der() == cert.facts().der() {
            continue;
        }
        match verify(&facts.certificate.tbs.public_key) {
            None => return Some(Signing::NotChecked),
            Some(Ok(())) => return Some(Signing::By(Signer::Elsewhere(authority))),
            Some(Err(why)) => {
                fault = fault.or_else(|| Some((Signer::Elsewhere(Arc::clone(&authority)), why)));
            }
        }
    }
    Some(match (fault, own_fault) {
        (_, Some(fault)) => Signing::SelfIssued(fault),
        (Some((signer, fault)), None) => Signing::AnotherKey(signer, fault),
        (None, None) => Signing::Absent,
    })
}
