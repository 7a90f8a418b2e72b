//! From arguments to nodes: which of them are the trees of several nodes, and which are parts of one.
//!
//! Two arguments that claim one place of a node (`cp1/etc/kubernetes`, `cp2/etc/kubernetes`) are two nodes, whatever their order; parts
//! that lie in one root, or claim different places, are one. A directory whose children are trees stands for all of them.

mod children;
mod claim;
mod names;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

pub use self::children::{NodesError, nodes_in};

use self::claim::Claim;
use super::{AuditError, Input, Source, Store};
use crate::x509::Printable;

/// The children of a directory of nodes that are no node: `kpki init` writes the CAs and the files of users there.
const STORES: [&str; 2] = ["ca", "users"];

/// What a line of arguments comes to.
#[derive(Debug, Default)]
pub struct Arguments {
    /// The nodes, and the stores beside them.
    pub inputs: Vec<Input>,
    /// What is worth saying of how they were understood; safe to show.
    pub notes: Vec<String>,
}

/// Finds out what arguments stand for: one node, or several.
///
/// # Errors
/// [`AuditError`] where one cannot be looked at at all.
pub fn arguments(sources: Vec<Source>) -> Result<Arguments, AuditError> {
    let mut found = Arguments::default();
    let mut others = Vec::new();
    let alone = sources.len() == 1;
    for source in sources {
        let nodes = match source {
            Source::Path(path) if children::holds_nodes(&path) => {
                let nodes = children::nodes_found_in(&path).map_err(|error| error.about(&path))?;
                Some((shown(&path), nodes))
            }
            Source::Archive(name, archive) => match children::nodes_of(archive) {
                Ok(nodes) => Some((Printable(&name).to_string(), nodes)),
                Err(archive) => {
                    others.push(Source::Archive(name, archive));
                    None
                }
            },
            other => {
                others.push(other);
                None
            }
        };
        if let Some((what, nodes)) = nodes {
            found.notes.push(told(&what, &nodes));
            // Of several directories, two may well call their nodes alike.
            found.inputs.extend(nodes.into_iter().map(|input| match &input.name {
                Some(name) if !alone => Input { name: Some(format!("{what}/{name}")), ..input },
                _ => input,
            }));
        }
    }
    let mut groups = grouped(others, !found.inputs.is_empty())?;
    if groups.len() > 1 {
        let names =
            groups.iter().filter(|group| group.store == Store::No).filter_map(|group| group.name.clone());
        let names: Vec<String> = names.collect();
        if names.len() > 1 {
            found
                .notes
                .push(format!("the arguments are the trees of {}, and each is judged as one", nodes(&names)));
        }
    }
    found.inputs.append(&mut groups);
    Ok(found)
}

/// That an argument holds nodes.
fn told(what: &str, inputs: &[Input]) -> String {
    let names = inputs.iter().filter(|input| input.store == Store::No).filter_map(|input| input.name.clone());
    format!(
        "{what} holds the trees of {}, and each is judged as one, as with --nodes",
        nodes(&names.collect::<Vec<_>>())
    )
}

/// `3 nodes (cp1, cp2, cp3)`.
fn nodes(names: &[String]) -> String {
    const MOST: usize = 6;
    let named: Vec<String> = names.iter().take(MOST).map(|name| Printable(name).to_string()).collect();
    let more = if names.len() > MOST { format!(" and {} more", names.len() - MOST) } else { String::new() };
    let count = names.len();
    format!("{count} node{} ({}{more})", if count == 1 { "" } else { "s" }, named.join(", "))
}

/// Puts together what is of one node.
fn grouped(sources: Vec<Source>, beside_others: bool) -> Result<Vec<Input>, AuditError> {
    let mut claims: Vec<Claim> = Vec::new();
    let mut left_out = Vec::new();
    for source in sources {
        match Claim::of(source)? {
            Ok(claim) if claims.iter().any(|known| known.is_same(&claim)) => {}
            Ok(claim) => claims.push(claim),
            Err(other) => left_out.push(other),
        }
    }
    let several = beside_others || are_several(&claims);
    if !several {
        let sources: Vec<Source> = claims.into_iter().map(|claim| claim.source).chain(left_out).collect();
        let inputs = (!sources.is_empty()).then(|| Input { name: None, sources, store: Store::No });
        return Ok(inputs.into_iter().collect());
    }
    // Parts of one node: by their root, or by the directory in which they lie side by side.
    let mut groups: BTreeMap<PathBuf, Vec<Claim>> = BTreeMap::new();
    let mut loose = Vec::new();
    for claim in claims {
        match claim.home() {
            Some(home) => groups.entry(home).or_default().push(claim),
            None => loose.push(claim),
        }
    }
    for claim in loose {
        let home = groups
            .keys()
            .filter(|home| claim.path.starts_with(home))
            .max_by_key(|home| home.components().count());
        let home = home.cloned().unwrap_or_else(|| claim.path.clone());
        groups.entry(home).or_default().push(claim);
    }
    // Trees in one directory that claim the same place are nodes each.
    let groups: Vec<(PathBuf, Vec<Claim>)> = groups
        .into_iter()
        .flat_map(|(home, group)| {
            if are_several(&group) {
                group.into_iter().map(|claim| (claim.path.clone(), vec![claim])).collect()
            } else {
                vec![(home, group)]
            }
        })
        .collect();
    let labels: Vec<&Path> = groups.iter().map(|(label, _)| label.as_path()).collect();
    let names = names::distinguishing(&labels);
    let one = |((_, group), name): ((PathBuf, Vec<Claim>), String)| {
        let is_store = group.iter().all(Claim::is_store);
        let sources = group.into_iter().map(|claim| claim.source).collect();
        Input { name: Some(name), sources, store: if is_store { Store::Yes } else { Store::No } }
    };
    let mut inputs: Vec<Input> = groups.into_iter().zip(names).map(one).collect();
    inputs.sort_by(|a, b| a.name.cmp(&b.name));
    inputs.extend(left_out.into_iter().map(|source| Input {
        name: None,
        sources: vec![source],
        store: Store::Yes,
    }));
    Ok(inputs)
}

/// Whether some arguments cannot all be of one node.
fn are_several(claims: &[Claim]) -> bool {
    let mut roots = claims.iter().filter_map(|claim| claim.root.as_deref());
    let first = roots.next();
    if roots.any(|root| Some(root) != first) {
        return true;
    }
    // By place: a node has each once.
    let mut places: HashMap<&Path, &Claim> = HashMap::new();
    let mut archives = 0;
    for claim in claims.iter().filter(|claim| claim.known) {
        archives += usize::from(claim.is_archive);
        let before = places.insert(&claim.on_node, claim);
        if before.is_some_and(|before| before.is_apart(claim)) {
            return true;
        }
    }
    let trees: Vec<&Claim> = places.into_values().collect();
    archives > 1
        || archives == 1 && trees.len() > 1
        || trees.iter().any(|above| trees.iter().any(|below| above.holds_place_of(below)))
}

fn shown(path: &Path) -> String {
    Printable(&path.to_string_lossy()).to_string()
}
