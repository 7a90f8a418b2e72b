//! What lies before a user: files of a scratch directory, made by the forge.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::forge::{self, Forged};
use crate::support::{kpki, run, scratch, text};

/// kubeadm's key usage of leaves.
pub(crate) const LEAF: &str = "ku=digitalSignature,keyEncipherment until=+364d";
/// Where kubeadm's PKI lies.
pub(crate) const PKI: &str = "etc/kubernetes/pki";

/// A scratch directory; it goes away with the value.
pub(crate) struct Desk {
    directory: tempfile::TempDir,
}

impl Desk {
    /// The present of every case: the forge's.
    pub(crate) const NOW: &'static str = "2026-06-01T12:00:00Z";

    pub(crate) fn new() -> Self {
        Self { directory: scratch() }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// Writes a file, in directories that are made where they are missing.
    #[track_caller]
    pub(crate) fn put(&self, name: &str, mode: u32, contents: impl AsRef<[u8]>) {
        let path = self.root().join(name);
        std::fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("a directory");
        std::fs::write(&path, contents).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("its owner");
    }

    /// Makes an empty directory.
    #[track_caller]
    pub(crate) fn directory(&self, name: &str) {
        std::fs::create_dir_all(self.root().join(name)).expect("a directory");
    }

    /// Makes a symbolic link.
    #[track_caller]
    pub(crate) fn link(&self, name: &str, target: &str) {
        symlink(target, self.root().join(name)).expect("a link");
    }

    /// Takes a file away.
    #[track_caller]
    pub(crate) fn remove(&self, name: &str) {
        let path = self.root().join(name);
        std::fs::remove_file(&path).unwrap_or_else(|error| panic!("{}: {error}", text(&path)));
    }

    /// Gives a file another name.
    #[track_caller]
    pub(crate) fn rename(&self, from: &str, to: &str) {
        let (from, to) = (self.root().join(from), self.root().join(to));
        std::fs::rename(&from, to).unwrap_or_else(|error| panic!("{}: {error}", text(&from)));
    }

    /// What is in a file.
    #[track_caller]
    pub(crate) fn read(&self, name: &str) -> String {
        let path = self.root().join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", text(&path)))
    }

    /// Runs kpki here, at the desk's present, with these words.
    #[track_caller]
    pub(crate) fn kpki(&self, words: &str) {
        run(kpki(["--now", Self::NOW]).args(words.split(' ')).current_dir(self.root())).ok();
    }

    /// Puts another text in the place of one that must stand in a file.
    #[track_caller]
    pub(crate) fn replace(&self, name: &str, old: &str, new: &str) {
        let before = self.read(name);
        assert!(before.contains(old), "{name} has no {old:?}");
        std::fs::write(self.root().join(name), before.replace(old, new)).expect("a file");
    }

    /// `BASE.crt` and `BASE.key`.
    #[track_caller]
    pub(crate) fn pair(&self, base: &str, certificate: &Forged) {
        self.put(&format!("{base}.crt"), 0o644, certificate.pem());
        self.put(&format!("{base}.key"), 0o600, certificate.key_pem());
    }

    /// `BASE.pem` and `BASE-key.pem`.
    #[track_caller]
    pub(crate) fn pem_pair(&self, base: &str, certificate: &Forged) {
        self.put(&format!("{base}.pem"), 0o644, certificate.pem());
        self.put(&format!("{base}-key.pem"), 0o600, certificate.key_pem());
    }

    /// A kubeconfig with everything in it.
    #[track_caller]
    pub(crate) fn kubeconfig(&self, name: &str, authority: &str, client: &Forged, server: &str) {
        let user = format!(
            "client-certificate-data: {}\n    client-key-data: {}",
            base64(client.pem()),
            base64(client.key_pem())
        );
        self.put(name, 0o600, kubeconfig(authority, &user, server));
    }

    /// What kubeadm leaves on a control plane of one member below `root`: `cp1`, 10.0.0.10, of Kubernetes 1.36.2.
    #[track_caller]
    pub(crate) fn control_plane(&self, root: &str) -> Cluster {
        self.control_plane_of(root, Cluster::new(), "cp1", "10.0.0.10")
    }

    /// The same for a node of a cluster that is there.
    #[track_caller]
    pub(crate) fn control_plane_of(
        &self,
        root: &str,
        cluster: Cluster,
        node: &str,
        address: &str,
    ) -> Cluster {
        let pki = format!("{root}/{PKI}");
        let Cluster { kubernetes, etcd, front_proxy, service_account } = &cluster;
        self.pair(&format!("{pki}/ca"), kubernetes);
        self.pair(&format!("{pki}/etcd/ca"), etcd);
        self.pair(&format!("{pki}/front-proxy-ca"), front_proxy);
        self.put(&format!("{pki}/sa.key"), 0o600, service_account.key_pem());
        self.put(&format!("{pki}/sa.pub"), 0o600, pem("PUBLIC KEY", service_account.spki_der()));
        let api = format!(
            "sans=dns:{node},dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
             dns:kubernetes.default.svc.cluster.local,dns:localhost,ip:10.96.0.1,ip:{address},ip:127.0.0.1"
        );
        let member = format!(
            "cn={node} eku=server,client sans=dns:{node},dns:localhost,ip:{address},ip:127.0.0.1,ip:::1"
        );
        let leaves = [
            ("apiserver", kubernetes, format!("cn=kube-apiserver eku=server {api}")),
            ("apiserver-kubelet-client", kubernetes, "cn=kube-apiserver-kubelet-client eku=client".into()),
            ("apiserver-etcd-client", etcd, "cn=kube-apiserver-etcd-client eku=client".into()),
            ("front-proxy-client", front_proxy, "cn=front-proxy-client eku=client".into()),
            ("etcd/server", etcd, member.clone()),
            ("etcd/peer", etcd, member),
            ("etcd/healthcheck-client", etcd, "cn=kube-etcd-healthcheck-client eku=client".into()),
        ];
        for (base, authority, words) in &leaves {
            self.pair(
                &format!("{pki}/{base}"),
                &authority.leaf(&format!("{LEAF} {words} key=p256:{node}-{base}")),
            );
        }
        let server = format!("https://{address}:6443");
        for (name, words) in [
            ("admin", "o=kubeadm:cluster-admins cn=kubernetes-admin"),
            ("controller-manager", "cn=system:kube-controller-manager"),
            ("scheduler", "cn=system:kube-scheduler"),
        ] {
            let client = kubernetes.leaf(&format!("{LEAF} {words} eku=client key=p256:{node}-{name}"));
            self.kubeconfig(
                &format!("{root}/etc/kubernetes/{name}.conf"),
                &kubernetes.pem(),
                &client,
                &server,
            );
        }
        self.kubelet(root, &cluster, node, &server);
        for (component, flags) in manifests(node, address) {
            self.put(
                &format!("{root}/etc/kubernetes/manifests/{component}.yaml"),
                0o600,
                manifest(component, &flags),
            );
        }
        cluster
    }

    /// A kubelet that renews its client certificate by itself.
    #[track_caller]
    pub(crate) fn kubelet(&self, root: &str, cluster: &Cluster, node: &str, server: &str) {
        let client = cluster
            .kubernetes
            .leaf(&format!("{LEAF} o=system:nodes cn=system:node:{node} eku=client key=p256:{node}-kubelet"));
        let pki = format!("{root}/var/lib/kubelet/pki");
        self.put(
            &format!("{pki}/kubelet-client-2026-01-02-03-04-05.pem"),
            0o600,
            format!("{}{}", client.pem(), client.key_pem()),
        );
        self.link(
            &format!("{pki}/kubelet-client-current.pem"),
            "/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem",
        );
        let user = "client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n    \
                    client-key: /var/lib/kubelet/pki/kubelet-client-current.pem";
        self.put(
            &format!("{root}/etc/kubernetes/kubelet.conf"),
            0o600,
            kubeconfig(&cluster.kubernetes.pem(), user, server),
        );
        self.put(&format!("{root}/var/lib/kubelet/config.yaml"), 0o644, KUBELET_CONFIGURATION);
    }
}

/// The three CAs and the service-account pair of a kubeadm cluster.
pub(crate) struct Cluster {
    pub(crate) kubernetes: Forged,
    pub(crate) etcd: Forged,
    pub(crate) front_proxy: Forged,
    pub(crate) service_account: Forged,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        Self::called("first")
    }

