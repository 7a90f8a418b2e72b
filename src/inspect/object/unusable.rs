//! What keeps clients from using a kubeconfig, beside what is embedded in it.
//!
//! Each was tried with kubectl 1.32 (client-go, `tools/clientcmd`), whose words are other ones. What it refuses at once is
//! refused for the whole file or for what is used of it; neither has a client that takes it all the same.

use std::collections::HashMap;

use super::node::{Kind, Node};
use super::{kubeconfig, shown};
use crate::kubeconfig::{ServerFault, check_server, corrected_server};

/// Something that keeps clients from using a kubeconfig, or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable {
    /// Its line, from 1; 0 where it is not known.
    pub line: usize,
    /// Whom it concerns.
    pub part: Part,
    /// What it is, safe to show; no credential is in it.
    pub what: String,
    /// What puts it right.
    pub remedy: Correction,
}

/// What puts right what is wrong with a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Correction {
    /// Whoever knows what was meant writes it anew.
    ByHand,
    /// The field of this name is taken out of its line.
    WithoutField(String),
    /// The server's URL is written so.
    Server(String),
}

/// A part of a kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The whole file.
    Whole,
    /// The cluster of this name, safe to show.
    Cluster(String),
    /// The user of this name, safe to show.
    User(String),
}

/// The most that are told.
const MOST: usize = 1000;

/// Everything that is found, in the order of the file.
pub(super) fn find(node: &Node) -> Vec<Unusable> {
    let mut found = Found { told: Vec::new(), part: Part::Whole };
    found.heads(node);
    for (list, inner) in [("clusters", "cluster"), ("contexts", "context"), ("users", "user")] {
        found.list(node, list, inner);
    }
    for (name, cluster) in members(node, "clusters", "cluster") {
        found.part = Part::Cluster(name.clone());
        found.cluster(&name, cluster);
    }
    found.part = Part::Whole;
    for (_, context) in members(node, "contexts", "context") {
        for field in ["cluster", "user", "namespace"] {
            found.text(context, field, &format!("the {field} of a context"));
        }
    }
    for (name, user) in members(node, "users", "user") {
        found.part = Part::User(name.clone());
        found.user(&name, user);
    }
    found.told.sort_by_key(|unusable| unusable.line);
    found.told
}

/// The members of a list that have what they are about.
fn members<'a>(
    node: &'a Node,
    list: &'static str,
    inner: &'static str,
) -> impl Iterator<Item = (String, &'a Node)> {
    let members = node.field(list).map(Node::list).unwrap_or_default();
    members.iter().filter_map(move |member| {
        Some((member.text("name").map(shown).unwrap_or_default(), member.field(inner)?))
    })
}

struct Found {
    told: Vec<Unusable>,
    /// The part that is looked at.
    part: Part,
}

impl Found {
    fn tell(&mut self, line: usize, what: impl Into<String>) {
        self.tell_with(line, what, Correction::ByHand);
    }

    fn tell_with(&mut self, line: usize, what: impl Into<String>, remedy: Correction) {
        if self.told.len() < MOST {
            self.told.push(Unusable { line, part: self.part.clone(), what: what.into(), remedy });
        }
    }

    /// A value of a kind that its field does not have: kubectl does not read the file.
    fn expect(&mut self, value: &Node, kind: Kind, what: &str) -> bool {
        let is = value.kind();
        if is == kind || is == Kind::Null {
            return true;
        }
        let hint = match (kind, is) {
            (Kind::Text, Kind::Number | Kind::Truth) => ": put it in quotes",
            (Kind::Truth, Kind::Text) => ": write true or false, without quotes",
            _ => "",
        };
        let (is, kind) = (is.name(), kind.name().trim_start_matches("a "));
        let part = std::mem::replace(&mut self.part, Part::Whole);
        self.tell(
            value.line(),
            format!("{what} is {is} and no {kind}; kubectl refuses the whole file{hint}"),
        );
        self.part = part;
        false
    }

    /// A field that is to be a text.
    fn text(&mut self, node: &Node, field: &str, what: &str) {
        if let Some(value) = node.field(field) {
            self.expect(value, Kind::Text, what);
        }
    }

    fn heads(&mut self, node: &Node) {
        for (field, known) in [("apiVersion", "v1"), ("kind", "Config")] {
            if let Some(value) = node.field(field)
                && self.expect(value, Kind::Text, field)
                && value.as_text().is_some_and(|text| text != known && !text.is_empty())
            {
                let text = value.as_text().map(shown).unwrap_or_default();
                let what = format!(
                    "{field} is {text}, and a kubeconfig's is {known}; kubectl refuses the whole file"
                );
                self.tell(value.line(), what);
            }
        }
        self.text(node, "current-context", "current-context");
    }

