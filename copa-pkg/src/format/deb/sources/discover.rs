//! Where packages of a Debian image come from.
//!
//! The first of these that says anything is used, and nothing else:
//!
//! 1. **Mirrors that the user names.** Below `debian`: the suites `CODENAME` and
//!    `CODENAME-updates`; below `debian-security`: `CODENAME-security`; of each, `main`. When only
//!    `debian` is named, its sibling (`.../debian` -> `.../debian-security`) is tried. The image's
//!    own keys and Debian's may sign.
//! 2. **The image's apt sources**, all of them, with the keys that they name. Suites that ask not
//!    to be upgraded to (`NotAutomatic`: backports) are left out. So are folders (`file:`): they
//!    would be the image's, and must not become this machine's.
//! 3. **The host's apt sources**, when the caller gives them: only suites of the image's release,
//!    and only those that Debian made.
//! 4. **Debian's timestamped archive** at a moment that the caller gives: the same run gives the
//!    same result at any later time. Its `Valid-Until` is long past by nature and does not count.
//!
//! With [`Trust::keyring`](crate::Trust) those keys count and no others. A `Signed-By` file that is
//! missing is an error, unless it is one of the package `debian-archive-keyring`: its keys come
//! with this program. `Trusted: yes` has no effect: an image must not switch the check off.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use crate::error::{Error, Result};
use crate::format::deb::repo::suite::Suite;
use crate::format::deb::sources::apt::{Parsed, SignedBy, Source};
use crate::port::Root;
use crate::repository::load::Repository;
use crate::repository::sources::{HostFile, Sources};
use crate::trust::openpgp::Keyring;
use crate::warning::{Code, Warning, Warnings};

/// The repositories of the image, in the order of the sources.
///
/// # Errors
///
/// [`Error::Invalid`] when [`Trust::keyring`](crate::Trust) holds no key, [`Error::Root`] when the
/// image cannot be read, [`Error::Unsupported`] for distributions whose repositories are of
/// another kind.
pub(crate) fn repositories(
    sources: &Sources<'_>,
    notes: &mut Warnings<'_>,
) -> Result<Vec<Box<dyn Repository>>> {
    let mut found = sources.named(notes)?;
    if found.is_empty() {
        found = sources.apt(Place::Image(sources.root), notes)?;
    }
    if found.is_empty() {
        found = sources.apt(Place::Host(sources.host), notes)?;
        found.retain(|archive| sources.is_ours(&archive.suite));
        found.iter_mut().for_each(|archive| archive.origin = Some("Debian"));
    }
    if found.is_empty() {
        found = sources.timestamped(notes)?;
    }
    Ok(found.into_iter().map(|archive| Box::new(archive) as Box<dyn Repository>).collect())
}

/// The archive that is used when nothing else is known.
const SNAPSHOT: &str = "https://snapshot.debian.org/archive";

