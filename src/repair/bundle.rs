//! A file of certificates written anew: the same certificates, in the order in which they are sent, with clean lines.

use std::path::Path;

use super::{Contents, bytes};
use crate::inspect::{self, Content, Encoding, Item, Order, relate};
use crate::x509::sha256;

/// The text that a file should have; none where it has it.
pub(super) fn rewritten(root: &Path, relative: &Path) -> Result<Option<Contents>, String> {
    let bytes = bytes(root, relative)?;
    rewritten_text(&bytes)
}

/// The same for a file's bytes.
pub(super) fn rewritten_text(bytes: &[u8]) -> Result<Option<Contents>, String> {
    let inspected = [inspect::inspect("file", bytes)];
    let [file] = &inspected;
    if file.encoding != Encoding::Pem {
        return Err("it is not PEM".into());
    }
    if file.items.iter().any(|item| matches!(item.content, Content::PrivateKey(_))) {
        return Err("a private key is in it, and none is ever rewritten".into());
    }
    let is_plain = |item: &Item| {
        matches!(item.content, Content::Certificate(_) | Content::RevocationList(_) | Content::PublicKey(_))
            && item.faults.is_empty()
    };
    if !file.items.iter().all(is_plain) {
        return Err("something else than certificates is in it, or something that cannot be read".into());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not a text".to_owned())?;
    if has_words(text) {
        return Err("words stand between the blocks, which would be lost".into());
    }
    let mut order: Vec<usize> = (0..file.items.len()).collect();
    let mut changes = Vec::new();
    let relations = relate(&inspected);
    if let Some([bundle]) = relations.bundles.first().map(Vec::as_slice)
        && bundle.repeated.is_empty()
        && bundle.items.len() == order.len()
        && let Order::Shuffled(numbers) = &bundle.order
    {
        order = numbers.iter().filter_map(|number| number.checked_sub(1)).collect();
        changes.push("the order: each certificate before the one that signed it");
    }
    let mut clean = String::with_capacity(text.len());
    for at in order {
        let block = file.items.get(at).and_then(Item::to_pem).ok_or("a block cannot be written")?;
        clean.push_str(&block);
    }
    if changes.is_empty() || text.contains('\r') {
        changes.push("line ends and blanks around the blocks");
    }
    Ok((clean != text).then_some(Contents { text: clean, changes, replaces: sha256(bytes) }))
}

/// Whether words stand outside of all blocks.
fn has_words(text: &str) -> bool {
    let mut within = false;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = line.trim();
        if line.starts_with("-----BEGIN ") {
            within = true;
        }
        if !within && !line.is_empty() {
            return true;
        }
        // A block may end and another begin on one line.
        if let Some(at) = line.find("-----END ") {
            within = line.get(at..).is_some_and(|rest| rest.contains("-----BEGIN "));
        }
    }
    false
}
