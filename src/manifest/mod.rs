//! What stands around a PKI and says how its files are used: how each program is launched, be it by a static pod, a unit of systemd, an
//! environment file or a configuration.
//!
//! Only what bears on certificates is read, with its lines; nothing is opened that it points to. Sources: the pages of
//! <https://kubernetes.io/docs/reference/command-line-tools-reference/>,
//! <https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/> and
//! <https://etcd.io/docs/v3.6/op-guide/configuration/>.

mod arguments;
mod component;
mod document;
mod environment;
mod etcd;
mod flags;
mod kubelet;
mod launch;
mod pod;
mod service;
mod settings;
#[cfg(test)]
mod tests;
mod text;
mod unit;
mod words;

pub use arguments::Arguments;
pub use component::Component;
pub use document::Document;
pub use environment::Environment;
pub use etcd::etcd_field;
pub use flags::{Flag, Flags};
pub use kubelet::{KubeletConfiguration, PathField, kubelet_configuration};
pub use launch::{At, By, Doubt, Files, Found, Launch, Launched, launches};
pub use pod::{Mount, StaticPod, image_version, static_pod, through};
pub use service::{DEFAULT_SERVICE_RANGE, service_addresses};
pub use settings::Settings;
pub use unit::Unit;

use crate::x509::Printable;
use crate::yaml;

/// The largest manifest or configuration, in bytes: the kubelet's own limit (`maxConfigLength` in its
/// `pkg/kubelet/config`).
pub const LARGEST: u64 = 10 << 20;

/// What can be wrong with such a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// It is no YAML or JSON of the expected shape.
    #[error("not a {what}: {reason}")]
    Malformed {
        /// What was expected.
        what: &'static str,
        /// What the reader stumbled over, and where.
        reason: String,
    },
    /// It is an object of another kind.
    #[error("not a {what} but {kind}")]
    OtherKind {
        /// What was expected.
        what: &'static str,
        /// Its kind, safe to show; `an object without kind` when it says none.
        kind: String,
    },
}

/// A type out of a text, with what its format may cost bounded.
fn read<T: serde::de::DeserializeOwned>(text: &[u8], what: &'static str) -> Result<T, ManifestError> {
    let malformed = |reason: &str| ManifestError::Malformed { what, reason: Printable(reason).to_string() };
    if u64::try_from(text.len()).is_ok_and(|length| length > LARGEST) {
        return Err(malformed("it is larger than 10 MiB"));
    }
    let text = std::str::from_utf8(text).map_err(|_| malformed("it is not UTF-8"))?;
    yaml::read(text).map_err(|error| malformed(&error.to_string()))
}

/// That an object is of the kind that is expected.
fn expect_kind(kind: Option<&str>, expected: &'static str) -> Result<(), ManifestError> {
    match kind {
        Some(kind) if kind == expected => Ok(()),
        Some(kind) => {
            Err(ManifestError::OtherKind { what: expected, kind: format!("a {}", Printable(kind)) })
        }
        None => Err(ManifestError::OtherKind { what: expected, kind: "an object without kind".into() }),
    }
}
