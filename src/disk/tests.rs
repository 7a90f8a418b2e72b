use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::{TempDir, tempdir};

use super::step::tests::{Stop, arm, disarm};
use super::{AppendLog, DiskError, Overwrite, Secrecy, Transaction, read_bounded};
use Secrecy::{Public, Secret};

const TIMESTAMP: &str = "20250102T030405Z";

/// Every file and directory beneath a root, with its mode and contents.
fn tree(root: &Path) -> BTreeMap<PathBuf, (u32, Option<Vec<u8>>)> {
    fn walk(root: &Path, at: &Path, found: &mut BTreeMap<PathBuf, (u32, Option<Vec<u8>>)>) {
        for entry in fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let metadata = path.symlink_metadata().unwrap();
            let contents = metadata.is_file().then(|| fs::read(&path).unwrap());
            let relative = path.strip_prefix(root).unwrap().to_owned();
            found.insert(relative, (metadata.mode() & 0o7777, contents));
            if metadata.is_dir() {
                walk(root, &path, found);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(root, root, &mut found);
    found
}

#[expect(clippy::disallowed_methods, reason = "tests prepare what is in the way")]
fn put(path: &Path, contents: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().mode() & 0o7777
}

fn transaction(overwrite: Overwrite, unnamed: bool) -> Transaction {
    let mut transaction = Transaction::with_overwrite(overwrite, TIMESTAMP);
    transaction.unnamed = unnamed;
    transaction
}

/// Runs one case of [`child`] in a process of its own, below the given program and its arguments.
fn run_child_below(launcher: &[&str], case: &str, directory: &Path) -> io::Result<Output> {
    let test = std::env::current_exe()?;
    let mut words = launcher.iter().map(Into::into).chain([test.into_os_string()]);
    Command::new(words.next().unwrap())
        .args(words)
        .args(["--exact", "disk::tests::child", "--ignored", "--nocapture", "--test-threads=1"])
        .env("KPKI_DISK_CASE", case)
        .env("KPKI_DISK_DIRECTORY", directory)
        .output()
}

fn run_child(case: &str, directory: &Path) {
    let output = run_child_below(&[], case, directory).unwrap();
    assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What must not be done in the process of the other tests: it changes the umask, the limits, the
/// mounts, or dies.
#[test]
#[ignore = "other tests run it as a process of its own"]
#[expect(clippy::disallowed_methods, reason = "how a test is told its case")]
fn child() {
    let (Ok(case), Some(directory)) =
        (std::env::var("KPKI_DISK_CASE"), std::env::var_os("KPKI_DISK_DIRECTORY"))
    else {
        return;
    };
    let directory = Path::new(&directory);
    let (case, argument) = case.split_once(' ').unwrap_or((&case, ""));
    match case {
        "umask" => child_umask(directory, u32::from_str_radix(argument, 8).unwrap()),
        "append" => append_numbers(directory),
        "limits" => child_limits(directory, argument),
        "full" => child_full(directory),
        "kill" => child_kill(directory, argument),
        _ => panic!("{case}"),
    }
}

#[test]
fn modes_are_those_of_kubeadm_and_the_umask_is_honoured() {
    for umask in ["000", "022", "027", "077"] {
        run_child(&format!("umask {umask}"), tempdir().unwrap().path());
    }
}

fn child_umask(root: &Path, umask: u32) {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
    for unnamed in [true, false] {
        let root = &root.join(format!("{unnamed}"));
        let mut log = AppendLog::open(root, Path::new("log/ledger"), Public).unwrap();
        let transaction = transaction(Overwrite::Refuse, unnamed);
        transaction.directory(root, Path::new("keys"), Secret).unwrap();
        for (path, secrecy) in [("pki/a.key", Secret), ("pki/a.crt", Public), ("keys/b.key", Secret)] {
            transaction.stage(root, Path::new(path), b"x", secrecy).unwrap();
        }
        transaction.commit(vec![(&mut log, b"line\n".to_vec())]).unwrap();
        for (path, expected) in [
            ("", 0o755),
            ("pki", 0o755),
            ("keys", 0o700),
            ("log/ledger", 0o644),
            ("pki/a.key", 0o600),
            ("pki/a.crt", 0o644),
            ("keys/b.key", 0o600),
        ] {
            assert_eq!(mode(&root.join(path)), expected & !umask, "{path} under {umask:o}");
        }
    }
}

#[test]
fn nothing_is_visible_before_commit_and_nothing_is_left_without_it() {
    for unnamed in [true, false] {
        let directory = tempdir().unwrap();
        put(&directory.path().join("there/old"), b"old");
        let before = tree(directory.path());
        let transaction = transaction(Overwrite::Refuse, unnamed);
        for path in ["there/new", "not/there/new", "new"] {
            transaction.stage(directory.path(), Path::new(path), b"new", Secret).unwrap();
        }
        transaction.stage(&directory.path().join("no/root"), Path::new("new"), b"new", Secret).unwrap();
        if unnamed {
            assert_eq!(tree(directory.path()), before);
        }
        drop(transaction);
        assert_eq!(tree(directory.path()), before, "unnamed: {unnamed}");
    }
}

#[test]
fn everything_appears_with_commit() {
    for unnamed in [true, false] {
        let directory = tempdir().unwrap();
        let root = directory.path().join("new/root");
        let transaction = transaction(Overwrite::Refuse, unnamed);
        std::thread::scope(|scope| {
            for rank in (0..40).rev() {
                let (transaction, root) = (&transaction, &root);
                scope.spawn(move || {
                    let path = format!("{}/{rank:02}", rank % 7);
                    let contents = vec![b'x'; 100 * rank as usize];
                    transaction.stage_ranked(rank, root, Path::new(&path), &contents, Secret).unwrap();
                });
            }
        });
        let committed = transaction.commit(Vec::new()).unwrap();
        let expected: Vec<_> = (0..40).map(|rank| root.join(format!("{}/{rank:02}", rank % 7))).collect();
        assert_eq!(committed.files, expected);
        assert!(committed.backups.is_empty());
        for (rank, path) in expected.iter().enumerate() {
            assert_eq!(fs::read(path).unwrap(), vec![b'x'; 100 * rank]);
        }
        assert_eq!(tree(&root).len(), 47, "nothing but the files and their directories");
    }
}

#[test]
fn symbolic_links_are_not_followed_beneath_the_root() {
    for overwrite in [Overwrite::Refuse, Overwrite::KeepBackup] {
        let directory = tempdir().unwrap();
        let (root, outside) = (directory.path().join("root"), directory.path().join("outside"));
        put(&outside.join("file"), b"precious");
        put(&root.join("file"), b"file");
        for (target, link) in [
            (outside.as_path(), "parent"),
            (Path::new("/nowhere"), "dangling"),
            (&outside.join("file"), "final"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        let before = tree(directory.path());
        let stage = |path: &str| {
            let transaction = transaction(overwrite, true);
            transaction.stage(&root, Path::new(path), b"x", Public)?;
            transaction.commit(Vec::new()).map(drop)
        };
        for (path, culprit) in [
            ("parent/file", "parent"),
            ("parent/new", "parent"),
            ("parent/new/new", "parent"),
            ("dangling/new", "dangling"),
            ("dangling", "dangling"),
            ("final", "final"),
        ] {
            let error = stage(path).unwrap_err();
            assert!(matches!(error, DiskError::Symlink { .. }), "{path}: {error:?}");
            assert_eq!(error.path(), root.join(culprit), "{path}");
            let error = AppendLog::open(&root, Path::new(path), Public).unwrap_err();
            assert!(matches!(error, DiskError::Symlink { .. }), "{path}: {error:?}");
        }
        assert!(matches!(stage("file/x").unwrap_err(), DiskError::NotADirectory { .. }));
        assert_eq!(tree(directory.path()), before);

        // The root is the caller's own word.
        let alias = directory.path().join("alias");
        symlink(&root, &alias).unwrap();
        let transaction = transaction(overwrite, true);
        transaction.stage(&alias, Path::new("sub/new"), b"x", Public).unwrap();
        transaction.commit(Vec::new()).unwrap();
        assert_eq!(fs::read(root.join("sub/new")).unwrap(), b"x");
        // But a root that is a link to nowhere is not created through it.
        let nowhere = directory.path().join("nowhere");
        symlink(directory.path().join("missing"), &nowhere).unwrap();
        let transaction = Transaction::new();
        let staged = transaction.stage(&nowhere, Path::new("new"), b"x", Public);
        let error = staged.and_then(|()| transaction.commit(Vec::new()).map(drop)).unwrap_err();
        assert!(matches!(error, DiskError::Symlink { .. }), "{error:?}");
    }
}

#[test]
fn paths_that_leave_the_root_are_refused() {
    let directory = tempdir().unwrap();
    for path in ["", ".", "..", "../x", "a/../../x", "a/..", "/etc/x", "/"] {
        let error = Transaction::new().stage(directory.path(), Path::new(path), b"x", Public).unwrap_err();
        assert!(matches!(error, DiskError::OutsideRoot { .. }), "{path}: {error:?}");
        let error = AppendLog::open(directory.path(), Path::new(path), Public).unwrap_err();
        assert!(matches!(error, DiskError::OutsideRoot { .. }), "{path}: {error:?}");
    }
    assert!(Transaction::new().stage(directory.path(), Path::new("a\0b"), b"x", Public).is_err());
    let transaction = Transaction::new();
    transaction.stage(directory.path(), Path::new("./a/./b"), b"x", Public).unwrap();
    let error = transaction.stage(directory.path(), Path::new("a//b"), b"x", Public).unwrap_err();
    assert!(matches!(error, DiskError::StagedTwice { .. }), "{error:?}");
    transaction.commit(Vec::new()).unwrap();
    assert_eq!(fs::read(directory.path().join("a/b")).unwrap(), b"x");
}

#[test]
fn nothing_is_overwritten_unasked() {
    for unnamed in [true, false] {
        let directory = tempdir().unwrap();
        let root = directory.path();
        put(&root.join("old"), b"old");
        let error = Transaction::new().stage(root, Path::new("old"), b"new", Public).unwrap_err();
        assert!(matches!(&error, DiskError::Exists { path } if *path == root.join("old")), "{error:?}");

        // One that appears after staging is seen before a line is logged,
        let mut log = AppendLog::open(root, Path::new("ledger"), Public).unwrap();
        log.append(b"first\n").unwrap();
        let begun = transaction(Overwrite::Refuse, unnamed);
        begun.stage(root, Path::new("a"), b"new", Public).unwrap();
        begun.stage(root, Path::new("b"), b"new", Public).unwrap();
        put(&root.join("b"), b"another's");
        let error = begun.commit(vec![(&mut log, b"second\n".to_vec())]).unwrap_err();
        assert!(matches!(&error, DiskError::Exists { path } if *path == root.join("b")), "{error:?}");
        assert_eq!(log.last_line().unwrap().unwrap(), b"first");

        // and two names for one file by the kernel.
        let begun = transaction(Overwrite::Refuse, unnamed);
        let alias = tempdir().unwrap();
        symlink(root, alias.path().join("root")).unwrap();
        begun.stage(root, Path::new("sub/c"), b"one", Public).unwrap();
        begun.stage(&alias.path().join("root"), Path::new("sub/c"), b"two", Public).unwrap();
        let error = begun.commit(Vec::new()).unwrap_err();
        assert!(matches!(error, DiskError::Exists { .. }), "{error:?}");
        let names: Vec<_> = tree(root).into_keys().collect();
        assert_eq!(names, ["b", "ledger", "old"].map(PathBuf::from));
    }
}

#[test]
fn a_replaced_file_survives_as_a_backup_with_its_mode() {
    for unnamed in [true, false] {
        let directory = tempdir().unwrap();
        let root = directory.path();
        put(&root.join("a.key"), b"first");
        fs::File::open(root.join("a.key"))
            .unwrap()
            .set_permissions(PermissionsExt::from_mode(0o640))
            .unwrap();
        let inode = root.join("a.key").metadata().unwrap().ino();
        for contents in [b"second", b"third!"] {
            let transaction = transaction(Overwrite::KeepBackup, unnamed);
            transaction.stage(root, Path::new("a.key"), contents, Secret).unwrap();
            transaction.stage(root, &PathBuf::from(format!("n{}", contents[0])), b"new", Public).unwrap();
            let committed = transaction.commit(Vec::new()).unwrap();
            assert_eq!((committed.files.len(), committed.backups.len()), (2, 1));
        }
        let backup = root.join(format!("a.key.{TIMESTAMP}.bak"));
        assert_eq!(fs::read(&backup).unwrap(), b"first");
        assert_eq!((mode(&backup), backup.metadata().unwrap().ino()), (0o640, inode));
        assert_eq!(fs::read(root.join(format!("a.key.{TIMESTAMP}-2.bak"))).unwrap(), b"second");
        assert_eq!(fs::read(root.join("a.key")).unwrap(), b"third!");
        assert_eq!(mode(&root.join("a.key")), 0o640);
        assert_eq!(tree(root).len(), 5);

        let transaction = Transaction::with_overwrite(Overwrite::KeepBackup, "../x");
        transaction.stage(root, Path::new("a.key"), b"x", Secret).unwrap();
        assert!(matches!(transaction.commit(Vec::new()), Err(DiskError::OutsideRoot { .. })));
    }
    let directory = tempdir().unwrap();
    put(&directory.path().join("d/x"), b"");
    let transaction = transaction(Overwrite::KeepBackup, true);
    let error = transaction.stage(directory.path(), Path::new("d"), b"x", Public).unwrap_err();
    assert!(matches!(error, DiskError::NotRegular { .. }), "{error:?}");
}

#[test]
fn what_replaces_a_file_takes_on_its_owner_and_its_mode_where_that_fits() {
    for (unnamed, was, secrecy, is) in [
        (true, 0o600, Secret, 0o600),
        (true, 0o640, Secret, 0o640),
        (false, 0o400, Secret, 0o400),
        (true, 0o644, Secret, 0o600),
        (false, 0o660, Secret, 0o600),
        (true, 0o4755, Secret, 0o600),
        (true, 0o600, Public, 0o600),
        (false, 0o640, Public, 0o640),
        (true, 0o666, Public, 0o644),
        (true, 0o2755, Public, 0o644),
    ] {
        let directory = tempdir().unwrap();
        let (root, file) = (directory.path(), directory.path().join("a"));
        put(&file, b"first");
        // Only root may give a file away; whoever runs the tests, the owner stays what it is.
        let _ = std::os::unix::fs::chown(&file, Some(1234), Some(4321));
        fs::File::open(&file).unwrap().set_permissions(PermissionsExt::from_mode(was)).unwrap();
        let owner = file.metadata().map(|data| (data.uid(), data.gid())).unwrap();
        let transaction = transaction(Overwrite::KeepBackup, unnamed);
        transaction.stage(root, Path::new("a"), b"second", secrecy).unwrap();
        transaction.commit(Vec::new()).unwrap();
        let data = file.metadata().unwrap();
        assert_eq!((mode(&file), (data.uid(), data.gid())), (is, owner), "{was:o} {secrecy:?}");
        assert_eq!(fs::read(&file).unwrap(), b"second");
    }
}

#[test]
fn what_is_replaced_leaves_nothing_behind() {
    for unnamed in [true, false] {
        let directory = tempdir().unwrap();
        let root = directory.path();
        put(&root.join("report.json"), b"first");
        for contents in [b"second", b"third!"] {
            let transaction = transaction(Overwrite::Replace, unnamed);
            transaction.stage(root, Path::new("report.json"), contents, Public).unwrap();
            transaction.stage(root, Path::new("new"), contents, Public).unwrap();
            let committed = transaction.commit(Vec::new()).unwrap();
            assert_eq!((committed.files.len(), committed.backups.len()), (2, 0));
            assert_eq!(fs::read(root.join("report.json")).unwrap(), contents);
            assert_eq!(tree(root).len(), 2);
        }
    }
}

/// What the tests below write: two new files, one in a new directory, and one that replaces another
/// where that is allowed.
fn staged_scenario(root: &Path, overwrite: Overwrite, unnamed: bool) -> Transaction {
    let transaction = transaction(overwrite, unnamed);
    transaction.directory(root, Path::new("empty"), Secret).unwrap();
    transaction.stage_ranked(1, root, Path::new("a/b/cert"), &[b'c'; 5000], Public).unwrap();
    transaction.stage_ranked(0, root, Path::new("key"), &[b'k'; 3000], Secret).unwrap();
    if overwrite == Overwrite::KeepBackup {
        transaction.stage_ranked(2, root, Path::new("old"), b"new", Secret).unwrap();
    }
    transaction
}

fn scenarios() -> impl Iterator<Item = (Overwrite, bool, TempDir)> {
    let all = [Overwrite::Refuse, Overwrite::KeepBackup].map(|o| [true, false].map(|u| (o, u)));
    all.into_iter().flatten().map(|(overwrite, unnamed)| {
        let directory = tempdir().unwrap();
        put(&directory.path().join("old"), b"old");
        put(&directory.path().join("ledger"), b"first\n");
        (overwrite, unnamed, directory)
    })
}

#[test]
fn a_failure_at_any_step_takes_everything_back() {
    for (overwrite, unnamed, directory) in scenarios() {
        let root = directory.path();
        let before = tree(root);
        for step in 0.. {
            assert!(step < 40, "it ends");
            let mut log = AppendLog::open(root, Path::new("ledger"), Public).unwrap();
            let transaction = staged_scenario(root, overwrite, unnamed);
            arm(step, Stop::Fail);
            let outcome = transaction.commit(vec![(&mut log, b"second\n".to_vec())]);
            let reached = !disarm();
            assert_eq!(outcome.is_err(), reached, "{overwrite:?} {unnamed} {step}");
            let Err(error) = outcome else { break };
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
            // The line stays once names were being given. Nothing else does.
            let mut after = tree(root);
            let ledger = after.get_mut(Path::new("ledger")).unwrap();
            assert!([&b"first\n"[..], b"first\nsecond\n"].contains(&ledger.1.as_deref().unwrap()));
            if error.to_string().contains("create the dir") || error.to_string().contains("append") {
                assert_eq!(ledger.1.as_deref().unwrap(), b"first\n");
            }
            ledger.1 = Some(b"first\n".to_vec());
            assert_eq!(after, before, "{overwrite:?} {unnamed} {step}: {error}");
            put(&root.join("ledger"), b"first\n");
        }
        assert_eq!(fs::read(root.join("key")).unwrap(), [b'k'; 3000]);
    }
}

#[test]
fn a_kill_at_any_step_leaves_only_whole_files_and_none_without_its_line() {
    for (overwrite, unnamed, _) in scenarios() {
        let mut seen = Vec::new();
        for step in 0.. {
            assert!(step < 40, "it ends");
            let directory = tempdir().unwrap();
            let root = directory.path();
            put(&root.join("old"), b"old");
            put(&root.join("ledger"), b"first\n");
            let case = format!("kill {step} {unnamed} {}", overwrite == Overwrite::KeepBackup);
            let output = run_child_below(&[], &case, root).unwrap();
            let found = tree(root);
            let contents = |path: &str| found.get(Path::new(path)).and_then(|(_, c)| c.as_deref());
            let (key, cert) = (contents("key"), contents("a/b/cert"));
            assert!(
                key.is_none_or(|key| key == [b'k'; 3000]) && cert.is_none_or(|cert| cert == [b'c'; 5000])
            );
            assert!(key.is_some() || cert.is_none(), "the key first");
            let replaced = contents("old") == Some(b"new");
            assert!(replaced || contents("old") == Some(b"old"), "one of the two is always there");
            if replaced {
                assert_eq!(contents(&format!("old.{TIMESTAMP}.bak")), Some(&b"old"[..]));
            }
            if key.is_some() || replaced {
                assert_eq!(contents("ledger"), Some(&b"first\nsecond\n"[..]));
            }
            for (path, (mode, contents)) in found.iter().filter(|(_, (_, contents))| contents.is_some()) {
                let name = path.to_str().unwrap();
                let temporary = name.starts_with(".kpki-") || name.starts_with("a/b/.kpki-");
                // Only where there is no other way: see `Body::replace`.
                assert!(!temporary || !unnamed || overwrite == Overwrite::KeepBackup, "{name}");
                assert!(contents.as_deref() != Some(&[b'k'; 3000]) || *mode == 0o600, "{name}: {mode:o}");
            }
            seen.push((key.is_some(), cert.is_some()));
            if output.status.success() {
                break;
            }
        }
        seen.dedup();
        assert_eq!(seen, [(false, false), (true, false), (true, true)], "it was killed in between");
    }
}

fn child_kill(root: &Path, argument: &str) {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).unwrap();
    let words: Vec<&str> = argument.split(' ').collect();
    let overwrite = if words[2] == "true" { Overwrite::KeepBackup } else { Overwrite::Refuse };
    let mut log = AppendLog::open(root, Path::new("ledger"), Public).unwrap();
    let transaction = staged_scenario(root, overwrite, words[1] == "true");
    arm(words[0].parse().unwrap(), Stop::Abort);
    transaction.commit(vec![(&mut log, b"second\n".to_vec())]).unwrap();
}

#[test]
fn appends_from_several_processes_and_threads_never_interleave() {
    let directory = tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| run_child("append", directory.path()));
        }
        scope.spawn(|| append_numbers(directory.path()));
    });
    let text = fs::read_to_string(directory.path().join("new/ledger")).unwrap();
    let numbers: Vec<usize> =
        text.lines().map(|line| line.trim_start_matches('0').parse().unwrap()).collect();
    assert_eq!(numbers, (1..=3 * 2 * 10 * 2).collect::<Vec<_>>());
}

