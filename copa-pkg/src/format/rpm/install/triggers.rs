//! Triggers of packages: scripts that run when other packages, or files below a path, come or go.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::effect::commands::ACCOUNTS;
use crate::effect::script::Verdict;
use crate::effect::shell::command::Call;
use crate::format::rpm::db::installed::list;
use crate::format::rpm::install::known_scripts::{Found, call, of};
use crate::format::rpm::install::ownership::{Ownership, is_below};
use crate::format::rpm::package::header::Header;
use crate::format::rpm::package::tag::Tag;
use crate::package::constraint::Constraint;
use crate::version::any::Version;

/// What sets a trigger off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// A package.
    Package,
    /// Files of a package.
    File,
    /// Files of all packages of a transaction.
    Transaction,
}

/// When a trigger runs: bits of its flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sense {
    PreIn,
    In,
    Un,
    PostUn,
}

/// A package that comes or goes.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) name: String,
    pub(super) version: Option<Version>,
    /// How many of its name are there then: what its scripts are called with.
    pub(super) count: Option<u32>,
    /// The updates on whose account it comes or goes.
    pub(super) updates: Vec<String>,
    /// Those of its files that change, as it lists them.
    pub(super) paths: BTreeSet<PathBuf>,
    /// Whether it comes, and the image knows the owners of all its files.
    pub(super) has_accounts: bool,
}

/// What becomes of a package that has triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Comes,
    Stays,
    Goes,
}

/// All packages, as triggers see them.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) comes: Vec<Moved>,
    pub(super) goes: Vec<Moved>,
    /// Versions of packages that stay.
    pub(super) stays: BTreeMap<String, Vec<Version>>,
    pub(super) ownership: &'a Ownership<'a>,
}

/// A trigger on one package or path.
#[derive(Debug)]
pub(super) struct Trigger {
    pub(super) sense: Sense,
    /// The package, or the path as a name.
    pub(super) on: Constraint,
    /// The number of its script.
    index: usize,
}

/// The triggers of one scope of a package.
#[derive(Debug)]
pub(super) struct Triggers<'h> {
    pub(super) scope: Scope,
    pub(super) all: Vec<Trigger>,
    package: Cow<'h, str>,
    scripts: Vec<Cow<'h, str>>,
    programs: Vec<Cow<'h, str>>,
    /// What was found out about scripts: many triggers may share a long one.
    known: BTreeMap<(usize, Call<'static>), Verdict>,
}

impl Scope {
    pub(super) const ALL: [Self; 3] = [Self::Package, Self::File, Self::Transaction];

    /// Names, flags and versions; numbers of scripts, scripts, programs.
    fn tags(self) -> ([Tag; 3], [Tag; 3]) {
        match self {
            Self::Package => (
                [Tag::TRIGGERNAME, Tag::TRIGGERFLAGS, Tag::TRIGGERVERSION],
                [Tag::TRIGGERINDEX, Tag::TRIGGERSCRIPTS, Tag::TRIGGERSCRIPTPROG],
            ),
            Self::File => (
                [Tag::FILETRIGGERNAME, Tag::FILETRIGGERFLAGS, Tag::FILETRIGGERVERSION],
                [Tag::FILETRIGGERINDEX, Tag::FILETRIGGERSCRIPTS, Tag::FILETRIGGERSCRIPTPROG],
            ),
            Self::Transaction => (
                [
                    Tag::TRANSFILETRIGGERNAME,
                    Tag::TRANSFILETRIGGERFLAGS,
                    Tag::TRANSFILETRIGGERVERSION,
                ],
                [
                    Tag::TRANSFILETRIGGERINDEX,
                    Tag::TRANSFILETRIGGERSCRIPTS,
                    Tag::TRANSFILETRIGGERSCRIPTPROG,
                ],
            ),
        }
    }
}

impl Sense {
    fn of(flags: u64) -> Option<Self> {
        let all = [(1 << 25, Self::PreIn), (1 << 16, Self::In), (1 << 17, Self::Un)];
        let all = all.into_iter().chain([(1 << 18, Self::PostUn)]);
        all.into_iter().find(|(bit, _)| flags & bit != 0).map(|(_, sense)| sense)
    }

    /// Whether it is about what goes.
    pub(super) fn is_of_removal(self) -> bool {
        matches!(self, Self::Un | Self::PostUn)
    }
}

impl Trigger {
    fn is_on(&self, version: &Version) -> bool {
        let bound = self.on.version.as_ref();
        bound.is_none_or(|(operator, bound)| operator.holds(version, bound))
    }
}

impl<'h> Triggers<'h> {
    pub(super) fn of(header: &'h Header, scope: Scope) -> Self {
        let (relation, [indexes, scripts, programs]) = scope.tags();
        let entries = list(header, relation).into_iter().zip(header.numbers(indexes));
        let trigger = |(on, index): (crate::format::rpm::db::installed::Relation<'_>, u64)| {
            let sense = Sense::of(on.flags)?;
            Some(Trigger { sense, on: on.constraint(), index: usize::try_from(index).ok()? })
        };
        Self {
            scope,
            all: entries.filter_map(trigger).collect(),
            package: header.text(Tag::NAME).unwrap_or_default(),
            scripts: header.texts(scripts).collect(),
            programs: header.texts(programs).collect(),
            known: BTreeMap::new(),
        }
    }

