use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::*;

/// Files of a node that are given whole below `/`; what is not in it is missing, but for what lies below `/elsewhere`.
#[derive(Default)]
struct Tree {
    files: BTreeMap<PathBuf, Arc<Option<Document>>>,
    links: BTreeMap<PathBuf, PathBuf>,
}

impl Tree {
    fn of(files: &[(&str, &str)]) -> Self {
        let mut tree = Self::default();
        for (path, text) in files {
            match text.strip_prefix("-> ") {
                Some(target) => {
                    tree.links.insert(path.into(), target.into());
                }
                None => {
                    tree.files.insert(path.into(), Arc::new(Document::sniff(text.as_bytes())));
                }
            }
        }
        tree
    }

    fn flags(&self, component: Component) -> Vec<(String, String)> {
        let launched = launches(self);
        let launch = launched.of(component).next();
        let flags = launch.map(|launch| launch.flags.all()).unwrap_or_default();
        flags.iter().map(|flag| (flag.name.clone(), flag.value.clone())).collect()
    }

    fn doubts(&self) -> Vec<String> {
        let launched = launches(self);
        let own = launched.launches.iter().flat_map(|launch| &launch.doubts);
        own.chain(&launched.doubts).map(|doubt| doubt.reason.clone()).collect()
    }
}

impl Files for Tree {
    fn at(&self, path: &Path) -> At {
        let path = self.links.get(path).map_or(path, PathBuf::as_path);
        match self.files.iter().position(|(own, _)| own == path) {
            _ if path.starts_with("/elsewhere") => At::Unknown,
            Some(number) => At::File(number, self.files[path].as_ref().clone().map(Arc::new)),
            None => At::Missing,
        }
    }

