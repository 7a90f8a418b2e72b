//! The walls of the house, kept by a test: which module may import which, and through which module each foreign
//! crate comes in. The two tables below are the law; the rest reads `src/` and compares.
//!
//! Code under `#[cfg(test)]` is left out: a test may build its fixtures with whatever is there.

#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The floors, lowest first. A module imports only from floors below its own.
const FLOORS: &[&[&str]] = &[
    &["pem", "clock", "disk", "yaml"],
    &["x509"],
    &["key", "profile"],
    &["request", "chain", "kubeconfig", "layout", "ledger", "manifest"],
    &["inspect", "remedy"],
    &["ca", "audit", "tls"],
    &["adoption", "issue", "rehearse", "repair"],
    &["cluster", "renew"],
    &["cli"],
];

/// Imports that the floors would admit and that are forbidden all the same, with the reason.
const NEVER: &[(&str, &str, &str)] = &[
    ("ca", "kubeconfig", "a CA signs; it does not know who uses the certificate"),
    ("ca", "layout", "a CA knows no cluster's paths"),
    ("ca", "audit", "what is judged elsewhere cannot be bent by the signer"),
    ("audit", "ca", "an auditor cannot sign"),
    ("rehearse", "ca", "it judges what is there; what it makes for that is forgotten with the process"),
    ("rehearse", "audit", "two jobs, neither the other's part"),
    ("cluster", "renew", "two jobs, neither the other's part"),
    ("renew", "cluster", "two jobs, neither the other's part"),
];