/// Each number follows the last in the log, so that one read under no lock would be there twice.
fn append_numbers(root: &Path) {
    let append = || {
        for _ in 0..10 {
            // Nothing is written: the first of these removes the log that another waits for.
            drop(AppendLog::open(root, Path::new("new/ledger"), Public).unwrap());
            let mut log = AppendLog::open(root, Path::new("new/ledger"), Public).unwrap();
            let last = log.last_line().unwrap().unwrap_or_else(|| b"0".to_vec());
            let last: usize = str::from_utf8(&last).unwrap().parse().unwrap();
            // Longer than a page, so that a write could be torn apart.
            log.append(format!("{:05000}\n{:05000}\n", last + 1, last + 2).as_bytes()).unwrap();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(append);
        scope.spawn(append);
    });
}

#[test]
fn a_torn_last_line_is_cut_off() {
    let pages = [vec![b'y'; 9000], b"\n".to_vec()].concat();
    for (lines, torn, last) in [
        (&b""[..], &b""[..], None),
        (b"", b"torn", None),
        (b"\n", b"", Some(&b""[..])),
        (b"one\n", b"", Some(b"one")),
        (b"one\n", b"tw", Some(b"one")),
        (b"one\ntwo\n", b"\0\0\0", Some(b"two")),
        (b"one\n", &pages[..9000], Some(b"one")),
        (&pages, b"torn", Some(&pages[..9000])),
    ] {
        let directory = tempdir().unwrap();
        let path = directory.path().join("ledger");
        put(&path, &[lines, torn].concat());
        let mut log = AppendLog::open(directory.path(), Path::new("ledger"), Public).unwrap();
        assert_eq!(log.torn(), torn);
        assert_eq!(log.last_line().unwrap().as_deref(), last);
        assert_eq!(fs::read(&path).unwrap(), lines);
        log.append(b"next\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), [lines, b"next\n"].concat());
        assert_eq!(log.last_line().unwrap().unwrap(), b"next");
    }
}

#[test]
fn what_is_no_log_is_left_alone() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("ledger");
    let picture = [b"\n".to_vec(), vec![b'x'; (1 << 20) + 1]].concat();
    put(&path, &picture);
    let error = AppendLog::open(directory.path(), Path::new("ledger"), Public).unwrap_err();
    assert!(matches!(error, DiskError::NotALine { .. }), "{error:?}");
    assert!(fs::read(&path).unwrap() == picture);
    let error = AppendLog::open(
        directory.path().parent().unwrap(),
        directory.path().file_name().unwrap().as_ref(),
        Public,
    );
    assert!(matches!(error, Err(DiskError::NotRegular { .. })), "{error:?}");

    let mut log = AppendLog::open(directory.path(), Path::new("other"), Public).unwrap();
    log.append(b"one\n").unwrap();
    for lines in [&b"two"[..], b"two\nthree", &picture, &[&picture[1..], b"\n"].concat()] {
        assert!(matches!(log.append(lines), Err(DiskError::NotALine { .. })));
    }
    log.append(b"").unwrap();
    assert_eq!(fs::read(log.path()).unwrap(), b"one\n");
}

