//! The plan carried out: packages downloaded, one layer built, the image put together.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use crate::adapt;
use crate::error::{Error, Result};
use crate::labels::{self, Marks};
use crate::observe::event::{Stage, Transfer};
use crate::observe::watched::Watched;
use crate::oci::{Image, Layer, LayerOptions, Location, Mtime, build_layer};
use crate::patch::blocking::blocking;
use crate::patch::inspect::Inspected;
use crate::patch::job::Job;
use crate::patch::patcher::Patcher;
use crate::pkg::{
    self, Body, Candidate, ChangeSet, Fetch, Installation, Kept, Package, PackageKeys, Removal,
    Root, Skip, Skipped, System, Transaction, UpdatePlan, Verified, Warning, recall, remember,
};
use crate::url::Url;

/// The packages of a plan are in memory together: 2 GiB at most.
const LARGEST: u64 = 2 << 30;

/// A patched image, not yet written anywhere.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Patched {
    /// The image: the original's layers and one more, or the original when nothing changed.
    pub image: Image,
    /// The layer that was put on top; `None` when nothing changed.
    pub layer: Option<Layer>,
    /// What was done: the plan, without what failed on the way.
    pub plan: UpdatePlan,
    /// Files that stayed as they were although a package would have changed them.
    pub kept: Vec<Kept>,
    /// All warnings of this image so far.
    pub warnings: Vec<Warning>,
    pub(super) job: Arc<Job>,
}

impl Patched {
    /// The image as it was.
    fn unchanged(of: &Inspected, plan: UpdatePlan) -> Self {
        let image = of.opened.image.clone();
        let (warnings, job) = (of.run().warnings(), Arc::clone(&of.opened.job));
        Self { image, layer: None, plan, kept: Vec::new(), warnings, job }
    }

    /// Whether the image is another than before.
    pub fn is_changed(&self) -> bool {
        self.layer.is_some()
    }

    /// The packages that somebody asked for and did not get.
    pub fn refused(&self) -> impl Iterator<Item = &Skipped> {
        self.plan.skipped.iter().filter(|skipped| skipped.reason.is_refusal())
    }
}

impl Patcher {
    /// Downloads the packages of the plan, several at a time, and makes the patched image.
    ///
    /// # Errors
    ///
    /// When the plan is of another image; when a package cannot be had, is not what its checksum
    /// says, or cannot be unpacked; [`Error::Refused`] when the plan could not give a package what
    /// it needs. With [`ignore_errors`](crate::Job::ignore_errors) the packages that cannot be
    /// had, and those that need them, become [`Skip::Failed`], and the rest goes on.
    pub async fn apply(&self, of: &Inspected, plan: UpdatePlan) -> Result<Patched> {
        check(of, &plan)?;
        accept(of.job(), &plan)?;
        if !plan.updates.is_empty() {
            of.check_patchable()?;
        }
        let watch = of.run().watch();
        let work = self.downloaded(of, plan);
        let (plan, packages) = watch.stage(Stage::Download, work).await?;
        if packages.is_empty() {
            return Ok(Patched::unchanged(of, plan));
        }
        watch.stage(Stage::Build, self.built(of, plan, packages)).await
    }

    async fn downloaded(
        &self,
        of: &Inspected,
        plan: UpdatePlan,
    ) -> Result<(UpdatePlan, Vec<Package>)> {
        let downloads = plan.updates.iter().map(|update| self.download(of, &update.to));
        let mut results = stream::iter(downloads.collect::<Vec<_>>()).buffered(self.jobs());
        let mut packages = Vec::new();
        let mut failed = BTreeMap::new();
        for update in &plan.updates {
            match results.next().await {
                Some(Ok(package)) => packages.push(package),
                Some(Err(error)) if !of.job().ignore_errors => return Err(error.into()),
                Some(Err(error)) => {
                    failed.insert(update.to.name.clone(), explained(&error));
                }
                None => {}
            }
        }
        drop(results);
        if failed.is_empty() {
            return Ok((plan, packages));
        }
        let rest = plan.without(of.system.installed(), failed);
        packages.retain(|package| is_planned(package.candidate(), &rest));
        Ok((rest, packages))
    }

    /// A package, checked, with its data in a form that is quickly unpacked where that pays.
    async fn download(&self, of: &Inspected, candidate: &Candidate) -> pkg::Result<Package> {
        let package = self.checked(of, candidate).await?;
        Ok(self.repacked(&of.system, package).await)
    }

