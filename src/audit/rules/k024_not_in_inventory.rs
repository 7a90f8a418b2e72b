//! K024: what a CA has issued is in its inventory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::super::{Answers, CertificateRecord, Estate, Inventory, Kept, Place, Role};
use super::remedy::{Command, Cure, path_of};
use super::{Check, Citation, Rule, Severity};
use crate::ledger::ClusterSigned;
use crate::x509::Printable;

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
                  who does not keep it, as kubeadm, or who had the key and should not. What its dates say proves nothing: whoever signs writes \
                  them. kpki's ledger adopts what is there when it begins; what kubelets ask the controller manager for is never in it \
                  and not reported. A ledger whose lines do not follow one another has lost some, or somebody has altered it.",
    fix: "Find out who issued it. If you know, as after kubeadm certs renew, record it: kpki ledger adopt --ca CA FILE. If nobody knows, take \
          the key of the CA for stolen: replace the CA and everything below it.",
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
    // The certificates of the CAs, and what they are for.
    let mut authorities: HashMap<[u8; 32], [u8; 32]> = HashMap::new();
    let mut parts: HashMap<[u8; 32], (Place, bool)> = HashMap::new();
    for (number, record) in estate.records.iter().enumerate() {
        let (Some(certificate), Some(key)) = (&record.certificate, record.key) else { continue };
        let Some(kept) = inventories.get(&key) else { continue };
        authorities.insert(certificate.fingerprint, key);
        let (place, signs_clients) = parts.entry(key).or_default();
        let beside = |kept: &&Kept| kept.location == record.location;
        if place.record.is_none() || kept.iter().any(beside) {
            *place = Place::record(number);
        }
        let elsewhere = |role: &Role| matches!(role, Role::EtcdCa | Role::FrontProxyCa);
        *signs_clients |= record.roles.is_empty() || !record.roles.iter().all(elsewhere);
    }
    let mut judges: HashMap<[u8; 32], Result<Judge<'_>, String>> = HashMap::new();
    let nodes = nodes(estate, &authorities);
    for (key, kept) in inventories {
        let (place, signs_clients) = parts.remove(&key).unwrap_or((Place::nowhere(), true));
        let mut judge = Judge::of(&kept, signs_clients);
        if let Ok(judge) = &mut judge {
            judge.take_in(&nodes);
        }
        if let Ok(judge) = &judge {
            for (shown, why) in &judge.broken {
                let fact = answers.fail(place.clone(), format!("the ledger {shown} is not whole: {why}"));
                let cure = Cure::words("Find out who wrote into it. All that is wrong with it says")
                    .run(Command::of("kpki").plain("ledger verify --ca").path(judge.certificate))
                    .say(
                        "Put a copy in its place that is whole; the hash of the last line tells whether a copy is the newest. Until \
                         then nobody can say what the CA's key has signed.",
                    );
                fact.fix(cure);
            }
        }
        judges.insert(key, judge);
    }
    let mut seen = HashSet::new();
    let mut unjudged: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (number, record) in estate.records.iter().enumerate() {
        let Some(certificate) = record.certificate.as_deref() else { continue };
        let key = certificate.signer.and_then(|signer| authorities.get(&signer));
        let Some(judge) = key.and_then(|key| judges.get(key)) else { continue };
        if !seen.insert(certificate.fingerprint) {
            continue;
        }
        match judge {
            Err(reason) => unjudged.entry(reason.clone()).or_insert((number, 0)).1 += 1,
            Ok(judge) => match judge.says(certificate) {
                Says::Known => answers.look(),
                Says::NotKept => {}
                Says::Unknown { mut message, milder } => {
                    // A ledger begins with what lies in the trees of one node.
                    let strange = judge.is_ledger
                        && nodes.get(&certificate.fingerprint).is_some_and(|on| on.is_disjoint(&judge.nodes));
                    if strange && let Some(node) = &record.location.node {
                        _ = write!(message, ", into which nothing of {} was taken", Printable(node));
                    }
                    let fact = answers.fail(Place::record(number), message);
                    if strange {
                        fact.severity(Severity::Low);
                    } else if milder {
                        fact.severity(Severity::Medium);
                    }
                    let stolen = "If nobody knows, take the key of the CA for stolen: replace the CA and everything below it.";
                    let adopt = || {
                        let adopt = Command::of("kpki").plain("ledger adopt --ca").path(judge.certificate);
                        adopt.path(path_of(record))
                    };
                    let known = "If you know, as after kubeadm certs renew, record it:";
                    fact.fix(if strange {
                        // Each control plane of kubeadm's has the CA's key, and signs its own.
                        let joined = "kubeadm join signs with the copy of the CA's key on the node itself: record what \
                                      that node has, and what turns up later is told.";
                        Cure::words(joined).run(adopt())
                    } else if judge.is_ledger {
                        Cure::words("Find out who issued it.").say(known).run(adopt()).say(stolen)
                    } else {
                        Cure::words("Find out who issued it.").say(stolen)
                    });
                }
            },
        }
    }
    for (reason, (record, count)) in unjudged {
        let more = if count > 1 { format!(" (and {} more)", count - 1) } else { String::new() };
        answers.skip(Place::record(record), format!("{reason}{more}"));
    }
}

