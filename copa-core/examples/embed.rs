//! Patches an image: `cargo run --example embed -- IMAGE DESTINATION [MIRROR KEYRING]`.
//!
//! Without arguments it patches the image of the quick start, offline, into a temporary directory.
//! MIRROR is a directory that holds `debian` and `debian-security`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use copa_core::oci::{Access, Location};
use copa_core::{Cancel, Config, Event, Job, Patcher, jiff::Timestamp, pkg::Mirror};

#[tokio::main]
#[allow(clippy::print_stdout, clippy::print_stderr)]
async fn main() -> Result<(), Box<dyn Error>> {
    let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/quickstart");
    let scratch = tempfile::tempdir()?;
    let mut args = std::env::args().skip(1);
    let from = args.next().unwrap_or(format!("oci-archive:{}/image.tar", quickstart.display()));
    let to = args.next().unwrap_or(format!("oci:{}/patched:new", scratch.path().display()));
    let mirror = args.next().map_or(quickstart.join("mirror"), PathBuf::from).canonicalize()?;
    let keyring = args.next().map_or(mirror.join("archive-key.asc"), PathBuf::from);

    let mut config = Config::new(Timestamp::now());
    config.keyring = Some(std::fs::read(keyring)?.into());
    for name in ["debian", "debian-security"] {
        config.mirrors.push(Mirror::folder(name, &mirror.join(name))?);
    }
    let cancel = Cancel::new();
    let on_interrupt = cancel.clone();
    tokio::spawn(async move { tokio::signal::ctrl_c().await.map(|()| on_interrupt.cancel()) });
    let progress = |event: &Event<'_>| {
        if let Event::Started(stage) = event {
            eprintln!("{stage:?} ...");
        }
    };
    let mut job = Job::new(from.parse::<Location>()?);
    job.to.push(to.parse::<Location>()?.into());
    (job.observer, job.cancel) = (Arc::new(progress), cancel);
    let done = Patcher::new(Access::anonymous()?, config).patch(&job).await?;

    for update in &done.patched.plan.updates {
        println!("{} -> {}", update.to.name, update.to.version);
    }
    println!("{to} {}", done.written[0].manifest.digest);
    Ok(())
}
