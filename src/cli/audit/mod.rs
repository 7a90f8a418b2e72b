//! `kpki audit`, as far as the page needs it.

mod html;

use std::path::PathBuf;

use kpki::audit::{Input, Policy, Source, Store, audit};

use super::{Context, Failure, Status, output};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to audit.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Each child of this directory is one node's tree.
    #[arg(long)]
    nodes: bool,
    #[arg(short, long)]
    output: String,
}

pub(super) fn run(context: &Context, args: &Args) -> Result<Status, Failure> {
    let title = args.paths.first().map(|path| output::path(path)).unwrap_or_default();
    let mut inputs = Vec::new();
    if args.nodes {
        for path in &args.paths {
            for child in std::fs::read_dir(path)?.flatten() {
                inputs.push(Input {
                    name: Some(child.file_name().to_string_lossy().into_owned()),
                    sources: vec![Source::Path(child.path())],
                    store: if child.file_name() == "ca" || child.file_name() == "users" { Store::Yes } else { Store::No },
                });
            }
        }
        inputs.sort_by(|a, b| a.name.cmp(&b.name));
    } else {
        let sources = args.paths.iter().cloned().map(Source::Path).collect();
        inputs.push(Input { name: None, sources, store: Store::No });
    }
    let report = audit(inputs, &Policy::new(context.now), &|| ())?;
    output::print(html::render(&report, &title)?)?;
    Ok(Status::Done)
}
