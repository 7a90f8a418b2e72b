//! From failures to causes: one file that is wrong breaks many connections, and is named once.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::report::{Failure, Outcome, Rehearsal, Report};

/// What breaks connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The kind of reason, as in [`Failure::code`].
    pub code: &'static str,
    /// The files at fault: several where the same certificate stands in them.
    pub files: Vec<String>,
    /// Whether they are at fault for whom they trust, rather than for what they show.
    pub is_trust: bool,
    /// Why, as one of the failures says it.
    pub reason: String,
    /// The connections that fail by it: indices of [`Report::connections`].
    pub connections: Vec<usize>,
}

/// What tells one cause from another.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    code: &'static str,
    what: String,
    name: Option<String>,
}

impl Report {
    /// What breaks the connections that fail, that which breaks most first.
    pub fn causes(&self) -> Vec<Cause> {
        let accepted = self.accepted();
        let mut causes: Vec<(Cause, BTreeSet<String>)> = Vec::new();
        let mut known: HashMap<Key, usize> = HashMap::new();
        for (at, connection) in self.connections.iter().enumerate() {
            let Outcome::Failed(failure) = &connection.outcome else { continue };
            // A certificate that others accept is not to blame where one party does not find its issuer.
            let trust = failure.against.as_ref().filter(|_| accepted.contains(failure.file.as_str()));
            let key = key(failure, trust, connection);
            let place = *known.entry(key).or_insert_with(|| {
                let cause = Cause {
                    code: failure.code,
                    files: Vec::new(),
                    is_trust: trust.is_some(),
                    reason: failure.reason.clone(),
                    connections: Vec::new(),
                };
                causes.push((cause, BTreeSet::new()));
                causes.len() - 1
            });
            if let Some((cause, files)) = causes.get_mut(place) {
                cause.connections.push(at);
                files.insert(trust.unwrap_or(&failure.file).clone());
            }
        }
        causes.sort_by_key(|(cause, _)| std::cmp::Reverse(cause.connections.len()));
        causes
            .into_iter()
            .map(|(cause, files)| Cause { files: files.into_iter().collect(), ..cause })
            .collect()
    }

    /// The files of the certificates that somebody accepted.
    fn accepted(&self) -> HashSet<&str> {
        let through = self.connections.iter().filter(|one| one.outcome == Outcome::Ok);
        let sides = through.flat_map(|one| {
            let server = one.server.certificate.as_deref().filter(|_| one.client.trusts.is_some());
            let client = one.client.certificate.as_deref().filter(|_| one.server.trusts.is_some());
            [server, client]
        });
        sides.flatten().collect()
    }
}

fn key(failure: &Failure, trust: Option<&String>, connection: &Rehearsal) -> Key {
    let what = trust.or(failure.fingerprint.as_ref()).cloned().unwrap_or_else(|| {
        // Without a certificate at fault, the words are all there is.
        format!("{}\n{}", failure.file, failure.reason)
    });
    let name = connection.dialled.clone().filter(|_| failure.code == "name-mismatch");
    Key { code: failure.code, what, name }
}
