//! What systemd starts.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::bundle::Bundle;
use super::program::{Program, programs};
use super::{At, By, Doubt, Launch, Resolver, shown};
use crate::manifest::etcd::etcd_flag;
use crate::manifest::flags::Flag;
use crate::manifest::text::Text;
use crate::manifest::unit::Setting;
use crate::manifest::words::{Command, Variables, Word, put_in, specify, unit_words};
use crate::manifest::{Component, Document, Flags};

/// Where units are, those that count more first (systemd.unit(5)).
const DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Where the units of packages are. Those that nothing enables do not run.
const OF_PACKAGES: [&str; 3] = ["/usr/local/lib/systemd", "/usr/lib/systemd", "/lib/systemd"];

/// The most units of a node that are looked at.
const MOST_UNITS: usize = 5000;

/// The most files that a wildcard of a unit stands for.
const MOST_MATCHES: usize = 100;

/// The flags of which it does not matter here that their value is not known: what is a node's own name and address.
const HARMLESS: [&str; 9] = [
    "advertise-address",
    "bind-address",
    "hostname-override",
    "initial-cluster",
    "initial-cluster-state",
    "name",
    "node-ip",
    "node-labels",
    "v",
];

/// A unit with its drop-ins.
struct Service {
    name: String,
    /// The number of the unit's file.
    file: usize,
    settings: Vec<(usize, Setting)>,
}

