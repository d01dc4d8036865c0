use proptest::prelude::*;

use super::*;
use crate::resolve::planner::fixture::{
    Mirror, findings, first_name, holds, mirror, packages, shown, worlds,
};

fn plan_of(image: &str, offers: &str, request: &Request) -> String {
    shown(&plan(
        &packages(image),
        (&crate::format::deb::rules::RULES, "amd64"),
        &mirror(offers),
        request,
    ))
}

#[track_caller]
fn everything(image: &str, offers: &str, expected: &[&str]) {
    assert_eq!(plan_of(image, offers, &Request::Everything), expected.join("\n"));
}

#[track_caller]
fn report(image: &str, offers: &str, report: &[&str], expected: &[&str]) {
    let mut all: Vec<Finding> = report.iter().flat_map(|line| findings(line)).collect();
    assert_eq!(plan_of(image, offers, &Request::Only(all.clone())), expected.join("\n"));
    all.reverse();
    assert_eq!(plan_of(image, offers, &Request::Only(all)), expected.join("\n"), "reversed");
}

#[test]
fn the_highest_version_is_taken_and_never_a_lower_one() {
    everything("a 2", "a 1\n a 3\n a 2.5", &["a 2 -> 3"]);
    everything("a 2", "a 1", &[]);
    everything("a 2\n b 1", "a 2\n c 1", &[]);
    everything("a 1:1", "a 2", &[]);
}

#[test]
fn only_the_same_architecture_will_do() {
    everything("a 1", "a 2 arm64", &[]);
    everything("a 1", "a 2 all", &["a 1 -> 2"]);
    everything("a 1 all", "a 2", &["a 1 -> 2"]);
    everything("a 1 i386", "a 2\n a 1.5 i386", &["a 1 -> 1.5"]);
    everything("a 1 i386\n a 1", "a 2\n a 2 i386", &["a 1 -> 2", "a 1 -> 2"]);
}

#[test]
fn needs_that_were_never_met_do_not_count() {
    // As in distroless images: neither awk nor libgcc-s1 nor debconf.
    everything(
        "base-files 12.4; Pre-Depends: awk
         libc6 2.36-9; Depends: libgcc-s1 (>= 12)
         tzdata 2024a all; Depends: debconf (>= 0.5) | debconf-2.0",
        "base-files 12.5; Pre-Depends: awk
         libc6 2.36-10; Depends: libgcc-s1 (>= 12.3)
         tzdata 2025a all; Depends: debconf (>= 0.5) | debconf-2.0 | cdebconf
         libgcc-s1 12.3; Depends: libc6
         debconf 1.5 all; Depends: perl",
        &["base-files 12.4 -> 12.5", "libc6 2.36-9 -> 2.36-10", "tzdata 2024a -> 2025a"],
    );
}

#[test]
fn new_needs_come_along() {
    let image = "libssl3 3.0; Depends: libc6 (>= 2.34)\n libc6 2.36";
    everything(
        image,
        "libssl3 3.5; Depends: libc6 (>= 2.34), libzstd1 (>= 1.5)
         libzstd1 1.4
         libzstd1 1.6; Depends: libc6",
        &["libssl3 3.0 -> 3.5", "libzstd1 new -> 1.6 for libssl3"],
    );
    everything(
        image,
        "libssl3 3.5; Depends: libzstd1 (>= 1.5)\n libzstd1 1.4",
        &["not libssl3: 3.5 needs libzstd1 (>= 1.5), which cannot be had"],
    );
    let higher = "libssl3 3.5; Depends: libc6 (>= 2.37)\n libc6 2.38";
    report(
        image,
        higher,
        &["libssl3 3.1 CVE-1"],
        &["libc6 2.36 -> 2.38 for libssl3", "libssl3 3.0 -> 3.5 CVE-1"],
    );
    everything(image, higher, &["libc6 2.36 -> 2.38", "libssl3 3.0 -> 3.5"]);
}

#[test]
fn what_was_met_stays_met() {
    everything(
        "a 1; Depends: b (>= 1)\n b 1",
        "a 2; Depends: b (>= 2)",
        &["not a: 2 needs b (>= 2), which cannot be had"],
    );
}