    /// What is known of the trigger's script.
    pub(super) fn verdict(&mut self, trigger: &Trigger, call: Call<'static>) -> Verdict {
        let find = || {
            let at = |list: &[Cow<'h, str>]| list.get(trigger.index).cloned().unwrap_or_default();
            of(&self.package, &at(&self.programs), &at(&self.scripts), &call)
        };
        self.known.entry((trigger.index, call)).or_insert_with(find).clone()
    }

    /// As it is written in a package's description: `%triggerin -- bash`.
    pub(super) fn shown(&self, trigger: &Trigger) -> String {
        let scope = match self.scope {
            Scope::Package => "",
            Scope::File => "file",
            Scope::Transaction => "transfile",
        };
        let sense = match trigger.sense {
            Sense::PreIn => "prein",
            Sense::In => "in",
            Sense::Un => "un",
            Sense::PostUn => "postun",
        };
        format!("%{scope}trigger{sense} -- {}", trigger.on.name)
    }
}

/// Whether nothing of what it does is left to do, whatever users and groups there are.
fn is_known(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::NoEffect => true,
        Verdict::CarriedOut(effect) => *effect != ACCOUNTS,
        Verdict::Unknown(_) => false,
    }
}

impl Scene<'_> {
    /// Notes the triggers of a package that are set off and whose effect is not known.
    pub(super) fn triggers(&self, header: &Header, owner: Owner, found: &mut Found) {
        for scope in Scope::ALL {
            let mut triggers = Triggers::of(header, scope);
            for trigger in std::mem::take(&mut triggers.all) {
                let updates = match scope {
                    Scope::Package => self.set_off_by_package(&mut triggers, &trigger, owner),
                    _ => self.set_off_by_files(&mut triggers, &trigger, owner),
                };
                if !updates.is_empty() {
                    let script = (triggers.package.to_string(), triggers.shown(&trigger));
                    found.entry(script).or_default().extend(updates.into_iter().cloned());
                }
            }
        }
    }

    /// What the trigger's kind looks at.
    fn moved(&self, trigger: &Trigger) -> &[Moved] {
        if trigger.sense.is_of_removal() { &self.goes } else { &self.comes }
    }

    fn set_off_by_package(
        &self,
        triggers: &mut Triggers<'_>,
        trigger: &Trigger,
        owner: Owner,
    ) -> Vec<&String> {
        let mut updates = Vec::new();
        let moved = self.moved(trigger).iter().filter(|moved| moved.name == trigger.on.name);
        for moved in moved.filter(|moved| moved.version.iter().any(|v| trigger.is_on(v))) {
            if !is_known(&triggers.verdict(trigger, call(None, moved.count))) {
                updates.extend(&moved.updates);
            }
        }
        // When it comes or goes itself, what stays sets it off too.
        let comes = owner == Owner::Comes && matches!(trigger.sense, Sense::In | Sense::PreIn);
        let itself = comes || (owner == Owner::Goes && trigger.sense == Sense::Un);
        let stays = self.stays.get(&trigger.on.name).map_or(&[][..], Vec::as_slice);
        let count = (stays.len() == 1).then_some(1);
        if itself
            && stays.iter().any(|version| trigger.is_on(version))
            && !is_known(&triggers.verdict(trigger, call(None, count)))
        {
            updates.extend(self.updates_of(&triggers.package, trigger));
        }
        updates
    }

    fn set_off_by_files(
        &self,
        triggers: &mut Triggers<'_>,
        trigger: &Trigger,
        owner: Owner,
    ) -> Vec<&String> {
        // Of two versions only one has its say.
        if (owner == Owner::Goes && trigger.sense != Sense::Un)
            || (owner == Owner::Comes && trigger.sense == Sense::Un)
        {
            return Vec::new();
        }
        let verdict = triggers.verdict(trigger, call(None, None));
        let matters = |moved: &&Moved| match verdict {
            Verdict::CarriedOut(ACCOUNTS) => !moved.has_accounts && !trigger.sense.is_of_removal(),
            Verdict::NoEffect | Verdict::CarriedOut(_) => false,
            Verdict::Unknown(_) => true,
        };
        let path = trigger.on.name.trim_start_matches('/');
        let moved = self.moved(trigger).iter().filter(matters);
        let moved = moved.filter(|moved| is_below(&moved.paths, path));
        let mut updates: Vec<&String> = moved.flat_map(|moved| &moved.updates).collect();
        let is_new = owner == Owner::Comes && matches!(verdict, Verdict::Unknown(_));
        // A new trigger looks at all that is there.
        if is_new && self.ownership.has_below(path) {
            updates.extend(self.updates_of(&triggers.package, trigger));
        }
        updates
    }

    /// The updates on whose account the package with the trigger comes or goes.
    fn updates_of(&self, package: &str, trigger: &Trigger) -> impl Iterator<Item = &String> {
        let moved = self.moved(trigger).iter().filter(move |moved| moved.name == package);
        moved.flat_map(|moved| &moved.updates)
    }
}