impl Resolver<'_> {
    /// What the units of a node start.
    pub(super) fn units(&mut self) {
        let mut seen: HashSet<usize> = HashSet::new();
        for (name, path) in self.unit_names() {
            let (file, unit) = match self.files.at(&path) {
                At::File(file, Some(document)) => (file, document),
                At::Unread(file, reason) if Component::of_name(&name).is_some() => {
                    self.doubt(file, 0, format!("what it starts is not known: {reason}"));
                    continue;
                }
                _ => continue,
            };
            let Document::Unit(unit) = &*unit else { continue };
            // An alias is the same unit.
            if name.contains('@') || seen.insert(file) {
                let mut settings: Vec<(usize, Setting)> =
                    unit.settings.iter().map(|setting| (file, setting.clone())).collect();
                for (file, document) in self.drop_ins_of(&name) {
                    if let Document::Unit(over) = &*document {
                        settings.extend(over.settings.iter().map(|setting| (file, setting.clone())));
                    }
                }
                let service = Service { name, file, settings };
                if service.name.contains("@.") {
                    self.template(&service);
                } else {
                    self.unit(&service);
                }
            }
        }
    }

    /// The units by name, each with the path that counts; of templates, their instances, or the template where it has none and may have been
    /// started by hand.
    fn unit_names(&self) -> BTreeMap<String, PathBuf> {
        let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
        let mut wanted: BTreeSet<String> = BTreeSet::new();
        for directory in DIRECTORIES.map(Path::new) {
            for name in self.files.names(directory) {
                let Some(name) = name.to_str() else { continue };
                let ending = name.rsplit_once('.').map(|(_, ending)| ending);
                if matches!(ending, Some("wants" | "requires")) {
                    let links = self.files.names(&directory.join(name));
                    wanted.extend(links.into_iter().filter_map(|name| name.into_string().ok()));
                } else if ending == Some("service") && found.len() < MOST_UNITS {
                    found.entry(name.to_owned()).or_insert_with(|| directory.join(name));
                }
            }
        }
        // One that was given alone.
        for path in self.files.documents().into_iter().filter(|found| found.is_loose).map(|found| found.path)
        {
            let name =
                path.file_name().and_then(|name| name.to_str()).filter(|name| name.ends_with(".service"));
            if let Some(name) = name.map(str::to_owned) {
                found.entry(name).or_insert(path);
            }
        }
        let masked =
            |path: &PathBuf| self.files.link(path).is_some_and(|target| target == Path::new("/dev/null"));
        let templates: Vec<(String, PathBuf)> = found
            .iter()
            .filter(|(name, _)| name.contains("@."))
            .map(|(name, path)| (name.clone(), path.clone()))
            .collect();
        for (template, path) in templates {
            let Some((prefix, _)) = template.split_once('@') else { continue };
            let instances =
                wanted.iter().filter(|name| name.split_once('@').is_some_and(|(own, _)| own == prefix));
            let mut has_any = OF_PACKAGES.iter().any(|directory| path.starts_with(directory));
            for instance in instances {
                found.entry(instance.clone()).or_insert_with(|| path.clone());
                has_any = true;
            }
            // Units may be written out for an instance alone.
            if has_any
                || found.keys().any(|name| *name != template && name.starts_with(&format!("{prefix}@")))
            {
                found.remove(&template);
            }
        }
        // Only where links are there at all do those that are missing say anything; and whoever wrote a drop-in uses the unit.
        let own = Path::new("/etc/systemd/system");
        let has_links = self.files.names(own).iter().any(|name| name.to_string_lossy().ends_with(".wants"));
        found.retain(|name, path| {
            let is_package = OF_PACKAGES.iter().any(|directory| path.starts_with(directory));
            let is_used =
                || wanted.contains(name) || !self.files.names(&own.join(format!("{name}.d"))).is_empty();
            !masked(path) && (!is_package || !has_links || is_used())
        });
        found
    }

    /// The drop-ins of a unit, by name; of several of one name, the one that counts more.
    fn drop_ins_of(&self, unit: &str) -> Vec<(usize, Arc<Document>)> {
        let mut owners = vec![unit.to_owned()];
        if let Some((prefix, _)) = unit.split_once('@') {
            owners.push(format!("{prefix}@.service"));
        }
        // `kube-.service.d` is for every unit whose name begins so.
        let dashes =
            unit.match_indices('-').map(|(at, _)| format!("{}-.service", unit.get(..at).unwrap_or_default()));
        owners.extend(dashes.collect::<Vec<_>>().into_iter().rev());
        owners.push("service".to_owned());
        let mut found: BTreeMap<_, PathBuf> = BTreeMap::new();
        for directory in DIRECTORIES.map(Path::new) {
            for owner in &owners {
                let directory = directory.join(format!("{owner}.d"));
                for name in self.files.names(&directory) {
                    let path = directory.join(&name);
                    if path.extension().is_some_and(|extension| extension == "conf") {
                        found.entry(name).or_insert(path);
                    }
                }
            }
        }
        let documents = found.into_values().filter_map(|path| match self.files.at(&path) {
            At::File(file, Some(document)) => Some((file, document)),
            _ => None,
        });
        documents.collect()
    }

    fn unit(&mut self, service: &Service) {
        let commands = service.list("ExecStart");
        if commands.is_empty() {
            return;
        }
        let mut doubts = Vec::new();
        let mut variables = self.variables(service, &mut doubts);
        for (file, setting) in commands {
            for command in exec(&setting.value, file, &service.name, &variables) {
                for program in programs(&command, &mut variables, 0) {
                    self.started(service, program, &variables, &doubts);
                }
            }
        }
    }

    /// A template of which no instance is known: what it would start is told.
    fn template(&mut self, service: &Service) {
        let mut variables = Variables::default();
        for (file, setting) in service.list("ExecStart") {
            for command in exec(&setting.value, file, &service.name, &variables.clone()) {
                for program in programs(&command, &mut variables, 0) {
                    let what = match program {
                        Program::Component(component, _) | Program::Container(component, _) => {
                            component.to_string()
                        }
                        Program::Bundle(name, _) => name.to_owned(),
                        Program::Other(_) => continue,
                    };
                    let reason = format!(
                        "whether and how {what} runs is not known: it is a template, and no instance of it is enabled"
                    );
                    self.doubt(service.file, setting.line, reason);
                }
            }
        }
    }

    /// The variables that a unit gives to what it starts.
    fn variables(&mut self, service: &Service, doubts: &mut Vec<Doubt>) -> Variables {
        let mut variables = Variables::default();
        for (file, setting) in service.list("Environment") {
            for mut word in unit_words(&setting.value, file) {
                specify(&mut word, &service.name);
                if let Some((name, value)) = word.text.split_once('=') {
                    variables.set(name, file, Text::new(value, word.line));
                }
            }
        }
        for (file, setting) in service.list("EnvironmentFile") {
            let mut word =
                Word { text: setting.value.as_str().to_owned(), file, line: setting.line, doubt: None };
            specify(&mut word, &service.name);
            let optional = word.text.starts_with('-');
            for path in self.matching(word.text.trim_start_matches('-')) {
                let why = match self.at(&path) {
                    At::File(file, Some(document)) => {
                        if let Document::Environment(environment) = &*document {
                            let own = environment.variables().iter().filter(|variable| !variable.is_exported);
                            for variable in own {
                                variables.set(&variable.name, file, variable.value.clone());
                            }
                        }
                        continue;
                    }
                    At::File(_, None) => continue,
                    At::Missing if optional => continue,
                    At::Missing => "is not there: the unit does not start".to_owned(),
                    At::Unread(_, reason) => format!("could not be read: {reason}"),
                    At::Unknown => "was not given".to_owned(),
                };
                variables.incomplete = true;
                let reason = format!("EnvironmentFile names {}, which {why}", shown(&path));
                doubts.push(Doubt { file: word.file, line: word.line, reason });
            }
        }
        for (_, setting) in service.list("UnsetEnvironment") {
            for word in unit_words(&setting.value, 0) {
                variables.unset(&word.text);
            }
        }
        variables
    }

    /// The files that a path with wildcards stands for.
    fn matching(&self, path: &str) -> Vec<PathBuf> {
        let whole = Path::new(path);
        let (Some(directory), Some(pattern)) =
            (whole.parent(), whole.file_name().and_then(|name| name.to_str()))
        else {
            return vec![whole.to_owned()];
        };
        if !pattern.contains(['*', '?']) {
            return vec![whole.to_owned()];
        }
        let names = self.files.names(directory).into_iter();
        let fits = names.filter(|name| name.to_str().is_some_and(|name| is_match(pattern, name)));
        fits.take(MOST_MATCHES).map(|name| directory.join(name)).collect()
    }

    fn started(&mut self, service: &Service, program: Program, variables: &Variables, doubts: &[Doubt]) {
        let file = service.file;
        match program {
            Program::Component(component, arguments) => {
                let mut launch = launch(component, service, &arguments, variables, doubts);
                self.configure(&mut launch);
                self.out.launches.push(launch);
            }
            Program::Bundle(name, arguments) => {
                let directory = service.directory();
                let doubts = doubts.to_vec();
                self.bundles.push(Bundle {
                    name,
                    file,
                    arguments,
                    variables: variables.clone(),
                    directory,
                    doubts,
                });
            }
            Program::Container(component, by) => {
                self.doubt(
                    file,
                    0,
                    format!("{component} runs in a container of {by}, whose flags and mounts are not read"),
                );
            }
            Program::Other(path) => {
                // Only where the unit's name says what it is for.
                let stem = service.name.split(['.', '@']).next().unwrap_or_default();
                if let Some(component) = Component::of_program(stem) {
                    let path = shown(Path::new(&path));
                    self.doubt(
                        file,
                        0,
                        format!(
                            "how {component} runs is not known: the unit starts {path}, which is not read"
                        ),
                    );
                }
            }
        }
    }
}

