//! The files of a node as those that say how its programs are launched.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{FileKind, Node, Target};
use crate::manifest::{At, Files, Found};

impl Files for Node {
    fn at(&self, path: &Path) -> At {
        let index = match self.resolve(path) {
            Target::File(index) => index,
            Target::Missing | Target::Loop => return At::Missing,
            Target::Outside => return At::Unknown,
        };
        match self.files.get(index).map(|file| &file.kind) {
            Some(FileKind::Regular(Ok(contents))) => At::File(index, contents.document.clone()),
            Some(FileKind::Regular(Err(reason))) => At::Unread(index, reason.clone()),
            Some(FileKind::Special(what)) => At::Unread(index, format!("it is {what}")),
            _ => At::Missing,
        }
    }

    fn names(&self, directory: &Path) -> Vec<OsString> {
        let found = match self.resolve(directory) {
            Target::File(index) => self.files.get(index).map(|file| file.on_node.as_path()),
            _ => None,
        };
        let directory = found.unwrap_or(directory);
        let from = self.files.partition_point(|file| file.on_node.as_path() <= directory);
        let beneath =
            self.files.iter().skip(from).map_while(|file| file.on_node.strip_prefix(directory).ok());
        let mut names: Vec<OsString> = Vec::new();
        for name in beneath.filter_map(|path| path.components().next()) {
            if names.last().is_none_or(|last| last != name.as_os_str()) {
                names.push(name.as_os_str().to_owned());
            }
        }
        names
    }

    fn link(&self, path: &Path) -> Option<PathBuf> {
        match &self.entry_at(path)?.1.kind {
            FileKind::Link(target) => Some(target.clone()),
            _ => None,
        }
    }

    fn documents(&self) -> Vec<Found> {
        let is_one =
            |file: &&super::File| file.contents().is_some_and(|contents| contents.document.is_some());
        let files = self.files.iter().filter(is_one);
        files.map(|file| Found { path: file.on_node.clone(), is_loose: !file.anchored }).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::testing::tree::Tree;

    /// What is found, without where flags stand.
    fn found(tree: &Tree) -> BTreeSet<String> {
        let report = tree.report();
        let findings = report
            .findings
            .into_iter()
            .map(|finding| format!("{} {:?} {}", finding.rule.id, finding.severity, finding.message));
        findings.collect()
    }

    #[test]
    fn what_is_wrong_is_found_however_a_component_is_launched() {
        let spoils: [(&str, &[&str], &[&str]); 20] = [
            ("etcd", &[], &[]),
            ("etcd", &["--client-cert-auth", "--trusted-ca-file"], &[]),
            (
                "etcd",
                &["--peer-client-cert-auth"],
                &["--peer-trusted-ca-file=/etc/kubernetes/pki/etcd/peer.crt"],
            ),
            ("etcd", &[], &["--cert-file=/etc/kubernetes/pki/etcd/peer.crt"]),
            ("etcd", &[], &["--advertise-client-urls=https://10.0.0.99:2379"]),
            ("etcd", &[], &["--auto-tls=true", "--client-crl-file=/etc/kubernetes/pki/etcd/none.crl"]),
            ("etcd", &[], &["--listen-client-urls=http://10.0.0.10:2379"]),
            ("kube-apiserver", &[], &["--advertise-address=10.0.0.99"]),
            ("kube-apiserver", &[], &["--tls-cert-file=/etc/kubernetes/pki/apiserver-kubelet-client.crt"]),
            ("kube-apiserver", &[], &["--client-ca-file=/etc/kubernetes/pki/gone.crt"]),
            ("kube-apiserver", &["--requestheader-allowed-names"], &[]),
            ("kube-apiserver", &[], &["--etcd-cafile=/etc/kubernetes/pki/ca.crt"]),
            ("kube-apiserver", &[], &["--tls-min-version=VersionTLS10", "--anonymous-auth=true"]),
            ("kube-apiserver", &["--kubelet-client-certificate"], &[]),
            ("kube-apiserver", &[], &["--service-cluster-ip-range=10.99.0.0/16"]),
            ("kube-controller-manager", &[], &["--root-ca-file=/etc/kubernetes/pki/etcd/ca.crt"]),
            ("kube-controller-manager", &[], &["--cluster-signing-key-file=/etc/kubernetes/pki/etcd/ca.key"]),
            ("kube-controller-manager", &["--service-account-private-key-file"], &[]),
            ("kube-controller-manager", &[], &["--bind-address=0.0.0.0"]),
            ("kube-scheduler", &[], &["--tls-cert-file=/etc/kubernetes/scheduler.conf"]),
        ];
        let (mut healthy, mut silent) = (BTreeSet::new(), 0);
        for (component, without, with) in spoils {
            let mut tree = Tree::control_plane();
            tree.policy.kubernetes_version = Some(crate::profile::KubernetesVersion::new(1, 36, 2));
            for name in without {
                tree.no_flag(component, name);
            }
            for flag in with {
                tree.flag(component, flag);
            }
            let expected = found(&tree);
            if with.is_empty() && without.is_empty() {
                healthy.clone_from(&expected);
            }
            for (form, other) in [("units", tree.by_units()), ("environment", tree.by_environment())] {
                let other = found(&other);
                assert_eq!(other, expected, "{form}: {component} without {without:?}, with {with:?}");
            }
            silent += usize::from(expected == healthy);
        }
        // The first spoils nothing.
        assert_eq!(silent, 1);
    }
}
