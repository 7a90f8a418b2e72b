//! From words to what is audited: one node, several, or each child of a directory.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use kpki::audit::{
    ArchiveKind, Arguments, Input, LIMITS, NodesError, Source, archive_kind, arguments, nodes_in,
    read_archive, read_archive_or_file,
};
use kpki::repair::Root;

use super::explain_error;
use crate::cli::Failure;
use crate::cli::output::{self, FAINT, inform, styled};

/// The trees that were asked for: those of one node, or of several.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Trees {
    /// A PKI directory, an /etc/kubernetes, a node's root, single files or pipes, a tar archive, or - for a tar archive or
    /// a file on standard input; or a directory of nodes' trees, which are judged each, as with --nodes. Several are parts of
    /// one node, unless they claim the same place (cp1/etc/kubernetes cp2/etc/kubernetes) or lie in different roots: then
    /// they are a node each, named by what tells them apart. Their order does not matter.
    #[arg(value_name = "PATH", required_unless_present = "nodes")]
    pub(in crate::cli) paths: Vec<PathBuf>,
    /// A directory with the tree (or the tar archive, NODE.tar) of each node, named after it, as kpki init writes them: its
    /// children ca and users are the CAs and the users' files. What differs between nodes is looked at as well.
    #[arg(long, value_name = "DIR", conflicts_with = "paths")]
    pub(in crate::cli) nodes: Vec<PathBuf>,
}

impl Trees {
    /// What a command reads that judges trees, `audit` for example.
    pub(in crate::cli) fn inputs(&self, command: &str) -> Result<Vec<Input>, Failure> {
        let Arguments { inputs, notes } = self.understood(command)?;
        for note in notes {
            inform(format!("{} {note}", styled(FAINT, "note:")))?;
        }
        Ok(inputs)
    }

    fn understood(&self, command: &str) -> Result<Arguments, Failure> {
        if self.nodes.is_empty() {
            let alone = self.paths.len() == 1;
            let sources =
                self.paths.iter().map(|path| source(path, alone, command)).collect::<Result<_, _>>()?;
            return arguments(sources).map_err(explain_error);
        }
        let several = self.nodes.len() > 1;
        let mut inputs = Vec::new();
        for directory in &self.nodes {
            let nodes = nodes_in(directory).map_err(explain_nodes)?;
            // Two directories may well call their nodes alike.
            inputs.extend(nodes.into_iter().map(|input| match &input.name {
                Some(name) if several => {
                    Input { name: Some(format!("{}/{name}", output::path(directory))), ..input }
                }
                _ => input,
            }));
        }
        Ok(Arguments { inputs, notes: Vec::new() })
    }

    /// The directories and files themselves, each with its node where there are several: what can be mended.
    pub(in crate::cli) fn roots(&self) -> Result<Vec<Root>, Failure> {
        let archive = || {
            Failure::new("nothing can be mended in an archive")
                .hint("run kpki on the node, or on a directory")
        };
        if self.paths.iter().any(|path| is_standard_input(path)) {
            return Err(archive());
        }
        let mut roots = Vec::new();
        for input in self.understood("audit")?.inputs {
            let prefix = input.prefix();
            for source in input.sources {
                match source {
                    Source::Path(path) => {
                        roots.push(Root { node: input.name.clone(), path, prefix: prefix.clone() });
                    }
                    Source::LeftOut(_) => {}
                    Source::Archive(..) | Source::ArchiveFile(_) => return Err(archive()),
                }
            }
        }
        Ok(roots)
    }

    /// What was given, for titles.
    pub(in crate::cli) fn title(&self) -> String {
        let of = |path: &PathBuf| {
            if is_standard_input(path) { "standard input".to_owned() } else { output::path(path) }
        };
        self.nodes.iter().chain(&self.paths).map(of).collect::<Vec<_>>().join(", ")
    }
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

fn explain_nodes(error: NodesError) -> Failure {
    let hint = match error {
        NodesError::IsOneNode { .. } => "leave --nodes away, or give the directory above it",
        NodesError::HoldsNone { .. } => {
            "--nodes takes a directory with one directory (or NODE.tar) for each node"
        }
        _ => "check the path",
    };
    Failure::from(error).hint(hint)
}

fn source(path: &Path, alone: bool, command: &str) -> Result<Source, Failure> {
    if is_standard_input(path) {
        return standard_input(command);
    }
    // What a shell makes of `<(command)`.
    if std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
        let name = output::path(path);
        let archive = read_archive_or_file(std::fs::File::open(path)?, LIMITS)
            .map_err(|error| Failure::from(error).at(&name))?;
        return Ok(Source::Archive(name, archive));
    }
    match archive_kind(path) {
        // It may hold the trees of several nodes, which shows only once it is read. Of many, each is read in its turn.
        Some(ArchiveKind::Tar) if alone => {
            let file = std::fs::File::open(path)?;
            match read_archive(file, LIMITS) {
                Ok(archive) => Ok(Source::Archive(output::path(path), archive)),
                Err(_) => Ok(Source::ArchiveFile(path.to_owned())),
            }
        }
        Some(ArchiveKind::Tar) => Ok(Source::ArchiveFile(path.to_owned())),
        Some(ArchiveKind::Compressed { format, program }) => {
            let shown = output::path(path);
            Err(Failure::new(format!("{shown} is compressed with {format}, and was not read"))
                .hint(format!("{program} -dc {shown} | kpki {command} -")))
        }
        None => Ok(Source::Path(path.to_owned())),
    }
}

/// A tar archive on standard input. It is read without a buffer that would keep what went through it.
fn standard_input(command: &str) -> Result<Source, Failure> {
    let hint = || format!("ssh NODE sudo tar c /etc/kubernetes | kpki {command} -");
    let stdin = io::stdin();
    if io::IsTerminal::is_terminal(&stdin) {
        return Err(
            Failure::new("a tar archive is expected on standard input, which is a terminal").hint(hint())
        );
    }
    let stream = std::fs::File::from(stdin.as_fd().try_clone_to_owned()?);
    let archive = read_archive_or_file(stream, LIMITS)
        .map_err(|error| Failure::from(error).at("standard input").hint(hint()))?;
    Ok(Source::Archive("standard input".to_owned(), archive))
}
