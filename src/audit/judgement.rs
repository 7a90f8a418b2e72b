//! From evidence to findings, and from findings to a refusal.

use super::{CertificateEvidence, Check, Outcome, RULES, Rule, Severity};

/// One thing that is wrong with a certificate.
#[derive(Debug, Clone)]
pub struct Objection {
    /// The rule that is broken.
    pub rule: &'static Rule,
    /// How bad it is here.
    pub severity: Severity,
    /// What is wrong, with the values, safe to show.
    pub message: String,
}

/// What a rule that found nothing has to say.
#[derive(Debug, Clone, Copy)]
enum Verdict {
    Passed,
    NotApplicable(&'static str),
    Failed,
}

/// What every rule says about one certificate.
#[derive(Debug, Clone)]
pub struct Judgement {
    findings: Vec<Objection>,
    /// One for each rule, in the order of [`RULES`].
    verdicts: [Verdict; RULES.len()],
}

impl Judgement {
    /// What is wrong: the worst first, then by rule.
    pub fn findings(&self) -> &[Objection] {
        &self.findings
    }

    /// The rules that had nothing to say, each with its reason.
    pub fn not_applicable(&self) -> impl Iterator<Item = (&'static Rule, &'static str)> {
        self.each().filter_map(|(rule, verdict)| match verdict {
            Verdict::NotApplicable(reason) => Some((rule, reason)),
            Verdict::Passed | Verdict::Failed => None,
        })
    }

    /// The rules that looked and found nothing.
    pub fn passed(&self) -> impl Iterator<Item = &'static Rule> {
        self.each().filter(|(_, verdict)| matches!(verdict, Verdict::Passed)).map(|(rule, _)| rule)
    }

    fn each(&self) -> impl Iterator<Item = (&'static Rule, Verdict)> {
        RULES.iter().copied().zip(self.verdicts)
    }
}

/// Lets every rule look at a certificate.
pub fn judge(evidence: &CertificateEvidence<'_>) -> Judgement {
    let mut report = Judgement { findings: Vec::new(), verdicts: [Verdict::Passed; RULES.len()] };
    for (rule, verdict) in RULES.iter().copied().zip(&mut report.verdicts) {
        let (Check::Certificate(check) | Check::Both { sealed: check, .. }) = rule.check else {
            *verdict = Verdict::NotApplicable("it looks at whole trees");
            continue;
        };
        *verdict = match check(evidence) {
            Outcome::Pass => Verdict::Passed,
            Outcome::NotApplicable(reason) => Verdict::NotApplicable(reason),
            Outcome::Fail(facts) => {
                report.findings.extend(facts.into_iter().map(|fact| Objection {
                    rule,
                    severity: fact.severity.unwrap_or(rule.severity),
                    message: fact.message,
                }));
                Verdict::Failed
            }
        };
    }
    // Stable, so facts of one rule and severity keep the order in which the rule gave them.
    report.findings.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.rule.id.cmp(b.rule.id)));
    report
}

/// The mildest severity for which a CA refuses to seal: what some verifier would refuse, or what weakens
/// the certificate.
pub const REFUSED_FROM: Severity = Severity::Medium;

/// The findings for which a certificate must not be sealed; none when it may.
pub fn refuses(report: &Judgement) -> Vec<&Objection> {
    report.findings.iter().filter(|finding| finding.severity >= REFUSED_FROM).collect()
}

#[cfg(test)]
mod tests {
    use time::Duration;
    use time::macros::datetime;

    use super::super::testing::{Bench, ec_key, ed25519_key, name, rsa_key, rsa_key_of, with_serial};
    use super::super::{Expected, OuterSignature};
    use super::*;
    use crate::x509::{
        AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, Extension, KeyUsage, Marked,
        NameConstraints, SerialNumber, SubjectAltName,
    };

    fn extension(oid: &str, critical: bool) -> Extension {
        Extension { oid: oid.into(), critical, value: Vec::new() }
    }

    /// What fires, the worst first: `critical P012`.
    fn fired(bench: &Bench) -> Vec<String> {
        let report = bench.judge();
        report.findings().iter().map(|finding| format!("{} {}", finding.severity, finding.rule.id)).collect()
    }

    #[test]
    fn good_certificates_have_no_findings() {
        for bench in [Bench::ca(), Bench::server(), Bench::client()] {
            assert_eq!(fired(&bench), [""; 0]);
            let report = bench.judge();
            let judged = report.passed().count() + report.not_applicable().count();
            assert_eq!(judged, RULES.len(), "every rule has said something");
            let by_its_own_word = Bench { expected: None, ..bench };
            assert_eq!(fired(&by_its_own_word), [""; 0]);
        }
    }

