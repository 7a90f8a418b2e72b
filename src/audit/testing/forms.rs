//! The same cluster, run in other ways than by static pods.

use super::tree::Tree;

const COMPONENTS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

impl Tree {
    /// The same with every static pod as a unit of systemd, and a unit for the kubelet.
    pub(in crate::audit) fn by_units(&self) -> Self {
        let mut tree = self.clone();
        for component in COMPONENTS {
            let Some(words) = tree.take_manifest(component) else { continue };
            tree.unit(
                component,
                &format!("ExecStart=/usr/local/bin/{component} \\\n  {}", words.join(" \\\n  ")),
            );
        }
        tree.unit(
            "kubelet",
            "EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env\nExecStart=/usr/bin/kubelet \\\n  \
             --kubeconfig=/etc/kubernetes/kubelet.conf \\\n  --config=/var/lib/kubelet/config.yaml $KUBELET_KUBEADM_ARGS",
        );
        tree
    }

    /// The same with every static pod as a unit whose flags stand in files of its environment, as distributions pack them: etcd's by names
    /// of their own, the others' in one variable.
    pub(in crate::audit) fn by_environment(&self) -> Self {
        let mut tree = self.by_units();
        for component in COMPONENTS {
            let Some(words) = self.clone().take_manifest(component) else { continue };
            let path = format!("etc/default/{component}");
            let (text, arguments) = if component == "etcd" {
                let lines = words.iter().filter_map(|word| {
                    let (name, value) = word.trim_start_matches("--").split_once('=')?;
                    Some(format!("ETCD_{}='{value}'\n", name.replace('-', "_").to_uppercase()))
                });
                (lines.collect::<String>(), "")
            } else {
                (format!("# Everything\nARGS=\"{}\"\n", words.join(" \\\n  ")), " $ARGS")
            };
            tree.file(&path, 0o644, text);
            tree.unit(
                component,
                &format!("EnvironmentFile=/{path}\nExecStart=/usr/local/bin/{component}{arguments}"),
            );
        }
        tree
    }

    fn unit(&mut self, component: &str, service: &str) {
        let text = format!("[Unit]\nDescription={component}\n\n[Service]\n{service}\nRestart=always\n");
        self.file(&format!("etc/systemd/system/{component}.service"), 0o644, text);
    }

    /// The flags of a manifest, which goes.
    fn take_manifest(&mut self, component: &str) -> Option<Vec<String>> {
        let path = format!("etc/kubernetes/manifests/{component}.yaml");
        let words: Vec<String> = self
            .has(&path)
            .then(|| self.text(&path))?
            .lines()
            .filter_map(|line| line.strip_prefix("    - --").map(|flag| format!("--{flag}")))
            .collect();
        self.remove(&path);
        Some(words)
    }
}
