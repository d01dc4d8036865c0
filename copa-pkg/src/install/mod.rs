pub(crate) mod change;
pub(crate) mod installation;
pub(crate) mod paths;
pub(crate) mod transaction;