    #[test]
    fn on_what_kubeadm_writes_only_the_documented_rules_fire() {
        for (file, bench) in Bench::kubeadm() {
            let expected: &[&str] = match file {
                // Its CAs cannot sign revocation lists; its serial numbers have 63 bits; and it marks every
                // key for encipherment, whatever the algorithm.
                "ca" => &["low P013", "info P004", "info P015"],
                "ca, RSA" => &["low P013", "info P004"],
                "apiserver, RSA" => &["info P004"],
                _ => &["info P004", "info P015"],
            };
            for expectation in [bench.expected, None] {
                let bench = Bench { expected: expectation, ..bench.clone() };
                assert_eq!(fired(&bench), expected, "{file}");
                assert!(refuses(&bench.judge()).is_empty(), "{file}");
            }
        }
    }

    type Spoil = fn(&mut Bench);

    fn usage(critical: bool, usages: &[KeyUsage]) -> Marked<KeyUsage> {
        Marked { critical, value: usages.iter().copied().collect() }
    }

    fn purposes(purposes: &[ExtendedKeyUsage]) -> Marked<Vec<ExtendedKeyUsage>> {
        Marked { critical: false, value: purposes.to_vec() }
    }

    fn names(names: &[SubjectAltName]) -> Marked<Vec<SubjectAltName>> {
        Marked { critical: false, value: names.to_vec() }
    }

