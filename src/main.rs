//! The annals program.

use std::process::ExitCode;

/// An agent stays for years. That of glibc keeps what was freed; this one gives it back, also what SQLite and zstd had.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    annals::face::cli::run(std::env::args_os())
}
