//! Loaded catalogs, remembered for the life of a patcher: of many images of one release, the
//! repositories are loaded once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::error::Result;
use crate::pkg::Loaded;

/// The most catalogs that are remembered. One of Debian takes some 30 MB.
const MOST: usize = 8;

type Slot = Arc<OnceCell<Arc<Loaded>>>;

/// Loaded catalogs, by what was loaded.
#[derive(Debug, Default)]
pub(super) struct Catalogs(Mutex<BTreeMap<String, Slot>>);

impl Catalogs {
    /// The catalog of this key, loaded by the first who asks while the others wait. A load that fails
    /// is not remembered: the next who asks tries again.
    pub(super) async fn get(
        &self,
        key: String,
        load: impl Future<Output = Result<Loaded>>,
    ) -> Result<Arc<Loaded>> {
        let slot = self.slot(key);
        let loaded = slot.get_or_try_init(|| async { load.await.map(Arc::new) }).await?;
        Ok(Arc::clone(loaded))
    }

    fn slot(&self, key: String) -> Slot {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST && !all.contains_key(&key) {
            // Whoever is loading one goes on with it.
            all.clear();
        }
        Arc::clone(all.entry(key).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::Error;

    async fn load(count: &AtomicUsize, fails: bool) -> Result<Loaded> {
        count.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        if fails { Err(Error::Cancelled) } else { Ok(Loaded::default()) }
    }

    #[tokio::test]
    async fn a_catalog_is_loaded_once_and_a_failure_is_not_remembered() {
        let (catalogs, loads) = (Catalogs::default(), AtomicUsize::new(0));
        let load = |fails: bool| load(&loads, fails);
        assert!(catalogs.get("a".into(), load(true)).await.is_err());
        let both = tokio::join!(
            catalogs.get("a".into(), load(false)),
            catalogs.get("a".into(), load(false))
        );
        assert!(Arc::ptr_eq(&both.0.unwrap(), &both.1.unwrap()));
        assert_eq!(loads.load(Ordering::SeqCst), 2);
        for i in 0..MOST {
            catalogs.get(i.to_string(), load(false)).await.unwrap();
        }
        assert!(catalogs.0.lock().unwrap().len() <= MOST);
    }
}
