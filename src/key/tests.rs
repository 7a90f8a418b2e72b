use std::process::{Command, Output};

use pkcs8::der::asn1::{BitStringRef, OctetStringRef, UintRef};
use pkcs8::der::{Decode, Encode};
use proptest::prelude::*;
use rsa::pkcs1::{EncodeRsaPrivateKey, RsaPrivateKeyRef};
use sec1::{EcParameters, EcPrivateKey};
use tempfile::TempDir;

use super::*;

/// A directory in which openssl works.
struct Bench(TempDir);

impl Bench {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Runs openssl with the words of a line; nothing in them has a space.
    fn run(&self, line: &str) -> Output {
        Command::new("openssl").args(line.split_whitespace()).current_dir(self.0.path()).output().unwrap()
    }

    fn openssl(&self, line: &str) -> Vec<u8> {
        let output = self.run(line);
        assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own directory")]
    fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), contents).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    /// A new key of openssl's in PKCS#8, as `key`.
    fn key(&self, options: &str) -> Vec<u8> {
        self.openssl(&format!("genpkey -out key {options}"));
        self.read("key")
    }
}

const EC: &str = "-algorithm EC -pkeyopt ec_param_enc:named_curve -pkeyopt ec_paramgen_curve:";

fn options(algorithm: KeyAlgorithm) -> String {
    match algorithm {
        KeyAlgorithm::EcdsaP256 => format!("{EC}P-256"),
        KeyAlgorithm::EcdsaP384 => format!("{EC}P-384"),
        KeyAlgorithm::Ed25519 => "-algorithm ED25519".to_owned(),
        rsa => format!("-algorithm RSA -pkeyopt rsa_keygen_bits:{}", &rsa.name()[4..]),
    }
}

fn load(text: impl AsRef<[u8]>) -> KeyPair {
    KeyPair::from_pem(text.as_ref(), None).unwrap()
}

fn refusal(text: impl AsRef<[u8]>) -> KeyError {
    KeyPair::from_pem(text.as_ref(), None).unwrap_err()
}

fn secret() -> Passphrase {
    Passphrase::from("correct horse".replace(' ', "-"))
}

#[test]
fn algorithms_are_read_by_all_their_names() {
    for algorithm in KeyAlgorithm::ALL {
        assert_eq!(algorithm.to_string().parse(), Ok(algorithm));
        assert_eq!(algorithm.name().to_lowercase().parse(), Ok(algorithm));
        assert_eq!(algorithm.name().to_uppercase().parse(), Ok(algorithm));
    }
    for (name, algorithm) in [
        ("rsa2048", KeyAlgorithm::Rsa2048),
        ("p256", KeyAlgorithm::EcdsaP256),
        ("P-384", KeyAlgorithm::EcdsaP384),
        ("secp384r1", KeyAlgorithm::EcdsaP384),
        ("ed25519", KeyAlgorithm::Ed25519),
    ] {
        assert_eq!(name.parse(), Ok(algorithm), "{name}");
    }
    for name in ["", "rsa", "RSA-1024", "p521", "ECDSA", " p256", "٣"] {
        assert!(name.parse::<KeyAlgorithm>().is_err(), "{name:?}");
    }
}

#[test]
fn openssl_reads_what_is_written_and_it_reads_back_to_the_byte() {
    let bench = Bench::new();
    for algorithm in KeyAlgorithm::ALL {
        let mut key = KeyPair::generate(algorithm).unwrap();
        assert_eq!(key.form(), KeyForm::default_for(algorithm));
        let public = key.public_key_der().to_vec();
        for form in [KeyForm::default_for(algorithm), KeyForm::Pkcs8] {
            key = key.with_form(form).unwrap();
            let text = key.to_pem();
            assert!(text.starts_with(&format!("-----BEGIN {}-----\n", form.label())));
            bench.write("key", &text);
            bench.openssl("pkey -in key -check -noout");
            if form == KeyForm::Sec1 {
                bench.openssl("ec -in key -check -noout");
            }
            assert_eq!(bench.openssl("pkey -in key -pubout -outform DER"), public, "{algorithm} {form}");
            assert_eq!(bench.openssl("pkey -in key -pubout"), key.public_key_pem().as_bytes());
            assert!(public.ends_with(key.raw_public_key()));
            // openssl's own writing of the key is the same.
            let own = if form == KeyForm::Pkcs8 { "" } else { "-traditional" };
            let own = bench.openssl(&format!("pkey -in key {own}"));
            assert_eq!(String::from_utf8(own).unwrap(), *text, "{algorithm} {form}");
            let back = load(text.as_bytes());
            assert_eq!((back.algorithm(), back.form()), (algorithm, form));
            assert_eq!(back.to_pem(), text);
            assert_eq!(back.public_key_der(), public);
            assert!(!back.is_encrypted());
        }
    }
}