#[test]
fn a_log_that_stays_empty_is_removed_and_one_that_fails_is_cut_back() {
    let directory = tempdir().unwrap();
    let root = directory.path();
    drop(AppendLog::open(root, Path::new("a/b/ledger"), Public).unwrap());
    assert!(tree(root).is_empty());
    // Opening creates two directories and the file; then come the write and the sync.
    for step in 0..=5 {
        arm(step, Stop::Fail);
        let outcome =
            AppendLog::open(root, Path::new("a/b/ledger"), Public).and_then(|mut log| log.append(b"one\n"));
        assert_eq!(outcome.is_err(), !disarm(), "{step}");
        assert!(outcome.is_ok() || tree(root).is_empty(), "{step}: {outcome:?}");
        assert_eq!(outcome.is_ok(), step == 5, "{step}: {outcome:?}");
    }
    assert_eq!(fs::read(root.join("a/b/ledger")).unwrap(), b"one\n");
}

#[test]
fn a_full_disk_leaves_nothing_behind() {
    let directory = tempdir().unwrap();
    // A mount that only the child sees; one who is not root may do it in a user namespace.
    for launcher in [&["unshare", "--mount"][..], &["unshare", "--user", "--map-root-user", "--mount"]] {
        let mount = "mount -t tmpfs -o size=64k,mode=755 kpki \"$0\" && exec \"$@\"";
        let path = directory.path().to_str().unwrap();
        let launcher = [launcher, &["sh", "-c", mount, path]].concat();
        if let Ok(output) = run_child_below(&launcher, "full", directory.path()) {
            let text = String::from_utf8_lossy(&output.stderr);
            if output.status.success() {
                return;
            }
            assert!(!text.contains("panicked"), "{text}");
        }
    }
    #[expect(clippy::print_stderr, clippy::disallowed_macros, reason = "a test that was skipped says so")]
    {
        eprintln!("SKIPPED: a tmpfs cannot be mounted here, so no full disk was tried");
    }
}

