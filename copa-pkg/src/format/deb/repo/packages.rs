//! The indexes of a suite: the file that is the fastest to get is read while it arrives.
//!
//! Download and decoding overlap, so a file takes the longer of the two. Measured on one core:
//! gzip decodes 660 MB/s, zstd 860, xz 113, bzip2 34 (of text). Main of Debian 12 is 50 MB of
//! text, 12.1 MB in gzip and 8.8 MB in xz: decoding takes 0.08 s and 0.44 s. Below 27 MB/s xz is
//! there first, above that gzip. [`LINK`] is what a machine in a data centre has to a mirror. In
//! a folder, what needs no decoding at all comes first, if it is there.

use url::Url;

use crate::error::{Error, Hint, Result};
use crate::format::deb::repo::release::{Listed, Release};
use crate::format::deb::repo::scan::Scanner;
use crate::format::deb::repo::signed_release::untrusted;
use crate::format::deb::repo::suite::Suite;
use crate::package::checksum::Checksum;
use crate::port::{Body, recall, remember};
use crate::repository::access::Ports;
use crate::repository::index::table::Index;
use crate::repository::ingest::{Expected, Failure, ingest};
use crate::repository::load::Loaded;
use crate::unpack::compression::Compression;

/// What a mirror is assumed to deliver, in bytes a second: 320 Mbit/s.
const LINK: u64 = 40_000_000;

/// What a folder delivers, in bytes a second.
const FOLDER: u64 = 1_500_000_000;

/// The most text that is read of an index whose length the archive does not say.
const LARGEST: u64 = 1 << 30;

/// The files that hold an index, the fastest first.
pub(super) fn offers(release: &Release, path: &str, folder: bool) -> Vec<(Compression, Listed)> {
    let listed = |c: Compression| release.file(&format!("{path}Packages{}", c.suffix()));
    let text = listed(Compression::Plain).map(|plain| plain.size);
    let all = Compression::ALL.into_iter();
    let mut all: Vec<_> = all.filter_map(|c| listed(c).map(|file| (c, file))).collect();
    all.sort_by_key(|(compression, file)| {
        // Archives list the bare text and do not have it: it is asked for last.
        let bare = *compression == Compression::Plain && !folder;
        (bare, cost(*compression, file.size, text.unwrap_or(file.size.saturating_mul(5)), folder))
    });
    all
}

/// How long it takes, in microseconds.
fn cost(compression: Compression, size: u64, text: u64, folder: bool) -> u64 {
    let decoded = match compression {
        Compression::Plain => 10_000_000_000,
        Compression::Zstd => 860_000_000,
        Compression::Gzip => 660_000_000,
        Compression::Xz => 113_000_000,
        Compression::Bzip2 => 34_000_000,
    };
    let micros = |bytes: u64, speed: u64| bytes.saturating_mul(1_000_000) / speed;
    micros(size, if folder { FOLDER } else { LINK }).max(micros(text, decoded))
}

impl Suite {
    /// The index at this path: from the cache, or fetched and checked.
    pub(super) async fn index(
        &self,
        release: &Release,
        path: &str,
        ports: Ports<'_>,
    ) -> Result<Loaded> {
        let offers = offers(release, path, self.base.scheme() == "file");
        if offers.is_empty() {
            return Err(Error::Malformed {
                what: self.url("Release")?.to_string(),
                reason: format!("it lists no {path}Packages"),
            });
        }
        for (compression, file) in &offers {
            let key = self.key(*compression, file);
            if let Some(index) = recall(ports.cache, key, Index::from_bytes).await {
                return Ok(crate::format::deb::listing::listed(index, &self.base, &self.suite));
            }
        }
        let text = release.file(&format!("{path}Packages"));
        let limit = text.map_or(LARGEST, |text| text.size.min(LARGEST));
        let (url, body, compression, file) = self.open(release, path, &offers, ports).await?;
        let key = self.key(compression, &file);
        let expected = Expected {
            checksum: Checksum::from_digest(&file.sha256).ok_or_else(|| Error::Malformed {
                what: url.to_string(),
                reason: "its SHA-256 in Release has another length".into(),
            })?,
            size: Some(file.size),
            open_checksum: None,
            compression,
            limit,
            says: "Release",
        };
        let mut scanner = Scanner::new(&self.arch);
        let read = tokio::task::spawn_blocking(move || {
            ingest(body.into_read(), &expected, |text| scanner.read(text))?;
            Ok::<_, Failure>(scanner.finish())
        });
        let failed = |e| Error::Fetch { url: url.clone(), source: e };
        let index = read.await.map_err(|e| failed(Box::new(e)))?.map_err(|e| match e {
            Failure::Transport(e) => failed(Box::new(e)),
            Failure::Wrong(reason) => untrusted(&url, &reason, Hint::TryAgain),
            Failure::Malformed(reason) => Error::Malformed { what: url.to_string(), reason },
        })?;
        remember(ports.cache, key, index.clone()).await;
        Ok(crate::format::deb::listing::listed(index, &self.base, &self.suite))
    }

    /// What an index is kept under: the bytes that are verified, and how they are read. Not the
    /// checksum that the text is said to have: who signs an archive of his own could claim the
    /// text of another for his file, and what is kept would be taken for that one's.
    fn key(&self, compression: Compression, file: &Listed) -> String {
        format!("deb-index-3 {} {compression:?} {}", self.arch, hex::encode(file.sha256))
    }

    /// The first of the files that the archive really has.
    async fn open(
        &self,
        release: &Release,
        path: &str,
        offers: &[(Compression, Listed)],
        ports: Ports<'_>,
    ) -> Result<(Url, Body, Compression, Listed)> {
        let by_hash = self.by_hash.unwrap_or_else(|| release.says("acquire-by-hash"));
        let mut missing = self.url(&format!("{path}Packages"))?;
        for (compression, file) in offers {
            let hash = format!("{path}by-hash/SHA256/{}", hex::encode(file.sha256));
            let plain = format!("{path}Packages{}", compression.suffix());
            for name in by_hash.then_some(hash).into_iter().chain([plain]) {
                let url = self.url(&name)?;
                match ports.fetch.get(&url).await {
                    Ok(body) => return Ok((url, body, *compression, *file)),
                    Err(Error::NotFound { url }) => missing = url,
                    Err(other) => return Err(other),
                }
            }
        }
        Err(Error::NotFound { url: missing })
    }
}