#[test]
fn what_openssl_writes_is_read_in_every_form_and_written_back_the_same() {
    let bench = Bench::new();
    for algorithm in KeyAlgorithm::ALL {
        let pkcs8 = bench.key(&options(algorithm));
        // Ed25519 has no other form than PKCS#8.
        let writing = if algorithm == KeyAlgorithm::Ed25519 { "" } else { "-traditional" };
        let traditional = bench.openssl(&format!("pkey -in key {writing}"));
        let public = bench.openssl("pkey -in key -pubout -outform DER");
        let form = KeyForm::default_for(algorithm);
        for (text, form) in [(&pkcs8, KeyForm::Pkcs8), (&traditional, form)] {
            let key = load(text);
            assert_eq!((key.algorithm(), key.form()), (algorithm, form));
            assert_eq!(key.to_pem().as_bytes(), text);
            assert_eq!(key.public_key_der(), public);
            // As DER, it is the same key in the same form.
            let der = load(&*pem::parse(text).unwrap()[0].der);
            assert_eq!((der.form(), der.to_pem()), (form, key.to_pem()));
        }
        // One form turns into the other.
        assert_eq!(load(&pkcs8).with_form(form).unwrap().to_pem().as_bytes(), traditional);
        assert_eq!(load(&traditional).with_form(KeyForm::Pkcs8).unwrap().to_pem().as_bytes(), pkcs8);
    }
}

#[test]
fn openssl_verifies_the_signatures() {
    let bench = Bench::new();
    bench.write("message", b"to be signed");
    bench.write("other", b"not signed");
    for algorithm in KeyAlgorithm::ALL {
        let made = KeyPair::generate(algorithm).unwrap();
        let read = load(made.to_pem().as_bytes());
        for key in [made, read] {
            bench.write("public", key.public_key_pem());
            bench.write("signature", key.sign(b"to be signed").unwrap());
            let verify = match algorithm {
                KeyAlgorithm::Ed25519 => "pkeyutl -verify -pubin -inkey public -rawin -sigfile signature -in",
                KeyAlgorithm::EcdsaP384 => "dgst -sha384 -verify public -signature signature",
                _ => "dgst -sha256 -verify public -signature signature",
            };
            bench.openssl(&format!("{verify} message"));
            assert!(!bench.run(&format!("{verify} other")).status.success(), "{algorithm}");
        }
    }
}

#[test]
fn signature_algorithms_are_those_of_openssls_certificates() {
    let bench = Bench::new();
    for algorithm in KeyAlgorithm::ALL {
        bench.write("key", KeyPair::generate(algorithm).unwrap().to_pem());
        let hash = if algorithm == KeyAlgorithm::EcdsaP384 { "-sha384" } else { "-sha256" };
        let certificate = bench.openssl(&format!("req -x509 -key key -subj /CN=a {hash} -outform DER"));
        let identifier = load(bench.read("key")).signature_algorithm_der();
        let found = certificate.windows(identifier.len()).filter(|window| *window == identifier).count();
        // Once inside of what is signed, once outside; in Ed25519 it also names the key.
        assert_eq!(found, if algorithm == KeyAlgorithm::Ed25519 { 3 } else { 2 }, "{algorithm}");
    }
}