fn child_full(root: &Path) {
    let free = || {
        let stat = rustix::fs::statvfs(root).unwrap();
        (stat.f_blocks * stat.f_frsize, stat.f_bfree * stat.f_frsize)
    };
    assert_eq!(free().0, 65536, "the small tmpfs is there");
    for unnamed in [true, false] {
        let empty = free();
        let mut log = AppendLog::open(root, Path::new("ledger"), Public).unwrap();
        log.append(b"first\n").unwrap();
        let before = (tree(root), free());
        let full = transaction(Overwrite::Refuse, unnamed);
        let error = (0..)
            .find_map(|n| full.stage(root, &PathBuf::from(format!("d/{n}")), &[b'x'; 3000], Secret).err())
            .unwrap();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error:?}");
        drop(full);
        assert_eq!((tree(root), free()), before);

        // Room for the files, but not for all the lines.
        let full = transaction(Overwrite::Refuse, unnamed);
        full.stage(root, Path::new("d/a"), &vec![b'x'; 30000], Secret).unwrap();
        let lines = [vec![b'x'; 40000], b"\n".to_vec()].concat();
        let error = full.commit(vec![(&mut log, lines.clone())]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error:?}");
        assert_eq!((tree(root), free()), before);

        let filler = transaction(Overwrite::Refuse, unnamed);
        filler.stage(root, Path::new("filler"), &vec![b'x'; 40000], Secret).unwrap();
        let error = log.append(&lines).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull, "{error:?}");
        drop(filler);
        assert_eq!((tree(root), free()), before);
        drop(log);
        #[expect(clippy::disallowed_methods, reason = "the next round starts anew")]
        fs::remove_file(root.join("ledger")).unwrap();
        assert_eq!(free(), empty);
    }
}

