//! How a party judges the chain that it is shown: with the verifier of `chain`, and whatever else the real one looks at.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;

use super::files::{FileName, Pair, Trust};
use super::network::bare;
use super::report::Above;
use crate::chain::{self, Link, Located, Purpose, Reason, Verdict, Verifier};
use crate::tls::PeerJudge;
use crate::x509::{Certificate, Printable, SerialNumber, SubjectAltName};

/// What a server looks at in a client's certificate beside its chain.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    /// Its common name must be one of these, as the flag says.
    CommonName { allowed: Vec<String>, flag: &'static str },
    /// No certificate of it may have one of these serial numbers, whoever issued it: so etcd reads its lists
    /// (client/pkg/transport, `checkCRL`).
    NotRevoked(Arc<Revoked>),
    /// Where it has addresses and no DNS names, this one, from which it dials, must be among them: etcd looks at the
    /// peers that dial it (client/pkg/transport, `checkCertSAN`). DNS names would be resolved, which is not done here.
    From(IpAddr),
}

/// The serial numbers of a revocation list.
#[derive(Debug)]
pub(super) struct Revoked {
    pub(super) name: FileName,
    pub(super) serials: HashSet<SerialNumber>,
}

/// Why a chain is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Objection {
    /// The kind of reason.
    pub(super) code: &'static str,
    /// The file that is at fault, or that was refused.
    pub(super) file: String,
    /// The SHA-256 of the certificate in it.
    pub(super) fingerprint: String,
    /// The file of those that were trusted, where the issuer is not the one there.
    pub(super) against: Option<String>,
    /// Why, with the names of files.
    pub(super) reason: String,
    /// The same without them.
    pub(super) detail: String,
    /// The certificate above the leaf that is at fault, by its subject and place.
    pub(super) above: Option<Above>,
}

/// What a judge found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// The chain holds, until then, when the certificate in this file ends.
    Accepted(OffsetDateTime, String),
    /// It does not.
    Refused(Objection),
}

/// One party's judgement on the other.
pub(super) struct Judge {
    pub(super) policy: chain::Policy,
    pub(super) at: OffsetDateTime,
    pub(super) purpose: Purpose,
    /// The name that was dialled, and who dialled it: `kubelet.conf of worker1`.
    pub(super) dialled: Option<(SubjectAltName, String)>,
    /// Whom it trusts; everybody without it.
    pub(super) trust: Option<Arc<Trust>>,
    /// What it is shown, with the places where it stands.
    pub(super) shown: Option<Arc<Pair>>,
    pub(super) rules: Vec<Rule>,
    pub(super) found: Mutex<Option<Finding>>,
}

impl PeerJudge for Judge {
    fn judge(&self, chain: &[&[u8]]) -> Result<(), String> {
        let Some(trust) = &self.trust else { return Ok(()) };
        let anchors = trust.anchors.as_deref().unwrap_or_default();
        let known = self.shown.as_ref().and_then(|pair| pair.chain.as_deref().ok()).unwrap_or_default();
        let located = chain.iter().map(|der| locate(der, known)).collect::<Result<Vec<_>, String>>()?;
        let Some((leaf, others)) = located.split_first() else {
            return Err("nothing was shown".to_owned());
        };
        let settings = chain::Settings {
            policy: self.policy,
            purpose: self.purpose,
            names: self.dialled.iter().map(|(name, _)| name.clone()).collect(),
            at: self.at,
        };
        let finding =
            match Verifier::new(&settings, anchors, &[], &[]).quietly().with(others, &[]).verify(leaf) {
                Verdict::Valid(chain) => match self.broken_rule(&located) {
                    Some(objection) => Finding::Refused(objection),
                    None => accepted(&chain),
                },
                Verdict::Invalid(rejection) => {
                    let (fault, path) = rejection.reason();
                    let link = fault.concerns.map_or_else(|| path.last(), |index| path.get(index));
                    Finding::Refused(self.objection(fault, link, leaf))
                }
            };
        let verdict = match &finding {
            Finding::Accepted(..) => Ok(()),
            Finding::Refused(objection) => Err(objection.reason.clone()),
        };
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(finding);
        verdict
    }
}

fn accepted(chain: &chain::VerifiedChain<'_>) -> Finding {
    let end = chain.holds_until().and_then(|(end, index)| Some((end, chain.path().get(index)?)));
    match end {
        Some((end, link)) => Finding::Accepted(end, link.located.source.to_string()),
        None => Finding::Accepted(OffsetDateTime::UNIX_EPOCH, String::new()),
    }
}

/// Where a certificate stands that is in no file.
const MADE: &str = "the certificate that was made for this";

/// A certificate with its place, where it is one of those that are known.
fn locate(der: &[u8], known: &[Located]) -> Result<Located, String> {
    if let Some(located) = known.iter().find(|located| located.certificate.der() == der) {
        return Ok(located.clone());
    }
    let certificate = Certificate::from_der(der).map_err(|error| error.to_string())?;
    let source = chain::Source { file: MADE.to_owned(), ..Default::default() };
    Ok(Located { certificate, source })
}

impl Judge {
    pub(super) fn finding(&self) -> Option<Finding> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What the leaf is called: as its file, or as what was made in its place.
    fn shown_name(&self, leaf: &Located) -> String {
        let shown = self.shown.as_ref().filter(|_| leaf.source.file != MADE);
        shown.map_or_else(|| leaf.source.to_string(), |pair| pair.certificate.short.clone())
    }