#[test]
fn debug_shows_the_algorithm_and_a_fingerprint_only() {
    let bench = Bench::new();
    for algorithm in KeyAlgorithm::ALL {
        let key = KeyPair::generate(algorithm).unwrap();
        bench.write("public", key.public_key_der());
        let digest = String::from_utf8(bench.openssl("dgst -sha256 -r public")).unwrap();
        let expected =
            format!("KeyPair {{ algorithm: {algorithm:?}, public_key: SHA256:{}, .. }}", &digest[..64]);
        assert_eq!(format!("{key:?}"), expected);
    }
}

#[test]
fn a_missing_public_key_is_derived() {
    let bench = Bench::new();
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384] {
        bench.key(&options(algorithm));
        let public = bench.openssl("pkey -in key -pubout -outform DER");
        for command in [
            "ec -in key -no_public",
            "ec -in key -conv_form compressed",
            "pkey -in key -ec_conv_form compressed",
        ] {
            let text = bench.openssl(command);
            let key = load(&text);
            assert_eq!(key.public_key_der(), public, "{command}");
            assert_eq!(key.to_pem().as_bytes(), text);
            bench.write("message", b"m");
            bench.write("public", key.public_key_pem());
            bench.write("signature", key.sign(b"m").unwrap());
            let hash = if algorithm == KeyAlgorithm::EcdsaP384 { "sha384" } else { "sha256" };
            bench.openssl(&format!("dgst -{hash} -verify public -signature signature message"));
        }
        bench.write("bare", bench.openssl("ec -in key -no_public"));
        let bare = bench.openssl("pkcs8 -topk8 -nocrypt -in bare");
        assert_eq!(load(&bare).public_key_der(), public);
    }
}

/// An ECDSA key in SEC 1, put together for the occasion.
fn sec1(private_key: &[u8], curve: Option<&str>, public_key: Option<&[u8]>) -> Vec<u8> {
    let parameters = curve.map(|oid| EcParameters::NamedCurve(oid.parse().unwrap()));
    EcPrivateKey { private_key, parameters, public_key }.to_der().unwrap()
}

const P256: Option<&str> = Some("1.2.840.10045.3.1.7");

#[test]
fn a_public_key_of_another_is_refused() {
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::EcdsaP384] {
        let (key, other) = (KeyPair::generate(algorithm).unwrap(), KeyPair::generate(algorithm).unwrap());
        let curve = if algorithm == KeyAlgorithm::EcdsaP256 { P256 } else { Some("1.3.132.0.34") };
        let good = sec1(&key.secret.bytes, curve, Some(key.raw_public_key()));
        assert_eq!(load(&good).public_key_der(), key.public_key_der());
        let mut compressed = other.raw_public_key()[..=key.secret.bytes.len()].to_vec();
        compressed[0] = 2;
        for public in [other.raw_public_key(), &compressed, &[4], &[], &[6; 65]] {
            let bad = sec1(&key.secret.bytes, curve, Some(public));
            assert_eq!(refusal(&bad), KeyError::PublicKeyMismatch, "{algorithm} {}", public.len());
        }
        // The sign of y alone is off.
        compressed = key.raw_public_key()[..=key.secret.bytes.len()].to_vec();
        compressed[0] = 3 - (key.raw_public_key().last().unwrap() & 1);
        let bad = sec1(&key.secret.bytes, curve, Some(&compressed));
        assert_eq!(refusal(&bad), KeyError::PublicKeyMismatch);
    }
    // PKCS#8 version 2, with its public key outside of the private one.
    for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519] {
        let key = KeyPair::generate(algorithm).unwrap().with_form(KeyForm::Pkcs8).unwrap();
        let other = KeyPair::generate(algorithm).unwrap();
        let version_2 = |raw: &[u8]| {
            let mut info = pkcs8::PrivateKeyInfoRef::from_der(&key.document).unwrap();
            info.public_key = Some(BitStringRef::from_bytes(raw).unwrap());
            info.to_der().unwrap()
        };
        assert_eq!(load(version_2(key.raw_public_key())).public_key_der(), key.public_key_der());
        assert_eq!(refusal(version_2(other.raw_public_key())), KeyError::PublicKeyMismatch, "{algorithm}");
    }
}

