//! Which CA is to sign a certificate.

use super::super::super::{Cert, Holder, Role, Signer as Signed, Signing};
use super::super::distinct::{Use, ca_of, named};
use super::Desk;
use crate::layout::Authority;
use crate::manifest::Component;
use crate::remedy::Signer;
use crate::x509::sha256;

/// The most CAs of one part that are looked at.
const MOST: usize = 64;

impl<'a> Desk<'a> {
    /// The CA that is to sign a certificate of a part: the one that has signed it, where its peers trust that; else the one that they trust.
    pub(super) fn signer(&self, cert: Cert<'a>, role: Option<Role>) -> Signer {
        if let Some(ca) = self.signing_ca(cert, role) {
            return self.signer_of(ca);
        }
        match &cert.found().signing {
            Signing::By(signer @ Signed::Elsewhere(_)) => {
                let tbs = signer.tbs(self.node());
                Signer {
                    key: tbs.map(|tbs| sha256(tbs.public_key.der())),
                    file: None,
                    called: tbs.map_or_else(String::new, |tbs| named(&tbs.subject)),
                }
            }
            _ => Signer { key: None, file: None, called: Self::called_by_part(cert, role) },
        }
    }

    /// That CA, where its certificate is on this node.
    pub(super) fn signing_ca(&self, cert: Cert<'a>, role: Option<Role>) -> Option<Cert<'a>> {
        let at = self.scene.policy.at;
        let trusted = role.map(|role| self.trusted(role)).unwrap_or_default();
        let sound = |ca: &Cert<'_>| ca.is_ca() && ca.tbs().validity.contains(at);
        let present = cert.issuer_here().filter(|issuer| {
            issuer.index != cert.index && sound(issuer) && (trusted.is_empty() || issuer.leads_to(&trusted))
        });
        // Of several the one that can sign here, and then the one that lives longest.
        let best = |cas: &mut dyn Iterator<Item = Cert<'a>>| {
            cas.max_by_key(|ca| (!ca.private_keys().is_empty(), ca.tbs().validity.not_after))
        };
        present
            .or_else(|| best(&mut trusted.iter().copied().filter(sound)))
            .or_else(|| best(&mut trusted.iter().copied().filter(|ca| ca.is_ca())))
            .or_else(|| cert.issuer_here().filter(|issuer| issuer.index != cert.index && issuer.is_ca()))
    }

    /// A CA as one that signs.
    pub(super) fn signer_of(&self, ca: Cert<'a>) -> Signer {
        let own = |other: &Cert<'_>| {
            other.tbs().subject == ca.tbs().subject
                && other.item().place.field.is_none()
                && other.found().position == 0
                && self.has_key_beside(*other)
        };
        let with_key = Some(ca).filter(own).or_else(|| {
            let mut places = self.node().certs_with_key(&ca.found().spki).take(MOST).filter(own);
            places.find(|other| other.tbs().validity.contains(self.scene.policy.at))
        });
        Signer {
            key: Some(ca.spki()),
            file: with_key.map(|ca| ca.file().command_path().to_owned()),
            called: named(&ca.tbs().subject),
        }
    }

    /// Whether the private key lies beside a certificate, under the name under which kpki looks for it.
    fn has_key_beside(&self, cert: Cert<'_>) -> bool {
        let Some((beside, _)) = self.node().key_file_beside(cert.file()) else { return false };
        let spki = cert.spki();
        self.node().keys_in(beside).any(|key| key.private && key.spki == Some(spki))
    }

    /// What the peers of a part trust: by the flag that says so, or else the CA of that part.
    pub(super) fn trusted(&self, role: Role) -> Vec<Cert<'a>> {
        use Component::{Apiserver, ControllerManager, Etcd};
        let node = self.node();
        let flags: &[(Holder, &str)] = match role {
            Role::Apiserver => &[(Holder::Component(ControllerManager), "root-ca-file")],
            Role::EtcdServer => &[(Holder::Component(Apiserver), "etcd-cafile")],
            Role::EtcdPeer => &[(Holder::Component(Etcd), "peer-trusted-ca-file")],
            Role::EtcdClient | Role::ApiserverEtcdClient => &[(Holder::Component(Etcd), "trusted-ca-file")],
            Role::FrontProxyClient => &[(Holder::Component(Apiserver), "requestheader-client-ca-file")],
            Role::KubeletServing => &[(Holder::Component(Apiserver), "kubelet-certificate-authority")],
            Role::ApiserverKubeletClient => {
                &[(Holder::KUBELET, "client-ca-file"), (Holder::KUBELET, "authentication.x509.clientCAFile")]
            }
            Role::ControllerManagerServing | Role::SchedulerServing => &[],
            _ => &[(Holder::Component(Apiserver), "client-ca-file")],
        };
        for (holder, flag) in flags {
            let named: Vec<Cert<'a>> = node
                .references_of(*holder, flag)
                .flat_map(|reference| node.referenced_certs(reference))
                .take(MOST)
                .collect();
            if !named.is_empty() {
                return named;
            }
        }
        let Some(ca) = ca_of(role) else { return Vec::new() };
        let own = self.certificates().with_role(ca).filter(|one| one.usage != Use::Old);
        own.map(|one| one.cert).take(MOST).collect()
    }

    /// The CA that is needed, where none is at hand.
    fn called_by_part(cert: Cert<'a>, role: Option<Role>) -> String {
        match role.and_then(Role::authority) {
            Some(Authority::Kubernetes) => "the CA of Kubernetes".to_owned(),
            Some(Authority::Etcd) => "the CA of etcd".to_owned(),
            Some(Authority::FrontProxy) => "the CA of the front proxy".to_owned(),
            None => named(&cert.tbs().issuer),
        }
    }

    /// Whether intermediate CAs stand behind a certificate, in its file or field.
    pub(super) fn has_chain(&self, cert: Cert<'a>) -> bool {
        let field = &cert.item().place.field;
        self.node().certs_in(cert.found().file).take(MOST).any(|other| {
            other.index != cert.index
                && other.item().place.field == *field
                && other.is_ca()
                && !other.is_self_signed()
        })
    }
}
