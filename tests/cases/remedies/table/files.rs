//! Files and their names.

use std::os::unix::fs::PermissionsExt;

use super::super::trees::{API, apiserver, control_plane, leaf, pki};
use super::super::{Cure, Line};
use super::{line, saying};
use crate::desk::{Cluster, Desk, LEAF};
use crate::forge;
use crate::support::openssl;

/// Changes a file of the PKI.
fn change(desk: &Desk, name: &str, mode: u32, with: fn(&str) -> String) {
    let text = desk.read(&pki(name));
    desk.put(&pki(name), mode, with(&text));
}

fn mode(desk: &Desk, name: &str, mode: u32) {
    let path = desk.root().join(pki(name));
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("its owner");
}

/// What is in two files of the PKI, each in the other's place.
fn exchange(desk: &Desk, one: &str, other: &str) {
    let (a, b) = (desk.read(&pki(one)), desk.read(&pki(other)));
    desk.put(&pki(one), 0o600, b);
    desk.put(&pki(other), 0o600, a);
}

/// A control plane in which a file of the PKI is DER.
fn in_der(desk: &Desk, name: &str, program: &str) {
    control_plane(desk);
    let path = desk.root().join(pki(name));
    let path = path.to_str().expect("a path");
    let new = format!("{path}.new");
    openssl([program, "-in", path, "-outform", "DER", "-out", &new]);
    std::fs::rename(&new, path).expect("a file");
}

/// An element of DER.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    let length = match (high, low) {
        (0, ..0x80) => vec![low],
        (0, _) => vec![0x81, low],
        _ => vec![0x82, high, low],
    };
    [vec![tag], length, content.to_vec()].concat()
}

/// The `SubjectPublicKeyInfo` of an RSA key, in hexadecimal.
pub(super) fn rsa(modulus: &num_bigint::BigUint, exponent: u32) -> String {
    let number = |value: &num_bigint::BigUint| {
        let bytes = value.to_bytes_be();
        let sign = if bytes[0] & 0x80 == 0 { Vec::new() } else { vec![0] };
        der(2, &[sign, bytes].concat())
    };
    let key = der(0x30, &[number(modulus), number(&exponent.into())].concat());
    let algorithm = der(0x30, &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0]);
    let spki = der(0x30, &[algorithm, der(3, &[vec![0], key].concat())].concat());
    spki.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// An RSA key of the prime 2^521 - 1 and another one of Mersenne's.
fn shared_prime(exponent: u32) -> String {
    let mersenne = |exponent: u32| (num_bigint::BigUint::from(1_u8) << exponent) - 1_u8;
    rsa(&(mersenne(521) * mersenne(exponent)), 65_537)
}

/// A worker: the CA's certificate and a kubelet.
fn worker(desk: &Desk) -> Cluster {
    let cluster = Cluster::new();
    desk.put("n/etc/kubernetes/pki/ca.crt", 0o644, cluster.kubernetes.pem());
    desk.kubelet("n", &cluster, "w1", "https://10.0.0.10:6443");
    desk.directory("n/etc/kubernetes/manifests");
    cluster
}

/// A leaf lies in the place of the CA.
fn leaf_for_ca(desk: &Desk) {
    control_plane(desk);
    desk.put(&pki("ca.crt"), 0o644, desk.read(&pki("apiserver.crt")));
}

