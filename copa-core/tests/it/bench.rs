//! What the tests work on.

use std::path::{Path, PathBuf};

use copa_core::oci::{Access, Image, Location, Written};
use copa_core::pkg::Mirror;
use copa_core::{Config, Job, Patched, Patcher, Result};

/// A place to work in, and the files of the quick start.
pub(crate) struct Bench {
    dir: tempfile::TempDir,
    mirror: PathBuf,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let mirror = quickstart("mirror").canonicalize().unwrap();
        Self { dir: tempfile::tempdir().unwrap(), mirror }
    }

    /// With a copy of the mirror that a test may damage.
    pub(crate) fn with_own_mirror() -> (Self, PathBuf) {
        let mut bench = Self::new();
        let copy = bench.path("mirror");
        copy_tree(&bench.mirror, &copy);
        bench.mirror.clone_from(&copy);
        (bench, copy)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// An address below the place to work in: `oci:NAME`.
    pub(crate) fn location(&self, address: &str) -> Location {
        let (scheme, rest) = address.split_once(':').unwrap();
        format!("{scheme}:{}/{rest}", self.dir.path().display()).parse().unwrap()
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = Config::new("2026-11-23T18:00:00Z".parse().unwrap());
        let mirror = |name: &str| Mirror::folder(name, &self.mirror.join(name)).unwrap();
        config.mirrors = vec![mirror("debian"), mirror("debian-security")];
        let key = std::fs::read(quickstart("mirror/archive-key.asc")).unwrap();
        config.keyring = Some(key.into());
        config
    }

    pub(crate) fn patcher(&self) -> Patcher {
        Patcher::new(access(), self.config())
    }

    /// Everything that has an update, from the image of the quick start to this address.
    pub(crate) fn job(&self, to: &str) -> Job {
        job(&image(), &self.location(to))
    }

    /// Everything that has an update, from the image of the quick start to this address.
    pub(crate) async fn patch(&self, patcher: &Patcher, to: &str) -> Result<(Patched, Written)> {
        run(patcher, &self.job(to)).await
    }

    /// The image at this address.
    pub(crate) async fn image(&self, at: &str) -> Image {
        self.patcher().open(&Job::new(self.location(at))).await.unwrap().image
    }
}

pub(crate) fn quickstart(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/quickstart").join(name)
}

pub(crate) fn image() -> Location {
    format!("oci-archive:{}", quickstart("image.tar").display()).parse().unwrap()
}

/// Everything that has an update, from one place to another.
pub(crate) fn job(from: &Location, to: &Location) -> Job {
    let mut job = Job::new(from.clone());
    job.to.push(to.clone().into());
    job
}

/// Runs a job that writes to one place.
pub(crate) async fn run(patcher: &Patcher, job: &Job) -> Result<(Patched, Written)> {
    let mut delivered = patcher.patch(job).await?;
    Ok((delivered.patched, delivered.written.remove(0)))
}

pub(crate) fn access() -> Access {
    Access::anonymous().unwrap()
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in from.read_dir().unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_tree(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// The files below a directory whose names contain this.
pub(crate) fn files(dir: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in dir.read_dir().unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path, name)),
            false if path.file_name().unwrap().to_str().unwrap().contains(name) => found.push(path),
            false => {}
        }
    }
    found
}
