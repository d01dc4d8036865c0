pub(crate) mod record;
pub(crate) mod status_d;
