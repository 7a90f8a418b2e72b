//! Whether what is there already is what the plan wants.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::compare;
use super::entries::{Identity, Insists};
use super::found::Found;
use super::place::NodeFiles;
use super::surroundings::issued_by;
use super::trust::Trust;
use crate::clock::in_words;
use crate::key::KeyPair;
use crate::kubeconfig::{self, Content, Credential, KubeconfigError, Material};
use crate::x509::{Certificate, ExtendedKeyUsage, Printable};

/// What is said of something that is there.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// What is wrong with it.
    pub(super) problems: Vec<String>,
    /// What is right and still worth a word.
    pub(super) notes: Vec<String>,
    /// What is wrong of a kubeconfig beside its client certificate.
    pub(super) wrong: Wrong,
    /// The files that a kubeconfig names for certificate and key, where it holds neither.
    pub(super) named: Option<Named>,
    /// What a kubeconfig calls its cluster.
    pub(super) cluster: String,
}

/// What else may be wrong in a kubeconfig, which a new identity alone does not mend.
#[derive(Debug, Default, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is another part of the file")]
pub(super) struct Wrong {
    /// It points to another server.
    pub(super) server: bool,
    /// It trusts other CAs.
    pub(super) authority: bool,
    /// It is none.
    pub(super) whole: bool,
    /// Its certificate has no key beside it.
    pub(super) no_key: bool,
}

/// The files that a kubeconfig names.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Verdict {
    fn one(problem: impl Into<String>) -> Self {
        Self { problems: vec![problem.into()], ..Self::default() }
    }
}

/// Reads a certificate as the components do, which take PEM only.
pub(super) fn read_certificate(text: &[u8]) -> Result<Certificate, String> {
    if text.first() == Some(&0x30) {
        return Err("it is DER, and the components read PEM: convert it with openssl x509 -inform der".into());
    }
    Certificate::from_pem_or_der(text).map_err(|error| error.to_string())
}

/// What the certificate is held against.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) identity: &'a Identity,
    pub(super) issuer: &'a Certificate,
    /// What stands behind the issuer in its file: on the way from one CA to another, the other one.
    pub(super) others: &'a [Certificate],
    pub(super) now: OffsetDateTime,
}

