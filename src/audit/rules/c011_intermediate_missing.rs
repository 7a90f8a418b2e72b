//! C011: an intermediate that nobody brings along.

use std::collections::{HashMap, HashSet};

use super::super::{Answers, Cert, Holder, Scene, Target, What};
use super::distinct::{Certificates, Distinct, ca_of, named, path};
use super::remedy::{Cure, Reissue};
use super::{Check, Citation, Place, Role, Rule, Severity};
use crate::audit::evidence::Node;
use crate::manifest::Component;
use crate::x509::TbsCertificate;

/// No chain is longer.
const LONGEST_CHAIN: usize = 8;

pub(super) static RULE: Rule = Rule {
    id: "C011",
    name: "intermediate-missing",
    title: "An intermediate CA's certificate is neither served nor trusted",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 8446 section 4.4.2"),
        Citation::page("kubernetes/kubeadm#2360", "https://github.com/kubernetes/kubeadm/issues/2360"),
    ],
    explanation: "Between the certificate and what its peers trust stands an intermediate CA, whose certificate is on this node, but \
                  neither behind the leaf in the file that is shown nor in the file that is trusted. Components of \
                  Kubernetes fetch nothing, so they cannot build the chain.",
    fix: "Append the intermediate to FILE, behind the leaf: `cat INTERMEDIATE.crt >> FILE`; or put it into the peers' trust file.",
    applies_to: "certificates that somebody shows, below an intermediate CA",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let certificates = Certificates::of(node);
    let mut known: HashMap<Role, Trust<'_>> = HashMap::new();
    for served in served(node) {
        let Some(leaf) = served.first().copied() else { continue };
        let Some(issuer) = leaf.issuer_here() else { continue };
        // Under a root, nothing stands between.
        let is_root = issuer.is_self_signed() || issuer.index == leaf.index;
        let Some(role) = certificates.get(leaf).and_then(Distinct::role) else { continue };
        if is_root || leaf.is_ca() {
            continue;
        }
        let trust = known.entry(role).or_insert_with(|| {
            trust(node, &certificates, role).into_iter().map(|cert| holder(cert.tbs())).collect()
        });
        if trust.is_empty() {
            answers.skip(leaf, "what its peers trust was not given");
            continue;
        }
        answers.look();
        if let Some(last) = stops_at(&served, leaf, trust)
            && path(last).iter().any(|facts| trust.contains(&holder(&facts.certificate.tbs)))
        {
            let missing = named(&last.tbs().issuer);
            let place = last.issuer_here().map_or_else(String::new, |issuer| {
                format!("; its certificate stands in {}", issuer.file().shown)
            });
            let message =
                format!("{missing} is needed to verify it, and is neither served nor trusted{place}");
            let fact = answers.fail(Place::from(leaf), message);
            fact.fix(cure(leaf, last));
        }
    }
}

/// The intermediate is put behind what is shown, or the leaf is issued again with it.
fn cure(leaf: Cert<'_>, last: Cert<'_>) -> Cure {
    let alone =
        |ca: &Cert<'_>| ca.item().place.field.is_none() && ca.node.certs_in(ca.found().file).count() == 1;
    let issuer = last.issuer_here().filter(alone);
    match issuer.filter(|_| leaf.item().place.field.is_none() && !leaf.file().holds_private_key()) {
        Some(issuer) => Cure::words("Put the intermediate behind it, or into the file that its peers trust:")
            .append(issuer.found().file),
        None => Reissue::default().with_chain().into(),
    }
}

/// What components and kubeconfigs show: each leaf with what follows it.
fn served(node: &Node) -> Vec<Vec<Cert<'_>>> {
    let mut served = Vec::new();
    let mut seen = HashSet::new();
    for reference in node.references.iter().filter(|reference| reference.what == What::Certificate) {
        if let Target::File(file) = reference.target
            && seen.insert(file)
        {
            served.push(node.certs_in(file).filter(|cert| cert.item().place.field.is_none()).collect());
        }
    }
    for &file in &node.kubeconfigs {
        let mut fields: Vec<(&str, Vec<Cert<'_>>)> = Vec::new();
        for cert in node.certs_in(file) {
            let Some(field) = cert.item().place.field.as_deref() else { continue };
            if !field.ends_with(".client-certificate-data") {
                continue;
            }
            // Those of a field follow one another.
            match fields.last_mut() {
                Some((last, certs)) if *last == field => certs.push(cert),
                _ => fields.push((field, vec![cert])),
            }
        }
        served.extend(fields.into_iter().map(|(_, certs)| certs));
    }
    served
}

/// What the peers of a part trust: by the flag that says so, or else the CA of that part.
fn trust<'a>(node: &'a Node, certificates: &Certificates<'a>, role: Role) -> Vec<Cert<'a>> {
    use Component::{Apiserver, ControllerManager, Etcd};
    let (component, flag) = match role {
        Role::Apiserver => (ControllerManager, "root-ca-file"),
        Role::EtcdServer => (Apiserver, "etcd-cafile"),
        Role::EtcdPeer => (Etcd, "peer-trusted-ca-file"),
        Role::EtcdClient | Role::ApiserverEtcdClient => (Etcd, "trusted-ca-file"),
        Role::FrontProxyClient => (Apiserver, "requestheader-client-ca-file"),
        Role::KubeletServing => (Apiserver, "kubelet-certificate-authority"),
        Role::ApiserverKubeletClient => return certs_of_kubelet(node, certificates),
        _ => (Apiserver, "client-ca-file"),
    };
    let named: Vec<Cert<'a>> = node
        .references_of(Holder::Component(component), flag)
        .flat_map(|reference| node.referenced_certs(reference))
        .collect();
    if named.is_empty() { by_role(certificates, role) } else { named }
}

