//! `kpki probe` against real servers: what is said of the client certificate that was shown.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::SystemTime;

use serde_json::Value;

use crate::desk::Desk;
use crate::forge::{self, Forged};
use crate::support::{Ran, command, files_under, kpki, run, text, tool};

/// A server that ends with the value.
struct Server {
    child: Child,
    endpoint: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts a program, and waits for it to say on which port of 127.0.0.1 it listens.
    #[track_caller]
    fn start(mut program: Command, port: fn(&str) -> Option<&str>) -> Self {
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = program.spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its stdout"));
        let mut said = String::new();
        let port = loop {
            let from = said.len();
            if lines.read_line(&mut said).expect("it speaks UTF-8") == 0 {
                let mut complaint = String::new();
                let _ = child.stderr.take().expect("its stderr").read_to_string(&mut complaint);
                panic!("{program:?} ended: {said}{complaint}");
            }
            if let Some(port) = port(said[from..].trim()) {
                break port.to_owned();
            }
        };
        // What it says from here on must not fill the pipes.
        let mut complaints = child.stderr.take().expect("its stderr");
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        std::thread::spawn(move || std::io::copy(&mut complaints, &mut std::io::sink()));
        Self { child, endpoint: format!("127.0.0.1:{port}") }
    }

    /// A server of Go's crypto/tls, whose present is the desk's; see tests/tools/goserve.
    #[track_caller]
    fn go(desk: &Desk, mode: &str, client_cas: &str, version: &str) -> Self {
        let mut program = command("setpriv", ["--pdeathsig", "KILL", "--", goserve(), mode]);
        program.args(["server.crt", "server.key", client_cas, Desk::NOW, version]).current_dir(desk.root());
        Self::start(program, |line| (!line.is_empty()).then_some(line))
    }

    /// `openssl s_server`, which lives in the present of the machine.
    #[track_caller]
    fn openssl(desk: &Desk, words: &[&str]) -> Self {
        let mut program = command("setpriv", ["--pdeathsig", "KILL", "--", "openssl", "s_server"]);
        program.args(["-accept", "127.0.0.1:0", "-cert", "server.crt", "-key", "server.key"]);
        program.args(words).current_dir(desk.root());
        Self::start(program, |line| line.strip_prefix("ACCEPT 127.0.0.1:"))
    }

    /// Probes it with a client's certificate, `NAME.crt` and `NAME.key`.
    #[track_caller]
    fn probe(&self, desk: &Desk, client: &str, words: &[&str]) -> Ran {
        let mut probe = kpki(["--now", Desk::NOW, "probe", &self.endpoint]);
        probe.args(["--cert", &format!("{client}.crt"), "--key", &format!("{client}.key")]);
        run(probe.args(words).env("NO_COLOR", "1").current_dir(desk.root()))
    }

    /// The same, as data.
    #[track_caller]
    fn presented(&self, desk: &Desk, client: &str, words: &[&str]) -> (Option<i32>, Value) {
        let ran = self.probe(desk, client, &[words, &["-o", "json"]].concat());
        let seen: Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.words()));
        (ran.code, seen[0]["clientAuth"]["presented"].clone())
    }
}

/// The program, built anew where its source has changed.
fn goserve() -> &'static str {
    static PROGRAM: LazyLock<String> = LazyLock::new(|| {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools/goserve");
        let changed = |path: &Path| -> Option<SystemTime> { path.metadata().ok()?.modified().ok() };
        let source = tool("goserve");
        let newest = files_under(&source, &["go", "mod"]).iter().filter_map(|path| changed(path)).max();
        if changed(&program).is_none_or(|built| Some(built) < newest) {
            let new = program.with_extension(std::process::id().to_string());
            let build = ["build", "-C", text(&source), "-trimpath", "-o", text(&new), "."];
            let built = Command::new("go").args(build).status();
            assert!(
                built.is_ok_and(|status| status.success()),
                "goserve is missing; tests/tools/install.sh builds it"
            );
            std::fs::rename(new, &program).expect("renamed");
        }
        text(&program).to_owned()
    });
    &PROGRAM
}

