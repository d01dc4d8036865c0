//! The files that `repomd.xml` lists: `primary` and `modules`.

use std::io::{BufReader, Read};

use sha2::{Digest, Sha256};
use url::Url;

use crate::error::{Error, Result};
use crate::format::rpm::repo::filter::Filter;
use crate::format::rpm::repo::modules::Modules;
use crate::format::rpm::repo::primary::Scanner;
use crate::format::rpm::repo::repomd::{Listed, Repomd};
use crate::format::rpm::repo::repository::{Repo, below, untrusted};
use crate::format::rpm::rules::RULES;
use crate::port::{Ports, recall, remember};
use crate::repository::catalog::Catalog;
use crate::repository::index::table::Index;
use crate::repository::ingest::{Expected, Failure, ingest};
use crate::unpack::compression::Compression;
use crate::warning::{Code, Warning, Warnings};

/// The most text that is read of a file whose length is not listed.
const LARGEST: u64 = 2 << 30;

impl Repo {
    /// What the repository offers.
    pub(super) async fn packages(
        &self,
        root: &Url,
        repomd: &Repomd,
        ports: Ports<'_>,
        warnings: &mut Warnings<'_>,
    ) -> Result<Catalog> {
        let url = below(root, "repodata/repomd.xml")?;
        let primary = repomd.file("primary").ok_or_else(|| Error::Malformed {
            what: url.to_string(),
            reason: "it lists no primary metadata".into(),
        })?;
        let filter = self.filter(root, repomd, ports).await?;
        let index = self.index(root, primary, filter, ports).await?;
        if index.refused() > 0 {
            let (id, refused) = (&self.id, index.refused());
            let text =
                format!("{id} at {root}: {refused} packages left out: malformed or listed twice");
            warnings.push(Warning::new(Code::LeftOut, id, text));
        }
        let catalog = Catalog::new(&RULES, index, root.clone(), self.id.clone());
        Ok(catalog.with_advisories(self.advisories(root, repomd)))
    }

    /// Which packages count, the streams of the repository's modules considered.
    async fn filter(&self, root: &Url, repomd: &Repomd, ports: Ports<'_>) -> Result<Filter> {
        let mut filter = self.filter.clone();
        if let Some(listed) = repomd.file("modules").filter(|_| !filter.all_streams) {
            let read = |text: &mut dyn Read| Modules::read(BufReader::new(text));
            let modules = read_file(root, listed, ports, read).await?;
            filter.streams(&modules, &self.streams);
        }
        Ok(filter)
    }

    /// The index of the packages: from the cache, or fetched and checked.
    async fn index(
        &self,
        root: &Url,
        primary: &Listed,
        filter: Filter,
        ports: Ports<'_>,
    ) -> Result<Index> {
        let known = primary.checksum.as_ref().map_or("", |checksum| checksum.parts().1);
        let kept = hex::encode(Sha256::digest(format!("{filter:?}")));
        let key = format!("rpm-index-1 {kept} {known}");
        if let Some(index) = recall(ports.cache, key.clone(), Index::from_bytes).await {
            return Ok(index);
        }
        let mut scanner = Scanner::new(filter);
        let index = read_file(root, primary, ports, |text| {
            scanner.read(BufReader::with_capacity(256 << 10, text))?;
            Ok(scanner.finish())
        })
        .await?;
        remember(ports.cache, key, index.clone()).await;
        Ok(index)
    }
}

/// Reads a listed file while it comes, and checks it.
pub(super) async fn read_file<T: Send + 'static>(
    root: &Url,
    listed: &Listed,
    ports: Ports<'_>,
    read: impl FnOnce(&mut dyn Read) -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    let url = below(root, &listed.path)?;
    let expected = expected(listed, &url)?;
    let body = ports.fetch.get(&url).await?;
    let done = tokio::task::spawn_blocking(move || ingest(body.into_read(), &expected, read));
    let failed = |e| Error::Fetch { url: url.clone(), source: e };
    done.await.map_err(|e| failed(Box::new(e)))?.map_err(|e| match e {
        Failure::Transport(e) => failed(Box::new(e)),
        Failure::Wrong(reason) => {
            let hint = "the mirror is being updated or altered: try again, or name another mirror";
            untrusted(&url, &reason, hint)
        }
        Failure::Malformed(reason) => Error::Malformed { what: url.to_string(), reason },
    })
}

fn expected(listed: &Listed, url: &Url) -> Result<Expected> {
    let compressions = Compression::ALL.into_iter().filter(|c| *c != Compression::Plain);
    let compression = compressions
        .into_iter()
        .find(|c| listed.path.ends_with(c.suffix()))
        .unwrap_or(Compression::Plain);
    let unsupported =
        |reason: &str| Error::Unsupported { what: url.to_string(), reason: reason.into() };
    if listed.path.ends_with(".zck") {
        return Err(unsupported(
            "zchunk is not read; repositories have their metadata in other forms too",
        ));
    }
    let checksum = listed.checksum.clone();
    Ok(Expected {
        checksum: checksum
            .ok_or_else(|| unsupported("repomd.xml has only a weak checksum of it"))?,
        size: listed.size,
        open_checksum: listed.open_checksum.clone(),
        compression,
        limit: listed.open_size.unwrap_or(LARGEST).min(LARGEST),
        says: "repomd.xml",
    })
}
