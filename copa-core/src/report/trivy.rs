//! Trivy's JSON report, schema version 2 (`trivy/pkg/types/report.go`).

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::error::{Error, Result};
use crate::pkg::Finding;
use crate::report::scanned::{Scanned, ScannedSystem};
use crate::report::vulnerability_report::Report;

/// The longest name, version or identifier in a report.
const LONGEST_WORD: usize = 1024;
/// The longest list in a report, and the most findings: an element may be three bytes of it.
const MOST: usize = 200_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    schema_version: u64,
    #[serde(default)]
    artifact_name: String,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    results: Option<List<TargetResult>>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default, rename = "OS")]
    os: Option<Os>,
    #[serde(default, rename = "ImageID")]
    image_id: Option<String>,
    #[serde(default, rename = "DiffIDs")]
    diff_ids: Option<List<String>>,
    #[serde(default, rename = "RepoDigests")]
    repo_digests: Option<List<String>>,
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
    vulnerabilities: Option<List<Vulnerability>>,
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

/// A list that is no longer than [`MOST`].
struct List<T>(Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<List<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = from.next_element()? {
            if list.len() == MOST {
                return Err(A::Error::custom(format!("a list of more than {MOST}")));
            }
            list.push(element);
        }
        Ok(List(list))
    }
}

/// Reads a report. A report without results is one about an image without findings.
pub(super) fn parse(bytes: &[u8]) -> Result<Report> {
    let document: Document = serde_json::from_slice(bytes).map_err(|e| what_else(bytes, &e))?;
    if document.schema_version != 2 {
        let version = document.schema_version;
        return Err(Error::report(format!("has Trivy's schema version {version}, expected 2")));
    }
    let metadata = document.metadata.unwrap_or_default();
    let results = document.results.unwrap_or_default().0.into_iter();
    let vulnerabilities = results
        .filter(|r| r.class == "os-pkgs")
        .flat_map(|r| r.vulnerabilities.unwrap_or_default().0);
    let findings: Vec<Finding> =
        vulnerabilities.take(MOST + 1).map(Vulnerability::finding).collect::<Result<_>>()?;
    if findings.len() > MOST {
        return Err(Error::report(format!("has more than {MOST} findings")));
    }
    Ok(Report::new(findings).with_scanned(metadata.scanned(document.artifact_name)))
}

impl Metadata {
    fn scanned(self, artifact: String) -> Scanned {
        let system = self.os.filter(|os| !os.family.is_empty());
        Scanned {
            artifact,
            system: system.map(|os| ScannedSystem { family: os.family, release: os.name }),
            architecture: self.image_config.map(|c| c.architecture).filter(|a| !a.is_empty()),
            image_id: self.image_id.filter(|id| !id.is_empty()),
            diff_ids: self.diff_ids.unwrap_or_default().0,
            repo_digests: self.repo_digests.unwrap_or_default().0,
        }
    }
}

impl Vulnerability {
    fn finding(self) -> Result<Finding> {
        for word in [&self.id, &self.package, &self.installed, &self.fixed] {
            if word.len() > LONGEST_WORD || word.chars().any(char::is_control) {
                let start: String = word.chars().take(60).collect();
                return Err(Error::report(format!(
                    "has a name or version that cannot be one: {start:?}"
                )));
            }
        }
        let fixed = self.fixed.split(',').map(str::trim).filter(|v| !v.is_empty());
        Ok(Finding {
            fixed: fixed.map(str::to_owned).collect(),
            package: self.package,
            vulnerability: self.id,
            installed: Some(self.installed).filter(|v| !v.is_empty()),
        })
    }
}

/// What tells other documents. Nothing of them is kept.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marks {
    bom_format: Option<IgnoredAny>,
    spdx_version: Option<IgnoredAny>,
    matches: Option<IgnoredAny>,
    runs: Option<IgnoredAny>,
    vulnerabilities: Option<IgnoredAny>,
}

/// Says what a document is that is not a report of Trivy's.
fn what_else(bytes: &[u8], error: &serde_json::Error) -> crate::error::Error {
    let is_object = bytes.trim_ascii_start().starts_with(b"{");
    let Some(marks) = serde_json::from_slice::<Marks>(bytes).ok().filter(|_| is_object) else {
        return Error::report(format!("is not JSON: {error}"));
    };
    let kinds = [
        (marks.bom_format, "is a CycloneDX document"),
        (marks.spdx_version, "is an SPDX document"),
        (marks.matches, "is Grype's"),
        (marks.runs, "is a SARIF document"),
        (marks.vulnerabilities, "is another scanner's"),
    ];
    match kinds.iter().find(|(mark, _)| mark.is_some()) {
        Some((_, kind)) => Error::report(format!("{kind}, not Trivy's JSON")),
        None => Error::report(format!("is not Trivy's JSON of schema version 2: {error}")),
    }
}
