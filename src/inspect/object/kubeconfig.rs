//! Kubeconfigs: every cluster and every user, with what is embedded in them and what they refer to.

use std::collections::HashSet;

use serde::Serialize;

use super::field::{Wanted, in_base64};
use super::node::{Kind, Node};
use super::search::search;
use super::shown;
use super::unusable::{self, Unusable};
use crate::inspect::reading::Reading;
use crate::inspect::{Content, Item};

/// A kubeconfig. What is embedded in it are its items; nothing of a token or a password is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kubeconfig {
    /// The context that is used unless another is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_context: Option<String>,
    /// The line of that, from 1; 0 where it is not known. Lines stand in no output of their own.
    #[serde(skip)]
    pub current_context_line: usize,
    /// Its contexts.
    pub contexts: Vec<Context>,
    /// Its clusters.
    pub clusters: Vec<KubeCluster>,
    /// Its users.
    pub users: Vec<KubeUser>,
    /// What keeps clients from using it.
    #[serde(skip)]
    pub unusable: Vec<Unusable>,
}

/// A user at a cluster. All names are safe to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Context {
    /// Its name.
    pub name: String,
    /// The cluster's name.
    pub cluster: String,
    /// The user's name.
    pub user: String,
    /// The namespace that is used unless another is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The line on which it begins, from 1; 0 where it is not known.
    #[serde(skip)]
    pub line: usize,
}

/// An API server and whom it is trusted by. All texts are safe to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeCluster {
    /// Its name.
    pub name: String,
    /// The server's URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The name that its certificate is checked for, where that is not the URL's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_server_name: Option<String>,
    /// Whether its certificate is not checked at all.
    pub insecure: bool,
    /// The certificates of the CAs that are trusted.
    pub authority: Reference,
    /// The line on which it begins, from 1; 0 where it is not known.
    #[serde(skip)]
    pub line: usize,
    /// The line of its server, in the same way.
    #[serde(skip)]
    pub server_line: usize,
}

/// How a user is known to the server. All texts are safe to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeUser {
    /// Its name within the file.
    pub name: String,
    /// The client certificate.
    pub certificate: Reference,
    /// Its private key.
    pub key: Reference,
    /// Other ways, by their fields: `token`, `tokenFile`, `exec`, `auth-provider`, `username`.
    pub others: Vec<&'static str>,
    /// The command that hands out a credential.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The line on which it begins, from 1; 0 where it is not known.
    #[serde(skip)]
    pub line: usize,
}

/// Where something is that a kubeconfig needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// Whether it is embedded; then a file of it is not read.
    pub embedded: bool,
    /// The file, safe to show, relative to the kubeconfig's directory unless it is absolute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of it, from 1; 0 where it is not known.
    #[serde(skip)]
    pub line: usize,
    /// The line of the field for what is embedded, where that is there and empty; 0 otherwise.
    #[serde(skip)]
    pub empty: usize,
}

/// Whether an object is a kubeconfig: it says so, or one of its lists has what such a list has.
pub(super) fn is_one(node: &Node) -> bool {
    if node.field("metadata").is_some() {
        return false;
    }
    let is_list = |(list, inner): &(&str, &str)| {
        let members = node.field(list).map(Node::list).unwrap_or_default();
        members.iter().any(|member| member.field(inner).is_some())
    };
    let lists = [("clusters", "cluster"), ("users", "user"), ("contexts", "context")];
    let says_so = node.text("kind") == Some("Config")
        && lists.iter().any(|(list, _)| node.field(list).is_some_and(|list| list.kind() != Kind::Fields));
    says_so || lists.iter().any(is_list)
}

pub(super) fn item(node: &Node, within: &str, reading: Reading<'_>) -> Item {
    let mut items = Vec::new();
    // What was read as what it is meant for; the rest is searched.
    let mut done: Vec<&Node> = Vec::new();
    let mut kubeconfig = Kubeconfig {
        current_context: node.text("current-context").filter(|name| !name.is_empty()).map(shown),
        current_context_line: line(node.field("current-context")),
        unusable: unusable::find(node),
        ..Kubeconfig::default()
    };
    for (at, name, context) in named(node, "contexts", "context") {
        let text = |field| context.and_then(|context| context.text(field)).map(shown);
        kubeconfig.contexts.push(Context {
            name,
            cluster: text("cluster").unwrap_or_default(),
            user: text("user").unwrap_or_default(),
            namespace: text("namespace"),
            line: at,
        });
    }
    for (at, name, cluster) in named(node, "clusters", "cluster") {
        let text = |field| cluster.and_then(|cluster| cluster.text(field)).map(shown);
        let path = format!("{within}clusters[{name}].");
        let mut embedded = Embedded { path: &path, reading, items: &mut items, done: &mut done };
        kubeconfig.clusters.push(KubeCluster {
            server: text("server").map(|url| without_user(&url)),
            tls_server_name: text("tls-server-name"),
            insecure: cluster
                .and_then(|cluster| cluster.field("insecure-skip-tls-verify"))
                .is_some_and(Node::is_true),
            authority: embedded.reference(cluster, "certificate-authority", Wanted::Certificates),
            name,
            line: at,
            server_line: line(cluster.and_then(|cluster| cluster.field("server"))),
        });
    }
    for (at, name, user) in named(node, "users", "user") {
        let path = format!("{within}users[{name}].");
        let mut embedded = Embedded { path: &path, reading, items: &mut items, done: &mut done };
        let has = |field: &&'static str| user.is_some_and(|user| user.field(field).is_some());
        kubeconfig.users.push(KubeUser {
            certificate: embedded.reference(user, "client-certificate", Wanted::Certificates),
            key: embedded.reference(user, "client-key", Wanted::Key),
            others: ["token", "tokenFile", "exec", "auth-provider", "username"]
                .into_iter()
                .filter(has)
                .collect(),
            command: user.and_then(|user| user.at(&["exec", "command"])).and_then(Node::as_text).map(shown),
            name,
            line: at,
        });
    }
    search(node, within.trim_end_matches('.'), reading, &done, &mut items);
    let mut faults: Vec<String> =
        kubeconfig.unusable.iter().take(MOST_FAULTS).map(|unusable| unusable.what.clone()).collect();
    faults.extend(dangling(&kubeconfig));
    let mut item = Item::new(Content::Kubeconfig(Box::new(kubeconfig)));
    item.faults = faults;
    item.items = items;
    item
}

