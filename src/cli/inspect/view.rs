//! Files and their items as people and programs read them, with what they have to do with each other.

use std::fmt::Write as _;
use std::path::Path;

use kpki::inspect::{
    At, Bundle, Content, Inspected, Item, Kubeconfig, Object, Oddity, Order, Relations, Role, Signing,
    relate, role,
};
use kpki::profile::Catalogue;
use serde::Serialize;
use time::OffsetDateTime;

use super::facts::{Certificate, Request};
use super::keys::{Key, PrivateKey};
use super::lists::List;
use crate::cli::output;

/// A file.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileView {
    pub(super) file: String,
    pub(super) encoding: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) bundles: Vec<BundleView>,
    pub(super) items: Vec<ItemView>,
}

/// Several certificates in one file or field.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BundleView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<String>,
    pub(super) certificates: usize,
    pub(super) order: &'static str,
    /// What that means, for people.
    pub(super) summary: String,
}

/// An item.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ItemView {
    pub(super) file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) block: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lines: Option<(usize, usize)>,
    pub(super) kind: &'static str,
    pub(super) title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) role: Option<Role>,
    #[serde(flatten)]
    pub(super) content: ContentView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signed_by: Option<SignerView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) same_key: Vec<Holder>,
    #[serde(skip)]
    pub(super) same_key_count: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) mismatches: Vec<Holder>,
    pub(super) faults: Vec<String>,
    pub(super) oddities: Vec<Oddity>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) items: Vec<ItemView>,
}

/// What an item says, under the name of its kind.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ContentView {
    Certificate(Box<Certificate>),
    Request(Box<Request>),
    RevocationList(Box<List>),
    PrivateKey(Box<PrivateKey>),
    PublicKey(Box<PublicKeyView>),
    Kubeconfig(Box<Kubeconfig>),
    Object(Box<Object>),
    Facts(Vec<FactView>),
}

#[derive(Serialize)]
pub(super) struct PublicKeyView {
    pub(super) form: &'static str,
    #[serde(flatten)]
    pub(super) key: Key,
}

#[derive(Serialize)]
pub(super) struct FactView {
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// Another item, named by its place.
#[derive(Serialize, Clone)]
pub(super) struct Holder {
    pub(super) kind: &'static str,
    pub(super) place: String,
}

/// Who signed something.
#[derive(Serialize)]
pub(super) struct SignerView {
    pub(super) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
}

/// What every view needs.
struct Viewer<'a> {
    files: &'a [Inspected],
    items: Vec<Vec<&'a Item>>,
    relations: Relations,
    catalogue: &'a Catalogue,
    now: OffsetDateTime,
    all: bool,
}

/// Views of files; with `all`, down to the last entry of a revocation list.
pub(super) fn views(
    files: &[Inspected],
    catalogue: &Catalogue,
    now: OffsetDateTime,
    all: bool,
) -> Vec<FileView> {
    let items = files.iter().map(Inspected::all).collect();
    let viewer = Viewer { files, items, relations: relate(files), catalogue, now, all };
    (0..files.len()).filter_map(|file| viewer.file(file)).collect()
}

