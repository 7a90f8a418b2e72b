//! Alerts by the names of RFC 8446 section 6 (and of the registry, for those that TLS 1.3 no longer has).

use std::fmt;

use rustls::AlertDescription;

/// What a party says when it ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alert(u8);

/// Numbers and names.
const NAMES: [(u8, &str); 33] = [
    (0, "close_notify"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (21, "decryption_failed"),
    (22, "record_overflow"),
    (30, "decompression_failure"),
    (40, "handshake_failure"),
    (41, "no_certificate"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
    (49, "access_denied"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (60, "export_restriction"),
    (70, "protocol_version"),
    (71, "insufficient_security"),
    (80, "internal_error"),
    (86, "inappropriate_fallback"),
    (90, "user_canceled"),
    (100, "no_renegotiation"),
    (109, "missing_extension"),
    (110, "unsupported_extension"),
    (111, "certificate_unobtainable"),
    (112, "unrecognized_name"),
    (113, "bad_certificate_status_response"),
    (115, "unknown_psk_identity"),
    (116, "certificate_required"),
    (120, "no_application_protocol"),
];

impl Alert {
    /// The party speaks no version of TLS that it was offered.
    pub const PROTOCOL_VERSION: Self = Self(70);
    /// The parties have no algorithms in common, and before TLS 1.3 also: no certificate was given.
    pub const HANDSHAKE_FAILURE: Self = Self(40);
    /// The server serves no host of the name that was indicated to it.
    pub const UNRECOGNIZED_NAME: Self = Self(112);
    /// The server serves none of the application protocols that it was offered.
    pub const NO_APPLICATION_PROTOCOL: Self = Self(120);

    /// The number in the record.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its name in RFC 8446, where it has one.
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(number, _)| *number == self.0).map(|(_, name)| *name)
    }
}

impl From<AlertDescription> for Alert {
    fn from(description: AlertDescription) -> Self {
        Self(description.into())
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "alert number {}", self.0),
        }
    }
}
