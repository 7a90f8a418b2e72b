//! Requests inside Kubernetes `CertificateSigningRequest` objects (certificates.k8s.io/v1 and v1beta1), alone, in lists, or
//! several documents one after the other.
//!
//! There it is `spec.usages` that says what the certificate is for; usages within the PKCS #10 request
//! are not looked at by Kubernetes' own signers. What the API server and the approvers wrote is kept, for whoever judges.
//! Source: <https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/>

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;

use super::{RequestError, SigningRequest};
use crate::clock::Lifetime;
use crate::x509::{Certificate, ExtendedKeyUsage, KeyUsage, Marked, Printable};
use crate::yaml;

/// How deep a list may stand in another.
const DEEPEST: usize = 4;
/// The most values of one text: ten thousand objects with what an API server writes into each.
const MOST_VALUES: usize = 1_000_000;

/// What a `CertificateSigningRequest` object says beside the request itself. Its texts are as they stand there: show
/// them through [`Printable`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KubernetesRequest {
    /// Where the object stands among several, `items[2]` or `document 3`; empty where it is alone.
    pub place: String,
    /// The object's name.
    pub name: String,
    /// The signer that was asked, `kubernetes.io/kubelet-serving` for example; none where v1beta1 leaves it out.
    pub signer_name: Option<String>,
    /// The lifetime that was asked for.
    pub lifetime: Option<Lifetime>,
    /// Who asked, as the API server saw it and wrote it down; none where the object was at no API server.
    pub username: Option<String>,
    /// The groups of the one who asked.
    pub groups: Vec<String>,
    /// What approvers and signers have said.
    pub conditions: Vec<Condition>,
    /// What the object has as its certificate.
    pub issued: Option<Issued>,
}

/// What an approver or a signer has said of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Condition {
    /// `Approved`, `Denied`, `Failed`, or another's own.
    pub kind: String,
    /// `True`, `False` or `Unknown`; none, as v1beta1 may leave it out, is true.
    pub status: Option<String>,
    /// Why, in a word.
    pub reason: Option<String>,
    /// Why, in words.
    pub message: Option<String>,
}

impl Condition {
    /// Whether it says of itself that it holds.
    pub fn is_true(&self) -> bool {
        matches!(self.status.as_deref(), None | Some("" | "True"))
    }
}

/// The certificate that an object has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issued {
    /// It, the leaf of its chain.
    Certificate(Box<Certificate>),
    /// Something that cannot be read as one.
    Unreadable,
}

/// Whatever stands in a document: an object, a list of them, or something else.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    api_version: Option<String>,
    kind: Option<String>,
    metadata: Option<Metadata>,
    items: Option<Vec<Document>>,
    spec: Option<Spec>,
    status: Option<Status>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    request: Option<String>,
    signer_name: Option<String>,
    usages: Option<Vec<String>>,
    expiration_seconds: Option<i64>,
    username: Option<String>,
    groups: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
struct Status {
    conditions: Option<Vec<Written>>,
    certificate: Option<String>,
}

/// A condition as it is written.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "type")]
    kind: Option<String>,
    status: Option<String>,
    reason: Option<String>,
    message: Option<String>,
}

/// Whether the bytes are objects rather than a bare PEM text: an object's fields are named, and the first PEM line, if
/// there is one, comes after them.
pub(super) fn looks_like_object(bytes: &[u8]) -> bool {
    let find = |text: &[u8]| bytes.windows(text.len()).position(|window| window == text);
    let field = [&b"apiVersion"[..], b"CertificateSigningRequest"].iter().filter_map(|text| find(text)).min();
    field.is_some_and(|field| find(b"-----BEGIN").is_none_or(|begin| field < begin))
}

/// Every request of a text of objects, in their order; never none.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<SigningRequest>, RequestError> {
    let text = std::str::from_utf8(bytes).map_err(|_| error("it is not UTF-8"))?;
    let documents = documents(text.trim_start_matches('\u{feff}'))?;
    let several = documents.len() > 1;
    let mut requests = Vec::new();
    for (number, document) in (1..).zip(documents) {
        let Some(document) = document else { continue };
        let place = if several { format!("document {number}") } else { String::new() };
        collect(document, &place, None, 0, &mut requests)?;
    }
    if requests.is_empty() {
        return Err(error("there is no object in it"));
    }
    Ok(requests)
}

/// Every document; an empty one is none.
fn documents(text: &str) -> Result<Vec<Option<Document>>, RequestError> {
    // Several objects of JSON, one after the other, are no YAML; and YAML in braces is no JSON.
    if text.trim_start().starts_with('{') {
        let stream = serde_json::Deserializer::from_str(text).into_iter();
        if let Ok(documents) = stream.collect() {
            return Ok(documents);
        }
    }
    yaml::read_all(text, MOST_VALUES).map_err(|error| self::error(Printable(&error.to_string()).to_string()))
}

