pub(crate) mod change;
pub(crate) mod installation;
pub(crate) mod overlay;
pub(crate) mod paths;
