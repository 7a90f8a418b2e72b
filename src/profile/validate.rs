//! From a profile as configured to a profile as validated: contradictions are refused when it is
//! loaded, not when a certificate is asked for.

use std::str::FromStr;

use ipnet::IpNet;

use super::configured::{
    Configured, ConfiguredLifetime, ConfiguredOrganizations, ConfiguredSans, ConfiguredSubject, Text, read,
};
use super::pattern::{DnsPattern, TextPattern};
use super::reserved::{Likeness, likeness};
use super::rules::{
    CaRole, CaRules, NameKind, OrganizationRule, Organizations, SanRules, SubjectRules, Template,
};
use super::version::VersionRange;
use super::{Place, Profile, ProfileError};
use crate::clock::Lifetime;
use crate::x509::{ExtendedKeyUsage, KeyUsage, Name, Printable, SubjectAltName};
use crate::yaml::{Location, Spanned};

/// Reads and checks the one profile of a file.
pub(super) fn profile(file: &str, bytes: &[u8]) -> Result<Profile, ProfileError> {
    let (configured, source) = read(file, bytes)?;
    Check { file }.profile(configured, source)
}

struct Check<'f> {
    file: &'f str,
}

/// Attributes beside CN and O that a profile may admit.
const ATTRIBUTES: [&str; 6] = ["OU", "C", "ST", "L", "DC", "serialNumber"];

/// Groups whose holder rules the cluster; a pattern never grants them.
const ALL_POWERFUL: [&str; 2] = ["system:masters", "kubeadm:cluster-admins"];

