//! The flags that programs with several components in them give these.

use crate::manifest::Component;

/// The flags that a program gives a component: `{}` stands for its data directory.
pub(super) type Own = (Component, &'static [(&'static str, &'static str)]);

pub(super) const K3S_SERVER: [Own; 3] = [
    (
        Component::Apiserver,
        &[
            ("tls-cert-file", "{}/server/tls/serving-kube-apiserver.crt"),
            ("tls-private-key-file", "{}/server/tls/serving-kube-apiserver.key"),
            ("client-ca-file", "{}/server/tls/client-ca.crt"),
            ("kubelet-certificate-authority", "{}/server/tls/server-ca.crt"),
            ("kubelet-client-certificate", "{}/server/tls/client-kube-apiserver.crt"),
            ("kubelet-client-key", "{}/server/tls/client-kube-apiserver.key"),
            ("kubelet-preferred-address-types", "InternalIP,ExternalIP,Hostname"),
            ("requestheader-client-ca-file", "{}/server/tls/request-header-ca.crt"),
            ("requestheader-allowed-names", "system:auth-proxy"),
            ("proxy-client-cert-file", "{}/server/tls/client-auth-proxy.crt"),
            ("proxy-client-key-file", "{}/server/tls/client-auth-proxy.key"),
            ("service-account-key-file", "{}/server/tls/service.key"),
            ("service-account-signing-key-file", "{}/server/tls/service.current.key"),
            ("anonymous-auth", "false"),
        ],
    ),
    (
        Component::ControllerManager,
        &[
            ("kubeconfig", "{}/server/cred/controller.kubeconfig"),
            ("root-ca-file", "{}/server/tls/server-ca.crt"),
            ("service-account-private-key-file", "{}/server/tls/service.current.key"),
            ("cluster-signing-kube-apiserver-client-cert-file", "{}/server/tls/client-ca.nochain.crt"),
            ("cluster-signing-kube-apiserver-client-key-file", "{}/server/tls/client-ca.key"),
            ("cluster-signing-kubelet-client-cert-file", "{}/server/tls/client-ca.nochain.crt"),
            ("cluster-signing-kubelet-client-key-file", "{}/server/tls/client-ca.key"),
            ("cluster-signing-kubelet-serving-cert-file", "{}/server/tls/server-ca.nochain.crt"),
            ("cluster-signing-kubelet-serving-key-file", "{}/server/tls/server-ca.key"),
            ("cluster-signing-legacy-unknown-cert-file", "{}/server/tls/client-ca.nochain.crt"),
            ("cluster-signing-legacy-unknown-key-file", "{}/server/tls/client-ca.key"),
            ("bind-address", "127.0.0.1"),
        ],
    ),
    (
        Component::Scheduler,
        &[("kubeconfig", "{}/server/cred/scheduler.kubeconfig"), ("bind-address", "127.0.0.1")],
    ),
];

/// Where the API server of k3s reaches the etcd in it.
pub(super) const K3S_ETCD: [(&str, &str); 4] = [
    ("etcd-servers", "https://127.0.0.1:2379"),
    ("etcd-cafile", "{}/server/tls/etcd/server-ca.crt"),
    ("etcd-certfile", "{}/server/tls/etcd/client.crt"),
    ("etcd-keyfile", "{}/server/tls/etcd/client.key"),
];

pub(super) const RANCHER_AGENT: [Own; 2] = [
    (
        Component::Kubelet,
        &[
            ("kubeconfig", "{}/agent/kubelet.kubeconfig"),
            ("client-ca-file", "{}/agent/client-ca.crt"),
            ("tls-cert-file", "{}/agent/serving-kubelet.crt"),
            ("tls-private-key-file", "{}/agent/serving-kubelet.key"),
            ("pod-manifest-path", "{}/agent/pod-manifests"),
            ("config-dir", "{}/agent/etc/kubelet.conf.d"),
            ("anonymous-auth", "false"),
        ],
    ),
    (Component::Proxy, &[("kubeconfig", "{}/agent/kubeproxy.kubeconfig")]),
];

pub(super) const K0S_CONTROLLER: [Own; 3] = [
    (
        Component::Apiserver,
        &[
            ("tls-cert-file", "{}/pki/server.crt"),
            ("tls-private-key-file", "{}/pki/server.key"),
            ("client-ca-file", "{}/pki/ca.crt"),
            ("kubelet-certificate-authority", "{}/pki/ca.crt"),
            ("kubelet-client-certificate", "{}/pki/apiserver-kubelet-client.crt"),
            ("kubelet-client-key", "{}/pki/apiserver-kubelet-client.key"),
            ("kubelet-preferred-address-types", "InternalIP,ExternalIP,Hostname"),
            ("requestheader-client-ca-file", "{}/pki/front-proxy-ca.crt"),
            ("requestheader-allowed-names", "front-proxy-client"),
            ("proxy-client-cert-file", "{}/pki/front-proxy-client.crt"),
            ("proxy-client-key-file", "{}/pki/front-proxy-client.key"),
            ("service-account-key-file", "{}/pki/sa.pub"),
            ("service-account-signing-key-file", "{}/pki/sa.key"),
            ("service-account-issuer", "https://kubernetes.default.svc"),
            ("anonymous-auth", "false"),
        ],
    ),
    (
        Component::ControllerManager,
        &[
            ("kubeconfig", "{}/pki/ccm.conf"),
            ("authentication-kubeconfig", "{}/pki/ccm.conf"),
            ("authorization-kubeconfig", "{}/pki/ccm.conf"),
            ("client-ca-file", "{}/pki/ca.crt"),
            ("cluster-signing-cert-file", "{}/pki/ca.crt"),
            ("cluster-signing-key-file", "{}/pki/ca.key"),
            ("requestheader-client-ca-file", "{}/pki/front-proxy-ca.crt"),
            ("root-ca-file", "{}/pki/ca.crt"),
            ("service-account-private-key-file", "{}/pki/sa.key"),
            ("bind-address", "127.0.0.1"),
        ],
    ),
    (
        Component::Scheduler,
        &[
            ("kubeconfig", "{}/pki/scheduler.conf"),
            ("authentication-kubeconfig", "{}/pki/scheduler.conf"),
            ("authorization-kubeconfig", "{}/pki/scheduler.conf"),
            ("bind-address", "127.0.0.1"),
        ],
    ),
];

pub(super) const K0S_ETCD_CLIENT: [(&str, &str); 4] = [
    ("etcd-servers", "https://127.0.0.1:2379"),
    ("etcd-cafile", "{}/pki/etcd/ca.crt"),
    ("etcd-certfile", "{}/pki/apiserver-etcd-client.crt"),
    ("etcd-keyfile", "{}/pki/apiserver-etcd-client.key"),
];

pub(super) const K0S_ETCD: Own = (
    Component::Etcd,
    &[
        ("data-dir", "{}/etcd"),
        ("listen-client-urls", "https://127.0.0.1:2379"),
        ("advertise-client-urls", "https://127.0.0.1:2379"),
        ("client-cert-auth", "true"),
        ("trusted-ca-file", "{}/pki/etcd/ca.crt"),
        ("cert-file", "{}/pki/etcd/server.crt"),
        ("key-file", "{}/pki/etcd/server.key"),
        ("peer-client-cert-auth", "true"),
        ("peer-trusted-ca-file", "{}/pki/etcd/ca.crt"),
        ("peer-cert-file", "{}/pki/etcd/peer.crt"),
        ("peer-key-file", "{}/pki/etcd/peer.key"),
    ],
);

pub(super) const K0S_WORKER: Own = (
    Component::Kubelet,
    &[
        ("kubeconfig", "{}/kubelet.conf"),
        ("bootstrap-kubeconfig", "{}/kubelet-bootstrap.conf"),
        ("cert-dir", "{}/kubelet/pki"),
    ],
);
