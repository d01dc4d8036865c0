//! Which image a report is about.

use crate::error::{Error, Result};
use crate::oci::{Digest, Platform};
use crate::pkg::Distro;
use crate::report::scanned::{Scanned, ScannedSystem};

/// The image that a report must be about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// The image, as its user names it.
    pub image: String,
    /// Its platform.
    pub platform: Platform,
    /// Its distribution, as `ID` in os-release has it: `debian`.
    pub distribution: String,
    /// Its release, as `VERSION_ID` in os-release has it: `12`.
    pub release: String,
    /// The digest of its configuration.
    pub image_id: Digest,
    /// The digests of its manifest, and of the index that lists it.
    pub manifests: Vec<Digest>,
    /// The digests of its uncompressed layers, lowest first.
    pub diff_ids: Vec<Digest>,
}

impl Subject {
    /// Refuses a report that is about something else.
    pub(super) fn check(&self, report: &Scanned) -> Result<()> {
        self.check_system(report)?;
        self.check_architecture(report)?;
        if self.is_in(report) { Ok(()) } else { Err(self.other_image(report)) }
    }

    fn check_system(&self, report: &Scanned) -> Result<()> {
        let Some(ScannedSystem { family, release }) = &report.system else { return Ok(()) };
        let same = Distro::id_of_scanner(family) == self.distribution
            && release_fits(release, &self.release);
        if same {
            return Ok(());
        }
        Err(Error::OtherImage {
            report: format!("{} ({} {})", quoted(&report.artifact), plain(family), plain(release)),
            image: format!("{} ({} {})", self.image, self.distribution, self.release),
        })
    }

    fn check_architecture(&self, report: &Scanned) -> Result<()> {
        match &report.architecture {
            Some(other) if *other != self.platform.architecture => Err(Error::OtherImage {
                report: format!("{} ({})", quoted(&report.artifact), plain(other)),
                image: format!("{} ({})", self.image, self.platform.architecture),
            }),
            _ => Ok(()),
        }
    }

    /// Compares by what says most: the layers, else the configuration, else the manifest. A
    /// report that names none of them (of a directory, of a machine) cannot be told apart.
    fn is_in(&self, report: &Scanned) -> bool {
        if !report.diff_ids.is_empty() {
            return report.diff_ids.iter().map(String::as_str).eq(texts(&self.diff_ids));
        }
        if let Some(id) = &report.image_id {
            return id == self.image_id.as_str();
        }
        let digest = |text: &String| text.rsplit('@').next().unwrap_or_default().to_owned();
        let named: Vec<String> = report.repo_digests.iter().map(digest).collect();
        named.is_empty() || texts(&self.manifests).any(|ours| named.iter().any(|n| n == ours))
    }

    fn other_image(&self, report: &Scanned) -> Error {
        let known_by = report.image_id.clone().or(report.repo_digests.first().cloned());
        let known_by = known_by.map(|id| format!(" ({})", plain(&id))).unwrap_or_default();
        Error::OtherImage {
            report: format!("{}{known_by}", quoted(&report.artifact)),
            image: format!("{} ({})", self.image, self.image_id),
        }
    }
}

fn texts(digests: &[Digest]) -> impl Iterator<Item = &str> {
    digests.iter().map(Digest::as_str)
}

/// Text of a report, fit to be shown.
fn plain(text: &str) -> String {
    text.chars().take(160).flat_map(char::escape_debug).collect()
}

fn quoted(text: &str) -> String {
    if text.is_empty() { "an image without name".into() } else { format!("`{}`", plain(text)) }
}

/// Whether two releases are the same as far as both say: `12.5` is a `12`, `3.10.2` a `3.10`.
/// A name that is no number (`trixie/sid`, a rolling release) says nothing.
fn release_fits(name: &str, release: &str) -> bool {
    let name = name.split_whitespace().next().unwrap_or_default();
    if !name.starts_with(|c: char| c.is_ascii_digit()) || release.is_empty() {
        return true;
    }
    name.split('.').zip(release.split('.')).all(|(a, b)| a == b)
}
