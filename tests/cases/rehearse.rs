//! `kpki rehearse`.
