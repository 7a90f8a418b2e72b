//! The certificates of a node, each once with all of its places: what the rules of chains and of time look at.

use std::collections::{HashMap, HashSet};

pub(super) use super::super::evidence::Use;
use super::super::evidence::{Cert, Node, Signer, Signing, current_file, is_superseded};
use super::super::{Place, Role};
use crate::inspect::CertificateFacts;
use crate::layout::Authority;
use crate::x509::{Name, SignatureFault};

/// No chain is longer, and no circle ends.
const LONGEST_CHAIN: usize = 8;

/// What is worked out once for all rules of a node: its certificates, each once.
#[derive(Debug)]
pub(in super::super) struct Uses {
    groups: Vec<Group>,
    /// By the number of the first place.
    by_first: HashMap<usize, usize>,
}

/// A certificate with all of its places, by their numbers.
#[derive(Debug)]
struct Group {
    /// The best first.
    places: Vec<usize>,
    usage: Use,
    roles: Vec<Role>,
    is_anchor: bool,
}

/// A certificate with all of its places on a node.
#[derive(Clone, Copy)]
pub(in super::super) struct Distinct<'a> {
    /// Its best place: one where it is used, a file rather than a field, the first of a file.
    pub(in super::super) cert: Cert<'a>,
    /// The best use that is made of it.
    pub(in super::super) usage: Use,
    /// Its parts, those of the best place first.
    pub(in super::super) roles: &'a [Role],
    places: &'a [usize],
    is_anchor: bool,
}

impl<'a> Distinct<'a> {
    /// All of its places, the best first.
    pub(super) fn places(&self) -> impl Iterator<Item = Cert<'a>> + use<'a> {
        let node = self.cert.node;
        self.places.iter().filter_map(|index| node.certificate(*index))
    }

    /// Its surest part.
    pub(in super::super) fn role(&self) -> Option<Role> {
        self.roles.first().copied()
    }

    /// Whether it is one of the cluster's CAs: a trust anchor, which needs no issuer. What kubeconfigs alone trust is none where the CA
    /// lies in a file: it may be another cluster's, or one that was replaced.
    pub(super) fn is_anchor(&self) -> bool {
        self.is_anchor
    }

    /// Whether it plays the part of a CA, be it the cluster's or another's.
    pub(super) fn is_authority(&self) -> bool {
        self.roles.iter().any(|role| role.is_ca())
    }

    /// In how many more places it stands, for the end of a message.
    pub(in super::super) fn elsewhere(&self) -> String {
        match self.places.len() {
            0 | 1 => String::new(),
            2 => " (it stands in 1 more place)".to_owned(),
            places => format!(" (it stands in {} more places)", places - 1),
        }
    }

    /// Whether its holder replaces it by itself: a kubelet's, in the file behind the link to the current one.
    pub(super) fn renews_itself(&self) -> bool {
        self.places().any(|cert| current_file(cert.node, cert.file()) == Some(cert.found().file))
    }

    /// Whether it is only a kubelet's certificate that another has replaced.
    pub(super) fn is_superseded(&self) -> bool {
        self.places().all(|cert| is_superseded(cert.node, cert.found().file))
    }
}

impl From<&Distinct<'_>> for Place {
    fn from(one: &Distinct<'_>) -> Self {
        one.cert.place()
    }
}

/// The certificates of a node, each once.
pub(in super::super) struct Certificates<'a> {
    pub(in super::super) all: Vec<Distinct<'a>>,
    by_first: &'a HashMap<usize, usize>,
}

