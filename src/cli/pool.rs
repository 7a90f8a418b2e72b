//! Which certificates and lists a verification is made with: whatever holds them, as `kpki inspect` reads it.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use kpki::chain::{
    Located, LocatedList, Policy, Reading, Remark, Source, Unreadable, Unseen, read, revocation_lists,
};
use kpki::disk::{DiskError, read_bounded};
use kpki::inspect::{Content, Encoding, Inspected, Item, inspect};
use kpki::pem::CERTIFICATE;
use kpki::x509::{Printable, X509Error};
use zeroize::Zeroizing;

use super::Failure;
use super::output::{self, inform};

/// The largest file of certificates or lists, in bytes: 64 MiB hold some fifty thousand certificates.
const LARGEST: u64 = 64 << 20;
/// What a directory of CAs is searched for.
const ENDINGS: [&str; 4] = ["crt", "pem", "cert", "cer"];
/// The name of what comes on standard input.
const STANDARD_INPUT: &str = "standard input";

/// Certificates that help: trust anchors or intermediates.
#[derive(Default)]
pub(super) struct Given {
    pub(super) certificates: Vec<Located>,
    /// Those that stand in the files and that the policy does not see.
    pub(super) unseen: Vec<Unseen>,
    pub(super) remarks: Vec<Remark>,
}

impl Given {
    fn add(&mut self, reading: Reading) -> Result<(), Failure> {
        self.unseen.extend(reading.unseen);
        self.remarks.extend(reading.remarks);
        for one in reading.certificates {
            match one {
                Ok(located) => self.certificates.push(located),
                Err(unreadable) => inform(format!("left out: {unreadable}"))?,
            }
        }
        Ok(())
    }
}

/// Certificates that stand together, in one text or in one field of an object.
pub(super) struct Group {
    /// The field.
    pub(super) field: Option<String>,
    pub(super) reading: Reading,
}

/// For what certificates are looked for in an object that holds some of each.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Somebody's own.
    Own,
    /// Whom somebody trusts.
    Authorities,
}

/// Reads files of certificates of CAs between.
pub(super) fn read_intermediates(files: &[PathBuf], policy: Policy) -> Result<Given, Failure> {
    let mut out = Given::default();
    for file in files {
        for group in groups(file, policy, Wanted::Authorities)? {
            out.add(group.reading)?;
        }
    }
    Ok(out)
}

/// Reads trust anchors: every certificate of a file, or the CA certificates of a directory (not of those below it).
pub(super) fn read_anchors(places: &[PathBuf], policy: Policy) -> Result<Given, Failure> {
    let mut out = Given::default();
    for place in places {
        if place.is_dir() {
            let before = out.certificates.len() + out.unseen.len();
            cas_of(place, policy, &mut out)?;
            if out.certificates.len() + out.unseen.len() == before {
                return Err(Failure::new(format!("{} holds no CA certificate", output::path(place)))
                    .hint("name the file: --ca FILE"));
            }
        } else {
            for group in groups(place, policy, Wanted::Authorities)? {
                out.add(group.reading)?;
            }
        }
    }
    Ok(out)
}

fn cas_of(directory: &Path, policy: Policy, out: &mut Given) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| {
        Failure::new(format!("cannot list {}: {error}", output::path(directory))).hint("check the path")
    };
    let mut files = Vec::new();
    for item in std::fs::read_dir(directory).map_err(cannot)? {
        let path = item.map_err(cannot)?.path();
        let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let is_key = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("-key"));
        if path.is_file() && ENDINGS.contains(&ending.as_str()) && !is_key {
            files.push(path);
        }
    }
    files.sort();
    for file in files {
        // A file without a certificate is no matter in a directory.
        let Ok(bytes) = read_bounded(&file, LARGEST) else { continue };
        let Ok(mut reading) = read(&output::path(&file), &bytes, policy, true) else { continue };
        reading.certificates.retain(|one| match one {
            Ok(located) => located.certificate.tbs.extensions.is_ca(),
            Err(_) => true,
        });
        out.add(reading)?;
    }
    Ok(())
}

/// Reads a file whose certificates are to be judged.
pub(super) fn read_shown(file: &Path, policy: Policy) -> Result<Vec<Group>, Failure> {
    groups(file, policy, Wanted::Own)
}

/// What a file, a pipe or standard input holds, within bounds.
fn bytes_of(file: &Path) -> Result<(String, Zeroizing<Vec<u8>>), Failure> {
    if file == Path::new("-") {
        return Ok((STANDARD_INPUT.to_owned(), stream(std::io::stdin().lock(), STANDARD_INPUT)?));
    }
    let name = output::path(file);
    match read_bounded(file, LARGEST) {
        Ok(bytes) => Ok((name, bytes)),
        // What a shell makes of `<(command)`, and /dev/stdin.
        Err(DiskError::NotRegular { .. }) if !file.is_dir() => {
            let opened =
                File::open(file).map_err(|error| Failure::new(format!("cannot open {name}: {error}")))?;
            let bytes = stream(opened, &name)?;
            Ok((name, bytes))
        }
        Err(error) => Err(error.into()),
    }
}