    /// One change to a good server, and every rule that it sets off.
    const SPOILED_SERVERS: &[(&str, Spoil, &[&str])] = &[
        ("version 1", |b| b.tbs.version = 1, &["high P001"]),
        ("serial zero", |b| b.tbs = with_serial(&[0]), &["medium P002"]),
        ("serial negative", |b| b.tbs = with_serial(&[0x80; 9]), &["high P002"]),
        ("serial of 21 octets", |b| b.tbs.serial = SerialNumber::from_unsigned(&[1; 21]), &["low P003"]),
        ("serial from a counter", |b| b.tbs.serial = SerialNumber::from_unsigned(&[16]), &["medium P004"]),
        ("serial of 63 bits", |b| b.tbs.serial = SerialNumber::from_unsigned(&[0x7f; 8]), &["info P004"]),
        (
            "another algorithm outside",
            |b| b.outer_signature = Some(OuterSignature { algorithm: "1.3.101.112", parameters: None }),
            &["medium P006"],
        ),
        (
            "parameters of ECDSA",
            |b| b.tbs.signature_parameters = Some(vec![5, 0]),
            &["medium P006", "medium P006"],
        ),
        (
            "SHA-1",
            |b| {
                b.tbs.signature_algorithm = "1.2.840.10045.4.1".into();
                b.outer_signature = Some(OuterSignature { algorithm: "1.2.840.10045.4.1", parameters: None });
            },
            &["critical P007"],
        ),
        ("RSA-768", |b| b.tbs.public_key = rsa_key(768, 65_537), &["critical P008"]),
        ("RSA-1024", |b| b.tbs.public_key = rsa_key(1024, 65_537), &["high P008"]),
        ("RSA-16384", |b| b.tbs.public_key = rsa_key(16_384, 65_537), &["high P008"]),
        ("RSA-2048", |b| b.tbs.public_key = rsa_key(2048, 65_537), &[]),
        ("secp256k1", |b| b.tbs.public_key = ec_key(&[0x2b, 0x81, 4, 0, 10]), &["high P009"]),
        ("Ed25519", |b| b.tbs.public_key = ed25519_key(), &["info P009"]),
        ("exponent 3", |b| b.tbs.public_key = rsa_key(2048, 3), &["medium P010"]),
        ("even modulus", |b| b.tbs.public_key = rsa_key_of(&[0xfe; 256], &[1, 0, 1]), &["medium P010"]),
        (
            "CA:TRUE",
            |b| {
                let value = BasicConstraints { ca: true, path_len: None };
                b.tbs.extensions.basic_constraints = Some(Marked { critical: true, value });
            },
            &["critical P012"],
        ),
        (
            "keyCertSign",
            |b| {
                b.tbs.extensions.key_usage =
                    Some(usage(true, &[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::KEY_CERT_SIGN]));
            },
            &["critical P012"],
        ),
        ("no key usage", |b| b.tbs.extensions.key_usage = None, &["medium P014"]),
        (
            "key usage not critical",
            |b| b.tbs.extensions.key_usage = Some(usage(false, &[KeyUsage::DIGITAL_SIGNATURE])),
            &["medium P014"],
        ),
        (
            "no digitalSignature",
            |b| b.tbs.extensions.key_usage = Some(usage(true, &[KeyUsage::KEY_AGREEMENT])),
            &["medium P014"],
        ),
        (
            "keyEncipherment on ECDSA",
            |b| {
                b.tbs.extensions.key_usage =
                    Some(usage(true, &[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::KEY_ENCIPHERMENT]));
            },
            &["info P015"],
        ),
        (
            "nothing for serverAuth",
            |b| b.tbs.extensions.key_usage = Some(usage(true, &[KeyUsage::CONTENT_COMMITMENT])),
            &["medium P014", "medium P016"],
        ),
        (
            "decipherOnly",
            |b| {
                b.tbs.extensions.key_usage =
                    Some(usage(true, &[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::DECIPHER_ONLY]));
            },
            &["medium P016"],
        ),
        ("no extended key usage", |b| b.tbs.extensions.extended_key_usage = None, &["medium P017"]),
        (
            "any purpose",
            |b| b.tbs.extensions.extended_key_usage = Some(purposes(&[ExtendedKeyUsage::Any])),
            &["high P017"],
        ),
        (
            "a client too",
            |b| {
                let both = [ExtendedKeyUsage::ServerAuth, ExtendedKeyUsage::ClientAuth];
                b.tbs.extensions.extended_key_usage = Some(purposes(&both));
            },
            &["medium P017"],
        ),
        ("no names", |b| b.tbs.extensions.subject_alt_names = None, &["high P018"]),
        (
            "an address as a DNS name",
            |b| b.tbs.extensions.subject_alt_names = Some(names(&[SubjectAltName::Dns("192.0.2.1".into())])),
            &["medium P019"],
        ),
        (
            "a name twice",
            |b| {
                let name = SubjectAltName::Dns("a.example.com".into());
                b.tbs.extensions.subject_alt_names = Some(names(&[name.clone(), name]));
            },
            &["low P020"],
        ),
        (
            "a common name that is another host",
            |b| b.tbs.subject = name(&[("CN", "other.example.com".into())]),
            &["low P020"],
        ),
        (
            "no authority key identifier",
            |b| b.tbs.extensions.authority_key_identifier = None,
            &["medium P021"],
        ),
        (
            "another authority key identifier",
            |b| {
                let value =
                    AuthorityKeyIdentifier { key_identifier: Some(vec![1]), names_certificate: false };
                b.tbs.extensions.authority_key_identifier = Some(Marked { critical: false, value });
            },
            &["high P022"],
        ),
        ("an extension twice", |b| b.tbs.extensions.all.push(extension("2.5.29.17", false)), &["high P024"]),
        (
            "an unknown critical extension",
            |b| b.tbs.extensions.all.push(extension("1.2.3", true)),
            &["high P024"],
        ),
        (
            "name constraints",
            |b| {
                let permitted = vec!["dns:example.com".parse().unwrap()];
                let value = NameConstraints { permitted, excluded: vec![] };
                b.tbs.extensions.name_constraints = Some(Marked { critical: true, value });
            },
            &["medium P025"],
        ),
        ("an empty subject", |b| b.tbs.subject = name(&[]), &["medium P026"]),
        ("a long common name", |b| b.tbs.subject = name(&[("CN", "a".repeat(65))]), &["medium P026"]),
        (
            "two groups of the system",
            |b| {
                let node = [("O", "system:nodes"), ("O", "system:masters"), ("CN", "system:node:a")];
                b.tbs.subject = name(&node.map(|(kind, value)| (kind, value.to_owned())));
            },
            &["high P027"],
        ),
        (
            "the issuer's certificate pinned",
            |b| b.tbs.extensions.authority_key_identifier.as_mut().unwrap().value.names_certificate = true,
            &["medium P023"],
        ),
        (
            "a distribution point",
            |b| {
                b.tbs.extensions.crl_distribution_points = Some(Marked { critical: false, value: vec![] });
            },
            &["info P031"],
        ),
        (
            "a reversed validity",
            |b| b.tbs.validity.not_after = b.tbs.validity.not_before - Duration::DAY,
            &["medium P028"],
        ),
        (
            "two years",
            |b| b.tbs.validity.not_after = b.tbs.validity.not_before + Duration::days(730),
            &["low P028", "info P029"],
        ),
        ("before the issuer's beginning", |b| b.tbs.validity.not_before -= Duration::SECOND, &["low C007"]),
        (
            "past the issuer's end",
            |b| {
                let end = b.tbs.validity.not_after - Duration::SECOND;
                b.issuer.as_mut().unwrap().validity.not_after = end;
            },
            &["high C006"],
        ),
    ];

