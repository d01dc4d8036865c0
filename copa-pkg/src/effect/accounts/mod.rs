pub(crate) mod called;
pub(crate) mod create;
pub(crate) mod image;
mod numbers;
pub(crate) mod sysusers;
