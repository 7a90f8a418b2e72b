//! What is known of the API server around its certificate: which one it shows, and by which names it is called. No rule of its own.

use std::net::IpAddr;

use super::super::{Cert, Node, Place, Role};
use super::names::Names;
use super::subjects::in_use;
use crate::manifest::{self, Component};
use crate::x509::SubjectAltName;

/// What its clients call the API server within the cluster, beside the name with the cluster's domain.
pub(super) const SERVICE: [&str; 3] = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];

/// The names of the certificate that the API server shows, and of those that it shows instead.
pub(super) fn names_with_sni(node: &Node, cert: Cert<'_>) -> Names {
    let mut names = sni_names(node);
    names.add(cert.tbs().extensions.names());
    names
}

/// The names of the certificates that the API server shows instead of its own where a client asks for them (`--tls-sni-cert-key`).
pub(super) fn sni_names(node: &Node) -> Names {
    let mut names = Names::default();
    let holder = super::super::Holder::Component(Component::Apiserver);
    for reference in node.references_of(holder, "tls-sni-cert-key") {
        for other in node.referenced_certs(reference).into_iter().take(1) {
            names.add(other.tbs().extensions.names());
        }
    }
    names
}

/// The certificates that the API server shows, each once.
pub(super) fn certificates(node: &Node) -> impl Iterator<Item = Cert<'_>> {
    in_use(node, Role::Apiserver).into_iter()
}

/// Whether a certificate has no name at all that a client compares: that is one mistake and not one for each name (K001 tells it).
pub(super) fn is_nameless(cert: Cert<'_>) -> bool {
    let names = cert.tbs().extensions.names();
    !names.iter().any(|name| matches!(name, SubjectAltName::Dns(_) | SubjectAltName::Ip(_)))
}

/// The domain of the cluster's services, where the kubelet's configuration or the issuer of tokens tells it.
pub(super) fn domain(node: &Node) -> Option<&str> {
    let of_kubelet = node.kubelet().and_then(|(_, kubelet)| kubelet.cluster_domain.as_deref());
    of_kubelet.map(|domain| domain.trim_end_matches('.')).or_else(|| {
        let issuers = node.flags(Component::Apiserver)?.value("service-account-issuer")?;
        issuers.strip_prefix("https://kubernetes.default.svc.")?.split(['/', ':']).next()
    })
}

/// The first address of each of the networks of services, those that the service `kubernetes` gets, with the place of the flag.
///
/// # Errors
/// Why they are not known.
pub(super) fn service_addresses(node: &Node) -> Result<(Place, Vec<IpAddr>), String> {
    const FLAG: &str = "service-cluster-ip-range";
    // The first flag that is there: both components are told the same.
    let flag = [Component::Apiserver, Component::ControllerManager]
        .into_iter()
        .find_map(|component| node.flag(component, FLAG));
    let Some((place, flag)) = flag else {
        return Err(match node.whole_launch(Component::Apiserver) {
            Some(launch) => format!("the API server's {} gives no --{FLAG}", launch.by.noun()),
            None => node.not_known(Component::Apiserver).1,
        });
    };
    let addresses = manifest::service_addresses(&flag.value).into_iter().collect::<Option<Vec<IpAddr>>>();
    Ok((place, addresses.ok_or("--service-cluster-ip-range cannot be read as a list of networks")?))
}

/// The address that the API server tells the cluster to reach it at, with the place of the flag: `--advertise-address`, or
/// `--bind-address` where that is one of its own.
pub(super) fn advertised(node: &Node) -> Option<(Place, IpAddr)> {
    ["advertise-address", "bind-address"].into_iter().find_map(|name| {
        let (place, flag) = node.flag(Component::Apiserver, name)?;
        let ip: IpAddr = flag.value.parse().ok()?;
        // Bound to the loopback address it tells another one.
        (!ip.is_unspecified() && (name != "bind-address" || !ip.is_loopback())).then_some((place, ip))
    })
}
