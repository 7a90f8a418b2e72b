//! Keys of OpenSSH, which are recognised and named.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use base64::prelude::BASE64_STANDARD;

use super::{Content, Item};
use crate::x509::{Printable, sha256};

/// The label of a private key's PEM block.
pub(super) const LABEL: &str = "OPENSSH PRIVATE KEY";
/// What a private key begins with (PROTOCOL.key of OpenSSH).
const MAGIC: &[u8] = b"openssh-key-v1\0";

/// Whether bytes begin as a private key does.
pub(super) fn is_private(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// A string of SSH: its length in four bytes, and then itself (RFC 4251 section 5).
fn string(input: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = input.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// The algorithm and the fingerprint, as `ssh-keygen -l` shows it, of a public key in SSH's encoding.
fn public_facts(key: &[u8]) -> Option<Vec<(&'static str, String)>> {
    let (algorithm, _) = string(key)?;
    let algorithm = std::str::from_utf8(algorithm).ok()?;
    Some(vec![
        ("algorithm", Printable(algorithm).to_string()),
        ("fingerprint", format!("SHA256:{}", STANDARD_NO_PAD.encode(sha256(key)))),
    ])
}

/// A private key: cipher, key derivation, its options, the number of keys, and the public key stand before the secret.
pub(super) fn private(bytes: &[u8]) -> Item {
    let facts = || {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (cipher, rest) = string(rest)?;
        let (_, rest) = string(rest)?;
        let (_, rest) = string(rest)?;
        let (key, _) = string(rest.get(4..)?)?;
        let mut facts = public_facts(key)?;
        let cipher = String::from_utf8_lossy(cipher).into_owned();
        let encryption = if cipher == "none" { "none".into() } else { Printable(&cipher).to_string() };
        facts.push(("encryption", encryption));
        Some(facts)
    };
    match facts() {
        Some(facts) => Item::new(Content::Named { what: "private key of OpenSSH".into(), facts }),
        None => Item::broken("private key of OpenSSH", "its outer structure is cut off or damaged"),
    }
}

/// The public keys of a text, one a line: an algorithm, base64 and a comment.
pub(super) fn public(text: &str) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (algorithm, base64) = (words.next()?, words.next()?);
        if !["ssh-", "ecdsa-sha2-", "sk-"].iter().any(|prefix| algorithm.starts_with(prefix)) {
            return None;
        }
        let key = BASE64_STANDARD.decode(base64).ok()?;
        let (inner, _) = string(&key)?;
        if inner != algorithm.as_bytes() {
            return None;
        }
        items.push(Item::new(Content::Named {
            what: "public key of OpenSSH".into(),
            facts: public_facts(&key)?,
        }));
    }
    (!items.is_empty()).then_some(items)
}
