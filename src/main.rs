//! The `kpki` command. The library does the work; here words become jobs, and results words and an exit code.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
