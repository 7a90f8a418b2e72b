//! `kpki verify`.

use crate::desk::{Desk, LEAF, PKI, base64, kubeconfig, pem};
use crate::forge;
use crate::table::{Case, Run, check};

#[test]
fn verdicts() {
    check(VERDICTS);
}

#[test]
fn files_of_cas() {
    check(FILES);
}

#[test]
fn forms() {
    check(FORMS);
}

#[test]
fn the_strict_reading() {
    check(STRICT);
}

#[test]
fn other_programs() {
    check(OTHERS);
}

/// A root, a CA below it, another below that, and a server's certificate of the last.
fn chain(desk: &Desk) {
    let root = forge::ca("cn=Root");
    let upper = root.ca("cn=Upper");
    let lower = upper.ca("cn=Lower");
    let web = lower.leaf("cn=web eku=server sans=dns:web.example.com");
    let [r, u, l, w] = [&root, &upper, &lower, &web].map(forge::Forged::pem);
    desk.put("ca.pem", 0o644, &r);
    desk.put("unsorted.pem", 0o644, format!("{w}{u}{l}"));
    desk.put("root-between.pem", 0o644, format!("{w}{l}{r}{u}"));
    desk.put("twice.pem", 0o644, format!("{w}{l}{l}{u}{u}"));
    let other = lower.leaf("cn=other eku=client");
    desk.put("two.pem", 0o644, format!("{w}{}{l}{u}", other.pem()));
    let broken = pem("CERTIFICATE", &[0x30, 0]);
    desk.put("broken-between.pem", 0o644, format!("{w}{broken}{l}{u}"));
    desk.put("no-leaf.pem", 0o644, forge::ca("cn=x").key_pem());
}

