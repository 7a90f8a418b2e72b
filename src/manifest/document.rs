//! Files that say how programs are launched, each read once, whatever node it lies on.

use super::{
    Arguments, Environment, KubeletConfiguration, LARGEST, Settings, StaticPod, Unit, kubelet_configuration,
    static_pod,
};

/// The largest file that is looked at as a unit, an environment file or arguments, in bytes. systemd itself reads no longer lines.
const LARGEST_TEXT: usize = 1 << 20;

/// The fields by which a file without a kind is known for a configuration whose fields are flags: etcd's, k3s' and RKE2's. Any of them
/// does at the beginning of a line.
const FIELDS: [&str; 22] = [
    "client-transport-security",
    "peer-transport-security",
    "listen-client-urls",
    "listen-peer-urls",
    "advertise-client-urls",
    "initial-advertise-peer-urls",
    "initial-cluster",
    "data-dir",
    "kube-apiserver-arg",
    "kube-controller-manager-arg",
    "kube-scheduler-arg",
    "kube-proxy-arg",
    "kubelet-arg",
    "etcd-arg",
    "tls-san",
    "server",
    "token",
    "cluster-init",
    "datastore-endpoint",
    "node-ip",
    "node-name",
    "write-kubeconfig-mode",
];

/// A file that says how a program is launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// A static pod of a component that is known.
    Pod(StaticPod),
    /// A kubelet's configuration.
    Kubelet(KubeletConfiguration),
    /// A unit of systemd, or a drop-in of one.
    Unit(Unit),
    /// Variables.
    Environment(Environment),
    /// One flag a line.
    Arguments(Arguments),
    /// A configuration whose fields are flags.
    Settings(Settings),
    /// An object of this kind that cannot be read as one, and why; safe to show.
    Broken(&'static str, String),
}

impl Document {
    /// The kind of a static pod.
    pub const POD: &'static str = "Pod";
    /// The kind of a kubelet's configuration.
    pub const KUBELET: &'static str = "KubeletConfiguration";

    /// Kinds of configurations of which some fields are flags.
    const CONFIGURATIONS: [&'static str; 4] = [
        "KubeProxyConfiguration",
        "KubeSchedulerConfiguration",
        "KubeControllerManagerConfiguration",
        "ClusterConfig",
    ];

    /// Reads a file whose kind is known: what an object of Kubernetes says of itself; none for every other text.
    pub fn read(bytes: &[u8], kind: Option<&str>) -> Option<Self> {
        match kind {
            Some(Self::POD) => match static_pod(bytes) {
                Ok(pod) => pod.map(Self::Pod),
                Err(error) => Some(Self::Broken(Self::POD, error.to_string())),
            },
            Some(Self::KUBELET) => Some(match kubelet_configuration(bytes) {
                Ok(configuration) => Self::Kubelet(configuration),
                Err(error) => Self::Broken(Self::KUBELET, error.to_string()),
            }),
            Some(kind) if Self::CONFIGURATIONS.contains(&kind) => {
                let text = std::str::from_utf8(bytes).ok()?;
                Settings::read(text).ok().map(Self::Settings)
            }
            Some(_) => None,
            None => Self::of_text(bytes),
        }
    }

    /// Reads a file that may be any of them.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        let has = |kind: &str| bytes.windows(kind.len()).any(|window| window == kind.as_bytes());
        if !has("kind") {
            return Self::of_text(bytes);
        }
        // What an object is called stands on a line of its own, or in quotes.
        let text = std::str::from_utf8(bytes).ok()?;
        let kind_of = |line: &str| {
            let (name, value) = line.trim().trim_start_matches('{').split_once(':')?;
            (name.trim().trim_matches('"') == "kind")
                .then(|| value.trim_matches([' ', '"', ',', '\'', '}']).to_owned())
        };
        let lines = text.lines().filter(|line| !line.starts_with(' ') || text.trim_start().starts_with('{'));
        let kind = lines.flat_map(|line| line.split(", ")).find_map(kind_of);
        match kind.as_deref() {
            Some(kind) => Self::read(bytes, Some(kind)),
            None => Self::of_text(bytes),
        }
    }

    fn of_text(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > usize::try_from(LARGEST).unwrap_or(usize::MAX) || bytes.contains(&0) {
            return None;
        }
        let text = std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).ok()?;
        // PEM is the most of what is read, and nothing of this.
        if text.trim_start().starts_with("-----BEGIN ") {
            return None;
        }
        if has_field(text)
            && let Ok(settings) = Settings::read(text)
        {
            return settings.has(&FIELDS).then_some(Self::Settings(settings));
        }
        if text.len() > LARGEST_TEXT {
            return None;
        }
        if let Some(unit) = Unit::read(text) {
            return Some(Self::Unit(unit));
        }
        if let Some(arguments) = Arguments::read(text) {
            return Some(Self::Arguments(arguments));
        }
        has_variable(text).then(|| Environment::read(text)).flatten().map(Self::Environment)
    }
}

/// Whether a line begins with one of [`FIELDS`], in YAML or in JSON.
fn has_field(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start_matches(['{', ' ']);
        let Some((name, _)) = line.split_once(':') else { return false };
        FIELDS.contains(&name.trim().trim_matches(['"', '\'']))
    })
}

/// Whether a line sets a variable.
fn has_variable(text: &str) -> bool {
    text.lines().any(|line| {
        let name = line.split_once('=').map(|(name, _)| name.trim()).unwrap_or_default();
        super::environment::is_name(name.strip_prefix("export ").unwrap_or(name).trim_start())
    })
}
