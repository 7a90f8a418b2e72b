//! K019: sa.pub is the public half of sa.key.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::{Answers, Cert, Holder, Node, Role, Scene, Target, What};
use super::files::{MOST_COPIES, holds_private};
use super::remedy::Cure;
use super::tokens::public_keys;
use super::{Check, Citation, Rule, Severity};
use crate::manifest::Component;
use crate::x509::shell_word;

pub(super) static RULE: Rule = Rule {
    id: "K019",
    name: "service-account-pair",
    title: "The public key for service-account tokens is not that of the private one",
    severity: Severity::Critical,
    citations: &[
        Citation::page(
            "Kubernetes: PKI certificates and requirements",
            "https://kubernetes.io/docs/setup/best-practices/certificates/#all-certificates",
        ),
        Citation::page(
            "Kubernetes: managing service accounts",
            "https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#token-controller",
        ),
    ],
    explanation: "The API server refuses every token that was signed with the private key, so every pod and every controller that uses one \
                  is refused (401), from the next restart on.",
    fix: "If all tokens of now are by the private key, write its public half anew: `openssl pkey -in sa.key -pubout -out sa.pub`, and restart \
          the API server. If the public key is the right one, bring its private key back from the node that has it.",
    applies_to: "service-account key pairs",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    // Many links may lead to one large file.
    let mut known: HashMap<usize, HashSet<[u8; 32]>> = HashMap::new();
    for (private, public) in pairs(node) {
        let shown = |file: usize| node.files.get(file).map_or("", |file| &*file.shown);
        let own = node.keys_in(private).find(|key| key.private).map(|key| key.spki);
        let others = known.entry(public).or_insert_with(|| public_keys(node, public));
        match own {
            Some(Some(own)) if !others.is_empty() => {
                answers.look();
                if !others.contains(&own) {
                    let cure = Cure::words(
                        "Where the public key is the right one, bring its private key back from a node that has it. Otherwise write the public \
                         half of the private key, and restart the API server; tokens by any other key end with that:",
                    )
                    .public_of(private, public);
                    let cure =
                        if is_anothers(node, private, &own) { brought_back(node, private) } else { cure };
                    answers
                        .fail(public, format!("it is not the public half of {}", shown(private)))
                        .fix(cure);
                }
            }
            Some(Some(_)) => answers.skip(public, "no public key can be read from it"),
            _ => answers.skip(private, "no private key can be read from it"),
        }
    }
}

/// The tokens' own private key comes back.
pub(super) fn brought_back(node: &Node, private: usize) -> Cure {
    let file = node.files.get(private).map(|file| shell_word(file.command_path())).unwrap_or_default();
    Cure::words(format!(
        "Bring the tokens' own private key back into {file}, from a control plane that has it or from a backup: what lies there is another's, and the \
         public half tells it."
    ))
}

/// Whether a private key is known to be that of a certificate, or stands there in a form that no component reads keys from.
fn is_anothers(node: &Node, file: usize, key: &[u8; 32]) -> bool {
    let in_use = |cert: Cert<'_>| cert.roles().any(|role| !matches!(role, Role::User | Role::ServiceAccount));
    node.certs_with_key(key).take(MOST_COPIES).any(in_use)
        || node.files.get(file).is_some_and(|file| !holds_private(file))
}

/// The files that belong together: a private key and its public half, by the names that they have or by the API server's flags where it
/// names one of each (of several for verification, one may be for tokens of before; see K021).
pub(super) fn pairs(node: &Node) -> BTreeSet<(usize, usize)> {
    let mut pairs = BTreeSet::new();
    for key in &node.keys {
        if !key.roles.iter().any(|(role, _)| *role == Role::ServiceAccount) || !key.private {
            continue;
        }
        let Some(file) = node.files.get(key.file) else { continue };
        let name = file.name();
        let beside = match name.strip_suffix("-key.pem") {
            Some(base) => file.on_node.with_file_name(format!("{base}.pem")),
            None if file.on_node.extension().is_some_and(|extension| extension == "key") => {
                file.on_node.with_extension("pub")
            }
            None => continue,
        };
        if let Target::File(public) = node.resolve(&beside) {
            pairs.insert((key.file, public));
        }
    }
    let of_apiserver = |what: What| {
        let named = node.references.iter().filter(move |named| {
            named.holder == Holder::Component(Component::Apiserver) && named.what == what
        });
        let files: Vec<Target> = named.map(|named| named.target).collect();
        if let [Target::File(file)] = files[..] { Some(file) } else { None }
    };
    if let (Some(private), Some(public)) =
        (of_apiserver(What::TokenSigning), of_apiserver(What::TokenVerification))
        && private != public
    {
        pairs.insert((private, public));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    fn public(label: &str) -> String {
        let key = forge::self_signed_leaf(&format!("cn=sa key=p256:{label}"));
        crate::pem::encode("PUBLIC KEY", key.spki_der()).to_string()
    }

    #[test]
    fn the_halves_belong_together() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("K019"), [""; 0]);
        tree.file(&format!("{PKI}/sa.pub"), 0o600, public("other"));
        assert_eq!(
            tree.findings("K019"),
            ["critical etc/kubernetes/pki/sa.pub: it is not the public half of etc/kubernetes/pki/sa.key"]
        );
        tree.file(&format!("{PKI}/sa.pub"), 0o600, "nothing");
        assert_eq!(tree.findings("K019"), [""; 0]);
        assert_eq!(tree.skipped("K019"), ["etc/kubernetes/pki/sa.pub: no public key can be read from it"]);
        tree.remove(&format!("{PKI}/sa.pub"));
        assert!(tree.not_applicable(&RULE));
    }

    #[test]
    fn flags_name_them_as_well() {
        let mut tree = Tree::control_plane();
        tree.file(&format!("{PKI}/tokens.pub"), 0o600, public("other"));
        let flag = "--service-account-key-file=/etc/kubernetes/pki/tokens.pub";
        tree.flag("kube-apiserver", flag);
        assert_eq!(
            tree.findings("K019"),
            [
                "critical etc/kubernetes/pki/tokens.pub: it is not the public half of etc/kubernetes/pki/sa.key"
            ]
        );
        // Several are no pair.
        tree.flag("kube-apiserver", &format!("{flag},/etc/kubernetes/pki/sa.pub"));
        assert_eq!(tree.findings("K019"), [""; 0]);
    }

    #[test]
    fn the_pem_convention_has_a_pair_too() {
        let mut tree = Tree::empty();
        let key = forge::self_signed_leaf("cn=sa key=p256:sa");
        tree.file(&format!("{PKI}/sa-key.pem"), 0o600, key.key_pem());
        tree.file(&format!("{PKI}/sa.pem"), 0o644, public("sa"));
        assert_eq!(tree.findings("K019"), [""; 0]);
        tree.file(&format!("{PKI}/sa.pem"), 0o644, public("other"));
        assert_eq!(
            tree.findings("K019"),
            [
                "critical etc/kubernetes/pki/sa.pem: it is not the public half of etc/kubernetes/pki/sa-key.pem"
            ]
        );
    }
}
