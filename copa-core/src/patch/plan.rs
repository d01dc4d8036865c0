//! What will happen: repositories loaded, the plan made.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::observe::event::{Stage, Transfer};
use crate::observe::watched::Watched;
use crate::patch::blocking::blocking;
use crate::patch::inspect::Inspected;
use crate::patch::patcher::Patcher;
use crate::pkg::{
    self, Cache, Catalog, Code, Listener, Loaded, Origins, PackageKeys, Ports, Repository, Request,
    Sources, Trust, UpdatePlan, Warning,
};

/// What will happen to an image.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Planned {
    /// The plan: a value that can be printed, stored, and applied later.
    pub plan: UpdatePlan,
    /// The repositories that were asked, one line each.
    pub repositories: Vec<String>,
    /// All warnings of this image so far.
    pub warnings: Vec<Warning>,
}

impl Patcher {
    /// Loads the repositories of the image's distribution, all at once, and decides what happens.
    ///
    /// # Errors
    ///
    /// When a repository cannot be reached, or its metadata is not trusted.
    pub async fn plan(&self, of: &Inspected, request: &Request) -> Result<Planned> {
        let watch = of.run().watch();
        let (repositories, loaded) = watch.stage(Stage::Load, self.loaded(of)).await?;
        let work = self.decided(of, loaded.catalog.clone(), request.clone());
        let mut plan = watch.stage(Stage::Plan, work).await?;
        if *request == Request::Everything && !plan.updates.is_empty() {
            let warnings = self.name_fixes(of, &loaded.catalog, &mut plan).await?;
            of.run().settle(&warnings);
        }
        Ok(Planned { plan, repositories, warnings: of.run().warnings() })
    }

    /// What the repositories offer, loaded once for all images that have the same.
    async fn loaded(&self, of: &Inspected) -> Result<(Vec<String>, Arc<Loaded>)> {
        let origins = self.origins(of).await?;
        let all = &origins.repositories;
        let names = all.iter().map(|repository| repository.describe()).collect();
        let system = &of.system;
        let key = format!("{:?} {:?} {all:?}", system.distro, system.arch);
        let key = hex::encode(Sha256::digest(key));
        let loaded = self.catalogs.get(key, self.load(of, all)).await?;
        of.run().settle(&loaded.warnings);
        Ok((names, loaded))
    }

    async fn load(&self, of: &Inspected, all: &[Box<dyn Repository>]) -> Result<Loaded> {
        match self.load_keeping_in(of, all, &self.cache).await {
            // What is kept of a document may be what somebody on the way once put in its place:
            // before anybody is blamed, it is asked for afresh.
            Err(error) if error.kind() == pkg::Kind::Trust && self.keeps => {
                let forgetful: Arc<dyn Cache> = Arc::new(());
                Ok(self.load_keeping_in(of, all, &forgetful).await?)
            }
            result => Ok(result?),
        }
    }

    /// What each update fixes, as the repositories say. Gives the warnings.
    async fn name_fixes(
        &self,
        of: &Inspected,
        catalog: &Catalog,
        plan: &mut UpdatePlan,
    ) -> Result<Vec<Warning>> {
        let hear = |warning: &Warning| of.run().warn(warning);
        let watch = of.run().watch();
        let fetch = Watched::new(self.fetch(&self.cache), watch, Transfer::Metadata);
        let ports = Ports::new(&fetch, &self.cache).heard_by(Listener::new(&hear));
        match plan.name_fixes(catalog, ports).await {
            // As when the repositories were loaded.
            Err(error) if error.kind() == pkg::Kind::Trust && self.keeps => {
                let forgetful: Arc<dyn Cache> = Arc::new(());
                let fetch = Watched::new(self.fetch(&forgetful), watch, Transfer::Metadata);
                Ok(plan.name_fixes(catalog, Ports { fetch: &fetch, ..ports }).await?)
            }
            result => Ok(result?),
        }
    }

    /// Loads through a transport that keeps documents in `kept`.
    async fn load_keeping_in(
        &self,
        of: &Inspected,
        repositories: &[Box<dyn Repository>],
        kept: &Arc<dyn Cache>,
    ) -> pkg::Result<Loaded> {
        let hear = |warning: &Warning| of.run().warn(warning);
        let fetch = Watched::new(self.fetch(kept), of.run().watch(), Transfer::Metadata);
        let ports = Ports::new(&fetch, &self.cache).heard_by(Listener::new(&hear));
        pkg::load_all(repositories, ports).await
    }

    /// Where packages come from and who may sign them. The image is asked once.
    async fn origins(&self, of: &Inspected) -> Result<Arc<Origins>> {
        let origins = of.origins.get_or_try_init(|| self.found(of)).await?;
        of.run().settle(&origins.warnings);
        Ok(Arc::clone(origins))
    }

    /// Who may sign packages. A key that cannot be had is no failure: it may not be needed.
    pub(super) async fn package_keys(&self, of: &Inspected) -> Result<PackageKeys> {
        let origins = self.origins(of).await?;
        let mut keys = origins.keys.clone();
        let fetch = Watched::new(self.fetch(&self.cache), of.run().watch(), Transfer::Metadata);
        for url in &origins.key_urls {
            if let Err(error) = keys.fetch(url, &fetch).await {
                let text = format!("a key that the image names: {error}");
                of.run().settle(&[Warning::new(Code::PassedOver, url, text)]);
            }
        }
        Ok(keys)
    }

    async fn found(&self, of: &Inspected) -> Result<Arc<Origins>> {
        let (system, root) = (Arc::clone(&of.system), Arc::clone(&of.root));
        let (config, run) = (Arc::clone(&self.config), Arc::clone(of.run()));
        let find = move || {
            let hear = |warning: &Warning| run.warn(warning);
            let trust = Trust {
                keyring: config.keyring.clone(),
                allow_unsigned: config.allow_unsigned,
                allow_expired: config.allow_expired,
                ..Trust::strict(config.now)
            };
            let sources = Sources {
                root: &*root,
                distro: &system.distro,
                arch: system.arch,
                mirrors: &config.mirrors,
                host: &config.host_sources,
                snapshot: config.snapshot.unwrap_or(config.now),
                trust: &trust,
            };
            system.origins(&sources, Listener::new(&hear)).map(Arc::new)
        };
        blocking("finding the repositories", find).await
    }

    async fn decided(
        &self,
        of: &Inspected,
        catalog: Catalog,
        request: Request,
    ) -> Result<UpdatePlan> {
        let system = Arc::clone(&of.system);
        let decide = move || Ok::<_, pkg::Error>(system.plan(&catalog, &request));
        blocking("planning", decide).await
    }
}
