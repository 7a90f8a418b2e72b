//! `kpki inspect`, and the forms of files that every command reads.

use crate::desk::Desk;
use crate::table::{Case, Run, check};

#[test]
fn kubeconfigs_that_no_client_can_use_are_not_made() {
    check(MADE);
}

const MADE: &[Case] = &[Case {
    situation: "a kubeconfig for a user, with an API server's URL as people mistype it",
    inputs: |desk: &Desk| {
        desk.control_plane("n");
    },
    runs: &[
        Run {
            line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig jane.conf --server https://::1:6443",
            code: 2,
            says: &["is not in brackets", "--server https://[::1]:6443"],
            never: &[],
        },
        Run {
            line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig jane.conf --server https://10.0.0.1:99999",
            code: 2,
            says: &["its port is not from 1 to 65535"],
            never: &[],
        },
        Run {
            line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig jane.conf --server https://user:s3cret@10.0.0.1:6443",
            code: 2,
            says: &["a user stands before its host", "--server https://10.0.0.1:6443"],
            never: &["s3cret"],
        },
        Run {
            line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig jane.conf --server 10.0.0.1:6443; ls",
            code: 0,
            says: &["does not say https://", "--server https://10.0.0.1:6443"],
            never: &["jane.conf", "jane.crt"],
        },
        Run {
            line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig jane.conf --server 'https://[::1]:6443'",
            code: 0,
            says: &["signed", "jane.conf"],
            never: &[],
        },
    ],
}];
