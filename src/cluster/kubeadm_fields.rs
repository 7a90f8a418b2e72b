//! The fields of kubeadm's configuration, all of them, for a word about those that it does not have.
//!
//! Source: Kubernetes, `cmd/kubeadm/app/apis/kubeadm/{v1beta3,v1beta4}/types.go` of 1.36. kubeadm itself leaves unknown
//! fields alone, with a warning; names differ from others by the case of a single letter.

use super::error::ClusterError;
use super::fields::Shape::{self, Each, Fields, Value};
use super::fields::{Outline, unknown};
use super::yaml::{Document, Report};

const NAMED: Shape = Each(&Fields(&[("name", Value), ("value", Value)]));
const VOLUMES: Shape = Each(&Fields(&[
    ("name", Value),
    ("hostPath", Value),
    ("mountPath", Value),
    ("readOnly", Value),
    ("pathType", Value),
]));
const VARIABLES: Shape = Each(&Fields(&[("name", Value), ("value", Value), ("valueFrom", Value)]));
const TOKENS: Shape = Each(&Fields(&[
    ("token", Value),
    ("description", Value),
    ("ttl", Value),
    ("expires", Value),
    ("usages", Value),
    ("groups", Value),
]));
const TAINTS: Shape =
    Each(&Fields(&[("key", Value), ("value", Value), ("effect", Value), ("timeAdded", Value)]));
const ENDPOINT: Shape = Fields(&[("advertiseAddress", Value), ("bindPort", Value)]);
const PATCHES: Shape = Fields(&[("directory", Value)]);
const TIMEOUTS: Shape = Fields(&[
    ("controlPlaneComponentHealthCheck", Value),
    ("kubeletHealthCheck", Value),
    ("kubernetesAPICall", Value),
    ("etcdAPICall", Value),
    ("tlsBootstrap", Value),
    ("discovery", Value),
    ("upgradeManifests", Value),
]);
const TOKEN_DISCOVERY: Shape = Fields(&[
    ("token", Value),
    ("apiServerEndpoint", Value),
    ("caCertHashes", Value),
    ("unsafeSkipCAVerification", Value),
]);
const FILE_DISCOVERY: Shape = Fields(&[("kubeConfigPath", Value)]);
const CONTROL_PLANE: Shape = Fields(&[("localAPIEndpoint", ENDPOINT), ("certificateKey", Value)]);
const NETWORKING: Shape = Fields(&[("serviceSubnet", Value), ("podSubnet", Value), ("dnsDomain", Value)]);
const EXTERNAL_ETCD: Shape = Fields(&[
    ("endpoints", Value),
    ("httpEndpoints", Value),
    ("caFile", Value),
    ("certFile", Value),
    ("keyFile", Value),
]);

const REGISTRATION_4: Shape = Fields(&[
    ("name", Value),
    ("criSocket", Value),
    ("taints", TAINTS),
    ("kubeletExtraArgs", NAMED),
    ("ignorePreflightErrors", Value),
    ("imagePullPolicy", Value),
    ("imagePullSerial", Value),
]);
const COMPONENT_4: Shape =
    Fields(&[("extraArgs", NAMED), ("extraVolumes", VOLUMES), ("extraEnvs", VARIABLES)]);
const INIT_4: Shape = Fields(&[
    ("apiVersion", Value),
    ("kind", Value),
    ("bootstrapTokens", TOKENS),
    ("dryRun", Value),
    ("nodeRegistration", REGISTRATION_4),
    ("localAPIEndpoint", ENDPOINT),
    ("certificateKey", Value),
    ("skipPhases", Value),
    ("patches", PATCHES),
    ("timeouts", TIMEOUTS),
]);
const CLUSTER_4: Shape = Fields(&[
    ("apiVersion", Value),
    ("kind", Value),
    (
        "etcd",
        Fields(&[
            (
                "local",
                Fields(&[
                    ("imageRepository", Value),
                    ("imageTag", Value),
                    ("dataDir", Value),
                    ("extraArgs", NAMED),
                    ("extraEnvs", VARIABLES),
                    ("serverCertSANs", Value),
                    ("peerCertSANs", Value),
                ]),
            ),
            ("external", EXTERNAL_ETCD),
        ]),
    ),
    ("networking", NETWORKING),
    ("kubernetesVersion", Value),
    ("controlPlaneEndpoint", Value),
    (
        "apiServer",
        Fields(&[
            ("extraArgs", NAMED),
            ("extraVolumes", VOLUMES),
            ("extraEnvs", VARIABLES),
            ("certSANs", Value),
        ]),
    ),
    ("controllerManager", COMPONENT_4),
    ("scheduler", COMPONENT_4),
    ("dns", Fields(&[("imageRepository", Value), ("imageTag", Value), ("disabled", Value)])),
    ("proxy", Fields(&[("disabled", Value)])),
    ("certificatesDir", Value),
    ("imageRepository", Value),
    ("featureGates", Value),
    ("clusterName", Value),
    ("encryptionAlgorithm", Value),
    ("certificateValidityPeriod", Value),
    ("caCertificateValidityPeriod", Value),
]);
const JOIN_4: Shape = Fields(&[
    ("apiVersion", Value),
    ("kind", Value),
    ("dryRun", Value),
    ("nodeRegistration", REGISTRATION_4),
    ("caCertPath", Value),
    (
        "discovery",
        Fields(&[
            ("bootstrapToken", TOKEN_DISCOVERY),
            ("file", FILE_DISCOVERY),
            ("tlsBootstrapToken", Value),
        ]),
    ),
    ("controlPlane", CONTROL_PLANE),
    ("skipPhases", Value),
    ("patches", PATCHES),
    ("timeouts", TIMEOUTS),
]);

