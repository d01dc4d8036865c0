//! What scriptlets and triggers of packages say. They never run.
//!
//! Each is classified by its commands. Those whose effect is carried out here (`ldconfig`), has no
//! meaning in an image at rest (systemd's macros) or is there already (users) are known; of every
//! other one the user is told.
//!
//! Which would run is as rpm has it: scriptlets of the new version and of the one that goes, and
//! triggers of every package that one of them sets off. Of what goes only a database tells.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::effect::commands::ACCOUNTS;
use crate::effect::script::Verdict;
use crate::format::rpm::db::installed;
use crate::format::rpm::install::known_scripts::{Found, call, of};
use crate::format::rpm::install::ownership::Old;
use crate::format::rpm::install::transaction::Work;
use crate::format::rpm::install::triggers::{Moved, Owner, Scene};
use crate::format::rpm::package::archive::{Archive, File};
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;
use crate::install::outcome::Unrun;
use crate::package::database::PackageDb;
use crate::package::installed::Installed;
use crate::version::any::Version;

/// Scriptlets of a package that takes the place of an older one, or is new.
const NEW: [(&str, Tag, Tag); 4] = [
    ("%pretrans", Tag::PRETRANS, Tag::PRETRANSPROG),
    ("%pre", Tag::PREIN, Tag::PREINPROG),
    ("%post", Tag::POSTIN, Tag::POSTINPROG),
    (POSTTRANS, Tag::POSTTRANS, Tag::POSTTRANSPROG),
];
/// Its argument is not the same with every version of rpm.
const POSTTRANS: &str = "%posttrans";
/// Scriptlets of a package that goes.
const OLD: [(&str, Tag, Tag); 4] = [
    ("%preuntrans", Tag::PREUNTRANS, Tag::PREUNTRANSPROG),
    ("%preun", Tag::PREUN, Tag::PREUNPROG),
    ("%postun", Tag::POSTUN, Tag::POSTUNPROG),
    ("%postuntrans", Tag::POSTUNTRANS, Tag::POSTUNTRANSPROG),
];
impl Work<'_> {
    /// Notes the scripts that would have run and whose effect is not known.
    pub(super) fn scriptlets(&mut self, new: &[Archive]) {
        let comes: Vec<_> = new.iter().map(|archive| self.coming(archive, new)).collect();
        let goes: Vec<_> = self.ownership.gone.iter().map(|old| self.going(old, new)).collect();
        let scene = Scene { comes, goes, stays: self.staying(), ownership: &self.ownership };
        let mut found = Found::new();
        for (archive, comes) in new.iter().zip(&scene.comes) {
            own(&archive.package.header, &NEW, comes, &mut found);
        }
        for (old, goes) in self.ownership.gone.iter().zip(&scene.goes) {
            own(old.header, &OLD, goes, &mut found);
        }
        for header in self.db.all_headers() {
            let goes = self.ownership.gone.iter().any(|old| std::ptr::eq(old.header, header));
            scene.triggers(header, if goes { Owner::Goes } else { Owner::Stays }, &mut found);
        }
        for archive in new {
            scene.triggers(&archive.package.header, Owner::Comes, &mut found);
        }
        let unrun = |((package, script), updates): ((String, String), BTreeSet<String>)| Unrun {
            package,
            script,
            updates: updates.into_iter().collect(),
        };
        self.image.out.unrun = found.into_iter().map(unrun).collect();
    }

    /// The versions of the packages that stay.
    fn staying(&self) -> BTreeMap<String, Vec<Version>> {
        let mut stays: BTreeMap<String, Vec<Version>> = BTreeMap::new();
        let goes = |package: &&Installed| {
            let mut gone = self.ownership.gone.iter();
            gone.any(|old| (&old.name, &old.arch) == (&package.name, &package.arch))
        };
        for package in self.db.installed().iter().filter(|package| !goes(package)) {
            stays.entry(package.name.clone()).or_default().push(package.version.clone());
        }
        stays
    }

    fn coming(&mut self, archive: &Archive, new: &[Archive]) -> Moved {
        let header = &archive.package.header;
        let name = header.text(Tag::NAME).unwrap_or_default().into_owned();
        let count = match (self.instances(&name), named(new, &name)) {
            (before @ (0 | 1), 1) => Some(before + 1),
            _ => None,
        };
        let known = |file: &File| {
            let user = self.accounts.user(&file.user);
            user.and(self.accounts.group(&file.group)).is_some()
        };
        let has_accounts = archive.files.iter().all(known);
        let mut paths = BTreeSet::new();
        for file in &archive.files {
            if self.image.out.changes.get(&self.image.paths.physical(&file.path)).is_some() {
                paths.insert(file.path.clone());
            }
        }
        let updates = vec![name.clone()];
        Moved { version: version(header), name, count, updates, paths, has_accounts }
    }

    fn going(&self, old: &Old<'_>, new: &[Archive]) -> Moved {
        let count = match (self.instances(&old.name), named(new, &old.name)) {
            (1, after @ (0 | 1)) => Some(after),
            _ => None,
        };
        let on_account_of = |archive: &&Archive| {
            let header = &archive.package.header;
            header.text(Tag::NAME).is_some_and(|name| name == old.name)
                || header.texts(Tag::OBSOLETENAME).any(|name| name == old.name)
        };
        let name = |archive: &Archive| archive.package.header.text(Tag::NAME).map(Cow::into_owned);
        let changes = |path: &Path| self.image.out.changes.get(path).is_some();
        let paths = old.files.iter().filter(|(path, _)| changes(path));
        Moved {
            name: old.name.clone(),
            version: version(old.header),
            count,
            updates: new.iter().filter(on_account_of).filter_map(name).collect(),
            paths: paths.map(|(_, file)| file.path.clone()).collect(),
            has_accounts: false,
        }
    }

    /// How many packages of this name there are in the image.
    fn instances(&self, name: &str) -> u32 {
        let all = self.db.installed().iter().filter(|package| package.name == name);
        u32::try_from(all.count()).unwrap_or(u32::MAX)
    }
}

