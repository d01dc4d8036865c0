pub(crate) mod distroless;
pub(crate) mod fate;
pub(crate) mod leftovers;
pub(crate) mod ownership;
pub(crate) mod part;
pub(crate) mod scripts;
