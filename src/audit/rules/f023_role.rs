//! F023: a certificate in the place of another.

use std::collections::HashMap;

use super::files::{left_over, subject};
use super::remedy::{Cure, Reissue, authority_back};
use super::{Check, Citation, Rule, Severity};
use crate::audit::evidence::role_by_content;
use crate::audit::{Answers, Cert, Node, Role, Scene};
use crate::x509::ExtendedKeyUsage;

pub(super) static RULE: Rule = Rule {
    id: "F023",
    name: "role",
    title: "A file's name says one role, and what is in it another",
    severity: Severity::Medium,
    citations: &[Citation::page(
        "Kubernetes: PKI certificates and requirements, all certificates",
        "https://kubernetes.io/docs/setup/best-practices/certificates/#all-certificates",
    )],
    explanation: "Files are copied and renamed by hand, and two that were swapped look right in a listing. The component that is given the wrong one \
                  starts, and is refused by those that it talks to.",
    fix: "See with `kpki inspect FILE` whose it is and put the right one in its place; `kpki issue PROFILE` writes a new one of the \
          role.",
    applies_to: "certificates whose place tells their role",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let places = places(node);
    for cert in node.certs().filter(|cert| cert.item().place.field.is_none()) {
        let Some(role) = placed(cert) else { continue };
        if left_over(node, cert.file()).is_some() {
            continue;
        }
        answers.look();
        if let Some(why) = conflict(cert, role) {
            let mut message = format!("it lies in the place of {role}, and {why} ({})", subject(cert));
            if let Some(other) = swapped_with(&places, cert, role) {
                message = format!("{message}; {} holds the other: the two were swapped", other.file().shown);
            }
            let is_swapped = swapped_with(&places, cert, role).is_some();
            let cure = cure(&places, cert, role);
            let fact = answers.fail(cert.place(), message);
            // Two parts fail at once, or whoever trusts that CA trusts nobody now.
            if is_swapped || role.is_ca() && cert.is_plainly_a_leaf() {
                fact.severity(Severity::Critical);
            }
            if let Some(cure) = cure {
                fact.fix(cure);
            }
        }
    }
}

/// Whether a certificate lies in the place of another.
pub(super) fn is_misplaced(cert: Cert<'_>) -> bool {
    cert.item().place.field.is_none() && placed(cert).is_some_and(|role| conflict(cert, role).is_some())
}

/// What is to be done about a certificate that lies in the place of another; none where it lies where it belongs.
pub(super) fn of_misplaced(cert: Cert<'_>) -> Option<Cure> {
    let role = placed(cert)?;
    conflict(cert, role)?;
    cure(&places(cert.node), cert, role)
}

/// The certificates of the places of roles.
fn places(node: &Node) -> HashMap<Role, Vec<Cert<'_>>> {
    let mut places: HashMap<Role, Vec<Cert<'_>>> = HashMap::new();
    for cert in node.certs().filter(|cert| cert.item().place.field.is_none()) {
        let Some(role) = placed(cert) else { continue };
        let known = places.entry(role).or_default();
        // A few tell enough.
        if known.len() < 20 {
            known.push(cert);
        }
    }
    places
}

fn cure(places: &HashMap<Role, Vec<Cert<'_>>>, cert: Cert<'_>, role: Role) -> Option<Cure> {
    if let Some(other) = swapped_with(places, cert, role) {
        Some(exchanged(cert, other))
    } else if role.is_ca() {
        cert.is_plainly_a_leaf().then(|| authority_back(cert.node, cert.found().file))
    } else {
        let first = "See with `kpki inspect FILE` whose it is, and put it where that belongs; then make the right one:";
        Some(Cure::words(first).reissue(Reissue::afresh(role).of(cert)))
    }
}

/// Two certificates, and the keys beside them, are given each other's place.
fn exchanged(one: Cert<'_>, other: Cert<'_>) -> Cure {
    let (one, other) = if one.index <= other.index { (one, other) } else { (other, one) };
    // Keys that lie where they belong stay there.
    let key = |cert: Cert<'_>| {
        let (beside, _) = cert.node.key_file_beside(cert.file())?;
        cert.private_keys().iter().any(|key| key.file == beside).then_some(beside)
    };
    let keys = key(one).zip(key(other));
    Cure::words("Give each its own place, with its key:")
        .exchange([(one.found().file, other.found().file)].into_iter().chain(keys))
}

/// Why what a certificate says does not fit a role.
fn conflict(cert: Cert<'_>, role: Role) -> Option<String> {
    let content = role_by_content(cert.tbs());
    match (role.is_ca(), cert.is_ca()) {
        (true, false) => return Some("it is no CA".to_owned()),
        // One that stands before the leaf is in the wrong order (F018).
        (false, true) if leads_a_chain(cert) => return None,
        (false, true) => return Some("it is a CA".to_owned()),
        _ => {}
    }
    // One CA for two parts is C013's, C014's and M008's.
    if cert.is_ca() && content.is_some_and(|content| plays(cert, content)) {
        return None;
    }
    if let Some(content) = content.filter(|content| !is_near(role, *content)) {
        return Some(format!("it is a certificate of {content}"));
    }
    if cert.is_ca() {
        return None;
    }
    // One half of the usages and not the other: it was issued for the other half. Where both are missing, P017 tells.
    let purposes = cert.tbs().extensions.purposes();
    let has =
        |purpose: &ExtendedKeyUsage| purposes.contains(purpose) || purposes.contains(&ExtendedKeyUsage::Any);
    let (server, client) = (has(&ExtendedKeyUsage::ServerAuth), has(&ExtendedKeyUsage::ClientAuth));
    match (role.is_server(), role.is_client()) {
        (true, _) if !server && client => Some("it is for clients".to_owned()),
        (false, true) if server && !client => Some("it is for servers".to_owned()),
        _ => None,
    }
}

