//! Where packages of an RPM image come from.
//!
//! The first of these that says anything is used, and nothing else:
//!
//! 1. **Mirrors that the user names** for the distribution: `azurelinux=URL`. The URL is a folder
//!    that holds `repodata`, or what the distribution's own repositories are below. A name may be
//!    given several times.
//! 2. **The image's `.repo` files**, those that are enabled, in `etc/yum.repos.d`,
//!    `etc/distro.repos.d` and `etc/zypp/repos.d`.
//! 3. **The distribution's own servers**, as its own packages configure them.
//!
//! Who may sign: the keys that [`Trust::keyring`](crate::Trust) has, and no others; or else those
//! in the image (`etc/pki/rpm-gpg`, what its repositories name, what `rpm --import` put into its
//! database) and those of the distribution that come with this program. `gpgcheck=0` and
//! `sslverify=0` have no effect, and are said: an image must not switch checks off.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use url::Url;

use crate::distro::release::Distro;
use crate::error::{Error, Result};
use crate::format::rpm::repo::config::{Place, Repo};
use crate::format::rpm::repo::filter::Filter;
use crate::format::rpm::sources::keys;
use crate::format::rpm::sources::layout::{Layout, List, variables};
use crate::format::rpm::sources::repo_file::{Main, Parsed, Source};
use crate::format::rpm::sources::variables::Variables;
use crate::port::Root;
use crate::repository::catalog::{COST, PRIORITY};
use crate::repository::load::Repository;
use crate::repository::origins::Origins;
use crate::repository::sources::Sources;
use crate::trust::keys::PackageKeys;
use crate::trust::openpgp::Keyring;
use crate::warning::{Code, Warning, Warnings};

/// Where `.repo` files are.
const DIRECTORIES: [&str; 3] = ["etc/yum.repos.d", "etc/distro.repos.d", "etc/zypp/repos.d"];
/// What says something of all repositories, and may have some itself. What the first of them says
/// counts.
const MAIN: [&str; 3] = ["etc/dnf/dnf.conf", "etc/yum.conf", "etc/tdnf/tdnf.conf"];
/// Where variables are: a file each.
const VARIABLES: [&str; 3] = ["etc/yum/vars", "etc/dnf/vars", "etc/zypp/vars.d"];

/// The repositories of the image, in the order of the sources, and the keys that may sign packages.
///
/// # Errors
///
/// [`Error::Invalid`] when [`Trust::keyring`](crate::Trust) holds no key, [`Error::Root`] when the
/// image cannot be read, [`Error::NoRepository`] when nothing is known of the distribution.
pub(crate) fn origins(
    sources: &Sources<'_>,
    streams: &[String],
    imported: &[String],
    warnings: &mut Warnings<'_>,
) -> Result<Origins> {
    let finder = Finder::new(sources, streams)?;
    let mut notes = Vec::new();
    let mut found = finder.named();
    let configured = finder.configured(&mut notes)?;
    let keys = package_keys(&finder, &configured, imported);
    let key_urls = if found.is_empty() { key_urls(sources, &configured) } else { Vec::new() };
    if found.is_empty() {
        // What is wrong with repositories that are not used concerns nobody.
        warnings.extend(notes);
        found = configured;
    }
    if found.is_empty() {
        found = finder.defaults()?;
        let text = "no mirror is named and the image has no enabled repositories: the \
                    distribution's own servers are used";
        warnings.push(Warning::new(Code::DefaultOrigin, sources.distro, text));
    }
    let repositories =
        found.into_iter().map(|repo| Box::new(repo) as Box<dyn Repository>).collect();
    Ok(Origins { repositories, keys, key_urls, warnings: Vec::new() })
}

/// Who may sign the packages of the image: beside the known keys those that its enabled
/// repositories name as files, and those that were imported into its database.
fn package_keys(finder: &Finder<'_>, configured: &[Repo], imported: &[String]) -> PackageKeys {
    let trust = finder.sources.trust.clone();
    let mut keyring = Keyring::clone(&finder.keys);
    if trust.keyring.is_some() {
        return PackageKeys { keyring, trust };
    }
    for text in imported {
        match Keyring::parse(text.as_bytes()) {
            Ok(keys) => keyring.extend(&keys),
            Err(reason) => tracing::debug!(reason, "an imported key is passed over"),
        }
    }
    for repo in configured {
        repo.keys.iter().for_each(|keys| keyring.extend(keys));
    }
    PackageKeys { keyring, trust }
}

/// Where more keys are that the image's enabled repositories name.
fn key_urls(sources: &Sources<'_>, configured: &[Repo]) -> Vec<Url> {
    if sources.trust.keyring.is_some() {
        return Vec::new();
    }
    let mut urls: Vec<Url> = configured.iter().flat_map(|repo| repo.key_urls.clone()).collect();
    urls.sort();
    urls.dedup();
    urls
}

