//! What README shows first, with the files that are kept beside it, and no network.

use tempfile::TempDir;

use crate::copa::Copa;
use crate::lab::workspace;

#[test]
fn the_kept_image_is_patched_from_the_kept_mirror() {
    let scratch = TempDir::new().unwrap();
    let kept = workspace().join("testdata/quickstart");
    let patched = scratch.path().join("patched.tar");
    let ran =
        Copa::patch(scratch.path(), &format!("oci-archive:{}", kept.join("image.tar").display()))
            .lab_mirror(&kept.join("mirror"))
            .args(["-r", kept.join("report.json").to_str().unwrap()])
            .args(["--to", &format!("oci-archive:{}", patched.display())])
            .run()
            .exits(0);
    assert!(ran.stdout.contains("libssl3") && ran.stdout.contains("3.0.22-1~deb12u2"), "{ran}");
    assert!(patched.is_file());
}