impl Wanted<'_> {
    /// Judges a certificate and its key, each in a file of its own.
    pub(super) fn pair(&self, found: &Found) -> Verdict {
        match (&found.public, &found.private) {
            (Some(public), Some(private)) => self.texts(public, private),
            (Some(_), None) => {
                let wrong = Wrong { no_key: true, ..Wrong::default() };
                Verdict { wrong, ..Verdict::one("the certificate is there without its key") }
            }
            _ => Verdict::one(
                "the key is there without its certificate: have its request signed, or move it away",
            ),
        }
    }

    fn texts(&self, public: &[u8], private: &[u8]) -> Verdict {
        let certificate = match read_certificate(public) {
            Ok(certificate) => certificate,
            Err(reason) => return Verdict::one(reason),
        };
        let mut verdict = self.certificate(&certificate);
        match KeyPair::from_pem(private, None) {
            Ok(key) if certificate.tbs.public_key.der() == key.public_key_der() => {}
            Ok(_) => verdict.problems.push("the private key does not match the certificate".into()),
            Err(error) => verdict.problems.push(format!("its key: {error}")),
        }
        verdict
    }

    /// Judges a kubeconfig. `servers` are the URLs that do, the wanted one first.
    pub(super) fn kubeconfig(
        &self,
        found: &Found,
        (cluster, servers): (&str, &[&str]),
        trust: &Trust,
        files: &NodeFiles,
    ) -> Verdict {
        let text = found.public.as_ref().map_or(&[][..], |text| text.as_slice());
        let config = match kubeconfig::parse(text) {
            Ok(config) => config,
            Err(error) => {
                let whole = !matches!(error, KubeconfigError::Missing("client-certificate-data"));
                let wrong = Wrong { whole, ..Wrong::default() };
                return Verdict { wrong, ..Verdict::one(error.to_string()) };
            }
        };
        let Credential::Certificate { certificate, key } = &config.credential else {
            let error = KubeconfigError::Missing("client-certificate-data");
            return Verdict::one(error.to_string());
        };
        let (certificate, key) = (read_material(certificate, files), read_material(key, files));
        let mut verdict = match (&certificate, &key) {
            // What the kubelet renews by itself has the key and the life that it and its signer choose.
            (Read::Text(Some(_), certificate), Read::Text(_, key)) => {
                let identity = Identity { insists: Insists::default(), ..self.identity.clone() };
                Wanted { identity: &identity, ..*self }.texts(certificate, key)
            }
            (Read::Text(None, certificate), Read::Text(_, key)) => self.texts(certificate, key),
            (Read::Outside(file), _) | (_, Read::Outside(file)) => {
                let file = shown(file);
                let note = format!("it names {file}, which lies elsewhere and was not looked at");
                Verdict { notes: vec![note], ..Verdict::default() }
            }
            (Read::Missing(file), _) | (_, Read::Missing(file)) => {
                Verdict::one(format!("it names {}, which is not there", shown(file)))
            }
            (Read::Unreadable(file, reason), _) | (_, Read::Unreadable(file, reason)) => {
                Verdict::one(format!("it names {}: {reason}", shown(file)))
            }
        };
        if let (Some(certificate), Some(key)) = (certificate.place(), key.place()) {
            let file = shown(&certificate);
            verdict
                .problems
                .iter_mut()
                .for_each(|problem| *problem = format!("{file}, which it names: {problem}"));
            verdict.named = Some(Named { certificate, key });
        }
        verdict.cluster = config.cluster;
        if let Some(wanted) = servers.first().filter(|wanted| **wanted != config.server) {
            let server = Printable(&config.server);
            if servers.contains(&config.server.as_str()) {
                verdict.notes.push(format!("its server is {server}, where {wanted} would be written today"));
            } else {
                verdict.problems.push(format!("its server is {server}, not {wanted}"));
                verdict.wrong.server = true;
            }
        }
        if let Some(problem) = self.trusted(config.authority.as_ref(), trust, files) {
            verdict.problems.push(problem);
            verdict.wrong.authority = true;
        }
        if verdict.cluster != cluster {
            // A label, by which nothing is decided.
            let name = Printable(&verdict.cluster);
            verdict.notes.push(format!(
                "it calls its cluster {name}, where {} would be written today",
                Printable(cluster)
            ));
        }
        verdict
    }

    /// What is wrong with the CAs that a kubeconfig trusts.
    fn trusted(&self, authority: Option<&Material>, trust: &Trust, files: &NodeFiles) -> Option<String> {
        let Some(authority) = authority else {
            return Some(
                "it has no certificate-authority-data, so its client trusts the system's CAs".into(),
            );
        };
        let held = match read_material(authority, files) {
            Read::Text(_, text) => match Certificate::all_from_pem_or_der(&text) {
                Ok(held) => held,
                Err(error) => return Some(format!("{}: {error}", authority.field)),
            },
            Read::Outside(_) => return None,
            Read::Missing(file) => return Some(format!("it names {}, which is not there", shown(&file))),
            Read::Unreadable(file, reason) => return Some(format!("it names {}: {reason}", shown(&file))),
        };
        let does = |one: &Certificate| match trust.named.as_slice() {
            [] => one == self.issuer || trust.authorities.contains(one) || issued_by(self.issuer, one),
            named => named.contains(one),
        };
        let wanted = trust.named.first().unwrap_or(self.issuer);
        (!held.iter().any(does)).then(|| format!("the CA it trusts is not {}", wanted.tbs.subject))
    }

    /// Whether the CA has signed it, or another one of the same file: that does, and is worth a word.
    fn signer(&self, certificate: &Certificate) -> Result<Option<String>, String> {
        let Self { issuer, others, .. } = *self;
        let tbs = &certificate.tbs;
        // Go compares the bytes of names, so that one in another encoding would not be found as the issuer.
        let is_signer =
            |ca: &&Certificate| tbs.issuer.der() == ca.tbs.subject.der() && issued_by(certificate, ca);
        if is_signer(&issuer) {
            return Ok(None);
        }
        if let Some(other) = others.iter().find(is_signer) {
            return Ok(Some(format!("it is signed by {}, another CA of the same file", other.tbs.subject)));
        }
        let (stated, wanted) = (tbs.issuer.to_string(), issuer.tbs.subject.to_string());
        Err(if stated != wanted {
            format!("its issuer is {stated}, not {wanted}")
        } else if let Err(error) = certificate.verify_signature(&issuer.tbs.public_key) {
            format!("it was not signed by the CA {wanted} that is here: {error}")
        } else {
            format!("its issuer {stated} is encoded otherwise than the subject of the CA that is here")
        })
    }

    /// Whether a certificate is the wanted one: issuer, validity, subject, names, purposes, and what was asked for.
    fn certificate(&self, certificate: &Certificate) -> Verdict {
        let Self { identity, issuer, now, .. } = *self;
        let tbs = &certificate.tbs;
        let mut verdict = Verdict::default();
        let Verdict { problems, notes, .. } = &mut verdict;
        for judged in [self.signer(certificate), subject(certificate, identity)] {
            match judged {
                Ok(note) => notes.extend(note),
                Err(problem) => problems.push(problem),
            }
        }
        if now > tbs.validity.not_after {
            problems.push(format!("it expired on {}", in_words(tbs.validity.not_after)));
        } else if now < tbs.validity.not_before {
            problems.push(format!("it is not valid before {}", in_words(tbs.validity.not_before)));
        }
        let names = tbs.extensions.names();
        let missing: Vec<String> =
            identity.names.iter().filter(|name| !names.contains(name)).map(ToString::to_string).collect();
        if !missing.is_empty() {
            problems.push(format!("it lacks the names {}", missing.join(", ")));
        }
        // RFC 5280 section 4.2.1.12: without the extension, or with anyExtendedKeyUsage, it serves every purpose.
        let purposes = tbs.extensions.purposes();
        let unrestricted = purposes.is_empty() || purposes.contains(&ExtendedKeyUsage::Any);
        let wanted = identity.purposes.iter().filter(|purpose| !unrestricted && !purposes.contains(purpose));
        let wanted: Vec<String> = wanted.map(ToString::to_string).collect();
        if !wanted.is_empty() {
            problems.push(format!("it lacks the extended key usages {}", wanted.join(", ")));
        }
        if tbs.extensions.is_ca() {
            problems.push("it is a CA certificate, whose holder could sign others".into());
        }
        problems.extend(compare::leaf(certificate, identity, issuer, now));
        verdict
    }
}

