//! Certificates and lists with the places where they stand.

use std::fmt;

use crate::pem;
use crate::x509::{Certificate, RevocationList, X509Error};

/// Where a certificate or a list stands, for messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Source {
    /// The file as people know it, safe to show.
    pub file: String,
    /// Which block of the file, counted from 0.
    pub block: usize,
    /// The line of its BEGIN, counted from 1; none in DER.
    pub line: Option<usize>,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) if self.block > 0 => write!(f, "{}:{line}", self.file),
            _ => f.write_str(&self.file),
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
#[derive(Debug, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Unreadable {
    /// Where.
    pub place: Source,
    /// What is wrong.
    pub problem: X509Error,
}

/// Reads every certificate of a file, in PEM with any number of blocks or in DER. Blocks that are none are passed over.
///
/// # Errors
/// [`X509Error::Pem`] where the text is broken, [`X509Error::NoCertificate`] where there is no certificate.
pub fn certificates(file: &str, bytes: &[u8]) -> Result<Vec<Result<Located, Unreadable>>, X509Error> {
    let read = |source: Source, der: &[u8]| match Certificate::from_der(der) {
        Ok(certificate) => Ok(Located { certificate, source }),
        Err(problem) => Err(Unreadable { place: source, problem }),
    };
    all(file, bytes, &[pem::CERTIFICATE], read)
}

/// Reads every revocation list of a file, likewise.
///
/// # Errors
/// As [`certificates`].
pub fn revocation_lists(file: &str, bytes: &[u8]) -> Result<Vec<Result<LocatedList, Unreadable>>, X509Error> {
    let read = |source: Source, der: &[u8]| match RevocationList::from_der(der) {
        Ok(list) => Ok(LocatedList { list, source }),
        Err(problem) => Err(Unreadable { place: source, problem }),
    };
    all(file, bytes, &[pem::X509_CRL], read)
}

fn all<T>(
    file: &str,
    bytes: &[u8],
    labels: &[&str],
    read: impl Fn(Source, &[u8]) -> Result<T, Unreadable>,
) -> Result<Vec<Result<T, Unreadable>>, X509Error> {
    let source = |block, line| Source { file: file.to_owned(), block, line };
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
