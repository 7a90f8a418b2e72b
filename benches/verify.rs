//! What a verification costs beside the signatures that it must check: the path of a leaf, an intermediate and a root on
//! P-256, again and again on one thread, in turns with the bare signature checks of the same certificates.
//!
//! usage: `verify [--rounds N]`. Prints microseconds. For comparisons of whole processes, `--leaves N DIR` writes N leaves
//! of one CA instead, each in a file, and `--signatures N DIR` reads these files, checks their signatures on all cores and
//! does nothing else.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a benchmark writes files and prints"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]

#[path = "../tests/forge/mod.rs"]
#[expect(
    dead_code,
    clippy::panic,
    clippy::expect_used,
    reason = "it is made for tests, where a wrong word must panic; a benchmark needs little of it"
)]
mod forge;

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use kpki::chain::{Located, Policy, Purpose, Settings, Source, Verifier};
use kpki::x509::Certificate;
use rayon::prelude::*;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["--leaves", count, directory] => {
            count.parse().map_err(Failure::from).and_then(|count| leaves(count, Path::new(directory)))
        }
        ["--signatures", count, directory] => {
            count.parse().map_err(Failure::from).and_then(|count| signatures(count, Path::new(directory)))
        }
        ["--rounds", rounds, ..] => rounds.parse().map_err(Failure::from).and_then(measure),
        // cargo bench passes `--bench`.
        _ => measure(50),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("verify: {failure}");
            ExitCode::from(2)
        }
    }
}

/// Reads the files and checks the signatures, on all cores.
fn signatures(count: usize, directory: &Path) -> Result<(), Failure> {
    let read = |name: &str| -> Result<Certificate, Failure> {
        Ok(Certificate::from_pem_or_der(&fs::read(directory.join(name))?)?)
    };
    let ca = read("ca.pem")?;
    (0..count).into_par_iter().try_for_each(|index| {
        let bare = bare(&read(&format!("leaf{index}.pem"))?, &ca)?;
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &bare.key);
        key.verify(&bare.message, &bare.signature).map_err(|_| Failure::from("a signature does not hold"))
    })
}

/// Leaves of one CA, each in a file of its own, and the CA in `ca.pem`.
fn leaves(count: usize, directory: &Path) -> Result<(), Failure> {
    let ca = forge::ca("cn=Bench");
    fs::write(directory.join("ca.pem"), ca.pem())?;
    for index in 0..count {
        let words = format!("cn=node{index} sans=dns:node{index}.example.com eku=server,client until=+5y");
        fs::write(directory.join(format!("leaf{index}.pem")), ca.leaf(&words).pem())?;
    }
    Ok(())
}

fn located(forged: &forge::Forged) -> Result<Located, Failure> {
    Ok(Located { certificate: Certificate::from_der(forged.der())?, source: Source::default() })
}

/// The signed bytes, the signature and the issuer's key, of each signature of the path.
struct Bare {
    message: Vec<u8>,
    signature: Vec<u8>,
    key: Vec<u8>,
}

fn bare(certificate: &Certificate, issuer: &Certificate) -> Result<Bare, Failure> {
    let der = certificate.der();
    // The signature is the last element, a BIT STRING of less than 128 bytes; the key's point ends its SPKI.
    let start = (der.len() - 80..der.len() - 8)
        .find(|&at| der[at] == 3 && at + 2 + usize::from(der[at + 1]) == der.len() && der[at + 2] == 0)
        .ok_or("no signature")?;
    let spki = issuer.tbs.public_key.der();
    Ok(Bare {
        message: certificate.tbs_der().to_vec(),
        signature: der[start + 3..].to_vec(),
        key: spki[spki.len() - 65..].to_vec(),
    })
}

fn measure(rounds: usize) -> Result<(), Failure> {
    /// Verifications in a round: some milliseconds.
    const BATCH: u32 = 50;
    let root = forge::ca("cn=Root");
    let inter = root.ca("cn=Intermediate");
    let leaf = inter.leaf("cn=leaf sans=dns:a.example.com eku=server");
    let anchors = [located(&root)?];
    let intermediates = [located(&inter)?];
    let leaf = located(&leaf)?;
    let bares = [
        bare(&leaf.certificate, &intermediates[0].certificate)?,
        bare(&intermediates[0].certificate, &anchors[0].certificate)?,
    ];
    let at = time::macros::datetime!(2026-06-01 12:00 UTC);
    let settings = |policy| Settings {
        policy,
        purpose: Purpose::Server,
        names: vec!["dns:a.example.com".parse().unwrap_or(kpki::x509::SubjectAltName::Dns(String::new()))],
        at,
    };
    let (kubernetes, rfc5280) = (settings(Policy::Kubernetes), settings(Policy::Rfc5280));
    let verifiers =
        [&kubernetes, &rfc5280].map(|settings| Verifier::new(settings, &anchors, &intermediates, &[]));
    let mut times: [Vec<Duration>; 4] = Default::default();
    let mut failed = false;
    for _ in 0..rounds {
        for (which, times) in times.iter_mut().enumerate() {
            let start = Instant::now();
            for _ in 0..BATCH {
                failed |= match which {
                    0 => bares.iter().any(|bare| {
                        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &bare.key);
                        key.verify(black_box(&bare.message), &bare.signature).is_err()
                    }),
                    1 | 2 => !black_box(verifiers[which - 1].verify(black_box(&leaf))).is_valid(),
                    _ => {
                        let fresh = [&leaf, &intermediates[0], &anchors[0]]
                            .map(|located| Certificate::from_der(black_box(located.certificate.der())));
                        black_box(fresh).iter().any(Result::is_err)
                    }
                };
            }
            times.push(start.elapsed() / BATCH);
        }
    }
    if failed {
        return Err("a verification failed".into());
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1e6
    };
    let [mut bare, mut kubernetes, mut rfc5280, mut parse] = times;
    let bare = median(&mut bare);
    println!("two P-256 signatures, bare {bare:.1} us");
    for (name, times) in [("policy kubernetes", &mut kubernetes), ("policy rfc5280", &mut rfc5280)] {
        let time = median(times);
        println!("a path of three, {name} {time:.1} us ({:.2} times bare)", time / bare);
    }
    println!("reading the three certificates {:.1} us", median(&mut parse));
    Ok(())
}