fn error(text: impl Into<String>) -> RequestError {
    RequestError::Kubernetes(text.into())
}

/// The objects of a document; those of a list may leave out what the list says of them all.
fn collect(
    document: Document,
    place: &str,
    list: Option<(&str, &str)>,
    depth: usize,
    requests: &mut Vec<SigningRequest>,
) -> Result<(), RequestError> {
    let at = |text: String| error(if place.is_empty() { text } else { format!("{place}: {text}") });
    let (version, kind) = (document.api_version.as_deref(), document.kind.as_deref());
    let version = version.or(list.map(|(version, _)| version)).unwrap_or_default();
    let kind = kind.or(list.map(|(_, kind)| kind)).unwrap_or_default();
    let is_ours = ["certificates.k8s.io/v1", "certificates.k8s.io/v1beta1"].contains(&version);
    match kind {
        "List" | "CertificateSigningRequestList" if kind == "List" || is_ours => {
            let within = (kind != "List").then_some((version, "CertificateSigningRequest"));
            let items = document.items.unwrap_or_default();
            if items.is_empty() {
                return Err(at("the list is empty: there is no request in it".into()));
            }
            if depth == DEEPEST {
                return Err(at("lists stand too deep in one another".into()));
            }
            for (number, item) in items.into_iter().enumerate() {
                let dot = if place.is_empty() { "" } else { ", " };
                collect(item, &format!("{place}{dot}items[{number}]"), within, depth + 1, requests)?;
            }
            Ok(())
        }
        "CertificateSigningRequest" if is_ours => {
            let name = document.metadata.unwrap_or_default().name.unwrap_or_default();
            let beta = version.ends_with("v1beta1");
            let spec = document.spec.ok_or_else(|| at("it has no spec".into()))?;
            let request = object(name, place, spec, document.status.unwrap_or_default(), beta);
            requests.push(request.map_err(|problem| match problem {
                RequestError::Kubernetes(text) => at(text),
                other => at(other.to_string()),
            })?);
            Ok(())
        }
        _ => Err(at(format!(
            "it is a {} {}; expected certificates.k8s.io/v1 CertificateSigningRequest, or a List of them",
            Printable(version),
            Printable(if kind.is_empty() { "text without a kind" } else { kind })
        ))),
    }
}

fn object(
    name: String,
    place: &str,
    spec: Spec,
    status: Status,
    beta: bool,
) -> Result<SigningRequest, RequestError> {
    let text = spec.request.ok_or_else(|| error("spec.request is missing"))?;
    let request = decode(&text).ok_or_else(|| error("spec.request is not base64"))?;
    let mut request = SigningRequest::from_pem(&request)?;
    let signer_name = spec.signer_name.filter(|signer| !signer.is_empty());
    if signer_name.is_none() && !beta {
        return Err(error("spec.signerName is missing"));
    }
    let lifetime = match spec.expiration_seconds {
        // The API's own lower bound for spec.expirationSeconds.
        Some(seconds) if seconds < 600 => return Err(error("spec.expirationSeconds must be 600 or more")),
        Some(seconds) => Some(
            Lifetime::seconds(seconds).ok_or_else(|| error("spec.expirationSeconds is over 1000 years"))?,
        ),
        None => None,
    };
    let (usage, purposes) = match &spec.usages {
        // What the API server of v1beta1 wrote in its place.
        None if beta => (KeyUsage::DIGITAL_SIGNATURE | KeyUsage::KEY_ENCIPHERMENT, Vec::new()),
        written => usages(written.as_deref().unwrap_or_default())?,
    };
    // The object says all of them: what it leaves out is not asked for, even where nothing is left. A wish to sign that
    // stands in the request alone remains one.
    let within = request.extensions.key_usage.map(|marked| marked.value).unwrap_or_default();
    let signing =
        [KeyUsage::KEY_CERT_SIGN, KeyUsage::CRL_SIGN].into_iter().filter(|bit| within.contains(*bit));
    let usage = signing.fold(usage, |usage, bit| usage | bit);
    request.extensions.key_usage = Some(Marked { critical: true, value: usage });
    request.extensions.extended_key_usage = Some(Marked { critical: false, value: purposes });
    let conditions = status.conditions.unwrap_or_default().into_iter().map(|written| Condition {
        kind: written.kind.unwrap_or_default(),
        status: written.status,
        reason: written.reason.filter(|text| !text.is_empty()),
        message: written.message.filter(|text| !text.is_empty()),
    });
    let issued = status.certificate.filter(|text| !text.trim().is_empty()).map(|text| {
        let pem = decode(&text).and_then(|pem| Certificate::all_from_pem_or_der(&pem).ok());
        let leaf = pem.and_then(|chain| chain.into_iter().next());
        leaf.map_or(Issued::Unreadable, |leaf| Issued::Certificate(Box::new(leaf)))
    });
    request.kubernetes = Some(KubernetesRequest {
        place: place.to_owned(),
        name,
        signer_name,
        lifetime,
        username: spec.username.filter(|username| !username.is_empty()),
        groups: spec.groups.unwrap_or_default(),
        conditions: conditions.collect(),
        issued,
    });
    Ok(request)
}

