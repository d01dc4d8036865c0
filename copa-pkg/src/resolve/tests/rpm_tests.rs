//! What is RPM's own: what goes when something else comes, and several architectures.

use super::*;
use crate::package::relation::RelationTexts;
use crate::package::removal::Removal;
use crate::resolve::planner::fixture::{findings, offered, shown};

/// Reads `NAME VERSION [ARCH]; requires: A, B; provides: C; ...` lines.
fn packages(text: &str) -> Vec<Installed> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(package).collect()
}

fn package(line: &str) -> Installed {
    let (head, fields) = line.split_once(';').unwrap_or((line, ""));
    let words: Vec<&str> = head.split_whitespace().collect();
    let field = |name: &str| {
        let mut fields = fields.split(';').filter_map(|field| field.trim().split_once(": "));
        let text = fields.find(|(field, _)| *field == name).map_or("", |(_, text)| text);
        text.replace(", ", "\n")
    };
    let own = format!("{} = {}\n", words[0], words[1]);
    let [requires, provides, conflicts, replaces] =
        ["requires", "provides", "conflicts", "obsoletes"].map(field);
    let relations = RelationTexts {
        requires: &requires,
        provides: &(own + &provides),
        conflicts: &conflicts,
        replaces: &replaces,
    };
    Installed {
        name: words[0].into(),
        version: Version::parse(crate::version::format::Format::Rpm, words[1]).unwrap(),
        arch: (*words.get(2).unwrap_or(&"x86_64")).into(),
        source: words[0].into(),
        relations: crate::format::rpm::relation::relations(relations).unwrap(),
        held: false,
    }
}

fn plan_of(image: &str, offers: &str, request: &Request) -> String {
    let offers = offered(packages(offers));
    shown(&plan(&packages(image), (&crate::format::rpm::rules::RULES, "x86_64"), &offers, request))
}

#[track_caller]
fn everything(image: &str, offers: &str, expected: &[&str]) {
    assert_eq!(plan_of(image, offers, &Request::Everything), expected.join("\n"));
}

#[track_caller]
fn report(image: &str, offers: &str, report: &str, expected: &[&str]) {
    let request = Request::Only(findings(report));
    assert_eq!(plan_of(image, offers, &request), expected.join("\n"));
}

#[test]
fn what_makes_a_package_obsolete_takes_its_place() {
    let new = "new 2-1; provides: old = 2-1; obsoletes: old < 2";
    everything("old 1-1", new, &["new new -> 2-1 in place of old"]);
    everything("old 1-1\n new 1-1", new, &["new 1-1 -> 2-1"]);
    everything("old 3-1", new, &[]);
    everything("other 1-1", new, &[]);
    // A higher version of its own is obsolete too, or it is not.
    everything("old 1-1", &format!("{new}\n old 1.5-1"), &["new new -> 2-1 in place of old"]);
    everything("old 1-1", &format!("{new}\n old 2-1"), &["old 1-1 -> 2-1"]);
    // Of several, the one that stands for it.
    let more = "an 2-1; obsoletes: old";
    everything("old 1-1", &format!("{more}\n {new}"), &["new new -> 2-1 in place of old"]);
    // Only the highest version counts, and it must be of the architecture.
    everything("old 1-1", &format!("{new}\n new 3-1"), &[]);
    everything("old 1-1", "new 2-1 aarch64; obsoletes: old", &[]);
}

#[test]
fn a_plan_says_what_goes_and_for_what() {
    let new = "new 2-1; obsoletes: old < 2, other";
    for (image, offers, expected) in [
        ("old 1-1", new, "old 1-1 x86_64 for new"),
        ("old 1-1 noarch", new, "old 1-1 noarch for new"),
        ("old 3-1\n new 1-1", new, ""),
        ("old 1-1\n other 1-1", new, "old 1-1 x86_64 for new, other 1-1 x86_64 for new"),
        ("old 1-1\n old 1-1 i686", new, "old 1-1 i686 for new, old 1-1 x86_64 for new"),
        ("old 1-1\n new 1-1", "new 2-1; obsoletes: old; requires: gone", ""),
        ("a 1-1", "a 2-1; obsoletes: a", ""),
    ] {
        let offered = offered(packages(offers));
        let image = packages(image);
        let all = (&crate::format::rpm::rules::RULES, "x86_64");
        let plan = plan(&image, all, &offered, &Request::Everything);
        let shown = plan.removals.iter().map(|removal| {
            let Removal { package, version, arch, because } = removal;
            format!("{package} {version} {arch} for {because}")
        });
        assert_eq!(shown.collect::<Vec<_>>().join(", "), expected, "{offers}");
    }
}

#[test]
fn a_report_gets_the_fix_from_the_successor() {
    let new = "new 2-1; obsoletes: old";
    report("old 1-1", new, "old 1.5 CVE-1", &["new new -> 2-1 in place of old CVE-1"]);
    report(
        "old 1-1\n app 1-1; requires: old",
        new,
        "old 1.5 CVE-1",
        &[
            "not old: 2-1 conflicts with app 1-1, which needs old and would lose old 1-1, which new \
         makes obsolete CVE-1",
        ],
    );
    report(
        "old 1-1",
        "other 2-1; obsoletes: old < 1",
        "old 1.5 CVE-1",
        &["not old: no repository offers it, the report wants 1.5 CVE-1"],
    );
}

