//! `kpki rehearse` on whole trees: kubeadm's own, kpki's for several nodes, and each broken in one way.
//!
//! What must fail is written down connection by connection; `openssl`, which knows nothing of kpki, makes some of the
//! same handshakes with the same files and must come to the same end.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

mod broken;
mod layouts;
mod manifests;
mod oracle;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;
mod tree;