#[test]
fn alternatives_are_tried_in_order_and_what_is_there_first() {
    everything("a 1", "a 2; Depends: b | c\n b 1\n c 1", &["a 1 -> 2", "b new -> 1 for a"]);
    everything("a 1", "a 2; Depends: b | c\n c 1", &["a 1 -> 2", "c new -> 1 for a"]);
    everything("a 1\n c 1", "a 2; Depends: b | c\n b 1", &["a 1 -> 2"]);
    report(
        "a 1\n c 1",
        "a 2; Depends: b | c (>= 2)\n b 1\n c 2",
        &["a 2 X"],
        &["a 1 -> 2 X", "c 1 -> 2 for a"],
    );
    everything(
        "a 1",
        "a 2; Depends: b | c\n b 1; Depends: gone\n c 1",
        &["a 1 -> 2", "c new -> 1 for a"],
    );
}

#[test]
fn what_is_provided_meets_a_need() {
    everything("a 1\n b 1; Provides: v", "a 2; Depends: v", &["a 1 -> 2"]);
    everything("a 1", "a 2; Depends: v\n b 1; Provides: v", &["a 1 -> 2", "b new -> 1 for a"]);
    everything(
        "a 1\n b 1; Provides: v",
        "a 2; Depends: v (>= 1)",
        &["not a: 2 needs v (>= 1), which cannot be had"],
    );
    report(
        "a 1\n b 1; Provides: v (= 1)",
        "a 2; Depends: v (>= 2)\n b 2; Provides: v (= 2)",
        &["a 2 X"],
        &["a 1 -> 2 X", "b 1 -> 2 for a"],
    );
}

#[test]
fn siblings_in_lock_step_go_together_or_not_at_all() {
    let image = "lib 1\n bin 1; Depends: lib (= 1)";
    let both = "lib 2\n bin 2; Depends: lib (= 2)";
    report(image, both, &["bin 2 X"], &["bin 1 -> 2 X", "lib 1 -> 2 for bin"]);
    report(image, both, &["lib 2 X"], &["bin 1 -> 2 for lib", "lib 1 -> 2 X"]);
    everything(image, both, &["bin 1 -> 2", "lib 1 -> 2"]);
    report(
        image,
        "lib 2",
        &["lib 2 X"],
        &["not lib: 2 conflicts with bin 1, which needs lib (= 1) X"],
    );
    let cycle = "a 1; Depends: b (= 1)\n b 1; Depends: a (= 1)";
    let next = "a 2; Depends: b (= 2)\n b 2; Depends: a (= 2)";
    report(cycle, next, &["b 2 X"], &["a 1 -> 2 for b", "b 1 -> 2 X"]);
    everything(cycle, "a 2; Depends: b (= 2)", &["not a: 2 needs b (= 2), which cannot be had"]);
}

#[test]
fn conflicts_are_ended_by_an_update_or_refused() {
    let breaks = "lib 2; Breaks: app (<< 2)";
    report(
        "lib 1\n app 1",
        &format!("{breaks}\n app 2"),
        &["lib 2 X"],
        &["app 1 -> 2 for lib", "lib 1 -> 2 X"],
    );
    everything("lib 1\n app 1", breaks, &["not lib: 2 conflicts with app 1"]);
    everything("lib 1\n app 2", breaks, &["lib 1 -> 2"]);
    everything("lib 1; Breaks: app (<< 3)\n app 1", breaks, &["lib 1 -> 2"]);
    everything(
        "lib 1\n app 1; Conflicts: lib (>= 2)",
        "lib 2",
        &["not lib: 2 conflicts with app 1, which excludes lib (>= 2)"],
    );
    report(
        "lib 1\n app 1; Conflicts: lib (>= 2)",
        "lib 2\n app 2",
        &["lib 2 X"],
        &["app 1 -> 2 for lib", "lib 1 -> 2 X"],
    );
    everything("m 1; Provides: v; Conflicts: v", "m 2; Provides: v; Conflicts: v", &["m 1 -> 2"]);
}

#[test]
fn a_refused_package_takes_down_only_those_that_need_it() {
    everything(
        "a 1\n b 1; Depends: a\n c 1",
        "a 2; Depends: gone\n b 2; Depends: a (>= 2)\n c 2",
        &[
            "c 1 -> 2",
            "not a: 2 needs gone, which cannot be had",
            "not b: 2 needs a (>= 2), which cannot be had",
        ],
    );
}

