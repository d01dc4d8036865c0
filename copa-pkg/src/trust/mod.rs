pub(crate) mod keys;
pub(crate) mod openpgp;
pub(crate) mod policy;