impl Uses {
    /// Those of a node.
    fn of(node: &Node) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        let mut by_first = HashMap::new();
        for cert in node.certs() {
            let number = *by_first.entry(cert.found().same_as).or_insert_with(|| {
                let empty =
                    Group { places: Vec::new(), usage: Use::Old, roles: Vec::new(), is_anchor: false };
                groups.push(empty);
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(number) {
                group.usage = group.usage.min(cert.found().usage);
            }
        }
        for cert in node.best_first() {
            let Some(group) = by_first.get(&cert.found().same_as).and_then(|number| groups.get_mut(*number))
            else {
                continue;
            };
            group.places.push(cert.index);
            // A copy that was put aside under another name plays no part while the certificate is in use.
            if cert.found().usage == Use::Old && group.usage != Use::Old {
                continue;
            }
            // In the place of a CA it plays no part: F023 tells of the place.
            let is_none = cert.is_plainly_a_leaf();
            let is_authority = cert.roles().any(Role::is_ca) && !is_none;
            group.is_anchor |= cert.item().place.field.is_none() && is_authority;
            for role in cert.roles().filter(|role| !(is_none && role.is_ca())) {
                if !group.roles.contains(&role) {
                    group.roles.push(role);
                }
            }
        }
        let in_files: HashSet<Role> =
            groups.iter().filter(|group| group.is_anchor).flat_map(|group| group.roles.clone()).collect();
        for group in &mut groups {
            group.is_anchor |= group.roles.iter().any(|role| role.is_ca() && !in_files.contains(role));
        }
        Self { groups, by_first }
    }
}

impl<'a> Certificates<'a> {
    /// Those of a node.
    pub(in super::super) fn of(node: &'a Node) -> Self {
        let uses = node.uses.get_or_init(|| Uses::of(node));
        let all = uses.groups.iter().filter_map(|group| {
            let cert = node.certificate(*group.places.first()?)?;
            Some(Distinct {
                cert,
                usage: group.usage,
                roles: &group.roles,
                places: &group.places,
                is_anchor: group.is_anchor,
            })
        });
        Self { all: all.collect(), by_first: &uses.by_first }
    }

    /// What is known of a certificate with its other places.
    pub(super) fn get(&self, cert: Cert<'a>) -> Option<&Distinct<'a>> {
        self.all.get(*self.by_first.get(&cert.found().same_as)?)
    }

    /// Those that play a part.
    pub(super) fn with_role(&self, role: Role) -> impl Iterator<Item = &Distinct<'a>> {
        self.all.iter().filter(move |one| one.roles.contains(&role))
    }

