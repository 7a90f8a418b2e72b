//! The bare cost of a cluster's PKI: so many P-256 key pairs, so many signatures, and so many files of given sizes and
//! modes, on as many threads as kpki has, and nothing else. No X.509, no PEM, no checks, no ledger: what kpki takes
//! beyond this is what kpki costs. `benches/run.py` runs the two in turns.
//!
//! usage: `bare_cost --keys N --signatures N [--manifest FILE --dir DIR] [--sync]`
//!
//! Each line of the manifest is `OCTAL-MODE SIZE PATH`; a directory's path ends with a slash. `--sync` ends with one
//! `syncfs`. Prints what took how long, in milliseconds.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a benchmark writes files and prints"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]

use std::error::Error;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use rayon::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

type Failure = Box<dyn Error + Send + Sync>;

/// A to-be-signed certificate is about this long.
const MESSAGE_BYTES: usize = 480;

struct Job {
    keys: usize,
    signatures: usize,
    manifest: Option<PathBuf>,
    directory: PathBuf,
    sync: bool,
}

/// One line of the manifest.
struct Entry {
    mode: u32,
    size: usize,
    path: PathBuf,
    is_directory: bool,
}

fn main() -> ExitCode {
    match job(std::env::args().skip(1)).and_then(|job| run(&job)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bare_cost: {failure}");
            ExitCode::from(2)
        }
    }
}

fn job(mut words: impl Iterator<Item = String>) -> Result<Job, Failure> {
    let mut job =
        Job { keys: 1_000, signatures: 1_000, manifest: None, directory: PathBuf::new(), sync: false };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--keys" => job.keys = value()?.parse()?,
            "--signatures" => job.signatures = value()?.parse()?,
            "--manifest" => job.manifest = Some(value()?.into()),
            "--dir" => job.directory = value()?.into(),
            "--sync" => job.sync = true,
            "--bench" => {} // cargo's own word
            _ => return Err(format!("what is {word}?").into()),
        }
    }
    Ok(job)
}

fn run(job: &Job) -> Result<(), Failure> {
    let start = Instant::now();
    let random = SystemRandom::new();
    let keys = (0..job.keys)
        .into_par_iter()
        .map(|_| {
            let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)?;
            Ok(document.as_ref().len())
        })
        .collect::<Result<Vec<usize>, ring::error::Unspecified>>()?;
    report("key pairs", keys.len(), start);

    let start = Instant::now();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)?;
    let signer = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &random)
        .map_err(|rejected| rejected.to_string())?;
    let message = [0x5a_u8; MESSAGE_BYTES];
    let signatures = (0..job.signatures)
        .into_par_iter()
        .map(|_| Ok(signer.sign(&random, &message)?.as_ref().len()))
        .collect::<Result<Vec<usize>, ring::error::Unspecified>>()?;
    report("signatures", signatures.len(), start);

    if let Some(manifest) = &job.manifest {
        write_files(job, &std::fs::read_to_string(manifest)?)?;
    }
    Ok(())
}

fn write_files(job: &Job, manifest: &str) -> Result<(), Failure> {
    let entries = manifest.lines().map(entry).collect::<Result<Vec<Entry>, Failure>>()?;
    let (directories, files): (Vec<Entry>, Vec<Entry>) =
        entries.into_iter().partition(|entry| entry.is_directory);
    let largest = files.iter().map(|file| file.size).max().unwrap_or(0);
    let content = vec![b'x'; largest];

    let start = Instant::now();
    for directory in &directories {
        DirBuilder::new().recursive(true).mode(directory.mode).create(job.directory.join(&directory.path))?;
    }
    files.par_iter().try_for_each(|file| -> Result<(), Failure> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(file.mode);
        options.open(job.directory.join(&file.path))?.write_all(&content[..file.size])?;
        Ok(())
    })?;
    report("files", files.len(), start);

    if job.sync {
        let start = Instant::now();
        rustix::fs::syncfs(File::open(&job.directory)?)?;
        report("syncs", 1, start);
    }
    Ok(())
}

fn entry(line: &str) -> Result<Entry, Failure> {
    let mut fields = line.splitn(3, ' ');
    let mut field = || fields.next().ok_or_else(|| format!("not a line of a manifest: {line:?}"));
    let (mode, size, path) = (field()?, field()?, field()?);
    Ok(Entry {
        mode: u32::from_str_radix(mode, 8)?,
        size: size.parse()?,
        path: PathBuf::from(path),
        is_directory: path.ends_with('/'),
    })
}

fn report(what: &str, count: usize, start: Instant) {
    println!("{count} {what}: {:.1} ms", start.elapsed().as_secs_f64() * 1_000.0);
}
