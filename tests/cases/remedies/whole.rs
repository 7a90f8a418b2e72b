//! The remedies of a whole report, one after the other: none undoes what another has done.

use serde_json::Value;

use super::trees::{MEMBER, client, control_plane, leaf, manifest, pki, with_flag, without_flag};
use super::{Audit, Clock, rehearsal, shell, well_formed};
use crate::desk::Desk;
use crate::forge;

/// Carries out all that an audit advises, in its order, and audits again.
fn carried_out(desk: &Desk, audited: &[&str]) -> Vec<String> {
    let before = Audit::of(desk, Clock::Desk, audited).expect("an audit");
    let with_commands = |audit: &Audit| -> Vec<Value> {
        let worth = |finding: &&Value| {
            finding["severity"] != "info" && finding["commands"].as_array().is_some_and(|all| !all.is_empty())
        };
        audit.findings.iter().filter(worth).cloned().collect()
    };
    let found = with_commands(&before);
    assert!(found.len() > 1, "{}", before.shown());
    assert_eq!(before.opposed(), [""; 0]);
    let mut commands: Vec<String> = Vec::new();
    for command in found.iter().filter_map(|finding| finding["commands"].as_array()).flatten() {
        let command = command.as_str().expect("a text").to_owned();
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    let rehearsed = rehearsal(desk, Clock::Desk, audited);
    // One may have become needless by another: what is to be narrowed was put aside.
    let failed: Vec<String> = commands
        .iter()
        .filter_map(|one| shell(desk, Clock::Desk, std::slice::from_ref(one), "").err())
        .collect();
    let after = Audit::of(desk, Clock::Desk, audited).expect("an audit");
    let left: Vec<Value> = with_commands(&after)
        .into_iter()
        .filter(|finding| {
            found.iter().any(|one| {
                (&one["rule"], &one["path"], &one["message"])
                    == (&finding["rule"], &finding["path"], &finding["message"])
            })
        })
        .collect();
    assert!(left.is_empty(), "they are still there: {left:#?}; {failed:#?}");
    assert_eq!(before.worse(&[], &after), [""; 0]);
    let again = rehearsal(desk, Clock::Desk, audited);
    assert_eq!(rehearsed.map(|before| before.lost(desk, "", again)).unwrap_or_default(), [""; 0]);
    commands
}

/// A control plane in which much is wrong.
fn spoilt(desk: &Desk) {
    let cluster = control_plane(desk);
    let few = "cn=kube-apiserver eku=server sans=dns:cp1,ip:10.0.0.99 until=+7d";
    let serving = leaf(desk, "apiserver", &cluster.kubernetes, few);
    desk.put(&pki("apiserver.crt"), 0o666, serving.pem() + &cluster.kubernetes.pem());
    leaf(
        desk,
        "etcd/peer",
        &cluster.etcd,
        &format!("cn=cp1 eku=server,client {MEMBER} from=-300d until=-2d"),
    );
    leaf(desk, "etcd/server", &cluster.etcd, "cn=cp1 eku=server,client sans=dns:cp1,dns:localhost");
    let proxy = leaf(desk, "front-proxy-client", &cluster.front_proxy, "cn=front-proxy-client eku=client");
    desk.put(&pki("front-proxy-client.crt"), 0o644, proxy.der());
    let old = forge::ca("cn=front-proxy-ca key=p256:before ku=keyCertSign,cRLSign from=-12y until=-2y");
    let older = forge::ca("cn=front-proxy-ca key=p256:first ku=keyCertSign,cRLSign from=-22y until=-12y");
    desk.put(&pki("front-proxy-ca.crt"), 0o644, old.pem() + &cluster.front_proxy.pem() + &older.pem());
    let (private, public) = (desk.read(&pki("sa.key")), desk.read(&pki("sa.pub")));
    desk.put(&pki("sa.key"), 0o600, public);
    desk.put(&pki("sa.pub"), 0o644, private);
    desk.put(&pki("ca.key"), 0o644, cluster.kubernetes.key_pem());
    client(
        desk,
        &cluster,
        "n/etc/kubernetes/scheduler.conf",
        "cn=system:kube-scheduler from=-300d until=-1d",
    );
    client(desk, &cluster, "n/etc/kubernetes/admin.conf", "o=system:masters cn=kubernetes-admin");
    without_flag(desk, "kube-apiserver", "kubelet-client-key");
    without_flag(desk, "etcd", "client-cert-auth");
    with_flag(desk, "kube-apiserver", "--token-auth-file=/etc/kubernetes/pki/tokens.csv");
    desk.put(&pki("tokens.csv"), 0o644, "abc,jane,1\n");
    with_flag(desk, "kube-apiserver", "--tls-min-version=VersionTLS10");
    with_flag(desk, "kube-controller-manager", "--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA");
    desk.put(&manifest("kube-apiserver"), 0o666, desk.read(&manifest("kube-apiserver")));
    desk.put("n/etc/kubernetes/pki/apiserver.key.old", 0o600, serving.key_pem());
}

#[test]
fn all_that_a_report_advises_is_done() {
    let desk = Desk::new();
    spoilt(&desk);
    well_formed(&carried_out(&desk, &["n"])).expect("commands");
}

/// Whatever a directory is called, its remedies are for the very files in it.
#[test]
fn hostile_names_are_quoted() {
    for name in [
        "a b",
        "it's",
        "$(touch boo)",
        "a`touch boo`b",
        "-rf",
        "a\nb",
        "#x;touch boo",
        "tab\t\u{202e}end",
        "FILE",
    ] {
        let desk = Desk::new();
        spoilt(&desk);
        desk.rename("n", name);
        // What kpki is told of a directory that begins with a dash is told as every program is told it.
        let argument = if name.starts_with('-') { format!("./{name}") } else { name.to_owned() };
        carried_out(&desk, &[&argument]);
        assert!(!desk.root().join("boo").exists(), "{name:?} was run");
    }
}
