//! Manifests, the kubelet's configuration and kubeconfigs.

use super::super::Line;

pub(super) fn lines() -> Vec<Line> {
    vec![]
}
