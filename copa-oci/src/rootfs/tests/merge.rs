use super::*;
use crate::rootfs::fixture::{scan, tar};

/// A directory that no layer lists takes as much as one that is listed, and hiding it gives nothing
/// back: two layers could take turns for ever.
#[test]
fn implied_directories_are_counted() {
    let paths = Arc::new(scan(&tar("f a/b/c/d=1\nf a/b/x=2")).unwrap());
    let hidden = Arc::new(scan(&tar("f .wh.a=")).unwrap());
    let layers = [Arc::clone(&paths), hidden, paths];
    for (layers, count, left) in [(&layers[..1], 5, 6), (&layers[..], 11, 6)] {
        assert_eq!(merge(layers, count).unwrap().len(), left);
        assert!(matches!(merge(layers, count - 1), Err(Error::TooLarge { .. })));
    }
}
