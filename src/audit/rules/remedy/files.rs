//! Files that are written anew, exchanged, or given another mode.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Desk, Edit};
use crate::audit::{Cert, File, Place, Reference, Target, What};
use crate::inspect::{Content, Encoding, Item};
use crate::layout::{Promise, key_beside};
use crate::manifest::Component;
use crate::remedy::{Command, Remedy, backup, copy, written_anew};
use crate::x509::{Printable, hex, quoted, sha256, shell_word};

impl<'a> Desk<'a> {
    /// The file of a place.
    pub(super) fn file_of(&self, place: &Place) -> Option<&'a File> {
        self.node().files.get(place.file?)
    }

    /// Takes one block out of a file.
    pub(super) fn without_block(&self, place: &Place) -> Remedy {
        match (self.without_pem_block(place), &place.field) {
            (Some(command), _) => Remedy::command(command),
            (None, Some(field)) => Remedy::words(format!(
                "Take it out of {}: decode the base64, leave out that certificate, and encode the rest.",
                Printable(field)
            )),
            (None, None) => {
                Remedy::words("Take that block out of the file, from its BEGIN line to its END line.")
            }
        }
    }

    fn without_pem_block(&self, place: &Place) -> Option<Command> {
        let file = self.file_of(place)?;
        let index = place.file?;
        // Where several are to go, each is taken out by the one command: those that are left would have other numbers after the first.
        let own = (index, place.block?);
        let others = self.taken_out.iter().filter(|(file, _)| *file == index).copied();
        let numbers: BTreeSet<usize> = others.chain([own]).map(|(_, block)| block + 1).collect();
        if numbers.len() >= file.items().len() {
            return None;
        }
        let numbers: Vec<String> = numbers.iter().map(|number| format!("n!={number}")).collect();
        let is_pem = file.contents()?.encoding == Encoding::Pem && !is_of_another_form(file);
        if place.field.is_some() || !is_pem || file.holds_private_key() {
            return None;
        }
        let path = file.command_path();
        Some(Command::written(format!(
            "{} && {} && awk '/-----BEGIN /{{n++}} {}' \"$b\" > {}",
            unchanged(file)?,
            backup(path),
            numbers.join(" && "),
            shell_word(path)
        )))
    }
}

impl<'a> Desk<'a> {
    /// Takes the private key out of the file of its certificate, into the one beside it.
    pub(super) fn split_key(&self, place: &Place) -> Option<Remedy> {
        let node = self.node();
        let file = self.file_of(place)?;
        let (path, index) = (file.command_path(), place.file?);
        let own = node.keys_in(index).find(|key| key.private)?.spki?;
        let named = |reference: &Reference| {
            reference.target == Target::File(index) && matches!(reference.what, What::Key | What::SigningKey)
        };
        if node.references.iter().any(named) || is_of_another_form(file) {
            return None;
        }
        let public = format!(
            "sed -n '/-----BEGIN CERTIFICATE-----/,/-----END CERTIFICATE-----/p' {0} > {0}.new && mv {0}.new {0}",
            shell_word(path)
        );
        let public = Command::written(public);
        match node.key_file_beside(file).map(|(beside, _)| beside) {
            Some(beside) if node.keys_in(beside).any(|key| key.private && key.spki == Some(own)) => {
                Some(Remedy::command(public).say("The key stands beside it, and is lost in this file alone."))
            }
            Some(_) => None,
            None => {
                let key = shell_word(key_beside(path));
                let write = format!("(umask 077 && openssl pkey -in {} -out {key})", shell_word(path));
                Some(Remedy::command(Command::written(write)).run(public))
            }
        }
    }