impl Service {
    /// The values of a setting that is a list: an empty one takes back those before it.
    fn list(&self, name: &str) -> Vec<(usize, &Setting)> {
        let mut list = Vec::new();
        for (file, setting) in self.settings.iter().filter(|(_, setting)| setting.name == name) {
            if setting.value.as_str().is_empty() {
                list.clear();
            } else {
                list.push((*file, setting));
            }
        }
        list
    }

    fn directory(&self) -> PathBuf {
        let last = self.list("WorkingDirectory").pop();
        let path =
            last.map(|(_, setting)| setting.value.as_str().trim_start_matches('-')).unwrap_or_default();
        Path::new("/").join(path.trim_start_matches('~'))
    }
}

/// The commands of an `ExecStart`, with specifiers and variables put in.
fn exec(value: &Text, file: usize, unit: &str, variables: &Variables) -> Vec<Command> {
    let mut commands = Vec::new();
    for command in unit_words(value, file).split(|word| word.text == ";") {
        let mut command = command.to_vec();
        let Some(first) = command.first_mut() else { continue };
        // What else it may begin with changes as whom and in what place it runs, not what.
        let bare = first.text.trim_start_matches(['-', '@', ':', '+', '!', '|']).to_owned();
        let prefix = first.text.get(..first.text.len() - bare.len()).unwrap_or_default().to_owned();
        first.text = bare;
        if prefix.contains('@') && command.len() > 1 {
            command.remove(1);
        }
        for word in &mut command {
            specify(word, unit);
        }
        commands.push(if prefix.contains(':') { command } else { put_in(command, variables) });
    }
    commands
}

