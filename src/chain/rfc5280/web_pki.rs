//! What RFC 5280 leaves open and the Web PKI does not: the CA/Browser Forum's Baseline Requirements for TLS servers, as
//! far as the strict policy holds a server's certificate to them. Nothing here contradicts RFC 5280.

use std::net::{IpAddr, Ipv4Addr};

use super::super::{Fault, Reason};
use crate::x509::{Certificate, ExtendedKeyUsage, SubjectAltName};

/// The purpose of precertificates (RFC 6962 section 3.1).
const PRECERTIFICATE: &str = "1.3.6.1.4.1.11129.2.4.4";

fn fault(detail: String) -> Fault {
    Fault::new(Reason::WebPki, detail)
}

/// What is wrong with a server's own certificate.
pub(super) fn leaf_faults(leaf: &Certificate) -> Vec<Fault> {
    let extensions = &leaf.tbs.extensions;
    let owner = &leaf.tbs.subject;
    let mut faults = Vec::new();
    if let Some(usage) = &extensions.extended_key_usage {
        // Section 7.1.2.7.6 and .10.
        if usage.critical {
            faults.push(fault(format!("the extKeyUsage of {owner} is critical")));
        }
    }
    faults.extend(foreign_purpose(leaf));
    // Section 7.1.2.7.12.
    if extensions.subject_alt_names.as_ref().is_some_and(|names| names.critical) && !owner.is_empty() {
        faults.push(fault(format!(
            "the subjectAltName of {owner} is critical, though the subject is not empty"
        )));
    }
    // Section 7.1.4.3: a common name is one of the alternative names, character for character. Held against those whose
    // spelling misleads: addresses not written as usual, internationalised domains, another case.
    if let Some(common_name) = owner.common_name()
        && misspells(common_name, extensions.names())
    {
        faults.push(fault(format!(
            "the common name of {owner} is none of its alternative names, as they are spelled"
        )));
    }
    faults
}

/// Whether a common name stands for a host or an address and is not written as one of the alternative names.
fn misspells(common_name: &str, names: &[SubjectAltName]) -> bool {
    let same = names.iter().any(|name| match name {
        SubjectAltName::Dns(host) => common_name == host,
        SubjectAltName::Ip(ip) => common_name == ip.to_string(),
        _ => false,
    });
    let otherwise = names
        .iter()
        .any(|name| matches!(name, SubjectAltName::Dns(host) if common_name.eq_ignore_ascii_case(host)));
    let international = common_name.contains('.')
        && (!common_name.is_ascii() || common_name.split('.').any(|label| label.starts_with("xn--")));
    let misspelt = loose_address(common_name).is_some_and(|ip| ip.to_string() != common_name);
    !same && (otherwise || international || misspelt)
}

/// An address as `inet_aton` and its like read one: parts in decimal with leading zeros, or one number in hexadecimal.
fn loose_address(text: &str) -> Option<IpAddr> {
    if let Ok(ip) = text.parse() {
        return Some(ip);
    }
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    if let Some(number) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
        return Some(Ipv4Addr::from(number).into());
    }
    let parts: Vec<u8> = text.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    <[u8; 4]>::try_from(parts).ok().map(IpAddr::from)
}

/// The fault of an extended key usage that holds what is not for TLS (sections 7.1.2.7.10, 7.1.2.10.6).
fn foreign_purpose(certificate: &Certificate) -> Option<Fault> {
    let foreign = |purpose: &&ExtendedKeyUsage| match purpose {
        ExtendedKeyUsage::ServerAuth | ExtendedKeyUsage::ClientAuth => false,
        ExtendedKeyUsage::Other(oid) => oid == PRECERTIFICATE,
        _ => true,
    };
    let purpose = certificate.tbs.extensions.purposes().iter().find(foreign)?;
    Some(fault(format!(
        "the extKeyUsage of {} holds {purpose} beside what TLS needs",
        certificate.tbs.subject
    )))
}

/// What is wrong with a CA between, for servers.
pub(super) fn intermediate_faults(intermediate: &Certificate) -> Vec<Fault> {
    foreign_purpose(intermediate).into_iter().collect()
}

/// What is wrong with a trust anchor for servers (sections 7.1.2.1.2, 7.1.2.1.3).
pub(super) fn anchor_faults(anchor: &Certificate) -> Vec<Fault> {
    let extensions = &anchor.tbs.extensions;
    let owner = &anchor.tbs.subject;
    let mut faults = Vec::new();
    if !anchor.tbs.is_self_issued() {
        return faults;
    }
    if extensions.extended_key_usage.is_some() {
        faults.push(fault(format!("the root {owner} has an extended key usage")));
    }
    if let Some(identifier) = extensions.authority_key_identifier.as_ref().map(|marked| &marked.value) {
        let own = extensions.subject_key_identifier.as_ref().map(|marked| &marked.value);
        if identifier.names_certificate {
            faults
                .push(fault(format!("the authority key identifier of the root {owner} names a certificate")));
        }
        if identifier.key_identifier.is_some() && identifier.key_identifier.as_ref() != own {
            faults.push(fault(format!(
                "the authority key identifier of the root {owner} is not its own key's"
            )));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_names_spelled_otherwise() {
        let ip = |text: &str| SubjectAltName::Ip(text.parse().unwrap());
        let dns = |text: &str| SubjectAltName::Dns(text.into());
        for (common_name, name, otherwise) in [
            ("0xC0A80101", ip("192.168.1.1"), true),
            ("192.168.001.001", ip("192.168.1.1"), true),
            ("192.168.1.1", ip("192.168.1.1"), false),
            ("2001:DB8::1", ip("2001:db8::1"), true),
            ("2001:db8::1", ip("2001:db8::1"), false),
            ("192.168.1.1", dns("example.com"), false),
            ("Example.COM", dns("example.com"), true),
            ("xn--nxasmq6b.com", dns("xn--n3h.com"), true),
            ("xn--n3h.com", dns("xn--n3h.com"), false),
            ("kubernetes-admin", dns("example.com"), false),
            ("example.org", dns("example.com"), false),
        ] {
            assert_eq!(misspells(common_name, &[name]), otherwise, "{common_name}");
        }
    }
}
