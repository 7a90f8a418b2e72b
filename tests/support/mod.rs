//! What the integration tests share: running kpki and its peers, scratch directories, waiting, and
//! `OpenSSL`-made certificates of strangers.
//!
//! Every test works in a directory of its own, asks the system for its ports, and ends what it started.
//! The foreign tools are installed by `tests/tools/install.sh` (`make test` runs it); where one is missing a
//! test fails and says so, for a test that skips itself is not a test.

use std::ffi::OsStr;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

pub(crate) mod go;
pub(crate) mod judge;
pub(crate) mod stranger;
pub(crate) mod tree;

/// How a finished process went, with its words as text.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The command line, for messages.
    pub(crate) line: String,
    /// The exit code; `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    /// What it said on stdout.
    pub(crate) stdout: String,
    /// What it said on stderr.
    pub(crate) stderr: String,
}

impl Ran {
    /// Asserts the exit code and hands back stdout.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert!(
            self.code == Some(code),
            "expected exit code {code}, got {:?}: {}\n--- stdout\n{}\n--- stderr\n{}",
            self.code,
            self.line,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Asserts success.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.expect_code(0)
    }

    /// Asserts failure of any kind (for peers that have exit codes of their own).
    #[track_caller]
    pub(crate) fn fails(self) -> Self {
        assert!(
            self.code != Some(0),
            "expected a failure: {}\n--- stdout\n{}\n--- stderr\n{}",
            self.line,
            self.stdout,
            self.stderr
        );
        self
    }

    /// Both streams in one text.
    pub(crate) fn words(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Runs a command to its end without standard input.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> Ran {
    let line = format!("{command:?}");
    match command.stdin(Stdio::null()).output() {
        Ok(Output { status, stdout, stderr }) => Ran {
            line,
            code: status.code(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        },
        Err(error) => panic!("{line}: {error}; tests/tools/install.sh installs what the tests need"),
    }
}

/// The command `program` with `arguments`, in a known environment.
pub(crate) fn command<I, S>(program: &str, arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(program);
    command.args(arguments).env("LC_ALL", "C").env("ETCDCTL_API", "3").env_remove("KUBECONFIG");
    command
}

/// The kpki binary under test with `arguments`: cargo's, or the one that `KPKI_BIN` names (a release build, say).
pub(crate) fn kpki<I, S>(arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = command(&kpki_binary(), arguments);
    command.env("NO_COLOR", "1");
    command
}

/// Where the kpki binary under test lies.
pub(crate) fn kpki_binary() -> String {
    std::env::var("KPKI_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_kpki").to_owned())
}

/// Runs `openssl` and asserts success.
#[track_caller]
pub(crate) fn openssl<I, S>(arguments: I) -> Ran
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    run(&mut command("openssl", arguments)).ok()
}

/// Python with `cryptography`: install.sh's virtual environment, or the system's where that has it.
pub(crate) fn python() -> String {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/venv/bin/python");
    if own.exists() { own.display().to_string() } else { "python3".to_owned() }
}

/// A script or module beside the tests, as a path.
pub(crate) fn tool(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools").join(name)
}

/// An empty directory that goes when the value does: on memory where the system has it, for the sake of
/// etcd's many syncs.
pub(crate) fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a scratch directory")
}

/// The same directory twice over: `source` and everything in it, copied with its modes.
#[track_caller]
pub(crate) fn copy_tree(source: &Path, target: &Path) {
    run(command("cp", ["-a", "--"]).arg(source).arg(target)).ok();
}

/// Writes a file of the test's own.
#[track_caller]
pub(crate) fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// `count` distinct TCP ports that the system says are free on loopback. Another process may take one before
/// it is used: whoever needs them tries again then.
pub(crate) fn free_ports(count: usize) -> Vec<u16> {
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind(("127.0.0.1", 0)).expect("a port")).collect();
    held.iter().map(|listener| listener.local_addr().expect("its address").port()).collect()
}

/// Asks `ready` again and again until it gives an answer, or fails with its last excuse.
///
/// There is no event to wait for when a foreign server becomes ready, so this polls: the interval only bounds
/// how often it is asked, nothing depends on its length.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut ready: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        match ready() {
            Ok(value) => return value,
            Err(excuse) => {
                assert!(Instant::now() < deadline, "{what}: not within {limit:?}: {excuse}");
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// All the files under `root` with an extension in `extensions`, sorted.
pub(crate) fn files_under(root: &Path, extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![root.to_path_buf()];
    while let Some(directory) = pending.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                pending.push(path);
            } else if path.extension().is_some_and(|e| extensions.iter().any(|wanted| e == *wanted)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Paths as arguments, without the noise of `to_str`.
#[track_caller]
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("test paths are UTF-8")
}
