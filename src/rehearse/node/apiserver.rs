//! kube-apiserver: as a server, and as a client of etcd, kubelets and extension API servers.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Admission, InLayout as _, Source, authority, file};
use crate::layout::{Authority, Leaf};
use crate::manifest::{DEFAULT_SERVICE_RANGE, service_addresses};
use crate::rehearse::files::{Pair, Reader, Trust};
use crate::rehearse::network::is_match;
use crate::x509::{Printable, SubjectAltName};

/// An API server's files.
#[derive(Debug)]
pub(in crate::rehearse) struct Apiserver {
    /// What it serves with.
    pub(in crate::rehearse) serving: Arc<Pair>,
    /// What it serves with under other names (`--tls-sni-cert-key`), each with the names that are given for it.
    pub(in crate::rehearse) by_name: Vec<(Vec<String>, Arc<Pair>)>,
    /// Whose clients it knows.
    pub(in crate::rehearse) admission: Admission,
    /// With what it calls kubelets; none where its flags name nothing.
    pub(in crate::rehearse) kubelet_client: Option<Arc<Pair>>,
    /// What it verifies kubelets with; none means that it does not verify them.
    pub(in crate::rehearse) kubelet_authority: Option<Arc<Trust>>,
    /// Whether there is no manifest that would say so.
    pub(in crate::rehearse) is_assumed: bool,
    /// What of its flags is not known, so that one that is not among them may be given all the same.
    pub(in crate::rehearse) doubt: Option<String>,
    /// The manifest, as it is shown.
    pub(in crate::rehearse) manifest: Option<String>,
    /// By which of a node's addresses it calls kubelets, the first choice first.
    pub(in crate::rehearse) address_types: Vec<String>,
    /// With what it calls etcd.
    pub(in crate::rehearse) etcd: EtcdClient,
    /// With what it calls extension API servers; none when it aggregates none.
    pub(in crate::rehearse) proxy_client: Option<Arc<Pair>>,
    /// What extension API servers know it by (`--requestheader-client-ca-file`).
    pub(in crate::rehearse) proxy_authority: Option<Arc<Trust>>,
    /// The common names that they take (`--requestheader-allowed-names`); empty means any.
    pub(in crate::rehearse) proxy_names: Vec<String>,
    /// The address that it announces itself with.
    pub(in crate::rehearse) advertise: Option<IpAddr>,
    /// How pods reach it.
    pub(in crate::rehearse) service: Service,
}

/// The service `kubernetes`, by which pods reach API servers.
#[derive(Debug)]
pub(in crate::rehearse) struct Service {
    /// Its address, with where that comes from; none where nothing says it.
    pub(in crate::rehearse) address: Option<(IpAddr, String)>,
    /// The CA that pods are given (`--root-ca-file` of the controller manager), or why it is not known.
    pub(in crate::rehearse) trust: Result<Arc<Trust>, String>,
}

impl Service {
    fn read(reader: &mut Reader<'_>, apiserver: Option<Source<'_>>, manager: Option<Source<'_>>) -> Self {
        const FLAG: &str = "service-cluster-ip-range";
        let given = [apiserver, manager].into_iter().flatten();
        let mut given = given.filter_map(|source| Some((source, source.flags.value(FLAG)?)));
        let (range, why) = match (given.next(), apiserver) {
            (Some((source, range)), _) => (Some(range), format!("--{FLAG} in {}", source.name.short)),
            (None, Some(source)) if source.launch.doubts.is_empty() => (
                Some(DEFAULT_SERVICE_RANGE),
                format!("{DEFAULT_SERVICE_RANGE}, for {} has no --{FLAG}", source.name.short),
            ),
            (None, _) => (None, String::new()),
        };
        // The service has the first address of the first network, however many there are.
        let first = range.and_then(|range| *service_addresses(range).first()?);
        let trust = match manager {
            Some(source) => source.path("root-ca-file").ok_or_else(|| {
                format!(
                    "{} has no --root-ca-file: pods are given no CA to verify the API server by",
                    source.name.short
                )
            }),
            // kubeadm's.
            None => Ok(authority(reader.tree, Authority::Kubernetes)),
        };
        let trust = trust.and_then(|path| {
            if manager.is_some() || reader.exists(&path) {
                Ok(reader.trust(&path))
            } else {
                Err("the controller manager, which gives pods the CA of the API server, is not here"
                    .to_owned())
            }
        });
        Self { address: first.map(|ip| (ip, why)), trust }
    }
}

