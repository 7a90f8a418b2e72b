//! Time.

use super::super::trees::{apiserver, client, control_plane, pki, with_flag};
use super::super::{Clock, Cure, Line};
use super::{line, saying};
use crate::desk::{Desk, LEAF};
use crate::forge;

/// A kubelet with a certificate of these words.
fn kubelet(desk: &Desk, words: &str) {
    let cluster = control_plane(desk);
    let usual = "o=system:nodes cn=system:node:cp1 eku=client key=p256:cp1-kubelet";
    let client = cluster.kubernetes.leaf(&forge::over(&forge::over(LEAF, usual), words));
    desk.put(
        "n/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem",
        0o600,
        client.pem() + &client.key_pem(),
    );
}

/// The API server's certificate of k3s.
fn k3s(desk: &Desk, words: &str) {
    let tls = "n/var/lib/rancher/k3s/server/tls";
    let ca = forge::ca("cn=k3s-server-ca@1 key=p256:k3s-ca");
    desk.pair(&format!("{tls}/server-ca"), &ca);
    let usual = "cn=kube-apiserver eku=server sans=dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                 dns:kubernetes.default.svc.cluster.local,dns:localhost,ip:10.43.0.1,ip:127.0.0.1 key=p256:k3s";
    let usual = forge::over(LEAF, usual);
    desk.pair(&format!("{tls}/serving-kube-apiserver"), &ca.leaf(&forge::over(&usual, words)));
}

/// What a start of k3s does to what ends soon.
fn k3s_started(desk: &Desk) {
    k3s(desk, "key=p256:k3s-new");
}

