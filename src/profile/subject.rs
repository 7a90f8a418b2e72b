//! The subject: in Kubernetes the common name is the user, and each organization a group.

use std::net::Ipv4Addr;

use super::refusal::shown;
use super::reserved::{Likeness, is_reserved, likeness};
use super::rules::{NameKind, Organizations, list};
use super::{KubernetesVersion, Profile, Refusal, RefusalKind as Kind};
use crate::x509::{Attribute, COMMON_NAME, Name, ORGANIZATION, check_dns_name, is_deceptive};

/// Short names of the attributes that are not CN and O, by their object identifiers.
const OTHERS: [(&str, &str); 6] = [
    ("2.5.4.6", "C"),
    ("2.5.4.8", "ST"),
    ("2.5.4.7", "L"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("2.5.4.11", "OU"),
    ("2.5.4.5", "serialNumber"),
];

/// The longest common name or organization, in characters (RFC 5280 appendix A.1, ub-common-name).
const LONGEST: usize = 64;

/// The subject built anew from what is admitted; `None` when anything is refused.
pub(super) fn judge(
    profile: &Profile,
    asked: &Name,
    version: &KubernetesVersion,
    refusals: &mut Vec<Refusal>,
) -> Option<Name> {
    let before = refusals.len();
    let mut organizations: Vec<&str> = Vec::new();
    let mut common_names: Vec<&str> = Vec::new();
    let (mut places, mut units) = (Vec::new(), Vec::new());
    for attribute in asked.attributes() {
        match attribute.oid.as_str() {
            COMMON_NAME => {
                readable("CN", &attribute.value, refusals);
                common_names.push(&attribute.value);
            }
            ORGANIZATION => {
                readable("O", &attribute.value, refusals);
                if !organizations.contains(&attribute.value.as_str()) {
                    organizations.push(&attribute.value);
                }
            }
            _ => {
                if let Some(short) = other(profile, attribute, refusals) {
                    // Where from, biggest first, stands before the organization; what unit of it, after.
                    let inner = matches!(short, "OU" | "serialNumber");
                    if inner { &mut units } else { &mut places }.push((short, attribute.value.as_str()));
                }
            }
        }
    }
    let common_name = one_common_name(profile, asked, &common_names, refusals);
    if let Some(common_name) = common_name.filter(|common_name| !common_name.is_empty()) {
        judge_common_name(profile, common_name, refusals);
    }
    judge_organizations(profile, &organizations, common_name.unwrap_or_default(), version, refusals);
    if refusals.len() > before {
        return None;
    }
    let mut attributes = places;
    attributes.extend(organizations.iter().map(|organization| ("O", *organization)));
    attributes.extend(units);
    attributes.extend(common_name.map(|common_name| ("CN", common_name)));
    match Name::from_attributes(&attributes) {
        Ok(name) => Some(name),
        Err(error) => {
            refusals.push(Refusal::new(Kind::NameTooLong, "the subject", error.to_string()));
            None
        }
    }
}

/// What no name may hold, whatever the profile says.
fn readable(attribute: &str, value: &str, refusals: &mut Vec<Refusal>) {
    let mut refuse = |kind, reason: &str| refusals.push(Refusal::new(kind, shown(attribute, value), reason));
    // Most names are plain; one look at the bytes tells.
    if value.bytes().all(|b| b.is_ascii_graphic()) && (1..=LONGEST).contains(&value.len()) {
        return;
    }
    if value.is_empty() {
        refuse(Kind::EmptySubject, "it is empty");
    }
    if value.contains(char::REPLACEMENT_CHARACTER) {
        refuse(Kind::AmbiguousSubject, "it holds bytes that are no text");
    }
    if value.chars().any(|c| is_deceptive(c) || (c.is_whitespace() && c != ' ')) {
        refuse(
            Kind::ControlCharacter,
            "it holds a character that is invisible, moves a terminal's cursor or reorders text",
        );
    }
    if value.trim() != value {
        refuse(
            Kind::OuterWhiteSpace,
            "it starts or ends with white space, so that it looks like another name",
        );
    }
    if value.chars().count() > LONGEST {
        refuse(Kind::NameTooLong, "it is longer than 64 characters (RFC 5280 appendix A.1)");
    }
}

/// The short name of another attribute, if the profile admits it.
fn other(profile: &Profile, attribute: &Attribute, refusals: &mut Vec<Refusal>) -> Option<&'static str> {
    let known = OTHERS.iter().find(|(oid, _)| *oid == attribute.oid).map(|(_, short)| *short);
    if let Some(short) = known.filter(|short| profile.subject.attributes.contains(short)) {
        readable(short, &attribute.value, refusals);
        return Some(short);
    }
    let reason = match known {
        Some("OU") => {
            "the profile does not admit it; Kubernetes reads groups from O alone, and an OU grants nothing"
        }
        _ if profile.subject.attributes.is_empty() => "the profile admits CN and O alone",
        _ => "the profile does not admit this attribute",
    };
    let fact = shown(known.unwrap_or(&attribute.oid), &attribute.value);
    refusals.push(Refusal::new(Kind::UnknownAttribute, fact, reason));
    None
}

