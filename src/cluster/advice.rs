//! What somebody can do about what stands in the way: commands that can be pasted as they are.

use std::path::{Path, PathBuf};

use super::entries::{Entry, Files, Identity, Kind};
use super::existing::Verdict;
use super::plan::{AuthorityState, Look, slot};
use crate::layout::{Authority, key_beside};
use crate::x509::{Printable, SubjectAltName, shell_word};

/// A path safe to show.
pub(super) fn shown(path: &Path) -> String {
    Printable(&path.to_string_lossy()).to_string()
}

/// A word as a shell takes it.
fn word(text: &str) -> String {
    shell_word(Path::new(text))
}

/// What to do about a leaf or a kubeconfig that is there and wrong.
pub(super) fn about(
    entry: &Entry,
    entries: &[Entry],
    authorities: &[AuthorityState; 3],
    look: &Look<'_>,
    verdict: &Verdict,
) -> Vec<String> {
    let (identity, authority) = match &entry.kind {
        Kind::Leaf(identity, authority) => (identity, *authority),
        Kind::Kubeconfig { identity, .. } => (identity, Authority::Kubernetes),
        _ => return Vec::new(),
    };
    let file = look.root.join(entry.files.main());
    let Some(ca) = ca_file(entries, look.root, authority) else { return Vec::new() };
    if verdict.wrong.whole {
        let old = format!("{}.old", file.display());
        return vec![
            format!("mv {} {}", shell_word(&file), shell_word(Path::new(&old))),
            "then the same command again makes another in its place".to_owned(),
        ];
    }
    match &authorities[slot(authority)] {
        AuthorityState::Present(_) => {}
        AuthorityState::External(_) => {
            let request = "have it signed where the CA's key is: move it away, and kpki csr new -f FILE makes the request";
            return vec![request.to_owned()];
        }
        _ => return Vec::new(),
    }
    let mut words = issue(identity, look, &ca);
    match (&entry.kind, &verdict.named) {
        (Kind::Kubeconfig { .. }, Some(named)) if !verdict.wrong.server && !verdict.wrong.authority => {
            words.extend(["--out".to_owned(), shell_word(&named.certificate)]);
            // Both in one file that is there are found out; one that is not there is made in that form.
            let found = if named.key == named.certificate {
                std::fs::symlink_metadata(&named.certificate).is_ok()
            } else {
                named.key == key_beside(&named.certificate)
            };
            if !found {
                words.extend(["--key-out".to_owned(), shell_word(&named.key)]);
            }
        }
        (Kind::Kubeconfig { server, .. }, named) => {
            let trusted = look.server_authority.map_or(ca.as_path(), |(file, _)| file);
            if named.is_some() {
                return vec![by_kubectl(&verdict.cluster, server, trusted, &file)];
            }
            words.extend(["--kubeconfig".to_owned(), shell_word(&file)]);
            if verdict.wrong.server {
                words.extend(["--server".to_owned(), word(server)]);
            }
            if verdict.wrong.authority {
                words.extend(["--server-ca".to_owned(), shell_word(trusted)]);
            }
        }
        _ => {
            words.extend(["--out".to_owned(), shell_word(&file)]);
            if let Files::Pair { private, .. } = &entry.files
                && verdict.wrong.no_key
            {
                words.extend(["--key-out".to_owned(), shell_word(look.root.join(private))]);
            }
        }
    }
    words.push("--force".to_owned());
    vec![words.join(" ")]
}

/// `kpki issue` up to where it goes.
fn issue(identity: &Identity, look: &Look<'_>, ca: &Path) -> Vec<String> {
    let mut words = vec!["kpki issue".to_owned(), identity.profile.to_owned()];
    words.extend(identity.name.as_deref().map(word));
    for group in &identity.groups {
        words.extend(["--group".to_owned(), word(&group.replace(',', "\\,"))]);
    }
    if !identity.names.is_empty() {
        let names: Vec<String> = identity.names.iter().map(san).collect();
        words.extend(["--san".to_owned(), word(&names.join(",")), "--only-sans".to_owned()]);
    }
    if identity.releases.len() > 1 {
        words.extend(["--kubernetes-version".to_owned(), word(&look.version)]);
    }
    if identity.insists.algorithm {
        words.extend(["--algorithm".to_owned(), identity.algorithm.to_string()]);
    }
    if identity.insists.lifetime {
        words.extend(["--validity".to_owned(), identity.lifetime.to_string()]);
    }
    words.extend(["--ca".to_owned(), shell_word(ca)]);
    words
}

fn san(name: &SubjectAltName) -> String {
    match name {
        SubjectAltName::Dns(name) => name.clone(),
        SubjectAltName::Ip(address) => address.to_string(),
        other => other.to_string(),
    }
}

/// A kubeconfig that names files keeps them; what is wrong is set beside them.
fn by_kubectl(cluster: &str, server: &str, ca: &Path, file: &Path) -> String {
    format!(
        "kubectl config set-cluster {} --server={} --certificate-authority={} --embed-certs=true --kubeconfig {}",
        word(cluster),
        word(server),
        shell_word(ca),
        shell_word(file)
    )
}

/// Where the certificate of an authority lies.
fn ca_file(entries: &[Entry], root: &Path, authority: Authority) -> Option<PathBuf> {
    let own = |entry: &&Entry| matches!(&entry.kind, Kind::Authority { authority: known, .. } if *known == authority);
    entries.iter().find(own).map(|entry| root.join(entry.files.main()))
}

/// What to do about a CA that has ended.
pub(super) fn ended_authority(certificate: &Path, key: &Path, key_is_here: bool) -> Vec<String> {
    if !key_is_here {
        return vec!["bring the certificate that its owner has renewed".to_owned()];
    }
    let (file, key) = (shell_word(certificate), shell_word(key));
    vec![
        format!(
            "openssl x509 -in {file} -signkey {key} -days 3650 -set_serial 0x$(openssl rand -hex 16) -out {file}.renewed"
        ),
        format!(
            "the same key under the same name keeps all good that it has signed: put {file}.renewed in the place of {file}, here \
             and wherever the CA is trusted"
        ),
    ]
}

/// What to do about a CA that is another than was asked for.
pub(super) fn other_authority(key: &Path, differences: &[String]) -> Vec<String> {
    let mut advice = Vec::new();
    if differences.iter().any(|difference| difference.contains("in plain text")) {
        let key = shell_word(key);
        advice.push(format!(
            "openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 600000 -in {key} -out {key}.encrypted && mv {key}.encrypted {key}"
        ));
    }
    if differences.iter().any(|difference| !difference.contains("in plain text")) {
        advice.push(
            "leave out what was asked for to keep it; or make another CA in another directory, for what this one has signed \
             is good under it alone"
                .to_owned(),
        );
    }
    advice
}