    /// Gives a kubelet's pair the name of its day, and lets the link of its own name lead there.
    pub(super) fn dated_link(&self, place: &Place) -> Option<Remedy> {
        let file = self.file_of(place)?;
        let born = self.node().certs_in(place.file?).next()?.tbs().validity.not_before;
        let prefix = file.name().strip_suffix("current.pem")?;
        let dated = format!(
            "{prefix}{}-{:02}-{:02}-{:02}.pem",
            born.date(),
            born.hour(),
            born.minute(),
            born.second()
        );
        let path = file.command_path();
        let to = path.with_file_name(&dated);
        let on_node = file.on_node.with_file_name(&dated);
        let target = if file.anchored { shell_word(on_node) } else { quoted(&dated) };
        Some(
            Remedy::command(Command::of("mv").path(path).path(&to))
                .run(Command::of("ln").plain("-s").plain(&target).path(path))
                .run(Command::written("systemctl restart kubelet")),
        )
    }

    /// Lets a link lead to a file of the same directory.
    pub(super) fn link_to(&self, place: &Place, target: &File) -> Option<Command> {
        let link = self.file_of(place)?;
        let on_node =
            if target.anchored { target.on_node.clone() } else { target.on_node.file_name()?.into() };
        Some(Command::of("ln").plain("-sfn").path(on_node).path(link.command_path()))
    }

    /// Puts a certificate of a bundle into a file of its own beside it, which a flag of the controller manager is to name.
    pub(super) fn own_signing_file(&self, cert: Cert<'a>, flag: &str) -> Option<Remedy> {
        let file = cert.file();
        let number = cert.item().place.block? + 1;
        let stem = file.on_node.file_stem()?.to_str()?;
        let name = format!("{stem}-signing.{}", file.on_node.extension()?.to_str()?);
        let seen = self.seen_by(Component::ControllerManager, cert.found().file)?;
        let own = Path::new(&seen).with_file_name(&name);
        let path = file.command_path();
        let extract = Command::written(format!(
            "awk '/-----BEGIN /{{n++}} n=={number}' {} > {}",
            shell_word(path),
            shell_word(path.with_file_name(&name))
        ));
        let edit = Edit::set(Component::ControllerManager, flag, own.to_str()?);
        Some(Remedy::command(extract).then(self.edits(&[edit])))
    }
}

/// Writes the public half of the key of a file in its place.
pub(super) fn public_half(file: &File) -> Command {
    let path = shell_word(file.command_path());
    let write = if file.holds_private_key() {
        format!("openssl pkey -in {path} -pubout -out {path}.new")
    } else {
        return Command::written(format!(
            "{} && openssl x509 -in \"$b\" -pubkey -noout > {path}",
            backup(file.command_path())
        ));
    };
    Command::written(format!("{write} && mv {path}.new {path}"))
}

/// Puts the public half of a key into a file.
pub(super) fn public_of(private: &File, public: &File) -> Command {
    let (from, to) = (shell_word(private.command_path()), public.command_path());
    let write = written_anew(&format!("openssl pkey -in {from} -pubout"), to);
    Command::written(format!("{} && {write}", backup(to)))
}

/// Writes a private key under the name of one.
pub(super) fn copied_key(file: &File) -> Command {
    let path = file.command_path();
    let key = shell_word(path.with_extension("key"));
    Command::written(format!("(umask 077 && cp {} {key})", shell_word(path)))
}

/// Puts the certificates of a file in order.
pub(super) fn in_order(file: &File) -> Option<Command> {
    if file.holds_private_key() || is_of_another_form(file) {
        return None;
    }
    Some(Command::of("kpki").plain("audit").path(file.command_path()).plain("--fix --write"))
}

/// Parts blocks that end and begin on one line.
pub(super) fn parted(file: &File) -> Command {
    let path = shell_word(file.command_path());
    Command::written(format!(r"sed -i 's/-----\(-----BEGIN \)/-----\n\1/g' {path}"))
}

/// Writes a key anew by a command of openssl, which asks for passphrases.
pub(super) fn rewritten_key(file: &File, command: &str) -> Command {
    let path = shell_word(file.command_path());
    Command::written(format!("(umask 077 && {command} -in {path} -out {path}.new) && mv {path}.new {path}"))
}

/// Takes bits of a file's mode away, as `kpki audit --fix` does.
pub(super) fn narrowed(file: &File, kept: u32) -> Option<Remedy> {
    let mode = file.attributes?.mode & kept;
    Some(Remedy::command(Command::of("chmod").arg(format!("{mode:o}")).path(file.command_path())))
}

