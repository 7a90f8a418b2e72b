//! What an audit advises, carried out.
//!
//! A line of the table is a tree in which something is wrong, and what is done about it: the commands of the finding's own remedy, taken
//! from the JSON and run by a shell in the user's directory. Afterwards the finding is gone, nothing worse has come, and no fewer
//! connections of a rehearsal go through. Every rule has a line; those whose remedy is words alone say why.

mod table;
mod trees;
mod whole;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Stdio;

use rayon::prelude::*;
use serde_json::Value;

use self::table::lines;
use crate::desk::Desk;
use crate::support::{Ran, command, kpki, kpki_binary, run};

/// Something that is wrong, and how it is mended.
pub(crate) struct Line {
    /// The rule that finds it.
    pub(crate) rule: &'static str,
    /// What is wrong, in a few words.
    pub(crate) situation: &'static str,
    /// Lays out what is there.
    pub(crate) tree: fn(&Desk),
    /// What is audited.
    pub(crate) audited: &'static str,
    /// What the findings say that are mended; empty for all of the rule's.
    pub(crate) saying: &'static str,
    /// The connections that are to end, by their names; empty for none.
    pub(crate) ends: &'static str,
    pub(crate) clock: Clock,
    /// The rules that may have something to say afterwards, of severity low.
    pub(crate) brings: &'static [&'static str],
    pub(crate) cure: Cure,
}

/// By which clock it is judged.
#[derive(Clone, Copy)]
pub(crate) enum Clock {
    /// The desk's present.
    Desk,
    /// The machine's: openssl knows no other. What lies there is good for decades.
    Real,
}

impl Clock {
    /// What kpki is told of it.
    fn words(self) -> Vec<&'static str> {
        match self {
            Self::Desk => vec!["--now", Desk::NOW],
            Self::Real => vec![],
        }
    }
}

/// How a remedy is carried out.
pub(crate) enum Cure {
    /// Its commands are run, one after the other.
    Run,
    /// The same, and after so many of them somebody does something elsewhere, such as signing a request.
    RunWith(usize, fn(&Desk)),
    /// Its commands are run, and the finding is another one then: it tells what comes next.
    RunAnother,
    /// The same, and somebody answers what a program asks.
    RunWithInput(&'static str),
    /// Its commands are for the node itself, for this reason, and only looked at.
    OnNode(&'static str),
    /// It is words, for this reason; somebody does as they say.
    ByHand(&'static str, fn(&Desk)),
    /// It is words, and nothing can be done about it in a directory, for this reason.
    Told(&'static str),
}

#[test]
fn what_is_advised_mends() {
    let only = std::env::var("KPKI_RULE").ok();
    let mut lines = lines();
    lines.retain(|line| only.as_deref().is_none_or(|only| line.rule.starts_with(only)));
    let wrong: Vec<String> = lines
        .par_iter()
        .filter_map(|line| Some(format!("{}, {}:\n{}", line.rule, line.situation, tried(line).err()?)))
        .collect();
    assert!(wrong.is_empty(), "{} remedies went wrong:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[test]
fn every_rule_has_its_line() {
    let known: BTreeSet<&str> = lines().iter().map(|line| line.rule).collect();
    let all: BTreeSet<&str> = kpki::audit::RULES.iter().map(|rule| rule.id).collect();
    let (missing, strange): (Vec<_>, Vec<_>) =
        (all.difference(&known).collect(), known.difference(&all).collect());
    assert!(missing.is_empty() && strange.is_empty(), "without a line: {missing:?}; no rules: {strange:?}");
}

/// What a shell knows besides the programs of the system: kpki at the desk's present, and stand-ins for what there is no cluster for. They
/// do to files what the real ones do, and refuse what those would not take.
const SHELL: &str = r#"
set -euo pipefail
export HOME="$PWD/home"; mkdir -p "$HOME"
kpki() { "$KPKI" $NOW "$@"; }
outside() { printf '%s\n' "$*" >> outside.log; }
no() { echo "nobody takes: $*" >&2; exit 99; }
tree() { for t in n nodes/*; do if [ -f "$t/etc/kubernetes/pki/ca.key" ]; then echo "$t"; return; fi; done; no "a cluster without a CA"; }
kubelet_restarts() {
  for t in n nodes/*; do
    [ -d "$t" ] || continue
    conf="$t/etc/kubernetes/kubelet.conf"; pki="$t/var/lib/kubelet/pki"
    [ -f "$conf" ] && [ -d "$pki" ] || continue
    if [ ! -e "$pki"/kubelet-client-current.pem ] && [ ! -L "$pki"/kubelet-client-current.pem ]; then
      name=$(sed -n 's/.*user: .\{0,1\}system:node:\([a-z0-9.-]*\).*/\1/p' "$conf" | head -1)
      w=$(mktemp -d); kpki issue kubelet-client "$name" --ca "$(tree)/etc/kubernetes/pki/ca.crt" --out "$w/tls.crt" > /dev/null
      (umask 077; cat "$w/tls.crt" "$w/tls.key" > "$pki/kubelet-client-2026-06-01-12-00-00.pem"); rm -r "$w"
      ln -s /var/lib/kubelet/pki/kubelet-client-2026-06-01-12-00-00.pem "$pki/kubelet-client-current.pem"
    fi
  done
}
systemctl() {
  outside systemctl "$@"
  case "$*" in
    "restart kubelet") kubelet_restarts;;
    "restart "*|"stop "*|"start "*) ;;
    *) no systemctl "$@";;
  esac
}
kubeadm() {
  outside kubeadm "$@"
  [ "$1 $2 $3 $4 $5" = "kubeconfig user --org system:nodes --client-name" ] || no kubeadm "$@"
  w=$(mktemp -d)
  conf="nodes/${6#system:node:}/etc/kubernetes/kubelet.conf"; [ -f "$conf" ] || conf="$(tree)/etc/kubernetes/kubelet.conf"
  kpki issue kubelet-client "${6#system:node:}" --ca "$(tree)/etc/kubernetes/pki/ca.crt" --kubeconfig "$w/kubelet.conf" \
    --server "$(sed -n 's/^ *server: //p' "$conf" | head -1)" > /dev/null
  cat "$w/kubelet.conf"; rm -r "$w"
}
kubectl() {
  case " $* " in
    *" config "*|*" create secret tls "*" --dry-run=client "*) command kubectl "$@";;
    " get csr ") outside kubectl "$@";;
    *) no kubectl "$@";;
  esac
}
k3s() { outside k3s "$@"; [ "$*" = "certificate rotate" ] || no k3s "$@"; }
rke2() { outside rke2 "$@"; [ "$*" = "certificate rotate" ] || no rke2 "$@"; }
microk8s() { outside microk8s "$@"; case "$*" in "refresh-certs --cert "*.crt) ;; *) no microk8s "$@";; esac; }
minikube() { outside minikube "$@"; case "$*" in stop|start) ;; *) no minikube "$@";; esac; }
"#;

