//! The annals program.

use std::process::ExitCode;

fn main() -> ExitCode {
    annals::face::cli::run(std::env::args_os())
}
