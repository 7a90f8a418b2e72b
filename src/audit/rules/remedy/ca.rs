//! CAs whose certificates are written anew with the keys that they have, so that what they have signed stays good.
//!
//! kpki does not do that yet; openssl does, and leaves the bytes of the names as they are.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::super::distinct::{Distinct, Use, named};
use super::Desk;
use crate::audit::Cert;
use crate::layout::key_beside;
use crate::remedy::{Command, Remedy, backup, copy};
use crate::x509::{GeneralSubtree, SubjectAltName, quoted, shell_word};

/// What a CA's certificate is to say that it does not say now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::audit::rules) struct CaChange {
    /// Whether its extensions are written anew: basic constraints, key usage and identifier as they should be, and no purposes.
    pub(in crate::audit::rules) extensions: bool,
    /// The path length, where it is to have another.
    pub(in crate::audit::rules) path_length: Option<u32>,
}

/// The extensions that a CA's new certificate is to have.
enum NewExtensions {
    /// Those of now.
    Kept,
    /// These, for openssl.
    Written(String),
}

const ANEW: &str =
    "Write its certificate anew with the key that it has, so that everything that it has signed stays good";

impl<'a> Desk<'a> {
    /// What gives a CA a new certificate with the key that it has.
    pub(super) fn renew_ca(&self, ca: Cert<'a>, change: &CaChange) -> Remedy {
        if let Some(maker) = super::ways::Maker::of(&ca.file().on_node) {
            return maker.renewal_of_ca();
        }
        let with_key = self.own_file(ca).and_then(|own| {
            let (key, _) = self.node().key_file_beside(own.file())?;
            Some((own, self.node().files.get(key)?.command_path().to_owned()))
        });
        let own = with_key.as_ref().map_or_else(|| self.alone(ca), |(own, _)| Some(*own));
        let Some(extensions) = Self::extensions_of(ca, change) else {
            return Remedy::words(
                "Write its certificate anew with the key that it has, by hand: it is constrained in a way that openssl's configuration \
                 cannot tell.",
            );
        };
        let key = with_key.as_ref().map(|(_, key)| shell_word(key));
        let above =
            if ca.is_self_signed() || ca.tbs().is_self_issued() { Above::Itself } else { self.above(ca) };
        let path = own.map(|own| own.file().command_path());
        let stem = path.unwrap_or(ca.file().command_path()).file_stem().unwrap_or_default().to_string_lossy();
        let called = |ending: &str| shell_word(format!("{stem}{ending}"));
        let (csr, renewed) = (called(".csr"), called("-renewed.crt"));
        let (remedy, new) = match (path, &key, &above) {
            (Some(path), Some(key), Above::Itself | Above::Here(_)) => {
                let sign = self.signed(ca, "\"$b\"", key, &above, &extensions);
                let write = format!("{} && {sign} -out {}", backup(path), shell_word(path));
                (Remedy::words(format!("{ANEW}:")).run(Command::written(write)), shell_word(path))
            }
            (Some(path), Some(key), Above::Away(called)) => {
                let request =
                    format!("openssl x509 -in {} -x509toreq -signkey {key} -out {csr}", shell_word(path));
                let sign = self.signed(ca, &csr, key, &above, &extensions);
                let remedy = Remedy::words(format!("{ANEW}. Make a request with that:")).run(Command::written(request)).say(format!(
                    "Sign {csr} where the private key of {called} is, as ABOVE.key beside ABOVE.crt: `{sign} -out {renewed}`. Bring {renewed} \
                     back, and put it in its place:"
                ));
                (remedy.run(put_new(&renewed, path)), shell_word(path))
            }
            (path, ..) => {
                let sign = self.signed(ca, "CA.crt", "CA.key", &above, &extensions);
                let remedy = Remedy::words(format!(
                    "{ANEW}. That was not found beside it: where it is, as CA.key beside CA.crt, `{sign} -out {renewed}`. Bring {renewed} \
                     here, and put it in its place:"
                ));
                match path {
                    Some(path) => (remedy.run(put_new(&renewed, path)), shell_word(path)),
                    None => (remedy, renewed),
                }
            }
        };
        let copies = self.copies(ca, own, &new);
        let mut remedy = if copies.is_empty() || own.is_none() {
            remedy
        } else {
            remedy.say("Put it where the one of before stands as well:")
        };
        for copy in copies {
            remedy = remedy.run(copy);
        }
        remedy.say("Then put it on every other node, and into every kubeconfig that people keep, and restart what trusts it.")
    }

    /// The CA above an intermediate one.
    fn above(&self, ca: Cert<'a>) -> Above {
        match ca.issuer_here().filter(|issuer| issuer.index != ca.index) {
            Some(issuer) => {
                let signer = self.signer_of(issuer);
                signer.file.map_or(Above::Away(signer.called), Above::Here)
            }
            None => Above::Away(named(&ca.tbs().issuer)),
        }
    }

