//! Who shows which certificate to whom, by which CAs it is judged there, and whether it is accepted: as the manifests,
//! configurations and kubeconfigs say it, or else as the places of the files. No rule of its own.
//!
//! The verdict is that of [`crate::chain`] for Go, by which every component of Kubernetes and etcd judges. What is plain in every
//! respect is known to be accepted without it, for nearly everything is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use time::OffsetDateTime;

use super::super::{Basis, Cert, Holder, Node, Place, Reference, Role, Scene, Signer, Signing, Target, What};
use super::apiserver::names_with_sni;
use super::distinct::{Certificates, Distinct, Use, ca_of};
use super::kubeconfigs::{all as kubeconfigs, is_own_cluster, line};
use super::m010_root_ca::serving;
use super::names::Names;
use crate::chain::{Located, Policy, Purpose, Reason, Settings, Source, Verdict, Verifier};
use crate::inspect::verification_cost;
use crate::manifest::Component;
use crate::x509::{ExtendedKeyUsage, KeyUsage, PublicKeyKind, TbsCertificate};

/// The most certificates that are shown, or trusted, together.
const MOST_SHOWN: usize = 8;
const MOST_TRUSTED: usize = 64;
/// How those are called who use a kubeconfig.
const USER: &str = "whoever uses ";
/// The most meetings of one node: a kubeconfig may have thousands of users.
const MOST: usize = 2000;

/// What is worked out once for all rules of a node.
#[derive(Debug, Default)]
pub(in super::super) struct Meetings {
    all: Vec<Stored>,
    trusts: Vec<Trust>,
}

/// The CAs by which somebody judges.
#[derive(Debug)]
struct Trust {
    /// Where that is said; none where the place of the CA's file says it.
    place: Option<Place>,
    /// Who judges by what: `kube-apiserver by --client-ca-file`.
    by: String,
    /// The certificates, by their numbers.
    certs: Vec<usize>,
    /// The number of the first who judges by the same.
    set: usize,
}

/// A certificate that is shown, by numbers.
#[derive(Debug)]
struct Stored {
    /// With what follows it.
    shown: Vec<usize>,
    role: Role,
    purpose: Purpose,
    trust: usize,
    end: Ending,
}

/// What comes of it.
#[derive(Debug, Clone)]
enum Ending {
    /// It is accepted, by this path.
    Accepted(Vec<usize>),
    /// It is refused.
    Refused(Refusal),
    /// There was too much to verify.
    TooMuch,
}

/// Why a certificate is refused.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    /// The kind of reason.
    pub(super) reason: Reason,
    /// What is wrong, in words.
    pub(super) detail: String,
    /// The path up to where it broke, by numbers.
    path: Vec<usize>,
}

/// A certificate that is shown to somebody.
#[derive(Clone, Copy)]
pub(super) struct Meeting<'a> {
    node: &'a Node,
    stored: &'a Stored,
    trust: &'a Trust,
}

impl<'a> Meeting<'a> {
    /// The certificate.
    pub(super) fn leaf(&self) -> Option<Cert<'a>> {
        self.node.certificate(*self.stored.shown.first()?)
    }

    /// The part that it plays there.
    pub(super) fn role(&self) -> Role {
        self.stored.role
    }

    /// What it is to be good for there.
    pub(super) fn purpose(&self) -> Purpose {
        self.stored.purpose
    }

    /// Who judges by what: `kube-apiserver by --client-ca-file`.
    pub(super) fn by(&self) -> &'a str {
        &self.trust.by
    }

    /// The CAs by which it is judged.
    pub(super) fn trusted(&self) -> impl Iterator<Item = Cert<'a>> + use<'a> {
        let node = self.node;
        self.trust.certs.iter().filter_map(|index| node.certificate(*index))
    }

    /// What is shown: the certificate and what follows it.
    pub(super) fn shown(&self) -> impl Iterator<Item = Cert<'a>> + use<'a> {
        let node = self.node;
        self.stored.shown.iter().filter_map(|index| node.certificate(*index))
    }

    /// Why it is refused, where it is.
    pub(super) fn refusal(&self) -> Option<&'a Refusal> {
        match &self.stored.end {
            Ending::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// At which certificate it is refused; none where it is at none.
    pub(super) fn broken(&self) -> Option<Cert<'a>> {
        self.node.certificate(*self.refusal()?.path.last()?)
    }

    /// Whether there was too much to verify.
    pub(super) fn is_too_much(&self) -> bool {
        matches!(self.stored.end, Ending::TooMuch)
    }

    /// The path by which it is accepted, from the certificate to what is trusted.
    pub(super) fn path(&self) -> Option<Vec<Cert<'a>>> {
        match &self.stored.end {
            Ending::Accepted(path) => path.iter().map(|index| self.node.certificate(*index)).collect(),
            _ => None,
        }
    }

    /// Everything that has a part in it: what is shown, what is trusted, and where that is said.
    pub(super) fn places(&self) -> Vec<Place> {
        let broken = self.refusal().map(|refusal| refusal.path.as_slice()).unwrap_or_default();
        let numbers = self.stored.shown.iter().chain(&self.trust.certs).chain(broken);
        let certs = numbers.filter_map(|index| self.node.certificate(*index)).map(Cert::place);
        certs.chain(self.trust.place.clone()).collect()
    }
}

