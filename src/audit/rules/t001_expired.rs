//! T001: a certificate that has expired.

use super::super::{Answers, Cert, Scene};
use super::distinct::{Certificates, Distinct, Use};
use super::remedy::{ASIDE, Cure, Reissue};
use super::{Check, Citation, Role, Rule, Severity, dates};
use crate::chain::normal_form;

pub(super) static RULE: Rule = Rule {
    id: "T001",
    name: "expired",
    title: "The certificate has expired",
    severity: Severity::Critical,
    citations: &[
        Citation::rfc("RFC 5280 section 4.1.2.5"),
        Citation::page(
            "kubeadm: certificate management",
            "https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-certs/",
        ),
        Citation::page("kubernetes/kubeadm#581", "https://github.com/kubernetes/kubeadm/issues/581"),
    ],
    explanation: "No component accepts a certificate after its end, and nothing warns before: the API server, kubelets and etcd \
                  refuse one another from that second on. An expired CA takes everything that it signed with it. A copy \
                  that was put aside, or that a kubelet has replaced, does no harm; one that nobody is known to use is \
                  reported as medium.",
    fix: "Renew it: `kubeadm certs renew all` on a control plane of kubeadm's.",
    applies_to: "certificates",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let at = scene.policy.at;
    for one in &Certificates::of(scene.node).all {
        let end = one.cert.tbs().validity.not_after;
        if end >= at {
            answers.look();
            continue;
        }
        let what = if one.is_superseded() {
            "it was replaced by a later one, and expired on"
        } else {
            "it expired on"
        };
        let (date, ago) = (dates::shown(end), dates::distance(end, at));
        let fact = answers.fail(one, format!("{what} {date}, {ago}{}", one.elsewhere()));
        fact.severity(severity(one));
        fact.fix(match one.usage {
            Use::Old => Cure::words("Nothing needs it any more:").aside().say(ASIDE),
            _ if one.is_authority()
                && one.places().all(|cert| successor(cert).is_some_and(is_namesake(one.cert))) =>
            {
                let first =
                    "Its successor stands beside it. Once nothing is in use that it has signed, take it out:";
                one.places().fold(Cure::words(first), Cure::without_block_at)
            }
            _ => Reissue::renewal().into(),
        });
    }
}

fn severity(one: &Distinct<'_>) -> Severity {
    match one.usage {
        Use::Old => Severity::Low,
        Use::Loose => Severity::Medium,
        Use::Used if one.is_authority() && one.places().all(|cert| successor(cert).is_some()) => {
            Severity::Low
        }
        Use::Used => match one.role() {
            // Nobody looks at the dates around the key that signs tokens.
            Some(Role::ServiceAccount) => Severity::Info,
            // A person's own, or what is kept for emergencies: the cluster itself goes on.
            Some(Role::User | Role::SuperAdmin) => Severity::High,
            // The chain behind a leaf may have another way up; C012 tells.
            None if one.cert.found().position > 0 => Severity::High,
            _ => Severity::Critical,
        },
    }
}

