//! What hostile files may cost: every reader of YAML alone, and an audit of files of every odd kind.
//!
//! The high-water mark of the process's memory is the kernel's (`VmHWM` of proc(5)), so that these tests are one, and alone
//! in their process. `KPKI_ODD_FILES=14000 cargo test --release --test memory` tries the whole.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[path = "forge/mod.rs"]
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod forge;
mod odd;
#[path = "support/mod.rs"]
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;

use kpki::audit::Config;
use kpki::cluster::{self, Defaults};
use kpki::inspect::inspect;
use kpki::kubeconfig;
use kpki::manifest;
use kpki::profile::Catalogue;
use kpki::request::SigningRequest;
use rayon::prelude::*;
use support::{command, kpki, run, scratch, text};

/// What one file may cost, in KiB; and for each byte of a long one without aliases that tells of a cluster, which may have 150,000 nodes.
const MOST_OF_A_FILE: u64 = 16 << 10;
const MOST_OF_A_BYTE: u64 = 32;

/// What an audit of 14,000 odd files may cost, in KiB, and what it costs without any.
const MOST_OF_AN_AUDIT: u64 = 256 << 10;
const WITHOUT_FILES: u64 = 56 << 10;
const FILES_OF_AN_AUDIT: u64 = 14_000;

/// How many are tried where nobody says otherwise.
const USUAL_FILES: usize = 1_400;

/// A field of `/proc/self/status`, in KiB.
fn status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("the kernel's word");
    let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("it is there");
    line.trim_start_matches(':').trim().trim_end_matches(" kB").trim().parse().expect("a number")
}

/// Aliases of aliases, with something before and behind.
fn bomb(head: &str, tail: &str) -> String {
    let mut text = format!("{head}a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        let _ = writeln!(text, "a{level}: &a{level} [{below}]");
    }
    format!("{text}{tail}")
}

type Reader = fn(&[u8]);

/// Every door through which YAML comes in, and what stands around a bomb there.
const READERS: &[(&str, Reader, &str, &str)] = &[
    ("inspect", |text| drop(inspect("file", text)), "apiVersion: v1\nkind: Secret\n", "data: {a: *a8}\n"),
    (
        "inspect of data",
        |text| drop(inspect("file", text)),
        "x: QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2\n",
        "",
    ),
    (
        "kubeconfig",
        |text| drop(kubeconfig::parse(text)),
        "apiVersion: v1\nkind: Config\n",
        "clusters: *a8\nusers: *a8\n",
    ),
    (
        "static pod",
        |text| drop(manifest::static_pod(text)),
        "apiVersion: v1\nkind: Pod\n",
        "spec: {containers: *a8}\n",
    ),
    (
        "kubelet's configuration",
        |text| drop(manifest::kubelet_configuration(text)),
        "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n",
        "tlsCipherSuites: *a8\n",
    ),
    (
        "settings",
        |text| drop(manifest::Document::sniff(text)),
        "data-dir: /var/lib/etcd\n",
        "peer-transport-security: *a8\n",
    ),
    (
        "request",
        |text| drop(SigningRequest::read_all(text)),
        "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {name: a}\n",
        "spec: {request: x, signerName: a, usages: *a8}\n",
    ),
    (
        "cluster",
        |text| drop(cluster::parse(text, "file", &Defaults::default())),
        "apiVersion: kpki/v1alpha1\nkind: Cluster\nmetadata: {name: a}\n",
        "spec: {nodes: *a8}\n",
    ),
    (
        "kubeadm's configuration",
        |text| drop(cluster::parse(text, "file", &Defaults::default())),
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n",
        "apiServer: {certSANs: *a8}\n",
    ),
    (
        "profile",
        |text| drop(Catalogue::with_overrides(vec![("x.yaml".to_owned(), text.to_vec())])),
        "name: x\ndescription: y\n",
        "extendedKeyUsage: *a8\n",
    ),
    ("audit's configuration", |text| drop(Config::read("file", text)), "", "waivers: *a8\n"),
];

/// Which reader and which text, for a process of its own: what an allocator has once, it keeps.
const CASE: &str = "KPKI_MEMORY_CASE";

#[test]
fn hostile_files_cost_little() {
    if let Some(directory) = std::env::var_os("KPKI_ODD_DIRECTORY") {
        odd::write(std::path::Path::new(&directory), 1, files());
    } else if let Ok(case) = std::env::var(CASE) {
        let (reader, kind) = case.split_once(',').expect("two numbers");
        one(reader.parse().expect("a number"), kind.parse().expect("a number"));
    } else {
        readers();
        audit();
    }
}

