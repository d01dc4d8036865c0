//! Choosing one image among those of an index: image-spec, `image-index.md`.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::image::documents::Image;
use crate::spec::descriptor::Descriptor;
use crate::spec::document;
use crate::spec::platform::Platform;
use crate::store::source::Source;

/// An index may list indexes; no chain of them is followed further down than this.
const DEPTH: usize = 4;
/// No more images and indexes than this are looked at.
const ENTRIES: usize = 1024;

/// One image of those that a name stands for.
#[derive(Debug, Clone)]
pub struct Selected {
    /// Its manifest.
    pub manifest: Descriptor,
    /// Its documents: they had to be read, so that nobody need read them again.
    pub image: Image,
    /// What it runs on.
    pub platform: Platform,
    /// Why this one.
    pub chosen: Choice,
}

/// Why an image was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Choice {
    /// Its platform was asked for.
    Asked,
    /// There is no other.
    Only,
    /// It is for the platform of the host.
    Host,
}

/// An image that an index lists, and what the index says it runs on.
struct Candidate {
    manifest: Descriptor,
    platform: Platform,
    image: Option<Image>,
}

/// The images that were found so far.
#[derive(Default)]
struct Found {
    images: Vec<Candidate>,
    /// Entries of indexes that were looked at: an index may list others that hold no image.
    entries: usize,
}

/// Chooses one image of those that `top` describes: the one for `wanted`, or the only one, or
/// the one for `host`.
///
/// `top` is what [`Source::resolve`] gave: a manifest or an index. Attestations
/// (`unknown/unknown`) and artifacts in an index do not count as images. Where the variant was
/// not asked for, an entry without one comes first, then the order of the index.
///
/// # Errors
///
/// When there is no image for the platform, the documents cannot be read, or indexes are nested
/// more than four deep.
pub async fn select(
    source: Arc<dyn Source>,
    top: Descriptor,
    wanted: Option<&Platform>,
    host: &Platform,
) -> Result<Selected> {
    let name = top.digest.to_string();
    let mut found = Found::default();
    gather(&source, top, 0, &mut found).await?;
    let mut candidates = found.images;
    let (at, chosen) = choose(&candidates, wanted, host)
        .ok_or_else(|| none_fits(&name, &source, &candidates, wanted))?;
    let Candidate { manifest, platform, image } = candidates.swap_remove(at);
    let image = match image {
        Some(image) => image,
        None => Image::open(source, manifest).await?,
    };
    if !image.platform().satisfies(&platform) {
        tracing::debug!(index = %platform, config = %image.platform(), "platforms differ");
    }
    Ok(Selected { manifest: image.descriptor().clone(), image, platform, chosen })
}

/// The position of the chosen candidate, and why it was chosen.
fn choose(
    candidates: &[Candidate],
    wanted: Option<&Platform>,
    host: &Platform,
) -> Option<(usize, Choice)> {
    if let Some(wanted) = wanted {
        return fitting(candidates, wanted).map(|at| (at, Choice::Asked));
    }
    match candidates.len() {
        1 => Some((0, Choice::Only)),
        _ => fitting(candidates, host).map(|at| (at, Choice::Host)),
    }
}

fn fitting(candidates: &[Candidate], wanted: &Platform) -> Option<usize> {
    let exact = |have: &Platform| have.satisfies(wanted) && have.variant == wanted.variant;
    let position = |fits: &dyn Fn(&Platform) -> bool| {
        candidates.iter().position(|candidate| fits(&candidate.platform))
    };
    position(&exact).or_else(|| position(&|have: &Platform| have.satisfies(wanted)))
}

fn none_fits(
    name: &str,
    source: &Arc<dyn Source>,
    candidates: &[Candidate],
    wanted: Option<&Platform>,
) -> Error {
    let mut there: Vec<_> = candidates.iter().map(|c| c.platform.to_string()).collect();
    there.dedup();
    let what = match wanted {
        Some(wanted) => format!("an image for {wanted}"),
        None => "an image for the host; name a platform: one".to_owned(),
    };
    let there = if there.is_empty() { "no image".to_owned() } else { there.join(", ") };
    let place = format!("{name} of {}, which holds {there}", source.location());
    Error::NotFound { what, place }
}

/// Lists the images that a manifest or index stands for, those of nested indexes too.
fn gather<'a>(
    source: &'a Arc<dyn Source>,
    entry: Descriptor,
    depth: usize,
    found: &'a mut Found,
) -> BoxFuture<'a, Result<()>> {
    Box::pin(async move {
        if !is_index(source, &entry).await? {
            let mut candidate = opened(source, entry).await?;
            // One is the usual case; the documents of a thousand may be many gigabytes.
            candidate.image.take_if(|_| !found.images.is_empty());
            found.images.push(candidate);
            return Ok(());
        }
        for child in children(source, &entry).await? {
            found.entries += 1;
            if found.entries > ENTRIES || depth + 1 > DEPTH {
                let limit = format!("{ENTRIES} entries in {DEPTH} levels");
                return Err(Error::TooLarge { what: format!("index {}", entry.digest), limit });
            }
            match child.platform.clone() {
                Some(platform) if child.media_type.is_manifest() => {
                    found.images.push(Candidate { manifest: child, platform, image: None });
                }
                _ => gather(source, child, depth + 1, found).await?,
            }
        }
        Ok(())
    })
}

async fn opened(source: &Arc<dyn Source>, manifest: Descriptor) -> Result<Candidate> {
    let image = Image::open(Arc::clone(source), manifest.clone()).await?;
    let platform = image.platform().clone();
    Ok(Candidate { manifest, platform, image: Some(image) })
}

async fn is_index(source: &Arc<dyn Source>, entry: &Descriptor) -> Result<bool> {
    if !entry.media_type.as_str().is_empty() {
        return Ok(entry.media_type.is_index());
    }
    let bytes = source.bytes(entry, document::LIMIT).await?;
    Ok(document::media_type(entry.digest.as_str(), &bytes)?.is_index())
}

async fn children(source: &Arc<dyn Source>, index: &Descriptor) -> Result<Vec<Descriptor>> {
    let what = format!("index {}", index.digest);
    let bytes = source.bytes(index, document::LIMIT).await?;
    children_in(&what, &bytes)
}

/// The images and indexes that an index lists; not its attestations and other artifacts.
fn children_in(what: &str, bytes: &[u8]) -> Result<Vec<Descriptor>> {
    if !document::media_type(what, bytes)?.is_index() {
        return Err(Error::corrupt(what, "it is described as an index and is none"));
    }
    let document = document::object(what, bytes)?;
    let list = document.get("manifests").cloned().filter(|list| !list.is_null());
    let entries: Vec<Descriptor> = serde_json::from_value(list.unwrap_or(Value::Array(vec![])))
        .map_err(|source| Error::Json { what: what.to_owned(), source })?;
    Ok(entries.into_iter().filter(Descriptor::can_be_image).collect())
}

#[cfg(test)]
#[path = "tests/select.rs"]
mod tests;
