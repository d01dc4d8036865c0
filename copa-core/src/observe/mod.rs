//! Progress, warnings and cancellation: what a caller sees of the work, and how it is stopped.
//!
//! ```text
//! Observer <--Event-- Watch <-- Watched<port>: bytes that pass, and the end when it is cancelled
//!                       ^------ Run: one image on its way, and what was warned of so far
//! ```

pub(crate) mod cancel;
pub(crate) mod event;
pub(crate) mod run;
pub(crate) mod watch;
pub(crate) mod watched;
