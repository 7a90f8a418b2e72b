use std::path::{Path, PathBuf};

use serde_saphyr::{Location, Spanned};

use super::document::{Cluster, Context, Document, NamedCluster, NamedContext, NamedUser, User};
use super::*;

fn spanned(text: impl Into<String>) -> Spanned<String> {
    Spanned { value: text.into(), referenced: Location::UNKNOWN, defined: Location::UNKNOWN }
}

/// The same by way of a YAML library, which knows nothing of the order of lines here.
fn by_library(access: Access<'_>, ca_pem: &str, certificate_pem: Option<&str>, key_pem: &str) -> String {
    let context = format!("{}@{}", access.user, access.cluster);
    let mut known = User::default();
    known.client_key_data = Some(spanned(BASE64_STANDARD.encode(key_pem)));
    known.client_certificate_data = certificate_pem.map(|pem| spanned(BASE64_STANDARD.encode(pem)));
    let document = Document {
        api_version: "v1".into(),
        clusters: vec![NamedCluster {
            cluster: Cluster {
                certificate_authority_data: Some(spanned(BASE64_STANDARD.encode(ca_pem))),
                server: Some(spanned(access.server)),
                ..Cluster::default()
            },
            name: access.cluster.into(),
        }],
        contexts: vec![NamedContext {
            context: Context { cluster: access.cluster.into(), user: access.user.into() },
            name: context.clone(),
        }],
        current_context: context,
        kind: "Config".into(),
        users: vec![NamedUser { name: access.user.into(), user: known }],
    };
    // Scalars stay on one line and lists where Go's YAML puts them.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false, compact_list_indent: true };
    serde_saphyr::to_string_with_options(&document, options).unwrap()
}

#[test]
fn what_is_written_is_what_a_yaml_library_writes() {
    let nasty = [
        "kubernetes",
        "system:node:cp1",
        "",
        "null",
        "yes",
        "1e3",
        "0x1f",
        "- a",
        "a: b",
        "a #b",
        "#",
        "'",
        "\"",
        "\\",
        "*",
        "&a",
        "!t",
        "%",
        "@",
        "`",
        " lead",
        "trail ",
        "tab\there",
        "line\nbreak",
        "\u{7f}",
        "\u{feff}x",
        "ü",
        "[a]",
        "{a}",
        "https://[fd00::1]:6443",
        "a\r\nb",
        "---",
        "...",
        "~",
    ];
    for name in nasty {
        for certificate in [Some("certificate"), None] {
            for access in [
                Access { cluster: name, server: "https://10.0.0.1:6443", user: "jane" },
                Access { cluster: "kubernetes", server: "https://[fd00::1]:6443", user: name },
            ] {
                let expected = by_library(access, "ca", certificate, "key");
                assert_eq!(*write(access, "ca", certificate, "key").unwrap(), expected, "{name:?}");
            }
        }
    }
}

#[test]
fn none_is_written_that_no_client_can_use() {
    let access = Access { cluster: "a", server: "https://user:pw@10.0.0.1:6443", user: "b" };
    let error = write(access, "ca", None, "key").unwrap_err().to_string();
    assert!(error.contains("a user stands before its host") && !error.contains("pw"), "{error}");
}

const HEAD: &str = "\
apiVersion: v1
kind: Config
current-context: a@b
contexts:
- {name: a@b, context: {cluster: b, user: a}}
- {name: other, context: {cluster: b, user: nobody}}
clusters:
- name: b
  cluster:
    server: https://api.example.com:6443
    CLUSTER
users:
- name: a
  user:
    USER
";

fn kubeconfig(cluster: &str, user: &str) -> String {
    HEAD.replace("CLUSTER", cluster).replace("USER", user)
}

