//! Certificates that somebody renews by a way of his own: a kubelet, and distributions that keep what they have made.

use std::path::Path;

use super::super::super::{Cert, Node, Role, Target as Led};
use super::super::files::is_combined_by_design;
use super::super::kubelet::{CLIENT, kubeconfig};
use super::{Desk, Reissue};
use crate::manifest::{By, Component, Launch};
use crate::remedy::{Command, Remedy};
use crate::x509::{quoted, shell_word};

/// Who has made a file, where it keeps such files by a way of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Maker {
    K3s,
    Rke2,
    K0s,
    Microk8s,
    Minikube,
}

/// The directories of those who make their certificates themselves.
const PLACES: [(&str, Maker); 6] = [
    ("/var/lib/rancher/k3s", Maker::K3s),
    ("/var/lib/rancher/rke2", Maker::Rke2),
    ("/var/lib/k0s", Maker::K0s),
    ("/var/snap/microk8s", Maker::Microk8s),
    ("/var/lib/minikube", Maker::Minikube),
    ("/etc/rancher/k3s", Maker::K3s),
];

impl Maker {
    /// Who has made what lies at a path of a node.
    pub(in super::super) fn of(path: &Path) -> Option<Self> {
        PLACES.iter().find(|(place, _)| path.starts_with(place)).map(|(_, maker)| *maker)
    }

    /// Who gives a component of a node its flags, where that is a program that writes or has them in itself.
    pub(super) fn of_launch(node: &Node, launch: &Launch) -> Option<Self> {
        let file = node.files.get(launch.file)?;
        let programs = [("k3s", Self::K3s), ("rke2", Self::Rke2), ("k0s", Self::K0s)];
        let by_unit =
            programs.iter().find(|(name, _)| launch.by == By::Bundle && file.name().starts_with(name));
        let maker = Self::of(&file.on_node).or(by_unit.map(|(_, maker)| *maker))?;
        matches!(maker, Self::K3s | Self::Rke2 | Self::K0s).then_some(maker)
    }

    /// Where it is told the flags of a component.
    pub(super) fn flags_of(self, component: Component) -> String {
        let rancher = |program: &str, service: &str| {
            format!(
                "{program} takes it as an entry of `{}-arg` in /etc/rancher/{program}/config.yaml; then `systemctl restart {service}`.",
                component.program()
            )
        };
        match self {
            Self::K3s => rancher("k3s", "k3s"),
            Self::Rke2 => rancher("rke2", "rke2-server"),
            Self::K0s | Self::Microk8s | Self::Minikube => {
                let section = match component {
                    Component::Apiserver => "spec.api.extraArgs",
                    Component::ControllerManager => "spec.controllerManager.extraArgs",
                    Component::Scheduler => "spec.scheduler.extraArgs",
                    Component::Etcd => "spec.storage.etcd.extraArgs",
                    Component::Kubelet | Component::Proxy => {
                        return format!("Give it to {component} by the flags of k0s.");
                    }
                };
                format!(
                    "k0s takes it in `{section}` of /etc/k0s/k0s.yaml; then `systemctl restart k0scontroller`."
                )
            }
        }
    }

    /// How it makes its leaves anew.
    pub(super) fn renewal(self) -> Remedy {
        let rotate = |service: &str, program: &str| {
            Remedy::words(format!("Let {program} make it anew, on the node:"))
                .run(Command::written(format!("systemctl stop {service}")))
                .run(Command::written(format!("{program} certificate rotate")))
                .run(Command::written(format!("systemctl start {service}")))
                .say(format!("It keeps what it replaces in a directory beside it. On an agent the service is {program}-agent."))
        };
        match self {
            Self::K3s => rotate("k3s", "k3s"),
            Self::Rke2 => rotate("rke2-server", "rke2"),
            Self::K0s => Remedy::words("k0s makes its leaves anew when it starts, on the node:")
                .run(Command::written("systemctl restart k0scontroller"))
                .say("On a worker the service is k0sworker."),
            Self::Microk8s => Remedy::words("Let MicroK8s make it anew, on the node:")
                .run(Command::written("microk8s refresh-certs --cert server.crt"))
                .say("For the front proxy's client it is `--cert front-proxy-client.crt`."),
            Self::Minikube => Remedy::words(
                "minikube makes what has ended anew when it starts, on the machine where it was called:",
            )
            .run(Command::written("minikube stop"))
            .run(Command::written("minikube start")),
        }
    }

