//! What mends a finding, made from the finding: the very files, all names of the certificate, the CA that is to sign.
//!
//! A rule says what is to be done as data ([`Cure`]) or leaves it to its usual cure (`usual`); what comes of it is worked out here, in
//! one place, once all rules have looked at the node: several findings of one certificate have one command, which mends them all.

mod authority;
mod ca;
mod edit;
mod estate;
mod files;
mod identity;
mod spoilt;
mod target;
mod usual;
mod ways;

pub(in crate::audit::rules) use self::ca::{CaChange, set_cluster};
pub(in crate::audit::rules) use self::edit::Edit;
pub(in crate::audit) use self::estate::EstateDesk;
pub(in crate::audit::rules) use self::estate::path_of;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use self::files::{as_pem, exchanged, narrowed, put_into};
pub(super) use self::spoilt::{authority_back, certificate_back};
pub(super) use self::ways::Maker;
use super::super::{Answers, Cert, Check, Finding, Node, Place, Role, Rule, Scene};
use super::distinct::{Certificates, named};
pub(super) use crate::remedy::Command;
use crate::remedy::{Issuance, Remedy};
use crate::x509::{SubjectAltName, shell_word};

/// What is to be done about a fact, before it is put into words and commands: one part after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cure {
    parts: Vec<Part>,
}

/// A part of a cure. Files are told by their numbers; where none is told, it is the one at the fact's place.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// What stands here.
    Said(Remedy),
    /// A certificate is issued again.
    Reissue(Reissue),
    /// A CA's certificate, by its number, is written anew with the key that it has.
    RenewCa(Option<usize>, CaChange),
    /// Flags of components are given, changed or taken away.
    Flags(Vec<Edit>),
    /// A file is moved where nobody else reads it and no program looks.
    Aside(Option<usize>),
    /// Bits of a file's mode are taken away; these may stay.
    Narrow(Option<usize>, u32),
    /// A file is written anew as clean PEM, whatever it is now.
    AsPem(Option<usize>),
    /// The block at the fact's place is taken out of its file.
    WithoutBlock,
    /// A certificate, by its number, is taken out of a file, into which the newest of its CA is put as well.
    WithoutBlockAt(usize),
    /// A file is put behind what the file at the fact's place holds.
    Append(usize),
    /// A node takes over the CA of another, by the numbers of their records, and its leaves are issued under that.
    Adopt {
        /// The certificate that is taken over.
        from: usize,
        /// The one that is replaced.
        to: usize,
        /// The part.
        role: Role,
    },
    /// A CA of a part is made in a directory, where there is none.
    InitAuthority(&'static str, PathBuf),
    /// A file is put into another.
    Put {
        /// Whose contents are taken.
        from: usize,
        /// Which is written.
        to: Option<usize>,
    },
    /// Of each of these pairs, the two files are given each other's name.
    Exchange(Vec<(usize, usize)>),
    /// A field of the kubelet's configuration, at its top, is to have a value.
    KubeletField(&'static str, &'static str),
    /// A certificate that is not there yet, beside a file and with this name.
    New {
        /// Its part.
        role: Role,
        /// Its alternative names.
        names: Vec<SubjectAltName>,
        /// A file of the directory.
        beside: usize,
        /// The name of its file.
        name: String,
    },
    /// The public half of a key is put into a file.
    PublicOf {
        /// The file of the private key.
        from: usize,
        /// The file that is written.
        to: usize,
    },
    /// The private key is taken out of the file of its certificate, into one beside it.
    SplitKey,
    /// The public half is written in the place of a private key or a certificate.
    PublicHalf,
    /// A private key is written under the name of one, `.key`, as well.
    CopyKey,
    /// The certificates of a file are put in order.
    Order(usize),
    /// Blocks that stand on one line are parted.
    PartedBlocks,
    /// A kubelet's file gets the name of its day, and its own leads there.
    DatedLink,
    /// A link is to lead to a file.
    LinkTo(usize),
    /// A private key is written without a passphrase.
    Decrypted,
    /// A private key is encrypted again, in today's way.
    EncryptedAnew,
    /// A certificate, by its number, is put into a file of its own, which a flag of the controller manager is to name.
    OwnSigningFile(usize, String),
    /// A CA is embedded in a cluster of a kubeconfig, from the file of a certificate.
    TrustInKubeconfig {
        /// The kubeconfig.
        file: usize,
        /// The cluster's name in it.
        cluster: String,
        /// The number of the CA's certificate.
        authority: usize,
    },
}

