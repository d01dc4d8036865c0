use md5::{Digest, Md5};
use proptest::prelude::*;

use super::*;
use crate::fixture::root::MemoryRoot;

fn file(content: Content, mode: u32) -> File {
    File { content, mode, uid: 0, gid: 0, mtime: 0, xattrs: Vec::new() }
}

fn regular(text: &str) -> File {
    file(Content::Regular(Bytes::copy_from_slice(text.as_bytes())), 0o600)
}

fn link(target: &str) -> File {
    file(Content::Symlink(target.into()), 0o777)
}

/// An image with the merged `/usr` of today.
fn image() -> MemoryRoot {
    let mut root = MemoryRoot::of(&[("usr/lib/a", "a"), ("usr/share/x/y", "y"), ("etc/c", "c")]);
    root.link("lib", "usr/lib");
    root
}

/// What the tests ask: `kind path` and what is to be seen there.
fn seen(root: &dyn Root, path: &str) -> String {
    let path = Path::new(path);
    let text = root.read(path).unwrap();
    let names: Vec<_> = root.list(path).into_iter().map(|n| n.into_string().unwrap()).collect();
    match (root.stat(path).map(|stat| stat.kind), text) {
        (None, _) => "nothing".into(),
        (Some(FileKind::Directory), _) => format!("[{}]", names.join(" ")),
        (Some(FileKind::Symlink(target)), None) if names.is_empty() => {
            format!("-> {}", target.display())
        }
        (Some(FileKind::Symlink(_)), None) => format!("-> [{}]", names.join(" ")),
        (Some(_), text) => String::from_utf8(text.unwrap().to_vec()).unwrap(),
    }
}

#[test]
fn changes_lie_over_what_is_there() {
    let root = image();
    let mut changes = ChangeSet::new();
    changes.write("usr/lib/b", regular("new"));
    changes.write("usr/lib/hard", file(Content::Hardlink("usr/lib/b".into()), 0));
    changes.write("usr/lib/dead", file(Content::Hardlink("usr/lib/nothing".into()), 0));
    changes.write("usr/lib/loop", file(Content::Hardlink("usr/lib/loop".into()), 0));
    changes.remove("usr/share");
    changes.write("usr/share/z/deep", regular("z"));
    changes.remove("etc/c");
    changes.write("etc/link", link("/lib/hard"));
    changes.write("opt", link("usr/share/z"));
    let after = Overlay::new(&root, &changes);
    for (path, wanted) in [
        ("", "[etc lib opt usr]"),
        ("lib/a", "a"),
        ("lib/b", "new"),
        ("lib/hard", "new"),
        ("lib/dead", "nothing"),
        ("lib/loop", "nothing"),
        ("lib/../lib/b", "new"),
        ("lib/b/..", "nothing"),
        ("lib", "-> [a b hard]"),
        ("etc/link", "new"),
        ("etc", "[link]"),
        ("usr/share", "[z]"),
        ("usr/share/x", "nothing"),
        ("usr/share/x/y", "nothing"),
        ("opt/deep", "z"),
        ("/opt/deep", "z"),
        ("../../usr/lib/a", "a"),
    ] {
        assert_eq!(seen(&after, path), wanted, "{path}");
    }
    assert_eq!(after.real_path(Path::new("etc/link")), Some("usr/lib/hard".into()));
    let mode = |path| after.stat(Path::new(path)).unwrap().mode;
    assert_eq!((mode("lib/hard"), mode("usr/share/z"), mode("lib/a")), (0o600, 0o755, 0o644));
    assert_eq!(after.md5(Path::new("lib/b")).unwrap(), Some(Md5::digest(b"new").into()));
    assert_eq!(after.md5(Path::new("lib/a")).unwrap(), root.md5(Path::new("lib/a")).unwrap());
    assert!(after.is_written(Path::new("opt")) && !after.is_written(Path::new("etc/c")));
}

