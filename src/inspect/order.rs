//! Whether several certificates are a chain, and in which order.

use super::CertificateFacts;
use crate::x509::PublicKey;

/// The largest bundle whose certificates are put in order if they are not: no chain is longer.
const LARGEST_SHUFFLED: usize = 100;

/// How the certificates of a file or field stand to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Each is signed by the next.
    Chain,
    /// They are one chain in another order: the numbers of the certificates from leaf to root, from 1.
    Shuffled(Vec<usize>),
    /// Each is issued by itself, and by no other of them: a bundle of trust anchors.
    Anchors,
    /// The first so many are a chain, at least one; the next did not sign the last of them.
    Apart(usize),
}

/// How certificates stand to each other; `signers` are the keys that made their signatures, as far as they are known.
pub(super) fn order(all: &[&CertificateFacts], signers: &[Option<&PublicKey>]) -> Order {
    let own_key = |at: usize| all.get(at).map(|facts| &facts.certificate.tbs.public_key);
    let signer = |at: usize| signers.get(at).copied().flatten();
    let links = |from: usize, to: usize| match (all.get(from), all.get(to)) {
        (Some(one), Some(other)) => {
            one.certificate.tbs.issuer == other.certificate.tbs.subject
                && signer(from) == own_key(to)
                && one.der() != other.der()
        }
        _ => false,
    };
    let anchor = |at: usize| {
        all.get(at).is_some_and(|facts| facts.certificate.tbs.is_self_issued())
            && (signer(at).is_none() || signer(at) == own_key(at))
    };
    if (0..all.len()).all(anchor) {
        return Order::Anchors;
    }
    let first = (0..all.len().saturating_sub(1)).take_while(|at| links(*at, *at + 1)).count() + 1;
    if first == all.len() {
        return Order::Chain;
    }
    if all.len() <= LARGEST_SHUFFLED
        && let Some(order) = path(all.len(), links)
    {
        return Order::Shuffled(order.into_iter().map(|at| at + 1).collect());
    }
    Order::Apart(first)
}

/// The one path through all certificates, if there is one.
fn path(count: usize, links: impl Fn(usize, usize) -> bool) -> Option<Vec<usize>> {
    let above: Vec<Vec<usize>> =
        (0..count).map(|from| (0..count).filter(|to| *to != from && links(from, *to)).collect()).collect();
    let signed = |at: usize| above.iter().any(|above| above.contains(&at));
    let mut leaves = (0..count).filter(|at| !signed(*at));
    let mut order = vec![leaves.next()?];
    if leaves.next().is_some() {
        return None;
    }
    while order.len() < count {
        let next = above.get(*order.last()?)?.iter().find(|next| !order.contains(*next))?;
        order.push(*next);
    }
    Some(order)
}
