//! What the rules of etcd share: how it runs on a node, and the addresses in its flags.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use super::super::{Answers, Cert, Node, Place, Reference, Role, Scene};
use super::launches::whole;
use super::names::{Names, host_of};
use super::references::certificates;
use super::remedy::name_of;
use crate::inspect::without_user;
use crate::manifest::{By, Component, Launch};
use crate::x509::{ExtendedKeyUsage, Printable, SubjectAltName, TbsCertificate, sha256};

/// etcd as a node runs it.
#[derive(Clone, Copy)]
pub(super) struct Etcd<'a> {
    pub(super) node: &'a Node,
    launch: &'a Launch,
}

impl<'a> Etcd<'a> {
    /// etcd of a node. Where the node has its certificates and nothing says how it runs, that is skipped.
    pub(super) fn of(scene: &Scene<'a>, answers: &mut Answers) -> Option<Self> {
        let node = scene.node;
        if let Some(launch) = whole(node, Component::Etcd, answers) {
            return Some(Self { node, launch });
        }
        if node.launch(Component::Etcd).is_none()
            && let Some(own) = node.certs().find(|cert| cert.is(Role::EtcdServer) || cert.is(Role::EtcdPeer))
        {
            answers.skip(own, node.not_known(Component::Etcd).1);
        }
        None
    }

    /// Whether it runs as a static pod, as in kubeadm's layout.
    pub(super) fn is_pod(&self) -> bool {
        self.launch.by == By::Pod
    }

    /// The value of a flag, unless it is empty.
    pub(super) fn value(&self, name: &str) -> Option<&'a str> {
        self.launch.flags.value(name)
    }

    /// Whether a switch is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.launch.flags.switch(name) == Some(true)
    }

    /// Where a flag stands; the file as a whole where it is not given.
    pub(super) fn place(&self, name: &str) -> Place {
        self.launch
            .flags
            .last(name)
            .map_or_else(|| Place::file(self.launch.file), |flag| Place::line(flag.file, flag.line))
    }

    /// The addresses of a flag.
    pub(super) fn urls(&self, name: &str) -> Vec<Url> {
        self.launch.flags.list(name).into_iter().filter_map(Url::read).collect()
    }

    /// Whether certificates of clients (or of peers) are asked for and verified: with the file of CAs alone as well
    /// (`ServerConfig` in etcd's client/pkg/transport/listener.go).
    pub(super) fn verifies(&self, side: Side) -> bool {
        self.is_on(side.cert_auth()) || self.value(side.trusted_ca()).is_some()
    }

    /// Who names the file of a flag.
    pub(super) fn reference(&self, flag: &str) -> Option<&'a Reference> {
        self.node.reference(Component::Etcd, flag)
    }

    /// The certificate of a flag. Where the flag is given and its file was not read, that is skipped.
    pub(super) fn certificate(&self, flag: &str, answers: &mut Answers) -> Option<Cert<'a>> {
        certificates(self.node, self.reference(flag)?, answers)?.into_iter().next()
    }

    /// The certificates of a flag that names CAs.
    pub(super) fn authorities(&self, flag: &str) -> Vec<Cert<'a>> {
        self.reference(flag).map(|reference| self.node.referenced_certs(reference)).unwrap_or_default()
    }

    /// The numbers of its version, by its image: 3, 6 and 8 of `etcd:3.6.8-0`.
    pub(super) fn version(&self) -> Option<(u32, u32, u32)> {
        let image = self.launch.image.as_deref()?.split('@').next()?;
        let (_, tag) = image.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))?;
        let mut numbers = tag.trim_start_matches('v').splitn(3, '.').map(|part| {
            let digits = part.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
            digits.parse::<u32>().ok()
        });
        Some((numbers.next()??, numbers.next()??, numbers.next()??))
    }
}

/// For whom etcd listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Clients,
    Peers,
}

impl Side {
    pub(super) const BOTH: [Self; 2] = [Self::Clients, Self::Peers];

    pub(super) fn cert_auth(self) -> &'static str {
        match self {
            Self::Clients => "client-cert-auth",
            Self::Peers => "peer-client-cert-auth",
        }
    }

    pub(super) fn trusted_ca(self) -> &'static str {
        match self {
            Self::Clients => "trusted-ca-file",
            Self::Peers => "peer-trusted-ca-file",
        }
    }

    pub(super) fn listen(self) -> &'static str {
        match self {
            Self::Clients => "listen-client-urls",
            Self::Peers => "listen-peer-urls",
        }
    }

    pub(super) fn list(self) -> &'static str {
        match self {
            Self::Clients => "client-crl-file",
            Self::Peers => "peer-crl-file",
        }
    }
}