impl Cure {
    /// Words alone.
    pub(super) fn words(text: impl Into<String>) -> Self {
        Self::default().say(text)
    }

    /// Adds words, a sentence or its beginning. `FILE` stands for the file at the fact's place.
    #[must_use]
    pub(super) fn say(self, text: impl Into<String>) -> Self {
        self.and(Part::Said(Remedy::words(text)))
    }

    /// Adds a command.
    #[must_use]
    pub(super) fn run(self, command: Command) -> Self {
        self.and(Part::Said(Remedy::command(command)))
    }

    /// A certificate is issued again.
    #[must_use]
    pub(super) fn reissue(self, reissue: Reissue) -> Self {
        self.and(Part::Reissue(reissue))
    }

    /// A CA's certificate is written anew with its key.
    #[must_use]
    pub(super) fn renew_ca(self, ca: Option<Cert<'_>>, change: CaChange) -> Self {
        self.and(Part::RenewCa(ca.map(|ca| ca.index), change))
    }

    /// Flags are given, changed or taken away.
    #[must_use]
    pub(super) fn flags(self, edits: impl IntoIterator<Item = Edit>) -> Self {
        self.and(Part::Flags(edits.into_iter().collect()))
    }

    /// The file at the fact's place is moved away.
    #[must_use]
    pub(super) fn aside(self) -> Self {
        self.and(Part::Aside(None))
    }

    /// A file is moved away.
    #[must_use]
    pub(super) fn aside_file(self, file: usize) -> Self {
        self.and(Part::Aside(Some(file)))
    }

    /// Of the mode of the file at the fact's place, only these bits stay.
    #[must_use]
    pub(super) fn narrow(self, kept: u32) -> Self {
        self.and(Part::Narrow(None, kept))
    }

    /// The file at the fact's place is written anew as PEM.
    #[must_use]
    pub(super) fn rewritten_as_pem(self) -> Self {
        self.and(Part::AsPem(None))
    }

    /// The block at the fact's place is taken out.
    #[must_use]
    pub(super) fn without_block(self) -> Self {
        self.and(Part::WithoutBlock)
    }

    /// A node takes over the CA of another: the numbers are those of records.
    #[must_use]
    pub(super) fn adopt(self, from: usize, to: usize, role: Role) -> Self {
        self.and(Part::Adopt { from, to, role })
    }

    /// A certificate is taken out of the file that it stands in.
    #[must_use]
    pub(super) fn without_block_at(self, cert: Cert<'_>) -> Self {
        self.and(Part::WithoutBlockAt(cert.index))
    }

    /// A file is put behind what the file at the fact's place holds.
    #[must_use]
    pub(super) fn append(self, file: usize) -> Self {
        self.and(Part::Append(file))
    }

    /// A file is put into another; into the one at the fact's place where none is told.
    #[must_use]
    pub(super) fn put(self, from: usize, to: Option<usize>) -> Self {
        self.and(Part::Put { from, to })
    }

    /// Of each pair, the two files are given each other's name.
    #[must_use]
    pub(super) fn exchange(self, pairs: impl IntoIterator<Item = (usize, usize)>) -> Self {
        self.and(Part::Exchange(pairs.into_iter().collect()))
    }

    /// A CA is embedded in a cluster of a kubeconfig.
    #[must_use]
    pub(super) fn trust_in_kubeconfig(self, file: usize, cluster: &str, authority: Cert<'_>) -> Self {
        let cluster = cluster.to_owned();
        self.and(Part::TrustInKubeconfig { file, cluster, authority: authority.index })
    }

