pub(crate) mod accounts;
pub(crate) mod omissions;
pub(crate) mod owners;
pub(crate) mod policy;
pub(crate) mod scriptlets;
pub(crate) mod stale;
pub(crate) mod transaction;
pub(crate) mod triggers;
