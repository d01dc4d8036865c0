//! What a person reads: the table of updates and the list of what stays.

use copa_core::pkg::{Reason, Removal, Skipped, Update, UpdatePlan};

/// The plan as text: one row an update, then one line for each package that goes or stays.
pub(crate) fn plan(plan: &UpdatePlan) -> String {
    let worth_saying = |s: &&Skipped| s.reason.is_refusal() || !s.vulnerabilities.is_empty();
    let stay: String = plan.skipped.iter().filter(worth_saying).map(stays).collect();
    let gone: String = plan.removals.iter().map(goes).collect();
    updates(&plan.updates) + &gone + &stay
}

/// Columns as wide as their widest cell, two spaces apart; the last one is flush right.
fn updates(updates: &[Update]) -> String {
    let mut rows = vec![["PACKAGE", "FROM", "TO", "FIXES", "DOWNLOAD"].map(str::to_owned)];
    rows.extend(updates.iter().map(|update| {
        [
            update.to.name.clone(),
            from(update),
            update.to.version.to_string(),
            fixes(&update.fixes),
            bytes(update.to.size),
        ]
    }));
    let mut widths = [0; 5];
    for row in &rows {
        let cells = widths.iter_mut().zip(row);
        cells.for_each(|(width, cell)| *width = cell.chars().count().max(*width));
    }
    let [a, b, c, d, e] = widths;
    let line = |[p, f, t, x, s]: &[String; 5]| format!("{p:a$}  {f:b$}  {t:c$}  {x:d$}  {s:>e$}\n");
    rows.iter().map(line).collect()
}

fn from(update: &Update) -> String {
    match (&update.from, &update.reason) {
        (Some(version), _) => version.to_string(),
        (None, Reason::NeededBy(package)) => format!("(new, for {package})"),
        (None, Reason::Replaces(package)) => format!("(new, in place of {package})"),
        (None, _) => "(new)".to_owned(),
    }
}

/// The first few vulnerabilities and how many more there are.
fn fixes(fixes: &[String]) -> String {
    const SHOWN: usize = 2;
    let shown = fixes.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match fixes.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn goes(removal: &Removal) -> String {
    let Removal { package, version, because, .. } = removal;
    format!("removed: {package} {version}: {because} makes it obsolete\n")
}

fn stays(skipped: &Skipped) -> String {
    let about = match skipped.vulnerabilities.len() {
        0 => String::new(),
        _ => format!(" [{}]", fixes(&skipped.vulnerabilities)),
    };
    format!("not patched: {}: {}{about}\n", skipped.package, skipped.reason)
}

/// A number of bytes for a person: 812 B, 12.3 kB, 4.5 MB.
pub(crate) fn bytes(count: u64) -> String {
    let (unit, name) = match count {
        0..1_000 => return format!("{count} B"),
        1_000..1_000_000 => (1e3, "kB"),
        1_000_000..1_000_000_000 => (1e6, "MB"),
        _ => (1e9, "GB"),
    };
    format!("{:.1} {name}", count as f64 / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_short() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (2_540_000, "2.5 MB"),
            (7 << 30, "7.5 GB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn what_goes_has_a_line() {
        let version = copa_core::pkg::Version::Rpm("1-1".parse().unwrap());
        let (package, arch, because) = ("old".into(), "noarch".into(), "new".into());
        let removals = vec![Removal { package, arch, version, because }];
        let plan = UpdatePlan { removals, ..UpdatePlan::default() };
        let text = super::plan(&plan);
        assert!(text.ends_with("\nremoved: old 1-1: new makes it obsolete\n"), "{text}");
    }

    #[test]
    fn a_plan_is_a_table() {
        let plan: UpdatePlan = serde_json::from_str(include_str!("testdata/plan.json")).unwrap();
        insta::assert_snapshot!(super::plan(&plan));
    }
}
