//! Files of every odd kind, by a seed: cut off, changed, huge, nested, encoded twice, bombs, certificates with thousands of
//! names. The same seed makes the same files.

use std::fmt::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::forge::{self, Forged};

/// `SplitMix64` (Steele, Lea and Flood 2014): small, and the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ (value >> 31)
    }

    /// A number below another.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap_or(0)
    }

    /// A length: a usual one, and of sixteen one up to a huge one.
    fn length(&mut self, usual: usize, huge: usize) -> usize {
        let end = if self.below(16) == 0 { huge } else { usual };
        self.below(end)
    }

    /// One of some.
    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let words = std::iter::repeat_with(|| self.next().to_le_bytes());
        words.take(count / 8 + 1).flatten().take(count).collect()
    }
}

/// What the files are made of: made once, for signatures take time.
pub(crate) struct Stock {
    authorities: Vec<Forged>,
    leaves: Vec<Forged>,
    /// Some with a hundred names, and one with thousands.
    many_names: Vec<Forged>,
    /// Some with a hundred entries, and one with thousands.
    lists: Vec<Vec<u8>>,
}

impl Stock {
    pub(crate) fn new() -> Self {
        let authorities: Vec<Forged> =
            (0..4).map(|at| forge::ca(&format!("cn=authority-{at} key=p256:odd-{at}"))).collect();
        let leaves = (0..64)
            .map(|at| {
                let words = format!("cn=leaf-{at} sans=dns:a{at}.example.com,ip:10.0.0.{at} eku=server,client key=p256:odd-leaf-{}", at % 8);
                authorities[at % 4].leaf(&words)
            })
            .collect();
        let count = |at: usize, usual: usize, huge: usize| if at == 0 { huge } else { usual };
        let many_names = (0..12)
            .map(|at| {
                let names = (0..count(at, 100, 2_500)).map(|name| format!("dns:n{name}.{at}.example.com"));
                let names: Vec<String> = names.collect();
                authorities[at % 4].leaf(&format!("cn=many sans={} eku=server", names.join(",")))
            })
            .collect();
        let lists = (0..12)
            .map(|at| {
                let serials = (0..count(at, 100, 4_000)).map(|serial| format!("{:06x}", serial * 7 + at));
                let serials: Vec<String> = serials.collect();
                authorities[at % 4].crl(&format!("revoked={}", serials.join(","))).der().to_vec()
            })
            .collect();
        Self { authorities, leaves, many_names, lists }
    }
}

/// A file of the seed's own: where it lies, and what is in it.
pub(crate) fn file(stock: &Stock, random: &mut Random, number: usize) -> (String, Vec<u8>) {
    let kinds: [fn(&Stock, &mut Random) -> Made; 24] = [
        plain,
        cut_off,
        changed,
        changed_der,
        many_names,
        bundle,
        list,
        key,
        broken_key,
        blocks,
        noise,
        base64_noise,
        bomb,
        texts_bomb,
        nested,
        twice,
        kubeconfig,
        data,
        deep,
        pod,
        ledger,
        credentials,
        settings,
        odd_text,
    ];
    let pick = random.below(kinds.len());
    let (endings, contents) = kinds[pick](stock, random);
    let place = ["pki", "pki/etcd", "manifests", "kubelet/pki", "tls/a/b", "odd"][number % 6];
    (format!("{place}/f{number}{}", random.one(endings)), contents)
}

