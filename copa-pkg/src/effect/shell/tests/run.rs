use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;

fn call<'a>(one: &'a str, two: Option<&'a str>) -> Call<'a> {
    Call { arguments: [Some(one), two, None], is_bash: true }
}

/// The names of the commands that may run when the script is called with 1.
fn names(script: &str) -> Option<Vec<String>> {
    let commands = commands(script, &call("1", None), None)?;
    Some(commands.into_iter().map(|command| command.name).collect())
}

#[test]
fn what_cannot_run_is_left_out() {
    for (script, wanted) in [
        ("a; b\n/sbin/c | d & e", "a b c d e"),
        ("if [ $1 -eq 0 ] ; then\n  a\nfi\nb", "[ b"),
        ("if [ \"$1\" -ge 1 ]\nthen a; else b; fi", "[ a"),
        ("if [ $1 -eq 0 ]; then a; elif test $1 = 1; then b; else c; fi", "[ test b"),
        ("if [ $1 = 0 ] && x; then a; fi; b", "[ b"),
        ("if [ $1 = 1 ] && x; then a; else b; fi; c", "[ x a b c"),
        ("if x || [ $1 = 1 ]; then a; else b; fi", "x [ a"),
        ("if x; then if [ $1 -gt 1 ]; then a; fi; b; fi", "x [ b"),
        ("if ! [ $1 = 1 ]; then a; fi", "["),
        ("[ $1 = 1 ] || exit 0\na", "[ a"),
        ("[ $1 = 0 ] || exit 0\na", "[ exit"),
        ("[ $1 = 0 ] ||\n# a word; b\n  exit 0\na", "[ exit"),
        ("[ $1 = 0 ] || { a; exit 0; }; b", "[ a exit"),
        ("[ $1 = 1 ] || { a; exit 0; }; b", "[ b"),
        ("[ $1 = 0 ] && a | b; c", "[ c"),
        ("x && exit 0; a", "x exit a"),
        ("x && { exit 0; b; }; a", "x exit a"),
        ("if x; then exit 0; fi; a", "x exit a"),
        ("if x; then exit 0; else exit 1; fi; a", "x exit exit"),
        ("while x; do exit 0; done; a", "x exit a"),
        ("( exit 0 ); a", "exit a"),
        ("exit 0 | x; a", "exit x a"),
        ("exit 0 & a", "exit a"),
        ("exit 0 > f; a", "exit a"),
        ("for i in 1 2; do a $i; done", "a"),
        ("for i in $(b); do a $i; done", "b a"),
        ("[ $2 = 0 ] && a", "[ a"),
        ("[ $1 = 0 -o x ] && a", "[ a"),
        ("[[ $1 == 0 && x ]] && a", "[[ a"),
        ("x=1 Y=2 a >/dev/null 2>&1; z=3", "a"),
        ("a &>/dev/null || b", "a b"),
        ("echo 'if; a' \"b; \\\" c\"; d", "echo d"),
        ("a \\\n  b || \\\n c", "a c"),
        ("cat <<E\nfi\nE\na", "cat a"),
        ("a <<-'E'\n\t$(b)\n\tE\n", "a"),
        ("a \"$(b \"c)\" $(d))\"", "d b a"),
        ("if [ -n \"`x`\" ]; then a; fi", "[ a"),
        ("$x/b; \"$y\"", "b \"$y\""),
        ("{ a; } >f", " a"),
        ("", ""),
    ] {
        let found = names(script).unwrap_or_else(|| panic!("{script}")).join(" ");
        assert_eq!(found, wanted, "{script}");
    }
}

#[test]
fn what_cannot_be_followed_is_not() {
    for script in [
        "shift; [ $1 = 0 ] && a",
        "set -- 0; [ $1 = 0 ] && a",
        "a 'b",
        "a \"b",
        "a $(b",
        "a `b",
        "cat <<E\nfi",
        "cat <<E\na\\\nE\nE\n",
        "if a; then b",
        "fi",
        "a && && b",
        "a; done",
        "a )",
        "function x { a; }; x",
        "a $'\\''; b",
        "x() { a; }; x() { b; }; x",
        "test() { a; }; test",
        "while a; do x; x() { b; }; done",
        "x() { x; }; x",
        "a $(case b in b) c;; esac)",
        "case a in b) c ;& d) e;; esac",
        "for ((i = 0; i < 1; i++)); do a; done",
    ] {
        assert_eq!(names(script), None, "{script}");
    }
    for odd in ["(", "{ ", "$(", "\"$(", "${x:-", "if "] {
        assert_eq!(names(&odd.repeat(100_000)), None, "{odd}");
    }
    let functions: String = (0..30).map(|i| format!("f{}() {{ f{i}; f{i}; }}\n", i + 1)).collect();
    assert_eq!(names(&format!("f0() {{ a; }}\n{functions}f30")), None);
    assert!(names(&"a && ".repeat(50_000)).is_none() && names(&"a\n".repeat(50_000)).is_some());
}