#[test]
fn a_directory_keeps_what_was_in_it_and_anything_else_does_not() {
    let root = image();
    let seen_after = |path: &str, file: File, asked: &str| {
        let mut changes = ChangeSet::new();
        changes.write(path, file);
        seen(&Overlay::new(&root, &changes), asked)
    };
    let directory = || file(Content::Directory, 0o700);
    assert_eq!(seen_after("usr/lib", directory(), "usr/lib"), "[a]");
    assert_eq!(seen_after("lib", directory(), "lib"), "[]");
    assert_eq!(seen_after("lib", directory(), "lib/a"), "nothing");
    assert_eq!(seen_after("etc/c", directory(), "etc/c"), "[]");
    assert_eq!(seen_after("usr", regular("x"), "usr/lib/a"), "nothing");
    assert_eq!(seen_after("usr", regular("x"), "lib/a"), "nothing");
    assert_eq!(seen_after("usr/share", link("lib"), "usr/share/a"), "a");
}

#[test]
fn a_circle_of_links_and_an_endless_path_lead_nowhere() {
    let (root, mut changes) = (image(), ChangeSet::new());
    changes.write("one", link("two"));
    changes.write("two", link("/one"));
    changes.write("here", link("."));
    let after = Overlay::new(&root, &changes);
    assert_eq!(after.real_path(Path::new("one")), None);
    assert_eq!(seen(&after, "one"), "-> two");
    let endless: PathBuf = "here/".repeat(100_000).into();
    assert_eq!(after.real_path(&endless), None);
    let endless: PathBuf = "../".repeat(100_000).into();
    assert_eq!(after.real_path(&endless), None);
}

#[test]
fn what_nothing_is_left_of_is_still_a_root() {
    let (root, mut changes) = (image(), ChangeSet::new());
    changes.remove("");
    assert_eq!(seen(&Overlay::new(&root, &changes), ""), "[]");
    assert_eq!(seen(&MemoryRoot::default(), ""), "[]");
}

/// Where things are in the random trees: few names, so that they meet.
fn a_path() -> impl Strategy<Value = String> {
    prop::collection::vec("[abc]", 1..4).prop_map(|names| names.join("/"))
}

fn a_target() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "..", "."]), 1..4)
        .prop_flat_map(|names| (Just(names.join("/")), any::<bool>()))
        .prop_map(|(path, absolute)| if absolute { format!("/{path}") } else { path })
}

#[derive(Debug, Clone)]
enum Step {
    Regular(String),
    Directory,
    Link(String),
    Hard(String),
    Remove,
}

fn a_step() -> impl Strategy<Value = (String, Step)> {
    let step = prop_oneof![
        "[xyz]{0,2}".prop_map(Step::Regular),
        Just(Step::Directory),
        a_target().prop_map(Step::Link),
        a_path().prop_map(Step::Hard),
        Just(Step::Remove),
    ];
    (a_path(), step)
}

/// The steps that can be made in this order, no file in what is no directory.
fn laid(steps: &[(String, Step)]) -> MemoryRoot {
    let mut root = MemoryRoot::default();
    for (path, step) in steps {
        let path = Path::new(path);
        root.remove(path);
        let above = |dir: &Path| root.stat(dir).is_none_or(|stat| stat.kind == FileKind::Directory);
        if !path.ancestors().skip(1).all(above) {
            continue;
        }
        match step {
            Step::Regular(text) => root.file(path, text.as_bytes()),
            Step::Directory => root.directory(path),
            Step::Link(target) => root.link(path, target),
            Step::Hard(_) | Step::Remove => {}
        }
        add_parents(&mut root, path);
    }
    root
}

/// Directories stay when what is in them goes.
fn add_parents(root: &mut MemoryRoot, path: &Path) {
    path.ancestors().skip(1).for_each(|dir| root.directory(dir));
}