    /// One of several, each with CAs and keys of its own under the same names.
    pub(crate) fn called(which: &str) -> Self {
        let authority = |name: &str| {
            forge::ca(&format!(
                "cn={name} cn-as=printable ku=digitalSignature,keyEncipherment,keyCertSign key=p256:{which}-{name}"
            ))
        };
        Self {
            kubernetes: authority("kubernetes"),
            etcd: authority("etcd-ca"),
            front_proxy: authority("front-proxy-ca"),
            service_account: forge::self_signed_leaf(&format!("cn=sa key=p256:{which}-sa")),
        }
    }
}

/// The data of a field.
pub(crate) fn base64(contents: impl AsRef<[u8]>) -> String {
    BASE64_STANDARD.encode(contents)
}

/// A PEM block.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = base64(der);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// A kubeconfig; `user` are the lines of its user, from column 4 on.
pub(crate) fn kubeconfig(authority: &str, user: &str, server: &str) -> String {
    format!(
        "apiVersion: v1
kind: Config
clusters:
- cluster:
    certificate-authority-data: {}
    server: {server}
  name: kubernetes
contexts:
- context:
    cluster: kubernetes
    user: user
  name: user@kubernetes
current-context: user@kubernetes
users:
- name: user
  user:
    {user}
",
        base64(authority)
    )
}