/// A text in base64; white space within is left out, as Kubernetes' clients leave it out.
fn decode(text: &str) -> Option<Vec<u8>> {
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64_STANDARD.decode(packed).ok()
}

fn usages(names: &[String]) -> Result<(KeyUsage, Vec<ExtendedKeyUsage>), RequestError> {
    let mut usage = KeyUsage::default();
    let mut purposes = Vec::new();
    for name in names {
        if let Ok(bit) = name.parse::<KeyUsage>() {
            usage = usage | bit;
        } else if let Ok(purpose) = name.parse::<ExtendedKeyUsage>() {
            purposes.push(purpose);
        } else {
            return Err(error(format!("spec.usages: `{}` is not a usage", Printable(name))));
        }
    }
    Ok((usage, purposes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge;
    use crate::key::{KeyAlgorithm, KeyPair};
    use crate::request::build;
    use crate::x509::{Name, PublicKey, RequestTemplate};

    /// `spec.request` of somebody.
    fn packed(common_name: &str) -> String {
        let key = KeyPair::generate(KeyAlgorithm::EcdsaP256).unwrap();
        let subject = Name::new(Some(common_name), &[""; 0]).unwrap();
        let template = RequestTemplate {
            subject: &subject,
            public_key: &PublicKey::from_der(key.public_key_der()).unwrap(),
            subject_alt_names: &[],
            key_usage: KeyUsage::default(),
            extended_key_usage: &[],
            ca: false,
        };
        let der = build(&key, &template).unwrap();
        BASE64_STANDARD.encode(&*crate::pem::encode(crate::pem::CERTIFICATE_REQUEST, &der))
    }

    /// An object in YAML; what is left out of it is left out.
    fn yaml(version: &str, name: &str, more: &str) -> String {
        format!(
            "apiVersion: certificates.k8s.io/{version}\nkind: CertificateSigningRequest\nmetadata:\n  name: {name}\nspec:\n  request: {}\n{more}",
            packed(name)
        )
    }

    const SIGNER: &str = "  signerName: example.com/s\n";

    fn names(text: &str) -> Vec<(String, String)> {
        let requests = SigningRequest::read_all(text.as_bytes()).unwrap();
        requests
            .iter()
            .map(|one| one.kubernetes.as_ref().map(|object| (object.place.clone(), object.name.clone())))
            .collect::<Option<_>>()
            .unwrap()
    }

    fn words(text: &str) -> String {
        SigningRequest::read_all(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn several_objects_are_read_in_their_order() {
        let (one, two) = (yaml("v1", "one", SIGNER), yaml("v1beta1", "two", ""));
        let pair = |place: &str, name: &str| (place.to_owned(), name.to_owned());
        assert_eq!(names(&one), [pair("", "one")]);
        let documents = format!("---\n{one}---\n# nothing\n---\n{two}...\n");
        let read = names(&documents);
        assert_eq!(read.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["one", "two"]);
        assert!(read.iter().all(|(place, _)| place.starts_with("document ")), "{read:?}");

        let indented = |text: &str| text.trim_end().replace('\n', "\n  ");
        let list =
            format!("apiVersion: v1\nkind: List\nitems:\n- {}\n- {}\n", indented(&one), indented(&two));
        assert_eq!(names(&list), [pair("items[0]", "one"), pair("items[1]", "two")]);

        // The API server leaves version and kind out of the members of its own lists.
        let json = |name: &str, kind: &str| {
            format!(
                r#"{{{kind}"metadata":{{"name":"{name}"}},"spec":{{"request":"{}","signerName":"example.com\/s"}}}}"#,
                packed(name)
            )
        };
        let list = format!(
            r#"{{"kind":"CertificateSigningRequestList","apiVersion":"certificates.k8s.io/v1","items":[{},{}]}}"#,
            json("one", ""),
            json("two", "")
        );
        assert_eq!(names(&list), [pair("items[0]", "one"), pair("items[1]", "two")]);
        let kind = r#""kind":"CertificateSigningRequest","apiVersion":"certificates.k8s.io/v1","#;
        let stream = format!("{}\n{}", json("one", kind), json("two", kind));
        assert_eq!(names(&stream), [pair("document 1", "one"), pair("document 2", "two")]);
    }

    #[test]
    fn what_the_api_server_and_the_approvers_wrote_is_kept() {
        let leaf = forge::ca("cn=kubernetes").leaf("cn=one eku=client");
        let more = format!(
            "{SIGNER}  username: jane\n  groups: [dev, system:authenticated]\n  expirationSeconds: 3600\n  usages: [client auth]\nstatus:\n  conditions:\n  - {{type: Denied, status: 'True', reason: No, message: not here}}\n  - {{type: Odd}}\n  certificate: {}\n",
            BASE64_STANDARD.encode(leaf.pem())
        );
        let requests = SigningRequest::read_all(yaml("v1", "one", &more).as_bytes()).unwrap();
        let object = requests[0].kubernetes.clone().unwrap();
        assert_eq!((object.username.as_deref(), object.groups.len()), (Some("jane"), 2));
        assert_eq!(object.lifetime, Lifetime::seconds(3600));
        let condition = &object.conditions[0];
        assert_eq!((condition.kind.as_str(), condition.message.as_deref()), ("Denied", Some("not here")));
        assert!(object.conditions.iter().all(Condition::is_true));
        assert!(matches!(object.issued, Some(Issued::Certificate(held)) if held.der() == leaf.der()));

        // An empty field is none, and anything else is one.
        for (text, issued) in [("''", None), ("bm90aGluZw==", Some(Issued::Unreadable))] {
            let more = format!("{SIGNER}status: {{certificate: {text}}}\n");
            let requests = SigningRequest::read_all(yaml("v1", "one", &more).as_bytes()).unwrap();
            assert_eq!(requests[0].kubernetes.clone().unwrap().issued, issued);
        }
        // Without signer and usages, as v1beta1 admits it.
        let requests = SigningRequest::read_all(yaml("v1beta1", "one", "").as_bytes()).unwrap();
        let usage = requests[0].extensions.key_usage.as_ref().unwrap().value;
        assert!(usage.contains(KeyUsage::DIGITAL_SIGNATURE) && usage.contains(KeyUsage::KEY_ENCIPHERMENT));
        assert_eq!(requests[0].kubernetes.clone().unwrap().signer_name, None);
    }

    #[test]
    fn what_is_no_request_is_said_with_its_place() {
        let one = yaml("v1", "one", SIGNER);
        for (text, expected) in [
            (yaml("v1", "one", ""), "spec.signerName is missing"),
            (yaml("v1", "one", &format!("{SIGNER}  expirationSeconds: 599\n")), "600 or more"),
            (yaml("v1", "one", &format!("{SIGNER}  usages: [nothing]\n")), "`nothing` is not a usage"),
            (yaml("v2", "one", SIGNER), "it is a certificates.k8s.io/v2 CertificateSigningRequest; expected"),
            (
                one.replace("CertificateSigningRequest", "PodCertificateRequest"),
                "PodCertificateRequest; expected",
            ),
            (format!("{one}---\napiVersion: v1\nkind: Secret\n"), "document 2: it is a v1 Secret; expected"),
            ("apiVersion: v1\nkind: List\nitems: []\n".into(), "the list is empty"),
            (
                "apiVersion: v1\nkind: List\nitems: [{kind: Node, apiVersion: v1}]\n".into(),
                "items[0]: it is a v1 Node",
            ),
            (one.replace("  request: ", "  request: '*'\n  other: "), "spec.request is not base64"),
            ("apiVersion: v1\n".into(), "text without a kind"),
            ("# apiVersion\n".into(), "there is no object in it"),
            (
                yaml("v1", "one", &format!("{SIGNER}  expirationSeconds: soon\n")),
                "line 8: a whole number is expected",
            ),
            (yaml("v1", "one", &format!("{SIGNER}  usages: client auth\n")), "a list is expected here"),
        ] {
            let said = words(&text);
            assert!(said.starts_with("not a CertificateSigningRequest object: "), "{said}");
            assert!(said.contains(expected), "{expected}: {said}");
        }
        let deep = "apiVersion: v1\nkind: List\nitems: [".to_owned()
            + &"{apiVersion: v1, kind: List, items: [".repeat(5);
        assert!(words(&(deep + &"]}".repeat(5) + "]")).contains("too deep"));
    }
}