/// The programs that a remedy may call; the shell's own words aside.
const PROGRAMS: [&str; 35] = [
    "[",
    "sha256sum",
    "kpki",
    "kubectl",
    "kubeadm",
    "systemctl",
    "k3s",
    "rke2",
    "microk8s",
    "minikube",
    "openssl",
    "cp",
    "mv",
    "cat",
    "rm",
    "chmod",
    "chown",
    "setfacl",
    "mktemp",
    "umask",
    "sed",
    "ln",
    "install",
    "mkdir",
    "date",
    "printf",
    "awk",
    "find",
    "timedatectl",
    "ls",
    "head",
    "tail",
    "shred",
    "cd",
    "sleep",
];

/// Carries a remedy out. What a tree cannot be laid out with is told with its line.
fn tried(line: &Line) -> Result<(), String> {
    let tried = std::panic::catch_unwind(|| carried_out(line));
    tried.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        Err(words.or(panic.downcast_ref::<&str>().copied()).unwrap_or("it panics").to_owned())
    })
}

fn carried_out(line: &Line) -> Result<(), String> {
    let desk = Desk::new();
    (line.tree)(&desk);
    let audited: Vec<&str> = line.audited.split(' ').collect();
    let before = Audit::of(&desk, line.clock, &audited)?;
    let mended: Vec<&Value> = before.of_rule(line).collect();
    if mended.is_empty() {
        return Err(format!("there is no such finding; it finds\n{}", before.shown()));
    }
    let mut commands: Vec<String> = Vec::new();
    for finding in &mended {
        let own = finding["commands"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for command in own {
            // One command mends several findings, and none is to be run twice.
            if !commands.iter().any(|known| known == command) {
                commands.push(command.to_owned());
            }
        }
        let fix = finding["fix"].as_str().unwrap_or_default();
        if fix.is_empty() || fix.contains("FILE") {
            return Err(format!("its remedy is general: {fix}"));
        }
    }
    let opposed = before.opposed();
    if !opposed.is_empty() {
        return Err(format!("one file is issued in several ways:\n{}", opposed.join("\n")));
    }
    let fixes: Vec<&str> = mended.iter().filter_map(|finding| finding["fix"].as_str()).collect();
    let told = format!("its remedy: {}", fixes.join("\n"));
    well_formed(&commands).map_err(|why| format!("{why}\n{told}"))?;
    let rehearsed = rehearsal(&desk, line.clock, &audited);
    match line.cure {
        Cure::Run | Cure::RunAnother | Cure::RunWith(..) | Cure::RunWithInput(_) | Cure::OnNode(_)
            if commands.is_empty() =>
        {
            return Err(format!("it has no commands\n{told}"));
        }
        Cure::ByHand(..) | Cure::Told(_) if !commands.is_empty() => {
            return Err(format!("it has commands after all\n{told}"));
        }
        Cure::Run | Cure::RunAnother => shell(&desk, line.clock, &commands, "")?,
        Cure::RunWithInput(input) => shell(&desk, line.clock, &commands, input)?,
        Cure::OnNode("") => return Err("no reason is given".into()),
        Cure::RunWith(after, elsewhere) => {
            let (here, back) = commands.split_at_checked(after).ok_or("it has fewer commands")?;
            shell(&desk, line.clock, here, "")?;
            elsewhere(&desk);
            shell(&desk, line.clock, back, "")?;
        }
        Cure::ByHand(why, _) | Cure::Told(why) if why.is_empty() => return Err("no reason is given".into()),
        Cure::ByHand(_, by_hand) => by_hand(&desk),
        Cure::Told(_) | Cure::OnNode(_) => return Ok(()),
    }
    let after = Audit::of(&desk, line.clock, &audited)?;
    let said: BTreeSet<&str> = mended.iter().filter_map(|finding| finding["message"].as_str()).collect();
    let mut left: Vec<&Value> = after.of_rule(line).collect();
    if matches!(line.cure, Cure::RunAnother) {
        left.retain(|finding| finding["message"].as_str().is_some_and(|message| said.contains(message)));
    }
    if !left.is_empty() {
        return Err(format!("it is still there: {left:#?}\n{told}\n{}", after.shown()));
    }
    let worse = before.worse(line.brings, &after);
    if !worse.is_empty() {
        return Err(format!("{}\n{told}", worse.join("\n")));
    }
    let again = rehearsal(&desk, line.clock, &audited);
    let lost = rehearsed.map(|before| before.lost(&desk, line.ends, again)).unwrap_or_default();
    if lost.is_empty() {
        return Ok(());
    }
    Err(format!("connections no longer go through: {}\n{told}", lost.join("; ")))
}

/// Whether commands are such as can be pasted: no placeholder, and programs that are known.
fn well_formed(commands: &[String]) -> Result<(), String> {
    for line in commands {
        let parsed = run(&mut command("bash", ["-n", "-c", line]));
        if parsed.code != Some(0) {
            return Err(format!("bash cannot read `{line}`: {}", parsed.stderr));
        }
        for placeholder in ["NAME", "PROFILE", "ADDRESS", "FILE", "GROUP", "NODE", "TOKEN", " CA ", "CA.crt"]
        {
            if line.contains(placeholder) {
                return Err(format!("{placeholder} stands in `{line}`"));
            }
        }
        let unquoted: String = line.split('\'').step_by(2).collect();
        let parts = unquoted.split("&&").map(|part| part.trim().trim_start_matches(['(', '{']).trim());
        for part in parts {
            let program = part.split_whitespace().next().unwrap_or_default();
            let assigned = program.starts_with("b=") || program.starts_with("d=");
            if !assigned && !PROGRAMS.contains(&program) {
                return Err(format!("`{program}` of `{line}` is no program that is known"));
            }
        }
    }
    Ok(())
}

/// Runs commands as a user pastes them.
fn shell(desk: &Desk, clock: Clock, commands: &[String], input: &str) -> Result<(), String> {
    let script = format!("{SHELL}\n{}\n", commands.join("\n"));
    let mut shell = command("setsid", ["-w", "bash", "-c", &script]);
    shell
        .env("KPKI", kpki_binary())
        .env("NOW", clock.words().join(" "))
        .env("NO_COLOR", "1")
        .current_dir(desk.root());
    // No terminal, so that passphrases are asked for on standard input.
    let mut child = shell
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    if let Some(mut pipe) = child.stdin.take() {
        // Who asks nothing may be gone by then.
        let _ = pipe.write_all(input.as_bytes());
    }
    let ran = child.wait_with_output().map_err(|error| error.to_string())?;
    if ran.status.success() {
        return Ok(());
    }
    let words = [ran.stdout, ran.stderr].concat();
    Err(format!(
        "its commands fail ({}):\n{}\n{}",
        ran.status,
        commands.join("\n"),
        String::from_utf8_lossy(&words)
    ))
}

/// What an audit finds.
struct Audit {
    findings: Vec<Value>,
}

impl Audit {
    fn of(desk: &Desk, clock: Clock, audited: &[&str]) -> Result<Self, String> {
        let mut audit = kpki([clock.words(), vec!["audit", "-o", "json", "--fail-on", "none"]].concat());
        let Ran { code, stdout, stderr, .. } = run(audit.args(audited).current_dir(desk.root()));
        let document: Value =
            serde_json::from_str(&stdout).map_err(|error| format!("{error}: {code:?} {stderr}"))?;
        let findings = document["findings"].as_array().cloned().unwrap_or_default();
        Ok(Self { findings })
    }

    /// The findings that a line is about.
    fn of_rule<'a>(&'a self, line: &'a Line) -> impl Iterator<Item = &'a Value> {
        self.findings.iter().filter(|finding| {
            finding["rule"] == line.rule
                && finding["message"].as_str().is_some_and(|message| message.contains(line.saying))
        })
    }

    /// The commands that issue one file in several ways.
    fn opposed(&self) -> Vec<String> {
        let mut by_file: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let all = self.findings.iter().filter_map(|finding| finding["commands"].as_array()).flatten();
        for command in all.filter_map(Value::as_str).filter(|command| command.contains("kpki issue ")) {
            let into = [" --out ", " --kubeconfig "].iter().find_map(|option| command.split_once(option));
            if let Some(file) =
                into.and_then(|(_, rest)| rest.split(" --").next()).filter(|file| !file.starts_with("\"$d"))
            {
                by_file.entry(file).or_default().insert(command);
            }
        }
        let several = by_file.into_values().filter(|commands| commands.len() > 1);
        several.map(|commands| commands.into_iter().collect::<Vec<_>>().join("\n")).collect()
    }

    /// How bad the worst finding of each rule is.
    fn worst(&self) -> BTreeMap<&str, usize> {
        let mut worst: BTreeMap<&str, usize> = BTreeMap::new();
        for finding in &self.findings {
            let severity = ["info", "low", "medium", "high", "critical"]
                .iter()
                .position(|name| finding["severity"] == *name)
                .unwrap_or(0);
            let own = worst.entry(finding["rule"].as_str().unwrap_or_default()).or_default();
            *own = severity.max(*own);
        }
        worst
    }

    /// What is worse in another one.
    fn worse(&self, brings: &[&str], after: &Self) -> Vec<String> {
        let before = self.worst();
        let worse = after.worst().into_iter().filter(|(rule, severity)| {
            let brought = usize::from(brings.contains(rule));
            *severity > before.get(rule).copied().unwrap_or(brought)
        });
        worse
            .map(|(rule, _)| {
                let found = after.findings.iter().filter(|finding| finding["rule"] == rule);
                let found: Vec<String> = found.map(shown).collect();
                format!("it brought forth:\n{}", found.join("\n"))
            })
            .collect()
    }

    fn shown(&self) -> String {
        self.findings.iter().map(shown).collect::<Vec<_>>().join("\n")
    }
}

fn shown(finding: &Value) -> String {
    let word = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let mut text = format!("{} {}", word("severity"), word("rule"));
    let _ = write!(text, " {} {} {}: {}", word("node"), word("path"), word("field"), word("message"));
    text
}

/// What goes through and what fails when everything is rehearsed.
struct Rehearsed {
    /// The connections that go through, each with the file that says whom its client dials.
    through: BTreeMap<String, String>,
    failed: usize,
}

/// Acts out the connections; none where nothing can be rehearsed.
fn rehearsal(desk: &Desk, clock: Clock, audited: &[&str]) -> Option<Rehearsed> {
    let directory = audited.last()?;
    let ran =
        run(kpki([clock.words(), vec!["rehearse", directory, "-o", "json"]].concat())
            .current_dir(desk.root()));
    let document: Value = serde_json::from_str(&ran.stdout).ok()?;
    let all = document["connections"].as_array()?;
    let of = |outcome: &'static str| all.iter().filter(move |one| one["outcome"] == outcome);
    let through = of("ok").map(|one| {
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (client, server) = (&one["client"], &one["server"]);
        let key = [&one["edge"], &client["called"], &server["called"]].map(word).join(" ");
        (key, word(&client["file"]))
    });
    Some(Rehearsed { through: through.collect(), failed: of("failed").count() })
}

impl Rehearsed {
    /// What goes through no longer. What has no file any more by which it is dialled is not meant to.
    fn lost(&self, desk: &Desk, ends: &str, after: Option<Self>) -> Vec<String> {
        let Some(after) = after else {
            let lost = (!self.through.is_empty()).then(|| "nothing can be rehearsed".to_owned());
            return lost.into_iter().collect();
        };
        let is_there = |file: &str| file.is_empty() || desk.root().join(file).exists();
        let mut lost: Vec<String> = self
            .through
            .iter()
            .filter(|(key, file)| !after.through.contains_key(*key) && is_there(file))
            .filter(|(key, _)| ends.is_empty() || !key.contains(ends))
            .map(|(key, _)| key.clone())
            .collect();
        if after.failed > self.failed {
            lost.push(format!("{} fail, and {} did before", after.failed, self.failed));
        }
        lost
    }
}