/// Whether the subject is the wanted one, or one that kubeadm of another release writes for the same: that does, and is
/// worth a word.
fn subject(certificate: &Certificate, identity: &Identity) -> Result<Option<String>, String> {
    let subject = &certificate.tbs.subject;
    let sorted = |mut groups: Vec<String>| {
        groups.sort();
        groups
    };
    let groups =
        |name: &crate::x509::Name| sorted(name.organizations().into_iter().map(str::to_owned).collect());
    let (has, wanted) = (groups(subject), groups(&identity.subject));
    let wrong = || Err(format!("its subject is {subject}, not {}", identity.subject));
    if subject.common_name() != identity.subject.common_name() {
        return wrong();
    }
    if has == wanted {
        return Ok(None);
    }
    let same: Vec<_> =
        identity.releases.iter().filter(|release| sorted(release.organizations.clone()) == has).collect();
    if same.is_empty() {
        return wrong();
    }
    let spell = |groups: &[String]| match groups {
        [] => "no organization".to_owned(),
        groups => format!("O={}", groups.join(", O=")),
    };
    let when = same.into_iter().map(|release| {
        let first = identity.releases.first() == Some(release);
        let last = identity.releases.last() == Some(release);
        match (first, last) {
            (true, _) => format!("up to {}", minor(&release.last)),
            (false, true) => format!("from {} on", release.first),
            (false, false) if release.first == release.last => format!("in {}", release.first),
            (false, false) => format!("from {} to {}", release.first, release.last),
        }
    });
    let when = when.collect::<Vec<_>>().join(" and ");
    Ok(Some(format!(
        "it has {}, as kubeadm writes it {when}; today {} would be written",
        spell(&has),
        spell(&wanted)
    )))
}

/// A release as a whole, for a bound that stands for all of its patches.
fn minor(version: &crate::profile::KubernetesVersion) -> String {
    format!("v{}.{}", version.major(), version.minor())
}

/// What was found of something that a kubeconfig holds or names.
enum Read {
    /// Its text; where it lies, if that is a file.
    Text(Option<PathBuf>, Zeroizing<Vec<u8>>),
    /// It lies outside of what is looked at.
    Outside(PathBuf),
    /// It is not where it should be.
    Missing(PathBuf),
    /// It cannot be read.
    Unreadable(PathBuf, String),
}

impl Read {
    fn place(&self) -> Option<PathBuf> {
        match self {
            Self::Text(file, _) => file.clone(),
            Self::Outside(_) => None,
            Self::Missing(file) | Self::Unreadable(file, _) => Some(file.clone()),
        }
    }
}

fn read_material(material: &Material, files: &NodeFiles) -> Read {
    let named = match &material.content {
        Content::Embedded(bytes) => return Read::Text(None, bytes.clone()),
        Content::File(path) => path,
    };
    match files.locate(named) {
        None => Read::Outside(named.clone()),
        Some(place) => match files.read(named) {
            Ok(Some(text)) => Read::Text(Some(place), text),
            Ok(None) => Read::Missing(place),
            Err(error) => Read::Unreadable(place, error),
        },
    }
}

fn shown(path: &Path) -> String {
    Printable(&path.to_string_lossy()).to_string()
}
