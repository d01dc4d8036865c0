pub(crate) mod discover;
pub(crate) mod keys;
pub(crate) mod layout;
pub(crate) mod repo_file;
pub(crate) mod variables;
