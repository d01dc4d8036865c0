//! Layers as they are read: streamed once, checked to the end, nothing extracted.

use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::layer::stored::Layer;
use crate::rootfs::index::LayerIndex;
use crate::rootfs::keep::Keep;
use crate::rootfs::limits::Limits;
use crate::rootfs::node::NodeKind;
use crate::spec::descriptor::Descriptor;
use crate::store::source::Source;

/// What to keep of the regular file at a path; paths are clean and relative to the root.
pub type Keeper = dyn Fn(&Path) -> Keep + Send + Sync;

/// Streams a layer once and indexes it: nothing is extracted, memory does not grow with the
/// layer. The stored digest, the size and the diff id are checked before it returns.
///
/// # Errors
///
/// As [`LayerIndex::scan`], and when `source` fails. Content that is not what its descriptor says
/// is reported as such, whatever else it broke.
///
/// # Panics
///
/// Outside a tokio runtime.
pub async fn index_layer(
    source: &Arc<dyn Source>,
    layer: &Layer,
    keep: Arc<Keeper>,
    limits: &Limits,
) -> Result<LayerIndex> {
    let mut stored = source.open(&layer.descriptor).await?.into_read();
    let (layer, limits) = (layer.clone(), *limits);
    let scan = move || scan_stored(&mut stored, &layer, &*keep, &limits);
    tokio::task::spawn_blocking(scan).await.map_err(|e| stopped(&e))?
}

/// Streams a layer again for the content of one file that was not kept; `path` is
/// [`Origin::path`](crate::Origin::path). `None` when it is no regular file of that layer.
///
/// # Errors
///
/// As [`index_layer`], and [`Error::TooLarge`] when it is longer than `limit` bytes.
///
/// # Panics
///
/// Outside a tokio runtime.
pub async fn read_file(
    source: &Arc<dyn Source>,
    layer: &Layer,
    path: &Path,
    limit: u64,
) -> Result<Option<Bytes>> {
    let wanted = path.to_owned();
    let keep = move |path: &Path| if path == wanted { Keep::Content } else { Keep::Nothing };
    let limits = Limits::default();
    let limits = Limits { file: limit, kept: limits.kept.saturating_add(limit), ..limits };
    let index = index_layer(source, layer, Arc::new(keep), &limits).await?;
    let found = index.iter().find(|(name, _)| *name == path).map(|(_, node)| node);
    match found.map(|node| (node.kind, node.content)) {
        Some((_, Some(content))) => Ok(Some(content.clone())),
        Some((NodeKind::Regular { .. }, None)) => Err(Error::TooLarge {
            what: path.display().to_string(),
            limit: format!("{limit} bytes"),
        }),
        _ => Ok(None),
    }
}

fn scan_stored(
    stored: &mut impl Read,
    layer: &Layer,
    keep: &Keeper,
    limits: &Limits,
) -> Result<LayerIndex> {
    let result = LayerIndex::scan(&mut *stored, Some(&layer.diff_id), &keep, limits)
        .map_err(|error| about(&layer.descriptor, error));
    if matches!(result, Err(Error::TooLarge { .. })) {
        return result;
    }
    // The stored digest is compared at the end of the stream. When it differs, that is the error to
    // report, and not what it broke in the scan.
    io::copy(stored, &mut io::sink())
        .map_err(|e| Error::from_io(layer.descriptor.digest.as_str(), e))?;
    result
}

/// The same error, with the layer named.
fn about(layer: &Descriptor, error: Error) -> Error {
    let named = |what: String| format!("{what} ({})", layer.digest);
    match error {
        Error::Corrupt { what, reason } if !what.contains(layer.digest.hex()) => {
            Error::Corrupt { what: named(what), reason }
        }
        Error::TooLarge { what, limit } => Error::TooLarge { what: named(what), limit },
        Error::Unsupported { what, reason } => Error::Unsupported { what: named(what), reason },
        Error::Stream { what, source } => Error::Stream { what: named(what), source },
        other => other,
    }
}

fn stopped(error: &tokio::task::JoinError) -> Error {
    Error::Stream { what: "layer".into(), source: io::Error::other(error.to_string()) }
}
