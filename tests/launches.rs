//! How programs are launched, held against those who launch them: systemd's own readers of units and of environment files, and
//! etcd, which logs the files and switches that it starts with.

#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "tests write the files that they need")]

#[expect(dead_code, reason = "each test uses its part of what they share")]
mod forge;
#[expect(dead_code, reason = "each test uses its part of what they share")]
mod support;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kpki::manifest::{At, Component, Document, Files, Found, Launched, launches};
use support::{command, run, scratch, text, wait_for};

/// Writes a file, in directories that are made where they are missing.
fn write(path: &Path, contents: &str) {
    std::fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("a directory");
    support::write(path, contents);
}

/// A directory as the root of a node.
struct Root {
    directory: PathBuf,
    /// The paths of the files that were read, by number.
    read: Mutex<Vec<PathBuf>>,
}

impl Root {
    fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), read: Mutex::default() }
    }

    fn here(&self, path: &Path) -> PathBuf {
        self.directory.join(path.strip_prefix("/").expect("it is absolute"))
    }

    fn launched(&self) -> Launched {
        launches(self)
    }

    /// The flags of a component, each as `name=value`.
    fn flags(&self, component: Component) -> Vec<String> {
        let launched = self.launched();
        let launch = launched.of(component).next().unwrap_or_else(|| panic!("{component} is launched"));
        assert_eq!(launch.doubts, []);
        launch.flags.all().iter().map(|flag| format!("{}={}", flag.name, flag.value)).collect()
    }
}

impl Files for Root {
    fn at(&self, path: &Path) -> At {
        let Ok(bytes) = std::fs::read(self.here(path)) else { return At::Missing };
        let mut read = self.read.lock().expect("nobody panicked");
        read.push(path.to_owned());
        At::File(read.len() - 1, Document::sniff(&bytes).map(Arc::new))
    }

    fn names(&self, directory: &Path) -> Vec<OsString> {
        let entries = std::fs::read_dir(self.here(directory)).into_iter().flatten().flatten();
        let mut names: Vec<OsString> = entries.map(|entry| entry.file_name()).collect();
        names.sort();
        names
    }

    fn link(&self, path: &Path) -> Option<PathBuf> {
        std::fs::read_link(self.here(path)).ok()
    }

    fn documents(&self) -> Vec<Found> {
        Vec::new()
    }
}

/// The directory of units within a root.
const UNITS: &str = "etc/systemd/system";

/// What `systemd-analyze verify` says of a unit when it is asked for everything.
fn systemd(root: &Path, unit: &str) -> String {
    let units = root.join(UNITS);
    let mut analyze = command("systemd-analyze", ["verify", unit]);
    analyze
        .env("SYSTEMD_UNIT_PATH", &units)
        .env("SYSTEMD_LOG_LEVEL", "debug")
        .env("SYSTEMD_LOG_TARGET", "console");
    let ran = run(&mut analyze);
    assert!(
        ran.words().contains("Command Line:"),
        "tests/tools/install.sh installs systemd\n{}",
        ran.words()
    );
    ran.words()
}

/// The words of a line of systemd's, which quotes those that have more than letters in them as a shell would.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut chars = line.trim().chars().peekable();
    while let Some(first) = chars.next() {
        let mut word = String::new();
        match first {
            ' ' => continue,
            '"' => {
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    match c {
                        '\\' => word.extend(chars.next().map(|c| match c {
                            'n' => '\n',
                            't' => '\t',
                            c => c,
                        })),
                        c => word.push(c),
                    }
                }
            }
            c => {
                word.push(c);
                while let Some(c) = chars.next_if(|c| *c != ' ') {
                    word.push(c);
                }
            }
        }
        words.push(word);
    }
    words
}

#[test]
fn units_are_read_as_systemd_reads_them() {
    for (number, lines) in [
        "ExecStart=/usr/bin/etcd --a=1 --b=2",
        "ExecStart=/usr/bin/etcd \\\n  --a=1 \\\n  # --b=2 \\\n  --c=3 \\\n; --d=4\n  --e=5",
        "ExecStart=/usr/bin/etcd --a=\"x y\" '--b=x  y' \"--c=it's\" --d='a \"b\"' --e=a\\ b",
        "ExecStart=/usr/bin/etcd --a=\\x41\\t\\\"z --b=\\s --c='\\x2f' --d=\\101",
        "ExecStart=-@/usr/bin/etcd zero --a=%p --b=%N --c=%n --d=100%%",
        "ExecStart=+/usr/bin/etcd --a=1\nExecStart=\nExecStart=/usr/bin/etcd --b=2",
        "ExecStart = /usr/bin/etcd   --a=1\t--b=2   \n  ExecStop=/bin/true --x=1",
        "[Unit]\nExecStart=/usr/bin/etcd --no=1\n[Service]\nExecStart=/usr/bin/etcd --a=1",
        "ExecStart=/usr/bin/etcd --a=1 \\\\\n--b=2",
        "ExecStart=/usr/bin/etcd --a=/etc/%E/x --b=%t --c=%S",
    ]
    .into_iter()
    .enumerate()
    {
        let directory = scratch();
        let unit = "etcd.service";
        let text = format!("[Unit]\nDefaultDependencies=no\n[Service]\n{lines}\n");
        write(&directory.path().join(UNITS).join(unit), &text);
        let said = systemd(directory.path(), unit);
        let started = said.lines().filter_map(|line| line.trim().strip_prefix("Command Line: "));
        let expected: Vec<String> = started
            .map(words)
            .filter(|words| {
                words.first().is_some_and(|program| program.ends_with("etcd") || program == "zero")
            })
            .flat_map(|words| words.into_iter().skip(1))
            .filter_map(|word| word.strip_prefix("--").map(str::to_owned))
            .collect();
        assert!(!expected.is_empty(), "{number}: {said}");
        assert_eq!(Root::new(directory.path()).flags(Component::Etcd), expected, "{number}: {lines}");
    }
}