/// What is embedded in a cluster or a user.
struct Embedded<'a, 'n> {
    /// The path of its fields.
    path: &'a str,
    reading: Reading<'a>,
    items: &'a mut Vec<Item>,
    done: &'a mut Vec<&'n Node>,
}

impl<'n> Embedded<'_, 'n> {
    /// A file, or the field with `-data` behind its name, whose contents become items.
    fn reference(&mut self, node: Option<&'n Node>, field: &str, wanted: Wanted) -> Reference {
        let Some(node) = node else { return Reference::default() };
        let file = node.text(field).filter(|file| !file.is_empty()).map(shown);
        let data = format!("{field}-data");
        let value = node.field(&data);
        self.done.extend(value);
        let is_empty =
            |value: &&Node| value.kind() == Kind::Null || value.as_text().is_some_and(str::is_empty);
        let Some(value) = value.filter(|value| !is_empty(value)) else {
            let empty = value.map_or(0, Node::line);
            return Reference { embedded: false, file, line: line(node.field(field)), empty };
        };
        self.items.extend(in_base64(&format!("{}{data}", self.path), value, wanted, self.reading));
        Reference { embedded: true, file, line: value.line(), empty: 0 }
    }
}

/// A URL without the name and the password that may stand before its host (RFC 3986 section 3.2.1).
pub(crate) fn without_user(url: &str) -> String {
    let (scheme, rest) = url.split_at(url.find("://").map_or(0, |at| at + 3));
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}{host}{path}")
}

/// The line of a field; 0 where it is not there.
fn line(node: Option<&Node>) -> usize {
    node.map_or(0, Node::line)
}

/// The members of a list of the kubeconfig, each with its line and its name.
fn named<'a>(
    node: &'a Node,
    list: &str,
    inner: &'static str,
) -> impl Iterator<Item = (usize, String, Option<&'a Node>)> + use<'a> {
    let members = node.field(list).map(Node::list).unwrap_or_default();
    members.iter().map(move |member| {
        (member.line(), member.text("name").map(shown).unwrap_or_default(), member.field(inner))
    })
}

/// The most names that are told to lead nowhere: more say nothing more.
const MOST_FAULTS: usize = 100;

/// What refers to something that is not there.
fn dangling(kubeconfig: &Kubeconfig) -> Vec<String> {
    // A hostile file has a hundred thousand of each.
    let contexts: HashSet<&str> = kubeconfig.contexts.iter().map(|context| context.name.as_str()).collect();
    let clusters: HashSet<&str> = kubeconfig.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    let users: HashSet<&str> = kubeconfig.users.iter().map(|user| user.name.as_str()).collect();
    let mut faults = Vec::new();
    if let Some(current) = &kubeconfig.current_context
        && !contexts.contains(current.as_str())
    {
        faults.push(format!("current-context is `{current}`, and there is no such context"));
    }
    let mut more = 0;
    for context in &kubeconfig.contexts {
        let no_cluster = !clusters.contains(context.cluster.as_str());
        let no_user = !context.user.is_empty() && !users.contains(context.user.as_str());
        if faults.len() >= MOST_FAULTS {
            more += usize::from(no_cluster || no_user);
            continue;
        }
        if no_cluster {
            faults.push(format!(
                "the context `{}` is for cluster `{}`, which is not there",
                context.name, context.cluster
            ));
        }
        if no_user {
            faults.push(format!(
                "the context `{}` is for user `{}`, which is not there",
                context.name, context.user
            ));
        }
    }
    if more > 0 {
        faults.push(format!("{more} more contexts are for a cluster or a user that is not there"));
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_is_kept_of_a_url() {
        for (url, kept) in [
            ("https://10.0.0.1:6443", "https://10.0.0.1:6443"),
            ("https://user:secret@10.0.0.1:6443/a@b", "https://10.0.0.1:6443/a@b"),
            ("http://user:sec@ret@host", "http://host"),
            ("user:secret@host:1", "host:1"),
            ("https://host?a=b@c", "https://host?a=b@c"),
            ("", ""),
        ] {
            assert_eq!(without_user(url), kept, "{url}");
        }
    }

    #[test]
    fn names_that_lead_nowhere_are_told_up_to_a_bound() {
        let context = |number: usize| Context {
            name: format!("c{number}"),
            cluster: "nowhere".into(),
            user: String::new(),
            namespace: None,
            line: 0,
        };
        let with = |count: usize| Kubeconfig {
            contexts: (0..count).map(context).collect(),
            ..Kubeconfig::default()
        };
        assert_eq!(dangling(&with(2))[1], "the context `c1` is for cluster `nowhere`, which is not there");
        let many = dangling(&with(100_000));
        assert_eq!(many.len(), MOST_FAULTS + 1);
        assert_eq!(many[MOST_FAULTS], "99900 more contexts are for a cluster or a user that is not there");
    }
}
