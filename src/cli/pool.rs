//! Which certificates and lists a verification is made with.

use std::path::{Path, PathBuf};

use kpki::chain::{Located, LocatedList, Unreadable, certificates, revocation_lists};
use kpki::disk::read_bounded;
use kpki::x509::X509Error;

use super::Failure;
use super::output::{self, inform};

/// The largest file of certificates or lists, in bytes: 64 MiB hold some fifty thousand certificates.
const LARGEST: u64 = 64 << 20;
/// What a directory of CAs is searched for.
const ENDINGS: [&str; 4] = ["crt", "pem", "cert", "cer"];

/// Reads files of certificates. What cannot be read of them is said, and left out.
pub(super) fn read_certificates(files: &[PathBuf]) -> Result<Vec<Located>, Failure> {
    let mut out = Vec::new();
    for file in files {
        out.extend(readable(certificates_in(file)?)?);
    }
    Ok(out)
}

/// Reads trust anchors: every certificate of a file, or the CA certificates of a directory (not of those below it).
pub(super) fn read_anchors(places: &[PathBuf]) -> Result<Vec<Located>, Failure> {
    let mut out = Vec::new();
    for place in places {
        if place.is_dir() {
            let found = cas_of(place)?;
            if found.is_empty() {
                return Err(Failure::new(format!("{} holds no CA certificate", output::path(place)))
                    .hint("name the file: --ca FILE"));
            }
            out.extend(found);
        } else {
            out.extend(readable(certificates_in(place)?)?);
        }
    }
    Ok(out)
}

fn cas_of(directory: &Path) -> Result<Vec<Located>, Failure> {
    let cannot = |error: std::io::Error| {
        Failure::new(format!("cannot list {}: {error}", output::path(directory))).hint("check the path")
    };
    let mut files = Vec::new();
    for item in std::fs::read_dir(directory).map_err(cannot)? {
        let path = item.map_err(cannot)?.path();
        let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let is_key = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("-key"));
        if path.is_file() && ENDINGS.contains(&ending.as_str()) && !is_key {
            files.push(path);
        }
    }
    files.sort();
    let mut out = Vec::new();
    for file in files {
        // A file without a certificate is no matter in a directory.
        if let Ok(found) = certificates_in(&file) {
            let found = readable(found)?;
            out.extend(found.into_iter().filter(|located| located.certificate.tbs.extensions.is_ca()));
        }
    }
    Ok(out)
}

/// Every certificate of a file, each read or not.
pub(super) fn certificates_in(file: &Path) -> Result<Vec<Result<Located, Unreadable>>, Failure> {
    let bytes = read_bounded(file, LARGEST)?;
    certificates(&output::path(file), &bytes).map_err(|error| explain(error, file, "a certificate"))
}

fn explain(error: X509Error, file: &Path, wanted: &str) -> Failure {
    Failure::from(error)
        .at(output::path(file))
        .hint(format!("{wanted} is wanted here, in PEM or DER; kpki inspect FILE says what a file holds"))
}

fn readable(all: Vec<Result<Located, Unreadable>>) -> Result<Vec<Located>, Failure> {
    let mut out = Vec::new();
    for one in all {
        match one {
            Ok(located) => out.push(located),
            Err(unreadable) => inform(format!("left out: {unreadable}"))?,
        }
    }
    Ok(out)
}

/// Reads files of revocation lists. One that cannot be read ends the run: what it would have said is not known.
pub(super) fn read_lists(files: &[PathBuf]) -> Result<Vec<LocatedList>, Failure> {
    let mut out = Vec::new();
    for file in files {
        let bytes = read_bounded(file, LARGEST)?;
        let found = revocation_lists(&output::path(file), &bytes)
            .map_err(|error| explain(error, file, "a revocation list"))?;
        for list in found {
            out.push(list?);
        }
    }
    Ok(out)
}