fn files() -> usize {
    std::env::var("KPKI_ODD_FILES").ok().and_then(|count| count.parse().ok()).unwrap_or(USUAL_FILES)
}

/// Texts that cost much, around what a reader wants to see.
fn hostile(head: &str, tail: &str) -> [(&'static str, String); 5] {
    let long = format!("{head}t: &t {}\nu: [{}]\n{tail}", "x".repeat(100_000), vec!["*t"; 9000].join(", "));
    let keys: Vec<String> = (0..100).map(|at| format!("k{at}: v")).collect();
    let lines = |count: usize, name: &str, value: &str| {
        (0..count).fold(String::new(), |mut text, at| {
            let _ = writeln!(text, "{name}{at}: {value}");
            text
        })
    };
    let merged = lines(5000, "m", "{<<: *m}");
    let fields = lines(50_000, "f", "{a: b}");
    [
        ("aliases", bomb(head, tail)),
        ("aliases of a long text", long),
        ("merged fields", format!("{head}m: &m {{{}}}\n{merged}{tail}", keys.join(", "))),
        ("a dense list", format!("{head}d: [{}]\n{tail}", vec!["a"; 1 << 18].join(","))),
        ("many fields", format!("{head}{fields}{tail}")),
    ]
}

/// Reads one text, and says by how many KiB that raised the process's memory.
fn one(reader: usize, kind: usize) {
    let (_, read, head, tail) = READERS[reader];
    let texts = hostile(head, tail);
    let text = texts[kind].1.as_bytes();
    // 5: the mark is set to what is in use.
    std::fs::write("/proc/self/clear_refs", "5").expect("the process's own");
    let before = status("VmRSS");
    read(text);
    let cost = status("VmHWM").saturating_sub(before);
    writeln!(std::io::stdout(), "cost={cost}").expect("whoever asked reads it");
}

fn readers() {
    let own = std::env::current_exe().expect("this test");
    let cases: Vec<(usize, usize)> =
        (0..READERS.len()).flat_map(|reader| (0..5).map(move |kind| (reader, kind))).collect();
    let wrong: Vec<String> = cases
        .par_iter()
        .filter_map(|(reader, kind)| {
            let mut child = command(text(&own), ["--exact", "hostile_files_cost_little", "--nocapture"]);
            let ran = run(child.env(CASE, format!("{reader},{kind}"))).ok();
            let cost =
                ran.stdout.split("cost=").nth(1).and_then(|rest| rest.lines().next()?.parse::<u64>().ok());
            let (name, _, head, tail) = READERS[*reader];
            let (what, text) = &hostile(head, tail)[*kind];
            let cost = cost.unwrap_or_else(|| panic!("{name}: {}", ran.words()));
            // One alias stands in every text.
            let tells_of_cluster =
                matches!(name, "cluster" | "kubeadm's configuration") && text.matches('*').count() < 2;
            let own = if tells_of_cluster { MOST_OF_A_BYTE * text.len() as u64 / 1024 } else { 0 };
            (cost > MOST_OF_A_FILE.max(own))
                .then(|| format!("{name}: {what} of {} bytes: {cost} KiB", text.len()))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An audit by the program itself, whose memory is its own.
fn audit() {
    let count = files();
    let directory = scratch();
    odd::write(directory.path(), 1, count);
    let count = count as u64;
    let share = count.min(FILES_OF_AN_AUDIT);
    let most = WITHOUT_FILES + (MOST_OF_AN_AUDIT - WITHOUT_FILES) * share / FILES_OF_AN_AUDIT;
    for form in ["text", "json"] {
        let mut command =
            kpki(["--now", "2026-06-01T12:00:00Z", "audit", "-o", form, text(directory.path())]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("kpki");
        let peak = peak_of(&mut child);
        assert!(peak <= most, "{count} odd files cost {peak} KiB in {form}, and {most} are the most");
    }
}

/// The most memory that a child had, in KiB, asked for again and again until it is gone.
fn peak_of(child: &mut std::process::Child) -> u64 {
    let path = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        let status = std::fs::read_to_string(&path).unwrap_or_default();
        let mark = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let mark = mark.and_then(|mark| mark.trim().trim_end_matches(" kB").trim().parse::<u64>().ok());
        peak = peak.max(mark.unwrap_or(0));
        if let Some(ended) = child.try_wait().expect("a child") {
            assert!(ended.code().is_some_and(|code| code < 2), "{ended}");
            return peak;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}