/// How an API server reaches etcd.
#[derive(Debug)]
pub(in crate::rehearse) struct EtcdClient {
    /// The URLs of `--etcd-servers`; empty where there is no manifest.
    pub(in crate::rehearse) servers: Vec<String>,
    /// What is said where it is reached through sockets of the node's file system instead.
    pub(in crate::rehearse) socket: Option<String>,
    /// What it shows.
    pub(in crate::rehearse) pair: Option<Arc<Pair>>,
    /// What it trusts; none means the system's CAs.
    pub(in crate::rehearse) trust: Option<Arc<Trust>>,
}

/// What becomes of a request without a certificate where anonymous requests are served.
const ANONYMOUS: &str = "it is served as system:anonymous, unless it brings a token";
/// And where they are not.
const TOKEN: &str = "it is answered 401, unless it brings a token";

/// Reads what the flags name, or the layout where there is no manifest.
struct Files<'r, 't, 's> {
    reader: &'r mut Reader<'t>,
    source: Option<Source<'s>>,
}

impl Files<'_, '_, '_> {
    /// A certificate and its key. Where the manifest does not name them, those of `--cert-dir`.
    fn pair(&mut self, leaf: Leaf, flags: [&str; 2]) -> Arc<Pair> {
        let (certificate, key) = leaf.files(self.reader.tree).unwrap_or_default();
        let directory = self.source.and_then(|source| source.path("cert-dir"));
        let directory = directory.unwrap_or_else(|| PathBuf::from("/var/run/kubernetes"));
        let own = |ending: &str| directory.join(format!("{}.{ending}", leaf.profile()));
        let certificate = file(self.source, flags[0], || certificate).unwrap_or_else(|| own("crt"));
        let key = file(self.source, flags[1], || key).unwrap_or_else(|| own("key"));
        self.reader.pair(&certificate, &key)
    }

    /// The same; none where the manifest does not name it.
    fn optional_pair(&mut self, leaf: Leaf, flags: [&str; 2]) -> Option<Arc<Pair>> {
        let is_given = self.source.is_none_or(|source| source.path(flags[0]).is_some());
        is_given.then(|| self.pair(leaf, flags))
    }

    fn trust(&mut self, flag: &str, of: Authority) -> Option<Arc<Trust>> {
        let tree = self.reader.tree;
        file(self.source, flag, || authority(tree, of)).map(|path| self.reader.trust(&path))
    }

    fn list(&self, flag: &str) -> Vec<String> {
        let list = self.source.map(|source| source.flags.list(flag)).unwrap_or_default();
        list.into_iter().map(str::to_owned).collect()
    }

    /// What kubelets are verified with. Without a manifest, those that were given certificates are taken to be: others
    /// make their own.
    fn kubelet_authority(&mut self) -> Option<Arc<Trust>> {
        if self.source.is_none() && !Leaf::Kubelet.exists_in(self.reader) {
            return None;
        }
        self.trust("kubelet-certificate-authority", Authority::Kubernetes)
    }

    /// By which addresses kubelets are called: as the flag says, as kubeadm has it where there is no manifest, or as the
    /// API server does by itself, as far as such addresses are known here.
    fn address_types(&self) -> Vec<String> {
        let given = self.list("kubelet-preferred-address-types");
        let fallback: &[&str] = match self.source {
            None => &["InternalIP", "ExternalIP", "Hostname"],
            Some(_) => &["Hostname", "InternalIP"],
        };
        if given.is_empty() { fallback.iter().map(|kind| (*kind).to_owned()).collect() } else { given }
    }
}

