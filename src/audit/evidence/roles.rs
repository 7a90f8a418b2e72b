//! Which parts the certificates and keys of a node play: by who names their files, then by place, then by what they say.

use super::{Cert, FileKind, Node, Signing, Target, What, layouts};
use crate::audit::role::{Basis, Role};
use crate::inspect::{Content, Item, promised};
use crate::layout::Promise;
use crate::x509::{ExtendedKeyUsage, SubjectAltName, TbsCertificate};

/// No chain that is shown is longer.
const LONGEST_CHAIN: usize = 8;

/// Gives every certificate and key its roles.
pub(super) fn assign(node: &mut Node) {
    let places: Vec<Option<Role>> =
        node.certs().map(|cert| by_place(node, cert.found().file, cert.item())).collect();
    for (certificate, place) in node.certificates.iter_mut().zip(places) {
        certificate.place_role = place;
    }
    let mut roles: Vec<Vec<(Role, Basis)>> = node.certs().map(|cert| of_certificate(node, cert)).collect();
    let mut key_roles: Vec<Vec<(Role, Basis)>> = (0..node.keys.len()).map(|key| of_key(node, key)).collect();
    for (certificate, roles) in node.certificates.iter_mut().zip(roles.iter_mut()) {
        certificate.roles = std::mem::take(roles);
    }
    for (key, roles) in node.keys.iter_mut().zip(key_roles.iter_mut()) {
        key.roles = std::mem::take(roles);
    }
}

/// Gives those a role that are known by who signed them: the clients of the API server whose subject is nobody's in particular.
pub(in super::super) fn assign_users(node: &mut Node) {
    let is_user = |cert: Cert<'_>| {
        let client = cert.tbs().extensions.purposes().contains(&ExtendedKeyUsage::ClientAuth);
        let authority = match &cert.found().signing {
            Signing::By(super::Signer::Here(index)) => node
                .certificates
                .get(*index)
                .is_some_and(|found| found.roles.iter().any(|(role, _)| *role == Role::KubernetesCa)),
            _ => false,
        };
        cert.role().is_none() && cert.found().position == 0 && client && !cert.is_ca() && authority
    };
    let users: Vec<usize> = node.certs().filter(|cert| is_user(*cert)).map(|cert| cert.index).collect();
    for index in users {
        if let Some(found) = node.certificates.get_mut(index) {
            found.roles.push((Role::User, Basis::Content));
        }
    }
}

fn push(roles: &mut Vec<(Role, Basis)>, role: Role, basis: Basis) {
    if !roles.iter().any(|(known, _)| *known == role) {
        roles.push((role, basis));
    }
}

fn of_certificate(node: &Node, cert: Cert<'_>) -> Vec<(Role, Basis)> {
    let mut roles = Vec::new();
    let tbs = cert.tbs();
    let embedded = cert.item().place.field.is_some();
    // What stands behind a leaf is its chain, and what wrongly stands before it as well; several CAs in a file are CAs each.
    let chain = cert.found().position > 0;
    let head = is_head(node, cert);
    if !embedded {
        for reference in
            node.references.iter().filter(|reference| reference.target == Target::File(cert.found().file))
        {
            let Some(role) = reference.role else { continue };
            match reference.what {
                What::Certificate if head => push(&mut roles, role, Basis::Reference),
                // A flag makes no CA of a leaf (rule M003); an anchor that signed itself may have forgotten to say that it is one.
                What::Trust | What::SigningCertificate
                    if tbs.extensions.is_ca() || !chain && tbs.subject == tbs.issuer =>
                {
                    push(&mut roles, role, Basis::Reference);
                }
                _ => {}
            }
        }
    }
    if let Some(role) = cert.place_role()
        && if role.is_ca() { !chain || tbs.extensions.is_ca() } else { head }
    {
        push(&mut roles, role, Basis::Place);
    }
    if roles.is_empty()
        && head
        && let Some(role) = by_content(tbs)
    {
        push(&mut roles, role, Basis::Content);
    }
    // One that a component uses by its kubeconfig, and that does not say whose it is.
    if roles.is_empty() && embedded && head && is_user(cert) {
        let named = node.references.iter().filter(|reference| {
            reference.target == Target::File(cert.found().file) && reference.what == What::Kubeconfig
        });
        for role in named.filter_map(|reference| reference.role) {
            push(&mut roles, role, Basis::Reference);
        }
    }
    // A kubelet may show what it calls with.
    if let Some(twin) = roles.first().and_then(|(role, _)| twin(*role, tbs)) {
        push(&mut roles, twin, Basis::Content);
    }
    roles
}