    /// A fault of the chain, in words that name files.
    fn objection(&self, fault: &chain::Fault, link: Option<&Link<'_>>, leaf: &Located) -> Objection {
        let code = fault.reason.code();
        let name = self.shown_name(leaf);
        let file = leaf.source.file.clone();
        if let (Reason::NameMismatch, Some((wanted, who))) = (fault.reason, &self.dialled) {
            let names = leaf.certificate.tbs.extensions.names();
            let held = if names.is_empty() {
                "no subject alternative name".to_owned()
            } else {
                names.iter().map(bare).collect::<Vec<_>>().join(", ")
            };
            let reason = format!("{name} does not hold {}, which {who} dials; it holds {held}", bare(wanted));
            let (fingerprint, detail) = (leaf.certificate.fingerprint(), fault.to_string());
            return Objection { code, file, fingerprint, against: None, reason, detail, above: None };
        }
        let trusted = self.trust.as_ref().map(|trust| trust.name.short.as_str()).unwrap_or_default();
        let about = link.map_or(leaf, |link| link.located);
        // What is wrong with a certificate above is said of its file.
        let reason = match fault.reason {
            Reason::NoIssuer => self.no_issuer(fault, leaf, &name, trusted),
            Reason::Signature if about.source != leaf.source => {
                format!("{name} is not from the CA in {trusted}: {fault}")
            }
            _ if about.source != leaf.source => format!("{name}: {} above it: {fault}", about.source),
            _ => format!("{name}: {fault}"),
        };
        let is_of_issuer = matches!(fault.reason, Reason::Signature | Reason::NoIssuer);
        let at_fault = if is_of_issuer { leaf } else { about };
        let above = (at_fault.source != leaf.source).then(|| Above {
            subject: at_fault.certificate.tbs.subject.to_string(),
            place: at_fault.source.to_string(),
        });
        Objection {
            code,
            file: at_fault.source.file.clone(),
            fingerprint: at_fault.certificate.fingerprint(),
            against: self.trust.as_ref().filter(|_| is_of_issuer).map(|trust| trust.name.path.clone()),
            reason,
            detail: fault.to_string(),
            above,
        }
    }

    /// Who issued it, and who is trusted instead.
    fn no_issuer(&self, fault: &chain::Fault, leaf: &Located, name: &str, trusted: &str) -> String {
        let tbs = &leaf.certificate.tbs;
        let anchors = self.trust.as_ref().and_then(|trust| trust.anchors.as_deref().ok()).unwrap_or_default();
        let issuer = tbs.issuer.to_string();
        let subjects: Vec<String> =
            anchors.iter().map(|anchor| anchor.certificate.tbs.subject.to_string()).collect();
        if subjects.contains(&issuer) || tbs.is_self_issued() {
            return format!("{name} is not from a CA in {trusted}: {fault}");
        }
        let more = subjects.len().saturating_sub(4);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let subjects = subjects.into_iter().take(4).collect::<Vec<_>>().join(", ");
        format!("{name} is not from a CA in {trusted}: its issuer is {issuer}, and {subjects}{more} is there")
    }

    fn broken_rule(&self, chain: &[Located]) -> Option<Objection> {
        let leaf = chain.first()?;
        let (tbs, name) = (&leaf.certificate.tbs, self.shown_name(leaf));
        let objection = |code, reason: String| Objection {
            code,
            file: leaf.source.file.clone(),
            fingerprint: leaf.certificate.fingerprint(),
            against: None,
            detail: reason.clone(),
            reason,
            above: None,
        };
        self.rules.iter().find_map(|rule| match rule {
            Rule::CommonName { allowed, flag } => {
                let own = tbs.subject.common_name().unwrap_or_default();
                let refused = !allowed.is_empty() && !allowed.iter().any(|allowed| allowed == own);
                refused.then(|| {
                    let (own, allowed) = (Printable(own), allowed.join(", "));
                    let admitted = Printable(&allowed);
                    objection(
                        "common-name",
                        format!("{name} has the common name {own}, and {flag} admits {admitted}"),
                    )
                })
            }
            Rule::NotRevoked(revoked) => {
                let hit = chain.iter().find(|one| revoked.serials.contains(&one.certificate.tbs.serial))?;
                let serial = &hit.certificate.tbs.serial;
                let reason =
                    format!("{name} has the serial number {serial}, which is in {}", revoked.name.short);
                Some(objection("revoked", reason))
            }
            Rule::From(ip) => {
                let names = tbs.extensions.names();
                let addresses = || names.iter().filter(|name| matches!(name, SubjectAltName::Ip(_)));
                let only_addresses = addresses().next().is_some()
                    && !names.iter().any(|name| matches!(name, SubjectAltName::Dns(_)));
                let held = addresses().any(|name| *name == SubjectAltName::Ip(*ip));
                (only_addresses && !held).then(|| {
                    let held = addresses().map(bare).collect::<Vec<_>>().join(", ");
                    let reason =
                        format!("{name} does not hold {ip}, from which its member dials; it holds {held}");
                    objection("peer-address", reason)
                })
            }
        })
    }
}
