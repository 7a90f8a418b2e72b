//! Who answers: which node has which addresses, and which one is reached under a name.

use std::collections::HashMap;
use std::net::IpAddr;

use super::Known;
use super::files::Pair;
use super::node::{AccessRole, Node};
use crate::x509::{Printable, SubjectAltName};

/// What a URL dials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// The DNS name or the address.
    pub(super) name: SubjectAltName,
}

impl Host {
    /// Reads the host of a URL, as Go's clients read one.
    ///
    /// # Errors
    /// Why nothing is dialled with TLS by it.
    pub(super) fn of_url(url: &str) -> Result<Self, String> {
        // A URL may hold a password.
        let shown = url.rsplit_once('@').map_or(url, |(_, rest)| rest);
        let shown = Printable(shown);
        if url.is_empty() {
            return Err("no server is named".to_owned());
        }
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => rest,
            Some(_) => return Err(format!("{shown} is not spoken to with TLS")),
            None => url,
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, _)) => address,
            None => authority.split_once(':').map_or(authority, |(host, _)| host),
        };
        if host.is_empty() {
            return Err(format!("{shown} names no host"));
        }
        Ok(Self { name: name(host) })
    }

    fn address(&self) -> Option<IpAddr> {
        address(&self.name)
    }

    fn is_loopback(&self) -> bool {
        match &self.name {
            SubjectAltName::Ip(ip) => ip.is_loopback(),
            SubjectAltName::Dns(dns) => dns == "localhost",
            _ => false,
        }
    }
}

/// A host as a certificate would name it.
pub(super) fn name(host: &str) -> SubjectAltName {
    // An IPv6 zone means something on its own machine only, and certificates hold none.
    let address = host.split('%').next().unwrap_or(host);
    match address.parse::<IpAddr>() {
        Ok(ip) => SubjectAltName::Ip(ip.to_canonical()),
        Err(_) => SubjectAltName::Dns(host.trim_end_matches('.').to_ascii_lowercase()),
    }
}

fn address(name: &SubjectAltName) -> Option<IpAddr> {
    match name {
        SubjectAltName::Ip(ip) => Some(ip.to_canonical()),
        _ => None,
    }
}

/// A name as people write it, without its kind.
pub(super) fn bare(name: &SubjectAltName) -> String {
    match name {
        SubjectAltName::Ip(ip) => ip.to_string(),
        SubjectAltName::Dns(text) => Printable(text).to_string(),
        other => other.to_string(),
    }
}

/// What a node's addresses were taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The cluster's file.
    ClusterFile,
    /// Manifests, configurations and kubeconfigs.
    Configuration,
    /// Its certificates themselves.
    Certificates,
}

impl Origin {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::ClusterFile => "the cluster's file",
            Self::Configuration => "its manifests and kubeconfigs",
            Self::Certificates => "its certificates alone",
        }
    }
}

/// The addresses of one node: the one that it announces first.
#[derive(Debug, Clone, Default)]
pub(super) struct Addresses(Vec<(IpAddr, Option<Origin>)>);

impl Addresses {
    pub(super) fn first(&self) -> Option<(IpAddr, Origin)> {
        self.0.first().and_then(|(ip, origin)| Some((*ip, (*origin)?)))
    }

    fn contains(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|(own, _)| *own == ip)
    }

    fn add(&mut self, ip: IpAddr, origin: Origin) {
        let ip = ip.to_canonical();
        if !ip.is_loopback() && !ip.is_unspecified() && !self.contains(ip) {
            self.0.push((ip, Some(origin)));
        }
    }
}

/// The nodes that answer a name, and why it is these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answering {
    pub(super) nodes: Vec<usize>,
    pub(super) why: String,
}

/// The nodes with their addresses.
pub(super) struct Network<'a> {
    pub(super) nodes: &'a [Node],
    pub(super) known: Option<&'a Known>,
    addresses: Vec<Addresses>,
}

impl<'a> Network<'a> {
    pub(super) fn new(nodes: &'a [Node], known: Option<&'a Known>) -> Self {
        let addresses = addresses(nodes, known);
        Self { nodes, known, addresses }
    }

    pub(super) fn addresses(&self, node: usize) -> Addresses {
        self.addresses.get(node).cloned().unwrap_or_default()
    }

    /// The nodes of which something holds.
    pub(super) fn with(&self, wanted: impl Fn(&Node) -> bool) -> Vec<usize> {
        (0..).zip(self.nodes).filter(|(_, node)| wanted(node)).map(|(at, _)| at).collect()
    }

