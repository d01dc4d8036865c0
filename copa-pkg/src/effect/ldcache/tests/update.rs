mod elf_file;
mod ldconfig;
mod tree;

use crate::effect::ldcache::elf;
use crate::effect::ldcache::strings;
use std::path::PathBuf;

use proptest::prelude::*;

use self::elf_file::{Elf, native};
use self::tree::{Item, Tree};
use super::*;
use crate::effect::ldcache::bytes::Order;
use crate::effect::ldcache::elf::{Library, Read};
use crate::effect::ldcache::file_format::Entry;
use crate::effect::ldcache::strings::compare_names;

/// The cache after the changes: `None` when it stays.
fn updated(old: &Tree, new: &Tree, cache: &Bytes) -> Option<Bytes> {
    let mut root = tree::root(old);
    root.file(CACHE, cache);
    let mut out = Installation { changes: tree::changes(old, new), ..Installation::default() };
    update(&root, &mut out).unwrap();
    assert_eq!(out.warnings, []);
    match out.changes.get(Path::new(CACHE)) {
        Some(Change::Write(File { content: Content::Regular(bytes), .. })) => Some(bytes.clone()),
        None => None,
        other => panic!("{other:?}"),
    }
}

/// One library in one directory: its version, and whether the linker's link is there.
type Version = Option<(u32, u32, bool)>;

const MULTIARCH: &str =
    if cfg!(target_arch = "aarch64") { "aarch64-linux-gnu" } else { "x86_64-linux-gnu" };

/// Lays `libNAME.so.MAJOR.MINOR` and its links.
fn lay(tree: &mut Tree, dir: &str, name: &str, version: Version) {
    let Some((major, minor, for_linker)) = version else { return };
    let soname = format!("lib{name}.so.{major}");
    let mut elf = native(Some(&soname));
    elf.isa_needed = (minor % 3 == 1).then_some(7);
    tree.insert(format!("{dir}/{soname}.{minor}"), Item::File(elf.build()));
    tree.insert(format!("{dir}/{soname}"), Item::Link(format!("{soname}.{minor}")));
    if for_linker {
        tree.insert(format!("{dir}/lib{name}.so"), Item::Link(soname));
    }
}

/// Where the libraries of a tree may be.
fn directories() -> [String; 6] {
    ["opt/lib", "usr/local/lib", "usr/lib", "usr/lib/M", "usr/lib/M/glibc-hwcaps/x86-64-v3", "srv"]
        .map(|dir| dir.replace('M', MULTIARCH))
}

const NAMES: [&str; 4] = ["a", "b10", "b9", "z++_x"];

/// A tree with merged `/usr` or not, configuration or none, and these libraries.
fn tree_of(merged: bool, conf: bool, versions: &[Version]) -> Tree {
    let mut tree = Tree::new();
    if merged {
        tree.insert("lib".into(), Item::Link("usr/lib".into()));
    }
    if conf {
        let text = format!("/usr/local/lib\n/lib/{MULTIARCH} # x\n/usr/lib/{MULTIARCH}/\n");
        tree.insert("etc/ld.so.conf.d/a.conf".into(), Item::File(text.into()));
        let text = "include /etc/ld.so.conf.d/*.conf\n/opt/lib\n";
        tree.insert("etc/ld.so.conf".into(), Item::File(text.into()));
    }
    tree.insert("usr/lib/README.so".into(), Item::File(b"text".to_vec()));
    let places = directories().into_iter().flat_map(|dir| NAMES.map(|name| (dir.clone(), name)));
    for ((dir, name), version) in places.zip(versions) {
        lay(&mut tree, &dir, name, *version);
    }
    tree
}

