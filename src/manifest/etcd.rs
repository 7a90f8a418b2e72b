//! etcd's flags where it runs under systemd: its environment file.

use super::Flags;

/// etcd's flags from an environment file such as kubespray's `/etc/etcd.env` or the `/etc/etcd/etcd.conf` of distributions:
/// `ETCD_CERT_FILE=…` stands for `--cert-file`. Every other line is left out; of a variable that is set twice the last one counts,
/// as systemd reads it.
pub fn etcd_environment(text: &[u8]) -> Flags {
    let mut flags = Flags::default();
    if !text.windows(5).any(|window| window == b"ETCD_") {
        return flags;
    }
    let text = String::from_utf8_lossy(text);
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.trim();
        let content = content.strip_prefix("export ").unwrap_or(content);
        let Some((name, value)) =
            content.strip_prefix("ETCD_").and_then(|assignment| assignment.split_once('='))
        else {
            continue;
        };
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            continue;
        }
        let name = name.to_ascii_lowercase().replace('_', "-");
        flags.push(name, value.trim().trim_matches(['"', '\'']).to_owned(), line);
    }
    flags
}