const VERDICTS: &[Case] = &[
    Case {
        situation: "the API server's certificate of a control plane as kubeadm leaves it",
        inputs: |desk: &Desk| {
            desk.control_plane("n");
        },
        runs: &[
            Run {
                line: "kpki verify n/etc/kubernetes/pki/apiserver.crt --ca n/etc/kubernetes/pki/ca.crt --purpose server --name 10.96.0.1",
                code: 0,
                says: &["valid as server, for IP:10.96.0.1"],
                never: &["warning"],
            },
            Run {
                line: "kpki audit n --fail-on high && kpki rehearse n",
                code: 0,
                says: &["ok: all 12 connections of 1 node in n went through"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "a chain file whose CAs stand in any order, with the root, or twice",
        inputs: chain,
        runs: &[
            Run {
                line: "for f in unsorted root-between twice; do kpki verify $f.pem --ca ca.pem --purpose server --name web.example.com || exit 9; done",
                code: 0,
                says: &[
                    "unsorted.pem: valid as server",
                    "root-between.pem: valid as server",
                    "twice.pem: valid as server",
                ],
                never: &["NOT VALID", "are valid"],
            },
            Run {
                line: "kpki verify unsorted.pem --ca ca.pem --policy rfc5280 --purpose server",
                code: 0,
                says: &["valid as server"],
                never: &["NOT VALID"],
            },
            Run {
                line: "kpki verify two.pem --ca ca.pem --purpose server",
                code: 0,
                says: &["the first certificate was judged", "--select all"],
                never: &[],
            },
            Run {
                line: "kpki verify two.pem --ca ca.pem --purpose server --select 2",
                code: 1,
                says: &["CN=other is not for serverAuth"],
                never: &["was judged"],
            },
            Run {
                line: "kpki verify two.pem --ca ca.pem --select all",
                code: 0,
                says: &["4 of 4 are valid"],
                never: &[],
            },
            Run {
                line: "kpki verify two.pem --ca ca.pem --select 7",
                code: 2,
                says: &["it holds 4 certificates, and no 7", "--select N, from 1 to 4"],
                never: &[],
            },
            // In a handshake each is read, needed or not.
            Run { line: "kpki verify broken-between.pem --ca ca.pem", code: 0, says: &["valid"], never: &[] },
            Run {
                line: "kpki verify broken-between.pem --ca ca.pem --purpose server",
                code: 1,
                says: &["Go's TLS ends a handshake in which one certificate cannot be read"],
                never: &["Der("],
            },
            Run {
                line: "kpki verify no-leaf.pem --ca ca.pem",
                code: 2,
                says: &["no certificate found; it holds: private key"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "a control plane whose API server has a certificate of 100 kB",
        inputs: |desk: &Desk| {
            let cluster = desk.control_plane("n");
            let names = "sans=dns:cp1,dns:kubernetes,dns:kubernetes.default,dns:kubernetes.default.svc,\
                         dns:kubernetes.default.svc.cluster.local,dns:localhost,ip:10.96.0.1,ip:10.0.0.10,ip:127.0.0.1";
            let words = format!(
                "{LEAF} cn=kube-apiserver eku=server {names} ext=1.2.3.4:plain:04830186a0{}",
                "00".repeat(100_000)
            );
            desk.pair(&format!("n/{PKI}/apiserver"), &cluster.kubernetes.leaf(&words));
        },
        runs: &[
            Run {
                line: "kpki verify n/etc/kubernetes/pki/apiserver.crt --ca n/etc/kubernetes/pki/ca.crt --purpose server --name 10.96.0.1",
                code: 0,
                says: &["valid as server", "refused by wolfSSL, mbedTLS, Java, rustls"],
                never: &[],
            },
            Run { line: "kpki audit n --fail-on high", code: 0, says: &[], never: &["F022", "F025"] },
            Run {
                line: "kpki inspect n/etc/kubernetes/pki/apiserver.crt",
                code: 0,
                says: &["CN=kube-apiserver"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "keys and sizes that crypto/x509 accepts and TLS does not",
        inputs: |desk: &Desk| {
            let root = forge::ca("cn=Root");
            desk.put("ca.pem", 0o644, root.pem());
            let x25519 =
                "302a300506032b656e032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
            desk.put("x25519.pem", 0o644, root.leaf(&format!("cn=x spki={x25519}")).pem());
            let padded = |name: &str, bytes: usize| {
                let words =
                    format!("cn=web sans=dns:web.example.com ext=1.2.3.4:plain:{}", "00".repeat(bytes));
                desk.put(name, 0o644, root.leaf(&words).pem());
            };
            padded("64k.pem", 70_000);
            padded("256k.pem", 270_000);
            padded("1m.pem", 1 << 20);
            desk.put("negative.pem", 0o644, root.leaf("cn=web serial=negative").pem());
        },
        runs: &[
            Run { line: "kpki verify x25519.pem --ca ca.pem", code: 0, says: &["valid"], never: &[] },
            Run {
                line: "kpki verify x25519.pem --ca ca.pem --purpose client",
                code: 1,
                says: &["neither connects to who has it nor loads it", "Go crypto/tls"],
                never: &[],
            },
            Run {
                line: "kpki verify 64k.pem --ca ca.pem --purpose server --name web.example.com",
                code: 0,
                says: &["refused by wolfSSL, mbedTLS, Java, rustls"],
                never: &["NOT VALID"],
            },
            Run {
                line: "kpki verify 256k.pem --ca ca.pem --purpose server",
                code: 1,
                says: &["Go's TLS reads 262144 at most"],
                never: &[],
            },
            Run {
                line: "kpki verify 1m.pem --ca ca.pem; kpki inspect 1m.pem",
                code: 1,
                says: &["it is larger than 1 MiB"],
                never: &[],
            },
            Run {
                line: "kpki verify negative.pem --ca ca.pem --name web.example.com",
                code: 1,
                says: &["because  Go cannot read CN=web: its serial number is negative"],
                never: &["no subject alternative name"],
            },
        ],
    },
];

const FILES: &[Case] = &[
    Case {
        situation: "a CA file in a form in which Go finds no CA, and openssl one",
        inputs: |desk: &Desk| {
            let root = forge::ca("cn=Root");
            desk.put("leaf.pem", 0o644, root.leaf("cn=a").pem());
            let good = root.pem();
            desk.put("bom.pem", 0o644, format!("\u{feff}{good}"));
            desk.put("indented.pem", 0o644, format!("  {}", good.replace('\n', "\n  ")));
            desk.put("trusted.pem", 0o644, good.replace(" CERTIFICATE", " TRUSTED CERTIFICATE"));
            desk.put("headers.pem", 0o644, good.replacen("-----\n", "-----\nfriendlyName: x\n\n", 1));
            let other = forge::ca("cn=Other").pem();
            desk.put("one-line.pem", 0o644, format!("{}{other}", good.trim_end()));
            desk.put(
                "lost-end.pem",
                0o644,
                format!("{}{other}", good.replace("-----END CERTIFICATE-----\n", "")),
            );
            desk.put("bad.pem", 0o644, format!("{other}{}", good.replacen("MI", "M!", 1)));
            desk.put("good-behind.pem", 0o644, format!("{}{good}", other.replacen("MI", "M!", 1)));
            desk.put("blank.pem", 0o644, good.replacen("-----\n", "-----\n\n", 1));
        },
        runs: &[
            Run {
                line: "kpki verify leaf.pem --ca bom.pem",
                code: 1,
                says: &["its issuer CN=Root stands in bom.pem", "a byte order mark stands before its BEGIN"],
                never: &[],
            },
            Run {
                line: "kpki verify leaf.pem --ca indented.pem",
                code: 1,
                says: &["do not see it", "white space stands before its BEGIN"],
                never: &[],
            },
            Run {
                line: "kpki verify leaf.pem --ca trusted.pem",
                code: 1,
                says: &["its label is `TRUSTED CERTIFICATE`", "Java refuses the file"],
                never: &[],
            },
            Run {
                line: "kpki verify leaf.pem --ca headers.pem",
                code: 1,
                says: &["headers stand in the block"],
                never: &[],
            },
            Run { line: "kpki verify leaf.pem --ca one-line.pem", code: 1, says: &["NOT VALID"], never: &[] },
            Run {
                line: "kpki verify leaf.pem --ca lost-end.pem",
                code: 1,
                says: &["has no END line"],
                never: &[],
            },
            Run {
                line: "kpki verify leaf.pem --ca bad.pem",
                code: 1,
                says: &[
                    "'!' does not belong in base64",
                    "OpenSSL, curl, Python, Java, GnuTLS refuse the whole file",
                ],
                never: &[],
            },
            // It reads on behind what it does not see.
            Run {
                line: "kpki verify leaf.pem --ca good-behind.pem",
                code: 0,
                says: &["warning"],
                never: &["NOT VALID"],
            },
            Run {
                line: "kpki verify leaf.pem --ca blank.pem",
                code: 0,
                says: &[
                    "warning blank.pem:2: a blank line stands within a block: OpenSSL, curl, Python and pyca refuse the file",
                ],
                never: &[],
            },
            Run {
                line: "kpki verify leaf.pem --ca blank.pem -o json",
                code: 0,
                says: &["\"situation\": \"blank-line\"", "\"OpenSSL\"", "\"at\": \"2026-06-01T12:00:00Z\""],
                never: &[],
            },
            // The strict reading takes what people read, and refuses what is broken.
            Run {
                line: "kpki verify leaf.pem --ca bom.pem --policy rfc5280",
                code: 0,
                says: &["valid"],
                never: &[],
            },
            Run {
                line: "kpki verify leaf.pem --ca bad.pem --policy rfc5280",
                code: 2,
                says: &["'!' does not belong in base64"],
                never: &[],
            },
            Run {
                line: "kpki verify bom.pem --ca bom.pem",
                code: 1,
                says: &["find no certificate in it"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "a bundle in which one CA cannot be read by Go",
        inputs: |desk: &Desk| {
            let root = forge::ca("cn=Root");
            desk.put("leaf.pem", 0o644, root.leaf("cn=a").pem());
            desk.put("ca.pem", 0o644, format!("{}{}", pem("CERTIFICATE", &[0x30, 0]), root.pem()));
        },
        runs: &[Run {
            line: "kpki verify leaf.pem --ca ca.pem",
            code: 0,
            says: &["left out: ca.pem", "kube-apiserver's --client-ca-file refuses the whole file"],
            never: &[],
        }],
    },
];

const FORMS: &[Case] = &[Case {
    situation: "certificates in kubeconfigs, Secrets, webhooks, lists, PKCS#7, DER and pipes",
    inputs: |desk: &Desk| {
        let root = forge::ca("cn=kubernetes");
        let sub = root.ca("cn=sub");
        let old = forge::ca("cn=old");
        let dev = root.leaf("o=team cn=dev eku=client");
        let web = sub.leaf("cn=web eku=server sans=dns:web.default.svc");
        desk.put("ca.crt", 0o644, root.pem());
        desk.put("ca.der", 0o644, root.der());
        desk.put("dev.der", 0o644, dev.der());
        desk.kubeconfig("dev.conf", &root.pem(), &dev, "https://10.0.0.1:6443");
        desk.put("files/dev.crt", 0o644, dev.pem());
        let by_file = "client-certificate: files/dev.crt\n    client-key: files/dev.key";
        desk.put("by-file.conf", 0o600, kubeconfig(&root.pem(), by_file, "https://10.0.0.1:6443"));
        let secret = |name: &str, pem: &str| {
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ntype: kubernetes.io/tls\ndata:\n  ca.crt: {}\n  tls.crt: {}\n",
                base64(old.pem()),
                base64(pem)
            )
        };
        let chain = format!("{}{}", web.pem(), sub.pem());
        desk.put("secret.yaml", 0o600, secret("web", &chain));
        desk.put(
            "documents.yaml",
            0o600,
            format!("{}---\n{}", secret("web", &chain), secret("dev", &dev.pem())),
        );
        let hook = |pem: &str| {
            format!(
                "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {{name: w}}\n\
                 webhooks:\n- name: a.b.c\n  clientConfig:\n    caBundle: {}\n",
                base64(pem)
            )
        };
        desk.put("webhook.yaml", 0o644, hook(&root.pem()));
        desk.put("webhook-old.yaml", 0o644, hook(&old.pem()));
        desk.put("webhook-indented.yaml", 0o644, hook(&format!(" {}", root.pem())));
        desk.put(
            "roots.yaml",
            0o644,
            format!(
                "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {{name: r}}\n  data:\n    ca.crt: |\n      {}\n",
                root.pem().trim_end().replace('\n', "\n      ")
            ),
        );
        desk.put("empty.yaml", 0o644, "apiVersion: v1\nkind: Secret\ndata: {password: eA==}\n");
    },
    runs: &[
        Run {
            line: "kpki verify dev.conf --ca ca.crt --purpose client && kpki verify by-file.conf --ca dev.conf --purpose client",
            code: 0,
            says: &[
                "dev.conf: valid as client",
                "users[user].client-certificate-data",
                "files/dev.crt: valid as client",
            ],
            never: &[],
        },
        Run {
            line: "kpki verify secret.yaml --ca webhook.yaml --purpose server --name web.default.svc",
            code: 0,
            says: &[
                "secret.yaml: valid as server",
                "data[tls.crt], certificate 2",
                "webhooks[0].clientConfig.caBundle",
            ],
            never: &["was judged"],
        },
        Run {
            line: "kpki verify secret.yaml --ca webhook-old.yaml --purpose server --name web.default.svc",
            code: 1,
            says: &["its issuer CN=kubernetes is not among", "found    CN=old; CN=sub"],
            never: &["no certificate found"],
        },
        // In a field, too, Go reads what Go reads.
        Run {
            line: "kpki verify secret.yaml --ca webhook-indented.yaml",
            code: 1,
            says: &["webhooks[0].clientConfig.caBundle", "white space stands before its BEGIN"],
            never: &[],
        },
        Run {
            line: "kpki verify documents.yaml --ca roots.yaml",
            code: 0,
            says: &["was judged; there is also"],
            never: &[],
        },
        Run {
            line: "kpki verify documents.yaml --ca roots.yaml --select all",
            code: 0,
            says: &["3 of 3 are valid"],
            never: &[],
        },
        Run {
            line: "kpki verify - --ca <(cat ca.crt) --purpose client < dev.conf && cat secret.yaml | kpki verify - --ca ca.crt",
            code: 0,
            says: &["standard input: valid as client", "standard input: valid at"],
            never: &[],
        },
        Run {
            line: "kpki verify - --ca - < dev.conf",
            code: 2,
            says: &["standard input can be read once"],
            never: &[],
        },
        Run {
            line: "kpki verify dev.der --ca ca.der",
            code: 0,
            says: &["it is DER, and no component of Kubernetes or etcd reads that from a file"],
            never: &[],
        },
        Run {
            line: "openssl crl2pkcs7 -nocrl -certfile ca.crt -outform DER -out ca.p7b && openssl crl2pkcs7 -nocrl -certfile ca.crt -out ca.p7.pem && kpki verify dev.der --ca ca.p7b && kpki verify dev.der --ca ca.p7.pem",
            code: 0,
            says: &["trust anchor"],
            never: &["NOT VALID"],
        },
        Run {
            line: "kpki verify empty.yaml --ca ca.crt",
            code: 2,
            says: &["no certificate found; it holds: Secret", "hint:"],
            never: &[],
        },
    ],
}];

const STRICT: &[Case] = &[Case {
    situation: "what RFC 5280 says MUST and what it leaves alone",
    inputs: |desk: &Desk| {
        let root = forge::ca("cn=Root serial=zero ski=absent bc-critical=no");
        let leaf = root.leaf("cn=a sans=dns:node_1.local eku=server");
        desk.put("root.pem", 0o644, root.pem());
        desk.put("leaf.pem", 0o644, leaf.pem());
        let plain = root.leaf("cn=b sans=dns:b.local");
        desk.put("plain.pem", 0o644, plain.pem());
        desk.put("complete.pem", 0o644, root.crl("number=1").pem());
        desk.put(
            "delta.pem",
            0o644,
            root.crl(&format!("number=2 delta=1 revoked={}", plain.serial_hex())).pem(),
        );
        let qualifier = "30143012 06022a03 300c300a 06032a0304 0c03616263".replace(' ', "");
        desk.put(
            "qualifier.pem",
            0o644,
            root.leaf(&format!("cn=q ext=2.5.29.32:critical:{qualifier}")).pem(),
        );
        desk.put("tag.pem", 0o644, root.leaf("cn=t ext=2.5.29.37:plain:b00a06082b06010505070301").pem());
    },
    runs: &[
        Run {
            line: "kpki verify plain.pem --ca root.pem --policy rfc5280",
            code: 0,
            says: &["valid"],
            never: &["NOT VALID"],
        },
        Run {
            line: "kpki verify leaf.pem --ca root.pem --policy rfc5280 --name node_1.local",
            code: 1,
            says: &[
                "CN=a holds DNS:node_1.local, which does not count: it is not in the preferred name syntax",
            ],
            never: &["does not hold"],
        },
        Run {
            line: "kpki verify plain.pem --ca plain.pem --policy rfc5280",
            code: 1,
            says: &["is among the trust anchors, and is none"],
            never: &[],
        },
        Run {
            line: "kpki verify plain.pem --ca root.pem --policy rfc5280 --crl complete.pem --crl delta.pem",
            code: 1,
            says: &["revoked on", "delta.pem"],
            never: &[],
        },
        Run {
            line: "kpki verify qualifier.pem --ca root.pem --policy rfc5280",
            code: 1,
            says: &["is critical and has the qualifier 1.2.3.4, which is not known"],
            never: &[],
        },
        Run {
            line: "kpki verify tag.pem --ca root.pem --policy rfc5280",
            code: 1,
            says: &["the extKeyUsage of CN=t cannot be read: has the tag b0 instead of 30"],
            never: &[],
        },
    ],
}];

const OTHERS: &[Case] = &[Case {
    situation: "certificates and files over which other programs stumble",
    inputs: |desk: &Desk| {
        let (one, two) = (forge::ca("cn=Root key=p256:one"), forge::ca("cn=Root key=p256:two"));
        desk.put("cas.pem", 0o644, format!("{}{}", one.pem(), two.pem()));
        desk.put("one.pem", 0o644, one.pem());
        desk.put("leaf.pem", 0o644, two.leaf("cn=a aki=absent sans=ip:::ffff:10.0.0.1").pem());
        desk.put("named.pem", 0o644, one.leaf("cn=web.example.com").pem());
        let sub = one.ca("cn=Sub");
        let web = sub.leaf("cn=web sans=dns:web.example.com").pem();
        let (expired, former) = (sub.reissue("until=-1d").pem(), sub.rekey("key=p256:former").pem());
        desk.put("expired-first.pem", 0o644, format!("{web}{expired}{}", sub.pem()));
        desk.put("expired-last.pem", 0o644, format!("{web}{}{expired}", sub.pem()));
        desk.put("former-first.pem", 0o644, format!("{web}{former}{}", sub.pem()));
    },
    runs: &[
        Run {
            line: "kpki verify leaf.pem --ca cas.pem",
            code: 0,
            says: &[
                "several trust anchors are called CN=Root",
                "refused by pyca, wolfSSL",
                "mapped into IPv6",
            ],
            never: &[],
        },
        Run {
            line: "kpki verify leaf.pem --ca cas.pem -o json",
            code: 0,
            says: &["\"code\": \"other-programs\"", "\"situation\": \"same-name\"", "\"programs\": ["],
            never: &[],
        },
        Run {
            line: "kpki verify expired-first.pem --ca one.pem",
            code: 0,
            says: &[
                "an expired certificate of CN=Sub is left over in the chain (expired-first.pem",
                "refused by wolfSSL, GnuTLS",
            ],
            never: &[],
        },
        Run {
            line: "kpki verify expired-last.pem --ca one.pem",
            code: 0,
            says: &["is left over in the chain", "refused by wolfSSL\n"],
            never: &["GnuTLS"],
        },
        Run {
            line: "kpki verify former-first.pem --ca one.pem",
            code: 0,
            says: &["a certificate with the former key of CN=Sub is left over", "refused by mbedTLS"],
            never: &[],
        },
        Run {
            line: "openssl req -x509 -newkey rsa-pss -pkeyopt rsa_keygen_bits:2048 -nodes -keyout pss.key -subj /CN=pss -days 3650 -out pss.pem 2>/dev/null \
                   && kpki verify pss.pem --ca pss.pem --purpose server --at 2030-01-01T00:00:00Z",
            code: 1,
            says: &["the key of CN=pss is RSASSA-PSS-2048", "neither connects to who has it nor loads it"],
            never: &[],
        },
        Run {
            line: "kpki verify named.pem --ca one.pem --name web.example.com",
            code: 1,
            says: &[
                "its common name is web.example.com",
                "OpenSSL, curl, Python, Node, GnuTLS, NSS, Java, mbedTLS and wolfSSL look at",
            ],
            never: &["which nobody looks at"],
        },
    ],
}];
