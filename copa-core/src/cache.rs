//! A cache in a directory: what was fetched and worked out before.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::pkg::{Cache, Code, Warning};

/// The largest value that is kept: 128 MiB.
const LARGEST: u64 = 128 << 20;
/// How much is kept in all: 1 GiB.
const CAPACITY: u64 = 1 << 30;
/// The length of the checksum behind a value.
const SUM: u64 = 4;
/// What begins the name of a file that is being written.
const UNFINISHED: &str = ".copa-";

/// A cache in a directory. It never fails: what cannot be read, or is damaged, is not there; what
/// cannot be written is not kept.
///
/// It holds at most 1 GiB; then the values that were used longest ago go. A value is at most
/// 128 MiB. Values are written whole or not at all, so several programs can use one directory.
///
/// What is worked out from signed indexes and from packages that were checked is believed when it
/// comes from here: a directory that anybody else can write to is not used. One that is created is open to its user only.
#[derive(Debug)]
pub struct DirCache {
    dir: PathBuf,
    now: SystemTime,
    capacity: u64,
    /// Bytes of all values, counted when the first is put.
    held: OnceLock<AtomicU64>,
}

impl DirCache {
    /// A cache in this directory, which is created when something is kept. Values that are used
    /// are marked as used at `now`.
    pub fn new(dir: impl Into<PathBuf>, now: Timestamp) -> Self {
        Self { dir: dir.into(), now: now.into(), capacity: CAPACITY, held: OnceLock::new() }
    }

    /// Why nothing is kept in the directory, when it is there and others can write to it.
    pub fn distrusted(&self) -> Option<Warning> {
        let (dir, reason) = (self.dir.display(), others_can_write(&self.dir)?);
        let text = format!("the cache {dir} is not used: {reason}");
        Some(Warning::new(Code::CacheNotUsed, dir, text))
    }

    fn path(&self, key: &str) -> PathBuf {
        self.dir.join(hex::encode(Sha256::digest(key)))
    }

    fn read(&self, key: &str) -> io::Result<Vec<u8>> {
        let file = fs::File::open(self.path(key))?;
        let mut all = Vec::with_capacity(file.metadata()?.len().min(LARGEST + SUM) as usize);
        (&file).take(LARGEST + SUM + 1).read_to_end(&mut all)?;
        let length = all.len().checked_sub(SUM as usize).ok_or(io::ErrorKind::InvalidData)?;
        let sum = all.split_off(length);
        if sum != checksum(key, &all) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // A directory that cannot be written to can still be read.
        let _ = file.set_modified(self.now);
        Ok(all)
    }