/// How many of the packages have this name.
fn named(new: &[Archive], name: &str) -> u32 {
    let is = |archive: &&Archive| archive.package.header.text(Tag::NAME).is_some_and(|n| n == name);
    u32::try_from(new.iter().filter(is).count()).unwrap_or(u32::MAX)
}

fn version(header: &Header) -> Option<Version> {
    Some(installed::package(header).ok()??.version)
}

/// Notes a package's own scriptlets.
fn own(header: &Header, scriptlets: &[(&str, Tag, Tag)], moved: &Moved, unrun: &mut Found) {
    for (script, body, program) in scriptlets {
        let programs: Vec<_> = header.texts(*program).collect();
        let count = moved.count.filter(|_| *script != POSTTRANS);
        let body = header.text(*body).unwrap_or_default();
        let found = of(&moved.name, &programs.join(" "), &body, &call(count, None));
        let is_done = match found {
            Verdict::NoEffect => true,
            Verdict::CarriedOut(effect) => effect != ACCOUNTS || moved.has_accounts,
            Verdict::Unknown(_) => false,
        };
        if !is_done {
            let entry = unrun.entry((moved.name.clone(), (*script).to_owned()));
            entry.or_default().extend(moved.updates.iter().cloned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::root::MemoryRoot;
    use crate::format::rpm::install::triggers::{Scope, Triggers};

    fn class(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::CarriedOut(ACCOUNTS) => "accounts",
            Verdict::NoEffect | Verdict::CarriedOut(_) => "known",
            Verdict::Unknown(_) => "unknown",
        }
    }

    /// All scripts and triggers of a package that is upgraded, and what is known of each.
    fn scripts_of(header: &Header) -> Vec<(String, Verdict)> {
        let name = header.text(Tag::NAME).unwrap();
        let mut found = Vec::new();
        for (script, body, program, count) in
            NEW.map(|(s, b, p)| (s, b, p, 2)).into_iter().chain(OLD.map(|(s, b, p)| (s, b, p, 1)))
        {
            let programs: Vec<_> = header.texts(program).collect();
            let body = header.text(body).unwrap_or_default();
            let verdict = of(&name, &programs.join(" "), &body, &call(Some(count), None));
            found.extend((!programs.is_empty()).then(|| (format!("{name} {script}"), verdict)));
        }
        for mut triggers in Scope::ALL.map(|scope| Triggers::of(header, scope)) {
            for trigger in std::mem::take(&mut triggers.all) {
                let count = 2 - u32::from(trigger.sense.is_of_removal());
                let verdict = triggers.verdict(&trigger, call(None, Some(count)));
                found.push((format!("{name} {}", triggers.shown(&trigger)), verdict));
            }
        }
        found
    }

    /// All of a real system, as if each package was upgraded: what is left is what matters there.
    #[test]
    fn of_a_real_system_only_what_matters_is_left() {
        let Some(corpus) = crate::fixture::root::corpus() else { return };
        let file = corpus.join("knqyf263+go-rpmdb/cbl-mariner-2.0/rpmdb.sqlite");
        let mut root = MemoryRoot::default();
        root.file("var/lib/rpm/rpmdb.sqlite", &std::fs::read(file).unwrap());
        let db = crate::format::rpm::db::rpmdb::RpmDb::open(&root).unwrap().unwrap();
        let mut scripts: Vec<(String, Verdict)> = db.all_headers().flat_map(scripts_of).collect();
        scripts.sort_by(|a, b| a.0.cmp(&b.0));
        let left = scripts.iter().filter(|(_, verdict)| class(verdict) != "known");
        let left: Vec<&str> = left.map(|(script, _)| &**script).collect();
        let matters = [
            "ca-certificates-base %post",
            "ca-certificates-base %postun",
            "mariner-repos-shared %posttrans",
            "mariner-repos-shared %preun",
            "p11-kit-trust %post",
            "shadow-utils %post",
            "vim %post",
        ];
        assert_eq!(left, matters);
        assert!(scripts.len() > 100, "{}", scripts.len());
    }
}
