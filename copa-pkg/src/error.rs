//! What can go wrong with packages, and what a person can do about it.

use url::Url;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with a package database, a repository or a package.
///
/// The text names the thing and never repeats its cause: that is the error's source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The distribution cannot be told from the file system.
    #[error("the distribution cannot be told: {looked_at}")]
    UnknownSystem {
        /// What was looked at and what was found there.
        looked_at: String,
    },
    /// A legal thing that is not supported.
    #[error("{what} is not supported: {reason}")]
    Unsupported {
        /// The thing.
        what: String,
        /// Why not.
        reason: String,
    },
    /// A text is not what it should be: a mirror, a version, a setting.
    #[error("{what} `{text}`: {reason}")]
    Invalid {
        /// What the text should have been.
        what: &'static str,
        /// The text as given.
        text: String,
        /// Why it is refused.
        reason: String,
    },
    /// A file, an index or a package is not in its format.
    #[error("{what} is malformed: {reason}")]
    Malformed {
        /// The path, URL or package.
        what: String,
        /// What does not fit.
        reason: String,
    },
    /// Something is larger, deeper or longer than this program is willing to read.
    #[error("{what} is over the limit of {limit}")]
    TooLarge {
        /// The thing.
        what: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// Metadata or a package is not what somebody trusted says it is: unsigned, wrongly signed,
    /// expired, rolled back, or with another checksum.
    #[error("{what} is not trusted: {reason}")]
    Untrusted {
        /// The URL or package.
        what: String,
        /// Which check failed, with the key, the date or the checksum.
        reason: String,
        /// What a person can do.
        hint: Hint,
    },
    /// The address does not exist.
    #[error("{url} does not exist")]
    NotFound {
        /// The address.
        url: Url,
    },
    /// The address could not be read.
    #[error("{url} cannot be fetched")]
    Fetch {
        /// The address.
        url: Url,
        /// What the transport said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No repository offers anything: none is configured, or none could be loaded.
    #[error("no package repository for {system}: {reason}")]
    NoRepository {
        /// The distribution and release.
        system: String,
        /// Why.
        reason: String,
        /// What a mirror of it is called in `NAME=URL`, when it can have one.
        mirror: Option<&'static str>,
    },
    /// The image as it would be does not list what was planned: a fault of this program, and the end of
    /// the run, because no fix may be claimed that the image does not show.
    #[error("{package} {planned} was planned, and the patched image lists {listed}")]
    SelfCheck {
        /// The name of the package.
        package: String,
        /// The planned version, or `none` for a package that goes.
        planned: String,
        /// The versions that the database would list, or `none`.
        listed: String,
    },
    /// The file system under the root could not be read.
    #[error("read {path} of the image")]
    Root {
        /// The path.
        path: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The kinds of failure that call for different actions; a program's exit status follows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// What was given is wrong: an image, a setting.
    Input,
    /// Something is not trusted.
    Trust,
    /// A mirror or the way to it failed.
    Network,
    /// This program failed.
    Internal,
}

/// What a person can do about a failure. A program words it: it knows how it is told such things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// Say which release of which distribution it is.
    NameSystem,
    /// Name a mirror of the archive.
    NameMirror {
        /// What the archive is called in `NAME=URL`.
        name: &'static str,
    },
    /// Name the keys that signed it, or another mirror; or, where somebody can vouch for the content
    /// of the mirror, allow what is not signed.
    NameKeys,
    /// Check the address of the mirror and the name of the suite: it has another one.
    CheckMirror,
    /// Check this machine's clock.
    CheckClock,
    /// Name another mirror, or allow expired metadata: this one is no longer updated, or somebody
    /// holds updates back.
    Expired,
    /// Name another mirror, or allow expired metadata: this one went back in time, or somebody
    /// replays an old state.
    RolledBack,
    /// Try again, or name another mirror: something altered the file, or the mirror was being
    /// updated.
    TryAgain,
    /// Name another mirror: this one offers one package under the name of another.
    OtherMirror,
}

impl Error {
    /// Which kind of failure this is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Untrusted { .. } => Kind::Trust,
            Self::NotFound { .. } | Self::Fetch { .. } => Kind::Network,
            Self::SelfCheck { .. } => Kind::Internal,
            _ => Kind::Input,
        }
    }

    /// What a person can do about it, where that is known.
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Untrusted { hint, .. } => Some(*hint),
            Self::UnknownSystem { .. } => Some(Hint::NameSystem),
            Self::NoRepository { mirror, .. } => mirror.map(|name| Hint::NameMirror { name }),
            _ => None,
        }
    }
}