#[test]
fn scalars_of_odd_lengths_are_read_and_impossible_ones_refused() {
    let one = KeyPair::from_pem(&sec1(&[&[0; 31][..], &[1]].concat(), P256, None), None).unwrap();
    for scalar in [&[1][..], &[&[0; 40][..], &[1]].concat()] {
        let document = sec1(scalar, P256, None);
        let key = load(&document);
        assert_eq!(key.public_key_der(), one.public_key_der());
        assert_eq!(*key.document, document);
        // In another form, the length is the right one.
        let other = key.with_form(KeyForm::Pkcs8).unwrap();
        assert_eq!(other.to_pem().len(), 241);
    }
    for scalar in [&[][..], &[0], &[0; 32], &[0xff; 32], &[1; 33]] {
        let error = refusal(sec1(scalar, P256, None));
        assert!(matches!(error, KeyError::Malformed { form: KeyForm::Sec1, .. }), "{error}");
        let error = refusal(sec1(scalar, P256, Some(one.raw_public_key())));
        assert!(matches!(error, KeyError::Malformed { .. }), "{error}");
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let bench = Bench::new();
    for (options, expected) in [
        (format!("{EC}P-521"), "the private key is for P-521, which is not supported"),
        (format!("{EC}secp256k1"), "the private key is for secp256k1, which is not supported"),
        ("-algorithm ED448".to_owned(), "the private key is for Ed448, which is not supported"),
        ("-algorithm X25519".to_owned(), "the private key is for X25519, which is not supported"),
        ("-algorithm RSA-PSS".to_owned(), "the private key is for RSA-PSS, which is not supported"),
        (
            "-algorithm EC -pkeyopt ec_param_enc:explicit -pkeyopt ec_paramgen_curve:P-256".to_owned(),
            "the private key is for a curve given by explicit parameters, which is not supported",
        ),
        (
            "-algorithm RSA -pkeyopt rsa_keygen_bits:1024".to_owned(),
            "an RSA key of 1024 bits is not supported; 2048, 3072 and 4096 are",
        ),
        (
            "-algorithm RSA -pkeyopt rsa_keygen_bits:2047".to_owned(),
            "an RSA key of 2047 bits is not supported; 2048, 3072 and 4096 are",
        ),
        (
            "-algorithm RSA -pkeyopt rsa_keygen_bits:2432".to_owned(),
            "an RSA key of 2432 bits is not supported; 2048, 3072 and 4096 are",
        ),
        (
            "-algorithm RSA -pkeyopt rsa_keygen_pubexp:3".to_owned(),
            "the RSA public exponent 3 is not supported; it must be from 65537 to 8589934591",
        ),
        (
            "-algorithm RSA -pkeyopt rsa_keygen_primes:3".to_owned(),
            "RSA keys of more than two primes are not supported",
        ),
    ] {
        let pkcs8 = bench.key(&options);
        assert_eq!(refusal(&pkcs8).to_string(), expected, "{options}");
        if options.contains("EC ") || options.contains("RSA ") {
            let traditional = bench.openssl("pkey -in key -traditional");
            assert_eq!(refusal(&traditional).to_string(), expected, "{options}");
        }
    }
    let expected =
        KeyError::Malformed { form: KeyForm::Sec1, reason: "it does not name its curve".to_owned() };
    assert_eq!(refusal(sec1(&[1; 32], None, None)), expected);
}

#[test]
fn contradictory_algorithm_identifiers_are_refused() {
    use pkcs8::der::asn1::{AnyRef, Null};
    let curve = |oid: &str| EcParameters::NamedCurve(oid.parse().unwrap());
    let (p256, p384) = (curve("1.2.840.10045.3.1.7"), curve("1.3.132.0.34"));
    let [rsa, ec, ed25519] = [KeyAlgorithm::Rsa2048, KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519]
        .map(|algorithm| KeyPair::generate(algorithm).unwrap().with_form(KeyForm::Pkcs8).unwrap());
    let with_parameters = |key: &KeyPair, parameters: Option<AnyRef<'_>>| {
        let mut info = pkcs8::PrivateKeyInfoRef::from_der(&key.document).unwrap();
        info.algorithm.parameters = parameters;
        info.to_der().unwrap()
    };
    // RSA without the NULL is read by OpenSSL and Go too.
    assert_eq!(load(with_parameters(&rsa, None)).public_key_der(), rsa.public_key_der());
    for (document, reason) in [
        (with_parameters(&rsa, Some((&p256).into())), "the algorithm has parameters where none belong"),
        (with_parameters(&ed25519, Some(Null.into())), "the algorithm has parameters where none belong"),
        (with_parameters(&ec, None), "it does not name its curve"),
    ] {
        let expected = KeyError::Malformed { form: KeyForm::Pkcs8, reason: reason.to_owned() };
        assert_eq!(refusal(document), expected);
    }
    // The scalar of one curve under the name of the other.
    assert!(matches!(refusal(with_parameters(&ec, Some((&p384).into()))), KeyError::PublicKeyMismatch));
    let inner = sec1(&ec.secret.bytes, Some("1.3.132.0.34"), None);
    let mut info = pkcs8::PrivateKeyInfoRef::from_der(&ec.document).unwrap();
    info.private_key = OctetStringRef::new(&inner).unwrap();
    let reason = "it names two curves".to_owned();
    assert_eq!(refusal(info.to_der().unwrap()), KeyError::Malformed { form: KeyForm::Pkcs8, reason });
}

