//! Good certificates to spoil, made by openssl; and good trees, made by the forge.

mod forms;
pub(super) mod tree;

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use time::macros::datetime;

use super::{CertificateEvidence, Expected, Judgement, OuterSignature, Rule, Severity, judge};
use crate::x509::der::{element, elements, read, tag};
use crate::x509::{Certificate, Name, PublicKey, TbsCertificate, Validity};

/// A certificate with its surroundings, free to be changed.
#[derive(Clone)]
pub(super) struct Bench {
    pub(super) tbs: TbsCertificate,
    pub(super) issuer: Option<TbsCertificate>,
    pub(super) outer_signature: Option<OuterSignature<'static>>,
    pub(super) expected: Option<Expected>,
}

impl Bench {
    fn new(made: &'static Certificate, issuer: &Certificate, expected: Expected) -> Self {
        let outer_signature = CertificateEvidence::of_certificate(made).outer_signature;
        let mut bench = Self {
            tbs: made.tbs.clone(),
            issuer: Some(issuer.tbs.clone()),
            outer_signature,
            expected: Some(expected),
        };
        // The clock of openssl cannot be set, so the dates are kubeadm's defaults on a fixed day.
        let not_before = datetime!(2025-06-01 11:55 UTC);
        let years =
            |count: i32| datetime!(2025-06-01 12:00 UTC) + time::Duration::days(i64::from(count) * 365);
        bench.tbs.validity = Validity { not_before, not_after: years(if expected.ca { 10 } else { 1 }) };
        bench.tbs.generalized_times = [false; 2];
        if let Some(issuer) = &mut bench.issuer {
            issuer.validity = Validity { not_before, not_after: years(10) };
        }
        bench
    }

    /// A root.
    pub(super) fn ca() -> Self {
        let made = &pki().ca;
        Self::new(made, made, Expected { ca: true, ..Expected::default() })
    }

    /// A server's leaf.
    pub(super) fn server() -> Self {
        Self::new(&pki().server, &pki().ca, Expected { server: true, ..Expected::default() })
    }

    /// A client's leaf.
    pub(super) fn client() -> Self {
        Self::new(&pki().client, &pki().ca, Expected { client: true, ..Expected::default() })
    }

    /// What kubeadm writes, by the names of its files, with ECDSA keys and with RSA keys.
    pub(super) fn kubeadm() -> Vec<(&'static str, Self)> {
        let role = |ca, server, client| Expected { ca, server, client };
        let made = &pki().kubeadm;
        [
            ("ca", &made.ca, &made.ca, role(true, false, false)),
            ("apiserver", &made.server, &made.ca, role(false, true, false)),
            ("apiserver-kubelet-client", &made.client, &made.ca, role(false, false, true)),
            ("etcd/server", &made.both, &made.ca, role(false, true, true)),
            ("ca, RSA", &made.rsa_ca, &made.rsa_ca, role(true, false, false)),
            ("apiserver, RSA", &made.rsa_server, &made.rsa_ca, role(false, true, false)),
        ]
        .map(|(name, made, issuer, role)| (name, Self::new(made, issuer, role)))
        .into()
    }

    pub(super) fn evidence(&self) -> CertificateEvidence<'_> {
        CertificateEvidence {
            tbs: &self.tbs,
            issuer: self.issuer.as_ref(),
            outer_signature: self.outer_signature,
            expected: self.expected,
            role: None,
            now: None,
        }
    }

    pub(super) fn judge(&self) -> Judgement {
        judge(&self.evidence())
    }

    pub(super) fn findings(&self, rule: &Rule) -> Vec<(Severity, String)> {
        let report = self.judge();
        let own = report.findings().iter().filter(|finding| finding.rule.id == rule.id);
        own.map(|finding| (finding.severity, finding.message.clone())).collect()
    }

    pub(super) fn messages(&self, rule: &Rule) -> Vec<String> {
        self.findings(rule).into_iter().map(|(_, message)| message).collect()
    }

    pub(super) fn fires(&self, rule: &Rule) -> bool {
        !self.findings(rule).is_empty()
    }

    pub(super) fn not_applicable(&self, rule: &Rule) -> bool {
        self.judge().not_applicable().any(|(other, _)| other.id == rule.id)
    }
}

