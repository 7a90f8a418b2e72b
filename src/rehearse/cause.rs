//! From failures to causes: one file that is wrong breaks many connections, and is named once.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::edge::Edge;
use super::report::{Above, Failure, Outcome, Rehearsal, Report};

/// What breaks connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The kind of reason, as in [`Failure::code`].
    pub code: &'static str,
    /// What is wrong with the files.
    pub blame: Blame,
    /// The files at fault: several where the same is wrong with them.
    pub files: Vec<String>,
    /// Why, in words that name files.
    pub reason: String,
    /// The certificate above those in the files that is at fault, where it is not these themselves.
    pub above: Option<Above>,
    /// The connections that fail by it: indices of [`Report::connections`], ascending.
    pub connections: Vec<usize>,
}

/// For what a file is to blame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// For what it holds.
    Content,
    /// For the CA that is trusted by it.
    Trust,
    /// For the name that is dialled by it.
    Name,
}

/// What tells one cause from another.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    blame: Blame,
    code: &'static str,
    what: String,
}

/// A cause while its failures are collected.
struct Collected<'r> {
    first: (&'r Failure, &'r Rehearsal),
    key: Key,
    files: BTreeSet<&'r str>,
    /// The files of the certificates that were refused.
    refused: BTreeSet<&'r str>,
    connections: BTreeSet<usize>,
}

impl Report {
    /// What breaks the connections that fail, that which breaks most first.
    pub fn causes(&self) -> Vec<Cause> {
        let evidence = Evidence::of(self);
        let mut causes: Vec<Collected<'_>> = Vec::new();
        let mut known: HashMap<Key, usize> = HashMap::new();
        for (at, one) in self.connections.iter().enumerate() {
            for failure in one.failures() {
                let (key, file) = evidence.key(failure, one);
                let place = known.get(&key).copied().unwrap_or_else(|| {
                    let (blame, code, what) = (key.blame, key.code, key.what.clone());
                    causes.push(Collected {
                        first: (failure, one),
                        key: Key { blame, code, what },
                        files: BTreeSet::new(),
                        refused: BTreeSet::new(),
                        connections: BTreeSet::new(),
                    });
                    known.insert(key, causes.len() - 1);
                    causes.len() - 1
                });
                if let Some(cause) = causes.get_mut(place) {
                    cause.files.insert(file);
                    cause.refused.insert(&failure.file);
                    cause.connections.insert(at);
                }
            }
        }
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.connections.len()));
        causes.iter().map(Collected::cause).collect()
    }
}

impl Rehearsal {
    /// Why it fails: nothing where it does not.
    pub fn failures(&self) -> &[Failure] {
        match &self.outcome {
            Outcome::Failed(failures) => failures,
            _ => &[],
        }
    }
}

impl Collected<'_> {
    fn cause(&self) -> Cause {
        let (failure, one) = self.first;
        let name = one.dialled.as_deref().unwrap_or_default();
        let reason = match (self.key.blame, self.refused.len(), &failure.detail) {
            (Blame::Name, count @ 2.., _) => format!(
                "{} dials {name}, which none of the {count} certificates that may answer holds",
                one.client.called
            ),
            (Blame::Content, count @ 2.., Some(detail)) if is_of_time(failure) => {
                format!("{count} certificates: {detail}")
            }
            _ => failure.reason.clone(),
        };
        Cause {
            code: failure.code,
            blame: self.key.blame,
            files: self.files.iter().map(|file| (*file).to_owned()).collect(),
            reason,
            above: failure.above.clone(),
            connections: self.connections.iter().copied().collect(),
        }
    }
}

fn is_of_time(failure: &Failure) -> bool {
    matches!(failure.code, "expired" | "not-yet-valid")
}

/// What the connections that went through tell about the files of those that did not.
struct Evidence<'r> {
    /// The files of trusted CAs that are to blame, rather than the certificates that are refused by them.
    trusts: HashSet<&'r str>,
    /// The certificates that were accepted of a server.
    servers: HashSet<&'r str>,
    /// The names by which some server was accepted.
    names: HashSet<&'r str>,
    /// For each name the files by which it is dialled.
    diallers: HashMap<&'r str, HashSet<&'r str>>,
}

