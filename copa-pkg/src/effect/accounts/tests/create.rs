use std::fs;
use std::process::Command;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use tempfile::TempDir;

use super::*;
use crate::effect::accounts::sysusers::parse;
use crate::fixture::root::MemoryRoot;

const FILES: [(&str, &str); 4] = [
    (PASSWD, "root:x:0:0:root:/root:/bin/sh\nbin:x:1:1::/bin:/sbin/nologin\ny:x:999:5::/:/\n"),
    (GROUP, "root:x:0:\nbin:x:1:y\nz:x:998:\n"),
    (SHADOW, "root:*:1:::::::\n"),
    (GSHADOW, "root:*::\nbin:*::y\n"),
];

/// The files after what the text asks for, only those that change.
fn after(files: &[(&str, &str)], text: &str) -> BTreeMap<String, String> {
    let root = MemoryRoot::of(files);
    let mut accounts = Accounts::of(&root).unwrap();
    let wanted = parse(text).unwrap();
    let changed = create(&root, &mut accounts, &wanted).unwrap();
    let has_files = files.iter().filter(|(path, _)| [PASSWD, GROUP].contains(path)).count() == 2;
    let can_fail = text.contains(':') || text.contains("two");
    assert!(is_made(&accounts, &wanted) == has_files || can_fail, "{text}");
    let mut changes = root.clone();
    let mut all = BTreeMap::new();
    for (path, file) in changed {
        let Content::Regular(bytes) = file.content else { panic!() };
        changes.file(&path, &bytes);
        all.insert(path.to_str().unwrap().into(), String::from_utf8(bytes.to_vec()).unwrap());
    }
    assert_eq!(Accounts::of(&changes).unwrap(), accounts, "{text}");
    all
}

/// The lines that are new.
fn added(text: &str) -> Vec<String> {
    let after = after(&FILES, text);
    let old = |path: &str, line: &str| {
        FILES.iter().any(|(file, text)| *file == path && text.lines().any(|old| old == line))
    };
    let lines = after.iter().flat_map(|(path, text)| text.lines().map(move |line| (path, line)));
    lines.filter(|(path, line)| !old(path, line)).map(|(_, line)| line.to_owned()).collect()
}

#[test]
fn what_is_wanted_is_made_as_systemd_does() {
    for (text, wanted) in [
        ("u root\ng bin 7\nu bin - x", vec![]),
        // Of a user that is there, the group is made.
        ("m y bin", vec!["y:x:997:", "y:!*::"]),
        ("g new", vec!["new:x:997:", "new:!*::"]),
        ("g new 55", vec!["new:x:55:", "new:!*::"]),
        ("g new 1", vec!["new:x:997:", "new:!*::"]),
        (
            "u new - \"A New\" /home/new /bin/sh",
            vec![
                "new:x:997:",
                "new:!*::",
                "new:x:997:997:A New:/home/new:/bin/sh",
                "new:!*:::::::",
            ],
        ),
        (
            "u new 55",
            vec!["new:x:55:", "new:!*::", "new:x:55:55::/:/usr/sbin/nologin", "new:!*:::::::"],
        ),
        // The number is that of another group.
        (
            "u new 998",
            vec!["new:x:997:", "new:!*::", "new:x:997:997::/:/usr/sbin/nologin", "new:!*:::::::"],
        ),
        ("u new 998:1", vec!["new:x:998:1::/:/usr/sbin/nologin", "new:!*:::::::"]),
        ("u new -:z", vec!["new:x:997:998::/:/usr/sbin/nologin", "new:!*:::::::"]),
        ("u new -:none\nu newer -:77", vec![]),
        // The name is that of a group that is there.
        ("u z", vec!["z:x:998:998::/:/usr/sbin/nologin", "z:!*:::::::"]),
        ("m y z", vec!["z:x:998:y", "y:x:997:", "y:!*::"]),
        (
            "m new bin",
            vec![
                "bin:x:1:new,y",
                "new:x:997:",
                "bin:*::new,y",
                "new:!*::",
                "new:x:997:997::/:/usr/sbin/nologin",
                "new:!*:::::::",
            ],
        ),
        ("m y new", vec!["new:x:997:y", "y:x:996:", "new:!*::y", "y:!*::"]),
        ("g one\ng two", vec!["one:x:997:", "two:x:996:", "one:!*::", "two:!*::"]),
    ] {
        assert_eq!(added(text), wanted, "{text}");
    }
}

#[test]
fn files_stay_as_they_are_but_for_what_is_new() {
    let files = [
        (PASSWD, "# a word\nroot:x:0:0::/:/bin/sh\n+nis\n"),
        (GROUP, "root:x:0:"),
        (
            "etc/login.defs",
            "SYS_UID_MIN 100\nSYS_UID_MAX\t\t 200\n#SYS_GID_MAX 5\nSYS_UID_MAX  201",
        ),
    ];
    let after_user = after(&files, "u new");
    let passwd = "# a word\nroot:x:0:0::/:/bin/sh\nnew:x:201:201::/:/usr/sbin/nologin\n+nis\n";
    assert_eq!(after_user.get(PASSWD).unwrap(), passwd);
    assert_eq!(after_user.get(GROUP).unwrap(), "root:x:0:\nnew:x:201:\n");
    assert_eq!(after_user.len(), 2);
    assert!(after(&files[..1], "u new").is_empty() && after(&files[1..], "u new").is_empty());
    let full = [files[0], files[1], ("etc/login.defs", "SYS_UID_MIN 200\nSYS_UID_MAX 200\n")];
    assert_eq!(after(&full, "u one\nu two").get(GROUP).unwrap(), "root:x:0:\none:x:200:\n");
}

/// `systemd-sysusers` itself, on files on disk.
#[test]
fn numbers_are_those_that_systemd_gives() {
    if !crate::format::rpm::oracle::have("systemd-sysusers") {
        return;
    }
    let name = || prop::sample::select(vec!["a", "b", "bin", "x", "z"]);
    let number = || prop::sample::select(vec!["-", "55", "998", "999", "1"]);
    let line = prop_oneof![
        (name(), number()).prop_map(|(name, number)| format!("u {name} {number}")),
        (name(), number(), name()).prop_map(|(a, number, b)| format!("u {a} {number}:{b}")),
        (name(), number()).prop_map(|(name, number)| format!("g {name} {number}")),
        (name(), name()).prop_map(|(user, group)| format!("m {user} {group}")),
    ];
    let mut runner = TestRunner::new(ProptestConfig::with_cases(60));
    let ran = runner.run(&prop::collection::vec(line, 1..5), |lines| {
        let text = lines.join("\n");
        let Some(wanted) = of_systemd(&text) else { return Ok(()) };
        let found = after(&FILES, &text);
        for (path, text) in &FILES[..2] {
            let found = found.get(*path).map_or(*text, String::as_str);
            prop_assert_eq!(found, &wanted[*path], "{:?}", lines);
        }
        Ok(())
    });
    ran.unwrap();
}

/// The files after the real program. `None` when it makes nothing of the text.
fn of_systemd(text: &str) -> Option<BTreeMap<&'static str, String>> {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("etc")).unwrap();
    for (path, text) in FILES {
        fs::write(dir.path().join(path), text).unwrap();
    }
    let conf = dir.path().join("x.conf");
    fs::write(&conf, text).unwrap();
    let root = format!("--root={}", dir.path().display());
    let out = Command::new("systemd-sysusers").arg(root).arg(&conf).output().unwrap();
    let read = |path| (path, fs::read_to_string(dir.path().join(path)).unwrap());
    out.status.success().then(|| [PASSWD, GROUP].map(read).into())
}
