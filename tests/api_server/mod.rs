//! A stand-in for the API server, and a client for it: rustls on both sides, one small HTTP answer.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::support::stranger::Pair;

/// No peer here is slower, unless it hangs.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The subject of an admitted client, or why it was refused.
pub(crate) type Outcome = Result<String, String>;

/// A TLS server that demands client certificates of one CA; it ends with the value.
pub(crate) struct ApiServer {
    port: u16,
    outcomes: Receiver<Outcome>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ApiServer {
    /// Listens on a free port of loopback, shows `identity`, and admits clients under `client_ca`.
    pub(crate) fn start(identity: &Pair, client_ca: &Path) -> Self {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(client_ca)), provider())
            .build()
            .expect("a verifier");
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain(&identity.certificate), key(&identity.key))
            .expect("the server's key fits its certificate");
        let config = Arc::new(config);
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let (sender, outcomes) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                if let Ok(stream) = stream {
                    serve(stream, &config, &sender);
                }
            }
        });
        Self { port, outcomes, stop, thread: Some(thread) }
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// How the first connection's handshake went.
    pub(crate) fn first_outcome(&self) -> Outcome {
        self.outcomes.recv_timeout(TIMEOUT).expect("a client connected")
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Its accept returns for this connection, and sees that it is over.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One connection: handshake, report, a small answer that names the client.
fn serve(mut stream: TcpStream, config: &Arc<ServerConfig>, outcomes: &Sender<Outcome>) {
    let _ = stream.set_read_timeout(Some(TIMEOUT));
    let mut connection = ServerConnection::new(Arc::clone(config)).expect("a connection");
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut stream) {
            // complete_io has sent the alert; the client may be gone already.
            let _ = outcomes.send(Err(error.to_string()));
            return;
        }
    }
    let subject = connection.peer_certificates().and_then(<[_]>::first).map(subject).unwrap_or_default();
    let _ = outcomes.send(Ok(subject.clone()));
    let mut tls = StreamOwned::new(connection, stream);
    let mut request = Vec::new();
    let mut part = [0_u8; 1024];
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        match tls.read(&mut part) {
            Ok(0) | Err(_) => return,
            Ok(count) => request.extend_from_slice(&part[..count]),
        }
    }
    let body = serde_json::json!({ "subject": subject }).to_string();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length:";
    let _ = write!(tls, "{head} {}\r\n\r\n{body}", body.len());
    tls.conn.send_close_notify();
    let _ = tls.flush();
}

/// Gets `/` as rustls' client, which knows the server as `name`: the answer, or what went wrong.
pub(crate) fn rustls_get(name: &str, ca: &Path, identity: Option<&Pair>, port: u16) -> Outcome {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_root_certificates(roots(ca));
    let config = match identity {
        Some(pair) => builder
            .with_client_auth_cert(chain(&pair.certificate), key(&pair.key))
            .expect("the client's key fits its certificate"),
        None => builder.with_no_client_auth(),
    };
    let name = ServerName::try_from(name.to_owned()).expect("a server name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
    let _ = stream.set_read_timeout(Some(TIMEOUT));
    let mut tls = StreamOwned::new(connection, stream);
    tls.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    match tls.read_to_end(&mut answer) {
        Ok(_) => {}
        // The server's answer is over where it says so, whether or not it said goodbye.
        Err(error) if error.kind() == ErrorKind::UnexpectedEof && !answer.is_empty() => {}
        Err(error) => return Err(error.to_string()),
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    if answer.starts_with("HTTP/1.1 200") { Ok(answer) } else { Err(format!("not an answer: {answer:?}")) }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn chain(path: &Path) -> Vec<CertificateDer<'static>> {
    let blocks =
        CertificateDer::pem_file_iter(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    blocks.map(|block| block.expect("a certificate")).collect()
}

fn key(path: &Path) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_file(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn roots(path: &Path) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    for certificate in chain(path) {
        roots.add(certificate).expect("a trust anchor");
    }
    assert!(!roots.is_empty(), "no certificate in {}", path.display());
    roots
}

fn subject(certificate: &CertificateDer<'_>) -> String {
    let (_, parsed) = X509Certificate::from_der(certificate).expect("rustls admitted it");
    parsed.subject().to_string()
}
