//! All steps, one after the other.

use crate::error::Result;
use crate::oci::Written;
use crate::patch::apply::Patched;
use crate::patch::job::Job;
use crate::patch::patcher::Patcher;
use crate::patch::plan::Planned;

/// What a job gave.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Delivered {
    /// The patched image, and what was done.
    pub patched: Patched,
    /// What was written, for each place of the job in its order.
    pub written: Vec<Written>,
}

impl Patcher {
    /// Runs a job from beginning to end.
    ///
    /// # Errors
    ///
    /// Those of the steps, and of [`Report::request`](crate::Report::request). The places that come
    /// before one that fails are written then.
    pub async fn patch(&self, job: &Job) -> Result<Delivered> {
        let inspected = self.inspect(self.open(job).await?).await?;
        inspected.check_patchable()?;
        let Planned { plan, .. } = self.plan(&inspected, &inspected.request()?).await?;
        let patched = self.apply(&inspected, plan).await?;
        let mut written = Vec::new();
        for place in &job.to {
            written.push(self.write(&patched, place).await?);
        }
        Ok(Delivered { patched, written })
    }
}
