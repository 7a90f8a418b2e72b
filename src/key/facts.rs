//! What can be told about a private key without using it: also one that is encrypted, or of a kind that is not used
//! here.

use pkcs8::ObjectIdentifier;
use zeroize::Zeroizing;

use super::{KeyError, KeyForm, document, oid};
use crate::pem;
use crate::x509::der::{Element, bit_string, element, elements, read, tag};
use crate::x509::{PublicKey, PublicKeyKind};

/// A private key, without the private part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateKeyFacts {
    /// The form that it stands in: `PKCS#8`, `PKCS#1`, `SEC 1`, `encrypted PKCS#8`, `OpenSSL's own DSA`.
    pub form: &'static str,
    /// The label of its PEM block.
    pub label: &'static str,
    /// The algorithm, `ECDSA-P256` for example; none where the encryption hides it.
    pub algorithm: Option<String>,
    /// How it is encrypted; none where it is not.
    pub encryption: Option<String>,
    /// The DER of its `SubjectPublicKeyInfo`; none where the encryption hides it, or where it neither stands beside the
    /// private key nor is worked out here.
    pub public_key: Option<Vec<u8>>,
    /// Whether the public key is proved to be that of the private key, and does not merely stand beside it.
    pub proved: bool,
    /// Why the key cannot be used by anybody: it is broken.
    pub fault: Option<KeyError>,
}

/// What is read of a key that is not used here: its algorithm and its public key.
type Loose = (Option<String>, Option<Vec<u8>>, bool);

impl PrivateKeyFacts {
    /// Looks at a DER document; none where it is no private key.
    pub fn read(der: &[u8]) -> Option<Self> {
        let label = document::label_of(der)?;
        let facts = |form, label| Self {
            form,
            label,
            algorithm: None,
            encryption: None,
            public_key: None,
            proved: false,
            fault: None,
        };
        if label == pem::ENCRYPTED_PRIVATE_KEY {
            let facts = facts("encrypted PKCS#8", label);
            let reason = "how it is encrypted cannot be read".to_owned();
            return Some(match scheme(der) {
                Some(scheme) => Self { encryption: Some(scheme), ..facts },
                None => Self { fault: Some(KeyError::MalformedEncrypted { reason }), ..facts },
            });
        }
        if let Some(key) = dsa(der) {
            let algorithm = Some("DSA".to_owned());
            return Some(Self {
                algorithm,
                public_key: Some(key),
                ..facts("OpenSSL's own DSA", "DSA PRIVATE KEY")
            });
        }
        let (form, name) = match label {
            pem::RSA_PRIVATE_KEY => (KeyForm::Pkcs1, "PKCS#1"),
            pem::EC_PRIVATE_KEY => (KeyForm::Sec1, "SEC 1"),
            _ => (KeyForm::Pkcs8, "PKCS#8"),
        };
        let error = match document::read(form, der) {
            Ok(pair) => {
                let algorithm = Some(pair.secret.algorithm.name().to_owned());
                return Some(Self {
                    algorithm,
                    public_key: Some(pair.public.der),
                    proved: true,
                    ..facts(name, label)
                });
            }
            Err(error) => error,
        };
        let (algorithm, public_key, proved) = loosely(form, der).unwrap_or_default();
        // A key that is not used here is none the worse for it.
        let usable = matches!(
            error,
            KeyError::Unsupported { .. }
                | KeyError::RsaSize { .. }
                | KeyError::RsaExponent { .. }
                | KeyError::RsaMultiPrime
        );
        let mismatch = usable && public_key.is_none() && proved;
        let fault =
            if mismatch { Some(KeyError::PublicKeyMismatch) } else { Some(error).filter(|_| !usable) };
        Some(Self { algorithm, public_key, proved: proved && !mismatch, fault, ..facts(name, label) })
    }