    fn write(&self, key: &str, value: &[u8]) -> io::Result<()> {
        create_private(&self.dir)?;
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.dir)?;
        file.write_all(value)?;
        file.write_all(&checksum(key, value))?;
        let held = self.held.get_or_init(|| AtomicU64::new(self.entries().map(|e| e.size).sum()));
        file.persist(self.path(key)).map_err(|e| e.error)?;
        let size = value.len() as u64 + SUM;
        if held.fetch_add(size, Ordering::Relaxed).saturating_add(size) > self.capacity {
            held.store(self.evict(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Removes the values used longest ago until a tenth of the room is free; how much is left.
    fn evict(&self) -> u64 {
        let mut entries: Vec<Entry> = self.entries().collect();
        entries.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
        let mut held: u64 = entries.iter().map(|entry| entry.size).sum();
        for entry in entries {
            if held <= self.capacity / 10 * 9 {
                break;
            }
            if fs::remove_file(&entry.path).is_ok() {
                held = held.saturating_sub(entry.size);
            }
        }
        held
    }

    /// The values there are; what a program that was killed left half-written goes.
    fn entries(&self) -> impl Iterator<Item = Entry> {
        let a_day_ago = self.now.checked_sub(Duration::from_secs(86_400));
        let found = fs::read_dir(&self.dir).into_iter().flatten();
        found.filter_map(|file| Entry::of(&file.ok()?)).filter(move |entry| {
            if entry.unfinished() && Some(entry.used) < a_day_ago {
                let _ = fs::remove_file(&entry.path);
            }
            entry.is_value()
        })
    }
}

impl Cache for DirCache {
    fn get(&self, key: &str) -> Option<bytes::Bytes> {
        if others_can_write(&self.dir).is_some() {
            return None;
        }
        self.read(key).ok().map(Into::into)
    }

    fn put(&self, key: &str, value: &[u8]) {
        if value.len() as u64 > LARGEST || others_can_write(&self.dir).is_some() {
            return;
        }
        if let Err(error) = self.write(key, value) {
            tracing::debug!(%error, dir = %self.dir.display(), "not cached");
        }
    }
}

struct Entry {
    path: PathBuf,
    size: u64,
    used: SystemTime,
}

impl Entry {
    fn of(file: &fs::DirEntry) -> Option<Self> {
        let metadata = file.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(Self { path: file.path(), size: metadata.len(), used: metadata.modified().ok()? })
    }

    fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    fn unfinished(&self) -> bool {
        self.name().starts_with(UNFINISHED)
    }

    /// Nothing else in the directory is touched.
    fn is_value(&self) -> bool {
        self.name().len() == 64 && self.name().bytes().all(|b| b.is_ascii_hexdigit())
    }
}

/// Ties a value to its key, so that a damaged or renamed file is no value. It is no protection
/// against people, and costs a twentieth of what SHA-256 does: an index has 25 MB.
fn checksum(key: &str, value: &[u8]) -> [u8; SUM as usize] {
    let mut sum = crc32fast::Hasher::new();
    sum.update(&(key.len() as u64).to_le_bytes());
    sum.update(key.as_bytes());
    sum.update(value);
    sum.finalize().to_le_bytes()
}

/// How somebody other than this user and root can put things into the directory.
fn others_can_write(dir: &Path) -> Option<&'static str> {
    let there = fs::metadata(dir).ok()?;
    let own = fs::metadata("/proc/self").map(|process| process.uid());
    if there.uid() != 0 && own.is_ok_and(|own| own != there.uid()) {
        return Some("it belongs to another user");
    }
    (there.mode() & 0o022 != 0).then_some("others can write to it")
}

fn create_private(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(dir: &Path) -> DirCache {
        DirCache::new(dir, Timestamp::from_second(1_700_000_000).unwrap())
    }

    fn files(dir: &Path) -> Vec<PathBuf> {
        fs::read_dir(dir).unwrap().map(|file| file.unwrap().path()).collect()
    }

    #[test]
    fn values_are_kept_under_their_key() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(&dir.path().join("a/b"));
        assert_eq!(cache.get("k"), None);
        cache.put("k", b"one");
        cache.put("k", b"two");
        cache.put("../k", b"");
        assert_eq!(cache.get("k").unwrap(), "two");
        assert_eq!(cache.get("../k").unwrap(), "");
        assert_eq!(files(&dir.path().join("a/b")).len(), 2);
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(dir.path().join("a/b")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn what_is_damaged_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        for damage in [&b""[..], b"short", &[0; 100]] {
            cache.put("k", b"value");
            fs::write(cache.path("k"), damage).unwrap();
            assert_eq!(cache.get("k"), None, "{damage:?}");
        }
        cache.put("k", b"value");
        fs::rename(cache.path("k"), cache.path("other")).unwrap();
        assert_eq!(cache.get("other"), None);
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_not_used() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let cache = cache(dir.path());
        cache.put("k", b"value");
        assert_eq!(cache.distrusted(), None);
        for (mode, used) in [(0o777, false), (0o720, false), (0o755, true)] {
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(cache.get("k").is_some(), used, "{mode:o}");
            assert_eq!(cache.distrusted().is_none(), used, "{mode:o}");
            cache.put("k", if used { b"value" } else { b"other" });
        }
        assert_eq!(cache.get("k").unwrap(), "value");
    }

    #[test]
    fn a_directory_that_cannot_be_used_is_no_failure() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();
        let cache = cache(&file);
        cache.put("k", b"value");
        assert_eq!(cache.get("k"), None);
        assert_eq!(fs::read(&file).unwrap(), b"x");
    }

    #[test]
    fn the_values_used_longest_ago_go_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let cache = DirCache { capacity: 1000, ..cache(dir.path()) };
        fs::write(dir.path().join("mine"), [0; 5000]).unwrap();
        let put = |key: &str, used: u64| {
            cache.put(key, &[0; 230]);
            let file = fs::File::open(cache.path(key)).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(used)).unwrap();
        };
        put("a", 1);
        put("b", 2);
        put("c", 3);
        // Using it is what counts, not writing it.
        assert!(cache.get("a").is_some());
        put("d", 4);
        put("e", 5);
        let there = ["a", "b", "c", "d", "e"].map(|key| cache.get(key).is_some());
        assert_eq!(there, [true, false, false, true, true]);
        assert!(dir.path().join("mine").exists());
    }

    #[test]
    fn what_was_left_half_written_goes_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join(".copa-old"), dir.path().join(".copa-new"));
        for (path, used) in [(&old, 1_600_000_000), (&new, 1_700_000_000)] {
            let file = fs::File::create(path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(used)).unwrap();
        }
        cache(dir.path()).put("k", b"value");
        assert_eq!((old.exists(), new.exists()), (false, true));
    }
}