const REGISTRATION_3: Shape = Fields(&[
    ("name", Value),
    ("criSocket", Value),
    ("taints", TAINTS),
    ("kubeletExtraArgs", Value),
    ("ignorePreflightErrors", Value),
    ("imagePullPolicy", Value),
]);
const COMPONENT_3: Shape = Fields(&[("extraArgs", Value), ("extraVolumes", VOLUMES)]);
const INIT_3: Shape = Fields(&[
    ("apiVersion", Value),
    ("kind", Value),
    ("bootstrapTokens", TOKENS),
    ("nodeRegistration", REGISTRATION_3),
    ("localAPIEndpoint", ENDPOINT),
    ("certificateKey", Value),
    ("skipPhases", Value),
    ("patches", PATCHES),
]);
const CLUSTER_3: Shape = Fields(&[
    ("apiVersion", Value),
    ("kind", Value),
    (
        "etcd",
        Fields(&[
            (
                "local",
                Fields(&[
                    ("imageRepository", Value),
                    ("imageTag", Value),
                    ("dataDir", Value),
                    ("extraArgs", Value),
                    ("serverCertSANs", Value),
                    ("peerCertSANs", Value),
                ]),
            ),
            ("external", EXTERNAL_ETCD),
        ]),
    ),
    ("networking", NETWORKING),
    ("kubernetesVersion", Value),
    ("controlPlaneEndpoint", Value),
    (
        "apiServer",
        Fields(&[
            ("extraArgs", Value),
            ("extraVolumes", VOLUMES),
            ("certSANs", Value),
            ("timeoutForControlPlane", Value),
        ]),
    ),
    ("controllerManager", COMPONENT_3),
    ("scheduler", COMPONENT_3),
    ("dns", Fields(&[("imageRepository", Value), ("imageTag", Value)])),
    ("certificatesDir", Value),
    ("imageRepository", Value),
    ("featureGates", Value),
    ("clusterName", Value),
]);
const JOIN_3: Shape = Fields(&[
    ("apiVersion", Value),
    ("kind", Value),
    ("nodeRegistration", REGISTRATION_3),
    ("caCertPath", Value),
    (
        "discovery",
        Fields(&[
            ("bootstrapToken", TOKEN_DISCOVERY),
            ("file", FILE_DISCOVERY),
            ("tlsBootstrapToken", Value),
            ("timeout", Value),
        ]),
    ),
    ("controlPlane", CONTROL_PLANE),
    ("skipPhases", Value),
    ("patches", PATCHES),
]);

/// Says which fields of a document of kubeadm's it does not have: they are ignored.
pub(super) fn look_through(
    document: &Document<'_>,
    file: &str,
    report: &mut Report,
) -> Result<(), ClusterError> {
    let (group, version) = document.api_version.split_once('/').unwrap_or(("", ""));
    let kind = document.kind.as_str();
    let shape = match (version, kind) {
        ("v1beta4", "InitConfiguration") => INIT_4,
        ("v1beta4", "ClusterConfiguration") => CLUSTER_4,
        ("v1beta4", "JoinConfiguration") => JOIN_4,
        ("v1beta3", "InitConfiguration") => INIT_3,
        ("v1beta3", "ClusterConfiguration") => CLUSTER_3,
        ("v1beta3", "JoinConfiguration") => JOIN_3,
        _ => return Ok(()),
    };
    let outline: Outline = document.read(file)?;
    for field in unknown(&outline, shape) {
        let line = document.line() - 1 + field.line;
        let meant = field.meant.map(|meant| format!("; {meant} is meant?")).unwrap_or_default();
        let note = format!(
            "line {line}: {} is ignored: {kind} of {group}/{version} has no such field{meant}",
            field.path
        );
        report.notes.push(note);
    }
    Ok(())
}
