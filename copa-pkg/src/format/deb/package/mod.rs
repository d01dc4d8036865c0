//! A `.deb` file: an [`ar`] archive with the control members and the data of a package.

pub(crate) mod ar;
pub(crate) mod archive;
