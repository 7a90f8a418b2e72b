//! An audit as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), as code hosts and editors read it.
//!
//! The types are those of the sections of the standard that are used, and no more; a test holds what is written against the
//! standard's own schema.

use std::collections::HashMap;
use std::fmt::Write as _;

use kpki::audit::{Finding, Gap, Location, RULES, Report, Rule, Severity, Skipped};
use kpki::x509::{hex, sha256};
use serde::Serialize;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

#[derive(Serialize)]
pub(super) struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

/// Section 3.14.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    invocations: [Invocation; 1],
    results: Vec<Row>,
}

/// Section 3.18.
#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

/// Section 3.19.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

/// Section 3.49.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    name: &'static str,
    short_description: Message,
    full_description: Message,
    help: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<String>,
    default_configuration: Configuration,
    properties: Properties,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

/// What code hosts read of a rule beyond the standard.
#[derive(Serialize)]
struct Properties {
    tags: [&'static str; 2],
    #[serde(rename = "security-severity", skip_serializing_if = "Option::is_none")]
    security_severity: Option<&'static str>,
}

/// Sections 3.11 and 3.12.
#[derive(Serialize)]
struct Message {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    markdown: Option<String>,
}

/// Section 3.20.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    tool_execution_notifications: Vec<Notification>,
}

/// Section 3.58: what could not be judged.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    level: &'static str,
    message: Message,
    locations: Vec<Place>,
    #[serde(skip_serializing_if = "Option::is_none")]
    associated_rule: Option<Reference>,
}

/// Section 3.52.
#[derive(Serialize)]
struct Reference {
    id: &'static str,
    index: usize,
}

/// Section 3.27.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    rule_id: &'static str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: Vec<Place>,
    partial_fingerprints: Fingerprints,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression>,
    properties: RowProperties,
}

/// What a finding has that SARIF has no place for.
#[derive(Serialize)]
struct RowProperties {
    severity: &'static str,
    fix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<usize>,
}

#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "kpkiFinding/v1")]
    finding: String,
}

/// Section 3.35.
#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
}

/// Section 3.28.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    physical_location: Physical,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
}

/// Section 3.33: a field of an object.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical {
    fully_qualified_name: String,
}

impl Log {
    /// With `strict`, what was not read is an error.
    pub(super) fn of(report: &Report, strict: bool) -> Self {
        let mut seen = HashMap::new();
        let mut row = |finding: &Finding, suppressions| Row::of(finding, suppressions, &mut seen);
        let mut results: Vec<Row> = report.findings.iter().map(|finding| row(finding, Vec::new())).collect();
        results.extend(report.waived.iter().map(|waived| {
            let justification = format!("{} (until {})", waived.reason, waived.expires);
            row(&waived.finding, vec![Suppression { kind: "external", status: "accepted", justification }])
        }));
        let version = env!("CARGO_PKG_VERSION");
        let rules = RULES.iter().map(|rule| Descriptor::of(rule)).collect();
        Self {
            schema: SCHEMA,
            version: "2.1.0",
            runs: [Run {
                tool: Tool { driver: Driver { name: "kpki", version, semantic_version: version, rules } },
                invocations: [Invocation {
                    execution_successful: true,
                    tool_execution_notifications: report
                        .skipped
                        .iter()
                        .map(|skipped| Notification::of(skipped, strict))
                        .collect(),
                }],
                results,
            }],
        }
    }
}

fn index(rule: &Rule) -> usize {
    RULES.iter().position(|other| other.id == rule.id).unwrap_or_default()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The middle of the bands of CVSS by which code hosts sort; none where nothing has to be done.
fn security_severity(severity: Severity) -> Option<&'static str> {
    match severity {
        Severity::Critical => Some("9.5"),
        Severity::High => Some("8.0"),
        Severity::Medium => Some("5.5"),
        Severity::Low => Some("2.0"),
        Severity::Info => None,
    }
}

fn plain(text: impl Into<String>) -> Message {
    Message { text: text.into(), markdown: None }
}

