//! `kpki inspect`, and the forms of files that every command reads.

use crate::desk::{Desk, base64, kubeconfig};
use crate::forge;
use crate::table::{Case, Run, check};

#[test]
fn kubeconfigs_that_no_client_can_use_are_not_made() {
    check(MADE);
}

#[test]
fn every_command_reads_every_form() {
    check(FORMS);
}

#[test]
fn data_of_any_shape_are_read() {
    check(SHAPES);
}

/// A CA with its key, a client and a server, in every form.
fn forms(desk: &Desk) {
    let ca = forge::ca("cn=kubernetes key=p256:forms-ca");
    let client = ca.leaf("cn=jane eku=client until=+364d key=p256:forms-jane");
    desk.put("pki/ca.crt", 0o644, ca.pem());
    desk.put("pki/ca.key", 0o600, ca.key_pem());
    desk.put("jane.crt", 0o644, client.pem());
    desk.put("jane.key", 0o600, client.key_pem());
    desk.put("jane.der", 0o644, client.der());
    let user = format!(
        "client-certificate-data: {}\n    client-key-data: {}",
        base64(client.pem()),
        base64(client.key_pem())
    );
    desk.put("jane.conf", 0o600, kubeconfig(&ca.pem(), &user, "https://10.0.0.1:6443"));
    let secret = |name: &str, crt: &str, key: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {{name: {name}}}\ndata: {{tls.crt: {}, tls.key: {}}}\n",
            base64(crt),
            base64(key)
        )
    };
    desk.put("ca.yaml", 0o600, secret("ca", &ca.pem(), &ca.key_pem()));
    desk.put("jane.yaml", 0o600, secret("jane", &client.pem(), &client.key_pem()));
    desk.put(
        "list.yaml",
        0o600,
        format!(
            "apiVersion: v1\nkind: List\nitems: [{{apiVersion: v1, kind: Secret, data: {{ca.crt: {}}}}}]\n",
            base64(ca.pem())
        ),
    );
}

/// Makes PKCS#7 and a request with openssl, which prints nothing.
macro_rules! made {
    ($line:literal) => {
        concat!(
            "openssl crl2pkcs7 -nocrl -certfile pki/ca.crt -out ca.p7b && openssl crl2pkcs7 -nocrl -certfile pki/ca.crt -outform DER -out ca.der.p7b && ",
            "openssl req -new -key jane.key -subj /CN=jane -out jane.csr && ",
            $line
        )
    };
}

