//! What M004 and M005 say alike: files of static tokens and passwords.

use super::m016_kubeconfig_readable::widest;
use super::references::{hidden, shown};
use super::remedy::{ASIDE, Cure};
use super::{Answers, Place, Severity};
use crate::audit::{File, Node, Reference, StaticCredentials, Target};

/// The most lines that are named.
const MOST_LINES: usize = 8;

/// `3 users, 1 of them in system:masters`.
fn counted(credentials: &StaticCredentials) -> String {
    let users = if credentials.users == 1 { "user" } else { "users" };
    format!("{} {users}, {} of them in system:masters", credentials.users, credentials.masters.len())
}

/// What a flag that names such a file says: with how many users, where that can be seen.
pub(super) fn named(node: &Node, reference: &Reference, answers: &mut Answers) -> String {
    let flag = format!("{} names {}", reference.written(), shown(&reference.path));
    let file = led_to(node, reference).and_then(|file| node.files.get(file));
    if file.is_none_or(|file| file.contents().is_none())
        && let Some(reason) = hidden(node, reference)
    {
        answers.skip(reference, reason);
        return flag;
    }
    let credentials = file.and_then(File::contents).and_then(|contents| contents.credentials.as_ref());
    match credentials {
        Some(credentials) => format!("{flag}: {}", counted(credentials)),
        None => format!("{flag}, which holds no list of users that can be read"),
    }
}

/// The file that is meant. Where the pod mounts nothing there (rule M001 tells that), the node's file of that path.
pub(super) fn led_to(node: &Node, reference: &Reference) -> Option<usize> {
    let target = match reference.on_node {
        Some(_) => reference.target,
        None => node.resolve(&reference.path),
    };
    match target {
        Target::File(file) => Some(file),
        _ => None,
    }
}

/// What is wrong with the file itself. No secret is shown, and none is known here.
pub(super) fn judge(node: &Node, file: usize, what: &str, answers: &mut Answers) {
    let Some(found) = node.files.get(file) else { return };
    let thing = format!("the {what}s in it");
    let wide =
        found.attributes.and_then(|attributes| widest(&attributes, Severity::High, Severity::High, &thing));
    if let Some((severity, may)) = wide {
        answers.fail(file, may).severity(severity).fix(Cure::default().narrow(0o600));
    }
    let Some(credentials) = found.contents().and_then(|contents| contents.credentials.as_ref()) else {
        return;
    };
    let mut lines = |lines: &[usize], message: &str| {
        let Some(first) = lines.first().and_then(|line| u64::try_from(*line).ok()) else { return };
        let shown: Vec<String> = lines.iter().take(MOST_LINES).map(ToString::to_string).collect();
        let more = if lines.len() > MOST_LINES { ", …" } else { "" };
        let word = if lines.len() == 1 { "line" } else { "lines" };
        answers
            .fail(Place::line(file, first), format!("{word} {}{more}: {message}", shown.join(", ")))
            .severity(Severity::Medium)
            .fix(format!("Give each of these users in FILE a {what} of his own, of 16 characters or more that nobody has chosen, and restart the API server."));
    };
    lines(&credentials.short, &format!("a {what} of less than 16 characters can be guessed"));
    lines(&credentials.repeated, &format!("the {what} of a line before"));
}

/// Says of each file of that form, with one of some names, that no flag names it. `what` is in it: `tokens`.
pub(super) fn judge_stray(
    node: &Node,
    names: &[&str],
    meant: Option<usize>,
    what: &str,
    answers: &mut Answers,
) {
    for (file, credentials) in stray(node, names, meant) {
        let counted = counted(credentials);
        answers
            .fail(file, format!("it looks like a file of static {what} that no flag names: {counted}"))
            .severity(Severity::Medium)
            .fix(Cure::words("Unless something else needs it, put it aside:").aside().say(ASIDE));
    }
}

/// The files of that form with one of some names that nobody names.
fn stray<'a>(
    node: &'a Node,
    names: &'a [&str],
    meant: Option<usize>,
) -> impl Iterator<Item = (usize, &'a StaticCredentials)> + use<'a> {
    node.files.iter().enumerate().filter_map(move |(index, file)| {
        let credentials = file.contents()?.credentials.as_ref()?;
        let name = file.name().to_ascii_lowercase().replace('-', "_");
        (names.contains(&name.as_str()) && !node.is_referenced(index) && meant != Some(index))
            .then_some((index, credentials))
    })
}
