//! K021: who signs tokens is among those by whose keys they are verified.

use super::super::{Answers, Reference, Scene, What};
use super::remedy::{Cure, Edit};
use super::tokens::{public_keys_of, signing_key};
use super::{Check, Citation, Rule, Severity};
use crate::manifest::Component;

pub(super) static RULE: Rule = Rule {
    id: "K021",
    name: "token-keys",
    title: "A key that signs service-account tokens is not among those that verify them",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "kubernetes/kubernetes#34029",
            "https://github.com/kubernetes/kubernetes/issues/34029",
        ),
        Citation::page("clastix/kamaji#1325", "https://github.com/clastix/kamaji/issues/1325"),
        Citation::page(
            "Kubernetes: managing service accounts",
            "https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#token-controller",
        ),
    ],
    explanation: "The API server signs the tokens of pods, the controller manager those in Secrets; the API server verifies both with the keys in \
                  --service-account-key-file. A token by another key is refused (401). While keys are rotated, the new public key has \
                  to be in the list of every API server before anybody signs with it.",
    fix: "Add the public half of the key that signs to the list: give the API server `--service-account-key-file` once for each public key \
          (`openssl pkey -in KEY -pubout` writes it), or let both components sign with the same key.",
    applies_to: "control planes",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let of = |component, what: What| -> Vec<&Reference> {
        let holder = super::super::Holder::Component(component);
        node.references.iter().filter(|named| named.holder == holder && named.what == what).collect()
    };
    let signers: Vec<(Component, &Reference)> = [Component::Apiserver, Component::ControllerManager]
        .into_iter()
        .filter_map(|component| Some((component, *of(component, What::TokenSigning).last()?)))
        .collect();
    // Without the flag, the API server verifies with its own TLS key: a matter of flags (M023).
    let verifiers = of(Component::Apiserver, What::TokenVerification);
    if signers.is_empty() || verifiers.is_empty() {
        return;
    }
    let verified = public_keys_of(node, verifiers.iter().copied());
    let first = signers.first().map(|(_, first)| first.target);
    for (component, reference) in signers {
        // One public key beside one private key is a pair (K019).
        if component == Component::Apiserver && verifiers.len() == 1 {
            continue;
        }
        let path = reference.path.display().to_string();
        match (signing_key(node, reference), &verified) {
            (Some(key), Some(verified)) => {
                answers.look();
                // The same pair that the API server has.
                let is_pair = verifiers.len() == 1
                    && first == Some(reference.target)
                    && is_beside(&verifiers, reference);
                if !verified.contains(&key) && !is_pair {
                    let path = crate::x509::Printable(&path).to_string();
                    let message = format!(
                        "{component} signs with {path}, which is not among the keys in --service-account-key-file"
                    );
                    let fact = answers.fail(reference, message);
                    if let super::super::Target::File(file) = reference.target {
                        let more = Edit::name_as_well(Component::Apiserver, "service-account-key-file", file);
                        fact.fix(Cure::words("Let the API server verify by that key as well:").flags([more]));
                    }
                }
            }
            (None, _) => {
                answers.skip(reference, "the private key that signs tokens was not given, or cannot be read");
            }
            (_, None) => answers
                .skip(reference, "not every key in --service-account-key-file was given, or can be read"),
        }
    }
}

/// Whether the public key has the name of the private one, so that K019 holds them against each other.
fn is_beside(verifiers: &[&Reference], signer: &Reference) -> bool {
    let stem = signer.path.with_extension("");
    verifiers.iter().any(|verifier| verifier.path.with_extension("") == stem)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    fn end(found: &str) -> &str {
        found.split_once(": ").unwrap().1
    }

    #[test]
    fn who_signs_is_verified() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("K021"), [""; 0]);
        let new = forge::self_signed_leaf("cn=sa key=p256:new-sa");
        tree.file(&format!("{PKI}/new.key"), 0o600, new.key_pem());
        tree.file(
            &format!("{PKI}/new.pub"),
            0o600,
            crate::pem::encode("PUBLIC KEY", new.spki_der()).to_string(),
        );
        tree.flag(
            "kube-controller-manager",
            "--service-account-private-key-file=/etc/kubernetes/pki/new.key",
        );
        let found = tree.findings("K021");
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("high etc/kubernetes/manifests/kube-controller-manager.yaml:"),
            "{found:?}"
        );
        assert_eq!(
            end(&found[0]),
            "kube-controller-manager signs with /etc/kubernetes/pki/new.key, which is not among the keys in --service-account-key-file"
        );
        let both = "--service-account-key-file=/etc/kubernetes/pki/sa.pub,/etc/kubernetes/pki/new.pub";
        tree.flag("kube-apiserver", both);
        assert_eq!(tree.findings("K021"), [""; 0]);
        let third = forge::self_signed_leaf("cn=sa key=p256:third-sa");
        tree.file(&format!("{PKI}/third.key"), 0o600, third.key_pem());
        tree.flag("kube-apiserver", "--service-account-signing-key-file=/etc/kubernetes/pki/third.key");
        let found = tree.findings("K021");
        assert_eq!(found.len(), 1);
        assert_eq!(
            end(&found[0]),
            "kube-apiserver signs with /etc/kubernetes/pki/third.key, which is not among the keys in --service-account-key-file"
        );
    }

    #[test]
    fn a_pair_of_one_name_is_another_rule_s() {
        let mut tree = Tree::control_plane();
        let other = forge::self_signed_leaf("cn=sa key=p256:other-sa");
        tree.file(&format!("{PKI}/sa.key"), 0o600, other.key_pem());
        assert_eq!(tree.findings("K021"), [""; 0]);
        assert_eq!(tree.findings("K019").len(), 1);
    }

    #[test]
    fn what_was_not_given_is_not_judged() {
        let mut tree = Tree::control_plane();
        tree.remove(&format!("{PKI}/sa.key"));
        assert_eq!(tree.skipped("K021").len(), 1);
        let mut tree = Tree::control_plane();
        tree.remove(&format!("{PKI}/sa.pub"));
        assert_eq!(tree.skipped("K021").len(), 1);
        assert_eq!(tree.findings("K021"), [""; 0]);
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
