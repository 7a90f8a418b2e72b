//! K024: what a CA has issued is in its inventory.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::super::{Answers, CertificateRecord, Estate, Inventory, Kept, Place, Record, Role};
use super::{Check, Citation, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    id: "K024",
    name: "not-in-inventory",
    title: "A certificate is not in the inventory of the CA that signed it",
    severity: Severity::High,
    citations: &[
        Citation::page("openssl-ca(1): the database file", "https://docs.openssl.org/3.5/man1/openssl-ca/"),
        Citation::page(
            "CA/Browser Forum Baseline Requirements 5.4.1",
            "https://cabforum.org/working-groups/server/baseline-requirements/documents/",
        ),
    ],
    explanation: "The inventory is kept so that somebody can say what the key of the CA has signed. One that is not in it was signed by somebody \
                  who does not keep it, or who had the key and should not. What kubelets ask the controller manager for is never \
                  in it, and what is older than the inventory cannot be; neither is reported.",
    fix: "Find out who issued it. If nobody knows, take the key of the CA for stolen: replace the CA and everything below it.",
    applies_to: "certificates of CAs with a ledger (`ca.ledger.jsonl`, `index.txt`)",
    check: Check::Estate(check),
};

fn check(estate: &Estate<'_>, answers: &mut Answers) {
    let mut inventories: HashMap<[u8; 32], Vec<&Kept>> = HashMap::new();
    for kept in estate.nodes.iter().flat_map(|node| &node.inventories) {
        inventories.entry(kept.authority).or_default().push(kept);
    }
    if inventories.is_empty() {
        return;
    }
    let authorities: HashMap<[u8; 32], [u8; 32]> = estate
        .records
        .iter()
        .filter_map(|record| Some((record.certificate.as_ref()?.fingerprint, record.key?)))
        .filter(|(_, key)| inventories.contains_key(key))
        .collect();
    let mut judges: HashMap<[u8; 32], Result<Judge<'_>, String>> =
        inventories.into_iter().map(|(key, kept)| (key, Judge::of(&kept))).collect();
    let mut seen = HashSet::new();
    let mut unjudged: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (number, record) in estate.records.iter().enumerate() {
        let Some(certificate) = record.certificate.as_deref().filter(|certificate| !certificate.is_ca) else {
            continue;
        };
        let key = certificate.signer.and_then(|signer| authorities.get(&signer));
        let Some(judge) = key.and_then(|key| judges.get_mut(key)) else { continue };
        if !seen.insert(certificate.fingerprint) {
            continue;
        }
        let mut unjudge = |reason: String| unjudged.entry(reason).or_insert((number, 0)).1 += 1;
        match judge {
            Err(reason) => unjudge(reason.clone()),
            Ok(judge) => match judge.says(record, certificate) {
                Says::Known => answers.look(),
                Says::NotKept => {}
                Says::Older => unjudge(format!("issued before {} begins", judge.shown)),
                Says::Unknown => {
                    let message = format!("{} is not in {}", certificate.subject, judge.shown);
                    let fact = answers.fail(Place::record(number), message);
                    // The cluster may have signed it, in answer to a CertificateSigningRequest; never with this group
                    // (admission plugin CertificateSubjectRestriction).
                    if record.roles.contains(&Role::User) && !certificate.subject.contains("O=system:masters")
                    {
                        fact.severity(Severity::Medium);
                    }
                }
            },
        }
    }
    for (reason, (record, count)) in unjudged {
        let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
        answers.skip(Place::record(record), format!("{reason}{more}"));
    }
}

/// The most inventories of one CA that are asked: one for each place where somebody signs.
const MOST: usize = 64;

/// The inventories of one CA.
struct Judge<'a> {
    inventories: Vec<&'a Inventory>,
    shown: String,
}

enum Says {
    Known,
    /// Nobody keeps an inventory of such.
    NotKept,
    Older,
    Unknown,
}