/// Whether it is the client certificate of a kubeconfig's user.
fn is_user(cert: Cert<'_>) -> bool {
    cert.item().place.field.as_deref().is_some_and(|field| field.ends_with("client-certificate-data"))
}

/// The other part of a certificate that plays two, by what it says.
fn twin(role: Role, tbs: &TbsCertificate) -> Option<Role> {
    let purposes = tbs.extensions.purposes();
    let both =
        purposes.contains(&ExtendedKeyUsage::ServerAuth) && purposes.contains(&ExtendedKeyUsage::ClientAuth);
    match role {
        Role::KubeletServing if both && by_content(tbs) == Some(Role::KubeletClient) => {
            Some(Role::KubeletClient)
        }
        _ => None,
    }
}

/// Whether a certificate is the one that the file, or the field, is for: the first, or where a CA stands there (rule F018), the
/// first that is none.
fn is_head(node: &Node, cert: Cert<'_>) -> bool {
    let position = cert.found().position;
    if position > 0 && (cert.is_ca() || position >= LONGEST_CHAIN) {
        return false;
    }
    if position == 0 && !cert.is_ca() {
        return true;
    }
    // Those of one field stand together.
    let field = &cert.item().place.field;
    let first = cert.index.saturating_sub(position);
    let mut chain = (first..first + LONGEST_CHAIN)
        .map_while(|index| node.certificate(index))
        .take_while(|other| other.found().file == cert.found().file && other.item().place.field == *field);
    let leaf = chain.find(|other| !other.is_ca());
    leaf.map_or(position == 0, |leaf| leaf.index == cert.index)
}

fn of_key(node: &Node, index: usize) -> Vec<(Role, Basis)> {
    let mut roles = Vec::new();
    let Some(key) = node.keys.get(index) else { return roles };
    for reference in node.references.iter().filter(|reference| reference.target == Target::File(key.file)) {
        let Some(role) = reference.role else { continue };
        if matches!(
            reference.what,
            What::Key | What::SigningKey | What::TokenSigning | What::TokenVerification
        ) {
            push(&mut roles, role, Basis::Reference);
        }
    }
    let item = node.files.get(key.file).and_then(|file| file.items().get(key.item));
    if let Some(role) = item.and_then(|item| by_place(node, key.file, item)) {
        push(&mut roles, role, Basis::Place);
    }
    roles
}

/// What the place and name of a file promise for an item in it.
fn by_place(node: &Node, file: usize, item: &Item) -> Option<Role> {
    let file = node.files.get(file)?;
    if !matches!(file.kind, FileKind::Regular(_)) {
        return None;
    }
    let path = &file.on_node;
    if let Some(field) = &item.place.field {
        if file.kubeconfig().is_some() && field.contains("certificate-authority-data") {
            return matches!(item.content, Content::Certificate(_)).then_some(Role::KubernetesCa);
        }
        let own = field.ends_with("client-certificate-data") || field.ends_with("client-key-data");
        let named = own.then(|| layouts::of_kubeconfig(path)).flatten();
        return named.or_else(|| promised(path, item).and_then(|(name, _)| Role::by_name(name)));
    }
    let own = match &item.content {
        // What a private key's file holds beside it plays no part by that name.
        Content::Certificate(_) if file.promise() == Some(Promise::PrivateKey) => return None,
        Content::Certificate(facts) => by_content(&facts.certificate.tbs),
        _ => None,
    };
    if let Some(role) = layouts::of_file(path) {
        // A certificate beside the key for tokens is no key.
        let is_certificate = matches!(item.content, Content::Certificate(_));
        return (role != Role::ServiceAccount || !is_certificate).then_some(role);
    }
    let (name, weak) = promised(path, item)?;
    let role = Role::by_name(name)?;
    match (role, own) {
        // `ca` alone may be anybody's: there the content has the last word.
        (_, Some(own)) if weak && own.is_ca() => Some(own),
        // Elsewhere than in kubeadm's layout, whose files for it do not exist, these are the components as clients.
        (Role::SchedulerServing, Some(Role::Scheduler))
        | (Role::ControllerManagerServing, Some(Role::ControllerManager)) => own,
        _ => Some(role),
    }
}