/// Writes so many files below a directory.
#[track_caller]
pub(crate) fn write(directory: &Path, seed: u64, count: usize) {
    let stock = Stock::new();
    let mut random = Random::new(seed);
    for number in 0..count {
        let (name, contents) = file(&stock, &mut random, number);
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        std::fs::write(&path, contents).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

type Made = (&'static [&'static str], Vec<u8>);

const CERTIFICATES: &[&str] = &[".crt", ".pem", ".cer", "", ".crt.bak"];
const KEYS: &[&str] = &[".key", "-key.pem", ".pem", ".crt"];
const OBJECTS: &[&str] = &[".yaml", ".yml", ".json", ".conf", ""];

fn plain(stock: &Stock, random: &mut Random) -> Made {
    let (leaf, ca) = (random.one(&stock.leaves).pem(), random.one(&stock.authorities).pem());
    (CERTIFICATES, [leaf, ca][..=random.below(2)].concat().into_bytes())
}

fn cut_off(stock: &Stock, random: &mut Random) -> Made {
    let mut text = random.one(&stock.leaves).pem().into_bytes();
    text.truncate(random.below(text.len()));
    (CERTIFICATES, text)
}

fn changed(stock: &Stock, random: &mut Random) -> Made {
    let (CERTIFICATES, der) = changed_der(stock, random) else { unreachable!("it is named so") };
    (CERTIFICATES, block("CERTIFICATE", &der).into_bytes())
}

fn changed_der(stock: &Stock, random: &mut Random) -> Made {
    let mut der = random.one(&stock.leaves).der().to_vec();
    for _ in 0..=random.below(6) {
        let at = random.below(der.len());
        der[at] = random.bytes(1)[0];
    }
    (CERTIFICATES, der)
}

fn many_names(stock: &Stock, random: &mut Random) -> Made {
    (CERTIFICATES, random.one(&stock.many_names).pem().into_bytes())
}

fn bundle(stock: &Stock, random: &mut Random) -> Made {
    let count = 1 + random.length(12, 150);
    (CERTIFICATES, (0..count).map(|_| random.one(&stock.leaves).pem()).collect::<String>().into_bytes())
}

fn list(stock: &Stock, random: &mut Random) -> Made {
    let mut der = random.one(&stock.lists).clone();
    if random.below(2) == 0 {
        let at = random.below(der.len());
        der[at] ^= 0x55;
    }
    (&[".crl", ".pem", ".der"], if random.below(2) == 0 { der } else { block("X509 CRL", &der).into_bytes() })
}

fn key(stock: &Stock, random: &mut Random) -> Made {
    (KEYS, random.one(&stock.leaves).key_pem().into_bytes())
}

fn broken_key(stock: &Stock, random: &mut Random) -> Made {
    let mut text = random.one(&stock.leaves).key_pem().into_bytes();
    let at = 40 + random.below(text.len() - 80);
    text[at] = b'A';
    (KEYS, text)
}

fn blocks(_: &Stock, random: &mut Random) -> Made {
    let one = [
        "-----BEGIN A-----\n-----END A-----\n",
        "-----BEGIN A-----\n",
        "-----END A-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ];
    (CERTIFICATES, random.one(&one).repeat(1 + random.length(50, 5000)).into_bytes())
}

fn noise(_: &Stock, random: &mut Random) -> Made {
    let length = random.length(4_000, 200_000);
    (CERTIFICATES, random.bytes(length))
}

fn base64_noise(_: &Stock, random: &mut Random) -> Made {
    let length = random.length(4_000, 200_000);
    (CERTIFICATES, BASE64_STANDARD.encode(random.bytes(length)).into_bytes())
}

/// Aliases of aliases.
fn bomb(_: &Stock, random: &mut Random) -> Made {
    let width = 2 + random.below(9);
    let mut text = format!("apiVersion: v1\nkind: {}\n", random.one(&["Secret", "Config", "Pod", "List"]));
    let _ = writeln!(text, "a0: &a0 [{}]", vec!["x"; width].join(","));
    for level in 1..=random.below(12) {
        let _ = writeln!(text, "a{level}: &a{level} [{}]", vec![format!("*a{}", level - 1); width].join(","));
    }
    text.push_str("items: *a0\ndata: {b: *a0}\nclusters: *a0\n");
    (OBJECTS, text.into_bytes())
}

/// A long text and many aliases of it.
fn texts_bomb(_: &Stock, random: &mut Random) -> Made {
    let text = "x".repeat(random.length(400, 40_000));
    let aliases = vec!["*a"; random.length(200, 5_000)].join(",");
    (OBJECTS, format!("apiVersion: v1\nkind: ConfigMap\na: &a {text}\nb: [{aliases}]\n").into_bytes())
}

/// Something within something within something.
fn nested(stock: &Stock, random: &mut Random) -> Made {
    let mut text = random.one(&stock.leaves).pem();
    for _ in 0..=random.below(6) {
        text = format!("apiVersion: v1\nkind: Secret\ndata: {{a: {}}}\n", BASE64_STANDARD.encode(text));
    }
    (OBJECTS, text.into_bytes())
}

fn twice(stock: &Stock, random: &mut Random) -> Made {
    let leaf = random.one(&stock.leaves);
    let twice = |text: &str| BASE64_STANDARD.encode(BASE64_STANDARD.encode(text));
    let text = format!(
        "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\ndata: {{tls.crt: {}, tls.key: {}}}\n",
        twice(&leaf.pem()),
        twice(&leaf.key_pem())
    );
    (OBJECTS, text.into_bytes())
}

fn kubeconfig(stock: &Stock, random: &mut Random) -> Made {
    let mut text = "apiVersion: v1\nkind: Config\ncurrent-context: c1\n".to_owned();
    let count = 1 + random.length(5, 60);
    let data = |text: &str| BASE64_STANDARD.encode(text);
    text.push_str("clusters:\n");
    for at in 0..count {
        let server =
            random.one(&["https://10.0.0.1:6443", "https://::1:6443", "10.0.0.1", "https://a:99999", "5"]);
        let ca = data(&random.one(&stock.authorities).pem());
        let _ = writeln!(
            text,
            "- {{name: k{at}, cluster: {{server: '{server}', certificate-authority-data: {ca}}}}}"
        );
    }
    text.push_str("contexts:\n");
    for at in 0..count {
        let user = random.below(2 * count);
        let _ = writeln!(text, "- {{name: c{at}, context: {{cluster: k{at}, user: u{user}}}}}");
    }
    text.push_str("users:\n");
    for at in 0..count {
        let leaf = random.one(&stock.leaves);
        let (crt, key) = (data(&leaf.pem()), data(&leaf.key_pem()));
        let _ = writeln!(
            text,
            "- {{name: u{at}, user: {{client-certificate-data: {crt}, client-key-data: {key}}}}}"
        );
    }
    (&[".conf", ".yaml", ".kubeconfig"], text.into_bytes())
}

/// Base64 of this and that in a shape of its own.
fn data(stock: &Stock, random: &mut Random) -> Made {
    let mut text = "top:\n".to_owned();
    for at in 0..random.length(20, 300) {
        let contents = match random.below(4) {
            0 => random.one(&stock.leaves).pem().into_bytes(),
            1 => random.one(&stock.leaves).der().to_vec(),
            2 => random.one(&stock.leaves).key_pem().into_bytes(),
            _ => random.bytes(100),
        };
        let _ = writeln!(text, "  f{at}: {}", BASE64_STANDARD.encode(contents));
    }
    (OBJECTS, text.into_bytes())
}

fn deep(_: &Stock, random: &mut Random) -> Made {
    let (open, close) =
        *random.one(&[("{\"a\":", "}"), ("[", "]"), ("{\"kind\": \"List\", \"items\": [", "]}")]);
    let depth = random.below(300);
    (OBJECTS, format!("{}1{}", open.repeat(depth), close.repeat(depth)).into_bytes())
}

fn pod(_: &Stock, random: &mut Random) -> Made {
    let mut text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: kube-apiserver-{}}}\nspec:\n  containers:\n  - command:\n    - kube-apiserver\n",
        random.below(9)
    );
    for _ in 0..random.length(60, 2_000) {
        let flag = random.one(&[
            "tls-cert-file",
            "client-ca-file",
            "etcd-cafile",
            "authorization-mode",
            "tls-sni-cert-key",
            "x",
        ]);
        let _ = writeln!(text, "    - --{flag}=/etc/kubernetes/pki/f{}.crt", random.below(14_000));
    }
    text.push_str("    name: kube-apiserver\n");
    (&[".yaml"], text.into_bytes())
}

