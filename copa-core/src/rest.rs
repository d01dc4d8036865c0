//! What is left of a plan when some of its packages fail.

use std::collections::BTreeMap;

use crate::pkg::{
    Candidate, Constraint, Dependency, Holdings, Installed, Relations, Skip, Skipped, Update,
    UpdatePlan,
};

/// The plan without the packages that failed, and without those that need them: what was
/// satisfied by the whole plan must be satisfied by the rest. `failed` holds the errors by
/// package name.
pub(crate) fn without(
    plan: &UpdatePlan,
    installed: &[Installed],
    mut failed: BTreeMap<String, String>,
) -> UpdatePlan {
    let whole = after(installed, &plan.updates, &BTreeMap::new());
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
    whole: &Holdings<'_>,
    failed: &BTreeMap<String, String>,
) -> Option<(String, String)> {
    let state = after(installed, &plan.updates, failed);
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
        let appears = |excluded: &&Constraint| !whole.has(excluded) && state.has(excluded);
        if let Some(excluded) = update.to.relations.conflicts.iter().find(appears) {
            return Some((update.to.name.clone(), format!("an update beside {excluded}")));
        }
    }
    // What failed stays as it was, and what it makes obsolete. It must go on having what it had.
    let before = after(installed, &[], failed);
    let stays = |old: &&Installed| gone.iter().any(|update| replaces(&update.to, old));
    for old in installed.iter().filter(stays) {
        if let Some(update) = left.iter().find(|update| makes_obsolete(&update.to, old)) {
            let kept =
                format!("{} {}, which it makes obsolete and which stays,", old.name, old.version);
            return Some((update.to.name.clone(), format!("an update beside {kept}")));
        }
        let lost = |need: &&Dependency| before.meets(need) && !state.meets(need);
        let Some(need) = old.relations.requires.iter().find(lost) else { continue };
        let culprit = |conditions| {
            let names: Vec<&str> = need.0.iter().flat_map(|any| any.names(conditions)).collect();
            left.iter().find(|update| {
                let lost = installed.iter().filter(|other| makes_obsolete(&update.to, other));
                let mut all = lost.map(|other| (&*other.name, &other.relations));
                let new = (&*update.to.name, &update.to.relations);
                all.any(|lost| concerns(&names, lost)) || concerns(&names, new)
            })
        };
        if let Some(update) = culprit(false).or_else(|| culprit(true)) {
            let kept = format!("{} {}, which needs {need} and stays,", old.name, old.version);
            return Some((update.to.name.clone(), format!("an update beside {kept}")));
        }
    }
    None
}

/// Whether one of the names is the package or what it provides.
fn concerns(names: &[&str], (name, relations): (&str, &Relations)) -> bool {
    let mut provides = relations.provides.iter().map(|provided| &*provided.name).chain([name]);
    provides.any(|provided| names.contains(&provided))
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

/// What the image holds after the updates that did not fail.
fn after<'a>(
    installed: &'a [Installed],
    updates: &'a [Update],
    failed: &BTreeMap<String, String>,
) -> Holdings<'a> {
    let mut holdings = Holdings::default();
    let updated = updates.iter().filter(|update| !failed.contains_key(&update.to.name));
    let updated: Vec<&Candidate> = updated.map(|update| &update.to).collect();
    for old in installed.iter().filter(|old| !updated.iter().any(|new| replaces(new, old))) {
        holdings.add(old);
    }
    for new in updated {
        let before = |old: &&Installed| old.name == new.name && replaces(new, old);
        holdings.add_update(new, installed.iter().find(before));
    }
    holdings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pkg::{Checksum, Operator, Reason, Version};

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
                obsoletes: obsoletes.iter().map(bare).collect(),
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

    /// As the plan asked of the whole, so it is asked of the rest.
    #[test]
    fn rich_dependencies_are_asked_of_the_rest() {
        let image = || {
            [rpm("a 1 x86_64", &[], &[]), rpm("b 1 x86_64", &[], &[]), rpm("c 1 x86_64", &[], &[])]
        };
        let plan = |needs| {
            let a = rpm_update(rpm("a 2 x86_64", &[needs], &[]));
            vec![
                a,
                rpm_update(rpm("b 2 x86_64", &[], &[])),
                rpm_update(rpm("c 2 x86_64", &[], &[])),
            ]
        };
        for (needs, kept) in [
            ("(b >= 2 if c)", false),
            ("(b >= 2 if d)", true),
            ("(b >= 2 or c >= 2)", true),
            ("((b >= 2 and c) or d)", false),
            ("(b with b < 2)", true),
            ("(c unless b < 2)", false),
        ] {
            let wanted = if kept { ("a c", "b") } else { ("c", "a b") };
            let wanted = (wanted.0.to_owned(), wanted.1.to_owned());
            assert_eq!(left(&image(), plan(needs), "b"), wanted, "{needs}");
        }
        // What stays as it was keeps what it had.
        let b = rpm("b 1 x86_64", &["(c < 2 if a)"], &[]);
        let image = [rpm("a 1 x86_64", &[], &[]), b, rpm("c 1 x86_64", &[], &[])];
        assert_eq!(left(&image, plan("c"), "b"), ("a".into(), "b c".into()));
    }

    #[test]
    fn what_an_update_excludes_does_not_stay_beside_it() {
        let image = [rpm("a 1 x86_64", &[], &[]), rpm("b 1 x86_64", &[], &[])];
        let mut a = rpm_update(rpm("a 2 x86_64", &[], &[]));
        let bound = Some((Operator::Less, Version::Rpm("2".parse().unwrap())));
        a.to.relations.conflicts =
            vec![Constraint { name: "b".into(), arch: None, version: bound }];
        let updates = vec![a, rpm_update(rpm("b 2 x86_64", &[], &[]))];
        assert_eq!(left(&image, updates.clone(), "b"), (String::new(), "a b".into()));
        assert_eq!(left(&image, updates, "a"), ("b".into(), "a".into()));
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
