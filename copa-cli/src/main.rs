//! `copa`: patch container images without a container runtime.
//!
//! A thin program over [`copa_core`]: it reads arguments, the environment and the clock, shows
//! progress, prints the result and chooses the exit status. What it does, an embedder can do.

mod args;
mod config;
mod destination;
mod environment;
mod exit;
mod hints;
mod output;
mod patch;
mod progress;
mod settings;
mod table;
mod terminal;
mod warnings;

use std::process::ExitCode;

use clap::Parser;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::args::{Cli, Command};

fn main() -> ExitCode {
    let Command::Patch(args) = Cli::parse().command;
    log_to_standard_error(args.verbose);
    patch::run(*args).into()
}

/// What the libraries say while they work, when asked for.
fn log_to_standard_error(verbose: u8) {
    let ours = ["copa_core", "copa_oci", "copa_pkg"].map(|name| (name, Level::DEBUG));
    let filter = match verbose {
        0 => return,
        1 => Targets::new().with_targets(ours),
        _ => Targets::new().with_default(Level::DEBUG),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines).with(filter).init();
}
