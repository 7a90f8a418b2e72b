//! Mending what is safe and local about the files of a PKI: modes, owners, the order of certificates and line ends.
//!
//! The audit finds; this room turns some of its findings into changes, which are plain data until they are asked for. No private key is
//! ever rewritten, no link followed, and what a change replaces stays beside it as a backup.

mod bundle;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::audit::{Finding, LIMITS, Report, is_whole_system};
use crate::disk::{
    Attributes, DiskError, Entry, EntryKind, Overwrite, Secrecy, Transaction, WalkLimits, read_bounded,
    set_permissions, walk,
};
use crate::x509::{Printable, sha256};

/// A tree in which findings were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Its node, where there are several.
    pub node: Option<String>,
    /// The argument: a directory or a file.
    pub path: PathBuf,
    /// What stands before the paths that the audit shows of it ([`crate::audit::Input::prefix`]).
    pub prefix: Option<PathBuf>,
}

/// One thing to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The argument under which the file was found.
    pub root: PathBuf,
    /// The file's path in it; empty where the argument is the file.
    pub relative: PathBuf,
    /// The rules whose findings it mends.
    pub rules: Vec<&'static str>,
    /// What the file system said of it.
    pub found: Attributes,
    /// The mode that it gets; its own where that stays.
    pub mode: u32,
    /// The owner and group that it gets, where they change.
    pub owner: Option<(u32, u32)>,
    /// Its new contents, where they change.
    pub contents: Option<Contents>,
}

/// New contents of a file of certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The whole text.
    pub text: String,
    /// What is different, in words.
    pub changes: Vec<&'static str>,
    /// The SHA-256 of the contents that it replaces.
    pub replaces: [u8; 32],
}

/// Something that one would like to mend and that is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftAlone {
    /// The file; safe to show.
    pub path: String,
    /// The rule.
    pub rule: &'static str,
    /// Why; safe to show.
    pub reason: String,
}

/// What is to be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// What will be changed, by path.
    pub repairs: Vec<Repair>,
    /// What will not.
    pub left_alone: Vec<LeftAlone>,
}

impl Repair {
    /// The path; safe to show.
    pub fn shown(&self) -> String {
        let path = if self.relative.as_os_str().is_empty() {
            self.root.clone()
        } else {
            self.root.join(&self.relative)
        };
        Printable(&path.to_string_lossy()).to_string()
    }
}

/// What a finding asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remedy {
    /// Only the owner may read and write.
    Secret,
    /// Nobody but the owner may write; set-id bits go.
    NotWritable,
    /// It belongs to root.
    Root,
    /// Its text is written anew.
    Text,
}

/// The remedies of the rules. Whatever else a rule finds is for people to mend.
const REMEDIES: [(&str, Remedy); 8] = [
    ("F007", Remedy::Secret),
    ("F008", Remedy::NotWritable),
    ("F009", Remedy::Root),
    ("F010", Remedy::NotWritable),
    ("F011", Remedy::NotWritable),
    ("F015", Remedy::Text),
    ("F018", Remedy::Text),
    ("M016", Remedy::Secret),
];

/// Turns findings into changes. `roots` are the trees in which they were found. With `strict`, certificates get 0600, as some benchmarks want.
///
/// # Errors
/// Where the argument cannot be examined any more.
pub fn plan(roots: &[Root], report: &Report, strict: bool) -> std::io::Result<Plan> {
    let mut plan = Plan::default();
    for Root { node, path: root, prefix } in roots {
        let node = node.as_deref().map(|name| Printable(name).to_string());
        let mut wanted: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in &report.findings {
            let here = finding.location.node.as_deref() == node.as_deref();
            if here && REMEDIES.iter().any(|(rule, _)| *rule == finding.rule.id) {
                wanted.entry(&finding.location.path).or_default().push(finding);
            }
        }
        if wanted.is_empty() {
            continue;
        }
        // The contents are not wanted yet, but the same names and attributes as the audit saw.
        let mut entries: Vec<Entry> = Vec::new();
        if is_whole_system(root) {
            // It has a million other files.
            let places = wanted.values().filter_map(|findings| findings.first());
            entries
                .extend(places.filter_map(|finding| alone(root, within(root, prefix.as_deref(), finding)?)));
        } else {
            walk(root, WalkLimits { file: 0, total: 0, ..LIMITS }, &mut |entry| entries.push(entry))?;
        }
        for entry in entries {
            let shown = as_located(prefix.as_deref(), root, &entry.path);
            let Some(findings) = wanted.remove(shown.as_str()) else { continue };
            plan.add(root, entry, &findings, strict);
        }
        if roots.len() == 1 {
            plan.left_alone.extend(wanted.into_iter().map(|(path, findings)| LeftAlone {
                path: path.to_owned(),
                rule: findings.first().map_or("", |finding| finding.rule.id),
                reason: "it was not found again".into(),
            }));
        }
    }
    Ok(plan)
}

/// The path of a file as the audit says it: as it was named, or of one of several nodes within its tree.
fn as_located(prefix: Option<&Path>, root: &Path, relative: &Path) -> String {
    let path = match (relative.as_os_str().is_empty(), root == Path::new(".")) {
        (true, _) => root.to_owned(),
        (false, true) => relative.to_owned(),
        (false, false) => root.join(relative),
    };
    let within = prefix.and_then(|prefix| path.strip_prefix(prefix).ok());
    let shown = within.filter(|within| !within.as_os_str().is_empty()).unwrap_or(&path);
    Printable(&shown.to_string_lossy()).to_string()
}

