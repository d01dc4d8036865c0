//! What is left of a plan when some of its packages fail.

use std::collections::BTreeMap;

use crate::pkg::{
    Candidate, Constraint, Dependency, Installed, Relations, Skip, Skipped, Update, UpdatePlan,
    Version,
};

/// The plan without the packages that failed, and without those that need them: what was
/// satisfied by the whole plan must be satisfied by the rest. `failed` holds the errors by
/// package name.
pub(crate) fn without(
    plan: &UpdatePlan,
    installed: &[Installed],
    mut failed: BTreeMap<String, String>,
) -> UpdatePlan {
    let whole = State::after(installed, &plan.updates, &BTreeMap::new());
    while let Some((package, needs)) = broken(plan, installed, &whole, &failed) {
        failed.insert(package, format!("{needs} cannot be had: its update failed"));
    }
    let (gone, left): (Vec<_>, Vec<_>) =
        plan.updates.iter().cloned().partition(|update| failed.contains_key(&update.to.name));
    let mut skipped = plan.skipped.clone();
    skipped.extend(gone.into_iter().map(|update| Skipped {
        reason: Skip::Failed { error: failed.get(&update.to.name).cloned().unwrap_or_default() },
        package: update.to.name,
        vulnerabilities: update.fixes,
    }));
    skipped.sort_by(|a, b| a.package.cmp(&b.package));
    UpdatePlan { updates: left, skipped }
}

/// A package whose update has to be given up too, and the need that is no longer met.
fn broken(
    plan: &UpdatePlan,
    installed: &[Installed],
    whole: &State<'_>,
    failed: &BTreeMap<String, String>,
) -> Option<(String, String)> {
    let state = State::after(installed, &plan.updates, failed);
    let unmet = |relations: &Relations| {
        let lost = |need: &&Dependency| whole.meets(need) && !state.meets(need);
        relations.requires.iter().find(lost).cloned()
    };
    let (left, gone): (Vec<_>, Vec<_>) =
        plan.updates.iter().partition(|update| !failed.contains_key(&update.to.name));
    for update in &left {
        if let Some(need) = unmet(&update.to.relations) {
            return Some((update.to.name.clone(), need.to_string()));
        }
    }
    // What failed stays as it was, and what it makes obsolete. It must go on having what it had.
    let before = State::after(installed, &[], failed);
    let stays = |old: &&Installed| gone.iter().any(|update| replaces(&update.to, old));
    for old in installed.iter().filter(stays) {
        if let Some(update) = left.iter().find(|update| makes_obsolete(&update.to, old)) {
            let kept =
                format!("{} {}, which it makes obsolete and which stays,", old.name, old.version);
            return Some((update.to.name.clone(), format!("an update beside {kept}")));
        }
        let lost = |need: &&Dependency| before.meets(need) && !state.meets(need);
        let Some(need) = old.relations.requires.iter().find(lost) else { continue };
        let culprit = left.iter().find(|update| {
            let lost = installed.iter().filter(|other| makes_obsolete(&update.to, other));
            let mut all = lost.map(|other| (&*other.name, &other.relations));
            let new = (&*update.to.name, &update.to.relations);
            all.any(|lost| concerns(need, lost)) || concerns(need, new)
        });
        if let Some(update) = culprit {
            let kept = format!("{} {}, which needs {need} and stays,", old.name, old.version);
            return Some((update.to.name.clone(), format!("an update beside {kept}")));
        }
    }
    None
}

/// Whether the need names the package or what it provides.
fn concerns(need: &Dependency, (name, relations): (&str, &Relations)) -> bool {
    let mut provides = relations.provides.iter().map(|provided| &*provided.name).chain([name]);
    provides.any(|provided| need.0.iter().any(|constraint| constraint.name == provided))
}

/// Whether the installed package goes when the new one comes.
fn replaces(new: &Candidate, old: &Installed) -> bool {
    let for_all = |arch: &str| matches!(arch, "all" | "noarch");
    let same_arch = new.arch == old.arch || for_all(&new.arch) || for_all(&old.arch);
    (new.name == old.name && same_arch) || makes_obsolete(new, old)
}

