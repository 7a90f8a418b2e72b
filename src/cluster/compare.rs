//! What was asked for beside what is there: only what was asked for is compared, for defaults change and what others
//! made is right too.

use time::{Duration, OffsetDateTime};

use super::entries::{AuthorityOptions, Identity};
use crate::key::KeyPair;
use crate::profile::PathLength;
use crate::x509::{Certificate, GeneralSubtree, TbsCertificate, Validity};

/// What a CA that is there has otherwise than was asked for, each with both values. `key` is its private key, where that
/// is here.
pub(super) fn authority(
    certificate: &Certificate,
    key: Option<&KeyPair>,
    identity: &Identity,
    options: &AuthorityOptions,
) -> Vec<String> {
    let tbs = &certificate.tbs;
    let mut differences = Vec::new();
    if let Some(subject) =
        options.subject.as_ref().filter(|asked| asked.to_string() != tbs.subject.to_string())
    {
        differences.push(format!("its subject is {}, and {subject} was asked for", tbs.subject));
    }
    differences.extend(key_algorithm(certificate, identity));
    let validity = tbs.validity;
    let length = validity.not_after - validity.not_before;
    let asked = identity.lifetime.duration();
    if identity.insists.lifetime && (length - asked).abs() > tolerance(asked) {
        differences.push(format!(
            "it is valid for {}, and {} was asked for",
            spell(length),
            identity.lifetime
        ));
    }
    differences.extend(path_length(tbs, options.path_length));
    differences.extend(name_constraints(tbs, options));
    if options.encrypted && key.is_some_and(|key| !key.is_encrypted()) {
        differences.push(
            "its private key is in plain text, and an encrypted one was asked for: nothing that is there is changed".into(),
        );
    }
    differences
}

/// What a leaf that is there has otherwise than was asked for.
pub(super) fn leaf(
    certificate: &Certificate,
    identity: &Identity,
    issuer: &Certificate,
    now: OffsetDateTime,
) -> Vec<String> {
    let mut differences: Vec<String> = key_algorithm(certificate, identity).into_iter().collect();
    if !identity.insists.lifetime {
        return differences;
    }
    let asked = identity.lifetime.duration();
    let Validity { not_before, not_after } = certificate.tbs.validity;
    // kubeadm gives a renewed certificate the beginning of its CA, so that only the rest of its life tells of one that is
    // too long.
    let (length, rest) = (not_after - not_before, not_after - now);
    let cut = not_after >= issuer.tbs.validity.not_after - tolerance(asked);
    if rest > asked + tolerance(asked) {
        differences.push(format!(
            "it is valid for another {}, and {} was asked for",
            spell(rest),
            identity.lifetime
        ));
    } else if length < asked - tolerance(asked) && !cut {
        differences.push(format!(
            "it is valid for {}, and {} was asked for",
            spell(length),
            identity.lifetime
        ));
    }
    differences
}

fn key_algorithm(certificate: &Certificate, identity: &Identity) -> Option<String> {
    let kind = certificate.tbs.public_key.kind().to_string();
    let differs = identity.insists.algorithm && kind != identity.algorithm.name();
    differs.then(|| format!("its key is {kind}, and {} was asked for", identity.algorithm))
}

fn path_length(tbs: &TbsCertificate, asked: PathLength) -> Option<String> {
    let there = tbs.extensions.basic_constraints.as_ref().and_then(|marked| marked.value.path_len);
    let asked = match asked {
        PathLength::OfProfile => return None,
        PathLength::Unlimited => None,
        PathLength::AtMost(length) => Some(length),
    };
    let spell = |length: Option<u32>| {
        length.map_or("no path length".into(), |length| format!("the path length {length}"))
    };
    (there != asked).then(|| format!("it has {}, and {} was asked for", spell(there), spell(asked)))
}

fn name_constraints(tbs: &TbsCertificate, options: &AuthorityOptions) -> Option<String> {
    let asked = &options.name_constraints;
    if asked.is_empty() {
        return None;
    }
    let there =
        tbs.extensions.name_constraints.as_ref().map(|marked| marked.value.clone()).unwrap_or_default();
    let spell = |permitted: &[GeneralSubtree], excluded: &[GeneralSubtree]| {
        let mut words: Vec<String> = permitted.iter().map(|subtree| format!("+{subtree}")).collect();
        words.extend(excluded.iter().map(|subtree| format!("-{subtree}")));
        words.sort();
        if words.is_empty() { "none".to_owned() } else { words.join(" ") }
    };
    let (is, wanted) = (spell(&there.permitted, &there.excluded), spell(&asked.permitted, &asked.excluded));
    (is != wanted).then(|| format!("its name constraints are {is}, and {wanted} was asked for"))
}

/// How far two lifetimes may lie apart and be the same: leap days, what is dated back, and a run that took its time.
fn tolerance(lifetime: Duration) -> Duration {
    Duration::minutes(10) + lifetime / 200
}

/// A length of time in whole days, or hours where it is short.
fn spell(length: Duration) -> String {
    if length.abs() >= Duration::days(2) {
        format!("{} days", length.whole_days())
    } else {
        format!("{} hours", length.whole_hours())
    }
}
