//! Why a certificate or a link of a path is not accepted.

use std::fmt::{self, Write as _};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $rank:literal, $source:literal;)+) => {
        /// The kinds of reasons for which a path is not accepted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name for programs.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// Where it is written.
            pub fn source(self) -> &'static str {
                match self { $(Self::$name => $source,)+ }
            }

            /// What it means.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+),)+ }.trim()
            }

            /// How much it tells: of several broken paths, the one whose reason has the highest rank is shown first.
            pub(super) fn rank(self) -> u8 {
                match self { $(Self::$name => $rank,)+ }
            }
        }
    };
}

reasons! {
    /// The instant lies after notAfter.
    Expired = "expired", 95, "RFC 5280 section 6.1.3 (a)(2)";
    /// The instant lies before notBefore.
    NotYetValid = "not-yet-valid", 94, "RFC 5280 section 6.1.3 (a)(2)";
    /// A name that was asked for is not among the subject alternative names.
    NameMismatch = "name-mismatch", 90, "RFC 9525 section 6";
    /// A revocation list holds the certificate.
    Revoked = "revoked", 93, "RFC 5280 section 6.3.3 (i)";
    /// No revocation list among those given tells the certificate's status.
    StatusUnknown = "revocation-status-unknown", 70, "RFC 5280 section 6.3.3";
    /// A revocation list that would apply cannot be used.
    UnusableList = "unusable-crl", 71, "RFC 5280 section 6.3.3";
    /// The extended key usage does not admit the purpose, in this certificate or in one above it.
    Purpose = "purpose", 88, "RFC 5280 section 4.2.1.12";
    /// A name lies outside of the permitted subtrees of a CA above, or within an excluded one.
    NameConstraints = "name-constraints", 87, "RFC 5280 section 4.2.1.10";
    /// A name constraint cannot be read, or a name cannot be held against it.
    MalformedConstraint = "malformed-name-constraint", 80, "RFC 5280 section 4.2.1.10";
    /// More CAs follow than the path length admits.
    PathLength = "path-length", 86, "RFC 5280 section 6.1.4 (l), (m)";
    /// The policies of the path leave none that is acceptable where one is required.
    Policies = "certificate-policies", 75, "RFC 5280 section 6.1.5 (g); RFC 9618";
    /// The issuer's basic constraints do not say that it is a CA.
    NotCa = "not-a-ca", 85, "RFC 5280 section 6.1.4 (k)";
    /// The issuer's key usage does not admit signatures on certificates.
    KeyCertSign = "key-cert-sign", 84, "RFC 5280 section 6.1.4 (n)";
    /// The signature is not by the key of the certificate with the issuer's name.
    Signature = "signature", 82, "RFC 5280 section 6.1.3 (a)(1)";
    /// The signature is of an algorithm that is not accepted.
    SignatureAlgorithm = "signature-algorithm", 83, "RFC 5280 section 6.1.3 (a)(1)";
    /// The algorithm beside the signature is not the one that was signed.
    AlgorithmsDiffer = "algorithms-differ", 79, "RFC 5280 section 4.1.1.2";
    /// The issuer's key is of a kind or a size that is not accepted.
    Key = "key", 78, "RFC 5280 section 4.1.2.7";
    /// No certificate with the issuer's name was given.
    NoIssuer = "no-issuer", 60, "RFC 5280 section 6.1.3 (a)(4)";
    /// The path comes back to a name and key that it holds already.
    Loop = "loop", 10, "RFC 4158 section 2.4.2";
    /// The search came to its bound.
    Budget = "budget-exceeded", 99, "RFC 4158 section 3.3";
    /// An extension is critical and not known.
    UnknownCritical = "unknown-critical-extension", 81, "RFC 5280 section 4.2";
    /// Go's reader refuses the encoding.
    Encoding = "encoding", 77, "Go crypto/x509, ParseCertificate";
    /// A field of the certificate is not what the standard makes of it: a wrong tag, a missing field, no DER.
    MalformedCertificate = "malformed-certificate", 77, "RFC 5280 section 4.1";
    /// An extension cannot be read.
    MalformedExtension = "malformed-extension", 76, "RFC 5280 section 4.2";
    /// An extension stands there twice.
    DuplicateExtension = "duplicate-extension", 74, "RFC 5280 section 4.2";
    /// An extension is critical and must not be, or is not and must be.
    Criticality = "criticality", 50, "RFC 5280 section 4.2.1";
    /// The version does not go with what the certificate holds.
    Version = "version", 49, "RFC 5280 section 4.1.2.1";
    /// The serial number is not positive or too long.
    Serial = "serial-number", 48, "RFC 5280 section 4.1.2.2";
    /// A date is not written as the standard demands.
    Date = "date", 41, "RFC 5280 section 4.1.2.5";
    /// The issuer's name is empty.
    EmptyIssuer = "empty-issuer", 47, "RFC 5280 section 4.1.2.4";
    /// A CA's subject is empty, or that of an end entity without critical subject alternative names.
    EmptySubject = "empty-subject", 46, "RFC 5280 sections 4.1.2.6, 4.2.1.6";
    /// A subject alternative name is not of the form of its kind.
    MalformedName = "malformed-name", 73, "RFC 5280 section 4.2.1.6";
    /// The authority key identifier is missing or incomplete.
    AuthorityKeyIdentifier = "authority-key-identifier", 45, "RFC 5280 section 4.2.1.1";
    /// A CA has no subject key identifier.
    SubjectKeyIdentifier = "subject-key-identifier", 44, "RFC 5280 section 4.2.1.2";
    /// Key usage and basic constraints contradict each other.
    InconsistentCa = "inconsistent-ca", 72, "RFC 5280 sections 4.2.1.3, 4.2.1.9";
    /// A certificate that is no CA's has name constraints.
    ConstraintsOnLeaf = "name-constraints-on-leaf", 43, "RFC 5280 section 4.2.1.10";
    /// Go's crypto/x509 accepts it, and Go's TLS does not: a key, the size or a certificate that is sent along.
    Handshake = "handshake", 89, "Go crypto/tls";
    /// Programs that clusters meet refuse it, or find another issuer; only ever a warning.
    OtherPrograms = "other-programs", 5, "RFC 4158 section 1.1; measured, see verify.md";
    /// What RFC 5280 leaves open and the Web PKI does not.
    WebPki = "web-pki", 42, "CA/Browser Forum Baseline Requirements section 7.1";
}

