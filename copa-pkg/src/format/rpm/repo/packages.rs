//! The files that `repomd.xml` lists: `primary` and `modules`.

use std::io::{BufReader, Read};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use url::Url;

use crate::error::{Error, Result};
use crate::format::rpm::repo::config::{Repo, below};
use crate::format::rpm::repo::files::read_file;
use crate::format::rpm::repo::filter::Filter;
use crate::format::rpm::repo::modules::Modules;
use crate::format::rpm::repo::primary::Scanner;
use crate::format::rpm::repo::repomd::{Listed, Repomd};
use crate::format::rpm::rules::RULES;
use crate::port::{recall, remember};
use crate::repository::access::Ports;
use crate::repository::advisory::Advisories;
use crate::repository::catalog::Catalog;
use crate::repository::index::table::Index;
use crate::warning::{Code, Warning, Warnings};

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
        let advisories = self.advisories(root, repomd);
        Ok(catalog.with_advisories(advisories.map(|of| Arc::new(of) as Arc<dyn Advisories>)))
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