    /// Where there is a cache, `xz` is undone once, while other packages are fetched: zstd, which
    /// the next run finds there, is undone several times faster.
    async fn repacked(&self, system: &Arc<System>, package: Package) -> Package {
        if !self.keeps {
            return package;
        }
        let key = format!("repacked 1 {:?}", package.candidate().checksum);
        if let Some(data) = recall(&self.cache, key.clone(), Some).await {
            return package.with_repacked(data);
        }
        let (system, original) = (Arc::clone(system), package.clone());
        let repack = tokio::task::spawn_blocking(move || system.repack(&original));
        let Some(data) = repack.await.ok().flatten() else { return package };
        remember(&self.cache, key, data.clone()).await;
        package.with_repacked(data)
    }

    /// A package, from the cache when it is there.
    async fn checked(&self, of: &Inspected, candidate: &Candidate) -> pkg::Result<Package> {
        let key = format!("package {:?}", candidate.checksum);
        if let Some(bytes) = recall(&self.cache, key.clone(), Some).await
            && let Ok(package) = candidate.download(&Here(bytes)).await
        {
            return Ok(package);
        }
        let package = candidate.download(&self.fetch_package(of, candidate)).await?;
        if candidate.url.scheme() != "file" {
            remember(&self.cache, key, package.bytes().clone()).await;
        }
        Ok(package)
    }

    fn fetch_package(&self, of: &Inspected, candidate: &Candidate) -> impl Fetch {
        let fetch = self.fetch(&self.cache);
        Watched::new(fetch, of.run().watch(), Transfer::Package).named(&candidate.name)
    }

    async fn built(
        &self,
        of: &Inspected,
        plan: UpdatePlan,
        packages: Vec<Package>,
    ) -> Result<Patched> {
        let (system, root) = (Arc::clone(&of.system), Arc::clone(&of.root));
        let keys = self.package_keys(of).await?;
        let run = Arc::clone(of.run());
        let (refuse, ignore) = (of.job().refuse_scripts, of.job().ignore_errors);
        let install = move || {
            let (mut plan, mut packages) = vouched(&system, plan, packages, &keys, ignore)?;
            run.settle(packages.iter().filter_map(Verified::warning));
            let mut installation = installed(&system, &*root, &plan, &packages)?;
            // What is left may set off what the whole did not.
            while refuse && !installation.unrun.is_empty() {
                let rest = plan.without(system.installed(), unrun(&installation, &plan));
                if rest.updates.len() == plan.updates.len() {
                    break;
                }
                // It has the files of all packages: not beside those of the next one.
                drop(installation);
                plan = rest;
                packages.retain(|package| is_planned(package.candidate(), &plan));
                installation = installed(&system, &*root, &plan, &packages)?;
            }
            Ok::<_, pkg::Error>((plan, installation))
        };
        let (plan, installation) = blocking("installing the packages", install).await?;
        of.run().settle(&installation.warnings);
        let unrun: Vec<Warning> = installation.unrun.iter().map(Warning::from).collect();
        of.run().settle(&unrun);
        accept_scripts(of.job(), &plan)?;
        if plan.updates.is_empty() {
            return Ok(Patched::unchanged(of, plan));
        }
        let original = &of.opened.image;
        let time = of.job().created;
        let time = time.unwrap_or_else(|| labels::time(original, &installation.changes));
        let layer = self.layer(of, installation.changes).await?;
        let image = original.append(layer, labels::history(&plan.updates, time));
        let name = base_name(of);
        let digest = &original.descriptor().digest;
        let tag = of.job().tag.as_deref();
        let image = Marks { name: name.as_deref(), digest, tag, time }.put_on(&image);
        let layer = image.layers().last().cloned();
        let (kept, warnings) = (installation.kept, of.run().warnings());
        let job = Arc::clone(&of.opened.job);
        Ok(Patched { image, layer, plan, kept, warnings, job })
    }

    async fn layer(&self, of: &Inspected, changes: ChangeSet) -> Result<Layer> {
        let mtime = match of.job().created {
            Some(time) => Mtime::Clamp(time.as_second()),
            None => Mtime::Keep,
        };
        let (family, compression) = (of.opened.image.family(), of.job().compression);
        let options = LayerOptions { family, compression, mtime };
        let files = Arc::clone(&of.files);
        let build = move || build_layer(adapt::entries(changes)?, &files, &options);
        blocking("building the layer", build).await
    }
}

/// Refuses a plan that is too large, and one in which a package does not get what it needs,
/// unless that is to be ignored.
fn accept(job: &Job, plan: &UpdatePlan) -> Result<()> {
    let unmet = |s: &&Skipped| matches!(s.reason, Skip::Unsatisfied { .. } | Skip::Conflict { .. });
    let size = plan.updates.iter().fold(0, |sum: u64, update| sum.saturating_add(update.to.size));
    if size > LARGEST {
        let limit = format!("{} GiB", LARGEST >> 30);
        return Err(pkg::Error::TooLarge { what: "the plan's download".into(), limit }.into());
    }
    let refused: Vec<Skipped> = plan.skipped.iter().filter(unmet).cloned().collect();
    if refused.is_empty() || job.ignore_errors {
        return Ok(());
    }
    Err(Error::Refused(refused))
}