/// A server's certificate, its CA as `ca.crt`, and clients with everything that may be wrong with them.
fn desk() -> Desk {
    let desk = Desk::new();
    let ca = forge::ca("cn=cluster-ca cn-as=printable key=p256:probe-ca");
    desk.put("ca.crt", 0o644, ca.pem());
    desk.pair("server", &ca.leaf("cn=server eku=server,client sans=ip:127.0.0.1 key=p256:probe-server"));
    let inter = ca.ca("cn=inter key=p256:probe-inter");
    let ended = ca.ca("cn=ended from=-20d until=-1d key=p256:probe-ended");
    let narrow = ca.ca("cn=narrow eku=server key=p256:probe-narrow");
    let namesake = forge::ca("cn=cluster-ca cn-as=printable key=p256:probe-namesake");
    let elsewhere = forge::ca("cn=elsewhere key=p256:probe-elsewhere");
    // openssl's way to write the name of a CA that is renewed.
    let spelt = ca.reissue("cn=cluster-ca cn-as=utf8");
    desk.put("elsewhere.crt", 0o644, elsewhere.pem());
    desk.put("two.crt", 0o644, ca.pem() + &namesake.pem());
    let put = |name: &str, leaf: &Forged, chain: &[&Forged]| {
        let chain: String = chain.iter().map(|one| one.pem()).collect();
        desk.put(&format!("{name}.crt"), 0o644, leaf.pem() + &chain);
        desk.put(&format!("{name}.key"), 0o600, leaf.key_pem());
    };
    let client = |issuer: &Forged, words: &str| issuer.leaf(&format!("cn=client eku=client {words}"));
    put("good", &client(&ca, ""), &[]);
    put("no-eku", &ca.leaf("cn=client"), &[]);
    put("any-eku", &ca.leaf("cn=client eku=any"), &[]);
    put("chain", &client(&inter, ""), &[&inter]);
    put("chain-and-root", &client(&inter, ""), &[&inter, &ca]);
    put("expired", &client(&ca, "from=-20d until=-1d"), &[]);
    put("future", &client(&ca, "from=+1d"), &[]);
    put("server-only", &ca.leaf("cn=client eku=server"), &[]);
    put("no-chain", &client(&inter, ""), &[]);
    put("wrong-chain", &client(&inter, ""), &[&ended]);
    put("ended-chain", &client(&ended, ""), &[&ended]);
    put("narrow-chain", &client(&narrow, ""), &[&narrow]);
    put("namesake", &client(&namesake, ""), &[]);
    put("namesake-and-ca", &client(&namesake, ""), &[&namesake]);
    put("stranger", &client(&elsewhere, ""), &[]);
    put("spelt", &client(&spelt, ""), &[]);
    put("self-signed", &forge::self_signed_leaf("cn=client eku=client"), &[]);
    put("everything", &elsewhere.leaf("cn=client eku=server from=-20d until=-1d"), &[]);
    desk
}

/// The clients that are taken.
const GOOD: [&str; 5] = ["good", "no-eku", "any-eku", "chain", "chain-and-root"];

/// The others: their codes, and words.
const BAD: [(&str, &[&str], &[&str]); 13] = [
    ("expired", &["expired"], &["it ended on 2026-05-31 12:00:00 UTC"]),
    ("future", &["not-yet-valid"], &["it begins on 2026-06-02 12:00:00 UTC only"]),
    ("server-only", &["purpose"], &["it is not for clientAuth (its extended key usage is serverAuth)"]),
    (
        "no-chain",
        &["issuer-unknown"],
        &["its issuer CN=inter is not sent and not among the server's CAs (CN=cluster-ca)"],
    ),
    ("wrong-chain", &["issuer-unknown"], &["its issuer CN=inter is not sent"]),
    ("ended-chain", &["expired"], &["CN=ended above it: "]),
    ("narrow-chain", &["purpose"], &["CN=narrow above it: "]),
    ("namesake", &["another-ca"], &["it is signed by another CA of the name CN=cluster-ca than "]),
    ("namesake-and-ca", &["another-ca"], &["it is signed by another CA of the name CN=cluster-ca than "]),
    ("stranger", &["issuer-unknown"], &["its issuer CN=elsewhere is not sent and not among"]),
    ("spelt", &["issuer-written-otherwise"], &["its issuer CN=cluster-ca is written with other bytes"]),
    ("self-signed", &["self-signed"], &["it is self-signed, and not among the server's CAs (CN=cluster-ca)"]),
    (
        "everything",
        &["expired", "purpose", "issuer-unknown"],
        &["it ended on", "; it is not for clientAuth", "; its issuer CN=elsewhere"],
    ),
];

