//! N007: the rotation of a CA goes on, and in its order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use time::OffsetDateTime;

use super::super::{Answers, Estate, NodeSummary, Place, Role};
use super::between::{AUTHORITIES, Found, authorities, certificates, holders, listed, name, nodes};
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "N007",
    name: "rotation",
    title: "A CA is being replaced, and the nodes are at different stages",
    severity: Severity::High,
    citations: &[Citation::page(
        "Kubernetes: manual rotation of CA certificates",
        "https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/",
    )],
    explanation: "A CA is replaced in an order in which at every moment everybody trusts who signs: first all nodes trust both, then \
                  the new one signs, then everything is issued again, and only then the old one goes. A node that trusts only \
                  the old refuses what the new signed; one that trusts only the new refuses what is not issued again yet.",
    fix: "Take the step that the finding names, and restart what reads the files, before any other.",
    applies_to: "CAs of which the nodes know two or more",
    check: Check::Estate(check),
};

/// What one node trusts.
struct Trust<'a> {
    node: &'a NodeSummary,
    record: usize,
    keys: BTreeSet<[u8; 32]>,
}

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    if nodes(estate).nth(1).is_none() {
        return;
    }
    let mut keys_of: HashMap<[u8; 32], [u8; 32]> = HashMap::new();
    for (_, node) in nodes(estate) {
        for found in certificates(estate, node).filter(|found| found.certificate.is_ca) {
            keys_of.extend(found.record.key.map(|key| (found.certificate.fingerprint, key)));
        }
    }
    for role in AUTHORITIES {
        let (mut trust, mut all) = (Vec::new(), Vec::new());
        for node in holders(estate, role) {
            let own = authorities(estate, node, role);
            let Some(first) = own.first() else { continue };
            let keys = own.iter().filter_map(|found| found.record.key).collect();
            trust.push(Trust { node, record: first.number, keys });
            all.extend(own);
        }
        if trust.len() < 2 {
            continue;
        }
        answers.look();
        if let Some(new) = newest(&all) {
            let signed = signed(estate, role, &keys_of, &new);
            if !is_apart(&trust, &new, estate, role, &keys_of) {
                judge(role, &trust, &new, &signed, answers);
            }
        }
    }
}

/// The key of the CA that replaces the others; none where nothing is replaced: there is one key, or the CAs stand apart as k3s's for servers
/// and for clients do.
fn newest(all: &[Found<'_>]) -> Option<[u8; 32]> {
    let mut begins: BTreeMap<[u8; 32], (OffsetDateTime, OffsetDateTime)> = BTreeMap::new();
    let mut by_subject: HashMap<&str, [u8; 32]> = HashMap::new();
    let mut by_file: HashMap<(Option<&str>, &str), [u8; 32]> = HashMap::new();
    let mut related = false;
    for found in all {
        let Some(key) = found.record.key else { continue };
        let (certificate, location) = (found.certificate, &found.record.location);
        let life = (certificate.not_before, certificate.not_after);
        let known = begins.entry(key).or_insert(life);
        *known = (*known).max(life);
        related |= *by_subject.entry(&certificate.subject).or_insert(key) != key;
        related |= *by_file.entry((location.node.as_deref(), &location.path)).or_insert(key) != key;
    }
    let newest = begins.iter().max_by_key(|(_, life)| **life).map(|(key, _)| *key);
    newest.filter(|_| related && begins.len() > 1)
}

/// Whether nodes stand apart with CAs of their own, none of which knows anything of another's: that is no rotation, but a node that was
/// made anew, and N001's.
fn is_apart(
    trust: &[Trust<'_>],
    new: &[u8; 32],
    estate: &Estate<'_>,
    role: Role,
    keys_of: &HashMap<[u8; 32], [u8; 32]>,
) -> bool {
    let (with, without): (Vec<_>, Vec<_>) = trust.iter().partition(|trust| trust.keys.contains(new));
    if without.is_empty() || with.iter().any(|trust| trust.keys.len() > 1) {
        return false;
    }
    trust.iter().all(|trust| {
        certificates(estate, trust.node).filter(|found| found.certificate.position == 0).all(|found| {
            let is_its = |own: &Role| !own.is_ca() && own.authority() == role.authority();
            let signer = found.certificate.signer.and_then(|signer| keys_of.get(&signer));
            !found.record.roles.iter().any(is_its) || signer.is_none_or(|key| trust.keys.contains(key))
        })
    })
}

/// The leaves under a CA's role that the old keys signed, and how many the new one did.
struct Signed<'a> {
    old: Vec<Found<'a>>,
    new: usize,
}

fn signed<'a>(
    estate: &Estate<'a>,
    role: Role,
    keys_of: &HashMap<[u8; 32], [u8; 32]>,
    new: &[u8; 32],
) -> Signed<'a> {
    let mut signed = Signed { old: Vec::new(), new: 0 };
    for (_, node) in nodes(estate) {
        for found in certificates(estate, node).filter(|found| found.certificate.position == 0) {
            let is_its = |own: &Role| !own.is_ca() && own.authority() == role.authority();
            if !found.record.roles.iter().any(is_its) {
                continue;
            }
            match found.certificate.signer.and_then(|signer| keys_of.get(&signer)) {
                Some(key) if key == new => signed.new += 1,
                Some(_) => signed.old.push(found),
                None => {}
            }
        }
    }
    signed
}