fn makes_obsolete(new: &Candidate, old: &Installed) -> bool {
    new.makes_obsolete(&old.name, &old.version)
}

/// What an image holds: names, with the versions they stand for.
#[derive(Debug, Default)]
struct State<'a>(BTreeMap<&'a str, Vec<Option<&'a Version>>>);

impl<'a> State<'a> {
    fn after(
        installed: &'a [Installed],
        updates: &'a [Update],
        failed: &BTreeMap<String, String>,
    ) -> Self {
        let mut state = Self::default();
        let updated = updates.iter().filter(|update| !failed.contains_key(&update.to.name));
        let updated: Vec<&Candidate> = updated.map(|update| &update.to).collect();
        for old in installed.iter().filter(|old| !updated.iter().any(|new| replaces(new, old))) {
            state.add(&old.name, &old.version, &old.relations);
        }
        for new in updated {
            state.add(&new.name, &new.version, &new.relations);
        }
        state
    }

    fn add(&mut self, name: &'a str, version: &'a Version, relations: &'a Relations) {
        self.0.entry(name).or_default().push(Some(version));
        for provided in &relations.provides {
            let version = provided.version.as_ref().map(|(_, version)| version);
            self.0.entry(&provided.name).or_default().push(version);
        }
    }

    fn meets(&self, need: &Dependency) -> bool {
        need.0.iter().any(|constraint| self.has(constraint))
    }