/// What a certificate says it is, by names that only one role has. Names are kubeadm's, and those that the documents of etcd and
/// Kubernetes give (`kube-etcd`, `kubernetes-front-proxy-ca`).
pub(in super::super) fn by_content(tbs: &TbsCertificate) -> Option<Role> {
    let name = tbs.subject.common_name().unwrap_or_default();
    let purposes = tbs.extensions.purposes();
    // Without the extension it is for every purpose.
    let may_be = |purpose| purposes.is_empty() || purposes.contains(purpose);
    let client = may_be(&ExtendedKeyUsage::ClientAuth);
    let server = may_be(&ExtendedKeyUsage::ServerAuth);
    if tbs.extensions.is_ca() {
        return match name {
            "kubernetes" | "kubernetes-ca" => Some(Role::KubernetesCa),
            "etcd-ca" => Some(Role::EtcdCa),
            "front-proxy-ca" | "kubernetes-front-proxy-ca" => Some(Role::FrontProxyCa),
            _ => None,
        };
    }
    let role = match name {
        "kube-apiserver" if server => Role::Apiserver,
        "kube-apiserver-kubelet-client" if client => Role::ApiserverKubeletClient,
        "kube-apiserver-etcd-client" if client => Role::ApiserverEtcdClient,
        "kube-etcd-healthcheck-client" if client => Role::EtcdClient,
        "front-proxy-client" if client => Role::FrontProxyClient,
        "kube-etcd" if server => Role::EtcdServer,
        "kube-etcd-peer" if server || client => Role::EtcdPeer,
        "system:kube-controller-manager" if client => Role::ControllerManager,
        "system:kube-scheduler" if client => Role::Scheduler,
        "kubernetes-admin" if client => Role::Admin,
        "kubernetes-super-admin" if client => Role::SuperAdmin,
        _ if name.starts_with("system:node:") && client => Role::KubeletClient,
        _ if name.starts_with("system:node:") && server => Role::KubeletServing,
        _ if server && is_kubelets_own(tbs) => Role::KubeletServing,
        // k0s' own API is called by the same names.
        _ if server && name != "k0s-api" && is_for_service(tbs) => Role::Apiserver,
        _ => return None,
    };
    Some(role)
}

/// Whether it is for the name by which every pod calls the API server.
fn is_for_service(tbs: &TbsCertificate) -> bool {
    let is_it = |name: &SubjectAltName| matches!(name, SubjectAltName::Dns(name) if name.eq_ignore_ascii_case("kubernetes.default.svc"));
    tbs.extensions.names().iter().any(is_it)
}

/// Whether it is what a kubelet signs for itself: NODE@SECONDS, by NODE-ca@SECONDS.
pub(super) fn is_kubelets_own(tbs: &TbsCertificate) -> bool {
    let parts = |name: &str| {
        let (host, seconds) = name.rsplit_once('@')?;
        (!seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit())).then(|| host.to_owned())
    };
    let issuer = tbs.issuer.common_name().and_then(parts);
    let own = tbs.subject.common_name().and_then(parts);
    own.is_some_and(|own| issuer.is_some_and(|issuer| issuer == format!("{own}-ca")))
}
