//! `kpki init`: a cluster's whole PKI from one file.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};
use kpki::cluster::{
    self, Action, ClusterSpec, Entry, Job, Kind, Look, Plan, Refusal, Source, Surroundings, Trees,
};
use kpki::disk::read_bounded;
use kpki::profile::Catalogue;
use kpki::x509::{Certificate, Printable};
use serde::Serialize;

use super::input::Input;
use super::issue::authority_of;
use super::ledger::tell_adopted;
use super::output::{self, BAD, FAINT, Format, GOOD, styled};
use super::passphrase::PassphraseArgs;
use super::{Context, Failure, LARGEST_INPUT, Status};

const EXAMPLES: &str = "\
Examples:
  kpki init -f kubeadm.yaml                        as kubeadm init phase certs all + kubeconfig all, in /etc/kubernetes
  kpki init -f kubeadm.yaml --dir out              the same tree in ./out (out/pki/ca.crt, out/admin.conf)
  kpki init --print-template > cluster.yaml        a kind: Cluster to start from; it explains every field
  kpki init -f cluster.yaml --dir out --dry-run    what would be made
  kpki init -f cluster.yaml --dir out              one tree for each node: out/cp1/etc/kubernetes/…, CAs in out/ca
  kpki init -f cluster.yaml --dir out --node cp1   the CAs and that node's tree alone

What is there and right is kept. What is there and wrong is refused, with the reasons and with what to do, and nothing is
touched; --keep-going makes the rest. A JoinConfiguration makes no CA: what all control planes share must be there.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// The cluster: kubeadm's own config (v1beta3, v1beta4), or kind: Cluster of kpki/v1alpha1; - for standard input.
    #[arg(short = 'f', long = "filename", value_name = "FILE", required_unless_present = "print_template")]
    file: Option<PathBuf>,
    /// Where to write. With kubeadm's config it stands for /etc/kubernetes, which is the default; with kind: Cluster it
    /// holds one tree for each node.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Only this node, and what the cluster shares.
    #[arg(long, value_name = "NAME", conflicts_with = "all_nodes")]
    node: Option<String>,
    /// Every node; with kubeadm's config, one tree for each.
    #[arg(long)]
    all_nodes: bool,
    /// Make what can be made, although something else is refused; the exit code is 1 then.
    #[arg(long)]
    keep_going: bool,
    /// The CAs that kubeconfigs trust for the API server, where these are not those of pki/ca.crt: the root, where that is an
    /// intermediate CA.
    #[arg(long, value_name = "FILE")]
    server_ca: Option<PathBuf>,
    /// Print what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print a kind: Cluster that explains every field, and do nothing else.
    #[arg(long)]
    print_template: bool,
    /// Encrypt the private keys of new CAs. kube-controller-manager cannot read them then.
    #[arg(long)]
    encrypt_ca_keys: bool,
    #[command(flatten)]
    passphrase: PassphraseArgs,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Status, Failure> {
    let Some(file) = args.file.as_deref().filter(|_| !args.print_template) else {
        output::print_bytes(cluster::TEMPLATE.as_bytes())?;
        return Ok(Status::Done);
    };
    let (mut spec, notes) = read_spec(file)?;
    remark(&notes)?;
    let catalogue = context.catalogue()?;
    let Target { root, mut entries, only } = wanted(&mut spec, args, args.dir.as_deref(), &catalogue)?;
    if args.encrypt_ca_keys {
        insist_on_encryption(&mut entries);
    }
    let server_authority = args.server_ca.as_deref().map(authority_of).transpose()?.unwrap_or_default();
    let server_authority = args.server_ca.as_deref().map(|file| (file, server_authority.as_slice()));
    let look = Look {
        root: &root,
        now: context.now,
        passphrase: &args.passphrase.source()?,
        server_authority,
        unwanted: cluster::unwanted(&spec, only.as_deref()),
        version: spec.version.to_string(),
    };
    let plan = Plan::make(entries, &look)?;
    let encrypt = if args.encrypt_ca_keys && !args.dry_run && makes_authority(&plan) {
        Some(args.passphrase.for_encryption()?)
    } else {
        None
    };
    let progress = progress_bar(plan.creations());
    let job = Job {
        root: &root,
        catalogue: &catalogue,
        version: &spec.version,
        now: context.now,
        encrypt: encrypt.as_ref(),
        keep_going: args.keep_going,
        progress: &|made| progress.inc(made as u64),
    };
    let status = carry_out(plan, &job, args.dry_run, args.output);
    progress.finish_and_clear();
    status
}