#[test]
fn impossible_forms_are_refused() {
    for (algorithm, form) in [
        (KeyAlgorithm::Rsa2048, KeyForm::Sec1),
        (KeyAlgorithm::EcdsaP256, KeyForm::Pkcs1),
        (KeyAlgorithm::EcdsaP384, KeyForm::Pkcs1),
        (KeyAlgorithm::Ed25519, KeyForm::Pkcs1),
        (KeyAlgorithm::Ed25519, KeyForm::Sec1),
    ] {
        let error = KeyPair::generate(algorithm).unwrap().with_form(form).unwrap_err();
        assert_eq!(error, KeyError::Form { algorithm, form });
    }
}

#[test]
fn the_numbers_of_an_rsa_key_must_belong_together() {
    let (key, other) = (
        KeyPair::generate(KeyAlgorithm::Rsa2048).unwrap(),
        KeyPair::generate(KeyAlgorithm::Rsa2048).unwrap(),
    );
    let (good, foreign) = (
        RsaPrivateKeyRef::from_der(&key.document).unwrap(),
        RsaPrivateKeyRef::from_der(&other.document).unwrap(),
    );
    assert_eq!(load(good.to_der().unwrap()).public_key_der(), key.public_key_der());
    for part in 0..7 {
        let mut bad = good.clone();
        match part {
            0 => bad.modulus = foreign.modulus,
            1 => bad.private_exponent = foreign.private_exponent,
            2 => bad.prime1 = foreign.prime1,
            3 => bad.prime2 = foreign.prime2,
            4 => bad.exponent1 = foreign.exponent1,
            5 => bad.exponent2 = foreign.exponent2,
            _ => bad.coefficient = foreign.coefficient,
        }
        let error = refusal(bad.to_der().unwrap());
        let expected = "the PKCS#1 private key is malformed: its numbers do not belong together";
        assert_eq!(error.to_string(), expected, "{part}");
    }
    let mut huge = good.clone();
    huge.public_exponent = UintRef::new(&[1, 0, 0, 0, 0, 0, 0, 0, 1]).unwrap();
    let expected = KeyError::RsaExponent { exponent: "of more than 64 bits".to_owned() };
    assert_eq!(refusal(huge.to_der().unwrap()), expected);
}

