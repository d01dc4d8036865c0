pub(crate) mod distroless;
pub(crate) mod owners;
pub(crate) mod part;
pub(crate) mod policy;
pub(crate) mod scripts;
pub(crate) mod stale;