impl Descriptor {
    fn of(rule: &Rule) -> Self {
        let urls: Vec<String> = rule.citations.iter().map(kpki::audit::Citation::url).collect();
        let sources = rule.citations.iter().zip(&urls);
        let links: Vec<String> =
            sources.clone().map(|(citation, url)| format!("[{}]({url})", citation.source)).collect();
        let named: Vec<String> =
            sources.map(|(citation, url)| format!("{} <{url}>", citation.source)).collect();
        Self {
            id: rule.id,
            name: rule.name,
            short_description: plain(rule.title),
            full_description: plain(rule.explanation),
            help: Message {
                text: format!("{}\n\nFix: {}\n\nSources: {}", rule.explanation, rule.fix, named.join("; ")),
                markdown: Some(format!(
                    "{}\n\n**Fix:** {}\n\n**Sources:** {}",
                    rule.explanation,
                    rule.fix,
                    links.join("; ")
                )),
            },
            help_uri: urls.into_iter().next(),
            default_configuration: Configuration { level: level(rule.severity) },
            properties: Properties {
                tags: ["security", "kubernetes"],
                security_severity: security_severity(rule.severity),
            },
        }
    }
}

impl Notification {
    fn of(skipped: &Skipped, strict: bool) -> Self {
        Self {
            level: match skipped.gap {
                Gap::NotGiven => "note",
                _ if strict => "error",
                _ => "warning",
            },
            message: plain(format!("not judged: {}", skipped.reason)),
            locations: places(&skipped.location),
            associated_rule: skipped.rule.map(|rule| Reference { id: rule.id, index: index(rule) }),
        }
    }
}

impl Row {
    fn of(finding: &Finding, suppressions: Vec<Suppression>, seen: &mut HashMap<String, usize>) -> Self {
        let Finding { rule, location, .. } = finding;
        let fix = finding.fix();
        Self {
            rule_id: rule.id,
            rule_index: index(rule),
            level: level(finding.severity),
            message: plain(format!("{}\n{fix}", finding.message)),
            locations: places(location),
            partial_fingerprints: Fingerprints { finding: fingerprint(finding, seen) },
            suppressions,
            properties: RowProperties {
                severity: finding.severity.name(),
                fix,
                node: location.node.as_deref().map(str::to_owned),
                block: location.block,
            },
        }
    }
}

/// What stays the same from run to run: the rule and the place without its line, and which of several there it is. Messages say
/// how long ago something ended, and change.
fn fingerprint(finding: &Finding, seen: &mut HashMap<String, usize>) -> String {
    let Location { node, path, block, field, .. } = &finding.location;
    let mut key = finding.rule.id.to_owned();
    for part in [node.as_deref().unwrap_or_default(), path, field.as_deref().unwrap_or_default()] {
        // A length before each, so that no two places are written alike.
        let _ = write!(key, "\n{}:{part}", part.len());
    }
    if let Some(block) = block {
        let _ = write!(key, "\n{block}");
    }
    let count = seen.entry(key.clone()).or_default();
    *count += 1;
    let _ = write!(key, "\n#{count}");
    sha256(key.as_bytes()).iter().take(16).fold(String::new(), |text, byte| text + &hex(&[*byte]))
}

fn places(location: &Location) -> Vec<Place> {
    let parts = [location.node.as_deref().unwrap_or_default(), &*location.path];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() {
        return Vec::new();
    }
    let name = location.field.as_deref();
    vec![Place {
        physical_location: Physical {
            artifact_location: Artifact { uri: uri(&parts.join("/")) },
            region: location.line.map(|start_line| Region { start_line }),
        },
        logical_locations: name
            .map(|name| Logical { fully_qualified_name: name.to_owned() })
            .into_iter()
            .collect(),
    }]
}

/// A path as a relative reference (RFC 3986 section 4.2), or that of a file where it is absolute.
fn uri(path: &str) -> String {
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            _ => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        for (path, expected) in [
            ("pki/ca.crt", "pki/ca.crt"),
            ("pki/a b:c#?%.crt", "pki/a%20b%3Ac%23%3F%25.crt"),
            ("pki/ä", "pki/%C3%A4"),
            ("/etc/kubernetes/pki/ca.crt", "file:///etc/kubernetes/pki/ca.crt"),
        ] {
            assert_eq!(uri(path), expected);
        }
    }
}