const KUBELET_CONFIGURATION: &str = "\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
authorization:
  mode: Webhook
rotateCertificates: true
serverTLSBootstrap: true
staticPodPath: /etc/kubernetes/manifests
";

/// kubeadm's flags that bear on certificates.
fn manifests(node: &str, address: &str) -> [(&'static str, String); 4] {
    let apiserver = format!(
        "advertise-address={address} authorization-mode=Node,RBAC client-ca-file=@/ca.crt etcd-cafile=@/etcd/ca.crt \
         etcd-certfile=@/apiserver-etcd-client.crt etcd-keyfile=@/apiserver-etcd-client.key \
         etcd-servers=https://127.0.0.1:2379 kubelet-client-certificate=@/apiserver-kubelet-client.crt \
         kubelet-client-key=@/apiserver-kubelet-client.key proxy-client-cert-file=@/front-proxy-client.crt \
         proxy-client-key-file=@/front-proxy-client.key requestheader-allowed-names=front-proxy-client \
         requestheader-client-ca-file=@/front-proxy-ca.crt secure-port=6443 \
         service-account-issuer=https://kubernetes.default.svc.cluster.local service-account-key-file=@/sa.pub \
         service-account-signing-key-file=@/sa.key service-cluster-ip-range=10.96.0.0/12 tls-cert-file=@/apiserver.crt \
         tls-private-key-file=@/apiserver.key"
    );
    let kubeconfigs = |name: &str| {
        format!(
            "authentication-kubeconfig={name} authorization-kubeconfig={name} kubeconfig={name} bind-address=127.0.0.1"
        )
    };
    let manager = format!(
        "{} client-ca-file=@/ca.crt cluster-signing-cert-file=@/ca.crt cluster-signing-key-file=@/ca.key \
         requestheader-client-ca-file=@/front-proxy-ca.crt root-ca-file=@/ca.crt service-account-private-key-file=@/sa.key",
        kubeconfigs("/etc/kubernetes/controller-manager.conf")
    );
    let etcd = format!(
        "advertise-client-urls=https://{address}:2379 cert-file=@/etcd/server.crt client-cert-auth=true data-dir=/var/lib/etcd \
         initial-advertise-peer-urls=https://{address}:2380 initial-cluster={node}=https://{address}:2380 \
         key-file=@/etcd/server.key listen-client-urls=https://127.0.0.1:2379,https://{address}:2379 \
         listen-peer-urls=https://{address}:2380 name={node} peer-cert-file=@/etcd/peer.crt peer-client-cert-auth=true \
         peer-key-file=@/etcd/peer.key peer-trusted-ca-file=@/etcd/ca.crt trusted-ca-file=@/etcd/ca.crt"
    );
    [
        ("kube-apiserver", apiserver),
        ("kube-controller-manager", manager),
        ("kube-scheduler", kubeconfigs("/etc/kubernetes/scheduler.conf")),
        ("etcd", etcd),
    ]
}

/// A static pod; `@` in its flags is the PKI directory.
fn manifest(component: &str, flags: &str) -> String {
    let version = if component == "etcd" { "3.6.8-0" } else { "v1.36.2" };
    let lines: String = flags
        .split(' ')
        .map(|flag| format!("    - --{}\n", flag.replace("=@", "=/etc/kubernetes/pki")))
        .collect();
    format!(
        "apiVersion: v1
kind: Pod
metadata:
  name: {component}
  namespace: kube-system
spec:
  containers:
  - command:
    - {component}
{lines}    image: registry.k8s.io/{component}:{version}
    name: {component}
    volumeMounts:
    - mountPath: /etc/kubernetes
      name: etc
  hostNetwork: true
  volumes:
  - hostPath:
      path: /etc/kubernetes
      type: Directory
    name: etc
"
    )
}
