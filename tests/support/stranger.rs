//! A certificate authority that kpki knows nothing of, made by `openssl`: for clients that must be refused, and
//! for proving that a harness works at all.

use std::path::{Path, PathBuf};

use super::{openssl, text, write};

/// One certificate with its key.
#[derive(Debug, Clone)]
pub(crate) struct Pair {
    /// The certificate, PEM.
    pub(crate) certificate: PathBuf,
    /// Its private key, PEM.
    pub(crate) key: PathBuf,
}

/// A CA of `openssl`'s making.
pub(crate) struct Stranger {
    directory: PathBuf,
    /// The CA's own certificate and key.
    pub(crate) ca: Pair,
}

impl Stranger {
    /// Makes the CA in `directory`, with `name` as common name.
    #[track_caller]
    pub(crate) fn new(directory: &Path, name: &str) -> Self {
        std::fs::create_dir_all(directory).expect("the stranger's directory");
        let ca = Pair { certificate: directory.join("ca.crt"), key: directory.join("ca.key") };
        openssl([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            &format!("/CN={name}"),
            "-addext",
            "keyUsage=critical,digitalSignature,keyCertSign,cRLSign",
            "-keyout",
            text(&ca.key),
            "-out",
            text(&ca.certificate),
        ]);
        Self { directory: directory.to_path_buf(), ca }
    }

    /// Signs a certificate for `subject` (as `/O=a/CN=b`), good for server and client, with `sans` in
    /// `openssl`'s notation.
    #[track_caller]
    pub(crate) fn issue(&self, file: &str, subject: &str, sans: &[&str]) -> Pair {
        let at = |extension: &str| self.directory.join(format!("{file}.{extension}"));
        let pair = Pair { certificate: at("crt"), key: at("key") };
        let (request, extensions) = (at("csr"), at("ext"));
        let mut wanted = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n\
                          extendedKeyUsage=serverAuth,clientAuth\nsubjectKeyIdentifier=hash\n\
                          authorityKeyIdentifier=keyid\n"
            .to_owned();
        if !sans.is_empty() {
            wanted.push_str("subjectAltName=");
            wanted.push_str(&sans.join(","));
            wanted.push('\n');
        }
        write(&extensions, &wanted);
        openssl([
            "req",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            subject,
            "-keyout",
            text(&pair.key),
            "-out",
            text(&request),
        ]);
        openssl([
            "x509",
            "-req",
            "-in",
            text(&request),
            "-days",
            "1",
            "-CA",
            text(&self.ca.certificate),
            "-CAkey",
            text(&self.ca.key),
            "-CAcreateserial",
            "-extfile",
            text(&extensions),
            "-out",
            text(&pair.certificate),
        ]);
        pair
    }
}
