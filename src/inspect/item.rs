//! What was found: a file's items, each with its place and what is odd or broken about it.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use zeroize::Zeroizing;

use super::{CertificateFacts, Kubeconfig, Object, RequestFacts};
use crate::key::PrivateKeyFacts;
use crate::pem;
use crate::x509::{PublicKey, RevocationList, sha256_hex};

/// A file and what it holds.
#[derive(Debug)]
pub struct Inspected {
    /// The file, as it was named.
    pub file: String,
    /// How it is written.
    pub encoding: Encoding,
    /// What it holds, in its order.
    pub items: Vec<Item>,
}

impl Inspected {
    /// Every item and every item within one, in their order.
    pub fn all(&self) -> Vec<&Item> {
        let mut found = Vec::new();
        self.items.iter().for_each(|item| item.collect(&mut found));
        found
    }

    /// Whether something in it is broken.
    pub fn is_broken(&self) -> bool {
        self.all().iter().any(|item| !item.faults.is_empty())
    }

    /// Whether nothing in it is known here.
    pub fn is_unknown(&self) -> bool {
        self.items.iter().all(|item| matches!(item.content, Content::Unknown { .. }))
    }
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Blocks of base64 between BEGIN and END (RFC 7468).
    Pem,
    /// The bytes themselves (X.690).
    Der,
    /// YAML.
    Yaml,
    /// JSON.
    Json,
    /// Base64 without BEGIN and END around it.
    Base64,
    /// Another text.
    Text,
    /// Other bytes.
    Binary,
    /// Nothing at all.
    Empty,
}

impl Encoding {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pem => "PEM",
            Self::Der => "DER",
            Self::Yaml => "YAML",
            Self::Json => "JSON",
            Self::Base64 => "base64",
            Self::Text => "text",
            Self::Binary => "binary",
            Self::Empty => "empty",
        }
    }
}

/// Where an item stands in its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The field of the object that holds it, `users[jane].client-certificate-data` for example.
    pub field: Option<String>,
    /// Which PEM block of the file or field it is, counted from 0.
    pub block: Option<usize>,
    /// The first and the last of its lines in the file, from 1; of something within a field, the line of the field.
    pub lines: Option<(usize, usize)>,
}

/// Something that is written otherwise than its standard says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Oddity {
    /// What is odd, with the values, safe to show.
    pub what: String,
    /// The section of the standard.
    pub source: &'static str,
}

impl Oddity {
    pub(super) fn new(what: impl Into<String>, source: &'static str) -> Self {
        Self { what: what.into(), source }
    }
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.source)
    }
}

/// A public key that stands alone.
#[derive(Debug, Clone)]
pub struct PublicKeyFacts {
    /// The key.
    pub key: PublicKey,
    /// The form that it stands in: `SubjectPublicKeyInfo` or `PKCS#1`.
    pub form: &'static str,
}

/// What an item is.
#[derive(Debug)]
#[non_exhaustive]
pub enum Content {
    /// A certificate.
    Certificate(Arc<CertificateFacts>),
    /// A certification request (PKCS #10).
    Request(Box<RequestFacts>),
    /// A certificate revocation list.
    RevocationList(Box<RevocationList>),
    /// A private key, without the private part.
    PrivateKey(Box<PrivateKeyFacts>),
    /// A public key.
    PublicKey(Box<PublicKeyFacts>),
    /// A kubeconfig; what is embedded in it are its items.
    Kubeconfig(Box<Kubeconfig>),
    /// A Kubernetes object; what of a PKI is in it are its items.
    Object(Box<Object>),
    /// Something that is known by name only, or that holds others, with what can be told of it.
    Named {
        /// What it is.
        what: String,
        /// What can be told of it, name and value.
        facts: Vec<(&'static str, String)>,
    },
    /// Something that should be what its place or label says and cannot be read.
    Broken {
        /// What it should be.
        what: &'static str,
        /// What could be read of it, name and value.
        facts: Vec<(&'static str, String)>,
    },
    /// Nothing that is known here.
    Unknown {
        /// Its length in bytes.
        bytes: usize,
    },
}

/// One thing in a file.
#[derive(Debug)]
pub struct Item {
    /// Where it stands.
    pub place: Place,
    /// The label of its PEM block.
    pub label: Option<String>,
    /// What it is.
    pub content: Content,
    /// What keeps its readers from reading it, or the file from being what it should be.
    pub faults: Vec<String>,
    /// What is written otherwise than its standard says.
    pub oddities: Vec<Oddity>,
    /// Why programs written in Go do not see it, though it stands in a PEM text.
    pub unseen_by_go: Option<String>,
    /// What it holds.
    pub items: Vec<Item>,
    /// Its bytes where the content does not keep them: a key's.
    raw: Raw,
}

/// Bytes that may be a secret: wiped when dropped, never shown.
#[derive(Default)]
struct Raw(Option<Zeroizing<Vec<u8>>>);

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Raw(..)")
    }
}

