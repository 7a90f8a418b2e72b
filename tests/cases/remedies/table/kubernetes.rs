//! Roles in Kubernetes, and etcd.

use super::super::trees::{apiserver, control_plane, peer, pki};
use super::super::{Cure, Line};
use crate::desk::LEAF;

pub(super) fn lines() -> Vec<Line> {
    vec![
        Line {
            rule: "K001",
            situation: "the names of the service are missing, its address, and the address of the node: one command for all",
            tree: |desk| _ = apiserver(desk, "sans=dns:cp1,dns:api.example.com,ip:127.0.0.1"),
            audited: "n",
            saying: "",
            cure: Cure::Run,
        },
        Line {
            rule: "K002",
            situation: "the address of the service is missing",
            tree: |desk| {
                apiserver(
                    desk,
                    "sans=dns:cp1,dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                 dns:kubernetes.default.svc.cluster.local,ip:10.0.0.10",
                );
            },
            audited: "n",
            saying: "",
            cure: Cure::Run,
        },
        Line {
            rule: "K003",
            situation: "a kubeconfig has a host that is missing",
            tree: |desk| {
                control_plane(desk);
                desk.replace(
                    "n/etc/kubernetes/admin.conf",
                    "https://10.0.0.10:6443",
                    "https://api.example.com:6443",
                );
            },
            audited: "n",
            saying: "",
            cure: Cure::Run,
        },
        Line {
            rule: "K003",
            situation: "the CA's key is elsewhere",
            tree: |desk| {
                apiserver(
                    desk,
                    "sans=dns:cp1,dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                 dns:kubernetes.default.svc.cluster.local,ip:10.96.0.1",
                );
                desk.put("elsewhere/CA.crt", 0o644, desk.read(&pki("ca.crt")));
                desk.put("elsewhere/CA.key", 0o600, desk.read(&pki("ca.key")));
                desk.remove(&pki("ca.key"));
            },
            audited: "n",
            saying: "",
            cure: Cure::RunWith(1, |desk| {
                desk.kpki("sign csr apiserver.csr --profile apiserver --ca elsewhere/CA.crt");
            }),
        },
        Line {
            rule: "K013",
            situation: "the controller manager's kubeconfig is another's",
            tree: |desk| {
                let cluster = control_plane(desk);
                let client = cluster
                    .kubernetes
                    .leaf(&format!("{LEAF} cn=system:somebody eku=client key=p256:strange"));
                let server = "https://10.0.0.10:6443";
                desk.kubeconfig(
                    "n/etc/kubernetes/controller-manager.conf",
                    &cluster.kubernetes.pem(),
                    &client,
                    server,
                );
            },
            audited: "n",
            saying: "",
            cure: Cure::Run,
        },
        Line {
            rule: "E003",
            situation: "a member's certificate lacks its address",
            tree: |desk| _ = peer(desk, "sans=dns:cp1,ip:127.0.0.1"),
            audited: "n",
            saying: "",
            cure: Cure::Run,
        },
    ]
}