pub(super) fn lines() -> Vec<Line> {
    vec![
        line(
            "F001",
            "the key was appended to the certificate",
            |desk| {
                control_plane(desk);
                let both = desk.read(&pki("apiserver.crt")) + &desk.read(&pki("apiserver.key"));
                desk.put(&pki("apiserver.crt"), 0o644, both);
            },
            Cure::Run,
        ),
        line(
            "F001",
            "the key stands with the certificate and nowhere else",
            |desk| {
                let cluster = control_plane(desk);
                let web =
                    cluster.kubernetes.leaf(&format!("{LEAF} cn=web eku=server sans=dns:web key=p256:web"));
                desk.put(&pki("web.crt"), 0o600, web.pem() + &web.key_pem());
            },
            Cure::Run,
        ),
        line(
            "F001",
            "certificate and key were exchanged",
            |desk| {
                control_plane(desk);
                exchange(desk, "apiserver.crt", "apiserver.key");
            },
            Cure::Run,
        ),
        line(
            "F001",
            "the CA's key lies in the place of its certificate as well",
            |desk| {
                control_plane(desk);
                desk.put(&pki("ca.crt"), 0o644, desk.read(&pki("ca.key")));
            },
            Cure::Run,
        ),
        line(
            "F001",
            "the CA's key lies in the place of its certificate, and a copy of that elsewhere",
            |desk| {
                control_plane(desk);
                desk.put(&pki("old-ca.crt"), 0o644, desk.read(&pki("etcd/ca.crt")));
                desk.put(&pki("etcd/ca.crt"), 0o644, desk.read(&pki("etcd/ca.key")));
            },
            Cure::Run,
        ),
        line(
            "F001",
            "the CA's key lies in the place of its certificate, and nowhere else",
            |desk| {
                control_plane(desk);
                desk.put("kept.crt", 0o644, desk.read(&pki("etcd/ca.crt")));
                desk.rename(&pki("etcd/ca.key"), &pki("etcd/ca.crt"));
            },
            Cure::RunWith(1, |desk| desk.put(&pki("etcd/ca.crt"), 0o644, desk.read("kept.crt"))),
        ),
        line(
            "F002",
            "a key's file holds a certificate",
            |desk| {
                control_plane(desk);
                let kept = desk.read(&pki("front-proxy-client.key"));
                desk.put("kept.key", 0o600, kept);
                desk.put(&pki("front-proxy-client.key"), 0o600, desk.read(&pki("front-proxy-client.crt")));
            },
            Cure::ByHand("where the key is is not known", |desk| {
                desk.put(&pki("front-proxy-client.key"), 0o600, desk.read("kept.key"));
            }),
        ),
        line(
            "F003",
            "the public key's file holds the private one",
            |desk| {
                control_plane(desk);
                desk.put(&pki("sa.pub"), 0o600, desk.read(&pki("sa.key")));
            },
            Cure::Run,
        ),
        line(
            "F003",
            "the two halves were exchanged",
            |desk| {
                control_plane(desk);
                exchange(desk, "sa.pub", "sa.key");
            },
            Cure::Run,
        ),
        line(
            "F004",
            "another key lies beside the certificate, and the right one elsewhere",
            |desk| {
                control_plane(desk);
                desk.put(&pki("spare.key"), 0o600, desk.read(&pki("apiserver.key")));
                desk.put(&pki("apiserver.key"), 0o600, desk.read(&pki("front-proxy-client.key")));
            },
            Cure::Run,
        ),
        line(
            "F004",
            "two keys lie in each other's place",
            |desk| {
                control_plane(desk);
                exchange(desk, "apiserver.key", "front-proxy-client.key");
            },
            Cure::Run,
        ),
        line(
            "F004",
            "a leaf's key and its CA's lie in each other's place",
            |desk| {
                control_plane(desk);
                exchange(desk, "apiserver.key", "ca.key");
            },
            Cure::Run,
        ),
        line(
            "F004",
            "a leaf's key was put over that of its CA",
            |desk| {
                control_plane(desk);
                desk.rename(&pki("etcd/ca.key"), "kept.key");
                desk.put(&pki("etcd/ca.key"), 0o600, desk.read(&pki("etcd/peer.key")));
            },
            Cure::ByHand("the CA's key is nowhere else", |desk| {
                desk.put(&pki("etcd/ca.key"), 0o600, desk.read("kept.key"));
            }),
        ),
        line(
            "F004",
            "the CA's key was put over that of a leaf",
            |desk| {
                control_plane(desk);
                desk.put(&pki("apiserver.key"), 0o600, desk.read(&pki("ca.key")));
            },
            Cure::Run,
        ),
        line(
            "F004",
            "the certificates of two CAs lie in each other's place",
            |desk| {
                control_plane(desk);
                exchange(desk, "ca.crt", "front-proxy-ca.crt");
            },
            Cure::Run,
        ),
        line(
            "F004",
            "the CA of Kubernetes lies in the place of etcd's",
            |desk| {
                control_plane(desk);
                desk.rename(&pki("etcd/ca.crt"), "kept.crt");
                desk.put(&pki("etcd/ca.crt"), 0o644, desk.read(&pki("ca.crt")));
            },
            Cure::ByHand("the CA's certificate is nowhere else", |desk| {
                desk.put(&pki("etcd/ca.crt"), 0o644, desk.read("kept.crt"));
            }),
        ),
        line(
            "F004",
            "the keys of two CAs lie in each other's place",
            |desk| {
                control_plane(desk);
                exchange(desk, "ca.key", "etcd/ca.key");
            },
            Cure::Run,
        ),
        line(
            "F004",
            "the CA of etcd lies in the place of Kubernetes'",
            |desk| {
                control_plane(desk);
                desk.put(&pki("ca.crt"), 0o644, desk.read(&pki("etcd/ca.crt")));
            },
            Cure::Run,
        ),
        line("F004", "a leaf lies in the place of the CA that kubeconfigs hold", leaf_for_ca, Cure::Run),
        line(
            "F004",
            "a leaf lies in the place of a CA",
            |desk| {
                control_plane(desk);
                desk.put("kept.crt", 0o644, desk.read(&pki("etcd/ca.crt")));
                desk.put(&pki("etcd/ca.crt"), 0o644, desk.read(&pki("apiserver.crt")));
            },
            Cure::ByHand("the CA's certificate is nowhere else", |desk| {
                desk.put(&pki("etcd/ca.crt"), 0o644, desk.read("kept.crt"));
            }),
        ),
        line(
            "F004",
            "the right key is lost",
            |desk| {
                control_plane(desk);
                let other = forge::self_signed_leaf("cn=other key=p256:other");
                desk.put(&pki("apiserver.key"), 0o600, other.key_pem());
            },
            Cure::Run,
        ),
        line(
            "F005",
            "a key that nothing goes with",
            |desk| {
                control_plane(desk);
                desk.put(&pki("spare.key"), 0o600, forge::self_signed_leaf("cn=x key=p256:spare").key_pem());
            },
            Cure::Run,
        ),
        line(
            "F005",
            "the key of a CA whose certificate is lost",
            |desk| {
                control_plane(desk);
                desk.rename(&pki("front-proxy-ca.crt"), "kept.crt");
            },
            Cure::ByHand("the CA's certificate is nowhere else", |desk| {
                desk.rename("kept.crt", &pki("front-proxy-ca.crt"));
            }),
        ),
        saying(
            "and there is no",
            line(
                "F006",
                "a certificate without its key",
                |desk| {
                    let cluster = control_plane(desk);
                    let web = cluster
                        .kubernetes
                        .leaf(&format!("{LEAF} cn=web eku=server sans=dns:web key=p256:web"));
                    desk.put(&pki("web.crt"), 0o644, web.pem());
                },
                Cure::Run,
            ),
        ),
        line(
            "F007",
            "everybody reads the CA's key",
            |desk| {
                control_plane(desk);
                mode(desk, "ca.key", 0o644);
            },
            Cure::Run,
        ),
        line(
            "F008",
            "everybody writes the CA's certificate",
            |desk| {
                control_plane(desk);
                mode(desk, "ca.crt", 0o666);
            },
            Cure::Run,
        ),
        Line {
            audited: "n.tar",
            ..line(
                "F009",
                "a file is somebody else's",
                |desk| {
                    control_plane(desk);
                    let root = desk.root();
                    let tar = |words: &[&str]| {
                        let mut tar = crate::support::command("tar", words);
                        crate::support::run(tar.current_dir(&root)).ok();
                    };
                    tar(&[
                        "cf",
                        "n.tar",
                        "--owner=0",
                        "--group=0",
                        "-C",
                        "n",
                        "--exclude=sa.pub",
                        "etc",
                        "var",
                    ]);
                    tar(&[
                        "rf",
                        "n.tar",
                        "--owner=1000",
                        "--group=0",
                        "-C",
                        "n",
                        "etc/kubernetes/pki/sa.pub",
                    ]);
                },
                Cure::OnNode("only root gives files away"),
            )
        },
        line(
            "F010",
            "everybody writes into the directory of the PKI",
            |desk| {
                control_plane(desk);
                mode(desk, "", 0o777);
            },
            Cure::Run,
        ),
        line(
            "F011",
            "a key with the set-user-id bit",
            |desk| {
                control_plane(desk);
                mode(desk, "ca.key", 0o4600);
            },
            Cure::Run,
        ),
        line(
            "F012",
            "the kubelet's link leads nowhere",
            |desk| {
                control_plane(desk);
                let link = "n/var/lib/kubelet/pki/kubelet-client-current.pem";
                desk.remove(link);
                desk.link(link, "/var/lib/kubelet/pki/kubelet-client-2020-01-01-00-00-00.pem");
            },
            Cure::Run,
        ),
        line(
            "F012",
            "the kubelet's link is a file",
            |desk| {
                control_plane(desk);
                let link = "n/var/lib/kubelet/pki/kubelet-client-current.pem";
                let dated = "n/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem";
                desk.remove(link);
                desk.put(link, 0o600, desk.read(dated));
                desk.remove(dated);
            },
            Cure::Run,
        ),
        line(
            "F013",
            "a key has a second name",
            |desk| {
                control_plane(desk);
                std::fs::hard_link(desk.root().join(pki("ca.key")), desk.root().join("second"))
                    .expect("a name");
            },
            Cure::ByHand("the other names have to be looked for in the whole file system", |desk| {
                desk.remove("second");
            }),
        ),
        line(
            "F014",
            "a certificate in DER",
            |desk| in_der(desk, "front-proxy-client.crt", "x509"),
            Cure::Run,
        ),
        line("F014", "a key in DER", |desk| in_der(desk, "front-proxy-client.key", "pkey"), Cure::Run),
        line(
            "F015",
            "lines end as on Windows",
            |desk| {
                control_plane(desk);
                change(desk, "front-proxy-client.crt", 0o644, |text| text.replace('\n', "\r\n"));
                change(desk, "front-proxy-client.key", 0o600, |text| text.replace('\n', "\r\n"));
            },
            Cure::Run,
        ),
        line(
            "F015",
            "blocks run together",
            |desk| {
                let cluster = control_plane(desk);
                let other = Cluster::called("other");
                let both = cluster.front_proxy.pem().trim_end().to_owned() + &other.front_proxy.pem();
                desk.put(&pki("front-proxy-ca.crt"), 0o644, both);
            },
            Cure::Run,
        ),
        line(
            "F015",
            "words stand beside a block",
            |desk| {
                control_plane(desk);
                change(desk, "ca.crt", 0o644, |text| format!("the CA of 2026\n{text}"));
            },
            Cure::Run,
        ),
        line(
            "F016",
            "a certificate under an old label",
            |desk| {
                control_plane(desk);
                change(desk, "sa.pub", 0o600, |text| text.replace("PUBLIC KEY", "RSA PUBLIC KEY"));
            },
            Cure::Run,
        ),
        line(
            "F017",
            "the API server's key is encrypted",
            |desk| {
                control_plane(desk);
                let path = desk.root().join(pki("apiserver.key"));
                let path = path.to_str().expect("a path");
                let new = format!("{path}.new");
                openssl(["pkcs8", "-topk8", "-in", path, "-out", &new, "-passout", "pass:long enough"]);
                std::fs::rename(&new, path).expect("a file");
            },
            Cure::RunWithInput("long enough\n"),
        ),
        line(
            "F018",
            "the CA stands before the leaf",
            |desk| {
                control_plane(desk);
                let both = desk.read(&pki("ca.crt")) + &desk.read(&pki("apiserver.crt"));
                desk.put(&pki("apiserver.crt"), 0o644, both);
            },
            Cure::Run,
        ),
        saying(
            "signed none of the others",
            line(
                "F018",
                "a stranger stands behind the leaf",
                |desk| {
                    control_plane(desk);
                    let other = forge::ca("cn=stranger key=p256:stranger");
                    let both = desk.read(&pki("apiserver.crt")) + &other.pem();
                    desk.put(&pki("apiserver.crt"), 0o644, both);
                },
                Cure::Run,
            ),
        ),
        line(
            "F019",
            "the CA to sign with is a bundle",
            |desk| {
                let cluster = control_plane(desk);
                let other = Cluster::called("next");
                desk.put(&pki("ca.crt"), 0o644, other.kubernetes.pem() + &cluster.kubernetes.pem());
            },
            Cure::Run,
        ),
        line(
            "F020",
            "a root behind the leaf",
            |desk| {
                control_plane(desk);
                let both = desk.read(&pki("apiserver.crt")) + &desk.read(&pki("ca.crt"));
                desk.put(&pki("apiserver.crt"), 0o644, both);
            },
            Cure::Run,
        ),
        line(
            "F021",
            "a copy of a key was left behind",
            |desk| {
                control_plane(desk);
                desk.put(&pki("apiserver.key.old"), 0o600, desk.read(&pki("apiserver.key")));
            },
            Cure::Run,
        ),
        line(
            "F021",
            "a whole directory was left behind",
            |desk| {
                control_plane(desk);
                for name in ["ca.crt", "ca.key", "sa.key"] {
                    desk.put(&format!("n/etc/kubernetes/pki.bak/{name}"), 0o600, desk.read(&pki(name)));
                }
            },
            Cure::Run,
        ),
        line(
            "F022",
            "a worker has the CA's key",
            |desk| {
                let cluster = worker(desk);
                desk.put(&pki("ca.key"), 0o600, cluster.kubernetes.key_pem());
            },
            Cure::Run,
        ),
        line(
            "F023",
            "two pairs were exchanged",
            |desk| {
                control_plane(desk);
                for ending in ["crt", "key"] {
                    exchange(
                        desk,
                        &format!("apiserver.{ending}"),
                        &format!("apiserver-kubelet-client.{ending}"),
                    );
                }
            },
            Cure::Run,
        ),
        line(
            "F023",
            "the front proxy's client lies in the place of the API server's towards etcd",
            |desk| {
                control_plane(desk);
                for ending in ["crt", "key"] {
                    let own = desk.read(&pki(&format!("front-proxy-client.{ending}")));
                    desk.put(&pki(&format!("apiserver-etcd-client.{ending}")), 0o600, own);
                }
            },
            Cure::Run,
        ),
        line("F023", "a leaf lies in the place of the CA that kubeconfigs hold", leaf_for_ca, Cure::Run),
        line(
            "F023",
            "a leaf lies in the place of a CA, of which a copy is left",
            |desk| {
                control_plane(desk);
                desk.put(&pki("old-front-proxy.crt"), 0o644, desk.read(&pki("front-proxy-ca.crt")));
                desk.put(&pki("front-proxy-ca.crt"), 0o644, desk.read(&pki("front-proxy-client.crt")));
            },
            Cure::Run,
        ),
        line(
            "F023",
            "a CA lies in the place of the API server's certificate",
            |desk| {
                control_plane(desk);
                desk.put(&pki("apiserver.crt"), 0o644, desk.read(&pki("etcd/ca.crt")));
            },
            Cure::Run,
        ),
        line(
            "F024",
            "one key for two",
            |desk| {
                let cluster = control_plane(desk);
                leaf(
                    desk,
                    "apiserver",
                    &cluster.kubernetes,
                    &format!("cn=kube-apiserver eku=server {API} key=p256:one"),
                );
                leaf(
                    desk,
                    "apiserver-kubelet-client",
                    &cluster.kubernetes,
                    "cn=kube-apiserver-kubelet-client eku=client key=p256:one",
                );
            },
            Cure::Run,
        ),
        line(
            "F024",
            "a leaf has the CA's key",
            |desk| _ = apiserver(desk, "key=p256:first-kubernetes"),
            Cure::Run,
        ),
        line(
            "F025",
            "a certificate is empty",
            |desk| {
                control_plane(desk);
                desk.put("kept.crt", 0o644, desk.read(&pki("front-proxy-client.crt")));
                desk.put(&pki("front-proxy-client.crt"), 0o644, "");
            },
            Cure::ByHand("what stood there is not known", |desk| {
                desk.put(&pki("front-proxy-client.crt"), 0o644, desk.read("kept.crt"));
            }),
        ),
        line(
            "F026",
            "a certificate and its key under both names",
            |desk| {
                let cluster = control_plane(desk);
                let other = cluster
                    .kubernetes
                    .leaf(&format!("{LEAF} cn=kube-apiserver eku=server {API} key=p256:two"));
                desk.pem_pair(&pki("apiserver"), &other);
            },
            Cure::Run,
        ),
        Line {
            audited: "n beside",
            saying: "other.crt",
            ..line(
                "F027",
                "a key that can be worked out: it has a prime of another's",
                |desk| {
                    let cluster = control_plane(desk);
                    let weak = shared_prime(607);
                    let words = format!("cn=kube-apiserver eku=server {API} spki={weak}");
                    let leaf = cluster.kubernetes.leaf(&forge::over(LEAF, &words));
                    desk.put(&pki("apiserver.crt"), 0o644, leaf.pem());
                    let other = forge::ca("cn=other key=p256:other")
                        .leaf(&format!("cn=other spki={}", shared_prime(1279)));
                    desk.put("beside/other.crt", 0o644, other.pem());
                },
                Cure::Run,
            )
        },
    ]
}
