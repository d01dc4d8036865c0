//! The ports that loading a repository needs, passed around as one.

use std::sync::Arc;

use crate::port::{Cache, Fetch};

/// What loading a repository needs of the world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports<'a> {
    /// Where its files come from.
    pub(crate) fetch: &'a dyn Fetch,
    /// What was worked out before.
    pub(crate) cache: &'a Arc<dyn Cache>,
}
