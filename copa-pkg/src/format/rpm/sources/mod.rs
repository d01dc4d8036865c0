//! Where the packages of an RPM image come from and who may sign them: `.repo` files, the layout of
//! the distribution's servers, or what the user names.
//!
//! ```text
//! *.repo --repo_file, variables--+
//! distribution ------layout------+--discover--> Repo x m, with its keys
//! mirrors of the user -----------+
//! ```

pub(crate) mod discover;
pub(crate) mod keys;
pub(crate) mod layout;
pub(crate) mod repo_file;
pub(crate) mod variables;
