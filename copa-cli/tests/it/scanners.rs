//! 2: scanners that know nothing of copa see the new versions.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::copa::Copa;
use crate::lab::{BOOKWORM, TRIXIE, need, oci, syft, trivy};

/// What Trivy says about the operating system's packages: how many, and which CVEs each has.
pub(crate) fn findings(report: &Value) -> (usize, BTreeMap<String, usize>) {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut packages = 0;
    let mut found = BTreeMap::new();
    for result in list(&report["Results"]) {
        packages += list(&result["Packages"]).len();
        for one in list(&result["Vulnerabilities"]) {
            *found.entry(one["PkgName"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    (packages, found)
}

/// Package names and versions, as Syft lists them.
pub(crate) fn listed(document: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let artifacts = document["artifacts"].as_array().unwrap().iter();
    artifacts.map(|one| (text(&one["name"]), text(&one["version"]))).collect()
}

#[test]
fn nothing_fixable_is_left() {
    need!("unshare", "setpriv");
    for (platform, flavour, library) in [
        (BOOKWORM, "base", "libssl3"),
        (BOOKWORM, "python3", "libssl3"),
        (TRIXIE, "python3", "libkrb5-3"),
    ] {
        let scratch = TempDir::new().unwrap();
        let image = oci(platform.images(), &format!("{flavour}-old"));
        let report = trivy(&image);
        let (packages, before) = findings(&report);
        assert!(before[library] > 10, "{image}: a test image without known faults: {before:?}");

        let file = scratch.path().join("report.json");
        fs::write(&file, report.to_string()).unwrap();
        let patched = oci(&scratch.path().join("out"), "patched");
        let run = Copa::patch(scratch.path(), &image).mirror(platform.mirror());
        run.args(["-r", file.to_str().unwrap(), "--to", &patched]).run().exits(0);
        assert_eq!(findings(&trivy(&patched)), (packages, BTreeMap::new()), "{image}");
    }
}

#[test]
fn syft_lists_what_it_lists_of_a_rebuilt_image() {
    need!("unshare", "setpriv");
    let scratch = TempDir::new().unwrap();
    let patched = oci(&scratch.path().join("out"), "patched");
    let run = Copa::patch(scratch.path(), &oci(BOOKWORM.images(), "python3-old"));
    run.mirror(BOOKWORM.mirror()).args(["--to", &patched]).run().exits(0);
    let rebuilt = listed(&syft(&oci(BOOKWORM.images(), "python3-new")));
    assert!(rebuilt.len() > 30);
    assert_eq!(listed(&syft(&patched)), rebuilt);
}
