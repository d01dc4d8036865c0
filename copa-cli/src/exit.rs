//! How the process ends: one status for each kind of outcome.

use std::process::ExitCode;

/// The outcome of a run. The numbers are part of the interface; `copa --help` lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    Done = 0,
    Local = 1,
    Input = 2,
    Partial = 3,
    Trust = 4,
    Network = 5,
    Interrupted = 130,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}
