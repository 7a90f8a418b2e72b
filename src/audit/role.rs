//! Which part a certificate or a key plays in a cluster.

use std::fmt;

use crate::layout::Authority;

/// A part that a certificate or a key plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The CA of API servers, kubelets, components and users.
    KubernetesCa,
    /// The CA of etcd's servers, peers and clients.
    EtcdCa,
    /// The CA of the front proxy's client.
    FrontProxyCa,
    /// What the API server shows to its clients.
    Apiserver,
    /// With which the API server calls kubelets.
    ApiserverKubeletClient,
    /// With which the API server calls etcd.
    ApiserverEtcdClient,
    /// With which the API server calls extension API servers.
    FrontProxyClient,
    /// What etcd shows to its clients.
    EtcdServer,
    /// With which etcd's members talk to each other.
    EtcdPeer,
    /// Another client of etcd: etcdctl, the liveness probe.
    EtcdClient,
    /// What the controller manager shows.
    ControllerManagerServing,
    /// What the scheduler shows.
    SchedulerServing,
    /// What the kubelet shows.
    KubeletServing,
    /// With which the kubelet calls the API server.
    KubeletClient,
    /// The cluster's administrator, bound by RBAC (`admin.conf`).
    Admin,
    /// The administrator whom no RBAC binds (`super-admin.conf`).
    SuperAdmin,
    /// With which the controller manager calls the API server.
    ControllerManager,
    /// With which the scheduler calls the API server.
    Scheduler,
    /// With which another component calls the API server: kube-proxy, a cloud controller, the supervisor of a distribution.
    Component,
    /// With which somebody else calls the API server.
    User,
    /// The key pair that signs service-account tokens.
    ServiceAccount,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::KubernetesCa,
        Self::EtcdCa,
        Self::FrontProxyCa,
        Self::Apiserver,
        Self::ApiserverKubeletClient,
        Self::ApiserverEtcdClient,
        Self::FrontProxyClient,
        Self::EtcdServer,
        Self::EtcdPeer,
        Self::EtcdClient,
        Self::ControllerManagerServing,
        Self::SchedulerServing,
        Self::KubeletServing,
        Self::KubeletClient,
        Self::Admin,
        Self::SuperAdmin,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Component,
        Self::User,
        Self::ServiceAccount,
    ];

    /// Its name: that of the profile by which such a certificate is issued; `service-account` for the key pair, and `component` for
    /// components that have no profile.
    pub fn name(self) -> &'static str {
        match self {
            Self::KubernetesCa => "kubernetes-ca",
            Self::EtcdCa => "etcd-ca",
            Self::FrontProxyCa => "front-proxy-ca",
            Self::Apiserver => "apiserver",
            Self::ApiserverKubeletClient => "apiserver-kubelet-client",
            Self::ApiserverEtcdClient => "apiserver-etcd-client",
            Self::FrontProxyClient => "front-proxy-client",
            Self::EtcdServer => "etcd-server",
            Self::EtcdPeer => "etcd-peer",
            Self::EtcdClient => "etcd-client",
            Self::ControllerManagerServing => "controller-manager-serving",
            Self::SchedulerServing => "scheduler-serving",
            Self::KubeletServing => "kubelet-serving",
            Self::KubeletClient => "kubelet-client",
            Self::Admin => "admin",
            Self::SuperAdmin => "super-admin",
            Self::ControllerManager => "controller-manager",
            Self::Scheduler => "scheduler",
            Self::Component => "component",
            Self::User => "user",
            Self::ServiceAccount => "service-account",
        }
    }

    /// The role of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether it signs certificates.
    pub fn is_ca(self) -> bool {
        matches!(self, Self::KubernetesCa | Self::EtcdCa | Self::FrontProxyCa)
    }

    /// Whether it stands for a TLS server.
    pub fn is_server(self) -> bool {
        matches!(
            self,
            Self::Apiserver
                | Self::EtcdServer
                | Self::EtcdPeer
                | Self::ControllerManagerServing
                | Self::SchedulerServing
                | Self::KubeletServing
        )
    }

    /// Whether it stands for a TLS client.
    pub fn is_client(self) -> bool {
        matches!(
            self,
            Self::ApiserverKubeletClient
                | Self::ApiserverEtcdClient
                | Self::FrontProxyClient
                | Self::EtcdPeer
                | Self::EtcdClient
        ) || self.is_api_client()
    }

    /// Whether it is a client of the API server, whose subject says who it is.
    pub fn is_api_client(self) -> bool {
        matches!(
            self,
            Self::KubeletClient
                | Self::Admin
                | Self::SuperAdmin
                | Self::ControllerManager
                | Self::Scheduler
                | Self::Component
                | Self::User
        )
    }

    /// The authority that it is, or that issues it; none for the service-account key pair.
    pub fn authority(self) -> Option<Authority> {
        match self {
            Self::EtcdCa
            | Self::ApiserverEtcdClient
            | Self::EtcdServer
            | Self::EtcdPeer
            | Self::EtcdClient => Some(Authority::Etcd),
            Self::FrontProxyCa | Self::FrontProxyClient => Some(Authority::FrontProxy),
            Self::ServiceAccount => None,
            _ => Some(Authority::Kubernetes),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a role is known. The first that is known counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Basis {
    /// A manifest's flag, the kubelet's configuration or a kubeconfig names the file for it.
    Reference,
    /// Its place and name in a known layout.
    Place,
    /// What it says itself.
    Content,
}
