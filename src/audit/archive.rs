//! The tree of a node from a tar archive, without writing anything to disk.
//!
//! The archive may be an attacker's: what it says is bounded in every direction, no name leads out of it, and what is left out is said.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use tar::EntryType;
use zeroize::Zeroizing;

use crate::disk::{Attributes, Entry, EntryKind, WalkLimits, read_stream};
use crate::inspect::inspect;
use crate::x509::Printable;

/// The most that is read of a stream, in bytes: what is larger is no archive of a PKI, and may have no end.
const LONGEST: u64 = 8 << 30;
/// The largest extended header or long name: Linux knows no path of more than 4 KiB.
const LARGEST_HEADER: u64 = 1 << 20;
/// The block of a tar archive (POSIX.1-2024, pax, "ustar Interchange Format").
const BLOCK: usize = 512;
/// The most that is said of what was left out.
const MOST_NOTES: usize = 50;

/// What was found in an archive.
#[derive(Debug, Default)]
pub struct Archive {
    /// Its entries, each name once.
    pub entries: Vec<Entry>,
    /// What was left out, and why; safe to show.
    pub incomplete: Vec<String>,
    /// What stood there instead of an archive: one file, of which nothing is known but its contents.
    pub file: Option<Zeroizing<Vec<u8>>>,
}

/// Why a stream is no archive that can be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It is compressed.
    #[error("it is compressed with {format}; decompress it first: `{program} -dc`")]
    Compressed {
        /// The format.
        format: &'static str,
        /// The program that undoes it.
        program: &'static str,
    },
    /// Nothing came.
    #[error("nothing is in it")]
    Empty,
    /// It is something else.
    #[error("it is neither a tar archive nor a file of a PKI")]
    NoArchive,
    /// It cannot be read.
    #[error("it cannot be read: {}", .0.kind())]
    Unreadable(#[from] io::Error),
}

/// The beginnings of compressed files.
const COMPRESSED: [(&[u8], &str, &str); 5] = [
    (b"\x1f\x8b", "gzip", "gzip"),
    (b"\xfd7zXZ\0", "xz", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstd"),
    (b"BZh", "bzip2", "bzip2"),
    (b"\x04\x22\x4d\x18", "lz4", "lz4"),
];

/// Reads an archive to its end, within limits.
///
/// # Errors
/// [`ArchiveError`] where not even a first entry is found. What is damaged further on is said in [`Archive::incomplete`].
pub fn read_archive(stream: impl Read, limits: WalkLimits) -> Result<Archive, ArchiveError> {
    read(stream, limits, false)
}

/// The same; where there is one file of a PKI instead, that is read.
///
/// # Errors
/// As [`read_archive`].
pub fn read_archive_or_file(stream: impl Read, limits: WalkLimits) -> Result<Archive, ArchiveError> {
    read(stream, limits, true)
}

fn read(mut stream: impl Read, limits: WalkLimits, or_file: bool) -> Result<Archive, ArchiveError> {
    let mut first = Zeroizing::new([0_u8; BLOCK]);
    let mut filled = 0;
    while let Some(free) = first.get_mut(filled..).filter(|free| !free.is_empty()) {
        match stream.read(free) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let beginning = first.get(..filled).unwrap_or_default();
    if beginning.is_empty() {
        return Err(ArchiveError::Empty);
    }
    if let Some((format, program)) = compression_of(beginning) {
        return Err(ArchiveError::Compressed { format, program });
    }
    if filled < BLOCK || !is_header(&first) {
        if !or_file {
            return Err(ArchiveError::NoArchive);
        }
        let bytes = read_stream(&mut beginning.chain(stream), limits.file)?.ok_or(ArchiveError::NoArchive)?;
        if inspect("", &bytes).is_unknown() {
            return Err(ArchiveError::NoArchive);
        }
        return Ok(Archive { file: Some(bytes), ..Archive::default() });
    }
    let watched = Watched { inner: beginning.chain(stream), left: LONGEST, ended: false };
    let mut reading =
        Reading { limits, left: limits.total, archive: Archive::default(), by_path: HashMap::new() };
    let mut archive = tar::Archive::new(watched);
    let damage = match archive.entries() {
        Ok(entries) => reading.all(entries.raw(true)),
        Err(error) => Some(error),
    };
    let mut watched = archive.into_inner();
    if damage.is_some() || watched.ended {
        reading.note("the archive ends too early or is damaged; what came before that was looked at");
    } else if watched.left == 0 {
        reading.note("the archive is too long; what stands in its first 8 GiB was looked at");
    }
    // Who writes into a pipe is not to find it closed before its padding is through.
    let _ = io::copy(&mut (&mut watched).take(1 << 20), &mut io::sink());
    Ok(reading.archive)
}

/// The format in which bytes are compressed, and the program that undoes it.
pub(super) fn compression_of(beginning: &[u8]) -> Option<(&'static str, &'static str)> {
    let found = COMPRESSED.iter().find(|(magic, ..)| beginning.starts_with(magic));
    found.map(|(_, format, program)| (*format, *program))
}

/// Whether bytes begin as a tar archive does.
pub(super) fn is_archive(beginning: &[u8]) -> bool {
    beginning
        .first_chunk::<BLOCK>()
        .is_some_and(|block| block.iter().any(|byte| *byte != 0) && is_header(block))
}

/// What kind of archive a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveKind {
    /// A tar archive.
    Tar,
    /// A file that is compressed.
    Compressed {
        /// The format.
        format: &'static str,
        /// The program that undoes it.
        program: &'static str,
    },
}

/// What kind of archive a regular file is, by its beginning or by its name, `NAME.tar`; none of any other, and of what cannot be read.
pub fn archive_kind(path: &Path) -> Option<ArchiveKind> {
    if !path.is_file() {
        return None;
    }
    let mut beginning = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(BLOCK as u64).read_to_end(&mut beginning));
    if read.is_ok()
        && let Some((format, program)) = compression_of(&beginning)
    {
        return Some(ArchiveKind::Compressed { format, program });
    }
    let is_named = path.extension().is_some_and(|ending| ending == "tar");
    (is_named || read.is_ok() && is_archive(&beginning)).then_some(ArchiveKind::Tar)
}

