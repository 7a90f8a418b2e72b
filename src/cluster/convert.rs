//! From a text in the file to a value of the domain, for both formats.

use std::net::{IpAddr, Ipv4Addr};

use super::endpoint::{Host, ServiceSubnets, dns_name};
use super::yaml::{Scope, Text, quote};
use crate::clock::Lifetime;
use crate::key::KeyAlgorithm;
use crate::yaml::Spanned;

/// The text, unless it is missing or empty, which Kubernetes takes for the same.
pub(super) fn given(text: Option<&Text>) -> Option<&Text> {
    text.filter(|text| !text.value.is_empty())
}

/// Extra names of a certificate, each once.
pub(super) fn hosts(scope: &mut Scope<'_>, field: &str, list: Option<&Vec<Text>>) -> Vec<Host> {
    let mut hosts: Vec<Host> = Vec::new();
    let mut known = std::collections::HashSet::new();
    for text in list.into_iter().flatten() {
        let host = scope.accept(text, field, unpadded(&text.value).parse::<Host>());
        hosts.extend(host.filter(|host| known.insert(host.clone())));
    }
    hosts
}

/// An IPv4 address without zeros before its numbers, which Go ignores in configurations of Kubernetes
/// (`ParseIPSloppy`); any other text as it is.
pub(super) fn unpadded(text: &str) -> String {
    let numbers: Option<Vec<u8>> = text
        .split('.')
        .map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten())
        .collect();
    match numbers.as_deref() {
        Some(&[a, b, c, d]) => Ipv4Addr::new(a, b, c, d).to_string(),
        _ => text.to_owned(),
    }
}

/// One IP address, an IPv4 address mapped into IPv6 as the IPv4 address.
pub(super) fn address(scope: &mut Scope<'_>, field: &str, text: &Text) -> Option<IpAddr> {
    let address = unpadded(&text.value).parse::<IpAddr>().map(|address| address.to_canonical());
    let wrong = |_| {
        let zone = text.value.contains('%');
        let reason = if zone {
            "has a zone, which means something on one machine only"
        } else {
            "is not an IP address"
        };
        format!("{} {reason}", quote(&text.value))
    };
    scope.accept(text, field, address.map_err(wrong))
}

/// A lifetime, or its default.
pub(super) fn lifetime(
    scope: &mut Scope<'_>,
    field: &str,
    text: Option<&Text>,
    default: Lifetime,
) -> Lifetime {
    given(text).and_then(|text| scope.accept(text, field, text.value.parse())).unwrap_or(default)
}

/// The domain of services, or its default.
pub(super) fn dns_domain(scope: &mut Scope<'_>, field: &str, text: Option<&Text>, default: &str) -> String {
    let Some(text) = given(text) else { return default.to_owned() };
    let name = text.value.to_ascii_lowercase();
    let wrong = |reason| format!("{} is not a domain: {reason}", quote(&text.value));
    scope.accept(text, field, dns_name(&name).map_err(wrong)).map_or_else(|| default.to_owned(), |()| name)
}

/// The algorithm of that name among those allowed, which also are what an error proposes.
pub(super) fn algorithm(
    scope: &mut Scope<'_>,
    field: &str,
    text: &Text,
    named: Option<KeyAlgorithm>,
    allowed: &[KeyAlgorithm],
) -> Option<KeyAlgorithm> {
    let wrong = || {
        let words: Vec<&str> = allowed.iter().map(|algorithm| algorithm.name()).collect();
        format!("{} is not known; write one of {}", quote(&text.value), words.join(", "))
    };
    scope.accept(text, field, named.filter(|named| allowed.contains(named)).ok_or_else(wrong))
}

/// A cluster's name: it ends in kubeconfigs, where all but control characters may stand.
pub(super) fn cluster_name(scope: &mut Scope<'_>, field: &str, text: &Text) -> Option<String> {
    let name = &text.value;
    let wrong = format!("{} is not a name; write some text without control characters", quote(name));
    let good = !name.trim().is_empty() && !name.chars().any(char::is_control) && name.len() <= 253;
    scope.accept(text, field, good.then(|| name.clone()).ok_or(wrong))
}

/// The networks of services; a note for each that is larger than the API server takes.
pub(super) fn services<T>(
    scope: &mut Scope<'_>,
    field: &str,
    at: &Spanned<T>,
    subnets: Result<ServiceSubnets, super::SubnetError>,
) -> Option<ServiceSubnets> {
    let subnets = scope.accept(at, field, subnets)?;
    for net in subnets.too_large() {
        let note = "leaves more than 20 bits to services, which API servers may refuse to start with";
        scope.report.notes.push(format!("{field}: {net} {note}"));
    }
    Some(subnets)
}
