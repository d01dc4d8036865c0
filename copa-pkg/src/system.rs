//! The distribution and the packages found in a file system.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;

use crate::distro::release::Distro;
use crate::error::{Error, Result};
use crate::format::formats;
use crate::format::manager::PackageManager;
use crate::format::self_check::self_check;
use crate::install::outcome::Installation;
use crate::install::transaction::Transaction;
use crate::package::arch::Arch;
use crate::package::database::PackageDb;
use crate::package::fetched::{Package, Verified};
use crate::package::installed::Installed;
use crate::package::rules::Rules;
use crate::port::{Interest, Root};
use crate::repository::catalog::Catalog;
use crate::repository::origins::Origins;
use crate::repository::sources::Sources;
use crate::resolve::plan::UpdatePlan;
use crate::resolve::planner;
use crate::resolve::request::Request;
use crate::trust::keys::PackageKeys;
use crate::warning::{Code, Listener, Warning, Warnings};

/// The largest package that is repacked: it is in memory twice.
const LARGEST_REPACKED: usize = 16 << 20;

/// What is known of a file system before it is looked at; each overrides what it says itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    /// The release of the distribution, when the user names it.
    pub os: Option<Distro>,
    /// The architecture that the image says it is for.
    pub arch: Option<Arch>,
}

/// The distribution and the package database found in a file system.
#[derive(Debug)]
#[non_exhaustive]
pub struct System {
    /// The release of the distribution.
    pub distro: Distro,
    /// The architecture of its packages.
    pub arch: Arch,
    /// Warnings: entries of the database that could not be read and are left alone.
    pub warnings: Vec<Warning>,
    manager: Box<dyn PackageManager>,
}

impl System {
    /// Finds out what the file system holds.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] when it holds no package database, or a distribution or database
    /// that is not supported; [`Error::UnknownSystem`] when the release or the architecture cannot
    /// be told; [`Error::Root`] when it cannot be read.
    pub fn detect(root: &dyn Root, hints: &Hints) -> Result<Self> {
        Self::detect_heard_by(Listener::default(), root, hints)
    }

    /// The same, with a listener that hears of warnings also when the system cannot be told.
    ///
    /// # Errors
    ///
    /// As [`detect`](Self::detect).
    pub fn detect_heard_by(listener: Listener<'_>, root: &dyn Root, hints: &Hints) -> Result<Self> {
        let manager = formats::open(root)?;
        let db = manager.db();
        let mut warnings = Warnings::new(listener);
        warnings.extend(db.warnings().iter().cloned());
        let distro = match &hints.os {
            Some(distro) => distro.clone(),
            None => Distro::detect(root, db.installed())?,
        };
        if distro.format() != db.format() {
            return Err(Error::Unsupported {
                what: format!("{distro} with the packages of another distribution"),
                reason: format!("its package database holds {} packages", db.format()),
            });
        }
        let arch = arch(manager.rules(), db, hints.arch, &mut warnings)?;
        let warnings = warnings.into_vec();
        Ok(Self { distro, arch, manager, warnings })
    }

    /// The package database.
    pub fn db(&self) -> &dyn PackageDb {
        self.manager.db()
    }

    /// The installed packages, sorted by name and architecture.
    pub fn installed(&self) -> &[Installed] {
        self.db().installed()
    }

    /// Whether this system can be patched; some can only be read, for plans and dry runs.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`](crate::Error::Unsupported) when it cannot, with the reason.
    pub fn check_patchable(&self) -> Result<()> {
        self.db().check_writable()
    }

    /// Where packages of this system come from and who may sign them. The listener hears of
    /// warnings also when this fails.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when [`Trust::keyring`](crate::Trust) holds no key, [`Error::Root`] when
    /// the image cannot be read, [`Error::NoRepository`] when nothing is known of it, or when
    /// mirrors are named and none is of this distribution: who names one does not want others.
    pub fn origins(&self, sources: &Sources<'_>, listener: Listener<'_>) -> Result<Origins> {
        let names = sources.distro.mirror_names();
        let named: Vec<&str> = sources.mirrors.iter().map(|mirror| &*mirror.name).collect();
        if !named.is_empty() && !named.iter().any(|name| names.contains(name)) {
            return Err(Error::NoRepository {
                system: sources.distro.to_string(),
                reason: format!("there are only mirrors of {}", named.join(", ")),
                mirror: names.first().copied(),
            });
        }
        let mut warnings = Warnings::new(listener);
        let origins = self.manager.origins(sources, &mut warnings)?;
        Ok(Origins { warnings: warnings.into_vec(), ..origins })
    }

