//! kpki's own format, `kind: Cluster` of `kpki/v1alpha1`. Its document is `templates/cluster.yaml`.
//!
//! Fields that are not known are refused: a misspelt one would otherwise be a certificate with other names
//! than its author believes.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::convert::{self, given};
use super::endpoint::{Endpoint, ServiceSubnets};
use super::error::{ClusterError, Problem};
use super::fields::Shape::{self, Each, Fields, Value};
use super::fields::{self, Outline, Unknown};
use super::spec::Source;
use super::spec::{CaKeys, ClusterSpec, DEFAULT_BIND_PORT, DEFAULT_DNS_DOMAIN, EtcdTopology};
use super::yaml::{Document, Report, Scope, Text, quote};
use super::{Parsed, version};
use crate::key::KeyAlgorithm;
use crate::layout::Naming;
use crate::yaml::Spanned;

use super::machine::{Machine, Role};
use super::people::{self, Person};

const GROUP: &str = "kpki/";
pub(super) const API_VERSION: &str = "kpki/v1alpha1";
pub(super) const KIND: &str = "Cluster";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Cluster {
    api_version: Text,
    kind: Text,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: Text,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    kubernetes_version: Option<Text>,
    layout: Option<Text>,
    algorithm: Option<Text>,
    lifetimes: Option<Lifetimes>,
    control_plane_endpoint: Option<Text>,
    networking: Option<Networking>,
    api_server: Option<ApiServer>,
    etcd: Option<Etcd>,
    ca_keys: Option<Spanned<Words>>,
    control_planes: Option<Vec<Machine>>,
    etcd_members: Option<Spanned<Vec<Machine>>>,
    workers: Option<Vec<Machine>>,
    users: Option<Vec<Person>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lifetimes {
    ca: Option<Text>,
    leaf: Option<Text>,
    user: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Networking {
    service_subnet: Option<Text>,
    service_subnets: Option<Spanned<Vec<String>>>,
    dns_domain: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiServer {
    #[serde(rename = "certSANs")]
    cert_sans: Option<Vec<Text>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Etcd {
    topology: Option<Text>,
    #[serde(rename = "serverCertSANs")]
    server_cert_sans: Option<Vec<Text>>,
    #[serde(rename = "peerCertSANs")]
    peer_cert_sans: Option<Vec<Text>>,
}

/// All fields, by the types above: for the paths of those that are not known.
const SHAPE: Shape = Fields(&[
    ("apiVersion", Value),
    ("kind", Value),
    ("metadata", Fields(&[("name", Value)])),
    (
        "spec",
        Fields(&[
            ("kubernetesVersion", Value),
            ("layout", Value),
            ("algorithm", Value),
            ("lifetimes", Fields(&[("ca", Value), ("leaf", Value), ("user", Value)])),
            ("controlPlaneEndpoint", Value),
            (
                "networking",
                Fields(&[("serviceSubnet", Value), ("serviceSubnets", Value), ("dnsDomain", Value)]),
            ),
            ("apiServer", Fields(&[("certSANs", Value)])),
            ("etcd", Fields(&[("topology", Value), ("serverCertSANs", Value), ("peerCertSANs", Value)])),
            ("caKeys", Value),
            ("controlPlanes", MACHINES),
            ("etcdMembers", MACHINES),
            ("workers", MACHINES),
            ("users", Each(&Fields(&[("name", Value), ("groups", Value)]))),
        ]),
    ),
]);
const MACHINES: Shape =
    Each(&Fields(&[("name", Value), ("addresses", Value), ("advertiseAddress", Value), ("bindPort", Value)]));

/// One word, or a list of names.
#[derive(Debug)]
enum Words {
    One(String),
    List(Vec<String>),
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordsVisitor;
        impl<'de> Visitor<'de> for WordsVisitor {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("none, controlPlanes or a list of node names")
            }

            fn visit_str<E>(self, word: &str) -> Result<Words, E> {
                Ok(Words::One(word.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = list.next_element()? {
                    words.push(word);
                }
                Ok(Words::List(words))
            }
        }
        deserializer.deserialize_any(WordsVisitor)
    }
}

/// Whether a document is in kpki's own format, of whatever version.
pub(super) fn is_own(document: &Document<'_>) -> bool {
    document.api_version.starts_with(GROUP)
}

/// Reads the one document of a file in kpki's own format.
pub(super) fn parse(documents: &[Document<'_>], file: &str) -> Result<Parsed, ClusterError> {
    let mut report = Report::default();
    let (own, others): (Vec<_>, Vec<_>) = documents.iter().partition(|document| is_own(document));
    for document in own.iter().skip(1).chain(&others) {
        let reason = "the file describes one cluster; put this document in a file of its own";
        document.refuse(&mut report, "kind", reason);
    }
    let Some(document) = own.first().filter(|_| report.is_clean()) else {
        return Err(report.into_error(file));
    };
    if document.api_version != API_VERSION || document.kind != KIND {
        let (kind, version) = (quote(&document.kind), quote(&document.api_version));
        let reason = format!("kind {kind} of {version} is not known; {KIND} of {API_VERSION} is");
        document.refuse(&mut report, "kind", reason);
        return Err(report.into_error(file));
    }
    let config: Cluster = match document.read(file) {
        Err(ClusterError::Yaml { reason, .. }) if reason.starts_with("unknown field") => {
            return Err(unknown_fields(document, file, report)?);
        }
        read => read?,
    };
    let spec = config.describe(&mut document.scope(&mut report));
    if report.is_clean() { Ok(Parsed { spec, notes: report.notes }) } else { Err(report.into_error(file)) }
}

/// Every field that is not known, at once, with its path.
fn unknown_fields(
    document: &Document<'_>,
    file: &str,
    mut report: Report,
) -> Result<ClusterError, ClusterError> {
    let outline: Outline = document.read(file)?;
    for Unknown { path, line, column, meant, known } in fields::unknown(&outline, SHAPE) {
        let reason = match meant {
            Some(meant) => format!("there is no such field; {meant} is meant?"),
            None => format!("there is no such field; there are {}", known.join(", ")),
        };
        report.push(Problem { line: document.line() - 1 + line, column, field: path, reason });
    }
    Ok(report.into_error(file))
}

impl Cluster {
    fn describe(&self, scope: &mut Scope<'_>) -> ClusterSpec {
        let mut spec = ClusterSpec::new(Source::Kpki);
        for (field, text, known) in
            [("apiVersion", &self.api_version, API_VERSION), ("kind", &self.kind, KIND)]
        {
            if text.value != known {
                scope.refuse(text, field, format!("{} is not known; {known} is", quote(&text.value)));
            }
        }
        let name = convert::cluster_name(scope, "metadata.name", &self.metadata.name);
        spec.name = name.unwrap_or_default();
        (spec.given.cluster, spec.given.name) = (true, true);
        self.spec.describe_keys(&mut spec, scope);
        self.spec.describe_network(&mut spec, scope);
        self.spec.describe_nodes(&mut spec, scope);
        self.spec.describe_ca_keys(&mut spec, scope);
        spec.users = people::users(self.spec.users.as_deref(), scope);
        self.spec.judge(&spec, scope);
        spec
    }
}

impl Spec {
    fn describe_keys(&self, spec: &mut ClusterSpec, scope: &mut Scope<'_>) {
        if let Some(text) = given(self.kubernetes_version.as_ref()) {
            let version = scope.accept(text, "spec.kubernetesVersion", version::parse(&text.value));
            spec.version = version.unwrap_or_default();
            spec.given.version = !version::is_label(&text.value);
            spec.kubelet_local_endpoint = version::kubelet_local_endpoint(&spec.version);
        }
        if let Some(text) = given(self.layout.as_ref()) {
            match text.value.as_str() {
                "kubeadm" => spec.naming = Naming::Kubeadm,
                "pem" => spec.naming = Naming::Pem,
                other => {
                    let reason = format!("{} is not known; write kubeadm or pem", quote(other));
                    scope.refuse(text, "spec.layout", reason);
                }
            }
        }
        if let Some(text) = given(self.algorithm.as_ref()) {
            let (named, all) = (text.value.parse().ok(), &KeyAlgorithm::ALL);
            let algorithm = convert::algorithm(scope, "spec.algorithm", text, named, all);
            spec.algorithm = algorithm.unwrap_or(spec.algorithm);
            spec.given.algorithm = true;
            if algorithm == Some(KeyAlgorithm::Ed25519) {
                let note = "spec.algorithm: API servers sign no service-account tokens with Ed25519; that one key \
                            pair is ECDSA-P256";
                scope.report.notes.push(note.to_owned());
            }
        }
        if let Some(Lifetimes { ca, leaf, user }) = &self.lifetimes {
            spec.given.ca_lifetime = given(ca.as_ref()).is_some();
            spec.given.leaf_lifetime = given(leaf.as_ref()).is_some();
            spec.given.user_lifetime = given(user.as_ref()).is_some();
            spec.ca_lifetime = convert::lifetime(scope, "spec.lifetimes.ca", ca.as_ref(), spec.ca_lifetime);
            spec.leaf_lifetime =
                convert::lifetime(scope, "spec.lifetimes.leaf", leaf.as_ref(), spec.leaf_lifetime);
            spec.user_lifetime =
                convert::lifetime(scope, "spec.lifetimes.user", user.as_ref(), spec.user_lifetime);
            // A certificate never outlives its issuer.
            for (field, text, lifetime) in
                [("leaf", leaf, spec.leaf_lifetime), ("user", user, spec.user_lifetime)]
            {
                if let Some(text) = text.as_ref().filter(|_| lifetime > spec.ca_lifetime) {
                    let reason = format!("{lifetime} is longer than the CAs' {}", spec.ca_lifetime);
                    scope.refuse(text, &format!("spec.lifetimes.{field}"), reason);
                }
            }
        }
    }

    fn describe_network(&self, spec: &mut ClusterSpec, scope: &mut Scope<'_>) {
        if let Some(text) = given(self.control_plane_endpoint.as_ref()) {
            let endpoint = Endpoint::parse(&text.value, DEFAULT_BIND_PORT);
            spec.endpoint = scope.accept(text, "spec.controlPlaneEndpoint", endpoint);
        }
        if let Some(networking) = &self.networking {
            let subnet = given(networking.service_subnet.as_ref());
            let services = match (subnet, &networking.service_subnets) {
                (Some(text), None) => {
                    let field = "spec.networking.serviceSubnet";
                    convert::services(scope, field, text, text.value.parse())
                }
                (None, Some(list)) => {
                    let subnets = ServiceSubnets::new(list.value.iter().map(String::as_str));
                    convert::services(scope, "spec.networking.serviceSubnets", list, subnets)
                }
                (Some(text), Some(_)) => {
                    let field = "spec.networking.serviceSubnet";
                    scope.refuse(text, field, "it says the same as serviceSubnets; remove one of them");
                    None
                }
                (None, None) => None,
            };
            spec.services = services.unwrap_or_default();
            let (field, domain) = ("spec.networking.dnsDomain", networking.dns_domain.as_ref());
            spec.dns_domain = convert::dns_domain(scope, field, domain, DEFAULT_DNS_DOMAIN);
        }
        let sans = self.api_server.as_ref().and_then(|server| server.cert_sans.as_ref());
        spec.apiserver_sans = convert::hosts(scope, "spec.apiServer.certSANs", sans);
        if let Some(etcd) = &self.etcd {
            let sans = etcd.server_cert_sans.as_ref();
            spec.etcd_server_sans = convert::hosts(scope, "spec.etcd.serverCertSANs", sans);
            let sans = etcd.peer_cert_sans.as_ref();
            spec.etcd_peer_sans = convert::hosts(scope, "spec.etcd.peerCertSANs", sans);
        }
    }

    fn describe_nodes(&self, spec: &mut ClusterSpec, scope: &mut Scope<'_>) {
        let topology = self.etcd.as_ref().and_then(|etcd| given(etcd.topology.as_ref()));
        match topology.map(|text| (text, text.value.as_str())) {
            None | Some((_, "stacked")) => spec.etcd = EtcdTopology::Stacked,
            Some((_, "external")) => spec.etcd = EtcdTopology::External { managed: true },
            Some((text, other)) => {
                let reason = format!("{} is not known; write stacked or external", quote(other));
                scope.refuse(text, "spec.etcd.topology", reason);
            }
        }
        let stacked = spec.etcd == EtcdTopology::Stacked;
        let members = self.etcd_members.as_ref();
        match members.filter(|members| !members.value.is_empty()) {
            Some(members) if stacked => {
                let reason = "with stacked etcd the control planes are its members; remove the field, or set \
                              etcd.topology to external";
                scope.refuse(members, "spec.etcdMembers", reason);
            }
            None if !stacked => {
                scope
                    .report
                    .missing("spec.etcdMembers", "it is missing, and external etcd needs at least one");
            }
            _ => {}
        }
        let control_plane = Role { field: "spec.controlPlanes", control_plane: true, etcd: stacked };
        let member = Role { field: "spec.etcdMembers", control_plane: false, etcd: true };
        let worker = Role { field: "spec.workers", control_plane: false, etcd: false };
        let lists = [
            (control_plane, self.control_planes.as_ref()),
            (member, members.map(|members| &members.value)),
            (worker, self.workers.as_ref()),
        ];
        let mut known = HashMap::new();
        for (role, machines) in lists {
            for machine in machines.into_iter().flatten() {
                let node = role.node(machine, scope);
                if let Some(first) = known.insert(machine.name.value.as_str(), &machine.name) {
                    let line = scope.line(first);
                    let reason = format!("{} is already a node at line {line}", quote(&machine.name.value));
                    scope.refuse(&machine.name, role.field, reason);
                }
                spec.nodes.extend(node);
            }
        }
    }

    fn describe_ca_keys(&self, spec: &mut ClusterSpec, scope: &mut Scope<'_>) {
        const FIELD: &str = "spec.caKeys";
        let Some(words) = &self.ca_keys else { return };
        spec.given.ca_keys = true;
        match &words.value {
            Words::One(word) if word == "none" => spec.ca_keys = CaKeys::Nowhere,
            Words::One(word) if word == "controlPlanes" => spec.ca_keys = CaKeys::ControlPlanes,
            Words::One(word) => {
                let reason =
                    format!("{} is not known; write none, controlPlanes or a list of nodes", quote(word));
                scope.refuse(words, FIELD, reason);
            }
            Words::List(names) => {
                let nodes: HashSet<&str> = spec.nodes.iter().map(|node| node.name.as_str()).collect();
                for name in names.iter().filter(|name| !nodes.contains(name.as_str())) {
                    scope.refuse(words, FIELD, format!("{} is not the name of a node", quote(name)));
                }
                spec.ca_keys = CaKeys::Nodes(names.iter().cloned().collect::<BTreeSet<_>>());
            }
        }
    }

    /// What only the whole shows.
    fn judge(&self, spec: &ClusterSpec, scope: &mut Scope<'_>) {
        let planes = self.control_planes.iter().flatten().count();
        if planes == 0 && spec.etcd == EtcdTopology::Stacked {
            scope.report.missing("spec.controlPlanes", "it is missing; a cluster needs at least one");
        } else if planes == 0 && self.control_plane_endpoint.is_none() {
            let others = self.workers.iter().flatten().count() + spec.users.len();
            if others > 0 {
                let reason = "workers and users need it where no control plane is listed";
                scope.report.missing("spec.controlPlaneEndpoint", reason);
            }
        }
        let notes = &mut scope.report.notes;
        if planes > 1 && self.control_plane_endpoint.is_none() {
            let note = "spec.controlPlaneEndpoint is not given: kubeconfigs for use away from the nodes point to \
                        the first control plane, and depend on that one machine";
            notes.push(note.to_owned());
        }
        let members = spec.etcd_members().count();
        if members > 0 && members.is_multiple_of(2) {
            let note =
                format!("etcd with {members} members survives no more failures than with {}", members - 1);
            notes.push(note);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::TEMPLATE;
    use super::super::yaml::documents;
    use super::*;

    #[test]
    fn every_field_is_in_the_template_and_in_the_shape() {
        let places = [
            ("metadata:", "metadata:\n  nope: 1"),
            ("spec:", "spec:\n  nope: 1"),
            ("  lifetimes:", "  lifetimes:\n    nope: 1"),
            ("  networking:", "  networking:\n    nope: 1"),
            ("  apiServer:", "  apiServer:\n    nope: 1"),
            ("  etcd:", "  etcd:\n    nope: 1"),
            ("    - name: cp1", "    - name: cp1\n      nope: 1"),
            ("    - name: worker1", "    - name: worker1\n      nope: 1"),
            ("    - name: jane", "    - name: jane\n      nope: 1"),
        ];
        for (place, with_mistake) in places {
            let text = TEMPLATE.replacen(&format!("\n{place}\n"), &format!("\n{with_mistake}\n"), 1);
            let read = documents(text.as_bytes(), "c.yaml").unwrap();
            // The reader itself lists its fields when it meets one that it does not know.
            let error = read[0].read::<Cluster>("c.yaml").unwrap_err().to_string();
            let (_, fields) = error.split_once("expected ").unwrap();
            let mut listed: Vec<&str> = fields.trim_start_matches("one of ").split(", ").collect();
            for field in &listed {
                assert!(TEMPLATE.contains(&format!("{field}:")), "{field} is not in the template: {error}");
            }
            let outline: Outline = read[0].read("c.yaml").unwrap();
            let found = fields::unknown(&outline, SHAPE);
            assert_eq!(found.len(), 1, "{place}: {found:?}");
            let mut known = found[0].known.clone();
            known.sort_unstable();
            listed.sort_unstable();
            assert_eq!(known, listed, "{place}");
        }
        let outline: Outline = documents(TEMPLATE.as_bytes(), "c").unwrap()[0].read("c").unwrap();
        assert_eq!(fields::unknown(&outline, SHAPE), []);
    }
}
