//! What an image holds: its file system, its distribution, its packages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;

use crate::adapt::{self, ImageRoot};
use crate::error::{Error, Result};
use crate::observe::event::Stage;
use crate::observe::run::Run;
use crate::oci::{self, Layer, LayerIndex, Limits, RootFs};
use crate::patch::blocking::blocking;
use crate::patch::job::{Job, Wanted};
use crate::patch::open::Opened;
use crate::patch::patcher::Patcher;
use crate::pkg::{Hints, Listener, Origins, Request, System, Warning, recall, remember};
use crate::report::subject::Subject;

/// Changes whenever [`adapt::keep`] reads an interest otherwise.
const KEPT: &str = concat!("4 ", env!("CARGO_PKG_VERSION"));

/// How much memory the indexes of all layers may take: 1 GiB. Besides, each layer that is being
/// read has its own limit.
const LARGEST: usize = 1 << 30;

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
    /// Where packages come from, once that was asked.
    pub(super) origins: OnceCell<Arc<Origins>>,
}

impl Inspected {
    pub(super) fn run(&self) -> &Arc<Run> {
        &self.opened.run
    }

    pub(super) fn job(&self) -> &Job {
        &self.opened.job
    }

    /// What the job wants updated in this image.
    ///
    /// # Errors
    ///
    /// As [`Report::request`](crate::Report::request).
    pub fn request(&self) -> Result<Request> {
        match &self.job().wanted {
            Wanted::Everything => Ok(Request::Everything),
            Wanted::Report(report) => report.request(&self.subject()),
            Wanted::Request(request) => Ok(request.clone()),
        }
    }

    /// Whether it can be patched: the databases of some systems are read for plans only. To be asked
    /// before anything is fetched for it.
    ///
    /// # Errors
    ///
    /// When it cannot, with the reason.
    pub fn check_patchable(&self) -> Result<()> {
        Ok(self.system.check_patchable()?)
    }

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
        let run = Arc::clone(&opened.run);
        run.watch().stage(Stage::Inspect, self.inspected(opened)).await
    }

    async fn inspected(&self, opened: Opened) -> Result<Inspected> {
        let layers = self.indexes(&opened).await?;
        let merge = move || RootFs::merge(layers).map_err(Error::from);
        let files = Arc::new(blocking("merging the layers", merge).await?);
        let image = opened.image.clone();
        let root = Arc::new(ImageRoot::new(Arc::clone(&files), image, Handle::current()));
        let hints = Hints { os: opened.job.os.clone(), arch: adapt::arch(opened.image.platform()) };
        let (seen, run) = (Arc::clone(&root), Arc::clone(&opened.run));
        let detect = move || {
            let hear = |warning: &Warning| run.warn(warning);
            System::detect_heard_by(Listener::new(&hear), &*seen, &hints)
        };
        let system = Arc::new(blocking("reading the package database", detect).await?);
        opened.run.settle(&system.warnings);
        Ok(Inspected { opened, system, files, root, origins: OnceCell::new() })
    }

    /// The indexes of all layers, lowest first. A layer that is there more than once is read once.
    async fn indexes(&self, opened: &Opened) -> Result<Vec<Arc<LayerIndex>>> {
        let layers = opened.image.layers();
        let name = |layer: &Layer| (layer.descriptor.digest.clone(), layer.diff_id.clone());
        let mut distinct: Vec<&Layer> = Vec::new();
        let mut seen = BTreeSet::new();
        distinct.extend(layers.iter().filter(|layer| seen.insert(name(layer))));
        let reads: Vec<_> = distinct.iter().map(|layer| self.index(opened, layer)).collect();
        let mut reads = stream::iter(reads).buffered(self.jobs());
        let mut names = distinct.iter().map(|layer| name(layer));
        let mut known: BTreeMap<_, Arc<LayerIndex>> = BTreeMap::new();
        let mut size = 0_usize;
        while let Some((index, name)) = reads.try_next().await?.zip(names.next()) {
            size = size.saturating_add(index.size());
            limited(opened, size)?;
            known.insert(name, index);
        }
        Ok(layers.iter().filter_map(|layer| known.get(&name(layer)).cloned()).collect())
    }

    /// The index of a layer, from the cache when it is there.
    async fn index(&self, opened: &Opened, layer: &Layer) -> Result<Arc<LayerIndex>> {
        let (blob, diff_id) = (&layer.descriptor.digest, &layer.diff_id);
        let key = format!("layer index {KEPT} {} {blob} {diff_id}", System::interests_digest());
        let read = |bytes: Bytes| LayerIndex::from_bytes(&bytes);
        let known = recall(&self.cache, key.clone(), read).await;
        if let Some(index) = known.filter(|index| *index.diff_id() == layer.diff_id) {
            return Ok(Arc::new(index));
        }
        let (source, limits) = (opened.image.source(), Limits::default());
        let index = oci::index_layer(source, layer, Arc::new(adapt::keep), &limits).await?;
        let index = Arc::new(index);
        if self.keeps {
            let known = Arc::clone(&index);
            let bytes =
                blocking("keeping a layer's index", move || Ok::<_, Error>(known.to_bytes()));
            remember(&self.cache, key, bytes.await?).await;
        }
        Ok(index)
    }
}

/// Refuses an image of which there is too much in all its layers together.
fn limited(opened: &Opened, size: usize) -> Result<()> {
    if size <= LARGEST {
        return Ok(());
    }
    let what = format!("the file system of {}", opened.location);
    let limit = format!("{LARGEST} bytes of names and contents");
    Err(oci::Error::TooLarge { what, limit }.into())
}
