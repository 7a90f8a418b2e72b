//! kpki: a PKI and TLS toolkit for the certificates of Kubernetes clusters.
//!
//! The modules stand on floors; each imports only from the floors below it (`tests/layering.rs`
//! holds the table). See `docs/architecture.md`.

pub mod adoption;
pub mod audit;
pub mod ca;
pub mod chain;
pub mod clock;
pub mod cluster;
pub mod disk;
pub mod inspect;
pub mod issue;
pub mod key;
pub mod kubeconfig;
pub mod layout;
pub mod ledger;
pub mod manifest;
pub mod pem;
pub mod profile;
pub mod rehearse;
pub mod remedy;
pub mod repair;
pub mod request;
pub mod tls;
pub mod x509;
mod yaml;

/// The forge of certificates that unit tests share with the tests in `tests/`.
#[cfg(test)]
#[expect(dead_code, reason = "unit tests use a part of it")]
#[path = "../tests/forge/mod.rs"]
mod forge;