impl Item {
    pub(super) fn new(content: Content) -> Self {
        Self {
            place: Place::default(),
            label: None,
            content,
            faults: Vec::new(),
            oddities: Vec::new(),
            unseen_by_go: None,
            items: Vec::new(),
            raw: Raw::default(),
        }
    }

    /// Something that cannot be read, and why.
    pub(super) fn broken(what: &'static str, why: impl Into<String>) -> Self {
        let mut item = Self::new(Content::Broken { what, facts: Vec::new() });
        item.faults.push(why.into());
        item
    }

    /// The same, with the bytes that it was read from.
    pub(super) fn with_raw(mut self, bytes: &[u8]) -> Self {
        self.raw = Raw(Some(Zeroizing::new(bytes.to_vec())));
        self
    }

    /// The item and every item within it, in their order, each on its own, and without the bytes of keys.
    pub fn flatten(mut self, into: &mut Vec<Self>) {
        self.raw = Raw::default();
        let inner = std::mem::take(&mut self.items);
        into.push(self);
        for item in inner {
            item.flatten(into);
        }
    }

    fn collect<'a>(&'a self, found: &mut Vec<&'a Self>) {
        found.push(self);
        self.items.iter().for_each(|item| item.collect(found));
    }

    /// What it is, in a word: `certificate`, `private key`; stable, for programs.
    pub fn kind(&self) -> &'static str {
        match &self.content {
            Content::Certificate(_) => "certificate",
            Content::Request(_) => "certificateRequest",
            Content::RevocationList(_) => "revocationList",
            Content::PrivateKey(_) => "privateKey",
            Content::PublicKey(_) => "publicKey",
            Content::Kubeconfig(_) => "kubeconfig",
            Content::Object(_) => "kubernetesObject",
            Content::Named { .. } => "other",
            Content::Broken { .. } => "broken",
            Content::Unknown { .. } => "unknown",
        }
    }

    /// What it is, for people.
    pub fn title(&self) -> String {
        match &self.content {
            Content::Certificate(facts) if facts.trust.is_some() => {
                "certificate with OpenSSL's trust settings".into()
            }
            Content::Certificate(_) => "certificate".into(),
            Content::Request(_) => "certificate signing request".into(),
            Content::RevocationList(_) => "certificate revocation list".into(),
            Content::PrivateKey(facts) if facts.encryption.is_some() => "private key, encrypted".into(),
            Content::PrivateKey(_) => "private key".into(),
            Content::PublicKey(_) => "public key".into(),
            Content::Kubeconfig(_) => "kubeconfig".into(),
            Content::Object(object) => object.title(),
            Content::Named { what, .. } => what.clone(),
            Content::Broken { what, .. } => format!("broken {what}"),
            Content::Unknown { bytes } => format!("nothing of a PKI, {bytes} bytes"),
        }
    }

    /// Its public key: that of a certificate, a request, a public key, or a private key where it is known.
    pub fn public_key(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Certificate(facts) => Some(facts.certificate.tbs.public_key.der()),
            Content::Request(facts) => Some(facts.request.public_key.der()),
            Content::PublicKey(facts) => Some(facts.key.der()),
            Content::PrivateKey(facts) => facts.public_key.as_deref(),
            _ => None,
        }
    }

    /// The SHA-256 of the `SubjectPublicKeyInfo` of its public key, in lower-case hexadecimal.
    pub fn public_key_sha256(&self) -> Option<String> {
        self.public_key().map(sha256_hex)
    }

    /// The DER of a certificate, a request or a revocation list, byte for byte as it stands; never of a key.
    pub fn der(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Certificate(facts) => Some(facts.der()),
            Content::Request(facts) => Some(facts.der()),
            Content::RevocationList(list) => Some(list.der()),
            _ => None,
        }
    }

    /// The same thing as one clean PEM block under its right label, without what stood around or behind it. Of a private
    /// key, the key itself: only for who asked for it. None for what has no such block.
    pub fn to_pem(&self) -> Option<Zeroizing<String>> {
        let (label, der) = match &self.content {
            Content::Certificate(facts) => (pem::CERTIFICATE, facts.der()),
            Content::Request(facts) => (pem::CERTIFICATE_REQUEST, facts.der()),
            Content::RevocationList(list) => (pem::X509_CRL, list.der()),
            Content::PublicKey(facts) => (pem::PUBLIC_KEY, facts.key.der()),
            // A block with headers would lose how it is encrypted.
            Content::PrivateKey(facts) => (facts.label, self.raw.0.as_ref()?.as_slice()),
            _ => return None,
        };
        Some(pem::encode(label, der))
    }
}