#[test]
fn the_current_context_is_read_with_its_lines() {
    let text = kubeconfig(
        "certificate-authority: pki/ca.crt",
        "client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n    client-key-data: a2V5",
    );
    let read = parse(text.as_bytes()).unwrap();
    assert_eq!((read.server.as_str(), read.server_line), ("https://api.example.com:6443", 10));
    assert_eq!((read.context.as_str(), read.insecure), ("a@b", false));
    let authority = read.authority.unwrap();
    assert_eq!((authority.field, authority.line), ("certificate-authority", 11));
    assert_eq!(authority.file(Path::new("/etc/kubernetes")), Some("/etc/kubernetes/pki/ca.crt".into()));
    let Credential::Certificate { certificate, key } = read.credential else { panic!("a certificate") };
    let expected = PathBuf::from("/var/lib/kubelet/pki/kubelet-client-current.pem");
    assert_eq!((certificate.file(Path::new("/etc")), certificate.line), (Some(expected), 15));
    assert_eq!((key.embedded(), key.file(Path::new("/etc"))), (Some(&b"key"[..]), None));
}

#[test]
fn a_key_is_not_shown() {
    let text = kubeconfig("", "client-certificate-data: Yw==\n    client-key-data: c2VjcmV0");
    let shown = format!("{:?}", parse(text.as_bytes()).unwrap());
    assert!(!shown.contains("secret") && !shown.contains("115, 101"), "{shown}");
}

#[test]
fn embedded_data_go_before_a_file_and_nothing_counts_as_none() {
    let text = kubeconfig(
        "certificate-authority-data: \"\"\n    certificate-authority: ca.crt",
        "client-certificate-data: Yw==\n    client-certificate: c.crt\n    client-key: c.key\n    token: ''",
    );
    let read = parse(text.as_bytes()).unwrap();
    assert_eq!(read.authority.unwrap().file(Path::new("/x")), Some("/x/ca.crt".into()));
    let Credential::Certificate { certificate, key } = read.credential else { panic!("a certificate") };
    assert_eq!(certificate.embedded(), Some(&b"c"[..]));
    assert_eq!(key.file(Path::new("/x")), Some("/x/c.key".into()));
}

#[test]
fn identities_without_a_certificate_are_told_apart() {
    for (user, expected) in [
        ("token: abc", "Token { file: None }"),
        ("tokenFile: /var/run/token", "Token { file: Some(\"/var/run/token\") }"),
        ("exec: {command: aws, args: [eks], apiVersion: v1, env: null}", "Exec { command: \"aws\" }"),
        ("auth-provider: {name: oidc}", "AuthProvider { name: \"oidc\" }"),
        ("username: admin\n    password: secret", "Password"),
        ("{}", "Anonymous"),
    ] {
        let read = parse(kubeconfig("", user).as_bytes()).unwrap();
        assert_eq!(format!("{:?}", read.credential), expected, "{user}");
    }
}

#[test]
fn half_an_identity_is_an_error() {
    for (user, missing) in [
        ("client-key-data: a2V5", "client-certificate-data"),
        ("client-certificate: c.crt", "client-key-data"),
    ] {
        let error = parse(kubeconfig("", user).as_bytes()).unwrap_err();
        assert!(matches!(error, KubeconfigError::Missing(field) if field == missing), "{user}: {error}");
    }
    let text = kubeconfig("", "{}").replace("current-context: a@b", "current-context: nowhere");
    assert!(matches!(parse(text.as_bytes()), Err(KubeconfigError::Missing(_))));
    let text = kubeconfig("", "client-certificate-data: '*'\n    client-key: k");
    let error = parse(text.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("client-certificate-data is not base64"), "{error}");
}

#[test]
fn a_bomb_is_refused() {
    let depth = "[".repeat(5000);
    let aliases = "a: &a [x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n\
                   c: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c]\n\
                   e: &e [*d, *d, *d, *d, *d, *d, *d, *d]\nf: &f [*e, *e, *e, *e, *e, *e, *e, *e]\n\
                   g: &g [*f, *f, *f, *f, *f, *f, *f, *f]\nclusters: [*g, *g, *g, *g, *g, *g, *g, *g]\n";
    for text in [depth.as_str(), aliases, "\u{0}", "a: b: c", "- 1"] {
        assert!(parse(text.as_bytes()).is_err(), "{}", &text[..text.len().min(20)]);
    }
}
