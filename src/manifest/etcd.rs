//! etcd's flags where none are given: its environment, and its configuration file.
//!
//! Sources: <https://etcd.io/docs/v3.6/op-guide/configuration/>, and etcd's `server/embed/config.go` for the fields of the file.

use super::flags::{Flag, Flags};
use super::settings::Settings;

/// The flag that a variable of etcd's stands for: `ETCD_CERT_FILE` for `--cert-file`.
pub(super) fn etcd_flag(variable: &str) -> Option<String> {
    let name = variable.strip_prefix("ETCD_").filter(|name| !name.is_empty())?;
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    name.chars().all(is_name).then(|| name.to_ascii_lowercase().replace('_', "-"))
}

/// The fields of a configuration that are no flags of the same name, and the flags that they stand for. The lists of names are the
/// file's alone for clients' common names, of which there is no flag.
const FIELDS: [(&str, &str); 17] = [
    ("client-transport-security.cert-file", "cert-file"),
    ("client-transport-security.key-file", "key-file"),
    ("client-transport-security.client-cert-file", "client-cert-file"),
    ("client-transport-security.client-key-file", "client-key-file"),
    ("client-transport-security.client-cert-auth", "client-cert-auth"),
    ("client-transport-security.trusted-ca-file", "trusted-ca-file"),
    ("client-transport-security.auto-tls", "auto-tls"),
    ("client-transport-security.allowed-cn", "client-cert-allowed-cn"),
    ("client-transport-security.allowed-hostname", "client-cert-allowed-hostname"),
    ("peer-transport-security.cert-file", "peer-cert-file"),
    ("peer-transport-security.key-file", "peer-key-file"),
    ("peer-transport-security.client-cert-file", "peer-client-cert-file"),
    ("peer-transport-security.client-key-file", "peer-client-key-file"),
    ("peer-transport-security.client-cert-auth", "peer-client-cert-auth"),
    ("peer-transport-security.trusted-ca-file", "peer-trusted-ca-file"),
    ("peer-transport-security.auto-tls", "peer-auto-tls"),
    ("peer-transport-security.skip-client-san-verification", "peer-skip-client-san-verification"),
];

/// The same, of lists that have another name.
const LISTS: [(&str, &str); 2] = [
    ("peer-transport-security.allowed-cn", "peer-cert-allowed-cn"),
    ("peer-transport-security.allowed-hostname", "peer-cert-allowed-hostname"),
];

/// The field of a configuration that stands for a flag, where that is one value: `client-transport-security.cert-file` for
/// `cert-file`.
pub fn etcd_field(flag: &str) -> Option<&str> {
    if LISTS.iter().any(|(_, known)| *known == flag) || flag.ends_with("-crl-file") {
        return None;
    }
    Some(FIELDS.iter().find(|(_, known)| *known == flag).map_or(flag, |(field, _)| *field))
}

/// Whether a configuration is etcd's.
pub(super) fn is_etcds(settings: &Settings) -> bool {
    settings.has(&[
        "client-transport-security",
        "peer-transport-security",
        "listen-client-urls",
        "listen-peer-urls",
        "advertise-client-urls",
        "initial-advertise-peer-urls",
        "initial-cluster",
    ])
}

/// etcd's flags from its configuration. The files of revocation lists have no field there: what is written so has no effect.
pub(super) fn configured(settings: &Settings, file: usize) -> Flags {
    let mut flags = Flags::default();
    for field in settings.fields() {
        let known = FIELDS.iter().chain(&LISTS).find(|(path, _)| *path == field.path);
        let name = match known {
            Some((_, flag)) => *flag,
            None if field.path.ends_with("-crl-file") || field.path.contains('.') => continue,
            None => field.path.as_str(),
        };
        flags.add(Flag {
            name: name.to_owned(),
            value: field.value.clone(),
            field: Some(field.path.clone()),
            file,
            line: field.line,
            is_word: false,
        });
    }
    flags
}
