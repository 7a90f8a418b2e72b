//! K022: the controller manager and the scheduler show a certificate that can be verified.

use super::super::{Answers, Node, Place, Role, Scene};
use super::apiserver::advertised;
use super::launches::whole;
use super::references::shown;
use super::remedy::{Cure, Edit, Maker, name_of};
use super::{Check, Citation, Rule, Severity};
use crate::manifest::Component;
use crate::x509::{Printable, SubjectAltName};

pub(super) static RULE: Rule = Rule {
    id: "K022",
    name: "component-serving",
    title: "The controller manager or the scheduler shows a certificate of its own making",
    severity: Severity::Medium,
    citations: &[
        Citation::page("kubernetes/kubeadm#2244", "https://github.com/kubernetes/kubeadm/issues/2244"),
        Citation::page("k3s-io/k3s#12172", "https://github.com/k3s-io/k3s/issues/12172"),
    ],
    explanation: "Without --tls-cert-file the component makes itself a new certificate at each start, which nobody can verify: whoever scrapes \
                  its metrics sends a token to whoever answers. kubeadm runs it so, bound to the loopback address, where only \
                  the node itself can listen.",
    fix: "Issue one of the component's own (profiles controller-manager-serving and scheduler-serving) with the node's names, and name it and its \
          key in --tls-cert-file and --tls-private-key-file; or leave --bind-address at 127.0.0.1.",
    applies_to: "controller managers and schedulers",
    check: Check::Node(check),
};

fn check(scene: &Scene<'_>, answers: &mut Answers) {
    let node = scene.node;
    for component in [Component::ControllerManager, Component::Scheduler] {
        let Some(launch) = whole(node, component, answers) else { continue };
        let flags = &launch.flags;
        // It may be told to serve nothing.
        if flags.value("secure-port") == Some("0") {
            continue;
        }
        answers.look();
        if flags.value("tls-cert-file").is_some() {
            continue;
        }
        let address = flags.value("bind-address").unwrap_or("0.0.0.0");
        let ip = address.parse::<std::net::IpAddr>();
        let message = format!(
            "{component} serves on {} and has no --tls-cert-file, so its certificate is one that it made itself",
            Printable(address)
        );
        let fact = answers.fail(Place::file(launch.file), message);
        if let Some(cure) = cure(node, component) {
            fact.fix(cure);
        }
        // On the loopback address there is nobody to be deceived; this is what kubeadm writes.
        if ip.is_ok_and(|ip| ip.is_loopback()) {
            fact.severity(Severity::Low);
        }
    }
}

/// A certificate is made beside the CA's and named, where the component sees that directory.
fn cure(node: &Node, component: Component) -> Option<Cure> {
    let (role, name) = match component {
        Component::ControllerManager => (Role::ControllerManagerServing, "controller-manager"),
        _ => (Role::SchedulerServing, "scheduler"),
    };
    let ca = node
        .with_role(Role::KubernetesCa)
        .find(|ca| ca.item().place.field.is_none() && ca.file().anchored)?;
    // Who keeps what it has made says itself where that is.
    if Maker::of(&ca.file().on_node).is_some() {
        return None;
    }
    let launch = node.launch(component)?;
    let seen = match &launch.mounts {
        Some(mounts) => mounts.iter().find_map(|mount| {
            let rest = ca.file().on_node.strip_prefix(mount.host.as_deref()?).ok()?;
            Some(mount.path.join(rest))
        }),
        None => Some(ca.file().on_node.clone()),
    };
    let mut names: Vec<SubjectAltName> = ["localhost", "127.0.0.1"].into_iter().filter_map(name_of).collect();
    let own = launch.flags.value("bind-address").and_then(|address| address.parse::<std::net::IpAddr>().ok());
    let own = own.filter(|ip| !ip.is_unspecified()).or_else(|| advertised(node).map(|(_, ip)| ip));
    names.extend(own.filter(|ip| !ip.is_loopback()).map(SubjectAltName::Ip));
    names.extend(node.host_names().first().and_then(|host| name_of(host)));
    let made =
        |words: &str| Cure::words(words).issue_new(role, names, ca.found().file, format!("{name}.crt"));
    let Some(seen) = seen else {
        // kubeadm's scheduler sees its kubeconfig and nothing else.
        let directory = ca.file().on_node.parent().unwrap_or(&ca.file().on_node);
        return Some(made("Make one:").say(format!(
            "Its pod does not see that file: add a hostPath volume of {} with its volumeMount to FILE, and give it `--tls-cert-file` and \
             `--tls-private-key-file`.",
            shown(directory)
        )));
    };
    let path = |ending: &str| seen.with_file_name(format!("{name}.{ending}")).to_str().map(str::to_owned);
    Some(made("Make one, and name it:").flags([
        Edit::set(component, "tls-cert-file", path("crt")?),
        Edit::set(component, "tls-private-key-file", path("key")?),
    ]))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tree::Tree;
    use super::*;

    #[test]
    fn one_of_its_own_proves_nothing() {
        let mut tree = Tree::control_plane();
        let finding = |severity: &str, component: &str, address: &str| {
            format!(
                "{severity} etc/kubernetes/manifests/{component}.yaml: {component} serves on {address} and has no --tls-cert-file, so its \
                 certificate is one that it made itself"
            )
        };
        let scheduler = finding("low", "kube-scheduler", "127.0.0.1");
        assert_eq!(
            tree.findings("K022"),
            [finding("low", "kube-controller-manager", "127.0.0.1"), scheduler.clone()]
        );
        tree.flag("kube-controller-manager", "--bind-address=0.0.0.0");
        assert_eq!(
            tree.findings("K022"),
            [finding("medium", "kube-controller-manager", "0.0.0.0"), scheduler.clone()]
        );
        tree.flag("kube-controller-manager", "--tls-cert-file=/etc/kubernetes/pki/controller-manager.crt");
        assert_eq!(tree.findings("K022"), [scheduler]);
        tree.flag("kube-scheduler", "--secure-port=0");
        assert_eq!(tree.findings("K022"), [""; 0]);
        assert!(Tree::worker().not_applicable(&RULE));
    }
}
