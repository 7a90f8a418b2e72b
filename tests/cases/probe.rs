//! `kpki probe` against real servers.
