//! Certificates, requests, revocation lists and keys.

use kpki::inspect::{Role, purpose_name};
use time::OffsetDateTime;

use super::super::facts::{Certificate, Request, ShownExtension, Wishes};
use super::super::keys::{Key, PrivateKey};
use super::super::lists::{List, SHOWN_ENTRIES};
use super::super::view::{ItemView, SignerView};
use super::{Lines, expiry, near, style_of};
use crate::cli::output::{self, BAD, FAINT, GOOD, WARN, styled};

/// Extensions that are told in words; the others are listed by name.
const TOLD: [&str; 18] = [
    "2.5.29.14",
    "2.5.29.15",
    "2.5.29.17",
    "2.5.29.18",
    "2.5.29.19",
    "2.5.29.20",
    "2.5.29.27",
    "2.5.29.28",
    "2.5.29.30",
    "2.5.29.31",
    "2.5.29.32",
    "2.5.29.33",
    "2.5.29.35",
    "2.5.29.36",
    "2.5.29.37",
    "2.5.29.54",
    "1.3.6.1.5.5.7.1.1",
    "1.3.6.1.5.5.7.1.11",
];

pub(super) fn role(lines: &mut Lines, role: Option<&Role>) {
    let Some(role) = role else { return };
    let name = role.name();
    let mut text = match (&role.by_name, &role.by_content) {
        (Some(named), Some(content)) if named == content => format!("{name}, by name and content"),
        (Some(_), _) if !role.conflicts.is_empty() => {
            styled(WARN, format!("{name} by name, but {}", role.conflicts.join(" and ")))
        }
        (Some(_), _) => format!("{name}, by name"),
        _ => format!("{name}, by content"),
    };
    if let Some(remark) = &role.remark {
        text = format!("{text}; {remark}");
    }
    lines.push("role", text);
}

fn signer(item: &ItemView) -> String {
    let place =
        |signer: &SignerView| signer.place.as_deref().map(|place| near(place, item)).unwrap_or_default();
    match &item.signed_by {
        Some(by) => match by.status {
            "selfSigned" => styled(FAINT, "(self-signed, verified)"),
            "signed" => styled(GOOD, format!("(signed by {})", place(by))),
            "selfIssued" => {
                let reason =
                    by.reason.as_deref().unwrap_or_default().replace("the issuer's key", "its own key");
                styled(WARN, format!("(self-issued, not proved to be self-signed: {reason})"))
            }
            "anotherKey" => {
                let reason = by.reason.as_deref().unwrap_or_default();
                styled(WARN, format!("(not signed by {}, which has that name: {reason})", place(by)))
            }
            "notChecked" => styled(FAINT, "(signature not checked: too many in one call)"),
            _ => String::new(),
        },
        None => String::new(),
    }
}

fn holders(item: &ItemView) -> String {
    let mut shown: Vec<String> =
        item.same_key.iter().take(4).map(|holder| near(&holder.place, item)).collect();
    shown.dedup();
    if item.same_key_count > 4 {
        shown.push(format!("{} more", item.same_key_count - 4));
    }
    shown.join(", ")
}

/// A public key, and where the same one is.
pub(super) fn key(lines: &mut Lines, key: &Key, item: &ItemView) {
    let exponent = key.exponent.filter(|exponent| *exponent != 65_537);
    let exponent = exponent.map(|exponent| format!(", exponent {exponent}")).unwrap_or_default();
    let private: Vec<String> = item
        .same_key
        .iter()
        .filter(|holder| holder.kind == "privateKey")
        .take(2)
        .map(|holder| near(&holder.place, item))
        .collect();
    let beside = if !private.is_empty() {
        styled(GOOD, format!("; its private key is in {}", private.join(", ")))
    } else if item.same_key_count > 0 {
        format!("; the same key is in {}", holders(item))
    } else {
        String::new()
    };
    lines.push("key", format!("{}{exponent}{beside}", key.algorithm));
    lines.push("key SHA-256", format!("sha256:{}", key.public_key_sha256));
    lines.push("", styled(FAINT, format!("base64 {}", key.public_key_pin)));
}

