//! What the items of several files have to do with each other: which key is whose, who signed what, and whether a bundle is
//! a chain.

use std::collections::HashMap;
use std::path::Path;

use super::order::{Order, order};
use super::{CertificateFacts, Content, Inspected, Item};
use crate::layout::key_beside;
use crate::x509::{Name, PublicKey, PublicKeyKind, SignatureFault, sha256};

/// How much work signatures may be in one call, in verifications of a P-256 signature (41 µs): two seconds.
const BUDGET: usize = 50_000;
/// The most certificates of one name that are tried as an issuer: more than any CA was ever renewed.
const MOST_ISSUERS: usize = 8;
/// The most other items with the same key that are named.
const MOST_NAMED: usize = 20;

/// An item: the number of its file, and its own among [`Inspected::all`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct At {
    /// The file.
    pub file: usize,
    /// The item.
    pub item: usize,
}

/// Who signed a certificate or a revocation list, as far as the files at hand tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signing {
    /// The holder: issuer and subject are one name, and the signature is by the key within.
    SelfSigned,
    /// A certificate at hand, by its key.
    By(At),
    /// Somebody with the holder's own name: the signature is not by the key within, or that cannot be told, and no other
    /// certificate at hand made it.
    SelfIssued(SignatureFault),
    /// Somebody with the name of a certificate at hand, and with another key.
    AnotherKey(At, SignatureFault),
    /// Somebody whose certificate is not at hand.
    Elsewhere,
    /// It was not looked at: there was too much to verify.
    NotChecked,
}

/// Several certificates in one file or field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The field; none for the file's own blocks.
    pub field: Option<String>,
    /// The numbers of its certificates among [`Inspected::all`].
    pub items: Vec<usize>,
    /// How they stand to each other.
    pub order: Order,
    /// Certificates that stand there twice: their numbers in the bundle, from 1.
    pub repeated: Vec<(usize, usize)>,
}

/// What one item has to do with the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ItemRelations {
    /// Other items with the same public key, of which the first are named.
    pub same_key: Vec<At>,
    /// How many there are.
    pub same_key_count: usize,
    /// Who signed it.
    pub signing: Option<Signing>,
    /// Items whose key should be the same and is another: the certificate of a key, the key of a certificate.
    pub mismatches: Vec<At>,
}

/// What all items of some files have to do with each other.
#[derive(Debug, Default)]
pub struct Relations {
    items: Vec<Vec<ItemRelations>>,
    /// The bundles of each file.
    pub bundles: Vec<Vec<Bundle>>,
}

impl Relations {
    /// Those of one item.
    pub fn of(&self, at: At) -> Option<&ItemRelations> {
        self.items.get(at.file)?.get(at.item)
    }
}

/// Everything at hand, by number.
struct Hand<'a> {
    files: &'a [Inspected],
    items: Vec<Vec<&'a Item>>,
    /// The certificates by their subjects, one for each key.
    subjects: HashMap<&'a [u8], Vec<(At, &'a CertificateFacts)>>,
    left: usize,
}

/// Finds out what the items of these files have to do with each other.
pub fn relate(files: &[Inspected]) -> Relations {
    let items: Vec<Vec<&Item>> = files.iter().map(Inspected::all).collect();
    let mut relations = Relations {
        items: items.iter().map(|items| vec![ItemRelations::default(); items.len()]).collect(),
        bundles: Vec::new(),
    };
    let mut hand = Hand { files, items, subjects: HashMap::new(), left: BUDGET };
    hand.index();
    hand.keys(&mut relations);
    for (at, item) in hand.each() {
        let signing = hand.signing(item);
        set(&mut relations, at, |relation| relation.signing = signing);
    }
    for (one, other) in hand.pairs() {
        set(&mut relations, one, |relation| relation.mismatches.push(other));
        set(&mut relations, other, |relation| relation.mismatches.push(one));
    }
    relations.bundles = (0..files.len()).map(|file| hand.bundles(file, &relations)).collect();
    relations
}

fn set(relations: &mut Relations, at: At, change: impl FnOnce(&mut ItemRelations)) {
    if let Some(relation) = relations.items.get_mut(at.file).and_then(|items| items.get_mut(at.item)) {
        change(relation);
    }
}

fn certificate(item: &Item) -> Option<&CertificateFacts> {
    match &item.content {
        Content::Certificate(facts) => Some(facts),
        _ => None,
    }
}

/// What it costs to verify a signature by a key, in verifications of a P-256 signature.
pub fn verification_cost(key: &PublicKey) -> usize {
    match key.kind() {
        // The work grows with the square of the modulus; above 8192 bits another library does it, ten times as slow.
        PublicKeyKind::Rsa { bits, .. } => {
            (bits / 1024).pow(2).div_ceil(8) * if *bits > 8192 { 10 } else { 1 }
        }
        PublicKeyKind::Ec(curve) if curve == "P-521" => 25,
        _ => 1,
    }
}

