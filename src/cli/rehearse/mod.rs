//! `kpki rehearse`: every TLS connection of a cluster, acted out before it is deployed.

mod json;
mod text;

use std::path::PathBuf;

use kpki::cluster::ClusterSpec;
use kpki::rehearse::{self, Known, KnownNode, Outcome, RehearseError, Settings};
use kpki::x509::Printable;
use time::OffsetDateTime;

use super::output::{self, FAINT, Format, inform, print, print_json, styled};
use super::verify::PolicyWord;
use super::{Context, Failure, Status, init, parse_instant};

const EXAMPLES: &str = "\
Examples:
  kpki rehearse /etc/kubernetes                  this control plane, as its manifests have it
  kpki rehearse out                              all nodes that kpki init wrote, each with each
  kpki rehearse out -f cluster.yaml              with the endpoint and addresses of that file
  kpki rehearse out --at 2027-06-01T00:00:00Z    what will fail on that day
  kpki rehearse out -o json                      every connection: files, names, reasons

DIR is a PKI directory, an /etc/kubernetes, a node's root, or a directory with one of these for
each node, named after it. Nothing is contacted or written: the handshakes are made in memory. Each
server is also tried with a client without a certificate and with one of another CA, and each client
with a server of another CA; these must be refused.

Exit codes: 0 nothing failed (what could not be judged is told), 1 something failed,
2 nothing could be rehearsed.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where the nodes' files are.
    #[arg(value_name = "DIR", default_value = "/etc/kubernetes")]
    directory: PathBuf,
    /// The cluster's file (kubeadm's config, or kind: Cluster), for its endpoint, its nodes and their addresses; - for
    /// standard input.
    #[arg(short = 'f', long = "filename", value_name = "FILE")]
    file: Option<PathBuf>,
    /// At this instant (RFC 3339) instead of now.
    #[arg(long, value_name = "INSTANT", value_parser = parse_instant)]
    at: Option<OffsetDateTime>,
    /// Whose verdict the chains are given.
    #[arg(long, value_enum, default_value_t)]
    policy: PolicyWord,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Status, Failure> {
    let known = match &args.file {
        Some(file) => {
            let (spec, notes) = init::read_spec(file)?;
            for note in notes {
                inform(format!("{} {}", styled(FAINT, "note:"), Printable(&note)))?;
            }
            Some(known(&spec))
        }
        None => None,
    };
    let settings = Settings { at: args.at.unwrap_or(context.now), policy: args.policy.into() };
    let report = rehearse::rehearse(&args.directory, known.as_ref(), &settings).map_err(explain)?;
    let [ok, failed, _] = report.counts();
    if ok + failed == 0 {
        return Err(nothing(&report, &args.directory));
    }
    match args.output {
        Format::Json => print_json(&json::Document::of(&report, &output::path(&args.directory)))?,
        Format::Text => {
            print(text::of(&report, &args.directory, args.file.as_deref(), context.now))?;
        }
    }
    Ok(if failed == 0 { Status::Done } else { Status::Refused })
}

fn explain(error: RehearseError) -> Failure {
    let hint = match error {
        RehearseError::NoTree { .. } => {
            "give a PKI directory, an /etc/kubernetes, a node's root, or a directory with one of these for each node"
        }
        _ => "check the path, and run as one who may read it (root for /etc/kubernetes)",
    };
    Failure::from(error).hint(hint)
}

/// Nothing could be judged: why, as the first connection says it.
fn nothing(report: &rehearse::Report, directory: &std::path::Path) -> Failure {
    let first = report.connections.iter().find_map(|one| match &one.outcome {
        Outcome::Unknown(reason) => Some(reason.as_str()),
        _ => None,
    });
    let (reason, hint) = match first {
        Some(reason) => (
            reason,
            "give a directory that holds both ends of a connection, keys and all, and run as one who may read them",
        ),
        None => (
            "nothing in it dials or is dialled",
            "give the directory of the nodes' files, not that of the CAs alone",
        ),
    };
    Failure::new(format!("{} cannot be rehearsed: {reason}", output::path(directory))).hint(hint)
}

/// What the cluster's file says that a rehearsal asks for.
fn known(spec: &ClusterSpec) -> Known {
    let nodes = spec.nodes.iter().map(|node| KnownNode {
        name: node.name.clone(),
        control_plane: node.control_plane,
        etcd: node.etcd,
        kubelet: node.kubelet,
        advertise: node.advertise,
        addresses: node.addresses.clone(),
    });
    let endpoint = spec.endpoint.as_ref().map(|endpoint| endpoint.host.to_string());
    Known { endpoint, service: Some(spec.service_address()), nodes: nodes.collect() }
}