    /// One of the three lists: its members with their names.
    fn list(&mut self, node: &Node, list: &'static str, inner: &'static str) {
        let Some(value) = node.field(list) else { return };
        if !self.expect(value, Kind::List, list) {
            return;
        }
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for member in value.list() {
            if !self.expect(member, Kind::Fields, &format!("a member of {list}")) {
                continue;
            }
            self.text(member, "name", &format!("the name of a {inner}"));
            if let Some(value) = member.field(inner) {
                self.expect(value, Kind::Fields, inner);
            }
            let name = member.text("name").unwrap_or_default();
            if let Some(first) = seen.insert(name, member.line()) {
                let (name, line) = (shown(name), member.line());
                let what = format!(
                    "two of {list} are called `{name}`, on lines {first} and {line}; kubectl refuses the whole file"
                );
                self.tell(line, what);
            }
        }
    }

    /// That a file and its contents are given for one field.
    fn both(&mut self, node: &Node, field: &str, whose: &str) {
        self.text(node, field, &format!("{field} of {whose}"));
        let given = |field: &str| {
            node.field(field).filter(|value| value.as_text().is_some_and(|text| !text.is_empty()))
        };
        let data = format!("{field}-data");
        if let (Some(file), Some(_)) = (given(field), given(&data)) {
            let what =
                format!("{whose} has both {field} and {data}; kubectl refuses to use it: leave one of them");
            self.tell_with(file.line(), what, Correction::WithoutField(field.to_owned()));
        }
    }

    fn cluster(&mut self, name: &str, cluster: &Node) {
        let whose = format!("the cluster {name}");
        for field in ["server", "tls-server-name", "proxy-url"] {
            self.text(cluster, field, &format!("{field} of {whose}"));
        }
        self.both(cluster, "certificate-authority", &whose);
        let insecure = cluster.field("insecure-skip-tls-verify");
        if let Some(value) = insecure {
            self.expect(value, Kind::Truth, &format!("insecure-skip-tls-verify of {whose}"));
        }
        let has = |field: &str| cluster.text(field).is_some_and(|text| !text.is_empty());
        if let Some(value) = insecure.filter(|value| value.is_true())
            && (has("certificate-authority") || has("certificate-authority-data"))
        {
            let what = format!(
                "{whose} has insecure-skip-tls-verify and a certificate authority; kubectl refuses to use it"
            );
            self.tell(value.line(), what);
        }
        self.server(&whose, cluster);
        self.tls_server_name(&whose, cluster);
        self.proxy(&whose, cluster);
    }

    fn server(&mut self, whose: &str, cluster: &Node) {
        let value = cluster.field("server");
        let line = value.map_or(cluster.line(), Node::line);
        let url = match value.map(|value| (value.kind(), value.as_text())) {
            None | Some((Kind::Null, _)) => "",
            Some((Kind::Text, Some(text))) => text,
            // Told as such.
            Some(_) => return,
        };
        let Err(fault) = check_server(url) else { return };
        let Some(refused) = fault.refused_by() else { return };
        if fault == ServerFault::Empty {
            self.tell(line, format!("{whose} has no server; {refused}"));
            return;
        }
        // Of a URL with a password, nothing of that is shown.
        let shown_url = shown(&kubeconfig::without_user(url));
        let corrected = corrected_server(url);
        let write = corrected.as_deref().map(|url| format!(": write {}", shown(url))).unwrap_or_default();
        self.tell_with(
            line,
            format!("the server of {whose} is {shown_url}: {fault}; {refused}{write}"),
            corrected.map_or(Correction::ByHand, Correction::Server),
        );
    }

    /// Names of certificates are host names and addresses.
    fn tls_server_name(&mut self, whose: &str, cluster: &Node) {
        let Some(value) = cluster.field("tls-server-name") else { return };
        let name = value.as_text().unwrap_or_default();
        let is_address = name.parse::<std::net::IpAddr>().is_ok();
        let is_name = !name.contains(|c: char| c.is_whitespace() || ":/@[]".contains(c));
        if !(name.is_empty() || is_address || is_name) {
            let name = shown(&kubeconfig::without_user(name));
            let what = format!(
                "tls-server-name of {whose} is {name}, which no certificate can be for: it is a name or an address, without scheme and port"
            );
            self.tell(value.line(), what);
        }
    }

    /// A proxy's URL, as client-go parses it: of http, https or socks5.
    fn proxy(&mut self, whose: &str, cluster: &Node) {
        let Some(value) = cluster.field("proxy-url") else { return };
        let url = value.as_text().unwrap_or_default();
        if url.is_empty() || value.kind() != Kind::Text {
            return;
        }
        let fault = match url.split_once("://") {
            None => "it has no scheme; kubectl refuses to use it: write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT".to_owned(),
            Some((scheme, rest)) => {
                if ["http", "https", "socks5"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
                    // A proxy may want a name and a password.
                    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
                    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                    match check_server(&format!("https://{host}")) {
                        Err(fault) if fault.refused_by().is_some() => format!("{fault}; no request gets through"),
                        _ => return,
                    }
                } else {
                    let scheme = shown(scheme);
                    format!("its scheme is {scheme}; kubectl takes http, https and socks5")
                }
            }
        };
        self.tell(
            value.line(),
            format!("proxy-url of {whose} is {}: {fault}", shown(&kubeconfig::without_user(url))),
        );
    }

