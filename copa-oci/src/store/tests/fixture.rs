//! Images for tests, written by hand and not by the code under test; and the peers that judge.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::spec::digest::Digest;
use crate::spec::media_type::{Family, MediaType};

/// A configuration with everything that typed readers are known to lose or to change.
pub(crate) const CONFIG: &str = r#"{"zeta":1,"architecture":"amd64","os":"linux","config":{"Env":["PATH=/bin"],"Cmd":["/bin/sh"],"Healthcheck":{"Test":["CMD","true"],"Interval":30000000000},"OnBuild":["RUN true"],"Shell":["/bin/sh","-c"],"ArgsEscaped":true,"Labels":{"z":"1","a":"2"},"StopTimeout":3},"created":"2024-01-01T00:00:00Z","moby.buildkit.cache.v0":{"big":123456789012345678901234567890,"float":1.10,"exp":1e+5},"rootfs":{"type":"layers","diff_ids":DIFF_IDS},"history":[{"created_by":"one","odd":null},{"created_by":"env","empty_layer":true},{"created_by":"two"}],"os.features":["x"],"unknown":{"b":[1,2.50],"a":{}}}"#;

pub(crate) fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, name, content).unwrap();
    builder.into_inner().unwrap()
}

pub(crate) fn compress(bytes: &[u8], how: &str) -> Vec<u8> {
    match how {
        "gzip" => {
            let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gz.write_all(bytes).unwrap();
            gz.finish().unwrap()
        }
        "zstd" => zstd::encode_all(bytes, 3).unwrap(),
        _ => bytes.to_vec(),
    }
}

pub(crate) fn blob(layout: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let digest = Digest::sha256(bytes);
    fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    fs::write(layout.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
    json!({"mediaType": media_type, "digest": digest.as_str(), "size": bytes.len()})
}

pub(crate) fn index(layout: &Path, entries: &[Value]) {
    let index = json!({"schemaVersion": 2, "manifests": entries, "unknown": {"keep": 1.5}});
    // As no JSON value prints it.
    let index = index.to_string().replace(r#"{"keep":1.5}"#, r#"{"keep":1.50}"#);
    fs::write(layout.join("index.json"), index).unwrap();
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

/// A layout that holds one image of two layers under the tag `1.0`; its manifest's entry.
pub(crate) fn layout(layout: &Path, family: Family, compression: &str) -> Value {
    let (manifest, config, layer, sep) = match family {
        Family::Docker => {
            (MediaType::DOCKER_MANIFEST, MediaType::DOCKER_CONFIG, MediaType::DOCKER_LAYER, ".")
        }
        _ => (MediaType::OCI_MANIFEST, MediaType::OCI_CONFIG, MediaType::OCI_LAYER, "+"),
    };
    let layer = match compression {
        "none" => layer.to_owned(),
        how => format!("{layer}{sep}{how}"),
    };
    let tars = [tar("etc/one", &vec![b'1'; 300_000]), tar("etc/two", b"2")];
    let diff_ids: Vec<_> = tars.iter().map(|t| Digest::sha256(t).to_string()).collect();
    let config_text = CONFIG.replace("DIFF_IDS", &json!(diff_ids).to_string());
    let layers: Vec<_> =
        tars.iter().map(|t| blob(layout, &layer, &compress(t, compression))).collect();
    let config = blob(layout, config, config_text.as_bytes());
    let document = json!({"schemaVersion": 2, "mediaType": manifest, "config": config,
        "layers": layers, "odd": {"f": 1.0}});
    let mut entry = blob(layout, manifest, document.to_string().as_bytes());
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": "1.0", "other": "kept"});
    index(layout, std::slice::from_ref(&entry));
    entry
}

/// Runs a peer; `None`, said loudly, when it is not installed. In CI that is a failure.
#[allow(clippy::disallowed_methods)] // A test may look at the environment.
pub(crate) fn peer(program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = match Command::new(program).args(arguments).output() {
        Ok(output) => output,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{program} is missing: {error}");
            eprintln!("NOT TESTED: {program} is not installed");
            return None;
        }
    };
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {error}");
    Some(output.stdout)
}

/// `skopeo copy`, which keeps what it copies byte for byte where the format allows it.
pub(crate) fn skopeo_copy(from: &str, to: &str) -> Option<Vec<u8>> {
    peer("skopeo", &["--insecure-policy", "copy", from, to])
}

/// A file or directory below the corpus of real data, said loudly when there is none.
#[allow(clippy::disallowed_methods)] // A test may look at the environment.
pub(crate) fn corpus(path: &str) -> Option<std::path::PathBuf> {
    match std::env::var_os("COPA_CORPUS") {
        Some(root) => Some(Path::new(&root).join(path)),
        None => {
            assert!(std::env::var_os("CI").is_none(), "COPA_CORPUS is not set");
            eprintln!("NOT TESTED: COPA_CORPUS is not set, {path} was not read");
            None
        }
    }
}