    fn has(&self, constraint: &Constraint) -> bool {
        let mut versions = self.0.get(constraint.name.as_str()).into_iter().flatten();
        versions.any(|version| match (&constraint.version, version) {
            (None, _) => true,
            (Some((operator, bound)), Some(version)) => operator.holds(version, bound),
            (Some(_), None) => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pkg::{Checksum, Operator, Reason};

    fn version(text: &str) -> Version {
        Version::Deb(text.parse().unwrap())
    }

    /// Needs such as `libc6>=2` and `libc6=2`.
    fn relations(needs: &[&str]) -> Relations {
        let need = |text: &&str| {
            let at = text.find(['>', '=']).unwrap_or(text.len());
            let (name, bound) = text.split_at(at);
            let operator =
                if bound.starts_with('>') { Operator::GreaterOrEqual } else { Operator::Equal };
            let bound = bound.trim_start_matches(['>', '=']);
            let version = (!bound.is_empty()).then(|| (operator, version(bound)));
            Dependency(vec![Constraint { name: name.into(), arch: None, version }])
        };
        Relations { requires: needs.iter().map(need).collect(), ..Relations::default() }
    }

    fn installed(name: &str, needs: &[&str]) -> Installed {
        Installed {
            name: name.into(),
            version: version("1"),
            arch: "amd64".into(),
            source: name.into(),
            relations: relations(needs),
            held: false,
        }
    }

    fn update(name: &str, needs: &[&str]) -> Update {
        let to = Candidate {
            name: name.into(),
            version: version("2"),
            arch: "amd64".into(),
            source: name.into(),
            url: "http://mirror.invalid/x.deb".parse().unwrap(),
            size: 1,
            checksum: Checksum::Sha256(String::new()),
            origin: "stable".into(),
            relations: relations(needs),
        };
        let fixes = vec![format!("CVE-{name}")];
        Update { from: Some(version("1")), to, reason: Reason::Requested, fixes }
    }

    /// What is left when `fails` fails: the names of the updates, and of what was skipped.
    fn left(installed: &[Installed], updates: Vec<Update>, fails: &str) -> (String, String) {
        let plan = UpdatePlan { updates, skipped: vec![] };
        let rest = without(&plan, installed, [(fails.into(), "broken".into())].into());
        let names: Vec<_> = rest.updates.iter().map(|u| u.to.name.as_str()).collect();
        let gone: Vec<_> = rest.skipped.iter().map(|s| s.package.as_str()).collect();
        assert!(rest.skipped.iter().all(|s| s.vulnerabilities == [format!("CVE-{}", s.package)]));
        (names.join(" "), gone.join(" "))
    }

    #[test]
    fn what_needs_a_failed_update_goes_too() {
        let image =
            [installed("a", &[]), installed("b", &[]), installed("c", &[]), installed("d", &[])];
        let updates = || {
            vec![
                update("a", &["b>2"]),
                update("b", &["c=2"]),
                update("c", &[]),
                update("d", &["b", "c>1"]),
            ]
        };
        assert_eq!(left(&image, updates(), "c"), ("d".into(), "a b c".into()));
        assert_eq!(left(&image, updates(), "b"), ("c d".into(), "a b".into()));
        assert_eq!(left(&image, updates(), "d"), ("a b c".into(), "d".into()));
    }

    #[test]
    fn siblings_in_lock_step_stay_together() {
        let image = [installed("lib", &[]), installed("bin", &["lib=1"])];
        let updates = || vec![update("bin", &["lib=2"]), update("lib", &[])];
        assert_eq!(left(&image, updates(), "bin"), (String::new(), "bin lib".into()));
        assert_eq!(left(&image, updates(), "lib"), (String::new(), "bin lib".into()));
    }

    /// An RPM package: `NAME VERSION ARCH`, what it needs and what it makes obsolete.
    fn rpm(line: &str, needs: &[&str], obsoletes: &[&str]) -> Installed {
        let words: Vec<&str> = line.split(' ').collect();
        let bare = |name: &&str| Constraint { name: (*name).into(), arch: None, version: None };
        Installed {
            name: words[0].into(),
            version: Version::Rpm(words[1].parse().unwrap()),
            arch: words[2].into(),
            relations: Relations {
                requires: needs.iter().map(|need| Dependency(vec![bare(need)])).collect(),
                replaces: obsoletes.iter().map(bare).collect(),
                ..Relations::default()
            },
            ..installed(words[0], &[])
        }
    }

    fn rpm_update(to: Installed) -> Update {
        let mut update = update(&to.name, &[]);
        update.to.version = to.version;
        update.to.arch = to.arch;
        update.to.relations = to.relations;
        update
    }

    #[test]
    fn what_is_obsolete_stays_when_its_successor_fails() {
        let image = [rpm("old 1 x86_64", &["lib"], &[]), rpm("lib 1 x86_64", &[], &[])];
        let new = || rpm_update(rpm("new 2 x86_64", &[], &["old"]));
        let other = || rpm_update(rpm("other 2 x86_64", &[], &["lib"]));
        assert_eq!(left(&image, vec![new(), other()], "other"), ("new".into(), "other".into()));
        assert_eq!(left(&image, vec![new(), other()], "new"), (String::new(), "new other".into()));
        // A package that was divided.
        let old = rpm_update(rpm("old 2 x86_64", &["new"], &[]));
        assert_eq!(left(&image, vec![new(), old], "old"), (String::new(), "new old".into()));
    }

    #[test]
    fn architectures_are_kept_apart() {
        let image = [rpm("lib 1 i686", &[], &[]), rpm("lib 1 x86_64", &[], &[])];
        let (a, b) = (rpm("lib 2 i686", &[], &[]), rpm("lib 2 x86_64", &[], &[]));
        let updates = vec![rpm_update(a), rpm_update(b)];
        assert_eq!(left(&image, updates, "lib"), (String::new(), "lib lib".into()));
        let new = rpm("lib 2 x86_64", &[], &[]);
        assert!(replaces(&rpm_update(new.clone()).to, &image[1]));
        assert!(!replaces(&rpm_update(new).to, &image[0]));
    }

    #[test]
    fn what_the_image_never_had_is_not_missed() {
        let image = [installed("tzdata", &["debconf"]), installed("a", &[])];
        let updates = || vec![update("a", &[]), update("tzdata", &["debconf"])];
        assert_eq!(left(&image, updates(), "a"), ("tzdata".into(), "a".into()));
        assert_eq!(left(&image, updates(), "tzdata"), ("a".into(), "tzdata".into()));
    }
}
