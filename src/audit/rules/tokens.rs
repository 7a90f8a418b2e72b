//! The keys by which service-account tokens are signed and verified. No rule of its own.

use std::collections::HashSet;

use super::super::{Node, Reference, Target};

/// The public keys in a file, as Kubernetes takes them from it (`keyutil.PublicKeysFromFile`): of public keys, private keys and
/// certificates; by their SHA-256.
pub(super) fn public_keys(node: &Node, file: usize) -> HashSet<[u8; 32]> {
    let keys = node.keys_in(file).filter_map(|key| key.spki);
    keys.chain(node.certs_in(file).map(super::super::Cert::spki)).collect()
}

/// The public keys that some references lead to; none where not all of them can be read.
pub(super) fn public_keys_of<'a>(
    node: &Node,
    references: impl IntoIterator<Item = &'a Reference>,
) -> Option<HashSet<[u8; 32]>> {
    let mut all = HashSet::new();
    let mut files = HashSet::new();
    for reference in references {
        let Target::File(file) = reference.target else { return None };
        if !files.insert(file) {
            continue;
        }
        let keys = public_keys(node, file);
        if keys.is_empty() {
            return None;
        }
        all.extend(keys);
    }
    (!all.is_empty()).then_some(all)
}

/// The public half of the private key that a reference leads to.
pub(super) fn signing_key(node: &Node, reference: &Reference) -> Option<[u8; 32]> {
    let Target::File(file) = reference.target else { return None };
    node.keys_in(file).find(|key| key.private)?.spki
}