/// OpenSSL writes the greater prime first, Go as they come.
#[test]
fn rsa_primes_may_stand_in_either_order() {
    let key = KeyPair::generate(KeyAlgorithm::Rsa2048).unwrap();
    let parts = RsaPrivateKeyRef::from_der(&key.document).unwrap();
    let number = |part: UintRef<'_>| rsa::BoxedUint::from_be_slice(part.as_bytes(), 2048).unwrap();
    let swapped = rsa::PrivateKey::from_components(
        number(parts.modulus),
        number(parts.public_exponent),
        number(parts.private_exponent),
        vec![number(parts.prime2), number(parts.prime1)],
    );
    let document = swapped.unwrap().to_pkcs1_der().unwrap();
    let bench = Bench::new();
    bench.write("key", pem::encode(pem::RSA_PRIVATE_KEY, document.as_bytes()));
    bench.openssl("pkey -check -noout -in key");
    let swapped = load(bench.read("key"));
    assert_ne!(swapped.document, key.document);
    assert_eq!(swapped.public_key_der(), key.public_key_der());
    assert_eq!(swapped.sign(b"m").unwrap(), key.sign(b"m").unwrap());
}

#[test]
fn encrypted_keys_of_openssl_are_read() {
    let bench = Bench::new();
    for algorithm in [KeyAlgorithm::EcdsaP256, KeyAlgorithm::Rsa2048, KeyAlgorithm::Ed25519] {
        let plain = bench.key(&options(algorithm));
        for how in [
            "-v2 aes-256-cbc",
            "-v2 aes-128-cbc -iter 3000",
            "-v2 aes-192-cbc -v2prf hmacWithSHA512",
            "-v2 aes-256-cbc -v2prf hmacWithSHA384",
            "-v2 aes-256-cbc -scrypt -scrypt_N 1024 -scrypt_r 8 -scrypt_p 1",
        ] {
            let text = bench.openssl(&format!("pkcs8 -topk8 -in key {how} -passout pass:correct-horse"));
            let key = KeyPair::from_pem(&text, Some(&secret())).unwrap();
            assert!(key.is_encrypted());
            assert_eq!((key.algorithm(), key.form()), (algorithm, KeyForm::Pkcs8), "{how}");
            assert_eq!(key.to_pem().as_bytes(), plain, "{how}");
            assert_eq!(refusal(&text), KeyError::Encrypted);
            assert_eq!(refusal(&*pem::parse(&text).unwrap()[0].der), KeyError::Encrypted);
            let wrong = KeyPair::from_pem(&text, Some(&Passphrase::from("wrong".to_owned())));
            assert_eq!(wrong.unwrap_err(), KeyError::WrongPassphrase, "{how}");
        }
        // A passphrase for a key that needs none does no harm.
        assert!(!KeyPair::from_pem(&plain, Some(&secret())).unwrap().is_encrypted());
    }
}

#[test]
fn weak_encryption_is_refused_by_name() {
    let bench = Bench::new();
    bench.key(&options(KeyAlgorithm::EcdsaP256));
    for (how, name) in [
        ("-v2 des3", "triple DES"),
        ("-v2 aes-256-cbc -v2prf hmacWithSHA1", "PBKDF2 with SHA-1"),
        ("-v1 PBE-SHA1-3DES", "PKCS#12 encryption with SHA-1 and triple DES"),
    ] {
        let text = bench.openssl(&format!("pkcs8 -topk8 -in key {how} -passout pass:correct-horse"));
        let error = KeyPair::from_pem(&text, Some(&secret())).unwrap_err();
        assert_eq!(error, KeyError::Encryption { scheme: name.to_owned() }, "{how}");
        assert!(error.to_string().contains("openssl pkcs8 -topk8 -v2 aes-256-cbc"));
    }
    let legacy = bench.openssl("pkey -in key -traditional -aes256 -passout pass:correct-horse");
    let error = KeyPair::from_pem(&legacy, Some(&secret())).unwrap_err();
    assert_eq!(error.to_string(), "line 2: legacy encrypted, convert with openssl pkcs8 -topk8");
}

