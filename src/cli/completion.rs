//! `kpki completion SHELL`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, Failure, Status, output};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  source <(kpki completion bash)
  kpki completion zsh > ~/.zfunc/_kpki
  kpki completion fish > ~/.config/fish/completions/kpki.fish")]
pub(crate) struct Args {
    /// The shell.
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<Status, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "kpki", &mut script);
    output::print_bytes(&script)?;
    Ok(Status::Done)
}