fn judge(role: Role, trust: &[Trust<'_>], new: &[u8; 32], signed: &Signed<'_>, answers: &mut Answers) {
    let (mut only_old, mut only_new, mut both) = (Vec::new(), Vec::new(), Vec::new());
    for node in trust {
        let group = match (node.keys.contains(new), node.keys.len()) {
            (false, _) => &mut only_old,
            (true, 1) => &mut only_new,
            (true, _) => &mut both,
        };
        group.push(node);
    }
    let names = |group: &[&Trust<'_>]| {
        let names: Vec<&str> = group.iter().map(|node| name(node.node)).collect();
        listed(&names)
    };
    let (old, made) = (signed.old.len(), signed.new);
    let (place, severity, message) = if let Some(first) = only_old.first() {
        let stage =
            if only_new.is_empty() { "the new CA is being handed out" } else { "nodes refuse each other" };
        let others = if only_new.is_empty() {
            format!("{} both", names(&both))
        } else {
            format!("{} only the new", names(&only_new))
        };
        let next = if only_new.is_empty() {
            "next: put the new CA behind the old one on every node, and let it sign nothing before that is done"
        } else {
            "next: put both CAs into the file of every node, and issue nothing before that is done"
        };
        let message = format!(
            "{role}: {stage}: {} trust only the old CA, {others}; the new one signed {made} certificates so far; {next}",
            names(&only_old)
        );
        (Place::record(first.record), Severity::High, message)
    } else if let (Some(first), true) = (signed.old.first(), !only_new.is_empty()) {
        let message = format!(
            "{role}: the old CA is gone from {}, and {old} certificates are still the old one's; next: put both CAs back \
             there, and issue those again",
            names(&only_new)
        );
        (Place::record(first.number), Severity::High, message)
    } else if let Some(first) = signed.old.first() {
        let message = format!(
            "{role}: all nodes trust both CAs, {old} certificates are the old one's and {made} the new one's; next: let the new \
             one sign, and issue those again, kubeconfigs among them"
        );
        (Place::record(first.number), Severity::Info, message)
    } else if let Some(first) = both.first() {
        let message = format!(
            "{role}: {} still trust the old CA, which signed nothing that is here; next: once no user's or pod's file holds \
             anything of it, take it away",
            names(&both)
        );
        (Place::record(first.record), Severity::Info, message)
    } else {
        return;
    };
    answers.fail(place, message).severity(severity);
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, findings};
    use crate::forge::{self, Forged};

    fn new() -> Forged {
        forge::ca("cn=front-proxy-ca key=p256:new-front-proxy from=-1d until=+3650d")
    }

    /// Three control planes of which each trusts these: `o`, `n` or both. The leaves are the old one's, those of the first so many nodes the
    /// new one's.
    fn trees(trust: [&str; 3], issued: usize) -> [Tree; 3] {
        let mut trees = Tree::control_planes();
        for (number, (tree, trust)) in trees.iter_mut().zip(trust).enumerate() {
            let old = tree.ca("front-proxy-ca").clone();
            let text: String =
                trust.chars().map(|c| if c == 'n' { new().pem() } else { old.pem() }).collect();
            if number < issued {
                let leaf =
                    new().leaf(&format!("cn=front-proxy-client eku=client key=p256:new-client-{number}"));
                tree.put(&format!("{PKI}/front-proxy-client.crt"), leaf, "");
            }
            tree.file(&format!("{PKI}/front-proxy-ca.crt"), 0o644, text);
        }
        trees
    }

    fn found(trust: [&str; 3], issued: usize) -> Vec<String> {
        findings(&trees(trust, issued).iter().collect::<Vec<_>>(), "N007")
    }

    #[test]
    fn each_stage_has_its_next_step() {
        let ca = "etc/kubernetes/pki/front-proxy-ca.crt:1: front-proxy-ca";
        let leaf = "etc/kubernetes/pki/front-proxy-client.crt:1: front-proxy-ca";
        for (trust, issued, finding) in [
            (["o", "o", "o"], 0, None),
            (["n", "n", "n"], 3, None),
            (
                ["on", "o", "o"],
                0,
                Some(format!(
                    "high cp2 {ca}: the new CA is being handed out: cp2, cp3 trust only the old CA, cp1 both; the new one signed \
                     0 certificates so far; next: put the new CA behind the old one on every node, and let it sign nothing \
                     before that is done"
                )),
            ),
            (
                ["n", "on", "o"],
                1,
                Some(format!(
                    "high cp3 {ca}: nodes refuse each other: cp3 trust only the old CA, cp1 only the new; the new one signed 1 \
                     certificates so far; next: put both CAs into the file of every node, and issue nothing before that is done"
                )),
            ),
            (
                ["on", "on", "on"],
                1,
                Some(format!(
                    "info cp2 {leaf}: all nodes trust both CAs, 2 certificates are the old one's and 1 the new one's; next: let \
                     the new one sign, and issue those again, kubeconfigs among them"
                )),
            ),
            (
                ["on", "on", "n"],
                2,
                Some(format!(
                    "high cp3 {leaf}: the old CA is gone from cp3, and 1 certificates are still the old one's; next: put both CAs \
                     back there, and issue those again"
                )),
            ),
            (
                ["n", "no", "n"],
                3,
                Some(format!(
                    "info cp2 {ca}: cp2 still trust the old CA, which signed nothing that is here; next: once no user's or pod's \
                     file holds anything of it, take it away"
                )),
            ),
        ] {
            assert_eq!(found(trust, issued), finding.into_iter().collect::<Vec<_>>(), "{trust:?} {issued}");
        }
    }

    #[test]
    fn cas_that_stand_apart_replace_nothing() {
        let mut trees = Tree::control_planes();
        for tree in &mut trees {
            tree.flag("kube-apiserver", "--client-ca-file=/etc/kubernetes/pki/clients.crt");
            let clients = forge::ca("cn=clients key=p256:clients");
            tree.file(&format!("{PKI}/clients.crt"), 0o644, clients.pem());
        }
        assert_eq!(findings(&trees.iter().collect::<Vec<_>>(), "N007"), [""; 0]);
    }
}