impl Viewer<'_> {
    fn file(&self, number: usize) -> Option<FileView> {
        let file = self.files.get(number)?;
        // The items stand in the same order as in `all`, each before what it holds.
        let mut next = 0;
        let path = absolute(&file.file);
        let items = self.siblings(number, &mut next, &file.items, &path);
        let bundles = self.relations.bundles.get(number)?;
        Some(FileView {
            file: output::path(Path::new(&file.file)),
            encoding: file.encoding.name(),
            bundles: bundles.iter().map(|bundle| self.bundle(number, bundle)).collect(),
            items,
        })
    }

    /// The items of a file or of an item.
    fn siblings(&self, file: usize, next: &mut usize, items: &[Item], path: &Path) -> Vec<ItemView> {
        let mut before: Option<&Item> = None;
        let mut views = Vec::with_capacity(items.len());
        for item in items {
            // A certificate behind another of the same place is its chain's, perhaps.
            let follows = before.is_some_and(|before| before.place.field == item.place.field);
            views.push(self.item(file, next, item, path, follows));
            if matches!(item.content, Content::Certificate(_)) {
                before = Some(item);
            }
        }
        views
    }

    fn item(&self, file: usize, next: &mut usize, item: &Item, path: &Path, follows: bool) -> ItemView {
        let at = At { file, item: *next };
        *next += 1;
        let name = self.files.get(file).map(|file| file.file.as_str()).unwrap_or_default();
        let relation = self.relations.of(at).cloned().unwrap_or_default();
        let role = role(path, item, follows, self.catalogue);
        let holders = |all: &[At]| all.iter().filter_map(|at| self.holder(*at)).collect();
        ItemView {
            file: output::path(Path::new(name)),
            field: item.place.field.clone(),
            block: item.place.block,
            lines: item.place.lines,
            kind: item.kind(),
            title: item.title(),
            label: item.label.clone(),
            role,
            content: self.content(item),
            signed_by: relation.signing.as_ref().map(|signing| self.signer(signing)),
            same_key: holders(&relation.same_key),
            same_key_count: relation.same_key_count,
            mismatches: holders(&relation.mismatches),
            faults: item.faults.clone(),
            oddities: item.oddities.clone(),
            items: self.siblings(file, next, &item.items, path),
        }
    }

    fn content(&self, item: &Item) -> ContentView {
        let facts = |facts: &[(&'static str, String)]| {
            let one = |(name, value): &(&'static str, String)| FactView { name, value: value.clone() };
            ContentView::Facts(facts.iter().map(one).collect())
        };
        match &item.content {
            Content::Certificate(facts) => {
                ContentView::Certificate(Box::new(Certificate::of(facts, self.now)))
            }
            Content::Request(facts) => ContentView::Request(Box::new(Request::of(facts))),
            Content::RevocationList(list) => {
                ContentView::RevocationList(Box::new(List::of(list, self.now, self.all)))
            }
            Content::PrivateKey(facts) => ContentView::PrivateKey(Box::new(PrivateKey::of(facts))),
            Content::PublicKey(facts) => {
                let view = PublicKeyView { form: facts.form, key: Key::of(&facts.key) };
                ContentView::PublicKey(Box::new(view))
            }
            Content::Kubeconfig(kubeconfig) => ContentView::Kubeconfig(kubeconfig.clone()),
            Content::Object(object) => ContentView::Object(object.clone()),
            Content::Named { facts: list, .. } | Content::Broken { facts: list, .. } => facts(list),
            _ => ContentView::Facts(Vec::new()),
        }
    }

    /// Another item by its file, and its line where the file alone does not tell.
    fn place(&self, at: At) -> Option<String> {
        let (file, items) = (self.files.get(at.file)?, self.items.get(at.file)?);
        let item = items.get(at.item)?;
        let name = output::path(Path::new(&file.file));
        Some(match item.place.lines {
            Some((line, _)) if items.len() > 1 => format!("{name}:{line}"),
            _ => name,
        })
    }

    fn holder(&self, at: At) -> Option<Holder> {
        let kind = self.items.get(at.file)?.get(at.item)?.kind();
        Some(Holder { kind, place: self.place(at)? })
    }

    fn signer(&self, signing: &Signing) -> SignerView {
        let view = |status, at: Option<At>, reason: Option<String>| SignerView {
            status,
            place: at.and_then(|at| self.place(at)),
            reason,
        };
        match signing {
            Signing::SelfSigned => view("selfSigned", None, None),
            Signing::By(at) => view("signed", Some(*at), None),
            Signing::SelfIssued(fault) => view("selfIssued", None, Some(fault.to_string())),
            Signing::AnotherKey(at, fault) => view("anotherKey", Some(*at), Some(fault.to_string())),
            Signing::Elsewhere => view("issuerNotAtHand", None, None),
            Signing::NotChecked => view("notChecked", None, None),
        }
    }

    fn bundle(&self, file: usize, bundle: &Bundle) -> BundleView {
        let count = bundle.items.len();
        let subject = |number: usize| {
            let item = self.items.get(file)?.get(*bundle.items.get(number)?)?;
            match &item.content {
                Content::Certificate(facts) => Some(facts.certificate.tbs.subject.to_string()),
                _ => None,
            }
        };
        let subject = |number| subject(number).unwrap_or_default();
        let (order, mut summary) = match &bundle.order {
            Order::Chain => (
                "chain",
                format!(
                    "{count} certificates, a chain in order: {} up to {}",
                    subject(0),
                    subject(count - 1)
                ),
            ),
            Order::Shuffled(right) => {
                let numbers: Vec<String> = right.iter().map(ToString::to_string).collect();
                let what = format!(
                    "{count} certificates of one chain, out of order; in order they are {}",
                    numbers.join(", ")
                );
                ("outOfOrder", what)
            }
            Order::Anchors => {
                ("anchors", format!("{count} self-issued certificates, no chain: trust anchors"))
            }
            Order::Apart(1) => {
                let what = format!("{count} certificates, no chain: the second did not sign the first");
                ("unrelated", what)
            }
            Order::Apart(length) => {
                let what = format!(
                    "{count} certificates: the first {length} are a chain in order, the next did not sign the last of them"
                );
                ("partial", what)
            }
        };
        for (first, second) in bundle.repeated.iter().take(5) {
            let _ = write!(summary, "; number {second} is number {first} again");
        }
        BundleView { field: bundle.field.clone(), certificates: count, order, summary }
    }
}

/// The whole path: `server.crt` in a directory `etcd` is etcd's.
fn absolute(file: &str) -> std::path::PathBuf {
    std::path::absolute(file).unwrap_or_else(|_| file.into())
}
