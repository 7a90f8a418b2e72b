//! `kpki audit`, `kpki status` and `kpki explain` from end to end: on kubeadm's own trees and kpki's, calm; on broken and hostile
//! ones, not.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

mod archives;
mod calm;
mod fix;
mod forms;
mod hostile;
mod policy;
mod secrets;
mod status;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;
mod tree;