impl Meetings {
    /// Those of a node.
    pub(super) fn of<'a>(scene: &Scene<'a>) -> Vec<Meeting<'a>> {
        let node = scene.node;
        let meetings = node.meetings.get_or_init(|| Builder::new(node, scene.policy.at).build());
        let one =
            |stored: &'a Stored| Some(Meeting { node, stored, trust: meetings.trusts.get(stored.trust)? });
        meetings.all.iter().filter_map(one).collect()
    }
}

/// A certificate, and a CA's certificate by which it is judged.
pub(super) struct Judged<'a> {
    pub(super) one: Distinct<'a>,
    pub(super) issuer: &'a TbsCertificate,
    /// The file of that, where somebody is known to judge by it.
    pub(super) place: Option<Arc<str>>,
    /// Whether others than components of Kubernetes and etcd judge: those who call a server.
    pub(super) serves: bool,
}

/// Every certificate with each certificate of its CA by which it is judged: those that the parts say by which it is known to be judged, or
/// else the one that was found to have signed it.
pub(super) fn judged_by<'a>(scene: &Scene<'a>) -> Vec<Judged<'a>> {
    let certificates = Certificates::of(scene.node);
    let mut found: BTreeMap<(usize, usize), Judged<'a>> = BTreeMap::new();
    let mut met: HashSet<usize> = HashSet::new();
    for meeting in Meetings::of(scene) {
        let serves = meeting.purpose() == Purpose::Server;
        for pair in meeting.path().unwrap_or_default().windows(2) {
            let [own, issuer] = pair else { continue };
            let Some(one) = certificates.get(*own) else { continue };
            met.insert(own.found().same_as);
            let place = certificates.get(*issuer).map(|known| Arc::clone(&known.cert.file().shown));
            let judged = found.entry((own.found().same_as, issuer.found().same_as)).or_insert(Judged {
                one: *one,
                issuer: issuer.tbs(),
                place,
                serves,
            });
            judged.serves |= serves;
        }
    }
    let mut all: Vec<Judged<'a>> = found.into_values().collect();
    for one in certificates.all {
        let Some(issuer) = one.cert.issuer().filter(|_| !met.contains(&one.cert.found().same_as)) else {
            continue;
        };
        let purposes = one.cert.tbs().extensions.purposes();
        let is_clients_alone = purposes.contains(&ExtendedKeyUsage::ClientAuth) && purposes.len() == 1;
        all.push(Judged { one, issuer, place: None, serves: !is_clients_alone });
    }
    all
}

struct Builder<'a> {
    node: &'a Node,
    at: OffsetDateTime,
    meetings: Meetings,
    /// By role: the numbers of the trusts.
    known: HashMap<Role, Vec<usize>>,
    /// What was verified: the certificate, whether as a server, and the CAs; and the meeting for which.
    verdicts: HashMap<(usize, bool, usize), usize>,
    /// Who has met: the certificate, whether as a server, and who judges.
    met: HashSet<(usize, bool, usize)>,
    /// The names of the API server, where its certificate is here.
    names: Names,
}

