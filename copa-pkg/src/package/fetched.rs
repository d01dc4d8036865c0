//! Packages whose bytes are here.

use bytes::Bytes;

use crate::package::candidate::Candidate;
use crate::warning::Warning;

/// A package whose bytes are here and are the ones that its [`Candidate`] describes.
///
/// It can only come from [`Candidate::download`], which checks them. It is installed only after
/// [`System::verify`](crate::System::verify): in some formats (RPM) each package is signed.
#[derive(Debug, Clone)]
pub struct Package {
    pub(crate) candidate: Candidate,
    pub(crate) bytes: Bytes,
    /// The data in it once more: what [`System::repack`](crate::System::repack) gave.
    pub(crate) repacked: Option<Bytes>,
}

impl Package {
    /// What the repository says of it.
    pub fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// The package file.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The same package, of which `data` is installed. It is believed to be what
    /// [`System::repack`](crate::System::repack) gave for it: nothing else may be able to put it
    /// there.
    pub fn with_repacked(self, data: Bytes) -> Self {
        Self { repacked: Some(data), ..self }
    }
}

/// A package that a trusted key covers: by the signed index that lists its checksum, or by its own
/// signature. Only [`System::verify`](crate::System::verify) makes one.
#[derive(Debug, Clone)]
pub struct Verified {
    pub(crate) package: Package,
    /// Which check was left out, as the user allowed.
    pub(crate) warning: Option<Warning>,
}

impl Verified {
    /// Which check was left out, as the user allowed.
    pub fn warning(&self) -> Option<&Warning> {
        self.warning.as_ref()
    }

    /// What the repository says of it.
    pub fn candidate(&self) -> &Candidate {
        &self.package.candidate
    }
}
