//! From an endpoint to a connection, within a time that is granted.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::{Attempt, Endpoint, Phase, TlsError};

/// The least time that one of several addresses gets, as Go's dialler grants it (net, `partialDeadline`).
const LEAST_SHARE: Duration = Duration::from_secs(2);

/// The time that is granted to everything together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    start: Instant,
    granted: Duration,
}

impl Deadline {
    /// From now on.
    pub(super) fn after(granted: Duration) -> Self {
        Self { start: Instant::now(), granted }
    }

    /// What is left of it; none when it is over.
    pub(super) fn left(&self) -> Option<Duration> {
        self.granted.checked_sub(self.start.elapsed()).filter(|left| !left.is_zero())
    }

    /// The error when it is over.
    pub(super) fn over(&self, phase: Phase) -> TlsError {
        TlsError::TimedOut { phase, after: self.granted }
    }
}

/// Connects to the first address that answers.
pub(super) fn connect(endpoint: &Endpoint, deadline: &Deadline) -> Result<(TcpStream, SocketAddr), TlsError> {
    let addresses = resolve(endpoint, deadline)?;
    let mut failed: Vec<Attempt> = Vec::new();
    for (at, address) in addresses.iter().enumerate() {
        let Some(left) = deadline.left() else { break };
        // Each gets its share, so that one that swallows everything does not hide the others.
        let others = u32::try_from(addresses.len() - at).unwrap_or(u32::MAX);
        let share = (left / others).max(LEAST_SHARE).min(left);
        match connect_to(*address, share) {
            Ok(stream) => return Ok((stream, *address)),
            Err(error) => failed.push(Attempt { address: *address, error }),
        }
    }
    if !failed.is_empty() && failed.iter().any(|attempt| attempt.error.kind() != ErrorKind::TimedOut) {
        return Err(TlsError::Connect { endpoint: endpoint.to_string(), attempts: failed });
    }
    Err(deadline.over(Phase::Connect))
}

/// Connects to one address.
pub(super) fn connect_to(address: SocketAddr, granted: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, granted)?;
    // The handshake is a conversation of small messages: none of them should wait for another.
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The addresses of the endpoint, each once.
fn resolve(endpoint: &Endpoint, deadline: &Deadline) -> Result<Vec<SocketAddr>, TlsError> {
    if let Ok(address) = endpoint.host().parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, endpoint.port())]);
    }
    let (host, port) = (endpoint.host().to_owned(), endpoint.port());
    let unknown = |reason: String| TlsError::Resolve { host: endpoint.host().to_owned(), reason };
    let (answer, asked) = mpsc::channel();
    // The system's resolver knows no time limit. When it takes too long its thread is left to itself.
    let resolve = move || {
        let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>);
        let _ = answer.send(found);
    };
    std::thread::Builder::new().spawn(resolve).map_err(|error| unknown(super::io_words(&error)))?;
    let over = || deadline.over(Phase::Resolve);
    let found = asked.recv_timeout(deadline.left().ok_or_else(over)?).map_err(|_| over())?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found.map_err(|error| unknown(resolver_words(&error)))? {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(unknown("it has no address".into()));
    }
    Ok(addresses)
}

/// std puts this before what the resolver says.
fn resolver_words(error: &io::Error) -> String {
    let words = super::io_words(error);
    words.strip_prefix("failed to lookup address information: ").unwrap_or(&words).to_owned()
}
