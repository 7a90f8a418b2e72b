//! Certificates and lists with the places where they stand.

use std::fmt;

use super::Policy;
use crate::pem;
use crate::x509::{Certificate, Printable, RevocationList, X509Error};

/// Where a certificate or a list stands, for messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Source {
    /// The file as people know it, safe to show.
    pub file: String,
    /// The field of the object in it that holds it, safe to show: `users[jane].client-certificate-data` for example.
    pub field: Option<String>,
    /// Which block of the file, counted from 0.
    pub block: usize,
    /// The line of its BEGIN, counted from 1; none in DER.
    pub line: Option<usize>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match (&self.field, self.line) {
            (Some(field), _) if self.block > 0 => write!(f, " {field}, certificate {}", self.block + 1),
            (Some(field), _) => write!(f, " {field}"),
            (None, Some(line)) if self.block > 0 => write!(f, ":{line}"),
            _ => Ok(()),
        }
    }
}

/// A certificate and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The certificate.
    pub certificate: Certificate,
    /// Where it stands.
    pub source: Source,
}

/// A revocation list and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedList {
    /// The list.
    pub list: RevocationList,
    /// Where it stands.
    pub source: Source,
}

/// Something that stands where a certificate or a list should, and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Unreadable {
    /// Where.
    pub place: Source,
    /// What is wrong, safe to show.
    pub problem: String,
}

/// A certificate that stands in a text and that programs written in Go do not see there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unseen {
    /// Where.
    pub source: Source,
    /// The DER of its subject, where people can read it.
    pub subject: Option<Vec<u8>>,
    /// Why they do not.
    pub why: String,
}

/// Something about the form of a file over which programs that clusters meet stumble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Where.
    pub source: Source,
    /// The situation's name for programs.
    pub situation: &'static str,
    /// What is so, safe to show.
    pub text: String,
    /// Who refuses the file, or loses what is in it.
    pub programs: Vec<&'static str>,
}

/// What was read of a file.
#[derive(Debug, Default)]
pub struct Reading {
    /// Its certificates, in their order.
    pub certificates: Vec<Result<Located, Unreadable>>,
    /// Those that the policy does not see.
    pub unseen: Vec<Unseen>,
    /// What is odd about its form.
    pub remarks: Vec<Remark>,
}

/// Programs of the OpenSSL family and others that refuse a whole file for one blemish.
const REFUSE_BLEMISHES: [&str; 5] = ["OpenSSL", "curl", "Python", "Java", "GnuTLS"];

/// Reads a file of certificates as the policy's programs read it: those written in Go pass over whatever is no block to
/// them and read on; the strict reading refuses a broken text as a whole. `trusted` tells whether it is a file of CAs, of
/// which Go leaves out blocks with headers.
///
/// # Errors
/// [`X509Error::Pem`] where the text is broken, [`X509Error::NoCertificate`] where there is no certificate.
pub fn read(file: &str, bytes: &[u8], policy: Policy, trusted: bool) -> Result<Reading, X509Error> {
    let mut reading = Reading::default();
    let source = |block, line| Source { file: file.to_owned(), field: None, block, line };
    if bytes.first() == Some(&crate::x509::der::tag::SEQUENCE) {
        reading.certificates.push(one(source(0, None), bytes));
        reading.remarks.push(not_pem(source(0, None)));
        return Ok(reading);
    }
    if policy == Policy::Rfc5280 {
        reading.certificates = certificates(file, bytes)?;
        reading.remarks = blemishes(file, bytes, trusted);
        return Ok(reading);
    }
    let blocks = pem::decode_as_go(bytes);
    for (number, block) in blocks.iter().enumerate().filter(|(_, block)| block.label == pem::CERTIFICATE) {
        if block.has_headers && trusted {
            let subject = Certificate::from_der(&block.der).ok().map(|read| read.tbs.subject.der().to_vec());
            let why = "headers stand in the block".to_owned();
            reading.unseen.push(Unseen { source: source(number, Some(block.line)), subject, why });
        } else {
            reading.certificates.push(one(source(number, Some(block.line)), &block.der));
        }
    }
    let seen = blocks.iter().filter(|block| block.label == pem::CERTIFICATE).count();
    if begins(bytes) != seen {
        reading.unseen.extend(unseen(&source, bytes, &blocks));
    }
    if reading.certificates.is_empty() && reading.unseen.is_empty() {
        let found = pem::scan(bytes).next().map(|found| found.label);
        return Err(X509Error::NoCertificate { found });
    }
    reading.remarks = blemishes(file, bytes, trusted);
    if !reading.unseen.is_empty() {
        reading.remarks.extend(broken(file, bytes));
    }
    let refused = reading.unseen.iter().map(|unseen| Remark {
        source: unseen.source.clone(),
        situation: "unseen",
        text: format!(
            "the certificate there is not seen by programs written in Go (all of Kubernetes, etcd): {}",
            unseen.why
        ),
        programs: vec!["Go (all of Kubernetes, etcd)"],
    });
    let refused: Vec<Remark> = refused.collect();
    reading.remarks.extend(refused);
    if trusted {
        let broken = reading.certificates.iter().filter_map(|read| read.as_ref().err());
        let broken: Vec<Remark> = broken.map(whole_file).collect();
        reading.remarks.extend(broken);
    }
    Ok(reading)
}

