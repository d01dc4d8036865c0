//! RPM images: a patched image is what the real `rpm -U` makes of it, and so say rpm, dnf and
//! scanners.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::copa::Copa;
use crate::lab::{self, Ran, must, need, oci, rpm_images, rpm_repository};
use crate::scanners::{findings, listed};

/// Patches an image with everything that the lab's repository has.
pub(crate) fn patched(scratch: &Path, image: &str, arch: &str, options: &[&str]) -> (String, Ran) {
    let out = oci(&scratch.join("out"), "patched");
    let run = Copa::patch(scratch, image).rpm_repository(&rpm_repository(None), arch);
    let ran = run.args(["--to", &out]).args(options).run();
    (out, ran)
}

/// What the real rpm makes of an image. New needs of packages are met by a shell, as dnf does.
fn upgraded(scratch: &Path, image: &str, arch: [&str; 2]) -> String {
    let golden = oci(&scratch.join("golden"), "golden");
    let repository = rpm_repository(None).join("new").join(arch[0]);
    let repository = repository.to_str().unwrap();
    let out = format!("--out={golden}");
    let mut arguments = vec![
        "rpm-golden",
        image,
        repository,
        &out,
        "--add=busybox",
        "--obsoletes",
        "--arch",
        arch[1],
    ];
    // A cache that is made anew names the version of ldconfig; of libraries it says the same.
    arguments.extend((arch == ARM).then_some("--no-ldconfig"));
    lab::lab(arguments).exits(0);
    golden
}

/// The paths that differ between the images, without databases: those are compared in substance.
fn different(one: &str, other: &str, arch: &str) -> Vec<String> {
    let said = lab::lab(["diff", one, other, "--arch", arch]).stdout;
    let is_database = |line: &&str| {
        ["/rpmdb.sqlite", "/container-manifest-1", "/container-manifest-2"]
            .iter()
            .any(|name| line.ends_with(name))
    };
    said.lines().filter(|line| !is_database(line)).map(ToOwned::to_owned).collect()
}

/// A patched image has the files, headers and index rows of an upgraded one; rpm and dnf find
/// nothing wrong with it.
fn is_as_upgraded(image: &str, arch: [&str; 2]) {
    let scratch = TempDir::new().unwrap();
    let (out, ran) = patched(scratch.path(), image, arch[0], &[]);
    let ran = ran.exits(0);
    let golden = upgraded(scratch.path(), image, arch);
    assert_eq!(different(&golden, &out, arch[1]), Vec::<String>::new(), "{image}: {ran}");
    lab::lab(["rpm-verify", &out, "--before", image, "--arch", arch[1]]).exits(0);
    lab::lab(["rpm-headers", &golden, &out, "--arch", arch[1]]).exits(0);
}

pub(crate) const X86: [&str; 2] = ["x86_64", "amd64"];
pub(crate) const ARM: [&str; 2] = ["aarch64", "arm64"];

#[test]
fn every_database_is_as_upgraded() {
    need!("rpm", "rpmbuild", "createrepo_c", "dnf");
    for database in ["sqlite", "both", "wal", "sysimage"] {
        is_as_upgraded(&oci(rpm_images(), &format!("{database}-old")), X86);
    }
    is_as_upgraded(&oci(rpm_images(), "arm-both-old"), ARM);
}

/// Configuration that the user changed or removed has the fates that rpm gives it.
#[test]
fn configuration_has_rpms_fates() {
    need!("rpm", "rpmbuild", "createrepo_c", "dnf");
    let scratch = TempDir::new().unwrap();
    let layer = r#"[{"write": "/etc/demo.conf", "text": "mine\n"},
        {"write": "/etc/demo-replace.conf", "text": "mine\n"},
        {"write": "/etc/demo-same.conf", "text": "mine\n"},
        {"write": "/etc/demo.d/20-removed.conf", "text": "mine\n"},
        {"write": "/etc/demo.d/30-added.conf", "text": "mine\n"},
        {"write": "/app", "text": "x"}]"#;
    let images = scratch.path().join("images");
    lab::build_rpm_images(&images, &["--db=sqlite", "--pick=old", "--layer", layer]);
    let image = oci(&images, "sqlite-old");
    is_as_upgraded(&image, X86);
    let (_, ran) = patched(scratch.path(), &image, "x86_64", &[]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for word in ["etc/demo.conf", "etc/demo-replace.conf.rpmsave", "etc/demo.d/20-removed.conf"] {
        assert!(said.contains(word), "{word}: {ran}");
    }
}