/// A name with these attributes, valid or not.
pub(super) fn name(attributes: &[(&str, String)]) -> Name {
    let content: Vec<u8> = attributes
        .iter()
        .flat_map(|(kind, value)| {
            let last = match *kind {
                "CN" => 3,
                "C" => 6,
                "O" => 10,
                "OU" => 11,
                other => panic!("{other}"),
            };
            let oid = element(tag::OBJECT_IDENTIFIER, &[&[0x55, 4, last]]);
            let value = element(tag::UTF8_STRING, &[value.as_bytes()]);
            element(tag::SET, &[&element(tag::SEQUENCE, &[&oid, &value])])
        })
        .collect();
    Name::from_der(&element(tag::SEQUENCE, &[&content])).unwrap()
}

/// The server's leaf with this content of its serial number.
pub(super) fn with_serial(content: &[u8]) -> TbsCertificate {
    let whole = elements(read(pki().server.der()).unwrap().0.content).unwrap();
    let mut parts: Vec<Vec<u8>> =
        elements(whole[0].content).unwrap().iter().map(|part| part.whole.to_vec()).collect();
    parts[1] = element(tag::INTEGER, &[content]);
    let mut tbs = TbsCertificate::from_der(&element(tag::SEQUENCE, &[&parts.concat()])).unwrap();
    tbs.validity = Bench::server().tbs.validity;
    tbs
}

fn key(algorithm: &[u8], parameters: &[u8], bits: &[u8]) -> PublicKey {
    let oid = element(tag::OBJECT_IDENTIFIER, &[algorithm]);
    let algorithm = element(tag::SEQUENCE, &[&oid, parameters]);
    let bits = crate::x509::der::bit_string(bits);
    PublicKey::from_der(&element(tag::SEQUENCE, &[&algorithm, &bits])).unwrap()
}

/// An RSA key with this modulus and exponent, both without sign byte where they have none.
pub(super) fn rsa_key_of(modulus: &[u8], exponent: &[u8]) -> PublicKey {
    let integer = |bytes: &[u8]| element(tag::INTEGER, &[&[0], bytes]);
    let numbers = element(tag::SEQUENCE, &[&integer(modulus), &integer(exponent)]);
    key(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1], &[5, 0], &numbers)
}

/// An RSA key of so many bits, a multiple of 8. Its modulus is 2^bits - 1 less an odd amount that leaves
/// no small factor; nobody has the private key, and nobody needs it.
pub(super) fn rsa_key(bits: usize, exponent: u32) -> PublicKey {
    let has_small_factor = |modulus: &[u8]| {
        let remainder =
            |prime: u32| modulus.iter().fold(0, |rest, &byte| (rest << 8 | u32::from(byte)) % prime);
        (2..53).any(|divisor| remainder(divisor) == 0)
    };
    let mut modulus = vec![0xff; bits / 8];
    while has_small_factor(&modulus) {
        let low = modulus.len() - 2;
        let value = u16::from_be_bytes([modulus[low], modulus[low + 1]]) - 2;
        modulus[low..].copy_from_slice(&value.to_be_bytes());
    }
    rsa_key_of(&modulus, &exponent.to_be_bytes())
}

/// A key on the curve with this object identifier, encoded.
pub(super) fn ec_key(curve: &[u8]) -> PublicKey {
    let curve = element(tag::OBJECT_IDENTIFIER, &[curve]);
    key(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], &curve, &[4; 65])
}

/// An Ed25519 key.
pub(super) fn ed25519_key() -> PublicKey {
    key(&[0x2b, 0x65, 0x70], &[], &[7; 32])
}

struct Pki {
    ca: Certificate,
    server: Certificate,
    client: Certificate,
    kubeadm: Kubeadm,
}

struct Kubeadm {
    ca: Certificate,
    server: Certificate,
    client: Certificate,
    both: Certificate,
    rsa_ca: Certificate,
    rsa_server: Certificate,
}

