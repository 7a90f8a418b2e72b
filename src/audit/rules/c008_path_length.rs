//! C008: more CAs below one another than the one above admits.

use super::super::{Answers, Cert, Scene};
use super::distinct::{Certificates, named, path};
use super::remedy::{CaChange, Cure};
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "C008",
    name: "path-length",
    title: "A CA stands deeper than the path length admits",
    severity: Severity::High,
    citations: &[Citation::rfc("RFC 5280 section 4.2.1.9"), Citation::rfc("RFC 5280 section 6.1.4")],
    explanation: "The basic constraints of a CA may say how many CAs follow below it. Every verifier refuses what is signed by \
                  one too many.",
    fix: "Let the upper CA sign the leaves itself, or issue its certificate again with a larger path length (`kpki ca intermediate \
          NAME --path-len N`).",
    applies_to: "certificates of intermediate CAs",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for one in Certificates::of(scene.node).all.iter().filter(|one| one.cert.is_ca()) {
        let path = path(one.cert);
        if path.len() < 2 {
            continue;
        }
        answers.look();
        // Those that have the name of their own issuer are not counted (RFC 5280 section 6.1.4 (l)).
        let mut below = 0_u32;
        for (number, facts) in path.iter().enumerate() {
            let tbs = &facts.certificate.tbs;
            let limit = tbs.extensions.basic_constraints.as_ref().and_then(|basic| basic.value.path_len);
            if let Some(limit) = limit.filter(|limit| number > 0 && *limit < below) {
                let message = format!(
                    "{} admits {limit} CAs below itself, and this is number {below}{}",
                    named(&tbs.subject),
                    one.elsewhere()
                );
                let fact = answers.fail(one, message);
                if let Some(above) = above(one.cert, number) {
                    let change = CaChange { path_length: Some(below), ..CaChange::default() };
                    let first =
                        "Let the upper CA sign the leaves itself, or let it admit so many below itself.";
                    fact.fix(Cure::words(first).renew_ca(Some(above), change));
                }
                break;
            }
            if !tbs.is_self_issued() {
                below += 1;
            }
        }
    }
}

/// The certificate that stands so many steps above another.
fn above(cert: Cert<'_>, steps: usize) -> Option<Cert<'_>> {
    (0..steps).try_fold(cert, |current, _| current.issuer_here())
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    fn with(words: &str) -> Vec<String> {
        let root = forge::ca(&format!("cn=root {words}"));
        let upper = root.ca("cn=upper key=p256:upper");
        let lower = upper.ca("cn=lower key=p256:lower");
        let mut tree = Tree::empty();
        for (name, ca) in [("root", &root), ("upper", &upper), ("lower", &lower)] {
            tree.file(&format!("{PKI}/{name}.crt"), 0o644, ca.pem());
        }
        tree.findings("C008")
    }

    #[test]
    fn one_ca_too_many_fires() {
        assert_eq!(with(""), [""; 0]);
        assert_eq!(with("pathlen=2"), [""; 0]);
        assert_eq!(
            with("pathlen=1"),
            ["high etc/kubernetes/pki/lower.crt:1: CN=root admits 1 CAs below itself, and this is number 2"]
        );
        assert_eq!(with("pathlen=0").len(), 2);
        assert!(Tree::control_plane().not_applicable(&RULE));
    }
}
