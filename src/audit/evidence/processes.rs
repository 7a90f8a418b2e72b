//! When the processes of a running node started, from its `/proc` (proc(5)).

use time::{Duration, OffsetDateTime};

use super::Node;

/// The programs that are looked for, as the kernel shows them: 15 letters of each.
pub(super) const PROGRAMS: [&str; 4] =
    ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];
/// What `/proc/PID/stat` has room for.
const NAME: usize = 15;
/// `USER_HZ`: the ticks of a second in what the kernel tells programs, 100 wherever Kubernetes runs.
const TICKS: i64 = 100;

/// What `/proc/PID/stat` says of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessStat {
    /// The program, as far as 15 letters go.
    pub name: String,
    /// When it started, in hundredths of a second since the system did.
    pub started: i64,
}

impl ProcessStat {
    /// Reads `/proc/PID/stat`: `PID (NAME) STATE …`, the start behind it as the 22nd field. The name may hold anything.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes.get(..bytes.len().min(4096))?).ok()?;
        let (pid, rest) = text.split_once(" (")?;
        if pid.is_empty() || pid.len() > 10 || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (name, fields) = rest.rsplit_once(") ")?;
        let started = fields.split_ascii_whitespace().nth(19)?.parse().ok().filter(|ticks| *ticks >= 0)?;
        Some(Self { name: name.to_owned(), started })
    }

    /// Which of the programs it is.
    pub(super) fn program(&self) -> Option<&'static str> {
        PROGRAMS
            .into_iter()
            .find(|program| program.get(..program.len().min(NAME)) == Some(self.name.as_str()))
    }
}

/// Reads the second since 1970 at which the system started from `/proc/stat`.
pub(super) fn booted(bytes: &[u8]) -> Option<i64> {
    if !bytes.starts_with(b"cpu ") {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

impl Node {
    /// When a program started, the last time; none where that is not known.
    pub fn started(&self, program: &str) -> Option<OffsetDateTime> {
        let (_, file) = self.file_at("/proc/stat")?;
        let booted = OffsetDateTime::from_unix_timestamp(file.contents()?.booted?).ok()?;
        let start = self.files.partition_point(|file| file.on_node.as_path() < std::path::Path::new("/proc"));
        let ticks = self
            .files
            .iter()
            .skip(start)
            .take_while(|file| file.on_node.starts_with("/proc"))
            .filter(|file| file.anchored)
            .filter_map(|file| file.contents()?.process.as_ref())
            .filter(|process| process.program() == Some(program))
            .map(|process| process.started)
            .max()?;
        booted.checked_add(Duration::milliseconds(ticks.checked_mul(1000 / TICKS)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read() {
        let line =
            |name: &str| format!("42 ({name}) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 9 0 12345 1 2 3\n");
        let read = |name: &str| ProcessStat::read(line(name).as_bytes());
        assert_eq!(read("etcd"), Some(ProcessStat { name: "etcd".into(), started: 12345 }));
        for (name, program) in [
            ("etcd", Some("etcd")),
            ("kube-controller", Some("kube-controller-manager")),
            ("kube-apiserver", Some("kube-apiserver")),
            ("a) S 1 (b", None),
            ("kube", None),
        ] {
            assert_eq!(read(name).unwrap().program(), program, "{name}");
        }
        for wrong in [
            "",
            "42 (etcd)",
            "x (etcd) S",
            "42 (etcd) S 1 2",
            "-1 (etcd) S 1 42 42 0 -1 4 1 2 3 4 5 6 7 8 20 0 9 0 1",
        ] {
            assert_eq!(ProcessStat::read(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(booted(b"cpu  1 2 3\nintr 5\nbtime 1780000000\n"), Some(1_780_000_000));
        assert_eq!(booted(b"btime 1780000000\n"), None);
        assert_eq!(booted(b"cpu  1 2 3\nbtime x\n"), None);
    }
}
