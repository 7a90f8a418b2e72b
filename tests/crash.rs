//! Killed at every step: `strace` sends SIGKILL to kpki at the entry of its Nth system call of a kind, for each
//! kind that changes the disk (or opens a file) and N = 1, 2, 3, … until a run is not killed any more. Whatever
//! the moment, no half-written file may be left, no temporary one, and no certificate without its line in the
//! ledger; and the same command, run again, completes the job.
//!
//! A killed process is what this tests, not a lost machine: what had been written is still in the page cache.
//!
//! Where tracing is forbidden (some containers) the tests fail and say so; `KPKI_SKIP_CRASH=1` skips them by hand.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use support::tree::TreeChecker;
use support::{command, copy_tree, kpki, kpki_binary, openssl, run, scratch, text, write};

/// The system calls at whose entry kpki is killed. The question mark lets strace pass over those that this
/// machine's architecture does not have.
const STEPS: [&str; 20] = [
    "openat",
    "write",
    "?writev",
    "pwrite64",
    "ftruncate",
    "?fallocate",
    "fsync",
    "fdatasync",
    "syncfs",
    "linkat",
    "?link",
    "renameat2",
    "?renameat",
    "?rename",
    "?mkdir",
    "mkdirat",
    "unlinkat",
    "?unlink",
    "flock",
    "copy_file_range",
];

/// Kinds of steps that every command must have gone through, or the test has killed nothing that matters.
const MUST_OCCUR: [(&str, &[&str]); 3] = [
    ("content written", &["write", "?writev", "pwrite64"]),
    ("a name given", &["linkat", "?link", "renameat2", "?renameat", "?rename"]),
    ("made durable", &["fsync", "fdatasync", "syncfs"]),
];

/// No command has more steps of one kind; a run killed more often than this is in a loop.
const MOST_STEPS: usize = 2_000;

/// How many runs go on at once.
const WORKERS: usize = 3;

/// How a traced run ended.
#[derive(Debug, PartialEq)]
enum End {
    Killed,
    Completed,
}

/// Runs kpki with `arguments`, to be killed at the entry of its `count`th `step`.
///
/// strace counts per thread; whichever thread comes to its Nth first takes the process with it.
fn run_and_kill(arguments: &[&str], step: &str, count: usize) -> End {
    let mut strace = traced(step, &format!("inject={step}:signal=SIGKILL:when={count}"));
    strace.arg(kpki_binary()).args(arguments).stdin(Stdio::null());
    let output = strace.output().expect("strace starts; tests/tools/install.sh installs it");
    // strace ends as its tracee did, by the same signal.
    match (output.status.signal(), output.status.code()) {
        (Some(9), _) => End::Killed,
        (None, Some(0)) => End::Completed,
        _ => panic!(
            "{step} {count}: neither killed nor done: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}

fn traced(step: &str, inject: &str) -> Command {
    // RAYON_NUM_THREADS: one worker takes the steps in one order, so that N counts all of them.
    let mut strace = command("strace", ["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={step}")]);
    strace.args(["-e", inject]).env("RAYON_NUM_THREADS", "1").env("NO_COLOR", "1");
    strace
}

/// Whether to skip; fails where tracing is forbidden.
fn skipped_by_hand() -> bool {
    if std::env::var_os("KPKI_SKIP_CRASH").is_some() {
        return true;
    }
    let mut kills = traced("openat", "inject=openat:signal=SIGKILL:when=1");
    let status = kills.args(["cat", "/dev/null"]).output().expect("strace starts").status;
    assert!(
        status.signal() == Some(9),
        "strace cannot kill a process here ({status}); allow ptrace, or set KPKI_SKIP_CRASH=1 to skip this by hand"
    );
    false
}

/// One command, to be killed at each of its steps.
struct Job<'a> {
    /// A directory that is copied for each run; `None` starts from nothing.
    start: Option<&'a Path>,
    /// The arguments for the directory of the run as it stands: all that is left to do there, none if nothing is.
    arguments: &'a (dyn Fn(&Path) -> Vec<String> + Sync),
    /// The directory of the ledger within the directory of the run.
    pki: &'a str,
    /// How many certificates there are when it is done.
    certificates: u64,
}

/// Kills `job` at all its steps and asserts each time.
fn kill_everywhere(job: &Job<'_>) {
    if skipped_by_hand() {
        return;
    }
    let steps = Mutex::new(STEPS.iter());
    let kills = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let mut checker = TreeChecker::start();
                loop {
                    let Some(step) = steps.lock().expect("no worker panicked").next() else { break };
                    let count = kill_at_each(job, step, &mut checker);
                    kills.lock().expect("no worker panicked").insert(*step, count);
                }
            });
        }
    });
    let kills = kills.into_inner().expect("no worker panicked");
    for (what, kinds) in MUST_OCCUR {
        let count: usize = kinds.iter().map(|kind| kills[kind]).sum();
        assert!(count > 0, "{what}: no run was killed there, so this test has proved nothing: {kills:?}");
    }
}

