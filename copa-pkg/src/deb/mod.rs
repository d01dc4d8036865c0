//! Debian packages: `deb-version(7)`, `deb-control(5)`, `deb(5)`, and Debian's repository format.

mod version;

pub use version::Version;
