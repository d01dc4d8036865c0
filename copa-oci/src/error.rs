//! What can go wrong with images, and what a person can do about it.

use std::io;
use std::path::PathBuf;

use rustls::CertificateError;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with an image, a place that holds images, or the way to it.
///
/// The text names the thing and never repeats its cause: that is the error's source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text is not what it should be: an address, a digest, a platform.
    #[error("{what} `{text}`: {reason}")]
    Invalid {
        /// What the text should have been, in the field's words: `image reference`, `digest`.
        what: &'static str,
        /// The text as given.
        text: String,
        /// Why it is refused.
        reason: String,
    },
    /// The place is there, the thing is not.
    #[error("{what} not found in {place}")]
    NotFound {
        /// What was looked for: a tag, a digest, a platform.
        what: String,
        /// Where it was looked for.
        place: String,
    },
    /// Content is not what its descriptor or its format says.
    #[error("{what} is corrupt: {reason}")]
    Corrupt {
        /// The content: a digest, a document, a layer entry.
        what: String,
        /// What does not fit.
        reason: String,
    },
    /// Content is larger, deeper or longer than this program is willing to read.
    #[error("{what} is over the limit of {limit}")]
    TooLarge {
        /// The content.
        what: String,
        /// The limit, with its unit.
        limit: String,
    },
    /// A legal thing that is not supported.
    #[error("{what} is not supported: {reason}")]
    Unsupported {
        /// The thing.
        what: String,
        /// Why not.
        reason: String,
    },
    /// The registry wants other credentials, or more rights.
    #[error("{place} refused {what}: {reason}")]
    Denied {
        /// The registry and repository.
        place: String,
        /// What was asked: `pull`, `push`.
        what: String,
        /// What the registry or its token server said.
        reason: String,
    },
    /// The registry answered, and the answer is no.
    #[error("{method} {url}: {status}{detail}")]
    Registry {
        /// The request's method.
        method: String,
        /// The request's URL, without credentials and query secrets.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The registry's own words, led by `": "`, or empty.
        detail: String,
    },
    /// The place could not be reached, or stopped answering.
    #[error("{url} cannot be reached")]
    Network {
        /// The URL, without credentials.
        url: String,
        /// What the network said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file could not be read or written.
    #[error("{action} {path}", path = path.display())]
    Io {
        /// What was being done: `read`, `write`, `create`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A stream broke off or could not be decoded.
    #[error("read {what}")]
    Stream {
        /// What was being read.
        what: String,
        /// Why it broke.
        #[source]
        source: io::Error,
    },
    /// A document is not the JSON it should be.
    #[error("{what} is not valid JSON of its kind")]
    Json {
        /// The document.
        what: String,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
}

/// The kinds of failure that call for different actions; a program's exit status follows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// What was given is wrong: an address, an image, a document.
    Input,
    /// Content is not what its digest says.
    Trust,
    /// A registry or the way to it failed.
    Network,
    /// The local machine failed: a file, a disk.
    Local,
}

/// What a person can do about a failure. A program words it: it knows how it is told such things.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// Log in to the registry.
    LogIn {
        /// The host, with its port where that is not the usual one.
        host: String,
    },
    /// Add the certificate of the authority that issued the other side's: nobody here knows it.
    AddCertificate,
    /// Allow plain HTTP: the other side does not speak TLS.
    AllowPlainHttp,
}

impl Error {
    /// That there is nothing of this name, which is a tag or a digest.
    pub(crate) fn no_such_name(name: &str, place: String) -> Self {
        let is_digest = name.contains(':');
        let what = if is_digest { name.to_owned() } else { format!("the tag `{name}`") };
        Self::NotFound { what, place }
    }

    /// Content that is not what its descriptor or its format says.
    pub(crate) fn corrupt(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into(), reason: reason.into() }
    }

    /// Which kind of failure this is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Invalid { .. }
            | Self::NotFound { .. }
            | Self::TooLarge { .. }
            | Self::Unsupported { .. }
            | Self::Json { .. } => Kind::Input,
            Self::Corrupt { .. } => Kind::Trust,
            Self::Denied { .. } | Self::Registry { .. } | Self::Network { .. } => Kind::Network,
            Self::Io { .. } => Kind::Local,
            Self::Stream { source, .. } => inner(source).map_or(Kind::Input, Self::kind),
        }
    }

    /// What a person can do about it, where that is known.
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Denied { place, .. } => {
                let host = place.split('/').next().unwrap_or(place);
                Some(Hint::LogIn { host: host.to_owned() })
            }
            Self::Stream { source, .. } => inner(source).and_then(Self::hint),
            Self::Network { .. } => self.tls_hint(),
            _ => None,
        }
    }

    /// What a person can do about a connection that could not be made.
    fn tls_hint(&self) -> Option<Hint> {
        match self.network_cause::<rustls::Error>()? {
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
                Some(Hint::AddCertificate)
            }
            rustls::Error::InvalidMessage(_) => Some(Hint::AllowPlainHttp),
            _ => None,
        }
    }

    /// The first cause of this type behind an [`Error::Network`].
    pub(crate) fn network_cause<E: std::error::Error + 'static>(&self) -> Option<&E> {
        let Self::Network { source, .. } = self else { return None };
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(source.as_ref());
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref() {
                return Some(found);
            }
            // The source of an I/O error is the source of the error that it wraps, so the wrapped
            // error itself has to be looked at here.
            cause = match error.downcast_ref::<io::Error>().and_then(|e| e.get_ref()) {
                Some(wrapped) => Some(wrapped),
                None => error.source(),
            };
        }
        None
    }

    /// This error as an [`io::Error`], for readers and streams; [`Error::from_io`] undoes it.
    pub fn into_io(self) -> io::Error {
        io::Error::other(self)
    }

    /// The error that a reader carried, or a [`Error::Stream`] about `what`.
    pub fn from_io(what: impl Into<String>, error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(source) => Self::Stream { what: what.into(), source },
        }
    }
}

fn inner(error: &io::Error) -> Option<&Error> {
    error.get_ref().and_then(|cause| cause.downcast_ref())
}