impl<'a> Judge<'a> {
    fn of(kept: &[&'a Kept]) -> Result<Self, String> {
        let mut inventories = Vec::new();
        let mut digests = HashSet::new();
        for kept in kept {
            let contents = kept.contents.as_ref();
            let contents =
                contents.map_err(|reason| format!("{} could not be read: {reason}", kept.shown))?;
            if !digests.insert(contents.digest) {
                continue;
            }
            if digests.len() > MOST {
                return Err(format!("its CA has more than {MOST} inventories, {} among them", kept.shown));
            }
            let inventory = contents.inventory.as_ref();
            // One that is there and empty has issued nothing yet, or lost everything.
            let inventory =
                inventory.ok_or_else(|| format!("{} is no inventory that is known", kept.shown))?;
            if let Some(line) = inventory.unreadable {
                return Err(format!("line {line} of {} cannot be read", kept.shown));
            }
            inventories.push(inventory);
        }
        let shown = kept.first().map(|kept| kept.shown.to_string()).unwrap_or_default();
        Ok(Self { inventories, shown })
    }

    fn says(&self, record: &Record, certificate: &CertificateRecord) -> Says {
        let holds = |inventory: &&Inventory| inventory.holds(&certificate.fingerprint, &certificate.serial);
        let begins = self.inventories.iter().filter_map(|inventory| inventory.begins).min();
        if self.inventories.iter().any(holds) {
            Says::Known
        } else if record.roles.iter().any(|role| matches!(role, Role::KubeletClient | Role::KubeletServing)) {
            Says::NotKept
        } else if begins.is_some_and(|begins| certificate.not_before < begins) {
            Says::Older
        } else {
            Says::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::{PKI, Tree, findings};
    use crate::forge;
    use crate::x509::sha256_hex;

    const LEDGER: &str = "etc/kubernetes/pki/ca.ledger.jsonl";

    fn line(number: usize, issued: &str, certificate: &forge::Forged) -> String {
        format!(
            "{{\"line\":{number},\"issued\":\"{issued}\",\"serial\":\"{}\",\"subject\":\"CN=x\",\"profile\":\"x\",\"issuer\":\"CN=kubernetes\",\
             \"notBefore\":\"\",\"notAfter\":\"\",\"certificateSha256\":\"{}\",\"publicKeySha256\":\"\",\"previousSha256\":\"\"}}\n",
            certificate.serial_hex(),
            sha256_hex(certificate.der())
        )
    }

    /// A CA with two certificates, of which the first is in its ledger.
    fn tree(issued: &str) -> Tree {
        let whole = Tree::control_plane();
        let mut tree = Tree::empty();
        tree.authority("ca", whole.ca("ca").clone());
        tree.leaf(&format!("{PKI}/front.crt"), "cn=front eku=server from=+1h");
        tree.leaf(&format!("{PKI}/apiserver.crt"), "cn=kube-apiserver eku=server from=+1h");
        let text = line(1, issued, &tree.of(&format!("{PKI}/front.crt")));
        tree.file(LEDGER, 0o644, text);
        tree
    }

    #[test]
    fn what_is_not_in_the_ledger_is_unknown() {
        let mut tree = tree("2026-06-01T12:00:00Z");
        let finding = format!("high {PKI}/apiserver.crt:1: CN=kube-apiserver is not in {LEDGER}");
        assert_eq!(tree.findings("K024"), [finding]);
        let text =
            tree.text(LEDGER) + &line(2, "2026-06-01T12:00:00Z", &tree.of(&format!("{PKI}/apiserver.crt")));
        tree.file(LEDGER, 0o644, text);
        assert_eq!(tree.findings("K024"), [""; 0]);
        // A user's may be by the cluster's own signer, a kubelet's is.
        tree.leaf(&format!("{PKI}/jane.crt"), "cn=jane o=dev eku=client from=+1h");
        tree.leaf(&format!("{PKI}/kubelet.crt"), "cn=system:node:a o=system:nodes eku=client from=+1h");
        assert_eq!(
            tree.findings("K024"),
            [format!("medium {PKI}/jane.crt:1: CN=jane, O=dev is not in {LEDGER}")]
        );
        tree.leaf(&format!("{PKI}/jane.crt"), "o=system:masters cn=jane eku=client from=+1h");
        assert!(tree.findings("K024")[0].starts_with("high"));
    }

    #[test]
    fn what_is_older_or_cannot_be_read_is_not_judged() {
        let mut tree = tree("2026-06-01T14:00:00Z");
        assert_eq!(tree.findings("K024"), [""; 0]);
        assert_eq!(tree.skipped("K024"), [format!("{PKI}/apiserver.crt: issued before {LEDGER} begins")]);
        let text = tree.text(LEDGER) + "{}\n";
        tree.file(LEDGER, 0o644, text);
        assert_eq!(
            tree.skipped("K024"),
            [format!("{PKI}/apiserver.crt: line 2 of {LEDGER} cannot be read (and 1 more)")]
        );
        tree.unread(LEDGER, "it is too large");
        assert_eq!(
            tree.skipped("K024"),
            [format!("{PKI}/apiserver.crt: {LEDGER} could not be read: it is too large (and 1 more)")]
        );
        tree.remove(LEDGER);
        assert_eq!((tree.findings("K024"), tree.skipped("K024")), (vec![], vec![]));
    }

    #[test]
    fn the_ledger_may_lie_beside_the_nodes() {
        let mut node = tree("2026-06-01T12:00:00Z").named("cp1");
        let mut store = Tree::empty().into_store().named("ca");
        store.authority("ca", node.ca("ca").clone());
        let text = node.text(LEDGER);
        store.file(LEDGER, 0o644, text);
        node.remove(LEDGER);
        let finding = format!("high cp1 {PKI}/apiserver.crt:1: CN=kube-apiserver is not in {LEDGER}");
        assert_eq!(findings(&[&store, &node], "K024"), [finding]);
    }

    #[test]
    fn an_index_is_an_inventory_too() {
        let mut tree = tree("2026-06-01T12:00:00Z");
        tree.remove(LEDGER);
        let serial = tree.of(&format!("{PKI}/front.crt")).serial_hex().to_uppercase();
        let index = format!("{PKI}/index.txt");
        tree.file(&index, 0o644, format!("V\t270601120000Z\t\t{serial}\tunknown\t/CN=front\n"));
        let finding = format!("high {PKI}/apiserver.crt:1: CN=kube-apiserver is not in {index}");
        assert_eq!(tree.findings("K024"), [finding]);
    }
}