/// What the kubelet trusts of its clients.
fn certs_of_kubelet<'a>(node: &'a Node, certificates: &Certificates<'a>) -> Vec<Cert<'a>> {
    let named: Vec<Cert<'a>> = ["authentication.x509.clientCAFile", "client-ca-file"]
        .into_iter()
        .flat_map(|flag| node.references_of(Holder::KUBELET, flag))
        .flat_map(|reference| node.referenced_certs(reference))
        .collect();
    if named.is_empty() { by_role(certificates, Role::ApiserverKubeletClient) } else { named }
}

fn by_role<'a>(certificates: &Certificates<'a>, role: Role) -> Vec<Cert<'a>> {
    let ca = ca_of(role);
    ca.into_iter().flat_map(|ca| certificates.with_role(ca)).map(|one| one.cert).take(64).collect()
}

/// The certificate at which the chain of what is served stops; none where it comes to what is trusted.
fn stops_at<'a>(served: &[Cert<'a>], leaf: Cert<'a>, trust: &Trust<'_>) -> Option<Cert<'a>> {
    let mut current = leaf;
    for _ in 0..LONGEST_CHAIN {
        if current.is_self_signed() || trust.contains(&holder(current.tbs())) {
            return None;
        }
        // Who signed is known, so keys and names are compared and no signature is verified again.
        let issuer = current.issuer().map(holder);
        if issuer.as_ref().is_some_and(|issuer| trust.contains(issuer)) {
            return None;
        }
        let next =
            served.iter().find(|other| other.index != current.index && Some(holder(other.tbs())) == issuer);
        match next {
            Some(next) => current = *next,
            None => return Some(current),
        }
    }
    None
}

/// Names and keys that are trusted.
type Trust<'a> = HashSet<(&'a [u8], &'a [u8])>;

/// The name and the key of a certificate.
fn holder(tbs: &TbsCertificate) -> (&[u8], &[u8]) {
    (tbs.subject.der(), tbs.public_key.der())
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, kubeconfig_of};
    use super::*;

    const API: &str = "etc/kubernetes/pki/apiserver.crt";

    #[test]
    fn an_intermediate_must_be_served_or_trusted() {
        let mut tree = Tree::control_plane();
        assert!(tree.not_applicable(&RULE));
        let middle = tree.ca("ca").ca("cn=middle key=p256:middle");
        let leaf = middle.leaf("cn=kube-apiserver eku=server key=p256:apiserver");
        tree.file(&format!("{PKI}/middle.crt"), 0o644, middle.pem());
        tree.file(API, 0o644, leaf.pem());
        assert_eq!(
            tree.findings("C011"),
            [
                "high etc/kubernetes/pki/apiserver.crt:1: CN=middle is needed to verify it, and is neither served nor \
                 trusted; its certificate stands in etc/kubernetes/pki/middle.crt"
            ]
        );
        tree.file(API, 0o644, leaf.pem() + &middle.pem());
        assert_eq!(tree.findings("C011"), [""; 0]);
        assert!(!tree.not_applicable(&RULE));
        tree.file(API, 0o644, leaf.pem());
        tree.file(&format!("{PKI}/ca.crt"), 0o644, tree.ca("ca").pem() + &middle.pem());
        assert_eq!(tree.findings("C011"), [""; 0]);
    }

    #[test]
    fn a_kubeconfig_shows_its_client_certificate() {
        let mut tree = Tree::control_plane();
        let middle = tree.ca("ca").ca("cn=middle key=p256:middle");
        let admin = middle.leaf("cn=kubernetes-admin o=kubeadm:cluster-admins eku=client key=p256:admin");
        tree.file(&format!("{PKI}/middle.crt"), 0o644, middle.pem());
        let text = kubeconfig_of(tree.ca("ca"), &admin);
        tree.file("etc/kubernetes/admin.conf", 0o600, text);
        let found = tree.findings("C011");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("high etc/kubernetes/admin.conf:"), "{found:?}");
    }

    #[test]
    fn where_nothing_is_trusted_it_is_skipped() {
        let tree = Tree::control_plane();
        let middle = tree.ca("ca").ca("cn=middle key=p256:middle");
        let leaf = middle.leaf("cn=a eku=client key=p256:client");
        let mut alone = Tree::empty();
        alone.file("etc/kubernetes/pki/middle.crt", 0o644, middle.pem());
        alone.file(API, 0o644, leaf.pem());
        alone.file(
            "etc/kubernetes/manifests/kube-apiserver.yaml",
            0o600,
            tree.text("etc/kubernetes/manifests/kube-apiserver.yaml"),
        );
        assert_eq!(
            alone.skipped("C011"),
            ["etc/kubernetes/pki/apiserver.crt: what its peers trust was not given"]
        );
    }
}