    /// The API servers that answer a host; `client` is the node that it is dialled on.
    pub(super) fn apiservers(
        &self,
        host: &Host,
        client: Option<usize>,
        role: AccessRole,
    ) -> Result<Answering, String> {
        let candidates = self.with(|node| node.apiserver.is_some());
        if candidates.is_empty() {
            return Err("the API servers' files are not here".to_owned());
        }
        let endpoint = self.known.and_then(|known| known.endpoint.as_ref()).map(|endpoint| name(endpoint));
        if endpoint.as_ref() == Some(&host.name) {
            return Ok(all(
                candidates,
                "it is the control-plane endpoint, behind which is every control plane",
            ));
        }
        // These are made to speak to the API server beside them.
        let is_local = matches!(
            role,
            AccessRole::ControllerManager | AccessRole::Scheduler | AccessRole::Kubelet | AccessRole::Proxy
        );
        let pair = |node: &Node| node.apiserver.as_ref().map(|apiserver| apiserver.serving.clone());
        self.answering(host, client, candidates, is_local, |node, name| {
            pair(node).is_some_and(|pair| holds(&pair, name))
        })
    }

    /// The members of etcd that answer a host.
    pub(super) fn members(&self, host: &Host, client: usize) -> Result<Answering, String> {
        let candidates = self.with(|node| node.etcd.is_some());
        if candidates.is_empty() {
            return Err("etcd's files are not here: it runs elsewhere".to_owned());
        }
        self.answering(host, Some(client), candidates, false, |node, name| {
            let pair = node.etcd.as_ref().and_then(|etcd| etcd.clients.pair.as_ref());
            pair.is_some_and(|pair| holds(pair, name))
        })
    }

    fn answering(
        &self,
        host: &Host,
        client: Option<usize>,
        candidates: Vec<usize>,
        is_local: bool,
        holds: impl Fn(&Node, &SubjectAltName) -> bool,
    ) -> Result<Answering, String> {
        let own = client.filter(|client| candidates.contains(client));
        if host.is_loopback() {
            return Ok(match own {
                Some(own) => all(vec![own], "it is on the same node"),
                None => all(candidates, "whatever listens there passes it on to any of them"),
            });
        }
        if let Some(node) = candidates.iter().find(|node| self.is_node(**node, host)) {
            return Ok(all(vec![*node], "it is that node's own"));
        }
        if let Some(node) = self.absent(host) {
            return Err(format!("{} is {}, whose files are not here", bare(&host.name), Printable(&node)));
        }
        if candidates.len() == 1 {
            return Ok(all(candidates, "there is no other one here"));
        }
        let holders =
            candidates.iter().filter(|node| self.node(**node).is_some_and(|node| holds(node, &host.name)));
        match (holders.count(), own) {
            (0, Some(own)) if is_local => Ok(all(vec![own], "it is on the same node")),
            (0, _) => Ok(all(candidates, "it is no single node's as far as is known here")),
            _ => Ok(all(candidates, "it is shared: any of them may be reached by it")),
        }
    }

    fn node(&self, at: usize) -> Option<&'a Node> {
        self.nodes.get(at)
    }

    /// Whether a host is that node alone.
    fn is_node(&self, at: usize, host: &Host) -> bool {
        match (host.address(), &host.name) {
            (Some(ip), _) => self.addresses.get(at).is_some_and(|addresses| addresses.contains(ip)),
            (None, SubjectAltName::Dns(dns)) => self.node(at).is_some_and(|node| {
                let own = node.kubelet.as_ref().and_then(|kubelet| kubelet.host_name.as_deref());
                let is = |name: &str| {
                    dns == name || dns.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
                };
                is(&node.name.to_ascii_lowercase()) || own.is_some_and(is)
            }),
            _ => false,
        }
    }

    /// The node without files here that a host is, as far as the cluster's file or a member of etcd names it.
    fn absent(&self, host: &Host) -> Option<String> {
        let present = |name: &str| self.nodes.iter().any(|node| node.present && node.name == name);
        let of_file = self.known.into_iter().flat_map(|known| &known.nodes).find(|node| {
            !present(&node.name)
                && (host.address().is_some_and(|ip| node.addresses.contains(&ip))
                    || host.name == SubjectAltName::Dns(node.name.clone()))
        });
        let of_file = of_file.map(|node| node.name.clone());
        of_file.or_else(|| {
            self.absent_members()
                .into_iter()
                .find_map(|(name, url)| (Host::of_url(&url).ok()?.name == host.name).then_some(name))
        })
    }

    /// The members that `--initial-cluster` names somewhere and that are not here, each with its URL.
    pub(super) fn absent_members(&self) -> Vec<(String, String)> {
        let members: Vec<_> = self.nodes.iter().filter_map(|node| node.etcd.as_ref()).collect();
        let mut absent: Vec<(String, String)> = Vec::new();
        for (name, url) in members.iter().flat_map(|etcd| &etcd.initial_cluster) {
            let known = members.iter().any(|etcd| etcd.name == *name);
            if !known && !absent.iter().any(|(other, _)| other == name) {
                absent.push((name.clone(), url.clone()));
            }
        }
        absent
    }
}

fn all(nodes: Vec<usize>, why: &str) -> Answering {
    Answering { nodes, why: why.to_owned() }
}

