//! K020: the key that signs tokens signs nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::{Answers, Cert, File, FoundKey, Holder, Node, Reference, Role, Scene, Target, Use, What};
use super::k019_service_account_pair;
use super::remedy::{Command, Cure, Edit, Reissue};
use super::tokens::public_keys;
use super::{Check, Citation, Rule, Severity};
use crate::x509::shell_word;

pub(super) static RULE: Rule = Rule {
    id: "K020",
    name: "service-account-key-reused",
    title: "The key for service-account tokens is that of a certificate as well",
    severity: Severity::High,
    citations: &[
        Citation::page("kubernetes/kops#2256", "https://github.com/kubernetes/kops/issues/2256"),
        Citation::page(
            "kubernetes-sigs/kubespray#2554",
            "https://github.com/kubernetes-sigs/kubespray/issues/2554",
        ),
        Citation::page(
            "NIST SP 800-57 part 1 section 5.2",
            "https://csrc.nist.gov/pubs/sp/800/57/pt1/r5/final",
        ),
    ],
    explanation: "Whoever has that key can sign tokens for every service account, and stand for the server as well. The certificate cannot be \
                  renewed with a new key without making every token void, so it is renewed with the old one for ever. Old \
                  installers took the API server's TLS key.",
    fix: "Give the certificate a key of its own and leave the tokens theirs. Where the key is a CA's, make a pair for tokens: name the new and \
          the old public key in --service-account-key-file, then sign with the new one, and drop the old one once its tokens have ended.",
    applies_to: "service-account keys",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    let is_its = |key: &FoundKey| key.roles.iter().any(|(role, _)| *role == Role::ServiceAccount);
    let keys: BTreeSet<[u8; 32]> =
        node.keys.iter().filter(|key| is_its(key)).filter_map(|key| key.spki).collect();
    for key in keys {
        answers.look();
        // One that only carries the public key, as Kubernetes the Hard Way makes one, plays no part of its own.
        let other = node
            .certs_with_key(&key)
            .filter(|cert| cert.found().usage != Use::Old)
            .filter(|cert| cert.roles().any(|role| !matches!(role, Role::User | Role::ServiceAccount)))
            .min_by_key(|cert| (cert.found().same_as != cert.index, cert.index));
        if let Some(cert) = other
            && let Some(role) = cert.roles().find(|role| *role != Role::User)
        {
            let own =
                node.keys_with(&key).filter(|key| is_its(key)).min_by_key(|key| (!key.private, key.file));
            let place = own.map_or_else(|| cert.place(), |own| node.place_of_key(own));
            let message = format!(
                "the key that signs service-account tokens is that of {role} as well, {}",
                cert.file().shown
            );
            let own = own.map(|own| own.file);
            let fact = answers.fail(place, message).fix(cure(node, cert, own));
            // Whoever has the CA's key can be anybody without a token.
            if role.is_ca() {
                fact.severity(Severity::Medium);
            }
        }
    }
}