fn ledger(_: &Stock, random: &mut Random) -> Made {
    let mut text = String::new();
    for line in 1..=random.length(40, 1_000) {
        let mut digest = String::new();
        for byte in random.bytes(32) {
            let _ = write!(digest, "{byte:02x}");
        }
        let _ = writeln!(
            text,
            "{{\"line\":{line},\"issued\":\"2026-01-01T00:00:00Z\",\"serial\":\"{line:x}\",\"certificateSha256\":\"{digest}\",\"previousSha256\":\"{digest}\"}}"
        );
    }
    (&[".ledger.jsonl", ".jsonl"], text.into_bytes())
}

fn credentials(_: &Stock, random: &mut Random) -> Made {
    let lines = (0..random.length(40, 5_000))
        .map(|line| format!("secret{line},user{line},{line},\"system:masters,b\"\n"));
    (&[".csv", ".txt", ""], lines.collect::<String>().into_bytes())
}

fn settings(_: &Stock, random: &mut Random) -> Made {
    let mut text =
        random.one(&["", "[Service]\nExecStart=/usr/bin/etcd \\\n", "data-dir: /var/lib/etcd\n"]).to_string();
    for at in 0..random.length(40, 3_000) {
        let _ = writeln!(
            text,
            "{}",
            random.one(&[
                format!("ETCD_CERT_FILE_{at}=/a/{at}.crt"),
                format!("  --cert-file=/a/{at}.crt \\"),
                format!("k{at}: /a/{at}.crt")
            ])
        );
    }
    (&[".env", ".service", ".yaml", ""], text.into_bytes())
}

fn odd_text(stock: &Stock, random: &mut Random) -> Made {
    let pem = random.one(&stock.leaves).pem();
    let text = match random.below(8) {
        0 => String::new(),
        1 => format!("\u{feff}{pem}"),
        2 => pem.replace('\n', "\r\n"),
        3 => format!("  {}", pem.replace('\n', "\n  ")),
        4 => format!("{}\0{pem}", pem.trim_end()),
        5 => pem.trim_end().repeat(3),
        6 => "a: b\n".repeat(2000),
        _ => format!("key: |\n  {}\n", pem.trim_end().replace('\n', "\n  ")),
    };
    (CERTIFICATES, text.into_bytes())
}

/// A PEM block.
fn block(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
