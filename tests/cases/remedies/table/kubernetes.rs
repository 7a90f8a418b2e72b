//! Roles in Kubernetes.

use super::super::trees::{apiserver, client, control_plane, leaf, manifest, pki, with_flag, without_flag};
use super::super::{Cure, Line};
use super::{line, saying};
use crate::desk::{Desk, LEAF};
use crate::forge;

/// A kubelet that signs for itself.
fn kubelets_own(desk: &Desk) {
    let cluster = control_plane(desk);
    drop(cluster);
    let own = forge::ca("cn=cp1-ca@1780000000 key=p256:own-ca")
        .leaf(&format!("{LEAF} cn=cp1@1780000000 eku=server sans=dns:cp1 key=p256:own"));
    desk.put("n/var/lib/kubelet/pki/kubelet.crt", 0o644, own.pem());
    desk.put("n/var/lib/kubelet/pki/kubelet.key", 0o600, own.key_pem());
    desk.replace("n/var/lib/kubelet/config.yaml", "serverTLSBootstrap: true\n", "");
}

/// Tokens are signed with this key.
fn tokens_by(desk: &Desk, key: &str) {
    for (component, flag) in [
        ("kube-apiserver", "service-account-key-file"),
        ("kube-apiserver", "service-account-signing-key-file"),
        ("kube-controller-manager", "service-account-private-key-file"),
    ] {
        without_flag(desk, component, flag);
        with_flag(desk, component, &format!("--{flag}=/etc/kubernetes/pki/{key}"));
    }
}

/// What the cluster does when somebody approves the kubelet's request.
fn approved(desk: &Desk) {
    desk.kpki(
        "issue kubelet-serving cp1 --san cp1 --san 10.0.0.10 --ca n/etc/kubernetes/pki --out approved.crt",
    );
    let both = desk.read("approved.crt") + &desk.read("approved.key");
    let pki = "n/var/lib/kubelet/pki";
    desk.put(&format!("{pki}/kubelet-server-2026-06-01-12-00-00.pem"), 0o600, both);
    desk.link(
        &format!("{pki}/kubelet-server-current.pem"),
        "/var/lib/kubelet/pki/kubelet-server-2026-06-01-12-00-00.pem",
    );
}