#[test]
fn drop_ins_are_put_together_as_systemd_does() {
    let directory = scratch();
    let units = directory.path().join(UNITS);
    write(
        &units.join("etcd.service"),
        "[Unit]\nDefaultDependencies=no\n[Service]\nEnvironment=A=1\nExecStart=/usr/bin/etcd --a=1\n",
    );
    write(
        &units.join("etcd.service.d/20.conf"),
        "[Service]\nExecStart=\nExecStart=/usr/bin/etcd --b=2\nEnvironment=\"B=x y\" A=2\n",
    );
    write(&units.join("etcd.service.d/10.conf"), "[Service]\nExecStart=\nExecStart=/usr/bin/etcd --c=3\n");
    write(&units.join("service.d/30.conf"), "[Service]\nEnvironment=ETCD_NAME=n\n");
    write(&units.join("etcd.service.d/ignored.txt"), "[Service]\nExecStart=\n");
    let said = systemd(directory.path(), "etcd.service");
    assert!(
        said.contains("Command Line: /usr/bin/etcd --b=2") && said.contains("Environment: ETCD_NAME=n"),
        "{said}"
    );
    assert_eq!(Root::new(directory.path()).flags(Component::Etcd), ["name=n", "b=2"]);
}

#[test]
fn environment_files_are_read_as_systemd_reads_them() {
    const GENERATOR: &str = "/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator";
    let contents = "A=x y  \nB=\"q\\\n r\"\nC='s q' t\nD=a\\\nb\n# a comment\nE=1\n;F=2\nG=\"a\\\"b\\nc\"\nH=a\"b\"\nI= \"x\" \"y\"\n J = 1\n\
                    L=a\\ b\nM=\"multi\nline\"\nN=\nO\nP=1\nP=2\nQ=a#b\nR='it''s'\nS=\"unfinished";
    let directory = scratch();
    write(&directory.path().join("environment.d/a.conf"), contents);
    let mut generator = Command::new(GENERATOR);
    let ran = run(generator.env_clear().env("XDG_CONFIG_HOME", directory.path())).ok();
    write(&directory.path().join("etc/e.env"), contents);
    for name in ('A'..='S').map(String::from) {
        let expected = ran.stdout.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
        let Some(expected) = expected else { continue };
        let expected = words(expected).concat();
        let unit =
            format!("[Service]\nEnvironmentFile=/etc/e.env\nExecStart=/usr/bin/etcd --v=${{{name}}}\n");
        write(&directory.path().join(UNITS).join("etcd.service"), &unit);
        let found = Root::new(directory.path()).flags(Component::Etcd);
        assert_eq!(found, [format!("v={expected}")], "{name}\n{}", ran.stdout);
    }
}

/// A running etcd; it ends with the value.
struct Etcd(Child);