#[test]
fn ten_thousand_files_need_few_open_ones_and_little_memory() {
    // With a higher hard limit it is used; without one there are temporary names.
    for argument in ["256 4096", "256 256"] {
        // In memory where there is such a place: a disk is busy with them for ten seconds.
        let directory = tempfile::tempdir_in("/dev/shm").or_else(|_| tempdir()).unwrap();
        run_child(&format!("limits {argument}"), directory.path());
    }
}

fn child_limits(root: &Path, argument: &str) {
    let (soft, hard) = argument.split_once(' ').unwrap();
    let hard = hard.parse().ok().min(getrlimit(Resource::Nofile).maximum.or(Some(u64::MAX)));
    setrlimit(Resource::Nofile, Rlimit { current: soft.parse().ok(), maximum: hard }).unwrap();
    let transaction = Transaction::new();
    for n in 0..10_000 {
        let path = PathBuf::from(format!("node-{}/kubernetes/{n}", n / 2));
        transaction.stage(root, &path, &[b'x'; 1500], Secret).unwrap();
    }
    assert_eq!(getrlimit(Resource::Nofile).current, hard, "the limit was raised");
    assert_eq!(transaction.commit(Vec::new()).unwrap().files.len(), 10_000);
    let found = tree(root);
    assert_eq!(found.len(), 10_000 + 5_000 * 2);
    assert!(found.keys().all(|path| !path.to_str().unwrap().contains(".kpki-")));
    drop(found);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 150_000, "{peak} kB, with the 15 MB that this test read back");
}