pub(super) fn lines() -> Vec<Line> {
    vec![
        line(
            "K001",
            "the names of the service are missing, its address, and the address of the node: one command for all",
            |desk| _ = apiserver(desk, "sans=dns:cp1,dns:api.example.com,ip:127.0.0.1"),
            Cure::Run,
        ),
        line(
            "K002",
            "the address of the service is missing",
            |desk| {
                apiserver(
                    desk,
                    "sans=dns:cp1,dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                     dns:kubernetes.default.svc.cluster.local,ip:10.0.0.10",
                );
            },
            Cure::Run,
        ),
        line(
            "K003",
            "a kubeconfig has a host that is missing",
            |desk| {
                control_plane(desk);
                let new = "https://api.example.com:6443";
                desk.replace("n/etc/kubernetes/admin.conf", "https://10.0.0.10:6443", new);
            },
            Cure::Run,
        ),
        line(
            "K003",
            "the CA's key is elsewhere",
            |desk| {
                apiserver(
                    desk,
                    "sans=dns:cp1,dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                     dns:kubernetes.default.svc.cluster.local,ip:10.96.0.1",
                );
                desk.put("elsewhere/CA.crt", 0o644, desk.read(&pki("ca.crt")));
                desk.put("elsewhere/CA.key", 0o600, desk.read(&pki("ca.key")));
                desk.remove(&pki("ca.key"));
            },
            Cure::RunWith(1, |desk| {
                desk.kpki("sign csr apiserver.csr --profile apiserver --ca elsewhere/CA.crt");
            }),
        ),
        line(
            "K003",
            "the key has another name than the certificate",
            |desk| {
                apiserver(
                    desk,
                    "sans=dns:cp1,dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                     dns:kubernetes.default.svc.cluster.local,ip:10.96.0.1",
                );
                desk.put(&pki("private/tls.pem"), 0o600, desk.read(&pki("apiserver.key")));
                desk.remove(&pki("apiserver.key"));
                without_flag(desk, "kube-apiserver", "tls-private-key-file");
                with_flag(
                    desk,
                    "kube-apiserver",
                    "--tls-private-key-file=/etc/kubernetes/pki/private/tls.pem",
                );
            },
            Cure::Run,
        ),
        saying(
            "and not for",
            line(
                "K004",
                "the certificate is another node's",
                |desk| {
                    apiserver(
                        desk,
                        "sans=dns:cp1,dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                         dns:kubernetes.default.svc.cluster.local,ip:10.96.0.1,ip:10.0.0.99",
                    );
                },
                Cure::Run,
            ),
        ),
        line("K005", "it is for clients", |desk| _ = apiserver(desk, "eku=client"), Cure::Run),
        line(
            "K006",
            "the API server is an administrator to its kubelets",
            |desk| {
                let cluster = control_plane(desk);
                let words = "o=system:masters cn=kube-apiserver-kubelet-client eku=client";
                leaf(desk, "apiserver-kubelet-client", &cluster.kubernetes, words);
            },
            Cure::Run,
        ),
        line(
            "K007",
            "a client of etcd is an administrator",
            |desk| {
                let cluster = control_plane(desk);
                let words = "o=system:masters cn=kube-apiserver-etcd-client eku=client";
                leaf(desk, "apiserver-etcd-client", &cluster.etcd, words);
            },
            Cure::Run,
        ),
        line(
            "K008",
            "every name is believed of the front proxy",
            |desk| {
                control_plane(desk);
                without_flag(desk, "kube-apiserver", "requestheader-allowed-names");
            },
            Cure::Run,
        ),
        line(
            "K008",
            "the front proxy's client has a name that is not believed",
            |desk| {
                let cluster = control_plane(desk);
                leaf(desk, "front-proxy-client", &cluster.front_proxy, "cn=aggregator eku=client");
            },
            Cure::Run,
        ),
        line(
            "K009",
            "the kubelet has no group",
            |desk| {
                let cluster = control_plane(desk);
                let words = format!("{LEAF} cn=system:node:cp1 eku=client key=p256:cp1-kubelet");
                let kubelet = cluster.kubernetes.leaf(&words);
                let path = "n/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem";
                desk.put(path, 0o600, kubelet.pem() + &kubelet.key_pem());
            },
            Cure::Run,
        ),
        line(
            "K010",
            "the kubelet's kubeconfig holds a certificate",
            |desk| {
                let cluster = control_plane(desk);
                client(desk, &cluster, "n/etc/kubernetes/kubelet.conf", "o=system:nodes cn=system:node:cp1");
            },
            Cure::Run,
        ),
        line("K011", "the kubelet signs for itself", kubelets_own, Cure::RunWith(3, approved)),
        line(
            "K011",
            "the kubelet's certificate is for another address",
            |desk| {
                control_plane(desk);
                desk.kpki("issue kubelet-serving cp1 --san cp1 --san 10.0.0.77 --ca n/etc/kubernetes/pki --out n/etc/kubernetes/pki/kubelet.crt");
                desk.replace(
                    "n/var/lib/kubelet/config.yaml",
                    "serverTLSBootstrap: true\n",
                    "tlsCertFile: /etc/kubernetes/pki/kubelet.crt\ntlsPrivateKeyFile: /etc/kubernetes/pki/kubelet.key\n",
                );
            },
            Cure::Run,
        ),
        line(
            "K012",
            "the kubelet renews nothing",
            |desk| {
                control_plane(desk);
                let path = "n/var/lib/kubelet/config.yaml";
                desk.replace(path, "rotateCertificates: true\n", "rotateCertificates: false\n");
                desk.replace(path, "serverTLSBootstrap: true\n", "");
            },
            Cure::Run,
        ),
        line(
            "K013",
            "the controller manager's kubeconfig is another's",
            |desk| {
                let cluster = control_plane(desk);
                client(desk, &cluster, "n/etc/kubernetes/controller-manager.conf", "cn=system:somebody");
            },
            Cure::Run,
        ),
        line(
            "K013",
            "a kubeconfig of the scheduler with several users",
            |desk| {
                let cluster = control_plane(desk);
                let conf = "n/etc/kubernetes/scheduler.conf";
                client(desk, &cluster, conf, "o=team cn=system:kube-scheduler");
                desk.replace(
                    conf,
                    "users:\n",
                    "users:\n- name: other\n  user:\n    tokenFile: /var/run/token\n",
                );
                desk.replace(
                    conf,
                    "contexts:\n",
                    "contexts:\n- context:\n    cluster: kubernetes\n    user: other\n  name: other\n",
                );
            },
            Cure::Run,
        ),
        line(
            "K014",
            "the administrator is a master",
            |desk| {
                let cluster = control_plane(desk);
                client(desk, &cluster, "n/etc/kubernetes/admin.conf", "o=system:masters cn=kubernetes-admin");
            },
            Cure::Run,
        ),
        line(
            "K015",
            "the super-admin lies on the node",
            |desk| {
                let cluster = control_plane(desk);
                let words = "o=system:masters cn=kubernetes-super-admin";
                client(desk, &cluster, "n/etc/kubernetes/super-admin.conf", words);
            },
            Cure::Run,
        ),
        saying(
            "nothing takes that away",
            line(
                "K016",
                "somebody is a master",
                |desk| {
                    let cluster = control_plane(desk);
                    client(desk, &cluster, "n/root/.kube/config", "o=system:masters cn=jane");
                },
                Cure::Told("which group is enough for her is hers to say"),
            ),
        ),
        line(
            "K017",
            "a user has a name of Kubernetes'",
            |desk| {
                let cluster = control_plane(desk);
                client(desk, &cluster, "n/root/.kube/config", "cn=system:jane");
            },
            Cure::Told("what the user should be called is not known"),
        ),
        saying(
            "it lives",
            line(
                "K018",
                "a user's certificate lives ten years",
                |desk| {
                    let cluster = control_plane(desk);
                    client(desk, &cluster, "n/root/.kube/config", "o=dev cn=jane until=+10y");
                },
                Cure::Run,
            ),
        ),
        line(
            "K019",
            "the public key for tokens is another's",
            |desk| {
                control_plane(desk);
                let other = forge::self_signed_leaf("cn=sa key=p256:other-sa");
                desk.put(&pki("sa.pub"), 0o600, crate::desk::pem("PUBLIC KEY", other.spki_der()));
            },
            Cure::Run,
        ),
        line(
            "K020",
            "tokens are signed with the key of a certificate, in a file of its own",
            |desk| _ = apiserver(desk, "key=p256:first-sa"),
            Cure::Run,
        ),
        line(
            "K020",
            "tokens are signed with the API server's own file",
            |desk| {
                control_plane(desk);
                tokens_by(desk, "apiserver.key");
                desk.remove(&pki("sa.key"));
                desk.remove(&pki("sa.pub"));
            },
            Cure::Run,
        ),
        line(
            "K020",
            "tokens are signed with the API server's own file, and an older pair for tokens lies beside it",
            |desk| {
                control_plane(desk);
                tokens_by(desk, "apiserver.key");
            },
            Cure::Run,
        ),
        line(
            "K020",
            "tokens are signed with the CA's key",
            |desk| {
                control_plane(desk);
                tokens_by(desk, "ca.key");
            },
            Cure::RunWith(4, |desk| {
                for component in ["kube-apiserver", "kube-controller-manager"] {
                    let name = manifest(component);
                    let text = desk.read(&name);
                    let kept = text
                        .lines()
                        .filter(|line| !line.contains("service-account-key-file=/etc/kubernetes/pki/ca.key"));
                    desk.put(&name, 0o600, kept.map(|line| format!("{line}\n")).collect::<String>());
                }
            }),
        ),
        line(
            "K021",
            "the controller manager signs with a key that nobody knows",
            |desk| {
                control_plane(desk);
                let other = forge::self_signed_leaf("cn=sa key=p256:other-sa");
                desk.put(&pki("manager.key"), 0o600, other.key_pem());
                without_flag(desk, "kube-controller-manager", "service-account-private-key-file");
                with_flag(
                    desk,
                    "kube-controller-manager",
                    "--service-account-private-key-file=/etc/kubernetes/pki/manager.key",
                );
            },
            Cure::Run,
        ),
        line(
            "K022",
            "the controller manager and the scheduler make certificates themselves",
            |desk| {
                control_plane(desk);
                desk.replace(
                    "n/etc/kubernetes/manifests/kube-scheduler.yaml",
                    "--bind-address=127.0.0.1",
                    "--bind-address=0.0.0.0",
                );
            },
            Cure::Run,
        ),
        line(
            "K022",
            "the scheduler's pod sees its kubeconfig alone, as kubeadm writes it",
            |desk| {
                control_plane(desk);
                let name = manifest("kube-scheduler");
                desk.replace(
                    &name,
                    "mountPath: /etc/kubernetes",
                    "mountPath: /etc/kubernetes/scheduler.conf",
                );
                desk.replace(&name, " path: /etc/kubernetes", " path: /etc/kubernetes/scheduler.conf");
            },
            Cure::RunWith(1, |desk| {
                let name = manifest("kube-scheduler");
                desk.replace(
                    &name,
                    "mountPath: /etc/kubernetes/scheduler.conf",
                    "mountPath: /etc/kubernetes",
                );
                desk.replace(&name, " path: /etc/kubernetes/scheduler.conf", " path: /etc/kubernetes");
                with_flag(desk, "kube-scheduler", "--tls-cert-file=/etc/kubernetes/pki/scheduler.crt");
                with_flag(desk, "kube-scheduler", "--tls-private-key-file=/etc/kubernetes/pki/scheduler.key");
            }),
        ),
        line(
            "K023",
            "the CA's key lies where nobody signs with it",
            |desk| {
                control_plane(desk);
                without_flag(desk, "kube-controller-manager", "cluster-signing-cert-file");
                without_flag(desk, "kube-controller-manager", "cluster-signing-key-file");
            },
            Cure::Run,
        ),
        line(
            "K024",
            "a certificate that the CA's ledger does not know",
            |desk| {
                let cluster = control_plane(desk);
                desk.kpki("issue user first --ca n/etc/kubernetes/pki --out first.crt");
                client(desk, &cluster, "n/root/.kube/config", "o=dev cn=jane from=+1d");
            },
            Cure::Run,
        ),
        line(
            "K025",
            "the bootstrap kubeconfig is still there",
            |desk| {
                let cluster = control_plane(desk);
                let text = crate::desk::kubeconfig(
                    &cluster.kubernetes.pem(),
                    "token: abcdef.0123456789abcdef",
                    "https://10.0.0.10:6443",
                );
                desk.put("n/etc/kubernetes/bootstrap-kubelet.conf", 0o600, text);
            },
            Cure::Run,
        ),
    ]
}