    fn user(&mut self, name: &str, user: &Node) {
        let whose = format!("the user {name}");
        for field in ["token", "tokenFile", "username", "password", "as", "as-uid"] {
            self.text(user, field, &format!("{field} of {whose}"));
        }
        for field in ["client-certificate", "client-key"] {
            self.both(user, field, &whose);
        }
        let given = |field: &str| {
            user.field(field).filter(|value| value.as_text().is_some_and(|text| !text.is_empty()))
        };
        if let Some(value) = given("token")
            && value.as_text().is_some_and(|token| {
                token.trim_end_matches('\n').chars().any(char::is_control) || token.ends_with('\n')
            })
        {
            self.tell(value.line(), format!("a line break or a control character stands in the token of {whose}; no client can send it"));
        }
        if let Some(token) = given("token").or_else(|| given("tokenFile"))
            && (given("username").is_some() || given("password").is_some())
            && given("client-certificate").is_none()
            && given("client-certificate-data").is_none()
        {
            self.tell(
                token.line(),
                format!("{whose} has both a token and a password; kubectl refuses to use it"),
            );
        }
        let impersonates = |field: &&str| user.field(field).is_some_and(|value| value.kind() != Kind::Null);
        if let Some(field) = ["as-uid", "as-groups", "as-user-extra"].iter().find(|field| impersonates(field))
            && given("as").is_none()
        {
            let line = user.field(field).map_or(0, Node::line);
            self.tell(line, format!("{whose} has {field} and no `as`; kubectl refuses to use it"));
        }
        self.exec(&whose, user);
        self.provider(&whose, user);
    }

    fn exec(&mut self, whose: &str, user: &Node) {
        const VERSIONS: [&str; 2] =
            ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];
        let Some(exec) = user.field("exec").filter(|exec| exec.kind() != Kind::Null) else { return };
        if !self.expect(exec, Kind::Fields, &format!("exec of {whose}")) {
            return;
        }
        for field in ["command", "apiVersion", "interactiveMode"] {
            self.text(exec, field, &format!("exec.{field} of {whose}"));
        }
        let text = |field: &str| exec.text(field).filter(|text| !text.is_empty());
        let line = |field: &str| exec.field(field).map_or(exec.line(), Node::line);
        if text("command").is_none() {
            self.tell(line("command"), format!("exec of {whose} has no command; kubectl refuses to use it"));
        }
        match text("apiVersion") {
            None => self.tell(
                line("apiVersion"),
                format!(
                    "exec of {whose} has no apiVersion; kubectl refuses to use it: write {}",
                    VERSIONS[0]
                ),
            ),
            Some(version) if !VERSIONS.contains(&version) => {
                let version = shown(version);
                let what = format!(
                    "apiVersion of exec of {whose} is {version}, which kubectl has not had since 1.24: write {}, if the command has it",
                    VERSIONS[0]
                );
                self.tell(line("apiVersion"), what);
            }
            Some(_) => {}
        }
        match text("interactiveMode") {
            None if text("apiVersion") == Some(VERSIONS[0]) => self.tell(
                exec.line(),
                format!("exec of {whose} has no interactiveMode, which {} needs; kubectl refuses to use it: write Never, IfAvailable or Always", VERSIONS[0]),
            ),
            Some(mode) if !["Never", "IfAvailable", "Always"].contains(&mode) => {
                let mode = shown(mode);
                self.tell(line("interactiveMode"), format!("interactiveMode of exec of {whose} is {mode}, and Never, IfAvailable and Always are there"));
            }
            _ => {}
        }
        for variable in exec.field("env").map(Node::list).unwrap_or_default() {
            if variable.text("name").is_none_or(str::is_empty) {
                self.tell(
                    variable.line(),
                    format!("a variable of exec of {whose} has no name; kubectl refuses to use it"),
                );
            }
        }
        if user.field("auth-provider").is_some_and(|provider| provider.kind() != Kind::Null) {
            self.tell(
                exec.line(),
                format!("{whose} has both exec and auth-provider; kubectl refuses to use it"),
            );
        }
    }

    /// Plug-ins that client-go has: `oidc` alone is left (1.26 took out the others).
    fn provider(&mut self, whose: &str, user: &Node) {
        let Some(provider) = user.field("auth-provider").filter(|provider| provider.kind() != Kind::Null)
        else {
            return;
        };
        let name = provider.text("name").unwrap_or_default();
        if name != "oidc" {
            let since =
                if ["azure", "gcp"].contains(&name) { "has not had since 1.26" } else { "does not have" };
            let name = shown(name);
            let what =
                format!("auth-provider of {whose} is `{name}`, which kubectl {since}: use an exec plugin");
            self.tell(provider.line(), what);
        }
    }
}
