//! What a certificate says.

use super::super::trees::{apiserver, control_plane, leaf, pki};
use super::super::{Clock, Cure, Line};
use super::{line, saying};
use crate::desk::{Desk, LEAF};
use crate::forge;

/// The front proxy's client with other words.
fn proxy(desk: &Desk, words: &str) {
    let cluster = control_plane(desk);
    let usual = "cn=front-proxy-client eku=client key=p256:cp1-front-proxy-client";
    let usual = forge::over(LEAF, usual);
    let client = cluster.front_proxy.leaf(&forge::over(&usual, words));
    desk.pair(&pki("front-proxy-client"), &client);
}

/// The front proxy's client with another public key, whose private half nobody has.
fn proxy_of(desk: &Desk, spki: &str) {
    let cluster = control_plane(desk);
    let words = format!("cn=front-proxy-client eku=client spki={spki}");
    desk.put(
        &pki("front-proxy-client.crt"),
        0o644,
        cluster.front_proxy.leaf(&forge::over(LEAF, &words)).pem(),
    );
}

/// A server of the cluster, of no part that is known.
fn web(desk: &Desk, words: &str) {
    let cluster = control_plane(desk);
    desk.pair(&pki("web"), &cluster.kubernetes.leaf(&forge::over(&format!("{LEAF} key=p256:web"), words)));
}

/// A CA with a leaf, both good for decades, in a directory of their own.
fn authority(desk: &Desk, words: &str) {
    let usual = "cn=root key=p256:root ku=digitalSignature,keyCertSign,cRLSign from=-10y until=+30y";
    let root = forge::ca(&forge::over(usual, words));
    desk.pair("n/root", &root);
    let web = "cn=web eku=server sans=dns:web key=p256:web from=-9y until=+8y";
    desk.pair("n/web", &root.leaf(&forge::over(LEAF, web)));
}

/// A line about a CA, whose certificate openssl writes anew by the machine's clock.
fn of_ca(rule: &'static str, situation: &'static str, tree: fn(&Desk)) -> Line {
    Line { clock: Clock::Real, brings: &["C007", "P029", "P030"], ..line(rule, situation, tree, Cure::Run) }
}

/// A key on secp256k1.
const SECP256K1: &str = "3056301006072a8648ce3d020106052b8104000a0342000479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798\
     483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8";

pub(super) fn lines() -> Vec<Line> {
    vec![
        line("P001", "version 1", |desk| proxy(desk, "version=1"), Cure::Run),
        line("P002", "a negative number", |desk| proxy(desk, "serial=negative"), Cure::Run),
        line("P003", "a number that is too long", |desk| proxy(desk, "serial=long"), Cure::Run),
        saying(
            "16 bits",
            line("P004", "a number of a counter", |desk| proxy(desk, "serial=8001"), Cure::Run),
        ),
        of_ca("P004", "a CA with a number of a counter", |desk| authority(desk, "serial=8001")),
        line("P006", "parameters that do not belong there", |desk| proxy(desk, "sig=null"), Cure::Run),
        line("P007", "SHA-1", |desk| proxy(desk, "sig=sha1"), Cure::Run),
        line("P008", "a small key", |desk| proxy(desk, "key=rsa1024:small"), Cure::Run),
        line("P009", "a key on a strange curve", |desk| proxy_of(desk, SECP256K1), Cure::Run),
        line(
            "P010",
            "the exponent 3",
            |desk| {
                let modulus = (num_bigint::BigUint::from(1_u8) << 2203) - 1_u8;
                proxy_of(desk, &super::files::rsa(&modulus, 3));
            },
            Cure::Run,
        ),
        of_ca("P011", "a CA that does not say so critically", |desk| authority(desk, "bc-critical=no")),
        line(
            "P012",
            "a leaf that may sign",
            |desk| proxy(desk, "ca=true ku=digitalSignature,keyCertSign"),
            Cure::Run,
        ),
        saying(
            "lacks keyCertSign",
            of_ca("P013", "a CA that may not sign", |desk| authority(desk, "ku=digitalSignature,cRLSign")),
        ),
        line("P014", "a leaf without a key usage", |desk| proxy(desk, "ku=none"), Cure::Run),
        line(
            "P015",
            "a curve that enciphers",
            |desk| _ = control_plane(desk),
            Cure::Told("nothing has to be done"),
        ),
        line("P016", "a client that may not sign", |desk| proxy(desk, "ku=contentCommitment"), Cure::Run),
        line("P017", "any purpose", |desk| proxy(desk, "eku=any"), Cure::Run),
        line(
            "P018",
            "a server without names",
            |desk| web(desk, "cn=web.example.com eku=server sans=none"),
            Cure::Run,
        ),
        line(
            "P019",
            "an address as a name",
            |desk| {
                apiserver(
                    desk,
                    "sans=dns:cp1,dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                     dns:kubernetes.default.svc.cluster.local,dns:10.96.0.1,ip:10.96.0.1,ip:10.0.0.10",
                );
            },
            Cure::Run,
        ),
        line(
            "P020",
            "a name twice",
            |desk| {
                apiserver(
                    desk,
                    "sans=dns:cp1,dns:cp1,dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                     dns:kubernetes.default.svc.cluster.local,ip:10.96.0.1,ip:10.0.0.10",
                );
            },
            Cure::Run,
        ),
        line("P021", "no identifier of the CA", |desk| proxy(desk, "aki=absent"), Cure::Run),
        of_ca("P021", "a CA without an identifier", |desk| authority(desk, "ski=absent")),
        line("P022", "another's identifier", |desk| proxy(desk, "aki=0102"), Cure::Run),
        line("P023", "the number of the CA's certificate", |desk| proxy(desk, "aki=full"), Cure::Run),
        line("P024", "an extension twice", |desk| proxy(desk, "dup=2.5.29.37"), Cure::Run),
        of_ca("P025", "name constraints that are not critical", |desk| {
            authority(desk, "nc=permit:dns:web,permit:ip:10.0.0.0/8 nc-critical=no");
        }),
        line(
            "P026",
            "a server with a name that is too long for a subject",
            |desk| {
                let long = ["a"; 66].concat();
                web(desk, &format!("cn={long} eku=server sans=dns:web.example.com"));
            },
            Cure::Run,
        ),
        line(
            "P027",
            "two groups of the system",
            |desk| {
                let cluster = control_plane(desk);
                let words = "o=system:nodes o=system:masters cn=kube-apiserver-kubelet-client eku=client";
                leaf(desk, "apiserver-kubelet-client", &cluster.kubernetes, words);
            },
            Cure::Run,
        ),
        line("P028", "a leaf of nine years", |desk| proxy(desk, "until=+9y"), Cure::Run),
        line(
            "P029",
            "it begins with its CA",
            |desk| proxy(desk, "from=-1y"),
            Cure::Told("nothing has to be done"),
        ),
        line(
            "P030",
            "it has just begun",
            |desk| proxy(desk, "from=-10s"),
            Cure::Told("it is over in five minutes"),
        ),
        line(
            "P031",
            "it names a revocation list",
            |desk| proxy(desk, "crldp=uri:http://example.com/list"),
            Cure::Told("nobody reads it"),
        ),
    ]
}
