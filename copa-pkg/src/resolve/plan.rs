//! What will happen: a value that can be printed, stored and refused.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::package::candidate::Candidate;
use crate::package::removal::Removal;
use crate::resolve::request::Request;
use crate::version::any::Version;

/// What will happen, decided before anything is downloaded. Sorted by package name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdatePlan {
    /// Packages that change.
    pub updates: Vec<Update>,
    /// Packages that go because an update makes them obsolete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removals: Vec<Removal>,
    /// Packages that were asked for, or have an update, and do not change.
    pub skipped: Vec<Skipped>,
}

impl UpdatePlan {
    /// Why nothing is updated, one sentence a reason; empty when something is.
    pub fn why_nothing(&self, request: &Request) -> Vec<String> {
        if !self.updates.is_empty() {
            return Vec::new();
        }
        use Skip::{Conflict, Failed, Held, NoFix, NotInstalled, Scripts};
        use Skip::{Unfixed, Unsatisfied, UpToDate};
        let because = |reason, is: fn(&Skip) -> bool| sentence(reason, &self.skipped, is);
        let mut said: Vec<String> = [
            because("held back in the image", |s| matches!(s, Held { .. })),
            because("the mirrors do not have the fix", |s| matches!(s, NoFix { .. })),
            because("the report knows of no fix", |s| matches!(s, Unfixed)),
            because("the image has the fix already", |s| matches!(s, UpToDate { .. })),
            because("the image does not hold it", |s| matches!(s, NotInstalled)),
            because("an update is there and cannot be installed", |s| {
                matches!(s, Unsatisfied { .. } | Conflict { .. } | Scripts { .. } | Failed { .. })
            }),
        ]
        .into_iter()
        .flatten()
        .collect();
        if said.is_empty() {
            said.push(match request {
                Request::Everything => "the mirrors have nothing newer".to_owned(),
                Request::Only(_) => "the report lists no vulnerable package".to_owned(),
            });
        }
        said
    }
}

/// `REASON: PACKAGE, PACKAGE`, when there is one.
fn sentence(reason: &str, skipped: &[Skipped], is: fn(&Skip) -> bool) -> Option<String> {
    let mut packages: Vec<&str> =
        skipped.iter().filter(|s| is(&s.reason)).map(|s| s.package.as_str()).collect();
    packages.dedup();
    (!packages.is_empty()).then(|| format!("{reason}: {}", packages.join(", ")))
}

/// One package that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The version in the image; `None` for a package that comes along new.
    pub from: Option<Version>,
    /// What takes its place.
    pub to: Candidate,
    /// Why it changes.
    pub reason: Reason,
    /// The vulnerabilities that this fixes: those of the report, or without one those of which
    /// the repositories say so.
    #[serde(default)]
    pub fixes: Vec<String>,
}

/// Why a package changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// It was asked for.
    Requested,
    /// The new version of this package needs it.
    NeededBy(String),
    /// It makes this installed package obsolete, which goes.
    Replaces(String),
}

/// A package that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its name.
    pub package: String,
    /// Why it stays.
    pub reason: Skip,
    /// The vulnerabilities of the report that therefore stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vulnerabilities: Vec<String>,
}

/// Why a package stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Skip {
    /// The report lists it, the image does not hold it.
    NotInstalled,
    /// It has the fix already.
    UpToDate {
        /// The version in the image.
        installed: Version,
    },
    /// The report knows of no version that fixes it.
    Unfixed,
    /// The repositories do not have the fix.
    NoFix {
        /// The version that the report wants.
        wanted: String,
        /// The highest version that they have.
        best: Option<Version>,
    },
    /// Its new version needs something that cannot be had.
    Unsatisfied {
        /// The new version.
        candidate: Version,
        /// The need, as written.
        needs: String,
    },
    /// Its new version cannot be beside something that is installed.
    Conflict {
        /// The new version.
        candidate: Version,
        /// What it cannot be beside.
        with: String,
    },
    /// The image's own database says that it is not to be updated.
    Held {
        /// The version that it could have.
        candidate: Version,
    },
    /// Maintainer scripts that nobody ran would have done something unknown.
    Scripts {
        /// The new version.
        candidate: Version,
        /// The scripts, each with the package that has it when that is another.
        scripts: Vec<String>,
    },
    /// It was planned and then failed: it could not be downloaded, checked or unpacked.
    Failed {
        /// What went wrong.
        error: String,
    },
}

