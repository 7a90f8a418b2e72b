//! K005: the API server's certificate is a server's.

use super::super::{Answers, Scene};
use super::apiserver::certificates;
use super::{Check, Citation, Rule, Severity};
use crate::x509::{ExtendedKeyUsage, Printable};

pub(super) static RULE: Rule = Rule {
    id: "K005",
    name: "apiserver-server-auth",
    title: "The API server's certificate is not for servers",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#all-certificates",
        ),
        Citation::rfc("RFC 5280 section 4.2.1.12"),
    ],
    explanation: "Every client refuses a server's certificate whose purposes are given and do not include serverAuth. Often a \
                  client's certificate was put into its place.",
    fix: "Issue it again as a server's: `kpki issue apiserver --san NAME --out FILE --force`, one `--san` for each name \
          that it has now, and restart the API server.",
    applies_to: "API servers' certificates",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for cert in certificates(scene.node) {
        answers.look();
        let purposes = cert.tbs().extensions.purposes();
        if purposes.is_empty() {
            // Nobody refuses it.
            answers
                .fail(cert, "it names no purpose, so that it is good for clients as well")
                .severity(Severity::Low);
        } else if !purposes.contains(&ExtendedKeyUsage::ServerAuth)
            && !purposes.contains(&ExtendedKeyUsage::Any)
        {
            let shown: Vec<String> = purposes.iter().take(8).map(ToString::to_string).collect();
            answers.fail(cert, format!("it is for {} only", Printable(&shown.join(", "))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn it_is_a_servers() {
        let mut tree = Tree::control_plane();
        for (purposes, findings) in [
            ("server", vec![]),
            ("server,client", vec![]),
            ("any", vec![]),
            ("client", vec!["high etc/kubernetes/pki/apiserver.crt:1: it is for clientAuth only"]),
            (
                "none",
                vec![
                    "low etc/kubernetes/pki/apiserver.crt:1: it names no purpose, so that it is good for clients as well",
                ],
            ),
        ] {
            tree.certificate(&format!("{PKI}/apiserver.crt"), &format!("eku={purposes}"));
            assert_eq!(tree.findings("K005"), findings, "{purposes}");
        }
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