/// The doors: a foreign crate and the modules that may name it.
const DOORS: &[(&str, &[&str])] = &[
    ("pem", &["pem"]),
    ("x509_parser", &["x509", "request"]),
    ("rcgen", &["x509", "ca", "request"]),
    ("ring", &["key", "x509", "ca"]),
    ("rsa", &["key", "x509"]),
    ("pkcs8", &["key"]),
    ("sec1", &["key"]),
    ("p256", &["key", "x509"]),
    ("p384", &["key", "x509"]),
    ("ml_dsa", &["x509"]),
    ("p521", &["key", "x509"]),
    ("num_bigint", &["audit"]),
    ("sha2", &["x509"]),
    ("rustls", &["tls"]),
    ("webpki", &["chain"]),
    ("serde_saphyr", &["yaml"]),
    ("rustix", &["disk", "cli"]),
    ("nix", &["cli"]),
    ("tar", &["audit"]),
    ("quick_junit", &["cli"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("comfy_table", &["cli"]),
    ("indicatif", &["cli"]),
    ("minijinja", &["cli"]),
    ("anstream", &["cli"]),
    ("anstyle", &["cli"]),
    ("rpassword", &["cli"]),
];

/// The files at the root of `src/`: the library's list of modules, and `main`, which belongs to `cli`.
const LIBRARY: &str = "lib";
const MAIN: &str = "main";

#[test]
fn modules_import_from_lower_floors_only() {
    let breaches: Vec<String> = sources().iter().flat_map(floor_breaches).collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn foreign_crates_come_in_by_their_door() {
    let breaches: Vec<String> = sources().iter().flat_map(door_breaches).collect();
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn every_module_has_its_floor() {
    let known: BTreeSet<&str> = FLOORS.iter().flat_map(|floor| floor.iter().copied()).collect();
    let unknown: BTreeSet<String> = sources()
        .into_iter()
        .map(|source| source.module)
        .filter(|module| module != LIBRARY && !known.contains(module.as_str()))
        .collect();
    assert!(unknown.is_empty(), "no floor in the table: {unknown:?}");
}

#[test]
fn the_tables_agree_with_themselves() {
    let all: Vec<&str> = FLOORS.iter().flat_map(|floor| floor.iter().copied()).collect();
    let distinct: BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(all.len(), distinct.len(), "a module on two floors");
    let named = NEVER.iter().flat_map(|(from, to, _)| [*from, *to]);
    for module in named.chain(DOORS.iter().flat_map(|(_, doors)| doors.iter().copied())) {
        assert!(distinct.contains(module), "{module} is on no floor");
    }
}

#[test]
fn breaches_are_seen() {
    // (module, source, what must be found)
    let cases: &[(&str, &str, &[&str])] = &[
        ("x509", "use crate::pem::Block;", &[]),
        ("pem", "use crate::x509::Name;", &["pem imports x509"]),
        ("key", "fn f() { crate::profile::load() }", &["key imports profile"]),
        ("issue", "use crate::{ca::{Draft, Ledger}, audit, cluster::Plan};", &["issue imports cluster"]),
        ("ca", "use crate::{layout, x509};", &["ca imports layout"]),
        ("audit", "use crate::ca::Draft as D;", &["audit imports ca"]),
        ("renew", "use super::cluster::Plan;", &["renew imports cluster"]),
        ("ca", "mod inner { use super::super::issue::Issuance; }", &["ca imports issue"]),
        ("ca", "mod inner { use super::key::X; }", &[]),
        (
            "ca",
            "/* use crate::cli; */ // use crate::cli;\n/// crate::cli\nconst S: &str = \"crate::cli\";",
            &[],
        ),
        (
            "ca",
            "const S: &str = r#\"\" crate::cli \"#; fn f<'a>(c: char) -> bool { c == '\"' || c == '\\'' }",
            &[],
        ),
        (
            "ca",
            "#[cfg(test)]\nmod tests { use crate::cli; }\nuse crate::nowhere::X;",
            &["ca imports nowhere"],
        ),
        ("ca", "#[cfg(test)] use crate::cli; fn f() {}", &[]),
        ("ca", "use crate::ca::ledger;", &[]),
        ("cli", "use kpki::{ca, cluster}; use crate::cli::output;", &[]),
        ("audit", "use kpki::ca;", &["audit imports ca"]),
        ("ca", "use rsa::rand; fn f() { x509_parser::parse() }", &["ca names rsa", "ca names x509_parser"]),
        ("key", "use ::rsa::RsaPrivateKey; mod rsa; fn f() { rsa::generate() }", &[]),
        ("x509", "use crate::pem; fn f() { pem::parse(); }", &[]),
        ("x509", "use ::pem::parse; use pem::Pem;", &["x509 names pem", "x509 names pem"]),
        ("cli", "use rsa as other; extern crate rcgen;", &["cli names rsa", "cli names rcgen"]),
    ];
    for (module, text, expected) in cases {
        let source = Source {
            module: (*module).to_owned(),
            depth: 1,
            path: PathBuf::from("case.rs"),
            tokens: without_tests(&lex(text)),
        };
        let found: Vec<String> = floor_breaches(&source)
            .into_iter()
            .chain(door_breaches(&source))
            .map(|breach| breach.split_whitespace().skip(1).take(3).collect::<Vec<_>>().join(" "))
            .map(|breach| breach.trim_end_matches([':', ',']).to_owned())
            .collect();
        assert_eq!(&found, expected, "{module}: {text}");
    }
}

/// One file of `src/`.
struct Source {
    /// The top-level module that it belongs to.
    module: String,
    /// How many modules deep the file is: 1 for `src/key.rs` and `src/key/mod.rs`, 2 for `src/key/read.rs`.
    depth: usize,
    path: PathBuf,
    /// Its code, tests left out.
    tokens: Vec<Token>,
}

#[derive(Clone, Debug, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut pending = vec![root.clone()];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(&directory).expect("src is readable").flatten() {
            let path = entry.path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !is_test_file(&root, &path)
            {
                found.push(source(&root, &path));
            }
        }
    }
    assert!(found.len() > 5, "found hardly any source under {}", root.display());
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

/// Tests in files of their own: `tests.rs` or what lies in `tests/`, which the parent declares under `#[cfg(test)]`.
fn is_test_file(root: &Path, path: &Path) -> bool {
    let module = path.strip_prefix(root).expect("under src").with_extension("");
    module.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "testing")
}

fn source(root: &Path, path: &Path) -> Source {
    let relative = path.strip_prefix(root).expect("under src").with_extension("");
    let mut parts: Vec<String> =
        relative.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    let module = if parts[0] == MAIN { "cli".to_owned() } else { parts[0].clone() };
    let text = std::fs::read_to_string(path).expect("source is UTF-8");
    // `main.rs` is the root of the binary: a depth of 0, for its `crate` is itself.
    let depth = if parts[0] == MAIN || parts[0] == LIBRARY { 0 } else { parts.len() };
    Source { module, depth, path: path.to_path_buf(), tokens: without_tests(&lex(&text)) }
}

fn floor_of(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

fn floor_breaches(source: &Source) -> Vec<String> {
    if source.module == LIBRARY {
        return Vec::new();
    }
    let own = floor_of(&source.module);
    let mut breaches = Vec::new();
    for import in imports(source) {
        if import.text == source.module {
            continue;
        }
        let reason = match (own, floor_of(&import.text)) {
            (Some(own), Some(other)) if other < own => NEVER
                .iter()
                .find(|(from, to, _)| *from == source.module && *to == import.text)
                .map(|(_, _, reason)| (*reason).to_owned()),
            (Some(own), Some(other)) => {
                let forbidden = NEVER.iter().find(|(f, t, _)| *f == source.module && *t == import.text);
                let why = forbidden.map_or(String::new(), |(_, _, reason)| format!("; {reason}"));
                Some(format!("floor {own} may not see floor {other}{why}"))
            }
            _ => Some("one of them is on no floor".to_owned()),
        };
        if let Some(reason) = reason {
            breaches.push(format!(
                "{}:{}: {} imports {}: {reason}",
                source.path.display(),
                import.line,
                source.module,
                import.text
            ));
        }
    }
    breaches
}

/// Every top-level module of the library that the file names: by `crate::X`, `crate::{X, …}`, `kpki::X` (the binary's
/// way) or a `super::` chain that ends at the crate's root.
fn imports(source: &Source) -> Vec<Token> {
    let tokens = &source.tokens;
    let is_path_start = |at: usize| at == 0 || tokens[at - 1].text != "::";
    let mut found = Vec::new();
    let mut modules = InlineModules::default();
    for at in 0..tokens.len() {
        modules.pass(tokens, at);
        let root = match tokens[at].text.as_str() {
            "crate" if source.module == "cli" => None, // the binary's own modules, all of them `cli`
            "crate" | "kpki" if is_path_start(at) => Some(at + 1),
            "super" if is_path_start(at) => {
                let mut next = at + 1;
                let mut climbed = 1;
                while text_at(tokens, next) == "::" && text_at(tokens, next + 1) == "super" {
                    climbed += 1;
                    next += 2;
                }
                (climbed == source.depth + modules.depth()).then_some(next)
            }
            _ => None,
        };
        if let Some(next) = root.filter(|next| text_at(tokens, *next) == "::") {
            heads(tokens, next + 1, &mut found);
        }
    }
    found
}

/// The first segments of the path or group of paths that begins at `at`.
fn heads(tokens: &[Token], at: usize, found: &mut Vec<Token>) {
    if text_at(tokens, at) != "{" {
        // A glob or a macro's `$name` has no first segment to judge; a glob of the root is one nobody may write.
        found.extend(tokens.get(at).cloned());
        return;
    }
    let mut depth = 0;
    let mut expects_head = false;
    for token in &tokens[at..] {
        match token.text.as_str() {
            "{" => {
                depth += 1;
                expects_head = depth == 1;
            }
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return;
                }
            }
            "," => expects_head = depth == 1,
            _ if expects_head => {
                found.push(token.clone());
                expects_head = false;
            }
            _ => {}
        }
    }
}

