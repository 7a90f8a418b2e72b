//! What the chain room says of the chain that was served.

use kpki::chain::{Located, Policy, Purpose, Rejection, Settings, Source, Verdict, VerifiedChain, Verifier};
use kpki::x509::{Certificate, SubjectAltName};
use serde::Serialize;
use time::OffsetDateTime;

use super::super::output::{self, GOOD, WARN, styled};
use super::super::verdict::{Report, warning_text, word};

/// Whom to trust, and whose verdict to give.
pub(super) struct Trust {
    /// The CA certificates; none when there is nothing to judge signatures by.
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
    policy: String,
    /// Whether it was judged by CA certificates, and not only by itself.
    by_ca: bool,
    #[serde(flatten)]
    report: Report,
    /// The lines for people.
    #[serde(skip)]
    pub(super) lines: Vec<String>,
    /// Why it is not valid.
    #[serde(skip)]
    pub(super) reason: Option<String>,
}

/// Judges a chain as it was served, the leaf first, as a server's certificate for this name.
///
/// Without trust anchors the leaf stands for its own. Go's verifier takes that, and looks at its dates, its names and
/// its usages all the same.
pub(super) fn judge(served: &[Certificate], name: &SubjectAltName, trust: &Trust) -> Option<Judgement> {
    let located = |(block, certificate): (usize, &Certificate)| Located {
        certificate: certificate.clone(),
        source: Source { file: "as served".into(), block, ..Source::default() },
    };
    let served: Vec<Located> = served.iter().enumerate().map(located).collect();
    let (leaf, intermediates) = served.split_first()?;
    let (anchors, policy) = match &trust.anchors {
        Some(anchors) => (anchors.as_slice(), trust.policy),
        None => (std::slice::from_ref(leaf), Policy::Kubernetes),
    };
    let settings = Settings { policy, purpose: Purpose::Server, names: vec![name.clone()], at: trust.at };
    let shared = Verifier::new(&settings, anchors, &[], &[]);
    let verdict = shared.with(intermediates, &[]).verify(leaf);
    let by_ca = trust.anchors.is_some();
    let (lines, reason) = match &verdict {
        Verdict::Valid(chain) if by_ca => (valid(chain, name, trust.at), None),
        Verdict::Valid(_) => {
            let words = format!("good for {name} by itself; who signed it is not judged without --cacert");
            (vec![words], None)
        }
        Verdict::Invalid(rejection) => (invalid(rejection, name), Some(rejection.to_string())),
    };
    Some(Judgement { policy: policy.to_string(), by_ca, report: Report::of(&verdict), lines, reason })
}

fn valid(chain: &VerifiedChain<'_>, name: &SubjectAltName, at: OffsetDateTime) -> Vec<String> {
    let link = |index: usize| chain.path().get(index).map(|link| link.located);
    let anchor = chain.path().last().map(|anchor| anchor.located);
    let by = anchor.map(|anchor| format!(", by {} ({})", anchor.certificate.tbs.subject, anchor.source));
    let mut lines = vec![format!("{} for {name}{}", styled(GOOD, "valid"), by.unwrap_or_default())];
    // The dates of the leaf are shown with it.
    if let Some((end, index)) = chain.holds_until().filter(|(_, index)| *index > 0) {
        let through = link(index).map(|through| through.certificate.tbs.subject.to_string());
        let (instant, left) = (output::instant(end), output::left(end - at));
        lines.push(format!("until {instant}, {left}, through {}", through.unwrap_or_default()));
    }
    let warning =
        |warning: &kpki::chain::Warning| format!("{} {}", styled(WARN, "warning"), warning_text(warning));
    lines.extend(chain.warnings().iter().map(warning));
    lines
}

fn invalid(rejection: &Rejection<'_>, name: &SubjectAltName) -> Vec<String> {
    let (fault, _) = rejection.reason();
    let mut lines = vec![format!("{} for {name}: {fault}", word(false))];
    // Where the words say it already, it is not said again.
    let fact = |label: &str, fact: &Option<String>| {
        fact.as_ref().filter(|fact| !fault.detail.contains(*fact)).map(|fact| format!("{label} {fact}"))
    };
    lines.extend([fact("expected", &fault.expected), fact("found   ", &fault.found)].into_iter().flatten());
    lines
}
