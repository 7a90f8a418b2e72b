//! `kpki sign csr`.

use crate::desk::{Desk, base64};
use crate::forge;
use crate::support::{openssl, text};
use crate::table::{Case, Run, check};

#[test]
fn objects() {
    check(OBJECTS);
}

#[test]
fn several_objects() {
    check(SEVERAL);
}

#[test]
fn signers() {
    check(SIGNERS);
}

/// A CA in `pki`.
fn authority(desk: &Desk) {
    let ca = "cn=kubernetes ku=digitalSignature,keyEncipherment,keyCertSign key=p256:sign-ca";
    desk.pair("pki/ca", &forge::ca(ca));
}

/// A request by openssl, in `NAME.csr`; `wishes` is `/O=…/CN=…` and the alternative names.
fn request(desk: &Desk, name: &str, (subject, names): (&str, &str)) -> String {
    let (key, file) = (desk.root().join(format!("{name}.key")), desk.root().join(format!("{name}.csr")));
    let new = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let mut words: Vec<String> = new.iter().map(|word| (*word).to_owned()).collect();
    words.extend(["-subj", subject, "-keyout", text(&key), "-out", text(&file)].map(str::to_owned));
    if !names.is_empty() {
        words.extend(["-addext".to_owned(), format!("subjectAltName={names}")]);
    }
    openssl(words);
    desk.read(&format!("{name}.csr"))
}

const NODE: (&str, &str) = ("/O=system:nodes/CN=system:node:n1", "DNS:n1,IP:10.0.5.6");
const NODE_CLIENT: (&str, &str) = ("/O=system:nodes/CN=system:node:n1", "");
const JANE: (&str, &str) = ("/O=dev/CN=jane", "");

const SERVING: &str =
    "signerName: kubernetes.io/kubelet-serving\n  usages: [digital signature, server auth]\n";
const KUBELET: &str =
    "signerName: kubernetes.io/kube-apiserver-client-kubelet\n  usages: [digital signature, client auth]\n";
const CLIENT: &str = "signerName: kubernetes.io/kube-apiserver-client\n  usages: [client auth]\n";
const BY_NODE: &str = "  username: system:node:n1\n  groups: [system:nodes, system:authenticated]\n";

/// An object: `NAME.yaml`. `more` are lines of its spec behind `signer`, from column 2 on, and then those of its status.
fn object(desk: &Desk, name: &str, wishes: (&str, &str), signer: &str, more: &str) {
    let object = yaml(desk, "v1", name, wishes, signer, more);
    desk.put(&format!("{name}.yaml"), 0o644, object);
}

fn yaml(desk: &Desk, version: &str, name: &str, wishes: (&str, &str), signer: &str, more: &str) -> String {
    let request = base64(request(desk, name, wishes));
    format!(
        "apiVersion: certificates.k8s.io/{version}\nkind: CertificateSigningRequest\nmetadata:\n  name: {name}\nspec:\n  \
         request: {request}\n  {signer}{more}"
    )
}

/// A status with one condition.
fn status(condition: &str) -> String {
    format!("{BY_NODE}status:\n  conditions:\n  - {condition}\n")
}