fn versions() -> impl Strategy<Value = Vec<Version>> {
    let version = proptest::option::of((1..3_u32, 0..12_u32, any::<bool>()));
    proptest::collection::vec(version, directories().len() * NAMES.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// What changes a tree makes its cache the one that `ldconfig` makes of the new tree.
    #[test]
    fn the_cache_is_the_one_of_ldconfig(
        merged: bool, conf: bool, old in versions(), new in versions(), stay in any::<u32>(),
    ) {
        let Some(program) = ldconfig::program() else { return Ok(()) };
        let new: Vec<Version> = old.iter().zip(new).enumerate()
            .map(|(i, (old, new))| if stay >> (i % 32) & 1 == 1 { *old } else { new }).collect();
        let (old, new) = (tree_of(merged, conf, &old), tree_of(merged, conf, &new));
        let (before, after) = (ldconfig::cache(&program, &old), ldconfig::cache(&program, &new));
        prop_assert_eq!(Cache::read(&before).unwrap().write(), before.to_vec());
        let ours = updated(&old, &new, &before).unwrap_or(before);
        prop_assert_eq!(ldconfig::print(&program, &ours), ldconfig::print(&program, &after));
        prop_assert_eq!(&ours, &after);
        prop_assert_eq!(updated(&new, &new, &after), None);
    }

    #[test]
    fn hostile_files_do_no_harm(
        at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>(),
        garbage in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let elf = native(Some("libx.so.1")).build();
        let cache = sample().write();
        for mut file in [elf, cache, garbage.clone(), [b"ld.so-1.7.0\0".to_vec(), garbage].concat()] {
            if !file.is_empty() {
                let at = at.index(file.len());
                file[at] = byte;
            }
            file.truncate(cut.index(file.len() + 1).max(file.len() / 2));
            let file = Bytes::from(file);
            let _ = elf::read(&file, Order::Little);
            let _ = elf::read(&file, Order::Big);
            if let Some(cache) = Cache::read(&file) {
                cache.write();
            }
        }
    }

    #[test]
    fn what_is_written_is_read(
        big: bool, generator in proptest::option::of("[ -~]{0,20}"),
        entries in proptest::collection::vec(("[a-z.0-9]{1,6}", "/[a-z/.]{0,6}", 0..4_u32, 0..3_usize), 0..20),
    ) {
        let entries = entries.into_iter().map(|(name, path, flags, hwcaps)| Entry {
            name: name.into(), path: path.into(), flags,
            hwcaps: [None, Some(("v2".into(), 1)), Some(("v3".into(), 0))][hwcaps].clone(),
        });
        let order = if big { Order::Big } else { Order::Little };
        let cache = Cache { order, generator: generator.map(Bytes::from), entries: entries.collect() };
        prop_assert_eq!(Cache::read(&cache.write().into()), Some(cache));
    }

    #[test]
    fn names_have_one_order(a in "[a-b0-2.]{0,5}", b in "[a-b0-2.]{0,5}", c in "[a-b0-2.]{0,5}") {
        let compare = |a: &str, b: &str| compare_names(a.as_bytes(), b.as_bytes());
        prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
            prop_assert!(compare(&a, &c).is_le());
        }
    }
}

fn entry(name: &str, path: &str) -> Entry {
    let flags = if cfg!(target_arch = "aarch64") { 0x0a03 } else { 0x0303 };
    let (name, path) = (Bytes::copy_from_slice(name.as_bytes()), path.to_owned().into());
    Entry { name, path, flags, hwcaps: None }
}

fn sample() -> Cache {
    let generator = Some(Bytes::from_static(b"ldconfig (test) 1"));
    let mut entries = vec![entry("libz.so.1", "/lib/libz.so.1"), entry("ld.so", "/lib/ld.so")];
    entries[0].hwcaps = Some((Bytes::from_static(b"x86-64-v2"), 1));
    Cache { order: Order::Little, generator, entries }
}

#[test]
fn names_are_ordered_as_by_glibc() {
    let names = ["", "+", "a", "a.so", "a9", "a10", "ab", "b", "1"];
    // Digits come after everything else, by their value.
    let expected = ["", "+", "a", "a.so", "ab", "a9", "a10", "b", "1"];
    let mut sorted = names;
    sorted.sort_by(|a, b| compare_names(a.as_bytes(), b.as_bytes()));
    assert_eq!(sorted, expected);
}

#[test]
fn strings_share_their_ends() {
    let strings = ["libz.so.1", "/lib/libz.so.1", "/usr/lib/libz.so.1", "z"].map(Bytes::from);
    let table = strings::Table::of(strings.clone().into_iter());
    assert_eq!(table.bytes, b"z\0/usr/lib/libz.so.1\0");
    for string in strings {
        let place = table.place(&string) as usize;
        let end = place + string.len();
        assert_eq!((&table.bytes[place..end], table.bytes[end]), (&*string, 0));
    }
}

