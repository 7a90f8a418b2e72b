//! An audit as a file for the textfile collector of Prometheus' node exporter (the text-based exposition format, 0.0.4).

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;

use kpki::audit::{CertificateRecord, RULES, Record, Report, Severity, Use};
use time::OffsetDateTime;

/// What is said of each certificate: name, help, value.
type OfCertificate = (&'static str, &'static str, fn(&CertificateRecord) -> OffsetDateTime);

const OF_CERTIFICATES: [OfCertificate; 2] = [
    (
        "kpki_certificate_not_after_timestamp_seconds",
        "The last instant of the certificate's life.",
        |certificate| certificate.not_after,
    ),
    (
        "kpki_certificate_not_before_timestamp_seconds",
        "The first instant of the certificate's life.",
        |certificate| certificate.not_before,
    ),
];

pub(super) fn of(report: &Report, now: OffsetDateTime) -> String {
    let mut out = String::new();
    for (name, help, value) in OF_CERTIFICATES {
        head(&mut out, name, help);
        // Of the same certificate twice in a file there is one series.
        let mut seen = HashSet::new();
        for record in &report.records {
            // What was put aside may well have ended: nothing comes of that.
            let Some(certificate) = record.certificate.as_ref().filter(|_| record.usage != Use::Old) else {
                continue;
            };
            let labels = labels(record, certificate);
            if seen.insert(labels.clone()) {
                let _ = writeln!(out, "{name}{{{labels}}} {}", value(certificate).unix_timestamp());
            }
        }
    }
    findings(&mut out, report);
    let read = &report.read;
    let unread = report.unread.files + report.unread.directories + report.unread.others;
    for (name, help, value) in [
        ("kpki_audit_skipped", "What could not be judged.", report.skipped.len()),
        ("kpki_audit_unread", "Files, directories and other things that were not read.", unread),
        ("kpki_audit_nodes_unread", "Nodes of which nothing was read.", report.unread.nodes.len()),
        ("kpki_audit_waived", "Findings that are accepted by a waiver.", report.waived.len()),
        ("kpki_audit_dead_waivers", "Waivers that waive nothing any more.", report.dead_waivers.len()),
        ("kpki_audit_files_read", "Files that were read.", read.files),
        ("kpki_audit_certificates_read", "Certificates that were read.", read.certificates),
        ("kpki_audit_private_keys_read", "Private keys that were read.", read.keys),
        ("kpki_audit_nodes_read", "Nodes that were read.", read.nodes),
    ] {
        head(&mut out, name, help);
        let _ = writeln!(out, "{name} {value}");
    }
    for (name, help, instant) in [
        ("kpki_audit_last_run_timestamp_seconds", "When the audit ran.", now),
        ("kpki_audit_judged_timestamp_seconds", "The instant that was judged.", report.at),
    ] {
        head(&mut out, name, help);
        let _ = writeln!(out, "{name} {}", instant.unix_timestamp());
    }
    out
}

fn head(out: &mut String, name: &str, help: &str) {
    // Writing into a String cannot fail, here and elsewhere.
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge");
}

/// Each rule that looked has a series of its own severity even where it found nothing, so that an alert sees it go.
fn findings(out: &mut String, report: &Report) {
    const NAME: &str = "kpki_audit_findings";
    let mut counts: BTreeMap<(&str, Severity), (&str, usize)> = BTreeMap::new();
    let looked: HashSet<&str> =
        report.tallies.iter().flat_map(|tally| tally.rules.iter()).map(|rule| rule.id).collect();
    for rule in RULES.iter().filter(|rule| looked.contains(rule.id)) {
        counts.insert((rule.id, rule.severity), (rule.name, 0));
    }
    for finding in &report.findings {
        counts.entry((finding.rule.id, finding.severity)).or_insert((finding.rule.name, 0)).1 += 1;
    }
    head(out, NAME, "Findings that are not waived, by rule and severity.");
    for ((rule, severity), (name, count)) in counts {
        let _ = writeln!(out, "{NAME}{{rule=\"{rule}\",name=\"{name}\",severity=\"{severity}\"}} {count}");
    }
}

fn labels(record: &Record, certificate: &CertificateRecord) -> String {
    let role = record.roles.first().map(|role| role.name()).unwrap_or_default();
    let labels = [
        ("path", &*record.location.path),
        ("node", record.location.node.as_deref().unwrap_or_default()),
        ("role", role),
        ("subject", &*certificate.subject),
        ("serial", &*certificate.serial),
    ];
    let labels = labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    labels.join(",")
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}
