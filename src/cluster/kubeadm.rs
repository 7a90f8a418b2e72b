//! kubeadm's own configuration: `kubeadm.k8s.io/v1beta3` and `v1beta4`.
//!
//! Read as kubeadm 1.36 reads it (Kubernetes, `cmd/kubeadm/app/apis/kubeadm`): the same defaults, empty
//! texts count as missing, fields that are not known are left alone with a word about each.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;

use super::convert::{self, given};
use super::endpoint::Endpoint;
use super::error::ClusterError;
use super::kubeadm_nodes::{LocalApiEndpoint, NodeRegistration, control_plane, node_name, worker};
use super::spec::{ClusterSpec, DEFAULT_BIND_PORT, DEFAULT_DNS_DOMAIN};
use super::spec::{EtcdTopology, Node, Source, Trees};
use super::yaml::{Document, Report, Scope, Text, quote};
use super::{Defaults, Parsed, version};
use crate::key::KeyAlgorithm;
use crate::yaml::Spanned;

const GROUP: &str = "kubeadm.k8s.io";
/// What `encryptionAlgorithm` may name, in exactly these words.
const ALGORITHMS: [KeyAlgorithm; 5] = [
    KeyAlgorithm::Rsa2048,
    KeyAlgorithm::Rsa3072,
    KeyAlgorithm::Rsa4096,
    KeyAlgorithm::EcdsaP256,
    KeyAlgorithm::EcdsaP384,
];
/// Where kubeadm keeps what it writes; the directory the written tree stands for.
const KUBERNETES_DIR: &str = "/etc/kubernetes";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InitConfiguration {
    node_registration: Option<NodeRegistration>,
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: Option<LocalApiEndpoint>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct JoinConfiguration {
    node_registration: Option<NodeRegistration>,
    control_plane: Option<JoinControlPlane>,
    discovery: Option<Discovery>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Discovery {
    bootstrap_token: Option<BootstrapToken>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BootstrapToken {
    api_server_endpoint: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
struct JoinControlPlane {
    #[serde(rename = "localAPIEndpoint")]
    local_api_endpoint: Option<LocalApiEndpoint>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClusterConfiguration {
    kubernetes_version: Option<Text>,
    cluster_name: Option<Text>,
    control_plane_endpoint: Option<Text>,
    certificates_dir: Option<Text>,
    encryption_algorithm: Option<Text>,
    certificate_validity_period: Option<Text>,
    ca_certificate_validity_period: Option<Text>,
    networking: Option<Networking>,
    api_server: Option<ApiServer>,
    etcd: Option<Etcd>,
    feature_gates: Option<HashMap<String, Option<bool>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Networking {
    service_subnet: Option<Text>,
    dns_domain: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
struct ApiServer {
    #[serde(rename = "certSANs")]
    cert_sans: Option<Vec<Text>>,
}

#[derive(Debug, Default, Deserialize)]
struct Etcd {
    local: Option<LocalEtcd>,
    external: Option<Spanned<ExternalEtcd>>,
}

#[derive(Debug, Default, Deserialize)]
struct LocalEtcd {
    #[serde(rename = "serverCertSANs")]
    server_cert_sans: Option<Vec<Text>>,
    #[serde(rename = "peerCertSANs")]
    peer_cert_sans: Option<Vec<Text>>,
}

/// Its fields name files that others provide; nothing here depends on them.
#[derive(Debug, Default, Deserialize)]
struct ExternalEtcd {}

/// A document and what it says.
struct Read<'a, T> {
    document: &'a Document<'a>,
    body: T,
}

/// The documents of a file by their kind.
#[derive(Default)]
struct Documents<'a> {
    init: Option<Read<'a, InitConfiguration>>,
    cluster: Option<Read<'a, ClusterConfiguration>>,
    joins: Vec<Read<'a, JoinConfiguration>>,
}

impl Documents<'_> {
    /// Whether the file is for `kubeadm init`: it has a document for that, or describes a cluster that nobody in it
    /// joins as a control plane. A node that joins gets what all control planes share from those that are there.
    fn found(&self) -> bool {
        let joins = self.joins.iter().any(|join| join.body.control_plane.is_some());
        self.init.is_some() || self.cluster.is_some() && !joins
    }

    /// Where those that join reach the cluster, which nearly always is its `controlPlaneEndpoint`.
    fn joined_endpoint(&self, report: &mut Report) -> Option<Endpoint> {
        const FIELD: &str = "discovery.bootstrapToken.apiServerEndpoint";
        let (document, text) = self.joins.iter().find_map(|join| {
            let token = join.body.discovery.as_ref()?.bootstrap_token.as_ref()?;
            Some((join.document, given(token.api_server_endpoint.as_ref())?))
        })?;
        let endpoint =
            document.scope(report).accept(text, FIELD, endpoint(&text.value, DEFAULT_BIND_PORT))?;
        let note =
            format!("controlPlaneEndpoint is not given: {endpoint}, where the node joins, is taken for it");
        report.notes.push(note);
        Some(endpoint)
    }
}

/// Reads the documents of a file as kubeadm's configuration.
pub(super) fn parse(
    documents: &[Document<'_>],
    file: &str,
    defaults: &Defaults,
) -> Result<Parsed, ClusterError> {
    let mut report = Report::default();
    let documents = sort(documents, file, &mut report)?;
    if !report.is_clean() {
        return Err(report.into_error(file));
    }
    let mut spec = ClusterSpec::new(Source::Kubeadm);
    spec.nodes = nodes(&documents, defaults, &mut report);
    spec.founds = documents.found();
    spec.given.cluster = documents.cluster.is_some();
    if let Some(cluster) = &documents.cluster {
        let mut scope = cluster.document.scope(&mut report);
        let beta4 = cluster.document.api_version.ends_with("/v1beta4");
        cluster.body.describe(&mut spec, &mut scope, beta4);
    }
    if !spec.founds {
        if spec.endpoint.is_none() {
            spec.endpoint = documents.joined_endpoint(&mut report);
        }
        if documents.cluster.is_none() && spec.control_planes().next().is_some() {
            let note = "there is no ClusterConfiguration in the file, so that the network of services, its domain and more names \
                        of the API server are kubeadm's defaults; kubeadm join reads the cluster's own: kubectl -n kube-system \
                        get configmap kubeadm-config -o jsonpath='{.data.ClusterConfiguration}'";
            report.notes.push(note.to_owned());
        }
    }
    for node in &mut spec.nodes {
        node.etcd = node.control_plane && spec.etcd == EtcdTopology::Stacked;
    }
    if spec.endpoint.is_none() && spec.control_planes().count() > 1 {
        let note = "several control planes without controlPlaneEndpoint: kubeadm joins none of them, and every \
                    kubeconfig depends on one machine";
        report.notes.push(note.to_owned());
    }
    if report.is_clean() { Ok(Parsed { spec, notes: report.notes }) } else { Err(report.into_error(file)) }
}

fn sort<'a>(
    documents: &'a [Document<'a>],
    file: &str,
    report: &mut Report,
) -> Result<Documents<'a>, ClusterError> {
    let mut sorted = Documents::default();
    for document in documents {
        let kind = document.kind.as_str();
        if !is_ours(document, report) {
            continue;
        }
        super::kubeadm_fields::look_through(document, file, report)?;
        let first = match kind {
            "InitConfiguration" => sorted.init.as_ref().map(|read| read.document),
            "ClusterConfiguration" => sorted.cluster.as_ref().map(|read| read.document),
            _ => None,
        };
        if let Some(first) = first {
            let reason = format!("there is a second {kind}; the first is at line {}", first.line());
            document.refuse(report, "kind", reason);
            continue;
        }
        match kind {
            "InitConfiguration" => sorted.init = Some(Read { document, body: document.read(file)? }),
            "ClusterConfiguration" => sorted.cluster = Some(Read { document, body: document.read(file)? }),
            _ => sorted.joins.push(Read { document, body: document.read(file)? }),
        }
    }
    if sorted.init.is_none() && sorted.cluster.is_none() && sorted.joins.is_empty() && report.is_clean() {
        let reason = "there is no InitConfiguration, ClusterConfiguration or JoinConfiguration of kubeadm, and no \
                      Cluster of kpki/v1alpha1 in it";
        report.missing("kind", reason);
    }
    Ok(sorted)
}

/// Whether a document is one that decides about certificates; if it is a mistake, that is reported.
fn is_ours(document: &Document<'_>, report: &mut Report) -> bool {
    let (api_version, kind) = (document.api_version.as_str(), document.kind.as_str());
    if api_version.is_empty() || kind.is_empty() {
        let field = if kind.is_empty() { "kind" } else { "apiVersion" };
        document.refuse(report, field, "it is missing; every document needs an apiVersion and a kind");
        return false;
    }
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    if group != GROUP {
        if !matches!(group, "kubelet.config.k8s.io" | "kubeproxy.config.k8s.io") {
            let line = document.line();
            report.notes.push(format!("line {line}: {} of {} is ignored", quote(kind), quote(api_version)));
        }
        return false;
    }
    if !matches!(kind, "InitConfiguration" | "ClusterConfiguration" | "JoinConfiguration") {
        report.notes.push(format!("line {}: {} is ignored", document.line(), quote(kind)));
        return false;
    }
    match version {
        "v1beta4" | "v1beta3" => {}
        "v1beta2" => {
            let note = "is read as v1beta3; kubeadm itself no longer reads it (kubeadm config migrate)";
            report.notes.push(format!("line {}: {api_version} {note}", document.line()));
        }
        "v1alpha1" | "v1alpha2" | "v1alpha3" | "v1beta1" => {
            let reason = format!(
                "{api_version} is too old; have it rewritten by `kubeadm config migrate` of its time"
            );
            document.refuse(report, "apiVersion", reason);
            return false;
        }
        _ => {
            let reason = format!("{} is not known; kubeadm's v1beta3 and v1beta4 are", quote(api_version));
            document.refuse(report, "apiVersion", reason);
            return false;
        }
    }
    true
}

/// The nodes: the one of `kubeadm init`, then those that join.
fn nodes(documents: &Documents<'_>, defaults: &Defaults, report: &mut Report) -> Vec<Node> {
    let mut nodes: Vec<(&Document<'_>, Node)> = Vec::new();
    let joins_control_plane = documents.joins.iter().any(|join| join.body.control_plane.is_some());
    if let Some(Read { document, body }) = &documents.init {
        let registration = body.node_registration.as_ref();
        let endpoint = body.local_api_endpoint.as_ref();
        let node = control_plane(registration, endpoint, defaults, &mut document.scope(report));
        nodes.extend(node.map(|node| (*document, node)));
    } else if let Some(Read { document, .. }) = &documents.cluster {
        // As with `kubeadm init` without that document: the node is this machine.
        if !joins_control_plane {
            let node = control_plane(None, None, defaults, &mut document.scope(report));
            nodes.extend(node.map(|node| (*document, node)));
        }
    }
    for Read { document, body } in &documents.joins {
        let mut scope = document.scope(report);
        let registration = body.node_registration.as_ref();
        let node = match &body.control_plane {
            Some(plane) => {
                control_plane(registration, plane.local_api_endpoint.as_ref(), defaults, &mut scope)
            }
            None => node_name(registration, defaults, &mut scope).map(worker),
        };
        nodes.extend(node.map(|node| (*document, node)));
    }
    let mut known = HashMap::new();
    for (document, node) in &nodes {
        if let Some(first) = known.insert(node.name.as_str(), document.line()) {
            let reason =
                format!("{} is already the node of line {first}; names must differ", quote(&node.name));
            document.refuse(report, "nodeRegistration.name", reason);
        }
    }
    let mut nodes: Vec<Node> = nodes.into_iter().map(|(_, node)| node).collect();
    nodes.sort_by_key(|node| !node.control_plane);
    nodes
}

impl ClusterConfiguration {
    /// Writes what the document says into the specification.
    fn describe(&self, spec: &mut ClusterSpec, scope: &mut Scope<'_>, beta4: bool) {
        if let Some(text) = given(self.kubernetes_version.as_ref()) {
            let version = scope.accept(text, "kubernetesVersion", version::parse(&text.value));
            spec.version = version.unwrap_or_default();
            spec.given.version = !version::is_label(&text.value);
        }
        if let Some(text) = given(self.cluster_name.as_ref()) {
            spec.given.name = true;
            spec.name = convert::cluster_name(scope, "clusterName", text).unwrap_or_default();
        }
        if let Some(text) = given(self.control_plane_endpoint.as_ref()) {
            let port = spec.control_planes().next().map_or(DEFAULT_BIND_PORT, |node| node.bind_port);
            spec.endpoint = scope.accept(text, "controlPlaneEndpoint", endpoint(&text.value, port));
        }
        if let Some(certificates_dir) = self.certificates_dir(scope) {
            spec.trees = Trees::Single { certificates_dir };
        }
        if let Some(networking) = &self.networking {
            let field = "networking.serviceSubnet";
            if let Some(text) = given(networking.service_subnet.as_ref()) {
                let services = convert::services(scope, field, text, text.value.parse());
                spec.services = services.unwrap_or_default();
            }
            let domain = networking.dns_domain.as_ref();
            spec.dns_domain = convert::dns_domain(scope, "networking.dnsDomain", domain, DEFAULT_DNS_DOMAIN);
        }
        let sans = self.api_server.as_ref().and_then(|server| server.cert_sans.as_ref());
        spec.apiserver_sans = convert::hosts(scope, "apiServer.certSANs", sans);
        self.describe_etcd(spec, scope);
        self.describe_keys(spec, scope, beta4);
        let gate = self.gate("ControlPlaneKubeletLocalMode");
        spec.kubelet_local_endpoint = gate.unwrap_or_else(|| version::kubelet_local_endpoint(&spec.version));
    }

    fn gate(&self, name: &str) -> Option<bool> {
        self.feature_gates.as_ref().and_then(|gates| gates.get(name).copied().flatten())
    }

    fn describe_etcd(&self, spec: &mut ClusterSpec, scope: &mut Scope<'_>) {
        let Some(etcd) = &self.etcd else { return };
        if let Some(local) = &etcd.local {
            spec.etcd_server_sans =
                convert::hosts(scope, "etcd.local.serverCertSANs", local.server_cert_sans.as_ref());
            spec.etcd_peer_sans =
                convert::hosts(scope, "etcd.local.peerCertSANs", local.peer_cert_sans.as_ref());
        }
        if let Some(external) = &etcd.external {
            if etcd.local.is_some() {
                scope.refuse(external, "etcd", "local and external exclude each other; remove one");
            }
            spec.etcd = EtcdTopology::External { managed: false };
        }
    }

    fn describe_keys(&self, spec: &mut ClusterSpec, scope: &mut Scope<'_>, beta4: bool) {
        let algorithm = given(self.encryption_algorithm.as_ref());
        let leaf = given(self.certificate_validity_period.as_ref());
        let ca = given(self.ca_certificate_validity_period.as_ref());
        if beta4 {
            spec.leaf_lifetime =
                convert::lifetime(scope, "certificateValidityPeriod", leaf, spec.leaf_lifetime);
            spec.ca_lifetime = convert::lifetime(scope, "caCertificateValidityPeriod", ca, spec.ca_lifetime);
            (spec.given.leaf_lifetime, spec.given.ca_lifetime) = (leaf.is_some(), ca.is_some());
            if let Some(text) = algorithm {
                spec.given.algorithm = true;
                let field = "encryptionAlgorithm";
                let named = ALGORITHMS.into_iter().find(|algorithm| algorithm.name() == text.value);
                let known = convert::algorithm(scope, field, text, named, &ALGORITHMS);
                spec.algorithm = known.unwrap_or(spec.algorithm);
            }
        }
        // kubeadm lets the feature gate, where it is set, win over the field that followed it.
        if let Some(ecdsa) = self.gate("PublicKeysECDSA") {
            spec.given.algorithm = true;
            spec.algorithm = if ecdsa { KeyAlgorithm::EcdsaP256 } else { KeyAlgorithm::Rsa2048 };
        }
    }

    /// Where certificates lie: relative to `/etc/kubernetes` if they lie below it.
    fn certificates_dir(&self, scope: &mut Scope<'_>) -> Option<PathBuf> {
        const FIELD: &str = "certificatesDir";
        let text = given(self.certificates_dir.as_ref())?;
        let path = Path::new(&text.value);
        let climbs = path.components().any(|part| matches!(part, Component::ParentDir));
        if !path.is_absolute() || climbs || text.value.contains('\0') {
            let reason = format!("{} is not an absolute path without `..`", quote(&text.value));
            scope.refuse(text, FIELD, reason);
            return None;
        }
        if let Ok(relative) = path.strip_prefix(KUBERNETES_DIR) {
            return Some(relative.components().collect());
        }
        let note =
            "is not below /etc/kubernetes; the certificates are written there, or to DIR/pki with --dir DIR";
        scope.report.notes.push(format!("{FIELD}: {} {note}", quote(&text.value)));
        Some(path.components().collect())
    }
}

/// kubeadm ignores zeros before the numbers of an IPv4 address here as well.
fn endpoint(text: &str, port: u16) -> Result<Endpoint, super::EndpointError> {
    match text.split_once(':') {
        Some((host, port_text)) if !port_text.contains(':') => {
            Endpoint::parse(&format!("{}:{port_text}", convert::unpadded(host)), port)
        }
        _ => Endpoint::parse(&convert::unpadded(text), port),
    }
}