fn one(source: Source, der: &[u8]) -> Result<Located, Unreadable> {
    match Certificate::from_der(der) {
        Ok(certificate) => Ok(Located { certificate, source }),
        Err(problem) => {
            Err(Unreadable { place: source, problem: Printable(&problem.to_string()).to_string() })
        }
    }
}

/// A file of DER: Kubernetes reads PEM alone.
fn not_pem(source: Source) -> Remark {
    let text = "it is DER, and no component of Kubernetes or etcd reads that from a file".to_owned();
    Remark { source, situation: "not-pem", text, programs: vec!["Go (all of Kubernetes, etcd)"] }
}

/// A certificate of a trust file that cannot be read: most leave it out, some refuse the file.
fn whole_file(unreadable: &Unreadable) -> Remark {
    let text = format!(
        "a certificate there cannot be read, and is left out by who builds a pool; kube-apiserver's --client-ca-file \
         refuses the whole file: {}",
        unreadable.problem
    );
    let programs = vec!["kube-apiserver (--client-ca-file, --requestheader-client-ca-file)"];
    Remark { source: unreadable.place.clone(), situation: "unreadable-in-bundle", text, programs }
}

/// How often a text says BEGIN.
fn begins(text: &[u8]) -> usize {
    const BEGIN: &[u8] = b"-----BEGIN";
    // There is no dash in base64.
    let dashes = text.iter().enumerate().filter(|(_, byte)| **byte == b'-');
    dashes.filter(|(at, _)| text.get(*at..).is_some_and(|rest| rest.starts_with(BEGIN))).count()
}

/// The certificates that people see in a text and Go does not: what it finds no block in, and labels that it passes over.
fn unseen(
    source: &impl Fn(usize, Option<usize>) -> Source,
    text: &[u8],
    blocks: &[pem::GoBlock],
) -> Vec<Unseen> {
    let is_certificate = |label: &str| label.ends_with("CERTIFICATE");
    let subject_of = |der: &[u8]| {
        // OpenSSL writes its own settings behind a trusted certificate.
        let whole = crate::x509::der::read(der).map(|(certificate, _)| certificate.whole);
        let read = whole.and_then(|whole| Certificate::from_der(whole).ok());
        read.map(|read| read.tbs.subject.der().to_vec())
    };
    let labels = blocks
        .iter()
        .enumerate()
        .filter(|(_, block)| is_certificate(&block.label) && block.label != pem::CERTIFICATE);
    let labels = labels.map(|(number, block)| Unseen {
        source: source(number, Some(block.line)),
        subject: subject_of(&block.der),
        why: format!("its label is `{}`, and Go reads `{}` alone", Printable(&block.label), pem::CERTIFICATE),
    });
    let lost = pem::unseen_by_go(text, blocks);
    let lost = lost.into_iter().filter(|one| is_certificate(&one.found.label)).map(|one| Unseen {
        source: source(one.number, Some(one.found.span.first_line)),
        subject: one.found.contents.as_ref().ok().and_then(|der| subject_of(der)),
        why: Printable(&one.why).to_string(),
    });
    labels.chain(lost).collect()
}

