//! N004: each node has leaves of its own.

use std::collections::HashMap;

use super::super::{Answers, Estate, Place, Role};
use super::between::{leaves, listed, name, nodes};
use super::remedy::{Cure, Reissue};
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "N004",
    name: "copied-leaves",
    title: "Several nodes use one private key",
    severity: Severity::High,
    citations: &[
        Citation::page("kubernetes/kubeadm#1321", "https://github.com/kubernetes/kubeadm/issues/1321"),
        Citation::page(
            "Kubernetes: high availability with kubeadm, manual certificate distribution",
            "https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/high-availability/#manual-certs",
        ),
    ],
    explanation: "The whole of pki was copied where only the CAs and the service-account pair should be. A server's certificate \
                  names the node that it comes from: it is refused under the address of the other. Members of etcd and kubelets \
                  cannot be told apart, and a key that is lost on one node is lost for all.",
    fix: "Remove the copies, and let each node have its own: `kubeadm init phase certs all` with its own configuration, or \
          `kpki issue PROFILE NAME --out FILE --force`.",
    applies_to: "certificates of several nodes",
    check: Check::Estate(check),
};

// What clients of one kind say is the same on every control plane: a copy of theirs breaks nothing, and is milder. An administrator's
// kubeconfig is copied by everybody.
fn check(estate: &Estate<'_>, answers: &mut Answers) {
    /// The nodes that have a key, each with its first record.
    type Holders = Vec<(usize, usize)>;
    let mut by_key: HashMap<(Role, [u8; 32]), Holders> = HashMap::new();
    let mut several = 0;
    for (number, node) in nodes(estate) {
        several += 1;
        for (role, found) in leaves(estate, node) {
            let Some(key) = found.record.key.filter(|_| severity(role).is_some()) else { continue };
            let holders = by_key.entry((role, key)).or_default();
            if holders.last().is_none_or(|(last, _)| *last != number) {
                holders.push((number, found.number));
            }
        }
    }
    if several < 2 || by_key.is_empty() {
        return;
    }
    answers.look();
    let mut shared: Vec<((Role, [u8; 32]), Holders)> =
        by_key.into_iter().filter(|(_, holders)| holders.len() > 1).collect();
    shared.sort_by_key(|((role, _), holders)| (holders.first().copied(), *role));
    for ((role, _), holders) in shared {
        let names: Vec<&str> =
            holders.iter().filter_map(|(node, _)| estate.nodes.get(*node)).map(name).collect();
        let (Some((_, record)), Some(severity)) = (holders.get(1), severity(role)) else { continue };
        // The first keeps it.
        let cure = holders.iter().skip(1).fold(
            Cure::words("Let each node have its own; the first keeps this one:"),
            |cure, (_, record)| cure.reissue(Reissue::default().of_record(*record).with_new_key()),
        );
        answers
            .fail(Place::record(*record), format!("{} use one key as {role}", listed(&names)))
            .severity(severity)
            .fix(cure);
    }
}

fn severity(role: Role) -> Option<Severity> {
    match role {
        Role::Apiserver
        | Role::EtcdServer
        | Role::EtcdPeer
        | Role::KubeletServing
        | Role::KubeletClient
        | Role::ControllerManagerServing
        | Role::SchedulerServing => Some(Severity::High),
        Role::ApiserverKubeletClient
        | Role::ApiserverEtcdClient
        | Role::FrontProxyClient
        | Role::EtcdClient
        | Role::ControllerManager
        | Role::Scheduler => Some(Severity::Medium),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, findings};

    fn found(trees: &[Tree]) -> Vec<String> {
        findings(&trees.iter().collect::<Vec<_>>(), "N004")
    }

    #[test]
    fn copies_fire() {
        let mut trees = Tree::control_planes();
        assert_eq!(found(&trees), [""; 0]);
        for leaf in ["apiserver", "etcd/peer", "front-proxy-client"] {
            let path = format!("{PKI}/{leaf}.crt");
            let text = trees[0].text(&path);
            trees[2].file(&path, 0o644, text);
        }
        let text = trees[0].text(&format!("{PKI}/etcd/peer.crt"));
        trees[1].file(&format!("{PKI}/etcd/peer.crt"), 0o644, text);
        let text = trees[0].text("etc/kubernetes/admin.conf");
        trees[1].file("etc/kubernetes/admin.conf", 0o600, text);
        assert_eq!(
            found(&trees),
            [
                "high cp2 etc/kubernetes/pki/etcd/peer.crt:1: cp1, cp2, cp3 use one key as etcd-peer",
                "high cp3 etc/kubernetes/pki/apiserver.crt:1: cp1, cp3 use one key as apiserver",
                "medium cp3 etc/kubernetes/pki/front-proxy-client.crt:1: cp1, cp3 use one key as front-proxy-client",
            ]
        );
    }

    #[test]
    fn a_node_that_was_cloned_fires() {
        let findings = findings(&[&Tree::worker().named("w1"), &Tree::worker().named("w2")], "N004");
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].contains("w1, w2 use one key as kubelet-client"), "{findings:?}");
        assert!(findings[1].contains("w1, w2 use one key as kubelet-serving"), "{findings:?}");
    }
}