/// Kills `job` at its first, second, … `step`; hands back how many there were.
fn kill_at_each(job: &Job<'_>, step: &str, checker: &mut TreeChecker) -> usize {
    for count in 1..=MOST_STEPS {
        let directory = scratch();
        let place = directory.path().join("run");
        match job.start {
            Some(start) => copy_tree(start, &place),
            None => std::fs::create_dir(&place).expect("a directory for the run"),
        }
        let owned = (job.arguments)(&place);
        let arguments: Vec<&str> = owned.iter().map(String::as_str).collect();
        let when = format!("{step} number {count}");
        let end = run_and_kill(&arguments, step, count);
        checker.assert_whole(&place, &place.join(job.pki), &format!("killed at {when}"));
        // What is left to do may be less by now, or nothing.
        let left = (job.arguments)(&place);
        if !left.is_empty() {
            let again = run(&mut kpki(&left));
            assert!(
                again.code == Some(0),
                "run again after a kill at {when}: {:?}\n{}",
                again.code,
                again.words()
            );
        }
        let done = checker.assert_whole(&place, &place.join(job.pki), &format!("completed after {when}"));
        assert_eq!(done.certificates, job.certificates, "completed after a kill at {when}");
        if end == End::Completed {
            return count - 1;
        }
    }
    panic!("{step}: still killed at number {MOST_STEPS}");
}

/// kubeadm's config of one control plane.
const CONFIG: &str = "apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.10}
nodeRegistration: {name: cp1}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
controlPlaneEndpoint: api.crash-test.example.com:6443
encryptionAlgorithm: ECDSA-P256
";

/// CAs 3, their leaves 7, kubeconfigs 5.
const CONTROL_PLANE_CERTIFICATES: u64 = 15;

#[test]
fn init() {
    let directory = scratch();
    let config = directory.path().join("kubeadm.yaml");
    write(&config, CONFIG);
    let words = |place: &Path| -> Vec<String> {
        ["init", "-f", text(&config), "--dir", text(place)].map(str::to_owned).into()
    };
    kill_everywhere(&Job {
        start: None,
        arguments: &words,
        pki: "pki",
        certificates: CONTROL_PLANE_CERTIFICATES,
    });
}

/// Enough nodes that their files are named by several hands at once.
const MANY: usize = 160;

/// A few moments out of thousands: the first and some later ones of each kind of step.
const MOMENTS: [(&str, &[usize]); 6] = [
    ("write", &[1, 200, 640]),
    ("mkdirat", &[1, 300, 600]),
    ("syncfs", &[1, 2]),
    ("linkat", &[1, 2, 150, 400, 640]),
    ("fsync", &[1]),
    ("renameat2", &[1, 2]),
];

#[test]
fn init_of_many_nodes() {
    if skipped_by_hand() {
        return;
    }
    let directory = scratch();
    let config = directory.path().join("cluster.yaml");
    let workers = (1..=MANY).map(|n| format!("    - {{name: w{n}, addresses: [10.1.0.{n}]}}\n"));
    let spec = format!(
        "apiVersion: kpki/v1alpha1
kind: Cluster
metadata: {{name: many}}
spec:
  algorithm: ECDSA-P256
  controlPlanes:
    - {{name: cp1, addresses: [10.0.0.10]}}
  workers:
{}",
        workers.collect::<String>()
    );
    write(&config, &spec);
    let mut checker = TreeChecker::start();
    let mut killed = 0;
    for (step, counts) in MOMENTS {
        for count in counts {
            let place = directory.path().join(format!("{step}-{count}"));
            std::fs::create_dir(&place).expect("a directory for the run");
            let arguments = ["init", "-f", text(&config), "--dir", text(&place)];
            killed += usize::from(run_and_kill(&arguments, step, *count) == End::Killed);
            let when = format!("{step} number {count}");
            checker.assert_whole(&place, &place.join("ca"), &format!("killed at {when}"));
            run(&mut kpki(arguments)).ok();
            let done = checker.assert_whole(&place, &place.join("ca"), &format!("completed after {when}"));
            // CAs and a control plane in full: 3 and their copies 3, leaves 10, kubeconfigs 5; a worker: the CA's
            // copy, the serving certificate and the kubeconfig.
            assert_eq!(done.certificates, 21 + 3 * MANY as u64, "completed after a kill at {when}");
        }
    }
    assert!(killed >= 10, "only {killed} runs were killed");
}

#[test]
fn sign_csr() {
    let directory = scratch();
    let start = directory.path().join("start");
    run(&mut kpki(["ca", "init", "--dir", text(&start), "--algorithm", "ECDSA-P256"])).ok();
    let before = TreeChecker::start().check(&start).certificates;
    let requests = ["jane", "joe"].map(|user| {
        let (key, request) =
            (directory.path().join(format!("{user}.key")), start.join(format!("{user}.csr")));
        openssl([
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            &format!("/O=dev/CN={user}"),
            "-keyout",
            text(&key),
            "-out",
            text(&request),
        ]);
        format!("{user}.csr")
    });
    let words = |place: &Path| -> Vec<String> {
        // What is signed already is not signed again: kpki would refuse to overwrite it.
        let unsigned = requests.iter().map(|request| place.join(request));
        let unsigned: Vec<PathBuf> = unsigned.filter(|path| !path.with_extension("crt").exists()).collect();
        if unsigned.is_empty() {
            return Vec::new();
        }
        let files = unsigned.iter().map(|path| text(path).to_owned());
        let options = ["--profile", "user", "--ca", text(place)].map(str::to_owned);
        ["sign", "csr"].map(str::to_owned).into_iter().chain(files).chain(options).collect()
    };
    kill_everywhere(&Job { start: Some(&start), arguments: &words, pki: "", certificates: before + 2 });
}