const FORMS: &[Case] = &[
    Case {
        situation: "the certificate of a CA in each form that there is",
        inputs: forms,
        runs: &[
            Run {
                line: made!(
                    "for form in pki/ca.crt ca.p7b ca.der.p7b ca.yaml list.yaml jane.conf -; do kpki ca show $form < pki/ca.crt; done | grep -c 'CN=kubernetes  itself'"
                ),
                code: 0,
                says: &["7"],
                never: &[],
            },
            Run { line: "kpki ca show <(cat ca.p7b)", code: 0, says: &["CN=kubernetes  itself"], never: &[] },
            Run { line: "kpki ca show ca.yaml", code: 0, says: &["here"], never: &["elsewhere"] },
            Run { line: "kpki ca show jane.conf", code: 0, says: &["elsewhere"], never: &["another's"] },
            Run {
                line: "kpki ca show jane.key",
                code: 2,
                says: &[
                    "jane.key holds no CA certificate but: private key",
                    "hint: a certificate is wanted here",
                ],
                never: &[],
            },
            Run { line: "kpki ca show - - < pki/ca.crt", code: 2, says: &["named twice"], never: &[] },
        ],
    },
    Case {
        situation: "a CA to sign with, as a Secret, a kubeconfig, a message, a pipe",
        inputs: forms,
        runs: &[
            Run {
                line: made!(
                    "kpki sign csr jane.csr --profile user --ca ca.yaml --out - | openssl verify -CAfile pki/ca.crt -attime 1780315200"
                ),
                code: 0,
                says: &["stdin: OK", "signed"],
                never: &[],
            },
            Run {
                line: "ls ca.ledger.jsonl && kpki issue user bob --ca ca.yaml --out bob.crt && kpki ca intermediate team --ca ca.yaml --out team.crt",
                code: 0,
                says: &["bob.crt", "team.crt"],
                never: &[],
            },
            Run {
                line: "kpki sign csr jane.csr --profile user --ca jane.conf --out -",
                code: 2,
                says: &[
                    "jane.conf is a kubeconfig: it holds the certificate of a CA and not its key",
                    "hint: name the CA's own certificate",
                ],
                never: &["BEGIN"],
            },
            Run {
                line: "kpki sign csr jane.csr --profile user --ca ca.p7b --out -",
                code: 2,
                says: &["must lie beside its certificate"],
                never: &["BEGIN"],
            },
            Run {
                line: "kpki sign csr jane.csr --profile user --ca <(cat ca.yaml) --out -",
                code: 2,
                says: &["has no place for its ledger"],
                never: &["BEGIN"],
            },
            Run {
                line: "kpki issue user bob --ca - --out bob2.crt < ca.yaml; kpki ledger list --ca -",
                code: 2,
                says: &[
                    "a CA on standard input has no place for its ledger",
                    "no ledger lies beside standard input",
                ],
                never: &[],
            },
        ],
    },
    Case {
        situation: "requests by pipes, on standard input, in data; and what is none",
        inputs: forms,
        runs: &[
            Run {
                line: made!(
                    "for form in <(cat jane.csr) <(openssl req -in jane.csr -outform DER) <(base64 jane.csr) <(echo 'a:'; echo ' b: |'; sed 's/^/  /' jane.csr) -; do kpki sign csr $form --profile user --ca pki --out - < jane.csr; done | grep -c 'BEGIN CERTIFICATE'"
                ),
                code: 0,
                says: &["5"],
                never: &[],
            },
            Run {
                line: "kpki sign csr jane.conf --profile user --ca pki --out -",
                code: 2,
                says: &[
                    "jane.conf is a kubeconfig, and holds no certificate signing request",
                    "hint: a request is wanted here",
                ],
                never: &[],
            },
            Run {
                line: "kpki sign csr jane.crt --profile user --ca pki --out -; kpki sign csr ca.p7b --profile user --ca pki --out -",
                code: 2,
                says: &[
                    "jane.crt holds no certificate signing request but: certificate",
                    "ca.p7b holds no certificate signing request but: PKCS#7 message",
                ],
                never: &[],
            },
        ],
    },
    Case {
        situation: "passphrases by pipes and on standard input",
        inputs: forms,
        runs: &[
            Run {
                line: "echo secret | kpki ca init --dir sealed --encrypt --passphrase-file - && kpki issue user bob --ca sealed --passphrase-file <(echo secret) --out bob.crt && echo secret | kpki issue user eve --ca sealed --passphrase-file - --out eve.crt",
                code: 0,
                says: &["bob.crt", "eve.crt"],
                never: &[],
            },
            Run {
                line: made!(
                    "kpki sign csr - --profile user --ca sealed --passphrase-file - --out - < jane.csr"
                ),
                code: 2,
                says: &["named twice"],
                never: &["BEGIN CERTIFICATE-"],
            },
            Run {
                line: "kpki issue user bob --ca sealed --passphrase-file <(echo) --out b.crt",
                code: 2,
                says: &["the passphrase, is empty"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "a file on its own, or a pipe, to be inspected and audited",
        inputs: forms,
        runs: &[
            Run {
                line: "kpki inspect -s <(cat jane.conf)",
                code: 0,
                says: &["kubeconfig", "CN=jane"],
                never: &[],
            },
            Run {
                line: "kpki audit <(cat jane.conf)",
                code: 0,
                says: &["read 1 file: 2 certificates, 1 private key"],
                never: &[],
            },
            Run {
                line: "kpki audit - < jane.yaml",
                code: 0,
                says: &["read 1 file: 1 certificate, 1 private key"],
                never: &[],
            },
            Run {
                line: "kpki audit - < /proc/version",
                code: 2,
                says: &["standard input: it is neither a tar archive nor a file of a PKI"],
                never: &[],
            },
            Run {
                line: "tar cf - pki | kpki audit - --fail-on critical",
                code: 0,
                says: &["1 private key"],
                never: &[],
            },
        ],
    },
];

const SHAPES: &[Case] = &[
    Case {
        situation: "the configuration of a Talos node, and that of its client, as base64 of PEM",
        inputs: |desk: &Desk| {
            let ca = forge::ca("cn=kubernetes key=p256:talos");
            let client = ca.leaf("o=os:admin eku=client key=p256:talos-admin");
            let (crt, key) = (base64(ca.pem()), base64(ca.key_pem()));
            desk.put(
                "node/controlplane.yaml",
                0o644,
                format!("version: v1alpha1\nmachine:\n    type: controlplane\n    ca:\n        crt: {crt}\n        key: {key}\ncluster:\n    aggregatorCA: {{crt: {crt}}}\n"),
            );
            desk.put(
                "talosconfig",
                0o600,
                format!(
                    "context: main\ncontexts:\n    main:\n        endpoints: [10.8.0.1]\n        ca: {crt}\n        crt: {}\n        key: {}\n",
                    base64(client.pem()),
                    base64(client.key_pem())
                ),
            );
        },
        runs: &[
            Run {
                line: "kpki inspect node/controlplane.yaml",
                code: 0,
                says: &[
                    "machine configuration of Talos",
                    "machine.ca.crt: certificate (PEM block 1, line 5)",
                    "machine.ca.key: private key",
                ],
                never: &["nothing of a PKI"],
            },
            Run {
                line: "kpki inspect talosconfig",
                code: 0,
                says: &[
                    "talosconfig: talosconfig",
                    "contexts.main.crt: certificate",
                    "contexts.main.key: private key",
                ],
                never: &["kubeconfig"],
            },
            Run {
                line: "kpki audit node",
                code: 1,
                says: &["F007 key-mode, node/controlplane.yaml", "every user may read"],
                never: &["F015"],
            },
            Run {
                line: "kpki probe --cert talosconfig --cacert pki 127.0.0.1:1",
                code: 2,
                says: &["pki"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "cloud-init with a CA's key in base64 and PEM in its own indentation; a template of it; JSON",
        inputs: |desk: &Desk| {
            let ca = forge::ca("cn=kubernetes key=p256:cloud");
            let indented: String = ca.pem().lines().map(|line| format!("    {line}\n")).collect();
            desk.put(
                "node/user-data",
                0o644,
                format!(
                    "#cloud-config\nusers:\n- name: admin\nwrite_files:\n- path: /etc/kubernetes/pki/ca.key\n  encoding: b64\n  content: {}\n- path: /etc/kubernetes/pki/ca.crt\n  content: |\n{indented}",
                    base64(ca.key_pem())
                ),
            );
            desk.put(
                "chart/secret.yaml",
                0o600,
                format!("stringData:\n  name: {{{{ .Values.name }}}}\n  tls.crt: |\n{indented}"),
            );
            desk.put(
                "state/terraform.tfstate",
                0o600,
                format!("{{\n\t\"resources\": [{{\"instances\": [{{\"attributes\": {{\"private_key_pem\": {:?}}}}}]}}]\n}}\n", ca.key_pem()),
            );
        },
        runs: &[
            Run {
                line: "kpki inspect node/user-data",
                code: 0,
                says: &[
                    "configuration of cloud-init",
                    "write_files[0].content: private key",
                    "write_files[1].content: certificate",
                ],
                never: &["white space stands before BEGIN", "kubeconfig"],
            },
            Run {
                line: "kpki audit node",
                code: 1,
                says: &["F007 key-mode, node/user-data"],
                never: &["F015", "inspect -o pem"],
            },
            Run {
                line: "kpki inspect chart/secret.yaml",
                code: 0,
                says: &["tls.crt: certificate"],
                never: &["white space stands before BEGIN"],
            },
            Run {
                line: "kpki audit chart; kpki inspect -s state",
                code: 0,
                says: &["private key"],
                never: &["F015", "white space"],
            },
        ],
    },
    Case {
        situation: "data that were encoded twice, or are not what their place is for",
        inputs: |desk: &Desk| {
            let ca = forge::ca("cn=kubernetes key=p256:twice");
            let (crt, key) = (base64(ca.pem()), base64(ca.key_pem()));
            let secret = |data: &str| {
                format!(
                    "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {{name: a}}\ndata:\n{data}"
                )
            };
            desk.put(
                "twice.yaml",
                0o600,
                secret(&format!("  tls.crt: {}\n  tls.key: {key}\n", base64(&crt))),
            );
            desk.put(
                "der.yaml",
                0o600,
                secret(&format!("  tls.crt: {}\n  tls.key: {key}\n", base64(ca.der()))),
            );
            desk.put(
                "mark.yaml",
                0o600,
                secret(&format!(
                    "  tls.crt: {}\n  tls.key: {key}\n",
                    base64(format!("\u{feff}{}", ca.pem()))
                )),
            );
            desk.put(
                "plain.yaml",
                0o600,
                secret(&format!(
                    "  tls.crt: {crt}\n  tls.key: |\n{}",
                    ca.key_pem().lines().map(|line| format!("    {line}\n")).collect::<String>()
                )),
            );
            desk.put(
                "hook.yaml",
                0o600,
                format!(
                    "apiVersion: v1\nkind: Hook\nmetadata: {{name: a}}\nclientConfig: {{caBundle: {}}}\n",
                    base64(ca.der())
                ),
            );
        },
        runs: &[
            Run {
                line: "kpki inspect twice.yaml",
                code: 1,
                says: &[
                    "it is base64 in base64, encoded once too often: no client loads it",
                    "data[tls.crt]: certificate",
                ],
                never: &[],
            },
            Run {
                line: "kpki inspect der.yaml",
                code: 1,
                says: &["it is DER in base64, and PEM in base64 is expected"],
                never: &[],
            },
            Run {
                line: "kpki inspect mark.yaml",
                code: 1,
                says: &["a byte order mark stands before BEGIN"],
                never: &[],
            },
            Run {
                line: "kpki inspect plain.yaml",
                code: 1,
                says: &["it stands there as PEM, and is expected in base64"],
                never: &[],
            },
            Run { line: "kpki inspect hook.yaml", code: 1, says: &["it is DER in base64"], never: &[] },
            Run { line: "kpki audit twice.yaml", code: 1, says: &["encoded once too often"], never: &[] },
        ],
    },
    Case {
        situation: "a request that was denied, and one that failed",
        inputs: |desk: &Desk| {
            for state in ["Denied", "Failed"] {
                desk.put(
                    &format!("{state}.yaml"),
                    0o644,
                    format!(
                        "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {{name: j}}\nspec: {{signerName: a/b, request: ''}}\nstatus: {{conditions: [{{type: {state}, status: 'True', reason: NotAllowed, message: no such node}}]}}\n"
                    ),
                );
            }
        },
        runs: &[
            Run {
                line: "kpki inspect Denied.yaml",
                code: 1,
                says: &["condition     Denied (NotAllowed): no such node"],
                never: &[],
            },
            Run {
                line: "kpki inspect -o json Failed.yaml",
                code: 1,
                says: &["Failed (NotAllowed): no such node"],
                never: &[],
            },
        ],
    },
];

const MADE: &[Case] = &[Case {
    situation: "a kubeconfig for a user, with an API server's URL as people mistype it",
    inputs: |desk: &Desk| {
        desk.control_plane("n");
    },
    runs: &[
        Run {
            line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig jane.conf --server https://::1:6443",
            code: 2,
            says: &["is not in brackets", "--server https://[::1]:6443"],
            never: &[],
        },
        Run {
            line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig jane.conf --server https://10.0.0.1:99999",
            code: 2,
            says: &["its port is not from 1 to 65535"],
            never: &[],
        },
        Run {
            line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig jane.conf --server https://user:s3cret@10.0.0.1:6443",
            code: 2,
            says: &["a user stands before its host", "--server https://10.0.0.1:6443"],
            never: &["s3cret"],
        },
        Run {
            line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig jane.conf --server 10.0.0.1:6443; ls",
            code: 0,
            says: &["does not say https://", "--server https://10.0.0.1:6443"],
            never: &["jane.conf", "jane.crt"],
        },
        Run {
            line: "kpki issue user jane --ca n/etc/kubernetes/pki --kubeconfig jane.conf --server 'https://[::1]:6443'",
            code: 0,
            says: &["signed", "jane.conf"],
            never: &[],
        },
    ],
}];