/// Whether a certificate holds a name; none is taken for one that does not.
fn holds(pair: &Pair, name: &SubjectAltName) -> bool {
    let names = pair.leaf().map(|leaf| leaf.certificate.tbs.extensions.names()).unwrap_or_default();
    names.iter().any(|held| match (held, name) {
        (SubjectAltName::Dns(pattern), SubjectAltName::Dns(dns)) => is_match(pattern, dns),
        (SubjectAltName::Ip(held), SubjectAltName::Ip(ip)) => held.to_canonical() == ip.to_canonical(),
        _ => false,
    })
}

/// Whether a name is the pattern, or has one label more where the pattern begins with `*.`.
pub(super) fn is_match(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_ascii_lowercase(), name.to_ascii_lowercase());
    match pattern.strip_prefix("*.") {
        Some(rest) => name.split_once('.').is_some_and(|(label, tail)| !label.is_empty() && tail == rest),
        None => name == pattern,
    }
}

/// The addresses of every node: those of the cluster's file where it has the node, or else what its own files say.
fn addresses(nodes: &[Node], known: Option<&Known>) -> Vec<Addresses> {
    let claims: Vec<Vec<IpAddr>> = nodes.iter().map(claimed).collect();
    let certified: Vec<Vec<IpAddr>> = nodes.iter().map(certified).collect();
    // What several claim is shared: an address of the service network, or of a load balancer.
    let (shared_claims, shared) = (shared(&claims), shared(&certified));
    let each = nodes.iter().zip(claims).zip(certified);
    each.map(|((node, claimed), certified)| {
        let mut own = Addresses::default();
        if let Some(known) = known.and_then(|known| known.nodes.iter().find(|known| known.name == node.name))
        {
            for ip in known.advertise.iter().chain(&known.addresses) {
                own.add(*ip, Origin::ClusterFile);
            }
            return own;
        }
        for ip in configured(node).into_iter().chain(claimed.into_iter().filter(|ip| !shared_claims(ip))) {
            own.add(ip, Origin::Configuration);
        }
        for ip in certified.into_iter().filter(|ip| !shared(ip)) {
            own.add(ip, Origin::Certificates);
        }
        if own.0.is_empty() {
            for ip in apiserver_addresses(node) {
                own.add(ip, Origin::Certificates);
            }
        }
        own
    })
    .collect()
}

/// Which addresses are in more than one list.
fn shared(lists: &[Vec<IpAddr>]) -> impl Fn(&IpAddr) -> bool + use<> {
    let mut seen: HashMap<IpAddr, (usize, bool)> = HashMap::new();
    for (list, addresses) in lists.iter().enumerate() {
        for ip in addresses {
            let entry = seen.entry(*ip).or_insert((list, false));
            entry.1 |= entry.0 != list;
        }
    }
    move |ip| seen.get(ip).is_some_and(|(_, shared)| *shared)
}

/// What flags say of the node's own addresses.
fn configured(node: &Node) -> Vec<IpAddr> {
    let mut found = Vec::new();
    found.extend(node.kubelet.as_ref().and_then(|kubelet| kubelet.address));
    found.extend(node.apiserver.as_ref().and_then(|apiserver| apiserver.advertise));
    let urls = node.etcd.iter().flat_map(|etcd| etcd.peers.urls.iter().chain(&etcd.clients.urls));
    found.extend(urls.filter_map(|url| Host::of_url(url).ok()?.address()));
    found
}

/// Where its controller manager and scheduler look for the API server beside them.
fn claimed(node: &Node) -> Vec<IpAddr> {
    let local = node
        .access
        .iter()
        .filter(|access| matches!(access.role, AccessRole::ControllerManager | AccessRole::Scheduler));
    let dialled = local.filter_map(|access| access.content.as_ref().ok());
    let addresses = dialled.filter_map(|dialling| Host::of_url(&dialling.server).ok()?.address());
    addresses.filter(|_| node.apiserver.is_some()).collect()
}

/// The addresses in its kubelet's and etcd's certificates, and of an API server those that are not the first.
fn certified(node: &Node) -> Vec<IpAddr> {
    let apiserver = node.apiserver.as_ref().map(|apiserver| std::ptr::from_ref(&*apiserver.serving));
    let others = node.certificates().filter(|pair| apiserver != Some(std::ptr::from_ref(*pair)));
    let mut found: Vec<IpAddr> = Vec::new();
    for ip in others.flat_map(addresses_of) {
        if !found.contains(&ip) {
            found.push(ip);
        }
    }
    found
}

/// The addresses in an API server's certificate, of which the first is the service's (kubeadm's order).
fn apiserver_addresses(node: &Node) -> Vec<IpAddr> {
    let held: Vec<IpAddr> =
        node.apiserver.iter().flat_map(|apiserver| addresses_of(&apiserver.serving)).collect();
    if held.len() > 1 { held.into_iter().skip(1).collect() } else { held }
}

fn addresses_of(pair: &Pair) -> impl Iterator<Item = IpAddr> {
    let names = pair.leaf().map(|leaf| leaf.certificate.tbs.extensions.names()).unwrap_or_default();
    names.iter().filter_map(address)
}
