//! All profiles by name.

use std::sync::OnceLock;

use super::{Profile, ProfileError, validate};
use crate::x509::Printable;

/// The profiles that come with kpki, in the order in which they are shown.
macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        const BUILT_IN: &[(&str, &str, &str)] = &[$((
            $name,
            concat!("templates/profiles/", $name, ".yaml"),
            include_str!(concat!("../../templates/profiles/", $name, ".yaml")),
        )),+];
    };
}

built_in![
    "kubernetes-ca",
    "etcd-ca",
    "front-proxy-ca",
    "intermediate-ca",
    "apiserver",
    "apiserver-kubelet-client",
    "apiserver-etcd-client",
    "front-proxy-client",
    "etcd-server",
    "etcd-peer",
    "etcd-client",
    "kubelet-client",
    "kubelet-serving",
    "controller-manager",
    "scheduler",
    "controller-manager-serving",
    "scheduler-serving",
    "admin",
    "super-admin",
    "user",
    "server",
];

/// All profiles by name, in a fixed order: the built-in ones first, then a user's own by name.
///
/// A built-in profile is read when it is first asked for.
#[derive(Debug)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    file: String,
    text: &'static str,
    profile: OnceLock<Profile>,
}

impl Entry {
    fn profile(&self) -> Result<&Profile, ProfileError> {
        if let Some(profile) = self.profile.get() {
            return Ok(profile);
        }
        let profile = validate::profile(&self.file, self.text.as_bytes())?;
        Ok(self.profile.get_or_init(|| profile))
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::built_in()
    }
}

impl Catalogue {
    /// The profiles that come with kpki.
    pub fn built_in() -> Self {
        let entries = BUILT_IN.iter().map(|&(name, file, text)| Entry {
            name: name.to_owned(),
            file: file.to_owned(),
            text,
            profile: OnceLock::new(),
        });
        Self { entries: entries.collect() }
    }

    /// The built-in profiles, overridden and joined by a user's: the name that a file is shown by, and
    /// its content. Every file is read and checked at once.
    ///
    /// # Errors
    /// [`ProfileError::File`] and [`ProfileError::Field`] with file, line and column;
    /// [`ProfileError::Duplicate`] when two files define the same profile.
    pub fn with_overrides(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, ProfileError> {
        let mut own: Vec<Entry> = Vec::new();
        for (file, bytes) in files {
            let profile = validate::profile(&file, &bytes)?;
            if let Some(first) = own.iter().find(|entry| entry.name == profile.name) {
                let (name, first) = (profile.name, first.file.clone());
                return Err(ProfileError::Duplicate { name, first, second: file });
            }
            own.push(Entry { name: profile.name.clone(), file, text: "", profile: profile.into() });
        }
        own.sort_by(|a, b| a.name.cmp(&b.name));
        let mut catalogue = Self::built_in();
        for entry in own {
            match catalogue.entries.iter_mut().find(|known| known.name == entry.name) {
                Some(known) => *known = entry,
                None => catalogue.entries.push(entry),
            }
        }
        Ok(catalogue)
    }

    /// The names of all profiles, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// All profiles, in order.
    ///
    /// # Errors
    /// None in practice: a user's files were checked before, and the built-in ones by the tests.
    pub fn profiles(&self) -> impl Iterator<Item = Result<&Profile, ProfileError>> {
        self.entries.iter().map(Entry::profile)
    }

    /// The file that a profile comes from, as it was named; of a built-in one, its path in the source tree.
    pub fn file(&self, name: &str) -> Option<&str> {
        self.entries.iter().find(|entry| entry.name == name).map(|entry| entry.file.as_str())
    }

    /// The profile of this name.
    ///
    /// # Errors
    /// [`ProfileError::Unknown`], with the names that come close.
    pub fn find(&self, name: &str) -> Result<&Profile, ProfileError> {
        match self.entries.iter().find(|entry| entry.name == name) {
            Some(entry) => entry.profile(),
            None => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &str) -> ProfileError {
        let short: String = name.chars().take(64).collect();
        let lower = short.to_lowercase();
        let mut close: Vec<(usize, &str)> = self
            .names()
            .filter_map(|known| {
                let contained = lower.len() >= 3 && (known.contains(&lower) || lower.contains(known));
                let distance = distance(&lower, known);
                (contained || distance <= known.len() / 3).then_some((distance, known))
            })
            .collect();
        close.sort_by_key(|(distance, _)| *distance);
        ProfileError::Unknown {
            name: Printable(&short).to_string(),
            similar: close.into_iter().take(4).map(|(_, known)| known.to_owned()).collect(),
        }
    }
}

/// The number of single-character edits between two short texts (Levenshtein's distance).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(b.chars()) {
            let cost = (diagonal + usize::from(from != to)).min(*cell + 1).min(left + 1);
            diagonal = std::mem::replace(cell, cost);
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_profiles_are_valid_and_say_where_they_come_from() {
        let catalogue = Catalogue::built_in();
        for (name, profile) in catalogue.names().zip(catalogue.profiles()) {
            let profile = profile.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(profile.name(), name);
            assert!(profile.source().starts_with("Source: "), "{name}");
            assert!(profile.description().ends_with('.'), "{name}");
        }
        assert_eq!(catalogue.names().count(), 21);
    }
}
