//! Manifests, the kubelet's configuration and kubeconfigs.

use std::os::unix::fs::PermissionsExt;

use super::super::trees::{client, control_plane, leaf, manifest, pki, with_flag, without_flag};
use super::super::{Cure, Line};
use super::{line, saying};
use crate::desk::{Cluster, Desk, base64};

const API: &str = "kube-apiserver";
const MANAGER: &str = "kube-controller-manager";

/// Another value of a flag.
fn flag(desk: &Desk, component: &str, name: &str, value: &str) {
    without_flag(desk, component, name);
    with_flag(desk, component, &format!("--{name}={value}"));
}

/// Another CA, in a file that a flag names.
fn another_ca(desk: &Desk, component: &str, name: &str) {
    control_plane(desk);
    desk.put(&pki("other-ca.crt"), 0o644, crate::forge::ca("cn=elsewhere key=p256:elsewhere").pem());
    flag(desk, component, name, "/etc/kubernetes/pki/other-ca.crt");
}

fn mode(desk: &Desk, name: &str, mode: u32) {
    std::fs::set_permissions(desk.root().join(name), PermissionsExt::from_mode(mode)).expect("its owner");
}

pub(super) fn lines() -> Vec<Line> {
    vec![
        line(
            "M001",
            "a file that a flag names is not there",
            |desk| {
                control_plane(desk);
                flag(desk, API, "client-ca-file", "/etc/kubernetes/pki/clients.crt");
            },
            Cure::ByHand("what the file was to hold is not known", |desk| {
                flag(desk, API, "client-ca-file", "/etc/kubernetes/pki/ca.crt");
            }),
        ),
        line(
            "M002",
            "the flag of the key names another's, and the right one is there",
            |desk| {
                control_plane(desk);
                desk.put(&pki("private/tls.key"), 0o600, desk.read(&pki("apiserver.key")));
                desk.remove(&pki("apiserver.key"));
                flag(desk, API, "tls-private-key-file", "/etc/kubernetes/pki/front-proxy-client.key");
            },
            Cure::Run,
        ),
        saying(
            "nothing names its key",
            line(
                "M002",
                "the flag of the key was forgotten",
                |desk| {
                    control_plane(desk);
                    without_flag(desk, API, "kubelet-client-key");
                },
                Cure::Run,
            ),
        ),
        line(
            "M003",
            "the flag of the serving certificate names a client's",
            |desk| {
                control_plane(desk);
                flag(desk, API, "tls-cert-file", "/etc/kubernetes/pki/apiserver-kubelet-client.crt");
            },
            Cure::Run,
        ),
        saying(
            "names /etc/kubernetes/pki/tokens.csv",
            line(
                "M004",
                "tokens stand in a file",
                |desk| {
                    control_plane(desk);
                    desk.put(&pki("tokens.csv"), 0o644, "abc,jane,1,\"system:masters\"\nabc,joe,2\n");
                    with_flag(desk, API, "--token-auth-file=/etc/kubernetes/pki/tokens.csv");
                },
                Cure::Run,
            ),
        ),
        saying(
            "may read",
            line(
                "M004",
                "everybody reads the tokens",
                |desk| {
                    control_plane(desk);
                    desk.put(&pki("tokens.csv"), 0o644, "a-long-enough-token-abc,jane,1\n");
                    with_flag(desk, API, "--token-auth-file=/etc/kubernetes/pki/tokens.csv");
                },
                Cure::Run,
            ),
        ),
        line(
            "M004",
            "a file of tokens that nobody names",
            |desk| {
                control_plane(desk);
                desk.put(&pki("tokens.csv"), 0o600, "a-long-enough-token-abc,jane,1\n");
            },
            Cure::Run,
        ),
        line(
            "M005",
            "passwords stand in a file",
            |desk| {
                control_plane(desk);
                desk.put(&pki("basic_auth.csv"), 0o600, "a-long-enough-password,jane,1\n");
                with_flag(desk, API, "--basic-auth-file=/etc/kubernetes/pki/basic_auth.csv");
            },
            Cure::Run,
        ),
        saying(
            "no client certificate counts",
            line(
                "M006",
                "the API server knows no clients",
                |desk| {
                    control_plane(desk);
                    without_flag(desk, API, "client-ca-file");
                },
                Cure::Run,
            ),
        ),
        saying(
            "anonymous.enabled",
            line(
                "M006",
                "the kubelet serves everybody",
                |desk| {
                    control_plane(desk);
                    desk.replace("n/var/lib/kubelet/config.yaml", "enabled: false", "enabled: true");
                },
                Cure::Run,
            ),
        ),
        line(
            "M007",
            "the API server takes any certificate from a kubelet",
            |desk| _ = control_plane(desk),
            Cure::ByHand("the kubelets must have certificates of the CA first", |desk| {
                with_flag(desk, API, "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt");
            }),
        ),
        line(
            "M008",
            "one file for clients and for the front proxy",
            |desk| {
                control_plane(desk);
                flag(desk, API, "requestheader-client-ca-file", "/etc/kubernetes/pki/ca.crt");
            },
            Cure::Run,
        ),
        line(
            "M009",
            "the controller manager signs with a CA that the API server does not trust",
            |desk| {
                control_plane(desk);
                let other = Cluster::called("other").kubernetes;
                desk.pair(&pki("signing/signer"), &other);
                flag(desk, MANAGER, "cluster-signing-cert-file", "/etc/kubernetes/pki/signing/signer.crt");
                flag(desk, MANAGER, "cluster-signing-key-file", "/etc/kubernetes/pki/signing/signer.key");
            },
            Cure::Run,
        ),
        line(
            "M009",
            "the flag of the key to sign with was forgotten",
            |desk| {
                control_plane(desk);
                without_flag(desk, MANAGER, "cluster-signing-key-file");
            },
            Cure::Run,
        ),
        line(
            "M010",
            "pods are given no CA",
            |desk| {
                control_plane(desk);
                without_flag(desk, MANAGER, "root-ca-file");
            },
            Cure::Run,
        ),
        line(
            "M010",
            "pods are given another CA",
            |desk| another_ca(desk, MANAGER, "root-ca-file"),
            Cure::Run,
        ),
        line(
            "M011",
            "the API server trusts another CA than etcd's",
            |desk| another_ca(desk, API, "etcd-cafile"),
            Cure::Run,
        ),
        line(
            "M011",
            "etcd's client is of a CA that etcd does not trust",
            |desk| {
                let cluster = control_plane(desk);
                let words = "cn=kube-apiserver-etcd-client eku=client";
                leaf(desk, "apiserver-etcd-client", &cluster.front_proxy, words);
            },
            Cure::Run,
        ),
        line(
            "M012",
            "old TLS and weak suites",
            |desk| {
                control_plane(desk);
                with_flag(desk, API, "--tls-min-version=VersionTLS10");
                let suites = "TLS_RSA_WITH_AES_128_CBC_SHA,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
                with_flag(desk, MANAGER, &format!("--tls-cipher-suites={suites}"));
                with_flag(desk, "etcd", "--cipher-suites=TLS_RSA_WITH_AES_128_CBC_SHA");
                let kubelet = desk.read("n/var/lib/kubelet/config.yaml") + "tlsMinVersion: VersionTLS11\n";
                desk.put("n/var/lib/kubelet/config.yaml", 0o644, kubelet);
            },
            Cure::Run,
        ),
        line(
            "M013",
            "a kubeconfig's key is another's",
            |desk| {
                let cluster = control_plane(desk);
                let conf = "n/etc/kubernetes/admin.conf";
                let (own, other) = (base64(desk.read(&pki("ca.key"))), cluster.front_proxy.key_pem());
                drop(own);
                let text = desk.read(conf);
                let key =
                    text.lines().find(|line| line.contains("client-key-data")).expect("a key").to_owned();
                desk.replace(conf, &key, &format!("    client-key-data: {}", base64(other)));
            },
            Cure::Run,
        ),
        line(
            "M014",
            "a kubeconfig trusts another CA",
            |desk| {
                let cluster = control_plane(desk);
                let other = Cluster::called("other");
                let words = "o=kubeadm:cluster-admins cn=kubernetes-admin eku=client key=p256:admin";
                let admin = cluster.kubernetes.leaf(&format!("{} {words}", crate::desk::LEAF));
                desk.kubeconfig(
                    "n/etc/kubernetes/admin.conf",
                    &other.kubernetes.pem(),
                    &admin,
                    "https://10.0.0.10:6443",
                );
            },
            Cure::Run,
        ),
        line(
            "M024",
            "a kubeconfig's CA is DER in base64",
            |desk| {
                let cluster = control_plane(desk);
                let (pem, der) = (cluster.kubernetes.pem(), cluster.kubernetes.der());
                let conf = "n/etc/kubernetes/admin.conf";
                desk.replace(conf, &base64(pem), &base64(der));
            },
            Cure::Run,
        ),
        line(
            "M024",
            "a kubeconfig has a key both as a file and embedded",
            |desk| {
                control_plane(desk);
                let both = "client-key: /root/admin.key\n    client-key-data:";
                desk.replace("n/etc/kubernetes/admin.conf", "client-key-data:", both);
            },
            Cure::Run,
        ),
        line(
            "M024",
            "the server of a kubeconfig is an address of IPv6 without brackets",
            |desk| {
                control_plane(desk);
                let conf = "n/etc/kubernetes/admin.conf";
                desk.replace(conf, "https://10.0.0.10:6443", "https://::1:6443");
            },
            // The certificate has no such name: another rule's.
            Cure::Run,
        ),
        line(
            "M025",
            "a kubeconfig trusts an intermediate alone",
            |desk| {
                let cluster = control_plane(desk);
                let middle = cluster.kubernetes.ca("cn=clients key=p256:clients");
                desk.put(&pki("clients.crt"), 0o644, middle.pem());
                let words = "o=kubeadm:cluster-admins cn=kubernetes-admin eku=client key=p256:admin";
                let admin = middle.leaf(&format!("{} {words}", crate::desk::LEAF));
                desk.kubeconfig(
                    "n/etc/kubernetes/admin.conf",
                    &middle.pem(),
                    &admin,
                    "https://10.0.0.10:6443",
                );
            },
            Cure::Run,
        ),
        line(
            "M015",
            "a kubeconfig trusts everybody",
            |desk| {
                control_plane(desk);
                let conf = "n/etc/kubernetes/admin.conf";
                let text = desk.read(conf);
                let ca = text
                    .lines()
                    .find(|line| line.contains("certificate-authority-data"))
                    .expect("a CA")
                    .to_owned();
                desk.replace(conf, &ca, "    insecure-skip-tls-verify: true");
            },
            Cure::Run,
        ),
        line(
            "M016",
            "everybody reads a kubeconfig",
            |desk| {
                control_plane(desk);
                mode(desk, "n/etc/kubernetes/admin.conf", 0o644);
            },
            Cure::Run,
        ),
        line(
            "M017",
            "another context has a host that is missing",
            |desk| {
                control_plane(desk);
                let conf = "n/etc/kubernetes/admin.conf";
                let text = desk.read(conf);
                let ca = text
                    .lines()
                    .find(|line| line.contains("certificate-authority-data"))
                    .expect("a CA")
                    .trim();
                let more = format!(
                    "clusters:\n- cluster:\n    {ca}\n    server: https://vip.example.com:6443\n  name: vip\n"
                );
                desk.replace(conf, "clusters:\n", &more);
            },
            Cure::Run,
        ),
        line(
            "M018",
            "a user has a token as well",
            |desk| {
                control_plane(desk);
                let conf = "n/etc/kubernetes/admin.conf";
                desk.replace(
                    conf,
                    "users:\n- name: user\n  user:\n",
                    "users:\n- name: user\n  user:\n    token: abc\n",
                );
            },
            Cure::ByHand("which of the two is to stay is not known", |desk| {
                desk.replace("n/etc/kubernetes/admin.conf", "    token: abc\n", "");
            }),
        ),
        line(
            "M019",
            "a component's kubeconfig has no current context",
            |desk| {
                control_plane(desk);
                let conf = "n/etc/kubernetes/scheduler.conf";
                desk.replace(conf, "current-context: user@kubernetes", "current-context: ''");
            },
            Cure::Run,
        ),
        line(
            "M019",
            "a kubeconfig has no such context",
            |desk| {
                control_plane(desk);
                desk.replace(
                    "n/etc/kubernetes/admin.conf",
                    "current-context: user@",
                    "current-context: nobody@",
                );
            },
            Cure::Run,
        ),
        line(
            "M019",
            "a kubeconfig keeps a user that nobody uses",
            |desk| {
                control_plane(desk);
                let conf = "n/etc/kubernetes/admin.conf";
                desk.replace(
                    conf,
                    "users:\n",
                    "users:\n- name: old\n  user:\n    tokenFile: /var/run/token\n",
                );
            },
            Cure::Run,
        ),
        line(
            "M020",
            "the kubelet trusts another CA",
            |desk| {
                control_plane(desk);
                desk.put(&pki("other-ca.crt"), 0o644, Cluster::called("other").kubernetes.pem());
                desk.replace("n/var/lib/kubelet/config.yaml", "pki/ca.crt", "pki/other-ca.crt");
            },
            Cure::Run,
        ),
        line(
            "M021",
            "everybody writes a manifest",
            |desk| {
                control_plane(desk);
                mode(desk, &manifest(API), 0o666);
            },
            Cure::Run,
        ),
        line(
            "M022",
            "a copy lies among the manifests",
            |desk| {
                control_plane(desk);
                desk.put(&format!("{}.bak", manifest(API)), 0o600, desk.read(&manifest(API)));
            },
            Cure::Run,
        ),
        line(
            "M023",
            "the flags for tokens are missing",
            |desk| {
                let cluster = control_plane(desk);
                drop(cluster);
                for name in
                    ["service-account-issuer", "service-account-key-file", "service-account-signing-key-file"]
                {
                    without_flag(desk, API, name);
                }
                without_flag(desk, MANAGER, "service-account-private-key-file");
            },
            Cure::Run,
        ),
        saying(
            "its user",
            line(
                "K017",
                "the name of a user is the cluster's, in a second file",
                |desk| {
                    let cluster = control_plane(desk);
                    client(desk, &cluster, "n/root/.kube/config", "cn=system:joe");
                },
                Cure::Told("what the user should be called is not known"),
            ),
        ),
    ]
}