/// Whether a block is a header (or the end of an empty archive): by its checksum, as every tar sees it.
fn is_header(block: &[u8; BLOCK]) -> bool {
    let sum: u32 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    let header = tar::Header::from_byte_slice(block);
    block.iter().all(|byte| *byte == 0) || header.cksum().is_ok_and(|said| said == sum)
}

/// A stream that knows whether its end was seen.
struct Watched<R> {
    inner: R,
    left: u64,
    ended: bool,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.inner.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.left -= count as u64;
        self.ended |= count == 0 && most > 0;
        Ok(count)
    }
}

/// What extended headers say of the entry behind them.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    uid: Option<u64>,
    gid: Option<u64>,
    acl: bool,
    sparse: bool,
}

struct Reading {
    limits: WalkLimits,
    left: u64,
    archive: Archive,
    by_path: HashMap<PathBuf, usize>,
}

impl Reading {
    fn note(&mut self, what: &str) {
        let notes = &mut self.archive.incomplete;
        if notes.len() < MOST_NOTES {
            notes.push(what.to_owned());
        } else if notes.len() == MOST_NOTES {
            notes.push("more entries of the archive were left out".to_owned());
        }
    }

    /// Takes in all entries; the error where that ends too early.
    fn all<R: Read>(&mut self, entries: tar::Entries<'_, R>) -> Option<io::Error> {
        let mut extended = Extended::default();
        for (count, entry) in entries.enumerate() {
            if count >= self.limits.entries {
                self.note(&format!(
                    "there are more than {} entries; the others were not looked at",
                    self.limits.entries
                ));
                return None;
            }
            let taken = entry.and_then(|mut entry| self.entry(&mut entry, &mut extended));
            if let Err(error) = taken {
                return Some(error);
            }
        }
        None
    }

