//! M012: no old TLS, and no weak cipher suite.

use super::remedy::{Cure, Edit};
use super::{Answers, Check, Citation, Place, Rule, Severity};
use crate::audit::{Node, Scene};
use crate::manifest::Component;
use crate::x509::Printable;

/// What Go's crypto/tls knows: the names of its `CipherSuites` and of TLS 1.3, without `TLS_`, and the two short ones that Kubernetes takes as well.
const SOUND: [&str; 15] = [
    "AES_128_GCM_SHA256",
    "AES_256_GCM_SHA384",
    "CHACHA20_POLY1305_SHA256",
    "ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// The most suites that one message names.
const MOST: usize = 8;

pub(super) static RULE: Rule = Rule {
    id: "M012",
    name: "tls-settings",
    title: "An old version of TLS or a weak cipher suite is admitted",
    severity: Severity::Medium,
    citations: &[
        Citation::page(
            "Go: crypto/tls InsecureCipherSuites",
            "https://pkg.go.dev/crypto/tls#InsecureCipherSuites",
        ),
        Citation::rfc("RFC 8996"),
        Citation::page(
            "CIS Kubernetes Benchmark 1.2.29 and 4.2.12",
            "https://www.cisecurity.org/benchmark/kubernetes",
        ),
        Citation::page(
            "etcd: configuration, security",
            "https://etcd.io/docs/v3.6/op-guide/configuration/#security",
        ),
    ],
    explanation: "TLS 1.0 and 1.1 are forbidden since 2021. RC4 and 3DES are broken, CBC with SHA-256 is open to Lucky 13 in Go, and with RSA \
                  key exchange a stolen key opens every connection that was ever recorded. Without the flags, Go's own choice \
                  is better than most lists. A suite that the component does not know keeps it from starting.",
    fix: "Remove the flag from FILE, or name only suites that begin with `TLS_ECDHE_` and end in GCM or POLY1305; `--tls-min-version=VersionTLS12` or later (etcd: `TLS1.2`).",
    applies_to: "the flags of static pods and the kubelet's configuration",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    for component in Component::CONTROL_PLANE {
        let Some(launch) = node.launch(component) else { continue };
        answers.look();
        if let Some((place, flag)) = node.flag(component, "tls-min-version") {
            let newest = if component == Component::Etcd { "TLS1.2" } else { "VersionTLS12" };
            let cure = Cure::default().flags([Edit::set(component, "tls-min-version", newest)]);
            version(place, component.program(), &flag.value, Some(cure), answers);
        }
        let suites = if component == Component::Etcd { "cipher-suites" } else { "tls-cipher-suites" };
        if let Some((place, _)) = node.flag(component, suites) {
            let given = launch.flags.list(suites);
            let sound: Vec<&str> = given
                .iter()
                .copied()
                .filter(|suite| suite.strip_prefix("TLS_").is_some_and(|name| SOUND.contains(&name)))
                .collect();
            let edit = if sound.is_empty() {
                Edit::remove(component, suites)
            } else {
                Edit::set(component, suites, sound.join(","))
            };
            judge(&place, component.program(), &given, Some(&Cure::default().flags([edit])), answers);
        }
    }
    kubelet(node, answers);
}

fn kubelet(node: &Node, answers: &mut Answers) {
    if let Some((file, kubelet)) = node.kubelet() {
        answers.look();
        if let Some(value) = &kubelet.tls_min_version {
            version(file.into(), "the kubelet", value, Some(of_kubelet("tlsMinVersion")), answers);
        }
        let suites: Vec<&str> = kubelet.tls_cipher_suites.iter().map(String::as_str).collect();
        judge(&file.into(), "the kubelet", &suites, None, answers);
    }
    if let Some((place, flag)) = node.kubelet_flag("tls-min-version") {
        version(place, "the kubelet", &flag.value, None, answers);
    }
    if let Some((place, flag)) = node.kubelet_flag("tls-cipher-suites") {
        let suites: Vec<&str> =
            flag.value.split(',').map(str::trim).filter(|suite| !suite.is_empty()).collect();
        judge(&place, "the kubelet", &suites, None, answers);
    }
}

/// A field of the kubelet's configuration that names a version.
fn of_kubelet(field: &'static str) -> Cure {
    Cure::default().kubelet_field(field, "VersionTLS12").restart_kubelet()
}

fn version(place: Place, who: &str, value: &str, cure: Option<Cure>, answers: &mut Answers) {
    answers.look();
    let old = ["VersionTLS10", "VersionTLS11", "TLS1.0", "TLS1.1"];
    if old.contains(&value) {
        let message = format!(
            "{who} speaks {} and later; TLS 1.0 and 1.1 are no longer to be spoken",
            Printable(value)
        );
        let fact = answers.fail(place, message);
        if let Some(cure) = cure {
            fact.fix(cure);
        }
    }
}

fn judge(place: &Place, who: &str, suites: &[&str], cure: Option<&Cure>, answers: &mut Answers) {
    answers.look();
    let (mut weak, mut unknown): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
    for suite in suites {
        match suite.strip_prefix("TLS_") {
            Some(name) if SOUND.contains(&name) => {}
            Some(name) if is_weak(name) => weak.push(suite),
            _ => unknown.push(suite),
        }
    }
    for (list, what) in
        [(weak, "admits weak cipher suites"), (unknown, "is given cipher suites that Go does not know")]
    {
        if !list.is_empty() {
            let fact = answers.fail(place.clone(), format!("{who} {what}: {}", named(&list)));
            if let Some(cure) = cure {
                fact.fix(cure.clone());
            }
        }
    }
}

/// Go's `InsecureCipherSuites`: RC4, 3DES, CBC with SHA-256, and RSA key exchange.
fn is_weak(name: &str) -> bool {
    let after = |prefix: &str| name.strip_prefix(prefix);
    let ciphers = ["RC4_128_SHA", "3DES_EDE_CBC_SHA", "AES_128_CBC_SHA256"];
    if let Some(cipher) = after("RSA_WITH_") {
        let rsa_only = ["AES_128_CBC_SHA", "AES_256_CBC_SHA", "AES_128_GCM_SHA256", "AES_256_GCM_SHA384"];
        return ciphers.contains(&cipher) || rsa_only.contains(&cipher);
    }
    let cipher = after("ECDHE_RSA_WITH_").or_else(|| after("ECDHE_ECDSA_WITH_"));
    cipher.is_some_and(|cipher| ciphers.contains(&cipher)) && name != "ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA"
}

fn named(suites: &[&str]) -> String {
    let shown: Vec<String> = suites.iter().take(MOST).map(|suite| Printable(suite).to_string()).collect();
    let more = suites.len().saturating_sub(MOST);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    const APISERVER: &str = "etc/kubernetes/manifests/kube-apiserver.yaml";

    #[test]
    fn suites_are_sound_weak_or_unknown() {
        for (suites, message) in [
            (
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
                None,
            ),
            ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", None),
            (
                "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_RSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_RC4_128_SHA",
                Some(
                    "admits weak cipher suites: TLS_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_RC4_128_SHA",
                ),
            ),
            (
                "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
                Some("admits weak cipher suites: TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"),
            ),
            (
                "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
                Some("admits weak cipher suites: TLS_RSA_WITH_3DES_EDE_CBC_SHA"),
            ),
            (
                "ECDHE-RSA-AES128-GCM-SHA256",
                Some("is given cipher suites that Go does not know: ECDHE-RSA-AES128-GCM-SHA256"),
            ),
            (
                "a,b,c,d,e,f,g,h,i",
                Some("is given cipher suites that Go does not know: a, b, c, d, e, f, g, h and 1 more"),
            ),
        ] {
            let mut tree = Tree::control_plane();
            tree.flag("kube-apiserver", &format!("--tls-cipher-suites={suites}"));
            let expected: Vec<String> = message
                .iter()
                .map(|message| format!("medium {APISERVER}:15: kube-apiserver {message}"))
                .collect();
            assert_eq!(tree.findings(RULE.id), expected);
        }
    }

    #[test]
    fn versions_and_every_holder() {
        let mut tree = Tree::control_plane();
        assert_eq!((tree.findings(RULE.id), tree.not_applicable(&RULE)), (vec![], false));
        tree.flag("kube-apiserver", "--tls-min-version=VersionTLS12");
        tree.flag("kube-scheduler", "--tls-min-version=VersionTLS10");
        tree.flag("etcd", "--cipher-suites=TLS_RSA_WITH_AES_256_CBC_SHA");
        tree.replace(
            "var/lib/kubelet/config.yaml",
            "clusterDomain",
            "tlsMinVersion: VersionTLS11\nclusterDomain",
        );
        tree.file(
            "var/lib/kubelet/kubeadm-flags.env",
            0o644,
            "KUBELET_KUBEADM_ARGS=\"--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA\"\n",
        );
        assert_eq!(
            tree.findings(RULE.id),
            [
                "medium etc/kubernetes/manifests/etcd.yaml:15: etcd admits weak cipher suites: TLS_RSA_WITH_AES_256_CBC_SHA",
                "medium etc/kubernetes/manifests/kube-scheduler.yaml:13: kube-scheduler speaks VersionTLS10 and later; TLS 1.0 and 1.1 are no longer to be spoken",
                "medium var/lib/kubelet/config.yaml: the kubelet speaks VersionTLS11 and later; TLS 1.0 and 1.1 are no longer to be spoken",
                "medium var/lib/kubelet/kubeadm-flags.env:1: the kubelet admits weak cipher suites: TLS_RSA_WITH_RC4_128_SHA",
            ]
        );
        let mut tree = Tree::worker();
        tree.remove("var/lib/kubelet/config.yaml");
        assert!(tree.not_applicable(&RULE));
    }
}
