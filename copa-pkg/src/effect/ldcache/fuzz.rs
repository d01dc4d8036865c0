//! What is read of an image's libraries, as functions of bytes.

use bytes::Bytes;

use crate::effect::ldcache::bytes::Order;
use crate::effect::ldcache::file_format::Cache;

/// An `ld.so.cache`: what is written again is read as the same.
pub fn ld_cache(bytes: &[u8]) {
    let Some(cache) = Cache::read(&Bytes::copy_from_slice(bytes)) else { return };
    let again = Cache::read(&cache.write().into());
    assert!(again.is_some_and(|again| again.entries.len() == cache.entries.len()));
}

/// A shared library.
pub fn elf(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    for order in [Order::Little, Order::Big] {
        crate::effect::ldcache::elf::read(&bytes, order);
    }
}
