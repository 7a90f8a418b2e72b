//! How bytes are read: how deep they stand within something else, and which certificates were met before.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;

use super::{CertificateFacts, Content, Item, Oddity};
use crate::x509::sha256;

/// How many certificates are kept to be met again: the CAs of a cluster stand in every kubeconfig and beside every leaf.
const KEPT: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// How many are remembered that were met once. A leaf is hardly ever met again, and is not worth its room.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Certificates that were met before: what is met again and again is read twice, and stands in memory twice.
#[derive(Debug)]
pub struct KnownCertificates(Mutex<Known>);

#[derive(Debug)]
struct Known {
    met: LruCache<[u8; 32], Met>,
    once: LruCache<[u8; 32], ()>,
}

#[derive(Debug, Clone)]
struct Met {
    facts: Arc<CertificateFacts>,
    oddities: Arc<[Oddity]>,
}

impl Default for KnownCertificates {
    fn default() -> Self {
        Self(Mutex::new(Known { met: LruCache::new(KEPT), once: LruCache::new(REMEMBERED) }))
    }
}

/// How deep something stands within something else, and what is known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reading<'a> {
    pub(super) depth: usize,
    known: Option<&'a KnownCertificates>,
}

impl<'a> Reading<'a> {
    /// A file, with what was met in others.
    pub(super) fn of_file(known: &'a KnownCertificates) -> Self {
        Self { depth: 0, known: Some(known) }
    }

    /// What stands within that.
    pub(super) fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    /// The certificate of a block that holds it and nothing else, where it was met before; else it is read.
    pub(super) fn certificate(self, bytes: &[u8], read: impl FnOnce() -> Item) -> Item {
        let Some(KnownCertificates(known)) = self.known else { return read() };
        let digest = sha256(bytes);
        let (met, again) = {
            let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
            let met = known.met.get(&digest).cloned();
            let again = met.is_none() && known.once.put(digest, ()).is_some();
            (met, again)
        };
        if let Some(Met { facts, oddities }) = met {
            let mut item = Item::new(Content::Certificate(facts));
            item.oddities = oddities.to_vec();
            return item;
        }
        let item = read();
        if let Content::Certificate(facts) = &item.content
            && facts.der() == bytes
        {
            facts.is_known_by(digest);
            if again && facts.trust.is_none() && item.faults.is_empty() && item.items.is_empty() {
                let met = Met { facts: Arc::clone(facts), oddities: item.oddities.as_slice().into() };
                known.lock().unwrap_or_else(PoisonError::into_inner).met.put(digest, met);
            }
        }
        item
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Content, inspect_among};
    use super::*;
    use crate::forge;

    #[test]
    fn a_certificate_is_read_twice_and_what_is_odd_about_a_block_is_the_blocks() {
        let pem = forge::ca("cn=a serial=zero").pem();
        let known = KnownCertificates::default();
        let odd = format!("  {}", pem.replace('\n', "\n  "));
        let read = |text: &str| inspect_among("file", text.as_bytes(), &known).items.remove(0);
        assert!(!read(&pem).oddities.is_empty());
        let (first, second, third) = (read(&pem), read(&pem), read(&odd));
        let facts = |item: &Item| match &item.content {
            Content::Certificate(facts) => Arc::clone(facts),
            other => panic!("{other:?}"),
        };
        assert!(Arc::ptr_eq(&facts(&first), &facts(&second)));
        assert!(!first.oddities.is_empty());
        assert_eq!(first.oddities, second.oddities);
        assert!(third.oddities.len() > first.oddities.len());
        assert_eq!(read(&pem).oddities, first.oddities);
        let alone = inspect_among("file", odd.as_bytes(), &KnownCertificates::default()).items.remove(0);
        assert_eq!((alone.oddities, alone.place), (third.oddities, third.place));
    }
}
