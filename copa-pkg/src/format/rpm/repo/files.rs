//! Reading a file that `repomd.xml` lists.

use std::io::Read;

use url::Url;

use crate::error::{Error, Hint, Result};
use crate::format::rpm::repo::config::{below, untrusted};
use crate::format::rpm::repo::repomd::Listed;
use crate::repository::access::Ports;
use crate::repository::ingest::{Expected, Failure, ingest};
use crate::unpack::compression::Compression;

/// The most text that is read of a file whose length is not listed.
const LARGEST: u64 = 2 << 30;

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
        Failure::Wrong(reason) => untrusted(&url, &reason, Hint::TryAgain),
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
