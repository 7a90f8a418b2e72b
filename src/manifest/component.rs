//! The programs whose flags bear on certificates.

use std::fmt;

/// A program of Kubernetes, or etcd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// kube-apiserver.
    Apiserver,
    /// kube-controller-manager.
    ControllerManager,
    /// kube-scheduler.
    Scheduler,
    /// etcd.
    Etcd,
    /// The kubelet.
    Kubelet,
    /// kube-proxy.
    Proxy,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Apiserver, Self::ControllerManager, Self::Scheduler, Self::Etcd, Self::Kubelet, Self::Proxy];

    /// Those of a control plane.
    pub const CONTROL_PLANE: [Self; 4] =
        [Self::Apiserver, Self::ControllerManager, Self::Scheduler, Self::Etcd];

    /// The name of its program.
    pub fn program(self) -> &'static str {
        match self {
            Self::Apiserver => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Etcd => "etcd",
            Self::Kubelet => "kubelet",
            Self::Proxy => "kube-proxy",
        }
    }

    /// The component whose program is called so, whatever directory it is in.
    pub fn of_program(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path);
        Self::ALL.into_iter().find(|component| component.program() == name)
    }

    /// The component that a name is about: `kube-apiserver.service`, `KUBE_APISERVER_OPTS`, `etcd-events`.
    pub fn of_name(name: &str) -> Option<Self> {
        const WORDS: [(&str, Component); 7] = [
            // Before others: its variables name the API server (`KUBELET_API_SERVER`).
            ("kubelet", Component::Kubelet),
            ("apiserver", Component::Apiserver),
            ("kubeapi", Component::Apiserver),
            ("kubecontrollermanager", Component::ControllerManager),
            ("kubescheduler", Component::Scheduler),
            ("kubeproxy", Component::Proxy),
            ("etcd", Component::Etcd),
        ];
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        let name = name.to_ascii_lowercase();
        WORDS.into_iter().find(|(word, _)| name.contains(word)).map(|(_, component)| component)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.program())
    }
}