impl<'a> Builder<'a> {
    fn new(node: &'a Node, at: OffsetDateTime) -> Self {
        let names = serving(node).map(|leaf| names_with_sni(node, leaf)).unwrap_or_default();
        Self {
            node,
            at,
            meetings: Meetings::default(),
            known: HashMap::new(),
            verdicts: HashMap::new(),
            met: HashSet::new(),
            names,
        }
    }

    fn build(mut self) -> Meetings {
        let node = self.node;
        let mut served: HashSet<(usize, Role)> = HashSet::new();
        for reference in node.references.iter().filter(|reference| reference.what == What::Certificate) {
            let (Target::File(file), Some(role)) = (reference.target, Self::role_of(reference)) else {
                continue;
            };
            if reference.holder != Holder::Kubeconfig && served.insert((file, role)) {
                self.show(&chain_in(node, file, None), role);
            }
        }
        for (file, kubeconfig) in kubeconfigs(node) {
            for context in kubeconfig.contexts.iter().take(MOST) {
                let cluster = kubeconfig.clusters.iter().find(|cluster| cluster.name == context.cluster);
                let user = kubeconfig.users.iter().find(|user| user.name == context.user);
                let (Some(cluster), Some(user)) = (cluster, user) else { continue };
                if is_own_cluster(node, file, cluster, &self.names) {
                    let shown = node.kubeconfig_client(file, user);
                    let role = shown.first().and_then(|leaf| leaf.roles().find(|role| role.is_api_client()));
                    self.show(&shown, role.unwrap_or(Role::User));
                }
            }
        }
        // What nobody names, by its place.
        for one in Certificates::of(node).all.iter().filter(|one| one.usage == Use::Used) {
            for &role in one.roles.iter().filter(|role| !role.is_ca()) {
                let place = one.places().find(|cert| cert.is(role) && cert.found().usage == Use::Used);
                let Some(cert) = place.filter(|cert| !served.contains(&(cert.found().file, role))) else {
                    continue;
                };
                let is_named = node
                    .references
                    .iter()
                    .any(|reference| reference.what == What::Certificate && reference.role == Some(role));
                // Where a flag names another file for the part, this one is not shown.
                if !is_named && (cert.item().place.field.is_none() || role == Role::User) {
                    self.show(&chain_in(node, cert.found().file, cert.item().place.field.as_deref()), role);
                }
            }
        }
        self.meetings
    }

    /// The part that a certificate plays that somebody names.
    fn role_of(reference: &Reference) -> Option<Role> {
        // etcd's own client towards itself.
        let is_gateways = reference.holder == Holder::Component(Component::Etcd)
            && reference.flag.trim_start_matches('-') == "client-cert-file";
        reference.role.or_else(|| is_gateways.then_some(Role::EtcdClient))
    }