#[test]
fn nothing_loses_what_it_needs_to_an_obsolete() {
    let image = "old 1-1; provides: lib.so\n app 1-1; requires: lib.so\n lib 1-1";
    let refused = "not lib: 2-1 conflicts with app 1-1, which needs lib.so and would lose old 1-1, \
                   which lib makes obsolete";
    let lib = "lib 2-1; obsoletes: old < 2";
    everything(
        image,
        &format!("{lib}\n old 3-1; provides: lib.so"),
        &["lib 1-1 -> 2-1", "old 1-1 -> 3-1"],
    );
    report(image, lib, "lib 2 X", &[&format!("{refused} X")]);
    everything(image, &format!("{lib}; provides: lib.so"), &["lib 1-1 -> 2-1"]);
    report(
        image,
        &format!("{lib}\n app 2-1"),
        "lib 2 X",
        &["app 1-1 -> 2-1 for lib", "lib 1-1 -> 2-1 X"],
    );
    // What goes itself needs nothing any more.
    everything("old 1-1; requires: lib = 1-1\n lib 1-1", lib, &["lib 1-1 -> 2-1"]);
}

#[test]
fn a_package_that_was_divided_is_updated_with_its_part() {
    let both = "tool 2-1; requires: tool-libs = 2-1\n tool-libs 2-1; obsoletes: tool < 2";
    everything("tool 1-1", both, &["tool 1-1 -> 2-1", "tool-libs new -> 2-1 for tool"]);
    everything(
        "a 1-1\n tool 1-1",
        &format!("{both}\n a 2-1; requires: tool-libs"),
        &["a 1-1 -> 2-1", "tool 1-1 -> 2-1", "tool-libs new -> 2-1 for tool"],
    );
}

#[test]
fn what_is_obsolete_does_not_come_back() {
    everything(
        "old 1-1\n app 1-1",
        "new 2-1; obsoletes: old\n app 2-1; requires: old >= 1.5\n old 1.5-1",
        &["app 1-1 -> 2-1", "old 1-1 -> 1.5-1"],
    );
    everything(
        "aold 1-1\n app 1-1",
        "new 2-1; obsoletes: aold\n app 2-1; requires: aold\n aold 1.5-1",
        &["new new -> 2-1 in place of aold", "not app: 2-1 needs aold, which cannot be had"],
    );
}

#[test]
fn a_need_is_met_from_any_architecture() {
    everything("app 1-1\n data 1-1 i686", "app 2-1; requires: data", &["app 1-1 -> 2-1"]);
    everything(
        "app 1-1\n lib 1-1 i686",
        "app 2-1; requires: lib >= 2\n lib 2-1 i686",
        &["app 1-1 -> 2-1", "lib 1-1 -> 2-1"],
    );
    // What was met from there stays met.
    everything(
        "app 1-1; requires: lib = 1-1\n lib 1-1 i686",
        "lib 2-1 i686",
        &["not lib: 2-1 conflicts with app 1-1, which needs lib (= 1-1)"],
    );
    // Nothing new comes for an architecture that the image has no use for.
    everything(
        "app 1-1",
        "app 2-1; requires: lib\n lib 2-1 i686",
        &["not app: 2-1 needs lib, which cannot be had"],
    );
    everything(
        "app 1-1 i686",
        "app 2-1 i686; requires: lib\n lib 2-1 i686\n lib 2-1",
        &["app 1-1 -> 2-1", "lib new -> 2-1 for app"],
    );
}

#[test]
fn architectures_of_a_package_go_in_step() {
    let image = "lib 1-1\n lib 1-1 i686";
    let both = ["lib 1-1 -> 2-1", "lib 1-1 -> 2-1"];
    everything(image, "lib 2-1\n lib 2-1 i686", &both);
    let refused = "not lib: 2-1 conflicts with lib 1-1 (i686), which must have the same version";
    everything(image, "lib 2-1", &[refused]);
    let other = "not lib: 1.5-1 conflicts with lib 1-1 (x86_64), which must have the same version";
    everything(image, "lib 2-1\n lib 1.5-1 i686", &[other, refused]);
    // Out of step they were before.
    everything("lib 1-1\n lib 1.1-1 i686", "lib 2-1", &["lib 1-1 -> 2-1"]);
    // For another that needs only one of them.
    report(
        "lib 1-1\n lib 1-1 i686\n app 1-1",
        "app 2-1; requires: lib >= 2\n lib 2-1\n lib 2-1 i686",
        "app 2 X",
        &["app 1-1 -> 2-1 X", "lib 1-1 -> 2-1 for lib", "lib 1-1 -> 2-1 for app"],
    );
    // A successor comes for each.
    let new = |arch: &str| format!("new 2-1 {arch}; obsoletes: lib");
    everything(
        image,
        &format!("{}\n{}", new("x86_64"), new("i686")),
        &["new new -> 2-1 in place of lib", "new new -> 2-1 for new"],
    );
    everything(image, &new("x86_64"), &["new new -> 2-1 in place of lib"]);
}

