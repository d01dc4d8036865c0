//! Random small images, users and packages.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::run;
use crate::format::deb::install::distroless::tests::deb::{BUILT, Deb, LATER};
use crate::format::deb::install::distroless::tests::tree::Tree;
use crate::install::paths::Paths;
use crate::port::FileKind;

/// Few paths, so that they meet: below each other, through links, of several packages.
const PATHS: [&str; 12] = [
    "etc/a",
    "lib",
    "lib/b",
    "lib/c/d",
    "usr/lib",
    "usr/lib/b",
    "usr/lib/c",
    "usr/lib/c/d",
    "usr/lib/c/e",
    "usr/share/f",
    "usr/share/g/h/i",
    "usr/share/g",
];

const TARGETS: [&str; 6] = ["b", "usr/lib", "../lib/c", "/usr/share/g", "nowhere", "/"];

#[derive(Debug, Clone)]
enum Item {
    File(u8),
    Conffile(u8),
    Link(usize),
    Hard(usize),
    Directory,
}

type Items = Vec<(usize, Item)>;

fn item() -> impl Strategy<Value = Item> {
    prop_oneof![
        4 => (0..3_u8).prop_map(Item::File),
        1 => (0..3_u8).prop_map(Item::Conffile),
        2 => (0..TARGETS.len()).prop_map(Item::Link),
        1 => (0..PATHS.len()).prop_map(Item::Hard),
        2 => Just(Item::Directory),
    ]
}

fn items(most: usize) -> impl Strategy<Value = Items> {
    proptest::collection::vec((0..PATHS.len(), item()), 0..most)
}

/// A package of the items that can be in one: nothing below a file, no path twice, not with a
/// merged `/usr` either, and the directories above all. Every package has a copyright file.
fn deb(name: &str, version: u32, items: &Items) -> Deb {
    let mut taken: Vec<(&'static str, bool)> = Vec::new();
    let mut deb = Deb::new(name, version).file(&copyright(name), &version.to_string());
    for (path, item) in items {
        let path = PATHS[*path];
        let directory = matches!(item, Item::Directory);
        let merged = |path: &'static str| path.strip_prefix("usr/").unwrap_or(path);
        let below = |one, other| {
            let (one, other) = (merged(one), merged(other));
            one != other && Path::new(one).starts_with(other)
        };
        let clash = |(other, is_dir): &(&'static str, bool)| {
            merged(other) == merged(path)
                || (below(path, other) && !is_dir)
                || (below(other, path) && !directory)
        };
        if taken.iter().any(clash) {
            continue;
        }
        let above: Vec<&'static str> =
            Path::new(path).ancestors().skip(1).filter_map(Path::to_str).collect();
        for dir in above.into_iter().rev().filter(|dir| !dir.is_empty()) {
            if !taken.contains(&(dir, true)) {
                deb = deb.directory(dir);
                taken.push((dir, true));
            }
        }
        deb = match item {
            Item::File(n) => deb.file(path, &n.to_string()),
            Item::Conffile(n) => deb.conffile(path, &n.to_string()),
            Item::Link(target) => deb.link(path, TARGETS[*target]),
            Item::Hard(target) => match taken.contains(&(PATHS[*target], false)) {
                true => deb.hard(path, PATHS[*target]),
                false => continue,
            },
            Item::Directory => deb.directory(path),
        };
        taken.push((path, directory));
    }
    deb
}

fn copyright(name: &str) -> String {
    format!("usr/share/doc/{name}/copyright")
}

/// Puts the items where they can be in the tree, as of this time.
fn put(tree: &mut Tree, items: &Items, time: i64) {
    for (path, item) in items {
        let path = PATHS[*path];
        let mut above = Path::new(path).ancestors().skip(1).filter_map(Path::to_str);
        let open = |dir: &str| {
            dir.is_empty() || matches!(tree.kind(dir), None | Some(FileKind::Directory))
        };
        if !above.all(open) || tree.kind(path).is_some() {
            continue;
        }
        match item {
            Item::File(n) | Item::Conffile(n) => tree.file(path, n.to_string(), time),
            Item::Link(target) => tree.link(path, TARGETS[*target], time),
            Item::Directory => tree.directory(path),
            Item::Hard(_) => tree,
        };
    }
}

/// An image of these packages in which a user deleted and added things.
fn image(packages: &[(&str, &Deb, &Items)], deleted: &[usize], added: &Items) -> Tree {
    // With a package of another time, or times would tell nothing.
    let mut tree = super::image(&[]);
    // Each package has its own time: one that they share tells nothing.
    for ((name, package, items), time) in packages.iter().zip((0..=BUILT).rev()) {
        package.record(&mut tree);
        tree.file(&copyright(name), "1", time);
        put(&mut tree, items, time);
    }
    for path in deleted {
        tree.remove(PATHS[*path]);
    }
    // Not at the very time at which the new version was built.
    put(&mut tree, added, LATER + 7);
    tree
}

fn is_link(tree: &Tree, path: &Path) -> bool {
    matches!(path.to_str().and_then(|path| tree.kind(path)), Some(FileKind::Symlink(_)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_update_is_sound(
        a in items(6), b in items(4), new in items(6),
        deleted in proptest::collection::vec(0..PATHS.len(), 0..2), added in items(3),
    ) {
        let (one, other, next) = (deb("a", 1, &a), deb("b", 1, &b), deb("a", 2, &new));
        let tree = image(&[("a", &one, &a), ("b", &other, &b)], &deleted, &added);
        let out = run(&tree, &[&next]);
        // The changes can be made, at physical paths: `after` looks.
        let after = tree.after(&out.changes);
        let mut paths = Paths::new(&tree);
        let listed = other.listed();
        let listed = listed.iter().map(|path| paths.physical(Path::new(path)));
        let theirs: Vec<PathBuf> = listed.filter(|path| tree.is_file(path)).collect();
        // What another package has stays a file, or becomes one of the new package.
        let is_file = |path: &PathBuf| after.is_file(path) || is_link(&after, path);
        let gone = theirs.iter().find(|path| !is_file(path));
        prop_assert!(gone.is_none(), "{gone:?}");
        // Of which part the user kept something the new record does not tell. An empty directory
        // below a link to nowhere comes when that is there.
        let whole = one.listed().iter().all(|p| tree.is_file(&paths.physical(Path::new(p))));
        // A link that leads one path below another changes under way where they lead.
        let is_link = |(_, item): &(usize, Item)| matches!(item, Item::Link(_));
        let links = [&a, &b, &new, &added].into_iter().flatten().any(is_link);
        if whole && !links {
            let again = run(&after, &[&next]);
            let mut differences = after.after(&again.changes).differences(&after);
            differences.retain(|line| !line.contains(": Some(\"Directory"));
            prop_assert_eq!(differences, Vec::<String>::new());
        }
    }
}
