//! In which form a certificate stands, and what takes up a new one.

use super::super::super::{Cert, File, Role, Target as Led};
use super::super::files::holds_private;
use super::Desk;
use crate::inspect::{Content, KubeUser, Kubeconfig};
use crate::layout::{Naming, key_beside};
use crate::manifest::{By, Component};
use crate::remedy::Target;

impl<'a> Desk<'a> {
    /// Where a certificate goes that is issued again.
    pub(super) fn target(&self, cert: Cert<'a>, fresh_key: bool) -> Target {
        let file = cert.file();
        let path = file.command_path().to_owned();
        if let Some(field) = cert.item().place.field.as_deref() {
            if let Some(kubeconfig) = file.kubeconfig()
                && let Some(user) = user_of(kubeconfig, field)
            {
                return self.kubeconfig(cert, kubeconfig, user);
            }
            if let Some((name, namespace)) = secret_of(cert) {
                return Target::Secret { file: path, name, namespace };
            }
        }
        if holds_private(file) {
            let first = file.items().iter().find(|item| item.place.field.is_none());
            let key_first = first.is_some_and(|item| matches!(item.content, Content::PrivateKey(_)));
            return Target::Combined { file: path, key_first };
        }
        let key = self.key_of(cert);
        Target::Pair {
            named: self.found_beside(cert).as_ref() != Some(&key),
            key,
            certificate: path,
            keep_key: !fresh_key,
        }
    }

    fn kubeconfig(&self, cert: Cert<'a>, kubeconfig: &'a Kubeconfig, user: &KubeUser) -> Target {
        let file = cert.file().command_path().to_owned();
        match self.node().current_context(kubeconfig).2 {
            Some(current) if current.name == user.name => Target::Kubeconfig(file),
            _ => Target::KubeconfigUser { file, user: user.name.clone() },
        }
    }

    /// The file of a certificate's key: the one that is named with it, the one beside it, or the one that holds it.
    fn key_of(&self, cert: Cert<'a>) -> std::path::PathBuf {
        let node = self.node();
        let of = |index: usize| node.files.get(index).map(|file| file.command_path().to_owned());
        let named = node.pairs.iter().find_map(|pair| {
            let certificate = node.references.get(pair.certificate)?;
            if certificate.target != Led::File(cert.found().file) {
                return None;
            }
            match node.references.get(pair.key)?.target {
                Led::File(key) => of(key),
                _ => None,
            }
        });
        named
            .or_else(|| node.key_file_beside(cert.file()).and_then(|(key, _)| of(key)))
            .or_else(|| cert.private_keys().first().and_then(|key| of(key.file)))
            .unwrap_or_else(|| key_beside(cert.file().command_path()))
    }

    /// The file in which `kpki issue --force` finds the key of a certificate: the one of the usual names that has it, or else that is there.
    fn found_beside(&self, cert: Cert<'a>) -> Option<std::path::PathBuf> {
        let file = cert.file();
        let stem = file.on_node.file_stem()?.to_string_lossy();
        let mut names = vec![Naming::Kubeadm.key(&stem), Naming::Pem.key(&stem)];
        if file.on_node.extension().is_some_and(|extension| extension == "pem") {
            names.swap(0, 1);
        }
        names.extend(stem.strip_suffix("cert").map(|stem| format!("{stem}key.pem").into()));
        names.push("privkey.pem".into());
        let there = names.iter().filter_map(|name| self.node().entry_at(&file.on_node.with_file_name(name)));
        let there: Vec<_> = there.collect();
        let spki = cert.spki();
        let has_it = |(index, _): &&(usize, &'a File)| {
            self.node().keys_in(*index).any(|key| key.private && key.spki == Some(spki))
        };
        let (_, found) = there.iter().find(has_it).or(there.first())?;
        Some(found.command_path().to_owned())
    }

    /// What must happen for a new certificate to be used, in words. What reads its files anew by itself is left alone.
    pub(super) fn taken_up(&self, cert: Cert<'a>, role: Option<Role>, target: &Target) -> String {
        let embedded = matches!(target, Target::Kubeconfig(_) | Target::KubeconfigUser { .. });
        match role {
            Some(Role::ControllerManager) if embedded => self.restart(Component::ControllerManager),
            Some(Role::Scheduler) if embedded => self.restart(Component::Scheduler),
            Some(Role::Admin | Role::SuperAdmin | Role::User) if embedded => {
                "Copies of it elsewhere (~/.kube/config) stay as they are: replace them too.".to_owned()
            }
            Some(Role::KubeletClient) => "Then `systemctl restart kubelet` on the node.".to_owned(),
            // Without its own manifest, what reads it is not known.
            None if cert.item().place.field.is_none() => "Then restart what reads it.".to_owned(),
            _ => String::new(),
        }
    }

    /// How a component is restarted.
    pub(super) fn restart(&self, component: Component) -> String {
        let node = self.node();
        let launch = node.launch(component);
        let pod = launch.filter(|launch| launch.by == By::Pod).and_then(|launch| node.files.get(launch.file));
        match pod {
            Some(manifest) => format!(
                "Then restart {component}: move {} out of its directory for 20 seconds, and back.",
                manifest.shown
            ),
            None => format!("Then restart {component}."),
        }
    }
}

/// The user of a kubeconfig whose certificate a field is.
fn user_of<'k>(kubeconfig: &'k Kubeconfig, field: &str) -> Option<&'k KubeUser> {
    kubeconfig.users.iter().find(|user| field == format!("users[{}].client-certificate-data", user.name))
}

/// The name and the namespace of a Secret in a file of its own, whose certificate this is.
fn secret_of(cert: Cert<'_>) -> Option<(String, Option<String>)> {
    let mut objects = cert.file().items().iter().filter_map(|item| match &item.content {
        Content::Object(object) => Some(object),
        _ => None,
    });
    let object = objects.next().filter(|object| object.kind == "Secret")?;
    if objects.next().is_some() || !cert.item().place.field.as_deref()?.ends_with("[tls.crt]") {
        return None;
    }
    Some((object.name.clone()?, object.namespace.clone()))
}