impl Skip {
    /// Whether somebody who asked for this package did not get what they asked for.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::NotInstalled | Self::UpToDate { .. } | Self::Unfixed)
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => f.write_str("not installed"),
            Self::UpToDate { installed } => write!(f, "up to date ({installed})"),
            Self::Unfixed => f.write_str("the report knows of no fix"),
            Self::NoFix { wanted, best: None } => {
                write!(f, "no repository offers it, the report wants {wanted}")
            }
            Self::NoFix { wanted, best: Some(best) } => {
                write!(f, "the repositories have {best}, the report wants {wanted}")
            }
            Self::Unsatisfied { candidate, needs } => {
                write!(f, "{candidate} needs {needs}, which cannot be had")
            }
            Self::Conflict { candidate, with } => write!(f, "{candidate} conflicts with {with}"),
            Self::Held { candidate } => write!(f, "held back in the image ({candidate} is there)"),
            Self::Scripts { scripts, .. } => {
                write!(f, "its scripts would have to run: {}", scripts.join(", "))
            }
            Self::Failed { error } => f.write_str(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_plan_says_why() {
        let skipped = |package: &str, reason| Skipped {
            package: package.into(),
            reason,
            vulnerabilities: Vec::new(),
        };
        let mut plan = UpdatePlan::default();
        assert_eq!(plan.why_nothing(&Request::Everything), ["the mirrors have nothing newer"]);
        assert_eq!(
            plan.why_nothing(&Request::Only(Vec::new())),
            ["the report lists no vulnerable package"]
        );
        plan.skipped = vec![
            skipped("a", Skip::Unfixed),
            skipped("b", Skip::NoFix { wanted: "2".into(), best: None }),
            skipped("c", Skip::Unfixed),
        ];
        assert_eq!(
            plan.why_nothing(&Request::Only(Vec::new())),
            ["the mirrors do not have the fix: b", "the report knows of no fix: a, c"]
        );
        let candidate = Version::Deb("2".parse().unwrap());
        plan.skipped = vec![skipped("a", Skip::Scripts { candidate, scripts: Vec::new() })];
        assert_eq!(
            plan.why_nothing(&Request::Everything),
            ["an update is there and cannot be installed: a"]
        );
    }

    #[test]
    fn reasons_are_shown_and_kept() {
        let version = |text: &str| Version::Deb(text.parse().unwrap());
        let (candidate, best) = (version("2"), Some(version("2")));
        let scripts = vec!["%post".into(), "%triggerin of b".into()];
        for (reason, shown, is_refusal) in [
            (Skip::NotInstalled, "not installed", false),
            (Skip::UpToDate { installed: version("1") }, "up to date (1)", false),
            (Skip::Unfixed, "the report knows of no fix", false),
            (
                Skip::NoFix { wanted: "3".into(), best },
                "the repositories have 2, the report wants 3",
                true,
            ),
            (
                Skip::Unsatisfied { candidate: candidate.clone(), needs: "b".into() },
                "2 needs b, which cannot be had",
                true,
            ),
            (
                Skip::Scripts { candidate, scripts },
                "its scripts would have to run: %post, %triggerin of b",
                true,
            ),
            (Skip::Failed { error: "broken".into() }, "broken", true),
        ] {
            assert_eq!((&*reason.to_string(), reason.is_refusal()), (shown, is_refusal));
            let text = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<Skip>(&text).unwrap(), reason, "{text}");
        }
    }
}
