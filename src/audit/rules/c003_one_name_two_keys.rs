//! C003: two CAs of one name.

use std::collections::{HashMap, HashSet};

use super::super::{Answers, Cert, NodeKind, Scene, Signing};
use super::distinct::{Certificates, Distinct, Use, named};
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity, dates};

pub(super) static RULE: Rule = Rule {
    id: "C003",
    name: "one-name-two-keys",
    title: "Two CAs have one name and different keys",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 4.1.2.6"),
        Citation::page(
            "Kubernetes: manual rotation of CA certificates",
            "https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/",
        ),
    ],
    explanation: "Half of the node trusts one, half the other: a CA was made anew, and its certificate did not reach every file. \
                  While a CA is rotated both stand together in one file, or one has certified the other; neither is so \
                  here. In files for different parts it is no error, but errors that name the CA then name both.",
    fix: "Find out which one signed what is in use, `kpki verify CERT --ca FILE`, and put that one into every file; while a \
          rotation is under way, put both into each.",
    applies_to: "files with certificates of CAs",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let certificates = Certificates::of(scene.node);
    let mut by_name: HashMap<&[u8], Vec<(&Distinct<'_>, Cert<'_>)>> = HashMap::new();
    for one in certificates.all.iter().filter(|one| one.usage != Use::Old) {
        // What a kubeconfig trusts may be another cluster's; M014 holds it against the API server.
        let in_file = one.places().find(|cert| cert.item().place.field.is_none());
        let Some(cert) = in_file.filter(|cert| cert.is_ca()) else { continue };
        by_name.entry(cert.tbs().subject.der()).or_default().push((one, cert));
    }
    for cas in by_name.into_values() {
        let Some(((first, first_cert), others)) = cas.split_first() else { continue };
        answers.look();
        // The link from an old key to a new one of the same name marks a rotation.
        if cas.iter().any(|(_, cert)| is_link(*cert)) {
            continue;
        }
        let place = |cert: Cert<'_>| (cert.found().file, cert.item().place.field.clone());
        let of_first: HashSet<_> = first.places().map(place).collect();
        for (other, cert) in others {
            let same_key = cert.spki() == first_cert.spki();
            let together = other.places().any(|cert| of_first.contains(&place(cert)));
            if same_key || together {
                continue;
            }
            let message = format!(
                "{} is the name of another CA as well, in {}, with another key: that one began on {}, this one on {}",
                named(&cert.tbs().subject),
                first_cert.file().shown,
                dates::shown(first_cert.tbs().validity.not_before),
                dates::shown(cert.tbs().validity.not_before)
            );
            let one_part = first.roles.iter().any(|role| other.roles.contains(role));
            let both_used = first.usage == Use::Used && other.usage == Use::Used;
            let fact = answers.fail(*cert, message);
            fact.fix(cure(&certificates, *first_cert, *cert));
            if !one_part || !both_used || scene.node.kind == NodeKind::Unknown {
                fact.severity(Severity::Medium);
            }
        }
    }
}

/// The one that has signed what is here goes into the file of the other.
fn cure(certificates: &Certificates<'_>, one: Cert<'_>, other: Cert<'_>) -> Cure {
    let signs = |ca: Cert<'_>| {
        let by = |leaf: &&Distinct<'_>| {
            leaf.usage != Use::Old
                && leaf.cert.index != ca.index
                && leaf
                    .cert
                    .issuer_here()
                    .is_some_and(|issuer| issuer.spki() == ca.spki() && issuer.index != leaf.cert.index)
        };
        certificates.all.iter().filter(by).count()
    };
    let alone = |ca: Cert<'_>| ca.node.certs_in(ca.found().file).count() == 1;
    let (right, wrong) = match (signs(one), signs(other)) {
        (1.., 0) => (one, other),
        (0, 1..) => (other, one),
        _ => {
            return "Find out which of the two signed what is in use, `kpki verify CERT --ca FILE`, and put that one into every file; while a \
                    rotation is under way, put both into each."
                .into();
        }
    };
    if !alone(right) || !alone(wrong) {
        return format!(
            "Nothing here is signed by the one in {}: put the other, of {}, in its place.",
            wrong.file().shown,
            right.file().shown
        )
        .into();
    }
    let key = |ca: Cert<'_>| ca.node.key_file_beside(ca.file()).map(|(key, _)| key);
    let mut cure = Cure::words(format!(
        "Nothing here is signed by the one in {}: put the other in its place, unless a rotation has just begun:",
        wrong.file().shown
    ))
    .put(right.found().file, Some(wrong.found().file));
    if let (Some(from), Some(to)) = (key(right), key(wrong)) {
        cure = cure.put(from, Some(to));
    }
    cure
}

/// Whether it leads from an old key to a new one of the same name.
fn is_link(cert: Cert<'_>) -> bool {
    cert.tbs().is_self_issued() && matches!(cert.found().signing, Signing::By(_))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn a_name_with_two_keys_fires() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("C003"), [""; 0]);
        let new = tree.ca("ca").rekey("from=-1d");
        // The controller manager signs with one, and the API server trusts the other.
        tree.file(&format!("{PKI}/signing.crt"), 0o644, new.pem());
        let message = "etc/kubernetes/pki/signing.crt:1: CN=kubernetes is the name of another CA as well, in \
                       etc/kubernetes/pki/ca.crt, with another key: that one began on 2025-06-01 12:00 UTC, this one on \
                       2026-05-31 12:00 UTC";
        tree.flag("kube-controller-manager", "--cluster-signing-cert-file=/etc/kubernetes/pki/signing.crt");
        assert_eq!(tree.findings("C003"), [format!("high {message}")]);
        tree.flag("kube-controller-manager", "--cluster-signing-cert-file=/etc/kubernetes/pki/ca.crt");
        assert_eq!(
            tree.findings("C003"),
            [format!("high {message}")],
            "its name alone makes it a Kubernetes CA"
        );
    }

    #[test]
    fn a_rotation_is_no_error() {
        let mut tree = Tree::control_plane();
        let new = tree.ca("ca").rekey("");
        tree.file(&format!("{PKI}/ca.crt"), 0o644, tree.ca("ca").pem() + &new.pem());
        assert_eq!(tree.findings("C003"), [""; 0]);
        let mut tree = Tree::control_plane();
        let link = tree.ca("ca").cross(&new, "");
        tree.file(&format!("{PKI}/new.crt"), 0o644, new.pem());
        assert_eq!(tree.findings("C003").len(), 1);
        tree.file(&format!("{PKI}/link.crt"), 0o644, link.pem());
        assert_eq!(tree.findings("C003"), [""; 0]);
    }

    #[test]
    fn one_name_for_two_parts_is_milder() {
        let mut tree = Tree::control_plane();
        let same = tree.ca("etcd/ca").rekey("cn=kubernetes");
        tree.file(&format!("{PKI}/etcd/ca.crt"), 0o644, same.pem());
        let found = tree.findings("C003");
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("medium etc/kubernetes/pki/etcd/ca.crt:1: CN=kubernetes is"),
            "{found:?}"
        );
        assert!(Tree::empty().not_applicable(&RULE));
    }
}
