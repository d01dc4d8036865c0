use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::location::Location;
use crate::rootfs::digests::Algorithms;
use crate::rootfs::fixture::tar;
use crate::spec::digest::Digest;
use crate::spec::media_type::MediaType;
use crate::store::blob::Blob;
use crate::stream::ByteStream;

/// A place that holds one layer, and counts how often it is opened.
#[derive(Debug)]
struct Counting(Bytes, AtomicUsize, Location);

#[async_trait]
impl Source for Counting {
    fn location(&self) -> &Location {
        &self.2
    }

    async fn resolve(&self, name: &str) -> Result<Descriptor> {
        Err(Error::NotFound { what: name.into(), place: self.2.to_string() })
    }

    async fn open_unverified(&self, _: &Descriptor) -> Result<ByteStream> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Ok(ByteStream::once(self.0.clone()))
    }
}

fn stored(lines: &str) -> (Arc<Counting>, Layer) {
    let bytes = Bytes::from(tar(lines));
    let layer = Layer {
        descriptor: Descriptor::of(MediaType::OCI_LAYER, &bytes),
        diff_id: Digest::sha256(&bytes),
        blob: Blob::Bytes(bytes.clone()),
    };
    (Arc::new(Counting(bytes, AtomicUsize::new(0), "oci:x".parse().unwrap())), layer)
}

#[tokio::test]
async fn one_pass_answers_for_all_files() {
    let (counting, layer) = stored("d d\nf d/a=abc\nf b=abc\nf c=123456\nl l>b\nf e=");
    let source: Arc<dyn Source> = Arc::clone(&counting) as _;
    let both = Algorithms::SHA1 | Algorithms::SHA256;
    let wanted = [
        ("d", Keep::Md5),
        ("d/a", Keep::Md5),
        ("b", Keep::Digests(both)),
        ("c", Keep::ContentAndDigests(Algorithms::SHA1)),
        ("l", Keep::Content),
        ("e", Keep::ContentAndDigests(Algorithms::NONE)),
        ("gone", Keep::Content),
    ];
    let wanted = |limits: Limits| {
        let wanted = wanted.map(|(path, keep)| (PathBuf::from(path), keep)).into();
        let (source, layer) = (Arc::clone(&source), layer.clone());
        async move { read_files(&source, &layer, wanted, &limits).await.unwrap() }
    };
    let found = wanted(Limits::default()).await;
    assert_eq!(counting.1.load(Ordering::Relaxed), 1, "the layer is streamed once");
    let paths: Vec<_> = found.keys().map(|path| path.to_str().unwrap()).collect();
    assert_eq!(paths, ["b", "c", "d/a", "e"], "no directory, no link, nothing that is not there");
    let file = |path: &str| found[Path::new(path)].clone();
    let hexed = |digest: Option<Vec<u8>>| digest.map(hex::encode).unwrap_or_default();
    let all = |file: &FileContent| {
        let FileDigests { md5, sha1, sha256 } = file.digests;
        [md5.map(Vec::from), sha1.map(Vec::from), sha256.map(Vec::from)].map(hexed)
    };
    assert_eq!(all(&file("d/a")), ["900150983cd24fb0d6963f7d28e17f72", "", ""]);
    let sha256 = Digest::sha256(b"abc");
    let sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
    assert_eq!(all(&file("b")), ["", sha1, sha256.hex()]);
    assert_eq!((file("b").size, file("b").content), (3, None));
    assert_eq!(all(&file("c")), ["", "7c4a8d09ca3762af61e59520943dc26494f8941b", ""]);
    assert_eq!((file("c").content.unwrap(), all(&file("e"))), ("123456".into(), <_>::default()));
    // A content over the limit is left out, and its digests are not.
    let found = wanted(Limits { file: 5, ..Limits::default() }).await;
    let long = &found[Path::new("c")];
    assert_eq!((long.size, &long.content, long.digests.sha1.is_some()), (6, &None, true));
}

#[tokio::test]
async fn one_file_is_read_or_too_large() {
    let (counting, layer) = stored("f a=123456\nl l>a");
    let source: Arc<dyn Source> = counting;
    let read = async |path: &str, limit| read_file(&source, &layer, Path::new(path), limit).await;
    assert_eq!(read("a", 6).await.unwrap().unwrap(), "123456");
    assert!(matches!(read("a", 5).await, Err(Error::TooLarge { .. })));
    assert_eq!((read("l", 6).await.unwrap(), read("gone", 6).await.unwrap()), (None, None));
}
