//! Names of object identifiers, for people.

/// Extensions of certificates, requests and revocation lists: RFC 5280 where nothing else is said.
const EXTENSIONS: [(&str, &str); 36] = [
    ("2.5.29.9", "subject directory attributes"),
    ("2.5.29.14", "subject key identifier"),
    ("2.5.29.15", "key usage"),
    ("2.5.29.16", "private key usage period"),
    ("2.5.29.17", "subject alternative name"),
    ("2.5.29.18", "issuer alternative name"),
    ("2.5.29.19", "basic constraints"),
    ("2.5.29.20", "CRL number"),
    ("2.5.29.21", "reason code"),
    ("2.5.29.24", "invalidity date"),
    ("2.5.29.27", "delta CRL indicator"),
    ("2.5.29.28", "issuing distribution point"),
    ("2.5.29.29", "certificate issuer"),
    ("2.5.29.30", "name constraints"),
    ("2.5.29.31", "CRL distribution points"),
    ("2.5.29.32", "certificate policies"),
    ("2.5.29.33", "policy mappings"),
    ("2.5.29.35", "authority key identifier"),
    ("2.5.29.36", "policy constraints"),
    ("2.5.29.37", "extended key usage"),
    ("2.5.29.46", "freshest CRL"),
    ("2.5.29.54", "inhibit anyPolicy"),
    ("1.3.6.1.5.5.7.1.1", "authority information access"),
    ("1.3.6.1.5.5.7.1.3", "qualified certificate statements (RFC 3739)"),
    ("1.3.6.1.5.5.7.1.11", "subject information access"),
    ("1.3.6.1.5.5.7.1.24", "TLS features, OCSP must-staple (RFC 7633)"),
    ("1.3.6.1.5.5.7.48.1.5", "OCSP no-check (RFC 6960)"),
    ("1.3.6.1.4.1.11129.2.4.2", "signed certificate timestamps (RFC 6962)"),
    ("1.3.6.1.4.1.11129.2.4.3", "precertificate poison (RFC 6962)"),
    ("1.3.6.1.4.1.311.20.2", "Microsoft certificate template name"),
    ("1.3.6.1.4.1.311.21.1", "Microsoft CA version"),
    ("1.3.6.1.4.1.311.21.7", "Microsoft certificate template"),
    ("1.3.6.1.4.1.311.21.10", "Microsoft application policies"),
    ("1.2.840.113549.1.9.15", "S/MIME capabilities"),
    ("2.16.840.1.113730.1.1", "Netscape certificate type"),
    ("2.16.840.1.113730.1.13", "Netscape comment"),
];

/// Purposes of the extended key usage beyond RFC 5280's.
const PURPOSES: [(&str, &str); 12] = [
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
    find(&EXTENSIONS, oid)
}

/// The name of a purpose of the extended key usage that RFC 5280 does not name.
pub fn purpose_name(oid: &str) -> Option<&'static str> {
    find(&PURPOSES, oid)
}

/// The name of an attribute of a request.
pub fn attribute_name(oid: &str) -> Option<&'static str> {
    find(&ATTRIBUTES, oid)
}
