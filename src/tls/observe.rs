//! A handshake with a server over a socket: whatever it shows is taken and written down.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConnection, Error};

use super::diagnose::{FIRST_BYTES, diagnose, looks_like_tls, other_protocol};
use super::dial::{Deadline, connect, connect_to};
use super::identity::{Answer, Identity};
use super::verifier::Watch;
use super::{
    Alert, ClientAuth, Endpoint, Handshake, Negotiated, Phase, Protocol, TlsError, client_config,
    server_name, setup,
};
use crate::x509::SubjectAltName;

/// The application protocols that are offered: those of Kubernetes' clients and etcd's.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// How much a server may say until its handshake is complete, in bytes: TLS admits 64 KiB for its certificates and as
/// much for the names of its CAs, and no server says more than that twice.
const LONGEST: usize = 512 * 1024;

/// How long a silent server is listened to after the handshake, and after a farewell that it should have answered.
const SILENCE: Duration = Duration::from_secs(2);

/// How to talk to a server.
#[derive(Debug, Clone)]
pub struct Dial {
    /// What to show when a client certificate is asked for.
    pub identity: Option<Identity>,
    /// The name to indicate to the server (SNI), if it is a DNS name; the endpoint's host without one.
    pub name: Option<SubjectAltName>,
    /// How long everything may take together.
    pub timeout: Duration,
}

/// What was seen of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// The address that answered.
    pub address: SocketAddr,
    /// The handshake, as it was with the client certificate if there was one to show. In `client_auth`, `Required`
    /// rests on a refusal that was seen.
    pub handshake: Handshake,
    /// What became of the client certificate; none when there was none, or none was asked for.
    pub reception: Option<Reception>,
    /// The alert by which a client without a certificate was refused, if one was sent.
    pub refusal: Option<Alert>,
    /// Whether the server's silence leaves open if it requires a client certificate: one that asks and then says
    /// nothing, or hangs up without a word.
    pub unclear: bool,
}

/// What a server made of a client certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reception {
    /// It went on.
    Accepted,
    /// It ended the connection, with this alert if with any.
    Refused(Option<Alert>),
    /// It hung up without a word, or said nothing.
    Unclear,
    /// It was not shown: the server takes no signature that its key can make.
    Unusable,
}

/// Makes a handshake with a server, and a second one without the client certificate, where there is one, to see
/// whether it is required.
///
/// # Errors
/// Where no handshake came about, and why: see [`TlsError`].
pub fn observe(endpoint: &Endpoint, dial: &Dial) -> Result<Observation, TlsError> {
    let deadline = Deadline::after(dial.timeout);
    let name = dial.name.clone().unwrap_or_else(|| endpoint.name());
    let (stream, address) = connect(endpoint, &deadline)?;
    let (handshake, ending) = Conversation::new(stream, &name, dial.identity.clone(), deadline)?.hold()?;
    let mut seen = Observation { address, handshake, reception: None, refusal: None, unclear: false };
    if seen.handshake.client_auth == ClientAuth::NotAsked {
        return Ok(seen);
    }
    if seen.handshake.client_chain.is_empty() {
        seen.reception = dial.identity.as_ref().map(|_| Reception::Unusable);
        seen.conclude(ending);
        return Ok(seen);
    }
    seen.reception = Some(match ending {
        Ending::GoesOn => Reception::Accepted,
        Ending::Refused(alert) => Reception::Refused(alert),
        Ending::Silent => Reception::Unclear,
    });
    let without = deadline.left().and_then(|left| connect_to(address, left).ok());
    let without = without.map(|stream| Conversation::new(stream, &name, None, deadline)?.hold());
    match without {
        Some(Ok((_, ending))) => seen.conclude(ending),
        _ => seen.unclear = true,
    }
    Ok(seen)
}

impl Observation {
    /// What the end of a conversation without a client certificate says of a server that asks for one.
    fn conclude(&mut self, ending: Ending) {
        match ending {
            Ending::GoesOn => {}
            Ending::Silent => self.unclear = true,
            Ending::Refused(alert) => {
                self.handshake.client_auth = ClientAuth::Required;
                self.refusal = alert;
            }
        }
    }
}

/// How a server behaved once it knew what certificate it was given, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// It went on: it sent something, or took its leave in good order.
    GoesOn,
    /// It refused, with this alert if with any.
    Refused(Option<Alert>),
    /// Nothing can be told from it.
    Silent,
}

/// What came of listening.
enum Heard {
    Bytes(usize),
    /// The server hung up.
    End,
    /// The server reset the connection.
    Reset,
    /// Nothing within the time.
    Nothing,
}

/// One connection.
struct Conversation {
    stream: TcpStream,
    connection: ClientConnection,
    watch: Arc<Watch>,
    answer: Arc<Answer>,
    deadline: Deadline,
    /// How many bytes came, and the first of them.
    received: usize,
    first: Vec<u8>,
    buffer: Vec<u8>,
}

impl Conversation {
    fn new(
        stream: TcpStream,
        name: &SubjectAltName,
        identity: Option<Identity>,
        deadline: Deadline,
    ) -> Result<Self, TlsError> {
        let (watch, answer) = (Arc::new(Watch::server(None)), Arc::new(Answer::new(identity)));
        let mut config = client_config(watch.clone(), answer.clone(), &Protocol::ALL)?;
        config.alpn_protocols = ALPN.map(<[u8]>::to_vec).into();
        let connection =
            ClientConnection::new(Arc::new(config), server_name(name)?).map_err(|error| setup(&error))?;
        let (received, first, buffer) = (0, Vec::new(), vec![0; 16 * 1024]);
        Ok(Self { stream, connection, watch, answer, deadline, received, first, buffer })
    }

