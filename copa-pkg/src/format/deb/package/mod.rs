pub(crate) mod ar;
pub(crate) mod archive;