    fn entry<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>, extended: &mut Extended) -> io::Result<()> {
        let kind = entry.header().entry_type();
        match kind {
            EntryType::XGlobalHeader => return Ok(()),
            EntryType::XHeader | EntryType::GNULongName | EntryType::GNULongLink => {
                if entry.size() > LARGEST_HEADER {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                let mut said = Vec::new();
                entry.read_to_end(&mut said)?;
                let until_nul = || said.split(|byte| *byte == 0).next().map(<[u8]>::to_vec);
                match kind {
                    EntryType::GNULongName => extended.path = until_nul(),
                    EntryType::GNULongLink => extended.link = until_nul(),
                    _ => extended.read(&said),
                }
                return Ok(());
            }
            _ => {}
        }
        let extended = std::mem::take(extended);
        let name = extended.path.clone().unwrap_or_else(|| entry.header().path_bytes().into_owned());
        let shown = |name: &[u8]| Printable(&String::from_utf8_lossy(name)).to_string();
        let path = match within(&name, self.limits.depth) {
            Ok(path) => path,
            Err(reason) => {
                self.note(&format!("{} {reason} and was not looked at", shown(&name)));
                return Ok(());
            }
        };
        let header = entry.header();
        let mut attributes = Attributes {
            mode: header.mode().unwrap_or(0) & 0o7777,
            uid: number(extended.uid.map_or_else(|| header.uid(), Ok)),
            gid: number(extended.gid.map_or_else(|| header.gid(), Ok)),
            size: entry.size(),
            links: 1,
            acl: extended.acl,
            modified: header.mtime().ok().and_then(|seconds| i64::try_from(seconds).ok()),
        };
        let link =
            extended.link.clone().or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
        let link = link.unwrap_or_default();
        let kind = match kind {
            EntryType::Directory => EntryKind::Directory(Ok(())),
            EntryType::Symlink => EntryKind::Link(PathBuf::from(OsStr::from_bytes(&link))),
            EntryType::Link => {
                let (kind, named) = self.hard_link(&link);
                if let Some(named) = named {
                    attributes = named;
                }
                kind
            }
            EntryType::Char | EntryType::Block => EntryKind::Special("a device"),
            EntryType::Fifo => EntryKind::Special("a pipe"),
            EntryType::GNUSparse => EntryKind::File(Err(SPARSE.to_owned())),
            _ if extended.sparse => EntryKind::File(Err(SPARSE.to_owned())),
            // An old tar marks a directory by the end of its name alone.
            _ if name.ends_with(b"/") => EntryKind::Directory(Ok(())),
            kind if kind.is_file() || kind.is_contiguous() => EntryKind::File(self.contents(entry)?),
            _ => {
                self.note(&format!("{} is of a kind that is not known and was not looked at", shown(&name)));
                return Ok(());
            }
        };
        self.keep(Entry { path, kind, attributes });
        Ok(())
    }

    /// The contents of a file. Where the stream ends within it, that is the error.
    fn contents<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
    ) -> io::Result<Result<Zeroizing<Vec<u8>>, String>> {
        let size = entry.size();
        if let Err(reason) = self.room(size) {
            return Ok(Err(reason));
        }
        let Ok(length) = usize::try_from(size) else { return Ok(Err("it is too large".into())) };
        // Of its whole length at once: what grows leaves copies behind.
        let mut contents = Zeroizing::new(vec![0; length]);
        entry.read_exact(&mut contents)?;
        self.left -= size;
        Ok(Ok(contents))
    }

    fn room(&self, size: u64) -> Result<(), String> {
        if size > self.limits.file {
            return Err(format!(
                "it is larger than what is read: {size} bytes, and {} are the most",
                self.limits.file
            ));
        }
        if size > self.left {
            return Err(format!(
                "the files before it were {} bytes together, the most that is read",
                self.limits.total
            ));
        }
        Ok(())
    }

    /// Another name of an entry that came before: what is in it, and what is said of it.
    fn hard_link(&mut self, target: &[u8]) -> (EntryKind, Option<Attributes>) {
        let missing = || "it is another name of a file that the archive does not hold".to_owned();
        let target = within(target, self.limits.depth).ok();
        let Some(index) = target.and_then(|target| self.by_path.get(&target).copied()) else {
            return (EntryKind::File(Err(missing())), None);
        };
        let size = match self.archive.entries.get(index).map(|entry| &entry.kind) {
            Some(EntryKind::File(Ok(contents))) => contents.len() as u64,
            _ => 0,
        };
        let room = self.room(size);
        let Some(first) = self.archive.entries.get_mut(index) else {
            return (EntryKind::File(Err(missing())), None);
        };
        let kind = match (&first.kind, room) {
            (EntryKind::File(Ok(contents)), Ok(())) => {
                self.left -= size;
                EntryKind::File(Ok(contents.clone()))
            }
            (EntryKind::File(Ok(_)), Err(reason)) => EntryKind::File(Err(reason)),
            (EntryKind::File(Err(reason)), _) => EntryKind::File(Err(reason.clone())),
            (EntryKind::Link(target), _) => EntryKind::Link(target.clone()),
            (EntryKind::Special(what), _) => EntryKind::Special(what),
            (EntryKind::Directory(_), _) => EntryKind::File(Err(missing())),
        };
        first.attributes.links += 1;
        (kind, Some(first.attributes))
    }

    /// Of several entries with a name, the last one counts, as it does when an archive is unpacked.
    fn keep(&mut self, entry: Entry) {
        let before = self.by_path.get(&entry.path).and_then(|index| self.archive.entries.get_mut(*index));
        if let Some(before) = before {
            *before = entry;
        } else {
            self.by_path.insert(entry.path.clone(), self.archive.entries.len());
            self.archive.entries.push(entry);
        }
    }
}

