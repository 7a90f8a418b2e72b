//! What went wrong in a handshake, in words, from rustls' error and from the first bytes that came.

use rustls::{Error, PeerIncompatible};

use super::{Reason, TlsError};
use crate::x509::Printable;

/// How many of the first bytes are kept to tell what else is spoken there.
pub(super) const FIRST_BYTES: usize = 64;

/// The content types of TLS (RFC 8446 section 5.1, and heartbeat), of which the first byte of every record is one.
const CONTENT_TYPES: std::ops::RangeInclusive<u8> = 20..=24;

/// The first bytes of an HTTP/2 server that was not asked for TLS: a SETTINGS frame (RFC 9113 sections 4.1 and 6.5),
/// behind its length.
const HTTP2_SETTINGS: [u8; 6] = [4, 0, 0, 0, 0, 0];

/// How servers of other protocols begin, in capitals. Some HTTP servers answer what they cannot read with the page alone.
const PROTOCOLS: [(&str, &str); 7] = [
    ("HTTP/", "HTTP"),
    ("<!DOCTYPE", "HTTP"),
    ("<HTML", "HTTP"),
    ("SSH-", "SSH"),
    ("220 ", "SMTP or FTP"),
    ("+OK", "POP3"),
    ("* OK", "IMAP"),
];

/// The error of a handshake that failed.
pub(super) fn diagnose(error: &Error, first: &[u8], refused: Option<Reason>) -> TlsError {
    if let Some(reason) = refused {
        return TlsError::Peer { reason: reason.to_string() };
    }
    match error {
        Error::AlertReceived(alert) => TlsError::Alert { alert: (*alert).into() },
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => TlsError::OldProtocol,
        Error::InvalidMessage(_) if !looks_like_tls(first) => other_protocol(first),
        Error::NoCertificatesPresented => TlsError::Peer { reason: "it shows no certificate".into() },
        other => TlsError::Peer { reason: in_words(other).to_owned() },
    }
}

/// What rustls gave up at, in plain words.
pub(super) fn in_words(error: &Error) -> &'static str {
    use PeerIncompatible as Unlike;
    match error {
        Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
            "the other side sent a message that does not belong there"
        }
        Error::InvalidMessage(_) => "the other side sent bytes that are no message of TLS",
        Error::PeerMisbehaved(_) => "the other side breaks the rules of TLS",
        Error::PeerSentOversizedRecord => "the other side sent a record that is too long",
        Error::DecryptError => "a message of the other side cannot be decrypted",
        Error::EncryptError => "a message cannot be encrypted",
        Error::NoApplicationProtocol => "the two have no protocol of the application in common (ALPN)",
        Error::NoCertificatesPresented => "no certificate was shown",
        Error::UnsupportedNameType => "the name that is dialled is of a kind that TLS does not know",
        Error::InvalidCertificate(_) => "the certificate of the other side was not accepted",
        Error::PeerIncompatible(unlike) => match unlike {
            Unlike::NoCipherSuitesInCommon => "the two have no cipher suite in common",
            Unlike::NoKxGroupsInCommon
            | Unlike::KeyShareExtensionRequired
            | Unlike::NamedGroupsExtensionRequired => "the two have no way to exchange keys in common",
            Unlike::NoSignatureSchemesInCommon
            | Unlike::NoCertificateRequestSignatureSchemesInCommon
            | Unlike::SignatureAlgorithmsExtensionRequired => "the two have no signature algorithm in common",
            Unlike::ServerDoesNotSupportTls12Or13
            | Unlike::ServerTlsVersionIsDisabledByOurConfig
            | Unlike::Tls12NotOffered
            | Unlike::Tls12NotOfferedOrEnabled
            | Unlike::SupportedVersionsExtensionRequired => "the two have no version of TLS in common",
            _ => "the other side speaks TLS in a way that is not understood here",
        },
        _ => "the handshake failed for a reason of this program's own",
    }
}

/// Whether these are the first bytes of a record.
pub(super) fn looks_like_tls(first: &[u8]) -> bool {
    matches!(first, [kind, 3, ..] | [kind] if CONTENT_TYPES.contains(kind))
}

/// What is spoken there instead of TLS.
pub(super) fn other_protocol(first: &[u8]) -> TlsError {
    if first.get(3..9) == Some(&HTTP2_SETTINGS[..]) {
        return TlsError::PlainText { protocol: Some("HTTP/2"), said: String::new() };
    }
    let line: Vec<u8> = first.iter().copied().take_while(|byte| !matches!(byte, b'\r' | b'\n')).collect();
    let is_text = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    if line.len() >= 4 && line.iter().all(is_text) {
        let text = String::from_utf8_lossy(&line).into_owned();
        let known = PROTOCOLS.iter().find(|(start, _)| text.to_ascii_uppercase().starts_with(start));
        let protocol = known.map(|(_, name)| *name);
        return TlsError::PlainText { protocol, said: Printable(&text).to_string() };
    }
    TlsError::NotTls {
        first: first.iter().take(8).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use rustls::InvalidMessage;

    use super::*;

    #[test]
    fn what_is_spoken_instead_is_told_by_the_first_bytes() {
        let error = Error::InvalidMessage(InvalidMessage::InvalidContentType);
        for (first, words) in [
            (
                &b"HTTP/1.1 400 Bad Request\r\nContent-Type: "[..],
                "it speaks plain text (HTTP): it said `HTTP/1.1 400 Bad Request`",
            ),
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", "it speaks plain text (SSH): it said `SSH-2.0-OpenSSH_9.2p1`"),
            (b"<!doctype html>\n", "it speaks plain text (HTTP): it said `<!doctype html>`"),
            (b"hello there\nx", "it speaks plain text: it said `hello there`"),
            (b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0", "it speaks plain text (HTTP/2)"),
            (b"\x1b[2J\x1b[31m\n", "it does not speak TLS: its first bytes are 1b 5b 32 4a 1b 5b 33 31"),
            (b"\xff\xfe", "it does not speak TLS: its first bytes are ff fe"),
            (
                b"\x16\x03\x03\xff\xff",
                "the handshake cannot be accepted: the other side sent bytes that are no message of TLS",
            ),
        ] {
            assert_eq!(diagnose(&error, first, None).to_string(), words);
        }
    }
}
