//! What a plan that no report asked for fixes, as the advisories of the repositories say.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::repository::access::Ports;
use crate::repository::advisory;
use crate::repository::catalog::Catalog;
use crate::repository::fixes::Step;
use crate::resolve::plan::{Update, UpdatePlan};
use crate::warning::{Warning, Warnings};

impl UpdatePlan {
    /// Says of each update what it fixes, as far as the advisories of the repositories say that
    /// (RPM: `updateinfo`): for a plan that no report asked for. Advisories are only fetched of
    /// repositories that have packages of the plan. Gives warnings: advisories that could not be
    /// had.
    ///
    /// # Errors
    ///
    /// As [`load_all`](crate::load_all).
    pub async fn name_fixes(
        &mut self,
        catalog: &Catalog,
        ports: Ports<'_>,
    ) -> Result<Vec<Warning>> {
        let names: BTreeSet<&str> = self.updates.iter().map(|update| &*update.to.name).collect();
        let loaded = advisory::load_all(catalog.advisories(&names), ports).await?;
        let mut found: Vec<BTreeSet<String>> = vec![BTreeSet::new(); self.updates.len()];
        let steps: Vec<Step<'_>> = self.updates.iter().map(step).collect();
        for (i, fixed) in loaded.iter().flat_map(|loaded| loaded.fixes.of(&steps)) {
            found.get_mut(i).into_iter().for_each(|all| all.extend(fixed.iter().cloned()));
        }
        for (update, found) in self.updates.iter_mut().zip(found) {
            let all: BTreeSet<String> = update.fixes.drain(..).chain(found).collect();
            update.fixes.extend(all);
        }
        let mut warnings = Warnings::new(ports.listener);
        warnings.extend(loaded.into_iter().filter_map(|loaded| loaded.warning));
        Ok(warnings.into_vec())
    }
}

fn step(update: &Update) -> Step<'_> {
    let Update { from, to, .. } = update;
    Step { name: &to.name, arch: &to.arch, from: from.as_ref(), to: &to.version }
}