impl Check<'_> {
    fn error(&self, at: Location, field: &'static str, reason: impl Into<String>) -> ProfileError {
        let place = Place { file: self.file.to_owned(), line: at.line(), column: at.column() };
        ProfileError::Field { place, field, reason: reason.into() }
    }

    fn parse<T>(
        &self,
        text: &Text,
        field: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ProfileError> {
        parse(&text.value).map_err(|reason| {
            // Some reasons begin with the text already.
            let quoted = format!("`{}`", Printable(&text.value));
            let reason = if reason.starts_with(&quoted) { reason } else { format!("{quoted}: {reason}") };
            self.error(text.referenced, field, reason)
        })
    }

    fn each<T>(
        &self,
        texts: &[Text],
        field: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, ProfileError> {
        texts.iter().map(|text| self.parse(text, field, &parse)).collect()
    }

    fn profile(&self, configured: Configured, source: String) -> Result<Profile, ProfileError> {
        self.parse(&configured.name, "name", profile_name)?;
        if configured.description.value.trim().is_empty() {
            let at = configured.description.referenced;
            return Err(self.error(at, "description", "it is empty; say what the certificates are for"));
        }
        let versions = self.versions(configured.versions.as_ref(), "versions")?;
        let (default_lifetime, max_lifetime) = self.lifetimes(&configured.lifetime)?;
        let key_usage: KeyUsage =
            self.each(&configured.key_usage.value, "keyUsage", usage)?.into_iter().collect();
        let extended_key_usage = self.each(&configured.extended_key_usage, "extendedKeyUsage", purpose)?;
        let subject = self.subject(&configured.subject)?;
        let sans = match &configured.subject_alt_names {
            Some(sans) => self.sans(&sans.value, sans.referenced, &subject)?,
            None => SanRules::default(),
        };
        let kubeconfig = configured.kubeconfig.as_ref().is_some_and(|kubeconfig| kubeconfig.value);
        self.usages(&configured, key_usage, &extended_key_usage, &sans)?;
        Ok(Profile {
            name: configured.name.value,
            description: configured.description.value.split_whitespace().collect::<Vec<_>>().join(" "),
            source,
            issuer: configured.issuer.value,
            versions,
            subject,
            sans,
            key_usage,
            extended_key_usage,
            exact_usages: configured.exact_usages,
            ca: configured.ca.map(|ca| CaRules { path_len: ca.value.path_len }),
            default_lifetime,
            max_lifetime,
            kubeconfig,
        })
    }

    /// What the usages demand of one another and of the rest.
    fn usages(
        &self,
        configured: &Configured,
        key_usage: KeyUsage,
        purposes: &[ExtendedKeyUsage],
        sans: &SanRules,
    ) -> Result<(), ProfileError> {
        let at = configured.key_usage.referenced;
        let signs = key_usage.contains(KeyUsage::KEY_CERT_SIGN);
        if !key_usage.contains(KeyUsage::DIGITAL_SIGNATURE) && !signs {
            return Err(self.error(
                at,
                "keyUsage",
                "digitalSignature is missing: no TLS handshake works without",
            ));
        }
        let issuer = &configured.issuer;
        let Some(ca) = &configured.ca else {
            if signs || key_usage.contains(KeyUsage::CRL_SIGN) {
                let reason = "keyCertSign and cRLSign are for CAs; add `ca: {}` or leave them out";
                return Err(self.error(at, "keyUsage", reason));
            }
            if issuer.value == CaRole::SelfSigned {
                return Err(self.error(issuer.referenced, "issuer", "only a CA (`ca: {}`) signs itself"));
            }
            return self.purposes(configured, purposes, sans);
        };
        if !signs {
            return Err(self.error(ca.referenced, "ca", "a CA needs keyCertSign among its key usages"));
        }
        if let Some(kubeconfig) = configured.kubeconfig.as_ref().filter(|kubeconfig| kubeconfig.value) {
            return Err(self.error(kubeconfig.referenced, "kubeconfig", "a CA has none"));
        }
        Ok(())
    }

    /// What a leaf's purposes demand.
    fn purposes(
        &self,
        configured: &Configured,
        purposes: &[ExtendedKeyUsage],
        sans: &SanRules,
    ) -> Result<(), ProfileError> {
        let at =
            configured.extended_key_usage.first().map_or(configured.key_usage.referenced, |p| p.referenced);
        let field = "extendedKeyUsage";
        if purposes.is_empty() {
            return Err(self.error(at, field, "it is missing; write [clientAuth], [serverAuth] or both"));
        }
        if purposes.contains(&ExtendedKeyUsage::Any) {
            return Err(self.error(at, field, "anyExtendedKeyUsage would admit every purpose; name them"));
        }
        if purposes.contains(&ExtendedKeyUsage::ServerAuth) && !sans.required {
            let reason = "a server needs `subjectAltNames: {required: true}`: no client accepts one without";
            return Err(self.error(at, field, reason));
        }
        match configured.kubeconfig.as_ref().filter(|kubeconfig| kubeconfig.value) {
            Some(kubeconfig)
                if !purposes.contains(&ExtendedKeyUsage::ClientAuth)
                    || !matches!(configured.issuer.value, CaRole::Kubernetes | CaRole::Any) =>
            {
                let reason = "it is for clients of the API server: clientAuth, issued by kubernetes";
                Err(self.error(kubeconfig.referenced, "kubeconfig", reason))
            }
            _ => Ok(()),
        }
    }

    fn versions(
        &self,
        text: Option<&Text>,
        field: &'static str,
    ) -> Result<Option<VersionRange>, ProfileError> {
        text.map(|text| self.parse(text, field, |text| VersionRange::parse(text).map_err(str::to_owned)))
            .transpose()
    }

    fn lifetimes(&self, configured: &ConfiguredLifetime) -> Result<(Lifetime, Lifetime), ProfileError> {
        let read = |text: &str| Lifetime::from_str(text).map_err(|error| error.to_string());
        let default = self.parse(&configured.default, "lifetime.default", read)?;
        let max = self.parse(&configured.max, "lifetime.max", read)?;
        if default > max {
            let reason = format!("{default} is longer than the longest, {max}");
            return Err(self.error(configured.default.referenced, "lifetime.default", reason));
        }
        Ok((default, max))
    }

    fn subject(&self, configured: &ConfiguredSubject) -> Result<SubjectRules, ProfileError> {
        let field = "subject.commonName";
        let common_name = self.parse(&configured.common_name, field, |text| {
            let template = template(text)?;
            Name::new(Some(&template.render("a")), &[""; 0]).map_err(|error| error.to_string())?;
            Ok(template)
        })?;
        let kind = match (&configured.name, common_name.is_fixed()) {
            (Some(kind), false) => kind.value,
            (None, true) => NameKind::Text,
            (Some(kind), true) => {
                return Err(self.error(kind.referenced, "subject.name", "commonName has no {name}"));
            }
            (None, false) => {
                let reason =
                    "commonName has a {name}; say with `name: node-name` or `name: text` what it may be";
                return Err(self.error(configured.common_name.referenced, "subject.name", reason));
            }
        };
        if let Some(default) = configured.default.as_ref().filter(|_| common_name.is_fixed()) {
            return Err(self.error(default.referenced, "subject.default", "commonName has no {name}"));
        }
        if let Some(default) = &configured.default {
            self.parse(default, "subject.default", literal)?;
        }
        let organizations =
            configured.organizations.iter().map(|rule| self.organizations(rule)).collect::<Result<_, _>>()?;
        Ok(SubjectRules {
            common_name,
            kind,
            default: configured.default.as_ref().map(|default| default.value.clone()),
            except: self.each(&configured.except, "subject.except", text_pattern)?,
            organizations,
            attributes: self.each(&configured.attributes, "subject.attributes", attribute)?,
        })
    }

    fn organizations(
        &self,
        configured: &Spanned<ConfiguredOrganizations>,
    ) -> Result<OrganizationRule, ProfileError> {
        let rule = &configured.value;
        let field = "subject.organizations";
        let admitted = match (&rule.exactly, &rule.matching) {
            (Some(exactly), None) => Organizations::Exactly(self.each(exactly, field, |text| {
                literal(text)?;
                Ok(text.to_owned())
            })?),
            (None, Some(patterns)) => Organizations::Matching(self.each(patterns, field, granting)?),
            _ => {
                let reason = "write either `exactly: […]` or `matching: […]`";
                return Err(self.error(configured.referenced, field, reason));
            }
        };
        Ok(OrganizationRule {
            versions: self.versions(rule.versions.as_ref(), "subject.organizations.versions")?,
            common_name: rule.common_name.as_ref().map(|name| name.value.clone()),
            admitted,
        })
    }

    fn sans(
        &self,
        configured: &ConfiguredSans,
        at: Location,
        subject: &SubjectRules,
    ) -> Result<SanRules, ProfileError> {
        let dns_pattern = |text: &str| DnsPattern::parse(text).map_err(str::to_owned);
        let rules = SanRules {
            required: configured.required,
            common_name: configured.common_name,
            wildcards: configured.wildcards,
            dns: self.each(&configured.dns, "subjectAltNames.dns", dns_pattern)?,
            except: self.each(&configured.except, "subjectAltNames.except", dns_pattern)?,
            ip: self.each(&configured.ip, "subjectAltNames.ip", network)?,
            email: self.each(&configured.email, "subjectAltNames.email", text_pattern)?,
            uri: self.each(&configured.uri, "subjectAltNames.uri", text_pattern)?,
            default: self.each(&configured.default, "subjectAltNames.default", |text| {
                let template = template(text)?;
                if !template.is_fixed() && subject.common_name.is_fixed() {
                    return Err("subject.commonName has no {name}".to_owned());
                }
                template.render("a").parse::<SubjectAltName>().map_err(|error| error.to_string())?;
                Ok(template)
            })?,
        };
        let field = "subjectAltNames";
        if rules.dns.is_empty() && (rules.wildcards || !rules.except.is_empty()) {
            return Err(self.error(at, field, "wildcards and except need patterns in `dns`"));
        }
        let none =
            rules.dns.is_empty() && rules.ip.is_empty() && rules.email.is_empty() && rules.uri.is_empty();
        if rules.required && none && !rules.common_name {
            return Err(self.error(at, field, "one is required but none is admitted; add `dns` or `ip`"));
        }
        Ok(rules)
    }
}

fn profile_name(text: &str) -> Result<(), String> {
    let word =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if text.len() > 63 || !text.split('-').all(word) {
        return Err("small letters and digits are allowed, joined by hyphens, 63 at most".to_owned());
    }
    Ok(())
}

fn usage(text: &str) -> Result<KeyUsage, String> {
    text.parse().map_err(|_| {
        "it is not a key usage; digitalSignature, contentCommitment, keyEncipherment, dataEncipherment, \
         keyAgreement, keyCertSign, cRLSign, encipherOnly and decipherOnly are"
            .to_owned()
    })
}

fn purpose(text: &str) -> Result<ExtendedKeyUsage, String> {
    text.parse().map_err(|_| {
        "it is not an extended key usage; clientAuth, serverAuth, codeSigning, emailProtection, timeStamping and \
         OCSPSigning are"
            .to_owned()
    })
}

fn attribute(text: &str) -> Result<&'static str, String> {
    ATTRIBUTES.into_iter().find(|known| *known == text).ok_or_else(|| {
        format!(
            "it is not an attribute that can be admitted; {} are (CN and O have fields of their own)",
            ATTRIBUTES.join(", ")
        )
    })
}

