use super::*;
use crate::format::rpm::rich::requirements;
use crate::package::checksum::Checksum;
use crate::package::constraint::{Constraint, Operator};
use crate::resolve::plan::Reason;
use crate::version::any::Version;

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
        Requirement::One(Constraint { name: name.into(), arch: None, version })
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

/// What goes because of these updates.
fn removals(installed: &[Installed], updates: &[Update]) -> Vec<Removal> {
    let goes = |new: &Candidate, old: &Installed| {
        new.makes_obsolete(&old.name, &old.version).then(|| Removal {
            package: old.name.clone(),
            arch: old.arch.clone(),
            version: old.version.clone(),
            because: new.name.clone(),
        })
    };
    let of = |update: &Update| installed.iter().filter_map(|old| goes(&update.to, old)).collect();
    updates.iter().flat_map(|update| -> Vec<Removal> { of(update) }).collect()
}

/// What is left when `fails` fails: the names of the updates, and of what was skipped.
fn left(installed: &[Installed], updates: Vec<Update>, fails: &str) -> (String, String) {
    let removals = removals(installed, &updates);
    let plan = UpdatePlan { updates, removals, skipped: vec![] };
    let broken = Skip::Failed { error: "broken".into() };
    let rest = plan.without(installed, [(fails.to_owned(), broken)].into());
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
    let need = |text: &&str| match text.starts_with('(') {
        true => requirements(text),
        false => vec![Requirement::One(bare(text))],
    };
    Installed {
        name: words[0].into(),
        version: Version::Rpm(words[1].parse().unwrap()),
        arch: words[2].into(),
        relations: Relations {
            requires: needs.iter().flat_map(need).collect(),
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
    let image =
        || [rpm("a 1 x86_64", &[], &[]), rpm("b 1 x86_64", &[], &[]), rpm("c 1 x86_64", &[], &[])];
    let plan = |needs| {
        let a = rpm_update(rpm("a 2 x86_64", &[needs], &[]));
        vec![a, rpm_update(rpm("b 2 x86_64", &[], &[])), rpm_update(rpm("c 2 x86_64", &[], &[]))]
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
    let excluded = Constraint { name: "b".into(), arch: None, version: bound };
    a.to.relations.conflicts = vec![Requirement::One(excluded)];
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
    assert!(is_version_of(&rpm_update(new.clone()).to, &image[1]));
    assert!(!is_version_of(&rpm_update(new).to, &image[0]));
}

#[test]
fn what_the_image_never_had_is_not_missed() {
    let image = [installed("tzdata", &["debconf"]), installed("a", &[])];
    let updates = || vec![update("a", &[]), update("tzdata", &["debconf"])];
    assert_eq!(left(&image, updates(), "a"), ("tzdata".into(), "a".into()));
    assert_eq!(left(&image, updates(), "tzdata"), ("a".into(), "tzdata".into()));
}

/// Of a package that was divided, nothing goes: its update ends that its part makes it obsolete.
#[test]
fn a_part_does_not_come_beside_the_undivided_package() {
    let image = [rpm("tool 1 x86_64", &[], &[])];
    let bound = Some((Operator::Less, Version::Rpm("2".parse().unwrap())));
    let mut part = rpm_update(rpm("tool-libs 2 x86_64", &[], &[]));
    part.to.relations.obsoletes =
        vec![Constraint { name: "tool".into(), arch: None, version: bound }];
    let updates = vec![rpm_update(rpm("tool 2 x86_64", &["tool-libs"], &[])), part];
    let plan = UpdatePlan { updates, ..UpdatePlan::default() };
    let rest = plan.without(&image, [("tool".to_owned(), Skip::Unfixed)].into());
    assert!(rest.updates.is_empty(), "{rest:?}");
    let said = rest.skipped[1].reason.to_string();
    assert!(said.starts_with("an update beside tool 1, which it makes obsolete"), "{said}");
}

#[test]
fn what_goes_for_a_failed_update_stays() {
    let image = [rpm("old 1 x86_64", &[], &[]), rpm("lib 1 x86_64", &[], &[])];
    let new = rpm_update(rpm("new 2 x86_64", &[], &["old"]));
    let other = rpm_update(rpm("other 2 x86_64", &[], &["lib"]));
    let updates = vec![new, other];
    let removals = removals(&image, &updates);
    let plan = UpdatePlan { updates, removals, skipped: vec![] };
    for (fails, goes) in [(&[][..], "lib for other, old for new"), (&["other"], "old for new")] {
        let failed = fails.iter().map(|name| (name.to_string(), Skip::Unfixed)).collect();
        let rest = plan.without(&image, failed);
        let mut shown: Vec<String> =
            rest.removals.iter().map(|r| format!("{} for {}", r.package, r.because)).collect();
        shown.sort();
        assert_eq!(shown.join(", "), goes, "{fails:?}");
    }
}
