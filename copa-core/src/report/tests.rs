use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::Kind;
use crate::oci::Digest;

fn subject() -> Subject {
    Subject {
        image: "registry.example/app:1.0".into(),
        platform: "linux/amd64".parse().unwrap(),
        distribution: "debian".into(),
        release: "12".into(),
        image_id: Digest::sha256(b"config"),
        manifests: vec![Digest::sha256(b"manifest"), Digest::sha256(b"index")],
        diff_ids: vec![Digest::sha256(b"1"), Digest::sha256(b"2")],
    }
}

/// A report about [`subject`] with this metadata put over the right one, and these findings.
fn report(metadata: &str, findings: &[(&str, &str, &str, &str)]) -> Report {
    let mut all = serde_json::json!({
        "OS": {"Family": "debian", "Name": "12.5"},
        "ImageID": subject().image_id,
        "DiffIDs": subject().diff_ids,
        "ImageConfig": {"architecture": "amd64"},
    });
    let over: serde_json::Map<_, _> = serde_json::from_str(metadata).unwrap();
    all.as_object_mut().unwrap().extend(over);
    let finding = |(package, installed, id, fixed): &(&str, &str, &str, &str)| {
        serde_json::json!({"VulnerabilityID": id, "PkgName": package,
            "InstalledVersion": installed, "FixedVersion": fixed})
    };
    let findings: Vec<_> = findings.iter().map(finding).collect();
    let document = serde_json::json!({
        "SchemaVersion": 2, "ArtifactName": "app:1.0", "Metadata": all,
        "Results": [
            {"Class": "os-pkgs", "Type": "debian", "Vulnerabilities": findings},
            {"Class": "lang-pkgs", "Type": "gemspec", "Vulnerabilities": [
                {"VulnerabilityID": "CVE-1", "PkgName": "gem", "FixedVersion": "1"}]},
            {"Class": "os-pkgs", "Type": "debian"},
        ],
    });
    Report::parse(document.to_string().as_bytes()).unwrap()
}

fn findings(request: Request) -> Vec<Finding> {
    let Request::Only(findings) = request else { panic!("not everything") };
    findings
}

