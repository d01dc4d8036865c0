//! A suite of a Debian archive, as a repository: its metadata verified, its indexes read.

use async_trait::async_trait;
use futures_util::future::try_join_all;

use crate::error::{Error, Result};
use crate::format::deb::repo::packages::offers;
use crate::format::deb::repo::release::Release;
use crate::format::deb::repo::suite::Suite;
use crate::repository::access::Ports;
use crate::repository::load::{Loaded, Repository};
use crate::warning::{Code, Warnings};

#[async_trait]
impl Repository for Suite {
    fn describe(&self) -> String {
        self.describe()
    }

    async fn load(&self, ports: Ports<'_>) -> Result<Loaded> {
        let mut warnings = Warnings::new(ports.listener);
        warnings.extend(self.notes.iter().cloned());
        let Some(release) = self.release(ports, &mut warnings).await? else {
            return Ok(Loaded { warnings: warnings.into_vec(), ..Loaded::default() });
        };
        let paths = self.paths(&release, &mut warnings)?;
        let all = try_join_all(paths.iter().map(|path| self.index(&release, path, ports))).await?;
        let loaded: Loaded = all.into_iter().collect();
        warnings.extend(loaded.warnings);
        Ok(Loaded { warnings: warnings.into_vec(), catalog: loaded.catalog })
    }
}

impl Suite {
    /// Where the indexes are, below the suite, without the name of the file.
    fn paths(&self, release: &Release, warnings: &mut Warnings<'_>) -> Result<Vec<String>> {
        if self.is_flat() {
            return Ok(vec![String::new()]);
        }
        let listed = |path: &String| !offers(release, path, false).is_empty();
        let mut paths = Vec::new();
        for component in &self.components {
            let own = format!("{component}/binary-{}/", self.arch);
            let all = format!("{component}/binary-all/");
            if listed(&own) {
                paths.push(own);
            } else if self.required {
                return Err(Error::Unsupported {
                    what: format!("{} on {}", self.describe(), self.arch),
                    reason: format!("it lists no {own}Packages"),
                });
            } else {
                let text = format!("{}: it lists no {own}Packages", self.describe());
                warnings.push(self.warning(Code::LeftOut, text));
            }
            if release.separate_all() && listed(&all) {
                paths.push(all);
            }
        }
        Ok(paths)
    }
}

#[cfg(test)]
#[path = "tests/repository.rs"]
mod tests;
