//! What rules share that look at kubeconfigs.

use std::net::IpAddr;

use crate::audit::{Holder, Node, Place, Target};
use crate::inspect::{KubeCluster, Kubeconfig};
use crate::x509::SubjectAltName;

/// The kubeconfigs of a node, each with the number of its file.
pub(super) fn all(node: &Node) -> impl Iterator<Item = (usize, &Kubeconfig)> {
    node.kubeconfigs.iter().filter_map(|file| Some((*file, node.kubeconfig(*file)?)))
}

/// A line of a kubeconfig.
pub(super) fn line(file: usize, line: usize) -> Place {
    Place::line(file, u64::try_from(line).unwrap_or(0))
}

/// The host of a server's URL, in lower case and without brackets; none where there is none.
pub(super) fn host(server: &str) -> Option<String> {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    (!host.is_empty()).then_some(host)
}

/// Whether one of some names is that of a host, as Go's `VerifyHostname` decides.
pub(super) fn covers(names: &[SubjectAltName], host: &str) -> bool {
    if let Ok(wanted) = host.parse::<IpAddr>() {
        let is_it = |ip: &IpAddr| ip.to_canonical() == wanted.to_canonical();
        return names.iter().any(|name| matches!(name, SubjectAltName::Ip(ip) if is_it(ip)));
    }
    names.iter().any(|name| {
        let SubjectAltName::Dns(pattern) = name else { return false };
        match pattern.strip_prefix("*.") {
            Some(parent) => host
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent)),
            None => pattern.eq_ignore_ascii_case(host),
        }
    })
}

/// Whether a cluster of a kubeconfig is that of the node itself: the file is one of the node's own, or the server one of the names of
/// its API server. A person's kubeconfig may know many clusters.
pub(super) fn is_own_cluster(
    node: &Node,
    file: usize,
    cluster: &KubeCluster,
    names: &[SubjectAltName],
) -> bool {
    let is_systems = node.files.get(file).is_some_and(|file| {
        file.anchored
            && file.on_node.parent().is_some_and(|parent| parent.ends_with("etc/kubernetes"))
            && file.name().ends_with(".conf")
    });
    let is_named = || {
        let mut references =
            node.references.iter().filter(|reference| reference.holder != Holder::Kubeconfig);
        references.any(|reference| reference.target == Target::File(file))
    };
    is_systems
        || is_named()
        || cluster.server.as_deref().and_then(host).is_some_and(|host| covers(names, &host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_servers() {
        for (server, expected) in [
            ("https://10.0.0.10:6443", Some("10.0.0.10")),
            ("https://API.example.com./livez", Some("api.example.com")),
            ("https://[2001:db8::1]:6443", Some("2001:db8::1")),
            ("api:6443", Some("api")),
            ("https://user@api?x", Some("api")),
            ("https://", None),
            ("", None),
        ] {
            assert_eq!(host(server).as_deref(), expected, "{server}");
        }
    }

    #[test]
    fn names_cover_hosts_as_in_go() {
        let dns = |name: &str| SubjectAltName::Dns(name.to_owned());
        let names =
            [dns("api.example.com"), dns("*.apps.example.com"), SubjectAltName::Ip([192, 0, 2, 1].into())];
        for (host, expected) in [
            ("api.example.com", true),
            ("a.apps.example.com", true),
            ("a.b.apps.example.com", false),
            ("apps.example.com", false),
            ("192.0.2.1", true),
            ("::ffff:192.0.2.1", true),
            ("192.0.2.2", false),
        ] {
            assert_eq!(covers(&names, host), expected, "{host}");
        }
        assert!(!covers(&[dns("192.0.2.1")], "192.0.2.1"), "an address in the form of a name");
    }
}
