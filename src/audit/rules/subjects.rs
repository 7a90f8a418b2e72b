//! Who a certificate says its holder is, and who it should be by its profile. No rule of its own.

use std::collections::HashSet;
use std::sync::OnceLock;

use super::super::{Basis, Cert, Node, Role};
use super::distinct::{Certificates, Distinct, Use};
use crate::manifest::Component;
use crate::profile::{Catalogue, KubernetesVersion};
use crate::x509::{Name, Printable, PublicKey};

/// The certificates that play a part now, each once at the best place where it does: those whose files somebody names for it, or without such, those
/// that are there and not put aside.
pub(super) fn in_use(node: &Node, role: Role) -> Vec<Cert<'_>> {
    let certificates = Certificates::of(node);
    let used = || certificates.with_role(role).filter(|one| one.usage != Use::Old);
    let named =
        |one: &&Distinct<'_>| one.places().any(|cert| cert.found().roles.contains(&(role, Basis::Reference)));
    let all: Vec<Cert<'_>> = used().filter(named).map(|one| place_of(one, role)).collect();
    if all.is_empty() { used().map(|one| place_of(one, role)).collect() } else { all }
}

fn place_of<'a>(one: &Distinct<'a>, role: Role) -> Cert<'a> {
    one.places().find(|cert| cert.is(role)).unwrap_or(one.cert)
}

/// The group that no authorization stands in the way of.
pub(super) const MASTERS: &str = "system:masters";

/// What to give where a judgement depends on the version.
pub(super) const NO_VERSION: &str =
    "the version of Kubernetes is not known; give the manifests as well, or --kubernetes-version";

/// The subject of a role with a fixed name in a version of Kubernetes.
pub(super) fn expected(role: Role, version: &KubernetesVersion) -> Option<Name> {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    let catalogue = CATALOGUE.get_or_init(Catalogue::built_in);
    catalogue.find(role.name()).ok()?.subject_for(None, &[], version).ok()
}

/// The groups of a certificate's holder as they are shown: `O=a, O=b`, or `no O`; eight at most.
pub(super) fn groups(subject: &Name) -> String {
    let groups = subject.organizations();
    if groups.is_empty() {
        return "no O".to_owned();
    }
    let shown: Vec<String> = groups.iter().take(8).map(|group| format!("O={}", Printable(group))).collect();
    let more = if groups.len() > 8 { format!(" and {} more", groups.len() - 8) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// The common name as it is shown: `CN=a`, or `no CN`.
pub(super) fn common_name(subject: &Name) -> String {
    subject.common_name().map_or_else(|| "no CN".to_owned(), |name| format!("CN={}", Printable(name)))
}

/// Whether a subject is in a group.
pub(super) fn is_in(subject: &Name, group: &str) -> bool {
    subject.values(crate::x509::ORGANIZATION).any(|own| own == group)
}

/// The keys of the CAs whose clients the API server believes: those of `--client-ca-file`, or without a manifest those that are the
/// cluster's CA by their place.
pub(super) fn client_authorities(node: &Node) -> HashSet<&PublicKey> {
    let named = node.reference(Component::Apiserver, "client-ca-file");
    let named = named.map(|reference| node.referenced_certs(reference)).unwrap_or_default();
    let certs = if named.is_empty() {
        node.with_role(Role::KubernetesCa).filter(|cert| cert.found().usage != Use::Old).collect()
    } else {
        named
    };
    certs.into_iter().map(|cert| &cert.tbs().public_key).collect()
}

/// Whether the API server believes a certificate's holder: none where that cannot be told.
pub(super) fn is_believed(cert: Cert<'_>, authorities: &HashSet<&PublicKey>) -> Option<bool> {
    if cert.signers().iter().any(|signer| authorities.contains(&signer.public_key)) {
        return Some(true);
    }
    (!authorities.is_empty() && cert.issuer().is_some()).then_some(false)
}
