//! Whether a client certificate would be taken by the server that asked for it, as far as that can be told from here: by
//! its dates and its purpose, and by the CAs that the server named.
//!
//! That a server does not refuse a certificate in the handshake says nothing where it asks and does not require:
//! kube-apiserver and the kubelet look at it later, and take whom they do not know for nobody.

use std::collections::HashSet;

use kpki::chain::{
    Located, Policy, Purpose, Reason as Cause, Settings, Source, Verdict, Verifier, normal_form,
};
use kpki::tls::{Alert, Handshake};
use kpki::x509::{Certificate, ExtendedKeyUsage, Name};
use serde::Serialize;
use time::OffsetDateTime;

use super::super::output;

/// The most certificates of the client's chain that are followed.
const LONGEST: usize = 16;
/// The most CAs that a message names.
const SHOWN: usize = 4;

/// CA certificates that may be those of which the server gave the names.
pub(super) struct Known<'a> {
    /// The CAs by which the server knows its clients, as far as somebody has said so (`--client-ca`).
    pub(super) given: Option<&'a [Located]>,
    /// Those by which it is known itself.
    pub(super) servers: Option<&'a [Located]>,
    /// When.
    pub(super) at: OffsetDateTime,
    /// Whether there is a client certificate to show.
    pub(super) has_identity: bool,
}

/// What speaks for a client certificate, and what against it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Standing {
    /// Whether it would authenticate its holder; none where that cannot be told.
    pub(super) would_authenticate: Option<bool>,
    /// Why not.
    pub(super) reasons: Vec<Reason>,
    /// Whose signature it bears at the end of what was shown: the name that the server must know.
    issuer: String,
    /// Whether that is among the CAs that the server named; none where it named none.
    issuer_named: Option<bool>,
    /// The CA certificate that verifies it, and where it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_by: Option<String>,
    /// What is known of it, in a sentence.
    #[serde(skip)]
    pub(super) remark: String,
}

/// One reason why it would not be taken.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reason {
    /// Its name for programs.
    pub(super) code: &'static str,
    /// In words.
    pub(super) message: String,
    /// The date that it is about, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<String>,
    /// Whether a server that holds more CAs than it named would see it otherwise.
    #[serde(skip)]
    pub(super) by_names: bool,
}

impl Reason {
    fn new(code: &'static str, message: String) -> Self {
        Self { code, message, date: None, by_names: false }
    }

    fn of_date(code: &'static str, message: String, date: OffsetDateTime) -> Self {
        Self { date: Some(output::rfc3339(date)), ..Self::new(code, message) }
    }

    fn by_names(code: &'static str, message: String) -> Self {
        Self { by_names: true, ..Self::new(code, message) }
    }
}

