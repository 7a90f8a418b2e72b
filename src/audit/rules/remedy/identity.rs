//! Whose a certificate is, in the words of `kpki issue`.

use std::sync::OnceLock;

use super::super::super::{Answers, Cert, Role};
use super::super::apiserver::{domain, service_addresses};
use super::super::distinct::Distinct;
use super::super::etcd::Etcd;
use super::{Desk, Reissue, add, name_of};
use crate::profile::{Catalogue, KubernetesVersion, Profile, RefusalKind, Terms, Wish};
use crate::request::wish_for_names;
use crate::x509::{ExtendedKeyUsage, SubjectAltName, check_dns_name};

/// The most alternative names of a command: no certificate of a cluster has as many.
const MOST_NAMES: usize = 256;

/// Whose a certificate is.
pub(super) struct Identity {
    /// The profile by which it is issued.
    pub(super) profile: &'static str,
    /// The name that the profile leaves open.
    pub(super) name: Option<String>,
    /// Its groups, where the profile leaves them open.
    pub(super) groups: Vec<String>,
    /// Its alternative names, those that it lacks first.
    pub(super) names: Vec<SubjectAltName>,
    /// The version of Kubernetes, where its groups depend on it.
    pub(super) version: Option<String>,
    /// Whether it has other names now.
    pub(super) changes_names: bool,
    /// What it has now and cannot have; safe to show.
    left_out: Vec<String>,
}

impl Identity {
    /// What is left out, as a sentence.
    pub(super) fn left_out_in_words(&self) -> String {
        if self.left_out.is_empty() {
            return String::new();
        }
        format!("It will not have {}, which no such certificate may.", self.left_out.join(", "))
    }
}

/// The profiles that are built in.
pub(super) fn catalogue() -> &'static Catalogue {
    static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
    CATALOGUE.get_or_init(Catalogue::built_in)
}

impl<'a> Desk<'a> {
    /// The part of a certificate: the surest of its places.
    pub(super) fn role(&self, cert: Cert<'a>) -> Option<Role> {
        cert.role().or_else(|| self.certificates().get(cert).and_then(Distinct::role))
    }

    /// Whose a certificate is to be.
    ///
    /// # Errors
    /// Why kpki cannot issue it, in words.
    pub(super) fn identity(
        &self,
        cert: Cert<'a>,
        role: Option<Role>,
        reissue: &Reissue,
    ) -> Result<Identity, String> {
        let name = profile_of(cert, role).ok_or("its purposes are those of no profile that kpki has")?;
        let profile = catalogue().find(name).map_err(|error| error.to_string())?;
        let version = self.node().version.as_ref();
        let called = self.called(cert, role, profile, reissue);
        if profile.takes_name() && called.is_none() {
            return Err("it has no common name to go by".to_owned());
        }
        let groups = groups(cert, profile);
        let newest = KubernetesVersion::NEWEST;
        let subject = profile
            .subject_for(called.as_deref(), &groups, version.unwrap_or(&newest))
            .map_err(|error| error.to_string())?;
        let depends =
            profile.subject_for(called.as_deref(), &groups, &newest).ok().as_ref() != Some(&subject);
        let mut identity = Identity {
            profile: profile.name(),
            name: called,
            groups,
            names: Vec::new(),
            version: version.filter(|_| depends).map(ToString::to_string),
            changes_names: false,
            left_out: Vec::new(),
        };
        let terms = Terms::new(version.unwrap_or(&newest).clone());
        let refused = |names: Vec<SubjectAltName>| {
            let wish = Wish {
                subject: &subject,
                extensions: &wish_for_names(names),
                public_key: &cert.tbs().public_key,
            };
            let refusals = profile.admit(&wish, &terms).err().unwrap_or_default();
            // The key will be another one.
            refusals.into_iter().find(|refusal| {
                !matches!(refusal.kind(), RefusalKind::WeakKey | RefusalKind::ServerWithoutSan)
            })
        };
        if let Some(refusal) = refused(Vec::new()) {
            return Err(refusal.to_string());
        }
        self.names(cert, profile, reissue, &mut identity, &|name| refused(vec![name.clone()]).is_none());
        if profile.needs_san() && identity.names.is_empty() {
            return Err(
                "it has no name that such a certificate may have, and none that it should have is known"
                    .into(),
            );
        }
        Ok(identity)
    }

    /// The alternative names: those that it lacks, and those that it has and may have.
    fn names(
        &self,
        cert: Cert<'a>,
        profile: &Profile,
        reissue: &Reissue,
        identity: &mut Identity,
        may_have: &dyn Fn(&SubjectAltName) -> bool,
    ) {
        let own = cert.tbs().extensions.names();
        // In one order whatever finding asks, so that one command is one.
        let wanted = self.wanted(cert);
        let (mut lacks, mut without) =
            wanted.map(|wanted| (wanted.names.clone(), wanted.without.clone())).unwrap_or_default();
        add(&mut lacks, &reissue.names);
        add(&mut without, &reissue.without);
        lacks.retain(|name| may_have(name) && !own.contains(name));
        identity.changes_names = !lacks.is_empty() || own.iter().any(|name| without.contains(name));
        add(&mut identity.names, &lacks);
        if let Some(role) = reissue.role {
            let needed = self.needed(role);
            add(&mut identity.names, &needed.into_iter().filter(may_have).collect::<Vec<_>>());
        }
        let own = if reissue.role.is_some() { &[] } else { own };
        for name in own.iter().take(MOST_NAMES).filter(|name| !without.contains(name)) {
            let name = &sound(name);
            if may_have(name) {
                add(&mut identity.names, std::slice::from_ref(name));
            } else if identity.left_out.len() < 8 {
                identity.left_out.push(name.to_string());
            }
        }
        // A server without a name gets those that its profile gives to everybody.
        if profile.needs_san() && (identity.names.is_empty() || reissue.role.is_some()) {
            add(&mut identity.names, &profile.default_sans(identity.name.as_deref()).unwrap_or_default());
        }
        // As people write them.
        identity.names.sort_by_key(|name| !matches!(name, SubjectAltName::Dns(_)));
        identity.names.truncate(MOST_NAMES);
    }

