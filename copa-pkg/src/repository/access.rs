//! The ports that work on repositories needs, passed around as one.

use std::sync::Arc;

use crate::port::{Cache, Fetch};
use crate::warning::Listener;

/// What work on repositories needs of the world, and who hears of its warnings.
#[derive(Debug, Clone, Copy)]
pub struct Ports<'a> {
    /// The way to bytes behind addresses.
    pub fetch: &'a dyn Fetch,
    /// What was worked out before.
    pub cache: &'a Arc<dyn Cache>,
    /// Who hears of warnings when they arise.
    pub listener: Listener<'a>,
}

impl<'a> Ports<'a> {
    /// Ports of work whose warnings are only in its result.
    pub fn new(fetch: &'a dyn Fetch, cache: &'a Arc<dyn Cache>) -> Self {
        Self { fetch, cache, listener: Listener::default() }
    }

    /// The same, and this listener hears of warnings when they arise.
    #[must_use]
    pub fn heard_by(self, listener: Listener<'a>) -> Self {
        Self { listener, ..self }
    }
}
