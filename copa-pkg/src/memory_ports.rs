//! Ports for tests: files by their addresses, and a cache that remembers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{Span, Timestamp};
use url::Url;

use crate::{Body, Cache, Error, Fetch, Result};

/// Reads `file:` addresses; counts them.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// The paths that were asked for.
    pub(crate) asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Fetch for Files {
    async fn get(&self, url: &Url) -> Result<Body> {
        self.asked.lock().unwrap().push(url.path().to_owned());
        let path = url.to_file_path().unwrap();
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Body::from_bytes(bytes)),
            Err(_) => Err(Error::NotFound { url: url.clone() }),
        }
    }
}

/// A cache that remembers, seen from outside.
#[derive(Debug, Default, Clone)]
pub(crate) struct Memory(pub(crate) Arc<Mutex<BTreeMap<String, Bytes>>>);

impl Memory {
    pub(crate) fn cache(&self) -> Arc<dyn Cache> {
        Arc::new(self.clone())
    }
}

pub(crate) fn forgetful() -> Arc<dyn Cache> {
    Arc::new(())
}

impl Cache for Memory {
    fn get(&self, key: &str) -> Option<Bytes> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn put(&self, key: &str, value: &[u8]) {
        self.0.lock().unwrap().insert(key.into(), Bytes::copy_from_slice(value));
    }
}

/// A moment shortly after this one.
pub(crate) fn now() -> Timestamp {
    // The keys are made by a real gpg at the real time: the test has to be after that.
    #[allow(clippy::disallowed_methods)]
    let now = std::time::SystemTime::now();
    Timestamp::try_from(now).unwrap() + Span::new().minutes(1)
}
