//! C010: a purpose that a CA above does not have.

use super::super::{Answers, Scene};
use super::distinct::{Certificates, Distinct, Use, named, path};
use super::meetings::{Meeting, Meetings};
use super::remedy::{CaChange, Cure};
use super::{Check, Citation, Rule, Severity};
use crate::chain::Reason;
use crate::x509::ExtendedKeyUsage;

pub(super) static RULE: Rule = Rule {
    id: "C010",
    name: "purposes-nested",
    title: "A CA above does not admit the certificate's purpose",
    severity: Severity::High,
    citations: &[
        Citation::rfc("RFC 5280 section 4.2.1.12"),
        Citation::page(
            "Go: crypto/x509 Certificate.Verify",
            "https://pkg.go.dev/crypto/x509#Certificate.Verify",
        ),
    ],
    explanation: "The standard says nothing of the extended key usage of CAs, but Go, OpenSSL and Windows take it as a limit for \
                  everything below: a serverAuth certificate under a CA for clientAuth alone is refused. Where that purpose is one for \
                  which it is shown, it is of severity high; where nobody is known to need it, medium.",
    fix: "Issue the CA's certificate again without extended key usage (`kpki ca` writes none), or take the leaf from another CA.",
    applies_to: "certificates below a CA with an extended key usage",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let certificates = Certificates::of(scene.node);
    let meetings = Meetings::of(scene);
    for one in &certificates.all {
        let purposes = one.cert.tbs().extensions.purposes();
        let path = path(one.cert);
        for facts in path.iter().skip(1) {
            let issuer = &facts.certificate.tbs;
            let Some(admitted) = &issuer.extensions.extended_key_usage else { continue };
            answers.look();
            let admitted = &admitted.value;
            if admitted.contains(&ExtendedKeyUsage::Any) {
                continue;
            }
            let missing = purposes
                .iter()
                .take(16)
                .find(|purpose| **purpose != ExtendedKeyUsage::Any && !admitted.contains(purpose));
            if let Some(purpose) = missing {
                let shown: Vec<_> = admitted.iter().take(8).map(ToString::to_string).collect();
                let message = format!(
                    "it is for {purpose}, and {} admits only: {}{}",
                    named(&issuer.subject),
                    shown.join(", "),
                    one.elsewhere()
                );
                let fact = answers.fail(one, message).severity(severity(one, &meetings, purposes, admitted));
                if let Some(ca) = one.cert.issuer_here().filter(|ca| ca.tbs().subject == issuer.subject) {
                    let change = CaChange { extensions: true, ..CaChange::default() };
                    let first = "Take it from a CA that is for this purpose; or, where that CA may sign for everything, let it say so.";
                    fact.fix(Cure::words(first).renew_ca(Some(ca), change));
                }
                break;
            }
        }
    }
}

/// How bad it is that a CA above does not admit a purpose: refused is high, whoever needs it; what nobody is known to need is medium.
fn severity(
    one: &Distinct<'_>,
    meetings: &[Meeting<'_>],
    purposes: &[ExtendedKeyUsage],
    admitted: &[ExtendedKeyUsage],
) -> Severity {
    let is_own = |meeting: &&Meeting<'_>| {
        meeting.leaf().is_some_and(|leaf| leaf.found().same_as == one.cert.found().same_as)
    };
    let mut own = meetings.iter().filter(is_own).peekable();
    let refused = if own.peek().is_some() {
        own.any(|meeting| meeting.refusal().is_some_and(|refusal| refusal.reason == Reason::Purpose))
    } else {
        // Nobody is known to whom it is shown: good for nothing at all is as bad.
        let of_tls = |purpose: &&ExtendedKeyUsage| {
            matches!(purpose, ExtendedKeyUsage::ServerAuth | ExtendedKeyUsage::ClientAuth)
        };
        let mut wanted = purposes.iter().filter(of_tls).peekable();
        let is_leaf = !one.cert.is_ca() && one.usage != Use::Old;
        is_leaf && wanted.peek().is_some() && wanted.all(|purpose| !admitted.contains(purpose))
    };
    if refused { Severity::High } else { Severity::Medium }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    fn with(root: &str, leaf: &str) -> Tree {
        let root = forge::ca(&format!("cn=root {root}"));
        let mut tree = Tree::empty();
        tree.file(&format!("{PKI}/root.crt"), 0o644, root.pem());
        tree.put(&format!("{PKI}/leaf.crt"), root.leaf(leaf), "");
        tree
    }

    #[test]
    fn purposes_nest() {
        assert_eq!(with("eku=client,server", "cn=a eku=server").findings("C010"), [""; 0]);
        assert_eq!(with("eku=any", "cn=a eku=server").findings("C010"), [""; 0]);
        assert_eq!(with("eku=client", "cn=a eku=none").findings("C010"), [""; 0]);
        assert_eq!(
            with("eku=client", "cn=a eku=client,server").findings("C010"),
            [
                "medium etc/kubernetes/pki/leaf.crt:1: it is for serverAuth, and CN=root admits only: clientAuth"
            ]
        );
        assert!(with("", "cn=a eku=server").not_applicable(&RULE));
    }
}