pub(super) fn lines() -> Vec<Line> {
    vec![
        line(
            "T001",
            "the API server's certificate has ended",
            |desk| _ = apiserver(desk, "from=-300d until=-1d"),
            Cure::Run,
        ),
        line(
            "T001",
            "the kubelet's own certificate has ended",
            |desk| kubelet(desk, "from=-30d until=-1d"),
            Cure::Run,
        ),
        line(
            "T001",
            "the scheduler's kubeconfig has ended",
            |desk| {
                let cluster = control_plane(desk);
                let words = "cn=system:kube-scheduler from=-300d until=-1d";
                client(desk, &cluster, "n/etc/kubernetes/scheduler.conf", words);
            },
            Cure::Run,
        ),
        line(
            "T001",
            "what k3s has made has ended",
            |desk| k3s(desk, "from=-300d until=-1d"),
            Cure::RunWith(2, k3s_started),
        ),
        line(
            "T001",
            "a certificate with its key in one file has ended",
            |desk| {
                let cluster = control_plane(desk);
                let words = "cn=web eku=server sans=dns:web.example.com key=p256:web from=-300d until=-1d";
                let web = cluster.kubernetes.leaf(&forge::over(LEAF, words));
                desk.put("n/haproxy/web.pem", 0o600, web.key_pem() + &web.pem());
            },
            Cure::Run,
        ),
        line(
            "T001",
            "a Secret has ended",
            |desk| {
                let cluster = control_plane(desk);
                let words = "cn=web eku=server sans=dns:web.example.com key=p256:web from=-300d until=-1d";
                let web = cluster.kubernetes.leaf(&forge::over(LEAF, words));
                let (crt, key) = (crate::desk::base64(web.pem()), crate::desk::base64(web.key_pem()));
                let text = format!(
                    "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata:\n  name: web\n  namespace: shop\ndata:\n  \
                     tls.crt: {crt}\n  tls.key: {key}\n"
                );
                desk.put("n/web.yaml", 0o600, text);
            },
            Cure::Run,
        ),
        Line {
            clock: Clock::Real,
            brings: &["C007", "P029", "P030"],
            ..line(
                "T001",
                "the CA has ended, and what it has signed not yet",
                |desk| {
                    let root = forge::ca(
                        "cn=root key=p256:root ku=digitalSignature,keyCertSign,cRLSign from=-20y until=-2y",
                    );
                    desk.pair("n/root", &root);
                    let web = "cn=web eku=server sans=dns:web key=p256:web from=-12y until=+8y";
                    desk.pair("n/web", &root.leaf(&forge::over(LEAF, web)));
                },
                Cure::Run,
            )
        },
        Line {
            clock: Clock::Real,
            brings: &["C007", "P029", "P030"],
            saying: "it expired",
            ..line(
                "T001",
                "a leaf and its CA have ended",
                |desk| {
                    let root = forge::ca(
                        "cn=root key=p256:root ku=digitalSignature,keyCertSign,cRLSign from=-20y until=-2y",
                    );
                    desk.pair("n/root", &root);
                    let web = "cn=web eku=server sans=dns:web key=p256:web from=-12y until=-2y";
                    desk.pair("n/web", &root.leaf(&forge::over(LEAF, web)));
                },
                Cure::Run,
            )
        },
        Line {
            clock: Clock::Real,
            brings: &["C007", "P029", "P030"],
            ..line(
                "T001",
                "the CA has ended, and its key is elsewhere",
                |desk| {
                    let root = forge::ca(
                        "cn=root key=p256:root ku=digitalSignature,keyCertSign,cRLSign from=-20y until=-2y",
                    );
                    desk.put("n/root.crt", 0o644, root.pem());
                    let web = "cn=web eku=server sans=dns:web key=p256:web from=-12y until=+8y";
                    desk.pair("n/web", &root.leaf(&forge::over(LEAF, web)));
                },
                Cure::RunWith(0, |desk| {
                    let root =
                        forge::ca("cn=root key=p256:root ku=digitalSignature,keyCertSign,cRLSign until=+9y");
                    desk.put("root-renewed.crt", 0o644, root.pem());
                }),
            )
        },
        line(
            "T001",
            "a CA that has ended stands beside the one that followed it",
            |desk| {
                let cluster = control_plane(desk);
                let old =
                    forge::ca("cn=front-proxy-ca key=p256:before ku=keyCertSign,cRLSign from=-12y until=-2y");
                desk.put(&pki("front-proxy-ca.crt"), 0o644, cluster.front_proxy.pem() + &old.pem());
            },
            Cure::Run,
        ),
        line("T002", "it is not valid yet", |desk| _ = apiserver(desk, "from=+3d"), Cure::Run),
        line("T003", "it ends in a week", |desk| _ = apiserver(desk, "from=-300d until=+7d"), Cure::Run),
        line(
            "T003",
            "the kubelet's ends, and it did not renew it",
            |desk| kubelet(desk, "from=-364d until=+2d"),
            Cure::RunWith(1, |desk| {
                let words = "o=system:nodes cn=system:node:cp1 eku=client key=p256:renewed";
                let client = crate::desk::Cluster::new().kubernetes.leaf(&forge::over(LEAF, words));
                let path = "n/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem";
                desk.put(path, 0o600, client.pem() + &client.key_pem());
            }),
        ),
        Line {
            clock: Clock::Real,
            brings: &["C007", "P029", "P030"],
            ..line(
                "T004",
                "the CA ends soon",
                |desk| {
                    let end = time::OffsetDateTime::now_utc() + time::Duration::days(20);
                    let end = end.format(&time::format_description::well_known::Rfc3339).expect("an instant");
                    let words = format!(
                        "cn=root key=p256:root ku=digitalSignature,keyCertSign,cRLSign from=-10y until={end}"
                    );
                    desk.pair("n/root", &forge::ca(&words));
                },
                Cure::Run,
            )
        },
        line(
            "T005",
            "all end on one day",
            |desk| _ = control_plane(desk),
            Cure::Told("nothing has to be done now"),
        ),
        line(
            "T006",
            "a component runs with older files",
            |desk| {
                let cluster = control_plane(desk);
                drop(cluster);
                desk.directory("n/usr");
                // As the kernel tells them: the system started on 2026-05-01, the program a day later.
                desk.put("n/proc/stat", 0o444, "cpu  1 2 3\nbtime 1777593600\n");
                let stat = format!("42 (kube-scheduler) S {} 8640000 0 0\n", ["0"; 18].join(" "));
                desk.put("n/proc/42/stat", 0o444, stat);
            },
            Cure::Told("nothing is started again in a directory"),
        ),
        line(
            "T007",
            "the clock is wrong",
            |desk| {
                let cluster = control_plane(desk);
                let words = "cn=front-proxy-client eku=client key=p256:x from=+90d until=+200d";
                desk.pair(&pki("front-proxy-client"), &cluster.front_proxy.leaf(&forge::over(LEAF, words)));
            },
            Cure::Told("a clock is set by hand"),
        ),
        line("T008", "the next date", |desk| _ = apiserver(desk, "until=+60d"), Cure::RunAnother),
        saying(
            "was due",
            line(
                "T009",
                "a revocation list is overdue",
                |desk| {
                    let cluster = control_plane(desk);
                    desk.put(
                        &pki("etcd/list.crl"),
                        0o644,
                        cluster.etcd.crl("number=1 this=-60d next=-1d").der(),
                    );
                    with_flag(desk, "etcd", "--client-crl-file=/etc/kubernetes/pki/etcd/list.crl");
                },
                Cure::ByHand("only the CA makes the next list", |desk| {
                    let list = crate::desk::Cluster::new().etcd.crl("number=2 next=+90d");
                    desk.put(&pki("etcd/list.crl"), 0o644, list.der());
                }),
            ),
        ),
        line(
            "T010",
            "k3s would renew at its next start",
            |desk| k3s(desk, "from=-300d until=+60d"),
            Cure::RunWith(1, k3s_started),
        ),
        line(
            "C002",
            "another CA of the name has signed the kubelet's certificate",
            |desk| {
                control_plane(desk);
                let other = crate::desk::Cluster::called("other");
                let words = "o=system:nodes cn=system:node:cp1 eku=client key=p256:old";
                let client = other.kubernetes.leaf(&forge::over(LEAF, words));
                desk.put(
                    "n/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem",
                    0o600,
                    client.pem() + &client.key_pem(),
                );
            },
            Cure::Run,
        ),
    ]
}