#[test]
fn what_is_encrypted_is_read_by_openssl_and_back() {
    let bench = Bench::new();
    for algorithm in [KeyAlgorithm::EcdsaP384, KeyAlgorithm::Rsa2048, KeyAlgorithm::Ed25519] {
        let key = KeyPair::generate(algorithm).unwrap();
        let text = key.to_encrypted_pem(&secret()).unwrap();
        bench.write("encrypted", &text);
        let plain = bench.openssl("pkey -in encrypted -passin pass:correct-horse");
        assert!(!bench.run("pkey -in encrypted -passin pass:other").status.success());
        let back = KeyPair::from_pem(text.as_bytes(), Some(&secret())).unwrap();
        assert_eq!(back.to_pem().as_bytes(), plain);
        assert!(back.is_encrypted());
        assert_eq!(back.public_key_der(), key.public_key_der());
        let structure = bench.openssl("asn1parse -in encrypted");
        let structure = String::from_utf8(structure).unwrap();
        for part in ["PBES2", "PBKDF2", "INTEGER           :0927C0", "hmacWithSHA256", "aes-256-cbc"] {
            assert!(structure.contains(part), "{part}: {structure}");
        }
    }
    let key = KeyPair::generate(KeyAlgorithm::Ed25519).unwrap();
    // Salt and initialization vector are new each time.
    assert_ne!(key.to_encrypted_pem(&secret()).unwrap(), key.to_encrypted_pem(&secret()).unwrap());
    let nothing = Passphrase::from(String::new());
    assert_eq!(key.to_encrypted_pem(&nothing).unwrap_err(), KeyError::EmptyPassphrase);
}

/// An encrypted key with the key derivation of one's choice; the rest is of no account.
fn derived_by(kdf: impl Into<pkcs8::pkcs5::pbes2::Kdf>) -> Vec<u8> {
    let encryption = pkcs8::pkcs5::pbes2::EncryptionScheme::Aes256Cbc { iv: [0; 16] };
    let parameters = pkcs8::pkcs5::pbes2::Parameters { kdf: kdf.into(), encryption };
    let info = pkcs8::EncryptedPrivateKeyInfoRef {
        encryption_algorithm: parameters.into(),
        encrypted_data: OctetStringRef::new(&[0; 32]).unwrap(),
    };
    info.to_der().unwrap()
}