/// Refuses a plan of which packages were taken out because of their scripts, unless that is to
/// be ignored.
fn accept_scripts(job: &Job, plan: &UpdatePlan) -> Result<()> {
    let of_scripts = |s: &&Skipped| matches!(s.reason, Skip::Scripts { .. });
    let refused: Vec<Skipped> = plan.skipped.iter().filter(of_scripts).cloned().collect();
    if refused.is_empty() || job.ignore_errors {
        return Ok(());
    }
    Err(Error::Refused(refused))
}

/// The packages that somebody trusted vouches for. Another one is the end, or when that is to be
/// ignored, given up like one that cannot be had.
fn vouched(
    system: &System,
    plan: UpdatePlan,
    packages: Vec<Package>,
    keys: &PackageKeys,
    ignore: bool,
) -> pkg::Result<(UpdatePlan, Vec<Verified>)> {
    let (mut good, mut failed) = (Vec::new(), BTreeMap::new());
    for package in packages {
        let name = package.candidate().name.clone();
        match system.verify(package, keys) {
            Ok(package) => good.push(package),
            Err(error) if ignore => drop(failed.insert(name, explained(&error))),
            Err(error) => return Err(error),
        }
    }
    if failed.is_empty() {
        return Ok((plan, good));
    }
    let rest = plan.without(system.installed(), failed);
    good.retain(|package| is_planned(package.candidate(), &rest));
    Ok((rest, good))
}

/// What the packages of a plan change, and what goes for them.
fn installed(
    system: &System,
    root: &dyn Root,
    plan: &UpdatePlan,
    packages: &[Verified],
) -> pkg::Result<Installation> {
    system.install(root, &Transaction { packages, removals: &plan.removals })
}

fn is_planned(candidate: &Candidate, plan: &UpdatePlan) -> bool {
    plan.updates.iter().any(|update| update.to == *candidate)
}

/// The updates of a plan for which scripts would have to run, and which.
fn unrun(installation: &Installation, plan: &UpdatePlan) -> BTreeMap<String, Skip> {
    let mut all: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for unrun in &installation.unrun {
        for update in &unrun.updates {
            let of = if *update == unrun.package { "" } else { &format!(" of {}", unrun.package) };
            all.entry(update).or_default().push(format!("{}{of}", unrun.script));
        }
    }
    let planned = plan.updates.iter().map(|update| &update.to);
    let refused = planned.filter_map(|Candidate { name, version, .. }| {
        let scripts = all.get(&**name)?.clone();
        Some((name.clone(), Skip::Scripts { candidate: version.clone(), scripts }))
    });
    refused.collect()
}

/// What the patched image says it was made from.
fn base_name(of: &Inspected) -> Option<String> {
    let location = &of.opened.location;
    let reference = matches!(location, Location::Registry(_)).then(|| location.to_string());
    of.job().base_name.clone().or(reference)
}

/// Refuses a plan that was made for an image with other packages.
fn check(of: &Inspected, plan: &UpdatePlan) -> Result<()> {
    let installed = of.system.installed();
    let fits = |update: &&pkg::Update| match &update.from {
        Some(from) => installed.iter().any(|i| i.name == update.to.name && i.version == *from),
        None => !installed.iter().any(|i| i.name == update.to.name && i.arch == update.to.arch),
    };
    let is = |old: &Removal, there: &pkg::Installed| {
        (&there.name, &there.arch, &there.version) == (&old.package, &old.arch, &old.version)
    };
    let update = plan.updates.iter().find(|update| !fits(update));
    let removal = plan.removals.iter().find(|old| !installed.iter().any(|there| is(old, there)));
    let update = update.map(|update| format!("{} {}", update.to.name, update.to.version));
    let removal = || removal.map(|removal| format!("{} {}", removal.package, removal.version));
    match update.or_else(removal) {
        None => Ok(()),
        Some(text) => Err(Error::Invalid {
            what: "plan",
            text,
            reason: format!("{} does not hold what it starts from", of.opened.location),
        }),
    }
}

/// A failure, with the error and its causes in one line.
fn explained(error: &dyn std::error::Error) -> Skip {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    let error = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    Skip::Failed { error }
}

/// Bytes that are here already.
#[derive(Debug)]
struct Here(bytes::Bytes);

#[async_trait::async_trait]
impl Fetch for Here {
    async fn get(&self, _: &Url) -> pkg::Result<Body> {
        Ok(Body::from_bytes(self.0.clone()))
    }
}