impl Standing {
    /// All reasons in a line.
    pub(super) fn why(&self) -> String {
        self.reasons.iter().map(|reason| reason.message.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// Judges the chain that was shown in a handshake; none where none was.
    pub(super) fn of(handshake: &Handshake, known: &Known<'_>) -> Option<Self> {
        let read = |chain: &[Vec<u8>]| -> Vec<Certificate> {
            chain.iter().filter_map(|der| Certificate::from_der(der).ok()).collect()
        };
        let shown = read(&handshake.client_chain);
        let leaf = shown.first()?;
        let server_chain = read(&handshake.server_chain);
        let served = located(&server_chain, "as served");
        let servers: Vec<&Located> = known.servers.into_iter().flatten().chain(&served).collect();
        let case = Case {
            shown: &shown,
            named: &handshake.acceptable_cas,
            given: known.given,
            servers,
            server: server_chain.first(),
            at: known.at,
        };
        let mut reasons = case.own(leaf);
        let top = case.top();
        let (authority, more) = case.issuer(top);
        reasons.extend(more);
        reasons.extend(case.rest(authority, top, &reasons));
        let issuer = &top.tbs.issuer;
        let named = (!case.named.is_empty()).then(|| case.names(issuer) || case.names(&top.tbs.subject));
        let would_authenticate = match (reasons.is_empty(), named, authority) {
            (false, ..) => Some(false),
            (true, Some(true), Some(_)) => Some(true),
            (true, _, Some(_)) if case.given.is_some() => Some(true),
            (true, Some(true), None) if case.shares_key(top) == Some(true) => Some(true),
            _ => None,
        };
        Some(Self {
            would_authenticate,
            reasons,
            issuer: issuer.to_string(),
            issuer_named: named,
            verified_by: authority
                .map(|located| format!("{} ({})", located.certificate.tbs.subject, located.source)),
            remark: case.remark(leaf, top, named, authority),
        })
    }
}

struct Case<'a> {
    shown: &'a [Certificate],
    named: &'a [Name],
    given: Option<&'a [Located]>,
    servers: Vec<&'a Located>,
    /// What the server itself shows.
    server: Option<&'a Certificate>,
    at: OffsetDateTime,
}

fn located(certificates: &[Certificate], file: &str) -> Vec<Located> {
    let source = |block| Source { file: file.to_owned(), block, ..Source::default() };
    let one = |(block, certificate): (usize, &Certificate)| Located {
        certificate: certificate.clone(),
        source: source(block),
    };
    certificates.iter().enumerate().map(one).collect()
}

impl<'a> Case<'a> {
    fn is_leaf(&self, certificate: &Certificate) -> bool {
        self.shown.first().is_some_and(|leaf| leaf.der() == certificate.der())
    }

    fn names(&self, name: &Name) -> bool {
        self.named.iter().any(|named| named.der() == name.der())
    }

    /// What its own dates and purposes say.
    fn own(&self, leaf: &Certificate) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let validity = leaf.tbs.validity;
        if self.at > validity.not_after {
            let message = format!("it ended on {}", output::instant(validity.not_after));
            reasons.push(Reason::of_date("expired", message, validity.not_after));
        } else if self.at < validity.not_before {
            let message = format!("it begins on {} only", output::instant(validity.not_before));
            reasons.push(Reason::of_date("not-yet-valid", message, validity.not_before));
        }
        if let Some(usage) = &leaf.tbs.extensions.extended_key_usage
            && !usage
                .value
                .iter()
                .any(|purpose| matches!(purpose, ExtendedKeyUsage::ClientAuth | ExtendedKeyUsage::Any))
        {
            let purposes: Vec<String> = usage.value.iter().map(ToString::to_string).collect();
            let message =
                format!("it is not for clientAuth (its extended key usage is {})", purposes.join(", "));
            reasons.push(Reason::new("purpose", message));
        }
        reasons
    }

