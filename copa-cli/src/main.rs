//! `copa`: patch container images without a container runtime.
//!
//! A thin program over [`copa_core`]: it reads arguments, the environment and the clock, shows
//! progress, prints the result and chooses the exit status. What it does, an embedder can do.

mod args;
mod config;
mod destination;
mod environment;
mod exit;
mod output;
mod patch;
mod progress;
mod settings;
mod table;
mod terminal;
mod warnings;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    let Command::Patch(args) = Cli::parse().command;
    log_to_standard_error(args.verbose);
    patch::run(*args).into()
}

/// What the libraries say while they work, when asked for.
fn log_to_standard_error(verbose: u8) {
    let filter = match verbose {
        0 => return,
        1 => "copa_core=debug,copa_oci=debug,copa_pkg=debug",
        _ => "debug",
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .init();
}
