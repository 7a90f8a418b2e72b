//! E006: etcd asks who is there.

use super::super::{Answers, Role, Scene};
use super::etcd::{Etcd, Side};
use super::remedy::{Cure, Edit};
use super::subjects::in_use;
use super::{Check, Citation, Rule, Severity};
use crate::manifest::Component;

pub(super) static RULE: Rule = Rule {
    id: "E006",
    name: "etcd-client-certificates",
    title: "etcd does not ask for certificates",
    severity: Severity::Critical,
    citations: &[
        Citation::page(
            "CIS Kubernetes Benchmark 2.2 and 2.5",
            "https://www.cisecurity.org/benchmark/kubernetes",
        ),
        Citation::page("etcd: transport security model", "https://etcd.io/docs/v3.6/op-guide/security/"),
    ],
    explanation: "Everything that the cluster knows is in etcd, its Secrets among it. Without --client-cert-auth and \
                  --trusted-ca-file whoever reaches its port reads and changes all of it, past the API server; without \
                  the same for peers anybody joins as a member and gets a copy.",
    fix: "Give etcd --client-cert-auth=true with --trusted-ca-file, and --peer-client-cert-auth=true with \
          --peer-trusted-ca-file.",
    applies_to: "etcd",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let Some(etcd) = Etcd::of(scene, answers) else { return };
    for side in Side::BOTH {
        answers.look();
        let flag = side.cert_auth();
        if etcd.is_on(flag) {
            continue;
        }
        let mut edits = vec![Edit::set(Component::Etcd, flag, "true")];
        if etcd.value(side.trusted_ca()).is_none()
            && let Some(ca) =
                in_use(scene.node, Role::EtcdCa).iter().find(|ca| ca.item().place.field.is_none())
        {
            edits.push(Edit::name(Component::Etcd, side.trusted_ca(), ca.found().file));
        }
        let cure = Cure::default().flags(edits);
        let place = etcd.place(flag);
        let said = match etcd.value(flag) {
            Some(value) => format!("--{flag} is {}", crate::x509::Printable(value)),
            None => format!("--{flag} is not given"),
        };
        // Without the flag etcd listens on localhost. The file of CAs alone makes etcd ask as well, over TLS (`ServerConfig` in its
        // client/pkg/transport/listener.go).
        let verifies = etcd.verifies(side);
        let mut urls = etcd.urls(side.listen());
        let given = !urls.is_empty();
        urls.retain(|url| !(verifies && url.tls));
        if given && urls.is_empty() {
            let message =
                format!("{said}; only because --{} is, certificates are asked for", side.trusted_ca());
            answers.fail(place, message).severity(Severity::Medium).fix(cure);
        } else if urls.iter().all(|url| url.host.is_loopback()) {
            let message =
                format!("{said}: whoever is on the node (a pod in the host's network as well) may use it");
            // A single member has no peers.
            let severity = if side == Side::Clients { Severity::Medium } else { Severity::Low };
            answers.fail(place, message).severity(severity).fix(cure);
        } else {
            let shown: Vec<&str> = urls.iter().take(4).map(|url| url.text.as_str()).collect();
            answers.fail(place, format!("{said}: whoever reaches {} may use it", shown.join(", "))).fix(cure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    fn findings(change: impl FnOnce(&mut Tree)) -> Vec<String> {
        let mut tree = Tree::control_plane();
        change(&mut tree);
        let place = "etc/kubernetes/manifests/etcd.yaml";
        tree.findings("E006").iter().map(|finding| finding.replace(place, "")).collect()
    }

    #[test]
    fn an_open_etcd_fires() {
        assert_eq!(findings(|_| ()), [""; 0]);
        assert_eq!(
            findings(|tree| {
                tree.no_flag("etcd", "--client-cert-auth");
                tree.no_flag("etcd", "--trusted-ca-file");
            }),
            [
                "critical : --client-cert-auth is not given: whoever reaches https://127.0.0.1:2379, https://10.0.0.10:2379 may \
              use it"
            ]
        );
        assert_eq!(
            findings(|tree| {
                tree.flag("etcd", "--peer-client-cert-auth=false");
                tree.no_flag("etcd", "--peer-trusted-ca-file");
            }),
            [
                "critical :15: --peer-client-cert-auth is false: whoever reaches https://10.0.0.10:2380 may use it"
            ]
        );
    }

    #[test]
    fn some_are_less_open() {
        assert_eq!(
            findings(|tree| tree.flag("etcd", "--client-cert-auth=false")),
            [
                "medium :15: --client-cert-auth is false; only because --trusted-ca-file is, certificates are asked for"
            ]
        );
        // What is open is what is not over TLS.
        let mixed = |listen: &str| {
            findings(|tree| {
                tree.no_flag("etcd", "--client-cert-auth");
                tree.flag("etcd", &format!("--listen-client-urls=https://10.0.0.10:2379,{listen}"));
            })
        };
        assert_eq!(
            mixed("http://127.0.0.1:2379"),
            [
                "medium : --client-cert-auth is not given: whoever is on the node (a pod in the host's network as well) may use it"
            ]
        );
        assert_eq!(
            mixed("http://10.0.0.11:2379"),
            ["critical : --client-cert-auth is not given: whoever reaches http://10.0.0.11:2379 may use it"]
        );
        assert_eq!(
            findings(|tree| {
                for flag in ["--client-cert-auth", "--trusted-ca-file", "--listen-client-urls"] {
                    tree.no_flag("etcd", flag);
                }
                tree.flag("etcd", "--listen-peer-urls=http://127.0.0.1:2380");
                tree.no_flag("etcd", "--peer-client-cert-auth");
            }),
            [
                "medium : --client-cert-auth is not given: whoever is on the node (a pod in the host's network as well) may use it",
                "low : --peer-client-cert-auth is not given: whoever is on the node (a pod in the host's network as well) may \
                 use it"
            ]
        );
    }

    #[test]
    fn without_a_manifest_it_is_skipped() {
        assert!(Tree::worker().not_applicable(&RULE));
        let mut tree = Tree::control_plane();
        tree.remove("etc/kubernetes/manifests/etcd.yaml");
        assert_eq!((tree.findings("E006"), tree.skipped("E006").len()), (vec![], 1));
    }
}
