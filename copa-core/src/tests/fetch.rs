use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Mutex;

use super::*;
use crate::oci::HttpOptions;

/// A server that answers every request with `answer(path, headers)`, for as long as the test runs.
fn server(answer: impl Fn(&str, &[String]) -> String + Send + 'static) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let lines = lines.map_while(|line| line.ok().filter(|line| !line.is_empty()));
            let lines: Vec<String> = lines.collect();
            let path = lines.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
            let text = answer(path, lines.get(1..).unwrap_or_default());
            stream.write_all(text.as_bytes()).unwrap();
        }
    });
    format!("http://{address}/").parse().unwrap()
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// A cache in memory.
#[derive(Debug, Default)]
struct Memory(Mutex<std::collections::BTreeMap<String, Bytes>>);

impl Cache for Memory {
    fn get(&self, key: &str) -> Option<Bytes> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn put(&self, key: &str, value: &[u8]) {
        self.0.lock().unwrap().insert(key.into(), value.to_vec().into());
    }
}

fn fetch(cache: Arc<dyn Cache>) -> HttpFetch {
    let options = HttpOptions { retries: 0, ..HttpOptions::default() };
    HttpFetch::new(Http::new(&options).unwrap(), cache)
}

async fn get(fetch: &HttpFetch, url: &Url) -> Result<Bytes> {
    fetch.get(url).await?.collect(url, 1 << 20).await
}

#[tokio::test]
async fn metadata_is_sent_once_and_then_revalidated() {
    let base = server(|path, headers| {
        let known = headers.iter().any(|h| h.eq_ignore_ascii_case("if-none-match: \"1\""));
        match (path, known) {
            ("/dists/x/InRelease", true) => answer("304 Not Modified", "ETag: \"1\"\r\n", ""),
            ("/dists/x/InRelease", false) => answer("200 OK", "ETag: \"1\"\r\n", "signed\ntext"),
            (_, known) => answer("200 OK", "ETag: \"1\"\r\n", &format!("{known}")),
        }
    });
    let fetch = fetch(Arc::new(Memory::default()));
    let url = base.join("dists/x/InRelease").unwrap();
    assert_eq!(get(&fetch, &url).await.unwrap(), "signed\ntext");
    assert_eq!(get(&fetch, &url).await.unwrap(), "signed\ntext");
    // Other things are not asked for on a condition.
    let url = base.join("pool/InRelease.deb").unwrap();
    assert_eq!(get(&fetch, &url).await.unwrap(), "false");
    assert_eq!(get(&fetch, &url).await.unwrap(), "false");
}

#[tokio::test]
async fn metadata_that_changed_takes_the_place_of_the_copy() {
    let count = Mutex::new(0);
    let base = server(move |_, headers| {
        let mut count = count.lock().unwrap();
        *count += 1;
        let date = format!("Last-Modified: Mon, 0{count} Jan 2024 00:00:00 GMT\r\n");
        let asked = headers.iter().find(|h| h.to_lowercase().starts_with("if-modified-since"));
        answer("200 OK", &date, &format!("{count} {}", asked.map_or("", |h| &h[19..])))
    });
    let fetch = fetch(Arc::new(Memory::default()));
    let url = base.join("Release").unwrap();
    assert_eq!(get(&fetch, &url).await.unwrap(), "1 ");
    assert_eq!(get(&fetch, &url).await.unwrap(), "2 Mon, 01 Jan 2024 00:00:00 GMT");
    assert_eq!(get(&fetch, &url).await.unwrap(), "3 Mon, 02 Jan 2024 00:00:00 GMT");
}

#[tokio::test]
async fn what_is_not_there_is_told_from_what_cannot_be_fetched() {
    let base = server(|path, _| match path {
        "/gone" => answer("404 Not Found", "", ""),
        _ => answer("403 Forbidden", "", ""),
    });
    let fetch = fetch(Arc::new(()));
    let mut url = base.join("gone").unwrap();
    url.set_username("me").unwrap();
    url.set_password(Some("secret")).unwrap();
    let error = get(&fetch, &url).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    let error = get(&fetch, &base).await.unwrap_err();
    assert!(matches!(error, Error::Fetch { .. }), "{error}");
}

#[tokio::test]
async fn folders_are_mirrors_too() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a b.deb"), "package").unwrap();
    let fetch = fetch(Arc::new(()));
    let url = |name: &str| Url::from_file_path(dir.path().join(name)).unwrap();
    assert_eq!(get(&fetch, &url("a b.deb")).await.unwrap(), "package");
    let gone = get(&fetch, &url("gone")).await.unwrap_err();
    assert!(matches!(gone, Error::NotFound { .. }), "{gone}");
    let other: Url = "ftp://mirror.invalid/a".parse().unwrap();
    for url in [url(""), other, "file://elsewhere/a".parse().unwrap()] {
        let error = get(&fetch, &url).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{url}: {error}");
    }
}
