//! The `kpki` command. The library does the work; here words become jobs, and results words and an exit code.

mod cli;

use std::process::ExitCode;

/// The C library's allocator gives memory back to the system after each node of a fleet, and asks for it again.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::main()
}