    /// A certificate is shown, with what follows it.
    fn show(&mut self, shown: &[Cert<'a>], role: Role) {
        let Some(leaf) = shown.first().copied() else { return };
        // That one is a CA's is another rule's.
        if leaf.is_ca() || self.meetings.all.len() >= MOST {
            return;
        }
        for trust in self.trusts(role) {
            for purpose in purposes(role) {
                let set = self.meetings.trusts.get(trust).map_or(trust, |trust| trust.set);
                let serves = purpose == Purpose::Server;
                let known = self.verdicts.get(&(leaf.found().same_as, serves, set)).copied();
                if !self.met.insert((leaf.found().same_as, serves, trust)) {
                    continue;
                }
                let end = match known.and_then(|known| self.meetings.all.get(known)) {
                    Some(known) => known.end.clone(),
                    None => self.judge(shown, trust, purpose),
                };
                self.verdicts.entry((leaf.found().same_as, serves, set)).or_insert(self.meetings.all.len());
                let shown = shown.iter().take(MOST_SHOWN).map(|cert| cert.index).collect();
                self.meetings.all.push(Stored { shown, role, purpose, trust, end });
            }
        }
    }

    /// The CAs by which a part's certificate is judged, by their numbers: one for each who judges by others.
    fn trusts(&mut self, role: Role) -> Vec<usize> {
        use Component::{Apiserver, ControllerManager, Etcd};

        if let Some(known) = self.known.get(&role) {
            return known.clone();
        }
        let node = self.node;
        let component = |component, flag: &'static str| {
            node.references_of(Holder::Component(component), flag)
                .map(move |reference| (component.program(), flag, reference))
        };
        let named: Vec<(&str, &str, &Reference)> = match role {
            Role::Apiserver => component(ControllerManager, "root-ca-file").collect(),
            Role::EtcdServer => {
                component(Apiserver, "etcd-cafile").chain(component(Etcd, "trusted-ca-file")).collect()
            }
            Role::EtcdPeer => component(Etcd, "peer-trusted-ca-file").collect(),
            Role::EtcdClient | Role::ApiserverEtcdClient => component(Etcd, "trusted-ca-file").collect(),
            Role::FrontProxyClient => component(Apiserver, "requestheader-client-ca-file").collect(),
            Role::KubeletServing => component(Apiserver, "kubelet-certificate-authority").collect(),
            Role::ApiserverKubeletClient => {
                // A flag counts more than the file (kubelet's own order).
                let flags = ["client-ca-file", "authentication.x509.clientCAFile"];
                let mut named = flags.into_iter().flat_map(|flag| {
                    node.references_of(Holder::Component(Component::Kubelet), flag)
                        .map(move |reference| ("the kubelet", flag, reference))
                });
                named.next().into_iter().collect()
            }
            Role::ControllerManagerServing | Role::SchedulerServing | Role::ServiceAccount => Vec::new(),
            _ => component(Apiserver, "client-ca-file").collect(),
        };
        let mut trusts = Vec::new();
        for (who, flag, reference) in &named {
            let certs = node.referenced_certs(reference);
            // kubelets and pods are given it; the controller manager itself does not judge by it.
            let who = if *flag == "root-ca-file" { "a pod" } else { who };
            let dashes = if flag.contains('.') { "" } else { "--" };
            trusts.extend(self.trust(
                Some(Place::from(*reference)),
                format!("{who} by {dashes}{flag}"),
                &certs,
            ));
        }
        let said = named.iter().any(|(.., reference)| matches!(reference.target, Target::File(_)));
        if role == Role::Apiserver {
            for (file, kubeconfig) in kubeconfigs(node) {
                for cluster in
                    kubeconfig.clusters.iter().filter(|cluster| !cluster.insecure).take(MOST_TRUSTED)
                {
                    if is_own_cluster(node, file, cluster, &self.names) {
                        let certs = node.kubeconfig_authorities(file, cluster);
                        let shown =
                            node.files.get(file).map(|file| Arc::clone(&file.shown)).unwrap_or_default();
                        let by = format!("{USER}{shown}");
                        trusts.extend(self.trust(Some(line(file, cluster.authority.line)), by, &certs));
                    }
                }
            }
        }
        let unsaid = !said
            && !matches!(
                role,
                Role::KubeletServing | Role::ControllerManagerServing | Role::SchedulerServing
            );
        // Kubeconfigs say by what their users judge the API server; pods judge by the cluster's CA.
        let by_pods = role == Role::Apiserver && named.is_empty() && !trusts.is_empty();
        if unsaid && (trusts.is_empty() || by_pods) {
            let certs: Vec<Cert<'_>> = ca_of(role).map(|ca| self.placed(ca)).unwrap_or_default();
            let certs = if by_pods { in_its_place(&certs) } else { certs };
            let file = certs.first().map(|cert| Arc::clone(&cert.file().shown)).unwrap_or_default();
            let who = if by_pods { "a pod" } else { "whoever judges" };
            trusts.extend(self.trust(None, format!("{who} by {file}"), &certs));
        }
        self.known.insert(role, trusts.clone());
        trusts
    }

