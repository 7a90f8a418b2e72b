//! Keys that are the same in every run, and signatures that are: so that what is forged is the same, byte for byte,
//! whenever a test runs.
//!
//! A key is made from a seed. RSA keys take long to find, so there are a few of each size in `keys/`, made for these
//! tests by `openssl genpkey`; they protect nothing.

use std::cell::Cell;
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{self, digest};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rsa::signature::hazmat::PrehashSigner as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{Pkcs1v15Sign, Pss};

use super::der;

/// The embedded RSA keys by the word that asks for one.
const RSA_KEYS: [(&str, &str); 3] = [
    ("rsa1024", include_str!("keys/rsa1024.pem")),
    ("rsa2048", include_str!("keys/rsa2048.pem")),
    ("rsa3072", include_str!("keys/rsa3072.pem")),
];

const EC_PUBLIC_KEY: &str = "1.2.840.10045.2.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const P521: &str = "1.3.132.0.35";
const RSA: &str = "1.2.840.113549.1.1.1";
const ED25519: &str = "1.3.101.112";
const RSA_PSS: &str = "1.2.840.113549.1.1.10";
const MGF1: &str = "1.2.840.113549.1.1.8";

/// A key pair.
pub(crate) struct Key {
    secret: Secret,
    /// The DER of its PKCS#8 document.
    pub(crate) pkcs8: Vec<u8>,
    /// The content of the public key's BIT STRING, without the count of unused bits.
    pub(crate) public: Vec<u8>,
    /// The DER of its `SubjectPublicKeyInfo`.
    pub(crate) spki: Vec<u8>,
}

enum Secret {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<rsa::PrivateKey>),
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Hash {
    Md5,
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    fn of(self, message: &[u8]) -> Vec<u8> {
        use md5::Digest as _;
        let algorithm = match self {
            Self::Md5 => return md5::Md5::digest(message).to_vec(),
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest(algorithm, message).as_ref().to_vec()
    }

    /// The `AlgorithmIdentifier` of the digest, with NULL as its parameters (RFC 8017 appendix B.1).
    fn identifier(self) -> Vec<u8> {
        let oid = match self {
            Self::Md5 => "1.2.840.113549.2.5",
            Self::Sha1 => "1.3.14.3.2.26",
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        };
        der::sequence(&[&der::oid(oid), &[5, 0]])
    }
}

/// What a signature is made with, and how it is spoilt: the values of the word `sig`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signing {
    hash: Option<Hash>,
    pss: bool,
    faults: Vec<Fault>,
    /// The parameters of the algorithm are absent (false) or NULL (true), against what its standard says.
    null: Option<bool>,
    /// Another algorithm's name over the same signature.
    named: Option<String>,
}

/// What is wrong with a signature.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Fault {
    /// The algorithm beside the signature is another than the one within.
    OuterMismatch,
    /// One bit is wrong.
    Broken,
    /// It has no bytes.
    Empty,
    /// It is by a key that nobody has.
    OtherKey,
}

impl Signing {
    /// Reads `sha256`, `pss`, `broken` and the rest, between commas.
    #[track_caller]
    pub(crate) fn parse(words: &str) -> Self {
        let mut out = Self::default();
        for word in words.split(',') {
            match word {
                "default" => {}
                "md5" => out.hash = Some(Hash::Md5),
                "sha1" => out.hash = Some(Hash::Sha1),
                "sha256" => out.hash = Some(Hash::Sha256),
                "sha384" => out.hash = Some(Hash::Sha384),
                "sha512" => out.hash = Some(Hash::Sha512),
                "pss" => out.pss = true,
                "outer-mismatch" => out.faults.push(Fault::OuterMismatch),
                "broken" => out.faults.push(Fault::Broken),
                "empty" => out.faults.push(Fault::Empty),
                "other-key" => out.faults.push(Fault::OtherKey),
                "null" => out.null = Some(true),
                "no-null" => out.null = Some(false),
                oid if oid.contains('.') => out.named = Some(oid.to_owned()),
                other => panic!(
                    "forge: sig={other} is unknown; default, md5, sha1, sha256, sha384, sha512, pss, broken, empty, \
                     other-key, outer-mismatch, null, no-null and an object identifier are not"
                ),
            }
        }
        out
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// The same, over a digest that is not the same: for the algorithm beside the signature.
    pub(crate) fn mismatched(&self, key: &Key) -> Self {
        if matches!(key.secret, Secret::Ed25519(_)) {
            return Self { null: Some(true), ..self.clone() };
        }
        let hash = match self.hash.unwrap_or(key.usual_hash()) {
            Hash::Sha512 => Hash::Sha384,
            _ => Hash::Sha512,
        };
        Self { hash: Some(hash), ..self.clone() }
    }
}

impl Key {
    /// A key that no other call in this run makes. RSA keys come in turns: there are only a few.
    #[track_caller]
    pub(crate) fn fresh(algorithm: &str) -> Arc<Self> {
        thread_local! {
            static TURN: Cell<usize> = const { Cell::new(0) };
        }
        if !algorithm.starts_with("rsa") {
            return Self::with_seed(algorithm, &fresh_bytes(b"key"));
        }
        TURN.set(TURN.get() + 1);
        Self::embedded(algorithm, TURN.get())
    }