/// The keys that are known without asking what repositories there are.
fn known_keys(sources: &Sources<'_>) -> Result<Keyring> {
    if let Some(keys) = sources.trust.keys()? {
        return Ok(keys);
    }
    let mut all = keys::of_image(sources.root)?;
    all.extend(&keys::official(&sources.distro.id));
    Ok(all)
}

struct Finder<'a> {
    sources: &'a Sources<'a>,
    streams: &'a [String],
    keys: Arc<Keyring>,
    variables: Variables,
    layout: Option<&'static Layout>,
}

impl<'a> Finder<'a> {
    fn new(sources: &'a Sources<'a>, streams: &'a [String]) -> Result<Self> {
        let keys = Arc::new(known_keys(sources)?);
        let mut variables = variables(sources.distro, sources.arch);
        // Where the release is a major number, the system has a minor one.
        let version = Distro::version_id(sources.root)?.unwrap_or_default();
        let minor = version.strip_prefix(&sources.distro.version);
        if let Some(minor) = minor.and_then(|minor| minor.strip_prefix('.'))
            && !sources.distro.version.contains('.')
        {
            variables.set("releasever_minor", minor);
        }
        read_variables(sources.root, &mut variables)?;
        Ok(Self { sources, streams, keys, variables, layout: Layout::of(sources.distro) })
    }

    fn repo(&self, id: &str, place: Place) -> Repo {
        Repo {
            id: id.into(),
            place,
            keys: Ok(self.keys.clone()),
            key_urls: Vec::new(),
            signed: self.layout.is_some_and(|layout| layout.signed),
            trust: self.sources.trust.clone(),
            filter: Filter::default(),
            streams: self.streams.to_vec(),
            priority: PRIORITY,
            cost: COST,
            required: true,
            notes: Vec::new(),
        }
    }

    /// From the user's mirrors.
    fn named(&self) -> Vec<Repo> {
        let Some(layout) = self.layout else { return Vec::new() };
        let names = self.sources.distro.mirror_names();
        let ours = |name: &str| names.contains(&name);
        let mirrors = self.sources.mirrors.iter().filter(|mirror| ours(&mirror.name));
        mirrors
            .map(|mirror| {
                let paths = layout.paths.iter().map(|path| self.variables.fill(path)).collect();
                self.repo(&mirror.name, Place::Named(mirror.url.clone(), paths))
            })
            .collect()
    }

    /// The distribution's own.
    fn defaults(&self) -> Result<Vec<Repo>> {
        let distro = self.sources.distro;
        let known = self.layout.filter(|layout| layout.has_servers());
        let layout = known.ok_or_else(|| Error::NoRepository {
            system: distro.to_string(),
            reason: "the image has none configured and none is known of this distribution".into(),
            mirror: self.sources.distro.mirror_names().first().copied(),
        })?;
        let url = |text: &str| -> Result<Url> {
            let text = self.variables.fill(text);
            text.parse().map_err(|e: url::ParseError| Error::Invalid {
                what: "repository",
                text: text.clone(),
                reason: e.to_string(),
            })
        };
        let lists = layout.lists.iter().map(|list| {
            Ok(match list {
                List::Metalink(text) => self.repo(&distro.id, Place::Metalink(url(text)?)),
                List::Mirrors(text) => self.repo(&distro.id, Place::Mirrors(url(text)?)),
            })
        });
        if !layout.lists.is_empty() {
            return lists.collect();
        }
        let root = layout.root.unwrap_or_default();
        let paths = layout.paths.iter().enumerate();
        paths
            .map(|(i, path)| {
                let place = Place::Roots(vec![url(&format!("{root}/{path}"))?]);
                let id = self.variables.fill(path).replace('/', "-");
                Ok(Repo { required: i == 0, ..self.repo(&id, place) })
            })
            .collect()
    }

    /// From the image's own files.
    fn configured(&self, notes: &mut Vec<Warning>) -> Result<Vec<Repo>> {
        let root = self.sources.root;
        let mut files = BTreeMap::new();
        for path in MAIN {
            // One may be a link to another.
            let real = root.real_path(Path::new(path)).unwrap_or_default();
            if let Some(text) = text(root, path)? {
                files.entry(real).or_insert((path.to_owned(), text));
            }
        }
        let mut files: Vec<(String, String)> = files.into_values().collect();
        files.sort_by_key(|(path, _)| MAIN.iter().position(|main| main == path));
        let mut main = Main::default();
        files.iter().for_each(|(_, text)| main.read(text));
        for directory in DIRECTORIES {
            for name in root.list(Path::new(directory)) {
                let Some(name) = name.to_str().filter(|name| name.ends_with(".repo")) else {
                    continue;
                };
                let path = format!("{directory}/{name}");
                let text = text(root, &path)?;
                files.extend(text.map(|text| (path, text)));
            }
        }
        let mut found = Vec::new();
        for (path, text) in files {
            let parsed = Parsed::read(&path, &text, &main, &self.variables);
            notes.extend(parsed.notes);
            for source in parsed.sources.iter().filter(|source| source.enabled) {
                found.extend(self.source(source, notes)?);
            }
        }
        Ok(found)
    }