/// Another CA that ends later and stands beside one, in the same file or field: among the first, which is where people look too.
fn successor(cert: Cert<'_>) -> Option<Cert<'_>> {
    const FIRST: usize = 256;
    let field = cert.item().place.field.as_deref();
    cert.node.certs_in(cert.found().file).take(FIRST).find(|other| {
        other.item().place.field.as_deref() == field
            && other.is_ca()
            && other.tbs().validity.not_after > cert.tbs().validity.not_after
    })
}

/// Whether a CA is called as another one is.
fn is_namesake<'a>(cert: Cert<'a>) -> impl Fn(Cert<'a>) -> bool {
    let name = normal_form(&cert.tbs().subject);
    move |other| normal_form(&other.tbs().subject) == name
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, in_days};
    use super::*;
    use crate::forge;

    #[test]
    fn an_expired_leaf_is_an_outage() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("T001"), [""; 0]);
        tree.certificate(&format!("{PKI}/apiserver.crt"), "from=-400d until=-12d");
        assert_eq!(
            tree.findings("T001"),
            ["critical etc/kubernetes/pki/apiserver.crt:1: it expired on 2026-05-20 12:00 UTC, 12 days ago"]
        );
        let report = tree.report();
        let found = report.findings.iter().find(|finding| finding.rule.id == "T001").unwrap();
        assert!(
            found.fix().starts_with("Issue it again: `kpki issue apiserver --san dns:cp1.example.com"),
            "{}",
            found.fix()
        );
        assert!(found.fix().contains("`kubeadm certs renew apiserver`"), "{}", found.fix());
        assert!(Tree::empty().not_applicable(&RULE));
    }

    #[test]
    fn the_last_second_counts() {
        let mut tree = Tree::control_plane();
        tree.certificate(&format!("{PKI}/apiserver.crt"), "from=-400d until=+0s");
        assert_eq!(tree.findings("T001"), [""; 0]);
        tree.policy.at += time::Duration::SECOND;
        assert_eq!(
            tree.findings("T001"),
            [
                "critical etc/kubernetes/pki/apiserver.crt:1: it expired on 2026-06-01 12:00 UTC, less than a minute ago"
            ]
        );
    }

    #[test]
    fn a_ca_is_reported_once_for_all_of_its_places() {
        let mut tree = Tree::control_plane();
        tree.policy.at = in_days(4000);
        let found = tree.findings("T001");
        let cas: Vec<_> = found.iter().filter(|found| found.contains("/ca.crt")).collect();
        assert_eq!(
            cas,
            [
                "critical etc/kubernetes/pki/ca.crt:1: it expired on 2035-05-30 12:00 UTC, 715 days ago (it stands in 5 more places)",
                "critical etc/kubernetes/pki/etcd/ca.crt:1: it expired on 2035-05-30 12:00 UTC, 715 days ago"
            ]
        );
    }

    #[test]
    fn what_is_put_aside_or_unused_is_milder() {
        let mut tree = Tree::control_plane();
        for (path, cn) in [
            ("var/lib/kubelet/pki/kubelet-client-2025-01-01-00-00-00.pem", "system:node:cp1.example.com"),
            ("etc/kubernetes/pki.bak/apiserver.crt", "kube-apiserver"),
            ("etc/kubernetes/pki/somebody.crt", "somebody"),
        ] {
            tree.leaf(path, &format!("cn={cn} eku=client from=-400d until=-2d key=p256:{path}"));
        }
        tree.kubeconfig(
            "etc/kubernetes/super-admin.conf",
            "o=system:masters cn=a eku=client from=-400d until=-2d",
        );
        assert_eq!(
            tree.findings("T001"),
            [
                "high etc/kubernetes/super-admin.conf:17: it expired on 2026-05-30 12:00 UTC, 2 days ago",
                "medium etc/kubernetes/pki/somebody.crt:1: it expired on 2026-05-30 12:00 UTC, 2 days ago",
                "low etc/kubernetes/pki.bak/apiserver.crt:1: it expired on 2026-05-30 12:00 UTC, 2 days ago",
                "low var/lib/kubelet/pki/kubelet-client-2025-01-01-00-00-00.pem:1: it was replaced by a later one, and \
                 expired on 2026-05-30 12:00 UTC, 2 days ago",
            ]
        );
    }

    #[test]
    fn an_old_ca_beside_its_successor_is_low() {
        let mut tree = Tree::worker();
        let old = forge::ca("cn=kubernetes from=-4000d until=-1d key=p256:old");
        let both = tree.ca("ca").pem() + &old.pem();
        tree.file(&format!("{PKI}/ca.crt"), 0o644, both);
        assert_eq!(
            tree.findings("T001"),
            ["low etc/kubernetes/pki/ca.crt:12: it expired on 2026-05-31 12:00 UTC, 24 hours ago"]
        );
    }
}
