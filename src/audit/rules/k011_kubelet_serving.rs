//! K011: the certificate that a kubelet shows.

use super::super::{Answers, Node, Role, Scene, Target};
use super::kubelet::{SERVER, target};
use super::names::Names;
use super::remedy::{Command, Cure, Reissue, name_of};
use super::{Check, Citation, Rule, Severity};
use crate::manifest::Component;
use crate::x509::Printable;

pub(super) static RULE: Rule = Rule {
    id: "K011",
    name: "kubelet-serving",
    title: "A kubelet's serving certificate proves nothing",
    severity: Severity::High,
    citations: &[
        Citation::page("kubernetes/kubeadm#1602", "https://github.com/kubernetes/kubeadm/issues/1602"),
        Citation::page(
            "Kubernetes: kubelet serving certificates with kubeadm",
            "https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/#kubelet-serving-certs",
        ),
        Citation::page(
            "CIS Kubernetes Benchmark 4.2.9, 4.2.11",
            "https://www.cisecurity.org/benchmark/kubernetes",
        ),
    ],
    explanation: "A certificate that the kubelet signed for itself can be verified by nobody, so the API server and metrics-server have to \
                  believe whoever answers at the node's address: logs and what is typed into exec go there. One of the \
                  cluster's CA whose names do not fit the node is refused as soon as somebody verifies. Neither kubeadm nor kpki can \
                  do better before the kubelet runs.",
    fix: "Set `serverTLSBootstrap: true` in the kubelet's configuration, restart the kubelet, and approve its request: \
          `kubectl get csr`, `kubectl certificate approve NAME`. Or issue one, `kpki issue kubelet-serving NODE --san NODE \
          --san ADDRESS --out kubelet.crt`, and name it and its key in tlsCertFile and tlsPrivateKeyFile.",
    applies_to: "kubelets' serving certificates",
    check: Check::Node(check),
};

/// The most names of a node that are asked for.
const MOST_NAMES: usize = 16;

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let in_use = in_use(node);
    let (hosts, addresses) = own_names(node);
    let wanted = || Reissue::with(hosts.iter().chain(&addresses).filter_map(|host| name_of(host)).collect());
    for cert in super::subjects::in_use(node, Role::KubeletServing) {
        // What it showed before stays in its directory, and is shown no more.
        if in_use.is_some_and(|file| file != cert.found().file) {
            continue;
        }
        answers.look();
        let names = Names::of(cert.tbs().extensions.names());
        let misfit = misfit(&hosts, &addresses, &names);
        if cert.is_kubelets_own() || cert.is_self_signed() {
            let who = cert.tbs().subject.common_name().unwrap_or("nobody");
            let mut message = format!("it is signed by the kubelet itself, for {}", Printable(who));
            if let Some(misfit) = &misfit {
                message = format!("{message}, and {misfit}");
            }
            let fact = answers.fail(cert, message);
            let configured = node.pairs.iter().any(|pair| {
                let named = node.references.get(pair.certificate);
                named.is_some_and(|named| named.target == Target::File(cert.found().file))
            });
            fact.fix(if configured { wanted().into() } else { bootstrapped() });
            // A kubelet that nobody configured does just that, under kubeadm too; it has no address among the names.
            if cert.is_kubelets_own() && !misfit.is_some_and(|misfit| misfit.starts_with("it is for no")) {
                fact.severity(Severity::Medium);
            }
        } else if let Some(misfit) = misfit {
            answers.fail(cert, misfit).fix(wanted());
        } else if names.addresses().is_empty() {
            // The API server calls kubelets by an address first (--kubelet-preferred-address-types).
            answers
                .fail(
                    cert,
                    "it is for no address, and the API server calls kubelets by their addresses first",
                )
                .severity(Severity::Medium)
                .fix(wanted());
        }
    }
}

/// The kubelet asks for a certificate of the cluster's CA.
fn bootstrapped() -> Cure {
    Cure::words("Let the kubelet ask for one of the cluster's CA:")
        .kubelet_field("serverTLSBootstrap", "true")
        .restart_kubelet()
        .run(Command::written("kubectl get csr"))
        .say("`kubectl certificate approve NAME` approves the pending one of kubernetes.io/kubelet-serving, once its names are right.")
}