#[test]
fn a_lower_version_that_another_needs_is_better_than_none() {
    everything(
        "a 1\n e 1",
        "a 3; Depends: gone\n a 2\n e 2; Depends: a (= 2)",
        &["a 1 -> 2", "e 1 -> 2"],
    );
}

#[test]
fn held_packages_stay() {
    everything("a 1 amd64 hold", "a 2", &["not a: held back in the image (2 is there)"]);
    everything("a 1 amd64 hold", "a 1", &[]);
    everything(
        "a 1 amd64 hold\n b 1",
        "a 2\n b 2; Depends: a (>= 2)",
        &[
            "not a: held back in the image (2 is there)",
            "not b: 2 needs a (>= 2), which cannot be had",
        ],
    );
}

#[test]
fn a_report_is_answered_line_by_line() {
    report(
        "ssl 3.0\n tz 1 all\n z 1\n held 1 amd64 hold\n other 1",
        "ssl 3.2\n tz 2 all\n held 2\n other 2",
        &[
            "ssl 3.1 CVE-2",
            "ssl 3.2 CVE-1",
            "ssl 3.3 CVE-3",
            "ssl - CVE-4",
            "ssl 2.9 CVE-5",
            "ssl 3:x_y CVE-6",
            "gone 1 CVE-7",
            "gone 2 CVE-8",
            "z 2 CVE-9",
            "held 2 CVE-10",
            "tz - CVE-11",
        ],
        &[
            "ssl 3.0 -> 3.2 CVE-1 CVE-2",
            "not gone: not installed CVE-7 CVE-8",
            "not held: held back in the image (2 is there) CVE-10",
            "not ssl: the report knows of no fix CVE-4",
            "not ssl: up to date (3.0) CVE-5",
            "not ssl: the repositories have 3.2, the report wants 3.3 CVE-3",
            "not ssl: the repositories have 3.2, the report wants 3:x_y CVE-6",
            "not tz: the report knows of no fix CVE-11",
            "not z: no repository offers it, the report wants 2 CVE-9",
        ],
    );
}

#[test]
fn a_refusal_keeps_its_vulnerabilities() {
    report(
        "a 1\n b 1",
        "a 2; Depends: gone\n b 2",
        &["a 2 CVE-1", "a 3 CVE-2", "b 2 CVE-3"],
        &[
            "b 1 -> 2 CVE-3",
            "not a: 2 needs gone, which cannot be had CVE-1",
            "not a: the repositories have 2, the report wants 3 CVE-2",
        ],
    );
}

#[test]
fn one_unfixable_vulnerability_does_not_deny_the_others() {
    report(
        "ssl 3.0\n z 1",
        "ssl 3.2\n z 2; Depends: gone",
        &["ssl 3.1 CVE-1", "ssl - CVE-2", "ssl 3.3 CVE-3", "ssl 1.1,3.2,4 CVE-4", "z 2 CVE-5"],
        &[
            "ssl 3.0 -> 3.2 CVE-1 CVE-4",
            "not ssl: the report knows of no fix CVE-2",
            "not ssl: the repositories have 3.2, the report wants 3.3 CVE-3",
            "not z: 2 needs gone, which cannot be had CVE-5",
        ],
    );
    // What is listed twice must be fixed both times.
    report(
        "ssl 3.0",
        "ssl 3.2",
        &["ssl 3.1 CVE-1", "ssl 3.3 CVE-1", "ssl 2.9 CVE-2", "ssl 3.2 CVE-2"],
        &[
            "ssl 3.0 -> 3.2 CVE-2",
            "not ssl: up to date (3.0) CVE-2",
            "not ssl: the repositories have 3.2, the report wants 3.3 CVE-1",
        ],
    );
}