/// Whether the same certificate plays a part in another place.
fn plays(cert: Cert<'_>, role: Role) -> bool {
    cert.node.certs_with_key(&cert.spki()).take(64).any(|other| {
        other.found().file != cert.found().file && other.item().place.field.is_none() && other.is(role)
    })
}

/// Whether a leaf follows in its file.
fn leads_a_chain(cert: Cert<'_>) -> bool {
    cert.node.certs_in(cert.found().file).take(8).any(|other| !other.is_ca())
}

/// Whether two roles are one to those who share certificates between them, or are named alike in the documents.
fn is_near(placed: Role, content: Role) -> bool {
    const ETCD: [Role; 4] = [Role::EtcdServer, Role::EtcdPeer, Role::EtcdClient, Role::ApiserverEtcdClient];
    let of_etcd = |role: Role| ETCD.contains(&role);
    let admin = |role: Role| matches!(role, Role::Admin | Role::SuperAdmin);
    placed == content
        // An etcd with one certificate for all, or the names of the documents (`kube-etcd`) in kubeadm's places.
        || of_etcd(placed) && matches!(content, Role::EtcdServer | Role::EtcdPeer)
        || admin(placed) && admin(content)
        // A kubelet may show what it calls with.
        || placed == Role::KubeletServing && content == Role::KubeletClient
        // Who serves under the name of the service `kubernetes` may serve something else as well.
        || placed.is_server() && content == Role::Apiserver
}

/// The role of a certificate's place. What stands behind a leaf is its chain.
fn placed(cert: Cert<'_>) -> Option<Role> {
    let role = cert.place_role()?;
    (cert.found().position == 0 || role.is_ca() && cert.is_ca()).then_some(role)
}

/// The certificate in the place of the role that this one has, if it has the role of this one's place.
fn swapped_with<'a>(places: &HashMap<Role, Vec<Cert<'a>>>, cert: Cert<'_>, role: Role) -> Option<Cert<'a>> {
    let own = role_by_content(cert.tbs())?;
    let others = places.get(&own)?.iter().copied();
    others.filter(|other| other.index != cert.index).find(|other| role_by_content(other.tbs()) == Some(role))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn what_kubeadm_writes_is_silent() {
        assert_eq!(Tree::control_plane().findings("F023"), [""; 0]);
        assert_eq!(Tree::worker().findings("F023"), [""; 0]);
    }

    #[test]
    fn a_certificate_in_another_s_place_fires() {
        for (file, words, message) in [
            (
                "apiserver",
                "cn=kube-apiserver ca=true ku=keyCertSign",
                "apiserver, and it is a CA (CN=kube-apiserver)",
            ),
            ("etcd/server", "eku=client", "etcd-server, and it is for clients (CN=cp1.example.com)"),
            (
                "front-proxy-client",
                "eku=server",
                "front-proxy-client, and it is for servers (CN=front-proxy-client)",
            ),
            (
                "apiserver",
                "cn=front-proxy-client eku=client",
                "apiserver, and it is a certificate of front-proxy-client (CN=front-proxy-client)",
            ),
        ] {
            let mut tree = Tree::control_plane();
            tree.certificate(&format!("{PKI}/{file}.crt"), words);
            assert_eq!(
                tree.findings("F023"),
                [format!("medium etc/kubernetes/pki/{file}.crt:1: it lies in the place of {message}")]
            );
        }
        let mut tree = Tree::control_plane();
        let leaf = tree.of(&format!("{PKI}/apiserver.crt"));
        tree.file(&format!("{PKI}/ca.crt"), 0o644, leaf.pem());
        assert_eq!(
            tree.findings("F023"),
            [
                "critical etc/kubernetes/pki/ca.crt:1: it lies in the place of kubernetes-ca, and it is no CA (CN=kube-apiserver)"
            ]
        );
    }

    #[test]
    fn swapped_files_are_told_as_such() {
        let mut tree = Tree::control_plane();
        let [one, other] =
            ["apiserver-kubelet-client", "apiserver-etcd-client"].map(|base| format!("{PKI}/{base}.crt"));
        let (first, second) = (tree.text(&one), tree.text(&other));
        tree.file(&one, 0o644, second);
        tree.file(&other, 0o644, first);
        assert_eq!(
            tree.findings("F023"),
            [
                "critical etc/kubernetes/pki/apiserver-etcd-client.crt:1: it lies in the place of apiserver-etcd-client, and it is a \
                 certificate of apiserver-kubelet-client (CN=kube-apiserver-kubelet-client); \
                 etc/kubernetes/pki/apiserver-kubelet-client.crt holds the other: the two were swapped",
                "critical etc/kubernetes/pki/apiserver-kubelet-client.crt:1: it lies in the place of apiserver-kubelet-client, and it is a \
                 certificate of apiserver-etcd-client (CN=kube-apiserver-etcd-client); \
                 etc/kubernetes/pki/apiserver-etcd-client.crt holds the other: the two were swapped",
            ]
        );
    }

    #[test]
    fn names_that_promise_nothing_are_not_its_matter() {
        let mut tree = Tree::empty();
        tree.file("web.crt", 0o644, Tree::control_plane().ca("ca").pem());
        assert!(tree.not_applicable(&RULE));
    }
}