fn codes(presented: &Value) -> Vec<&str> {
    let reasons = presented["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
    reasons.iter().map(|reason| reason["code"].as_str().expect("a code")).collect()
}

/// Where a server asks and does not require, nobody is refused: what is said must be what the same server says in the
/// handshake when it looks there.
#[test]
fn what_would_not_authenticate_is_what_go_refuses() {
    let desk = desk();
    let all = || GOOD.iter().copied().chain(BAD.iter().map(|(name, ..)| *name));
    for version in ["1.2", "1.3"] {
        let [asks, looks, requires] =
            ["request", "verify-if-given", "require"].map(|mode| Server::go(&desk, mode, "ca.crt", version));
        for words in [&["--cacert", "ca.crt"][..], &[], &["--client-ca", "ca.crt"]] {
            for client in all() {
                let place = format!("{client}, TLS {version}, {words:?}");
                let good = GOOD.contains(&client);
                let (code, asked) = asks.presented(&desk, client, words);
                let (outcome, would) = if good { ("accepted", true) } else { ("notRefused", false) };
                assert_eq!(
                    (&asked["outcome"], &asked["wouldAuthenticate"]),
                    (&outcome.into(), &would.into()),
                    "{place}: {asked}"
                );
                assert_eq!(code, Some(i32::from(!good)), "{place}");
                for server in [&looks, &requires] {
                    let (code, told) = server.presented(&desk, client, words);
                    let outcome = if good { "accepted" } else { "refused" };
                    assert_eq!(told["outcome"], outcome, "{place}: {told}");
                    assert_eq!(code, Some(i32::from(!good)), "{place}");
                    assert_eq!(codes(&told), codes(&asked), "{place}");
                }
            }
        }
    }
}

#[test]
fn why_it_is_not_taken_is_said_in_words() {
    let desk = desk();
    let (asks, requires) =
        (Server::go(&desk, "request", "ca.crt", "1.3"), Server::go(&desk, "require", "ca.crt", "1.3"));
    for (client, expected, words) in BAD {
        let (_, presented) = asks.presented(&desk, client, &["--cacert", "ca.crt"]);
        assert_eq!(codes(&presented), expected, "{client}: {presented}");
        let told = asks.probe(&desk, client, &["--cacert", "ca.crt"]).expect_code(1).stdout;
        let line = told.lines().find(|line| line.contains("client cert")).expect("a line of it");
        assert!(line.starts_with("  client cert  would NOT authenticate: "), "{line}");
        assert!(words.iter().all(|words| line.contains(words)), "{words:?}: {line}");
        assert!(told.contains("this server asks for a certificate, and goes on with any or none"), "{told}");
        assert!(told.contains("client auth  asked for, not required"), "{told}");

        // A server written in Go says bad_certificate of most of them.
        let told = requires.probe(&desk, client, &["--cacert", "ca.crt"]).expect_code(1).stdout;
        let line = told.lines().find(|line| line.contains("client cert")).expect("a line of it");
        assert!(line.starts_with("  client cert  refused ("), "{line}");
        assert!(words.iter().all(|words| line.contains(words)), "{words:?}: {line}");
        assert!(!told.contains("goes on with any or none"), "{told}");
    }
    let (_, expired) = asks.presented(&desk, "expired", &[]);
    assert_eq!(expired["reasons"][0]["date"], "2026-05-31T12:00:00Z");
    assert_eq!((&expired["issuer"], &expired["issuerNamed"]), (&"CN=cluster-ca".into(), &true.into()));
    let (_, good) = asks.presented(&desk, "good", &["--client-ca", "ca.crt"]);
    assert_eq!(good["verifiedBy"], "CN=cluster-ca (ca.crt)");
    let told = asks.probe(&desk, "good", &["--cacert", "ca.crt"]).ok().stdout;
    assert!(told.contains("client cert  accepted: it is for clientAuth, until 2"), "{told}");
    assert!(told.contains("and signed by the server's CA CN=cluster-ca (ca.crt)"), "{told}");
}

/// The names of CAs alone do not tell everything, and what they do not tell is not said.
#[test]
fn what_cannot_be_told_is_not_told() {
    let desk = desk();
    // It names none.
    let server = Server::go(&desk, "request", "-", "1.3");
    let ran = server.probe(&desk, "good", &["--cacert", "ca.crt"]).ok();
    assert!(ran.stdout.contains("client cert  not refused: it is for clientAuth"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("the server names no CAs, so whether it knows CN=cluster-ca cannot be told"),
        "{}",
        ran.stdout
    );
    assert_eq!(server.presented(&desk, "good", &[]).1["wouldAuthenticate"], Value::Null);
    // What is said to be its CA file decides; dates and purposes need none.
    assert_eq!(server.presented(&desk, "good", &["--client-ca", "ca.crt"]).1["wouldAuthenticate"], true);
    let (code, stranger) = server.presented(&desk, "stranger", &["--client-ca", "ca.crt"]);
    assert_eq!((code, codes(&stranger)), (Some(1), vec!["issuer-not-given"]), "{stranger}");
    let (code, namesake) = server.presented(&desk, "namesake", &["--client-ca", "ca.crt"]);
    assert_eq!((code, codes(&namesake)), (Some(1), vec!["another-ca"]), "{namesake}");
    assert_eq!(server.presented(&desk, "expired", &[]).0, Some(1));

    // It knows two of one name, and one of them is at hand.
    let server = Server::go(&desk, "request", "two.crt", "1.3");
    let (code, namesake) = server.presented(&desk, "namesake", &["--cacert", "ca.crt"]);
    assert_eq!(
        (code, &namesake["wouldAuthenticate"], &namesake["outcome"]),
        (Some(0), &Value::Null, &"notRefused".into())
    );
    assert_eq!(server.presented(&desk, "namesake", &["--client-ca", "two.crt"]).1["wouldAuthenticate"], true);

    // A CA of another name than the server's own: by its name alone nothing is known of its key.
    let server = Server::go(&desk, "request", "elsewhere.crt", "1.3");
    let (code, stranger) = server.presented(&desk, "stranger", &["--cacert", "ca.crt"]);
    assert_eq!((code, &stranger["wouldAuthenticate"]), (Some(0), &Value::Null), "{stranger}");
    let (code, good) = server.presented(&desk, "good", &["--cacert", "ca.crt"]);
    assert_eq!((code, codes(&good)), (Some(1), vec!["issuer-unknown"]), "{good}");
}

/// A server that wants any certificate, and looks at none.
#[test]
fn a_server_that_takes_any_certificate() {
    let desk = desk();
    let server = Server::go(&desk, "require-any", "ca.crt", "1.3");
    let ran = server.probe(&desk, "expired", &[]).expect_code(1);
    assert!(ran.stdout.contains("client cert  accepted, although it ended on"), "{}", ran.stdout);
    assert!(ran.stdout.contains("does the server look at it at all?"), "{}", ran.stdout);
    // It may know more CAs than it names.
    let ran = server.probe(&desk, "stranger", &[]).ok();
    assert!(
        ran.stdout.contains("client cert  accepted, although its issuer CN=elsewhere is not sent"),
        "{}",
        ran.stdout
    );
    server.probe(&desk, "good", &[]).ok();

    let server = Server::go(&desk, "none", "-", "1.3");
    let ran = server.probe(&desk, "good", &[]).ok();
    assert!(ran.stdout.contains("client cert  not shown: the server asks for none"), "{}", ran.stdout);
}

/// openssl's alerts tell more than Go's, and what they tell of a certificate that has nothing against it here is said.
#[test]
fn alerts_are_hints() {
    let desk = desk();
    for version in ["-tls1_2", "-tls1_3"] {
        let words = [version, "-Verify", "3", "-verify_return_error", "-CAfile", "ca.crt"];
        let at = |instant: &str| {
            let seconds =
                time::OffsetDateTime::parse(instant, &time::format_description::well_known::Rfc3339);
            seconds.expect("an instant").unix_timestamp().to_string()
        };
        let (now, later) = (at(Desk::NOW), at("2046-06-01T12:00:00Z"));
        let server = Server::openssl(&desk, &[&words[..], &["-attime", &now]].concat());
        for (client, alert, words) in [
            ("expired", "certificate_expired", "it ended on"),
            ("server-only", "unsupported_certificate", "it is not for clientAuth"),
            ("no-chain", "unknown_ca", "its issuer CN=inter is not sent"),
            ("namesake", "unknown_ca", "than that in ca.crt"),
        ] {
            let ran = server.probe(&desk, client, &["--cacert", "ca.crt"]).expect_code(1);
            let line = ran.stdout.lines().find(|line| line.contains("client cert")).expect("a line of it");
            assert!(
                line.contains(&format!("refused ({alert}): ")) && line.contains(words),
                "{version}: {line}"
            );
        }
        server.probe(&desk, "good", &["--cacert", "ca.crt"]).ok();
        // It compares names by what they mean.
        let (code, spelt) = server.presented(&desk, "spelt", &["--cacert", "ca.crt"]);
        assert_eq!((code, &spelt["outcome"]), (Some(0), &"accepted".into()), "{spelt}");

        // Its clock is another one.
        let server = Server::openssl(&desk, &[&words[..], &["-attime", &later]].concat());
        let ran = server.probe(&desk, "good", &["--cacert", "ca.crt"]).expect_code(1);
        assert!(ran.stdout.contains("refused (certificate_expired): the server holds it, or a CA above it, for expired: do the clocks agree?"), "{}", ran.stdout);
        // Another CA of the name, which nothing here shows.
        let words = [version, "-Verify", "3", "-verify_return_error", "-CAfile", "two.crt", "-attime", &now];
        let server = Server::openssl(&desk, &words);
        server.probe(&desk, "namesake", &["--cacert", "ca.crt"]).ok();
        server.probe(&desk, "good", &["--cacert", "ca.crt"]).ok();
    }
}