    /// What is to be said of a block that is encrypted as OpenSSL did before PKCS#8 (RFC 1421 section 4.6.1.1), whose
    /// header names the cipher.
    pub fn legacy(label: &str, cipher: &str) -> Option<Self> {
        let (form, label, algorithm) = match label {
            pem::RSA_PRIVATE_KEY => ("PKCS#1", pem::RSA_PRIVATE_KEY, Some("RSA")),
            pem::EC_PRIVATE_KEY => ("SEC 1", pem::EC_PRIVATE_KEY, Some("ECDSA")),
            pem::PRIVATE_KEY => ("PKCS#8", pem::PRIVATE_KEY, None),
            "DSA PRIVATE KEY" => ("OpenSSL's own DSA", "DSA PRIVATE KEY", Some("DSA")),
            _ => return None,
        };
        Some(Self {
            form,
            label,
            algorithm: algorithm.map(str::to_owned),
            encryption: Some(format!("legacy PEM encryption, {cipher}, key by MD5")),
            public_key: None,
            proved: false,
            fault: None,
        })
    }
}

/// The name of a kind of public key, that of its curve among it: `RSA-2048`, `ECDSA-P256`, `ECDSA on secp256k1`, `Ed448`.
pub fn algorithm_name(kind: &PublicKeyKind) -> String {
    let name = |dotted: &str| ObjectIdentifier::new(dotted).map_or_else(|_| dotted.to_owned(), oid::name);
    match kind {
        PublicKeyKind::Ec(curve) if !curve.starts_with("P-") => format!("ECDSA on {}", name(curve)),
        PublicKeyKind::Other(dotted) => name(dotted),
        usual => usual.to_string(),
    }
}

fn loosely(form: KeyForm, der: &[u8]) -> Option<Loose> {
    let (document, _) = read(der)?;
    let fields = elements(document.content)?;
    match form {
        KeyForm::Pkcs1 => Some(rsa(&fields)),
        KeyForm::Sec1 => {
            let curve = fields.iter().find(|field| field.tag == 0xa0)?.content;
            let algorithm = element(tag::SEQUENCE, &[EC_PUBLIC_KEY, curve]);
            Some(elliptic(&algorithm, &fields))
        }
        KeyForm::Pkcs8 => {
            let [_, algorithm, inner, ..] = fields.as_slice() else { return None };
            let (oid, parameters) = read(algorithm.content)?;
            let key = read(inner.content).map(|(key, _)| elements(key.content).unwrap_or_default());
            let key = key.unwrap_or_default();
            if oid.whole == EC_PUBLIC_KEY && read(parameters).is_some() {
                return Some(elliptic(algorithm.whole, &key));
            }
            let name = ObjectIdentifier::from_bytes(oid.content).ok().map(oid::name);
            // RSA-PSS holds an RSAPrivateKey as well (RFC 4055 section 1.2).
            if let ([_, modulus, exponent, ..], Some("RSA-PSS")) = (key.as_slice(), name.as_deref()) {
                let raw = element(tag::SEQUENCE, &[modulus.whole, exponent.whole]);
                return Some((name, Some(spki(algorithm.whole, &raw)), false));
            }
            if oid.content == oid::RSA.as_bytes() {
                return Some(rsa(&key));
            }
            let beside = public_beside(&fields, 0x81);
            Some((name, beside.map(|raw| spki(algorithm.whole, &raw)), false))
        }
    }
}

