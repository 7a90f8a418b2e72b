//! `kpki ledger`.