#[test]
fn lists_and_findings_are_bounded() {
    let error = |document: String| Report::parse(document.as_bytes()).unwrap_err().to_string();
    let many = |element: &str, count: usize| vec![element; count].join(",");
    let results = many("{}", 200_001);
    let long = error(format!(r#"{{"SchemaVersion":2,"Results":[{results}]}}"#));
    assert!(long.contains("a list of more than 200000"), "{long}");
    let findings = many(r#"{"VulnerabilityID":"C","PkgName":"p"}"#, 100_001);
    let result = format!(r#"{{"Class":"os-pkgs","Vulnerabilities":[{findings}]}}"#);
    let long = error(format!(r#"{{"SchemaVersion":2,"Results":[{result},{result}]}}"#));
    assert!(long.contains("more than 200000 findings"), "{long}");
}

/// Which fix counts, the plan says: it knows the order of versions.
#[test]
fn each_finding_is_handed_on_as_it_is() {
    let report = report(
        "{}",
        &[
            ("zlib1g", "1:1.2.13-1", "CVE-5", ""),
            ("libssl3", "3.0.9-1", "CVE-2", "3.0.11-1~deb12u2"),
            ("libssl3", "3.0.9-1", "CVE-2", "3.0.11-1~deb12u2"),
            ("libssl3", "", "CVE-4", "3.0.10-1, 1.1.1-1 ,4.0-1"),
            ("libssl3", "3.0.9-1", "CVE-6", " , "),
        ],
    );
    let finding = |package: &str, installed: &str, id: &str, fixed: &[&str]| Finding {
        package: package.into(),
        installed: Some(installed.to_owned()).filter(|text| !text.is_empty()),
        vulnerability: id.into(),
        fixed: fixed.iter().map(ToString::to_string).collect(),
    };
    let all = [
        finding("zlib1g", "1:1.2.13-1", "CVE-5", &[]),
        finding("libssl3", "3.0.9-1", "CVE-2", &["3.0.11-1~deb12u2"]),
        finding("libssl3", "3.0.9-1", "CVE-2", &["3.0.11-1~deb12u2"]),
        finding("libssl3", "", "CVE-4", &["3.0.10-1", "1.1.1-1", "4.0-1"]),
        finding("libssl3", "3.0.9-1", "CVE-6", &[]),
    ];
    assert!(report.findings().eq(&all));
    assert_eq!(findings(report.request(&subject()).unwrap()), all);
}

#[test]
fn a_report_is_made_of_findings() {
    let finding = Finding {
        package: "a".into(),
        installed: None,
        vulnerability: "CVE-1".into(),
        fixed: vec!["2".into()],
    };
    let report = Report::new(vec![finding.clone()]);
    assert_eq!(findings(report.request(&subject()).unwrap()), [finding.clone()]);
    let system = ScannedSystem { family: "debian".into(), release: "11".into() };
    let of = |system: ScannedSystem| Scanned { system: Some(system), ..Scanned::default() };
    let other = report.clone().with_scanned(of(system.clone()));
    assert_eq!(other.request(&subject()).unwrap_err().code(), "other-image");
    let same = report.with_scanned(of(ScannedSystem { release: "12.5".into(), ..system }));
    assert_eq!(findings(same.request(&subject()).unwrap()), [finding]);
    assert_eq!(same.scanned().architecture, None);
}

#[test]
fn a_report_of_something_else_is_refused_with_both_named() {
    let diff = Digest::sha256(b"3");
    let other_layers = format!(r#"{{"DiffIDs": ["{diff}"]}}"#);
    let other_config = format!(r#"{{"DiffIDs": [], "ImageID": "{diff}"}}"#);
    let other_manifest =
        format!(r#"{{"DiffIDs": null, "ImageID": "", "RepoDigests": ["a@{diff}"]}}"#);
    for (metadata, theirs, ours) in [
        (r#"{"OS": {"Family": "alpine", "Name": "3.10.2"}}"#, "alpine 3.10.2", "debian 12"),
        (r#"{"OS": {"Family": "debian", "Name": "11.6"}}"#, "debian 11.6", "debian 12"),
        (r#"{"ImageConfig": {"architecture": "arm64"}}"#, "arm64", "amd64"),
        (&other_layers, "app:1.0", "registry.example/app:1.0"),
        (&other_config, diff.as_str(), subject().image_id.as_str()),
        (&other_manifest, diff.as_str(), "registry.example/app:1.0"),
    ] {
        let error = report(metadata, &[]).request(&subject()).unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Input, "other-image"), "{metadata}");
        let text = error.to_string();
        assert!(text.contains(theirs) && text.contains(ours), "{text}");
    }
}

#[test]
fn a_report_of_this_image_is_taken() {
    let index = Digest::sha256(b"index");
    let by_digest = format!(r#"{{"DiffIDs": [], "ImageID": "", "RepoDigests": ["x/y@{index}"]}}"#);
    for metadata in [
        "{}",
        &by_digest,
        r#"{"OS": null}"#,
        r#"{"OS": {"Family": "debian", "Name": "bookworm/sid"}}"#,
        r#"{"ImageConfig": null}"#,
        r#"{"DiffIDs": null, "ImageID": ""}"#,
    ] {
        report(metadata, &[]).request(&subject()).unwrap_or_else(|e| panic!("{metadata}: {e}"));
    }
}

#[test]
fn an_image_without_findings_is_a_report() {
    let report = Report::parse(br#"{"SchemaVersion": 2, "ArtifactName": "a"}"#).unwrap();
    assert_eq!((&*report.scanned().artifact, report.findings().len()), ("a", 0));
    assert_eq!(findings(report.request(&subject()).unwrap()), []);
}

#[test]
fn other_documents_are_refused_by_name() {
    for (text, word) in [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not JSON"),
        (r#"{"SchemaVersion": 1}"#, "schema version 1"),
        (r#"{"bomFormat": "CycloneDX"}"#, "CycloneDX"),
        (r#"{"matches": []}"#, "Grype"),
        (r#"{"SchemaVersion": "2"}"#, "schema version 2"),
        (
            r#"{"SchemaVersion":2,"Results":[{"Class":"os-pkgs","Vulnerabilities":[
            {"VulnerabilityID":"CVE-1","PkgName":"a\u001b[31m"}]}]}"#,
            "cannot be one",
        ),
    ] {
        let error = Report::parse(text.as_bytes()).unwrap_err();
        assert!(error.to_string().contains(word), "{text}: {error}");
        assert_eq!((error.kind(), error.code()), (Kind::Input, "report"));
    }
}

/// The directory of real files that tests may look at; a machine without it says so.
fn corpus(part: &str) -> Option<PathBuf> {
    #[allow(clippy::disallowed_methods)] // a test's own switch
    let (corpus, ci) = (std::env::var_os("COPA_CORPUS"), std::env::var_os("CI"));
    match corpus {
        Some(corpus) => Some(PathBuf::from(corpus).join(part)),
        None if ci.is_some_and(|ci| ci == "true") => panic!("COPA_CORPUS is not set"),
        None => {
            eprintln!("SKIPPED: COPA_CORPUS is not set, {part} is not looked at");
            None
        }
    }
}

#[test]
fn real_reports_are_read_and_held_against_the_image() {
    let Some(folder) = corpus("aquasecurity+trivy/reports") else { return };
    let mut seen = 0;
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let report = Report::parse(&bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let error = report.request(&subject()).unwrap_err();
        assert_eq!(error.code(), "other-image", "{}", path.display());
        report.request(&about(&report)).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let text = String::from_utf8_lossy(&bytes).into_owned();
        report.findings().for_each(|f| assert!(text.contains(&f.vulnerability)));
        seen += 1;
    }
    assert!(seen >= 15, "{seen}");
}

/// The image that a real report is about.
fn about(report: &Report) -> Subject {
    let scanned = report.scanned();
    let ScannedSystem { family, release } = scanned.system.clone().unwrap();
    let distribution = match family.as_str() {
        "alma" => "almalinux",
        "amazon" => "amzn",
        "cbl-mariner" => "mariner",
        "oracle" => "ol",
        "slem" => "sle-micro",
        other => other,
    };
    Subject {
        distribution: distribution.into(),
        release: release.split('.').next().unwrap().split(' ').next().unwrap().into(),
        diff_ids: scanned.diff_ids.iter().map(|d| d.parse().unwrap()).collect(),
        ..subject()
    }
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Report::parse(&bytes);
    }

    #[test]
    fn no_metadata_panics(os in ".{0,12}", name in ".{0,12}", id in ".{0,80}", fix in ".{0,20}") {
        let document = serde_json::json!({"SchemaVersion": 2, "ArtifactName": id,
            "Metadata": {"OS": {"Family": os, "Name": name}, "DiffIDs": [id], "ImageID": id},
            "Results": [{"Class": "os-pkgs", "Vulnerabilities": [
                {"VulnerabilityID": "C", "PkgName": "p", "FixedVersion": fix}]}]});
        if let Ok(report) = Report::parse(document.to_string().as_bytes()) {
            let _ = report.request(&subject());
            let _ = report.request(&Subject { diff_ids: vec![], ..subject() });
        }
    }
}