    /// The names that a server of a part needs, as far as the node tells, whatever lies in its place now.
    fn needed(&self, role: Role) -> Vec<SubjectAltName> {
        let node = self.node();
        let of_urls = |flags: [&str; 2]| {
            let etcd = Etcd::of(self.scene, &mut Answers::default());
            let urls = etcd.iter().flat_map(|etcd| flags.into_iter().flat_map(|flag| etcd.urls(flag)));
            urls.filter(|url| !url.host.is_any()).filter_map(|url| url.host.name()).collect()
        };
        match role {
            Role::Apiserver => {
                let services = service_addresses(node).map(|(_, first)| first).unwrap_or_default();
                let mut names: Vec<SubjectAltName> =
                    services.into_iter().take(1).map(SubjectAltName::Ip).collect();
                add(&mut names, &super::super::k003_apiserver_hosts::names(node));
                if let Some(domain) = domain(node) {
                    names.extend(name_of(&format!("kubernetes.default.svc.{domain}")));
                }
                names
            }
            Role::EtcdServer => of_urls(["advertise-client-urls", "listen-client-urls"]),
            Role::EtcdPeer => of_urls(["initial-advertise-peer-urls", "listen-peer-urls"]),
            _ => Vec::new(),
        }
    }

    /// The name that a profile leaves open.
    fn called(
        &self,
        cert: Cert<'a>,
        role: Option<Role>,
        profile: &Profile,
        reissue: &Reissue,
    ) -> Option<String> {
        if !profile.takes_name() {
            return None;
        }
        if let Some(called) = &reissue.called {
            return Some(called.clone());
        }
        let own = cert.tbs().subject.common_name().filter(|name| !name.is_empty() && reissue.role.is_none());
        let node_name = |name: &&str| check_dns_name(name).is_ok();
        match role {
            Some(Role::KubeletClient | Role::KubeletServing) => own
                .and_then(|name| name.strip_prefix("system:node:"))
                .filter(node_name)
                .map(str::to_owned)
                .or_else(|| self.node_name()),
            Some(Role::EtcdServer | Role::EtcdPeer) => own
                .filter(node_name)
                .map(str::to_owned)
                .or_else(|| self.etcd_name())
                .or_else(|| self.node_name()),
            // The name is kpki's own as well.
            Some(Role::EtcdClient) if own == Some("kube-etcd-healthcheck-client") => own.map(str::to_owned),
            _ => own.filter(|name| name.chars().count() <= 64).map(str::to_owned).or_else(|| {
                cert.tbs().extensions.names().iter().find_map(|name| match name {
                    SubjectAltName::Dns(name) => Some(name.clone()),
                    SubjectAltName::Ip(ip) => Some(ip.to_string()),
                    _ => None,
                })
            }),
        }
    }

    /// The name that the node goes by, where there is one only.
    pub(super) fn node_name(&self) -> Option<String> {
        match self.node().host_names().as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        }
    }

    fn etcd_name(&self) -> Option<String> {
        let flags = self.node().flags(crate::manifest::Component::Etcd)?;
        flags.value("name").filter(|name| check_dns_name(name).is_ok()).map(str::to_owned)
    }

    /// The algorithm of the new key, where another than the usual one is in use here.
    pub(super) fn algorithm(cert: Cert<'a>) -> Option<&'static str> {
        use crate::x509::PublicKeyKind;
        match cert.tbs().public_key.kind() {
            PublicKeyKind::Rsa { bits: 2048, .. } => Some("RSA-2048"),
            PublicKeyKind::Rsa { bits: 3072, .. } => Some("RSA-3072"),
            PublicKeyKind::Rsa { bits: 4096, .. } => Some("RSA-4096"),
            PublicKeyKind::Ec(curve) if curve == "P-384" => Some("ECDSA-P384"),
            _ => None,
        }
    }
}

/// The profile of a part; of what plays none, that of its purposes.
fn profile_of(cert: Cert<'_>, role: Option<Role>) -> Option<&'static str> {
    if let Some(role) = role {
        return (role != Role::ServiceAccount).then(|| role.name());
    }
    let purposes = cert.tbs().extensions.purposes();
    let has = |purpose: &ExtendedKeyUsage| purposes.contains(purpose);
    match (has(&ExtendedKeyUsage::ServerAuth), has(&ExtendedKeyUsage::ClientAuth)) {
        (true, false) => Some("server"),
        (false, true) => Some("user"),
        _ => None,
    }
}

/// The groups of a user; those of a part are the profile's.
fn groups(cert: Cert<'_>, profile: &Profile) -> Vec<String> {
    if !matches!(profile.name(), "user" | "server") {
        return Vec::new();
    }
    cert.tbs().subject.organizations().into_iter().map(str::to_owned).collect()
}

/// A name as it was meant: an address that stands there as a DNS name is one.
pub(super) fn sound(name: &SubjectAltName) -> SubjectAltName {
    match name {
        SubjectAltName::Dns(text) => {
            let text = text.trim().trim_end_matches('.');
            text.parse().unwrap_or_else(|_| name.clone())
        }
        other => other.clone(),
    }
}
