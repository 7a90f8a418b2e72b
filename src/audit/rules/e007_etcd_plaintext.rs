//! E007: etcd speaks TLS, with certificates of a CA.

use super::super::{Answers, Scene};
use super::etcd::Etcd;
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "E007",
    name: "etcd-plaintext",
    title: "etcd speaks without TLS, or with certificates that it makes itself",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "CIS Kubernetes Benchmark 2.3 and 2.6",
            "https://www.cisecurity.org/benchmark/kubernetes",
        ),
        Citation::page("etcd: transport security model", "https://etcd.io/docs/v3.6/op-guide/security/"),
    ],
    explanation: "What goes to an http:// address can be read and changed on its way, and no certificate is asked for. With \
                  --auto-tls or --peer-auto-tls etcd signs its certificate itself, and nobody who calls can tell it from an \
                  impostor's.",
    fix: "Listen on https:// with a certificate of etcd's CA (`kpki issue etcd-server`, `kpki issue etcd-peer`), and take \
          --auto-tls and --peer-auto-tls away.",
    applies_to: "etcd",
    check: Check::Node(check),
};

/// The flags with addresses on which etcd listens.
const LISTEN: [&str; 4] =
    ["listen-client-urls", "listen-client-http-urls", "listen-peer-urls", "listen-metrics-urls"];

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let Some(etcd) = Etcd::of(scene, answers) else { return };
    answers.look();
    for (switch, file) in [("auto-tls", "cert-file"), ("peer-auto-tls", "peer-cert-file")] {
        // etcd takes the files where there are some (`ClientSelfCert` in its embed package).
        if etcd.is_on(switch) && etcd.value(file).is_none() {
            answers.fail(etcd.place(switch), format!("--{switch} is on: etcd signs its own certificate"));
        }
    }
    for flag in LISTEN {
        for url in etcd.urls(flag).iter().filter(|url| !url.tls && !url.host.is_loopback()) {
            let fact =
                answers.fail(etcd.place(flag), format!("--{flag} has {}, which is not encrypted", url.text));
            if flag == "listen-metrics-urls" {
                // Numbers and the health are to be read there, and nothing that is stored.
                fact.severity(Severity::Low);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    #[test]
    fn open_addresses_and_own_certificates_fire() {
        let manifest = "etc/kubernetes/manifests/etcd.yaml:15";
        for (flag, finding) in [
            ("--listen-metrics-urls=http://127.0.0.1:2381", None),
            ("--listen-client-urls=http://localhost:2379,https://10.0.0.10:2379", None),
            ("--auto-tls=true", None),
            (
                "--listen-client-urls=https://127.0.0.1:2379,http://10.0.0.10:2379",
                Some(format!(
                    "high {manifest}: --listen-client-urls has http://10.0.0.10:2379, which is not encrypted"
                )),
            ),
            (
                "--listen-peer-urls=http://0.0.0.0:2380",
                Some(format!(
                    "high {manifest}: --listen-peer-urls has http://0.0.0.0:2380, which is not encrypted"
                )),
            ),
            (
                "--listen-metrics-urls=http://0.0.0.0:2381",
                Some(format!(
                    "low {manifest}: --listen-metrics-urls has http://0.0.0.0:2381, which is not encrypted"
                )),
            ),
        ] {
            let mut tree = Tree::control_plane();
            tree.flag("etcd", flag);
            assert_eq!(tree.findings("E007"), finding.into_iter().collect::<Vec<_>>(), "{flag}");
        }
        let mut tree = Tree::control_plane();
        tree.flag("etcd", "--peer-auto-tls");
        tree.no_flag("etcd", "--peer-cert-file");
        assert_eq!(
            tree.findings("E007"),
            [format!("high {manifest}: --peer-auto-tls is on: etcd signs its own certificate")]
        );
    }

    #[test]
    fn without_a_manifest_it_is_skipped() {
        assert!(Tree::worker().not_applicable(&RULE));
        let mut tree = Tree::control_plane();
        tree.remove("etc/kubernetes/manifests/etcd.yaml");
        assert_eq!((tree.findings("E007"), tree.skipped("E007").len()), (vec![], 1));
    }
}