fn stream(from: impl Read, name: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(format!("cannot read {name}: {error}")))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::new(format!(
            "{name} is larger than {} MiB, which no file of a PKI is",
            LARGEST >> 20
        )));
    }
    Ok(bytes)
}

/// The certificates of a file, together as they stand there.
fn groups(file: &Path, policy: Policy, wanted: Wanted) -> Result<Vec<Group>, Failure> {
    let (name, bytes) = bytes_of(file)?;
    let plain = |reading| Ok(vec![Group { field: None, reading }]);
    // What begins with a block or is one certificate in DER is what it looks like; for all else somebody else has an eye.
    let begins = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii_start();
    let is_der = bytes.first() == Some(&0x30);
    let is_pem = begins.starts_with(b"-----BEGIN");
    let inspected = if is_der || is_pem { None } else { Some(inspect(&name, &bytes)) };
    if inspected.as_ref().is_none_or(|inspected| inspected.encoding == Encoding::Pem) {
        match read(&name, &bytes, policy, wanted == Wanted::Authorities) {
            Ok(reading) if !is_der || reading.certificates.iter().all(Result::is_ok) => {
                return plain(reading);
            }
            Ok(_) | Err(X509Error::NoCertificate { .. }) => {}
            Err(error) => return Err(explain(error, &name, "a certificate")),
        }
    }
    let inspected = inspected.unwrap_or_else(|| inspect(&name, &bytes));
    let found = in_objects(&inspected, file, policy, wanted)?;
    if found.is_empty() { Err(nothing_in(&inspected, &name)) } else { Ok(found) }
}

/// Says what a file holds instead of certificates.
fn nothing_in(inspected: &Inspected, name: &str) -> Failure {
    /// So many things are named.
    const MOST: usize = 3;
    let items = &inspected.items;
    let mut held: Vec<String> = items.iter().take(MOST).map(Item::title).collect();
    held.extend((items.len() > MOST).then(|| format!("{} more", items.len() - MOST)));
    let fault = inspected.all().into_iter().find_map(|item| item.faults.first().cloned());
    let fault = fault.map(|fault| format!(": {fault}")).unwrap_or_default();
    Failure::new(format!("no certificate found; it holds: {}{fault}", held.join(", ")))
        .at(name)
        .hint("a certificate is wanted here: PEM, DER, PKCS#7, a kubeconfig, a Secret or another object that holds one")
}

/// The certificates of an object's fields, of a PKCS#7 message and of whatever else holds some.
fn in_objects(
    inspected: &Inspected,
    file: &Path,
    policy: Policy,
    wanted: Wanted,
) -> Result<Vec<Group>, Failure> {
    let mut all = Vec::new();
    for item in &inspected.items {
        object(item, inspected, file, policy, wanted, &mut all)?;
    }
    Ok(all)
}

fn object(
    item: &Item,
    inspected: &Inspected,
    file: &Path,
    policy: Policy,
    wanted: Wanted,
    all: &mut Vec<Group>,
) -> Result<(), Failure> {
    // A list holds objects, and each is for itself.
    if item.items.iter().any(|inner| matches!(inner.content, Content::Object(_) | Content::Kubeconfig(_))) {
        for inner in &item.items {
            object(inner, inspected, file, policy, wanted, all)?;
        }
        return Ok(());
    }
    if let Content::Kubeconfig(_) = &item.content {
        return kubeconfig(item, inspected, file, policy, wanted, all);
    }
    let mut groups = Vec::new();
    collect(item, &inspected.file, policy, &mut groups);
    let field = |group: &Group| group.field.clone().unwrap_or_default();
    let authorities = |group: &Group| {
        let field = field(group);
        field.ends_with("[ca.crt]")
            || field.ends_with("caBundle")
            || field.ends_with("certificate-authority-data")
    };
    let (trusted, own): (Vec<Group>, Vec<Group>) = groups.into_iter().partition(authorities);
    let mut chosen = match wanted {
        Wanted::Own if own.is_empty() => trusted,
        Wanted::Own => own,
        Wanted::Authorities if trusted.is_empty() => own,
        Wanted::Authorities => trusted,
    };
    // What a Secret of type kubernetes.io/tls is about goes first.
    chosen.sort_by_key(|group| !field(group).ends_with("[tls.crt]"));
    all.extend(chosen);
    Ok(())
}