fn door_breaches(source: &Source) -> Vec<String> {
    let tokens = &source.tokens;
    let doors: BTreeMap<&str, &[&str]> = DOORS.iter().copied().collect();
    let mut breaches = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Some(allowed) = doors.get(token.text.as_str()) else { continue };
        if allowed.contains(&source.module.as_str()) || !names_a_crate(tokens, at) {
            continue;
        }
        breaches.push(format!(
            "{}:{}: {} names {}, whose door is {}",
            source.path.display(),
            token.line,
            source.module,
            token.text,
            allowed.join(", ")
        ));
    }
    breaches
}

/// Whether the identifier at `at` is a foreign crate, and not a module or a field of the same name.
fn names_a_crate(tokens: &[Token], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).map_or("", |index| tokens[index].text.as_str());
    let declared = matches!(before(1), "use" | "crate");
    if before(1) == "::" {
        // `::name` at the start of a path; `a::name` is somebody's module.
        return !is_identifier(before(2)) && before(2) != ">";
    }
    // A module of the house has the same name as this crate (`pem`): in a body the module is meant.
    let ambiguous = floor_of(&tokens[at].text).is_some();
    let follows = text_at(tokens, at + 1);
    if declared && before(1) == "use" {
        return matches!(follows, "::" | ";" | "as");
    }
    if declared {
        return before(2) == "extern";
    }
    !ambiguous && follows == "::" && before(1) != "."
}

