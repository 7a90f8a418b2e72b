use super::*;

const KUBEADM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/kubeadm-ecdsa/manifests");

fn fixture(name: &str) -> StaticPod {
    let text = std::fs::read(format!("{KUBEADM}/{name}.yaml")).unwrap();
    static_pod(&text).unwrap().unwrap()
}

#[test]
fn kubeadms_manifests_are_read() {
    let apiserver = fixture("kube-apiserver");
    assert_eq!(apiserver.component, Component::Apiserver);
    let flags = &apiserver.flags;
    assert_eq!(flags.value("etcd-servers"), Some("https://127.0.0.1:2379"));
    assert_eq!(flags.last("client-ca-file").map(|flag| flag.line), Some(18));
    assert_eq!(flags.list("kubelet-preferred-address-types"), ["InternalIP", "ExternalIP", "Hostname"]);
    assert_eq!(
        (flags.switch("allow-privileged"), flags.value("kubelet-certificate-authority")),
        (Some(true), None)
    );
    let etcd = fixture("etcd");
    assert_eq!((etcd.component, etcd.flags.switch("client-cert-auth")), (Component::Etcd, Some(true)));
    assert_eq!(etcd.flags.value("initial-cluster"), Some("cp1.example.com=https://10.0.0.10:2380"));
    assert_eq!(fixture("kube-scheduler").component, Component::Scheduler);
    assert_eq!(fixture("kube-controller-manager").component, Component::ControllerManager);
}

#[test]
fn flags_are_read_in_every_form() {
    let words = [
        "--a=1",
        "--b",
        "2",
        "-c=3",
        "--client_ca_file",
        "x",
        "--client-cert-auth",
        "word",
        "--d",
        "--e=",
        "--list=a,b",
        "--list",
        "c",
        "--a=4",
        "--",
        "--f=5",
    ];
    let flags = Flags::of(words.iter().zip(1..).map(|(word, line)| (*word, line)));
    let value = |name: &str| flags.value(name);
    assert_eq!((value("a"), value("b"), value("c")), (Some("4"), Some("2"), Some("3")));
    assert_eq!(
        (value("client-ca-file"), value("d"), value("e"), value("f")),
        (Some("x"), Some("true"), None, None)
    );
    assert_eq!(flags.switch("client-cert-auth"), Some(true));
    assert_eq!(flags.list("list"), ["a", "b", "c"]);
    assert_eq!(flags.last("a").map(|flag| flag.line), Some(14));
    assert_eq!((flags.switch("a"), flags.switch("nothing")), (None, None));
}

#[test]
fn variables_are_put_in_and_etcds_environment_counts_less_than_its_flags() {
    let text = "
kind: Pod
apiVersion: v1
spec:
  containers:
  - command: [sidecar, --cert-file=no]
  - env:
    - {name: HOST_IP, value: 10.0.0.7}
    - {name: FROM, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: ETCD_CERT_FILE, value: /a.crt}
    - {name: ETCD_CLIENT_CERT_AUTH, value: 'true'}
    command: [/usr/local/bin/etcd]
    args:
    - --listen-client-urls=https://$(HOST_IP):2379,https://$(FROM):2379
    - --name=$$(HOST_IP)$
    - --client-cert-auth=false
";
    let pod = static_pod(text.as_bytes()).unwrap().unwrap();
    assert_eq!(pod.component, Component::Etcd);
    assert_eq!(pod.flags.value("cert-file"), Some("/a.crt"));
    assert_eq!(pod.flags.switch("client-cert-auth"), Some(false));
    assert_eq!(pod.flags.value("listen-client-urls"), Some("https://10.0.0.7:2379,https://$(FROM):2379"));
    assert_eq!(pod.flags.value("name"), Some("$(HOST_IP)$"));
}

#[test]
fn other_pods_and_other_objects_are_told_apart() {
    let other = "kind: Pod\nspec: {containers: [{command: [nginx]}, {image: x}]}";
    assert_eq!(static_pod(other.as_bytes()).unwrap(), None);
    assert_eq!(static_pod(b"{\"kind\": \"Pod\", \"apiVersion\": \"v1\"}").unwrap(), None);
    for (text, expected) in [
        ("kind: ConfigMap", "not a Pod but a ConfigMap"),
        ("a: b", "not a Pod but an object without kind"),
        ("", "not a Pod"),
        ("[1", "not a Pod: "),
        ("kind: \"a\\u001b[2J\"", "but a a\\u{1b}[2J"),
        ("kind: Pod\nspec: {containers: [{command: 7}]}", "not a Pod: "),
    ] {
        let error = static_pod(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    assert!(static_pod(b"\xff\xfe").is_err());
    assert!(static_pod("[".repeat(100_000).as_bytes()).is_err());
    assert!(static_pod(&vec![b' '; usize::try_from(LARGEST).unwrap() + 1]).is_err());
}

#[test]
fn a_kubelets_configuration_is_read() {
    let text = "
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {cacheTTL: 0s, enabled: true}
  x509:
    clientCAFile: /etc/kubernetes/pki/ca.crt
rotateCertificates: true
staticPodPath: /etc/kubernetes/manifests
tlsCertFile: /etc/kubernetes/pki/kubelet.crt
tlsPrivateKeyFile: /etc/kubernetes/pki/kubelet.key
serverTLSBootstrap: false
";
    let read = kubelet_configuration(text.as_bytes()).unwrap();
    let field = |path: &str, line| Some(PathField { path: path.into(), file: 0, line });
    assert_eq!(read.client_ca_file, field("/etc/kubernetes/pki/ca.crt", 8));
    assert_eq!(read.tls_cert_file, field("/etc/kubernetes/pki/kubelet.crt", 11));
    assert_eq!(read.tls_private_key_file, field("/etc/kubernetes/pki/kubelet.key", 12));
    assert_eq!(
        (read.anonymous, read.rotate_certificates, read.server_tls_bootstrap),
        (Some(false), Some(true), Some(false))
    );
    let empty = kubelet_configuration(b"kind: KubeletConfiguration\ntlsCertFile: ''").unwrap();
    assert_eq!(empty, KubeletConfiguration::default());
    assert!(kubelet_configuration(b"kind: Pod").is_err());
}
