//! What mends a finding, made from the finding: the very files, all names of the certificate, the CA that is to sign.
//!
//! A rule says what is to be done as data ([`Cure`]) or leaves it to its usual cure (`usual`); what comes of it is worked out here, in
//! one place, once all rules have looked at the node: several findings of one certificate have one command, which mends them all.

mod authority;
mod estate;
mod identity;
mod target;
mod usual;
mod ways;

pub(in crate::audit) use self::estate::EstateDesk;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::PathBuf;

use super::super::{Answers, Cert, Check, File, Finding, Node, Place, Rule, Scene};
use super::distinct::Certificates;
use crate::remedy::{Issuance, Remedy, quoted_path};
use crate::x509::SubjectAltName;

/// What is to be done about a fact, before it is put into words and commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cure {
    /// What stands here.
    Said(Remedy),
    /// A certificate is issued again.
    Reissue(Reissue),
    /// The file is moved where nobody else reads it and no program looks.
    Aside {
        /// Why, as the beginning of a sentence.
        first: String,
        /// What is to be known about it.
        then: String,
    },
}

impl Cure {
    /// The file is moved away, for this reason.
    pub(super) fn aside(first: impl Into<String>) -> Self {
        Self::Aside { first: first.into(), then: String::new() }
    }
}

impl From<Remedy> for Cure {
    fn from(remedy: Remedy) -> Self {
        Self::Said(remedy)
    }
}

impl From<Reissue> for Cure {
    fn from(reissue: Reissue) -> Self {
        Self::Reissue(reissue)
    }
}

impl From<String> for Cure {
    fn from(words: String) -> Self {
        Self::Said(Remedy::words(words))
    }
}

impl From<&str> for Cure {
    fn from(words: &str) -> Self {
        words.to_owned().into()
    }
}

/// A certificate that is issued again, and what it is to say that it does not say now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reissue {
    /// The certificate's number, where it is not the one at the fact's place.
    pub(super) cert: Option<usize>,
    /// The names that it lacks.
    pub(super) names: Vec<SubjectAltName>,
    /// The names that it is not to have.
    pub(super) without: Vec<SubjectAltName>,
    /// Whose it is to be, where that is not whose it is.
    pub(super) called: Option<String>,
    /// Whether it is as it should be but for its dates.
    pub(super) renewal: bool,
    /// Whether its key is to be replaced as well.
    pub(super) fresh_key: bool,
    /// What must be done or known before, a sentence.
    pub(super) first: String,
    /// What remains to be done, a sentence.
    pub(super) then: String,
}

impl Reissue {
    /// The one at the fact's place, with the names that it lacks.
    pub(super) fn with(names: Vec<SubjectAltName>) -> Self {
        Self { names, ..Self::default() }
    }

    /// The one at the fact's place, as it is but for its dates.
    pub(super) fn renewal() -> Self {
        Self { renewal: true, ..Self::default() }
    }

    /// Another one than that at the fact's place.
    #[must_use]
    pub(super) fn of(self, cert: Cert<'_>) -> Self {
        Self { cert: Some(cert.index), ..self }
    }

    /// With a new key.
    #[must_use]
    pub(super) fn with_new_key(self) -> Self {
        Self { fresh_key: true, ..self }
    }

    /// With something that must be done or known before.
    #[must_use]
    pub(super) fn first(self, words: impl Into<String>) -> Self {
        Self { first: words.into(), ..self }
    }

    /// With something that remains to be done.
    #[must_use]
    pub(super) fn then(self, words: impl Into<String>) -> Self {
        Self { then: words.into(), ..self }
    }
}

/// A host as an alternative name; none where no certificate can have it.
pub(super) fn name_of(host: &str) -> Option<SubjectAltName> {
    host.trim_end_matches('.').parse().ok()
}

/// The rules that know of names which a certificate should have.
const NAMING: [&Rule; 9] = [
    &super::k001_apiserver_service_names::RULE,
    &super::k002_apiserver_service_address::RULE,
    &super::k003_apiserver_hosts::RULE,
    &super::k004_apiserver_stale_addresses::RULE,
    &super::k011_kubelet_serving::RULE,
    &super::e003_peer_address::RULE,
    &super::e004_peer_reverse_lookup::RULE,
    &super::e005_server_address::RULE,
    &super::m017_kubeconfig_server::RULE,
];

/// What all rules together want of a certificate's names.
#[derive(Debug, Default)]
struct Wanted {
    names: Vec<SubjectAltName>,
    without: Vec<SubjectAltName>,
}

/// Where the remedies of one node are put together.
pub(in crate::audit) struct Desk<'a> {
    scene: &'a Scene<'a>,
    certificates: OnceCell<Certificates<'a>>,
    /// By the first number of the certificate.
    wanted: OnceCell<HashMap<usize, Wanted>>,
}

impl<'a> Desk<'a> {
    pub(in crate::audit) fn new(scene: &'a Scene<'a>) -> Self {
        Self { scene, certificates: OnceCell::new(), wanted: OnceCell::new() }
    }

