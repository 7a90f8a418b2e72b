//! One handshake, observed: in memory between two parties that are built from files, or with a server over a socket.
//!
//! Nothing here judges. In memory, a [`PeerJudge`] that is passed in says whether a party accepts the other's chain;
//! over a socket every chain is taken as it comes, written down, and judged by whoever asked. What is checked always is
//! that the peer has the key of its certificate: the signature of its handshake. The door to rustls.

mod alert;
mod diagnose;
mod dial;
mod endpoint;
mod error;
mod identity;
mod memory;
mod observe;
#[cfg(test)]
mod tests;
mod verifier;

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, CommonState, ProtocolVersion, SupportedProtocolVersion};

pub use alert::Alert;
pub use endpoint::Endpoint;
pub use error::{Attempt, Phase, Reason, TlsError};
pub use identity::Identity;
pub use memory::{Client, Server, rehearse};
pub use observe::{Dial, Observation, Reception, observe};

use identity::Answer;
use verifier::Watch;

use crate::x509::{Name, SubjectAltName};

/// Says whether a party accepts the chain that the other one shows.
pub trait PeerJudge: Send + Sync {
    /// Judges a chain, each certificate in DER, the leaf first; never empty.
    ///
    /// # Errors
    /// Why it is not accepted, in words.
    fn judge(&self, chain: &[&[u8]]) -> Result<(), String>;
}

impl<F: Fn(&[&[u8]]) -> Result<(), String> + Send + Sync> PeerJudge for F {
    fn judge(&self, chain: &[&[u8]]) -> Result<(), String> {
        self(chain)
    }
}

/// The versions of TLS that are spoken here. Go's servers and clients speak no older ones unless told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TLS 1.2 (RFC 5246), with forward secrecy only.
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl Protocol {
    /// Every version, the oldest first.
    pub const ALL: [Self; 2] = [Self::Tls12, Self::Tls13];

    fn supported(self) -> &'static SupportedProtocolVersion {
        match self {
            Self::Tls12 => &rustls::version::TLS12,
            Self::Tls13 => &rustls::version::TLS13,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}

/// One of the two parties.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that dials.
    Client,
    /// The one that listens.
    Server,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Client => "client",
            Self::Server => "server",
        })
    }
}

/// Whether a server wants a certificate of its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// It does not ask.
    NotAsked,
    /// It asks, and goes on without one, as kube-apiserver does, where a token may do instead.
    Asked,
    /// It asks, and refuses a client without one, as etcd does with `--client-cert-auth`.
    Required,
}

/// A handshake that succeeded, as far as TLS is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The version of TLS.
    pub protocol: Protocol,
    /// The cipher suite by its name in IANA's registry, `TLS_AES_128_GCM_SHA256` for example.
    pub cipher_suite: String,
    /// The group of the key exchange by its name in IANA's registry, `x25519` for example.
    pub key_exchange: String,
    /// The application protocol that the server chose (ALPN, RFC 7301), if any.
    pub alpn: Option<String>,
    /// The chain that the server showed, in DER, the leaf first.
    pub server_chain: Vec<Vec<u8>>,
    /// The chain that the client showed, in DER, the leaf first; empty when it showed none.
    pub client_chain: Vec<Vec<u8>>,
    /// Whether a client certificate was asked for, or required.
    pub client_auth: ClientAuth,
    /// The CAs that the server named when it asked for a client certificate. It may name none, and means any then.
    pub acceptable_cas: Vec<Name>,
    /// How many more it named that are no distinguished names.
    pub unreadable_cas: usize,
}

/// What was negotiated, from either side's connection.
struct Negotiated {
    protocol: Protocol,
    cipher_suite: String,
    key_exchange: String,
    alpn: Option<String>,
}

impl Negotiated {
    /// `None` before the handshake has come so far.
    fn of(state: &CommonState) -> Option<Self> {
        let protocol = match state.protocol_version()? {
            ProtocolVersion::TLSv1_3 => Protocol::Tls13,
            _ => Protocol::Tls12,
        };
        let suite = format!("{:?}", state.negotiated_cipher_suite()?.suite());
        let group = state.negotiated_key_exchange_group()?;
        Some(Self {
            protocol,
            // The crate marks the suites of TLS 1.3; the registry does not.
            cipher_suite: suite.replacen("TLS13_", "TLS_", 1),
            key_exchange: format!("{:?}", group.name()).replacen("X25519", "x25519", 1),
            alpn: state.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        })
    }
}

/// ring's algorithms, made once.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())).clone()
}

/// What a client is made of. No session is ever taken up again: each handshake is a whole one.
fn client_config(
    watch: Arc<Watch>,
    answer: Arc<Answer>,
    protocols: &[Protocol],
) -> Result<ClientConfig, TlsError> {
    let versions: Vec<_> = protocols.iter().map(|protocol| protocol.supported()).collect();
    let mut config = ClientConfig::builder_with_details(provider(), Arc::new(NoClock))
        .with_protocol_versions(&versions)
        .map_err(|error| setup(&error))?
        .dangerous()
        .with_custom_certificate_verifier(watch)
        .with_client_cert_resolver(answer);
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn setup(error: &rustls::Error) -> TlsError {
    TlsError::Setup { reason: diagnose::in_words(error).to_owned() }
}

/// What the system says, without its number.
fn io_words(error: &std::io::Error) -> String {
    let words = error.to_string();
    words.split(" (os error ").next().unwrap_or(&words).to_owned()
}

/// rustls asks for the time to pass it on to verifiers and for tickets. Ours do not read it, and there are no tickets.
#[derive(Debug)]
struct NoClock;

impl TimeProvider for NoClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(std::time::Duration::ZERO))
    }
}

/// The name that a client dials, as rustls wants it. For an address no name is indicated to the server (RFC 6066
/// section 3).
fn server_name(name: &SubjectAltName) -> Result<ServerName<'static>, TlsError> {
    let refused = || TlsError::Name { name: name.to_string() };
    match name {
        SubjectAltName::Dns(dns) => ServerName::try_from(dns.clone()).map_err(|_| refused()),
        SubjectAltName::Ip(ip) => Ok(ServerName::IpAddress((*ip).into())),
        _ => Err(refused()),
    }
}
