//! In which form a certificate stands, and what takes up a new one.

use super::super::super::{Cert, Role, Target as Led};
use super::super::files::holds_private;
use super::Desk;
use crate::inspect::{Content, KubeUser, Kubeconfig};
use crate::layout::key_beside;
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
        Target::Pair { key: self.key_of(cert), certificate: path, keep_key: !fresh_key }
    }

    fn kubeconfig(&self, cert: Cert<'a>, kubeconfig: &Kubeconfig, user: &KubeUser) -> Target {
        let path = cert.file().command_path().to_owned();
        let shared = Target::KubeconfigUser { file: path.clone(), user: user.name.clone() };
        let ([cluster], [_], [context]) = (&*kubeconfig.clusters, &*kubeconfig.users, &*kubeconfig.contexts)
        else {
            return shared;
        };
        let plain = user.others.is_empty()
            && cluster.tls_server_name.is_none()
            && !cluster.insecure
            && context.namespace.is_none()
            && cluster.authority.embedded;
        // kpki writes the CA that signs as the server's.
        let trusted = self.node().kubeconfig_authorities(cert.found().file, cluster);
        let [only] = trusted.as_slice() else { return shared };
        let signer = self.signer(cert, self.role(cert));
        if !plain || signer.key != Some(only.spki()) {
            return shared;
        }
        Target::Kubeconfig {
            file: path,
            server: cluster.server.clone(),
            cluster: Some(cluster.name.clone()).filter(|name| name != "kubernetes"),
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
            .unwrap_or_else(|| key_beside(&cert.file().command_path()))
    }

    /// What must happen for a new certificate to be used, in words. What reads its files anew by itself is left alone.
    pub(super) fn taken_up(&self, cert: Cert<'a>, role: Option<Role>, target: &Target) -> String {
        let embedded = matches!(target, Target::Kubeconfig { .. } | Target::KubeconfigUser { .. });
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