/// The steps as changes; what would lie below something that is written and no directory is left
/// out, as nobody can write that.
fn changes_of(steps: &[(String, Step)]) -> ChangeSet {
    let mut all = ChangeSet::new();
    for (path, step) in steps {
        match step {
            Step::Regular(text) => all.write(path, regular(text)),
            Step::Directory => all.write(path, file(Content::Directory, 0o711)),
            Step::Link(target) => all.write(path, link(target)),
            Step::Hard(other) => all.write(path, file(Content::Hardlink(other.into()), 0o600)),
            Step::Remove => all.remove(path),
        }
    }
    let is_other = |dir: &Path| match all.get(dir) {
        Some(Change::Write(file)) => file.content != Content::Directory,
        _ => false,
    };
    let (mut fitting, hard) = (ChangeSet::new(), |other: &Path| match all.get(other) {
        Some(Change::Write(file)) => matches!(file.content, Content::Regular(_)),
        _ => false,
    });
    for (path, change) in all.iter() {
        let dead = matches!(change, Change::Write(File { content: Content::Hardlink(other), .. })
            if !hard(other) || other.ancestors().skip(1).any(is_other));
        if !path.ancestors().skip(1).any(is_other) && !dead {
            fitting.put(path.into(), change.clone());
        }
    }
    fitting
}

/// What a layer of these changes does: whiteouts hide what is below, then entries are unpacked.
fn applied(root: &MemoryRoot, changes: &ChangeSet) -> MemoryRoot {
    let mut after = root.clone();
    for (path, change) in changes.iter() {
        if matches!(change, Change::Remove) {
            after.remove(path);
        }
    }
    for (path, change) in changes.iter() {
        let Change::Write(file) = change else { continue };
        for dir in path.ancestors().skip(1) {
            if after.stat(dir).is_some_and(|stat| stat.kind != FileKind::Directory) {
                after.remove(dir);
            }
        }
        let is_directory = |root: &MemoryRoot| {
            root.stat(path).is_some_and(|stat| stat.kind == FileKind::Directory)
        };
        if file.content != Content::Directory || !is_directory(&after) {
            after.remove(path);
        }
        unpack(&mut after, path, file, changes);
        add_parents(&mut after, path);
    }
    after
}

fn unpack(root: &mut MemoryRoot, path: &Path, file: &File, changes: &ChangeSet) {
    match &file.content {
        Content::Regular(bytes) => root.file(path, bytes),
        Content::Directory => root.directory(path),
        Content::Symlink(target) => root.link(path, target),
        Content::Hardlink(other) => {
            let Some(Change::Write(other)) = changes.get(other) else { panic!("dead") };
            let Content::Regular(bytes) = &other.content else { panic!("dead") };
            root.file(path, bytes);
        }
    }
    root.mode(path, file.mode);
}

/// All paths of up to four names, among them some that cannot be.
fn asked() -> Vec<PathBuf> {
    let mut all = vec![PathBuf::new()];
    let mut last = all.clone();
    for _ in 0..4 {
        let longer = last.iter().flat_map(|p| ["a", "b", "c", ".."].map(|name| p.join(name)));
        last = longer.collect();
        all.extend(last.iter().cloned());
    }
    all
}

proptest! {
    /// An overlay is what becomes of the image when the changes are applied.
    #[test]
    fn it_is_as_if_the_changes_were_applied(
        image in prop::collection::vec(a_step(), 0..12),
        steps in prop::collection::vec(a_step(), 0..12),
    ) {
        let (root, changes) = (laid(&image), changes_of(&steps));
        let (after, model) = (Overlay::new(&root, &changes), applied(&root, &changes));
        for path in asked() {
            let shown = format!("{} of {changes:?}", path.display());
            prop_assert_eq!(after.stat(&path), model.stat(&path), "{}", shown);
            prop_assert_eq!(after.real_path(&path), model.real_path(&path), "{}", shown);
            prop_assert_eq!(after.read(&path).unwrap(), model.read(&path).unwrap(), "{}", shown);
            prop_assert_eq!(after.md5(&path).unwrap(), model.md5(&path).unwrap(), "{}", shown);
            prop_assert_eq!(after.list(&path), model.list(&path), "{}", shown);
        }
    }
}
