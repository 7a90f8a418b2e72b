//! What belongs into a table of certificates and has no certificate there: missing, not read, or broken.

use std::path::{Path, PathBuf};

use super::report::Location;
use super::rules::{is_excused, leads_beside, left_over};
use super::{FileKind, Holder, Node, NodeKind, Target, What};
use crate::inspect::Content;
use crate::layout::{Promise, promise};
use crate::manifest::Component;

/// The most lines of one node.
const MOST: usize = 1000;

/// Where kubeadm's PKI lies.
const PKI: &str = "/etc/kubernetes/pki";

/// A file, or a field of one, without the certificate that belongs there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blank {
    /// Where it should stand.
    pub location: Location,
    /// What its name promises.
    pub promise: Option<Promise>,
    /// Whether it should hold the certificate of a CA.
    pub is_ca: bool,
    /// Why there is none.
    pub why: Why,
}

/// Why a certificate is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// There is no such file; why one is expected, safe to show.
    Missing(String),
    /// It was not read, or cannot be; safe to show.
    Unread(String),
}

/// Those of a node.
pub(super) fn of_node(node: &Node) -> Vec<Blank> {
    let mut blanks = Vec::new();
    unread(node, &mut blanks);
    named(node, &mut blanks);
    expected(node, &mut blanks);
    blanks.sort_by(|a, b| a.location.cmp(&b.location));
    // What is expected is named as well, more often than not.
    blanks.dedup_by(|a, b| a.location == b.location);
    blanks.truncate(MOST);
    blanks
}