/// A component as a unit starts it.
fn launch(
    component: Component,
    service: &Service,
    arguments: &[Word],
    variables: &Variables,
    doubts: &[Doubt],
) -> Launch {
    let (flags, mut unknown) = flags(component, arguments, variables);
    unknown.extend(doubts.iter().cloned());
    Launch {
        component,
        by: By::Unit,
        file: service.file,
        flags,
        configuration: None,
        image: None,
        mounts: None,
        directory: service.directory(),
        is_usual: service.name.split(['.', '@']).next() == Some(component.program()),
        doubts: unknown,
    }
}

/// A component's flags from its words, and of etcd from its environment before them; with what of them is not known.
pub(super) fn flags(component: Component, arguments: &[Word], variables: &Variables) -> (Flags, Vec<Doubt>) {
    let mut doubts = Vec::new();
    let mut flags = Flags::default();
    if component == Component::Etcd {
        for (name, file, value) in variables.all() {
            let Some(name) = etcd_flag(name) else { continue };
            flags.add(Flag {
                name,
                value: value.as_str().to_owned(),
                field: None,
                file,
                line: value.line(0),
                is_word: false,
            });
        }
    }
    let mut known = Vec::with_capacity(arguments.len());
    for word in arguments {
        let Some(doubt) = &word.doubt else {
            known.push(word.clone());
            continue;
        };
        // `--name VALUE`: the flag stands in the word before.
        let before =
            known.last().filter(|last: &&Word| last.text.starts_with('-') && !last.text.contains('='));
        let flag = if word.text.starts_with('-') { Some(word) } else { before };
        let name =
            flag.map_or("", |flag| flag.text.trim_start_matches('-').split('=').next().unwrap_or_default());
        let is_harmless = HARMLESS.contains(&name.replace('_', "-").as_str());
        if !word.text.starts_with('-') && is_harmless {
            known.pop();
        }
        if !is_harmless {
            let reason = match word.text.strip_prefix("--").and_then(|rest| rest.split_once('=')) {
                Some((name, _)) => format!(
                    "the value of --{} is not known: {}",
                    shown(Path::new(name)),
                    shown(Path::new(doubt))
                ),
                None => format!("what {} stands for is not known", shown(Path::new(doubt))),
            };
            doubts.push(Doubt { file: word.file, line: word.line, reason });
        }
    }
    (flags.followed_by(Flags::of_words(&known)), doubts)
}

/// Whether a name fits a pattern of `*` and `?`.
fn is_match(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut from) = (0, 0);
    // Where the last asterisk is, and how much of the name it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while let Some(own) = name.get(from) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == own => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((asterisk, taken)) = star else { return false };
                star = Some((asterisk, taken + 1));
                (at, from) = (asterisk + 1, taken + 1);
            }
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|c| *c == '*'))
}
