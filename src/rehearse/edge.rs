//! The kinds of connections in a cluster.

use std::fmt;

/// A kind of connection: who dials whom, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Edge {
    /// An administrator with `admin.conf` to the API server.
    Admin,
    /// An administrator with `super-admin.conf` to the API server.
    SuperAdmin,
    /// A user with a kubeconfig to the API server.
    User,
    /// The controller manager to the API server.
    ControllerManager,
    /// The scheduler to the API server.
    Scheduler,
    /// A kubelet to the API server.
    Kubelet,
    /// kube-proxy to the API server.
    Proxy,
    /// Pods to the API server, by the service `kubernetes`.
    Pods,
    /// The API server to a kubelet.
    ApiserverKubelet,
    /// The API server to etcd.
    ApiserverEtcd,
    /// A member of etcd to another one.
    EtcdPeer,
    /// etcd's gRPC gateway to the member that it belongs to.
    EtcdGateway,
    /// etcd's health check, and etcdctl on the node, to the member.
    EtcdHealthcheck,
    /// The API server, as the front proxy, to an extension API server.
    FrontProxy,
    /// Monitoring to the controller manager.
    ControllerManagerMetrics,
    /// Monitoring to the scheduler.
    SchedulerMetrics,
}

impl Edge {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 16] = [
        Self::Admin,
        Self::SuperAdmin,
        Self::User,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Kubelet,
        Self::Proxy,
        Self::Pods,
        Self::ApiserverKubelet,
        Self::ApiserverEtcd,
        Self::EtcdPeer,
        Self::EtcdGateway,
        Self::EtcdHealthcheck,
        Self::FrontProxy,
        Self::ControllerManagerMetrics,
        Self::SchedulerMetrics,
    ];

    /// Its name for programs.
    pub fn id(self) -> &'static str {
        match self {
            Self::Admin => "admin-apiserver",
            Self::SuperAdmin => "super-admin-apiserver",
            Self::User => "user-apiserver",
            Self::ControllerManager => "controller-manager-apiserver",
            Self::Scheduler => "scheduler-apiserver",
            Self::Kubelet => "kubelet-apiserver",
            Self::Proxy => "kube-proxy-apiserver",
            Self::Pods => "pods-apiserver",
            Self::ApiserverKubelet => "apiserver-kubelet",
            Self::ApiserverEtcd => "apiserver-etcd",
            Self::EtcdPeer => "etcd-peer",
            Self::EtcdGateway => "etcd-gateway",
            Self::EtcdHealthcheck => "etcd-healthcheck",
            Self::FrontProxy => "front-proxy-extension",
            Self::ControllerManagerMetrics => "metrics-controller-manager",
            Self::SchedulerMetrics => "metrics-scheduler",
        }
    }

    /// Who answers, for people.
    pub fn server(self) -> Service {
        match self {
            Self::ApiserverKubelet => Service::Kubelet,
            Self::ApiserverEtcd | Self::EtcdGateway | Self::EtcdHealthcheck => Service::Etcd,
            Self::EtcdPeer => Service::EtcdPeer,
            Self::FrontProxy => Service::Extension,
            Self::ControllerManagerMetrics => Service::ControllerManager,
            Self::SchedulerMetrics => Service::Scheduler,
            _ => Service::Apiserver,
        }
    }
}

impl fmt::Display for Edge {
    /// `kubelet → apiserver`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Admin => "admin.conf → apiserver",
            Self::SuperAdmin => "super-admin.conf → apiserver",
            Self::User => "users/*.conf → apiserver",
            Self::ControllerManager => "controller-manager → apiserver",
            Self::Scheduler => "scheduler → apiserver",
            Self::Kubelet => "kubelet → apiserver",
            Self::Proxy => "kube-proxy → apiserver",
            Self::Pods => "pods → apiserver",
            Self::ApiserverKubelet => "apiserver → kubelet",
            Self::ApiserverEtcd => "apiserver → etcd",
            Self::EtcdPeer => "etcd → its peers",
            Self::EtcdGateway => "etcd's gateway → etcd",
            Self::EtcdHealthcheck => "healthcheck-client → etcd",
            Self::FrontProxy => "front proxy → extension apiserver",
            Self::ControllerManagerMetrics => "monitoring → controller-manager",
            Self::SchedulerMetrics => "monitoring → scheduler",
        })
    }
}

/// Something that listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Service {
    /// The API server.
    Apiserver,
    /// The kubelet.
    Kubelet,
    /// etcd, to clients.
    Etcd,
    /// etcd, to its peers.
    EtcdPeer,
    /// An extension API server.
    Extension,
    /// The controller manager.
    ControllerManager,
    /// The scheduler.
    Scheduler,
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Apiserver => "apiserver",
            Self::Kubelet => "kubelet",
            Self::Etcd => "etcd to clients",
            Self::EtcdPeer => "etcd to peers",
            Self::Extension => "extension apiserver",
            Self::ControllerManager => "controller-manager",
            Self::Scheduler => "scheduler",
        })
    }
}