/// Files that are there and of which nothing is known.
fn unread(node: &Node, blanks: &mut Vec<Blank>) {
    for (index, file) in node.files.iter().enumerate() {
        if left_over(node, file).is_some() {
            continue;
        }
        let mut add = |location: Location, reason: &str| {
            let (promise, is_ca) = (file.promise(), is_ca(&file.on_node));
            blanks.push(Blank { location, promise, is_ca, why: Why::Unread(reason.to_owned()) });
        };
        let whole = || node.location(&super::Place::file(index));
        let role = || {
            node.references.iter().any(|reference| {
                reference.target == Target::File(index) && is_of_certificates(reference.what)
            })
        };
        match &file.kind {
            FileKind::Regular(Err(reason))
                if file.promise().is_some() || is_kubeconfig(&file.on_node) || role() =>
            {
                add(whole(), reason);
            }
            FileKind::Regular(Ok(contents)) => {
                let mut found = false;
                for item in &contents.items {
                    found |= matches!(item.content, Content::Certificate(_));
                    if let Content::Broken { what: "certificate", .. } = item.content {
                        let place = super::Place::of_item(index, item);
                        add(
                            node.location(&place),
                            item.faults.first().map_or("it is broken", String::as_str),
                        );
                        found = true;
                    }
                }
                if !found && file.promise() == Some(Promise::Certificate) {
                    add(whole(), "no certificate is in it");
                }
            }
            FileKind::Directory(Err(reason)) if !super::unread::is_by_design(reason) => add(whole(), reason),
            FileKind::Link(target)
                if file.promise().is_some() || promise(target).is_some() || target.extension().is_none() =>
            {
                match node.resolve(&file.on_node) {
                    Target::Outside if !leads_beside(node, index, target) => {
                        add(whole(), &format!("it leads to {}, out of what was given", shown(target)));
                    }
                    Target::Missing => {
                        add(whole(), &format!("it leads to {}, and there is nothing", shown(target)));
                    }
                    Target::Loop => add(whole(), "it leads round in a circle"),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

fn is_of_certificates(what: What) -> bool {
    matches!(what, What::Certificate | What::Trust | What::SigningCertificate | What::Kubeconfig)
}

fn is_kubeconfig(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "conf" || ending == "kubeconfig")
}

/// Whether a name is that of a CA's certificate, as kubeadm and the documents write it.
fn is_ca(path: &Path) -> bool {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    stem == "ca" || stem.ends_with("-ca")
}

fn shown(path: &Path) -> String {
    crate::x509::Printable(&path.to_string_lossy()).to_string()
}

/// Files of certificates that somebody names and that are not there.
fn named(node: &Node, blanks: &mut Vec<Blank>) {
    for reference in &node.references {
        let is_missing = reference.target == Target::Missing && is_of_certificates(reference.what);
        let Some(path) = reference.on_node.as_deref().filter(|_| is_missing && !is_excused(node, reference))
        else {
            continue;
        };
        let holder = node.files.get(reference.file).filter(|holder| left_over(node, holder).is_none());
        let Some(holder) =
            holder.filter(|_| reference.holder != Holder::Kubeconfig || reference.what != What::Key)
        else {
            continue;
        };
        let why = format!("{} in {} names it", reference.flag, holder.shown);
        let is_ca = matches!(reference.what, What::Trust | What::SigningCertificate);
        blanks.push(Blank {
            location: place(node, path),
            promise: promise(path),
            is_ca,
            why: Why::Missing(why),
        });
    }
}

/// What kubeadm makes on every control plane.
fn expected(node: &Node, blanks: &mut Vec<Blank>) {
    const OWN: [&str; 4] =
        ["apiserver", "apiserver-kubelet-client", "front-proxy-client", "apiserver-etcd-client"];
    let is_there = |name: &str| matches!(node.resolve(&Path::new(PKI).join(name)), Target::File(_));
    let flag = |name: &str| node.flags(Component::Apiserver).and_then(|flags| flags.value(name));
    let is_kubeadms = flag("tls-cert-file").map_or_else(
        // Without a manifest, by what is left of it.
        || {
            let pairs =
                OWN.iter().filter(|base| ["crt", "key"].iter().any(|end| is_there(&format!("{base}.{end}"))));
            node.kind != NodeKind::Store && pairs.count() >= 2
        },
        |path| Path::new(path).starts_with(PKI),
    );
    if !is_kubeadms {
        return;
    }
    let mut paths: Vec<PathBuf> =
        ["ca", "front-proxy-ca", "apiserver", "apiserver-kubelet-client", "front-proxy-client"]
            .iter()
            .map(|base| Path::new(PKI).join(format!("{base}.crt")))
            .collect();
    let members = ["server", "peer", "healthcheck-client"];
    let etcd = node.launch(Component::Etcd).is_some()
        || flag("etcd-cafile").is_none()
            && members
                .iter()
                .any(|base| ["crt", "key"].iter().any(|end| is_there(&format!("etcd/{base}.{end}"))));
    if etcd {
        let own = members.iter().chain(&["ca"]).map(|base| Path::new(PKI).join(format!("etcd/{base}.crt")));
        paths.extend(own.chain([Path::new(PKI).join("apiserver-etcd-client.crt")]));
    }
    paths.extend(
        ["admin", "controller-manager", "scheduler"]
            .map(|base| format!("/etc/kubernetes/{base}.conf").into()),
    );
    for path in paths.iter().filter(|path| node.resolve(path) == Target::Missing) {
        let why = Why::Missing("kubeadm makes it on every control plane".to_owned());
        blanks.push(Blank { location: place(node, path), promise: promise(path), is_ca: is_ca(path), why });
    }
}

/// Where a path of the node would stand in what was given: as its neighbours do.
fn place(node: &Node, path: &Path) -> Location {
    let common = |other: &Path| path.components().zip(other.components()).take_while(|(a, b)| a == b).count();
    // Files stand in the order of their paths.
    let at = node.files.partition_point(|file| file.on_node.as_path() < path);
    let neighbours = [at.checked_sub(1).and_then(|before| node.files.get(before)), node.files.get(at)];
    let nearest = neighbours.into_iter().flatten().max_by_key(|file| common(&file.on_node));
    let found = nearest.and_then(|file| {
        let alike = |(a, b): &(std::path::Component<'_>, std::path::Component<'_>)| a == b;
        let shown_path = Path::new(&*file.shown);
        let within =
            shown_path.components().rev().zip(file.on_node.components().rev()).take_while(alike).count();
        let before = file.on_node.ancestors().nth(within)?;
        let shown = shown_path.ancestors().nth(within)?;
        Some((shown.join(path.strip_prefix(before).ok()?), file.base))
    });
    let (shown_at, base) = found.unwrap_or_else(|| (path.to_owned(), 0));
    let shown_at = shown(&shown_at);
    let base = base.min(shown_at.len());
    Location { node: node.name.clone(), path: shown_at.into(), base, ..Location::default() }
}