/// Says what is worth a word although all is well.
pub(super) fn remark(notes: &[String]) -> Result<(), Failure> {
    notes
        .iter()
        .try_for_each(|note| output::inform(format!("{} {}", styled(FAINT, "note:"), Printable(note))))
}

/// Asks for encrypted keys of all CAs.
pub(super) fn insist_on_encryption(entries: &mut [Entry]) {
    for entry in entries {
        if let Kind::Authority { options, .. } = &mut entry.kind {
            options.encrypted = true;
        }
    }
}

/// Whether a CA is to be made.
pub(super) fn makes_authority(plan: &Plan) -> bool {
    let mut all = plan.entries.iter().zip(&plan.actions);
    all.any(|(entry, action)| matches!(entry.kind, Kind::Authority { .. }) && *action == Action::Create)
}

/// What is to be written, and where.
pub(super) struct Target {
    /// The directory.
    pub(super) root: PathBuf,
    /// What is to be in it.
    pub(super) entries: Vec<Entry>,
    /// The one node that it is for; none for all of them.
    pub(super) only: Option<String>,
}

/// The directory that is written to, and what is to be in it. What the file leaves open is taken from what is there.
pub(super) fn wanted(
    spec: &mut ClusterSpec,
    args: &impl NodeChoice,
    dir: Option<&Path>,
    catalogue: &Catalogue,
) -> Result<Target, Failure> {
    let only = choose_nodes(spec, args)?;
    let root = choose_root(spec, dir);
    let entries = cluster::entries(spec, only.as_deref(), catalogue)?;
    let Some(authority) = entries.iter().find(|entry| matches!(entry.kind, Kind::Authority { .. })) else {
        let name = only.unwrap_or_default();
        return Err(Failure::new(format!("{name} is a worker, for which there is nothing to make"))
            .hint("its kubelet gets its certificate by bootstrap, from a token: kubeadm join on that machine")
            .refused());
    };
    let file = root.join(authority.files.main());
    let held =
        read_bounded(&file, LARGEST_INPUT).ok().and_then(|text| Certificate::all_from_pem_or_der(&text).ok());
    let notes = held.map(|held| spec.settle(&Surroundings::of(&file, &held))).unwrap_or_default();
    remark(&notes)?;
    let settled =
        if notes.is_empty() { entries } else { cluster::entries(spec, only.as_deref(), catalogue)? };
    Ok(Target { root, entries: settled, only })
}

/// Reads the cluster file; what it leaves to the machine is taken from this one, as kubeadm does.
pub(super) fn read_spec(file: &Path) -> Result<(ClusterSpec, Vec<String>), Failure> {
    let input = Input::read(file)?;
    let defaults = super::machine::defaults();
    let parsed = cluster::parse(&input.bytes, &input.name(), &defaults)?;
    Ok((parsed.spec, parsed.notes))
}

/// The one node that is wanted; none for all of them.
pub(super) fn choose_nodes(
    spec: &mut ClusterSpec,
    args: &impl NodeChoice,
) -> Result<Option<String>, Failure> {
    if let Some(name) = args.node() {
        if spec.node(name).is_none() {
            let known: Vec<&str> = spec.nodes.iter().map(|node| node.name.as_str()).take(20).collect();
            return Err(Failure::new(format!("the file has no node {}", Printable(name)))
                .hint(format!("its nodes are {}", known.join(", "))));
        }
        return Ok(Some(name.to_owned()));
    }
    if spec.source == Source::Kpki {
        return Ok(None);
    }
    if args.all_nodes() {
        spec.trees = Trees::PerNode;
        return Ok(None);
    }
    // As kubeadm: the node of the InitConfiguration, or the one that joins.
    spec.nodes
        .first()
        .map(|node| Some(node.name.clone()))
        .ok_or_else(|| Failure::new("the file describes no node").hint("add an InitConfiguration"))
}

