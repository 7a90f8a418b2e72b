//! What to do next when no handshake came about.

use std::io::ErrorKind;

use kpki::tls::{Alert, Endpoint, Phase, TlsError};

/// What to do next, where that is known.
pub(super) fn hint(endpoint: &Endpoint, error: &TlsError) -> Option<String> {
    let hint = match error {
        TlsError::Resolve { .. } => "check the name, or give the address and the name with --name",
        TlsError::Connect { attempts, .. } => {
            let refused = attempts.iter().any(|one| one.error.kind() == ErrorKind::ConnectionRefused);
            if !refused {
                return None;
            }
            "nobody listens there: is the component running, and on that address and port?"
        }
        TlsError::TimedOut { phase: Phase::Connect, .. } => {
            "a firewall may drop what is sent there; --timeout gives more time"
        }
        TlsError::TimedOut { phase: Phase::Handshake { heard: false }, .. } => {
            "a server that waits for its client to speak first in another protocol does that, and one that hangs"
        }
        TlsError::TimedOut { .. } => "--timeout gives more time",
        TlsError::PlainText { protocol: Some("HTTP" | "HTTP/2"), .. } => {
            return Some(format!("it may listen for http://{endpoint}, or its TLS options are not set"));
        }
        TlsError::PlainText { .. } | TlsError::NotTls { .. } => "is it the right port?",
        TlsError::Closed { heard: false, .. } => {
            "etcd does that on a port without TLS; so do load balancers without a healthy server behind them"
        }
        TlsError::OldProtocol => OLD,
        TlsError::Alert { alert } => match *alert {
            Alert::PROTOCOL_VERSION => OLD,
            Alert::HANDSHAKE_FAILURE => {
                "the two have no algorithms in common: offered are TLS 1.3 and, in TLS 1.2, ECDHE with AES-GCM or ChaCha20"
            }
            Alert::UNRECOGNIZED_NAME => {
                "the server knows no such name: give the one that it serves with --name"
            }
            Alert::NO_APPLICATION_PROTOCOL => "it speaks neither h2 nor http/1.1",
            _ => return None,
        },
        _ => return None,
    };
    Some(hint.into())
}

const OLD: &str = "TLS 1.0 and 1.1 are obsolete (RFC 8996): raise the server's least version";