    /// The extensions that it is to have; none where openssl's configuration cannot tell them.
    fn extensions_of(ca: Cert<'a>, change: &CaChange) -> Option<NewExtensions> {
        let itself = ca.is_self_signed() || ca.tbs().is_self_issued();
        let anew = change.extensions || change.path_length.is_some() || !itself;
        if anew { extensions(ca, change).map(NewExtensions::Written) } else { Some(NewExtensions::Kept) }
    }

    /// The place of a CA's certificate that is alone in its file.
    fn alone(&self, ca: Cert<'a>) -> Option<Cert<'a>> {
        let node = self.node();
        let alone = |other: &Cert<'a>| {
            other.found().same_as == ca.found().same_as
                && other.item().place.field.is_none()
                && node.certs_in(other.found().file).count() == 1
                && !super::files::is_of_another_form(other.file())
        };
        Some(ca).filter(alone).or_else(|| node.certs_with_key(&ca.found().spki).take(64).find(alone))
    }

    /// The place of a CA's certificate in a file of its own, first in it, with its key beside it.
    fn own_file(&self, ca: Cert<'a>) -> Option<Cert<'a>> {
        let node = self.node();
        let own = |other: &Cert<'a>| {
            other.found().same_as == ca.found().same_as
                && other.item().place.field.is_none()
                && node.certs_in(other.found().file).count() == 1
                && node.key_file_beside(other.file()).is_some_and(|(beside, _)| {
                    node.keys_in(beside).any(|key| key.private && key.spki == Some(ca.spki()))
                })
        };
        Some(ca).filter(own).or_else(|| node.certs_with_key(&ca.found().spki).take(64).find(own))
    }

    /// For how many days it is to live: the usual, or as long as anything that it has signed, and as it did before.
    fn days(&self, ca: Cert<'a>, usual: i64) -> i64 {
        const MOST: i64 = 36_500;
        let own = |cert: &Cert<'_>| {
            cert.index == ca.index || cert.issuer_here().is_some_and(|issuer| issuer.spki() == ca.spki())
        };
        let last = self.node().distinct_certs().filter(own).map(|cert| cert.tbs().validity.not_after).max();
        let left = last.map_or(0, |last| (last - self.scene.policy.at).whole_days() + 2);
        usual.max(left).min(MOST)
    }

    /// The command that signs it, without where it goes.
    fn signed(
        &self,
        ca: Cert<'a>,
        from: &str,
        key: &str,
        above: &Above,
        extensions: &NewExtensions,
    ) -> String {
        const NUMBER: &str = "-set_serial 0x$(openssl rand -hex 16)";
        let extensions = match extensions {
            NewExtensions::Kept => String::new(),
            NewExtensions::Written(all) => format!(" -extfile <(printf '%s\\n' {all})"),
        };
        let days = if let Above::Itself = above {
            let changed = if extensions.is_empty() { "" } else { " -clrext" };
            let days = self.days(ca, 3650);
            return format!(
                "openssl x509 -in {from} -signkey {key} -days {days} {NUMBER}{changed}{extensions}"
            );
        } else {
            let issuer = ca.issuer_here().filter(|issuer| issuer.index != ca.index);
            let left =
                issuer.map(|issuer| (issuer.tbs().validity.not_after - self.scene.policy.at).whole_days());
            self.days(ca, 1825).min(left.filter(|left| *left > 0).unwrap_or(i64::MAX)).max(1)
        };
        let (ca, ca_key) = match above {
            Above::Here(above) => (shell_word(above), shell_word(key_beside(above))),
            _ => ("ABOVE.crt".to_owned(), "ABOVE.key".to_owned()),
        };
        let sign = |request: &str| {
            format!("openssl x509 -req{request} -CA {ca} -CAkey {ca_key} -days {days} {NUMBER}{extensions}")
        };
        // openssl signs no certificate of another's but by way of a request, which has no extensions.
        if from != "CA.crt" && from != "\"$b\"" {
            sign(&format!(" -in {from}"))
        } else {
            format!("openssl x509 -in {from} -x509toreq -signkey {key} | {}", sign(""))
        }
    }

    /// The commands that put a CA's new certificate, a file, where the same one stood.
    fn copies(&self, ca: Cert<'a>, own: Option<Cert<'a>>, new: &str) -> Vec<Command> {
        let node = self.node();
        let mut commands = Vec::new();
        let Some(one) = self.certificates().get(ca).filter(|one| one.usage != Use::Old) else {
            return commands;
        };
        let places: Vec<Cert<'a>> = Distinct::places(one).collect();
        for place in
            places.into_iter().filter(|place| Some(place.found().file) != own.map(|own| own.found().file))
        {
            let file = place.file();
            let path = file.command_path();
            if super::super::files::left_over(node, file).is_some() {
                continue;
            }
            if let Some(kubeconfig) = file.kubeconfig() {
                let field = place.item().place.field.as_deref().unwrap_or_default();
                let cluster = kubeconfig.clusters.iter().find(|cluster| {
                    field == format!("clusters[{}].certificate-authority-data", cluster.name)
                });
                if let Some(cluster) = cluster {
                    commands.push(set_cluster(path, &cluster.name, new));
                }
            } else if place.item().place.field.is_none() && !super::files::is_of_another_form(file) {
                let others = node.certs_in(place.found().file).count() > 1;
                let put = match place.item().place.block.filter(|_| others) {
                    Some(block) => format!(
                        "{{ awk '/-----BEGIN /{{n++}} n!={}' \"$b\"; cat {new}; }} > {}",
                        block + 1,
                        shell_word(path)
                    ),
                    None => copy(new, path),
                };
                commands.push(Command::written(format!("{} && {put}", backup(path))));
            }
        }
        commands
    }
}

