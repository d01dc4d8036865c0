pub(crate) mod certificates;
pub(crate) mod ldcache;
pub(crate) mod shell;
