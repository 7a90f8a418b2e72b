//! N006: one role, one kind of certificate.

use std::collections::BTreeMap;

use super::super::{Answers, Estate, Place, Role};
use super::between::{Found, leaves, listed, name, nodes};
use super::remedy::{Cure, Reissue};
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "N006",
    name: "generations-differ",
    title: "One role has certificates of different making",
    severity: Severity::Medium,
    citations: &[
        Citation::page("kubernetes/kubeadm#3072", "https://github.com/kubernetes/kubeadm/issues/3072"),
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#all-certificates",
        ),
    ],
    explanation: "The same certificate has another algorithm, other purposes or other groups on another node: a change of the \
                  configuration that reached some of them only. Renewing keeps what a certificate says, so the difference stays \
                  for years, and with it rights that were meant to be taken away.",
    fix: "Issue it again on the nodes that are behind, from the configuration of today: `kpki issue PROFILE --out FILE --force`.",
    applies_to: "certificates that several nodes have",
    check: Check::Estate(check),
};

/// What a certificate is like: algorithm, purposes, groups.
type Generation<'a> = (&'a str, &'a str, String);

/// The nodes whose certificate is like that, each with its record.
type Alike<'a> = BTreeMap<Generation<'a>, Vec<(&'a str, usize)>>;

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    let mut by_role: BTreeMap<Role, Alike<'_>> = BTreeMap::new();
    for (_, node) in nodes(estate) {
        let mut own: BTreeMap<Role, Found<'_>> = BTreeMap::new();
        for (role, found) in
            leaves(estate, node).into_iter().filter(|(role, _)| is_the_same_everywhere(*role))
        {
            // The one in use is the one that lives longest.
            let latest = own.entry(role).or_insert(found);
            if found.certificate.not_after > latest.certificate.not_after {
                *latest = found;
            }
        }
        for (role, found) in own {
            let certificate = found.certificate;
            let generation =
                (&*found.record.algorithm, &*certificate.purposes, organizations(&certificate.subject));
            let generations = by_role.entry(role).or_default();
            generations.entry(generation).or_default().push((name(node), found.number));
        }
    }
    for (role, generations) in by_role {
        let count: usize = generations.values().map(Vec::len).sum();
        if count < 2 {
            continue;
        }
        answers.look();
        let mut generations: Vec<_> = generations.into_iter().collect();
        // The one that most nodes have first.
        generations.sort_by_key(|(_, nodes)| std::cmp::Reverse(nodes.len()));
        let [(usual, others), rest @ ..] = generations.as_slice() else { continue };
        let Some((other, _)) = others.first() else { continue };
        for (generation, nodes) in rest {
            let Some((_, record)) = nodes.first() else { continue };
            let names: Vec<&str> = nodes.iter().map(|(name, _)| *name).collect();
            let (own, theirs) = differences(generation, usual);
            let message = format!("{role} on {} has {own}, on {other} {theirs}", listed(&names));
            let words = format!("Let it be as {other} has it:");
            let usual = usual.0.to_owned();
            let cure = nodes.iter().fold(Cure::words(words), |cure, (_, record)| {
                cure.reissue(Reissue::default().of_record(*record).with_algorithm(&usual))
            });
            answers.fail(Place::record(*record), message).fix(cure);
        }
    }
}

/// Kubelets choose their own keys, and users are different persons.
fn is_the_same_everywhere(role: Role) -> bool {
    !matches!(
        role,
        Role::KubeletClient | Role::KubeletServing | Role::User | Role::EtcdClient | Role::ServiceAccount
    )
}

/// The organizations of a subject as it is shown.
fn organizations(subject: &str) -> String {
    let mut found: Vec<&str> =
        subject.split([',', '+']).map(str::trim).filter(|part| part.starts_with("O=")).collect();
    found.sort_unstable();
    found.join(", ")
}

/// What is different, of the one and of the other.
fn differences(own: &Generation<'_>, other: &Generation<'_>) -> (String, String) {
    let parts = |(algorithm, purposes, groups): &Generation<'_>| {
        let or = |text: &str, absent: &str| if text.is_empty() { absent.to_owned() } else { text.to_owned() };
        [(*algorithm).to_owned(), or(purposes, "no purposes"), or(groups, "no organization")]
    };
    let (own, other) = (parts(own), parts(other));
    let different: Vec<(String, String)> =
        own.into_iter().zip(other).filter(|(own, other)| own != other).collect();
    let (own, other): (Vec<String>, Vec<String>) = different.into_iter().unzip();
    (own.join(" and "), other.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, findings};

    fn found(trees: &[Tree]) -> Vec<String> {
        findings(&trees.iter().collect::<Vec<_>>(), "N006")
    }

    #[test]
    fn another_algorithm_purpose_or_group_fires() {
        let mut trees = Tree::control_planes();
        assert_eq!(found(&trees), [""; 0]);
        trees[0].certificate(&format!("{PKI}/apiserver.crt"), "key=rsa2048:old");
        trees[1].certificate(&format!("{PKI}/apiserver-kubelet-client.crt"), "o=system:masters");
        trees[2].certificate(&format!("{PKI}/etcd/server.crt"), "eku=server");
        assert_eq!(
            found(&trees),
            [
                "medium cp1 etc/kubernetes/pki/apiserver.crt:1: apiserver on cp1 has RSA-2048, on cp2 ECDSA-P256",
                "medium cp2 etc/kubernetes/pki/apiserver-kubelet-client.crt:1: apiserver-kubelet-client on cp2 has \
                 O=system:masters, on cp1 no organization",
                "medium cp3 etc/kubernetes/pki/etcd/server.crt:1: etcd-server on cp3 has serverAuth, on cp1 serverAuth, \
                 clientAuth",
            ]
        );
    }

    #[test]
    fn kubelets_may_differ() {
        let mut trees = Tree::control_planes();
        trees[0].certificate("var/lib/kubelet/pki/kubelet-client-2026-05-31-11-55-00.pem", "key=rsa2048:old");
        assert_eq!(found(&trees), [""; 0]);
    }
}
