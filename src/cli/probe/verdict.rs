//! What the chain room says of the chain that was served.

use kpki::chain::{Located, Policy, Purpose, Settings, Source, Verifier};
use kpki::x509::{Certificate, SubjectAltName};
use serde::Serialize;
use time::OffsetDateTime;

use super::report::rfc3339;

/// Whom to trust, and whose verdict to give.
pub(super) struct Trust {
    /// The CA certificates; none when there is nothing to judge the signatures by.
    pub(super) anchors: Option<Vec<Located>>,
    /// Whose verdict.
    pub(super) policy: Policy,
    /// When.
    pub(super) at: OffsetDateTime,
}

/// The verdict on a chain.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Judgement {
    pub(super) valid: bool,
    pub(super) policy: String,
    /// Whether it was judged by CA certificates, and not only by itself.
    pub(super) trusted: bool,
    /// The subjects from the leaf to the trust anchor.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) path: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) holds_until: Option<String>,
    #[serde(skip)]
    pub(super) until: Option<OffsetDateTime>,
    /// The subject of the certificate that ends first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ends_with: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
}

/// Judges a chain as it was served, the leaf first, as a server's certificate for this name.
///
/// Without trust anchors the leaf stands for its own: Go's verifier looks at its dates, its names and its usages then.
pub(super) fn judge(served: &[Certificate], name: &SubjectAltName, trust: &Trust) -> Option<Judgement> {
    let located = |(block, certificate): (usize, &Certificate)| Located {
        certificate: certificate.clone(),
        source: Source { file: "as served".into(), block, line: None },
    };
    let served: Vec<Located> = served.iter().enumerate().map(located).collect();
    let (leaf, intermediates) = served.split_first()?;
    let (anchors, policy) = match &trust.anchors {
        Some(anchors) => (anchors.as_slice(), trust.policy),
        None => (std::slice::from_ref(leaf), Policy::Kubernetes),
    };
    let settings =
        Settings { policy, purpose: Purpose::Server, names: vec![name.clone()], at: trust.at };
    let mut judgement = Judgement {
        valid: false,
        policy: policy.to_string(),
        trusted: trust.anchors.is_some(),
        path: Vec::new(),
        holds_until: None,
        until: None,
        ends_with: None,
        reason: None,
        warnings: Vec::new(),
    };
    match Verifier::new(&settings, anchors, intermediates, &[]).verify(leaf).into_result() {
        Ok(chain) => {
            let subject = |at: usize| chain.path().get(at).map(|link| link.located.certificate.tbs.subject.to_string());
            judgement.valid = true;
            judgement.path = (0..chain.path().len()).filter_map(subject).collect();
            if let Some((end, at)) = chain.holds_until() {
                judgement.holds_until = Some(rfc3339(end));
                judgement.until = Some(end);
                judgement.ends_with = subject(at);
            }
            let warning = |warning: &kpki::chain::Warning| match subject(warning.index) {
                Some(subject) => format!("{subject}: {}", warning.fault),
                None => warning.fault.to_string(),
            };
            judgement.warnings = chain.warnings().iter().map(warning).collect();
        }
        Err(rejection) => judgement.reason = Some(rejection.to_string()),
    }
    Some(judgement)
}