    /// The CAs of a part by the places of their files; copies elsewhere do not count.
    fn placed(&self, ca: Role) -> Vec<Cert<'a>> {
        // Whom a flag names for another part counts no more than whoever lies in a place.
        let basis = |cert: &Cert<'_>| {
            let own = cert.found().roles.iter().filter(|(role, _)| *role == ca);
            own.map(|(_, basis)| (*basis).max(Basis::Place)).min()
        };
        let in_file = |cert: &Cert<'_>| cert.item().place.field.is_none() && cert.found().usage != Use::Old;
        let all: Vec<Cert<'a>> = self.node.with_role(ca).filter(in_file).take(MOST_TRUSTED).collect();
        let surest = all.iter().filter_map(basis).min();
        // Without a place, any of that name may be the one.
        let surest = if surest == Some(Basis::Content) { None } else { surest };
        all.into_iter().filter(|cert| surest.is_none() || basis(cert) == surest).collect()
    }

    fn trust(&mut self, place: Option<Place>, by: String, certs: &[Cert<'a>]) -> Option<usize> {
        if certs.is_empty() || certs.len() > MOST_TRUSTED {
            return None;
        }
        let mut numbers: Vec<usize> = certs.iter().map(|cert| cert.index).collect();
        numbers.sort_unstable();
        // Kubeconfigs have the same CA, more often than not.
        let is_user = place.is_some() && by.starts_with(USER);
        let same = |known: &&Trust| {
            let key = |numbers: &[usize]| -> Vec<usize> {
                numbers
                    .iter()
                    .filter_map(|index| Some(self.node.certificate(*index)?.found().same_as))
                    .collect()
            };
            key(&known.certs) == key(&numbers)
        };
        let own = self.meetings.trusts.len();
        let set = self.meetings.trusts.iter().find(same).map_or(own, |known| known.set);
        let known = self
            .meetings
            .trusts
            .iter()
            .position(|known| is_user && known.set == set && known.by.starts_with(USER));
        if known.is_some() {
            return known;
        }
        self.meetings.trusts.push(Trust { place, by, certs: numbers, set });
        Some(own)
    }

    fn judge(&self, shown: &[Cert<'a>], trust: usize, purpose: Purpose) -> Ending {
        let Some((leaf, behind)) = shown.split_first() else { return Ending::TooMuch };
        let trusted = self.meetings.trusts.get(trust).map(|trust| trust.certs.as_slice()).unwrap_or_default();
        let anchors: Vec<Cert<'a>> =
            trusted.iter().filter_map(|index| self.node.certificate(*index)).collect();
        if let Some(path) = plain(*leaf, &anchors, purpose, self.at) {
            return Ending::Accepted(path);
        }
        let between: Vec<Cert<'a>> = behind.iter().copied().take(MOST_SHOWN).collect();
        let cost = anchors.iter().chain(&between).map(|cert| verification_cost(&cert.tbs().public_key)).sum();
        if !self.node.spend(cost) {
            return Ending::TooMuch;
        }
        verify(*leaf, &between, &anchors, purpose, self.at)
    }
}

/// The certificates of kubeadm's own CA file, which its controller manager gives to every pod.
fn in_its_place<'a>(certs: &[Cert<'a>]) -> Vec<Cert<'a>> {
    let is_there = |cert: &&Cert<'_>| cert.file().on_node == Path::new("/etc/kubernetes/pki/ca.crt");
    certs.iter().filter(is_there).copied().collect()
}

/// The certificates of a file, or of a field of it, leaf first: what stands before the leaf is not shown as it.
fn chain_in<'a>(node: &'a Node, file: usize, field: Option<&str>) -> Vec<Cert<'a>> {
    node.certs_in(file).filter(|cert| cert.item().place.field.as_deref() == field).take(MOST_SHOWN).collect()
}

fn purposes(role: Role) -> impl Iterator<Item = Purpose> {
    let server = role.is_server().then_some(Purpose::Server);
    server.into_iter().chain(role.is_client().then_some(Purpose::Client))
}

/// The path of a certificate that is plain in every respect in which a verifier could stumble: signed by a CA that is trusted, each
/// in its life and for its purpose, identifiers that fit, and nothing that is read in two ways.
fn plain(leaf: Cert<'_>, anchors: &[Cert<'_>], purpose: Purpose, at: OffsetDateTime) -> Option<Vec<usize>> {
    let Signing::By(Signer::Here(signer)) = &leaf.found().signing else { return None };
    let signer = leaf.node.certificate(*signer)?;
    let issuer = anchors.iter().find(|anchor| anchor.found().same_as == signer.found().same_as)?;
    let (own, above) = (leaf.tbs(), issuer.tbs());
    let in_life = own.validity.contains(at) && above.validity.contains(at);
    let no_oddity = |cert: &Cert<'_>| cert.item().oddities.is_empty() && cert.item().faults.is_empty();
    let usage = above.extensions.key_usage.as_ref().map(|usage| usage.value);
    let signs = usage.is_none_or(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN));
    let constrained =
        above.extensions.name_constraints.is_some() || above.extensions.extended_key_usage.is_some();
    let is_plain = own.version == 3
        && above.version == 3
        && in_life
        && above.extensions.is_ca()
        && signs
        && !constrained
        && is_for(own, purpose)
        && identifiers_fit(own, above)
        && [leaf, *issuer].iter().all(no_oddity)
        && [own, above].iter().all(|tbs| knows_all(tbs));
    is_plain.then(|| vec![leaf.index, issuer.index])
}