/// `--node` and `--all-nodes`.
pub(super) trait NodeChoice {
    fn node(&self) -> Option<&str>;
    fn all_nodes(&self) -> bool;
}

impl NodeChoice for Args {
    fn node(&self) -> Option<&str> {
        self.node.as_deref()
    }

    fn all_nodes(&self) -> bool {
        self.all_nodes
    }
}

/// The directory that all paths are relative to.
pub(super) fn choose_root(spec: &mut ClusterSpec, dir: Option<&Path>) -> PathBuf {
    match (&mut spec.trees, dir) {
        (Trees::PerNode, dir) => dir.unwrap_or(Path::new(".")).to_owned(),
        // DIR stands for /etc/kubernetes; a certificatesDir elsewhere has its place within it.
        (Trees::Single { certificates_dir }, Some(dir)) => {
            if certificates_dir.is_absolute() {
                *certificates_dir = "pki".into();
            }
            dir.to_owned()
        }
        (Trees::Single { certificates_dir }, None) if certificates_dir.is_absolute() => "/".into(),
        (Trees::Single { .. }, None) => "/etc/kubernetes".into(),
    }
}

/// A bar on a terminal when there is enough to wait for.
fn progress_bar(total: usize) -> ProgressBar {
    if total < 200 || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len}  {elapsed} of about {duration}") {
        bar.set_style(style);
    }
    bar
}

/// Shows the plan, carries it out unless it is refused or only looked at, and says what came of it.
pub(super) fn carry_out(plan: Plan, job: &Job<'_>, dry_run: bool, format: Format) -> Result<Status, Failure> {
    let entries = plan.entries.len();
    let refused = plan.refusals().count();
    let created = plan.creations();
    let status = if refused > 0 { Status::Refused } else { Status::Done };
    if format == Format::Text {
        remark(
            &plan
                .notes
                .iter()
                .map(|(at, note)| {
                    let file =
                        plan.entries.get(*at).map(|entry| output::path(&job.root.join(entry.files.main())));
                    format!("{}: {note}", file.unwrap_or_default())
                })
                .collect::<Vec<_>>(),
        )?;
    }
    if dry_run || refused > 0 && !job.keep_going {
        show(&rows(&plan), job.root, format, !dry_run)?;
        if refused > 0 && format == Format::Text {
            let rest = match created {
                0 => String::new(),
                _ => format!("; {created} can be made: --keep-going"),
            };
            output::inform(format!("{} nothing was touched{rest}", styled(BAD, "refused:")))?;
        }
        return Ok(status);
    }
    let rows =
        if format == Format::Json || created <= PAGE || refused > 0 { rows(&plan) } else { Vec::new() };
    let nodes = made_by_node(&plan);
    let applied = plan.apply(job)?;
    for (ledger, entries) in &applied.adopted {
        tell_adopted(ledger, entries)?;
    }
    if format == Format::Json {
        output::print_json(&rows)?;
        return Ok(status);
    }
    show_made(&rows, nodes, job.root, created)?;
    if refused > 0 {
        show(&rows, job.root, format, true)?;
    }
    let (kept, place) = (entries - created - refused, output::path(job.root));
    output::print(match (created, refused) {
        (0, 0) => format!("all {kept} are there and right in {place}; nothing was changed"),
        (_, 0) => format!("{} {created} made, {kept} kept in {place}", styled(GOOD, "done:")),
        _ => format!("{} {refused} in {place}; {created} made, {kept} kept", styled(BAD, "refused:")),
    })?;
    Ok(status)
}

fn rows(plan: &Plan) -> Vec<Row> {
    let rows = plan.entries.iter().zip(&plan.actions).map(|(entry, action)| Row::of(entry, action));
    let mut rows: Vec<Row> = rows.collect();
    for (at, note) in &plan.notes {
        rows.get_mut(*at).into_iter().for_each(|row| row.notes.push(note.clone()));
    }
    rows
}