    /// How it makes its CAs anew.
    pub(super) fn renewal_of_ca(self) -> Remedy {
        let page = match self {
            Self::K3s => "https://docs.k3s.io/cli/certificate#rotating-custom-ca-certificates",
            Self::Rke2 => "https://docs.rke2.io/security/certificates",
            Self::K0s => "https://docs.k0sproject.io/stable/custom-ca/",
            Self::Microk8s => "https://microk8s.io/docs/command-reference#heading--microk8s-refresh-certs",
            Self::Minikube => "https://minikube.sigs.k8s.io/docs/commands/delete/",
        };
        Remedy::words(format!("Its maker has a way of its own to replace a CA: {page} has the steps."))
    }

    /// Where names are given to the API server's certificate.
    fn names(self) -> &'static str {
        match self {
            Self::K3s => {
                "First put the names that are missing into `tls-san` of /etc/rancher/k3s/config.yaml."
            }
            Self::Rke2 => {
                "First put the names that are missing into `tls-san` of /etc/rancher/rke2/config.yaml."
            }
            Self::K0s => "First put the names that are missing into `spec.api.sans` of /etc/k0s/k0s.yaml.",
            Self::Microk8s => {
                "First put the names that are missing into /var/snap/microk8s/current/certs/csr.conf.template."
            }
            Self::Minikube => {
                "Give the names that are missing with `--apiserver-names` and `--apiserver-ips` when it starts."
            }
        }
    }
}

impl<'a> Desk<'a> {
    /// How a certificate is made anew by who has made it; none where kpki may do so.
    pub(super) fn own_way(&self, cert: Cert<'a>, role: Option<Role>, reissue: &Reissue) -> Option<Remedy> {
        let file = cert.file();
        if let Some(maker) = Maker::of(&file.on_node) {
            let lacks =
                !reissue.names.is_empty() || self.wanted(cert).is_some_and(|wanted| !wanted.names.is_empty());
            let names = if lacks && role == Some(Role::Apiserver) { maker.names() } else { "" };
            return Some(Remedy::words(&*reissue.first).say(names).then(maker.renewal()).say(&*reissue.then));
        }
        let rotates = is_combined_by_design(file) && file.name().starts_with("kubelet-");
        let holds = cert.tbs().validity.contains(self.scene.policy.at);
        match role {
            Some(Role::KubeletClient) if rotates && reissue.renewal && holds => Some(
                Remedy::words("The kubelet asks for a new one by itself while this one holds, at the latest when it starts:")
                    .run(Command::written("systemctl restart kubelet")),
            ),
            Some(Role::KubeletClient) if rotates => Some(self.kubelets_client(cert, reissue)),
            Some(Role::KubeletServing) if rotates => Some(asked_again()),
            Some(Role::KubeletServing) if cert.is_kubelets_own() => Some(self.kubelets_own(cert)),
            _ => None,
        }
    }

    /// A new kubeconfig, with which the kubelet asks for a certificate of its own.
    fn kubelets_client(&self, cert: Cert<'a>, reissue: &Reissue) -> Remedy {
        let own = cert.tbs().subject.common_name().and_then(|name| name.strip_prefix("system:node:"));
        let name = reissue.called.clone().or_else(|| own.map(str::to_owned)).or_else(|| self.node_name());
        let node = self.node();
        let conf =
            kubeconfig(node).and_then(|file| node.files.get(file)).map(|file| file.command_path().to_owned());
        let file = cert.file().command_path();
        let directory = file.parent().unwrap_or(Path::new(""));
        Remedy::words(&*reissue.first)
            .then(new_kubeconfig(name.as_deref(), directory, conf.as_deref()))
            .say(&*reissue.then)
    }

    /// A kubelet that signs for itself does so anew where it finds no pair.
    fn kubelets_own(&self, cert: Cert<'a>) -> Remedy {
        let key = self.node().key_file_beside(cert.file()).map(|(_, file)| shell_word(file.command_path()));
        let both =
            [Some(shell_word(cert.file().command_path())), key].into_iter().flatten().collect::<Vec<_>>();
        Remedy::words("The kubelet has signed it for itself, and does so again where there is none:")
            .run(put_aside(&both.join(" ")))
            .run(Command::written("systemctl restart kubelet"))
    }

