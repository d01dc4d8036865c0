//! What an image holds: its file system, its distribution, its packages.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::runtime::Handle;

use super::{Opened, Patcher, blocking};
use crate::adapt::{self, ImageRoot};
use crate::fetch::{recall, remember};
use crate::observe::Stage;
use crate::oci::{self, Layer, LayerIndex, Limits, RootFs};
use crate::pkg::{Hints, System};
use crate::{Error, Result, Subject};

/// Changes whenever [`adapt::keep`] or the form of an index does: what was kept before then is not
/// what is needed now.
const INTEREST: &str = concat!("2 ", env!("CARGO_PKG_VERSION"));

/// An image whose file system and packages are known.
#[derive(Debug)]
#[non_exhaustive]
pub struct Inspected {
    /// The image.
    pub opened: Opened,
    /// Its distribution and packages.
    pub system: Arc<System>,
    /// The file system that its layers make.
    pub files: Arc<RootFs>,
    pub(super) root: Arc<ImageRoot>,
}

impl Inspected {
    /// What a report must be about to be about this image.
    pub fn subject(&self) -> Subject {
        let image = &self.opened.image;
        let digest = image.manifest().pointer("/config/digest").and_then(|d| d.as_str());
        let config = digest.and_then(|digest| digest.parse().ok());
        let manifest = &image.descriptor().digest;
        Subject {
            image: self.opened.location.to_string(),
            platform: image.platform().clone(),
            distribution: self.system.distro.id.clone(),
            release: self.system.distro.version.clone(),
            image_id: config.unwrap_or_else(|| manifest.clone()),
            manifests: vec![manifest.clone(), self.opened.top.digest.clone()],
            diff_ids: image.layers().iter().map(|layer| layer.diff_id.clone()).collect(),
        }
    }
}

impl Patcher {
    /// Streams the layers, several at a time and each once, and finds out which packages there
    /// are. Nothing is extracted.
    ///
    /// # Errors
    ///
    /// When a layer cannot be read or is not what its digest says, or when the distribution or
    /// its package database is not known or not supported.
    pub async fn inspect(&self, opened: Opened) -> Result<Inspected> {
        self.watch().stage(Stage::Inspect, self.inspected(opened)).await
    }

    async fn inspected(&self, opened: Opened) -> Result<Inspected> {
        let layers = opened.image.layers().to_vec();
        let indexes = layers.iter().map(|layer| self.index(&opened, layer));
        let indexes: Vec<LayerIndex> =
            stream::iter(indexes.collect::<Vec<_>>()).buffered(self.jobs()).try_collect().await?;
        let merge = move || Ok::<_, Error>(RootFs::merge(indexes));
        let files = Arc::new(blocking("merging the layers", merge).await?);
        let image = opened.image.clone();
        let root = Arc::new(ImageRoot::new(Arc::clone(&files), image, Handle::current()));
        let hints =
            Hints { os: self.options.os.clone(), arch: adapt::arch(opened.image.platform()) };
        let seen = Arc::clone(&root);
        let detect = move || System::detect(&*seen, &hints);
        let system = Arc::new(blocking("reading the package database", detect).await?);
        Ok(Inspected { opened, system, files, root })
    }

    /// The index of a layer, from the cache when it is there.
    async fn index(&self, opened: &Opened, layer: &Layer) -> Result<LayerIndex> {
        let key = format!("layer index {INTEREST} {} {}", layer.descriptor.digest, layer.diff_id);
        if let Some(bytes) = recall(&self.cache, &key).await {
            let read = move || Ok::<_, Error>(LayerIndex::from_bytes(&bytes));
            let known = blocking("reading a layer's index", read).await?;
            if let Some(index) = known.filter(|index| *index.diff_id() == layer.diff_id) {
                return Ok(index);
            }
        }
        let (source, limits) = (opened.image.source(), Limits::default());
        let index = oci::index_layer(source, layer, Arc::new(adapt::keep), &limits).await?;
        let index = Arc::new(index);
        if self.options.cache_dir.is_some() {
            let known = Arc::clone(&index);
            let bytes =
                blocking("keeping a layer's index", move || Ok::<_, Error>(known.to_bytes()));
            remember(&self.cache, key, bytes.await?).await;
        }
        Ok(Arc::unwrap_or_clone(index))
    }
}
