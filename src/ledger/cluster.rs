//! What the cluster's own signers sign, which keep no ledger.

use crate::x509::{ExtendedKeyUsage, KeyUsage, SubjectAltName, TbsCertificate};

/// The common name: X.520 section 6.2.2.
const COMMON_NAME: &str = "2.5.4.3";

/// Who of kube-controller-manager's signers may have signed a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClusterSigned {
    /// What kubelets ask for (`kubernetes.io/kube-apiserver-client-kubelet`, `kubernetes.io/kubelet-serving`).
    Kubelet,
    /// What somebody asked for and somebody approved (`kubernetes.io/kube-apiserver-client`).
    Client,
}

/// Whether one of kube-controller-manager's signers may have signed a certificate, by what stands in it: they sign nothing
/// beyond it. None says who did.
/// Source: <https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers>
pub fn may_be_the_clusters(tbs: &TbsCertificate) -> Option<ClusterSigned> {
    let extensions = &tbs.extensions;
    let usage = extensions.key_usage.as_ref().map(|marked| marked.value).unwrap_or_default();
    let admitted = KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT;
    if extensions.is_ca() || !usage.without(admitted).is_empty() {
        return None;
    }
    let organizations = tbs.subject.organizations();
    let is_node = organizations == ["system:nodes"]
        && tbs.subject.values(COMMON_NAME).count() == 1
        && tbs.subject.common_name().is_some_and(|name| name.starts_with("system:node:"));
    let names = extensions.names();
    let addresses = |name: &SubjectAltName| matches!(name, SubjectAltName::Dns(_) | SubjectAltName::Ip(_));
    match extensions.purposes() {
        [ExtendedKeyUsage::ClientAuth] if is_node && names.is_empty() => Some(ClusterSigned::Kubelet),
        [ExtendedKeyUsage::ServerAuth] if is_node && !names.is_empty() && names.iter().all(addresses) => {
            Some(ClusterSigned::Kubelet)
        }
        // Never into this group (admission plugin CertificateSubjectRestriction).
        [ExtendedKeyUsage::ClientAuth] if !organizations.contains(&"system:masters") => {
            Some(ClusterSigned::Client)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::ClusterSigned::{Client, Kubelet};
    use super::*;
    use crate::forge;
    use crate::x509::Certificate;

    #[test]
    fn what_stands_in_it_tells_who_may_have_signed_it() {
        let node = "o=system:nodes cn=system:node:a";
        for (words, expected) in [
            (format!("{node} eku=client"), Some(Kubelet)),
            (format!("{node} eku=client ku=digitalSignature"), Some(Kubelet)),
            (format!("{node} eku=server sans=dns:a,ip:10.0.0.9"), Some(Kubelet)),
            (format!("{node} eku=server"), None),
            (format!("{node} eku=server sans=dns:a,uri:spiffe://a"), None),
            (format!("{node} eku=server,client sans=dns:a"), None),
            (format!("{node} eku=client sans=dns:a"), Some(Client)),
            ("subject=o=system:nodes/cn=system:node:a/cn=kubernetes-admin eku=client".into(), Some(Client)),
            (format!("{node} eku=client o=system:masters"), None),
            (format!("{node} eku=client ku=keyCertSign"), None),
            (format!("{node} eku=client ca=true"), None),
            (node.to_owned(), None),
            ("o=system:nodes cn=admin eku=client".into(), Some(Client)),
            ("cn=system:node:a eku=client".into(), Some(Client)),
            ("cn=jane o=dev eku=client".into(), Some(Client)),
            ("cn=jane o=system:masters eku=client".into(), None),
            ("cn=web eku=server sans=dns:web".into(), None),
        ] {
            let leaf = forge::ca("cn=kubernetes").leaf(&words);
            let certificate = Certificate::from_der(leaf.der()).unwrap();
            assert_eq!(may_be_the_clusters(&certificate.tbs), expected, "{words}");
        }
    }
}
