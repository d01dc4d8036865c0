//! What is known of a maintainer script. It never runs.

use std::collections::BTreeSet;

use crate::effect::commands::{ACCOUNTS, Meaning, meaning};
use crate::effect::shell::command::{Call, Command};
use crate::effect::shell::run::commands;
use crate::port::Root;
use crate::version::format::Format;

/// What becomes of what a script would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It would change no file of an image.
    NoEffect,
    /// The effect of this name does it. Users and groups are named before other effects: whether
    /// they are made depends on the image.
    CarriedOut(&'static str),
    /// Nothing does it, or nobody can tell what it does; why, as the end of a sentence: "calls rm".
    Unknown(String),
}

/// As many names of commands are told.
const TOLD_MAX: usize = 6;
const COMPUTED: &str = "calls what it computes";
/// A longer name of a command is not told.
const NAME_MAX: usize = 40;

/// What a script finds when it runs.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) format: Format,
    /// The files that there are, when those are known.
    pub(crate) files: Option<&'a dyn Root>,
    /// Says of a command that makes users and groups whether all are there.
    pub(crate) makes: &'a dyn Fn(&Command) -> bool,
}

/// What is known of a shell script of a package.
pub(crate) fn verdict(script: &str, call: &Call<'_>, scene: Scene<'_>) -> Verdict {
    let Some(commands) = commands(script, call, scene.files) else {
        return Verdict::Unknown("cannot be followed".into());
    };
    let mut found = Findings::default();
    for command in &commands {
        found.add(command, meaning(command, call, scene.format), scene.makes);
    }
    found.verdict()
}

/// What was found in a script.
#[derive(Debug, Default)]
struct Findings<'s> {
    effect: Option<&'static str>,
    calls: BTreeSet<&'s str>,
    writes: bool,
    computes: bool,
}

impl<'s> Findings<'s> {
    fn add(&mut self, command: &'s Command, meaning: Meaning, makes: &dyn Fn(&Command) -> bool) {
        self.writes |= command.writes;
        self.computes |= command.computes;
        match meaning {
            Meaning::Nothing => {}
            Meaning::Effect(effect) => self.effect = self.effect.or(Some(effect)),
            Meaning::Account if makes(command) => self.effect = Some(ACCOUNTS),
            Meaning::Account | Meaning::Unknown => {
                self.calls.insert(&command.name);
            }
        }
    }

    fn verdict(self) -> Verdict {
        let mut reasons = Vec::new();
        if !self.calls.is_empty() {
            reasons.push(calls(&self.calls));
        } else if self.computes {
            reasons.push(COMPUTED.into());
        }
        if self.writes {
            reasons.push("writes files".into());
        }
        match self.effect {
            _ if !reasons.is_empty() => Verdict::Unknown(reasons.join(" and ")),
            Some(effect) => Verdict::CarriedOut(effect),
            None => Verdict::NoEffect,
        }
    }
}

/// `calls chmod, rm and 2 more`; what is no name, such as `$x`, is not shown.
fn calls(names: &BTreeSet<&str>) -> String {
    let is_name = |name: &&&str| {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"+-._".contains(&b);
        name.len() <= NAME_MAX && name.bytes().all(is_plain)
    };
    let told: Vec<&str> = names.iter().filter(is_name).take(TOLD_MAX).copied().collect();
    match (told.len(), names.len() - told.len()) {
        (0, _) => COMPUTED.into(),
        (_, 0) => format!("calls {}", told.join(", ")),
        (_, more) => format!("calls {} and {more} more", told.join(", ")),
    }
}

#[cfg(test)]
#[path = "tests/script.rs"]
mod tests;