impl<'a> Hand<'a> {
    fn each(&self) -> Vec<(At, &'a Item)> {
        let files = self.items.iter().enumerate();
        files
            .flat_map(|(file, items)| {
                items.iter().enumerate().map(move |(item, found)| (At { file, item }, *found))
            })
            .collect()
    }

    fn item(&self, at: At) -> Option<&'a Item> {
        self.items.get(at.file)?.get(at.item).copied()
    }

    fn index(&mut self) {
        for (at, item) in self.each() {
            let Some(facts) = certificate(item) else { continue };
            let tbs = &facts.certificate.tbs;
            let named = self.subjects.entry(tbs.subject.der()).or_default();
            // The same CA in several files is one key. One more than are tried tells that there are more.
            let known = named.iter().any(|(_, other)| other.certificate.tbs.public_key == tbs.public_key);
            if !known && named.len() <= MOST_ISSUERS {
                named.push((at, facts));
            }
        }
    }

    /// Who has the same public key as whom.
    fn keys(&self, relations: &mut Relations) {
        let mut by_key: HashMap<[u8; 32], Vec<At>> = HashMap::new();
        for (at, item) in self.each() {
            if let Some(key) = item.public_key() {
                by_key.entry(sha256(key)).or_default().push(at);
            }
        }
        for holders in by_key.values().filter(|holders| holders.len() > 1) {
            for at in holders {
                set(relations, *at, |relation| {
                    relation.same_key_count = holders.len() - 1;
                    let others = holders.iter().filter(|other| *other != at);
                    relation.same_key = others.take(MOST_NAMED).copied().collect();
                });
            }
        }
    }

    /// Whether the work of one more verification is left.
    fn afford(&mut self, key: &PublicKey) -> bool {
        let cost = verification_cost(key);
        let enough = self.left >= cost;
        self.left = if enough { self.left - cost } else { 0 };
        enough
    }

    fn signing(&mut self, item: &Item) -> Option<Signing> {
        match &item.content {
            Content::Certificate(facts) => {
                let tbs = &facts.certificate.tbs;
                let identifier = tbs.extensions.authority_key_identifier.as_ref();
                let identifier = identifier.and_then(|marked| marked.value.key_identifier.as_deref());
                let verify = |key: &PublicKey| facts.verify_signature(key);
                if !tbs.is_self_issued() {
                    return Some(self.signer(&tbs.issuer, identifier, verify));
                }
                if !self.afford(&tbs.public_key) {
                    return Some(Signing::NotChecked);
                }
                let Err(fault) = verify(&tbs.public_key) else { return Some(Signing::SelfSigned) };
                Some(match self.signer(&tbs.issuer, identifier, verify) {
                    Signing::AnotherKey(..) | Signing::Elsewhere => Signing::SelfIssued(fault),
                    other => other,
                })
            }
            Content::RevocationList(list) => {
                let identifier = list.authority_key_identifier.as_ref();
                let identifier = identifier.and_then(|identifier| identifier.key_identifier.as_deref());
                Some(self.signer(&list.issuer, identifier, |key| list.verify_signature(key)))
            }
            _ => None,
        }
    }

    /// The certificate at hand whose key made a signature.
    fn signer(
        &mut self,
        issuer: &Name,
        identifier: Option<&[u8]>,
        verify: impl Fn(&PublicKey) -> Result<(), SignatureFault>,
    ) -> Signing {
        let fits = |facts: &CertificateFacts| {
            let own = facts.certificate.tbs.extensions.subject_key_identifier.as_ref();
            identifier.is_some() && own.map(|own| own.value.as_slice()) == identifier
        };
        let mut named = self.subjects.get(issuer.der()).cloned().unwrap_or_default();
        // The one that the authority key identifier names comes first.
        named.sort_by_key(|(_, facts)| !fits(facts));
        let mut fault = None;
        for (number, (at, facts)) in named.into_iter().enumerate() {
            let key = &facts.certificate.tbs.public_key;
            if number == MOST_ISSUERS || !self.afford(key) {
                return Signing::NotChecked;
            }
            match verify(key) {
                Ok(()) => return Signing::By(at),
                Err(why) => fault = fault.or(Some((at, why))),
            }
        }
        fault.map_or(Signing::Elsewhere, |(at, why)| Signing::AnotherKey(at, why))
    }

    /// Certificates and keys that should belong together, by their fields or their files' names, and do not.
    fn pairs(&self) -> Vec<(At, At)> {
        let mut pairs = Vec::new();
        let mut mismatch = |one: Option<At>, other: Option<At>| {
            let (Some(one), Some(other)) = (one, other) else { return };
            let keys =
                (self.item(one).and_then(Item::public_key), self.item(other).and_then(Item::public_key));
            if let (Some(key), Some(its)) = keys
                && key != its
            {
                pairs.push((one, other));
            }
        };
        let by_name: HashMap<&Path, usize> =
            self.files.iter().enumerate().map(|(at, file)| (Path::new(&file.file), at)).collect();
        for (file, inspected) in self.files.iter().enumerate() {
            for (certificate, key) in self.field_pairs(file) {
                mismatch(Some(certificate), Some(key));
            }
            // A private key in the same file, as the kubelet keeps its own, and the file of the private key beside it.
            let holder = self.first_of(file, |item| {
                matches!(item.content, Content::Certificate(_) | Content::Request(_) | Content::PublicKey(_))
            });
            let path = Path::new(&inspected.file);
            let beside = by_name.get(key_beside(path).as_path()).copied().filter(|beside| *beside != file);
            for keys in [Some(file), beside].into_iter().flatten() {
                let key = self.first_of(keys, |item| matches!(item.content, Content::PrivateKey(_)));
                if !key.is_some_and(|key| self.holds(file, key)) {
                    mismatch(holder, key);
                }
            }
        }
        pairs
    }

    /// Whether one of a file's own items, other than a private key, has the public key of this one.
    fn holds(&self, file: usize, key: At) -> bool {
        let wanted = self.item(key).and_then(Item::public_key);
        let holder =
            |item: &&Item| !matches!(item.content, Content::PrivateKey(_)) && item.public_key() == wanted;
        wanted.is_some() && self.items.get(file).is_some_and(|items| items.iter().any(holder))
    }

    /// The first of a file's own items that is of a kind.
    fn first_of(&self, file: usize, wanted: impl Fn(&Item) -> bool) -> Option<At> {
        let items = self.items.get(file)?;
        let found = items.iter().position(|item| item.place.field.is_none() && wanted(item))?;
        Some(At { file, item: found })
    }

    /// Pairs within an object: the two fields of a user, the two entries of a Secret, a request and its certificate.
    fn field_pairs(&self, file: usize) -> Vec<(At, At)> {
        const NAMES: [(&str, &str); 3] = [
            ("client-certificate-data", "client-key-data"),
            ("[tls.crt]", "[tls.key]"),
            ("status.certificate", "spec.request"),
        ];
        let Some(items) = self.items.get(file) else { return Vec::new() };
        // The first item of each field: of a certificate and what follows it, the certificate.
        let mut fields: HashMap<&str, usize> = HashMap::new();
        for (at, item) in items.iter().enumerate() {
            if let (Some(field), Some(_)) = (&item.place.field, item.public_key()) {
                fields.entry(field).or_insert(at);
            }
        }
        let mut pairs = Vec::new();
        for (field, at) in &fields {
            for (certificate, key) in NAMES {
                let other = field.strip_suffix(certificate).map(|base| format!("{base}{key}"));
                if let Some(other) = other.and_then(|other| fields.get(other.as_str())) {
                    pairs.push((At { file, item: *at }, At { file, item: *other }));
                }
            }
        }
        pairs.sort_by_key(|(certificate, _)| certificate.item);
        pairs
    }

    fn bundles(&self, file: usize, relations: &Relations) -> Vec<Bundle> {
        let Some(items) = self.items.get(file) else { return Vec::new() };
        let mut groups: Vec<(Option<&str>, Vec<usize>)> = Vec::new();
        let mut places: HashMap<Option<&str>, usize> = HashMap::new();
        for (at, item) in items.iter().enumerate().filter(|(_, item)| certificate(item).is_some()) {
            let field = item.place.field.as_deref();
            let place = *places.entry(field).or_insert_with(|| {
                groups.push((field, Vec::new()));
                groups.len() - 1
            });
            if let Some((_, group)) = groups.get_mut(place) {
                group.push(at);
            }
        }
        let several = groups.into_iter().filter(|(_, group)| group.len() > 1);
        several.map(|(field, group)| self.bundle(file, field, group, relations)).collect()
    }

    fn bundle(&self, file: usize, field: Option<&str>, items: Vec<usize>, relations: &Relations) -> Bundle {
        let all: Vec<&CertificateFacts> = items
            .iter()
            .filter_map(|item| self.item(At { file, item: *item }).and_then(certificate))
            .collect();
        let mut seen: HashMap<[u8; 32], usize> = HashMap::new();
        let mut repeated = Vec::new();
        for (facts, number) in all.iter().zip(1..) {
            match seen.entry(sha256(facts.der())) {
                std::collections::hash_map::Entry::Occupied(first) => repeated.push((*first.get(), number)),
                std::collections::hash_map::Entry::Vacant(place) => {
                    place.insert(number);
                }
            }
        }
        // The key that made each signature, as far as it is known.
        let signers: Vec<Option<&PublicKey>> = items
            .iter()
            .zip(&all)
            .map(|(item, facts)| match relations.of(At { file, item: *item })?.signing.as_ref()? {
                Signing::SelfSigned => Some(&facts.certificate.tbs.public_key),
                Signing::By(at) => Some(&self.item(*at).and_then(certificate)?.certificate.tbs.public_key),
                _ => None,
            })
            .collect();
        let order = order(&all, &signers);
        Bundle { field: field.map(str::to_owned), items, order, repeated }
    }
}