    /// One of the RSA keys of `keys/`; the same number, the same key.
    #[track_caller]
    fn embedded(algorithm: &str, number: usize) -> Arc<Self> {
        static KEYS: OnceLock<HashMap<&str, Vec<Arc<Key>>>> = OnceLock::new();
        let keys = KEYS.get_or_init(|| {
            let read =
                |pem: &str| pem_blocks(pem).into_iter().map(|pkcs8| Arc::new(Key::rsa(pkcs8))).collect();
            RSA_KEYS.iter().map(|(word, pem)| (*word, read(pem))).collect()
        });
        let Some(keys) = keys.get(algorithm) else {
            panic!(
                "forge: key={algorithm} is unknown; p256, p384, p521, ed25519, rsa1024, rsa2048, rsa3072 are not"
            )
        };
        Arc::clone(&keys[number % keys.len()])
    }

    /// The key of this algorithm, or `algorithm:label`: the same label, the same key.
    #[track_caller]
    pub(crate) fn named(word: &str) -> Arc<Self> {
        static KEYS: OnceLock<Mutex<HashMap<String, Arc<Key>>>> = OnceLock::new();
        let Some((algorithm, label)) = word.split_once(':') else { return Self::fresh(word) };
        let keys = KEYS.get_or_init(Mutex::default);
        let known = keys.lock().expect("no test panics here").get(word).cloned();
        known.unwrap_or_else(|| {
            let key = Self::with_seed(algorithm, digest(&digest::SHA256, label.as_bytes()).as_ref());
            keys.lock().expect("no test panics here").insert(word.to_owned(), Arc::clone(&key));
            key
        })
    }

    #[track_caller]
    fn with_seed(algorithm: &str, seed: &[u8]) -> Arc<Self> {
        // As many bytes as the largest curve takes. The first is small, so that the number is below each curve's order.
        let seed = digest(&digest::SHA512, seed);
        let scalar = |length: usize| {
            let mut bytes = vec![0; length];
            for (at, byte) in bytes.iter_mut().enumerate().skip(length - length.min(64) + 1) {
                *byte = seed.as_ref()[at % 64];
            }
            bytes
        };
        let invalid = "forge: a seed is below the order of its curve";
        let key = match algorithm {
            "p256" => {
                let secret = p256::ecdsa::SigningKey::from_slice(&scalar(32)).expect(invalid);
                let public = secret.verifying_key().to_sec1_point(false).as_bytes().to_vec();
                Self::of_curve(P256, &scalar(32), public, Secret::P256(secret))
            }
            "p384" => {
                let secret = p384::ecdsa::SigningKey::from_slice(&scalar(48)).expect(invalid);
                let public = secret.verifying_key().to_sec1_point(false).as_bytes().to_vec();
                Self::of_curve(P384, &scalar(48), public, Secret::P384(secret))
            }
            "p521" => {
                let secret = p521::ecdsa::SigningKey::from_slice(&scalar(66)).expect(invalid);
                let public = secret.verifying_key().to_sec1_point(false).as_bytes().to_vec();
                Self::of_curve(P521, &scalar(66), public, Secret::P521(secret))
            }
            "ed25519" => {
                let seed = &seed.as_ref()[..32];
                let pair = Ed25519KeyPair::from_seed_unchecked(seed).expect("32 bytes");
                let algorithm = der::sequence(&[&der::oid(ED25519)]);
                let public = pair.public_key().as_ref().to_vec();
                let pkcs8 = der::sequence(&[
                    &der::number(0),
                    &algorithm,
                    &der::octet_string(&der::octet_string(seed)),
                ]);
                Self::new(&algorithm, pkcs8, public, Secret::Ed25519(pair))
            }
            _ => return Self::embedded(algorithm, usize::from(seed.as_ref()[0])),
        };
        Arc::new(key)
    }