/// The certificate gets a key of its own; where the two share the very file, tokens keep theirs under another name first. A CA keeps its key,
/// and tokens get another.
fn cure(node: &Node, cert: Cert<'_>, own: Option<usize>) -> Cure {
    // Its public half tells whether it is the tokens' own.
    let is_other = |public: usize| {
        let known = public_keys(node, public);
        !known.is_empty() && !known.contains(&cert.spki())
    };
    let pairs = k019_service_account_pair::pairs(node);
    if let Some((private, _)) =
        pairs.iter().find(|(private, public)| Some(*private) == own && is_other(*public))
    {
        return k019_service_account_pair::brought_back(node, *private);
    }
    let is_its_public = |(private, public): &&(usize, usize)| {
        let mut keys = node.keys_in(*private).filter(|key| key.private);
        Some(*public) == own && keys.any(|key| key.spki.is_some_and(|spki| spki != cert.spki()))
    };
    if let Some((private, public)) = pairs.iter().find(is_its_public) {
        return Cure::words("Let FILE hold the public half of the tokens' own key:")
            .public_of(*private, *public);
    }
    let anew = Reissue::default().of(cert).with_new_key();
    let beside = node.key_file_beside(cert.file()).map(|(index, _)| index);
    let named = |what: &[What]| {
        let references = node.references.iter().filter(|reference| what.contains(&reference.what));
        references.filter(|reference| Some(reference.target) == own.map(Target::File)).collect::<Vec<_>>()
    };
    let edits = |name: &str, what: &[What], more: bool| {
        let edit = |reference: &&Reference| {
            let Holder::Component(component) = reference.holder else { return None };
            let path = reference.path.with_file_name(name);
            let flag = reference.flag.trim_start_matches('-');
            let set = if more { Edit::set_as_well } else { Edit::set };
            Some(set(component, flag, path.to_str()?))
        };
        named(what).iter().filter_map(edit).collect::<Vec<_>>()
    };
    let is_ca = cert.roles().any(Role::is_ca);
    let shared = own.is_some() && (own == beside || is_ca || !named(&[What::Key]).is_empty());
    let file = own.and_then(|own| node.files.get(own)).filter(|_| shared);
    let Some((file, name)) = file.and_then(|file| Some((file, free(node, file)?))) else {
        return Cure::words("Leave the tokens' key as it is, and give the certificate one of its own:")
            .reissue(anew);
    };
    let path = file.command_path();
    let new = shell_word(path.with_file_name(name));
    if is_ca {
        let public = Path::new(name).with_extension("pub");
        let shown = shell_word(path.with_file_name(&public));
        let make = format!("openssl genrsa -out {new} 2048 && openssl pkey -in {new} -pubout -out {shown}");
        let mut cure =
            Cure::words("Make a pair for tokens alone, and bring the same to every control plane:")
                .run(Command::written(format!("(umask 077 && {make})")));
        for (first, edits) in [
            (
                "First each API server is to know the new public key:",
                edits(&public.to_string_lossy(), &[What::TokenVerification], true),
            ),
            ("Then sign with the new private one:", edits(name, &[What::TokenSigning], false)),
        ] {
            cure = match edits.as_slice() {
                // The public half may stand in another file, that of a certificate for one.
                [] => cure.say(format!(
                    "{} (by its flag, which names another file now).",
                    first.trim_end_matches(':')
                )),
                _ => cure.say(first).flags(edits),
            };
        }
        return cure
            .say("Once the tokens of the old one have ended, take it out of `--service-account-key-file`.");
    }
    let copy = format!("(umask 077 && cp -n {} {new})", shell_word(path));
    Cure::words("Keep the tokens' key under a name of its own, which the flags name, and give the certificate another:")
        .run(Command::written(copy))
        .flags(edits(name, &[What::TokenSigning, What::TokenVerification], false))
        .reissue(anew)
}

/// A name for the tokens' key beside a file, which nothing has there yet.
fn free(node: &Node, beside: &File) -> Option<&'static str> {
    let is_free = |name: &str| node.entry_at(&beside.on_node.with_file_name(name)).is_none();
    ["sa.key", "service-accounts.key", "tokens.key"]
        .into_iter()
        .find(|name| is_free(name) && Path::new(name).with_extension("pub").to_str().is_some_and(is_free))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn the_key_is_for_tokens_alone() {
        let mut tree = Tree::control_plane();
        assert_eq!(tree.findings("K020"), [""; 0]);
        let mut by_flag = tree.clone();
        by_flag.flag(
            "kube-controller-manager",
            "--service-account-private-key-file=/etc/kubernetes/pki/apiserver.key",
        );
        let finding = |file: &str| {
            format!(
                "high {PKI}/{file}:1: the key that signs service-account tokens is that of apiserver as well, {PKI}/apiserver.crt"
            )
        };
        assert_eq!(by_flag.findings("K020"), [finding("apiserver.key")]);
        tree.certificate(&format!("{PKI}/apiserver.crt"), "key=p256:sa");
        assert_eq!(tree.findings("K020"), [finding("sa.key")]);
        assert!(Tree::worker().not_applicable(&RULE));
    }

    #[test]
    fn a_certificate_may_carry_the_public_key() {
        let mut tree = Tree::control_plane();
        tree.leaf(&format!("{PKI}/service-account.crt"), "cn=service-accounts key=p256:sa");
        assert_eq!(tree.findings("K020"), [""; 0]);
    }
}
