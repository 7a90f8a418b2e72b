//! What a Kubernetes `CertificateSigningRequest` object says besides its request, judged as Kubernetes' own approvers and
//! signers judge it.
//!
//! Sources: <https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/>; the controllers
//! `csrapproving` and `csrsigning` of kube-controller-manager; the admission plugin `CertificateSubjectRestriction`.

use super::Reason;
use crate::profile::Profile;
use crate::request::{Condition, Issued, KubernetesRequest, SigningRequest};
use crate::x509::{ExtendedKeyUsage, Printable};

const SERVING: &str = "kubernetes.io/kubelet-serving";
const KUBELET: &str = "kubernetes.io/kube-apiserver-client-kubelet";
const CLIENT: &str = "kubernetes.io/kube-apiserver-client";
const LEGACY: &str = "kubernetes.io/legacy-unknown";

/// Where the names of nodes begin as users.
const NODE: &str = "system:node:";
/// The group of all nodes.
const NODES: &str = "system:nodes";
/// The group of those who may ask for a node that is not there yet.
const BOOTSTRAPPERS: &str = "system:bootstrappers";
/// Where its members' names begin, as bootstrap tokens give them.
const BOOTSTRAP: &str = "system:bootstrap:";

/// The most that is shown of a text from an object, in characters.
const LONGEST: usize = 400;

/// The signer that is asked. Where v1beta1 leaves it out, its API server put in one by what is asked for.
fn signer<'a>(object: &'a KubernetesRequest, request: &SigningRequest) -> &'a str {
    if let Some(signer) = &object.signer_name {
        return signer;
    }
    let subject = &request.subject;
    let is_node = subject.common_name().is_some_and(|name| name.starts_with(NODE))
        && subject.organizations() == [NODES];
    match request.extensions.purposes() {
        [ExtendedKeyUsage::ServerAuth] if is_node => SERVING,
        [ExtendedKeyUsage::ClientAuth] if is_node => KUBELET,
        _ => LEGACY,
    }
}

/// The profile by which the signer that an object asks signs.
///
/// # Errors
/// Where the signer is none of Kubernetes' own, or the one that promises nothing.
pub fn profile_for(object: &KubernetesRequest, request: &SigningRequest) -> Result<&'static str, Reason> {
    let signer = signer(object, request);
    let text = match signer {
        SERVING => return Ok("kubelet-serving"),
        KUBELET => return Ok("kubelet-client"),
        CLIENT => return Ok("user"),
        LEGACY => format!(
            "the object asks the signer {LEGACY}, which promises nothing of what it signs and is gone since Kubernetes 1.22; \
             ask another signer, or say with --profile what it is for"
        ),
        other => format!(
            "the object asks the signer {}, which is none of Kubernetes' own; say with --profile by which profile it signs",
            shown(other)
        ),
    };
    Err(Reason { code: "signer-unknown", text })
}

/// Every reason why no signer of Kubernetes would answer an object, and those that its approvers have.
pub(super) fn objections(
    object: &KubernetesRequest,
    request: &SigningRequest,
    profile: &Profile,
) -> Vec<Reason> {
    let mut reasons = settled(object);
    let signer = signer(object, request);
    let mut refuse = |code, text| reasons.push(Reason { code, text });
    if !signs_for(signer, profile.name()) {
        let text = format!(
            "the object asks the signer {}, which does not sign by the profile {}",
            shown(signer),
            profile.name()
        );
        refuse("signer-mismatch", text);
    }
    if signer == CLIENT {
        if !request.extensions.purposes().contains(&ExtendedKeyUsage::ClientAuth) {
            refuse(
                "usage-not-exact",
                "the object's usages lack `client auth`, which its signer demands".to_owned(),
            );
        }
        if request.subject.organizations().contains(&"system:masters") {
            let text = format!("the signer {CLIENT} signs nobody into the group system:masters");
            refuse("signer-forbids-group", text);
        }
    }
    if let Some(text) = stranger(object, request, signer, profile.name()) {
        refuse("requester-mismatch", text);
    }
    reasons
}

/// Whether one of Kubernetes' own signers signs what a profile is for; other signers are their owner's business.
/// Source: <https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers>
fn signs_for(signer: &str, profile: &str) -> bool {
    match signer {
        SERVING => profile == "kubelet-serving",
        KUBELET => profile == "kubelet-client",
        CLIENT => !["kubelet-serving", "kubelet-client"].contains(&profile) && !profile.ends_with("-ca"),
        _ => true,
    }
}