    /// A field at the top of the kubelet's configuration is to have a value.
    #[must_use]
    pub(super) fn kubelet_field(self, field: &'static str, value: &'static str) -> Self {
        self.and(Part::KubeletField(field, value))
    }

    /// A certificate of a part that is not there yet, beside a file and with this name.
    #[must_use]
    pub(super) fn issue_new(
        self,
        role: Role,
        names: Vec<SubjectAltName>,
        beside: usize,
        name: impl Into<String>,
    ) -> Self {
        self.and(Part::New { role, names, beside, name: name.into() })
    }

    /// The public half of a file's key is put into another file.
    #[must_use]
    pub(super) fn public_of(self, from: usize, to: usize) -> Self {
        self.and(Part::PublicOf { from, to })
    }

    /// The kubelet is started anew.
    #[must_use]
    pub(super) fn restart_kubelet(self) -> Self {
        self.run(Command::written("systemctl restart kubelet"))
    }

    /// Adds a command, where there is one.
    #[must_use]
    pub(super) fn run_if(self, command: Option<Command>) -> Self {
        match command {
            Some(command) => self.run(command),
            None => self,
        }
    }

    /// The private key is taken out of the file of its certificate.
    #[must_use]
    pub(super) fn split_key(self) -> Self {
        self.and(Part::SplitKey)
    }

    /// The public half is written in the place of what stands there.
    #[must_use]
    pub(super) fn public_half(self) -> Self {
        self.and(Part::PublicHalf)
    }

    /// The private key is written under the name of one as well.
    #[must_use]
    pub(super) fn copy_key(self) -> Self {
        self.and(Part::CopyKey)
    }

    /// The certificates of a file are put in order.
    #[must_use]
    pub(super) fn put_in_order(self, file: usize) -> Self {
        self.and(Part::Order(file))
    }

    /// Blocks that stand on one line are parted.
    #[must_use]
    pub(super) fn part_blocks(self) -> Self {
        self.and(Part::PartedBlocks)
    }

    /// The file gets the name of its day, and a link leads there.
    #[must_use]
    pub(super) fn dated_link(self) -> Self {
        self.and(Part::DatedLink)
    }

    /// The link at the fact's place is to lead to a file.
    #[must_use]
    pub(super) fn link_to(self, file: usize) -> Self {
        self.and(Part::LinkTo(file))
    }

    /// The key is written without a passphrase.
    #[must_use]
    pub(super) fn decrypted(self) -> Self {
        self.and(Part::Decrypted)
    }

    /// The key is encrypted again.
    #[must_use]
    pub(super) fn encrypted_anew(self) -> Self {
        self.and(Part::EncryptedAnew)
    }

    /// A certificate is put into a file of its own, which a flag of the controller manager is to name.
    #[must_use]
    pub(super) fn own_signing_file(self, cert: Cert<'_>, flag: &str) -> Self {
        self.and(Part::OwnSigningFile(cert.index, flag.to_owned()))
    }

    fn and(mut self, part: Part) -> Self {
        self.parts.push(part);
        self
    }

    /// What of it issues certificates again.
    fn reissues(&self) -> impl Iterator<Item = &Reissue> {
        self.parts.iter().filter_map(|part| match part {
            Part::Reissue(reissue) => Some(reissue),
            _ => None,
        })
    }
}

impl From<Remedy> for Cure {
    fn from(remedy: Remedy) -> Self {
        Self::default().and(Part::Said(remedy))
    }
}

impl From<Reissue> for Cure {
    fn from(reissue: Reissue) -> Self {
        Self::default().reissue(reissue)
    }
}

impl From<String> for Cure {
    fn from(words: String) -> Self {
        Self::words(words)
    }
}

