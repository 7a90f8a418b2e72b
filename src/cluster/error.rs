//! What can be wrong with a cluster file, and where.

use std::fmt;

/// A cluster file that could not be turned into a [`ClusterSpec`](super::ClusterSpec).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// There is no document in the file.
    #[error(
        "{file}: there is nothing in it; write a kubeadm configuration or a `kind: Cluster` of kpki/v1alpha1"
    )]
    Empty {
        /// The name of the file, as it was given.
        file: String,
    },
    /// The file is larger than anything that describes a cluster.
    #[error("{file}: it has {size} bytes, more than the {limit} that are read; is it the right file?")]
    TooLarge {
        /// The name of the file, as it was given.
        file: String,
        /// Its size in bytes.
        size: usize,
        /// The most that is read, in bytes.
        limit: usize,
    },
    /// The file is not UTF-8 text.
    #[error("{file}:{line}: it is not UTF-8 text; is it the right file?")]
    NotText {
        /// The name of the file, as it was given.
        file: String,
        /// The line of the first byte that is not text, from 1.
        line: u64,
    },
    /// The text is not YAML, or its shape is not the one of its kind.
    #[error("{file}:{line}:{column}: {reason}")]
    Yaml {
        /// The name of the file, as it was given.
        file: String,
        /// The line, from 1.
        line: u64,
        /// The column in characters, from 1.
        column: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The file is well formed, but what it says cannot be done. All that is wrong is listed.
    #[error("{}", list(file, problems, *more))]
    Invalid {
        /// The name of the file, as it was given.
        file: String,
        /// What is wrong, in the order of the file's lines.
        problems: Vec<Problem>,
        /// How many problems there are beyond those listed.
        more: usize,
    },
}

/// One thing wrong in a cluster file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1; 0 if the problem is not at a line, but something that is missing.
    pub line: u64,
    /// The column in characters, from 1; 0 as for the line.
    pub column: u64,
    /// The field, as in `apiServer.certSANs`.
    pub field: String,
    /// What is wrong with it, and what would be right.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.reason)
    }
}

/// One line per problem, each with file, line and column as compilers write them.
fn list(file: &str, problems: &[Problem], more: usize) -> String {
    let mut lines: Vec<String> = problems
        .iter()
        .map(|problem| match problem.line {
            0 => format!("{file}: {problem}"),
            line => format!("{file}:{line}:{}: {problem}", problem.column),
        })
        .collect();
    if more > 0 {
        lines.push(format!("{file}: and {more} more problems like these"));
    }
    lines.join("\n")
}
