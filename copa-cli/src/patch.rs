//! `copa patch`: the run from beginning to end, and how it stops.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use copa_core::oci::{Location, Written};
use copa_core::pkg::Skipped;
use copa_core::{Cancel, Kind, Patched, Patcher};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::Patch;
use crate::environment::Environment;
use crate::exit::Status;
use crate::hints;
use crate::output::{Done, Outcome};
use crate::progress::Progress;
use crate::settings::{self, Settings};
use crate::terminal;
use crate::warnings::{self, Heard};

/// How long something that was told to stop may take to do so.
const GRACE: Duration = Duration::from_secs(5);

/// Runs the command and says how it ended.
pub(crate) fn run(args: Patch) -> Status {
    let as_json = args.json;
    let heard = Arc::new(Heard::default());
    prepared(args, &heard).unwrap_or_else(|error| {
        let failure = Failure::of(&error);
        failure.print(as_json, &heard);
        failure.status
    })
}

fn prepared(args: Patch, heard: &Arc<Heard>) -> anyhow::Result<Status> {
    let env = Environment::of_this_process();
    let config = settings::config(&args, &env).map_err(Given)?;
    let progress = Arc::new(Progress::new(settings::progress(&args, &config), heard));
    let settings = Settings::new(args, config, &env).map_err(Given)?;
    settings.remarks.iter().for_each(|remark| warnings::say(remark));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(stoppable(&settings, &progress));
    progress.clear();
    // A thread that waits for a peer that says nothing must not keep the process.
    runtime.shutdown_background();
    result
}

/// The run, until it is done, interrupted or out of time.
async fn stoppable(settings: &Settings, progress: &Arc<Progress>) -> anyhow::Result<Status> {
    let cancel = Cancel::new();
    let run = patch(settings, progress, &cancel);
    tokio::pin!(run);
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let stop = tokio::select! {
        result = &mut run => return result,
        _ = interrupt.recv() => Stop::Interrupted,
        _ = terminate.recv() => Stop::Interrupted,
        () = tokio::time::sleep(settings.timeout) => Stop::OutOfTime(settings.timeout),
    };
    cancel.cancel();
    tokio::select! {
        result = run => match result {
            // It was done before it heard of it.
            Ok(status) => Ok(status),
            Err(_) => Err(stop.into()),
        },
        _ = interrupt.recv() => Err(stop.into()),
        () = tokio::time::sleep(GRACE) => Err(stop.into()),
    }
}

async fn patch(
    settings: &Settings,
    progress: &Arc<Progress>,
    cancel: &Cancel,
) -> anyhow::Result<Status> {
    let started = Instant::now();
    let patcher = Patcher::new(settings.access.clone(), settings.shared.clone());
    let mut job = settings.job.clone();
    (job.observer, job.cancel) = (progress.clone(), cancel.clone());
    let found = patcher.inspect(patcher.open(&job).await?).await?;
    if !settings.dry_run {
        found.check_patchable()?;
    }
    let request = found.request()?;
    let planned = patcher.plan(&found, &request).await?;
    let outcome = |plan, done, warnings, took| Outcome {
        found: &found,
        request: &request,
        plan,
        warnings,
        done,
        took,
    };
    if settings.dry_run {
        outcome(&planned.plan, None, &planned.warnings, started.elapsed()).print(settings.json)?;
        return Ok(status(&planned.plan.skipped));
    }
    let patched = patcher.apply(&found, planned.plan).await?;
    let written = write(&patcher, &patched, &settings.destinations.places).await?;
    progress.clear();
    let done = Done { patched: &patched, written, chosen: settings.destinations.chosen };
    outcome(&patched.plan, Some(done), &patched.warnings, started.elapsed())
        .print(settings.json)?;
    Ok(status(&patched.plan.skipped))
}

async fn write(
    patcher: &Patcher,
    patched: &Patched,
    places: &[Location],
) -> anyhow::Result<Vec<(Location, Written)>> {
    let mut written = Vec::new();
    for place in places {
        let one = patcher
            .write(patched, &place.clone().into())
            .await
            .with_context(|| format!("write {place}"))?;
        written.push((place.clone(), one));
    }
    Ok(written)
}

fn status(skipped: &[Skipped]) -> Status {
    match skipped.iter().any(|skipped| skipped.reason.is_refusal()) {
        true => Status::Partial,
        false => Status::Done,
    }
}

/// Why a run was stopped from outside.
#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error("interrupted: nothing was tagged")]
    Interrupted,
    #[error("not done within {}: nothing was tagged (see --timeout)", human(*.0))]
    OutOfTime(Duration),
}

fn human(time: Duration) -> String {
    format!("{:#}", copa_core::jiff::SignedDuration::try_from(time).unwrap_or_default())
}

/// A mistake in what was given: arguments, settings, a report.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Given(anyhow::Error);

/// An error as a person and a program get to see it.
struct Failure {
    text: String,
    code: &'static str,
    hint: Option<String>,
    status: Status,
}

impl Failure {
    fn of(error: &anyhow::Error) -> Self {
        let given = error.downcast_ref::<Given>().map(|Given(error)| error);
        let mut causes = given.unwrap_or(error).chain();
        let known = causes.find_map(|cause| cause.downcast_ref::<copa_core::Error>());
        let (code, status) = match (error.downcast_ref(), known) {
            (Some(Stop::Interrupted), _) => ("cancelled", Status::Interrupted),
            (Some(Stop::OutOfTime(_)), _) => ("timeout", Status::Network),
            (None, Some(known)) => (known.code(), status_of(known.kind())),
            (None, None) if given.is_some() => ("input", Status::Input),
            (None, None) => ("local", Status::Local),
        };
        let hint = known.and_then(copa_core::Error::hint).and_then(|hint| hints::text(&hint));
        Self { text: format!("{error:#}"), code, hint, status }
    }

    /// Says it on standard error and, for a program, on standard output. When those are gone there
    /// is nobody left to tell.
    fn print(&self, as_json: bool, heard: &Heard) {
        let hint = self.hint.iter().map(|hint| format!("hint: {hint}\n"));
        let text = format!("error: {}\n{}", self.text, hint.collect::<String>());
        drop(anstream::stderr().write_all(terminal::lines(&text).as_bytes()));
        if as_json {
            let error = json!({"code": self.code, "message": self.text, "hint": self.hint});
            let mut value = json!({"error": error});
            warnings::add_to(&mut value, &heard.all());
            let text = format!("{value:#}\n");
            drop(anstream::stdout().write_all(text.as_bytes()));
        }
    }
}

fn status_of(kind: Kind) -> Status {
    match kind {
        Kind::Input => Status::Input,
        Kind::Trust => Status::Trust,
        Kind::Network => Status::Network,
        Kind::Partial => Status::Partial,
        Kind::Cancelled => Status::Interrupted,
        _ => Status::Local,
    }
}