/// Who signs a CA's certificate.
enum Above {
    /// It does.
    Itself,
    /// Another one, with this file and its private key beside it.
    Here(PathBuf),
    /// Another one of this name, whose private key is not at hand.
    Away(String),
}

/// Puts a certificate that is brought in the place of one.
fn put_new(new: &str, path: &Path) -> Command {
    Command::written(format!("{} && {}", backup(path), copy(new, path)))
}

/// `kubectl config set-cluster`, which embeds a CA and leaves the rest as it is. The CA's file is quoted.
pub(in crate::audit::rules) fn set_cluster(kubeconfig: &Path, cluster: &str, authority: &str) -> Command {
    Command::of("kubectl")
        .plain("--kubeconfig")
        .path(kubeconfig)
        .plain("config set-cluster")
        .arg(cluster)
        .plain(&format!("--embed-certs=true --certificate-authority={authority}"))
}

/// The extensions of a CA as openssl reads them, each quoted; none where one that constrains it could not be kept.
fn extensions(ca: Cert<'_>, change: &CaChange) -> Option<String> {
    let own = &ca.tbs().extensions;
    let had = own.basic_constraints.as_ref().and_then(|basic| basic.value.path_len);
    let path_length = change.path_length.or(had);
    let basic = path_length.map_or_else(String::new, |length| format!(",pathlen:{length}"));
    let mut lines = vec![
        format!("basicConstraints=critical,CA:TRUE{basic}"),
        "keyUsage=critical,digitalSignature,keyCertSign,cRLSign".to_owned(),
    ];
    // What it has signed names it by this.
    lines.push(match &own.subject_key_identifier {
        Some(id) => {
            let hex = id.value.iter().fold(String::new(), |mut text, byte| {
                // Writing to a String does not fail.
                let _ = write!(text, "{}{byte:02X}", if text.is_empty() { "" } else { ":" });
                text
            });
            format!("subjectKeyIdentifier={hex}")
        }
        None => "subjectKeyIdentifier=hash".to_owned(),
    });
    if !ca.tbs().is_self_issued() {
        lines.push("authorityKeyIdentifier=keyid:always".to_owned());
    }
    // What narrows it stays, unless that is what is wrong.
    if let Some(purposes) = own.extended_key_usage.as_ref().filter(|_| !change.extensions) {
        let known = purposes.value.iter().map(|purpose| {
            let text = purpose.to_string();
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.').then_some(text)
        });
        lines.push(format!("extendedKeyUsage={}", known.collect::<Option<Vec<_>>>()?.join(",")));
    }
    let names: Vec<String> = own
        .names()
        .iter()
        .filter_map(|name| match name {
            SubjectAltName::Dns(name) if !name.contains([',', '\n']) => Some(format!("DNS:{name}")),
            _ => None,
        })
        .collect();
    if !names.is_empty() {
        lines.push(format!("subjectAltName={}", names.join(",")));
    }
    if let Some(constraints) = &own.name_constraints {
        let each = |kind: &str, names: &[GeneralSubtree]| -> Option<Vec<String>> {
            names.iter().map(|name| Some(format!("{kind};{}", constraint(name)?))).collect()
        };
        let mut all = each("permitted", &constraints.value.permitted)?;
        all.extend(each("excluded", &constraints.value.excluded)?);
        if !all.is_empty() {
            lines.push(format!("nameConstraints=critical,{}", all.join(",")));
        }
    }
    Some(lines.iter().map(quoted).collect::<Vec<_>>().join(" "))
}

/// A name constraint as openssl writes it; none for what is not written so.
fn constraint(subtree: &GeneralSubtree) -> Option<String> {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_@".contains(&byte));
    match subtree {
        GeneralSubtree::Dns(name) if plain(name) => Some(format!("DNS:{}", name.trim_start_matches('.'))),
        GeneralSubtree::Email(name) if plain(name) => Some(format!("email:{name}")),
        GeneralSubtree::Ip(address, prefix) => {
            let mask = match address {
                std::net::IpAddr::V4(_) => {
                    let bits = u32::MAX.checked_shl(32_u32.checked_sub(u32::from(*prefix))?).unwrap_or(0);
                    std::net::Ipv4Addr::from_bits(bits).to_string()
                }
                std::net::IpAddr::V6(_) => {
                    let bits = u128::MAX.checked_shl(128_u32.checked_sub(u32::from(*prefix))?).unwrap_or(0);
                    std::net::Ipv6Addr::from_bits(bits).to_string()
                }
            };
            Some(format!("IP:{address}/{mask}"))
        }
        _ => None,
    }
}