fn marked(extensions: &[ShownExtension], oid: &str) -> &'static str {
    match extensions.iter().find(|extension| extension.oid == oid) {
        Some(extension) if extension.critical => " (critical)",
        _ => "",
    }
}

fn wishes(lines: &mut Lines, wishes: &Wishes, extensions: &[ShownExtension]) {
    if !wishes.names.is_empty() {
        lines.push("names", format!("{}{}", wishes.names.join(", "), marked(extensions, "2.5.29.17")));
    }
    let mut usages = Vec::new();
    if !wishes.key_usage.is_empty() {
        usages.push(format!("{}{}", wishes.key_usage.join(", "), marked(extensions, "2.5.29.15")));
    }
    if !wishes.extended_key_usage.is_empty() {
        usages.push(format!("{}{}", wishes.extended_key_usage.join(", "), marked(extensions, "2.5.29.37")));
    }
    if !usages.is_empty() {
        lines.push("usages", usages.join("; "));
    }
    if extensions.iter().any(|extension| extension.oid == "2.5.29.19") {
        let length = wishes.path_length.map(|length| format!(", path length {length}")).unwrap_or_default();
        let ca = if wishes.ca { "yes" } else { "no" };
        lines.push("CA", format!("{ca}{length}{}", marked(extensions, "2.5.29.19")));
    }
    if let Some(constraints) = &wishes.name_constraints {
        let critical = marked(extensions, "2.5.29.30");
        if !constraints.permitted.is_empty() {
            lines.push("permitted", format!("{}{critical}", constraints.permitted.join(", ")));
        }
        if !constraints.excluded.is_empty() {
            lines.push("excluded", format!("{}{critical}", constraints.excluded.join(", ")));
        }
    }
}

fn others(lines: &mut Lines, extensions: &[ShownExtension]) {
    for extension in extensions.iter().filter(|extension| !TOLD.contains(&extension.oid.as_str())) {
        let name = extension.name.map(|name| format!("{name} ")).unwrap_or_default();
        let critical = if extension.critical { ", critical" } else { "" };
        lines.push("extension", format!("{name}{} ({} bytes{critical})", extension.oid, extension.length));
    }
}

pub(super) fn certificate(lines: &mut Lines, facts: &Certificate, item: &ItemView, now: OffsetDateTime) {
    lines.push("subject", &facts.subject);
    lines.push("issuer", format!("{} {}", facts.issuer, signer(item)).trim_end());
    role(lines, item.role.as_ref());
    let (from, until) = facts.life;
    let left = expiry(facts.state, from, until, now);
    let left = style_of(facts.state, until, now).map_or_else(|| left.clone(), |style| styled(style, &left));
    lines.push("valid", format!("{} to {} ({left})", output::instant(from), output::instant(until)));
    wishes(lines, &facts.wishes, &facts.extensions);
    key(lines, &facts.key, item);
    let mut identifiers = Vec::new();
    identifiers.extend(facts.subject_key_identifier.as_ref().map(|id| format!("own {id}")));
    if let Some(authority) = &facts.authority_key_identifier {
        identifiers.extend(authority.key_identifier.as_ref().map(|id| format!("issuer's {id}")));
        identifiers
            .extend(authority.names_certificate.then(|| "issuer's issuer and serial number".to_owned()));
    }
    lines.list("key ids", &identifiers);
    for policy in &facts.policies {
        let statements = policy.practice_statements.join(" ");
        let critical = marked(&facts.extensions, "2.5.29.32");
        lines.push("policy", format!("{}{critical} {statements}", policy.oid).trim_end());
    }
    lines.list("policy rules", &facts.policy_rules);
    for (label, list) in
        [("issuer info", &facts.authority_information), ("subject info", &facts.subject_information)]
    {
        for access in list {
            lines.push(label, format!("{} {}", access.method, access.location));
        }
    }
    lines.list("issuer names", &facts.issuer_alternative_names);
    let places = facts.crl_distribution_points.join(", ");
    if !places.is_empty() {
        lines.push("CRLs", format!("{places}{}", marked(&facts.extensions, "2.5.29.31")));
    }
    others(lines, &facts.extensions);
    if let Some(trust) = &facts.trust {
        let mut words = Vec::new();
        words.extend(trust.alias.as_ref().map(|alias| format!("called `{alias}`")));
        for (what, purposes) in [("trusted", &trust.trusted), ("rejected", &trust.rejected)] {
            let names: Vec<&str> = purposes.iter().map(|oid| purpose_name(oid).unwrap_or(oid)).collect();
            words.extend((!names.is_empty()).then(|| format!("{what} for {}", names.join(", "))));
        }
        lines.list("trust", &words);
    }
    lines.push("signature", &facts.signature_algorithm.name);
    lines.push("serial", &facts.serial);
    if facts.version != 3 {
        lines.push("version", facts.version.to_string());
    }
    lines.push("SHA-256", &facts.fingerprint_sha256);
}

