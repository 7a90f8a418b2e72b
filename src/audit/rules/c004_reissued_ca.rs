//! C004: one CA with several certificates.

use std::collections::{HashMap, HashSet};

use time::Duration;

use super::super::{Answers, Cert, Scene};
use super::distinct::{Certificates, Distinct, Use};
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity, dates};

pub(super) static RULE: Rule = Rule {
    id: "C004",
    name: "reissued-ca",
    title: "Some files hold an older certificate of the same CA",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 6.1.1"),
        Citation::page(
            "cert-manager/cert-manager#2478",
            "https://github.com/cert-manager/cert-manager/issues/2478",
        ),
    ],
    explanation: "The CA was renewed with its old key, so both certificates verify the same leaves; but whoever still trusts the \
                  older one refuses them all from its end on, and that day comes as a surprise. Reported as high where it \
                  comes within a year.",
    fix: "Put the newer certificate into every file that trusts this CA; `kpki inspect FILE` shows which one stands there.",
    applies_to: "certificates of CAs",
    check: Check::Node(check),
};

/// Subject, issuer and key.
type Identity<'a> = (&'a [u8], &'a [u8], [u8; 32]);

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let certificates = Certificates::of(scene.node);
    let mut by_key: HashMap<Identity<'_>, Vec<&Distinct<'_>>> = HashMap::new();
    for one in certificates.all.iter().filter(|one| one.usage != Use::Old && one.cert.is_ca()) {
        let tbs = one.cert.tbs();
        // Another issuer's word for the same key is a cross-certificate, and no older one.
        by_key.entry((tbs.subject.der(), tbs.issuer.der(), one.cert.spki())).or_default().push(one);
    }
    for same in by_key.into_values() {
        answers.look();
        let end = |one: &Distinct<'_>| one.cert.tbs().validity.not_after;
        let Some(latest) = same.iter().copied().max_by_key(|one| end(one)) else { continue };
        let place = |cert: Cert<'_>| (cert.found().file, cert.item().place.field.clone());
        let of_latest: HashSet<_> = latest.places().map(place).collect();
        for older in same.iter().copied().filter(|one| end(one) < end(latest)) {
            let together = older.places().all(|cert| of_latest.contains(&place(cert)));
            let severity = if together || older.usage == Use::Loose {
                Severity::Low
            } else if end(older) - scene.policy.at <= Duration::days(365) {
                Severity::High
            } else {
                Severity::Medium
            };
            let message = format!(
                "it ends on {}, and the same CA has a certificate until {} in {}{}",
                dates::shown(end(older)),
                dates::shown(end(latest)),
                latest.cert.file().shown,
                older.elsewhere()
            );
            let fact = answers.fail(older, message);
            fact.severity(severity);
            if let Some(cure) = cure(latest, older) {
                fact.fix(cure);
            }
        }
    }
}

/// The newest goes where the older one stands: into files that hold nothing else, and into kubeconfigs.
fn cure(latest: &Distinct<'_>, older: &Distinct<'_>) -> Option<Cure> {
    let node = latest.cert.node;
    let alone =
        |cert: &Cert<'_>| cert.item().place.field.is_none() && node.certs_in(cert.found().file).count() == 1;
    let new = latest.places().find(alone)?;
    let mut cure = Cure::words("Put the newest where the older one stands:");
    let mut done = false;
    for place in older.places().filter(|place| place.found().file != new.found().file) {
        let file = place.found().file;
        if let (Some(kubeconfig), Some(field)) =
            (place.file().kubeconfig(), place.item().place.field.as_deref())
        {
            let cluster = kubeconfig
                .clusters
                .iter()
                .find(|cluster| field == format!("clusters[{}].certificate-authority-data", cluster.name))?;
            cure = cure.trust_in_kubeconfig(file, &cluster.name, new);
        } else if alone(&place) {
            cure = cure.put(new.found().file, Some(file));
        } else {
            cure = cure.without_block_at(place);
        }
        done = true;
    }
    done.then_some(cure)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, in_days};
    use super::*;

    #[test]
    fn who_trusts_the_older_one_is_told() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("C004"), [""; 0]);
        let (etcd, newer) = (format!("{PKI}/etcd/ca.crt"), tree.ca("etcd/ca").reissue("until=+19y"));
        tree.file(&format!("{PKI}/apiserver-etcd-ca.crt"), 0o644, newer.pem());
        tree.flag("kube-apiserver", "--etcd-cafile=/etc/kubernetes/pki/apiserver-etcd-ca.crt");
        let message = "etc/kubernetes/pki/etcd/ca.crt:1: it ends on 2035-05-30 12:00 UTC, and the same CA has a certificate \
                       until 2045-05-27 12:00 UTC in etc/kubernetes/pki/apiserver-etcd-ca.crt";
        assert_eq!(tree.findings("C004"), [format!("medium {message}")]);
        tree.policy.at = in_days(3000);
        assert_eq!(tree.findings("C004"), [format!("high {message}")]);
        tree.file(&etcd, 0o644, tree.ca("etcd/ca").pem() + &newer.pem());
        assert!(tree.findings("C004")[0].starts_with("low "));
        assert!(Tree::empty().not_applicable(&RULE));
    }

    #[test]
    fn a_cross_certificate_is_no_older_one() {
        let mut tree = Tree::worker();
        let cross = crate::forge::ca("cn=other").cross(tree.ca("ca"), "until=+30d");
        tree.file(&format!("{PKI}/cross.crt"), 0o644, cross.pem());
        assert_eq!(tree.findings("C004"), [""; 0]);
    }
}
