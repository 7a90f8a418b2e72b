//! Handshakes in memory, between parties made of kubeadm's files and of keys made here.

use std::sync::{Arc, Mutex};

use time::macros::datetime;

use super::*;
use crate::key::{KeyAlgorithm, KeyPair};
use crate::x509::{
    BasicConstraints, Certificate, CertificateTemplate, KeyUsage, NameConstraints, PublicKey, SerialNumber,
    Validity, assemble_signed,
};

const ETCD: &str = "kubeadm-ecdsa/pki/etcd/server";
const ETCD_CLIENT: &str = "kubeadm-ecdsa/pki/apiserver-etcd-client";
const ETCD_CA: &str = "kubeadm-ecdsa/pki/etcd/ca";
const API: &str = "kubeadm-rsa/pki/apiserver";
const KUBELET_CLIENT: &str = "kubeadm-rsa/pki/apiserver-kubelet-client";
const CA: &str = "kubeadm-rsa/pki/ca";

fn read(file: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn certificate(file: &str) -> Certificate {
    Certificate::from_pem_or_der(&read(&format!("{file}.crt"))).unwrap()
}

fn key(file: &str) -> KeyPair {
    KeyPair::from_pem(&read(&format!("{file}.key")), None).unwrap()
}

fn identity(file: &str) -> Identity {
    Identity::new(&[certificate(file)], &key(file)).unwrap()
}

/// Accepts what this CA has signed.
fn signed_by(file: &str) -> Arc<dyn PeerJudge> {
    let ca = certificate(file);
    Arc::new(move |chain: &[&[u8]]| {
        let leaf = Certificate::from_der(chain[0]).map_err(|error| error.to_string())?;
        let verdict = leaf.verify_signature(&ca.tbs.public_key);
        verdict.map_err(|_| format!("{} is not signed by {}", leaf.tbs.subject, ca.tbs.subject))
    })
}

fn nobody_asks() -> Arc<dyn PeerJudge> {
    Arc::new(|_: &[&[u8]]| -> Result<(), String> { panic!("no chain should have been judged") })
}

fn etcd(client_auth: ClientAuth) -> Server {
    Server {
        identity: identity(ETCD),
        client_auth,
        acceptable_cas: vec![certificate(ETCD_CA).tbs.subject],
        judge: signed_by(ETCD_CA),
    }
}

fn client(identity: Option<Identity>, ca: &str) -> Client {
    Client { identity, name: SubjectAltName::Ip([10, 0, 0, 10].into()), judge: signed_by(ca) }
}

/// A certificate that signed itself, of any kind of key.
fn self_signed(algorithm: KeyAlgorithm) -> (Certificate, KeyPair) {
    let key = KeyPair::generate(algorithm).unwrap();
    let name = Name::new(Some("itself"), &[""; 0]).unwrap();
    let tbs = CertificateTemplate {
        serial: &SerialNumber::from_unsigned(&[0x5a; 16]),
        signature_algorithm: key.signature_algorithm_der(),
        issuer: &name,
        validity: Validity {
            not_before: datetime!(2026-01-01 0:00 UTC),
            not_after: datetime!(2027-01-01 0:00 UTC),
        },
        subject: &name,
        public_key: &PublicKey::from_der(key.public_key_der()).unwrap(),
        subject_key_identifier: &[1; 20],
        authority_key_identifier: &[1; 20],
        subject_alt_names: &[SubjectAltName::Dns("itself.example.com".into())],
        key_usage: KeyUsage::default(),
        extended_key_usage: &[],
        basic_constraints: BasicConstraints { ca: false, path_len: None },
        name_constraints: &NameConstraints::default(),
    };
    let tbs = tbs.encode().unwrap();
    let der = assemble_signed(&tbs, key.signature_algorithm_der(), &key.sign(&tbs).unwrap());
    (Certificate::from_der(&der).unwrap(), key)
}

#[track_caller]
fn refused(result: Result<Handshake, TlsError>) -> (Side, Reason, Option<&'static str>) {
    match result {
        Err(TlsError::Refused { by, reason, alert }) => (by, reason, alert.and_then(Alert::name)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_sides_show_their_chains() {
    let api = Server {
        identity: identity(API),
        client_auth: ClientAuth::Asked,
        acceptable_cas: Vec::new(),
        judge: signed_by(CA),
    };
    for (server, dialler, ca, server_file, client_file) in [
        (
            etcd(ClientAuth::Required),
            client(Some(identity(ETCD_CLIENT)), ETCD_CA),
            ETCD_CA,
            ETCD,
            ETCD_CLIENT,
        ),
        (api, client(Some(identity(KUBELET_CLIENT)), CA), CA, API, KUBELET_CLIENT),
    ] {
        for protocol in Protocol::ALL {
            let seen = rehearse(&dialler, &server, &[protocol]).unwrap();
            assert_eq!(seen.protocol, protocol);
            assert_eq!(seen.server_chain, [certificate(server_file).der()], "{ca}");
            assert_eq!(seen.client_chain, [certificate(client_file).der()], "{ca}");
            assert_eq!(
                (seen.client_auth, &seen.acceptable_cas),
                (server.client_auth, &server.acceptable_cas)
            );
            let suite = if protocol == Protocol::Tls13 { "TLS_AES_" } else { "TLS_ECDHE_" };
            assert!(seen.cipher_suite.starts_with(suite), "{}", seen.cipher_suite);
            assert_eq!(seen.key_exchange, "x25519");
        }
        let newest = rehearse(&dialler, &server, &Protocol::ALL).unwrap();
        assert_eq!(newest.protocol, Protocol::Tls13);
    }
}

#[test]
fn a_whole_chain_is_sent_and_judged_in_its_order() {
    let (leaf, ca) = (certificate(ETCD), certificate(ETCD_CA));
    let mut server = etcd(ClientAuth::NotAsked);
    server.identity = Identity::new(&[leaf.clone(), ca.clone()], &key(ETCD)).unwrap();
    let judged = Arc::new(Mutex::new(Vec::new()));
    let mut dialler = client(None, ETCD_CA);
    let keep = judged.clone();
    dialler.judge = Arc::new(move |chain: &[&[u8]]| {
        keep.lock().unwrap().push(chain.iter().map(|one| one.to_vec()).collect::<Vec<_>>());
        Ok(())
    });
    let seen = rehearse(&dialler, &server, &Protocol::ALL).unwrap();
    assert_eq!(seen.server_chain, [leaf.der(), ca.der()]);
    assert_eq!(*judged.lock().unwrap(), [seen.server_chain]);
}

#[test]
fn a_client_without_certificate_is_refused_only_where_one_is_required() {
    for protocol in Protocol::ALL {
        let mut server = etcd(ClientAuth::Required);
        server.judge = nobody_asks();
        let none = client(None, ETCD_CA);
        let (by, reason, alert) = refused(rehearse(&none, &server, &[protocol]));
        assert_eq!(
            (by, reason, alert),
            (Side::Server, Reason::NoClientCertificate, Some("certificate_required"))
        );

        server.client_auth = ClientAuth::Asked;
        let seen = rehearse(&none, &server, &[protocol]).unwrap();
        assert!(seen.client_chain.is_empty());
        assert_eq!(
            (seen.client_auth, seen.acceptable_cas),
            (ClientAuth::Asked, server.acceptable_cas.clone())
        );

        server.client_auth = ClientAuth::NotAsked;
        let seen = rehearse(&client(Some(identity(ETCD_CLIENT)), ETCD_CA), &server, &[protocol]).unwrap();
        assert!(seen.client_chain.is_empty() && seen.acceptable_cas.is_empty());
    }
    let error = rehearse(&client(None, ETCD_CA), &etcd(ClientAuth::Required), &Protocol::ALL).unwrap_err();
    assert_eq!(error.to_string(), "the server refused the client: no client certificate was given");
}

#[test]
fn the_words_of_the_judge_are_the_reason() {
    for protocol in Protocol::ALL {
        // A client of another CA.
        for client_auth in [ClientAuth::Required, ClientAuth::Asked] {
            let foreign = client(Some(identity(KUBELET_CLIENT)), ETCD_CA);
            let (by, reason, alert) = refused(rehearse(&foreign, &etcd(client_auth), &[protocol]));
            let words = format!("{} is not signed by CN=etcd-ca", certificate(KUBELET_CLIENT).tbs.subject);
            assert_eq!(
                (by, reason, alert),
                (Side::Server, Reason::Chain(words), Some("certificate_unknown"))
            );
        }
        // A server of another CA; it never comes to the client's certificate.
        let mut server = etcd(ClientAuth::Required);
        server.judge = nobody_asks();
        let deceived = client(Some(identity(ETCD_CLIENT)), CA);
        let (by, reason, alert) = refused(rehearse(&deceived, &server, &[protocol]));
        let words = "CN=cp1.example.com is not signed by CN=kubernetes".to_owned();
        assert_eq!((by, reason, alert), (Side::Client, Reason::Chain(words), Some("certificate_unknown")));
    }
}

#[test]
fn a_certificate_without_its_key_is_refused() {
    let error = Identity::new(&[certificate(ETCD)], &key(ETCD_CLIENT)).unwrap_err();
    let words = "certificate and key do not match: the private key is not that of CN=cp1.example.com";
    assert_eq!(error.to_string(), words);
    assert!(matches!(Identity::new(&[], &key(ETCD)), Err(TlsError::NoCertificate)));
    // Whoever has the certificate only, and signs with a key of his own, fails at the signature of the handshake.
    for (thief, own_key) in [(identity(ETCD_CLIENT), ETCD), (identity(KUBELET_CLIENT), ETCD)] {
        for protocol in Protocol::ALL {
            let accepts: Arc<dyn PeerJudge> = Arc::new(|_: &[&[u8]]| Ok(()));
            let mut stolen = identity(own_key).with_chain_of(&thief);
            let mut server = etcd(ClientAuth::Required);
            server.judge = accepts.clone();
            let result = rehearse(&client(Some(stolen.clone()), ETCD_CA), &server, &[protocol]);
            let (by, reason, alert) = refused(result);
            assert!(matches!(&reason, Reason::Signature(_)), "{reason}");
            assert_eq!((by, alert), (Side::Server, Some("certificate_unknown")));

            std::mem::swap(&mut server.identity, &mut stolen);
            let mut dialler = client(None, ETCD_CA);
            dialler.judge = accepts.clone();
            let (by, reason, _) = refused(rehearse(&dialler, &server, &[protocol]));
            assert!(matches!((by, &reason), (Side::Client, Reason::Signature(_))), "{by}: {reason}");
        }
    }
}

#[test]
fn every_kind_of_key_serves_and_dials() {
    for algorithm in KeyAlgorithm::ALL {
        let (certificate, key) = self_signed(algorithm);
        let identity = Identity::new(std::slice::from_ref(&certificate), &key).unwrap();
        let accepts: Arc<dyn PeerJudge> = Arc::new(|_: &[&[u8]]| Ok(()));
        let server = Server {
            identity: identity.clone(),
            client_auth: ClientAuth::Required,
            acceptable_cas: Vec::new(),
            judge: accepts.clone(),
        };
        let name = SubjectAltName::Dns("itself.example.com".into());
        let dialler = Client { identity: Some(identity), name, judge: accepts };
        for protocol in Protocol::ALL {
            let seen = rehearse(&dialler, &server, &[protocol]).unwrap();
            assert_eq!(seen.client_chain, [certificate.der()], "{algorithm} {protocol}");
        }
    }
}

#[test]
fn names_that_cannot_be_dialled_are_an_error() {
    let mut dialler = client(None, ETCD_CA);
    for name in ["uri:https://example.com", "dns:*.example.com", "email:a@example.com"] {
        dialler.name = name.parse().unwrap();
        let error = rehearse(&dialler, &etcd(ClientAuth::NotAsked), &Protocol::ALL).unwrap_err();
        assert!(matches!(error, TlsError::Name { .. }), "{name}: {error}");
    }
    dialler.name = SubjectAltName::Ip("2001:db8::10".parse().unwrap());
    rehearse(&dialler, &etcd(ClientAuth::NotAsked), &Protocol::ALL).unwrap();
    // No version at all is a mistake of the caller, and is said.
    assert!(matches!(rehearse(&dialler, &etcd(ClientAuth::NotAsked), &[]), Err(TlsError::Setup { .. })));
}

#[test]
fn nothing_secret_is_in_the_debug_output() {
    assert_eq!(format!("{:?}", identity(ETCD)), "Identity(CN=cp1.example.com)");
}
