//! What we are willing to say in a certificate.
//!
//! A request is a wish: the certificate is born from its issuer and a [`Profile`]; the request lends
//! its public key and its names, and each of them only where the profile admits it. What was admitted
//! is an [`Admitted`], which only [`Profile::admit`] makes; otherwise there is a [`Refusal`] for each
//! thing that was wrong, all of them at once.
//!
//! Profiles are data, `templates/profiles/*.yaml`, one per role. A user's own directory may override
//! them or add others: see [`Catalogue`].

use std::fmt;

use crate::x509::Printable;

mod admit;
mod catalogue;
mod configured;
mod markdown;
mod pattern;
mod refusal;
mod reserved;
mod rules;
mod sans;
mod subject;
#[cfg(test)]
mod tests;
mod validate;
mod version;

pub use admit::{Admitted, AdmittedCa, PathLength, Terms, Wish};
pub use catalogue::Catalogue;
pub use markdown::to_markdown;
pub use refusal::{Refusal, RefusalKind};
pub use rules::{CaRole, Profile, Release};
pub use version::KubernetesVersion;

/// Where something stands in a file of profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The name of the file, as it was given.
    pub file: String,
    /// The line, counted from 1; 0 when it is not known.
    pub line: u64,
    /// The column, counted from 1; 0 when it is not known.
    pub column: u64,
}

impl fmt::Display for Place {
    /// `file:line:column`, as compilers write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Printable(&self.file))?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        Ok(())
    }
}

/// What can be wrong with profiles and with what is asked of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// A text that is not a version of Kubernetes.
    #[error("`{text}` is not a version of Kubernetes; write for example v1.30.4")]
    Version {
        /// The text, safe to show.
        text: String,
    },
    /// A file that is not YAML, or not that of a profile.
    #[error("{place}: {reason}")]
    File {
        /// Where.
        place: Place,
        /// What is wrong there, and what is allowed.
        reason: String,
    },
    /// A field whose value is not possible, alone or beside another.
    #[error("{place}: {field}: {reason}")]
    Field {
        /// Where.
        place: Place,
        /// The field, `subject.commonName` for example.
        field: &'static str,
        /// What is wrong with it, and what is allowed.
        reason: String,
    },
    /// Two of a user's files define the same profile.
    #[error("{}: the profile `{name}` is already defined in {}", Printable(second), Printable(first))]
    Duplicate {
        /// The profile.
        name: String,
        /// The file that was read first.
        first: String,
        /// The other one.
        second: String,
    },
    /// There is no such profile.
    #[error("there is no profile `{name}`{}", did_you_mean(similar))]
    Unknown {
        /// The name that was asked for, safe to show.
        name: String,
        /// The names closest to it, the closest first; perhaps none.
        similar: Vec<String>,
    },
    /// The profile makes certificates for many names and needs to be told which.
    #[error("the profile `{profile}` needs a name, which becomes {subject}")]
    NameNeeded {
        /// The profile.
        profile: String,
        /// Its common name, with `{name}` where the name goes.
        subject: String,
    },
    /// The profile has one fixed common name.
    #[error("the profile `{profile}` takes no name: its subject is always CN={fixed}")]
    NameNotTaken {
        /// The profile.
        profile: String,
        /// Its common name.
        fixed: String,
    },
    /// The profile admits no groups from outside.
    #[error("the profile `{profile}` takes no groups: its organizations are fixed")]
    GroupsNotTaken {
        /// The profile.
        profile: String,
    },
    /// A name that cannot stand in a certificate.
    #[error("the profile `{profile}` cannot use this name: {reason}")]
    NameNotPossible {
        /// The profile.
        profile: String,
        /// Why.
        reason: String,
    },
}

fn did_you_mean(similar: &[String]) -> String {
    if similar.is_empty() {
        return String::new();
    }
    let names: Vec<String> = similar.iter().map(|name| format!("`{name}`")).collect();
    format!("; did you mean {}?", names.join(", "))
}