    /// Follows the signatures of a certificate up to where they end.
    pub(super) fn climb(&self, cert: Cert<'a>) -> End<'a> {
        let mut current = cert;
        for _ in 0..LONGEST_CHAIN {
            if current.index != cert.index && self.get(current).is_some_and(Distinct::is_anchor) {
                return End::Anchor(current);
            }
            current = match &current.found().signing {
                Signing::SelfSigned => return End::Root(current),
                Signing::By(Signer::Here(index)) => match cert.node.certificate(*index) {
                    Some(issuer) => issuer,
                    None => return End::Elsewhere,
                },
                Signing::By(Signer::Elsewhere(_)) => return End::Elsewhere,
                Signing::AnotherKey(_, fault) | Signing::SelfIssued(fault) => {
                    return End::AnotherKey(current, fault);
                }
                Signing::Absent => return End::Absent(current),
                Signing::NotChecked => return End::NotChecked,
            };
        }
        End::NotChecked
    }
}

/// Where the signatures of a certificate lead.
pub(super) enum End<'a> {
    /// To one of the cluster's CAs.
    Anchor(Cert<'a>),
    /// To a certificate that signed itself and is none of them; perhaps the certificate itself.
    Root(Cert<'a>),
    /// To a CA of another node.
    Elsewhere,
    /// To this one, whose issuer is not at hand.
    Absent(Cert<'a>),
    /// To this one, which the certificate with its issuer's name did not sign.
    AnotherKey(Cert<'a>, &'a SignatureFault),
    /// That was not looked at.
    NotChecked,
}

/// The certificate and those above it, as far as they are at hand.
pub(super) fn path(cert: Cert<'_>) -> Vec<&CertificateFacts> {
    let mut path = vec![cert.facts()];
    let mut current = cert;
    for _ in 0..LONGEST_CHAIN {
        let Signing::By(signer) = &current.found().signing else { break };
        path.extend(signer.facts(cert.node));
        match signer {
            Signer::Here(index) => match cert.node.certificate(*index) {
                Some(issuer) => current = issuer,
                None => break,
            },
            Signer::Elsewhere(_) => break,
        }
    }
    path
}

/// A name for a message: it may be as long as a certificate.
pub(super) fn named(name: &Name) -> String {
    const LONGEST: usize = 200;
    if name.is_empty() {
        return "(an empty name)".to_owned();
    }
    let text = name.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// The role of the CA that issues for a role.
pub(super) fn ca_of(role: Role) -> Option<Role> {
    Some(match role.authority()? {
        Authority::Kubernetes => Role::KubernetesCa,
        Authority::Etcd => Role::EtcdCa,
        Authority::FrontProxy => Role::FrontProxyCa,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    fn uses(tree: &Tree) -> Vec<(String, Use)> {
        let node = tree.node();
        let certificates = Certificates::of(&node);
        certificates.all.iter().map(|one| (one.cert.file().shown.to_string(), one.usage)).collect()
    }

    #[track_caller]
    fn assert_use(tree: &Tree, path: &str, wanted: Option<Use>) {
        let found = uses(tree).into_iter().find(|(shown, _)| shown == path).map(|(_, usage)| usage);
        assert_eq!(found, wanted, "{path}");
    }

    #[test]
    fn the_place_that_counts_is_a_file_that_is_used() {
        let mut tree = Tree::control_plane();
        tree.file("etc/kubernetes/aaa.bak/ca.crt", 0o644, tree.ca("ca").pem());
        let node = tree.node();
        let certificates = Certificates::of(&node);
        let ca = certificates.with_role(Role::KubernetesCa).next().unwrap();
        assert_eq!(&*ca.cert.file().shown, "etc/kubernetes/pki/ca.crt");
        assert_eq!(ca.places().count(), 7);
        assert_eq!(ca.elsewhere(), " (it stands in 6 more places)");
        assert!(ca.is_anchor());
    }

    #[test]
    fn backups_and_replaced_certificates_are_told_from_those_in_use() {
        let mut tree = Tree::control_plane();
        let leaf = |tree: &mut Tree, path: &str| {
            tree.leaf(path, &format!("cn=somebody eku=client key=p256:{path}"));
        };
        for (path, usage) in [
            ("etc/kubernetes/pki/somebody.crt", Use::Loose),
            ("etc/kubernetes/pki.bak/apiserver.crt", Use::Old),
            ("etc/kubernetes/tmp/kubeadm-backup-certs-1/apiserver.crt", Use::Old),
            ("etc/kubernetes/pki/apiserver.crt.old", Use::Old),
            ("var/lib/rancher/k3s/server/tls-1700000000/x.crt", Use::Old),
            ("var/lib/kubelet/pki/kubelet-client-2025-05-31-11-55-00.pem", Use::Old),
            ("var/lib/kubelet/pki/kubelet-server-2025-05-31-11-55-00.pem", Use::Old),
        ] {
            leaf(&mut tree, path);
            assert_use(&tree, path, Some(usage));
        }
        assert_use(&tree, &format!("{PKI}/apiserver.crt"), Some(Use::Used));
        assert_use(&tree, "etc/kubernetes/admin.conf", Some(Use::Used));
        let current = "var/lib/kubelet/pki/kubelet-client-2026-05-31-11-55-00.pem";
        assert_use(&tree, current, Some(Use::Used));
        // Without the link, the latest counts.
        tree.remove("var/lib/kubelet/pki/kubelet-client-current.pem");
        assert_use(&tree, current, Some(Use::Used));
        assert_use(&tree, "var/lib/kubelet/pki/kubelet-client-2025-05-31-11-55-00.pem", Some(Use::Old));
    }
}