    /// The last certificate of the client's chain that leads up from its leaf, or the first below a CA that the server
    /// named.
    fn top(&self) -> &'a Certificate {
        let mut rest: Vec<&Certificate> = self.shown.iter().take(LONGEST).collect();
        let mut top = rest.remove(0);
        while !self.names(&top.tbs.issuer) {
            let signed_by = |other: &&Certificate| {
                other.tbs.subject.der() == top.tbs.issuer.der()
                    && top.verify_signature(&other.tbs.public_key).is_ok()
            };
            let Some(next) = rest.iter().position(signed_by) else { break };
            top = rest.remove(next);
        }
        top
    }

    /// The CA certificate at hand that verifies the last one, and what is wrong with its issuer.
    fn issuer(&self, top: &Certificate) -> (Option<&'a Located>, Option<Reason>) {
        let issuer = &top.tbs.issuer;
        // The server may hold the last one itself.
        let is_held = self.names(&top.tbs.subject);
        let of_name: Vec<&Located> =
            self.at_hand().filter(|located| located.certificate.tbs.subject.der() == issuer.der()).collect();
        let verified =
            |located: &&&Located| top.verify_signature(&located.certificate.tbs.public_key).is_ok();
        let authority = of_name.iter().find(verified).copied();
        let which = if self.is_leaf(top) {
            format!("its issuer {issuer}")
        } else {
            format!("the issuer {issuer} of {}, which is shown with it,", top.tbs.subject)
        };
        if !self.named.is_empty() && !self.names(issuer) && !is_held {
            return (authority, Some(self.stranger(top, &which)));
        }
        let named = self.named.iter().filter(|named| named.der() == issuer.der()).count();
        let keys: HashSet<&[u8]> =
            of_name.iter().map(|located| located.certificate.tbs.public_key.der()).collect();
        // Of several that it names so, another may be the one that is not at hand.
        let all_known = self.given.is_some() || named > 0 && keys.len() >= named;
        let reason = match (of_name.first(), authority) {
            (Some(other), None) if !is_held && all_known => Some(another_ca(issuer, other)),
            (None, None) if !is_held && named == 1 && self.shares_key(top) == Some(false) => {
                Some(Reason::by_names(
                    "another-ca",
                    format!(
                        "it is signed by another CA of the name {issuer} than the server's own certificate (their authority key identifiers differ)"
                    ),
                ))
            }
            (None, None) if self.given.is_some() && !is_held => Some(Reason::by_names(
                "issuer-not-given",
                format!("{which} is not among the CAs of --client-ca"),
            )),
            _ => None,
        };
        (authority, reason)
    }

    /// Whether a certificate and the server's own name one key of the CA of one name (RFC 5280 section 4.2.1.1); none where
    /// the two are not of one name, or do not say.
    fn shares_key(&self, top: &Certificate) -> Option<bool> {
        let server = self.server.filter(|_| self.given.is_none())?;
        let identifier = |certificate: &Certificate| {
            certificate.tbs.extensions.authority_key_identifier.as_ref()?.value.key_identifier.clone()
        };
        let same_name = server.tbs.issuer.der() == top.tbs.issuer.der();
        Some(identifier(server)? == identifier(top)?).filter(|_| same_name)
    }

    /// The CA certificates by which it is judged.
    fn at_hand(&self) -> impl Iterator<Item = &'a Located> {
        let servers = self.servers.iter().copied().filter(|_| self.given.is_none());
        self.given.into_iter().flatten().chain(servers)
    }

    /// Why the issuer is none that the server named.
    fn stranger(&self, top: &Certificate, which: &str) -> Reason {
        let issuer = &top.tbs.issuer;
        let names: Vec<String> = self.named.iter().take(SHOWN).map(ToString::to_string).collect();
        let more = if self.named.len() > SHOWN { ", …" } else { "" };
        let names = format!("{}{more}", names.join("; "));
        let means_it = |name: &Name| normal_form(name) == normal_form(issuer);
        if self.named.iter().any(means_it) {
            let mut of_name =
                self.at_hand().filter(|located| means_it(&located.certificate.tbs.subject)).peekable();
            let signed =
                |located: &Located| top.verify_signature(&located.certificate.tbs.public_key).is_ok();
            if let Some(other) = of_name.peek().copied()
                && !of_name.any(signed)
            {
                return another_ca(issuer, other);
            }
            return Reason::by_names(
                "issuer-written-otherwise",
                format!(
                    "{which} is written with other bytes than the server's CA of that name, and servers written in Go compare bytes"
                ),
            );
        }
        if top.tbs.is_self_issued() {
            let what = if self.is_leaf(top) { "it".to_owned() } else { top.tbs.subject.to_string() };
            let message = format!("{what} is self-signed, and not among the server's CAs ({names})");
            return Reason::by_names("self-signed", message);
        }
        Reason::by_names(
            "issuer-unknown",
            format!("{which} is not sent and not among the server's CAs ({names})"),
        )
    }

    /// What else Go's verifier has against it: the CAs above it, constraints, algorithms, encodings.
    fn rest(&self, authority: Option<&Located>, top: &Certificate, known: &[Reason]) -> Option<Reason> {
        let pseudo = located(std::slice::from_ref(top), "as shown");
        let anchor: Vec<Located> = authority.map_or(pseudo, |authority| vec![authority.clone()]);
        let shown = located(self.shown, "as shown");
        let (leaf, between) = shown.split_first()?;
        let settings =
            Settings { policy: Policy::Kubernetes, purpose: Purpose::Client, names: Vec::new(), at: self.at };
        let verdict = Verifier::new(&settings, &anchor, between, &[]).quietly().verify(leaf);
        let Verdict::Invalid(rejection) = &verdict else { return None };
        let (fault, path) = rejection.reason();
        let about = fault.concerns.map_or_else(|| path.last(), |index| path.get(index));
        let about = about.map(|link| &link.located.certificate);
        let is_leaf = about.is_none_or(|about| about.der() == leaf.certificate.der());
        let said = |code: &str| known.iter().any(|reason| reason.code == code);
        let code = fault.reason.code();
        match fault.reason {
            Cause::Expired | Cause::NotYetValid | Cause::Purpose if is_leaf && said(code) => None,
            // Whoever it is that signed it, is told already.
            Cause::NoIssuer | Cause::Signature if !known.is_empty() => None,
            _ if is_leaf => Some(Reason::new(code, fault.to_string())),
            _ => {
                let subject = about.map(|about| about.tbs.subject.to_string()).unwrap_or_default();
                Some(Reason::new(code, format!("{subject} above it: {fault}")))
            }
        }
    }

    fn remark(
        &self,
        leaf: &Certificate,
        top: &Certificate,
        named: Option<bool>,
        authority: Option<&Located>,
    ) -> String {
        let until = output::instant(leaf.tbs.validity.not_after);
        let issuer = &top.tbs.issuer;
        let good = format!("it is for clientAuth, until {until}");
        match (named, authority) {
            (Some(true), Some(authority)) => {
                format!("{good}, and signed by the server's CA {issuer} ({})", authority.source.file)
            }
            (Some(true), None) if self.shares_key(top) == Some(true) => {
                format!(
                    "{good}, and of the same CA {issuer} as the server's own certificate, by their authority key identifiers"
                )
            }
            (Some(true), None) => {
                format!(
                    "{good}, and its issuer has the name of the server's CA {issuer}; whether it is that one, --client-ca FILE tells"
                )
            }
            (_, Some(authority)) if self.given.is_some() => {
                format!("{good}, and signed by {issuer} ({})", authority.source.file)
            }
            _ => format!(
                "{good}; the server names no CAs, so whether it knows {issuer} cannot be told: --client-ca FILE does"
            ),
        }
    }
}

