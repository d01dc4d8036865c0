pub(crate) mod bytes;
pub(crate) mod conf;
pub(crate) mod elf;
pub(crate) mod entries;
pub(crate) mod file_format;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
pub(crate) mod strings;
pub(crate) mod update;