/// A report may list a hundred thousand vulnerabilities of one package.
#[test]
fn a_long_report_takes_no_square_of_its_length() {
    let many = |fix: fn(u32) -> String| (0..100_000).map(move |i| (i, fix(i)));
    let finding = |(i, fixed): (u32, String)| Finding {
        package: "ssl".into(),
        installed: Some("3.0".into()),
        vulnerability: format!("CVE-{i}"),
        fixed: vec![fixed],
    };
    let fixable = many(|_| "3.1".into()).map(finding);
    let each_by_itself = many(|i| format!("4.{i}"));
    let each_by_itself = each_by_itself.map(|(i, fixed)| finding((i + 100_000, fixed)));
    let all: Vec<Finding> = fixable.chain(each_by_itself).collect();
    let (image, mirror) = (packages("ssl 3.0"), mirror("ssl 3.2"));
    let rules = (&crate::format::deb::rules::RULES, "amd64");
    let plan = plan(&image, rules, &mirror, &Request::Only(all));
    assert_eq!((plan.updates[0].fixes.len(), plan.skipped.len()), (100_000, 100_000));
}

#[test]
fn a_hostile_catalog_ends_in_a_refusal() {
    // A chain without end, and a thicket in which every way fails at its very end.
    let chain: String = (0..500).map(|i| format!("p{i} 2; Depends: p{}\n", i + 1)).collect();
    let refused = plan_of("p0 1", &chain, &Request::Everything);
    assert_eq!(refused, "not p0: 2 needs p1, which cannot be had");
    let thicket: String = (0..40)
        .flat_map(|i| ["a", "b", "c", "d"].map(|x| (i, x)))
        .map(|(i, x)| {
            let next = ["a", "b", "c", "d"].map(|y| format!("{y}{}", i + 1)).join(" | ");
            format!("{x}{i} 2; Depends: {next}\n")
        })
        .collect();
    let refused = plan_of("a0 1", &thicket, &Request::Everything);
    assert!(refused.starts_with("not a0: 2 needs a1"), "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn every_plan_keeps_the_rules((image, offers) in worlds()) {
        let mut seen = BTreeSet::new();
        let image: Vec<Installed> = packages(&image.join("\n"))
            .into_iter()
            .filter(|package| seen.insert(package.name.clone()))
            .collect();
        let mut all = mirror(&offers.join("\n"));
        let mut seen = BTreeSet::new();
        all.0.retain(|c| seen.insert((c.name.clone(), c.version.to_string())));
        let plan_with = |image: &[Installed], mirror: &Mirror| {
            plan(image, (&crate::format::deb::rules::RULES, "amd64"), mirror, &Request::Everything)
        };
        let decided = plan_with(&image, &all);

        // The order of the input does not count.
        let (mut image_reversed, mut mirror_reversed) = (image.clone(), all.clone());
        image_reversed.reverse();
        mirror_reversed.0.reverse();
        prop_assert_eq!(&decided, &plan_with(&image_reversed, &mirror_reversed));

        let before: BTreeMap<_, _> = image
            .iter()
            .map(|p| (p.name.clone(), (p.version.clone(), p.relations.clone())))
            .collect();
        let mut after = before.clone();
        for update in &decided.updates {
            let to = &update.to;
            // Nothing is downgraded, nothing is invented.
            prop_assert_eq!(update.from.as_ref(), before.get(&to.name).map(|(version, _)| version));
            prop_assert!(update.from.as_ref().is_none_or(|from| *from < to.version));
            prop_assert!(all.0.contains(to));
            after.insert(to.name.clone(), (to.version.clone(), to.relations.clone()));
        }
        for (name, (_, relations)) in &after {
            let old = before.get(name).map(|(_, relations)| relations);
            for need in &relations.requires {
                let never = old.is_some_and(|old| old.requires.iter().any(|old| {
                    first_name(old) == first_name(need) && !holds(&before, old)
                }));
                prop_assert!(holds(&after, need) || never, "{} lacks {}", name, need);
            }
            for constraint in relations.conflicts.iter().filter(|c| first_name(c) != name) {
                let never = old.is_some_and(|old| old.conflicts.iter().any(|old| {
                    first_name(old) == first_name(constraint) && holds(&before, old)
                }));
                prop_assert!(!holds(&after, constraint) || never, "{} excludes {}", name, constraint);
            }
        }
        // What has an update changes or is said to stay.
        for package in &image {
            let best = all.candidates(&package.name).into_iter().next();
            let newer = best.is_some_and(|best| best.version > package.version);
            let said = decided.skipped.iter().any(|s| s.package == package.name);
            let done = decided.updates.iter().any(|u| u.to.name == package.name);
            prop_assert_eq!(newer, said || done, "{}", &package.name);
            prop_assert!(!(said && done));
        }
    }
}