    fn node(&self) -> &'a Node {
        self.scene.node
    }

    fn certificates(&self) -> &Certificates<'a> {
        self.certificates.get_or_init(|| Certificates::of(self.scene.node))
    }

    /// Gives a finding its remedy.
    pub(in crate::audit) fn mend(&self, finding: &mut Finding) {
        let Some(pending) = finding.pending.take() else { return };
        let (place, cure) = *pending;
        finding.remedy = match cure {
            Some(Cure::Said(remedy)) => self.with_file(remedy, &place),
            Some(Cure::Aside { first, then }) => self.aside(&place, first, then),
            Some(Cure::Reissue(reissue)) => self.reissue_or_general(finding.rule, &place, &reissue),
            None => self.usual(finding, &place),
        };
    }

    /// What the rule says to everybody, with this file's name.
    fn general(&self, rule: &Rule, place: &Place) -> Remedy {
        self.with_file(Remedy::words(rule.fix), place)
    }

    fn with_file(&self, remedy: Remedy, place: &Place) -> Remedy {
        let file = place.file.and_then(|file| self.node().files.get(file));
        file.map_or(remedy.clone(), |file| remedy.with_file(&quoted_path(command_path(file))))
    }

    fn aside(&self, place: &Place, first: String, then: String) -> Remedy {
        let file = place.file.and_then(|file| self.node().files.get(file));
        let command = file.map(|file| ways::put_aside(&quoted_path(command_path(file))));
        match command {
            Some(command) => Remedy::words(first)
                .run(command)
                .say("Once nobody misses it, `shred -u` it there; until then nothing is lost.")
                .say(then),
            None => Remedy::words(first).say(then),
        }
    }

    fn reissue_or_general(&self, rule: &Rule, place: &Place, reissue: &Reissue) -> Remedy {
        let cert = match reissue.cert {
            Some(index) => self.node().certificate(index),
            None => self.cert_at(place),
        };
        cert.and_then(|cert| self.reissue(cert, reissue)).unwrap_or_else(|| self.general(rule, place))
    }

    /// The certificate that stands at a place.
    fn cert_at(&self, place: &Place) -> Option<Cert<'a>> {
        let file = place.file?;
        self.node().certs_in(file).find(|cert| {
            let own = cert.place();
            own.block == place.block && own.field == place.field && own.line == place.line
        })
    }

    /// What issues a certificate again; none for a CA's.
    fn reissue(&self, cert: Cert<'a>, reissue: &Reissue) -> Option<Remedy> {
        let role = self.role(cert);
        if cert.is_ca() || role.is_some_and(super::super::Role::is_ca) {
            return None;
        }
        if let Some(own) = self.own_way(cert, role, reissue) {
            return Some(own);
        }
        let identity = match self.identity(cert, role, reissue) {
            Ok(identity) => identity,
            Err(why) => {
                return Some(Remedy::words(format!("Have it issued again by whoever issued it: {why}.")));
            }
        };
        let signer = self.signer(cert, role);
        let target = self.target(cert, reissue.fresh_key);
        let after = self.taken_up(cert, role, &target);
        let kubeadms = if reissue.renewal { self.kubeadms_way(cert, role) } else { String::new() };
        let left_out = identity.left_out_in_words();
        let issuance = Issuance {
            profile: identity.profile.to_owned(),
            name: identity.name,
            groups: identity.groups,
            names: identity.names,
            version: identity.version,
            algorithm: self.algorithm(cert),
            chain: self.has_chain(cert),
            signer,
            target,
        };
        let what = if identity.changes_names {
            "Issue it again with all names, those that it has and those that it lacks:"
        } else {
            "Issue it again:"
        };
        let remedy = Remedy::words(&*reissue.first)
            .say(what)
            .issue(issuance)
            .say("What it replaces stays beside it as a backup.")
            .say(left_out)
            .say(after)
            .say(kubeadms)
            .say(&*reissue.then);
        Some(remedy)
    }

    /// What all rules want of a certificate's names.
    fn wanted(&self, cert: Cert<'_>) -> Option<&Wanted> {
        let all = self.wanted.get_or_init(|| {
            let mut all: HashMap<usize, Wanted> = HashMap::new();
            for rule in NAMING {
                let Check::Node(check) = rule.check else { continue };
                let mut answers = Answers::default();
                check(self.scene, &mut answers);
                for fact in answers.facts {
                    let Some(Cure::Reissue(reissue)) = fact.fix else { continue };
                    let cert = match reissue.cert {
                        Some(index) => self.node().certificate(index),
                        None => fact.place.as_ref().and_then(|place| self.cert_at(place)),
                    };
                    let Some(cert) = cert else { continue };
                    let wanted = all.entry(cert.found().same_as).or_default();
                    add(&mut wanted.names, &reissue.names);
                    add(&mut wanted.without, &reissue.without);
                }
            }
            all
        });
        all.get(&cert.found().same_as)
    }
}

/// Adds names that are not there.
fn add(names: &mut Vec<SubjectAltName>, more: &[SubjectAltName]) {
    for name in more {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
}

/// The path of a file as a command takes it: the very one that was named, or of an archive that on the node.
pub(in crate::audit) fn command_path(file: &File) -> PathBuf {
    match &file.found_at {
        Some(path) => path.strip_prefix(".").unwrap_or(path).to_owned(),
        None => file.on_node.clone(),
    }
}

/// What stands before the paths within the tree of a node, for commands; none where there are several trees.
pub(in crate::audit) fn root_of(node: &Node) -> Option<PathBuf> {
    let mut roots = node.files.iter().map(|file| {
        let within = file.shown.get(file.base..).unwrap_or_default();
        let mut root = command_path(file);
        for _ in std::path::Path::new(within).components() {
            root.pop();
        }
        root
    });
    let first = roots.next()?;
    roots.all(|root| root == first).then_some(first)
}
