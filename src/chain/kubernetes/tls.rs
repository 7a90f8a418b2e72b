//! What Go's TLS refuses of certificates that its `crypto/x509` accepts: a component that shows or is shown one of them has
//! no connection.

use super::super::candidate::Candidate;
use super::super::{Fault, Reason, Unreadable};
use crate::x509::{Certificate, PublicKey, PublicKeyKind};

/// The longest message of certificates that is read, in bytes (`maxHandshakeCertificateMsg`).
const LONGEST_MESSAGE: usize = 256 << 10;
/// What stands in such a message beside the certificates, in TLS 1.3: the context, the length of the list, and for each its
/// length and that of its extensions.
const FRAME: usize = 4;
const FRAME_OF_EACH: usize = 5;
/// The largest RSA key of a certificate that is sent, in bits (`tlsmaxrsasize`).
const LARGEST_RSA: usize = 8192;

/// What is wrong with a certificate and those that are sent along with it, read or not.
pub(super) fn faults(leaf: &Certificate, sent: &[&Candidate<'_>], unreadable: &[Unreadable]) -> Vec<Fault> {
    let mut faults: Vec<Fault> = key_fault(leaf).into_iter().collect();
    let broken = unreadable.first().map(ToString::to_string);
    let broken = broken.or_else(|| {
        let read = |one: &&&Candidate<'_>| one.unread().is_some();
        let one = sent.iter().find(read)?;
        Some(format!("{}: {}", one.located.source, one.unread()?))
    });
    if let Some(broken) = broken {
        let detail = format!(
            "{broken}; it is sent along with {}, and Go's TLS ends a handshake in which one certificate cannot be read, \
             needed or not",
            leaf.tbs.subject
        );
        faults.push(Fault::new(Reason::Handshake, detail));
    }
    let too_large = sent.iter().map(|one| one.located).find(|one| is_too_large(&one.certificate));
    if let Some(one) = too_large {
        let detail = format!(
            "{} ({}) is sent along, and Go's TLS takes no certificate with an RSA key over {LARGEST_RSA} bits, needed or not",
            one.certificate.tbs.subject, one.source
        );
        faults.push(Fault::new(Reason::Handshake, detail));
    }
    let message = FRAME
        + std::iter::once(leaf)
            .chain(sent.iter().map(|one| one.certificate()))
            .map(|one| FRAME_OF_EACH + one.der().len())
            .sum::<usize>();
    if message > LONGEST_MESSAGE {
        let detail = format!(
            "the certificates that are sent take {message} bytes, and Go's TLS reads {LONGEST_MESSAGE} at most"
        );
        faults
            .push(Fault::new(Reason::Handshake, detail).facts(format!("at most {LONGEST_MESSAGE}"), message));
    }
    faults
}

fn is_too_large(certificate: &Certificate) -> bool {
    matches!(certificate.tbs.public_key.kind(), PublicKeyKind::Rsa { bits, .. } if *bits > LARGEST_RSA)
}

/// The fault of a key with which no handshake is made: of a kind that Go's TLS does not know, or an RSA key that it does
/// not take.
fn key_fault(leaf: &Certificate) -> Option<Fault> {
    let key = &leaf.tbs.public_key;
    let owner = &leaf.tbs.subject;
    let detail = match key.kind() {
        PublicKeyKind::Rsa { bits, .. } if *bits > LARGEST_RSA => format!(
            "the key of {owner} is {}, and Go's TLS takes no RSA key over {LARGEST_RSA} bits",
            key.kind()
        ),
        PublicKeyKind::Rsa { .. } => {
            let problem = rsa_refusal(key)?;
            format!("Go's TLS makes no handshake with the key of {owner} ({}): {problem}", key.kind())
        }
        PublicKeyKind::Ec(_) | PublicKeyKind::Ed25519 => return None,
        kind => format!(
            "the key of {owner} is {kind}: Go's crypto/x509 accepts the certificate, and Go's TLS neither connects to who \
             has it nor loads it (unsupported type of public key)"
        ),
    };
    Some(
        Fault::new(Reason::Handshake, detail).facts("RSA of 1024 to 8192 bits, ECDSA or Ed25519", key.kind()),
    )
}

/// Why Go's `crypto/rsa` verifies nothing with a key.
pub(super) fn rsa_refusal(key: &PublicKey) -> Option<&'static str> {
    /// From 3 to this, and odd.
    const LARGEST_EXPONENT: u64 = (1 << 31) - 1;
    let PublicKeyKind::Rsa { bits, exponent } = key.kind() else { return None };
    let is_even = key.rsa_modulus().and_then(<[u8]>::last).is_some_and(|last| last % 2 == 0);
    match exponent {
        _ if *bits < 1024 => Some("it has less than 1024 bits"),
        _ if is_even => Some("its modulus is even"),
        None => Some("its exponent is too large"),
        Some(exponent) if *exponent > LARGEST_EXPONENT => Some("its exponent is too large"),
        Some(..3) => Some("its exponent is less than 3"),
        Some(exponent) if exponent.is_multiple_of(2) => Some("its exponent is even"),
        Some(_) => None,
    }
}