    /// Checks that somebody who is trusted vouches for a package: that its own signature is right
    /// where packages are signed (RPM), and that it is the one that its [`Candidate`](crate::Candidate)
    /// names. Where the index is signed and not the package (Debian), the checksum in the index has
    /// said it already.
    ///
    /// # Errors
    ///
    /// [`Error::Untrusted`] when no trusted key signed it, or it is another package.
    pub fn verify(&self, package: Package, keys: &PackageKeys) -> Result<Verified> {
        self.manager.verify(package, keys)
    }

    /// The data of the package, compressed such that it is quickly unpacked: to be kept in a cache,
    /// and for [`Package::with_repacked`]. `None` where that is not worth it: where the package is
    /// large, or quickly unpacked itself; and where it cannot be read, which is said when it is
    /// installed.
    pub fn repack(&self, package: &Package) -> Option<Bytes> {
        if package.bytes.len() > LARGEST_REPACKED {
            return None;
        }
        self.manager.repack(package).ok().flatten().map(Into::into)
    }

    /// Works out what a transaction changes, database included.
    ///
    /// Maintainer scripts never run. At the end the image as it would be is read again, and must list
    /// what was planned.
    ///
    /// # Errors
    ///
    /// [`Error::SelfCheck`] when it does not, [`Error::Malformed`] and [`Error::TooLarge`] when a package is not in its format,
    /// [`Error::Root`] when the file system cannot be read.
    pub fn install(&self, root: &dyn Root, transaction: &Transaction<'_>) -> Result<Installation> {
        let mut installation = self.manager.install(root, transaction)?;
        self_check(root, transaction, &installation.changes)?;
        let warnings = transaction.packages.iter().filter_map(|package| package.warning.clone());
        installation.warnings.splice(0..0, warnings);
        Ok(installation)
    }

    /// Decides what happens: which packages change to which versions, what comes along, and what
    /// stays and why. A function of its arguments; nothing is fetched and nothing changed.
    ///
    /// Each package takes the highest version on offer for its architecture, never a lower one
    /// than it has. What the new version needs comes along, and so do installed packages that go
    /// in lock step with it. A need that the image did not meet before, as distroless images do
    /// not on purpose, does not count. A package whose new version cannot be had or cannot be
    /// beside what is installed stays, and so do those that need it; everything else goes on.
    ///
    /// Of a report, each vulnerability is judged by itself: an update lists those that its version
    /// fixes, and the others are listed as skipped, each with the reason. So when the repositories
    /// have something newer than the image and older than a fix, the package is updated all the
    /// same.
    pub fn plan(&self, catalog: &Catalog, request: &Request) -> UpdatePlan {
        let rules = self.manager.rules();
        let native = (rules.arch_name)(self.arch);
        let db = self.db();
        let mut installed = db.providing(&catalog.needed_paths());
        if installed.iter().any(|package| !db.knows_relations(package)) {
            let unknown = |package: &&mut Installed| !db.knows_relations(package);
            installed.to_mut().iter_mut().filter(unknown).for_each(|p| said_by(catalog, p));
        }
        planner::plan(&installed, (rules, native), catalog, request)
    }

    /// What is worth having of the file at this path while layers are streamed past, so that the
    /// system can be detected, planned for and updated.
    pub fn interest(path: &Path) -> Interest {
        formats::interest(path)
    }

    /// A digest of all that [`interest`](Self::interest) may say: it belongs into the key of whatever is
    /// kept of a layer.
    pub fn interests_digest() -> String {
        formats::interests_digest()
    }
}