/// How many entries are to be made for each node, by its name.
fn made_by_node(plan: &Plan) -> BTreeMap<String, usize> {
    let mut nodes = BTreeMap::new();
    for (entry, _) in plan.entries.iter().zip(&plan.actions).filter(|(_, action)| **action == Action::Create)
    {
        let name = entry.node.as_deref().unwrap_or("(shared)");
        match nodes.get_mut(name) {
            Some(count) => *count += 1,
            None => _ = nodes.insert(name.to_owned(), 1),
        }
    }
    nodes
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    action: &'static str,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    advice: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

impl Row {
    fn of(entry: &Entry, action: &Action) -> Self {
        let identity = match &entry.kind {
            Kind::Authority { identity, .. }
            | Kind::Leaf(identity, _)
            | Kind::Kubeconfig { identity, .. } => Some(identity),
            Kind::ServiceAccount { .. } | Kind::Copy { .. } => None,
        };
        let (action, Refusal { reasons, advice }) = match action {
            Action::Keep => ("keep", Refusal::default()),
            Action::Create => ("create", Refusal::default()),
            Action::Refuse(refusal) => ("refuse", refusal.clone()),
        };
        Self {
            action,
            file: output::path(entry.files.main()),
            node: entry.node.clone(),
            profile: identity.map(|identity| identity.profile),
            subject: identity.map(|identity| identity.subject.to_string()),
            names: identity
                .map_or(Vec::new(), |identity| identity.names.iter().map(ToString::to_string).collect()),
            reasons,
            advice,
            notes: Vec::new(),
        }
    }

    fn what(&self) -> String {
        match (&self.subject, self.file.rsplit('/').next()) {
            (Some(subject), _) => subject.clone(),
            (None, Some("sa.pub" | "sa.pem" | "sa.key" | "sa-key.pem")) => "service-account key pair".into(),
            (None, _) => "copy".into(),
        }
    }
}

/// A table of a whole plan; only what is refused, where there is something refused and `only_refused`.
fn show(rows: &[Row], root: &Path, format: Format, only_refused: bool) -> Result<(), Failure> {
    if format == Format::Json {
        return output::print_json(&rows);
    }
    let shown: Vec<&Row> = rows.iter().filter(|row| !only_refused || row.action == "refuse").collect();
    let table = output::table(
        &["ACTION", "FILE", "SUBJECT", "NAMES"],
        shown.iter().map(|row| {
            // The reasons say which names matter where something is refused.
            let names = if row.reasons.is_empty() { row.names.join(" ") } else { String::new() };
            vec![row.action.to_owned(), output::path(&root.join(&row.file)), row.what(), names]
        }),
    );
    let mut text = String::new();
    let mut advised: Vec<&str> = Vec::new();
    let rows = std::iter::once(None).chain(shown.into_iter().map(Some));
    for (line, row) in table.lines().zip(rows) {
        text.push_str(line);
        text.push('\n');
        let Some(row) = row else { continue };
        row.reasons.iter().for_each(|reason| text.extend(["        ", reason, "\n"]));
        for advice in &row.advice {
            // What helps several is said once.
            if !advised.contains(&advice.as_str()) {
                text.extend(["        ", &styled(FAINT, "to do:"), " ", advice, "\n"]);
                advised.push(advice);
            }
        }
    }
    output::print(text.trim_end())
}

/// What was made: by name while that is a page; by node, as long as the nodes are, beyond it.
fn show_made(
    rows: &[Row],
    nodes: BTreeMap<String, usize>,
    root: &Path,
    created: usize,
) -> Result<(), Failure> {
    let made: Vec<&Row> = rows.iter().filter(|row| row.action == "create").collect();
    if !made.is_empty() && created <= PAGE {
        let lines = made.iter().map(|row| vec![output::path(&root.join(&row.file)), row.what()]);
        return output::print(output::table(&["MADE", "SUBJECT"], lines));
    }
    if nodes.is_empty() || nodes.len() > PAGE {
        return Ok(());
    }
    let lines = nodes.into_iter().map(|(node, count)| vec![node, count.to_string()]);
    output::print(output::table(&["NODE", "MADE"], lines))
}

/// How many lines are a page.
const PAGE: usize = 60;
