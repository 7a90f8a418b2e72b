//! Other verifiers, asked the same question: `openssl verify`, Python's `cryptography` and rustls-webpki.

use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::support::judge::Judge;
use crate::support::{command, run, text, write};

/// What a chain is to be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// A TLS server.
    Server,
    /// A TLS client.
    Client,
}

/// A chain and what is asked of it; DER throughout.
#[derive(Clone)]
pub(crate) struct Question {
    /// The end entity.
    pub(crate) leaf: Vec<u8>,
    /// CAs that are trusted.
    pub(crate) roots: Vec<Vec<u8>>,
    /// CAs that may lie between.
    pub(crate) between: Vec<Vec<u8>>,
    /// Revocation lists; where there is one, every certificate but the root must be on good terms with one.
    pub(crate) lists: Vec<Vec<u8>>,
    /// What for.
    pub(crate) purpose: For,
    /// `dns:NAME` or `ip:ADDRESS`; of a client none is asked.
    pub(crate) name: Option<String>,
    /// When.
    pub(crate) at: OffsetDateTime,
}

/// What an oracle says: nothing where the chain is good, or why it is not.
pub(crate) type Answer = Result<(), String>;

/// Who may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Oracle {
    /// `openssl verify`, at security level 2: 112 bits and no SHA-1.
    OpenSsl,
    /// The same with `-x509_strict`.
    OpenSslStrict,
    /// `cryptography`'s verifier, with its own idea of the Web PKI.
    Python,
    /// rustls-webpki.
    Webpki,
}

/// Every oracle, and what they need to answer.
pub(crate) struct Oracles {
    directory: tempfile::TempDir,
    judge: Judge,
}

impl Oracles {
    /// Gets them ready.
    #[track_caller]
    pub(crate) fn new() -> Self {
        Self { directory: crate::support::scratch(), judge: Judge::start() }
    }

    /// Asks one.
    #[track_caller]
    pub(crate) fn ask(&mut self, oracle: Oracle, question: &Question) -> Answer {
        match oracle {
            Oracle::OpenSsl => self.openssl(question, &[]),
            Oracle::OpenSslStrict => self.openssl(question, &["-x509_strict"]),
            Oracle::Python => self.python(question),
            Oracle::Webpki => webpki(question),
        }
    }

    fn openssl(&self, question: &Question, more: &[&str]) -> Answer {
        let file = |name: &str, label: &str, contents: &[Vec<u8>]| {
            let path = self.directory.path().join(name);
            write(&path, &contents.iter().map(|der| pem(label, der)).collect::<String>());
            path
        };
        let roots = file("roots.pem", "CERTIFICATE", &question.roots);
        let between = file("between.pem", "CERTIFICATE", &question.between);
        let lists = file("lists.pem", "X509 CRL", &question.lists);
        let leaf = file("leaf.pem", "CERTIFICATE", std::slice::from_ref(&question.leaf));
        let at = question.at.unix_timestamp().to_string();
        let purpose = match question.purpose {
            For::Server => "sslserver",
            For::Client => "sslclient",
        };
        let mut verify =
            command("openssl", ["verify", "-auth_level", "2", "-no-CApath", "-no-CAstore", "-policy_check"]);
        verify.args(["-attime", &at, "-purpose", purpose, "-CAfile", text(&roots)]).args(more);
        if !question.between.is_empty() {
            verify.args(["-untrusted", text(&between)]);
        }
        if !question.lists.is_empty() {
            verify.args(["-crl_check_all", "-extended_crl", "-CRLfile", text(&lists)]);
        }
        match question.name.as_deref().and_then(|name| name.split_once(':')) {
            Some(("ip", address)) => verify.args(["-verify_ip", address]),
            Some((_, host)) => verify.args(["-verify_hostname", host]),
            None => &mut verify,
        };
        let ran = run(verify.arg(leaf));
        if ran.code == Some(0) { Ok(()) } else { Err(first_error(&ran.words())) }
    }

    fn python(&mut self, question: &Question) -> Answer {
        let bundle = |all: &[Vec<u8>]| all.iter().map(|der| pem("CERTIFICATE", der)).collect::<String>();
        let purpose = match question.purpose {
            For::Server => "server",
            For::Client => "client",
        };
        let answer = self.judge.ask(&json!({
            "ask": "chain",
            "leaf": pem("CERTIFICATE", &question.leaf),
            "roots": bundle(&question.roots),
            "intermediates": bundle(&question.between),
            "purpose": purpose,
            "name": question.name,
            "at": question.at.format(&Rfc3339).expect("an instant"),
        }));
        match answer["valid"].as_bool() {
            Some(true) => Ok(()),
            _ => {
                Err(answer["reason"].as_str().or(answer["error"].as_str()).unwrap_or("no reason").to_owned())
            }
        }
    }
}

/// The words behind `error … at … depth lookup: `.
fn first_error(words: &str) -> String {
    let line = words.lines().find(|line| line.starts_with("error ") || line.contains("error:"));
    line.unwrap_or(words).rsplit(" lookup: ").next().unwrap_or_default().to_owned()
}

fn pem(label: &str, der: &[u8]) -> String {
    kpki::pem::encode(label, der).to_string()
}

fn webpki(question: &Question) -> Answer {
    let said = |error: webpki::Error| format!("{error:?}");
    let der = |bytes: &Vec<u8>| CertificateDer::from(bytes.clone());
    let (leaf, roots) = (der(&question.leaf), question.roots.iter().map(der).collect::<Vec<_>>());
    let between: Vec<CertificateDer<'_>> = question.between.iter().map(der).collect();
    let anchors =
        roots.iter().map(webpki::anchor_from_trusted_cert).collect::<Result<Vec<_>, _>>().map_err(said)?;
    let leaf = webpki::EndEntityCert::try_from(&leaf).map_err(said)?;
    let usage = match question.purpose {
        For::Server => webpki::KeyUsage::server_auth(),
        For::Client => webpki::KeyUsage::client_auth(),
    };
    let seconds = u64::try_from(question.at.unix_timestamp()).expect("after 1970");
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    leaf.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &anchors, &between, at, usage, None, None)
        .map_err(said)?;
    if let Some((_, name)) = question.name.as_deref().and_then(|name| name.split_once(':')) {
        let name = ServerName::try_from(name).map_err(|error| error.to_string())?;
        leaf.verify_is_valid_for_subject_name(&name).map_err(said)?;
    }
    Ok(())
}