/// Where apt's files are looked for.
#[derive(Clone, Copy)]
enum Place<'a> {
    Image(&'a dyn Root),
    Host(&'a [HostFile]),
}

impl Sources<'_> {
    /// From the user's mirrors.
    fn named(&self, notes: &mut Warnings<'_>) -> Result<Vec<Suite>> {
        let named = |name: &str| self.mirrors.iter().rfind(|mirror| mirror.name == name);
        let mut keys = self.image_keys()?;
        keys.extend(Keyring::debian());
        let keys = self.keys_or(|| Ok(keys))?;
        let mut found = Vec::new();
        if let Some(main) = named("debian") {
            found.extend(self.suites(&main.url, &["", "-updates"], &keys));
        } else if named("debian-security").is_some() {
            let text = "only a mirror of debian-security is named: nothing else is considered";
            notes.push(Warning::new(Code::NotConsidered, "debian", text));
        }
        match (named("debian"), named("debian-security")) {
            (_, Some(security)) => {
                let mut suite = self.archive(&security.url, "-security", &keys);
                suite.required = true;
                found.push(suite);
            }
            (Some(main), None) => match sibling(&main.url) {
                Some(url) => {
                    let guessed = self.archive(&url, "-security", &keys);
                    found.push(Suite { guessed: true, ..guessed });
                }
                None => {
                    let text = "no mirror of debian-security is named or beside debian";
                    notes.push(Warning::new(Code::NotConsidered, "debian-security", text));
                }
            },
            (None, None) => {}
        }
        Ok(found)
    }

    /// The built-in default.
    fn timestamped(&self, notes: &mut Warnings<'_>) -> Result<Vec<Suite>> {
        let time = self.snapshot.strftime("%Y%m%dT%H%M%SZ");
        let keys = self.keys_or(|| Ok(Keyring::debian().clone()))?;
        let root = |name: &str| {
            let text = format!("{SNAPSHOT}/{name}/{time}");
            text.parse::<Url>().map_err(|e| Error::Invalid {
                what: "archive",
                text,
                reason: e.to_string(),
            })
        };
        let mut found = self.suites(&root("debian")?, &["", "-updates"], &keys);
        found.push(self.archive(&root("debian-security")?, "-security", &keys));
        for archive in &mut found {
            archive.check_valid_until = false;
        }
        let text = format!(
            "no mirror is named and neither image nor host has apt sources: {SNAPSHOT} is used as \
             of {time}; how old that is is not checked"
        );
        notes.push(Warning::new(Code::DefaultOrigin, SNAPSHOT, text));
        Ok(found)
    }

    fn suites(&self, url: &Url, suites: &[&str], keys: &Keys) -> Vec<Suite> {
        suites.iter().map(|suite| self.archive(url, suite, keys)).collect()
    }

    fn archive(&self, url: &Url, pocket: &str, keys: &Keys) -> Suite {
        Suite {
            base: url.clone(),
            suite: format!("{}{pocket}", self.distro.codename),
            components: vec!["main".into()],
            arch: self.arch.as_str().into(),
            keys: keys.clone(),
            trust: self.trust.clone(),
            by_hash: None,
            check_valid_until: true,
            required: pocket.is_empty(),
            guessed: false,
            origin: None,
            notes: Vec::new(),
        }
    }

    /// From apt's own files.
    fn apt(&self, place: Place<'_>, notes: &mut Warnings<'_>) -> Result<Vec<Suite>> {
        let mut names = vec!["etc/apt/sources.list".to_owned()];
        let parts = place.list("etc/apt/sources.list.d").into_iter();
        names.extend(parts.filter(|name| name.ends_with(".list") || name.ends_with(".sources")));
        let mut found = Vec::new();
        for name in names {
            let Some(bytes) = place.read(&name)? else { continue };
            let parsed = Parsed::read(&name, &String::from_utf8_lossy(&bytes));
            notes.extend(parsed.notes);
            for mut source in parsed.sources {
                if let Place::Image(_) = place {
                    leave_out_folders(&name, &mut source, notes);
                }
                found.extend(self.entry(place, &source)?);
            }
        }
        Ok(found)
    }

    fn entry(&self, place: Place<'_>, source: &Source) -> Result<Vec<Suite>> {
        if !source.archs.is_empty() && !source.archs.iter().any(|arch| arch == self.arch.as_str()) {
            return Ok(Vec::new());
        }
        let keys = self.keys_or(|| self.signed_by(place, source))?;
        let mut found = Vec::new();
        for (url, suite) in
            source.uris.iter().flat_map(|u| source.suites.iter().map(move |s| (u, s)))
        {
            found.push(Suite {
                suite: suite.clone(),
                components: source.components.clone(),
                by_hash: source.by_hash,
                check_valid_until: source.check_valid_until.unwrap_or(true),
                required: *suite == self.distro.codename,
                ..self.archive(url, "", &keys)
            });
        }
        Ok(found)
    }

    /// The user's keys, or else these.
    fn keys_or(&self, otherwise: impl FnOnce() -> Result<Keyring>) -> Result<Keys> {
        if let Some(keys) = self.trust.keys()? {
            return Ok(Ok(Arc::new(keys)));
        }
        Ok(match otherwise() {
            Ok(keys) => Ok(Arc::new(keys)),
            Err(Error::Malformed { what, reason }) => Err(format!("{what}: {reason}")),
            Err(other) => return Err(other),
        })
    }

    /// The keys that an entry names, or else those that apt trusts without a name.
    fn signed_by(&self, place: Place<'_>, source: &Source) -> Result<Keyring> {
        if source.signed_by.is_empty() {
            return trusted(place);
        }
        let mut keys = Keyring::default();
        for who in &source.signed_by {
            match who {
                SignedBy::File(path) => keys.extend(&key_file(place, path)?),
                SignedBy::Key(text) => keys.extend(&parse_keys("Signed-By", text.as_bytes())?),
                SignedBy::Fingerprint(key) => {
                    keys.extend(&trusted(place)?.only(std::slice::from_ref(key)));
                }
            }
        }
        if keys.is_empty() {
            let reason = "no key of that name is known".into();
            return Err(Error::Malformed { what: "Signed-By".into(), reason });
        }
        Ok(keys)
    }

    /// All keys in the image that may sign an archive.
    fn image_keys(&self) -> Result<Keyring> {
        let place = Place::Image(self.root);
        let mut keys = Keyring::default();
        let kept = |name: &String| !name.contains("removed");
        let more = place.list("usr/share/keyrings").into_iter().filter(kept);
        for name in trusted_files(place).into_iter().chain(more) {
            let Some(bytes) = place.read(&name)? else { continue };
            match Keyring::parse(&bytes) {
                Ok(more) => keys.extend(&more),
                Err(reason) => tracing::debug!(name, reason, "no keyring"),
            }
        }
        Ok(keys)
    }

    fn is_ours(&self, suite: &str) -> bool {
        let rest = suite.strip_prefix(self.distro.codename.as_str());
        rest.is_some_and(|rest| ["", "-updates", "-security", "-proposed-updates"].contains(&rest))
    }
}