const SPARSE: &str = "it is stored with holes, which is not read; leave out tar's option --sparse";

fn number(said: io::Result<u64>) -> u32 {
    said.ok().and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX)
}

/// The path of a name in an archive; why not where it leads out of it.
fn within(name: &[u8], deepest: usize) -> Result<PathBuf, &'static str> {
    let mut path = PathBuf::new();
    let mut depth = 0;
    for component in Path::new(OsStr::from_bytes(name)).components() {
        match component {
            Component::Normal(name) => {
                path.push(name);
                depth += 1;
            }
            Component::CurDir => {}
            Component::ParentDir => return Err("leads out of the archive (`..`)"),
            Component::RootDir | Component::Prefix(_) => return Err("has an absolute path"),
        }
        if depth > deepest {
            return Err("lies too deep");
        }
    }
    if name.contains(&0) { Err("has a NUL in its name") } else { Ok(path) }
}

impl Extended {
    /// Reads the records of a pax header: `LENGTH KEYWORD=VALUE`, each ended by a newline that the length counts.
    fn read(&mut self, mut records: &[u8]) {
        while let Some(blank) = records.iter().position(|byte| *byte == b' ') {
            let (length, _) = records.split_at(blank);
            let length = std::str::from_utf8(length).ok().and_then(|text| text.parse::<usize>().ok());
            let Some(record) = length.and_then(|length| records.get(blank + 1..length)) else { return };
            records = length.and_then(|length| records.get(length..)).unwrap_or_default();
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            let Some(equals) = record.iter().position(|byte| *byte == b'=') else { continue };
            let (keyword, value) = record.split_at(equals);
            let value = value.get(1..).unwrap_or_default();
            let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            match keyword {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"uid" => self.uid = number(),
                b"gid" => self.gid = number(),
                b"SCHILY.acl.access" => self.acl = widens(value),
                _ if keyword.starts_with(b"GNU.sparse.") => self.sparse = true,
                _ => {}
            }
        }
    }
}

