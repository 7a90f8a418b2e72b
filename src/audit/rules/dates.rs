//! Instants and spans in messages, and what renews a certificate: what the rules of time have in common.

use time::{Duration, OffsetDateTime};

use super::super::Role;
use super::distinct::Distinct;

/// `2026-06-01 12:00 UTC`.
pub(super) fn shown(instant: OffsetDateTime) -> String {
    let (date, hour, minute) = (instant.date(), instant.hour(), instant.minute());
    format!("{date} {hour:02}:{minute:02} UTC")
}

/// `12 days`, `1 hour`: in the largest unit of which there are two, or days.
pub(super) fn span(duration: Duration) -> String {
    let duration = duration.abs();
    let (count, unit) = match (duration.whole_days(), duration.whole_hours(), duration.whole_minutes()) {
        (0, 0, 0) => return "less than a minute".to_owned(),
        (0, 0, minutes) => (minutes, "minute"),
        (0, hours, _) => (hours, "hour"),
        (1, hours, _) if hours < 48 => (hours, "hour"),
        (days, _, _) => (days, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// `12 days ago`, `in 12 days`.
pub(super) fn distance(instant: OffsetDateTime, at: OffsetDateTime) -> String {
    if instant > at { format!("in {}", span(instant - at)) } else { format!("{} ago", span(at - instant)) }
}

/// How kubeadm calls what it can renew (`kubeadm certs renew --help`).
fn kubeadms_name(role: Role) -> Option<&'static str> {
    Some(match role {
        Role::Apiserver => "apiserver",
        Role::ApiserverKubeletClient => "apiserver-kubelet-client",
        Role::ApiserverEtcdClient => "apiserver-etcd-client",
        Role::FrontProxyClient => "front-proxy-client",
        Role::EtcdServer => "etcd-server",
        Role::EtcdPeer => "etcd-peer",
        Role::EtcdClient => "etcd-healthcheck-client",
        Role::Admin => "admin.conf",
        Role::SuperAdmin => "super-admin.conf",
        Role::ControllerManager => "controller-manager.conf",
        Role::Scheduler => "scheduler.conf",
        _ => return None,
    })
}

/// How to renew a certificate, with the exact commands.
pub(super) fn renewal(one: &Distinct<'_>) -> String {
    let path = &one.cert.file().on_node;
    let role = one.role();
    if path.starts_with("/var/lib/rancher") {
        return "Restart the service on this node, `systemctl restart k3s` (or `rke2-server`): it renews what ends \
                soon; `k3s certificate rotate` renews the rest while it is stopped."
            .to_owned();
    }
    if one.is_anchor() || one.cert.is_ca() {
        return "Make the new CA beside the old one (`kpki ca init --dir NEW`), let everybody trust both, then issue \
                every leaf again: \
                https://kubernetes.io/docs/tasks/tls/manual-rotation-of-ca-certificates/ has the steps."
            .to_owned();
    }
    if let Some(name) = role.and_then(kubeadms_name)
        && path.starts_with("/etc/kubernetes")
    {
        if matches!(role, Some(Role::Admin | Role::SuperAdmin)) {
            return format!(
                "`kubeadm certs renew {name}` on this node, then copy it to where people keep theirs (~/.kube/config)."
            );
        }
        return format!(
            "`kubeadm certs renew {name}` on this node, then restart what reads it: move its manifest out of \
             /etc/kubernetes/manifests for 20 seconds, and back."
        );
    }
    match role {
        Some(Role::KubeletClient) => "`systemctl restart kubelet`: it asks for a new one while the old one holds. Once that has \
             expired, write a new kubelet.conf on a control plane: `kubeadm kubeconfig user --org system:nodes \
             --client-name system:node:NAME`."
            .to_owned(),
        Some(Role::KubeletServing) => "`kubectl get csr`, and `kubectl certificate approve NAME` for the one that the kubelet asks \
             for; where it signs for itself, remove FILE and its key, and `systemctl restart kubelet`."
            .to_owned(),
        Some(Role::User) => "`kpki issue user NAME --group GROUP --kubeconfig NAME.conf --server URL`.".to_owned(),
        Some(role) if role != Role::Component => format!(
            "`kpki csr new {role} NAME --key KEY`, then `kpki sign csr NAME.csr --profile {role} --ca CA --out FILE \
             --force`."
        ),
        _ => "`kpki csr new PROFILE NAME --key KEY`, then `kpki sign csr NAME.csr --profile PROFILE --ca CA --out \
             FILE --force`; `kpki profile list` has the profiles. If nobody uses it, remove it."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn spans_are_told_in_a_unit_that_fits() {
        let at = datetime!(2026-06-01 12:00 UTC);
        for (seconds, text) in [
            (0, "less than a minute ago"),
            (-59, "less than a minute ago"),
            (60, "in 1 minute"),
            (-3600, "1 hour ago"),
            (47 * 3600, "in 47 hours"),
            (48 * 3600, "in 2 days"),
            (-12 * 86_400 - 80_000, "12 days ago"),
        ] {
            assert_eq!(distance(at + Duration::seconds(seconds), at), text);
        }
        assert_eq!(shown(at), "2026-06-01 12:00 UTC");
    }
}