#[test]
fn a_case_runs_the_arm_that_fits() {
    let script = "case \"$1\" in\n\
        configure|\"reconfigure\") a\n ;;\n\
        (abort-*) b;;\n\
        tri?gered) c;;\n\
        *) d; exit 1;;\n\
        esac\ne";
    for (one, wanted) in [
        ("configure", "a e"),
        ("reconfigure", "a e"),
        ("abort-upgrade", "b e"),
        ("triggered", "c e"),
        ("other", "d exit"),
    ] {
        let found = commands(script, &call(one, None), None).unwrap();
        let found: Vec<_> = found.into_iter().map(|command| command.name).collect();
        assert_eq!(found.join(" "), wanted, "{one}");
    }
    for (script, wanted) in [
        ("case $2 in a) a;; *) b;; esac; c", "a b c"),
        ("case $2 in a) exit 0;; b) exit 1;; esac; c", "exit exit c"),
        ("case $1 in [12]) a;; *) b;; esac", "a b"),
        ("case $1 in $x) a;; 1) b;; 2) c;; *) d;; esac", "a b"),
        ("case $1 in '*') a;; esac; b", "b"),
        ("case $1 in esac; b", "b"),
        ("case $1 in 2) ;; esac >f; b", " b"),
    ] {
        assert_eq!(names(script).unwrap().join(" "), wanted, "{script}");
    }
}

#[test]
fn a_function_is_what_it_does_when_it_is_called() {
    for (script, wanted) in [
        ("x() { a; }\nb", "b"),
        ("x() { a; }\nb; x; x", "b a a"),
        ("x() { [ $1 = 0 ] && a; }; x", "[ a"),
        ("x () ( a )\nx", "a"),
        ("y() { a; }; x() { y; exit 0; }; x; b", "a exit b"),
        ("if z; then x() { a; }; fi; x", "z a x"),
        ("x() { shift; a; }; x", "shift a"),
    ] {
        assert_eq!(names(script).unwrap().join(" ").replace("  ", " "), wanted, "{script}");
    }
}

#[test]
fn a_function_is_a_command_that_there_is() {
    let root = crate::fixture::root::MemoryRoot::of(&[("usr/bin/x", "")]);
    for (script, wanted) in [
        ("command -v y || a", "command a"),
        ("command -v x || a", "command"),
        ("y() { b; }; command -v y || a", "command a"),
        ("command -v y >/dev/null 2>&1 && a", "command"),
        ("command -v y &>/dev/null && a", "command a"),
    ] {
        let found = commands(script, &call("1", None), Some(&root)).unwrap();
        let found: Vec<_> = found.into_iter().map(|command| command.name).collect();
        assert_eq!(found.join(" "), wanted, "{script}");
    }
}

#[test]
fn arguments_are_known_as_far_as_they_are_written_out() {
    let script = "a -x \"$1\" $2 ${1:-} '$1' \"$(b)\" *.c \"$@\" ~ $3\n";
    let found = commands(script, &call("one", Some("two words")), None).unwrap().pop().unwrap();
    let known = |text: &str| Some(text.to_owned());
    let wanted = [known("-x"), known("one"), None, known("one"), known("$1"), None, None, None];
    assert_eq!(found.arguments[..8], wanted);
    assert_eq!((found.arguments[8..].to_vec(), found.writes), (vec![None, None], false));
    for (script, writes, computes) in [
        ("a >/dev/null 2>&1 <in", false, false),
        ("a >&2; ", false, false),
        ("a >>out", true, false),
        ("a >&out", true, false),
        ("a > \"$x\"", true, false),
        ("a `b`", false, true),
        ("a $((1 + 1))", false, true),
        ("a \"${x:-$(b)}\"", false, true),
        ("a <<E\n$(b)\nE\n", false, true),
        ("a <<'E'\n$(b)\nE\n", false, false),
    ] {
        let found = commands(script, &call("1", None), None).unwrap().pop().unwrap();
        assert_eq!((found.writes, found.computes), (writes, computes), "{script}");
    }
}

