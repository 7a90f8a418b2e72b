//! kube-apiserver: as a server, and as a client of etcd, kubelets and extension API servers.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Admission, InLayout as _, Source, authority, file};
use crate::layout::{Authority, Leaf};
use crate::rehearse::files::{Pair, Reader, Trust};
use crate::rehearse::network::is_match;
use crate::x509::SubjectAltName;

/// An API server's files.
#[derive(Debug)]
pub(in crate::rehearse) struct Apiserver {
    /// What it serves with.
    pub(in crate::rehearse) serving: Arc<Pair>,
    /// What it serves with under other names (`--tls-sni-cert-key`), each with the names that are given for it.
    pub(in crate::rehearse) by_name: Vec<(Vec<String>, Arc<Pair>)>,
    /// Whose clients it knows.
    pub(in crate::rehearse) admission: Admission,
    /// With what it calls kubelets.
    pub(in crate::rehearse) kubelet_client: Arc<Pair>,
    /// What it verifies kubelets with; none means that it does not verify them.
    pub(in crate::rehearse) kubelet_authority: Option<Arc<Trust>>,
    /// Whether there is no manifest that would say so.
    pub(in crate::rehearse) is_assumed: bool,
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
}

/// How an API server reaches etcd.
#[derive(Debug)]
pub(in crate::rehearse) struct EtcdClient {
    /// The URLs of `--etcd-servers`; empty where there is no manifest.
    pub(in crate::rehearse) servers: Vec<String>,
    /// What it shows.
    pub(in crate::rehearse) pair: Option<Arc<Pair>>,
    /// What it trusts; none means the system's CAs.
    pub(in crate::rehearse) trust: Option<Arc<Trust>>,
}

/// What becomes of a request without a certificate where anonymous requests are served.
const ANONYMOUS: &str = "it is served as system:anonymous, unless it brings a token";
/// And where they are not.
const TOKEN: &str = "it is answered 401, unless it brings a token";

impl Apiserver {
    pub(super) fn read(reader: &mut Reader<'_>, source: Option<Source<'_>>) -> Self {
        let tree = reader.tree;
        let naming = |leaf: Leaf| leaf.files(tree).unwrap_or_default();
        let pair = |reader: &mut Reader<'_>, leaf, flags: [&str; 2], fallback: &str| {
            let (certificate, key) = naming(leaf);
            let certificate = file(source, flags[0], || certificate);
            let key = file(source, flags[1], || key);
            let fallback = |ending| PathBuf::from(format!("/var/run/kubernetes/{fallback}.{ending}"));
            let given = certificate.is_some();
            let pair = reader.pair(
                &certificate.unwrap_or_else(|| fallback("crt")),
                &key.unwrap_or_else(|| fallback("key")),
            );
            (pair, given)
        };
        // Without the flag it makes itself a certificate in --cert-dir.
        let (serving, _) =
            pair(reader, Leaf::Apiserver, ["tls-cert-file", "tls-private-key-file"], "apiserver");
        let (kubelet_client, _) = pair(
            reader,
            Leaf::ApiserverKubeletClient,
            ["kubelet-client-certificate", "kubelet-client-key"],
            "apiserver-kubelet-client",
        );
        let (proxy_client, aggregates) = pair(
            reader,
            Leaf::FrontProxyClient,
            ["proxy-client-cert-file", "proxy-client-key-file"],
            "front-proxy-client",
        );
        let (etcd_client, shows_etcd) = pair(
            reader,
            Leaf::ApiserverEtcdClient,
            ["etcd-certfile", "etcd-keyfile"],
            "apiserver-etcd-client",
        );
        let trust = |reader: &mut Reader<'_>, flag, of: Authority| {
            file(source, flag, || authority(tree, of)).map(|path| reader.trust(&path))
        };
        let proxy_authority = trust(reader, "requestheader-client-ca-file", Authority::FrontProxy);
        let etcd_trust = trust(reader, "etcd-cafile", Authority::Etcd);
        let is_assumed = source.is_none();
        let kubelet_authority = match source {
            Some(_) => trust(reader, "kubelet-certificate-authority", Authority::Kubernetes),
            // Kubelets that were given certificates are to be verified; others make their own.
            None => {
                Leaf::Kubelet.exists_in(reader).then(|| reader.trust(&authority(tree, Authority::Kubernetes)))
            }
        };
        let list = |flag: &str| -> Vec<String> {
            let list = source.map(|source| source.flags.list(flag)).unwrap_or_default();
            list.into_iter().map(str::to_owned).collect()
        };
        let mut address_types = list("kubelet-preferred-address-types");
        if address_types.is_empty() {
            // kubeadm's; what the API server itself falls back on begins with Hostname.
            let types: &[&str] = if is_assumed {
                &["InternalIP", "ExternalIP", "Hostname"]
            } else {
                &["Hostname", "InternalIP"]
            };
            address_types = types.iter().map(|kind| (*kind).to_owned()).collect();
        }
        // kubeadm's; without the flag any name is taken.
        let proxy_names = if is_assumed {
            vec!["front-proxy-client".to_owned()]
        } else {
            list("requestheader-allowed-names")
        };
        Self {
            serving,
            by_name: by_name(reader, source),
            admission: admission(reader, source),
            kubelet_client,
            kubelet_authority,
            is_assumed,
            manifest: source.map(|source| source.name.short.clone()),
            address_types,
            etcd: EtcdClient {
                servers: list("etcd-servers"),
                pair: shows_etcd.then_some(etcd_client),
                trust: etcd_trust,
            },
            proxy_client: aggregates.then_some(proxy_client),
            proxy_authority,
            proxy_names,
            advertise: source.and_then(|source| source.flags.value("advertise-address")?.parse().ok()),
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
            Some((names, reader.pair(certificate.as_ref(), key.as_ref())))
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
        (None, Some(source)) => Admission::NotAsked(format!(
            "{} has no --client-ca-file, so the API server knows nobody by a certificate",
            source.name.short
        )),
        (None, None) => Admission::Unknown("it is not known whom the API server trusts".into()),
    }
}
