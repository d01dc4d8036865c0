//! `container-manifest-1` and `-2`: the lines of packages that stay are kept to the byte, those of
//! new packages say what the real rpm says of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::lab::{self, need, oci, rpm_images, rpm_repository};
use crate::rpm::{ARM, X86, patched, unpack};

/// Who wrote the lists decides about the divider of the first one, and about the order.
struct Dialect {
    divider: char,
    sorted: bool,
}

const TOOLKIT: Dialect = Dialect { divider: '-', sorted: false };
const MARINARA: Dialect = Dialect { divider: '.', sorted: true };
/// The column of the second list that says when the package was installed: no package says that.
const INSTALLED: usize = 2;

#[test]
fn lines_are_kept_or_are_what_rpm_says() {
    need!("rpm", "rpmbuild", "createrepo_c", "umoci");
    are_kept_or_what_rpm_says(&oci(rpm_images(), "manifest-old"), X86, &TOOLKIT);
    are_kept_or_what_rpm_says(&oci(rpm_images(), "arm-manifest-old"), ARM, &TOOLKIT);
    let scratch = TempDir::new().unwrap();
    let options = ["--db=manifest", "--pick=old", "--dialect=marinara"];
    lab::build_rpm_images(scratch.path(), &options);
    are_kept_or_what_rpm_says(&oci(scratch.path(), "manifest-old"), X86, &MARINARA);
}

/// With a report about one library most lines stay, without a report most are new.
fn are_kept_or_what_rpm_says(image: &str, arch: [&str; 2], dialect: &Dialect) {
    let scratch = TempDir::new().unwrap();
    let report = scratch.path().join("report.json");
    fs::write(&report, REPORT).unwrap();
    let reported = ["--json", "-r", report.to_str().unwrap()];
    let before = unpacked(scratch.path(), image, "before");
    for (name, options, least) in [("all", &reported[..1], [1, 10]), ("one", &reported, [10, 1])] {
        let (out, ran) = patched(scratch.path(), image, arch[0], options);
        let plan = updated(&ran.exits(0).json());
        lab::lab(["rpm-verify", &out, "--before", image, "--arch", arch[1]]).exits(0);
        let after = unpacked(scratch.path(), &out, name);
        for (number, expected) in [(1, names(arch[0], dialect)), (2, rows(arch[0]))] {
            let [before, after] = [&before, &after].map(|root| lines(root, number, dialect));
            hold(&before, &after, &expected, &plan, least);
            assert_eq!(after.is_sorted_by_key(|(_, text)| text), dialect.sorted, "{image}");
        }
    }
}

/// What a scanner would say of the image if only one library in it had a known fault.
const REPORT: &str = r#"{"SchemaVersion": 2, "ArtifactName": "image",
    "Metadata": {"OS": {"Family": "azurelinux", "Name": "3.0"}},
    "Results": [{"Target": "image", "Class": "os-pkgs", "Type": "azurelinux", "Vulnerabilities": [
        {"VulnerabilityID": "CVE-2026-1", "PkgName": "openssl-libs",
         "InstalledVersion": "3.3.2-1.azl3", "FixedVersion": "3.3.2-1.azl3.1"}]}]}"#;

fn unpacked(scratch: &Path, image: &str, name: &str) -> PathBuf {
    let root = scratch.join(name);
    unpack(image, &root);
    root
}

/// A package's name, and its line.
type Line = (String, String);

/// The lines of a list. The names are those of the second one: both have the same packages.
fn lines(root: &Path, number: usize, dialect: &Dialect) -> Vec<Line> {
    let read = |number: usize| {
        let path = format!("rootfs/var/lib/rpmmanifest/container-manifest-{number}");
        fs::read_to_string(root.join(path)).unwrap()
    };
    let first = |row: &str| {
        let columns: Vec<_> = row.split('\t').collect();
        format!("{}{}{}.{}", columns[0], dialect.divider, columns[1], columns[7])
    };
    let table = read(2);
    let named = table.lines().map(|row| (first(row), row.split('\t').next().unwrap().to_owned()));
    let named: BTreeMap<_, _> = named.collect();
    match number {
        1 => read(1).lines().map(|line| (named[line].clone(), line.to_owned())).collect(),
        _ => table.lines().map(|row| (named[&first(row)].clone(), row.to_owned())).collect(),
    }
}

/// The packages that come, and those that go.
fn updated(plan: &Value) -> [BTreeSet<String>; 2] {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let updates = plan["updates"].as_array().unwrap();
    let come = updates.iter().map(|update| text(&update["to"]["name"])).collect();
    let go =
        updates.iter().filter_map(|update| update["reason"].get("replaces").map(text)).collect();
    [come, go]
}

/// Every line that stays is the same and in the same order; every new one is the expected one.
fn hold(
    before: &[Line],
    after: &[Line],
    expected: &BTreeMap<String, String>,
    [come, go]: &[BTreeSet<String>; 2],
    [least_stay, least_come]: [usize; 2],
) {
    let stay = |lines: &[Line]| -> Vec<Line> {
        let of_others = |(name, _): &&Line| !come.contains(name) && !go.contains(name);
        lines.iter().filter(of_others).cloned().collect()
    };
    assert!(stay(before).len() >= least_stay && come.len() >= least_come, "{come:?}: {before:#?}");
    assert_eq!(stay(after), stay(before));
    let new: BTreeMap<_, _> =
        after.iter().filter(|(name, _)| come.contains(name)).cloned().collect();
    let new: BTreeMap<_, _> = new.into_iter().map(|(name, line)| (name, undated(&line))).collect();
    let of_new = expected.iter().filter(|(name, _)| come.contains(*name));
    assert_eq!(new, of_new.map(|(name, line)| (name.clone(), undated(line))).collect());
    assert_eq!(after.len(), stay(before).len() + come.len());
}

/// A line without the time of its package's installation.
fn undated(line: &str) -> String {
    let columns = line.split('\t').enumerate().filter(|(column, _)| *column != INSTALLED);
    columns.map(|(_, text)| text).collect::<Vec<_>>().join("\t")
}

/// What the real rpm says of all new packages, in the form of the first list.
fn names(arch: &str, dialect: &Dialect) -> BTreeMap<String, String> {
    queried(arch, &format!("%{{NAME}}{}%{{VERSION}}-%{{RELEASE}}.%{{ARCH}}", dialect.divider))
}

/// The same in that of the second. An epoch is always written: one scanner reads it there.
fn rows(arch: &str) -> BTreeMap<String, String> {
    let form = "%{NAME}\t%{VERSION}-%{RELEASE}\t0\t%{BUILDTIME}\t%{VENDOR}\t%{EPOCH}\t%{SIZE}\t\
        %{ARCH}\t%{EPOCHNUM}\t%{SOURCERPM}";
    queried(arch, form)
}

fn queried(arch: &str, form: &str) -> BTreeMap<String, String> {
    let folder = rpm_repository(None).join("new").join(arch);
    let packages = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let packages = packages.filter(|path| path.extension().is_some_and(|kind| kind == "rpm"));
    let mut rpm = Command::new("rpm");
    rpm.args(["-qp", "--nosignature", "--nodigest", "--qf", &format!("%{{NAME}}\n{form}\n")]);
    let said = lab::run(rpm.args(packages)).exits(0).stdout;
    let lines: Vec<&str> = said.lines().collect();
    lines.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}