impl From<&str> for Cure {
    fn from(words: &str) -> Self {
        Self::words(words)
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
    /// Its part, where it is to have no name but those that one of that part needs.
    pub(super) role: Option<Role>,
    /// Whose it is to be, where that is not whose it is.
    pub(super) called: Option<String>,
    /// Whether it is as it should be but for its dates.
    pub(super) renewal: bool,
    /// The algorithm of the new key, where that is not the one of now.
    pub(super) algorithm: Option<String>,
    /// Whether its key is to be replaced as well.
    pub(super) fresh_key: bool,
    /// The file of the CA that is to sign, where that is not the one of now.
    pub(super) under: Option<usize>,
    /// Whether intermediate CAs are to stand behind it.
    pub(super) chain: bool,
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

    /// One of a part in the place of what stands there, which is another's: nothing of that is kept.
    pub(super) fn afresh(role: Role) -> Self {
        Self { role: Some(role), fresh_key: true, ..Self::default() }
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

    /// The one of a record.
    #[must_use]
    pub(super) fn of_record(self, record: usize) -> Self {
        Self { cert: Some(record), ..self }
    }

    /// With a key of another algorithm.
    #[must_use]
    pub(super) fn with_algorithm(self, algorithm: &str) -> Self {
        Self { algorithm: Some(algorithm.to_owned()), ..self }
    }

    /// With a new key.
    #[must_use]
    pub(super) fn with_new_key(self) -> Self {
        Self { fresh_key: true, ..self }
    }

    /// With the intermediate CAs behind it.
    pub(super) fn with_chain(self) -> Self {
        Self { chain: true, ..self }
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

/// What is said where a file is put aside.
pub(super) const ASIDE: &str =
    "It lies in that directory until you remove it there, `shred -u`: then what is in it is lost.";

/// The steps that give a part a CA of its own in the place of one that it shares, and its leaves anew.
pub(super) fn own_authority(
    shared: &super::distinct::Distinct<'_>,
    role: Role,
    name: &'static str,
    leaves: &[Cert<'_>],
) -> Option<Cure> {
    let place = |ca: &Cert<'_>| {
        ca.item().place.field.is_none()
            && ca.place_role() == Some(role)
            && ca.node.certs_in(ca.found().file).count() == 1
            && Path::new(ca.file().name()).extension().is_some_and(|ending| ending == "crt")
    };
    let ca = shared.places().find(place)?;
    let path = ca.file().command_path();
    let directory = match role {
        Role::EtcdCa => path.parent()?.parent()?,
        _ => path.parent()?,
    };
    let expected = match role {
        Role::EtcdCa => directory.join("etcd/ca.crt"),
        _ => directory.join("front-proxy-ca.crt"),
    };
    if expected != path {
        return None;
    }
    let mut cure =
        Cure::words("Put the shared one aside, make one of its own, and issue its leaves under that:")
            .aside_file(ca.found().file);
    if let Some((key, _)) = ca.node.key_file_beside(ca.file()) {
        cure = cure.aside_file(key);
    }
    cure = cure.and(Part::InitAuthority(name, directory.to_owned()));
    for leaf in leaves {
        let reissue = Reissue { under: Some(ca.found().file), ..Reissue::default() };
        cure = cure.reissue(reissue.of(*leaf));
    }
    Some(cure)
}

/// A host as an alternative name; none where no certificate can have it.
pub(super) fn name_of(host: &str) -> Option<SubjectAltName> {
    host.trim_end_matches('.').parse().ok()
}

/// The rules that know of names which a certificate should have, or of CAs that should stand behind it.
const NAMING: [&Rule; 10] = [
    &super::c011_intermediate_missing::RULE,
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

/// What all rules together want of a certificate.
#[derive(Debug, Default)]
struct Wanted {
    names: Vec<SubjectAltName>,
    without: Vec<SubjectAltName>,
    chain: bool,
}

/// Where the remedies of one node are put together.
pub(in crate::audit) struct Desk<'a> {
    scene: &'a Scene<'a>,
    certificates: OnceCell<Certificates<'a>>,
    /// By the first number of the certificate.
    wanted: OnceCell<HashMap<usize, Wanted>>,
    /// The blocks that are to go, with their files.
    taken_out: Vec<(usize, usize)>,
    /// The places of CAs in which something else lies: whose, and the file.
    spoilt: OnceCell<Vec<(Role, usize)>>,
}

impl<'a> Desk<'a> {
    /// `findings` are all that are to have their remedies.
    pub(in crate::audit) fn new(scene: &'a Scene<'a>, findings: &[Finding]) -> Self {
        let mut taken_out = Vec::new();
        for (place, cure) in findings.iter().filter_map(|finding| finding.pending.as_deref()) {
            for part in cure.iter().flat_map(|cure| &cure.parts) {
                let place = match part {
                    Part::WithoutBlock => Some(place.clone()),
                    Part::WithoutBlockAt(index) => scene.node.certificate(*index).map(Cert::place),
                    _ => None,
                };
                taken_out.extend(place.and_then(|place| Some((place.file?, place.block?))));
            }
        }
        Self {
            scene,
            certificates: OnceCell::new(),
            wanted: OnceCell::new(),
            taken_out,
            spoilt: OnceCell::new(),
        }
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
        let cure = cure.or_else(|| {
            let at_ca = self.cert_at(&place).is_some_and(|cert| Self::is_ca(cert, self.role(cert)));
            usual::cure(finding.rule.id, finding.severity, at_ca)
        });
        let own = self.of_spoilt_place(finding.rule, &place);
        let own = own.or_else(|| self.composed(&cure?, &place));
        finding.remedy =
            own.unwrap_or_else(|| Remedy::words(finding.rule.fix)).with_file(&self.file_name(&place));
    }

    /// The file of a place, as a command takes it.
    fn file_name(&self, place: &Place) -> String {
        self.file_of(place).map_or_else(|| "FILE".to_owned(), |file| shell_word(file.command_path()))
    }

    /// Words and commands for a cure; none where a part of it cannot be put into them.
    fn composed(&self, cure: &Cure, place: &Place) -> Option<Remedy> {
        let mut remedy = Remedy::default();
        for part in &cure.parts {
            remedy = remedy.then(self.part(part, place)?);
        }
        Some(remedy)
    }

    fn part(&self, part: &Part, place: &Place) -> Option<Remedy> {
        let file = |number: &Option<usize>| match number {
            Some(number) => self.node().files.get(*number),
            None => self.file_of(place),
        };
        Some(match part {
            Part::Said(remedy) => remedy.clone(),
            Part::Reissue(reissue) => {
                let cert = match reissue.cert {
                    Some(index) => self.node().certificate(index),
                    None => self.cert_at(place),
                };
                self.reissue(cert?, reissue)?
            }
            Part::RenewCa(ca, change) => {
                let ca = match ca {
                    Some(index) => self.node().certificate(*index),
                    None => self.cert_at(place),
                };
                self.renew_ca(ca?, change)
            }
            Part::Flags(edits) => self.edits(edits),
            Part::Aside(number) => {
                Remedy::command(ways::put_aside(&shell_word(file(number)?.command_path())))
            }
            Part::Narrow(number, kept) => narrowed(file(number)?, *kept)?,
            Part::AsPem(number) => {
                let file = file(number)?;
                if files::is_of_another_form(file) {
                    return Some(Remedy::words(
                        "FILE is no PEM file, PEM only stands in it: correct the block where it stands, as the file's own form wants it (in YAML: \
                         under `|`, each line indented alike), and leave the rest as it is.",
                    ));
                }
                as_pem(file)
            }
            Part::WithoutBlockAt(index) => self.without_block(&self.node().certificate(*index)?.place()),
            // Of several nodes.
            Part::Adopt { .. } => return None,
            Part::Append(number) => {
                Remedy::command(files::appended(self.node().files.get(*number)?, self.file_of(place)?))
            }
            Part::InitAuthority(name, directory) => {
                Remedy::command(Command::of("kpki").plain("ca init").arg(name).plain("--dir").path(directory))
            }
            Part::WithoutBlock => self.without_block(place),
            Part::Put { from, to } => Remedy::command(put_into(self.node().files.get(*from)?, file(to)?)),
            Part::Exchange(pairs) => {
                let file = |number: &usize| self.node().files.get(*number);
                let pairs = pairs.iter().map(|(one, other)| Some((file(one)?, file(other)?)));
                Remedy::command(exchanged(pairs.collect::<Option<Vec<_>>>()?))
            }
            Part::KubeletField(field, value) => Remedy::command(self.kubelet_field(field, value)?),
            Part::New { role, names, beside, name } => self.issue_new(*role, names, *beside, name)?,
            Part::PublicOf { from, to } => {
                Remedy::command(files::public_of(self.node().files.get(*from)?, self.node().files.get(*to)?))
            }
            Part::SplitKey => self.split_key(place)?,
            Part::PublicHalf => Remedy::command(files::public_half(self.file_of(place)?)),
            Part::CopyKey => Remedy::command(files::copied_key(self.file_of(place)?)),
            Part::Order(number) => Remedy::command(files::in_order(self.node().files.get(*number)?)?),
            Part::PartedBlocks => Remedy::command(files::parted(self.file_of(place)?)),
            Part::DatedLink => self.dated_link(place)?,
            Part::LinkTo(number) => Remedy::command(self.link_to(place, self.node().files.get(*number)?)?),
            Part::Decrypted => Remedy::command(files::rewritten_key(self.file_of(place)?, "openssl pkey")),
            Part::EncryptedAnew => {
                Remedy::command(files::rewritten_key(self.file_of(place)?, "openssl pkcs8 -topk8"))
            }
            Part::OwnSigningFile(index, flag) => {
                self.own_signing_file(self.node().certificate(*index)?, flag)?
            }
            Part::TrustInKubeconfig { file, cluster, authority } => {
                let kubeconfig = self.node().files.get(*file)?.command_path();
                let authority =
                    self.node().certificate(*authority).filter(|ca| ca.item().place.field.is_none())?;
                let authority = shell_word(authority.file().command_path());
                Remedy::command(set_cluster(kubeconfig, cluster, &authority))
            }
        })
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
        let role = reissue.role.or_else(|| self.role(cert));
        // Of what is another's nothing is kept, whatever finding asks.
        let afresh = Reissue { role, fresh_key: true, ..reissue.clone() };
        let is_anothers = role.is_some_and(|role| !role.is_ca() && cert.place_role() == Some(role))
            && super::f023_role::is_misplaced(cert);
        let reissue = if is_anothers { &afresh } else { reissue };
        if Self::is_ca(cert, role) {
            let renewal = reissue.renewal.then(|| self.renew_ca(cert, &CaChange::default()))?;
            return Some(Remedy::words(&*reissue.first).then(renewal).say(&*reissue.then));
        }
        if let Some(own) = self.own_way(cert, role, reissue) {
            return Some(own);
        }
        if let Some(remedy) = self.of_spoilt_authority(role) {
            return Some(remedy);
        }
        let identity = match self.identity(cert, role, reissue) {
            Ok(identity) => identity,
            Err(why) => {
                return Some(Remedy::words(format!("Have it issued again by whoever issued it: {why}.")));
            }
        };
        let mut signer = self.signer(cert, role);
        // Nothing that an expired CA signs is good for anything.
        let at = self.scene.policy.at;
        let expired = reissue.under.is_none().then(|| self.signing_ca(cert, role)).flatten();
        let renewal = match expired.filter(|ca| ca.is_ca() && ca.tbs().validity.not_after < at) {
            Some(ca) => {
                Remedy::words(format!("First its CA, {}, which has expired.", named(&ca.tbs().subject)))
                    .then(self.renew_ca(ca, &CaChange::default()))
            }
            None => Remedy::default(),
        };
        if let Some(file) = reissue.under.and_then(|file| self.node().files.get(file)) {
            signer.file = Some(file.command_path().to_owned());
        }
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
            algorithm: Self::algorithm(cert),
            changes_algorithm: false,
            chain: reissue.chain || self.has_chain(cert) || self.wanted(cert).is_some_and(|all| all.chain),
            signer,
            target,
        };
        let what = if identity.changes_names {
            "Issue it again with all names, those that it has and those that it lacks:"
        } else {
            "Issue it again:"
        };
        let remedy = Remedy::words(&*reissue.first)
            .then(renewal)
            .then(Self::without_authority(cert))
            .say(what)
            .issue(issuance)
            .say("What it replaces stays beside it as a backup.")
            .say(left_out)
            .say(after)
            .say(kubeadms)
            .say(&*reissue.then);
        Some(remedy)
    }

    /// A CA's certificate in the place of a leaf is put aside first: kpki replaces none.
    fn without_authority(cert: Cert<'a>) -> Remedy {
        let file = cert.file();
        let is_its = cert.is_ca() && cert.tbs().is_self_issued() && cert.item().place.field.is_none();
        match files::unchanged(file).filter(|_| is_its && !file.holds_private_key()) {
            Some(guard) => {
                let aside = ways::put_aside(&shell_word(file.command_path()));
                let guarded = format!("{guard} && {aside}", aside = String::from(aside));
                Remedy::words("It is the certificate of a CA, and goes aside first:")
                    .run(Command::written(guarded))
            }
            None => Remedy::default(),
        }
    }

    /// Whether a certificate is to be a CA's. One of a part that is none, which says that it is one (rule P012), is not.
    fn is_ca(cert: Cert<'a>, role: Option<Role>) -> bool {
        role.map_or_else(|| cert.is_ca(), Role::is_ca)
    }

    /// What issues a certificate that is not there yet.
    fn issue_new(&self, role: Role, names: &[SubjectAltName], beside: usize, name: &str) -> Option<Remedy> {
        if let Some(remedy) = self.of_spoilt_authority(Some(role)) {
            return Some(remedy);
        }
        let file = self.node().files.get(beside)?.command_path().with_file_name(name);
        let trusted = self.trusted(role);
        let ca =
            trusted.iter().copied().filter(|ca| ca.is_ca()).max_by_key(|ca| !ca.private_keys().is_empty())?;
        let profile = identity::catalogue().find(role.name()).ok()?;
        let name = match role {
            Role::EtcdClient => Some("kube-etcd-healthcheck-client".to_owned()),
            _ if profile.takes_name() => Some(self.node_name()?),
            _ => None,
        };
        Some(Remedy::default().issue(Issuance {
            profile: role.name().to_owned(),
            name,
            groups: Vec::new(),
            names: names.to_vec(),
            version: None,
            algorithm: None,
            changes_algorithm: false,
            chain: false,
            signer: self.signer_of(ca),
            target: crate::remedy::Target::New(file),
        }))
    }

    /// What all rules want of a certificate.
    fn wanted(&self, cert: Cert<'_>) -> Option<&Wanted> {
        let all = self.wanted.get_or_init(|| {
            let mut all: HashMap<usize, Wanted> = HashMap::new();
            for rule in NAMING {
                let Check::Node(check) = rule.check else { continue };
                let mut answers = Answers::default();
                check(self.scene, &mut answers);
                for fact in answers.facts {
                    let Some(cure) = fact.fix else { continue };
                    for reissue in cure.reissues() {
                        let cert = match reissue.cert {
                            Some(index) => self.node().certificate(index),
                            None => fact.place.as_ref().and_then(|place| self.cert_at(place)),
                        };
                        let Some(cert) = cert else { continue };
                        let wanted = all.entry(cert.found().same_as).or_default();
                        add(&mut wanted.names, &reissue.names);
                        add(&mut wanted.without, &reissue.without);
                        wanted.chain |= reissue.chain;
                    }
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