const OBJECTS: &[Case] = &[
    Case {
        situation: "requests of kubelets on which an approver or a signer has said no",
        inputs: |desk| {
            authority(desk);
            for (name, condition) in [
                ("denied", "{type: Denied, status: 'True', reason: Policy, message: no such machine}"),
                // v1beta1 had no status of conditions, and kube-controller-manager looks at none of a denial.
                ("denied-old", "{type: Denied, message: no such machine}"),
                ("denied-odd", "{type: Denied, status: 'False', message: no such machine}"),
                (
                    "both",
                    "{type: Approved, status: 'True'}\n  - {type: Denied, status: 'True', message: no such machine}",
                ),
                (
                    "failed",
                    "{type: Failed, status: 'True', reason: SignerValidationFailure, message: no such machine}",
                ),
            ] {
                object(desk, name, NODE, SERVING, &status(condition));
            }
            object(desk, "not-failed", NODE, SERVING, &status("{type: Failed, status: 'False'}"));
            let escape = "{type: Denied, status: 'True', message: \"a\\e[31mb\"}";
            object(desk, "escape", NODE, SERVING, &status(escape));
        },
        runs: &[
            Run {
                line: "for c in denied denied-old denied-odd both failed; do kpki sign csr $c.yaml --profile kubelet-serving --ca pki && exit 3; done; exit 1",
                code: 1,
                says: &[
                    "status says Denied (Policy): no such machine",
                    "status says Denied (False): no such machine",
                    "status says Failed (SignerValidationFailure): no such machine",
                    "have a new one made",
                ],
                never: &["signed  "],
            },
            Run {
                line: "kpki sign csr failed.yaml --profile kubelet-serving --ca pki -o json | grep code; ls *.crt pki/*ledger*",
                code: 2,
                says: &["\"code\": \"object-failed\"", "No such file"],
                never: &[],
            },
            Run {
                line: "kpki sign csr not-failed.yaml --profile kubelet-serving --ca pki --dry-run",
                code: 0,
                says: &["a condition that does not hold: Failed (False)"],
                never: &[],
            },
            Run {
                line: "kpki sign csr escape.yaml --profile kubelet-serving --ca pki",
                code: 1,
                says: &["a\\u{1b}[31mb"],
                never: &["\u{1b}"],
            },
        ],
    },
    Case {
        situation: "an object that has its certificate already",
        inputs: |desk| {
            authority(desk);
            let leaf = forge::ca("cn=kubernetes").leaf("cn=system:node:n1 serial=abc1 eku=server");
            let issued = |data: String| {
                format!("{}  certificate: {data}\n", status("{type: Approved, status: 'True'}"))
            };
            object(desk, "issued", NODE, SERVING, &issued(base64(leaf.pem())));
            object(desk, "odd", NODE, SERVING, &issued("bm90aGluZw==".into()));
            object(desk, "waits", NODE, SERVING, &issued("\"\"".into()));
        },
        runs: &[
            Run {
                line: "kpki sign csr issued.yaml --profile auto --ca pki; kpki sign csr odd.yaml --profile auto --ca pki",
                code: 1,
                says: &[
                    "has its certificate already (serial abc1, for CN=system:node:n1)",
                    "has its certificate already, which",
                ],
                never: &["signed  "],
            },
            Run {
                line: "kpki sign csr waits.yaml --profile auto --ca pki",
                code: 0,
                says: &[
                    "signed    waits.yaml.crt",
                    "next      kubectl patch csr waits --subresource=status --type=merge -p \"{\\\"status\\\":{\\\"certificate\\\":\\\"$(base64 < waits.yaml.crt | tr -d '\\n')\\\"}}\"",
                ],
                never: &["nobody has approved", "certificate approve"],
            },
        ],
    },
    Case {
        situation: "requests for a node by somebody else than that node",
        inputs: |desk| {
            authority(desk);
            let by = |name: &str, groups: &str| format!("  username: {name}\n  groups: [{groups}]\n");
            let nodes = "system:nodes, system:authenticated";
            for (name, more) in [
                ("account", by("system:serviceaccount:default:build", "system:serviceaccounts")),
                ("account-as-node", by("system:serviceaccount:default:build", nodes)),
                ("neighbour", by("system:node:n2", nodes)),
                ("administrator", by("kubernetes-admin", "system:masters")),
                ("in-capitals", by("system:node:N1", nodes)),
                ("beginning", by("system:node:n", nodes)),
                // Only who is in the group is a node to the API server.
                ("no-node", by("system:node:n1", "system:authenticated")),
                ("token", by("system:bootstrap:abcdef", "system:bootstrappers")),
            ] {
                object(desk, name, NODE, SERVING, &more);
            }
            for (name, more) in [
                ("client-account", by("system:serviceaccount:default:build", nodes)),
                ("client-neighbour", by("system:node:n2", nodes)),
                ("client-itself", by("system:node:n1", nodes)),
                ("client-token", by("system:bootstrap:abcdef", "system:bootstrappers")),
            ] {
                object(desk, name, NODE_CLIENT, KUBELET, &more);
            }
            // A signer of somebody's own, by the profile of kubelets.
            object(
                desk,
                "own-signer",
                NODE,
                "signerName: example.com/kubelets\n  usages: [digital signature, server auth]\n",
                &by("eve", ""),
            );
        },
        runs: &[
            Run {
                line: "for c in account account-as-node neighbour administrator in-capitals beginning no-node token own-signer; do kpki sign csr $c.yaml --profile kubelet-serving --ca pki; [ $? = 1 ] || exit 3; done; exit 1",
                code: 1,
                says: &[
                    "spec.username, which the API server wrote, is system:serviceaccount:default:build, and the certificate is wanted for CN=system:node:n1",
                    "is system:node:n2, and",
                    "is system:node:n1, who is not in the group system:nodes (spec.groups), and so no node",
                ],
                never: &["admitted"],
            },
            Run {
                line: "for c in client-account client-neighbour; do kpki sign csr $c.yaml --profile kubelet-client --ca pki -o json; [ $? = 1 ] || exit 3; done; exit 1",
                code: 1,
                says: &[
                    "\"code\": \"requester-mismatch\"",
                    "\"username\": \"system:node:n2\"",
                    "or somebody of the group system:bootstrappers",
                ],
                never: &["admitted"],
            },
            Run {
                line: "for c in client-itself client-token; do kpki sign csr $c.yaml --profile kubelet-client --ca pki --dry-run || exit 3; done",
                code: 0,
                says: &["asked for by system:bootstrap:abcdef (groups system:bootstrappers)"],
                never: &["asked for by system:node:n1"],
            },
        ],
    },
    Case {
        situation: "a user's request that an administrator has made for her",
        inputs: |desk| {
            authority(desk);
            let by = "  username: kubernetes-admin\n  groups: [kubeadm:cluster-admins]\n  expirationSeconds: 3600\n";
            object(
                desk,
                "jane",
                JANE,
                CLIENT,
                &format!(
                    "{by}status:\n  conditions:\n  - {{type: Approved, status: 'True'}}\n  - {{type: Seen, status: 'True', message: by a robot}}\n"
                ),
            );
            object(desk, "waits", JANE, CLIENT, by);
            object(desk, "by-hand", JANE, CLIENT, "");
            object(desk, "masters", ("/O=system:masters/CN=jane", ""), CLIENT, by);
        },
        runs: &[
            Run {
                line: "kpki sign csr jane.yaml --profile user --ca pki --require-approved --validity 30d --out jane.crt",
                code: 0,
                says: &[
                    "asked for by kubernetes-admin (groups kubeadm:cluster-admins): whoever signs it vouches that it may be had for CN=jane",
                    "a condition that no signer of Kubernetes knows: Seen: by a robot",
                    // What the object asks for is less than what the operator grants.
                    "to 2026-06-01 13:00:00 UTC",
                    "kubectl patch csr jane ",
                ],
                never: &["nobody has approved"],
            },
            Run {
                line: "kpki sign csr waits.yaml --profile user --ca pki --require-approved -o json",
                code: 1,
                says: &["\"code\": \"not-approved\""],
                never: &[],
            },
            Run {
                line: "kpki sign csr waits.yaml --profile user --ca pki -o json",
                code: 0,
                says: &[
                    "nobody has approved the object",
                    "kubectl certificate approve waits\"",
                    "\"notAfter\": \"2026-06-01T13:00:00Z\"",
                ],
                never: &[],
            },
            Run {
                line: "kpki sign csr by-hand.yaml --profile user --ca pki --dry-run",
                code: 0,
                says: &["who asked is not known: the object has no spec.username"],
                never: &["next "],
            },
            Run {
                line: "kpki sign csr masters.yaml --profile super-admin --ca pki",
                code: 1,
                says: &[
                    "the signer kubernetes.io/kube-apiserver-client signs nobody into the group system:masters",
                ],
                never: &[],
            },
        ],
    },
];