/// The nodes of each certificate that a CA with an inventory has signed.
fn nodes(
    estate: &Estate<'_>,
    authorities: &HashMap<[u8; 32], [u8; 32]>,
) -> HashMap<[u8; 32], HashSet<Option<Arc<str>>>> {
    let mut nodes: HashMap<[u8; 32], HashSet<Option<Arc<str>>>> = HashMap::new();
    for record in estate.records {
        let Some(certificate) = &record.certificate else { continue };
        if certificate.signer.is_some_and(|signer| authorities.contains_key(&signer)) {
            nodes.entry(certificate.fingerprint).or_default().insert(record.location.node.clone());
        }
    }
    nodes
}

/// The most inventories of one CA that are asked: one for each place where somebody signs.
const MOST: usize = 64;

/// The inventories of one CA.
struct Judge<'a> {
    inventories: Vec<&'a Inventory>,
    shown: &'a str,
    /// The file of the CA's certificate, as commands take it.
    certificate: &'a Path,
    /// The CA's certificates beside the inventories.
    own: HashSet<[u8; 32]>,
    /// Whether one is a ledger of kpki's, into which something can be adopted.
    is_ledger: bool,
    /// Those of which lines are lost or altered, and the first of it.
    broken: Vec<(&'a str, String)>,
    /// The nodes that a ledger of it knows: those that it lies on, and those of which something was taken into it.
    nodes: HashSet<Option<Arc<str>>>,
    /// Whether the cluster's own signers may sign by it: never by a CA that is etcd's or the front proxy's alone.
    signs_clients: bool,
}

enum Says {
    Known,
    /// Nobody keeps an inventory of such.
    NotKept,
    Unknown {
        message: String,
        milder: bool,
    },
}

impl<'a> Judge<'a> {
    fn of(kept: &[&'a Kept], signs_clients: bool) -> Result<Self, String> {
        let mut inventories = Vec::new();
        let mut broken = Vec::new();
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
            match &contents.inventory {
                // One that is there and empty has lost everything: none is made without a line.
                None if kept.shown.ends_with(".jsonl") => {
                    let why =
                        if contents.text.bytes == 0 { "it is empty" } else { "it does not begin as one" };
                    broken.push((&*kept.shown, why.to_owned()));
                }
                None => return Err(format!("{} is no inventory that is known", kept.shown)),
                Some(inventory) => {
                    match inventory {
                        Inventory::Ledger(ledger) => {
                            broken.extend(ledger.broken.clone().map(|why| (&*kept.shown, why)));
                        }
                        Inventory::Index(index) => {
                            if let Some(line) = index.unreadable {
                                return Err(format!("line {line} of {} cannot be read", kept.shown));
                            }
                        }
                    }
                    inventories.push(inventory);
                }
            }
        }
        let first = kept.first();
        Ok(Self {
            is_ledger: inventories.iter().any(|inventory| inventory.ledger().is_some()) || !broken.is_empty(),
            inventories,
            shown: first.map_or("", |kept| &kept.shown),
            certificate: first.map_or(Path::new(""), |kept| &kept.certificate),
            own: kept.iter().map(|kept| kept.fingerprint).collect(),
            nodes: kept.iter().map(|kept| kept.location.node.clone()).collect(),
            broken,
            signs_clients,
        })
    }

    /// Adds the nodes on which something lies that was taken into a ledger and lies on none of its own.
    fn take_in(&mut self, nodes: &HashMap<[u8; 32], HashSet<Option<Arc<str>>>>) {
        let ledgers: Vec<_> = self.inventories.iter().filter_map(|inventory| inventory.ledger()).collect();
        let stands = |print: &[u8; 32]| {
            !self.own.contains(print) && ledgers.iter().any(|ledger| ledger.stands_for_its_node(print))
        };
        let foreign = nodes.iter().filter(|(print, on)| on.is_disjoint(&self.nodes) && stands(print));
        let more: Vec<_> = foreign.flat_map(|(_, on)| on.iter().cloned()).collect();
        self.nodes.extend(more);
    }

