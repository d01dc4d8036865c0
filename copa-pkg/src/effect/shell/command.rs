//! A script that is called, and a command of it.

use crate::effect::shell::word::Arguments;

/// How a script is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Call<'a> {
    pub(crate) arguments: Arguments<'a>,
    /// Whether the shell is bash, which knows `[[` and `==`; what others make of them is not known.
    pub(crate) is_bash: bool,
}

/// A simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    /// Its name without folders; empty when it only sets variables.
    pub(crate) name: String,
    /// Its arguments, as far as they are known.
    pub(crate) arguments: Vec<Option<String>>,
    /// Whether it is made of something that is computed and cannot be read.
    pub(crate) computes: bool,
    /// Whether its output goes to a file.
    pub(crate) writes: bool,
}

impl Command {
    /// Its arguments, when all are known.
    pub(crate) fn known(&self) -> Option<Vec<&str>> {
        self.arguments.iter().map(Option::as_deref).collect()
    }
}
