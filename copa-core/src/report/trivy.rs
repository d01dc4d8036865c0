//! Trivy's JSON report, schema version 2 (`trivy/pkg/types/report.go`).

use serde::Deserialize;
use serde_json::Value;

use super::{Finding, Report, refused};
use crate::Result;

/// The longest name, version or identifier in a report.
const LONGEST_WORD: usize = 1024;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    schema_version: u64,
    #[serde(default)]
    artifact_name: String,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    results: Option<Vec<TargetResult>>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default, rename = "OS")]
    os: Option<Os>,
    #[serde(default, rename = "ImageID")]
    image_id: Option<String>,
    #[serde(default, rename = "DiffIDs")]
    diff_ids: Option<Vec<String>>,
    #[serde(default, rename = "RepoDigests")]
    repo_digests: Option<Vec<String>>,
    #[serde(default, rename = "ImageConfig")]
    image_config: Option<ImageConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Os {
    #[serde(default)]
    family: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct ImageConfig {
    #[serde(default)]
    architecture: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TargetResult {
    #[serde(default)]
    class: String,
    #[serde(default)]
    vulnerabilities: Option<Vec<Vulnerability>>,
}

#[derive(Deserialize)]
struct Vulnerability {
    #[serde(rename = "VulnerabilityID")]
    id: String,
    #[serde(rename = "PkgName")]
    package: String,
    #[serde(default, rename = "InstalledVersion")]
    installed: String,
    #[serde(default, rename = "FixedVersion")]
    fixed: String,
}

/// Reads a report. A report without results is one about an image without findings.
pub(super) fn parse(bytes: &[u8]) -> Result<Report> {
    let document: Document = serde_json::from_slice(bytes).map_err(|e| what_else(bytes, &e))?;
    if document.schema_version != 2 {
        let version = document.schema_version;
        return Err(refused(format!("has Trivy's schema version {version}, expected 2")));
    }
    let metadata = document.metadata.unwrap_or_default();
    let results = document.results.unwrap_or_default().into_iter();
    let vulnerabilities = results
        .filter(|r| r.class == "os-pkgs")
        .flat_map(|r| r.vulnerabilities.unwrap_or_default());
    Ok(Report {
        artifact: document.artifact_name,
        system: metadata.os.filter(|os| !os.family.is_empty()).map(|os| (os.family, os.name)),
        architecture: metadata.image_config.map(|c| c.architecture).filter(|a| !a.is_empty()),
        image_id: metadata.image_id.filter(|id| !id.is_empty()),
        diff_ids: metadata.diff_ids.unwrap_or_default(),
        repo_digests: metadata.repo_digests.unwrap_or_default(),
        findings: vulnerabilities.map(Finding::try_from).collect::<Result<_>>()?,
    })
}

impl TryFrom<Vulnerability> for Finding {
    type Error = crate::Error;

    fn try_from(from: Vulnerability) -> Result<Self> {
        for word in [&from.id, &from.package, &from.installed, &from.fixed] {
            if word.len() > LONGEST_WORD || word.chars().any(char::is_control) {
                let start: String = word.chars().take(60).collect();
                return Err(refused(format!(
                    "has a name or version that cannot be one: {start:?}"
                )));
            }
        }
        let fixed = from.fixed.split(',').map(str::trim).filter(|v| !v.is_empty());
        Ok(Self {
            fixed: fixed.map(str::to_owned).collect(),
            package: from.package,
            vulnerability: from.id,
            installed: Some(from.installed).filter(|v| !v.is_empty()),
        })
    }
}

/// Says what a document is that is not a report of Trivy's.
fn what_else(bytes: &[u8], error: &serde_json::Error) -> crate::Error {
    let Ok(Value::Object(keys)) = serde_json::from_slice(bytes) else {
        return refused(format!("is not JSON: {error}"));
    };
    let kinds = [
        ("bomFormat", "is a CycloneDX document"),
        ("spdxVersion", "is an SPDX document"),
        ("matches", "is Grype's"),
        ("runs", "is a SARIF document"),
        ("vulnerabilities", "is another scanner's"),
    ];
    match kinds.iter().find(|(key, _)| keys.contains_key(*key)) {
        Some((_, kind)) => refused(format!("{kind}, not Trivy's JSON")),
        None => refused(format!("is not Trivy's JSON of schema version 2: {error}")),
    }
}