/// Writes what a file holds as PEM.
pub(super) fn as_pem(file: &File) -> Remedy {
    let path = shell_word(file.command_path());
    if file.holds_private_key() {
        let write = format!(
            "(umask 077 && kpki inspect -o pem --private-keys {path} > {path}.new) && mv {path}.new {path}"
        );
        return Remedy::command(Command::written(write)).say("Nothing is lost but how it was written.");
    }
    let write = format!("{} && kpki inspect -o pem \"$b\" > {path}", backup(file.command_path()));
    Remedy::command(Command::written(write))
}

/// Puts the contents of one file into another.
pub(super) fn put_into(from: &File, to: &File) -> Command {
    let to = to.command_path();
    Command::written(format!("{} && {}", backup(to), copy(&shell_word(from.command_path()), to)))
}

/// Puts a file behind what another one holds.
pub(super) fn appended(from: &File, to: &File) -> Command {
    let (from, to) = (shell_word(from.command_path()), to.command_path());
    // Each ends its last line, so that no two blocks run together.
    Command::written(format!("{} && sed -s -e '$a\\' \"$b\" {from} > {}", backup(to), shell_word(to)))
}

/// Gives the files of each pair each other's name, and the modes that go with it.
pub(super) fn exchanged<'a>(mut pairs: Vec<(&'a File, &'a File)>) -> Command {
    let mode = |file: &File| if file.promise() == Some(Promise::PrivateKey) { "600" } else { "644" };
    // Whichever is told of, the command is one.
    for (one, other) in &mut pairs {
        if one.on_node > other.on_node {
            std::mem::swap(one, other);
        }
    }
    pairs.sort_by(|one, other| one.0.on_node.cmp(&other.0.on_node));
    // A second time it would undo what it has done.
    let all = || pairs.iter().flat_map(|(one, other)| [*one, *other]);
    let certificate = all().filter(|file| !file.holds_private_key()).find_map(unchanged);
    let mut parts: Vec<String> = certificate.or_else(|| all().find_map(unchanged)).into_iter().collect();
    for (one, other) in &pairs {
        let (a, b) = (shell_word(one.command_path()), shell_word(other.command_path()));
        parts.push(format!(
            "mv {a} {a}.swap && mv {b} {a} && mv {a}.swap {b} && chmod {} {a} && chmod {} {b}",
            mode(one),
            mode(other)
        ));
    }
    Command::written(parts.join(" && "))
}

/// Whether a file is still the one that was looked at. Of one with a private key the public half alone is told.
pub(super) fn unchanged(file: &File) -> Option<String> {
    let path = shell_word(file.command_path());
    if file.holds_private_key() {
        let is_private = |item: &&Item| matches!(item.content, Content::PrivateKey(_));
        let digest = hex(&sha256(file.items().iter().find(is_private)?.public_key()?));
        return Some(format!(
            "[ \"$(openssl pkey -in {path} -pubout -outform DER | sha256sum)\" = '{digest}  -' ]"
        ));
    }
    let digest = hex(&file.contents()?.digest);
    Some(format!("[ \"$(sha256sum < {path})\" = '{digest}  -' ]"))
}

/// Whether a file is of a form in which PEM only stands somewhere: what is written as PEM anew would be another file.
pub(super) fn is_of_another_form(file: &File) -> bool {
    let ends = |endings: &[&str]| {
        endings.iter().any(|ending| super::super::files::has_extension(file.name(), ending))
    };
    let of_pem = ["pem", "crt", "cer", "cert", "key", "csr", "crl", "pub", "p7b", "p12", "pfx", "der"];
    let has_more = || file.contents().is_some_and(|contents| contents.text.outside.is_some());
    ends(&["yaml", "yml", "json", "conf", "cfg", "toml", "ini", "sh", "env", "tf", "service"])
        || !ends(&of_pem) && file.promise().is_none() && has_more()
}