/// `id-ecPublicKey`, whole.
const EC_PUBLIC_KEY: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// `rsaEncryption` with its NULL.
const RSA_ENCRYPTION: &[u8] = &[0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
/// `id-dsa`, whole.
const DSA: &[u8] = &[6, 7, 0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1];

fn spki(algorithm: &[u8], raw: &[u8]) -> Vec<u8> {
    element(tag::SEQUENCE, &[algorithm, &bit_string(raw)])
}

/// Modulus and exponent stand second and third (RFC 8017 appendix A.1.2).
fn rsa(fields: &[Element<'_>]) -> Loose {
    let [_, modulus, exponent, ..] = fields else { return Loose::default() };
    let key = spki(RSA_ENCRYPTION, &element(tag::SEQUENCE, &[modulus.whole, exponent.whole]));
    (name_of(&key), Some(key), false)
}

/// A key of a curve that is not used here; `fields` are those of SEC 1. Without a public key, and proved: the one beside it
/// is another's.
fn elliptic(algorithm: &[u8], fields: &[Element<'_>]) -> Loose {
    let beside = public_beside(fields, 0xa1);
    let scalar = fields.get(1).map(|field| field.content).unwrap_or_default();
    // The name needs a key, and any will do.
    let name = name_of(&spki(algorithm, &[4, 1, 1]));
    let own = if name.as_deref() == Some("ECDSA-P521") { derive_p521(scalar) } else { None };
    match (own, beside) {
        (Some(own), Some(beside)) if own != beside => (name, None, true),
        (Some(own), _) => (name, Some(spki(algorithm, &own)), true),
        (None, beside) => (name, beside.map(|raw| spki(algorithm, &raw)), false),
    }
}

fn name_of(spki: &[u8]) -> Option<String> {
    PublicKey::from_der(spki).ok().map(|key| algorithm_name(key.kind()))
}

/// The public key that stands beside a private one: `[1] BIT STRING`, explicit in SEC 1 and implicit in PKCS#8.
fn public_beside(fields: &[Element<'_>], wanted: u8) -> Option<Vec<u8>> {
    let field = fields.iter().skip(2).find(|field| field.tag == wanted)?;
    let bits = if wanted == 0xa1 { read(field.content)?.0.content } else { field.content };
    bits.get(1..).map(<[u8]>::to_vec)
}

fn derive_p521(scalar: &[u8]) -> Option<Vec<u8>> {
    use p521::elliptic_curve::sec1::ToSec1Point as _;
    /// The bytes of the curve's order.
    const LENGTH: usize = 66;
    let zeros = scalar.iter().take_while(|byte| **byte == 0).count();
    let significant = scalar.get(zeros..)?;
    let mut full = Zeroizing::new(vec![0; LENGTH.checked_sub(significant.len())?]);
    full.reserve_exact(LENGTH);
    full.extend_from_slice(significant);
    let key = p521::SecretKey::from_slice(&full).ok()?;
    Some(key.public_key().to_sec1_point(false).as_bytes().to_vec())
}

/// The public key of what OpenSSL writes for DSA: version, p, q, g, y and the secret x.
fn dsa(der: &[u8]) -> Option<Vec<u8>> {
    let (document, _) = read(der)?;
    let fields = elements(document.content)?;
    let [_, p, q, g, y, _] = fields.as_slice() else { return None };
    fields.iter().all(|field| field.tag == tag::INTEGER).then(|| {
        let parameters = element(tag::SEQUENCE, &[p.whole, q.whole, g.whole]);
        spki(&element(tag::SEQUENCE, &[DSA, &parameters]), y.whole)
    })
}

/// How an `EncryptedPrivateKeyInfo` is encrypted, in words (RFC 8018 appendix A; scrypt: RFC 7914 section 7).
fn scheme(der: &[u8]) -> Option<String> {
    let (document, _) = read(der)?;
    let (algorithm, _) = read(document.content)?;
    let (name, parameters) = identifier(&algorithm)?;
    if name != "PBES2" {
        return Some(name);
    }
    let parts = elements(parameters?.content)?;
    let [derivation, cipher] = parts.as_slice() else { return None };
    let (function, parameters) = identifier(derivation)?;
    let parts = elements(parameters?.content)?;
    let numbers: Vec<u64> = parts
        .iter()
        .filter(|part| part.tag == tag::INTEGER)
        .filter_map(|part| number(part.content))
        .collect();
    let derivation = match (function.as_str(), numbers.as_slice()) {
        ("PBKDF2", [iterations, ..]) => {
            let digest = parts.iter().find(|part| part.tag == tag::SEQUENCE).and_then(|prf| identifier(prf));
            // hmacWithSHA1 is the default.
            let digest = digest.map_or_else(|| "HMAC-SHA-1".to_owned(), |(name, _)| name);
            format!("PBKDF2 with {digest} and {iterations} iterations")
        }
        ("scrypt", [n, r, p, ..]) => format!("scrypt with N = {n}, r = {r}, p = {p}"),
        _ => function,
    };
    Some(format!("PBES2: {derivation}, {}", identifier(cipher)?.0))
}

/// The name and the parameters of an `AlgorithmIdentifier`.
fn identifier<'a>(algorithm: &Element<'a>) -> Option<(String, Option<Element<'a>>)> {
    /// The schemes that are read (RFC 8018 appendix B, RFC 7914 section 7, RFC 3565 section 4.1, RFC 5084 section 3.2).
    const NAMES: [(&str, &str); 14] = [
        ("1.2.840.113549.1.5.13", "PBES2"),
        ("1.2.840.113549.1.5.12", "PBKDF2"),
        ("1.3.6.1.4.1.11591.4.11", "scrypt"),
        ("1.2.840.113549.2.7", "HMAC-SHA-1"),
        ("1.2.840.113549.2.8", "HMAC-SHA-224"),
        ("1.2.840.113549.2.9", "HMAC-SHA-256"),
        ("1.2.840.113549.2.10", "HMAC-SHA-384"),
        ("1.2.840.113549.2.11", "HMAC-SHA-512"),
        ("2.16.840.1.101.3.4.1.2", "AES-128-CBC"),
        ("2.16.840.1.101.3.4.1.22", "AES-192-CBC"),
        ("2.16.840.1.101.3.4.1.42", "AES-256-CBC"),
        ("2.16.840.1.101.3.4.1.6", "AES-128-GCM"),
        ("2.16.840.1.101.3.4.1.26", "AES-192-GCM"),
        ("2.16.840.1.101.3.4.1.46", "AES-256-GCM"),
    ];
    let (oid, rest) = read(algorithm.content)?;
    let oid = ObjectIdentifier::from_bytes(oid.content).ok()?;
    let dotted = oid.to_string();
    let known = NAMES.iter().find(|(known, _)| *known == dotted).map(|(_, name)| (*name).to_owned());
    Some((known.unwrap_or_else(|| oid::name(oid)), read(rest).map(|(parameters, _)| parameters)))
}

/// A number that is not negative and fits.
fn number(content: &[u8]) -> Option<u64> {
    let significant = content.iter().position(|byte| *byte != 0).map_or(&[][..], |at| &content[at..]);
    (significant.len() <= 8).then(|| significant.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn openssl(words: &[&str]) -> Vec<u8> {
        let output = Command::new("openssl").args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// The DER of the first block of a PEM text.
    fn block(text: &[u8]) -> Vec<u8> {
        pem::parse(text).unwrap().remove(0).der.to_vec()
    }

    #[test]
    fn public_keys_are_those_that_openssl_derives() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let path = path.to_str().unwrap();
        let cases: [(&[&str], &str, bool, bool); 13] = [
            (&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "RSA-1024", true, false),
            (&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "RSA-2048", true, true),
            (&["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"], "RSA-PSS", true, false),
            (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "ECDSA-P256", true, true),
            (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "ECDSA-P384", true, true),
            (&["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "ECDSA-P521", true, true),
            (
                &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
                "ECDSA on secp256k1",
                true,
                false,
            ),
            (
                &[
                    "-algorithm",
                    "EC",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-pkeyopt",
                    "ec_param_enc:explicit",
                ],
                "ECDSA on a curve with explicit parameters",
                true,
                false,
            ),
            (&["-algorithm", "ED25519"], "Ed25519", true, true),
            (&["-algorithm", "ED448"], "Ed448", false, false),
            (&["-algorithm", "X25519"], "X25519", false, false),
            (&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_primes:3"], "RSA-2048", true, false),
            (&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_pubexp:3"], "RSA-2048", true, false),
        ];
        for (options, algorithm, public, proved) in cases {
            openssl(&[&["genpkey", "-out", path], options].concat());
            let expected = block(&openssl(&["pkey", "-in", path, "-pubout"]));
            let mut forms = vec![(block(&std::fs::read(path).unwrap()), "PKCS#8")];
            let other = if algorithm.starts_with("RSA-P") { "" } else { &algorithm[..2] };
            let traditional: Option<(&[&str], &str)> = match other {
                "RS" => Some((&["rsa", "-traditional"], "PKCS#1")),
                "EC" => Some((&["ec"], "SEC 1")),
                _ => None,
            };
            if let Some((tool, form)) = traditional {
                forms.push((block(&openssl(&[tool, &["-in", path]].concat())), form));
            }
            for (der, form) in forms {
                let facts = PrivateKeyFacts::read(&der).unwrap();
                assert_eq!(facts.form, form, "{options:?}");
                assert_eq!(facts.algorithm.as_deref(), Some(algorithm), "{options:?} {form}");
                assert_eq!(facts.public_key, public.then(|| expected.clone()), "{options:?} {form}");
                assert_eq!(
                    (facts.proved, facts.fault, facts.encryption),
                    (proved, None, None),
                    "{options:?} {form}"
                );
            }
        }
    }

    #[test]
    fn what_is_encrypted_is_told_with_its_scheme() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let path = path.to_str().unwrap();
        openssl(&["genpkey", "-algorithm", "RSA", "-out", path]);
        let cases: [(&[&str], &str); 5] = [
            (&["-v2", "aes-256-cbc"], "PBES2: PBKDF2 with HMAC-SHA-256 and 2048 iterations, AES-256-CBC"),
            (
                &["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512", "-iter", "77"],
                "PBES2: PBKDF2 with HMAC-SHA-512 and 77 iterations, AES-128-CBC",
            ),
            (
                &["-v2", "des3", "-v2prf", "hmacWithSHA1"],
                "PBES2: PBKDF2 with HMAC-SHA-1 and 2048 iterations, triple DES",
            ),
            (&["-scrypt"], "PBES2: scrypt with N = 16384, r = 8, p = 1, AES-256-CBC"),
            (&["-v1", "PBE-SHA1-3DES"], "PKCS#12 encryption with SHA-1 and triple DES"),
        ];
        for (options, scheme) in cases {
            let words = [&["pkcs8", "-topk8", "-in", path, "-passout", "pass:x"], options].concat();
            let facts = PrivateKeyFacts::read(&block(&openssl(&words))).unwrap();
            assert_eq!((facts.form, facts.label), ("encrypted PKCS#8", "ENCRYPTED PRIVATE KEY"));
            assert_eq!(facts.encryption.as_deref(), Some(scheme));
            assert_eq!((facts.algorithm, facts.public_key, facts.fault), (None, None, None));
        }
    }

    #[test]
    fn a_key_with_another_s_public_key_is_broken() {
        for curve in ["P-256", "P-521"] {
            let option = format!("ec_paramgen_curve:{curve}");
            let make = || block(&openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", &option]));
            let (mut one, other) = (make(), make());
            // The public point is the last thing in it; the two documents are of one length.
            let point = if curve == "P-256" { 64 } else { 132 };
            let (one_at, other_at) = (one.len() - point, other.len() - point);
            one.splice(one_at.., other[other_at..].iter().copied());
            let facts = PrivateKeyFacts::read(&one).unwrap();
            assert_eq!(facts.fault, Some(KeyError::PublicKeyMismatch), "{curve}");
        }
        // And what is no private key is none.
        for der in [&[][..], b"0", &[0x30, 3, 2, 1, 0], &[0x30, 0x80]] {
            assert_eq!(PrivateKeyFacts::read(der), None);
        }
    }

    #[test]
    fn a_key_of_openssl_s_own_dsa_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("parameters");
        let path = path.to_str().unwrap();
        openssl(&["dsaparam", "-out", path, "1024"]);
        let key = directory.path().join("key");
        let key = key.to_str().unwrap();
        openssl(&["gendsa", "-out", key, path]);
        let traditional = openssl(&["pkey", "-in", key, "-traditional"]);
        let facts = PrivateKeyFacts::read(&block(&traditional)).unwrap();
        let expected = block(&openssl(&["pkey", "-in", key, "-pubout"]));
        assert_eq!((facts.label, facts.algorithm.as_deref()), ("DSA PRIVATE KEY", Some("DSA")));
        assert_eq!(facts.public_key, Some(expected));
        assert_eq!(PrivateKeyFacts::legacy("PUBLIC KEY", "AES-128-CBC"), None);
    }
}
