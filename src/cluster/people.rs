//! The users of kpki's own format.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;

use super::spec::User;
use super::yaml::{Scope, Text, quote};

/// RFC 5280 appendix A.1: `ub-common-name` and `ub-organization-name`.
const LONGEST_NAME: usize = 64;
/// File systems allow 255 bytes; endings are added to this.
const LONGEST_FILE_NAME: usize = 200;
/// One user as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Person {
    name: Text,
    groups: Option<Vec<Text>>,
}

/// The users of the list.
pub(super) fn users(list: Option<&[Person]>, scope: &mut Scope<'_>) -> Vec<User> {
    let mut known = HashMap::new();
    let mut users = Vec::new();
    for Person { name, groups } in list.into_iter().flatten() {
        const FIELD: &str = "spec.users.name";
        if let Err(reason) = user_name(&name.value) {
            scope.refuse(name, FIELD, format!("{} is no user's name: {reason}", quote(&name.value)));
        }
        if let Some(first) = known.insert(name.value.as_str(), name) {
            let line = scope.line(first);
            scope.refuse(name, FIELD, format!("{} is already a user at line {line}", quote(&name.value)));
        }
        let mut seen = HashSet::new();
        for group in groups.iter().flatten() {
            let wrong = match plain(&group.value) {
                Ok(()) if seen.insert(group.value.as_str()) => continue,
                Ok(()) => "it is there twice",
                Err(reason) => reason,
            };
            scope.refuse(group, "spec.users.groups", format!("{}: {wrong}", quote(&group.value)));
        }
        let groups = groups.iter().flatten().map(|group| group.value.clone()).collect();
        users.push(User { name: name.value.clone(), groups });
    }
    users
}

/// Whether a text can be a user's name; if not, why. It becomes a common name and a file's name.
fn user_name(name: &str) -> Result<(), &'static str> {
    plain(name)?;
    if name.starts_with("system:") {
        return Err("names beginning with `system:` belong to Kubernetes");
    }
    if name.contains(['/', '\\']) {
        return Err("it must not contain a slash, for a file is named after it");
    }
    if name.len() > LONGEST_FILE_NAME {
        return Err("it has more than 200 bytes, too many for a file's name");
    }
    if name.starts_with(['.', '-']) {
        return Err("it must not begin with a dot or a dash, for a file is named after it");
    }
    Ok(())
}

/// Whether a text can be an attribute of a certificate's subject; if not, why.
fn plain(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.chars().count() > LONGEST_NAME {
        return Err("it has more than 64 characters");
    }
    if text.chars().any(char::is_control) {
        return Err("it contains a control character");
    }
    if text.trim() != text {
        return Err("it begins or ends with white space");
    }
    Ok(())
}
