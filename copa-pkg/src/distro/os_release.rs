//! `os-release(5)`: what a file system says of its distribution.

use crate::distro::release::{Distro, shown, unsupported};
use crate::distro::table;
use crate::error::Result;

/// What an `os-release(5)` file says of the release.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OsRelease {
    pub(super) id: Option<String>,
    /// A number or a name.
    pub(super) release: Option<String>,
}

impl OsRelease {
    pub(super) fn parse(text: &str) -> Self {
        let get = |key: &str| {
            let mut lines = text.lines().rev().filter_map(|line| line.trim().split_once('='));
            lines.find(|(name, _)| *name == key).map(|(_, value)| unquote(value))
        };
        let get = |key: &str| get(key).filter(|value| !value.is_empty());
        let release = get("VERSION_ID").or_else(|| get("VERSION_CODENAME")).or_else(|| {
            // `13 (trixie)`: the only place that says it in some images.
            let version = get("VERSION")?;
            let (_, name) = version.split_once('(')?;
            Some(name.trim_end().trim_end_matches(')').to_owned())
        });
        Self { id: get("ID"), release }
    }

    /// The release that it names. `None` when it names no release.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](crate::Error::Unsupported) when it names something else. A file without
    /// `ID` is taken for Debian's, as those of old distroless images are.
    pub(super) fn distro(&self, path: &str) -> Result<Option<Distro>> {
        let id = self.id.as_deref().unwrap_or("debian");
        let release = self.release.as_deref();
        if table::row(id).is_none() {
            let named = format!("{path} names it; ");
            return Err(unsupported(id, release.unwrap_or_default(), &named));
        }
        release.map(|release| Distro::new(id, release)).transpose()
    }

    /// That it names no release, for a person.
    pub(super) fn names_no_release(&self, path: &str) -> String {
        match self.id.as_deref().filter(|id| !id.eq_ignore_ascii_case("debian")) {
            Some(id) => format!("{path} names no release of {}", shown(id)),
            None => format!("{path} names no release"),
        }
    }
}

/// The value of a shell assignment, as `os-release(5)` allows it.
fn unquote(value: &str) -> String {
    let value = value.trim();
    let inner = ['"', '\'']
        .iter()
        .find_map(|&quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote)));
    let mut text = String::new();
    let mut chars = inner.unwrap_or(value).chars();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    text
}