/// The host of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    Ip(IpAddr),
    Name(String),
}

impl Host {
    /// Whether nobody else reaches it.
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Ip(ip) => ip.to_canonical().is_loopback(),
            Self::Name(name) => name.eq_ignore_ascii_case("localhost"),
        }
    }

    /// Whether it stands for every address of the node.
    pub(super) fn is_any(&self) -> bool {
        matches!(self, Self::Ip(ip) if ip.is_unspecified())
    }

    /// As an alternative name; none where no certificate can have it.
    pub(super) fn name(&self) -> Option<SubjectAltName> {
        match self {
            Self::Ip(ip) => Some(SubjectAltName::Ip(*ip)),
            Self::Name(name) => name_of(name),
        }
    }

    /// Whether a certificate holds it.
    pub(super) fn is_held_by(&self, tbs: &TbsCertificate) -> bool {
        let names = Names::of(tbs.extensions.names());
        match self {
            Self::Ip(ip) => names.cover_ip(*ip),
            Self::Name(name) => names.cover(name),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => write!(f, "IP:{ip}"),
            Self::Name(name) => write!(f, "DNS:{}", Printable(name)),
        }
    }
}

/// An address in a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Url {
    /// As it is written but for a password, safe to show.
    pub(super) text: String,
    pub(super) host: Host,
    pub(super) tls: bool,
}

impl Url {
    /// `https://10.0.0.10:2379`, `http://[::1]:2380`. Sockets of Unix have no host.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = match host_of(rest) {
            // Without a host Go listens on every address.
            None => Host::Ip(Ipv4Addr::UNSPECIFIED.into()),
            Some(host) => match host.split('%').next()?.parse() {
                Ok(ip) => Host::Ip(ip),
                Err(_) => Host::Name(host.to_owned()),
            },
        };
        Some(Self { text: Printable(&without_user(text)).to_string(), host, tls })
    }
}

/// Whether a certificate may stand for a purpose, as Go decides: without the extension for every one.
pub(super) fn may_be(tbs: &TbsCertificate, purpose: &ExtendedKeyUsage) -> bool {
    let purposes = tbs.extensions.purposes();
    tbs.extensions.extended_key_usage.is_none()
        || purposes.contains(purpose)
        || purposes.contains(&ExtendedKeyUsage::Any)
}

/// The names of a certificate, at most eight of them.
pub(super) fn names(tbs: &TbsCertificate) -> String {
    let names = tbs.extensions.names();
    let shown: Vec<String> = names.iter().take(8).map(ToString::to_string).collect();
    match names.len() {
        0 => "no alternative name".to_owned(),
        count @ 1..=8 => shown.get(..count).unwrap_or_default().join(", "),
        count => format!("{} and {} more", shown.join(", "), count - 8),
    }
}

/// The SHA-256 of the key that signed a certificate, as far as its issuer is at hand.
pub(super) fn signer(cert: Cert<'_>) -> Option<[u8; 32]> {
    cert.issuer().map(|issuer| sha256(issuer.public_key.der()))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, host, tls) in [
            ("https://10.0.0.10:2379", "IP:10.0.0.10", true),
            ("http://[::1]:2380/", "IP:::1", false),
            ("https://etcd-0.example.com:2380", "DNS:etcd-0.example.com", true),
            ("https://localhost", "DNS:localhost", true),
            ("http://:2381", "IP:0.0.0.0", false),
            ("http://[fe80::1%eth0]:1", "IP:fe80::1", false),
        ] {
            let url = Url::read(text).unwrap();
            assert_eq!((url.host.to_string().as_str(), url.tls), (host, tls), "{text}");
        }
        assert_eq!(Url::read("http://root:secret@10.0.0.10:2379").unwrap().text, "http://10.0.0.10:2379");
        assert_eq!(Url::read("unix:///run/etcd.sock"), None);
        assert_eq!(Url::read("10.0.0.10:2379"), None);
    }

    #[test]
    fn versions_are_read_from_the_image() {
        for (image, version) in [
            ("registry.k8s.io/etcd:3.6.8-0", Some((3, 6, 8))),
            ("quay.io:5000/coreos/etcd:v3.5.32", Some((3, 5, 32))),
            ("etcd:3.6.0-rc.1@sha256:00", Some((3, 6, 0))),
            ("quay.io:5000/etcd", None),
            ("etcd:latest", None),
        ] {
            let mut tree = Tree::control_plane();
            tree.replace("etc/kubernetes/manifests/etcd.yaml", "registry.k8s.io/etcd:3.6.8-0", image);
            let node = tree.node();
            let launch = node.launch(Component::Etcd).unwrap();
            assert_eq!(Etcd { node: &node, launch }.version(), version, "{image}");
        }
    }
}
