//! K018: a user's certificate cannot be revoked, so its life is short.

use time::Duration;

use super::super::{Answers, Role, Scene};
use super::remedy::Reissue;
use super::subjects::in_use;
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "K018",
    name: "user-life",
    title: "A user's client certificate cannot be revoked",
    severity: Severity::Medium,
    citations: &[
        Citation::page(
            "kubernetes/kubernetes#18982",
            "https://github.com/kubernetes/kubernetes/issues/18982",
        ),
        Citation::page("CIS Kubernetes Benchmark 3.1.1", "https://www.cisecurity.org/benchmark/kubernetes"),
    ],
    explanation: "Kubernetes reads no revocation lists: who leaves keeps what their certificate grants until its end. A life of more than a \
                  year is longer than anybody remembers who has it. The CIS benchmark advises against client certificates for \
                  people altogether.",
    fix: "Issue short ones, `kpki issue user NAME --group GROUP --kubeconfig NAME.conf` (30 days unless told otherwise), \
          or let people log in with OpenID Connect.",
    applies_to: "users' client certificates",
    check: Check::Node(check),
};

/// A year, a leap day, and a day for clocks that were set back.
const LONGEST: Duration = Duration::days(367);

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for cert in in_use(scene.node, Role::User) {
        answers.look();
        let validity = &cert.tbs().validity;
        if validity.not_after < scene.policy.at {
            continue;
        }
        let life = validity.not_after - validity.not_before;
        let end = validity.not_after.date();
        if life > LONGEST {
            answers
                .fail(
                    cert,
                    format!(
                        "it lives {} days and cannot be revoked before its end on {end}",
                        life.whole_days()
                    ),
                )
                .fix(Reissue::renewal().then("The one of before stays good until its end, whoever has it."));
        } else {
            let message = format!("it cannot be revoked before its end on {end}");
            answers.fail(cert, message).severity(Severity::Info);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;

    #[test]
    fn a_year_is_long_enough() {
        let mut tree = Tree::control_plane();
        let file = format!("{PKI}/jane.crt");
        assert!(tree.not_applicable(&RULE));
        for (until, finding) in [
            ("+30d", Some("info: it cannot be revoked before its end on 2026-07-01")),
            ("+365d", Some("info: it cannot be revoked before its end on 2027-06-01")),
            ("+367d", Some("medium: it lives 368 days and cannot be revoked before its end on 2027-06-03")),
            ("-1s", None),
        ] {
            tree.leaf(&file, &format!("cn=jane o=dev eku=client until={until}"));
            let found: Vec<String> =
                tree.findings("K018").iter().map(|found| found.replace(&format!(" {file}:1"), "")).collect();
            assert_eq!(found, finding.into_iter().collect::<Vec<_>>(), "{until}");
        }
    }
}