fn one_common_name<'a>(
    profile: &Profile,
    asked: &Name,
    common_names: &[&'a str],
    refusals: &mut Vec<Refusal>,
) -> Option<&'a str> {
    match common_names {
        [one] => Some(one),
        [] => {
            let fact =
                if asked.is_empty() { "the subject is empty" } else { "the subject has no common name" };
            let reason = format!("the profile needs CN={}", profile.subject.common_name);
            refusals.push(Refusal::new(Kind::EmptySubject, fact, reason));
            None
        }
        [.., last] => {
            let all: Vec<String> = common_names.iter().take(4).map(|name| shown("CN", name)).collect();
            let reason = "one program reads the first common name, another the last (Go, and so Kubernetes)";
            refusals.push(Refusal::new(Kind::AmbiguousSubject, all.join(", "), reason));
            // What Kubernetes would read is judged all the same.
            Some(last)
        }
    }
}

fn judge_common_name(profile: &Profile, asked: &str, refusals: &mut Vec<Refusal>) {
    let rules = &profile.subject;
    let mut refuse = |kind, reason: String| refusals.push(Refusal::new(kind, shown("CN", asked), reason));
    let Some(name) = rules.common_name.name_in(asked) else {
        let wanted = format!("the profile's common name is {}", rules.common_name);
        return match likeness(asked) {
            Likeness::Reserved => {
                refuse(Kind::ReservedName, format!("the name is reserved for Kubernetes; {wanted}"));
            }
            Likeness::LookAlike => {
                refuse(Kind::LookAlike, format!("it imitates a name of Kubernetes; {wanted}"));
            }
            Likeness::None => refuse(Kind::SubjectMismatch, wanted),
        };
    };
    if rules.common_name.is_fixed() {
        return;
    }
    if !is_reserved(&rules.common_name.prefix) {
        match likeness(asked) {
            Likeness::Reserved => {
                refuse(
                    Kind::ReservedName,
                    "the name is reserved for Kubernetes, and the profile does not grant it".into(),
                );
            }
            Likeness::LookAlike => {
                refuse(Kind::LookAlike, "it imitates a name that is reserved for Kubernetes".into());
            }
            Likeness::None => {}
        }
    }
    if rules.except.iter().any(|pattern| pattern.matches(name)) {
        refuse(Kind::ReservedName, "the profile keeps this name for a component".into());
    }
    if rules.kind == NameKind::NodeName
        && let Err(reason) = node_name(name)
    {
        refuse(Kind::SubjectMismatch, format!("it does not name a node: {reason}"));
    }
}

/// A node's name is a DNS subdomain of RFC 1123 (Kubernetes, "Object names and IDs"), which an IPv4
/// address is too.
fn node_name(name: &str) -> Result<(), &'static str> {
    if name.starts_with("*.") {
        return Err("a wildcard is none");
    }
    if name.parse::<Ipv4Addr>().is_ok() {
        return Ok(());
    }
    check_dns_name(name)
}

fn judge_organizations(
    profile: &Profile,
    asked: &[&str],
    common_name: &str,
    version: &KubernetesVersion,
    refusals: &mut Vec<Refusal>,
) {
    match profile.organizations(version, common_name) {
        Organizations::Exactly(wanted) => {
            let wants = format!("in Kubernetes {version} the profile's organizations are: {}", list(wanted));
            for organization in asked.iter().filter(|asked| !wanted.iter().any(|o| o == **asked)) {
                let kind = match likeness(organization) {
                    Likeness::Reserved => Kind::ReservedGroup,
                    Likeness::LookAlike => Kind::LookAlike,
                    Likeness::None => Kind::SubjectMismatch,
                };
                refusals.push(Refusal::new(kind, shown("O", organization), wants.as_str()));
            }
            for missing in wanted.iter().filter(|o| !asked.contains(&o.as_str())) {
                let fact = format!("{} is missing", shown("O", missing));
                refusals.push(Refusal::new(Kind::SubjectMismatch, fact, wants.as_str()));
            }
        }
        Organizations::Matching(patterns) => {
            for organization in asked {
                let granted = |reserved: bool| {
                    patterns.iter().any(|p| p.matches(organization) && (!reserved || is_reserved(p.prefix())))
                };
                let (kind, reason) = match likeness(organization) {
                    Likeness::LookAlike => {
                        (Kind::LookAlike, "it imitates a group that is reserved for Kubernetes")
                    }
                    Likeness::Reserved if !granted(true) => (
                        Kind::ReservedGroup,
                        "the group is reserved for Kubernetes, and the profile does not grant it",
                    ),
                    Likeness::None if !granted(false) => {
                        (Kind::SubjectMismatch, "it matches none of the profile's organizations")
                    }
                    _ => continue,
                };
                refusals.push(Refusal::new(kind, shown("O", organization), reason));
            }
        }
    }
}
