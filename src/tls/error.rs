//! What can go wrong with a handshake, and who refused whom.

use std::net::SocketAddr;
use std::time::Duration;
use std::{fmt, io};

use super::{Alert, Side};
use crate::clock::Lifetime;
use crate::key::KeyError;

/// Why a handshake could not be made, or did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// An identity without a certificate.
    #[error("there is no certificate to show")]
    NoCertificate,
    /// The private key is not that of the certificate: no component starts with the two.
    #[error("certificate and key do not match: the private key is not that of {subject}")]
    KeyMismatch {
        /// The subject of the leaf.
        subject: String,
    },
    /// The key could not be written in the form that TLS needs.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The key cannot be used for TLS.
    #[error("the private key cannot be used for TLS: {reason}")]
    UnusableKey {
        /// What rustls says.
        reason: String,
    },
    /// A name that nothing can be dialled by.
    #[error("`{name}` is no name to dial: it is neither a DNS name nor an IP address")]
    Name {
        /// The name, safe to show.
        name: String,
    },
    /// One party refused the other.
    #[error("the {by} refused the {}: {reason}", by.other())]
    Refused {
        /// Who refused.
        by: Side,
        /// Why, in its own words.
        reason: Reason,
        /// What it said to the other, as the other heard it.
        alert: Option<Alert>,
    },
    /// A text that is no endpoint.
    #[error("`{text}` is no endpoint: {reason}")]
    Endpoint {
        /// The text, safe to show.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A name without an address.
    #[error("the name {host} cannot be resolved: {reason}")]
    Resolve {
        /// The name.
        host: String,
        /// What the system's resolver says.
        reason: String,
    },
    /// No address can be connected to.
    #[error("cannot connect: {}", attempts.iter().map(|attempt| attempt.words(endpoint)).collect::<Vec<_>>().join("; "))]
    Connect {
        /// The endpoint as it was given.
        endpoint: String,
        /// Every address, and what happened.
        attempts: Vec<Attempt>,
    },
    /// It took too long.
    #[error("{phase} within {}", shown(*after))]
    TimedOut {
        /// How far it had come.
        phase: Phase,
        /// The time that was granted.
        after: Duration,
    },
    /// The server ended the connection before the handshake was complete, without an alert.
    #[error("the server {} the connection {}", if *reset { "reset" } else { "closed" }, if *heard { "in the middle of the handshake" } else { "instead of answering: it may not speak TLS" })]
    Closed {
        /// Whether it was reset rather than closed.
        reset: bool,
        /// Whether it had said anything.
        heard: bool,
    },
    /// The server speaks a protocol of readable text, or another that is known, without TLS.
    #[error("it speaks plain text{}{}", protocol.map(|name| format!(" ({name})")).unwrap_or_default(), if said.is_empty() { String::new() } else { format!(": it said `{said}`") })]
    PlainText {
        /// Its name, where it is known.
        protocol: Option<&'static str>,
        /// The first line that it said, safe to show.
        said: String,
    },
    /// The server does not speak TLS.
    #[error("it does not speak TLS: its first bytes are {first}")]
    NotTls {
        /// The first bytes that it said, in hexadecimal.
        first: String,
    },
    /// The server ended the handshake with an alert.
    #[error("the server ended the handshake with the alert {alert}")]
    Alert {
        /// The alert.
        alert: Alert,
    },
    /// The server wants an older version.
    #[error("the server speaks neither TLS 1.2 nor TLS 1.3")]
    OldProtocol,
    /// What the server says cannot be accepted.
    #[error("the handshake cannot be accepted: {reason}")]
    Peer {
        /// Why.
        reason: String,
    },
    /// rustls could not be set up.
    #[error("TLS cannot be set up: {reason}")]
    Setup {
        /// What rustls says.
        reason: String,
    },
}

/// How far it had come when the time was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The name was being resolved.
    Resolve,
    /// The connection was being made.
    Connect,
    /// The handshake was being made.
    Handshake {
        /// Whether the server had said anything.
        heard: bool,
    },
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "the name could not be resolved",
            Self::Connect => "no connection came about",
            Self::Handshake { heard: false } => "the server accepted the connection and said nothing",
            Self::Handshake { heard: true } => "the server did not complete the handshake",
        })
    }
}

/// A connection that did not come about.
#[derive(Debug)]
pub struct Attempt {
    /// To where.
    pub address: SocketAddr,
    /// Why not.
    pub error: io::Error,
}

impl Attempt {
    /// What happened, and at which address where the endpoint does not say it.
    fn words(&self, endpoint: &str) -> String {
        let address = self.address.to_string();
        let words = match self.error.kind() {
            io::ErrorKind::ConnectionRefused => "connection refused",
            io::ErrorKind::ConnectionReset => "connection reset",
            io::ErrorKind::TimedOut => "no answer",
            io::ErrorKind::HostUnreachable => "no route to the host",
            io::ErrorKind::NetworkUnreachable => "no route to the network",
            _ => &super::io_words(&self.error),
        };
        if address == endpoint { words.to_owned() } else { format!("{address}: {words}") }
    }
}

/// A time as it is written on the command line.
fn shown(duration: Duration) -> String {
    i64::try_from(duration.as_secs())
        .ok()
        .filter(|_| duration.subsec_nanos() == 0)
        .and_then(Lifetime::seconds)
        .map_or_else(|| format!("{duration:?}"), |lifetime| lifetime.to_string())
}

/// Why one party refused the other.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Its judge did not accept the chain, and said this.
    Chain(String),
    /// No client certificate was given, and one is required.
    NoClientCertificate,
    /// The handshake was not signed by the key of the certificate.
    Signature(String),
    /// The two have nothing in common, or one broke the protocol.
    Protocol(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain(reason) | Self::Protocol(reason) => f.write_str(reason),
            Self::NoClientCertificate => f.write_str("no client certificate was given"),
            Self::Signature(reason) => {
                write!(f, "the handshake was not signed by the key of the certificate: {reason}")
            }
        }
    }
}
