//! Time.

use super::super::trees::{apiserver, control_plane};
use super::super::{Cure, Line};
use super::line;
use crate::desk::{Cluster, Desk, LEAF};

/// A kubelet whose certificate has ended.
fn ended_kubelet(desk: &Desk) -> Cluster {
    let cluster = control_plane(desk);
    let words = "o=system:nodes cn=system:node:cp1 eku=client key=p256:cp1-kubelet from=-30d until=-1d";
    let client = cluster.kubernetes.leaf(&crate::forge::over(LEAF, words));
    desk.put(
        "n/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem",
        0o600,
        format!("{}{}", client.pem(), client.key_pem()),
    );
    cluster
}

pub(super) fn lines() -> Vec<Line> {
    vec![
        line(
            "T001",
            "the API server's certificate has ended",
            |desk| _ = apiserver(desk, "from=-300d until=-1d"),
            Cure::Run,
        ),
        line("T001", "the kubelet's own certificate has ended", |desk| _ = ended_kubelet(desk), Cure::Run),
        line(
            "C002",
            "another CA of the name has signed the kubelet's certificate",
            |desk| {
                let cluster = control_plane(desk);
                let other = Cluster::called("other");
                let client = other
                    .kubernetes
                    .leaf(&format!("{LEAF} o=system:nodes cn=system:node:cp1 eku=client key=p256:old"));
                desk.put(
                    "n/var/lib/kubelet/pki/kubelet-client-2026-01-02-03-04-05.pem",
                    0o600,
                    format!("{}{}", client.pem(), client.key_pem()),
                );
                drop(cluster);
            },
            Cure::Run,
        ),
    ]
}
