//! Progress on standard error: a moving line on a terminal, plain lines in CI.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write, stderr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use copa_core::pkg::Warning;
use copa_core::{Event, Observer, Stage, Transfer};
use indicatif::{ProgressBar, ProgressStyle as Template};

use crate::args::ProgressStyle;
use crate::table::bytes;
use crate::warnings::{self, Heard};

/// In plain lines, how often something long says that it is still going on.
const STILL: Duration = Duration::from_secs(10);

/// Shows what happens.
pub(crate) struct Progress {
    /// The moving line; `None` for plain lines.
    bar: Option<ProgressBar>,
    quiet: bool,
    now: Mutex<Now>,
    heard: Arc<Heard>,
}

/// What is going on.
struct Now {
    stage: Option<Stage>,
    since: Instant,
    said: Instant,
    moved: BTreeMap<(Transfer, String), (u64, Option<u64>)>,
}

impl Progress {
    pub(crate) fn new(style: ProgressStyle, heard: &Arc<Heard>) -> Self {
        let lively = match style {
            ProgressStyle::Tty => true,
            ProgressStyle::Auto => stderr().is_terminal(),
            ProgressStyle::Plain | ProgressStyle::Quiet => false,
        };
        let now = Instant::now();
        let now = Now { stage: None, since: now, said: now, moved: BTreeMap::new() };
        Self {
            bar: lively.then(spinner),
            quiet: style == ProgressStyle::Quiet,
            now: Mutex::new(now),
            heard: Arc::clone(heard),
        }
    }

    /// Takes the moving line away, so that what follows stands alone.
    pub(crate) fn clear(&self) {
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }

    /// Shows a warning, however progress is shown. The moving line stands aside for it.
    fn warn(&self, warning: &Warning) {
        self.heard.push(warning);
        let say = || warnings::say(&warning.text);
        self.bar.as_ref().map_or_else(say, |bar| bar.suspend(say));
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            // Progress that cannot be shown is not worth failing for.
            None => drop(writeln!(stderr(), "{line}")),
        }
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event<'_>) {
        if let Event::Warned(warning) = event {
            return self.warn(warning);
        }
        if self.quiet {
            return;
        }
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started(stage) => {
                now.begin(*stage);
                self.bar.iter().for_each(|bar| bar.set_message(doing(*stage)));
            }
            Event::Finished(stage) => self.say(&now.line(done(*stage))),
            Event::Moved { what, name, done, total } => {
                now.moved.insert((*what, (*name).to_owned()), (*done, *total));
                if let (Some(stage), true) = (now.stage, self.bar.is_some() || now.is_due()) {
                    let line = now.line(doing(stage));
                    match &self.bar {
                        Some(bar) => bar.set_message(line),
                        None => self.say(&line),
                    }
                }
            }
            _ => {}
        }
    }
}

impl Now {
    fn begin(&mut self, stage: Stage) {
        let now = Instant::now();
        *self = Self { stage: Some(stage), since: now, said: now, moved: BTreeMap::new() };
    }

    fn is_due(&mut self) -> bool {
        let due = self.said.elapsed() >= STILL;
        if due {
            self.said = Instant::now();
        }
        due
    }

    /// `Inspected: 13 parts, 8.2 MB, 0.2 s`.
    fn line(&self, title: &str) -> String {
        let done: u64 = self.moved.values().map(|(done, _)| done).sum();
        let total: Option<u64> = self.moved.values().map(|(_, total)| *total).sum();
        let of = match total {
            Some(total) if total > done => format!(" of {}", bytes(total)),
            _ => String::new(),
        };
        let seconds = self.since.elapsed().as_secs_f64();
        match self.moved.len() {
            0 => format!("{title} ({seconds:.1} s)"),
            count => format!("{title}: {count}, {}{of} ({seconds:.1} s)", bytes(done)),
        }
    }
}

fn spinner() -> ProgressBar {
    let template = Template::with_template("{spinner} {msg}");
    let bar = ProgressBar::new_spinner()
        .with_style(template.unwrap_or_else(|_| Template::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn doing(stage: Stage) -> &'static str {
    match stage {
        Stage::Open => "Opening the image",
        Stage::Inspect => "Reading layers",
        Stage::Load => "Loading package indexes",
        Stage::Plan => "Planning",
        Stage::Download => "Downloading packages",
        Stage::Build => "Building the patch layer",
        Stage::Write => "Writing the image",
        _ => "Working",
    }
}

fn done(stage: Stage) -> &'static str {
    match stage {
        Stage::Open => "Opened the image",
        Stage::Inspect => "Read layers",
        Stage::Load => "Loaded package indexes",
        Stage::Plan => "Planned",
        Stage::Download => "Downloaded packages",
        Stage::Build => "Built the patch layer",
        Stage::Write => "Wrote the image",
        _ => "Done",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_adds_up_what_moved() {
        let mut now =
            Progress::new(ProgressStyle::Quiet, &Arc::default()).now.into_inner().unwrap();
        now.begin(Stage::Inspect);
        assert!(now.line("Read layers").starts_with("Read layers (0."));
        now.moved.insert((Transfer::Blob, "a".into()), (500, Some(1_500)));
        now.moved.insert((Transfer::Blob, "b".into()), (500, Some(500)));
        assert!(now.line("Reading layers").starts_with("Reading layers: 2, 1.0 kB of 2.0 kB ("));
    }
}