fn network(text: &str) -> Result<IpNet, String> {
    let net: IpNet = text.parse().map_err(|_| {
        "it is not a network with its prefix length, such as 10.0.0.0/8 or fd00::/8".to_owned()
    })?;
    if net.network() != net.addr() {
        return Err(format!("bits are set behind its prefix; write {}", net.trunc()));
    }
    Ok(net)
}

fn text_pattern(text: &str) -> Result<TextPattern, String> {
    TextPattern::parse(text).map_err(str::to_owned)
}

/// A pattern for organizations. It grants reserved ones only where it begins with their prefix, and
/// the groups that rule a cluster only letter by letter.
fn granting(text: &str) -> Result<TextPattern, String> {
    let pattern = text_pattern(text)?;
    let reserved = likeness(pattern.prefix()) != Likeness::None;
    let covered = ALL_POWERFUL.iter().find(|group| pattern.matches(group));
    match covered {
        Some(group) if reserved && !pattern.is_literal() => {
            Err(format!("it would grant {group}; write that out, or narrow the pattern"))
        }
        _ => Ok(pattern),
    }
}

/// A text with at most one `{name}` and no other braces.
fn template(text: &str) -> Result<Template, String> {
    let (prefix, suffix) = match text.split_once("{name}") {
        Some((prefix, suffix)) => (prefix, Some(suffix.to_owned())),
        None => (text, None),
    };
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if prefix.contains(['{', '}']) || suffix.as_ref().is_some_and(|suffix| suffix.contains(['{', '}'])) {
        return Err("only one {name} is filled in, and no other braces are allowed".to_owned());
    }
    Ok(Template { prefix: prefix.to_owned(), suffix })
}

