//! Another certificate, key, CA or server in a kubeconfig that is there, and everything else as it stands: other
//! clusters, contexts and users, extensions, comments, order and quotes.
//!
//! The text is changed at the very places of the values; then old and new are read as YAML, and nothing else may differ.

use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use zeroize::{Zeroize as _, Zeroizing};

use super::{KubeconfigError, check_server};
use crate::x509::Printable;
use crate::yaml::{self, Location, Spanned};

/// What is put in the place of what the current context has.
#[derive(Clone, Copy, Default)]
pub struct Changes<'a> {
    /// The user's client certificate with what is sent behind it, and its private key, as PEM.
    pub identity: Option<(&'a str, &'a str)>,
    /// The cluster's CAs as PEM.
    pub authority: Option<&'a str>,
    /// The API server's URL.
    pub server: Option<&'a str>,
}

impl fmt::Debug for Changes<'_> {
    /// What is changed, never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("identity", &self.identity.is_some())
            .field("authority", &self.authority.is_some())
            .field("server", &self.server)
            .finish()
    }
}

/// The kubeconfig with these changes to what its current context names.
///
/// # Errors
/// [`KubeconfigError::Server`] when not every client can use the URL, [`KubeconfigError::Malformed`] when it is no kubeconfig, [`KubeconfigError::Missing`] when the context leads nowhere,
/// [`KubeconfigError::Elsewhere`] when the value is not in the kubeconfig but in a file, and
/// [`KubeconfigError::Unchangeable`] when something else is there, or the form is one that is not changed in place.
pub fn rewrite(text: &[u8], changes: &Changes<'_>) -> Result<Zeroizing<String>, KubeconfigError> {
    let text = std::str::from_utf8(text).map_err(|_| KubeconfigError::Malformed("it is not UTF-8".into()))?;
    let (mark, text) = text.strip_prefix('\u{feff}').map_or(("", text), |rest| ("\u{feff}", rest));
    let root = read(text)?;
    let context = root.scalar("current-context").unwrap_or_default();
    let context = root
        .named("contexts", context, "context")
        .ok_or(KubeconfigError::Missing("context that current-context names"))?;
    let named = |list, key, what| {
        context.scalar(key).and_then(|name| root.named(list, name, key)).ok_or(KubeconfigError::Missing(what))
    };
    changes.server.map(check_server).transpose()?;
    let mut edits = Vec::new();
    if let Some((certificate, key)) = changes.identity {
        let user = named("users", "user", "user that the context names")?;
        identity(user, certificate, key, &mut edits)?;
    }
    if changes.authority.is_some() || changes.server.is_some() {
        let cluster = named("clusters", "cluster", "cluster that the context names")?;
        endpoint(cluster, changes, &mut edits)?;
    }
    let mut wanted: Vec<(Vec<String>, &str)> = Vec::new();
    let mut pieces: Vec<(Range<usize>, Zeroizing<String>)> = Vec::new();
    for edit in &edits {
        pieces.push(edit.piece(text)?);
        wanted.push((edit.path(), &edit.value));
    }
    pieces.sort_by_key(|(range, _)| range.start);
    let rewritten = splice(text, &pieces).ok_or_else(|| unchangeable("two of its values share a place"))?;
    let after =
        read(&rewritten).map_err(|_| unchangeable("its form is one that cannot be changed in place"))?;
    if !root.becomes(&after, &mut Vec::new(), &wanted) {
        return Err(unchangeable("its form is one that cannot be changed in place"));
    }
    let mut out = Zeroizing::new(String::with_capacity(mark.len() + rewritten.len()));
    out.push_str(mark);
    out.push_str(&rewritten);
    Ok(out)
}

fn unchangeable(reason: impl Into<String>) -> KubeconfigError {
    KubeconfigError::Unchangeable(reason.into())
}

/// The edits that give a user another certificate and key.
fn identity<'t>(
    user: &'t Mapping,
    certificate: &str,
    key: &str,
    edits: &mut Vec<Edit<'t>>,
) -> Result<(), KubeconfigError> {
    for field in ["client-certificate", "client-key"] {
        if let Some(file) = user.scalar(field).filter(|file| !file.is_empty()) {
            return Err(KubeconfigError::Elsewhere { field, file: file.into() });
        }
    }
    let other = ["exec", "auth-provider", "token", "tokenFile", "username"];
    if user.scalar("client-certificate-data").is_none()
        && let Some(other) = other.into_iter().find(|field| user.field(field).is_some())
    {
        return Err(unchangeable(format!(
            "its user has no client certificate but {other}: a certificate beside it would be a second credential"
        )));
    }
    let fields = [("client-certificate-data", certificate), ("client-key-data", key)];
    edits.extend(
        fields.map(|(field, pem)| Edit::of(user, field, Zeroizing::new(BASE64_STANDARD.encode(pem)))),
    );
    Ok(())
}