/// What is odd about the lines of a text.
fn blemishes(file: &str, text: &[u8], trusted: bool) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut tell = |line: usize, situation, text: &str, programs: &[&'static str]| {
        let source = Source { file: file.to_owned(), field: None, block: 1, line: Some(line) };
        let text = text.to_owned();
        remarks.push(Remark { source, situation, text, programs: programs.to_vec() });
    };
    let (mut blank, mut key, mut label) = (None, None, None);
    let mut inside = false;
    let mut headers = false;
    for (line, content) in (1..).zip(text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii)) {
        if content.starts_with(b"-----") {
            inside = content.starts_with(b"-----BEGIN");
            headers = false;
            if inside && trusted && content.ends_with(b"PRIVATE KEY-----") {
                key.get_or_insert(line);
            }
            if content == b"-----BEGIN TRUSTED CERTIFICATE-----" {
                label.get_or_insert(line);
            }
        } else if inside && content.contains(&b':') {
            headers = true;
        } else if inside && content.is_empty() && !headers {
            blank.get_or_insert(line);
        }
    }
    if text.starts_with(b"\xef\xbb\xbf") {
        let programs = ["Go (all of Kubernetes, etcd)", "rustls", "Erlang", "Java"];
        tell(
            1,
            "byte-order-mark",
            "a byte order mark stands before the first block, which Go, rustls and Erlang lose without a word; Java refuses the file",
            &programs,
        );
    }
    if let Some(line) = blank {
        tell(
            line,
            "blank-line",
            "a blank line stands within a block: OpenSSL, curl, Python and pyca refuse the file, Node stops there",
            &["OpenSSL", "curl", "Python", "pyca", "Node"],
        );
    }
    if let Some(line) = key {
        tell(
            line,
            "key-in-bundle",
            "a private key stands among the certificates: Java refuses the file",
            &["Java"],
        );
    }
    if let Some(line) = label {
        let text = "a block labelled `TRUSTED CERTIFICATE` is passed over by programs written in Go; Java refuses the file";
        tell(line, "trusted-certificate", text, &["Go (all of Kubernetes, etcd)", "Java"]);
    }
    remarks
}

/// A file in which a block is broken, over which most programs stumble as a whole.
fn broken(file: &str, text: &[u8]) -> Option<Remark> {
    let words = Printable(&pem::parse(text).err()?.to_string()).to_string();
    let source = Source { file: file.to_owned(), ..Source::default() };
    let programs = REFUSE_BLEMISHES.to_vec();
    Some(Remark {
        source,
        situation: "broken-block",
        text: format!("{words}; {} refuse the whole file for that", programs.join(", ")),
        programs,
    })
}

/// Reads every certificate of a file, in PEM with any number of blocks or in DER. Blocks that are none are passed over.
///
/// # Errors
/// [`X509Error::Pem`] where the text is broken, [`X509Error::NoCertificate`] where there is no certificate.
pub fn certificates(file: &str, bytes: &[u8]) -> Result<Vec<Result<Located, Unreadable>>, X509Error> {
    all(file, bytes, &[pem::CERTIFICATE], one)
}

/// Reads every revocation list of a file, likewise.
///
/// # Errors
/// As [`certificates`].
pub fn revocation_lists(file: &str, bytes: &[u8]) -> Result<Vec<Result<LocatedList, Unreadable>>, X509Error> {
    let read = |source: Source, der: &[u8]| match RevocationList::from_der(der) {
        Ok(list) => Ok(LocatedList { list, source }),
        Err(problem) => {
            Err(Unreadable { place: source, problem: Printable(&problem.to_string()).to_string() })
        }
    };
    all(file, bytes, &[pem::X509_CRL], read)
}

fn all<T>(
    file: &str,
    bytes: &[u8],
    labels: &[&str],
    read: impl Fn(Source, &[u8]) -> Result<T, Unreadable>,
) -> Result<Vec<Result<T, Unreadable>>, X509Error> {
    let source = |block, line| Source { file: file.to_owned(), field: None, block, line };
    if bytes.first() == Some(&crate::x509::der::tag::SEQUENCE) {
        return Ok(vec![read(source(0, None), bytes)]);
    }
    let blocks = pem::parse(bytes)?;
    let wanted = blocks.iter().enumerate().filter(|(_, block)| labels.contains(&block.label.as_str()));
    let out: Vec<_> =
        wanted.map(|(index, block)| read(source(index, Some(block.span.first_line)), &block.der)).collect();
    if out.is_empty() {
        return Err(X509Error::NoCertificate { found: blocks.first().map(|block| block.label.clone()) });
    }
    Ok(out)
}