/// Every reason as a table in Markdown: `docs/reasons.md`.
pub fn reasons_to_markdown() -> String {
    let mut text = String::from(
        "# Reasons\n\n<!-- Written by the program from its own code; do not edit. -->\n\nWhy a path of certificates is not \
         accepted, by the codes that `kpki verify -o json` uses. [verify.md](verify.md) says which policy checks what.\n\n\
         | code | what it means | source |\n|---|---|---|\n",
    );
    for reason in Reason::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "| `{}` | {} | {} |", reason.code(), reason.meaning(), reason.source());
    }
    text
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// One reason, with its facts. Every text is safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The kind of reason.
    pub reason: Reason,
    /// What is wrong, in words.
    pub detail: String,
    /// What would have been accepted.
    pub expected: Option<String>,
    /// What stands there.
    pub found: Option<String>,
    /// The certificate of the path that it concerns, counted from 0 for the end entity, where that is not the one that
    /// was tried last.
    pub concerns: Option<usize>,
}

impl Fault {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: cut(detail.into()), expected: None, found: None, concerns: None }
    }

    #[must_use]
    pub(super) fn facts(mut self, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        self.expected = Some(cut(expected.to_string()));
        self.found = Some(cut(found.to_string()));
        self
    }

    #[must_use]
    pub(super) fn about(mut self, index: usize) -> Self {
        self.concerns = Some(index);
        self
    }
}

/// A text, shortened where nobody would read it to its end: a name may be as long as a certificate, and a search tells
/// hundreds of faults.
fn cut(mut text: String) -> String {
    const LONGEST: usize = 4096;
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