fn is_for(tbs: &TbsCertificate, purpose: Purpose) -> bool {
    let purposes = tbs.extensions.purposes();
    purposes.is_empty()
        || purposes.contains(&ExtendedKeyUsage::Any)
        || purpose.usage().is_some_and(|usage| purposes.contains(&usage))
}

fn identifiers_fit(own: &TbsCertificate, above: &TbsCertificate) -> bool {
    let authority = own.extensions.authority_key_identifier.as_ref().map(|identifier| &identifier.value);
    let theirs = above.extensions.subject_key_identifier.as_ref().map(|identifier| &identifier.value);
    match (authority, theirs) {
        (Some(authority), _) if authority.names_certificate => false,
        (Some(authority), Some(theirs)) => {
            authority.key_identifier.as_ref().is_none_or(|ours| ours == theirs)
        }
        _ => true,
    }
}

/// Whether every verifier can read it to its end: a key that all know, and extensions that stand there once, of which each critical one
/// is known.
fn knows_all(tbs: &TbsCertificate) -> bool {
    const KNOWN: [&str; 4] = ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.37"];
    let key = match tbs.public_key.kind() {
        PublicKeyKind::Rsa { bits, .. } => (2048..=8192).contains(bits),
        PublicKeyKind::Ec(curve) => curve.starts_with("P-"),
        PublicKeyKind::Ed25519 => true,
        _ => false,
    };
    let oids = tbs.extensions.all.iter().map(|extension| extension.oid.as_str());
    let once = oids.clone().enumerate().all(|(at, oid)| !oids.clone().take(at).any(|other| other == oid));
    if !key || !tbs.extensions.malformed.is_empty() || tbs.extensions.all.len() > 16 || !once {
        return false;
    }
    tbs.extensions.all.iter().all(|extension| !extension.critical || KNOWN.contains(&extension.oid.as_str()))
}

fn located(cert: Cert<'_>) -> Located {
    let place = cert.place();
    let source = Source {
        file: cert.file().shown.to_string(),
        field: place.field.as_deref().map(str::to_owned),
        block: place.block.unwrap_or_default(),
        line: place.line,
    };
    Located { certificate: cert.facts().certificate.clone(), source }
}

fn verify(
    leaf: Cert<'_>,
    between: &[Cert<'_>],
    anchors: &[Cert<'_>],
    purpose: Purpose,
    at: OffsetDateTime,
) -> Ending {
    let settings = Settings { policy: Policy::Kubernetes, purpose, names: Vec::new(), at };
    let of = |certs: &[Cert<'_>]| certs.iter().map(|cert| located(*cert)).collect::<Vec<_>>();
    let (first, own, trusted) = (located(leaf), of(between), of(anchors));
    let number = |found: &Located| {
        let within = |all: &[Located], certs: &[Cert<'_>]| {
            all.iter()
                .position(|one| std::ptr::eq(one, found))
                .and_then(|at| certs.get(at))
                .map(|cert| cert.index)
        };
        within(&trusted, anchors).or_else(|| within(&own, between)).unwrap_or(leaf.index)
    };
    let verifier = Verifier::new(&settings, &trusted, &own, &[]).quietly();
    match verifier.verify(&first) {
        Verdict::Valid(chain) => {
            Ending::Accepted(chain.path().iter().map(|link| number(link.located)).collect())
        }
        Verdict::Invalid(rejection) => {
            let (fault, path) = rejection.reason();
            let path: Vec<usize> = path.iter().map(|link| number(link.located)).collect();
            Ending::Refused(Refusal { reason: fault.reason, detail: fault.detail.clone(), path })
        }
    }
}
