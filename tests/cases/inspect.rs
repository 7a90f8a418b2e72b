//! `kpki inspect`, and the forms of files that every command reads.