/// Puts the certificates of an item together by the fields that hold them.
fn collect(item: &Item, file: &str, policy: Policy, groups: &mut Vec<Group>) {
    let field = item.place.field.clone();
    let together = groups.last().filter(|group| group.field == field);
    let number = together.map_or(0, |group| group.reading.certificates.len() + group.reading.unseen.len());
    let source = Source {
        file: output::path(Path::new(file)),
        field: field.clone(),
        block: number,
        line: item.place.lines.map(|(first, _)| first),
    };
    let mut reading = Reading::default();
    match &item.content {
        Content::Certificate(facts) => {
            let label = item.label.as_deref().filter(|label| *label != CERTIFICATE).map(|label| {
                format!("its label is `{}`, and Go reads `{CERTIFICATE}` alone", Printable(label))
            });
            match (item.unseen_by_go.clone().or(label), policy) {
                (Some(why), Policy::Kubernetes) => {
                    let subject = Some(facts.certificate.tbs.subject.der().to_vec());
                    reading.unseen.push(Unseen { source, subject, why });
                }
                // Neither is another label that of a certificate by RFC 7468.
                (Some(_), Policy::Rfc5280) if item.label.as_deref() != Some(CERTIFICATE) => {}
                _ => {
                    reading.certificates.push(Ok(Located { certificate: facts.certificate.clone(), source }));
                }
            }
        }
        Content::Broken { what: "certificate" | "field", .. } => {
            let problem = item.faults.first().cloned().unwrap_or_else(|| "it cannot be read".into());
            reading.certificates.push(Err(Unreadable { place: source, problem }));
        }
        _ => {}
    }
    if !reading.certificates.is_empty() || !reading.unseen.is_empty() {
        match groups.last_mut().filter(|group| group.field == field) {
            Some(group) => {
                group.reading.certificates.extend(reading.certificates);
                group.reading.unseen.extend(reading.unseen);
            }
            None => groups.push(Group { field, reading }),
        }
    }
    for inner in &item.items {
        collect(inner, file, policy, groups);
    }
}

/// Of a kubeconfig: the client certificates of its users, that of the current context first; or the CAs of its clusters,
/// which is that of the current context where there is one. What it names by file is read there.
fn kubeconfig(
    item: &Item,
    inspected: &Inspected,
    file: &Path,
    policy: Policy,
    wanted: Wanted,
    all: &mut Vec<Group>,
) -> Result<(), Failure> {
    let Content::Kubeconfig(config) = &item.content else { return Ok(()) };
    let mut embedded = Vec::new();
    collect(item, &inspected.file, policy, &mut embedded);
    let current = config
        .current_context
        .as_ref()
        .and_then(|name| config.contexts.iter().find(|context| context.name == *name));
    let within = item.place.field.as_ref().map(|within| format!("{within}.")).unwrap_or_default();
    let (kind, ending) = match wanted {
        Wanted::Own => ("users", "client-certificate"),
        Wanted::Authorities => ("clusters", "certificate-authority"),
    };
    let mut names: Vec<(&str, Option<&str>)> = match wanted {
        Wanted::Own => {
            let users = config.users.iter();
            users
                .map(|user| {
                    (
                        user.name.as_str(),
                        user.certificate.file.as_deref().filter(|_| !user.certificate.embedded),
                    )
                })
                .collect()
        }
        Wanted::Authorities => {
            let clusters = config.clusters.iter();
            clusters
                .map(|cluster| {
                    (
                        cluster.name.as_str(),
                        cluster.authority.file.as_deref().filter(|_| !cluster.authority.embedded),
                    )
                })
                .collect()
        }
    };
    let chosen = current.map(|context| match wanted {
        Wanted::Own => context.user.as_str(),
        Wanted::Authorities => context.cluster.as_str(),
    });
    names.sort_by_key(|(name, _)| Some(*name) != chosen);
    if wanted == Wanted::Authorities
        && chosen.is_some_and(|chosen| names.first().is_some_and(|(name, _)| *name == chosen))
    {
        names.truncate(1);
    }
    for (name, named_file) in names {
        let field = format!("{within}{kind}[{name}].{ending}-data");
        if let Some(at) = embedded.iter().position(|group| group.field.as_deref() == Some(field.as_str())) {
            all.push(embedded.remove(at));
        } else if let Some(named_file) = named_file {
            let path = file.parent().unwrap_or_else(|| Path::new("")).join(named_file);
            let bytes = read_bounded(&path, LARGEST)?;
            let name = output::path(&path);
            let reading = read(&name, &bytes, policy, wanted == Wanted::Authorities)
                .map_err(|error| explain(error, &name, "a certificate"))?;
            all.push(Group { field: None, reading });
        }
    }
    Ok(())
}

fn explain(error: X509Error, file: &str, wanted: &str) -> Failure {
    Failure::from(error)
        .at(file)
        .hint(format!("{wanted} is wanted here, in PEM or DER; kpki inspect FILE says what a file holds"))
}

/// Reads files of revocation lists. One that cannot be read ends the run: what it would have said is not known.
pub(super) fn read_lists(files: &[PathBuf]) -> Result<Vec<LocatedList>, Failure> {
    let mut out = Vec::new();
    for file in files {
        let (name, bytes) = bytes_of(file)?;
        match revocation_lists(&name, &bytes) {
            Ok(found) => {
                for list in found {
                    out.push(list?);
                }
            }
            Err(error) => {
                let before = out.len();
                for item in inspect(&name, &bytes).all() {
                    if let Content::RevocationList(list) = &item.content {
                        let source = Source {
                            file: name.clone(),
                            field: item.place.field.clone(),
                            ..Source::default()
                        };
                        out.push(LocatedList { list: (**list).clone(), source });
                    }
                }
                if out.len() == before {
                    return Err(explain(error, &name, "a revocation list"));
                }
            }
        }
    }
    Ok(out)
}
