//! Layers as they are read: streamed once, checked to the end, nothing extracted.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Result};
use crate::layer::stored::Layer;
use crate::rootfs::digests::FileDigests;
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
    let limits = Limits::default();
    let limits = Limits { file: limit, kept: limits.kept.saturating_add(limit), ..limits };
    let wanted = BTreeMap::from([(path.to_owned(), Keep::Content)]);
    let found = read_files(source, layer, wanted, &limits).await?.remove(path);
    match found.map(|file| file.content) {
        Some(None) => Err(Error::TooLarge {
            what: path.display().to_string(),
            limit: format!("{limit} bytes"),
        }),
        found => Ok(found.flatten()),
    }
}

/// A regular file of a layer, as far as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileContent {
    /// Its length in bytes.
    pub size: u64,
    /// Its digests with the algorithms that were asked for.
    pub digests: FileDigests,
    /// Its content, when that was asked for and is within the limits.
    pub content: Option<Bytes>,
}

/// Streams a layer again, once, for all files that something is wanted of; their paths are
/// [`Origin::path`](crate::Origin::path). A path that is no regular file of that layer is not in
/// the answer.
///
/// # Errors
///
/// As [`index_layer`].
///
/// # Panics
///
/// Outside a tokio runtime.
pub async fn read_files(
    source: &Arc<dyn Source>,
    layer: &Layer,
    wanted: BTreeMap<PathBuf, Keep>,
    limits: &Limits,
) -> Result<BTreeMap<PathBuf, FileContent>> {
    let wanted = Arc::new(wanted);
    let asked = Arc::clone(&wanted);
    let keep = move |path: &Path| asked.get(path).copied().unwrap_or(Keep::Nothing);
    let index = index_layer(source, layer, Arc::new(keep), limits).await?;
    let wanted_of = index.iter().filter(|(path, _)| wanted.contains_key(*path));
    let found = wanted_of.filter_map(|(path, node)| {
        let NodeKind::Regular { size } = node.kind else { return None };
        let content = node.content.cloned();
        Some((path.to_owned(), FileContent { size, digests: node.digests, content }))
    });
    Ok(found.collect())
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

#[cfg(test)]
#[path = "tests/read.rs"]
mod tests;