    fn names(&self, directory: &Path) -> Vec<OsString> {
        let all = self.files.keys().chain(self.links.keys());
        let beneath = all.filter_map(|path| path.strip_prefix(directory).ok()?.iter().next());
        let mut names: Vec<OsString> = beneath.map(ToOwned::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }

    fn link(&self, path: &Path) -> Option<PathBuf> {
        self.links.get(path).cloned()
    }

    fn documents(&self) -> Vec<Found> {
        let all = self.files.iter().filter(|(_, document)| document.is_some());
        all.map(|(path, _)| Found { path: path.clone(), is_loose: false }).collect()
    }
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const KUBELET: &str = "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\n";

#[test]
fn a_unit_with_continued_lines_and_comments_between_them() {
    let tree = Tree::of(&[(
        "/etc/systemd/system/kube-apiserver.service",
        "[Unit]\nDescription=x\n[Service]\nExecStart=/usr/local/bin/kube-apiserver \\\n  --client-ca-file=/a.crt \\\n  # not this one \\\n  ; nor this\n  \
         --tls-cert-file \"/b c.crt\" '--v=2'\nRestart=always\n",
    )]);
    let expected = [("client-ca-file", "/a.crt"), ("tls-cert-file", "/b c.crt"), ("v", "2")];
    assert_eq!(tree.flags(Component::Apiserver), pairs(&expected));
    let launched = launches(&tree);
    let launch = launched.of(Component::Apiserver).next().unwrap();
    assert_eq!(launch.flags.all().iter().map(|flag| flag.line).collect::<Vec<_>>(), [5, 8, 8]);
    assert_eq!((launch.by, launch.doubts.len()), (By::Unit, 0));
}

#[test]
fn drop_ins_take_back_add_and_mask() {
    let unit = "[Service]\nExecStart=/usr/bin/kubelet\n";
    let tree = Tree::of(&[
        ("/usr/lib/systemd/system/kubelet.service", unit),
        (
            "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf",
            "[Service]\nEnvironment=\"KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/b.conf --kubeconfig=/k.conf\"\n\
             EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\nEnvironmentFile=-/etc/default/kubelet\nExecStart=\n\
             ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS\n",
        ),
        ("/etc/systemd/system/kubelet.service.d/20-own.conf", "-> /dev/null"),
        (
            "/usr/lib/systemd/system/kubelet.service.d/20-own.conf",
            "[Service]\nExecStart=\nExecStart=/usr/bin/kubelet --node-ip=1\n",
        ),
        ("/var/lib/kubelet/kubeadm-flags.env", "KUBELET_KUBEADM_ARGS=\"--node-ip=10.0.0.7 --v=1\"\n"),
    ]);
    let expected =
        [("bootstrap-kubeconfig", "/b.conf"), ("kubeconfig", "/k.conf"), ("node-ip", "10.0.0.7"), ("v", "1")];
    assert_eq!(tree.flags(Component::Kubelet), pairs(&expected));
    assert_eq!(tree.doubts(), [""; 0]);
}

#[test]
fn variables_are_put_in_as_systemd_does() {
    let tree = Tree::of(&[
        (
            "/etc/systemd/system/kube-scheduler.service",
            "[Service]\nEnvironment=A=1 \"B=two words\" C=$$x\nEnvironmentFile=/etc/k.env\nUnsetEnvironment=GONE\n\
             ExecStart=/opt/bin/kube-scheduler $B --a=${A} --b=$B ${B} $ALL $NONE $GONE --p=%N --q=100%%\n",
        ),
        ("/etc/k.env", "# by hand\nALL=\"--kubeconfig=/s.conf \\\n  --v=4\"\nGONE=--gone=1\nA='over'\n"),
    ]);
    let expected = [
        ("a", "over"),
        ("b", "$B"),
        ("kubeconfig", "/s.conf"),
        ("v", "4"),
        ("p", "kube-scheduler"),
        ("q", "100%"),
    ];
    assert_eq!(tree.flags(Component::Scheduler), pairs(&expected));
    let launched = launches(&tree);
    let flags = &launched.of(Component::Scheduler).next().unwrap().flags;
    let place = |name: &str| flags.last(name).map(|flag| (flag.file, flag.line));
    assert_eq!((place("kubeconfig"), place("v"), place("a")), (Some((0, 2)), Some((0, 3)), Some((1, 5))));
}

#[test]
fn etcds_environment_comes_from_its_unit_and_its_flags_count_more() {
    let tree = Tree::of(&[
        (
            "/etc/systemd/system/etcd.service",
            "[Service]\nEnvironment=ETCD_NAME=inline\nEnvironmentFile=-/etc/etcd.env\nExecStart=/usr/local/bin/etcd --client-cert-auth\n",
        ),
        (
            "/etc/etcd.env",
            "ETCD_NAME=m1\nETCD_CERT_FILE=/c.pem\nETCD_CLIENT_CERT_AUTH=false\nETCDCTL_CERT=/x\nexport ETCD_KEY_FILE=/k\n",
        ),
    ]);
    let launched = launches(&tree);
    let flags = &launched.of(Component::Etcd).next().unwrap().flags;
    assert_eq!((flags.value("name"), flags.value("cert-file")), (Some("m1"), Some("/c.pem")));
    assert_eq!((flags.switch("client-cert-auth"), flags.value("key-file")), (Some(true), None));
    assert_eq!(flags.last("cert-file").map(|flag| (flag.file, flag.line)), Some((0, 2)));
}

#[test]
fn wrappers_lead_to_the_program() {
    for start in [
        "/bin/sh -c \"exec /usr/bin/kube-controller-manager --root-ca-file=/r.crt\"",
        "/bin/bash -ec 'A=/r.crt; exec kube-controller-manager --root-ca-file=$A'",
        "/usr/bin/env FOO=1 /usr/bin/kube-controller-manager --root-ca-file=/r.crt",
        "-/usr/bin/nice -n 5 kube-controller-manager --root-ca-file=/r.crt",
        "/hyperkube controller-manager --root-ca-file=/r.crt",
        "/hyperkube kube-controller-manager --root-ca-file /r.crt",
        "@/usr/bin/kube-controller-manager kcm --root-ca-file=/r.crt",
        "/usr/bin/kube-log-runner -also-stdout=false /usr/bin/kube-controller-manager --root-ca-file=/r.crt",
    ] {
        let unit = format!("[Service]\nExecStart={start}\n");
        let tree = Tree::of(&[("/etc/systemd/system/manager.service", &unit)]);
        assert_eq!(tree.flags(Component::ControllerManager), pairs(&[("root-ca-file", "/r.crt")]), "{start}");
        assert_eq!(tree.doubts(), [""; 0], "{start}");
    }
    for start in ["/usr/bin/systemctl restart kubelet", "/usr/bin/pkill etcd", "/usr/bin/install kubelet"] {
        let unit = format!("[Service]\nExecStart={start}\n");
        let tree = Tree::of(&[("/etc/systemd/system/other.service", &unit)]);
        assert_eq!((launches(&tree).launches.len(), tree.doubts()), (0, vec![]), "{start}");
    }
}

#[test]
fn what_is_not_known_is_told() {
    for (start, doubt) in [
        ("/usr/bin/etcd --cert-file=/etc/%H.crt", "the value of --cert-file is not known: %H"),
        (
            "/bin/sh -c 'etcd --cert-file=/etc/$(hostname).crt'",
            "the value of --cert-file is not known: $(hostname)",
        ),
        (
            "/usr/bin/docker run -v /etc:/etc quay.io/coreos/etcd:v3.5.9 etcd --name=a",
            "etcd runs in a container of docker",
        ),
        ("/opt/start.sh", "how etcd runs is not known: the unit starts /opt/start.sh, which is not read"),
    ] {
        let unit = format!("[Service]\nExecStart={start}\n");
        let tree = Tree::of(&[("/etc/systemd/system/etcd.service", &unit)]);
        let doubts = tree.doubts();
        assert!(doubts.len() == 1 && doubts[0].starts_with(doubt), "{start}: {doubts:?}");
    }
    // A node's own name matters nowhere.
    let unit = "[Service]\nExecStart=/usr/bin/kubelet --hostname-override=%H --node-ip $(ip)\n";
    assert_eq!(Tree::of(&[("/etc/systemd/system/kubelet.service", unit)]).doubts(), [""; 0]);
    for (file, doubt) in [
        ("/elsewhere/a.env", "EnvironmentFile names /elsewhere/a.env, which was not given"),
        ("/etc/a.env", "EnvironmentFile names /etc/a.env, which is not there: the unit does not start"),
    ] {
        let unit = format!("[Service]\nEnvironmentFile={file}\nExecStart=/usr/bin/etcd $ARGS\n");
        let tree = Tree::of(&[("/etc/systemd/system/etcd.service", &unit)]);
        assert_eq!(tree.doubts(), ["what $ARGS stands for is not known", doubt]);
    }
    let wanted = launches(&Tree::of(&[(
        "/etc/systemd/system/etcd.service",
        "[Service]\nEnvironmentFile=-/elsewhere/a.env\nExecStart=/usr/bin/etcd --config-file=/elsewhere/c.yml\n",
    )]));
    assert_eq!(wanted.wanted, [Path::new("/elsewhere/a.env"), Path::new("/elsewhere/c.yml")]);
}

#[test]
fn masked_units_templates_and_several_of_one_program() {
    let unit = "[Service]\nExecStart=/usr/bin/etcd --name=%i --cert-file=/%p.crt\n";
    let tree = Tree::of(&[
        ("/etc/systemd/system/etcd.service", "-> /dev/null"),
        ("/usr/lib/systemd/system/etcd.service", "[Service]\nExecStart=/usr/bin/etcd\n"),
        ("/usr/lib/systemd/system/etcd@.service", unit),
        (
            "/etc/systemd/system/multi-user.target.wants/etcd@one.service",
            "-> /usr/lib/systemd/system/etcd@.service",
        ),
        (
            "/etc/systemd/system/multi-user.target.wants/etcd@two.service",
            "-> /usr/lib/systemd/system/etcd@.service",
        ),
    ]);
    let launched = launches(&tree);
    let names: Vec<_> = launched.of(Component::Etcd).map(|launch| launch.flags.value("name")).collect();
    assert_eq!(names, [Some("one"), Some("two")]);
    let tree = Tree::of(&[
        ("/etc/systemd/system/etcd-events.service", "[Service]\nExecStart=/usr/bin/etcd --name=events\n"),
        ("/etc/systemd/system/etcd.service", "[Service]\nExecStart=/usr/bin/etcd --name=main\n"),
    ]);
    assert_eq!(tree.flags(Component::Etcd), pairs(&[("name", "main")]));
}

#[test]
fn a_unit_of_a_package_that_nothing_enables_does_not_run() {
    let unit = "[Service]\nExecStart=/usr/bin/etcd\n";
    let package = ("/usr/lib/systemd/system/etcd.service", unit);
    let other =
        ("/etc/systemd/system/multi-user.target.wants/ssh.service", "-> /usr/lib/systemd/system/ssh.service");
    let own = (
        "/etc/systemd/system/multi-user.target.wants/etcd.service",
        "-> /usr/lib/systemd/system/etcd.service",
    );
    for (files, runs) in [
        (vec![package], true),
        (vec![package, other], false),
        (vec![package, other, own], true),
        (vec![package, other, ("/etc/systemd/system/etcd.service.d/a.conf", "[Service]\nUser=etcd\n")], true),
        (vec![("/etc/systemd/system/etcd.service", unit), other], true),
    ] {
        assert_eq!(launches(&Tree::of(&files)).of(Component::Etcd).next().is_some(), runs, "{files:?}");
    }
}

#[test]
fn a_configuration_of_etcd_takes_the_place_of_everything_else() {
    let configuration = "name: m1\nlisten-client-urls: https://10.0.0.1:2379\ncipher-suites: [A, B]\nclient-crl-file: /no.crl\n\
        client-transport-security:\n  cert-file: /c.crt\n  client-cert-auth: true\npeer-transport-security: {key-file: /p.key, allowed-cn: [a]}\n";
    for unit in [
        "[Service]\nEnvironment=ETCD_NAME=x\nExecStart=/usr/bin/etcd --config-file /etc/e.yml --cert-file=/no.crt\n",
        "[Service]\nEnvironment=ETCD_CONFIG_FILE=/etc/e.yml\nExecStart=/usr/bin/etcd\n",
    ] {
        let tree = Tree::of(&[("/etc/systemd/system/etcd.service", unit), ("/etc/e.yml", configuration)]);
        let launched = launches(&tree);
        let flags = &launched.of(Component::Etcd).next().unwrap().flags;
        let cert = flags.last("cert-file").unwrap();
        assert_eq!((flags.value("name"), cert.value.as_str(), cert.line), (Some("m1"), "/c.crt", 6));
        assert_eq!(cert.written(), "client-transport-security.cert-file");
        assert_eq!(
            (flags.list("cipher-suites"), flags.switch("client-cert-auth")),
            (vec!["A", "B"], Some(true))
        );
        assert_eq!(
            (flags.value("peer-key-file"), flags.list("peer-cert-allowed-cn")),
            (Some("/p.key"), vec!["a"])
        );
        assert_eq!((flags.value("client-crl-file"), flags.value("peer-cert-file")), (None, None));
    }
    // Without what starts it, the configuration alone is known for etcd's.
    let tree = Tree::of(&[("/etc/etcd/etcd.conf.yml", configuration)]);
    assert_eq!(launches(&tree).of(Component::Etcd).next().map(|launch| launch.by), Some(By::Configuration));
}

#[test]
fn a_kubelets_configuration_has_drop_ins_and_flags_over_it() {
    let tree = Tree::of(&[
        (
            "/etc/systemd/system/kubelet.service",
            "[Service]\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/c.yaml --config-dir=/etc/kubelet.d\n",
        ),
        (
            "/var/lib/kubelet/c.yaml",
            &format!("{KUBELET}tlsCertFile: /a.crt\ntlsPrivateKeyFile: /a.key\nrotateCertificates: true\n"),
        ),
        ("/etc/kubelet.d/10.conf", &format!("{KUBELET}tlsCertFile: /b.crt\n")),
        ("/etc/kubelet.d/20.yaml", &format!("{KUBELET}tlsCertFile: /no.crt\n")),
        ("/etc/kubelet.d/05.conf", &format!("{KUBELET}tlsCertFile: /over.crt\nstaticPodPath: /pods\n")),
        (
            "/pods/a.yaml",
            "kind: Pod\nspec: {containers: [{command: [kube-apiserver, --client-ca-file=/x]}]}\n",
        ),
    ]);
    let launched = launches(&tree);
    let (_, configuration) = launched.of(Component::Kubelet).next().unwrap().configuration.clone().unwrap();
    let certificate = configuration.tls_cert_file.unwrap();
    assert_eq!((certificate.path.to_str(), certificate.file), (Some("/b.crt"), 1));
    assert_eq!(configuration.rotate_certificates, Some(true));
    assert_eq!(tree.flags(Component::Apiserver), pairs(&[("client-ca-file", "/x")]));
}

#[test]
fn snaps_have_files_of_arguments() {
    let tree = Tree::of(&[
        ("/var/snap/microk8s/current/args/kubelite", "--start-control-plane=true\n"),
        (
            "/var/snap/microk8s/current/args/kube-apiserver",
            "--client-ca-file=${SNAP_DATA}/certs/ca.crt\n# a comment\n--service-account-issuer='https://x'\n",
        ),
        ("/var/snap/microk8s/current/args/kubelet", "--root-dir=${SNAP_COMMON}/kubelet\n--cni=${SNAP}/bin\n"),
    ]);
    let expected = [
        ("client-ca-file", "/var/snap/microk8s/current/certs/ca.crt"),
        ("service-account-issuer", "https://x"),
    ];
    assert_eq!(tree.flags(Component::Apiserver), pairs(&expected));
    assert_eq!(tree.flags(Component::Kubelet), pairs(&[("root-dir", "/var/snap/microk8s/common/kubelet")]));
    let tree = Tree::of(&[
        ("/var/snap/microk8s/current/args/kubelite", "--start-control-plane=false\n"),
        ("/var/snap/microk8s/current/args/kube-apiserver", "--client-ca-file=/x\n"),
    ]);
    assert_eq!(tree.flags(Component::Apiserver), []);
}

#[test]
fn programs_with_several_components_give_them_their_flags() {
    let tree = Tree::of(&[
        (
            "/etc/systemd/system/k3s.service",
            "[Service]\nEnvironmentFile=-/etc/systemd/system/k3s.service.env\nExecStart=/usr/local/bin/k3s \\\n    server \\\n\t'--kube-apiserver-arg' \\\n\t'anonymous-auth=true'\n",
        ),
        (
            "/etc/rancher/k3s/config.yaml",
            "token: secret\nservice-cidr: 10.99.0.0/16\nkube-apiserver-arg:\n- audit-log-path=/a\ntls-san: [a]\n",
        ),
        (
            "/etc/rancher/k3s/config.yaml.d/10.yaml",
            "kube-apiserver-arg+: [client-ca-file=/own.crt]\ndata-dir: /data\n",
        ),
    ]);
    let launched = launches(&tree);
    let flags = &launched.of(Component::Apiserver).next().unwrap().flags;
    let value = |name: &str| flags.value(name);
    assert_eq!(value("tls-cert-file"), Some("/data/server/tls/serving-kube-apiserver.crt"));
    assert_eq!(
        (value("service-cluster-ip-range"), value("client-ca-file")),
        (Some("10.99.0.0/16"), Some("/own.crt"))
    );
    assert_eq!(
        (value("anonymous-auth"), value("audit-log-path"), value("etcd-servers")),
        (Some("true"), Some("/a"), None)
    );
    assert_eq!(launched.of(Component::Kubelet).count(), 1);
    let tree = Tree::of(&[
        (
            "/etc/systemd/system/k0scontroller.service",
            "[Service]\nExecStart=/usr/local/bin/k0s controller --config=/etc/k0s/k0s.yaml\n",
        ),
        (
            "/etc/k0s/k0s.yaml",
            "apiVersion: k0s.k0sproject.io/v1beta1\nkind: ClusterConfig\nspec:\n  api: {address: 10.0.0.5, extraArgs: {v: \"3\"}}\n  storage:\n    etcd: {peerAddress: 10.0.0.5}\n",
        ),
    ]);
    let launched = launches(&tree);
    let flags = |component| launched.of(component).next().map(|launch| launch.flags.clone()).unwrap();
    assert_eq!(flags(Component::Apiserver).value("advertise-address"), Some("10.0.0.5"));
    assert_eq!(
        (flags(Component::Apiserver).value("v"), launched.of(Component::Kubelet).count()),
        (Some("3"), 0)
    );
    assert_eq!(flags(Component::Etcd).value("listen-peer-urls"), Some("https://10.0.0.5:2380"));
}

#[test]
fn no_secret_is_kept() {
    let text = "K3S_TOKEN=secret-token\nETCD_NAME=a\nKUBE_PASSWORD='secret-password'\nTOKENS_FILE=/a\n";
    let Some(Document::Environment(environment)) = Document::sniff(text.as_bytes()) else {
        panic!("no environment")
    };
    let values: Vec<&str> = environment.variables().iter().map(|variable| variable.value.as_str()).collect();
    assert_eq!(values, ["", "a", "", "/a"]);
    assert!(!format!("{environment:?}").contains("/a"));
    let Some(Document::Settings(settings)) =
        Document::sniff(b"token: secret-token\nserver: https://a:6443\n")
    else {
        panic!("no settings")
    };
    assert_eq!(settings.fields().len(), 1);
}
