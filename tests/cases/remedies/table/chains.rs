//! Chains.

use super::super::trees::{API, apiserver, control_plane, leaf, pki};
use super::super::{Clock, Cure, Line};
use super::{line, saying};
use crate::desk::{Cluster, Desk, LEAF};
use crate::forge::{self, Forged};

/// openssl 3.0 lets a certificate begin when it is made, and not before what hangs on it.
const BEGINS_NOW: &[&str] = &["C007", "P030", "P029"];

/// A leaf of an intermediate in the place of the API server's certificate.
fn under(desk: &Desk, intermediate: &Forged, words: &str) -> Forged {
    leaf(desk, "apiserver", intermediate, &forge::over(&format!("cn=kube-apiserver eku=server {API}"), words))
}

pub(super) fn lines() -> Vec<Line> {
    vec![
        line(
            "C018",
            "the CA between has a constraint that cannot be read",
            |desk| {
                let cluster = control_plane(desk);
                let narrow = cluster
                    .kubernetes
                    .ca("cn=narrow key=p256:narrow nc=exclude:ip:10.0.0.0/255.0.255.0 until=+5y");
                desk.pair(&pki("narrow/ca"), &narrow);
                under(desk, &narrow, API);
                let chain = desk.read(&pki("apiserver.crt")) + &narrow.pem();
                desk.put(&pki("apiserver.crt"), 0o644, chain);
            },
            Cure::Told("what it was to exclude is not known"),
        ),
        line(
            "C001",
            "another CA of the cluster has signed it",
            |desk| {
                let cluster = control_plane(desk);
                let words = "cn=kube-apiserver-kubelet-client eku=client";
                leaf(desk, "apiserver-kubelet-client", &cluster.front_proxy, words);
            },
            Cure::Run,
        ),
        line(
            "C002",
            "a CA of the same name has signed it",
            |desk| {
                control_plane(desk);
                let other = Cluster::called("other");
                leaf(desk, "front-proxy-client", &other.front_proxy, "cn=front-proxy-client eku=client");
            },
            Cure::Run,
        ),
        line(
            "C003",
            "the kubelet trusts another CA of the name",
            |desk| {
                control_plane(desk);
                desk.put(&pki("kubelet-ca.crt"), 0o644, Cluster::called("other").kubernetes.pem());
                desk.replace("n/var/lib/kubelet/config.yaml", "pki/ca.crt", "pki/kubelet-ca.crt");
            },
            Cure::Run,
        ),
        line(
            "C004",
            "the CA was renewed, and kubeconfigs keep the old certificate",
            |desk| {
                let cluster = control_plane(desk);
                let renewed = cluster.kubernetes.reissue("until=+19y");
                desk.put(&pki("ca.crt"), 0o644, renewed.pem());
            },
            Cure::Run,
        ),
        line(
            "C005",
            "the front proxy's client has signed itself",
            |desk| {
                control_plane(desk);
                let own =
                    forge::self_signed_leaf(&format!("{LEAF} cn=front-proxy-client eku=client key=p256:own"));
                desk.pair(&pki("front-proxy-client"), &own);
            },
            Cure::Run,
        ),
        line("C006", "it outlives its CA", |desk| _ = apiserver(desk, "until=+30y"), Cure::Run),
        line("C007", "it begins before its CA", |desk| _ = apiserver(desk, "from=-3y"), Cure::Run),
        Line {
            clock: Clock::Real,
            audited: "n more",
            brings: BEGINS_NOW,
            ..line(
                "C008",
                "a CA stands too deep",
                |desk| {
                    control_plane(desk);
                    let root = forge::ca(
                        "cn=kubernetes key=p256:deep ku=digitalSignature,keyCertSign,cRLSign pathlen=0 from=-10y until=+30y",
                    );
                    let middle = root.ca("cn=middle key=p256:middle ku=digitalSignature,keyCertSign,cRLSign from=-9y until=+20y");
                    desk.pair("more/root", &root);
                    desk.pair("more/middle", &middle);
                },
                Cure::Run,
            )
        },
        line(
            "C009",
            "a name lies outside of what the CA may certify",
            |desk| {
                let cluster = control_plane(desk);
                let narrow =
                    cluster.kubernetes.ca("cn=narrow key=p256:narrow nc=exclude:dns:example.com until=+5y");
                desk.pair(&pki("narrow/ca"), &narrow);
                under(desk, &narrow, &format!("{API},dns:api.example.com"));
                let chain = desk.read(&pki("apiserver.crt")) + &narrow.pem();
                desk.put(&pki("apiserver.crt"), 0o644, chain);
            },
            Cure::Run,
        ),
        Line {
            clock: Clock::Real,
            brings: BEGINS_NOW,
            ..line(
                "C010",
                "the CA is for clients alone",
                |desk| {
                    let root = forge::ca(
                        "cn=root key=p256:deep ku=digitalSignature,keyCertSign,cRLSign from=-10y until=+30y",
                    );
                    let narrow = root.ca("cn=narrow key=p256:narrow eku=client ku=digitalSignature,keyCertSign,cRLSign from=-9y until=+20y");
                    desk.pair("n/root", &root);
                    desk.pair("n/narrow", &narrow);
                    let words = "cn=web eku=server sans=dns:web key=p256:web from=-8y until=+15y";
                    desk.pair("n/web", &narrow.leaf(&forge::over(LEAF, words)));
                },
                Cure::Run,
            )
        },
        line(
            "C011",
            "the intermediate is neither shown nor trusted",
            |desk| {
                let cluster = control_plane(desk);
                let middle = cluster.kubernetes.ca("cn=middle key=p256:middle until=+5y");
                desk.pair(&pki("middle/ca"), &middle);
                under(desk, &middle, "");
            },
            Cure::Run,
        ),
        line(
            "C011",
            "the intermediate is missing in a kubeconfig",
            |desk| {
                let cluster = control_plane(desk);
                let middle = cluster.kubernetes.ca("cn=middle key=p256:middle until=+5y");
                desk.pair(&pki("middle/ca"), &middle);
                let words = "o=kubeadm:cluster-admins cn=kubernetes-admin eku=client key=p256:admin";
                let admin = middle.leaf(&format!("{LEAF} {words}"));
                let conf = "n/etc/kubernetes/admin.conf";
                desk.kubeconfig(conf, &cluster.kubernetes.pem(), &admin, "https://10.0.0.10:6443");
            },
            Cure::Run,
        ),
        Line {
            clock: Clock::Real,
            brings: BEGINS_NOW,
            ..line(
                "C012",
                "the CA has ended",
                |desk| {
                    let root = forge::ca(
                        "cn=root key=p256:deep ku=digitalSignature,keyCertSign,cRLSign from=-20y until=-10y",
                    );
                    desk.pair("n/root", &root);
                    let words = "cn=web eku=server sans=dns:web key=p256:web from=-12y until=+15y";
                    desk.pair("n/web", &root.leaf(&forge::over(LEAF, words)));
                },
                Cure::Run,
            )
        },
        line(
            "C013",
            "etcd has the CA of Kubernetes, in a file of its own",
            |desk| {
                let shared = Cluster::new();
                let one = shared.kubernetes.clone();
                let cluster = Cluster { etcd: one, ..shared };
                desk.control_plane_of("n", cluster, "cp1", "10.0.0.10");
            },
            Cure::Run,
        ),
        line(
            "C014",
            "the front proxy has the CA of clients, in a file of its own",
            |desk| {
                let shared = Cluster::new();
                let one = shared.kubernetes.reissue("serial=4711471147114711aa");
                let cluster = Cluster { front_proxy: one, ..shared };
                desk.control_plane_of("n", cluster, "cp1", "10.0.0.10");
            },
            Cure::Run,
        ),
        saying(
            "expired on",
            line(
                "C016",
                "a CA that has ended is still trusted",
                |desk| {
                    let cluster = control_plane(desk);
                    let old = forge::ca("cn=front-proxy-ca key=p256:old from=-9y until=-1y");
                    desk.put(&pki("front-proxy-ca.crt"), 0o644, cluster.front_proxy.pem() + &old.pem());
                },
                Cure::Run,
            ),
        ),
        line(
            "C017",
            "the CA's name was written otherwise when it was renewed",
            |desk| {
                let cluster = control_plane(desk);
                let renewed = cluster.front_proxy.reissue("cn=front-proxy-ca cn-as=utf8");
                desk.put(&pki("front-proxy-ca.crt"), 0o644, renewed.pem());
            },
            Cure::Run,
        ),
        line(
            "C001",
            "a stranger, whose certificate lies there as well, has signed it",
            |desk| {
                control_plane(desk);
                let other = forge::ca("cn=stranger key=p256:stranger");
                desk.put(&pki("stranger.crt"), 0o644, other.pem());
                leaf(desk, "apiserver-etcd-client", &other, "cn=kube-apiserver-etcd-client eku=client");
            },
            Cure::Run,
        ),
    ]
}
