//! The judges are judged: what the lab calls sound or equal is not so when something is wrong.

use tempfile::TempDir;

use crate::lab::{self, BOOKWORM, need, oci};

/// What `lab.py verify` says about a base image with a layer of these changes on top.
fn verified(layer: &str) -> String {
    let scratch = TempDir::new().unwrap();
    lab::build_images(BOOKWORM, scratch.path(), &["--pick=old", "--layer", layer]);
    lab::lab(["verify", &oci(scratch.path(), "base-old")]).stdout
}

#[test]
fn faults_of_an_image_are_found() {
    need!();
    assert_eq!(verified(r#"[{"write": "/app", "text": "x"}]"#), "sound\n");
    for (layer, said) in [
        (r#"[{"delete": "/nothing/here"}]"#, "whiteout of nothing"),
        (
            r#"[{"delete": "/usr/share/doc/netbase/copyright"}]"#,
            "/usr/share/doc/netbase/copyright is missing",
        ),
        (
            r#"[{"write": "/usr/lib/x86_64-linux-gnu/libssl.so.3", "text": "x"}]"#,
            "/usr/lib/x86_64-linux-gnu/libssl.so.3 is another",
        ),
        (r#"[{"delete": "/var/lib/dpkg/status.d/libc6"}]"#, "is without its package"),
    ] {
        let found = verified(layer);
        assert!(found.contains(said), "{layer}: {found}");
    }
}

#[test]
fn differences_of_two_images_are_found() {
    need!();
    let scratch = TempDir::new().unwrap();
    let layer = r#"[{"write": "/etc/group", "text": "x"}, {"write": "/etc/passwd", "text": "", "mode": 384},
        {"write": "/new", "text": ""}, {"delete": "/etc/nsswitch.conf"}, {"link": "/etc/host.conf", "to": "x"},
        {"write": "/usr/lib/os-release", "text": "", "owner": 1, "mode": 365}]"#;
    lab::build_images(BOOKWORM, scratch.path(), &["--pick=old", "--layer", layer]);
    let plain = oci(BOOKWORM.images(), "base-old");
    let said = lab::lab(["diff", &plain, &oci(scratch.path(), "base-old")]).exits(1);
    let expected = [
        "c    /etc/group",
        "tcml /etc/host.conf",
        "-    /etc/nsswitch.conf",
        "cm   /etc/passwd",
        "+    /new",
        "co   /usr/lib/os-release",
    ];
    assert_eq!(said.stdout.lines().collect::<Vec<_>>(), expected);
    lab::lab(["diff", &plain, &plain]).exits(0);
}

/// The newest packages have no CVE that the newest changelogs name, the oldest have some.
#[test]
fn the_scanner_tells_old_from_new() {
    need!("unshare", "setpriv");
    let found = |pick: &str| {
        let report = lab::trivy(&oci(BOOKWORM.images(), &format!("base-{pick}")));
        let results = report["Results"].as_array().unwrap().clone();
        results.iter().filter_map(|r| r["Vulnerabilities"].as_array().map(Vec::len)).sum::<usize>()
    };
    assert!(found("old") > found("new"));
    assert_eq!(found("new"), 0);
}