    fn says(&self, certificate: &CertificateRecord) -> Says {
        let holds = |inventory: &&Inventory| inventory.holds(&certificate.fingerprint, &certificate.serial);
        if self.inventories.iter().any(holds) {
            return Says::Known;
        }
        let ledgers = || self.inventories.iter().filter_map(|inventory| inventory.ledger());
        let began_late = ledgers().find(|ledger| !ledger.complete);
        // An index, and a ledger that began late, never held the CA itself.
        if self.own.contains(&certificate.fingerprint) && (began_late.is_some() || !self.is_ledger) {
            return Says::Known;
        }
        let cluster = certificate.cluster.filter(|_| self.signs_clients);
        let namesake = ledgers().find_map(|ledger| ledger.line_of(&certificate.serial));
        // What the cluster signs has a serial number of its own.
        if cluster == Some(ClusterSigned::Kubelet) && namesake.is_none() {
            return Says::NotKept;
        }
        let more = match (namesake, began_late) {
            (Some(line), _) => format!(": line {line} records its serial number, of another certificate"),
            (None, Some(ledger)) => {
                format!(", which began on {} without what had been signed before", Printable(&ledger.begins))
            }
            (None, None) => String::new(),
        };
        Says::Unknown {
            message: format!("{} is not in {}{more}", certificate.subject, self.shown),
            // The cluster may have signed it, in answer to a CertificateSigningRequest.
            milder: cluster == Some(ClusterSigned::Client) && namesake.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::super::super::testing::tree::{PKI, Tree, estate, findings};
    use crate::forge;
    use crate::ledger::Entry;
    use crate::x509::{Certificate, sha256_hex};

    const LEDGER: &str = "etc/kubernetes/pki/ca.ledger.jsonl";

    /// A ledger with these certificates, by kpki of today or by 0.1.0.
    fn ledger(version: u32, certificates: &[&forge::Forged]) -> String {
        let mut text = String::new();
        let mut previous = sha256_hex(b"");
        for (line, certificate) in (1..).zip(certificates) {
            let certificate = Certificate::from_der(certificate.der()).unwrap();
            let mut entry = Entry::of(&certificate, "server", None, datetime!(2026-06-01 12:00 UTC));
            (entry.line, entry.version, entry.previous_sha256) = (line, version, previous);
            let line = entry.to_line().unwrap();
            previous = sha256_hex(&line);
            text.push_str(std::str::from_utf8(&line).unwrap());
            text.push('\n');
        }
        text
    }

    /// A CA with a certificate; both are in its ledger.
    fn tree() -> Tree {
        let whole = Tree::control_plane();
        let mut tree = Tree::empty();
        tree.authority("ca", whole.ca("ca").clone());
        tree.leaf(&format!("{PKI}/front.crt"), "cn=front eku=server from=+1h serial=f1");
        let text = ledger(2, &[tree.ca("ca"), &tree.of(&format!("{PKI}/front.crt"))]);
        tree.file(LEDGER, 0o644, text);
        tree
    }

    /// The remedies of what the rule finds.
    fn remedies(tree: &Tree) -> Vec<String> {
        let report = estate(&[tree]);
        report
            .findings
            .iter()
            .filter(|finding| finding.rule.id == "K024")
            .map(super::super::super::Finding::fix)
            .collect()
    }

    #[test]
    fn what_is_not_in_the_ledger_is_unknown_whatever_its_dates_say() {
        let mut tree = tree();
        assert_eq!(tree.findings("K024"), [""; 0]);
        for from in ["+1h", "-1h", "-300d"] {
            tree.leaf(&format!("{PKI}/apiserver.crt"), &format!("cn=kube-apiserver eku=server from={from}"));
            let finding = format!("high {PKI}/apiserver.crt:1: CN=kube-apiserver is not in {LEDGER}");
            assert_eq!(tree.findings("K024"), [finding], "{from}");
        }
        let remedy = &remedies(&tree)[0];
        assert!(
            remedy.contains(
                "`kpki ledger adopt --ca /etc/kubernetes/pki/ca.crt /etc/kubernetes/pki/apiserver.crt`."
            ),
            "{remedy}"
        );
        assert!(remedy.contains("take the key of the CA for stolen"), "{remedy}");
        let all = [
            tree.ca("ca").clone(),
            tree.of(&format!("{PKI}/front.crt")),
            tree.of(&format!("{PKI}/apiserver.crt")),
        ];
        tree.file(LEDGER, 0o644, ledger(2, &all.each_ref()));
        assert_eq!(tree.findings("K024"), [""; 0]);
        // The serial number, the names and the dates of one that is recorded, and another key.
        tree.leaf(&format!("{PKI}/front.crt"), "cn=front eku=server from=+1h serial=f1 key=p256:thief");
        let finding = format!(
            "high {PKI}/front.crt:1: CN=front is not in {LEDGER}: line 2 records its serial number, of another certificate"
        );
        assert_eq!(tree.findings("K024"), [finding]);
    }

    #[test]
    fn what_the_cluster_signs_is_not_kept_and_told_by_what_stands_in_it() {
        let mut tree = tree();
        let node = "o=system:nodes cn=system:node:a";
        for words in ["eku=client".to_owned(), "eku=server sans=dns:a,ip:10.0.0.9".to_owned()] {
            tree.leaf("var/lib/kubelet/pki/kubelet.crt", &format!("{node} {words} from=+1h"));
            assert_eq!(tree.findings("K024"), [""; 0], "{words}");
        }
        for (words, severity) in [
            // Somebody may have asked the cluster for it.
            ("cn=jane o=dev eku=client", "medium"),
            ("cn=jane o=system:masters eku=client", "high"),
            ("cn=jane o=dev o=system:masters eku=client", "high"),
            ("cn=system:node:a o=system:nodes o=system:masters eku=client", "high"),
            ("cn=system:node:a o=system:nodes o=dev eku=client", "medium"),
            // What no signer of the cluster signs, at a place where kubelets keep theirs.
            ("cn=system:node:a o=system:nodes eku=server,client sans=dns:a", "high"),
            ("cn=system:node:a o=system:nodes eku=client,any", "high"),
            ("cn=system:node:a o=system:nodes eku=client serial=f1", "high"),
            ("cn=system:node:a o=system:nodes eku=client ku=digitalSignature,keyCertSign", "high"),
        ] {
            tree.leaf("var/lib/kubelet/pki/kubelet.crt", &format!("{words} from=+1h"));
            let found = tree.findings("K024");
            assert!(found.len() == 1 && found[0].starts_with(&format!("{severity} ")), "{words}: {found:?}");
        }
    }

    #[test]
    fn the_cluster_signs_by_no_cas_of_etcds() {
        let mut tree = Tree::control_plane();
        let ledger_of_etcd = "etc/kubernetes/pki/etcd/ca.ledger.jsonl";
        let names = ["etcd/server", "etcd/peer", "etcd/healthcheck-client", "apiserver-etcd-client"];
        let mut all = vec![tree.ca("etcd/ca").clone()];
        all.extend(names.map(|name| tree.of(&format!("{PKI}/{name}.crt"))));
        tree.file(ledger_of_etcd, 0o644, ledger(2, &all.iter().collect::<Vec<_>>()));
        assert_eq!(tree.findings("K024"), [""; 0]);
        let thief = tree.ca("etcd/ca").leaf("o=system:nodes cn=system:node:a eku=client");
        tree.file(&format!("{PKI}/etcd/other.crt"), 0o644, thief.pem());
        let finding = format!(
            "high {PKI}/etcd/other.crt:1: O=system:nodes, CN=system:node:a is not in {ledger_of_etcd}"
        );
        assert_eq!(tree.findings("K024"), [finding]);
    }

    #[test]
    fn cas_are_certificates_too() {
        let mut tree = tree();
        let ca = tree.ca("ca").clone();
        tree.file(&format!("{PKI}/sub.crt"), 0o644, ca.ca("cn=sub key=p256:sub").pem());
        tree.file(&format!("{PKI}/twin.crt"), 0o644, ca.reissue("cn=twin").pem());
        let found = tree.findings("K024");
        let expected =
            ["sub", "twin"].map(|name| format!("high {PKI}/{name}.crt:1: CN={name} is not in {LEDGER}"));
        assert_eq!(found, expected);
        // What a CA of the same key and another name has signed is the key's.
        let leaf = ca.reissue("cn=twin").leaf("cn=web eku=server");
        tree.file(&format!("{PKI}/web.crt"), 0o644, leaf.pem());
        assert_eq!(tree.findings("K024").len(), 3);
    }

    #[test]
    fn a_ledger_that_is_not_whole_is_found_and_one_that_cannot_be_read_is_told() {
        let mut tree = tree();
        let whole = tree.text(LEDGER);
        let not_whole = |why: &str| format!("high {PKI}/ca.crt:1: the ledger {LEDGER} is not whole: {why}");
        let missing = format!("high {PKI}/front.crt:1: CN=front is not in {LEDGER}");
        let altered = "line 2 does not follow the line before it: a line was altered, removed or added there";
        let (first, second) = whole.split_once('\n').unwrap();
        for (text, expected) in [
            (
                whole.replace("CN=kubernetes\",\"names", "CN=kubernetez\",\"names").replacen(
                    "CN=kubernetes",
                    "CN=kubernetez",
                    1,
                ),
                vec![not_whole(altered)],
            ),
            (
                whole.clone() + "{}\n",
                vec![not_whole("line 3 of the ledger is not an entry: missing field `line`")],
            ),
            // Cut at its end it is a shorter one in perfect order, which does not hold what was signed.
            (format!("{first}\n"), vec![missing.clone()]),
            (
                second.to_owned(),
                vec![
                    not_whole(
                        "line 1 does not follow the line before it: a line was altered, removed or added there",
                    ),
                    format!("high {PKI}/ca.crt:1: CN=kubernetes is not in {LEDGER}"),
                ],
            ),
            (
                String::new(),
                vec![
                    not_whole("it is empty"),
                    format!("high {PKI}/ca.crt:1: CN=kubernetes is not in {LEDGER}"),
                    missing.clone(),
                ],
            ),
            (
                "nothing\n".into(),
                vec![
                    not_whole("it does not begin as one"),
                    format!("high {PKI}/ca.crt:1: CN=kubernetes is not in {LEDGER}"),
                    missing.clone(),
                ],
            ),
            // Somebody is signing right now.
            (whole.clone() + "{\"line\":3", vec![]),
        ] {
            tree.file(LEDGER, 0o644, text.clone());
            let (mut found, mut expected) = (tree.findings("K024"), expected);
            found.sort();
            expected.sort();
            assert_eq!(found, expected, "{text}");
        }
        tree.unread(LEDGER, "it is too large");
        assert_eq!(
            tree.skipped("K024"),
            [format!("{PKI}/ca.crt: {LEDGER} could not be read: it is too large (and 1 more)")]
        );
        tree.remove(LEDGER);
        assert_eq!((tree.findings("K024"), tree.skipped("K024")), (vec![], vec![]));
    }

    #[test]
    fn a_ledger_of_the_first_version_says_what_it_does_not_know() {
        let mut tree = tree();
        let front = tree.of(&format!("{PKI}/front.crt"));
        tree.leaf(&format!("{PKI}/apiserver.crt"), "cn=kube-apiserver eku=server from=-100d");
        // It began with the CA: nothing was signed before.
        tree.file(LEDGER, 0o644, ledger(1, &[&tree.ca("ca").clone(), &front]));
        assert_eq!(
            tree.findings("K024"),
            [format!("high {PKI}/apiserver.crt:1: CN=kube-apiserver is not in {LEDGER}")]
        );
        tree.file(LEDGER, 0o644, ledger(1, &[&front]));
        assert_eq!(
            tree.findings("K024"),
            [format!(
                "high {PKI}/apiserver.crt:1: CN=kube-apiserver is not in {LEDGER}, which began on 2026-06-01T12:00:00Z \
                 without what had been signed before"
            )]
        );
    }

    #[test]
    fn the_ledger_may_lie_beside_the_nodes() {
        let mut node = tree().named("cp1");
        node.leaf(&format!("{PKI}/apiserver.crt"), "cn=kube-apiserver eku=server");
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
        let mut tree = tree();
        tree.leaf(&format!("{PKI}/apiserver.crt"), "cn=kube-apiserver eku=server from=-1h");
        tree.remove(LEDGER);
        let index = format!("{PKI}/index.txt");
        tree.file(&index, 0o644, "V\t270601120000Z\t\tF1\tunknown\t/CN=front\n");
        let finding = format!("high {PKI}/apiserver.crt:1: CN=kube-apiserver is not in {index}");
        assert_eq!(tree.findings("K024"), [finding]);
        assert!(!remedies(&tree)[0].contains("ledger adopt"));
        let text = tree.text(&index) + "nonsense\n";
        tree.file(&index, 0o644, text);
        assert_eq!(
            tree.skipped("K024"),
            [format!("{PKI}/apiserver.crt: line 2 of {index} cannot be read (and 2 more)")]
        );
    }
}