/// The path of a finding within a tree.
fn within<'a>(root: &Path, prefix: Option<&Path>, finding: &'a Finding) -> Option<&'a Path> {
    let path = Path::new(finding.location.within());
    let Some(prefix) = prefix else { return Some(path) };
    let between = root.strip_prefix(prefix).ok()?;
    if between.as_os_str().is_empty() { Some(path) } else { path.strip_prefix(between).ok() }
}

/// What the file system says of one path within a tree.
fn alone(root: &Path, relative: &Path) -> Option<Entry> {
    let limits = WalkLimits { entries: 1, file: 0, total: 0, depth: 0 };
    let mut found = None;
    let inside = relative.components().all(|component| matches!(component, Component::Normal(_)));
    if inside && root.join(relative).symlink_metadata().is_ok_and(|metadata| !metadata.is_symlink()) {
        walk(&root.join(relative), limits, &mut |entry| found = Some(entry)).ok()?;
    }
    found.map(|entry| Entry { path: relative.to_owned(), ..entry })
}

impl Plan {
    fn add(&mut self, root: &Path, entry: Entry, findings: &[&Finding], strict: bool) {
        let is_directory = matches!(entry.kind, EntryKind::Directory(_));
        let found = entry.attributes;
        let mut repair = Repair {
            root: root.to_owned(),
            relative: entry.path,
            rules: Vec::new(),
            found,
            mode: found.mode,
            owner: None,
            contents: None,
        };
        if !matches!(entry.kind, EntryKind::File(_) | EntryKind::Directory(_)) {
            return;
        }
        for finding in findings {
            let rule = finding.rule.id;
            let Some((_, remedy)) = REMEDIES.iter().find(|(known, _)| *known == rule) else { continue };
            let leave = |reason: String| LeftAlone { path: repair.shown(), rule, reason };
            if found.acl && matches!(remedy, Remedy::Secret | Remedy::NotWritable) {
                self.left_alone
                    .push(leave("it has an access control list: take it away with setfacl -b".into()));
            }
            match remedy {
                Remedy::Secret if !is_directory => repair.mode &= 0o600,
                Remedy::NotWritable | Remedy::Secret => repair.mode &= 0o1755,
                Remedy::Root => repair.owner = Some((0, 0)),
                Remedy::Text => match bundle::rewritten(&repair.root, &repair.relative) {
                    Ok(Some(contents)) => repair.contents = Some(contents),
                    Ok(None) => continue,
                    Err(reason) => {
                        self.left_alone.push(leave(reason));
                        continue;
                    }
                },
            }
            if rule == "F008" && strict && !is_directory {
                repair.mode &= 0o600;
            }
            if !repair.rules.contains(&rule) {
                repair.rules.push(rule);
            }
        }
        // A program of somebody else must not become one of root's that runs as root for everybody.
        if !is_directory && (repair.owner.is_some() || repair.contents.is_some()) {
            repair.mode &= 0o1777;
        }
        let changes = repair.mode != found.mode || repair.owner.is_some() || repair.contents.is_some();
        if changes {
            self.repairs.push(repair);
        }
    }
}

/// Carries out one change. Where the contents change, the old file stays as `NAME.TIMESTAMP.bak`; the backups' paths are the answer.
///
/// # Errors
/// [`DiskError`]; then the file is as it was.
pub fn apply(repair: &Repair, timestamp: &str) -> Result<Vec<PathBuf>, DiskError> {
    let mut found = repair.found;
    let mut backups = Vec::new();
    if let Some(contents) = &repair.contents {
        let (root, relative) = directory_and_name(repair);
        // It may have been replaced since it was looked at.
        let now = read_bounded(&root.join(&relative), LIMITS.file)?;
        if sha256(&now) != contents.replaces {
            return Err(DiskError::Changed { path: root.join(&relative) });
        }
        set_permissions(&root, &relative, found, found.mode, None)?;
        let transaction = Transaction::with_overwrite(Overwrite::KeepBackup, timestamp);
        let secrecy = if repair.mode & 0o044 == 0 { Secrecy::Secret } else { Secrecy::Public };
        transaction.stage(&root, &relative, contents.text.as_bytes(), secrecy)?;
        backups = transaction.commit(Vec::new())?.backups;
        let mut fresh = None;
        walk(&root.join(&relative), WalkLimits { file: 0, total: 0, ..LIMITS }, &mut |entry| {
            fresh = Some(entry.attributes);
        })
        .map_err(|source| DiskError::Io {
            operation: "examine",
            path: root.join(&relative),
            source,
        })?;
        found = fresh.unwrap_or(found);
    }
    if found.mode != repair.mode || repair.owner.is_some() {
        set_permissions(&repair.root, &repair.relative, found, repair.mode, repair.owner)?;
    }
    Ok(backups)
}

/// A directory and the name of the file in it, which may not be empty.
fn directory_and_name(repair: &Repair) -> (PathBuf, PathBuf) {
    if !repair.relative.as_os_str().is_empty() {
        return (repair.root.clone(), repair.relative.clone());
    }
    let parent = repair.root.parent().filter(|parent| !parent.as_os_str().is_empty());
    (parent.unwrap_or(Path::new(".")).to_owned(), repair.root.file_name().unwrap_or_default().into())
}

/// The bytes of the file.
fn bytes(root: &Path, relative: &Path) -> Result<zeroize::Zeroizing<Vec<u8>>, String> {
    let path = if relative.as_os_str().is_empty() { root.to_owned() } else { root.join(relative) };
    read_bounded(&path, LIMITS.file).map_err(|error| Printable(&error.to_string()).to_string())
}
