//! The compressions that layers come in.

use crate::error::{Error, Result};
use crate::spec::media_type::{Family, MediaType};

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip (RFC 1952): what every registry, runtime and scanner reads.
    Gzip,
    /// Zstandard (RFC 8878): smaller and faster, legal in OCI manifests only.
    Zstd,
}

impl Compression {
    /// The media type of a layer compressed like this.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for Zstandard in a Docker manifest: not all readers accept it.
    pub fn media_type(self, family: Family) -> Result<MediaType> {
        let text = match (family, self) {
            (Family::Oci, Self::None) => MediaType::OCI_LAYER.to_owned(),
            (Family::Oci, Self::Gzip) => format!("{}+gzip", MediaType::OCI_LAYER),
            (Family::Oci, Self::Zstd) => format!("{}+zstd", MediaType::OCI_LAYER),
            (Family::Docker, Self::None) => MediaType::DOCKER_LAYER.to_owned(),
            (Family::Docker, Self::Gzip) => format!("{}.gzip", MediaType::DOCKER_LAYER),
            (Family::Docker, Self::Zstd) => {
                return Err(Error::Unsupported {
                    what: "a zstd layer in a Docker manifest".into(),
                    reason: "only OCI manifests have a media type for it".into(),
                });
            }
        };
        Ok(text.into())
    }

    /// The compression that begins with these bytes. The media type is not asked: it is
    /// often wrong, and the bytes are not.
    pub(super) fn detect(magic: &[u8]) -> Result<Self> {
        match magic {
            [0x1f, 0x8b, ..] => Ok(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Ok(Self::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Err(unsupported("xz")),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => {
                Err(unsupported("bzip2"))
            }
            _ => Ok(Self::None),
        }
    }
}

fn unsupported(name: &str) -> Error {
    Error::Unsupported {
        what: format!("a layer compressed with {name}"),
        reason: "the image specification knows gzip and zstd".into(),
    }
}