/// A name that stands in a certificate as it is.
fn literal(text: &str) -> Result<(), String> {
    Name::new(Some(text), &[""; 0]).map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = include_str!("../../templates/profiles/user.yaml");
    const SERVER: &str = include_str!("../../templates/profiles/server.yaml");
    const KUBERNETES_CA: &str = include_str!("../../templates/profiles/kubernetes-ca.yaml");

    fn error_of(text: &str) -> String {
        profile("mine/x.yaml", text.as_bytes())
            .map_or_else(|error| error.to_string(), |p| format!("accepted {}", p.name))
    }

    /// A good profile, what is changed in it, and what the error then says: place, field, what is allowed.
    const BROKEN: &[(&str, &str, &str, &str)] = &[
        (
            USER,
            "issuer: kubernetes",
            "issuer: kubernets",
            ":7:9: `kubernets` is unknown, expected one of kubernetes, etcd, front-proxy, self-signed, any, in `issuer: kubernets`",
        ),
        (
            USER,
            "issuer: kubernetes",
            "isuer: kubernetes",
            ":7:1: unknown field `isuer`, expected one of name, description, issuer,",
        ),
        (USER, "name: text", "nam: text", "unknown field `nam`, expected one of commonName, name, default,"),
        (USER, "name: text", "name: txt", "expected one of node-name, text"),
        (USER, "name: user", "name: user\nname: user", ":3:1: the field name stands there twice"),
        (USER, "name: user", "name: User", ":2:7: name: `User`: small letters and digits are allowed"),
        (USER, "name: user", "name: [user]", ":2:7: a single value is expected here, in `name: [user]`"),
        (USER, "matching: [\"*\"]", "matching: \"*\"", ":14:17: a list is expected"),
        (USER, "matching: [\"*\"]", "matching: [\"system:*\"]", "it would grant system:masters"),
        (USER, "matching: [\"*\"]", "matching: [\"syst*\"]", "accepted user"),
        (USER, "matching: [\"*\"]", "matching: [\"system:bootstrappers:*\"]", "accepted user"),
        (USER, "matching: [\"*\"]", "matching: [\"a*b*\"]", "subject.organizations: `a*b*`: at most one *"),
        (
            USER,
            "matching: [\"*\"]",
            "matching: [a]\n      exactly: [a]",
            "write either `exactly: […]` or `matching: […]`",
        ),
        (
            USER,
            "matching: [\"*\"]",
            "versions: \"1.29\"\n      exactly: [a]",
            "subject.organizations.versions: `1.29`: a range is written with",
        ),
        (USER, "matching: [\"*\"]", "exactly: [\"a\\nb\"]", "subject.organizations: `a\\u{a}b`"),
        (
            USER,
            "commonName: \"{name}\"",
            "commonName: \"{name}{name}\"",
            "subject.commonName: `{name}{name}`: only one {name}",
        ),
        (USER, "commonName: \"{name}\"", "commonName: jane", "subject.name: commonName has no {name}"),
        (USER, "  name: text\n", "", "subject.name: commonName has a {name}; say with"),
        (
            USER,
            "clientAuth",
            "clientAut",
            ":16:20: extendedKeyUsage: `clientAut`: it is not an extended key usage; clientAuth,",
        ),
        (USER, "[clientAuth]", "[any]", "anyExtendedKeyUsage would admit every purpose"),
        (USER, "[clientAuth]", "[]", "extendedKeyUsage: it is missing"),
        (
            USER,
            "[clientAuth]",
            "[serverAuth, clientAuth]",
            "a server needs `subjectAltNames: {required: true}`",
        ),
        (USER, "[clientAuth]", "[codeSigning]", "kubeconfig: it is for clients of the API server"),
        (USER, "issuer: kubernetes", "issuer: etcd", "kubeconfig: it is for clients of the API server"),
        (USER, "issuer: kubernetes", "issuer: self-signed", "only a CA (`ca: {}`) signs itself"),
        (USER, "keyEncipherment]", "keyCertSign]", ":15:11: keyUsage: keyCertSign and cRLSign are for CAs"),
        (USER, "keyEncipherment]", "crl sign]", "keyCertSign and cRLSign are for CAs"),
        (
            USER,
            "keyEncipherment]",
            "signEverything]",
            "keyUsage: `signEverything`: it is not a key usage; digitalSignature,",
        ),
        (USER, "[digitalSignature, keyEncipherment]", "[keyEncipherment]", "digitalSignature is missing"),
        (USER, "keyUsage: [digitalSignature, keyEncipherment]\n", "", "missing field `keyUsage`"),
        (
            USER,
            "default: 720h",
            "default: 9000h",
            ":18:21: lifetime.default: 375d is longer than the longest, 365d",
        ),
        (USER, "default: 720h", "default: 720", "lifetime.default: `720` is not a lifetime"),
        (
            USER,
            "kubeconfig: true",
            "kubeconfig: maybe",
            "true or false is expected here, in `kubeconfig: maybe`",
        ),
        (
            USER,
            "kubeconfig: true",
            "subjectAltNames: {required: true}",
            "subjectAltNames: one is required but none is admitted",
        ),
        (
            USER,
            "kubeconfig: true",
            "subjectAltNames: {wildcards: true}",
            "subjectAltNames: wildcards and except need patterns",
        ),
        (
            USER,
            "kubeconfig: true",
            "subjectAltNames: {ip: [10.0.0.1/8]}",
            "subjectAltNames.ip: `10.0.0.1/8`: bits are set behind its prefix; write 10.0.0.0/8",
        ),
        (
            USER,
            "kubeconfig: true",
            "subjectAltNames: {ip: [10.0.0.1]}",
            "it is not a network with its prefix length",
        ),
        (
            USER,
            "kubeconfig: true",
            "subjectAltNames: {dns: [\"a.**.b.**\"]}",
            "subjectAltNames.dns: `a.**.b.**`: at most one **",
        ),
        (USER, "kubeconfig: true", "subjectAltNames: {default: [\"https://x\"]}", "it is a URL"),
        (USER, "kubeconfig: true", "ca: {}", "a CA needs keyCertSign"),
        (USER, "kubeconfig: true", "versions: new", "versions: `new`: a range is written with"),
        (SERVER, "required: true", "required: false", "a server needs `subjectAltNames: {required: true}`"),
        (
            SERVER,
            "attributes: [C,",
            "attributes: [UID,",
            "subject.attributes: `UID`: it is not an attribute that can be admitted; OU, C,",
        ),
        (KUBERNETES_CA, "ca: {}", "ca: {pathLen: -1}", ", in `ca: {pathLen: -1}`"),
        (KUBERNETES_CA, "ca: {}\n", "", "keyCertSign and cRLSign are for CAs"),
        (KUBERNETES_CA, "ca: {}", "ca: {}\nkubeconfig: true", "kubeconfig: a CA has none"),
    ];

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (good, from, to, expected) in BROKEN {
            assert!(good.contains(from), "{from}");
            let error = error_of(&good.replacen(from, to, 1));
            assert!(error.contains(expected), "{from} -> {to}\n  said {error}\n  not  {expected}");
            assert!(error.starts_with("accepted") || error.starts_with("mine/x.yaml:"), "{error}");
        }
    }

    #[test]
    fn what_is_not_a_profile_at_all_is_refused() {
        let deep = format!("name: {}", "[".repeat(5000));
        let twice = format!("{USER}---\n{USER}");
        for text in
            ["", "[]", "a", "{", "\u{feff}", "a: &x [*x]", "- ", "\0", "%YAML 9", "a:\n\t- b", &deep, &twice]
        {
            let error = error_of(text);
            assert!(error.starts_with("mine/x.yaml:") && error.len() < 600, "{error}");
        }
        assert!(profile("x", &[0xff, 0xfe, 0]).unwrap_err().to_string().contains("not UTF-8"));
        assert!(profile("x", &vec![b' '; 100_000]).unwrap_err().to_string().contains("larger than 64 KiB"));
        let marked = format!("\u{feff}{}", USER.replace('\n', "\r\n"));
        assert_eq!(error_of(&marked), "accepted user");
        assert_eq!(profile("x\u{1b}", b"[").unwrap_err().to_string().find('\u{1b}'), None);
    }
}