    fn of_curve(curve: &str, scalar: &[u8], public: Vec<u8>, secret: Secret) -> Self {
        let algorithm = der::sequence(&[&der::oid(EC_PUBLIC_KEY), &der::oid(curve)]);
        // RFC 5915 section 3; the curve is already named outside.
        let private = der::sequence(&[
            &der::number(1),
            &der::octet_string(scalar),
            &der::explicit(1, &der::bit_string(&public)),
        ]);
        let pkcs8 = der::sequence(&[&der::number(0), &algorithm, &der::octet_string(&private)]);
        Self::new(&algorithm, pkcs8, public, secret)
    }

    fn rsa(pkcs8: Vec<u8>) -> Self {
        let secret = rsa::PrivateKey::from_pkcs8_der(&pkcs8).expect("a key of keys/");
        let number = |value: &rsa::BoxedUint| der::unsigned(&value.to_be_bytes());
        let public = der::sequence(&[&number(secret.n()), &number(secret.e())]);
        Self::new(&der::sequence(&[&der::oid(RSA), &[5, 0]]), pkcs8, public, Secret::Rsa(Box::new(secret)))
    }

    fn new(algorithm: &[u8], pkcs8: Vec<u8>, public: Vec<u8>, secret: Secret) -> Self {
        let spki = der::sequence(&[algorithm, &der::bit_string(&public)]);
        Self { secret, pkcs8, public, spki }
    }

    /// The word for a key of the same kind.
    fn kind(&self) -> &'static str {
        match &self.secret {
            Secret::P256(_) => "p256",
            Secret::P384(_) => "p384",
            Secret::P521(_) => "p521",
            Secret::Ed25519(_) => "ed25519",
            Secret::Rsa(key) => match key.size() {
                128 => "rsa1024",
                256 => "rsa2048",
                _ => "rsa3072",
            },
        }
    }

    /// A key of the same kind that is not this one.
    pub(crate) fn another(&self) -> Arc<Self> {
        (0..64)
            .map(|_| Self::fresh(self.kind()))
            .find(|other| other.spki != self.spki)
            .expect("forge: there is more than one key of the size in keys/")
    }

    fn usual_hash(&self) -> Hash {
        match self.secret {
            Secret::P384(_) => Hash::Sha384,
            Secret::P521(_) => Hash::Sha512,
            _ => Hash::Sha256,
        }
    }

    /// The `AlgorithmIdentifier` of what this key signs with.
    pub(crate) fn algorithm(&self, signing: &Signing) -> Vec<u8> {
        let hash = signing.hash.unwrap_or(self.usual_hash());
        let (oid, parameters) = match &self.secret {
            Secret::Ed25519(_) => (ED25519, Vec::new()),
            Secret::Rsa(_) if signing.pss => (RSA_PSS, pss_parameters(hash)),
            Secret::Rsa(_) => {
                let oid = match hash {
                    Hash::Md5 => "1.2.840.113549.1.1.4",
                    Hash::Sha1 => "1.2.840.113549.1.1.5",
                    Hash::Sha256 => "1.2.840.113549.1.1.11",
                    Hash::Sha384 => "1.2.840.113549.1.1.12",
                    Hash::Sha512 => "1.2.840.113549.1.1.13",
                };
                (oid, vec![5, 0])
            }
            _ => {
                let oid = match hash {
                    Hash::Md5 => panic!("forge: there is no name for ECDSA over MD5"),
                    Hash::Sha1 => "1.2.840.10045.4.1",
                    Hash::Sha256 => "1.2.840.10045.4.3.2",
                    Hash::Sha384 => "1.2.840.10045.4.3.3",
                    Hash::Sha512 => "1.2.840.10045.4.3.4",
                };
                (oid, Vec::new())
            }
        };
        let parameters = match signing.null {
            None => parameters,
            Some(true) => vec![5, 0],
            Some(false) => Vec::new(),
        };
        der::sequence(&[&der::oid(signing.named.as_deref().unwrap_or(oid)), &parameters])
    }