    fn source(&self, source: &Source, notes: &mut Vec<Warning>) -> Result<Option<Repo>> {
        let id = &source.id;
        let place = match place(source) {
            Ok(place) => place,
            Err(reason) => {
                let text = format!("[{id}] passed over: {reason}");
                notes.push(Warning::new(Code::PassedOver, id, text));
                return Ok(None);
            }
        };
        for (option, is_on) in [("gpgcheck", source.gpgcheck), ("sslverify", source.sslverify)] {
            if !is_on {
                let text = format!("[{id}]: {option}=0 is not obeyed");
                notes.push(Warning::new(Code::NotObeyed, id, text));
            }
        }
        let mut repo = self.repo(id, place);
        repo.signed = source.repo_gpgcheck;
        repo.required = !source.skip_if_unavailable;
        (repo.priority, repo.cost) = (source.priority, source.cost);
        repo.filter.excludes.clone_from(&source.excludes);
        repo.filter.includes.clone_from(&source.includes);
        repo.filter.all_streams = source.module_hotfixes;
        if self.sources.trust.keyring.is_none() {
            self.keys_of(source, &mut repo)?;
        }
        Ok(Some(repo))
    }

    /// Adds the keys that the entry names.
    fn keys_of(&self, source: &Source, repo: &mut Repo) -> Result<()> {
        let mut more = Keyring::default();
        for text in &source.gpgkey {
            let Ok(url) = text.parse::<Url>() else { continue };
            match url.scheme() {
                "file" => {
                    let path = url.path().trim_start_matches('/');
                    // One that is not there may be among those that come with this program.
                    let Some(bytes) = self.sources.root.read(Path::new(path))? else { continue };
                    match Keyring::parse(&bytes) {
                        Ok(keys) => more.extend(&keys),
                        Err(reason) => {
                            let text = format!("{path}: {reason}");
                            repo.notes.push(Warning::new(Code::PassedOver, path, text));
                        }
                    }
                }
                "https" => repo.key_urls.push(url),
                _ => {
                    let why = format!("{text}: keys are fetched by https only");
                    repo.notes.push(Warning::new(Code::PassedOver, text, why));
                }
            }
        }
        if !more.is_empty() {
            more.extend(&self.keys);
            repo.keys = Ok(Arc::new(more));
        }
        Ok(())
    }
}

/// Where the entry says that the repository is.
fn place(source: &Source) -> Result<Place, String> {
    let address = |text: &String| -> Result<Url, String> {
        let url: Url = text.parse().map_err(|e| format!("its address `{text}`: {e}"))?;
        match url.scheme() {
            _ if text.contains('$') => Err(format!("a variable in `{text}` is not known")),
            "http" | "https" => Ok(url),
            // It would be the image's folder, and must not become this machine's.
            "file" => Err(format!("`{text}` is a folder of the image")),
            other => Err(format!("{other}: is no way that this program knows")),
        }
    };
    if !source.baseurl.is_empty() {
        return Ok(Place::Roots(source.baseurl.iter().map(address).collect::<Result<_, _>>()?));
    }
    match (&source.metalink, &source.mirrorlist) {
        (Some(url), _) => Ok(Place::Metalink(address(url)?)),
        // Some configure a metalink as a list of mirrors.
        (None, Some(url)) if url.contains("metalink") => Ok(Place::Metalink(address(url)?)),
        (None, Some(url)) => Ok(Place::Mirrors(address(url)?)),
        (None, None) => Err("it has no address".into()),
    }
}

/// Adds the variables that the image has in files.
fn read_variables(root: &dyn Root, variables: &mut Variables) -> Result<()> {
    for directory in VARIABLES {
        for name in root.list(Path::new(directory)) {
            let Some(name) = name.to_str() else { continue };
            if let Some(text) = text(root, &format!("{directory}/{name}"))? {
                let value = text.lines().next().unwrap_or_default().trim();
                variables.set(name, value);
            }
        }
    }
    Ok(())
}

fn text(root: &dyn Root, path: &str) -> Result<Option<String>> {
    let bytes = root.read(Path::new(path))?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
#[path = "tests/discover.rs"]
mod tests;