    /// Makes the handshake, and finds out whether the server goes on after it.
    fn hold(mut self) -> Result<(Handshake, Ending), TlsError> {
        let ending = match self.shake_hands()? {
            Some(ending) => ending,
            None => self.ask_whether_it_goes_on(),
        };
        let incomplete = || TlsError::Closed { reset: false, heard: true };
        let negotiated = Negotiated::of(&self.connection).ok_or_else(incomplete)?;
        let request = self.answer.request();
        let handshake = Handshake {
            protocol: negotiated.protocol,
            cipher_suite: negotiated.cipher_suite,
            key_exchange: negotiated.key_exchange,
            alpn: negotiated.alpn,
            server_chain: self.watch.seen().chain,
            client_chain: self.answer.shown(),
            client_auth: if request.is_some() { ClientAuth::Asked } else { ClientAuth::NotAsked },
            unreadable_cas: request.as_ref().map_or(0, |request| request.unreadable),
            acceptable_cas: request.map(|request| request.authorities).unwrap_or_default(),
        };
        Ok((handshake, ending))
    }

    /// Up to the end of the handshake; an ending where the server refused the client within it, as in TLS 1.2.
    fn shake_hands(&mut self) -> Result<Option<Ending>, TlsError> {
        loop {
            // Why a write fails shows in what can be read: the server's last words may wait there.
            let _ = self.speak();
            if !self.connection.is_handshaking() {
                return Ok(None);
            }
            let heard = self.hear(self.deadline.left());
            // Beyond this point the server has its answer about the client certificate.
            let answered = self.answer.request().is_some() && Negotiated::of(&self.connection).is_some();
            match heard {
                Heard::Bytes(_) if self.received > LONGEST => {
                    return Err(TlsError::Peer {
                        reason: "it talks without end and comes to no handshake".into(),
                    });
                }
                Heard::Bytes(count) => match self.take(count) {
                    Err(Error::AlertReceived(alert)) if answered => {
                        return Ok(Some(Ending::Refused(Some(alert.into()))));
                    }
                    Err(error) => {
                        let _ = self.speak();
                        return Err(diagnose(&error, &self.first, self.watch.seen().refused));
                    }
                    Ok(()) => {}
                },
                Heard::End | Heard::Reset if answered => return Ok(Some(Ending::Refused(None))),
                _ if !self.first.is_empty() && !looks_like_tls(&self.first) => {
                    return Err(other_protocol(&self.first));
                }
                Heard::End | Heard::Reset => {
                    let reset = matches!(heard, Heard::Reset);
                    return Err(TlsError::Closed { reset, heard: self.received > 0 });
                }
                Heard::Nothing => {
                    return Err(self.deadline.over(Phase::Handshake { heard: self.received > 0 }));
                }
            }
        }
    }

    /// In TLS 1.3 the client is through before the server has seen its certificate. To take leave makes every server
    /// say what it thinks: one that refuses sends its alert, all others a ticket, data or their own farewell.
    fn ask_whether_it_goes_on(&mut self) -> Ending {
        let is_decided = self.connection.protocol_version() != Some(rustls::ProtocolVersion::TLSv1_3);
        if is_decided || self.answer.request().is_none() {
            return Ending::GoesOn;
        }
        self.connection.send_close_notify();
        let _ = self.speak();
        let patience = Deadline::after(SILENCE);
        loop {
            if self.connection.tls13_tickets_received() > 0 {
                return Ending::GoesOn;
            }
            let left = self.deadline.left().and_then(|left| Some(left.min(patience.left()?)));
            let Heard::Bytes(count) = self.hear(left) else { return Ending::Silent };
            let state = match self.take(count) {
                Ok(()) => self.connection.process_new_packets(),
                Err(error) => Err(error),
            };
            match state {
                Err(Error::AlertReceived(alert)) => return Ending::Refused(Some(alert.into())),
                Err(_) => return Ending::Silent,
                Ok(state) if state.peer_has_closed() || state.plaintext_bytes_to_read() > 0 => {
                    return Ending::GoesOn;
                }
                Ok(_) if self.received > LONGEST => return Ending::Silent,
                Ok(_) => {}
            }
        }
    }

    /// Sends what there is to send.
    fn speak(&mut self) -> std::io::Result<()> {
        while self.connection.wants_write() {
            let left = self.deadline.left().ok_or(ErrorKind::TimedOut)?;
            self.stream.set_write_timeout(Some(left))?;
            self.connection.write_tls(&mut self.stream)?;
        }
        self.stream.flush()
    }

    /// Waits for something to come into the buffer.
    fn hear(&mut self, patience: Option<Duration>) -> Heard {
        let Some(patience) = patience else { return Heard::Nothing };
        if self.stream.set_read_timeout(Some(patience)).is_err() {
            return Heard::Reset;
        }
        match self.stream.read(&mut self.buffer) {
            Ok(0) => Heard::End,
            Ok(count) => {
                self.received = self.received.saturating_add(count);
                let missing = FIRST_BYTES.saturating_sub(self.first.len()).min(count);
                self.first.extend_from_slice(self.buffer.get(..missing).unwrap_or_default());
                Heard::Bytes(count)
            }
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => Heard::Bytes(0),
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Heard::Nothing,
                _ => Heard::Reset,
            },
        }
    }

    /// Gives what came to rustls.
    fn take(&mut self, count: usize) -> Result<(), Error> {
        let mut rest = self.buffer.get(..count).unwrap_or_default();
        while !rest.is_empty() {
            // Its buffers are full only of what nobody read: data after the handshake, which is answer enough.
            if self.connection.read_tls(&mut rest).is_err() {
                return Ok(());
            }
            self.connection.process_new_packets()?;
        }
        Ok(())
    }
}