/// The edits that give a cluster other CAs or another server.
fn endpoint<'t>(
    cluster: &'t Mapping,
    changes: &Changes<'_>,
    edits: &mut Vec<Edit<'t>>,
) -> Result<(), KubeconfigError> {
    if let Some(authority) = changes.authority {
        let field = "certificate-authority";
        if let Some(file) = cluster.scalar(field).filter(|file| !file.is_empty()) {
            return Err(KubeconfigError::Elsewhere { field, file: file.into() });
        }
        if cluster.scalar("insecure-skip-tls-verify") == Some("true") {
            return Err(unchangeable(
                "its cluster says insecure-skip-tls-verify, with which clients take no CA: remove that first",
            ));
        }
        let data = Zeroizing::new(BASE64_STANDARD.encode(authority));
        edits.push(Edit::of(cluster, "certificate-authority-data", data));
    }
    if let Some(server) = changes.server {
        edits.push(Edit::of(cluster, "server", Zeroizing::new(server.to_owned())));
    }
    Ok(())
}

/// One value to be put in place.
struct Edit<'t> {
    mapping: &'t Mapping,
    field: &'static str,
    value: Zeroizing<String>,
}

impl<'t> Edit<'t> {
    fn of(mapping: &'t Mapping, field: &'static str, value: Zeroizing<String>) -> Self {
        Self { mapping, field, value }
    }

    fn path(&self) -> Vec<String> {
        let mut path = self.mapping.path.clone();
        path.push(self.field.to_owned());
        path
    }

    /// Which bytes of the text give way to which.
    fn piece(&self, text: &str) -> Result<(Range<usize>, Zeroizing<String>), KubeconfigError> {
        let lost = || unchangeable(format!("the place of {} cannot be told", self.field));
        if let Some(Value::Scalar { at, .. }) = self.mapping.field(self.field) {
            let range = range(at).ok_or_else(lost)?;
            let old = text.get(range.clone()).ok_or_else(lost)?;
            return Ok((range, in_place_of(old, &self.value)?));
        }
        if self.mapping.field(self.field).is_some() {
            return Err(unchangeable(format!("{} is no text", self.field)));
        }
        let (key, _) = self.mapping.fields.first().ok_or_else(|| {
            unchangeable(format!("there is no {}, and nothing else beside which it could stand", self.field))
        })?;
        let start = range(&key.referenced).ok_or_else(lost)?.start;
        let before = text.get(..start).ok_or_else(lost)?;
        let quoted = text.get(start..).is_some_and(|rest| rest.starts_with('"'));
        let value = if quoted { Zeroizing::new(format!("{:?}", &*self.value)) } else { plain(&self.value)? };
        let name = if quoted { format!("{:?}", self.field) } else { self.field.to_owned() };
        let mut new = Zeroizing::new(String::with_capacity(value.len() + name.len() + start.min(80) + 8));
        for part in [name.as_str(), ": ", &value] {
            new.push_str(part);
        }
        if before.trim_end().ends_with('{') || before.trim_end().ends_with(',') {
            new.push_str(", ");
        } else {
            let line = before.rsplit('\n').next().unwrap_or_default();
            new.push('\n');
            new.extend(line.chars().map(|_| ' '));
        }
        Ok((start..start, new))
    }
}

/// A value as the one before it stood: in quotes, as a block of lines, or plain.
fn in_place_of(old: &str, value: &str) -> Result<Zeroizing<String>, KubeconfigError> {
    if old.starts_with('"') {
        return Ok(Zeroizing::new(format!("{value:?}")));
    }
    if old.starts_with('\'') {
        return Ok(Zeroizing::new(format!("'{}'", value.replace('\'', "''"))));
    }
    // A block of lines reaches up to what follows it.
    let ends = old.get(old.trim_end().len()..).unwrap_or_default();
    if ends.contains('\n') { Ok(Zeroizing::new([value, ends].concat())) } else { plain(value) }
}