#[test]
fn what_is_read_is_a_regular_file_of_bounded_size() {
    let directory = tempdir().unwrap();
    let path = directory.path().join("file");
    for size in [0_usize, 1, 4095, 4096, 4097, 10_000] {
        let contents: Vec<u8> = (0..=255).cycle().take(size).collect();
        put(&path, &contents);
        for limit in [size, size + 1, 100_000] {
            assert_eq!(*read_bounded(&path, limit as u64).unwrap(), contents, "{size} {limit}");
        }
        if size > 0 {
            let error = read_bounded(&path, size as u64 - 1).unwrap_err();
            assert!(matches!(error, DiskError::TooLarge { .. }), "{size}: {error:?}");
        }
    }
    symlink(&path, directory.path().join("link")).unwrap();
    assert_eq!(read_bounded(&directory.path().join("link"), u64::MAX).unwrap().len(), 10_000);
    // These claim to be empty.
    let status = Path::new("/proc/self/mountinfo");
    let whole = fs::read(status).unwrap();
    assert_eq!(*read_bounded(status, 1 << 20).unwrap(), whole);
    assert!(matches!(read_bounded(status, 10), Err(DiskError::TooLarge { .. })));

    let pipe = directory.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    for path in [directory.path(), &pipe, Path::new("/dev/zero")] {
        assert!(matches!(read_bounded(path, 10), Err(DiskError::NotRegular { .. })), "{path:?}");
    }
    let error = read_bounded(&directory.path().join("missing"), 10).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().contains("missing"), "{error}");
}
