//! What a script of the shell may do: its simple commands, without those that do not run when it
//! is called with known arguments.
//!
//! Scripts say `if [ $1 -eq 0 ]; then ...` of what only a removal needs, `case "$1" in` of what
//! they are called for, and `[ $1 = 1 ] || exit 0`. Only such tests are worked out: whatever else a
//! script asks may be so or not. What is left out does not run; what is left may run.

use std::collections::{BTreeMap, BTreeSet};

use crate::effect::glob::Glob;
use crate::effect::shell::command::{Call, Command};
use crate::effect::shell::outcome::{Answers, outcome};
use crate::effect::shell::parse::{Joint, List, Node, Simple, parse};
use crate::effect::shell::word::Word;
use crate::port::Root;

/// As deep may functions call each other.
const CALLS_MAX: u32 = 16;
/// As many commands are looked at.
const STEPS_MAX: u32 = 100_000;
/// Commands that this reader interprets: a function of the same name would mislead it.
const INTERPRETED: [&str; 12] =
    [":", "[", "[[", "command", "dpkg", "eval", "exit", "false", "set", "shift", "test", "true"];

/// The commands that may run, given the files that there are, when those are known. `None` when the
/// script cannot be followed.
pub(crate) fn commands(
    script: &str,
    call: &Call<'_>,
    files: Option<&dyn Root>,
) -> Option<Vec<Command>> {
    let list = parse(script)?;
    let mut run = Run {
        call: *call,
        answers: Answers { is_bash: call.is_bash, files },
        functions: BTreeMap::new(),
        commands: Vec::new(),
        called: BTreeSet::new(),
        certain: true,
        calls: CALLS_MAX,
        steps: STEPS_MAX,
    };
    run.list(&list)?;
    Some(run.commands)
}

/// How a command comes out, as far as that is known.
#[derive(Debug, Clone, Copy)]
struct Outcome {
    truth: Option<bool>,
    /// Whether nothing runs after it, for certain.
    ends: bool,
}

const UNKNOWN: Outcome = Outcome { truth: None, ends: false };

/// What a name calls.
#[derive(Debug, Clone, Copy)]
struct Function<'n, 's> {
    body: &'n Node<'s>,
    /// Whether it is defined, whatever else happened.
    certain: bool,
}

struct Run<'a, 'n, 's> {
    call: Call<'a>,
    answers: Answers<'a>,
    functions: BTreeMap<&'s str, Function<'n, 's>>,
    commands: Vec<Command>,
    /// The names of the commands so far.
    called: BTreeSet<String>,
    /// Whether what is looked at runs, for certain, and in the script's own shell.
    certain: bool,
    calls: u32,
    steps: u32,
}

