//! Files that kpki itself has put aside: what they hold is no longer shown to anybody, and is not judged.

use std::collections::HashSet;
use std::sync::Arc;

use super::evidence::{File, Node, Use};
use super::report::{Finding, Location, Record};
use super::rule::Severity;
use super::rules::left_over;

/// The rules that look at a backup as at every file: who may read it, and that it lies there.
const OF_EVERY_FILE: [&str; 8] = ["F007", "F008", "F009", "F010", "F011", "F012", "F013", "F021"];

/// The rule about certificates that no ledger knows: whoever has one of a backup may still show it, and it was there before.
const UNKNOWN_TO_LEDGER: &str = "K024";

/// Leaves out what is said of the contents of a node's backups. The static pods among them run all the same.
pub(super) fn leave_out(node: &Node, findings: &mut Vec<Finding>) {
    let file = |finding: &Finding| {
        let place = finding.pending.as_ref()?.0.file?;
        node.files.get(place).filter(|file| is_backup_of_kpki(file.name()) && left_over(node, file).is_some())
    };
    let runs = |file: &File| file.contents().is_some_and(|contents| contents.document.is_some());
    settle(findings, |finding| file(finding).is_some_and(|file| !runs(file)));
}

/// The same of what is said of several nodes, whose records tell which of them is in use.
pub(super) fn leave_out_of_all(records: &[Record], findings: &mut Vec<Finding>) {
    let in_use: HashSet<(&Option<Arc<str>>, &str)> = records
        .iter()
        .filter(|record| record.usage != Use::Old && is_at_backup(&record.location))
        .map(|record| (&record.location.node, &*record.location.path))
        .collect();
    settle(findings, |finding| {
        let location = &finding.location;
        // What each node says itself was settled there.
        finding.pending.is_some()
            && is_at_backup(location)
            && !in_use.contains(&(&location.node, &*location.path))
    });
}

/// Leaves out what is said of backups, but for what is said of them as of every file.
fn settle(findings: &mut Vec<Finding>, is_of_backup: impl Fn(&Finding) -> bool) {
    for finding in findings.iter_mut() {
        if finding.rule.id == UNKNOWN_TO_LEDGER && is_of_backup(finding) {
            finding.severity = Severity::Info;
        }
    }
    let remains = |id: &str| id == UNKNOWN_TO_LEDGER || OF_EVERY_FILE.contains(&id);
    findings.retain(|finding| remains(finding.rule.id) || !is_of_backup(finding));
}

fn is_at_backup(location: &Location) -> bool {
    is_backup_of_kpki(location.path.rsplit_once('/').map_or(&*location.path, |(_, name)| name))
}

/// Whether a name is that of a backup that kpki itself leaves, `NAME.20260601T120000Z.bak` or `NAME.20260601T120000Z-2.bak`, as its remedies
/// do; kpki 0.1.0 wrote the seconds of its clock.
pub(super) fn is_backup_of_kpki(name: &str) -> bool {
    const SECONDS: std::ops::RangeInclusive<usize> = 9..=11;
    let stamp = name.strip_suffix(".bak").and_then(|name| name.rsplit_once('.')).map(|(_, stamp)| stamp);
    stamp.is_some_and(|stamp| {
        let (time, count) = stamp.split_once('-').unwrap_or((stamp, "2"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let date_and_time = time.strip_suffix('Z').and_then(|time| time.split_once('T'));
        let is_time = match date_and_time {
            Some((date, time)) => date.len() == 8 && time.len() == 6 && is_number(date) && is_number(time),
            None => SECONDS.contains(&time.len()) && is_number(time),
        };
        is_time && is_number(count)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::tree::{PKI, Tree};
    use super::*;
    use crate::forge;

    #[test]
    fn backups_of_kpki_are_known_by_their_names() {
        for (name, is_kpkis) in [
            ("ca.key.20260601T120000Z.bak", true),
            ("ca.key.20260601T120000Z-2.bak", true),
            ("ca.key.1796083200.bak", true),
            ("ca.key.20260601T1200Z.bak", false),
            ("ca.key.20260601T120000Z-.bak", false),
            ("ca.key.2.bak", false),
        ] {
            assert_eq!(is_backup_of_kpki(name), is_kpkis, "{name}");
        }
    }

    #[test]
    fn what_was_replaced_is_judged_no_more_and_its_key_is_kept_as_well_as_before() {
        let expired = forge::ca("cn=kubernetes").leaf("cn=kube-apiserver eku=server until=-2d");
        for (name, is_told) in [("apiserver.crt.20260601T120000Z.bak", false), ("apiserver.crt.old", true)] {
            let mut tree = Tree::control_plane();
            tree.file(&format!("{PKI}/{name}"), 0o644, expired.pem());
            assert_eq!(tree.findings("T001").is_empty(), !is_told, "{name}");
        }
        // A static pod runs whatever its file is called.
        let mut tree = Tree::control_plane();
        let pod = "etc/kubernetes/manifests/kube-apiserver.yaml";
        let (text, gone) = (tree.text(pod), "--client-ca-file=/etc/kubernetes/pki/gone.crt");
        tree.remove(pod);
        let text = text.replace("--client-ca-file=/etc/kubernetes/pki/ca.crt", gone);
        tree.file(&format!("{pod}.20260601T120000Z.bak"), 0o600, text);
        assert_eq!(tree.findings("M001").len(), 1);
        // Whatever it is called, what somebody names is shown.
        let mut tree = Tree::control_plane();
        let name = "apiserver.crt.20260601T120000Z.bak";
        tree.file(&format!("{PKI}/{name}"), 0o644, expired.pem());
        tree.flag("kube-apiserver", &format!("--tls-cert-file=/etc/kubernetes/pki/{name}"));
        assert_eq!(tree.findings("T001").len(), 1);
        let mut tree = Tree::control_plane();
        tree.file(&format!("{PKI}/sa.key.20260601T120000Z.bak"), 0o644, forge::ca("cn=old").key_pem());
        assert!(tree.findings("F007")[0].starts_with("high "), "{:?}", tree.findings("F007"));
    }
}