fn plain(value: &str) -> Result<Zeroizing<String>, KubeconfigError> {
    let written = yaml::scalar(value).map_err(|error| KubeconfigError::Malformed(error.to_string()))?;
    Ok(Zeroizing::new(written))
}

/// The text with the pieces in place, which lie in their order.
fn splice(text: &str, pieces: &[(Range<usize>, Zeroizing<String>)]) -> Option<Zeroizing<String>> {
    let more: usize = pieces.iter().map(|(_, new)| new.len()).sum();
    let mut out = Zeroizing::new(String::with_capacity(text.len() + more));
    let mut at = 0;
    for (range, new) in pieces {
        out.push_str(text.get(at..range.start)?);
        out.push_str(new);
        at = range.end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

fn range(at: &Location) -> Option<Range<usize>> {
    let span = at.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    Some(start..start + usize::try_from(span.byte_len()?).ok()?)
}

/// A YAML value with the places of its parts.
enum Value {
    Map(Mapping),
    List(Vec<Self>),
    /// Its text, and where it stands. Wiped when dropped, for it may be a key.
    Scalar {
        text: Zeroizing<String>,
        at: Location,
    },
}

/// The fields of a mapping in their order.
struct Mapping {
    /// The keys that lead to it from the root; places in lists as numbers.
    path: Vec<String>,
    fields: Vec<(Spanned<String>, Value)>,
}

impl Mapping {
    fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(key, _)| key.value == name).map(|(_, value)| value)
    }

    fn scalar(&self, name: &str) -> Option<&str> {
        match self.field(name)? {
            Value::Scalar { text, .. } => Some(text.as_str()),
            _ => None,
        }
    }

    /// The inner mapping of the first item of that name in a list.
    fn named(&self, list: &str, name: &str, inner: &str) -> Option<&Self> {
        let Value::List(items) = self.field(list)? else { return None };
        let item = items.iter().find_map(|item| match item {
            Value::Map(item) if item.scalar("name") == Some(name) => Some(item),
            _ => None,
        })?;
        match item.field(inner)? {
            Value::Map(found) => Some(found),
            _ => None,
        }
    }

    /// Writes down how every mapping is reached.
    fn place(&mut self, path: &[String]) {
        path.clone_into(&mut self.path);
        for (key, value) in &mut self.fields {
            value.place(&[path, std::slice::from_ref(&key.value)].concat());
        }
    }

    /// Whether another is what becomes of this one when the wanted values are put in place.
    fn becomes(&self, after: &Self, path: &mut Vec<String>, wanted: &[(Vec<String>, &str)]) -> bool {
        let is_wanted = |path: &[String]| wanted.iter().find(|(place, _)| place == path);
        let mut old = self.fields.iter().peekable();
        for (key, value) in &after.fields {
            path.push(key.value.clone());
            let before = old.next_if(|(known, _)| known.value == key.value).map(|(_, value)| value);
            let right = match (is_wanted(path), before, value) {
                (Some((_, new)), _, Value::Scalar { text, .. }) => text.trim() == *new,
                (None, Some(before), value) => before.becomes(value, path, wanted),
                _ => false,
            };
            path.pop();
            if !right {
                return false;
            }
        }
        old.next().is_none()
    }
}

impl Value {
    fn place(&mut self, path: &[String]) {
        match self {
            Self::Map(map) => map.place(path),
            Self::List(items) => {
                for (at, item) in items.iter_mut().enumerate() {
                    item.place(&[path, &[at.to_string()]].concat());
                }
            }
            Self::Scalar { .. } => {}
        }
    }

    fn becomes(&self, after: &Self, path: &mut Vec<String>, wanted: &[(Vec<String>, &str)]) -> bool {
        match (self, after) {
            (Self::Map(before), Self::Map(after)) => before.becomes(after, path, wanted),
            (Self::List(before), Self::List(after)) => {
                before.len() == after.len()
                    && before.iter().zip(after).enumerate().all(|(at, (before, after))| {
                        path.push(at.to_string());
                        let right = before.becomes(after, path, wanted);
                        path.pop();
                        right
                    })
            }
            (Self::Scalar { text: before, .. }, Self::Scalar { text: after, .. }) => before == after,
            _ => false,
        }
    }
}

