//! Names of object identifiers, for people.

use crate::x509;

/// Extensions that are named nowhere else here: of entries of revocation lists (RFC 5280 section 5.3), and others' own.
const EXTENSIONS: [(&str, &str); 12] = [
    ("2.5.29.21", "reasonCode"),
    ("2.5.29.24", "invalidityDate"),
    ("2.5.29.29", "certificateIssuer"),
    ("1.3.6.1.5.5.7.1.3", "qcStatements"),
    ("1.3.6.1.5.5.7.48.1.5", "ocspNoCheck"),
    ("1.3.6.1.4.1.11129.2.4.3", "precertificatePoison"),
    ("1.3.6.1.4.1.311.20.2", "Microsoft's certificateTemplateName"),
    ("1.3.6.1.4.1.311.21.1", "Microsoft's cAVersion"),
    ("1.3.6.1.4.1.311.21.7", "Microsoft's certificateTemplate"),
    ("1.3.6.1.4.1.311.21.10", "Microsoft's applicationPolicies"),
    ("1.2.840.113549.1.9.15", "smimeCapabilities"),
    ("2.16.840.1.113730.1.1", "netscapeCertType"),
];

/// Purposes of the extended key usage, RFC 5280's and others'.
const PURPOSES: [(&str, &str); 19] = [
    ("2.5.29.37.0", "anyExtendedKeyUsage"),
    ("1.3.6.1.5.5.7.3.1", "serverAuth"),
    ("1.3.6.1.5.5.7.3.2", "clientAuth"),
    ("1.3.6.1.5.5.7.3.3", "codeSigning"),
    ("1.3.6.1.5.5.7.3.4", "emailProtection"),
    ("1.3.6.1.5.5.7.3.8", "timeStamping"),
    ("1.3.6.1.5.5.7.3.9", "OCSPSigning"),
    ("1.3.6.1.5.5.7.3.5", "ipsecEndSystem"),
    ("1.3.6.1.5.5.7.3.6", "ipsecTunnel"),
    ("1.3.6.1.5.5.7.3.7", "ipsecUser"),
    ("1.3.6.1.5.5.7.3.17", "ipsecIKE"),
    ("1.3.6.1.5.5.7.3.21", "sshClient"),
    ("1.3.6.1.5.5.7.3.22", "sshServer"),
    ("1.3.6.1.5.2.3.4", "pkinitClient"),
    ("1.3.6.1.5.2.3.5", "pkinitKdc"),
    ("1.3.6.1.4.1.311.20.2.2", "Microsoft smart card logon"),
    ("1.3.6.1.4.1.311.10.3.3", "Microsoft server gated crypto"),
    ("1.3.6.1.4.1.311.10.3.4", "Microsoft encrypting file system"),
    ("2.16.840.1.113730.4.1", "Netscape server gated crypto"),
];

/// Attributes of requests (RFC 2985 section 5.4; Microsoft's open specifications).
const ATTRIBUTES: [(&str, &str); 7] = [
    ("1.2.840.113549.1.9.1", "emailAddress"),
    ("1.2.840.113549.1.9.2", "unstructuredName"),
    ("1.2.840.113549.1.9.7", "challengePassword"),
    ("1.2.840.113549.1.9.14", "extensionRequest"),
    ("1.3.6.1.4.1.311.2.1.14", "Microsoft certificate extensions"),
    ("1.3.6.1.4.1.311.13.2.3", "Microsoft operating system version"),
    ("1.3.6.1.4.1.311.21.20", "Microsoft client information"),
];

fn find(table: &[(&'static str, &'static str)], oid: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == oid).map(|(_, name)| *name)
}

/// The name of an extension by its dotted object identifier.
pub fn extension_name(oid: &str) -> Option<&'static str> {
    x509::extension_name(oid).or_else(|| find(&EXTENSIONS, oid))
}

/// The name of a purpose of the extended key usage by its dotted object identifier.
pub fn purpose_name(oid: &str) -> Option<&'static str> {
    find(&PURPOSES, oid)
}

/// The name of an attribute of a request.
pub fn attribute_name(oid: &str) -> Option<&'static str> {
    find(&ATTRIBUTES, oid)
}