/// That the matter is settled: denied, failed, or answered already.
fn settled(object: &KubernetesRequest) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for condition in &object.conditions {
        // As the signers read them: of a denial, they look at the type alone.
        let (code, hint) = match condition.kind.as_str() {
            "Denied" => ("object-denied", "the decision stands for good"),
            "Failed" if condition.is_true() => {
                ("object-failed", "a request that failed is not taken up again")
            }
            _ => continue,
        };
        let text = format!(
            "the object's status says {}; {hint}: delete the object, and have a new one made",
            in_words(condition)
        );
        reasons.push(Reason { code, text });
    }
    if let Some(issued) = &object.issued {
        let which = match issued {
            Issued::Certificate(certificate) => {
                format!(" (serial {}, for {})", certificate.tbs.serial, certificate.tbs.subject)
            }
            Issued::Unreadable => String::new(),
        };
        let text = format!(
            "the object has its certificate already{which}, which cannot be replaced; for another, have a new object made"
        );
        reasons.push(Reason { code: "object-issued", text });
    }
    reasons
}

/// A condition with its reason and message.
fn in_words(condition: &Condition) -> String {
    let status = match condition.status.as_deref() {
        Some(status) if !condition.is_true() => format!(" ({})", shown(status)),
        _ => String::new(),
    };
    let reason =
        condition.reason.as_deref().map(|reason| format!(" ({})", shown(reason))).unwrap_or_default();
    let message =
        condition.message.as_deref().map(|message| format!(": {}", shown(message))).unwrap_or_default();
    format!("{}{status}{reason}{message}", shown(&condition.kind))
}

/// Why whoever asked may not have this, if so. An object that does not say who asked was at no API server.
fn stranger(
    object: &KubernetesRequest,
    request: &SigningRequest,
    signer: &str,
    profile: &str,
) -> Option<String> {
    let username = object.username.as_deref()?;
    let wanted = request.subject.common_name().unwrap_or_default();
    let in_group = |group: &str| object.groups.iter().any(|member| member == group);
    let by = format!("spec.username, which the API server wrote, is {}", shown(username));
    if signer == SERVING || profile == "kubelet-serving" {
        if username != wanted {
            return Some(format!(
                "{by}, and the certificate is wanted for CN={}: only a node itself may ask for what its kubelet serves",
                shown(wanted)
            ));
        }
        if !object.groups.is_empty() && !in_group(NODES) {
            return Some(format!("{by}, who is not in the group {NODES} (spec.groups), and so no node"));
        }
    } else if signer == KUBELET || profile == "kubelet-client" {
        let bootstraps = in_group(BOOTSTRAPPERS) || username.starts_with(BOOTSTRAP);
        if username != wanted && !bootstraps {
            return Some(format!(
                "{by}, and the certificate is wanted for CN={}: only the node itself may ask for it, or somebody of the group \
                 {BOOTSTRAPPERS} (spec.groups)",
                shown(wanted)
            ));
        }
    }
    None
}

/// That nobody has approved an object, if so.
pub fn unapproved(object: &KubernetesRequest) -> Option<Reason> {
    let approved =
        object.conditions.iter().any(|condition| condition.kind == "Approved" && condition.is_true());
    (!approved).then(|| Reason {
        code: "not-approved",
        text: "nobody has approved the object: its status has no condition Approved".into(),
    })
}

/// What whoever signs an object should know: who asked, what was not checked, and what is said in it that nobody reads.
/// Each is safe to show.
pub fn remarks(object: &KubernetesRequest, request: &SigningRequest) -> Vec<String> {
    let mut remarks = Vec::new();
    let signer = signer(object, request);
    let wanted = request.subject.common_name().unwrap_or_default();
    match object.username.as_deref() {
        None => remarks.push(
            "who asked is not known: the object has no spec.username, which the API server writes; whether it is the one \
             whom the certificate names was not compared"
                .into(),
        ),
        Some(username) if username != wanted => {
            let groups: Vec<String> = object.groups.iter().take(16).map(|group| shown(group)).collect();
            let groups =
                if groups.is_empty() { String::new() } else { format!(" (groups {})", groups.join(", ")) };
            remarks.push(format!(
                "asked for by {}{groups}: whoever signs it vouches that it may be had for {}",
                shown(username),
                if wanted.is_empty() { "nobody by name".to_owned() } else { format!("CN={}", shown(wanted)) }
            ));
        }
        Some(_) => {}
    }
    if signer == LEGACY {
        remarks
            .push(format!("the signer {LEGACY} promises nothing: who trusts such a certificate is not said"));
    }
    if let Some(reason) = unapproved(object) {
        remarks.push(reason.text);
    }
    for condition in &object.conditions {
        match condition.kind.as_str() {
            "Approved" | "Denied" | "Failed" if condition.is_true() => {}
            "Denied" => {}
            "Approved" | "Failed" => {
                remarks.push(format!("a condition that does not hold: {}", in_words(condition)));
            }
            _ => remarks
                .push(format!("a condition that no signer of Kubernetes knows: {}", in_words(condition))),
        }
    }
    remarks
}

/// A text from an object, safe to show and not too long.
fn shown(text: &str) -> String {
    let end = text.char_indices().nth(LONGEST).map_or(text.len(), |(at, _)| at);
    let rest = if end < text.len() { "…" } else { "" };
    format!("{}{rest}", Printable(text.get(..end).unwrap_or(text)))
}