impl Apiserver {
    pub(super) fn read(
        reader: &mut Reader<'_>,
        source: Option<Source<'_>>,
        manager: Option<Source<'_>>,
    ) -> Self {
        let service = Service::read(reader, source, manager);
        let admission = admission(reader, source);
        let by_name = by_name(reader, source);
        let doubt = source.and_then(|source| source.doubt());
        let mut files = Files { reader, source };
        let is_socket = |url: &String| url.starts_with("unix:");
        let (sockets, servers): (Vec<_>, Vec<_>) =
            files.list("etcd-servers").into_iter().partition(is_socket);
        let socket = sockets.first().zip(source).filter(|_| servers.is_empty()).map(|(socket, source)| {
            let shown = Printable(socket);
            format!("{}: the API server keeps its data behind {shown}, without TLS", source.name.path)
        });
        Self {
            serving: files.pair(Leaf::Apiserver, ["tls-cert-file", "tls-private-key-file"]),
            by_name,
            admission,
            kubelet_client: files.optional_pair(
                Leaf::ApiserverKubeletClient,
                ["kubelet-client-certificate", "kubelet-client-key"],
            ),
            kubelet_authority: files.kubelet_authority(),
            is_assumed: source.is_none(),
            doubt,
            manifest: source.map(|source| source.name.short.clone()),
            address_types: files.address_types(),
            etcd: EtcdClient {
                servers,
                socket,
                pair: files.optional_pair(Leaf::ApiserverEtcdClient, ["etcd-certfile", "etcd-keyfile"]),
                trust: files.trust("etcd-cafile", Authority::Etcd),
            },
            proxy_client: files
                .optional_pair(Leaf::FrontProxyClient, ["proxy-client-cert-file", "proxy-client-key-file"]),
            proxy_authority: files.trust("requestheader-client-ca-file", Authority::FrontProxy),
            // kubeadm's; without the flag any name is taken.
            proxy_names: match source {
                None => vec!["front-proxy-client".to_owned()],
                Some(_) => files.list("requestheader-allowed-names"),
            },
            advertise: source.and_then(|source| source.flags.value("advertise-address")?.parse().ok()),
            service,
        }
    }

    /// What it shows to a client that dials this name.
    pub(in crate::rehearse) fn serving_for(&self, name: &SubjectAltName) -> &Arc<Pair> {
        // Addresses are not indicated to a server (RFC 6066 section 3).
        let SubjectAltName::Dns(dns) = name else { return &self.serving };
        let matches = |(patterns, pair): &&(Vec<String>, Arc<Pair>)| {
            let own = pair.leaf().map(|leaf| leaf.certificate.tbs.extensions.names()).unwrap_or_default();
            let own = own.iter().filter_map(|name| match name {
                SubjectAltName::Dns(dns) if patterns.is_empty() => Some(dns.as_str()),
                _ => None,
            });
            patterns.iter().map(String::as_str).chain(own).any(|pattern| is_match(pattern, dns))
        };
        self.by_name.iter().find(matches).map_or(&self.serving, |(_, pair)| pair)
    }
}

/// `--tls-sni-cert-key=FILE,KEY` or `FILE,KEY:NAME,NAME`, any number of times.
fn by_name(reader: &mut Reader<'_>, source: Option<Source<'_>>) -> Vec<(Vec<String>, Arc<Pair>)> {
    let flags = source.map(|source| source.flags.all()).unwrap_or_default();
    let given = flags.iter().filter(|flag| flag.name == "tls-sni-cert-key");
    given
        .filter_map(|flag| {
            let (files, names) = flag.value.split_once(':').unwrap_or((&flag.value, ""));
            let (certificate, key) = files.split_once(',')?;
            let names = names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            let here = |path: &str| source.map(|source| source.on_node(Path::new(path))).unwrap_or_default();
            Some((names, reader.pair(&here(certificate), &here(key))))
        })
        .collect()
}

fn admission(reader: &mut Reader<'_>, source: Option<Source<'_>>) -> Admission {
    let path = file(source, "client-ca-file", || authority(reader.tree, Authority::Kubernetes));
    let anonymous = source.and_then(|source| source.flags.switch("anonymous-auth")).unwrap_or(true);
    match (path, source) {
        (Some(path), _) => Admission::Asked {
            trust: reader.trust(&path),
            without: if anonymous { ANONYMOUS } else { TOKEN },
        },
        (None, Some(source)) if let Some(doubt) = source.doubt() => Admission::Unknown(doubt),
        (None, Some(source)) => Admission::NotAsked(format!(
            "{} has no --client-ca-file, so the API server knows nobody by a certificate",
            source.name.short
        )),
        (None, None) => Admission::Unknown("it is not known whom the API server trusts".into()),
    }
}