fn another_ca(issuer: &Name, other: &Located) -> Reason {
    let message =
        format!("it is signed by another CA of the name {issuer} than that in {}", other.source.file);
    Reason::by_names("another-ca", message)
}

/// What an alert says about a certificate that has nothing against it here.
pub(super) fn alert_says(alert: Option<Alert>, standing: &Standing) -> String {
    let issuer = &standing.issuer;
    let hint = match alert.and_then(Alert::name) {
        Some("certificate_expired") => {
            "the server holds it, or a CA above it, for expired: do the clocks agree?".to_owned()
        }
        Some("certificate_revoked") => "the server holds it for revoked".to_owned(),
        Some("unknown_ca") => {
            format!(
                "the server does not know the CA that signed it: another one of the name {issuer}, or one above it"
            )
        }
        Some("unsupported_certificate") => {
            "the server takes it for one of a kind, or for a purpose, that it does not accept".to_owned()
        }
        Some("access_denied") => "the server knows it, and lets its holder in for nothing".to_owned(),
        _ => format!(
            "why does not show here: another CA of the name {issuer}, a revocation list, or a name that is not allowed; the \
             server's log says it (etcd and other servers written in Go say bad_certificate whatever it is)"
        ),
    };
    format!("{hint}. {}", upper(&standing.remark))
}

fn upper(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
