//! Trees as installers leave them: nothing in them is an alarm, whole or in the parts that people copy.
//!
//! Names of files, subjects, groups, purposes, modes, flags and units are those that the installers' documents and sources give; what
//! differs from version to version is as in those of the last years.

mod binaries;
mod kubeadm;
mod rancher;
mod snap;

use rayon::prelude::*;

use crate::desk::{Desk, LEAF};
use crate::forge::Forged;
use crate::table::{Told, tell};

/// An installer, and what it leaves.
struct Stock {
    name: &'static str,
    /// Lays out its nodes, each below its name.
    lay: fn(&Desk),
    nodes: &'static [&'static str],
    /// Directories of which people take copies for themselves.
    parts: &'static [&'static str],
    /// Whether a rehearsal knows what its components show one another.
    rehearsed: bool,
}

const STOCK: &[Stock] = &[
    kubeadm::KUBEADM,
    kubeadm::STACKED,
    kubeadm::MINIKUBE,
    kubeadm::KUBESPRAY,
    rancher::K3S,
    rancher::K3S_SQLITE,
    rancher::RKE2,
    rancher::RKE,
    binaries::KUBEASZ,
    binaries::HARD_WAY,
    binaries::OWN,
    binaries::OWN_PEM,
    snap::MICROK8S,
    snap::K0S,
];

#[test]
fn stock_trees_are_clean() {
    let wrong: Vec<String> = STOCK.par_iter().flat_map_iter(faults).collect();
    assert!(wrong.is_empty(), "{} runs went wrong:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

fn faults(stock: &Stock) -> Vec<String> {
    let desk = Desk::new();
    (stock.lay)(&desk);
    let mut lines: Vec<String> = Vec::new();
    for node in stock.nodes {
        lines.push(format!("kpki audit --fail-on-skipped {node}"));
        lines.push(format!("kpki status {node}"));
        lines.push(format!("tar cf - -C {node} . | kpki audit -"));
    }
    for part in stock.parts {
        lines.push(format!("kpki audit {part}"));
        lines.push(format!("rm -rf copy && cp -rH {part} copy && kpki audit copy"));
    }
    if stock.nodes.len() > 1 {
        lines.push("rm -rf copy && kpki audit .".to_owned());
        lines.push(format!("kpki audit {}", stock.nodes.join(" ")));
    }
    let mut wrong: Vec<String> =
        lines.iter().filter_map(|line| fault(stock, &desk, line, &[0], &[])).collect();
    let codes: &[i32] = if stock.rehearsed { &[0] } else { &[0, 2] };
    let all = if let [node] = stock.nodes { node } else { "." };
    wrong.extend(fault(stock, &desk, &format!("rm -rf copy && kpki rehearse {all}"), codes, &["FAIL"]));
    wrong
}

fn fault(stock: &Stock, desk: &Desk, line: &str, codes: &[i32], never: &[&str]) -> Option<String> {
    let Told { code, words } = tell(desk, line);
    let said = never.iter().find(|text| words.contains(**text));
    let fine = code.is_some_and(|code| codes.contains(&code)) && said.is_none();
    (!fine).then(|| format!("{}\n$ {line}\nexit code {code:?}\n--- it said\n{words}", stock.name))
}

/// Leaves of CAs, each with a key of its own: `BASE`, who signs, its words.
fn leaves(rows: Vec<(&str, &Forged, String)>, which: &str) -> Vec<(String, Forged)> {
    rows.into_iter()
        .map(|(base, authority, words)| {
            let name = base.replace('/', "-");
            (base.to_owned(), authority.leaf(&format!("{LEAF} {words} key=p256:{which}-{name}")))
        })
        .collect()
}

/// A unit of systemd that starts a program with flags.
fn unit(desk: &Desk, path: &str, program: &str, flags: &str) {
    let flags: String = flags.split_whitespace().map(|flag| format!(" \\\n  --{flag}")).collect();
    desk.put(
        path,
        0o644,
        format!(
            "[Unit]\nDescription={program}\nAfter=network.target\n\n[Service]\nExecStart={program}{flags}\nRestart=always\n\
             RestartSec=5\n\n[Install]\nWantedBy=multi-user.target\n"
        ),
    );
}

/// A kubeconfig that names files.
fn kubeconfig_of_files(authority: &str, base: &str, server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: {server}\n    certificate-authority: {authority}\n  \
         name: local\ncontexts:\n- context:\n    cluster: local\n    namespace: default\n    user: user\n  name: Default\n\
         current-context: Default\npreferences: {{}}\nusers:\n- name: user\n  user:\n    client-certificate: {base}.crt\n    \
         client-key: {base}.key\n"
    )
}
