//! Warnings are said when they arise, also when the run fails later: on the image and the mirror of
//! the quick start.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::copa::Copa;
use crate::lab::{must, workspace};

const NETWORK: i32 = 5;

/// Patches the image of the quick start from a mirror whose key nobody trusts.
fn unverified(scratch: &Path, mirror: &Path) -> Copa {
    let image = workspace().join("testdata/quickstart/image.tar");
    let copa = Copa::patch(scratch, &format!("oci-archive:{}", image.display()));
    copa.mirror(mirror).args(["--allow-unsigned", "--to", "oci:out", "--no-cache"])
}

fn unsigned(said: &Value) -> usize {
    let warned = said["warned"].as_array().unwrap().iter();
    warned.filter(|warning| warning["code"] == "unsigned").count()
}

#[test]
fn what_was_not_verified_is_said_whether_the_run_succeeds_or_fails() {
    let scratch = TempDir::new().unwrap();
    let mirror = scratch.path().join("mirror");
    must(
        "cp",
        [
            "-r".as_ref(),
            workspace().join("testdata/quickstart/mirror").as_os_str(),
            mirror.as_os_str(),
        ],
    );
    let shown = |stderr: &str| stderr.matches("warning: NOT VERIFIED, as allowed: ").count();

    let ran = unverified(scratch.path(), &mirror).run().exits(0);
    assert_eq!(shown(&ran.stderr), 3, "{ran}");
    let said = unverified(scratch.path(), &mirror).args(["--json"]).run().exits(0).json();
    assert_eq!((unsigned(&said), said["warnings"].as_array().unwrap().len()), (3, 3), "{said}");

    must("find", [mirror.as_os_str(), "-name".as_ref(), "tzdata*".as_ref(), "-delete".as_ref()]);
    let ran = unverified(scratch.path(), &mirror).args(["--json"]).run().exits(NETWORK);
    assert_eq!(shown(&ran.stderr), 3, "{ran}");
    let failure = ran.stderr.find("error: ").unwrap();
    assert!(ran.stderr.rfind("NOT VERIFIED").unwrap() < failure, "{ran}");
    let said = ran.json();
    assert!(said["error"]["message"].is_string(), "{said}");
    assert_eq!((unsigned(&said), said["warnings"].as_array().unwrap().len()), (3, 3), "{said}");
    assert!(fs::read_dir(scratch.path().join("out")).is_ok());
}
