//! How RPM names one build of a package.

/// A package's name, epoch, version, release and architecture.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nevra<'a> {
    pub(crate) name: &'a str,
    pub(crate) epoch: &'a str,
    pub(crate) version: &'a str,
    pub(crate) release: &'a str,
    pub(crate) arch: &'a str,
}

/// `1:2.3-4`, without what is not said and without an epoch of zero.
pub(crate) fn evr(epoch: &str, version: &str, release: &str) -> String {
    let mut text = String::new();
    if !matches!(epoch, "" | "0") {
        text.push_str(epoch);
        text.push(':');
    }
    text.push_str(version);
    if !release.is_empty() {
        text.push('-');
        text.push_str(release);
    }
    text
}
