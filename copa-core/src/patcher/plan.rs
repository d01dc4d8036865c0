//! What will happen: repositories loaded, the plan made.

use std::sync::Arc;

use super::{Inspected, Patcher, blocking};
use crate::Result;
use crate::observe::{Stage, Transfer, Watched};
use crate::pkg::{
    self, Cache, Catalog, Loaded, Origins, PackageKeys, Repository, Request, Sources, Trust,
    UpdatePlan,
};

/// What will happen to an image.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Planned {
    /// The plan: a value that can be printed, stored, and applied later.
    pub plan: UpdatePlan,
    /// The repositories that were asked, one line each.
    pub repositories: Vec<String>,
    /// What a person should know: checks that were left out, entries that were passed over.
    pub warnings: Vec<String>,
}

impl Patcher {
    /// Loads the repositories of the image's distribution, all at once, and decides what happens.
    ///
    /// # Errors
    ///
    /// When a repository cannot be reached, or its metadata is not trusted.
    pub async fn plan(&self, of: &Inspected, request: &Request) -> Result<Planned> {
        let watch = self.watch();
        let (repositories, loaded) = watch.stage(Stage::Load, self.loaded(of)).await?;
        let work = self.decided(of, loaded.catalog.clone(), request.clone());
        let mut plan = watch.stage(Stage::Plan, work).await?;
        let mut notes = Vec::new();
        if *request == Request::Everything && !plan.updates.is_empty() {
            notes = self.name_fixes(&loaded.catalog, &mut plan).await?;
        }
        let mut warnings: Vec<String> = self.warning.iter().cloned().collect();
        warnings.extend(of.system.warnings.iter().cloned());
        warnings.extend(loaded.warnings);
        warnings.extend(notes);
        Ok(Planned { plan, repositories, warnings })
    }

    async fn loaded(&self, of: &Inspected) -> Result<(Vec<String>, Loaded)> {
        let origins = self.origins(of).await?;
        let all = &origins.repositories;
        let names = all.iter().map(|repository| repository.describe()).collect();
        match self.load(all, &self.cache).await {
            // What is kept of a document may be what somebody on the way once put in its place:
            // before anybody is blamed, it is asked for afresh.
            Err(error) if error.kind() == pkg::Kind::Trust && self.options.cache_dir.is_some() => {
                let forgetful: Arc<dyn Cache> = Arc::new(());
                Ok((names, self.load(all, &forgetful).await?))
            }
            result => Ok((names, result?)),
        }
    }

    /// What each update fixes, as the repositories say. Gives what a person should know.
    async fn name_fixes(&self, catalog: &Catalog, plan: &mut UpdatePlan) -> Result<Vec<String>> {
        let fetch = Watched::new(self.fetch(&self.cache), &self.watch(), Transfer::Metadata);
        match plan.name_fixes(catalog, &fetch, &self.cache).await {
            // As when the repositories were loaded.
            Err(error) if error.kind() == pkg::Kind::Trust && self.options.cache_dir.is_some() => {
                let forgetful: Arc<dyn Cache> = Arc::new(());
                let fetch = Watched::new(self.fetch(&forgetful), &self.watch(), Transfer::Metadata);
                Ok(plan.name_fixes(catalog, &fetch, &self.cache).await?)
            }
            result => Ok(result?),
        }
    }

    /// Loads through a transport that keeps documents in `kept`.
    async fn load(
        &self,
        repositories: &[Box<dyn Repository>],
        kept: &Arc<dyn Cache>,
    ) -> pkg::Result<Loaded> {
        let fetch = Watched::new(self.fetch(kept), &self.watch(), Transfer::Metadata);
        pkg::load_all(repositories, &fetch, &self.cache).await
    }

    /// Where packages come from and who may sign them. The image is asked once.
    async fn origins(&self, of: &Inspected) -> Result<Arc<Origins>> {
        of.origins.get_or_try_init(|| self.found(of)).await.cloned()
    }

    /// Who may sign packages, and what a person should know of that. A key that cannot be had is no
    /// failure: it may not be needed.
    pub(super) async fn package_keys(&self, of: &Inspected) -> Result<(PackageKeys, Vec<String>)> {
        let origins = self.origins(of).await?;
        let mut keys = origins.keys.clone();
        let fetch = Watched::new(self.fetch(&self.cache), &self.watch(), Transfer::Metadata);
        let mut notes = Vec::new();
        for url in &origins.key_urls {
            if let Err(error) = keys.fetch(url, &fetch).await {
                notes.push(format!("a key that the image names: {error}"));
            }
        }
        Ok((keys, notes))
    }

    async fn found(&self, of: &Inspected) -> Result<Arc<Origins>> {
        let (system, root) = (Arc::clone(&of.system), Arc::clone(&of.root));
        let options = Arc::clone(&self.options);
        let find = move || {
            let trust = Trust {
                keyring: options.keyring.clone(),
                allow_unsigned: options.allow_unsigned,
                allow_expired: options.allow_expired,
                ..Trust::strict(options.now)
            };
            let sources = Sources {
                root: &*root,
                distro: &system.distro,
                arch: system.arch,
                mirrors: &options.mirrors,
                host: &options.host_sources,
                snapshot: options.snapshot.unwrap_or(options.now),
                trust: &trust,
            };
            system.origins(&sources).map(Arc::new)
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