/// What a manifest does not say of a package and its needs, the repositories say: of this version,
/// or of the one before it that they still have, or of the next.
fn said_by(catalog: &Catalog, package: &mut Installed) {
    let all = catalog.candidates(&package.name);
    let mut all = all.into_iter().filter(|candidate| candidate.arch == package.arch).peekable();
    while let Some(candidate) = all.next().filter(|_| package.relations.is_empty()) {
        if candidate.version <= package.version || all.peek().is_none() {
            package.relations = candidate.relations;
        }
    }
}

/// The architecture of the packages: the hint, unless all packages are of others.
fn arch(
    rules: &Rules,
    db: &dyn PackageDb,
    hint: Option<Arch>,
    warnings: &mut Warnings<'_>,
) -> Result<Arch> {
    let mut counts: BTreeMap<Arch, usize> = BTreeMap::new();
    let known = |package: &Installed| (rules.arch)(&package.arch);
    for arch in db.installed().iter().filter_map(known) {
        *counts.entry(arch).or_default() += 1;
    }
    // The first of the most frequent.
    let most = counts.iter().rev().max_by_key(|(_, count)| **count).map(|(arch, _)| *arch);
    match (hint, most) {
        (Some(hint), Some(most)) if !counts.contains_key(&hint) => {
            let text = format!("the image says that it is for {hint}, its packages are {most}");
            warnings.push(Warning::new(Code::OtherArchitecture, hint, text));
            Ok(most)
        }
        (Some(arch), _) | (None, Some(arch)) => Ok(arch),
        (None, None) => Err(Error::UnknownSystem {
            looked_at: "no installed package is for one architecture".into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Hint;
    use crate::fixture::root::MemoryRoot;

    fn root(packages: &[(&str, &str)]) -> MemoryRoot {
        let mut root = MemoryRoot::of(&[("etc/os-release", "ID=debian\nVERSION_ID=12\n")]);
        for (name, arch) in packages {
            let text = format!("Package: {name}\nVersion: 1\nArchitecture: {arch}\n");
            root.file(format!("var/lib/dpkg/status.d/{name}"), text.as_bytes());
        }
        root
    }

    fn hint(arch: Arch) -> Hints {
        Hints { arch: Some(arch), os: None }
    }

    #[test]
    fn a_system_is_detected() {
        let root = root(&[("libc6", "arm64"), ("tzdata", "all")]);
        let system = System::detect(&root, &Hints::default()).unwrap();
        assert_eq!((&*system.distro.codename, system.arch), ("bookworm", Arch::Arm64));
        assert_eq!(system.installed().len(), 2);
        assert!(system.warnings.is_empty());
        let named = Hints { os: Some("debian:13".parse().unwrap()), arch: None };
        assert_eq!(System::detect(&root, &named).unwrap().distro.version, "13");
    }

    #[test]
    fn the_packages_know_their_architecture_better_than_the_image() {
        let packages = root(&[("libc6", "arm64"), ("tzdata", "all")]);
        let system = System::detect(&packages, &hint(Arch::Amd64)).unwrap();
        assert_eq!(system.arch, Arch::Arm64);
        assert_eq!(system.warnings.len(), 1);
        let all = root(&[("tzdata", "all")]);
        assert_eq!(System::detect(&all, &hint(Arch::S390x)).unwrap().arch, Arch::S390x);
        assert!(System::detect(&all, &Hints::default()).is_err());
    }

    #[test]
    fn databases_that_cannot_be_updated_are_named() {
        for (path, word) in [
            ("var/lib/dpkg/status", "full dpkg database"),
            ("lib/apk/db/installed", "apk"),
            ("var/lib/rpm/x", "RPM"),
            ("var/lib/rpmmanifest/container-manifest-2", "RPM"),
            ("var/lib/chisel/manifest.wall", "chisel"),
            ("hello", "without a package database"),
        ] {
            let error = System::detect(&MemoryRoot::of(&[(path, "x")]), &Hints::default());
            let error = error.unwrap_err();
            assert!(matches!(error, Error::Unsupported { .. }));
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn a_system_plans_with_a_catalog() {
        let root = root(&[("libc6", "arm64"), ("tzdata", "all")]);
        let system = System::detect(&root, &Hints::default()).unwrap();
        let index: String =
            [("libc6", "2", "arm64"), ("libc6", "3", "amd64"), ("tzdata", "2", "all")]
                .map(|(name, version, arch)| {
                    format!(
                        "Package: {name}\nVersion: {version}\nArchitecture: {arch}\nSize: 1\n\
                     Filename: pool/{name}.deb\nSHA256: {}\n\n",
                        "00".repeat(32)
                    )
                })
                .concat();
        let base = "https://mirror.invalid/".parse().unwrap();
        let loaded =
            crate::format::deb::listing::read_packages(index.as_bytes(), "arm64", &base, "suite")
                .unwrap();
        let plan = system.plan(&loaded.catalog, &Request::Everything);
        let updates: Vec<String> =
            plan.updates.iter().map(|u| format!("{} {}", u.to.name, u.to.version)).collect();
        assert_eq!(updates, ["libc6 2", "tzdata 2"]);
        assert!(plan.skipped.is_empty());
    }

    #[test]
    fn mirrors_of_others_only_are_refused() {
        let root = root(&[("libc6", "arm64")]);
        let system = System::detect(&root, &Hints::default()).unwrap();
        let error = |names: &[&str]| {
            let mirrors = names.iter().map(|name| format!("{name}=https://a.invalid/").parse());
            let sources = Sources {
                root: &root,
                distro: &system.distro,
                arch: system.arch,
                mirrors: &mirrors.collect::<Result<Vec<_>>>().unwrap(),
                host: &[],
                snapshot: jiff::Timestamp::UNIX_EPOCH,
                trust: &crate::trust::policy::Trust::strict(jiff::Timestamp::UNIX_EPOCH),
            };
            system.origins(&sources, Listener::default()).err()
        };
        let refused = error(&["fedora", "rocky"]).unwrap();
        assert!(refused.to_string().contains("only mirrors of fedora, rocky"), "{refused}");
        assert_eq!(refused.hint(), Some(Hint::NameMirror { name: "debian" }));
        assert!(error(&["fedora", "debian"]).is_none() && error(&[]).is_none());
    }

    #[test]
    fn interest_follows_the_path() {
        for (path, interest) in [
            ("var/lib/dpkg/status.d/libc6", Interest::Content),
            ("var/lib/dpkg/status.d/libc6.md5sums", Interest::Content),
            ("var/lib/dpkg/status", Interest::Content),
            ("var/lib/dpkg/status-old", Interest::Checksum),
            ("var/lib/rpm/rpmdb.sqlite", Interest::Content),
            ("usr/lib/sysimage/rpm/rpmdb.sqlite-wal", Interest::Content),
            ("usr/lib/sysimage/rpm/Packages.db", Interest::Content),
            ("var/lib/rpm/Basenames", Interest::Checksum),
            ("var/lib/rpmmanifest/container-manifest-1", Interest::Content),
            ("usr/lib/os-release", Interest::Content),
            ("etc/apt/sources.list.d/debian.sources", Interest::Content),
            ("etc/ld.so.conf.d/x.conf", Interest::Content),
            ("etc/demo.conf", Interest::Content),
            ("usr/lib/x86_64-linux-gnu/libc.so.6", Interest::Checksum),
            ("lib64/ld-linux-x86-64.so.2", Interest::Checksum),
            ("app/server", Interest::Existence),
            ("etcetera", Interest::Existence),
            ("", Interest::Existence),
        ] {
            assert_eq!(System::interest(Path::new(path)), interest, "{path}");
        }
    }

    #[test]
    fn a_real_image_is_detected_from_base_files_alone() {
        let Some(corpus) = crate::fixture::root::corpus() else { return };
        let root = MemoryRoot::copy(&corpus.join("derived/distroless-debian12"));
        let system = System::detect(&root, &Hints::default()).unwrap();
        assert_eq!((&*system.distro.version, system.arch), ("12", Arch::Amd64));
    }
}