#[test]
fn scanners_find_nothing_fixable() {
    need!("rpm", "rpmbuild", "createrepo_c", "unshare", "setpriv");
    for (database, arch) in
        [("sqlite", "x86_64"), ("manifest", "x86_64"), ("both", "x86_64"), ("arm-both", "aarch64")]
    {
        let scratch = TempDir::new().unwrap();
        let image = oci(rpm_images(), &format!("{database}-old"));
        let report = lab::trivy_rpm(&image);
        let (_, before) = findings(&report);
        assert!(before.contains_key("openssl-libs"), "{database}: {before:?}");
        let file = scratch.path().join("report.json");
        fs::write(&file, report.to_string()).unwrap();
        let with_report = ["-r", file.to_str().unwrap()];
        let (out, ran) = patched(scratch.path(), &image, arch, &with_report);
        ran.exits(0);
        assert_eq!(findings(&lab::trivy_rpm(&out)).1, BTreeMap::new(), "{database}");
        let syft = listed(&lab::syft(&out));
        let rebuilt = listed(&lab::syft(&oci(rpm_images(), &format!("{database}-new"))));
        for name in ["openssl", "openssl-libs", "glibc", "libdemo", "epochal"] {
            // Who built the image wrote no epoch where Syft reads it; copa does.
            let plain = |version: &str| version.rsplit(':').next().map(ToOwned::to_owned);
            assert_eq!(plain(&syft[name]), plain(&rebuilt[name]), "{database}: {name}");
        }
    }
}

/// A program of the patched image starts, and is the new one.
#[test]
fn programs_start() {
    need!("rpm", "rpmbuild", "createrepo_c", "umoci", "chroot");
    for database in ["sqlite", "manifest"] {
        let scratch = TempDir::new().unwrap();
        let image = oci(rpm_images(), &format!("{database}-old"));
        let (out, ran) = patched(scratch.path(), &image, "x86_64", &[]);
        ran.exits(0);
        let version = |image: &str, name: &str| {
            let root = scratch.path().join(name);
            unpack(image, &root);
            let root = root.join("rootfs");
            must("chroot", [root.as_os_str(), "/usr/bin/openssl".as_ref(), "version".as_ref()])
                .stdout
        };
        let golden = oci(rpm_images(), &format!("{database}-new"));
        assert_eq!(version(&out, "a"), version(&golden, "b"), "{database}");
        assert_ne!(version(&out, "c"), version(&image, "d"), "{database}");
    }
}

pub(crate) fn unpack(image: &str, to: &Path) {
    let (layout, _) = image.strip_prefix("oci:").unwrap().rsplit_once(':').unwrap();
    assert!(Path::new(layout).is_dir());
    let image = image.strip_prefix("oci:").unwrap();
    must("umoci", ["unpack", "--image", image, to.to_str().unwrap()]);
}

/// What is not what was signed stops everything, and leaves nothing behind.
#[test]
fn what_is_not_trusted_is_refused() {
    need!("rpm", "rpmbuild", "createrepo_c");
    let image = oci(rpm_images(), "sqlite-old");
    for (evil, code, words) in [
        ("tampered-rpm", 4, &[".rpm", "payload"][..]),
        ("tampered-header", 4, &[".rpm", "key ", "does not fit"]),
        ("tampered-primary", 4, &["primary"]),
        ("tampered-repomd", 4, &["repomd.xml", "key ", "does not fit"]),
        ("wrong-key", 4, &["repomd.xml", "no trusted key "]),
        ("unsigned", 4, &["repomd.xml", "not signed"]),
        ("expired", 4, &["repomd.xml", "key ", "expired"]),
        ("wrong-package-key", 4, &[".rpm", "no trusted key "]),
        ("expired-package-key", 4, &[".rpm", "key ", "expired"]),
        ("unsigned-packages", 4, &[".rpm", "not signed"]),
        ("missing-rpm", 5, &["payload-gzip"]),
    ] {
        let scratch = TempDir::new().unwrap();
        let to = scratch.path().join("out");
        let run = Copa::patch(scratch.path(), &image)
            .rpm_repository(&rpm_repository(Some(evil)), "x86_64");
        let ran = run.args(["--to", &oci(&to, "patched")]).run().exits(code);
        assert!(words.iter().all(|word| ran.stderr.contains(word)), "{evil}: {ran}");
        let names_a_key = words.iter().any(|word| word.ends_with("key "));
        assert!(!names_a_key || fingerprint(&ran.stderr), "{evil}: {ran}");
        assert!(!to.join("index.json").exists(), "{evil}");
    }
}

