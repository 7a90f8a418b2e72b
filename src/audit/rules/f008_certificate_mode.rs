//! F008: a certificate that others may replace, or that is wider than the benchmark allows.

use super::files::{exposure, holds_private, is_thing_of_pki, own, who};
use super::remedy::Cure;
use super::{Check, Citation, Rule, Severity};
use crate::audit::{Answers, File, Scene};

pub(super) static RULE: Rule = Rule {
    id: "F008",
    name: "certificate-mode",
    title: "A certificate can be written by others, or is wider than the benchmark allows",
    severity: Severity::High,
    citations: &[
        Citation::page(
            "kube-bench: CIS 1.1.20 of 1.24 (600)",
            "https://github.com/aquasecurity/kube-bench/blob/main/cfg/cis-1.24/master.yaml",
        ),
        Citation::page(
            "kube-bench: CIS 1.1.20 of 1.12 (644)",
            "https://github.com/aquasecurity/kube-bench/blob/main/cfg/cis-1.12/master.yaml",
        ),
        Citation::page(
            "aquasecurity/kube-bench#1409",
            "https://github.com/aquasecurity/kube-bench/issues/1409",
        ),
    ],
    explanation: "Whoever may write a CA's certificate chooses whom the cluster trusts. Reading it harms nobody: kubeadm writes 0644. The CIS \
                  benchmarks contradict one another: those from 1.24 to 1.10 want 600, those from 1.11 on 644; with `--cis` the one that is \
                  named is followed, and what is wider than that is of severity low.",
    fix: "`chmod 644 FILE`, or `chmod 600 FILE` where the benchmark wants it and every reader is root.",
    applies_to: "files with certificates, public keys or revocation lists and no private key",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    for (index, file) in scene.node.files.iter().enumerate().filter(|(_, file)| is_public(file)) {
        let Some(attributes) = &file.attributes else {
            answers.skip(index, "nothing is known of its permissions");
            continue;
        };
        answers.look();
        let mode = attributes.mode & 0o777;
        if let Some(severity) = exposure(attributes, 0o022, Severity::High) {
            let message = format!("mode {mode:04o}: {} may replace it", who(attributes, 0o022));
            answers.fail(index, message).severity(severity).fix(Cure::default().narrow(0o1755));
        } else if let Some(cis) = scene.policy.cis
            && mode & !cis.certificate_mode() & 0o666 != 0
        {
            let message = format!(
                "mode {mode:04o}, and CIS {} (1.1.20) allows {:04o} at most",
                cis.name(),
                cis.certificate_mode()
            );
            let cure = Cure::default().narrow(cis.certificate_mode());
            answers.fail(index, message).severity(Severity::Low).fix(cure);
        }
    }
}

fn is_public(file: &File) -> bool {
    own(file).any(is_thing_of_pki) && !holds_private(file)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::audit::CisBenchmark;

    #[test]
    fn what_kubeadm_writes_is_silent() {
        assert_eq!(Tree::control_plane().findings("F008"), [""; 0]);
    }

    #[test]
    fn a_certificate_that_others_may_write_fires() {
        for (mode, gid, finding) in [
            (0o666, 0, "high etc/kubernetes/pki/ca.crt: mode 0666: every user may replace it"),
            (0o664, 7, "high etc/kubernetes/pki/ca.crt: mode 0664: group 7 may replace it"),
            (0o664, 0, "low etc/kubernetes/pki/ca.crt: mode 0664: group 0 may replace it"),
        ] {
            let mut tree = Tree::control_plane();
            tree.set_attributes(&format!("{PKI}/ca.crt"), |attributes| {
                (attributes.mode, attributes.gid) = (mode, gid);
            });
            assert_eq!(tree.findings("F008"), [finding]);
        }
    }

    #[test]
    fn the_benchmark_that_is_named_is_followed() {
        for benchmark in CisBenchmark::ALL {
            let mut tree = Tree::empty();
            tree.file("etc/kubernetes/pki/ca.crt", 0o644, Tree::control_plane().ca("ca").pem());
            tree.policy.cis = Some(benchmark);
            let strict = benchmark <= CisBenchmark::V1_10;
            let finding = format!(
                "low etc/kubernetes/pki/ca.crt: mode 0644, and CIS {} (1.1.20) allows 0600 at most",
                benchmark.name()
            );
            assert_eq!(tree.findings("F008"), if strict { vec![finding] } else { vec![] }, "{benchmark:?}");
        }
    }

    #[test]
    fn keys_are_not_its_matter() {
        let mut tree = Tree::empty();
        tree.file("ca.key", 0o666, Tree::control_plane().ca("ca").key_pem());
        assert!(tree.not_applicable(&RULE));
    }
}