#[test]
fn libraries_of_all_architectures_are_told() {
    use Order::{Big, Little};
    for (machine, wide, order, flags, expected) in [
        (62, true, Little, 0, Some(0x0303)),
        (62, false, Little, 0, Some(0x0803)),
        (3, false, Little, 0, Some(0x0003)),
        (183, true, Little, 0, Some(0x0a03)),
        (40, false, Little, 0x0500_0400, Some(0x0903)),
        (40, false, Little, 0x0500_0200, Some(0x0b03)),
        (40, false, Little, 0x0500_0000, Some(0x0003)),
        (21, true, Little, 2, Some(0x0503)),
        (22, true, Big, 0, Some(0x0403)),
        (22, false, Big, 0, Some(0x0003)),
        (243, true, Little, 5, Some(0x1003)),
        (243, true, Little, 1, Some(0x0f03)),
        (243, true, Little, 3, None),
        (8, true, Little, 0x8000_0000, Some(0x0703)),
    ] {
        let soname = Some("libx.so.1");
        let elf = Elf { machine, wide, order, flags, soname, isa_needed: Some(3) };
        let file = elf.build().into();
        let soname = Some(Bytes::from("libx.so.1"));
        let library = |flags| Read::Library(Library { soname, flags, isa_level: 1 });
        let expected = expected.map_or(Read::Other, library);
        assert_eq!(elf::read(&file, order), expected, "{elf:?}");
        assert_eq!(elf::read(&file, if order == Big { Little } else { Big }), Read::Other);
    }
    let unknown = Elf { machine: 99, ..native(None) };
    assert_eq!(elf::read(&unknown.build().into(), Little), Read::Unknown(99));
}

/// Real libraries are read as this machine's own cache lists them.
#[test]
fn the_libraries_of_this_machine_are_as_in_its_cache() {
    if ldconfig::program().is_none() {
        return;
    }
    let file = std::fs::read("/etc/ld.so.cache").unwrap();
    let cache = Cache::read(&file.into()).unwrap();
    let mut read = 0;
    for entry in &cache.entries {
        let path = PathBuf::from(String::from_utf8(entry.path.to_vec()).unwrap());
        let Ok(file) = std::fs::read(&path) else { continue };
        let Read::Library(library) = elf::read(&file.into(), cache.order) else {
            panic!("{}", path.display())
        };
        assert_eq!(library.flags, entry.flags, "{}", path.display());
        let soname = library.soname.unwrap_or_else(|| entry.name.clone());
        assert!(soname.starts_with(&entry.name), "{} {soname:?}", path.display());
        read += 1;
    }
    assert!(read > 0);
}

#[test]
fn the_older_format_before_it_is_skipped() {
    let new = sample().write();
    for padding in [0, 4] {
        let mut file = b"ld.so-1.7.0\0".to_vec();
        let count = if padding == 0 { 2_u32 } else { 1 };
        file.extend(count.to_le_bytes());
        file.resize(16 + 12 * count as usize + padding, 0);
        let without = Cache { generator: None, entries: vec![entry("a", "/a")], ..sample() };
        file.extend(without.write());
        assert_eq!(Cache::read(&file.into()), Some(without));
    }
    assert_eq!(Cache::read(&new.into()), Some(sample()));
}

#[test]
fn a_library_that_moves_moves_in_the_cache() {
    let dir = format!("usr/lib/{MULTIARCH}");
    let (mut old, mut new) = (Tree::new(), Tree::new());
    lay(&mut old, &dir, "p", Some((1, 0, false)));
    lay(&mut new, &dir, "p", Some((2, 0, false)));
    let stays = entry("libq.so.1", "/usr/lib/none/libq.so.1");
    let listed = entry("libp.so.1", &format!("/{dir}/libp.so.1"));
    let before = Cache { entries: vec![stays, listed], ..sample() }.write().into();
    let after = Cache::read(&updated(&old, &new, &before).unwrap()).unwrap();
    assert_eq!(after.entries, [entry("libp.so.2", &format!("/{dir}/libp.so.2"))]);
    assert_eq!(after.generator, sample().generator);
    assert_eq!(updated(&old, &old, &after.write().into()).map(|_| ()), Some(()), "it was stale");
}

#[test]
fn a_cache_that_cannot_be_made_again_goes_if_it_is_wrong() {
    let dir = format!("usr/lib/{MULTIARCH}");
    let (mut old, mut new) = (Tree::new(), Tree::new());
    lay(&mut old, &dir, "p", Some((1, 0, false)));
    let foreign = Elf { machine: 99, ..native(Some("libp.so.2")) }.build();
    new.insert(format!("{dir}/libp.so.2"), Item::File(foreign));
    let listed = entry("libp.so.1", &format!("/{dir}/libp.so.1"));
    let mut root = tree::root(&old);
    root.file(CACHE, &Cache { entries: vec![listed], ..sample() }.write());
    let changes = tree::changes(&old, &new);
    let mut out = Installation { changes, ..Installation::default() };
    update(&root, &mut out).unwrap();
    assert_eq!(out.changes.get(Path::new(CACHE)), Some(&Change::Remove));
    assert!(out.warnings[0].text.contains("unknown machine 99"), "{:?}", out.warnings);
}