/// Made once for all tests of a run.
fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let make = |file: &str, subject: &str, serial: &str, extensions: &str, issuer: Option<&str>| {
            make(dir.path(), file, subject, serial, extensions, issuer)
        };
        let good_ca = "basicConstraints=critical,CA:TRUE\n\
            keyUsage=critical,digitalSignature,keyCertSign,cRLSign\n\
            subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always";
        let good_leaf = |rest: &str| {
            format!(
                "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n\
                subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n{rest}"
            )
        };
        let server = "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:api.example.com,IP:192.0.2.1";
        let long = "0x5a0123456789abcdef0123456789abcdef";
        // kubeadm draws 63 bits.
        let short = "0x3a23456789abcdef";
        let kubeadm_ca = "basicConstraints=critical,CA:TRUE\n\
            keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign\n\
            subjectKeyIdentifier=hash\nsubjectAltName=DNS:kubernetes";
        let kubeadm_leaf = |rest: &str| {
            format!(
                "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n\
                authorityKeyIdentifier=keyid:always\n{rest}"
            )
        };
        let api = "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:cp1.example.com,DNS:kubernetes,\
            DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,\
            DNS:localhost,IP:10.96.0.1,IP:10.0.0.10,IP:2001:db8::10,IP:127.0.0.1";
        let etcd = "extendedKeyUsage=serverAuth,clientAuth\n\
            subjectAltName=DNS:cp1.example.com,DNS:localhost,IP:10.0.0.10,IP:127.0.0.1,IP:::1";
        let client = "extendedKeyUsage=clientAuth";
        Pki {
            ca: make("ca", "/CN=kubernetes", long, good_ca, None),
            server: make("server", "/CN=kube-apiserver", long, &good_leaf(server), Some("ca")),
            client: make("client", "/O=dev/O=ops/CN=jane", long, &good_leaf(client), Some("ca")),
            kubeadm: Kubeadm {
                ca: make("k-ca", "/CN=kubernetes", short, kubeadm_ca, None),
                server: make("k-api", "/CN=kube-apiserver", short, &kubeadm_leaf(api), Some("k-ca")),
                client: make(
                    "k-client",
                    "/CN=kube-apiserver-kubelet-client",
                    short,
                    &kubeadm_leaf(client),
                    Some("k-ca"),
                ),
                both: make("k-etcd", "/CN=cp1.example.com", short, &kubeadm_leaf(etcd), Some("k-ca")),
                rsa_ca: make("rsa-ca", "/CN=kubernetes", short, kubeadm_ca, None),
                rsa_server: make("rsa-api", "/CN=kube-apiserver", short, &kubeadm_leaf(api), Some("rsa-ca")),
            },
        }
    })
}

/// One certificate with a new key; files that begin with `rsa` get an RSA key.
fn make(
    dir: &std::path::Path,
    file: &str,
    subject: &str,
    serial: &str,
    extensions: &str,
    issuer: Option<&str>,
) -> Certificate {
    let kind: &[&str] =
        if file.starts_with("rsa") { &["rsa:2048"] } else { &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] };
    let mut command = Command::new("openssl");
    command.current_dir(dir).args([
        "req",
        "-x509",
        "-config",
        "/dev/stdin",
        "-nodes",
        "-sha256",
        "-days",
        "30",
    ]);
    command.args(["-subj", subject, "-set_serial", serial, "-newkey"]).args(kind);
    command.args(["-keyout", &format!("{file}.key"), "-out", &format!("{file}.crt")]);
    if let Some(issuer) = issuer {
        command.args(["-CA", &format!("{issuer}.crt"), "-CAkey", &format!("{issuer}.key")]);
    }
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let config =
        format!("[req]\ndistinguished_name=name\nx509_extensions=ext\n[name]\n[ext]\n{extensions}\n");
    child.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success(), "{file}: {}", String::from_utf8_lossy(&done.stderr));
    Certificate::from_pem_or_der(&std::fs::read(dir.join(format!("{file}.crt"))).unwrap()).unwrap()
}

#[test]
fn what_was_made_is_read() {
    let made = &pki().kubeadm;
    for (certificate, parameters) in [(&made.server, None), (&made.rsa_server, Some(&[5, 0][..]))] {
        assert_eq!(certificate.tbs.signature_parameters.as_deref(), parameters);
        assert_eq!(certificate.outer_signature_parameters.as_deref(), parameters);
        assert_eq!(certificate.tbs.generalized_times, [false, false]);
        certificate
            .verify_signature(if parameters.is_some() {
                &made.rsa_ca.tbs.public_key
            } else {
                &made.ca.tbs.public_key
            })
            .unwrap();
    }
    assert_eq!(made.rsa_server.tbs.public_key.rsa_modulus().map(<[u8]>::len), Some(256));
    assert_eq!(made.server.tbs.public_key.rsa_modulus(), None);
    assert_eq!(made.server.tbs.serial.to_string(), "3a23456789abcdef");
    assert_eq!(rsa_key(2048, 65_537).rsa_modulus().map(<[u8]>::len), Some(256));
}
