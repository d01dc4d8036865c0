//! The documents of one image, as a value.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

use crate::layer::stored::Layer;
use crate::numbers;
use crate::spec::descriptor::Descriptor;
use crate::spec::media_type::Family;
use crate::spec::platform::Platform;
use crate::store::source::Source;

/// One image of one platform: its documents. No layer is read, and nothing is changed in place:
/// [`append`](Self::append), [`label`](Self::label), [`annotate`](Self::annotate) and
/// [`created`](Self::created) give a new image.
///
/// The documents are kept as JSON values in their order, so that what is not known here survives
/// an edit. The documents of an image that was not edited keep their exact bytes.
///
/// So are their numbers, to the last digit: `1.50`, or more digits than a value holds. One that is
/// out of every range (`1E400`) is shown as a text, and written as it was.
#[derive(Clone)]
pub struct Image {
    pub(super) descriptor: Descriptor,
    pub(super) manifest: Document,
    pub(super) config: Document,
    pub(super) platform: Platform,
    pub(super) layers: Vec<Layer>,
    pub(super) source: Arc<dyn Source>,
}

/// A document, and the exact bytes that its digest is of.
#[derive(Clone)]
pub(super) struct Document {
    /// What is edited, as [`numbers`](crate::numbers) reads it.
    pub(super) value: Value,
    /// What is shown of it.
    plain: Value,
    pub(super) bytes: Bytes,
}

impl Image {
    /// The manifest's descriptor: this image's identity.
    pub fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    /// The manifest.
    pub fn manifest(&self) -> &Value {
        &self.manifest.plain
    }

    /// The configuration.
    pub fn config(&self) -> &Value {
        &self.config.plain
    }

    /// What the image runs on, as its configuration says.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// The family of its documents. A layer put on top is of the same family.
    pub fn family(&self) -> Family {
        self.descriptor.media_type.family()
    }

    /// The layers, lowest first.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The place it was opened at.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }
}

impl Document {
    /// A document with this value: its bytes are made anew.
    pub(super) fn new(value: Value) -> Self {
        // Printing a JSON value is the inverse of reading it and cannot fail.
        let text = numbers::printed(&value).unwrap_or_else(|_| value.to_string());
        Self::of(value, Bytes::from(text))
    }

    /// The document that these bytes are.
    pub(super) fn of(value: Value, bytes: Bytes) -> Self {
        Self { plain: numbers::plain(value.clone()), value, bytes }
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("descriptor", &self.descriptor)
            .field("platform", &self.platform)
            .field("layers", &self.layers.len())
            .field("source", self.source.location())
            .finish_non_exhaustive()
    }
}
