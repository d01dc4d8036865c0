//! 7: ten gigabytes of nothing in a layer of ten megabytes.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::copa::Copa;
use crate::lab::{must, need};

const BAD_INPUT: i32 = 2;
/// What one part of the layer unpacks to.
const PART: usize = 128 << 20;
const PARTS: u64 = 80;

/// These bytes as one member of a gzip file: members can be put one behind the other.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip");
    let mut child = gzip.arg("-9n").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || input.write_all(bytes).unwrap());
        child.wait_with_output().unwrap().stdout
    })
}

/// The tar header of one file that holds all of it. The size is in GNU's binary form.
fn header() -> [u8; 512] {
    let mut header = [0; 512];
    header[..4].copy_from_slice(b"bomb");
    header[100..108].copy_from_slice(b"0000644\0");
    header[108..116].copy_from_slice(b"0000000\0");
    header[116..124].copy_from_slice(b"0000000\0");
    header[124] = 0x80;
    header[128..136].copy_from_slice(&(PARTS * PART as u64).to_be_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].fill(b' ');
    header[156] = b'0';
    header[257..265].copy_from_slice(b"ustar  \0");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// Stores a blob and describes it.
fn blob(layout: &Path, media_type: &str, bytes: &[u8]) -> Value {
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let file = blobs.join("new");
    fs::write(&file, bytes).unwrap();
    let summed = must("sha256sum", [file.as_os_str()]).stdout;
    let sum = summed.split(' ').next().unwrap();
    fs::rename(&file, blobs.join(sum)).unwrap();
    json!({"mediaType": media_type, "digest": format!("sha256:{sum}"), "size": bytes.len()})
}

/// An image of one layer, which unpacks to ten gigabytes.
fn image(layout: &Path) -> String {
    let mut layer = gzip(&header());
    let part = gzip(&vec![0; PART]);
    (0..PARTS).for_each(|_| layer.extend(&part));
    assert!(layer.len() < 12_000_000, "a bomb is small: {}", layer.len());
    let layer = blob(layout, "application/vnd.oci.image.layer.v1.tar+gzip", &layer);
    let diff_id = format!("sha256:{}", "0".repeat(64));
    let config = json!({"architecture": "amd64", "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [diff_id]}});
    let config = config.to_string();
    let config = blob(layout, "application/vnd.oci.image.config.v1+json", config.as_bytes());
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let manifest =
        json!({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]});
    let manifest = blob(layout, kind, manifest.to_string().as_bytes());
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    format!("oci:{}", layout.display())
}

#[test]
fn a_bomb_is_refused_in_bounded_memory() {
    need!("gzip", "prlimit");
    let scratch = TempDir::new().unwrap();
    let image = image(&scratch.path().join("layout"));
    let copa = Copa::patch(scratch.path(), &image).args(["--to", "oci-archive:out.tar"]);
    let mut limited = Command::new("prlimit");
    limited.arg("--data=1000000000").arg(copa.0.get_program()).args(copa.0.get_args());
    limited.current_dir(scratch.path()).env("HOME", scratch.path());
    let ran = crate::lab::run(&mut limited).exits(BAD_INPUT);
    assert!(ran.stderr.contains("is over the limit"), "{ran}");
    assert!(!scratch.path().join("out.tar").exists(), "{ran}");
}
