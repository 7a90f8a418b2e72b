//! `kpki status`.