#[test]
fn a_key_derivation_that_costs_too_much_is_refused_before_it_starts() {
    use pkcs8::pkcs5::pbes2::{Pbkdf2Params, Salt, ScryptParams};
    let refusal = |der: Vec<u8>| KeyPair::from_pem(&der, Some(&secret())).unwrap_err().to_string();
    let pbkdf2 = |iteration_count| {
        let parameters = Pbkdf2Params { iteration_count, ..Pbkdf2Params::hmac_sha256(1, b"salt").unwrap() };
        refusal(derived_by(parameters))
    };
    let scrypt = |cost_parameter, block_size, parallelization| {
        let salt = Salt::new(b"salt").unwrap();
        refusal(derived_by(ScryptParams {
            salt,
            cost_parameter,
            block_size,
            parallelization,
            key_length: None,
        }))
    };
    let zero = "the encrypted private key is malformed: the key derivation has a parameter of zero";
    for (error, expected) in [
        (pbkdf2(0), zero),
        (pbkdf2(u32::MAX), "the encrypted private key asks for 4294967295 iterations of PBKDF2"),
        (pbkdf2(1), "wrong passphrase, or the encrypted private key is damaged"),
        (scrypt(0, 8, 1), zero),
        (scrypt(16384, 0, 1), zero),
        (scrypt(16384, 8, 0), zero),
        (scrypt(1 << 63, u16::MAX, 1), "the encrypted private key asks for 17592186044415 MiB of memory"),
        (
            scrypt(1 << 20, 8, 1),
            "the encrypted private key asks for 1024 MiB of memory for scrypt, at most 256",
        ),
        (
            scrypt(1 << 14, 8, u16::MAX),
            "the encrypted private key asks for scrypt with N = 16384, r = 8, p = 65535",
        ),
        (scrypt(1000, 8, 1), "the private key is encrypted with scrypt with impossible parameters"),
        (scrypt(2, 1, 1), "wrong passphrase, or the encrypted private key is damaged"),
    ] {
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn one_private_key_is_found_among_other_blocks() {
    let bench = Bench::new();
    bench.openssl(
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=a -keyout key -out certificate",
    );
    let (key, certificate) = (bench.read("key"), bench.read("certificate"));
    let parameters = bench.openssl("ecparam -name prime256v1");
    let traditional = bench.openssl("ecparam -name prime256v1 -genkey");
    assert!(traditional.starts_with(&parameters));
    assert_eq!(load(&traditional).form(), KeyForm::Sec1);
    assert_eq!(load([&certificate[..], &key, &certificate].concat()).to_pem().as_bytes(), key);

    let lines = pem::parse(&key).unwrap()[0].span.last_line;
    let twice = [&key[..], &key].concat();
    assert_eq!(refusal(&twice), KeyError::SeveralPrivateKeys { first: 1, second: lines + 1 });
    for nothing in [&b""[..], b"text", &certificate, &pem::parse(&certificate).unwrap()[0].der, &[0x30, 0]] {
        assert_eq!(refusal(nothing), KeyError::NoPrivateKey);
    }
    let openssh = String::from_utf8(key.clone()).unwrap().replace(" PRIVATE", " OPENSSH PRIVATE");
    let expected = KeyError::Label { line: 1, label: "OPENSSH PRIVATE KEY".to_owned() };
    assert_eq!(refusal(&openssh), expected);
    let mislabelled = String::from_utf8(key.clone()).unwrap().replace(" PRIVATE", " EC PRIVATE");
    let expected =
        KeyError::Mislabelled { line: 1, label: pem::EC_PRIVATE_KEY.to_owned(), holds: pem::PRIVATE_KEY };
    assert_eq!(refusal(&mislabelled), expected);
    let trailing = [&pem::parse(&key).unwrap()[0].der[..], &[0]].concat();
    assert!(matches!(
        refusal(pem::encode(pem::PRIVATE_KEY, &trailing).as_bytes()),
        KeyError::Malformed { .. }
    ));
}

/// A document of each form to be damaged.
fn documents() -> Vec<Vec<u8>> {
    let mut documents = Vec::new();
    for algorithm in [KeyAlgorithm::Rsa2048, KeyAlgorithm::EcdsaP256, KeyAlgorithm::Ed25519] {
        let key = KeyPair::generate(algorithm).unwrap();
        documents.push(key.document.to_vec());
        documents.push(key.with_form(KeyForm::Pkcs8).unwrap().document.to_vec());
    }
    let kdf = pkcs8::pkcs5::pbes2::Pbkdf2Params::hmac_sha256(1, b"salt").unwrap();
    documents.push(derived_by(kdf));
    documents
}

#[test]
fn every_truncation_is_an_error() {
    for document in documents() {
        for length in 0..document.len() {
            assert!(KeyPair::from_pem(&document[..length], Some(&secret())).is_err());
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = KeyPair::from_pem(&text, Some(&secret()));
        for label in [pem::PRIVATE_KEY, pem::RSA_PRIVATE_KEY, pem::EC_PRIVATE_KEY, pem::ENCRYPTED_PRIVATE_KEY] {
            let text = pem::encode(label, &text);
            prop_assert!(KeyPair::from_pem(text.as_bytes(), Some(&secret())).is_err());
        }
    }
}

#[test]
fn mutated_documents_never_panic() {
    let documents = documents();
    let change = (0..documents.len(), any::<prop::sample::Index>(), any::<u8>());
    proptest!(|((which, at, byte) in change)| {
        let mut document = documents[which].clone();
        let at = at.index(document.len());
        document[at] = byte;
        if let Ok(key) = KeyPair::from_pem(&document, Some(&secret())) {
            // What is still accepted is a whole key.
            prop_assert!(key.sign(b"m").is_ok());
        }
    });
}