proptest! {
    #[test]
    fn never_panics(script in "(if|then|else|fi|do|done|for|in|case|esac|exit|x\\(\\)|<<|;;|\\[ \\$1 = 0 \\]|ä|[\"'`\\\\;&|(){}$#!<> \n]){0,30}") {
        commands(&script, &call("1", Some("0")), None);
    }
}

/// What the shell itself runs is never left out.
#[test]
fn the_shell_runs_nothing_else() {
    if !crate::format::rpm::oracle::have("bash") {
        return;
    }
    let mut runner = TestRunner::new(ProptestConfig::with_cases(400));
    let word = prop::sample::select(vec![
        "a",
        "b",
        "if [ $1 = 0 ]; then",
        "if [ $1 -ge 1 ]; then",
        "if x; then",
        "elif [ $1 = 1 ]; then",
        "else",
        "fi",
        "exit 0",
        "[ $1 = 0 ] &&",
        "[ $1 = 1 ] ||",
        "false ||",
        "{",
        "}",
        "(",
        ")",
        "|",
        "for i in 1 2; do",
        "done",
        "! true &&",
        "# if",
        "'; x'",
        "case $1 in",
        "0)",
        "1 | 2)",
        "*)",
        ";;",
        "esac",
        "f() {",
        "f",
        "f 0",
        "$(",
        "<<E\n$(x)\nE\n",
        "\"$(a)\"",
        ">/dev/null",
        "&",
    ]);
    let strategy =
        prop::collection::vec((word, prop::sample::select(vec![";", "\n", " ", "&&"])), 1..12);
    let words = runner.run(&strategy, |words| {
        let script: String = words.iter().flat_map(|(word, end)| [*word, *end]).collect();
        check(&script);
        Ok(())
    });
    words.unwrap();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(400));
    runner
        .run(&a_script(), |script| {
            check(&script);
            Ok(())
        })
        .unwrap();
}

/// Scripts that the shell can read.
fn a_script() -> impl Strategy<Value = String> {
    let test = prop::sample::select(vec![
        "[ $1 = 0 ]",
        "[ \"$1\" -ge 1 ]",
        "! [ $1 = 1 ]",
        "x",
        "false",
        "true",
        ":",
    ]);
    let leaf = prop_oneof![
        prop::sample::select(vec![
            "a",
            "b",
            "x",
            "exit 0",
            "f",
            "g 0",
            "x <<E\n$ a\nE\n",
            "b $(a)"
        ])
        .prop_map(str::to_owned),
        test.clone().prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 24, 3, move |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(a, b)| format!("{a}\n{b}")),
            (two.clone(), test.clone())
                .prop_map(|((a, b), test)| format!("if {test}; then\n{a}\nelse\n{b}\nfi")),
            two.clone().prop_map(|(a, b)| format!("if\n{a}\nthen\n{b}\nfi")),
            (test.clone(), inner.clone()).prop_map(|(test, a)| format!("{test} && {{\n{a}\n}}")),
            (test.clone(), inner.clone()).prop_map(|(test, a)| format!("{test} || (\n{a}\n)")),
            two.clone().prop_map(|(a, b)| format!("{{\n{a}\n}} || {{\n{b}\n}}")),
            two.clone().prop_map(|(a, b)| format!("{{\n{a}\n}} | {{\n{b}\n}}")),
            two.clone().prop_map(|(a, b)| format!("case $1 in 0)\n{a}\n;;*)\n{b}\n;;esac")),
            two.prop_map(|(a, b)| format!("case $1 in x*|1)\n{a}\n;;?)\n{b}\n;;esac")),
            inner.clone().prop_map(|a| format!("for i in 1 2; do\n{a}\ndone")),
            inner.clone().prop_map(|a| format!("f() {{\n{a}\n}}")),
            inner.clone().prop_map(|a| format!("g() {{\n{a}\n}}\ng")),
            inner.prop_map(|a| format!("{{\n{a}\n}} &\nwait")),
        ]
    })
}

fn check(script: &str) {
    let Some(may) = commands(script, &call("1", None), None) else { return };
    if may.iter().any(|command| command.computes) {
        return;
    }
    let head = "a() { echo a >&2; }; b() { echo b >&2; }; x() { echo x >&2; }\n";
    let run = std::process::Command::new("bash")
        .args(["-c", &format!("ulimit -s 512; FUNCNEST=20\n{head}{script}"), "script", "1"])
        .output()
        .unwrap();
    // A script that the shell cannot read may have begun to run.
    for ran in String::from_utf8_lossy(&run.stderr).lines().filter(|line| line.len() == 1) {
        assert!(may.iter().any(|command| command.name == ran), "{script}: {ran} of {may:?}");
    }
}