#[test]
fn conditions_are_asked_of_the_image_as_planned() {
    let cannot = |needs: &str| format!("not app: 2-1 needs {needs}, which cannot be had");
    for (image, needs, met) in [
        ("b 1-1", "(a if b)", false),
        ("b 1-1\n a 1-1", "(a if b)", true),
        ("", "(a if b)", true),
        ("", "(a if b else c)", false),
        ("c 1-1", "(a if b else c)", true),
        ("b 1-1\n c 1-1", "(a if b else c)", false),
        ("a 1-1", "(a unless b)", true),
        ("a 1-1\n b 1-1", "(a unless b)", false),
        ("b 1-1\n c 1-1", "(a unless b else c)", true),
        ("a 1-1; provides: b", "(a with b)", true),
        ("a 1-1\n b 1-1", "(a with b)", false),
        ("a 1-1", "(a >= 1 with a < 2)", true),
        ("a 3-1", "(a >= 1 with a < 2)", false),
        ("a 1-1", "(a without b)", true),
        ("a 1-1; provides: b", "(a without b)", false),
        ("a 1-1", "(x or (a and (y unless b)))", false),
        ("a 1-1\n y 1-1", "(x or (a and (y unless b)))", true),
        ("b 1-1", "((a or c) if (b and d))", true),
        ("b 1-1\n d 1-1", "((a or c) if (b and d))", false),
    ] {
        let refused = cannot(needs);
        let expected = if met { "app 1-1 -> 2-1" } else { &refused };
        everything(
            &format!("app 1-1\n{image}"),
            &format!("app 2-1; requires: {needs}"),
            &[expected],
        );
    }
    for needs in ["(a foo b)", "(a with (b if c))", "(/usr/share/x if app)", "(a = -1 or c)"] {
        everything(
            "app 1-1\n a 1-1; provides: b",
            &format!("app 2-1; requires: {needs}"),
            &[&cannot(&format!("{needs}, of which nobody can say whether it is met"))],
        );
    }
}

#[test]
fn what_a_condition_asks_for_comes_along() {
    let image = "app 1-1\n b 1-1";
    everything(
        image,
        "app 2-1; requires: (a if b)\n a 1-1",
        &["a new -> 1-1 for app", "app 1-1 -> 2-1"],
    );
    everything(
        image,
        "app 2-1; requires: (a >= 1 with a < 2)\n a 1-1\n a 3-1",
        &["a new -> 1-1 for app", "app 1-1 -> 2-1"],
    );
    // A condition that comes true later.
    let image = "app 1-1\n other 1-1; requires: (a if b)";
    let app = "app 2-1; requires: b\n b 1-1";
    everything(image, app, &["not app: 2-1 needs b, which cannot be had"]);
    everything(
        image,
        &format!("{app}\n a 1-1"),
        &["a new -> 1-1 for other", "app 1-1 -> 2-1", "b new -> 1-1 for app"],
    );
}

#[test]
fn rich_exclusions_count() {
    let app = "app 2-1; conflicts: (a and b)";
    everything(
        "app 1-1\n a 1-1\n b 1-1",
        app,
        &["not app: 2-1 conflicts with what it excludes: (a and b)"],
    );
    everything("app 1-1\n a 1-1", app, &["app 1-1 -> 2-1"]);
    everything("app 1-1; conflicts: (a and b)\n a 1-1\n b 1-1", app, &["app 1-1 -> 2-1"]);
    everything(
        "other 1-1; conflicts: (a and b)\n a 1-1\n app 1-1",
        "app 2-1; provides: b",
        &["not app: 2-1 conflicts with other 1-1, which excludes (a and b)"],
    );
}

/// Indexes list few files: of the others the image says who has them, and an update keeps them.
#[test]
fn files_that_no_index_lists_are_the_images() {
    let image = "a 1-1; requires: /usr/share/x\n b 1-1; provides: /usr/share/x, /usr/share/y";
    everything(image, "b 2-1", &["b 1-1 -> 2-1"]);
    let y = "a 2-1; requires: /usr/share/x, /usr/share/y";
    everything(image, &format!("{y}\n b 2-1"), &["a 1-1 -> 2-1", "b 1-1 -> 2-1"]);
    let z = "a 2-1; requires: /usr/share/z\n b 2-1";
    let refused = "not a: 2-1 needs /usr/share/z, which cannot be had";
    everything(image, z, &["b 1-1 -> 2-1", refused]);
    // What takes its place may not have it.
    let gone = "c 1-1; obsoletes: b";
    let said = plan_of(image, gone, &Request::Everything);
    assert!(said.starts_with("not b") && said.contains("/usr/share/x"), "{said}");
}
