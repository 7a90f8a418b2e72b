//! A whole handshake in memory: two parties, no sockets.

use std::sync::Arc;

use rustls::server::NoServerSessionStorage;
use rustls::{ClientConnection, Connection, Error, ServerConfig, ServerConnection};

use super::diagnose::in_words;
use super::identity::{Answer, Identity, Shown};
use super::verifier::Watch;
use super::{
    Alert, ClientAuth, Handshake, Negotiated, NoClock, PeerJudge, Protocol, Reason, Side, TlsError,
    client_config, provider, server_name, setup,
};
use crate::x509::{Name, SubjectAltName};

/// The party that dials.
#[derive(Clone)]
pub struct Client {
    /// What it shows when it is asked; nothing without one.
    pub identity: Option<Identity>,
    /// The DNS name or the address that it dials.
    pub name: SubjectAltName,
    /// Says whether it accepts the server's chain. The name that was dialled is for the judge to know.
    pub judge: Arc<dyn PeerJudge>,
}

/// The party that listens.
#[derive(Clone)]
pub struct Server {
    /// What it shows.
    pub identity: Identity,
    /// Whether it wants a certificate of its client.
    pub client_auth: ClientAuth,
    /// The CAs that it names when it asks: the subjects of its client CA file.
    pub acceptable_cas: Vec<Name>,
    /// Says whether it accepts the client's chain; asked when the client shows one.
    pub judge: Arc<dyn PeerJudge>,
}

/// Acts out one handshake with the versions of TLS that are given, in full and in memory.
///
/// The client shows its certificate whichever CAs the server names, as the clients of Kubernetes and etcd do.
///
/// # Errors
/// [`TlsError::Refused`] when one refuses the other, and why; [`TlsError::Name`] for a name that cannot be dialled.
pub fn rehearse(client: &Client, server: &Server, protocols: &[Protocol]) -> Result<Handshake, TlsError> {
    let of_server = Arc::new(Watch::server(Some(client.judge.clone())));
    let of_client = Arc::new(Watch::client(server.judge.clone(), server.client_auth, &server.acceptable_cas));
    let answer = Arc::new(Answer::new(client.identity.clone()));
    let mut dialling = Party {
        side: Side::Client,
        connection: dial(client, &of_server, &answer, protocols)?.into(),
        failed: None,
    };
    let mut listening =
        Party { side: Side::Server, connection: listen(server, &of_client, protocols)?.into(), failed: None };
    // Also after the handshake has ended on one side: in TLS 1.3 the server's refusal of a client comes after it.
    while pass(&mut dialling, &mut listening)? | pass(&mut listening, &mut dialling)? {}

    let (of_server, of_client) = (of_server.seen(), of_client.seen());
    for (party, other, seen) in [(&dialling, &listening, &of_server), (&listening, &dialling, &of_client)] {
        let Some(error) = &party.failed else { continue };
        if matches!(error, Error::AlertReceived(_)) {
            continue;
        }
        let reason = seen.refused.clone().unwrap_or_else(|| reason_of(error));
        return Err(TlsError::Refused { by: party.side, reason, alert: other.heard() });
    }
    let negotiated =
        Negotiated::of(&listening.connection).filter(|_| dialling.is_through() && listening.is_through());
    let negotiated = negotiated.ok_or_else(|| TlsError::Setup {
        reason: "the two parties fell silent before the handshake was complete".into(),
    })?;
    let request = answer.request();
    Ok(Handshake {
        protocol: negotiated.protocol,
        cipher_suite: negotiated.cipher_suite,
        key_exchange: negotiated.key_exchange,
        alpn: negotiated.alpn,
        server_chain: of_server.chain,
        client_chain: of_client.chain,
        client_auth: server.client_auth,
        unreadable_cas: request.as_ref().map_or(0, |request| request.unreadable),
        acceptable_cas: request.map(|request| request.authorities).unwrap_or_default(),
    })
}

/// One party while the handshake runs.
struct Party {
    side: Side,
    connection: Connection,
    /// The first error.
    failed: Option<Error>,
}

impl Party {
    /// The alert that it received, if one ended it.
    fn heard(&self) -> Option<Alert> {
        match self.failed {
            Some(Error::AlertReceived(description)) => Some(description.into()),
            _ => None,
        }
    }

    fn is_through(&self) -> bool {
        self.failed.is_none() && !self.connection.is_handshaking()
    }
}

/// Takes everything that one party has to say to the other; whether there was anything.
fn pass(from: &mut Party, to: &mut Party) -> Result<bool, TlsError> {
    let broken = |error: std::io::Error| TlsError::Setup { reason: crate::tls::io_words(&error) };
    let mut said = Vec::new();
    while from.connection.wants_write() {
        from.connection.write_tls(&mut said).map_err(broken)?;
    }
    let mut rest = said.as_slice();
    // Whoever has failed listens no more, but its alert is still to be sent.
    while !rest.is_empty() && to.failed.is_none() {
        to.connection.read_tls(&mut rest).map_err(broken)?;
        to.failed = to.connection.process_new_packets().err();
    }
    Ok(!said.is_empty())
}

fn reason_of(error: &Error) -> Reason {
    match error {
        Error::NoCertificatesPresented => Reason::NoClientCertificate,
        other => Reason::Protocol(in_words(other).to_owned()),
    }
}

fn dial(
    client: &Client,
    watch: &Arc<Watch>,
    answer: &Arc<Answer>,
    protocols: &[Protocol],
) -> Result<ClientConnection, TlsError> {
    let config = client_config(watch.clone(), answer.clone(), protocols)?;
    ClientConnection::new(Arc::new(config), server_name(&client.name)?).map_err(|error| setup(&error))
}

fn listen(server: &Server, watch: &Arc<Watch>, protocols: &[Protocol]) -> Result<ServerConnection, TlsError> {
    let versions: Vec<_> = protocols.iter().map(|protocol| protocol.supported()).collect();
    let mut config = ServerConfig::builder_with_details(provider(), Arc::new(NoClock))
        .with_protocol_versions(&versions)
        .map_err(|error| setup(&error))?
        .with_client_cert_verifier(watch.clone())
        .with_cert_resolver(Arc::new(Shown(server.identity.clone())));
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    ServerConnection::new(Arc::new(config)).map_err(|error| setup(&error))
}
