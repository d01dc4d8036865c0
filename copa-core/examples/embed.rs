//! Patches an image: `cargo run --example embed -- IMAGE DESTINATION [MIRROR KEYRING]`.
//!
//! Without arguments it patches the image of the quick start, offline, into a temporary directory.
//! MIRROR is a directory that holds `debian` and `debian-security`.

use std::error::Error;
use std::sync::Arc;

use copa_core::oci::{Access, Anonymous, Http, HttpOptions};
use copa_core::pkg::Request;
use copa_core::{Cancel, Event, Options, Patcher, jiff::Timestamp};

#[tokio::main]
#[allow(clippy::print_stdout, clippy::print_stderr)]
async fn main() -> Result<(), Box<dyn Error>> {
    let scratch = tempfile::tempdir()?;
    let quickstart = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/quickstart");
    let mut args = std::env::args().skip(1);
    let from = args.next().unwrap_or(format!("oci-archive:{quickstart}/image.tar"));
    let to = args.next().unwrap_or(format!("oci:{}/patched:new", scratch.path().display()));
    let mirror = std::fs::canonicalize(args.next().unwrap_or(format!("{quickstart}/mirror")))?;
    let keyring = args.next().unwrap_or(format!("{}/archive-key.asc", mirror.display()));

    let mut options = Options::new(Timestamp::now());
    options.keyring = Some(std::fs::read(keyring)?.into());
    for name in ["debian", "debian-security"] {
        options.mirrors.push(format!("{name}=file://{}/{name}", mirror.display()).parse()?);
    }
    let http = Http::new(&HttpOptions::default())?;
    let access = Access { http, credentials: Arc::new(Anonymous), plain_http: false };

    let cancel = Cancel::new();
    let on_interrupt = cancel.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            on_interrupt.cancel();
        }
    });
    let progress = |event: &Event<'_>| {
        if let Event::Started(stage) = event {
            eprintln!("{stage:?} ...");
        }
    };
    let patcher = Patcher::new(access, options).observe(Arc::new(progress)).cancel(cancel);

    let opened = patcher.open(&from.parse()?).await?;
    let inspected = patcher.inspect(opened).await?;
    let planned = patcher.plan(&inspected, &Request::Everything).await?;
    let patched = patcher.apply(&inspected, planned.plan).await?;
    let written = patcher.write(&patched, &to.parse()?).await?;
    for update in &patched.plan.updates {
        println!("{} -> {}", update.to.name, update.to.version);
    }
    println!("{} {}", to, written.manifest.digest);
    Ok(())
}