    /// The content of the signature's BIT STRING.
    pub(crate) fn sign(&self, signing: &Signing, message: &[u8]) -> Vec<u8> {
        if signing.has(Fault::Empty) {
            return Vec::new();
        }
        let hash = signing.hash.unwrap_or(self.usual_hash());
        let hashed = hash.of(message);
        let signs = "forge: a key signs";
        let mut signature = match &self.secret {
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign_prehash(&hashed).expect(signs);
                signature.to_der().as_bytes().to_vec()
            }
            Secret::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign_prehash(&hashed).expect(signs);
                signature.to_der().as_bytes().to_vec()
            }
            Secret::P521(key) => {
                let signature: p521::ecdsa::Signature = key.sign_prehash(&hashed).expect(signs);
                signature.to_der().as_bytes().to_vec()
            }
            Secret::Ed25519(key) => key.sign(message).as_ref().to_vec(),
            Secret::Rsa(key) if signing.pss => {
                let mut salt = Salt(hashed.clone());
                match hash {
                    Hash::Sha256 => key.sign_with_rng(&mut salt, Pss::<sha2::Sha256>::new(), &hashed),
                    Hash::Sha384 => key.sign_with_rng(&mut salt, Pss::<sha2::Sha384>::new(), &hashed),
                    Hash::Sha512 => key.sign_with_rng(&mut salt, Pss::<sha2::Sha512>::new(), &hashed),
                    other => panic!("forge: no PSS over {other:?}"),
                }
                .expect(signs)
            }
            Secret::Rsa(key) => {
                let info = der::sequence(&[&hash.identifier(), &der::octet_string(&hashed)]);
                key.sign(Pkcs1v15Sign::new_unprefixed(), &info).expect(signs)
            }
        };
        if signing.has(Fault::Broken) {
            // The last byte is of the number s, of the RSA signature, or of Ed25519's S: in each the form stays right.
            let last = signature.last_mut().expect("a signature has bytes");
            *last ^= 1;
        }
        signature
    }
}

/// RSASSA-PSS-params with one digest for message and mask, and a salt of its length (RFC 4055 section 3.1).
fn pss_parameters(hash: Hash) -> Vec<u8> {
    let identifier = hash.identifier();
    let mask = der::sequence(&[&der::oid(MGF1), &identifier]);
    let length = u64::try_from(hash.of(&[]).len()).expect("short");
    der::sequence(&[
        &der::explicit(0, &identifier),
        &der::explicit(1, &mask),
        &der::explicit(2, &der::number(length)),
    ])
}

/// The salt of a PSS signature: the digest of what is signed, so that a signature is the same in every run.
struct Salt(Vec<u8>);

impl TryRng for Salt {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(32) {
            self.0 = digest(&digest::SHA256, &self.0).as_ref().to_vec();
            chunk.copy_from_slice(&self.0[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Salt {}

/// 32 bytes that no other call in this run gets, and that the same call gets in every run: they depend on the thread's
/// name, which is the test's, and on how often it asked before.
pub(crate) fn fresh_bytes(purpose: &[u8]) -> Vec<u8> {
    thread_local! {
        static COUNT: Cell<u64> = const { Cell::new(0) };
    }
    let count = COUNT.get() + 1;
    COUNT.set(count);
    let thread = std::thread::current();
    let name = thread.name().map_or_else(|| format!("{:?}", thread.id()), str::to_owned);
    let seed = [purpose, b"\0", name.as_bytes(), b"\0", &count.to_be_bytes()].concat();
    digest(&digest::SHA256, &seed).as_ref().to_vec()
}

/// The contents of a text's PEM blocks.
fn pem_blocks(text: &str) -> Vec<Vec<u8>> {
    let blocks = text.split("-----BEGIN ").skip(1).map(|block| {
        let lines = block.lines().skip(1).take_while(|line| !line.starts_with("-----"));
        STANDARD.decode(lines.collect::<String>()).expect("base64 of keys/")
    });
    blocks.collect()
}

/// A PEM block (RFC 7468 section 2).
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in base64.as_bytes().chunks(64) {
        out.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        out.push('\n');
    }
    out + &format!("-----END {label}-----\n")
}
