pub(crate) mod apt;
pub(crate) mod discover;
