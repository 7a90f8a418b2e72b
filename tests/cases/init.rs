//! `kpki init`, `kpki ca`, `kpki issue` and `kpki csr`.
