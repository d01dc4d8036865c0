pub(crate) mod accounts;
pub(crate) mod certificates;
pub(crate) mod commands;
pub(crate) mod glob;
pub(crate) mod ldcache;
pub(crate) mod script;
pub(crate) mod shell;
