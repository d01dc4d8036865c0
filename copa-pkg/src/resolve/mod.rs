pub(crate) mod closure;
pub(crate) mod holdings;
pub(crate) mod obsolete;
pub(crate) mod plan;
pub(crate) mod planner;
pub(crate) mod rich;
pub(crate) mod siblings;
pub(crate) mod world;