/// A folder that an image names is one in the image, where no archive is.
fn leave_out_folders(name: &str, source: &mut Source, notes: &mut Warnings<'_>) {
    source.uris.retain(|url| {
        let is_folder = url.scheme() == "file";
        if is_folder {
            let text = format!("{name}: `{url}` passed over: it is a folder of the image");
            notes.push(Warning::new(Code::PassedOver, url, text));
        }
        !is_folder
    });
}

type Keys = Result<Arc<Keyring>, String>;

/// What apt trusts for entries that name no key; and Debian's own.
fn trusted(place: Place<'_>) -> Result<Keyring> {
    let mut keys = Keyring::debian().clone();
    for name in trusted_files(place) {
        if let Some(bytes) = place.read(&name)? {
            keys.extend(&parse_keys(&name, &bytes)?);
        }
    }
    Ok(keys)
}

fn trusted_files(place: Place<'_>) -> Vec<String> {
    let parts = place.list("etc/apt/trusted.gpg.d").into_iter();
    let parts = parts.filter(|name| name.ends_with(".gpg") || name.ends_with(".asc"));
    std::iter::once("etc/apt/trusted.gpg".into()).chain(parts).collect()
}

fn key_file(place: Place<'_>, path: &str) -> Result<Keyring> {
    match place.read(path.trim_start_matches('/'))? {
        Some(bytes) => parse_keys(path, &bytes),
        None if path.starts_with("/usr/share/keyrings/debian-archive-") => {
            Ok(Keyring::debian().clone())
        }
        None => Err(Error::Malformed {
            what: path.into(),
            reason: "Signed-By names this file, it is not there".into(),
        }),
    }
}

fn parse_keys(what: &str, bytes: &[u8]) -> Result<Keyring> {
    Keyring::parse(bytes).map_err(|reason| Error::Malformed { what: what.into(), reason })
}

/// The archive beside this one with the security updates.
fn sibling(url: &Url) -> Option<Url> {
    let mut sibling = url.clone();
    let path = url.path().trim_end_matches('/');
    let last = path.rsplit('/').next().filter(|last| !last.is_empty())?;
    if last.ends_with("-security") {
        return None;
    }
    sibling.set_path(&format!("{path}-security"));
    Some(sibling)
}

impl Place<'_> {
    fn read(self, path: &str) -> Result<Option<Bytes>> {
        match self {
            Self::Image(root) => root.read(Path::new(path)),
            Self::Host(files) => {
                let file = files.iter().find(|file| file.path == Path::new(path));
                Ok(file.map(|file| file.content.clone()))
            }
        }
    }

    /// The paths of what is in a directory, sorted.
    fn list(self, dir: &str) -> Vec<String> {
        match self {
            Self::Image(root) => {
                let names = root.list(Path::new(dir)).into_iter();
                names.filter_map(|name| Some(format!("{dir}/{}", name.to_str()?))).collect()
            }
            Self::Host(files) => {
                let inside = files.iter().filter(|file| file.path.parent() == Some(Path::new(dir)));
                let mut all: Vec<String> =
                    inside.filter_map(|file| Some(file.path.to_str()?.to_owned())).collect();
                all.sort();
                all
            }
        }
    }
}

#[cfg(test)]
#[path = "tests/discover.rs"]
mod tests;