    /// One change to a good CA, and every rule that it sets off.
    const SPOILED_CAS: &[(&str, Spoil, &[&str])] = &[
        ("no basic constraints", |b| b.tbs.extensions.basic_constraints = None, &["high P011"]),
        (
            "basic constraints not critical",
            |b| b.tbs.extensions.basic_constraints.as_mut().unwrap().critical = false,
            &["medium P011"],
        ),
        (
            "no keyCertSign",
            |b| b.tbs.extensions.key_usage = Some(usage(true, &[KeyUsage::CRL_SIGN])),
            &["high P013"],
        ),
        (
            "no cRLSign",
            |b| b.tbs.extensions.key_usage = Some(usage(true, &[KeyUsage::KEY_CERT_SIGN])),
            &["low P013"],
        ),
        ("no key usage", |b| b.tbs.extensions.key_usage = None, &["medium P014"]),
        ("no subject key identifier", |b| b.tbs.extensions.subject_key_identifier = None, &["medium P021"]),
        (
            "name constraints not critical",
            |b| {
                let permitted = vec!["dns:example.com".parse().unwrap()];
                let value = NameConstraints { permitted, excluded: vec![] };
                b.tbs.extensions.name_constraints = Some(Marked { critical: false, value });
            },
            &["medium P025"],
        ),
        (
            "a hundred years",
            |b| {
                b.tbs.validity.not_after = datetime!(2125-06-01 00:00 UTC);
                b.tbs.generalized_times = [false, true];
                b.issuer = Some(b.tbs.clone());
            },
            &["low P028"],
        ),
        (
            "a leaf's role",
            |b| b.expected = Some(Expected::default()),
            &["critical P012", "critical P012", "medium P017", "low P028"],
        ),
    ];

    #[test]
    fn each_change_sets_off_its_own_rules_and_no_others() {
        let mut seen = std::collections::BTreeSet::new();
        for (base, table) in [(Bench::server(), SPOILED_SERVERS), (Bench::ca(), SPOILED_CAS)] {
            for (change, spoil, expected) in table {
                let mut bench = base.clone();
                spoil(&mut bench);
                assert_eq!(fired(&bench), *expected, "{change}");
                seen.extend(bench.judge().findings().iter().map(|finding| finding.rule.id));
            }
        }
        // P030 looks at the clock, which counts only once something is signed.
        let judges_drafts = |rule: &&&Rule| {
            matches!(rule.check, Check::Certificate(_) | Check::Both { .. }) && rule.id != "P030"
        };
        let all: Vec<&str> = RULES.iter().filter(judges_drafts).map(|rule| rule.id).collect();
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), all, "every rule has a change that sets it off");
    }

    #[test]
    fn the_worst_comes_first_and_then_the_lower_id() {
        let mut bench = Bench::server();
        bench.tbs.version = 1;
        bench.tbs.serial = SerialNumber::from_unsigned(&[0x7f; 8]);
        bench.tbs.extensions.key_usage =
            Some(usage(false, &[KeyUsage::KEY_ENCIPHERMENT, KeyUsage::KEY_CERT_SIGN]));
        bench.tbs.extensions.subject_alt_names = None;
        let expected = [
            "critical P012",
            "high P001",
            "high P018",
            "medium P014",
            "medium P014",
            "info P004",
            "info P015",
        ];
        assert_eq!(fired(&bench), expected);
    }

    #[test]
    fn medium_and_worse_is_refused() {
        let mut bench = Bench::server();
        bench.tbs.version = 1;
        bench.tbs.serial = SerialNumber::from_unsigned(&[1; 21]);
        bench.tbs.extensions.key_usage = Some(usage(false, &[KeyUsage::DIGITAL_SIGNATURE]));
        assert_eq!(fired(&bench), ["high P001", "medium P014", "low P003"]);
        let report = bench.judge();
        let ids: Vec<&str> = refuses(&report).iter().map(|finding| finding.rule.id).collect();
        assert_eq!(ids, ["P001", "P014"]);
    }
}