impl<'r> Evidence<'r> {
    fn of(report: &'r Report) -> Self {
        let through = || report.connections.iter().filter(|one| one.outcome == Outcome::Ok);
        let verified = || through().filter(|one| one.client.trusts.is_some());
        let mut diallers: HashMap<&str, HashSet<&str>> = HashMap::new();
        for one in &report.connections {
            if let (Some(name), Some(file)) = (&one.dialled, &one.client.file) {
                diallers.entry(name).or_default().insert(file);
            }
        }
        Self {
            trusts: guilty_trusts(report),
            servers: verified().filter_map(|one| one.server.certificate.as_deref()).collect(),
            names: verified().filter_map(|one| one.dialled.as_deref()).collect(),
            diallers,
        }
    }

    /// What the failure is counted under, and the file that is to blame.
    fn key<'f>(&self, failure: &'f Failure, one: &'f Rehearsal) -> (Key, &'f str) {
        let code = failure.code;
        if let Some(trust) = failure.against.as_deref().filter(|trust| self.trusts.contains(trust)) {
            // Whether the issuer is not there or has another key is the same mistake.
            return (Key { blame: Blame::Trust, code: "trust", what: trust.to_owned() }, trust);
        }
        let name = one.dialled.as_deref().unwrap_or_default();
        if code == "name-mismatch" {
            if let Some(file) = one.client.file.as_deref().filter(|_| self.is_wrong_name(failure, one)) {
                return (Key { blame: Blame::Name, code, what: format!("{file}\n{name}") }, file);
            }
            let certificate = failure.fingerprint.as_deref().unwrap_or(&failure.file);
            return (
                Key { blame: Blame::Content, code, what: format!("{certificate}\n{name}") },
                &failure.file,
            );
        }
        let what = match (&failure.detail, &failure.fingerprint) {
            (Some(detail), _) if is_of_time(failure) => detail.clone(),
            (_, Some(fingerprint)) => fingerprint.clone(),
            // Without a certificate at fault, the words are all there is.
            _ => format!("{}\n{}", failure.file, failure.reason),
        };
        (Key { blame: Blame::Content, code, what }, &failure.file)
    }

    /// Whether it is the name that is wrong rather than the certificate: a file says it, no other file and no
    /// certificate knows it, and the server is well known by other names.
    fn is_wrong_name(&self, failure: &Failure, one: &Rehearsal) -> bool {
        let says = matches!(
            one.edge,
            Edge::Admin
                | Edge::SuperAdmin
                | Edge::User
                | Edge::ControllerManager
                | Edge::Scheduler
                | Edge::Kubelet
                | Edge::Proxy
                | Edge::ApiserverEtcd
        );
        let Some(name) = one.dialled.as_deref() else { return false };
        says && self.diallers.get(name).is_some_and(|files| files.len() == 1)
            && !self.names.contains(name)
            && self.servers.contains(failure.file.as_str())
    }
}

/// The files of trusted CAs that are to blame: where somebody else accepts a certificate that is refused by them, or where
/// several are refused and none is accepted.
fn guilty_trusts(report: &Report) -> HashSet<&str> {
    let accepted: HashSet<(&str, &str)> = report
        .connections
        .iter()
        .filter(|one| one.outcome == Outcome::Ok)
        .flat_map(|one| {
            let (client, server) = (&one.client, &one.server);
            let by_client = client.trusts.as_deref().zip(server.certificate.as_deref());
            [by_client, server.trusts.as_deref().zip(client.certificate.as_deref())]
        })
        .flatten()
        .collect();
    let good_certificates: HashSet<&str> = accepted.iter().map(|(_, certificate)| *certificate).collect();
    let good_trusts: HashSet<&str> = accepted.iter().map(|(trust, _)| *trust).collect();
    let mut refused: HashMap<&str, HashSet<&str>> = HashMap::new();
    for failure in report.connections.iter().flat_map(Rehearsal::failures) {
        if let Some(against) = &failure.against {
            refused.entry(against).or_default().insert(&failure.file);
        }
    }
    let is_guilty = |trust: &str, files: &HashSet<&str>| {
        files.iter().any(|file| good_certificates.contains(file))
            || (files.len() > 1 && !good_trusts.contains(trust))
    };
    refused.into_iter().filter(|(trust, files)| is_guilty(trust, files)).map(|(trust, _)| trust).collect()
}
