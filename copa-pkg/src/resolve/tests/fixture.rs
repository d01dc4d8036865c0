//! Images and mirrors, written as lines: for tests.

use proptest::prelude::*;

use super::*;
use crate::format::deb::relation::read_relations;
use crate::package::requirement::Requirement;

/// Packages on offer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mirror(pub(crate) Vec<Candidate>);

impl Offers for Mirror {
    fn candidates(&self, name: &str) -> Vec<Candidate> {
        self.sorted(|candidate| candidate.name == name)
    }

    fn providers(&self, name: &str) -> Vec<Candidate> {
        self.sorted(|c| c.relations.provides.iter().any(|provided| provided.name == name))
    }

    fn obsoleting(&self, names: &BTreeSet<&str>) -> BTreeSet<String> {
        let about = |c: &&Candidate| c.relations.obsoletes.iter().any(|r| names.contains(&*r.name));
        self.0.iter().filter(about).map(|c| c.name.clone()).collect()
    }
}

impl Mirror {
    fn sorted(&self, is: impl Fn(&Candidate) -> bool) -> Vec<Candidate> {
        let mut all: Vec<Candidate> = self.0.iter().filter(|c| is(c)).cloned().collect();
        all.sort_by(|a, b| {
            let versions = b.version.partial_cmp(&a.version).unwrap();
            a.name.cmp(&b.name).then(versions).then_with(|| a.arch.cmp(&b.arch))
        });
        all
    }
}

/// Reads `NAME VERSION [ARCH] [hold]; FIELD: VALUE; ...` lines.
pub(crate) fn packages(text: &str) -> Vec<Installed> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (head, fields) = line.split_once(';').unwrap_or((line, ""));
            let words: Vec<&str> = head.split_whitespace().collect();
            let fields: Vec<&str> = fields.split(';').map(str::trim).collect();
            let stanza = format!("Package: {}\n{}\n", words[0], fields.join("\n"));
            Installed {
                name: words[0].into(),
                version: Version::Deb(words[1].parse().unwrap()),
                arch: words.get(2).filter(|word| **word != "hold").unwrap_or(&"amd64").to_string(),
                source: words[0].into(),
                relations: read_relations(stanza.trim_end()).unwrap(),
                held: words.contains(&"hold"),
            }
        })
        .collect()
}

pub(crate) fn mirror(text: &str) -> Mirror {
    offered(packages(text))
}

pub(super) fn offered(packages: Vec<Installed>) -> Mirror {
    let offered = packages.into_iter().map(|package| Candidate {
        url: format!("https://mirror.invalid/{}_{}.deb", package.name, package.version)
            .parse()
            .unwrap(),
        name: package.name,
        version: package.version,
        arch: package.arch,
        source: package.source,
        size: 1,
        checksum: crate::package::checksum::Checksum::Sha256("00".repeat(32)),
        origin: "suite".into(),
        relations: package.relations,
    });
    Mirror(offered.collect())
}

pub(super) fn shown(plan: &UpdatePlan) -> String {
    let updates = plan.updates.iter().map(|update| {
        let from = update.from.as_ref().map_or("new".into(), ToString::to_string);
        let reason = match &update.reason {
            Reason::Requested => String::new(),
            Reason::NeededBy(name) => format!(" for {name}"),
            Reason::Replaces(name) => format!(" in place of {name}"),
        };
        let fixes: String = update.fixes.iter().map(|fix| format!(" {fix}")).collect();
        format!("{} {from} -> {}{reason}{fixes}", update.to.name, update.to.version)
    });
    let skipped = plan.skipped.iter().map(|skipped| {
        let lists: String = skipped.vulnerabilities.iter().map(|v| format!(" {v}")).collect();
        format!("not {}: {}{lists}", skipped.package, skipped.reason)
    });
    updates.chain(skipped).collect::<Vec<_>>().join("\n")
}

/// Findings of a package: `NAME FIX,FIX VULNERABILITY ...`; the fix `-` is none.
pub(super) fn findings(text: &str) -> Vec<Finding> {
    let words: Vec<&str> = text.split(' ').collect();
    let fixed = words[1].split(',').filter(|fixed| *fixed != "-").map(Into::into);
    let finding = |vulnerability: &&str| Finding {
        package: words[0].into(),
        installed: None,
        vulnerability: (*vulnerability).into(),
        fixed: fixed.clone().collect(),
    };
    words[2..].iter().map(finding).collect()
}

/// A small image and a small mirror, in which everything names everything.
pub(super) fn worlds() -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    let name = || prop::sample::select(vec!["a", "b", "c", "d", "e"]);
    let bound = || prop::sample::select(vec!["", "(>= 2)", "(= 1)", "(= 2)", "(<< 2)", "(>= 3)"]);
    let field = || prop::sample::select(vec!["Depends", "Depends", "Breaks", "Conflicts"]);
    let relation = (field(), name(), bound()).prop_map(|(f, n, b)| format!("{f}: {n} {b}"));
    let line = move |versions: Vec<&'static str>| {
        let relations = prop::collection::btree_map(0..3, relation.clone(), 0..3);
        (name(), prop::sample::select(versions), relations).prop_map(
            |(name, version, relations)| {
                // One field of a kind: the later ones of the same kind are dropped.
                let mut fields: BTreeMap<String, String> = BTreeMap::new();
                for relation in relations.into_values() {
                    fields.insert(relation.split(':').next().unwrap().into(), relation);
                }
                let fields: Vec<String> = fields.into_values().collect();
                format!("{name} {version};{}", fields.join(";"))
            },
        )
    };
    let image = prop::collection::btree_map(name(), line(vec!["1", "2"]), 1..5);
    let image = image.prop_map(|all| all.into_values().collect::<Vec<_>>());
    (image, prop::collection::vec(line(vec!["1", "2", "3"]), 0..9))
}

/// Whether one of the packages is what one of the alternatives speaks of.
pub(super) fn holds(
    all: &BTreeMap<String, (Version, crate::package::relation::Relations)>,
    requirement: &Requirement,
) -> bool {
    requirement.alternatives().unwrap().into_iter().any(|constraint| {
        all.get(&constraint.name).is_some_and(|(version, _)| {
            constraint.version.as_ref().is_none_or(|(op, bound)| op.holds(version, bound))
        })
    })
}

/// The first name that a requirement of the fixture says.
pub(super) fn first_name(requirement: &Requirement) -> &str {
    &requirement.alternatives().unwrap()[0].name
}