impl<'n, 's> Run<'_, 'n, 's> {
    /// Looks at commands that run after each other. `None` when they cannot be followed.
    fn list(&mut self, list: &'n List<'s>) -> Option<Outcome> {
        let mut last = UNKNOWN;
        for node in list {
            last = self.node(node)?;
            if last.ends {
                break;
            }
        }
        Some(last)
    }

    /// Looks at commands that may run or not, or whose shell is another one: nothing of theirs
    /// ends the script.
    fn maybe(&mut self, list: &'n List<'s>) -> Option<Outcome> {
        let was = std::mem::replace(&mut self.certain, false);
        let outcome = self.list(list);
        self.certain = was;
        outcome
    }

    fn maybe_node(&mut self, node: &'n Node<'s>) -> Option<Outcome> {
        let was = std::mem::replace(&mut self.certain, false);
        let outcome = self.node(node);
        self.certain = was;
        outcome
    }

    fn node(&mut self, node: &'n Node<'s>) -> Option<Outcome> {
        self.steps = self.steps.checked_sub(1)?;
        match node {
            Node::Simple(simple) => self.simple(simple),
            Node::Pipe(all) => {
                all.iter().try_for_each(|node| self.maybe_node(node).map(drop))?;
                Some(UNKNOWN)
            }
            Node::Not(node) => {
                let outcome = self.node(node)?;
                Some(Outcome { truth: outcome.truth.map(|truth| !truth), ..outcome })
            }
            Node::Chain(first, rest) => self.chain(first, rest),
            Node::Behind(node) => self.maybe_node(node).map(|_| UNKNOWN),
            Node::Group(list) => self.list(list),
            Node::Subshell(list) => self.maybe(list).map(|_| UNKNOWN),
            Node::If { branches, otherwise } => self.branches(branches, otherwise),
            Node::Loop { condition, body } => {
                self.maybe(condition)?;
                self.maybe(body)?;
                Some(UNKNOWN)
            }
            Node::Case { subject, arms } => self.case(subject, arms),
            Node::Function { name, body } => self.define(name, body),
            Node::With(simple, block) => {
                self.simple(simple)?;
                let outcome = self.node(block)?;
                // Where input or output cannot be had, the block does not run.
                Some(if simple.may_fail { UNKNOWN } else { outcome })
            }
        }
    }

    fn chain(&mut self, first: &'n Node<'s>, rest: &'n [(Joint, Node<'s>)]) -> Option<Outcome> {
        let mut before = self.node(first)?;
        for (joint, node) in rest {
            if before.ends {
                break;
            }
            let wanted = *joint == Joint::And;
            before = match before.truth {
                Some(truth) if truth == wanted => self.node(node)?,
                Some(_) => before,
                None => {
                    let truth = self.maybe_node(node)?.truth.filter(|truth| *truth != wanted);
                    Outcome { truth, ends: false }
                }
            };
        }
        Some(before)
    }

    fn branches(
        &mut self,
        branches: &'n [(List<'s>, List<'s>)],
        otherwise: &'n List<'s>,
    ) -> Option<Outcome> {
        let was = self.certain;
        let (mut ends, mut is_decided) = (true, false);
        for (condition, body) in branches {
            let asked = self.list(condition)?;
            if asked.ends {
                is_decided = true;
                break;
            }
            match asked.truth {
                Some(false) => continue,
                Some(true) => is_decided = true,
                None => self.certain = false,
            }
            ends &= self.list(body)?.ends;
            if is_decided {
                break;
            }
        }
        if !is_decided {
            ends &= self.list(otherwise)?.ends;
        }
        self.certain = was;
        Some(Outcome { truth: None, ends })
    }

    fn case(
        &mut self,
        subject: &Word<'s>,
        arms: &'n [(Vec<Word<'s>>, List<'s>)],
    ) -> Option<Outcome> {
        let was = self.certain;
        let (mut ends, mut is_decided) = (true, false);
        let subject = subject.subject(&self.call.arguments);
        for (patterns, body) in arms {
            match self.matches(subject.as_deref(), patterns) {
                Some(false) => continue,
                Some(true) => is_decided = true,
                None => self.certain = false,
            }
            ends &= self.list(body)?.ends;
            if is_decided {
                break;
            }
        }
        self.certain = was;
        Some(Outcome { truth: None, ends: ends && is_decided })
    }

    /// Whether one of the patterns matches.
    fn matches(&self, subject: Option<&str>, patterns: &[Word<'_>]) -> Option<bool> {
        let mut all = Some(false);
        for pattern in patterns {
            let pattern = pattern.pattern(&self.call.arguments);
            let is_any = pattern.as_deref() == Some(&[Glob::Any]);
            let matches = pattern
                .zip(subject)
                .map(|(pattern, subject)| Glob::matches(&pattern, subject.as_bytes()));
            match matches.or(is_any.then_some(true)) {
                Some(true) => return Some(true),
                Some(false) => {}
                None => all = None,
            }
        }
        all
    }

    /// A name has one meaning throughout the script, or the script is not followed.
    fn define(&mut self, name: &'s str, body: &'n Node<'s>) -> Option<Outcome> {
        if INTERPRETED.contains(&name) || self.called.contains(name) {
            return None;
        }
        let new = Function { body, certain: self.certain };
        let function = self.functions.entry(name).or_insert(new);
        function.certain |= self.certain;
        let outcome = Outcome { truth: Some(true), ends: false };
        std::ptr::eq(function.body, body).then_some(outcome)
    }

    fn simple(&mut self, simple: &'n Simple<'s>) -> Option<Outcome> {
        for list in &simple.runs {
            self.maybe(list)?;
        }
        let mut words = simple.words.iter();
        let name = words.next();
        let command = Command {
            name: name.map(|name| name.command(&self.call.arguments)).unwrap_or_default(),
            arguments: words.map(|word| word.value(&self.call.arguments)).collect(),
            computes: simple.computes,
            writes: simple.writes,
        };
        let is_function = self.function(name)?;
        if self.changes_arguments(&command) {
            return None;
        }
        let is_known = !simple.may_fail && !is_function && simple.runs.is_empty();
        let is_known = is_known && !self.asks_for_function(&command);
        let truth = outcome(&command, self.answers).filter(|_| is_known);
        let ends = command.name == "exit" && !simple.may_fail;
        let is_nothing = name.is_none() || is_function;
        if !is_nothing || command.computes || command.writes {
            let name = if is_nothing { String::new() } else { command.name };
            self.called.insert(name.clone());
            self.commands.push(Command { name, ..command });
        }
        Some(Outcome { truth, ends })
    }

    /// `command -v NAME` finds functions too.
    fn asks_for_function(&self, command: &Command) -> bool {
        let mut words = command.arguments.iter().flatten();
        command.name == "command" && words.any(|word| self.functions.contains_key(&**word))
    }

    fn changes_arguments(&self, command: &Command) -> bool {
        let changes = match &*command.name {
            "shift" => true,
            "set" => command.arguments.iter().any(|word| !is_option(word.as_deref())),
            _ => false,
        };
        changes && self.call.arguments != [None; 3]
    }

    /// Looks at the function that a name calls. Whether it is certain that there is one.
    fn function(&mut self, name: Option<&Word<'s>>) -> Option<bool> {
        let function = name.and_then(|name| self.functions.get(name.raw)).copied();
        let Some(function) = function else { return Some(false) };
        self.calls = self.calls.checked_sub(1)?;
        let arguments = std::mem::take(&mut self.call.arguments);
        self.maybe_node(function.body)?;
        self.call.arguments = arguments;
        self.calls += 1;
        Some(function.certain)
    }
}

/// `-e`, `+x`
fn is_option(word: Option<&str>) -> bool {
    word.is_some_and(|word| word.starts_with(['-', '+']) && word.len() > 1 && word != "--")
}

#[cfg(test)]
#[path = "tests/run.rs"]
mod tests;