/// A list as kubectl prints it.
fn list(objects: &[String]) -> String {
    let items: Vec<String> =
        objects.iter().map(|object| format!("- {}", object.trim_end().replace('\n', "\n  "))).collect();
    format!("apiVersion: v1\nitems:\n{}\nkind: List\nmetadata:\n  resourceVersion: \"\"\n", items.join("\n"))
}

const SEVERAL: &[Case] = &[
    Case {
        situation: "what kubectl get csr -o yaml prints of two nodes",
        inputs: |desk| {
            authority(desk);
            let approved = status("{type: Approved, status: 'True'}");
            let one = yaml(desk, "v1", "csr-one", NODE, SERVING, &approved);
            let two = yaml(desk, "v1", "csr-two", NODE_CLIENT, KUBELET, &approved);
            let denied = yaml(
                desk,
                "v1",
                "csr-no",
                NODE,
                SERVING,
                &status("{type: Denied, status: 'True', message: no}"),
            );
            desk.put("list.yaml", 0o644, list(&[one.clone(), two.clone()]));
            desk.put("documents.yaml", 0o644, format!("---\n{one}---\n{two}"));
            desk.put("all.yaml", 0o644, list(&[one.clone(), denied]));
            desk.put(
                "other.yaml",
                0o644,
                format!("{one}---\napiVersion: v1\nkind: Secret\nmetadata: {{name: x}}\n"),
            );
            desk.put("up.yaml", 0o644, one.replace("name: csr-one", "name: ../../csr-one"));
            desk.put(
                "up-list.yaml",
                0o644,
                list(&[one.replace("name: csr-one", "name: ../../csr-one"), two]),
            );
            desk.directory("certs");
        },
        runs: &[
            Run {
                line: "kpki sign csr list.yaml --profile auto --ca pki && openssl verify -attime 1780315200 -CAfile pki/ca.crt csr-one.crt csr-two.crt",
                code: 0,
                says: &[
                    "list.yaml: items[0] (csr-one)  profile kubelet-serving, CA CN=kubernetes",
                    "list.yaml: items[1] (csr-two)  profile kubelet-client, CA CN=kubernetes",
                    "kubectl patch csr csr-two ",
                    "csr-one.crt: OK",
                ],
                never: &[],
            },
            Run {
                line: "kpki sign csr - --profile auto --ca pki --out certs < documents.yaml && ls certs",
                code: 0,
                says: &["standard input: document 1 (csr-one)", "csr-one.crt\ncsr-two.crt"],
                never: &[],
            },
            Run {
                line: "kpki sign csr - --profile auto --ca pki < list.yaml | grep -c BEGIN",
                code: 0,
                says: &["2\n", "kubectl patch csr csr-two "],
                never: &["$(base64"],
            },
            Run {
                line: "kpki sign csr all.yaml --profile auto --ca pki --out certs --force; [ $? = 1 ] && ! ls certs/csr-no.crt",
                code: 0,
                says: &[
                    "refused: nothing was signed",
                    "hint: give those alone that wait: kubectl get csr NAME NAME -o yaml",
                ],
                never: &[],
            },
            Run {
                line: "kpki sign csr other.yaml --profile auto --ca pki",
                code: 2,
                says: &[
                    "error: other.yaml: not a CertificateSigningRequest object: document 2: it is a v1 Secret; expected certificates.k8s.io/v1 CertificateSigningRequest",
                ],
                never: &[],
            },
            Run {
                line: "kpki sign csr list.yaml --profile auto --ca pki --out one.crt",
                code: 2,
                says: &["--out must be a directory that is there, or -, when there are several requests"],
                never: &[],
            },
            Run {
                line: "kpki sign csr up-list.yaml --profile auto --ca pki --out certs; [ $? = 2 ] && kpki sign csr - --profile auto --ca pki --out certs < up.yaml",
                code: 2,
                says: &["no file can be called after the object `../../csr-one`"],
                never: &[],
            },
            Run {
                line: "kpki sign csr up.yaml --profile auto --ca pki --out up.crt",
                code: 0,
                says: &["kubectl patch csr ../../csr-one "],
                never: &[],
            },
        ],
    },
    Case {
        situation: "the API server's own list, and objects of JSON one after the other",
        inputs: |desk| {
            authority(desk);
            let item = |name: &str, kind: &str| {
                let request = base64(request(desk, name, JANE));
                format!(
                    r#"{{{kind}"metadata":{{"name":"{name}"}},"spec":{{"request":"{request}","signerName":"kubernetes.io\/kube-apiserver-client","usages":["client auth"]}},"status":{{}}}}"#
                )
            };
            let version = r#""apiVersion":"certificates.k8s.io/v1""#;
            desk.put(
                "raw.json",
                0o644,
                format!(
                    r#"{{"kind":"CertificateSigningRequestList",{version},"metadata":{{}},"items":[{},{}]}}"#,
                    item("a", ""),
                    item("b", "")
                ),
            );
            let kind = format!(r#""kind":"CertificateSigningRequest",{version},"#);
            desk.put("stream.json", 0o644, format!("{}\n{}\n", item("c", &kind), item("d", &kind)));
            desk.put("empty.yaml", 0o644, "apiVersion: v1\nkind: List\nitems: []\n");
        },
        runs: &[
            Run {
                line: "kpki sign csr raw.json stream.json --profile auto --ca pki && ls *.crt",
                code: 0,
                says: &[
                    "raw.json: items[1] (b)",
                    "stream.json: document 2 (d)",
                    "a.crt\nb.crt\nc.crt\nd.crt",
                ],
                never: &[],
            },
            Run {
                line: "kpki sign csr empty.yaml --profile auto --ca pki",
                code: 2,
                says: &["the list is empty: there is no request in it"],
                never: &[],
            },
        ],
    },
];

const SIGNERS: &[Case] = &[
    Case {
        situation: "objects of clusters before 1.22, without a signer or of the one that promises nothing",
        inputs: |desk| {
            authority(desk);
            let put = |name: &str, wishes, signer: &str| {
                desk.put(&format!("{name}.yaml"), 0o644, yaml(desk, "v1beta1", name, wishes, signer, ""));
            };
            let web = ("/CN=web", "DNS:web.example.com");
            put("web", web, "usages: [digital signature, server auth]\n");
            put("legacy", web, "signerName: kubernetes.io/legacy-unknown\n  usages: [server auth]\n");
            put("node", NODE, "usages: [digital signature, key encipherment, server auth]\n");
            put("bare", web, "username: jane\n");
            desk.put("v1.yaml", 0o644, yaml(desk, "v1", "v1", web, "usages: [server auth]\n", ""));
        },
        runs: &[
            Run {
                line: "kpki sign csr web.yaml --profile auto --ca pki; [ $? = 1 ] && kpki sign csr legacy.yaml --profile auto --ca pki -o json",
                code: 1,
                says: &[
                    "web.yaml  profile auto\n",
                    "which promises nothing of what it signs",
                    "\"code\": \"signer-unknown\"",
                ],
                never: &["CA \n"],
            },
            Run {
                line: "kpki sign csr legacy.yaml --profile server --ca pki --dry-run && kpki sign csr bare.yaml --profile server --ca pki --dry-run",
                code: 0,
                says: &["the signer kubernetes.io/legacy-unknown promises nothing", "asked for by jane"],
                never: &[],
            },
            // As the API server of v1beta1 took it.
            Run {
                line: "kpki sign csr node.yaml --profile auto --ca pki --dry-run",
                code: 0,
                says: &["profile kubelet-serving"],
                never: &["promises nothing"],
            },
            Run {
                line: "kpki sign csr v1.yaml --profile server --ca pki",
                code: 2,
                says: &["spec.signerName is missing"],
                never: &[],
            },
        ],
    },
    Case {
        situation: "the profile is to be taken from the signer",
        inputs: |desk| {
            authority(desk);
            object(desk, "jane", JANE, CLIENT, "");
            object(desk, "kubelet", NODE_CLIENT, KUBELET, BY_NODE);
            object(desk, "own", JANE, "signerName: example.com/people\n  usages: [client auth]\n", "");
            // The file's name says another profile, and does not count.
            let serving = yaml(desk, "v1", "serving", NODE, SERVING, BY_NODE);
            desk.put("apiserver.yaml", 0o644, serving);
            // CA:TRUE and a wish to sign certificates are a refusal, wherever they stand.
            let wishes = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign";
            let config = format!(
                "[req]\ndistinguished_name=n\nprompt=no\nreq_extensions=e\n[n]\nCN=jane\n[e]\n{wishes}\n"
            );
            desk.put("config", 0o644, config);
            let at = |name: &str| desk.root().join(name);
            openssl([
                "req",
                "-new",
                "-key",
                text(&at("jane.key")),
                "-config",
                text(&at("config")),
                "-out",
                text(&at("ca.csr")),
            ]);
            let old = base64(desk.read("jane.csr"));
            let object = desk.read("jane.yaml").replace(&old, &base64(desk.read("ca.csr")));
            desk.put("ca.yaml", 0o644, object);
        },
        runs: &[
            Run {
                line: "kpki sign csr jane.yaml kubelet.yaml apiserver.yaml --profile auto --ca pki --dry-run",
                code: 0,
                says: &[
                    "jane.yaml  profile user",
                    "kubelet.yaml  profile kubelet-client",
                    "apiserver.yaml  profile kubelet-serving",
                ],
                never: &[],
            },
            Run {
                line: "kpki sign csr own.yaml --profile auto --ca pki",
                code: 1,
                says: &[
                    "the object asks the signer example.com/people, which is none of Kubernetes' own; say with --profile",
                ],
                never: &[],
            },
            Run {
                line: "kpki sign csr own.yaml --profile user --ca pki --dry-run",
                code: 0,
                says: &["admitted"],
                never: &[],
            },
            Run {
                line: "kpki sign csr ca.yaml --profile auto --ca pki -o json",
                code: 1,
                says: &["\"code\": \"ca-requested\"", "\"code\": \"cert-sign-requested\""],
                never: &[],
            },
        ],
    },
];