/// The file of the certificate that the kubelet shows, where that can be told.
fn in_use(node: &Node) -> Option<usize> {
    let configured = ["tlsCertFile", "tls-cert-file"].into_iter().find_map(|flag| {
        let mut named = node.references_of(super::super::Holder::KUBELET, flag);
        named.find_map(|named| if let Target::File(file) = named.target { Some(file) } else { None })
    });
    configured.or_else(|| match target(node, SERVER) {
        Target::File(file) => Some(file),
        _ => node.file_at("/var/lib/kubelet/pki/kubelet.crt").map(|(file, _)| file),
    })
}

/// The names and addresses of the node, as far as they are known.
fn own_names(node: &Node) -> (Vec<String>, Vec<String>) {
    let mut hosts = node.host_names();
    hosts.truncate(MOST_NAMES);
    let addresses: Vec<String> = match node.kubelet_flag("node-ip") {
        Some((_, flag)) => flag.value.split(',').map(|ip| ip.trim().to_owned()).collect(),
        None => node
            .flag(Component::Apiserver, "advertise-address")
            .map(|(_, flag)| flag.value.clone())
            .into_iter()
            .collect(),
    };
    (hosts, addresses)
}

/// Why a certificate's names do not fit the node.
fn misfit(hosts: &[String], addresses: &[String], names: &Names) -> Option<String> {
    let own = |host: &&String| names.cover(host);
    if !hosts.is_empty() && !hosts.iter().chain(addresses).any(|host| own(&host)) {
        return Some(format!("it is for no name or address of the node ({})", Printable(&hosts.join(", "))));
    }
    // A kubelet's own has no address at all, and is told so above.
    let strange = addresses.iter().find(|host| host.parse::<std::net::IpAddr>().is_ok() && !own(host));
    strange
        .filter(|_| !names.addresses().is_empty())
        .map(|address| format!("it is not for {address}, the node's address"))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;
    use crate::forge;

    const FILE: &str = "var/lib/kubelet/pki/kubelet-server-2026-05-31-11-55-00.pem";
    const OWN: &str = "var/lib/kubelet/pki/kubelet.crt";

    fn with_own(sans: &str) -> Tree {
        let mut tree = Tree::worker();
        tree.remove("var/lib/kubelet/pki/kubelet-server-current.pem");
        tree.remove(FILE);
        let ca = forge::ca("cn=cp1.example.com-ca@1780000000 key=p256:own-ca");
        let leaf = ca.leaf(&format!("cn=cp1.example.com@1780000000 eku=server sans={sans} key=p256:own"));
        tree.file(OWN, 0o644, leaf.pem() + &ca.pem());
        tree
    }

    #[test]
    fn one_of_the_cluster_fits_the_node() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("K011"), [""; 0]);
        for (sans, finding) in [
            ("ip:10.0.0.10", None),
            (
                "dns:cp1.example.com",
                Some(
                    "medium: it is for no address, and the API server calls kubelets by their addresses first",
                ),
            ),
            ("dns:cp1.example.com,ip:10.0.0.11", Some("high: it is not for 10.0.0.10, the node's address")),
            ("dns:w9.example.com", Some("high: it is for no name or address of the node (cp1.example.com)")),
        ] {
            let words = format!("o=system:nodes cn=system:node:cp1.example.com eku=server sans={sans}");
            let leaf = tree.ca("ca").leaf(&words);
            tree.put(FILE, leaf, &words);
            let found: Vec<String> =
                tree.findings("K011").iter().map(|found| found.replace(&format!(" {FILE}:1"), "")).collect();
            assert_eq!(found, finding.into_iter().collect::<Vec<_>>(), "{sans}");
        }
        assert!(Tree::empty().not_applicable(&RULE));
    }

    #[test]
    fn a_kubelets_own_proves_nothing() {
        assert_eq!(
            with_own("dns:cp1.example.com").findings("K011"),
            [format!("medium {OWN}:1: it is signed by the kubelet itself, for cp1.example.com@1780000000")]
        );
        assert_eq!(
            with_own("dns:other.example.com").findings("K011"),
            [format!(
                "high {OWN}:1: it is signed by the kubelet itself, for cp1.example.com@1780000000, and it is for no name or address of the \
                 node (cp1.example.com)"
            )]
        );
    }

    #[test]
    fn what_is_shown_no_more_is_not_judged() {
        let mut tree = with_own("dns:cp1.example.com");
        let leaf = tree.ca("ca").leaf(
            "o=system:nodes cn=system:node:cp1.example.com eku=server sans=dns:cp1.example.com,ip:10.0.0.10",
        );
        tree.put("var/lib/kubelet/pki/kubelet-server-current.pem", leaf, "");
        assert_eq!(tree.findings("K011"), [""; 0]);
    }
}
