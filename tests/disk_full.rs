//! A disk that fills up: kpki works on a small tmpfs, given one page more each time (and, apart from that, one
//! inode more), until a run succeeds. Each failure must end with exit code 2 and words that name the cause, leave
//! nothing half-written and a ledger that verifies; and with room the same command completes the job.
//!
//! The tmpfs is mounted in a mount namespace of the test's own (`unshare`), which takes it away at its end, however
//! that comes. Where that is forbidden the test fails and says so; `KPKI_SKIP_DISK_FULL=1` skips it by hand.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::path::{Path, PathBuf};

use support::tree::TreeChecker;
use support::{command, kpki, openssl, run, scratch, text, write};

/// kubeadm's config of one control plane.
const CONFIG: &str = "apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {advertiseAddress: 10.0.0.10}
nodeRegistration: {name: cp1}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
controlPlaneEndpoint: api.disk-test.example.com:6443
encryptionAlgorithm: ECDSA-P256
";

/// CAs 3, their leaves 7, kubeconfigs 5.
const CONTROL_PLANE_CERTIFICATES: u64 = 15;

/// More pages, or inodes, than any of the jobs needs.
const MOST: usize = 400;

/// Marks the process that `unshare` started, to which the tmpfs belongs.
const INSIDE: &str = "KPKI_TEST_INSIDE_NAMESPACE";

/// What runs out.
#[derive(Clone, Copy, Debug)]
enum Scarce {
    Pages,
    Inodes,
}

impl Scarce {
    /// Options of a tmpfs with `count` of them, and enough of the other.
    fn options(self, count: usize) -> String {
        match self {
            Self::Pages => format!("size={}k,nr_inodes=10000", count * 4),
            Self::Inodes => format!("size=64m,nr_inodes={count}"),
        }
    }
}

/// A test that runs itself once more within namespaces of its own, where it may mount. True inside of them.
fn in_a_namespace(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if std::env::var_os("KPKI_SKIP_DISK_FULL").is_some() {
        return false;
    }
    let itself = std::env::current_exe().expect("the test's own path");
    let user = if rustix::process::geteuid().is_root() { vec![] } else { vec!["--user", "--map-root-user"] };
    let mut unshare = command("unshare", user);
    unshare.arg("--mount").arg(itself).args(["--exact", test, "--nocapture", "--test-threads=1"]);
    let ran = run(unshare.env(INSIDE, "1"));
    assert!(
        ran.code == Some(0) && ran.stdout.contains("1 passed"),
        "{}\n(where namespaces or mounts are forbidden, KPKI_SKIP_DISK_FULL=1 skips this by hand)",
        ran.words()
    );
    false
}

/// Fills the disk under `arguments` (all that is left to do in a directory) at every level of `scarce`; `prepare` lays out what the job starts with, and
/// `certificates` is how many there are at the end. Hands back how many runs failed.
fn fill(
    scarce: Scarce,
    prepare: &dyn Fn(&Path) -> bool,
    arguments: &dyn Fn(&Path) -> Vec<String>,
    pki: &str,
    certificates: u64,
) -> usize {
    let mut checker = TreeChecker::start();
    let mut failures = 0;
    for count in 2..MOST {
        let directory = scratch();
        let disk = directory.path().join("disk");
        std::fs::create_dir(&disk).expect("a mount point");
        let tmpfs = ["-t", "tmpfs", "-o", &scarce.options(count), "tmpfs", text(&disk)];
        run(&mut command("mount", tmpfs)).ok();
        let place = disk.join("run");
        let level = format!("{scarce:?} {count}");
        let prepared = prepare(&place);
        let mut done = false;
        if prepared {
            let words = arguments(&place);
            let ran = run(&mut kpki(&words));
            done = ran.code == Some(0);
            if !done {
                failures += 1;
                assert!(ran.code == Some(2), "{level}: exit code {:?}, not 2: {}", ran.code, ran.words());
                assert!(
                    ran.stderr.contains("No space left on device"),
                    "{level}: no cause in {}",
                    ran.words()
                );
                checker.assert_whole(&place, &place.join(pki), &level);
            }
            run(&mut command("mount", ["-o", "remount,size=64m,nr_inodes=10000", text(&disk)])).ok();
            let left = arguments(&place);
            if !left.is_empty() {
                run(&mut kpki(&left)).ok();
            }
            let finding = checker.assert_whole(&place, &place.join(pki), &format!("{level}, then with room"));
            assert_eq!(finding.certificates, certificates, "{level}, then with room");
        }
        run(&mut command("umount", [&disk])).ok();
        if done {
            return failures;
        }
    }
    panic!("{scarce:?}: {MOST} are not enough");
}

fn fill_during_init(scarce: Scarce) {
    let directory = scratch();
    let config = directory.path().join("kubeadm.yaml");
    write(&config, CONFIG);
    let words = |place: &Path| -> Vec<String> {
        ["init", "-f", text(&config), "--dir", text(place)].map(str::to_owned).into()
    };
    let failures =
        fill(scarce, &|place| std::fs::create_dir(place).is_ok(), &words, "pki", CONTROL_PLANE_CERTIFICATES);
    assert!(failures >= 10, "only {failures} levels failed: the disk was not what ran out");
}

fn fill_during_sign_csr(scarce: Scarce) {
    let directory = scratch();
    let start = directory.path().join("start");
    run(&mut kpki(["ca", "init", "--dir", text(&start), "--algorithm", "ECDSA-P256"])).ok();
    let before = TreeChecker::start().check(&start).certificates;
    let requests: Vec<String> = (0..8).map(|number| format!("user{number}.csr")).collect();
    for request in &requests {
        openssl([
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            &format!("/O=dev/CN={request}"),
            "-keyout",
            text(&directory.path().join("key")),
            "-out",
            text(&start.join(request)),
        ]);
    }
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
    // Levels at which not even what the job starts with has room say nothing.
    let prepare = |place: &Path| {
        let copied = run(command("cp", ["-a", "--"]).arg(&start).arg(place));
        copied.code == Some(0)
    };
    let failures = fill(scarce, &prepare, &words, "", before + requests.len() as u64);
    assert!(failures >= 2, "only {failures} levels failed: the disk was not what ran out");
}

#[test]
fn pages_run_out_during_init() {
    if in_a_namespace("pages_run_out_during_init") {
        fill_during_init(Scarce::Pages);
    }
}

#[test]
fn inodes_run_out_during_init() {
    if in_a_namespace("inodes_run_out_during_init") {
        fill_during_init(Scarce::Inodes);
    }
}

#[test]
fn pages_run_out_during_sign_csr() {
    if in_a_namespace("pages_run_out_during_sign_csr") {
        fill_during_sign_csr(Scarce::Pages);
    }
}

#[test]
fn inodes_run_out_during_sign_csr() {
    if in_a_namespace("inodes_run_out_during_sign_csr") {
        fill_during_sign_csr(Scarce::Inodes);
    }
}
