//! From words to what is audited: one node, or each child of a directory.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use kpki::audit::{Input, LIMITS, Source, Store, read_archive_or_file};

use crate::cli::Failure;
use crate::cli::output::{self, FAINT, inform, styled};

/// The children of a directory of nodes that are no node: `kpki init` writes the CAs and the files of users there.
const STORES: [&str; 2] = ["ca", "users"];

/// What is found in each node's tree, and never beside nodes.
const PARTS: [&str; 6] = ["pki", "manifests", "etc", "var", "apiserver.crt", "admin.conf"];

/// The trees that were asked for: those of one node, or of several.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Trees {
    /// A PKI directory, an /etc/kubernetes, a node's root, single files or pipes, a tar archive (*.tar), or - for a tar archive
    /// or a file on standard input. Several are parts of one node.
    #[arg(value_name = "PATH", required_unless_present = "nodes")]
    pub(in crate::cli) paths: Vec<PathBuf>,
    /// A directory with the tree (or the tar archive, NODE.tar) of each node, named after it, as kpki init writes them: its
    /// children ca and users are the CAs and the users' files. What differs between nodes is looked at as well.
    #[arg(long, value_name = "DIR", conflicts_with = "paths")]
    pub(in crate::cli) nodes: Vec<PathBuf>,
}

impl Trees {
    /// What an audit reads.
    pub(in crate::cli) fn inputs(&self) -> Result<Vec<Input>, Failure> {
        let mut inputs = Vec::new();
        for directory in &self.nodes {
            inputs.extend(nodes_in(directory)?);
        }
        if inputs.is_empty() {
            let sources = self.paths.iter().map(|path| source(path)).collect::<Result<_, _>>()?;
            inputs.push(Input { name: None, sources, store: Store::No });
        }
        Ok(inputs)
    }

    /// The directories and files themselves, each with the name of its node where there are several: what can be mended.
    pub(in crate::cli) fn roots(&self) -> Result<Vec<(Option<String>, PathBuf)>, Failure> {
        let archive = || {
            Failure::new("nothing can be mended in an archive")
                .hint("run kpki on the node, or on a directory")
        };
        if self.paths.iter().any(|path| is_standard_input(path)) {
            return Err(archive());
        }
        let mut roots = Vec::new();
        for input in self.inputs()? {
            for source in input.sources {
                match source {
                    Source::Path(path) => roots.push((input.name.clone(), path)),
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

fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "tar") && path.is_file()
}

fn source(path: &Path) -> Result<Source, Failure> {
    if is_standard_input(path) {
        return standard_input();
    }
    if is_archive(path) {
        return Ok(Source::ArchiveFile(path.to_owned()));
    }
    // What a shell makes of `<(command)`.
    if std::fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
        let name = output::path(path);
        let archive = read_archive_or_file(std::fs::File::open(path)?, LIMITS)
            .map_err(|error| Failure::from(error).at(&name))?;
        return Ok(Source::Archive(name, archive));
    }
    if let Some(node) = a_node_in(path) {
        inform(format!(
            "{} {} looks like the tree of one node of several; --nodes {} audits each, and what differs between them",
            styled(FAINT, "note:"),
            output::path(&node),
            output::path(path)
        ))?;
    }
    Ok(Source::Path(path.to_owned()))
}

/// A tar archive on standard input. It is read without a buffer that would keep what went through it.
fn standard_input() -> Result<Source, Failure> {
    let stdin = io::stdin();
    if io::IsTerminal::is_terminal(&stdin) {
        return Err(Failure::new("a tar archive is expected on standard input, which is a terminal")
            .hint("ssh NODE sudo tar c /etc/kubernetes | kpki audit -"));
    }
    let stream = std::fs::File::from(stdin.as_fd().try_clone_to_owned()?);
    let archive = read_archive_or_file(stream, LIMITS).map_err(|error| {
        Failure::from(error).at("standard input").hint("ssh NODE sudo tar c /etc/kubernetes | kpki audit -")
    })?;
    Ok(Source::Archive("standard input".to_owned(), archive))
}

/// Each node of a directory, and the stores beside them.
fn nodes_in(directory: &Path) -> Result<Vec<Input>, Failure> {
    let cannot = |error: io::Error| {
        Failure::new(format!("{} cannot be listed: {}", output::path(directory), error.kind()))
            .hint("check the path")
    };
    let mut children: Vec<PathBuf> = Vec::new();
    for item in std::fs::read_dir(directory).map_err(cannot)? {
        let path = item.map_err(cannot)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && (path.is_dir() || is_archive(&path)) {
            children.push(path);
        }
    }
    children.sort();
    if children.iter().any(|child| PARTS.iter().any(|part| child.ends_with(part))) {
        return Err(Failure::new(format!("{} is the tree of one node", output::path(directory)))
            .hint("leave --nodes away, or give the directory above it"));
    }
    if children.is_empty() {
        return Err(Failure::new(format!("{} holds no node's tree", output::path(directory)))
            .hint("--nodes takes a directory with one directory (or NODE.tar) for each node"));
    }
    // Whoever made the directory may have put a link into it that leads to somebody else's files.
    let within = directory.canonicalize().map_err(cannot)?;
    let leads_out = |path: &Path| {
        path.is_symlink() && !path.canonicalize().is_ok_and(|target| target.starts_with(&within))
    };
    let inputs = children.into_iter().map(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if leads_out(&path) {
            let reason = format!(
                "{} is a symbolic link out of the directory of nodes and was not looked at: put the tree itself there",
                output::path(&path)
            );
            return Input { name: Some(name), sources: vec![Source::LeftOut(reason)], store: Store::Yes };
        }
        if is_archive(&path) {
            let name = name.strip_suffix(".tar").unwrap_or(&name).to_owned();
            return Input { name: Some(name), sources: vec![Source::ArchiveFile(path)], store: Store::No };
        }
        let store = if STORES.contains(&name.as_str()) { Store::Yes } else { Store::No };
        Input { name: Some(name), sources: vec![Source::Path(path)], store }
    });
    Ok(inputs.collect())
}

/// A child that is itself a node's tree, as `kpki init` writes them.
fn a_node_in(directory: &Path) -> Option<PathBuf> {
    if ["etc", "pki"].iter().any(|part| directory.join(part).exists()) {
        return None;
    }
    let mut children = std::fs::read_dir(directory).ok()?.take(100).filter_map(Result::ok);
    children.find_map(|child| {
        let path = child.path();
        (path.join("etc/kubernetes").is_dir() || path.join("pki").is_dir()).then_some(path)
    })
}
