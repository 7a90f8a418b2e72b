//! The document of the profiles, written from the profiles.

use std::fmt::Write as _;

use super::rules::{CaRole, NameKind, OrganizationRule, Organizations, list};
use super::{Catalogue, Profile, ProfileError, RefusalKind};

/// All profiles as Markdown: `docs/profiles.md` is this text.
///
/// # Errors
/// As [`Catalogue::profiles`].
pub fn to_markdown(catalogue: &Catalogue) -> Result<String, ProfileError> {
    let mut text = String::from(INTRODUCTION);
    text.push_str("\n| profile | issuer | subject | usages | lifetime |\n|---|---|---|---|---|\n");
    for profile in catalogue.profiles() {
        let profile = profile?;
        let name = profile.name();
        let _ = writeln!(
            text,
            "| [`{name}`](#{name}) | {} | `CN={}` | {} | {} |",
            profile.issuer(),
            profile.common_name(),
            if profile.is_ca() { "CA".to_owned() } else { purposes(profile) },
            profile.default_lifetime(),
        );
    }
    for profile in catalogue.profiles() {
        section(&mut text, profile?);
    }
    text.push_str("\n## Refusals\n\nAll that apply are reported at once. The code is stable.\n\n");
    text.push_str("| code | meaning |\n|---|---|\n");
    for kind in RefusalKind::ALL {
        let _ = writeln!(text, "| `{}` | {} |", kind.code(), kind.meaning().trim());
    }
    Ok(text)
}

const INTRODUCTION: &str = "\
# Profiles

<!-- Written by the program from templates/profiles; do not edit. -->

A profile says what a certificate may say. A request is a wish: its key and its names reach the
certificate where the profile admits them, and nothing else of it does. Keys of RSA (2048 to 4096 bits),
ECDSA (P-256, P-384) and Ed25519 are accepted. Names that begin with `system:` or `kubeadm:`, or look as if
they did, are refused unless the profile grants them.

Each profile is a file of `templates/profiles`. A file of the same shape in a directory of your own
overrides the profile of the same `name`, or adds one.
";

fn section(text: &mut String, profile: &Profile) {
    let _ = write!(text, "\n## {}\n\n{}\n\n", profile.name(), profile.description());
    let mut item = |label: &str, value: &str| {
        let _ = writeln!(text, "- {label}: {value}");
    };
    match profile.issuer() {
        CaRole::SelfSigned => item("Issuer", "itself"),
        CaRole::Any => item("Issuer", "any CA"),
        role => item("Issuer", &format!("the `{role}` CA")),
    }
    if let Some(range) = &profile.versions {
        item("Kubernetes", &format!("`{range}`"));
    }
    item("Subject", &subject(profile));
    for rule in &profile.subject.organizations {
        item("Organizations", &organizations(rule));
    }
    item("Subject alternative names", &sans(profile));
    item("Key usage", &format!("{} (keyEncipherment for RSA keys only)", profile.key_usage()));
    if !profile.extended_key_usage().is_empty() {
        item("Extended key usage", &purposes(profile));
    }
    if profile.exact_usages {
        item("Usages in a request", "exactly these or none, as the Kubernetes signer demands");
    }
    if let Some(ca) = &profile.ca {
        let length = ca.path_len.map_or("any number of CAs".to_owned(), |n| format!("{n} CAs"));
        item("Path length", &format!("{length} below it, unless the operator says otherwise"));
    }
    let (default, max) = (profile.default_lifetime(), profile.max_lifetime());
    item("Lifetime", &format!("{default}, at most {max}"));
    if profile.is_apiserver_client() {
        item("Kubeconfig", "yes");
    }
    if !profile.source().is_empty() {
        item("Source", profile.source().trim_start_matches("Source:").trim());
    }
}

fn subject(profile: &Profile) -> String {
    let rules = &profile.subject;
    let mut text = format!("`CN={}`", rules.common_name);
    if !rules.common_name.is_fixed() {
        text.push_str(match rules.kind {
            NameKind::NodeName => ", where `{name}` is the name of a node",
            NameKind::Text => ", where `{name}` is any text",
        });
    }
    if let Some(default) = &rules.default {
        let _ = write!(text, ", `{default}` by default");
    }
    if !rules.except.is_empty() {
        let except: Vec<String> = rules.except.iter().map(|pattern| format!("`{pattern}`")).collect();
        let _ = write!(text, ", except {}", except.join(", "));
    }
    if !rules.attributes.is_empty() {
        let _ = write!(text, "; also {}", rules.attributes.join(", "));
    }
    text
}

fn organizations(rule: &OrganizationRule) -> String {
    let mut text = match &rule.admitted {
        Organizations::Exactly(names) if names.is_empty() => "none".to_owned(),
        Organizations::Exactly(names) => format!("exactly `{}`", list(names)),
        Organizations::Matching(patterns) => {
            let patterns: Vec<String> = patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
            format!("any that match {}, reserved ones excepted", patterns.join(", "))
        }
    };
    if let Some(range) = &rule.versions {
        let _ = write!(text, " in Kubernetes `{range}`");
    }
    if let Some(name) = &rule.common_name {
        let _ = write!(text, " for `{name}`");
    }
    text
}

fn sans(profile: &Profile) -> String {
    let rules = &profile.sans;
    let mut parts = Vec::new();
    let mut list = |kind: &str, values: &mut dyn Iterator<Item = String>| {
        let values: Vec<String> = values.map(|value| format!("`{value}`")).collect();
        if !values.is_empty() {
            parts.push(format!("{kind} {}", values.join(", ")));
        }
    };
    list("DNS", &mut rules.dns.iter().map(ToString::to_string));
    list("never", &mut rules.except.iter().map(ToString::to_string));
    list("IP", &mut rules.ip.iter().map(ToString::to_string));
    list("email", &mut rules.email.iter().map(ToString::to_string));
    list("URI", &mut rules.uri.iter().map(ToString::to_string));
    list("by default", &mut rules.default.iter().map(ToString::to_string));
    if rules.common_name {
        parts.push("the common name, where it is a DNS name".to_owned());
    }
    if parts.is_empty() {
        return "none".to_owned();
    }
    if !rules.dns.is_empty() {
        parts.push(if rules.wildcards { "wildcards admitted" } else { "no wildcards" }.to_owned());
    }
    let lead = if rules.required { "at least one; " } else { "" };
    format!("{lead}{}", parts.join("; "))
}

fn purposes(profile: &Profile) -> String {
    let names: Vec<String> = profile.extended_key_usage().iter().map(ToString::to_string).collect();
    names.join(", ")
}
