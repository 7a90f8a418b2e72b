//! Why a wish is not granted.

use std::fmt;

use crate::x509::Printable;

/// One thing that a profile refuses to say in a certificate: what was found, and why it is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    kind: RefusalKind,
    fact: String,
    reason: String,
}

impl Refusal {
    /// A refusal; the fact must already be safe to show.
    pub(super) fn new(kind: RefusalKind, fact: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { kind, fact: fact.into(), reason: reason.into() }
    }

    /// The kind of refusal.
    pub fn kind(&self) -> RefusalKind {
        self.kind
    }

    /// The stable name of its kind, for programs: `weak-key` for example.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// What was asked or found, safe to show.
    pub fn fact(&self) -> &str {
        &self.fact
    }

    /// Why it is refused, and what would be admitted.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.fact, self.reason)
    }
}

/// `CN=jane`, safe to show and of bounded length.
pub(super) fn shown(attribute: &str, value: &str) -> String {
    let short: String = value.chars().take(80).collect();
    let more = if short.len() < value.len() { "…" } else { "" };
    format!("{attribute}={}{more}", Printable(&short))
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident = $code:literal,)+) => {
        /// The kinds of refusals.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum RefusalKind {
            $($(#[doc = $doc])+ $kind,)+
        }

        impl RefusalKind {
            /// Every kind, in a fixed order.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            /// Its stable name, for programs.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$kind => $code,)+
                }
            }

            /// What it stands for, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$kind => concat!($($doc,)+),)+
                }
            }
        }
    };
}

kinds! {
    /// The public key is too short, too long, or of a kind that is not accepted.
    WeakKey = "weak-key",
    /// A CA certificate is asked for where the profile is none of a CA.
    CaRequested = "ca-requested",
    /// The signing of certificates or revocation lists is asked for where the profile is none of a CA.
    CertSignRequested = "cert-sign-requested",
    /// The subject lacks the common name that the profile needs.
    EmptySubject = "empty-subject",
    /// The subject can be read in more than one way.
    AmbiguousSubject = "ambiguous-subject",
    /// A name holds a character that moves a terminal's cursor, is invisible, or reorders text.
    ControlCharacter = "control-character",
    /// A name starts or ends with white space.
    OuterWhiteSpace = "outer-white-space",
    /// A name is longer than a certificate may carry.
    NameTooLong = "name-too-long",
    /// A name imitates one that is reserved for Kubernetes.
    LookAlike = "look-alike",
    /// An organization is a group of Kubernetes itself that the profile does not grant.
    ReservedGroup = "reserved-group",
    /// A common name is one of Kubernetes itself that the profile does not grant.
    ReservedName = "reserved-name",
    /// The subject carries an attribute that the profile does not admit.
    UnknownAttribute = "unknown-attribute",
    /// The common name or the organizations are not those of the profile.
    SubjectMismatch = "subject-mismatch",
    /// A subject alternative name of a kind that the profile does not admit.
    SanKind = "san-kind",
    /// A subject alternative name that is not well-formed.
    SanMalformed = "san-malformed",
    /// A subject alternative name that matches none of the profile's patterns.
    SanPattern = "san-pattern",
    /// An address outside the profile's networks.
    SanNetwork = "san-network",
    /// A subject alternative name that would let its holder pass for the API server.
    SanReserved = "san-reserved",
    /// A wildcard where the profile admits none.
    Wildcard = "wildcard",
    /// A server without a subject alternative name, which no client would accept.
    ServerWithoutSan = "server-without-san",
    /// A key usage or extended key usage beyond the profile.
    UsageNotAdmitted = "usage-not-admitted",
    /// The usages are not exactly those that the Kubernetes signer demands.
    UsageNotExact = "usage-not-exact",
    /// A critical extension that is not honoured.
    CriticalExtension = "critical-extension",
    /// An extension that cannot be read.
    MalformedExtension = "malformed-extension",
    /// An extension that stands there more than once.
    DuplicateExtension = "duplicate-extension",
    /// The lifetime asked for is longer than the profile admits.
    LifetimeTooLong = "lifetime-too-long",
    /// A path length or name constraints for a certificate that is not a CA's.
    NotACa = "not-a-ca",
    /// The profile does not exist in this version of Kubernetes.
    WrongVersion = "wrong-version",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_kebab_case() {
        let mut codes: Vec<_> = RefusalKind::ALL.iter().map(|kind| kind.code()).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), RefusalKind::ALL.len());
    }

    #[test]
    fn a_hostile_value_is_shown_escaped_and_short() {
        assert_eq!(shown("CN", "a\u{1b}[2J"), "CN=a\\u{1b}[2J");
        assert!(shown("O", &"é".repeat(100_000)).len() < 200);
    }
}
