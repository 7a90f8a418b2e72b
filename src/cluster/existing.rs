//! Whether what is there already is what the plan wants.

use time::OffsetDateTime;

use super::entries::Identity;
use super::plan::Found;
use crate::key::KeyPair;
use crate::kubeconfig::{self, KubeconfigError};
use crate::x509::{Certificate, ExtendedKeyUsage};

/// Reads a certificate as the components do, which take PEM only.
pub(super) fn read_certificate(text: &[u8]) -> Result<Certificate, String> {
    if text.first() == Some(&0x30) {
        return Err("it is DER, and the components read PEM: convert it with openssl x509 -inform der".into());
    }
    Certificate::from_pem_or_der(text).map_err(|error| error.to_string())
}

pub(super) fn check_pair(
    found: &Found,
    identity: &Identity,
    issuer: &Certificate,
    now: OffsetDateTime,
) -> Result<(), Vec<String>> {
    let one = |reason: String| Err(vec![reason]);
    let (public, private) = match (&found.public, &found.private) {
        (Some(public), Some(private)) => (public, private),
        (Some(_), None) => return one("the certificate is there without its key".into()),
        _ => {
            return one(
                "the key is there without its certificate: have its request signed, or move it away".into()
            );
        }
    };
    let certificate = match read_certificate(public) {
        Ok(certificate) => certificate,
        Err(reason) => return one(reason),
    };
    let mut problems = check_identity(&certificate, identity, issuer, now);
    match KeyPair::from_pem(private, None) {
        Ok(key) => problems.extend(key_mismatch(&certificate, &key)),
        Err(error) => problems.push(format!("its key: {error}")),
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn key_mismatch(certificate: &Certificate, key: &KeyPair) -> Option<String> {
    (certificate.tbs.public_key.der() != key.public_key_der())
        .then(|| "the private key does not match the certificate".into())
}

pub(super) fn check_kubeconfig(
    found: &Found,
    identity: &Identity,
    server: &str,
    issuer: &Certificate,
    now: OffsetDateTime,
) -> Result<(), Vec<String>> {
    let text = found.public.as_ref().map_or(&[][..], |text| text.as_slice());
    let client = kubeconfig::read(text).map_err(|error| match error {
        KubeconfigError::Missing("client-certificate-data") => vec![format!(
            "{error}: embed the signed one with kubectl config set-credentials --client-certificate FILE --embed-certs"
        )],
        _ => vec![error.to_string()],
    })?;
    let mut problems = check_identity(&client.certificate, identity, issuer, now);
    problems.extend(key_mismatch(&client.certificate, &client.key));
    if client.server != server {
        problems.push(format!("its server is {}, not {server}", crate::x509::Printable(&client.server)));
    }
    if !client.authorities.iter().any(|authority| authority.der() == issuer.der()) {
        problems.push(format!("the CA it trusts is not {}", issuer.tbs.subject));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Whether a certificate is the wanted one: issuer, validity, subject, names, purposes.
fn check_identity(
    certificate: &Certificate,
    identity: &Identity,
    issuer: &Certificate,
    now: OffsetDateTime,
) -> Vec<String> {
    let tbs = &certificate.tbs;
    let mut problems = Vec::new();
    let (stated, wanted) = (tbs.issuer.to_string(), issuer.tbs.subject.to_string());
    if stated != wanted {
        problems.push(format!("its issuer is {stated}, not {wanted}"));
    } else if let Err(error) = certificate.verify_signature(&issuer.tbs.public_key) {
        problems.push(format!("it was not signed by the CA {} that is here: {error}", issuer.tbs.subject));
    } else if tbs.issuer.der() != issuer.tbs.subject.der() {
        // Go compares the bytes, so that the one would not be found as the other's issuer.
        problems.push(format!(
            "its issuer {stated} is encoded otherwise than the subject of the CA that is here"
        ));
    }
    if now > tbs.validity.not_after {
        problems.push(format!("it expired on {}", tbs.validity.not_after));
    } else if now < tbs.validity.not_before {
        problems.push(format!("it is not valid before {}", tbs.validity.not_before));
    }
    let sorted = |mut groups: Vec<String>| {
        groups.sort();
        groups
    };
    let groups =
        |name: &crate::x509::Name| sorted(name.organizations().into_iter().map(str::to_owned).collect());
    if tbs.subject.common_name() != identity.subject.common_name()
        || groups(&tbs.subject) != groups(&identity.subject)
    {
        problems.push(format!("its subject is {}, not {}", tbs.subject, identity.subject));
    }
    let names = tbs.extensions.names();
    let missing: Vec<String> =
        identity.names.iter().filter(|name| !names.contains(name)).map(ToString::to_string).collect();
    if !missing.is_empty() {
        problems.push(format!("it lacks the names {}", missing.join(", ")));
    }
    // RFC 5280 section 4.2.1.12: without the extension, or with anyExtendedKeyUsage, it serves every purpose.
    let purposes = tbs.extensions.purposes();
    let unrestricted = purposes.is_empty() || purposes.contains(&ExtendedKeyUsage::Any);
    let wanted = identity.purposes.iter().filter(|purpose| !unrestricted && !purposes.contains(purpose));
    let wanted: Vec<String> = wanted.map(ToString::to_string).collect();
    if !wanted.is_empty() {
        problems.push(format!("it lacks the extended key usages {}", wanted.join(", ")));
    }
    if tbs.extensions.is_ca() {
        problems.push("it is a CA certificate, whose holder could sign others".into());
    }
    problems
}