impl Drop for Etcd {
    fn drop(&mut self) {
        // By its own handle: whatever other etcd runs here is none of ours.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What etcd logs of the files that it serves clients and peers with.
fn etcd(arguments: &[&str], environment: &[(&str, &str)], directory: &Path) -> [String; 2] {
    let log = directory.join("etcd.log");
    let output = std::fs::File::create(&log).expect("a log");
    let mut etcd = command("etcd", arguments);
    etcd.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(directory);
    etcd.envs(environment.iter().copied()).stdout(Stdio::null()).stderr(output);
    let _running = Etcd(etcd.spawn().expect("etcd starts; tests/tools/install.sh installs it"));
    wait_for("etcd says what it starts with", Duration::from_secs(60), || {
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        let told = |what: &str| {
            let line = said.lines().find(|line| line.contains(what))?;
            let (_, info) = line.split_once("\"tls-info\":\"")?;
            Some(info.split('"').next().unwrap_or_default().to_owned())
        };
        match (told("starting with client TLS"), told("starting with peer TLS")) {
            (Some(clients), Some(peers)) => Ok([clients, peers]),
            _ => Err(said),
        }
    })
}

/// The same, as kpki reads it.
fn as_read(root: &Root) -> [String; 2] {
    let launched = root.launched();
    let flags = &launched.of(Component::Etcd).next().expect("etcd is launched").flags;
    ["", "peer-"].map(|prefix| {
        let value = |name: &str| flags.value(&format!("{prefix}{name}")).unwrap_or_default();
        let is_on = flags.switch(&format!("{prefix}client-cert-auth")) == Some(true);
        let list = flags.value(if prefix.is_empty() { "client-crl-file" } else { "peer-crl-file" });
        format!(
            "cert = {}, key = {}, trusted-ca = {}, client-cert-auth = {is_on}, crl-file = {}",
            value("cert-file"),
            value("key-file"),
            value("trusted-ca-file"),
            list.unwrap_or_default()
        )
    })
}

/// One pair for all, and its CA.
fn certificates(directory: &Path) {
    let ca = forge::ca("cn=etcd-ca");
    let leaf = ca.leaf("cn=m1 eku=server,client sans=ip:127.0.0.1");
    for (name, contents) in [("ca.crt", ca.pem()), ("m1.crt", leaf.pem()), ("m1.key", leaf.key_pem())] {
        write(&directory.join(name), &contents);
    }
}

#[test]
fn etcds_configuration_is_read_as_etcd_reads_it() {
    let directory = scratch();
    let here = text(directory.path()).to_owned();
    certificates(directory.path());
    let common = format!(
        "name: m1\ndata-dir: {here}/data\nlogger: zap\nlisten-client-urls: https://127.0.0.1:0\nadvertise-client-urls: https://127.0.0.1:0\n\
         listen-peer-urls: https://127.0.0.1:0\ninitial-advertise-peer-urls: https://127.0.0.1:0\ninitial-cluster: m1=https://127.0.0.1:0\n"
    );
    for (number, configuration) in [
        format!(
            "client-transport-security:\n  cert-file: {here}/m1.crt\n  key-file: {here}/m1.key\n  client-cert-auth: false\n\
             peer-transport-security:\n  cert-file: {here}/m1.crt\n  key-file: {here}/m1.key\n  client-cert-auth: true\n  trusted-ca-file: {here}/ca.crt\n"
        ),
        // In JSON's form, with a field for lists that etcd does not have.
        format!(
            "client-transport-security: {{\"cert-file\": \"{here}/m1.crt\", \"key-file\": \"{here}/m1.key\", \"client-cert-auth\": true, \
             \"trusted-ca-file\": \"{here}/ca.crt\"}}\npeer-transport-security: {{cert-file: '{here}/m1.crt', key-file: {here}/m1.key, \
             trusted-ca-file: {here}/ca.crt}}\nclient-crl-file: {here}/no.crl\n"
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let file = format!("{here}/etc/etcd/c.yml");
        write(Path::new(&file), &format!("{common}{configuration}"));
        // Neither other flags nor the environment count beside it.
        let (arguments, environment) = (["--config-file", &file, "--cert-file=/no"], [("ETCD_KEY_FILE", "/no")]);
        let said = etcd(&arguments, &environment, directory.path());
        let unit = "[Service]\nEnvironment=ETCD_KEY_FILE=/no\nExecStart=/usr/bin/etcd --config-file /etc/etcd/c.yml --cert-file=/no\n";
        write(&directory.path().join(UNITS).join("etcd.service"), unit);
        assert_eq!(as_read(&Root::new(directory.path())), said, "{number}");
        std::fs::remove_dir_all(directory.path().join("data")).expect("etcd made it");
    }
}

#[test]
fn etcds_environment_is_read_as_etcd_reads_it() {
    let directory = scratch();
    let here = text(directory.path()).to_owned();
    certificates(directory.path());
    let (certificate, key, ca) =
        (format!("{here}/m1.crt"), format!("{here}/m1.key"), format!("{here}/ca.crt"));
    let url = "https://127.0.0.1:0";
    let variables = [
        ("ETCD_NAME", "m1"),
        ("ETCD_DATA_DIR", "data"),
        ("ETCD_LISTEN_CLIENT_URLS", url),
        ("ETCD_ADVERTISE_CLIENT_URLS", url),
        ("ETCD_LISTEN_PEER_URLS", url),
        ("ETCD_INITIAL_ADVERTISE_PEER_URLS", url),
        ("ETCD_INITIAL_CLUSTER", "m1=https://127.0.0.1:0"),
        ("ETCD_CERT_FILE", &certificate),
        ("ETCD_TRUSTED_CA_FILE", &ca),
        ("ETCD_CLIENT_CERT_AUTH", "true"),
        ("ETCD_PEER_CERT_FILE", &certificate),
        ("ETCD_PEER_KEY_FILE", &key),
        ("ETCD_PEER_TRUSTED_CA_FILE", &ca),
        ("ETCD_PEER_CLIENT_CERT_AUTH", "1"),
    ];
    // etcd does not start with both a flag and its variable.
    let own = format!("--key-file={key}");
    let said = etcd(&["--logger=zap", &own], &variables, directory.path());
    let lines: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    write(&directory.path().join("etc/etcd.env"), &lines.join("\n"));
    let unit =
        format!("[Service]\nEnvironmentFile=/etc/etcd.env\nExecStart=/usr/bin/etcd --logger=zap {own}\n");
    write(&directory.path().join(UNITS).join("etcd.service"), &unit);
    assert_eq!(as_read(&Root::new(directory.path())), said);
}
