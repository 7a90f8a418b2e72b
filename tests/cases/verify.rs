//! `kpki verify`.

use crate::desk::Desk;
use crate::table::{Case, Run, check};

#[test]
fn verdicts() {
    check(CASES);
}

const CASES: &[Case] = &[Case {
    situation: "the API server's certificate of a control plane as kubeadm leaves it",
    inputs: |desk: &Desk| {
        desk.control_plane("n");
    },
    runs: &[
        Run {
            line: "kpki verify n/etc/kubernetes/pki/apiserver.crt --ca n/etc/kubernetes/pki/ca.crt --purpose server --name 10.96.0.1",
            code: 0,
            says: &["valid as server, for IP:10.96.0.1"],
            never: &[],
        },
        Run {
            line: "kpki audit n --fail-on high && kpki rehearse n",
            code: 0,
            says: &["ok: all 12 connections of 1 node in n went through"],
            never: &[],
        },
    ],
}];