    /// kubeadm's own way to renew a certificate that it has made, in words.
    pub(super) fn kubeadms_way(&self, cert: Cert<'a>, role: Option<Role>) -> String {
        let name = role.and_then(kubeadms_name).filter(|_| self.is_kubeadms());
        match name.filter(|_| cert.file().on_node.starts_with("/etc/kubernetes")) {
            Some(name) => format!("kubeadm's way is `kubeadm certs renew {name}`, on the node."),
            None => String::new(),
        }
    }

    /// Whether the node's files are kubeadm's.
    fn is_kubeadms(&self) -> bool {
        let node = self.node();
        node.launch(Component::Apiserver).is_some_and(|launch| launch.by == By::Pod)
            && matches!(node.resolve(Path::new("/etc/kubernetes/pki/ca.crt")), Led::File(_))
            && node.file_at("/etc/kubernetes/admin.conf").is_some()
    }
}

/// How kubeadm calls what it can renew (`kubeadm certs renew --help`).
fn kubeadms_name(role: Role) -> Option<&'static str> {
    Some(match role {
        Role::Apiserver => "apiserver",
        Role::ApiserverKubeletClient => "apiserver-kubelet-client",
        Role::ApiserverEtcdClient => "apiserver-etcd-client",
        Role::FrontProxyClient => "front-proxy-client",
        Role::EtcdServer => "etcd-server",
        Role::EtcdPeer => "etcd-peer",
        Role::EtcdClient => "etcd-healthcheck-client",
        Role::Admin => "admin.conf",
        Role::SuperAdmin => "super-admin.conf",
        Role::ControllerManager => "controller-manager.conf",
        Role::Scheduler => "scheduler.conf",
        _ => return None,
    })
}

/// A new kubeconfig for a kubelet of a name, whose certificates are in a directory, and the kubeconfig that it is given, where that is known.
pub(super) fn new_kubeconfig(name: Option<&str>, directory: &Path, conf: Option<&Path>) -> Remedy {
    let user = format!("system:node:{}", name.unwrap_or("NAME"));
    let make = Command::written(format!(
        "(umask 077 && kubeadm kubeconfig user --org system:nodes --client-name {} > kubelet.conf)",
        quoted(&user)
    ));
    let all = if directory.as_os_str().is_empty() {
        "kubelet-client-*".to_owned()
    } else {
        format!("{}/kubelet-client-*", shell_word(directory))
    };
    let restart = Command::written("systemctl restart kubelet");
    let remedy = Remedy::words(
        "The kubelet asks for its certificates itself, and needs a kubeconfig that the cluster takes. On a control plane with the CA's key:",
    )
    .run(make)
    .say("Bring kubelet.conf to the node, put the certificates of now aside, and let the kubelet ask:")
    .run(put_aside(&all));
    let Some(conf) = conf.map(shell_word) else {
        return remedy
            .say("Put kubelet.conf in the place of the kubeconfig that the kubelet is given, and restart it:")
            .run(restart);
    };
    remedy
        .run(Command::written(format!("cp kubelet.conf {conf}")))
        .run(restart)
        .say(format!("Once the kubelet has written {CLIENT}, let kubelet.conf name that; until then the key stands in it:"))
        .run(
            Command::written(format!("kubectl --kubeconfig {conf} config set-credentials"))
                .arg(user)
                .plain(&format!("--client-certificate={CLIENT} --client-key={CLIENT}")),
        )
}

/// What a kubelet asks for with a request that somebody approves.
fn asked_again() -> Remedy {
    Remedy::words("The kubelet asks for it by a request, which waits to be approved:")
        .run(Command::written("systemctl restart kubelet"))
        .run(Command::written("kubectl get csr"))
        .say("`kubectl certificate approve NAME` approves the pending one of kubernetes.io/kubelet-serving, once its names are right.")
}

/// Moves files, quoted already, where nobody else reads them and no program looks.
pub(super) fn put_aside(files: &str) -> Command {
    Command::written(format!("d=$(mktemp -d ~/put-aside.XXXXXX) && mv {files} \"$d\""))
}
