pub(crate) mod bytes;
pub(crate) mod cache;
pub(crate) mod conf;
pub(crate) mod elf;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
pub(crate) mod renew;
pub(crate) mod table;
pub(crate) mod update;
