use super::*;

fn version(format: Format, text: &str) -> Version {
    Version::parse(format, text).unwrap()
}

fn finding(installed: &str, fixed: &str) -> Finding {
    let fixed = fixed.split(", ").filter(|text| !text.is_empty());
    Finding {
        package: "a".into(),
        installed: Some(installed.to_owned()).filter(|text| !text.is_empty()),
        vulnerability: "CVE-1".into(),
        fixed: fixed.map(Into::into).collect(),
    }
}

/// The installed version that the report saw, the fixes, what the image has, the fix that counts.
type Row<'a> = (&'a str, &'a str, &'a str, Option<&'a str>);

fn check(format: Format, rows: &[Row<'_>]) {
    for (installed, fixed, has, wanted) in rows {
        let (finding, has) = (finding(installed, fixed), version(format, has));
        let fix = Fix::of(&finding, format, &has);
        assert_eq!(fix.map(|fix| fix.text), *wanted, "{installed}: {fixed}");
    }
}

#[test]
fn the_fix_of_the_branch_counts() {
    check(
        Format::Deb,
        &[
            ("1.2-1", "1.10-1", "1.2-1", Some("1.10-1")),
            ("1.2-1", "1.9-1, 1.10-1", "1.2-1", Some("1.9-1")),
            ("1.2-1", "1.10-1, 1.9-1", "1.2-1", Some("1.9-1")),
            ("1.2-1", "1.0-1, 0.9-1", "1.2-1", Some("1.0-1")),
            ("3.0.9-1", "3.0.10-1, 1.1.1-1, 4.0-1", "3.0.9-1", Some("3.0.10-1")),
            ("3.0.9-1", "3.0.11-1~deb12u2", "3.0.9-1", Some("3.0.11-1~deb12u2")),
            ("1.2-1", "", "1.2-1", None),
            ("1.2-1", "not a version!", "1.2-1", Some("not a version!")),
            ("1.2-1", "not a version!, 1.3-1", "1.2-1", Some("1.3-1")),
            // What the report saw decides, also when the image names its version otherwise.
            ("1.2-1", "1.3-1, 2.0-1", "1:1.2-1", Some("1.3-1")),
            ("", "1.1-1, 1.3-1", "1.2-1", Some("1.3-1")),
            ("not a version!", "1.1-1, 1.3-1", "1.2-1", Some("1.3-1")),
        ],
    );
}

#[test]
fn versions_are_ordered_as_rpm_orders_them() {
    check(
        Format::Rpm,
        &[
            ("3.0-9.el9_3", "3.0-9.el9_4, 3.0-9.el9", "3.0-9.el9_3", Some("3.0-9.el9_4")),
            ("1.0-1", "1.0^git1-1, 1.0~rc1-1", "1.0-1", Some("1.0^git1-1")),
            ("1.0^git1-1", "1.0-2, 1.0^git2-1", "1.0^git1-1", Some("1.0^git2-1")),
            ("1:3.0-1", "3.5-1, 1:3.1-1", "1:3.0-1", Some("1:3.1-1")),
        ],
    );
}

#[test]
fn each_vulnerability_is_judged_by_itself() {
    let refused = Skip::Failed { error: "refused".into() };
    for (format, has, gets, best, fixed, refusal, expected) in [
        (Format::Deb, "1", "2", "2", "2", false, "fixed"),
        (Format::Deb, "1", "2", "2", "1.5", false, "fixed"),
        (Format::Deb, "1", "2", "2", "", false, "the report knows of no fix"),
        (Format::Deb, "2", "2", "2", "1.5", false, "up to date (2)"),
        (Format::Deb, "1", "2", "2", "3", false, "the repositories have 2, the report wants 3"),
        (Format::Deb, "1", "1", "2", "2", true, "refused"),
        (Format::Deb, "1", "1", "2", "3", true, "the repositories have 2, the report wants 3"),
        (Format::Deb, "1", "1", "2", "x y", true, "the repositories have 2, the report wants x y"),
        (Format::Rpm, "1-1.el9_3", "1-1.el9_5", "1-1.el9_5", "1-1.el9_4", false, "fixed"),
        (
            Format::Rpm,
            "1-1.el9_4",
            "1-1.el9_4",
            "1-1.el9_4",
            "1-1.el9_3",
            false,
            "up to date (1-1.el9_4)",
        ),
        (Format::Rpm, "1.0-1", "1.0^git1-1", "1.0^git1-1", "1.0^git1-1", false, "fixed"),
    ] {
        let [has, gets, best] = [has, gets, best].map(|text| version(format, text));
        let refused = Some(&refused).filter(|_| refusal);
        let case = Case { format, has: &has, gets: Some(&gets), best: Some(&best), refused };
        let finding = finding("", fixed);
        let verdict = case.verdict(&finding).map_or("fixed".into(), |skip| skip.to_string());
        assert_eq!(verdict, expected, "{has} -> {gets}, fixed in {fixed}");
        let lacks = !fixed.is_empty() && !expected.starts_with("up to date");
        assert_eq!(lacks_fix(&finding, format, &has), lacks, "{has}, fixed in {fixed}");
    }
}