fn is_identifier(text: &str) -> bool {
    text.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_') && text != "use"
}

fn text_at(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| token.text.as_str())
}

/// Keeps count of the `mod name { … }` around the token at hand.
#[derive(Default)]
struct InlineModules {
    braces: usize,
    opened_at: Vec<usize>,
}

impl InlineModules {
    fn pass(&mut self, tokens: &[Token], at: usize) {
        match tokens[at].text.as_str() {
            "{" => {
                self.braces += 1;
                if at >= 2 && tokens[at - 2].text == "mod" {
                    self.opened_at.push(self.braces);
                }
            }
            "}" => {
                if self.opened_at.last() == Some(&self.braces) {
                    self.opened_at.pop();
                }
                self.braces = self.braces.saturating_sub(1);
            }
            _ => {}
        }
    }

    fn depth(&self) -> usize {
        self.opened_at.len()
    }
}

/// Leaves out every item under `#[cfg(test)]`: up to its semicolon, or its block's end.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if (0..MARK.len()).all(|offset| text_at(tokens, at + offset) == MARK[offset]) {
            at = end_of_item(tokens, at + MARK.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

fn end_of_item(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0_usize;
    let mut is_use = false;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token.text.as_str() {
            "use" if depth == 0 => is_use = true,
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth = depth.saturating_sub(1);
                if depth == 0 && token.text == "}" && !is_use {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// Rust's tokens as far as paths need them: identifiers, `::` and single signs; comments, strings, characters and
/// numbers are left out.
fn lex(text: &str) -> Vec<Token> {
    let signs: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut at = 0;
    while at < signs.len() {
        let sign = signs[at];
        let next = signs.get(at + 1).copied().unwrap_or(' ');
        let start = at;
        match sign {
            '/' if next == '/' => at = position(&signs, at, |c| c == '\n'),
            '/' if next == '*' => at = end_of_block_comment(&signs, at),
            '"' => at = end_of_string(&signs, at),
            'r' | 'b' | 'c' if raw_string(&signs, at).is_some() => at = raw_string(&signs, at).unwrap_or(at),
            '\'' => at = end_of_quote(&signs, at),
            ':' if next == ':' => {
                tokens.push(Token { text: "::".to_owned(), line });
                at += 2;
            }
            _ if sign.is_alphanumeric() || sign == '_' => {
                at = position(&signs, at, |c| !(c.is_alphanumeric() || c == '_'));
                let word: String = signs[start..at].iter().collect();
                if !sign.is_ascii_digit() {
                    tokens.push(Token { text: word, line });
                }
            }
            _ if sign.is_whitespace() => at += 1,
            _ => {
                tokens.push(Token { text: sign.to_string(), line });
                at += 1;
            }
        }
        line += signs[start..at.min(signs.len())].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

fn position(signs: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    signs[from..].iter().position(|c| wanted(*c)).map_or(signs.len(), |offset| from + offset)
}

fn end_of_block_comment(signs: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at < signs.len() {
        match (signs[at], signs.get(at + 1)) {
            ('/', Some('*')) => {
                depth += 1;
                at += 2;
            }
            ('*', Some('/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    at
}

fn end_of_string(signs: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < signs.len() && signs[at] != '"' {
        at += if signs[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The end of a raw string (`r"…"`, `br#"…"#`) that begins at `start`, if one does.
fn raw_string(signs: &[char], start: usize) -> Option<usize> {
    if start > 0 && (signs[start - 1].is_alphanumeric() || signs[start - 1] == '_') {
        return None;
    }
    let mut at = start;
    while matches!(signs.get(at), Some('b' | 'c')) {
        at += 1;
    }
    if signs.get(at) != Some(&'r') {
        return None;
    }
    let hashes = signs[at + 1..].iter().take_while(|c| **c == '#').count();
    at += 1 + hashes;
    if signs.get(at) != Some(&'"') {
        return None;
    }
    let closes = |from: usize| signs[from + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
    let end = (at + 1..signs.len()).find(|index| signs[*index] == '"' && closes(*index))?;
    Some(end + 1 + hashes)
}

/// A character literal's end, or the sign after the quote of a lifetime.
fn end_of_quote(signs: &[char], start: usize) -> usize {
    if signs.get(start + 1) == Some(&'\\') {
        return position(signs, start + 3, |c| c == '\'') + 1;
    }
    if signs.get(start + 2) == Some(&'\'') { start + 3 } else { start + 1 }
}