pub(super) fn request(lines: &mut Lines, facts: &Request, item: &ItemView) {
    lines.push("subject", &facts.subject);
    let proof = match &facts.possession_fault {
        None => styled(GOOD, "the requester holds the private key: the signature verifies"),
        Some(fault) => styled(BAD, format!("not proved: {fault}")),
    };
    lines.push("possession", proof);
    wishes(lines, &facts.wishes, &facts.extensions);
    key(lines, &facts.key, item);
    others(lines, &facts.extensions);
    let attributes: Vec<String> =
        facts.attributes.iter().filter(|name| name.as_str() != "extensionRequest").cloned().collect();
    lines.list("attributes", &attributes);
    lines.push("signature", &facts.signature_algorithm.name);
    lines.push("SHA-256", &facts.fingerprint_sha256);
}

pub(super) fn revocation_list(lines: &mut Lines, list: &List, item: &ItemView, now: OffsetDateTime) {
    lines.push("issuer", format!("{} {}", list.issuer, signer(item)).trim_end());
    let (from, until) = list.life;
    lines.push("issued", output::instant(from));
    match until {
        Some(until) => {
            let left = expiry(list.state, from, until, now);
            let left =
                style_of(list.state, until, now).map_or_else(|| left.clone(), |style| styled(style, &left));
            lines.push("next due", format!("{} ({left})", output::instant(until)));
        }
        None => lines.push("next due", "it does not say"),
    }
    if let Some(number) = &list.number {
        let delta = if list.delta { ", a delta: what changed since another list" } else { "" };
        lines.push("number", format!("{number}{delta}"));
    }
    lines.list("scope", &list.scope);
    lines.push("revoked", format!("{} certificates", list.revoked));
    for entry in &list.entries {
        let issuer = entry.issuer.as_ref().map(|issuer| format!(", of {issuer}")).unwrap_or_default();
        lines.push("", format!("{} {} {}{issuer}", entry.serial, entry.date, entry.reason));
    }
    if list.revoked > SHOWN_ENTRIES {
        lines
            .push("", styled(FAINT, format!("and {} more; -o json lists all", list.revoked - SHOWN_ENTRIES)));
    }
    lines.list(
        "key ids",
        &list.authority_key_identifier.iter().map(|id| format!("issuer's {id}")).collect::<Vec<_>>(),
    );
    others(lines, &list.extensions);
    lines.push("signature", &list.signature_algorithm.name);
    if list.version != 2 {
        lines.push("version", list.version.to_string());
    }
    lines.push("SHA-256", &list.fingerprint_sha256);
}

pub(super) fn private_key(lines: &mut Lines, facts: &PrivateKey, item: &ItemView) {
    role(lines, item.role.as_ref());
    let algorithm = facts.algorithm.as_deref().unwrap_or("hidden by the encryption");
    lines.push("key", format!("{algorithm}, {}", facts.form.trim_start_matches("encrypted ")));
    lines.push("encrypted", facts.encryption.as_deref().unwrap_or("no"));
    match &facts.public {
        Some(public) => {
            let note = if facts.proved { "" } else { " (as it stands beside the private key)" };
            lines.push("key SHA-256", format!("sha256:{}{note}", public.public_key_sha256));
        }
        None => lines.push("key SHA-256", "not known"),
    }
    if item.same_key_count > 0 {
        lines.push("belongs to", holders(item));
    }
}