/// Whether a text names a key by its whole fingerprint.
fn fingerprint(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.any(|word| word.len() == 40 && word.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// What is not trusted is given up alone, when the rest is wanted.
#[test]
fn the_rest_is_patched_when_asked_to() {
    need!("rpm", "rpmbuild", "createrepo_c");
    let (scratch, image) = (TempDir::new().unwrap(), oci(rpm_images(), "sqlite-old"));
    let out = oci(&scratch.path().join("out"), "patched");
    let ran = Copa::patch(scratch.path(), &image)
        .rpm_repository(&rpm_repository(Some("unsigned-package")), "x86_64")
        .args(["--ignore-errors", "--json", "--to", &out])
        .run()
        .exits(3);
    let said = ran.json();
    assert!(said["updates"].as_array().unwrap().len() > 5, "{said}");
    let skipped = said["skipped"].to_string();
    assert!(skipped.contains("payload-gzip") && skipped.contains("it is not signed"), "{said}");
    lab::lab(["rpm-verify", &out, "--before", &image]).exits(0);
}

/// Without a mirror or keyring, the image's `.repo` file and the keys that it names count.
#[test]
fn the_images_own_repository_and_key_are_enough() {
    need!("rpm", "rpmbuild", "createrepo_c");
    let scratch = TempDir::new().unwrap();
    let server = lab::Server::files(&rpm_repository(None), &scratch.path().join("log"));
    let repo = format!(
        "[lab]\nbaseurl={}/new/$basearch\nrepo_gpgcheck=1\ngpgkey=file:///usr/share/keys/lab\n",
        server.get("url")
    );
    let key = fs::read_to_string(rpm_repository(None).join("RPM-GPG-KEY")).unwrap();
    let layer = serde_json::json!([
        {"write": "/etc/yum.repos.d/lab.repo", "text": repo},
        {"write": "/usr/share/keys/lab", "text": key},
    ]);
    let images = scratch.path().join("images");
    let layer = layer.to_string();
    lab::build_rpm_images(&images, &["--db=sqlite", "--pick=old", "--layer", &layer]);
    let image = oci(&images, "sqlite-old");
    let out = oci(&scratch.path().join("out"), "patched");
    Copa::patch(scratch.path(), &image).args(["--to", &out]).run().exits(0);
    lab::lab(["rpm-verify", &out, "--before", &image]).exits(0);
}

/// Metadata that is older than what was seen before is refused.
#[test]
fn older_metadata_is_refused() {
    need!("rpm", "rpmbuild", "createrepo_c");
    let scratch = TempDir::new().unwrap();
    let image = oci(rpm_images(), "sqlite-old");
    let place = scratch.path().join("mirror");
    std::os::unix::fs::symlink(rpm_repository(None), &place).unwrap();
    let run = || {
        let cache = scratch.path().join("cache");
        let run = Copa::patch(scratch.path(), &image).rpm_repository(&place, "x86_64");
        run.args(["--dry-run", "--cache-dir", cache.to_str().unwrap()]).run()
    };
    run().exits(0);
    fs::remove_file(&place).unwrap();
    std::os::unix::fs::symlink(rpm_repository(Some("rollback")), &place).unwrap();
    let ran = run().exits(4);
    assert!(ran.stderr.contains("repomd.xml"), "{ran}");
}

/// Scripts never run; with a flag, packages with scripts that matter are refused.
#[test]
fn scripts_that_matter_are_refused_when_asked_to() {
    need!("rpm", "rpmbuild", "createrepo_c");
    let scratch = TempDir::new().unwrap();
    let image = oci(rpm_images(), "sqlite-old");
    let (_, ran) = patched(scratch.path(), &image, "x86_64", &["--refuse-scripts"]);
    let ran = ran.exits(3);
    assert!(ran.stderr.contains("scripted"), "{ran}");
    let options = ["--refuse-scripts", "--ignore-errors"];
    let (out, ran) = patched(scratch.path(), &image, "x86_64", &options);
    let ran = ran.exits(3);
    // Its triggers on files of libraries would have to run for others.
    let others = "%filetriggerin -- /usr/lib64 of scripted";
    assert!(ran.stdout.contains("epochal") && ran.to_string().contains(others), "{ran}");
    lab::lab(["rpm-verify", &out, "--before", &image]).exits(0);
}

/// Real databases of SUSE and CentOS 7 in an image of their own.
#[test]
fn what_is_only_read_is_refused_before_anything_is_fetched() {
    need!("rpm", "rpmbuild", "createrepo_c", "umoci");
    let Some(corpus) = lab::corpus() else { return };
    let scratch = TempDir::new().unwrap();
    for (database, place, kind) in [
        ("sle15-bci/Packages.db", "usr/lib/sysimage/rpm", "ndb"),
        ("libuuid/Packages", "var/lib/rpm", "Berkeley DB"),
    ] {
        let root = scratch.path().join(kind);
        fs::create_dir_all(root.join(place)).unwrap();
        fs::create_dir_all(root.join("etc")).unwrap();
        fs::write(root.join("etc/os-release"), "ID=azurelinux\nVERSION_ID=3.0\n").unwrap();
        let name = Path::new(database).file_name().unwrap();
        fs::copy(corpus.join("knqyf263+go-rpmdb").join(database), root.join(place).join(name))
            .unwrap();
        let layout = scratch.path().join(format!("{kind}.image"));
        let image = format!("{}:x", layout.display());
        must("umoci", ["init", "--layout", layout.to_str().unwrap()]);
        must("umoci", ["new", "--image", &image]);
        must("umoci", ["insert", "--image", &image, root.to_str().unwrap(), "/"]);
        let image = oci(&layout, "x");
        // Nobody answers there.
        let mirror = ["--mirror", "azurelinux=http://127.0.0.1:9/"];
        let refused = Copa::patch(scratch.path(), &image).args(mirror).run().exits(2);
        assert!(refused.stderr.contains(kind), "{refused}");
        assert!(refused.stderr.contains("dry run"), "{refused}");
        let planned = Copa::patch(scratch.path(), &image)
            .rpm_repository(&rpm_repository(None), "x86_64")
            .args(["--dry-run", "--json"]);
        let said = planned.run().exits(0).json();
        assert!(said["updates"].is_array(), "{said}");
    }
}

/// What the real rpm runs for the same upgrade is what is said not to have run: the scripts of one
/// package, of every kind, note what they are in a log.
#[test]
fn scripts_that_rpm_runs_are_said() {
    need!("rpm", "rpmbuild", "createrepo_c");
    let scratch = TempDir::new().unwrap();
    let images = scratch.path().join("images");
    let log = "var/lib/scripted/log";
    let layer = format!(r#"[{{"write": "/{log}", "text": ""}}]"#);
    let options = ["--db=sqlite", "--pick=old", "--extra=busybox", "--layer", &layer];
    lab::build_rpm_images(&images, &options);
    let (image, golden) = (oci(&images, "sqlite-old"), scratch.path().join("golden"));
    let repository = rpm_repository(None).join("new/x86_64");
    let out = format!("--out={}", golden.display());
    let repository = repository.to_str().unwrap();
    lab::lab(["rpm-golden", &image, repository, &out, "--obsoletes", "--scripts"]).exits(0);
    let ran = fs::read_to_string(golden.join(log)).unwrap();
    let first = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let ran: BTreeSet<String> = ran.lines().map(first).collect();
    let (_, copa) = patched(scratch.path(), &image, "x86_64", &[]);
    let copa = copa.exits(0).to_string();
    let said = copa.lines().filter_map(|line| line.split_once("scripted: its %"));
    assert_eq!(said.map(|(_, script)| first(script)).collect::<BTreeSet<_>>(), ran, "{copa}");
}