fn read(text: &str) -> Result<Mapping, KubeconfigError> {
    let value: Value = yaml::read(text)
        .map_err(|error| KubeconfigError::Malformed(Printable(&error.to_string()).to_string()))?;
    match value {
        Value::Map(mut root) => {
            root.place(&[]);
            Ok(root)
        }
        _ => Err(KubeconfigError::Malformed("it has no fields".into())),
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The place of a scalar is known only where the value is asked for with it.
        let Spanned { value, referenced, .. } = Spanned::<Unplaced>::deserialize(deserializer)?;
        Ok(match value {
            Unplaced::Map(fields) => Self::Map(Mapping { path: Vec::new(), fields }),
            Unplaced::List(items) => Self::List(items),
            Unplaced::Scalar(text) => Self::Scalar { text, at: referenced },
        })
    }
}

enum Unplaced {
    Map(Vec<(Spanned<String>, Value)>),
    List(Vec<Value>),
    Scalar(Zeroizing<String>),
}

impl<'de> Deserialize<'de> for Unplaced {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Unplaced;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unplaced, A::Error> {
                let mut fields = Vec::new();
                while let Some(key) = map.next_key()? {
                    fields.push((key, map.next_value()?));
                }
                Ok(Unplaced::Map(fields))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Unplaced, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Unplaced::List(items))
            }

            fn visit_str<E>(self, text: &str) -> Result<Unplaced, E> {
                Ok(Unplaced::Scalar(Zeroizing::new(text.to_owned())))
            }

            fn visit_string<E>(self, mut text: String) -> Result<Unplaced, E> {
                let kept = Zeroizing::new(text.clone());
                text.zeroize();
                Ok(Unplaced::Scalar(kept))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Unplaced, E> {
                Ok(Unplaced::Scalar(Zeroizing::new(value.to_string())))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Unplaced, E> {
                Ok(Unplaced::Scalar(Zeroizing::new(value.to_string())))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Unplaced, E> {
                Ok(Unplaced::Scalar(Zeroizing::new(value.to_string())))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Unplaced, E> {
                Ok(Unplaced::Scalar(Zeroizing::new(value.to_string())))
            }

            fn visit_unit<E>(self) -> Result<Unplaced, E> {
                Ok(Unplaced::Scalar(Zeroizing::new(String::new())))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Changes<'_> = Changes {
        identity: Some(("CERT", "KEY")),
        authority: Some("CA"),
        server: Some("https://[fd00::1]:6443"),
    };
    // What base64 makes of them.
    const DATA: [&str; 3] = ["Q0VSVA==", "S0VZ", "Q0E="];

    const BLOCK: &str = "\
# of the operators
apiVersion: v1
kind: Config
preferences: {}
clusters:
- cluster:
    certificate-authority-data: T0xE # old
    server: https://10.0.0.1:6443
    extensions: [{name: a, extension: {b: 1}}]
  name: one
- name: two
  cluster: {server: 'https://two'}
contexts:
- {name: a@one, context: {cluster: one, user: a, namespace: x}}
- {name: b@two, context: {cluster: two, user: b}}
current-context: a@one
users:
- name: b
  user: {token: t}
- name: a
  user:
    client-certificate-data: T0xE
    client-key-data: |
      T0xE
    as: somebody
";

    fn rewritten(text: &str, changes: &Changes<'_>) -> Result<String, String> {
        rewrite(text.as_bytes(), changes).map(|text| text.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_but_the_values_is_changed() {
        let [certificate, key, authority] = DATA;
        let expected = BLOCK
            .replace("certificate-authority-data: T0xE", &format!("certificate-authority-data: {authority}"))
            .replace("server: https://10.0.0.1:6443", "server: https://[fd00::1]:6443")
            .replace("client-certificate-data: T0xE", &format!("client-certificate-data: {certificate}"))
            .replace("|\n      T0xE", &format!("|\n      {key}"));
        assert_eq!(rewritten(BLOCK, &WHOLE).unwrap(), expected);
        let marked = format!("\u{feff}{}", BLOCK.replace('\n', "\r\n"));
        assert_eq!(
            rewritten(&marked, &WHOLE).unwrap(),
            format!("\u{feff}{}", expected.replace('\n', "\r\n"))
        );
        assert_eq!(rewritten(BLOCK, &Changes::default()).unwrap(), BLOCK);
    }

    #[test]
    fn every_form_of_a_value_is_kept() {
        for (old, new) in [
            ("client-key-data: T0xE", "client-key-data: S0VZ"),
            ("client-key-data: 'T0xE'", "client-key-data: 'S0VZ'"),
            ("client-key-data: \"T0xE\" # x", "client-key-data: \"S0VZ\" # x"),
            ("client-key-data: >-\n      T0\n      xE", "client-key-data: >-\n      S0VZ"),
            ("client-key-data: T0\n      xE", "client-key-data: S0VZ"),
            ("client-key-data:\n      T0xE", "client-key-data:\n      S0VZ"),
            ("client-key-data: \"T0\\\n      xE\"", "client-key-data: \"S0VZ\""),
            ("client-key-data: &k T0xE", "client-key-data: &k S0VZ"),
            ("client-key-data: ''", "client-key-data: 'S0VZ'"),
        ] {
            let place = "client-key-data: |\n      T0xE";
            let (text, expected) = (BLOCK.replace(place, old), BLOCK.replace(place, new));
            let expected =
                expected.replace("client-certificate-data: T0xE", "client-certificate-data: Q0VSVA==");
            let changes = Changes { identity: WHOLE.identity, ..Changes::default() };
            assert_eq!(rewritten(&text, &changes), Ok(expected), "{old}");
        }
    }

    #[test]
    fn what_is_missing_is_put_in() {
        let waiting = BLOCK.replace("    client-certificate-data: T0xE\n", "");
        let changes = Changes { identity: WHOLE.identity, ..Changes::default() };
        let after = rewritten(&waiting, &changes).unwrap();
        assert!(
            after.contains(
                "  user:\n    client-certificate-data: Q0VSVA==\n    client-key-data: |\n      S0VZ\n"
            ),
            "{after}"
        );
        let json = r#"{"apiVersion":"v1","kind":"Config","current-context":"c","users":[{"name":"u","user":{"client-key-data":"T0xE"}}],"contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}],"clusters":[{"name":"k","cluster":{"server":"https://a"}}]}"#;
        assert_eq!(
            rewritten(json, &WHOLE).unwrap(),
            json.replace(
                r#""client-key-data":"T0xE""#,
                r#""client-certificate-data": "Q0VSVA==", "client-key-data":"S0VZ""#
            )
            .replace(
                r#""server":"https://a""#,
                r#""certificate-authority-data": "Q0E=", "server":"https://[fd00::1]:6443""#
            )
        );
        let anonymous =
            BLOCK.replace("    client-certificate-data: T0xE\n    client-key-data: |\n      T0xE\n", "");
        assert!(rewritten(&anonymous, &changes).unwrap().contains(
            "  user:\n    client-certificate-data: Q0VSVA==\n    client-key-data: S0VZ\n    as: somebody\n"
        ));
    }

    #[test]
    fn what_cannot_be_changed_in_place_is_refused() {
        let changes = |identity, authority| Changes {
            identity: if identity { WHOLE.identity } else { None },
            authority: if authority { WHOLE.authority } else { None },
            server: None,
        };
        let in_files = BLOCK.replace(
            "client-certificate-data: T0xE\n    client-key-data: |\n      T0xE",
            "client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n    client-key: k.pem",
        );
        let token = BLOCK.replace("current-context: a@one", "current-context: b@two");
        let data = "certificate-authority-data: T0xE";
        for (text, changes, words) in [
            (in_files, changes(true, false), "client-certificate is the file /var/lib/kubelet/pki"),
            (token, changes(true, false), "has no client certificate but token"),
            (
                BLOCK.replace(data, "certificate-authority: ca.crt"),
                changes(false, true),
                "is the file ca.crt",
            ),
            (
                BLOCK.replace(data, "insecure-skip-tls-verify: true"),
                changes(false, true),
                "insecure-skip-tls-verify",
            ),
            (BLOCK.replace("user: a,", "user: c,"), changes(true, false), "no user"),
            (BLOCK.replace("current-context: a@one", ""), changes(true, false), "no context"),
            (
                BLOCK.replace("client-key-data: |\n      T0xE", "<<: {client-key-data: T0xE}"),
                changes(true, false),
                "cannot be changed in place",
            ),
            ("- a".into(), changes(true, false), "no fields"),
            ("a: [".into(), changes(true, false), "not a kubeconfig"),
        ] {
            let error = rewritten(&text, &changes).unwrap_err();
            assert!(error.contains(words) && !error.contains("S0VZ"), "{words}: {error}");
        }
    }

    #[test]
    fn nothing_of_a_key_is_shown() {
        assert!(!format!("{WHOLE:?}").contains("KEY"));
    }
}
