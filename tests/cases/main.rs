//! Situations of people who run clusters, each as a line of a table: what lies there, what they type, and what kpki must
//! say or must never say. One table for each job of the program.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]
#![expect(clippy::too_many_lines, reason = "each test is one table")]
#![expect(clippy::format_collect, reason = "the texts are short, and read as what they are")]

mod audit;
mod desk;
#[path = "../forge/mod.rs"]
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod forge;
mod init;
mod inspect;
mod issue;
mod ledger;
mod probe;
mod reading;
mod rehearse;
mod remedies;
mod sign;
mod status;
mod stock;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;
mod table;
mod verify;
