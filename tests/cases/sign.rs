//! `kpki sign csr`.