/// Whether an access control list has more than the three entries that are the permissions.
fn widens(list: &[u8]) -> bool {
    let entries = list.split(|byte| matches!(byte, b',' | b'\n')).map(<[u8]>::trim_ascii);
    entries.filter(|entry| !entry.is_empty()).count() > 3
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: WalkLimits = WalkLimits { entries: 20, file: 1000, total: 2500, depth: 4 };

    fn header(kind: EntryType, name: &[u8], size: u64) -> tar::Header {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name);
        header.set_entry_type(kind);
        header.set_mode(0o100_640);
        header.set_uid(7);
        header.set_gid(8);
        header.set_size(size);
        header
    }

    fn add(archive: &mut Vec<u8>, mut header: tar::Header, contents: &[u8]) {
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(contents);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }

    fn file(archive: &mut Vec<u8>, name: &str, contents: &[u8]) {
        add(archive, header(EntryType::Regular, name.as_bytes(), contents.len() as u64), contents);
    }

    fn link(archive: &mut Vec<u8>, kind: EntryType, name: &str, target: &str) {
        let mut header = header(kind, name.as_bytes(), 0);
        header.set_link_name_literal(target).unwrap();
        add(archive, header, b"");
    }

    fn read(archive: &[u8]) -> Archive {
        let ended = [archive, &[0; 1024]].concat();
        read_archive(ended.as_slice(), LIMITS).unwrap()
    }

    /// Each entry in a few words.
    fn words(archive: &Archive) -> Vec<String> {
        let of = |entry: &Entry| {
            let what = match &entry.kind {
                EntryKind::File(Ok(contents)) => String::from_utf8_lossy(contents).chars().take(20).collect(),
                EntryKind::File(Err(reason)) => format!("({reason})"),
                EntryKind::Directory(_) => "/".to_owned(),
                EntryKind::Link(target) => format!("-> {}", target.display()),
                EntryKind::Special(what) => format!("({what})"),
            };
            format!("{} {what} x{}", entry.path.display(), entry.attributes.links)
        };
        archive.entries.iter().map(of).collect()
    }

    #[test]
    fn entries_are_what_the_archive_says() {
        let mut archive = Vec::new();
        add(&mut archive, header(EntryType::Directory, b"./pki/", 0), b"");
        file(&mut archive, "./pki/ca.crt", b"a certificate");
        link(&mut archive, EntryType::Symlink, "pki/current", "../elsewhere");
        link(&mut archive, EntryType::Link, "pki/same", "./pki/ca.crt");
        link(&mut archive, EntryType::Link, "pki/gone", "pki/nothing");
        add(&mut archive, header(EntryType::Fifo, b"pki/pipe", 0), b"");
        add(&mut archive, header(EntryType::Char, b"pki/null", 0), b"");
        let archive = read(&archive);
        assert_eq!(
            words(&archive),
            [
                "pki / x1",
                "pki/ca.crt a certificate x2",
                "pki/current -> ../elsewhere x1",
                "pki/same a certificate x2",
                "pki/gone (it is another name of a file that the archive does not hold) x1",
                "pki/pipe (a pipe) x1",
                "pki/null (a device) x1",
            ]
        );
        assert_eq!(archive.incomplete, [""; 0]);
        let attributes = archive.entries[1].attributes;
        assert_eq!((attributes.mode, attributes.uid, attributes.gid, attributes.size), (0o640, 7, 8, 13));
    }

    #[test]
    fn names_lead_nowhere_else() {
        let mut archive = Vec::new();
        for name in ["/etc/shadow", "../up", "a/../../up", "a/b/c/d/e", "fine"] {
            file(&mut archive, name, b"x");
        }
        let archive = read(&archive);
        assert_eq!(words(&archive), ["fine x x1"]);
        assert_eq!(
            archive.incomplete,
            [
                "/etc/shadow has an absolute path and was not looked at",
                "../up leads out of the archive (`..`) and was not looked at",
                "a/../../up leads out of the archive (`..`) and was not looked at",
                "a/b/c/d/e lies too deep and was not looked at",
            ]
        );
    }

    #[test]
    fn of_several_entries_with_a_name_the_last_counts() {
        let mut archive = Vec::new();
        file(&mut archive, "ca.crt", b"old");
        file(&mut archive, "./ca.crt", b"new");
        assert_eq!(words(&read(&archive)), ["ca.crt new x1"]);
    }

    #[test]
    fn what_is_too_much_is_left_out() {
        let mut archive = Vec::new();
        file(&mut archive, "large", &[b'x'; 1001]);
        file(&mut archive, "a", &[b'x'; 1000]);
        file(&mut archive, "b", &[b'x'; 1000]);
        link(&mut archive, EntryType::Link, "c", "a");
        file(&mut archive, "d", b"still room");
        let found = read(&archive);
        assert_eq!(
            words(&found),
            [
                "large (it is larger than what is read: 1001 bytes, and 1000 are the most) x1",
                "a xxxxxxxxxxxxxxxxxxxx x2",
                "b xxxxxxxxxxxxxxxxxxxx x1",
                "c (the files before it were 2500 bytes together, the most that is read) x2",
                "d still room x1",
            ]
        );
        for count in 0..30 {
            file(&mut archive, &format!("n{count}"), b"");
        }
        let found = read(&archive);
        assert_eq!(found.entries.len(), 20);
        assert_eq!(found.incomplete, ["there are more than 20 entries; the others were not looked at"]);
    }

    #[test]
    fn long_names_and_extended_headers_are_read() {
        let long = format!("pki/{}", "n".repeat(150));
        let mut archive = Vec::new();
        let name = format!("{long}\0");
        add(
            &mut archive,
            header(EntryType::GNULongName, b"././@LongLink", name.len() as u64),
            name.as_bytes(),
        );
        file(&mut archive, "short", b"gnu");
        let record = |keyword: &str, value: &str| {
            let rest = format!(" {keyword}={value}\n");
            let length =
                (rest.len()..rest.len() + 9).find(|length| length.to_string().len() + rest.len() == *length);
            format!("{}{rest}", length.unwrap())
        };
        let acl = "user::rw-\nuser:1000:r--\ngroup::r--\nmask::r--\nother::---";
        let pax = record("path", "pki/pax") + &record("uid", "4000000") + &record("SCHILY.acl.access", acl);
        add(&mut archive, header(EntryType::XHeader, b"PaxHeaders/x", pax.len() as u64), pax.as_bytes());
        file(&mut archive, "short", b"pax");
        file(&mut archive, "plain", b"none");
        let found = read(&archive);
        assert_eq!(
            words(&found),
            [format!("{long} gnu x1"), "pki/pax pax x1".into(), "plain none x1".into()]
        );
        let facts = |index: usize| (found.entries[index].attributes.uid, found.entries[index].attributes.acl);
        assert_eq!([facts(0), facts(1), facts(2)], [(7, false), (4_000_000, true), (7, false)]);
    }

    #[test]
    fn a_huge_extended_header_ends_it() {
        let mut archive = Vec::new();
        file(&mut archive, "a", b"before");
        add(&mut archive, header(EntryType::XHeader, b"x", LARGEST_HEADER + 1), b"");
        let found = read(&archive);
        assert_eq!(words(&found), ["a before x1"]);
        assert_eq!(found.incomplete.len(), 1);
    }

    #[test]
    fn what_is_cut_off_is_named() {
        let mut archive = Vec::new();
        file(&mut archive, "a", b"whole");
        file(&mut archive, "b", &[b'x'; 600]);
        for (length, entries) in
            [(archive.len(), 2), (archive.len() - BLOCK, 1), (3 * BLOCK + 100, 1), (BLOCK + 3, 0)]
        {
            let found = read_archive(&archive[..length], LIMITS).unwrap();
            assert_eq!(found.entries.len(), entries, "{length}");
            assert_eq!(
                found.incomplete,
                ["the archive ends too early or is damaged; what came before that was looked at"],
                "{length}"
            );
        }
    }

    #[test]
    fn what_is_no_archive_is_refused() {
        let refused = |bytes: &[u8]| read_archive(bytes, LIMITS).unwrap_err().to_string();
        assert_eq!(refused(b""), "nothing is in it");
        assert_eq!(
            refused(b"-----BEGIN CERTIFICATE-----"),
            "it is neither a tar archive nor a file of a PKI"
        );
        assert_eq!(refused(&[b'x'; 5000]), "it is neither a tar archive nor a file of a PKI");
        assert_eq!(
            refused(b"\x1f\x8b\x08\x00"),
            "it is compressed with gzip; decompress it first: `gzip -dc`"
        );
        assert!(read_archive([0; 10_240].as_slice(), LIMITS).unwrap().entries.is_empty());
    }
}
