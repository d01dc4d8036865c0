//! What can go wrong with patching an image, and what a person can do about it.

use std::path::PathBuf;

use crate::{oci, pkg};

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with patching an image.
///
/// The text names the thing and never repeats its cause: that is the error's source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An image, or the place that holds it.
    #[error(transparent)]
    Image(#[from] oci::Error),
    /// A package, or the repository that offers it.
    #[error(transparent)]
    Package(#[from] pkg::Error),
    /// A vulnerability report cannot be used.
    #[error("the report {reason}")]
    Report {
        /// What is wrong with it.
        reason: String,
    },
    /// A vulnerability report describes something else.
    #[error("the report is about {report}, not about {image}")]
    OtherImage {
        /// What the report describes.
        report: String,
        /// What is to be patched.
        image: String,
    },
    /// Packages that were to be updated cannot be, and errors are not to be ignored.
    #[error("{} cannot be updated: {}", packages(.0), reasons(.0))]
    Refused(Vec<pkg::Skipped>),
    /// An option is not what it should be.
    #[error("{what} `{text}`: {reason}")]
    Invalid {
        /// What the text should have been.
        what: &'static str,
        /// The text as given.
        text: String,
        /// Why it is refused.
        reason: String,
    },
    /// A local file could not be read or written.
    #[error("{action} {path}", path = path.display())]
    Io {
        /// What was being done: `read`, `create`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// Somebody cancelled it. Nothing was tagged.
    #[error("cancelled")]
    Cancelled,
    /// A part of this program failed.
    #[error("{task} broke off")]
    Task {
        /// What it was doing.
        task: &'static str,
        /// How it failed.
        #[source]
        source: tokio::task::JoinError,
    },
}

/// The kinds of failure that call for different actions; a program's exit status follows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// What was given is wrong: an address, an image, a report, an option.
    Input,
    /// Content or metadata is not what somebody trusted says it is.
    Trust,
    /// A registry, a mirror or the way to them failed.
    Network,
    /// The local machine failed: a file, a disk.
    Local,
    /// Some of the packages cannot be updated.
    Partial,
    /// It was cancelled.
    Cancelled,
}

/// What a person can do about a failure. A program words it: it knows how it is told such things.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// About an image, or the way to it.
    Image(oci::Hint),
    /// About packages, or a repository of them.
    Package(pkg::Hint),
    /// Make a report that can be read: Trivy's, in JSON.
    MakeReport,
    /// Scan the image that is to be patched, after its last rebuild.
    ScanAgain,
    /// Ignore what cannot be patched, and patch the others.
    IgnoreErrors,
}

impl Error {
    /// That a report is refused.
    pub(crate) fn report(reason: impl Into<String>) -> Self {
        Self::Report { reason: reason.into() }
    }

    /// Which kind of failure this is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Image(error) => match error.kind() {
                oci::Kind::Trust => Kind::Trust,
                oci::Kind::Network => Kind::Network,
                oci::Kind::Local => Kind::Local,
                _ => Kind::Input,
            },
            Self::Package(error) => match error.kind() {
                pkg::Kind::Trust => Kind::Trust,
                pkg::Kind::Network => Kind::Network,
                pkg::Kind::Internal => Kind::Local,
                _ => Kind::Input,
            },
            Self::Report { .. } | Self::OtherImage { .. } | Self::Invalid { .. } => Kind::Input,
            Self::Refused(_) => Kind::Partial,
            Self::Io { .. } | Self::Task { .. } => Kind::Local,
            Self::Cancelled => Kind::Cancelled,
        }
    }

    /// A stable word for the kind of failure, for logs and JSON: it does not change when the
    /// text does.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherImage { .. } => "other-image",
            Self::Report { .. } => "report",
            _ => match self.kind() {
                Kind::Input => "input",
                Kind::Trust => "trust",
                Kind::Network => "network",
                Kind::Local => "local",
                Kind::Partial => "partial",
                Kind::Cancelled => "cancelled",
            },
        }
    }

    /// What a person can do about it, where that is known.
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Image(error) => error.hint().map(Hint::Image),
            Self::Package(error) => error.hint().map(Hint::Package),
            Self::Report { .. } => Some(Hint::MakeReport),
            Self::OtherImage { .. } => Some(Hint::ScanAgain),
            Self::Refused(_) => Some(Hint::IgnoreErrors),
            _ => None,
        }
    }
}

fn packages(skipped: &[pkg::Skipped]) -> String {
    match skipped {
        [one] => one.package.clone(),
        more => format!("{} packages", more.len()),
    }
}

fn reasons(skipped: &[pkg::Skipped]) -> String {
    let named = |one: &pkg::Skipped| match skipped.len() {
        1 => one.reason.to_string(),
        _ => format!("{}: {}", one.package, one.reason),
    };
    skipped.iter().map(named).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(package: &str) -> pkg::Skipped {
        let reason = pkg::Skip::Failed { error: "broken".into() };
        pkg::Skipped { package: package.into(), reason, vulnerabilities: vec![] }
    }

    #[test]
    fn refusals_name_every_package() {
        let one = Error::Refused(vec![skipped("zlib1g")]);
        assert_eq!(one.to_string(), "zlib1g cannot be updated: broken");
        let two = Error::Refused(vec![skipped("a"), skipped("b")]);
        assert_eq!(two.to_string(), "2 packages cannot be updated: a: broken; b: broken");
        assert_eq!((two.kind(), two.code()), (Kind::Partial, "partial"));
        assert_eq!(two.hint(), Some(Hint::IgnoreErrors));
    }

    #[test]
    fn wrapped_errors_keep_their_text_kind_and_hint() {
        let inner = || oci::Error::Denied {
            place: "registry.example/a".into(),
            what: "push".into(),
            reason: "no".into(),
        };
        let outer = Error::from(inner());
        assert_eq!(outer.to_string(), inner().to_string());
        assert_eq!((outer.kind(), outer.hint()), (Kind::Network, inner().hint().map(Hint::Image)));
    }
}
