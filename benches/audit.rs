//! What an audit of a whole fleet costs beside the work that nobody can leave out.
//!
//! usage: `audit --tree NODES DIR` writes the PKI directories of so many control planes, each with ten certificates as
//! kubeadm makes them, of which the three CAs are the same everywhere; `audit --bare DIR` reads every file there once and
//! checks the signature of every certificate once, on all cores, and does nothing else.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a benchmark writes files and prints"
)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it did")]

#[path = "../tests/forge/mod.rs"]
#[expect(
    dead_code,
    clippy::panic,
    clippy::expect_used,
    reason = "it is made for tests, where a wrong word must panic; a benchmark needs little of it"
)]
mod forge;

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kpki::x509::Certificate;
use rayon::prelude::*;

type Failure = Box<dyn Error + Send + Sync>;

/// The leaves of a control plane: the file, the CA's number, and the words of the forge, in which `NODE` and `ADDRESS` are
/// the node's.
const LEAVES: [(&str, usize, &str); 7] = [
    (
        "apiserver",
        0,
        "cn=kube-apiserver eku=server sans=dns:NODE,dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
         dns:kubernetes.default.svc.cluster.local,dns:localhost,ip:10.96.0.1,ip:ADDRESS,ip:127.0.0.1",
    ),
    ("apiserver-kubelet-client", 0, "cn=kube-apiserver-kubelet-client eku=client"),
    ("apiserver-etcd-client", 1, "cn=kube-apiserver-etcd-client eku=client"),
    ("front-proxy-client", 2, "cn=front-proxy-client eku=client"),
    (
        "etcd/server",
        1,
        "cn=NODE eku=server,client sans=dns:NODE,dns:localhost,ip:ADDRESS,ip:127.0.0.1,ip:::1",
    ),
    ("etcd/peer", 1, "cn=NODE eku=server,client sans=dns:NODE,dns:localhost,ip:ADDRESS,ip:127.0.0.1,ip:::1"),
    ("etcd/healthcheck-client", 1, "cn=kube-etcd-healthcheck-client eku=client"),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["--tree", nodes, directory] => {
            nodes.parse().map_err(Failure::from).and_then(|nodes| tree(nodes, Path::new(directory)))
        }
        ["--bare", directory] => bare(Path::new(directory)),
        // cargo bench passes `--bench`: benches/run.py calls it with the words above.
        _ => Ok(()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("audit: {failure}");
            ExitCode::from(2)
        }
    }
}

fn tree(nodes: usize, directory: &Path) -> Result<(), Failure> {
    let authority = |name: &str| {
        forge::ca(&format!("cn={name} sans=dns:{name} ku=digitalSignature,keyEncipherment,keyCertSign"))
    };
    let authorities = [authority("kubernetes"), authority("etcd-ca"), authority("front-proxy-ca")];
    (0..nodes).into_par_iter().try_for_each(|number| {
        let node = format!("cp{number}.example.com");
        let address = format!("10.{}.{}.{}", number >> 16, number >> 8 & 255, number & 255);
        let pki = directory.join(&node).join("etc/kubernetes/pki");
        fs::create_dir_all(pki.join("etcd"))?;
        for (file, authority) in ["ca", "etcd/ca", "front-proxy-ca"].into_iter().zip(&authorities) {
            fs::write(pki.join(format!("{file}.crt")), authority.pem())?;
        }
        for (file, authority, words) in LEAVES {
            let words = words.replace("NODE", &node).replace("ADDRESS", &address);
            let usual = "ku=digitalSignature,keyEncipherment ski=absent until=+364d";
            let leaf = authorities[authority].leaf(&format!("{usual} {words}"));
            fs::write(pki.join(format!("{file}.crt")), leaf.pem())?;
        }
        Ok(())
    })
}

fn files(directory: &Path, into: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            files(&entry.path(), into)?;
        } else {
            into.push(entry.path());
        }
    }
    Ok(())
}

fn bare(directory: &Path) -> Result<(), Failure> {
    let mut all = Vec::new();
    files(directory, &mut all)?;
    let read = |path: &PathBuf| -> Result<Vec<u8>, Failure> { Ok(fs::read(path)?) };
    let texts = all.par_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut seen = HashSet::new();
    let distinct: Vec<&Vec<u8>> = texts.iter().filter(|text| seen.insert(*text)).collect();
    let certificates = distinct
        .par_iter()
        .map(|text| Ok(Certificate::from_pem_or_der(text)?))
        .collect::<Result<Vec<_>, Failure>>()?;
    let issuers: HashMap<&[u8], &Certificate> = certificates
        .iter()
        .filter(|certificate| certificate.tbs.is_self_issued())
        .map(|certificate| (certificate.tbs.subject.der(), certificate))
        .collect();
    certificates.par_iter().try_for_each(|certificate| {
        let issuer = issuers.get(certificate.tbs.issuer.der()).ok_or("an issuer is missing")?;
        certificate.verify_signature(&issuer.tbs.public_key).map_err(Failure::from)
    })?;
    println!("{} files, {} signatures", all.len(), certificates.len());
    Ok(())
}
