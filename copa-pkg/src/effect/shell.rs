//! What a script of the shell may do: its simple commands, without those that do not run when it
//! is called with known arguments.
//!
//! Scriptlets say `if [ $1 -eq 0 ]; then ...` of what only a removal needs, and
//! `[ $1 = 1 ] || exit 0`. Only such tests are worked out: whatever else a script asks may be so
//! or not.

/// The arguments of a script, `$1` and `$2`, as far as they are known.
pub(crate) type Arguments = [Option<u32>; 2];

/// A simple command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Command<'s> {
    /// Its name without folders; empty when it only sets variables.
    pub(crate) name: &'s str,
    /// All of it, redirections too.
    pub(crate) text: &'s str,
}

/// The commands that may run. `None` when the script cannot be taken apart.
pub(crate) fn commands(script: &str, arguments: Arguments) -> Option<Vec<Command<'_>>> {
    // Of a text in the script nobody can say where it ends without reading it as a shell does; and
    // arguments may become others.
    if ["<<", "shift", "set --"].iter().any(|odd| script.contains(odd)) {
        return None;
    }
    let mut reader = Reader { arguments, ..Reader::default() };
    Some(parts(script)?.into_iter().filter_map(|part| reader.read(part)).collect())
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    // A line goes on after a lone backslash.
    text.split_whitespace().filter(|word| *word != "\\")
}

/// What stands before a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Joint {
    Apart,
    And,
    Or,
    Pipe,
    Opens,
    Closes,
}

/// The text up to a separator, and the separator before it.
type Part<'s> = (Joint, &'s str);

/// Takes a script apart at what separates commands outside quotes. `None` when a quote is open at
/// the end or has commands in it.
fn parts(script: &str) -> Option<Vec<Part<'_>>> {
    let (mut parts, mut joint, mut start, mut at) = (Vec::new(), Joint::Apart, 0, 0);
    while at < script.len() {
        let (length, then) = next(script.as_bytes(), at)?;
        if let Some(then) = then {
            parts.push((joint, script.get(start..at)?.trim()));
            (joint, start) = (then, at + length);
        }
        at += length;
    }
    parts.push((joint, script.get(start..)?.trim()));
    Some(parts)
}

/// How long what stands there is, and what it separates, if anything.
fn next(script: &[u8], at: usize) -> Option<(usize, Option<Joint>)> {
    let rest = script.get(at..)?;
    let before = at.checked_sub(1).and_then(|before| script.get(before)).copied();
    let begins_word = before.is_none_or(|b| b.is_ascii_whitespace() || b";&|()".contains(&b));
    Some(match rest {
        [b'\\', ..] => (2, None),
        [quote @ (b'\'' | b'"'), ..] => (quoted(rest, *quote)?, None),
        [b'#', ..] if begins_word => {
            (memchr::memchr(b'\n', rest).unwrap_or(rest.len()), Some(Joint::Apart))
        }
        // A redirection.
        [b'&', b'>', ..] => (1, None),
        [b'&' | b'|', ..] if before == Some(b'>') => (1, None),
        [b'&', b'&', ..] => (2, Some(Joint::And)),
        [b'|', b'|', ..] => (2, Some(Joint::Or)),
        [b'|', ..] => (1, Some(Joint::Pipe)),
        [b'(', ..] if before == Some(b'$') => (1, None),
        [b'(', ..] => (1, Some(Joint::Opens)),
        [b')', ..] => (1, Some(Joint::Closes)),
        [b'\n' | b';' | b'&', ..] => (1, Some(Joint::Apart)),
        _ => (1, None),
    })
}

/// How long the quotation at the start is.
fn quoted(text: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at..)? {
            [byte, ..] if *byte == quote => return Some(at + 1),
            [b'`', ..] | [b'$', b'(', ..] if quote == b'"' => return None,
            [b'\\', ..] if quote == b'"' => at += 2,
            [] => return None,
            _ => at += 1,
        }
    }
}

/// Whether a command may run, and whether it does.
#[derive(Debug, Clone, Copy)]
struct Chance {
    may: bool,
    must: bool,
}

impl Chance {
    /// Given that something has to come out like this.
    fn when(self, truth: Option<bool>, wanted: bool) -> Self {
        let may = self.may && truth != Some(!wanted);
        Self { may, must: self.must && truth == Some(wanted) }
    }
}

/// An `if`, or commands in braces.
#[derive(Debug)]
struct Block {
    outside: Chance,
    /// For the branches that are left.
    rest: Chance,
    truth: Option<bool>,
}

#[derive(Debug)]
struct Reader {
    arguments: Arguments,
    /// Of the branch that is being read.
    now: Chance,
    blocks: Vec<Block>,
    /// How the commands that are joined came out so far.
    truth: Option<bool>,
    /// Of the command before.
    last: Chance,
    /// What stood at the end of a line: it goes on in the next one.
    carried: Option<Joint>,
    /// How many loops and parentheses are open: out of those nothing ends the script.
    inside: usize,
}

impl Default for Reader {
    fn default() -> Self {
        let now = Chance { may: true, must: true };
        Self {
            arguments: [None; 2],
            now,
            blocks: Vec::new(),
            truth: None,
            last: now,
            carried: None,
            inside: 0,
        }
    }
}

impl Reader {
    fn read<'s>(&mut self, (joint, text): Part<'s>) -> Option<Command<'s>> {
        match joint {
            Joint::Opens => self.inside += 1,
            Joint::Closes => self.inside = self.inside.saturating_sub(1),
            _ => {}
        }
        let joint = match (joint, self.carried.take()) {
            (Joint::Apart, Some(carried)) => carried,
            (joint, _) => joint,
        };
        if text.is_empty() {
            self.carried = matches!(joint, Joint::And | Joint::Or | Joint::Pipe).then_some(joint);
            return None;
        }
        let mut words = words(text).peekable();
        let mut chance = self.chance(joint);
        let (mut joint, mut negated) = (joint, false);
        while let Some(word) = words.next_if(|word| is_keyword(word)) {
            negated ^= word == "!";
            if self.keyword(word, chance) {
                (chance, joint) = (self.now, Joint::Apart);
            }
        }
        let is_command = words.peek().is_some();
        let words: Vec<&str> = words.skip_while(|word| is_assignment(word)).collect();
        let name = words.first().map_or("", |word| word.trim_matches(['"', '\'']));
        let name = name.rsplit('/').next().unwrap_or(name);
        let found = self.outcome(&words).map(|truth| truth ^ negated);
        self.truth = joined(self.truth, joint, found);
        self.last = chance;
        if name == "exit" && chance.must && self.inside == 0 {
            self.end();
        }
        (chance.may && is_command).then_some(Command { name, text })
    }

    /// Of a command that is joined like this to the ones before.
    fn chance(&self, joint: Joint) -> Chance {
        match joint {
            Joint::And => self.now.when(self.truth, true),
            Joint::Or => self.now.when(self.truth, false),
            // Its parts run in shells of their own.
            Joint::Pipe => Chance { must: false, ..self.last },
            Joint::Apart | Joint::Opens | Joint::Closes => self.now,
        }
    }

    /// Goes on after a word of the language. Whether a new command begins.
    fn keyword(&mut self, word: &str, chance: Chance) -> bool {
        let truth = self.truth;
        match (word, self.blocks.last_mut()) {
            ("if" | "{", _) => {
                self.blocks.push(Block { outside: self.now, rest: chance, truth: None });
                self.now = chance;
            }
            ("then", Some(block)) => {
                block.truth = truth;
                self.now = block.rest.when(truth, true);
            }
            ("elif" | "else", Some(block)) => {
                block.rest = block.rest.when(block.truth, false);
                self.now = block.rest;
            }
            ("fi" | "}", Some(block)) => {
                self.now = block.outside;
                self.blocks.pop();
            }
            ("do", _) => self.inside += 1,
            ("done", _) => self.inside = self.inside.saturating_sub(1),
            _ => return false,
        }
        true
    }

    /// How a test comes out.
    fn outcome(&self, words: &[&str]) -> Option<bool> {
        let (one, operator, other) = match words {
            [":" | "true"] => return Some(true),
            ["false"] => return Some(false),
            ["[", one, operator, other, "]"]
            | ["[[", one, operator, other, "]]"]
            | ["test", one, operator, other] => (one, *operator, other),
            _ => return None,
        };
        let (one, other) = (self.number(one)?, self.number(other)?);
        Some(match operator {
            "-eq" | "=" | "==" => one == other,
            "-ne" | "!=" => one != other,
            "-gt" => one > other,
            "-ge" => one >= other,
            "-lt" => one < other,
            "-le" => one <= other,
            _ => return None,
        })
    }

    fn number(&self, word: &str) -> Option<u32> {
        match word.trim_matches(['"', '\'']) {
            "$1" | "${1}" => self.arguments[0],
            "$2" | "${2}" => self.arguments[1],
            word => word.parse().ok(),
        }
    }

    /// Nothing runs after this.
    fn end(&mut self) {
        let never = Chance { may: false, must: false };
        (self.now, self.last) = (never, never);
        for block in &mut self.blocks {
            (block.outside, block.rest) = (never, never);
        }
    }
}

/// How commands came out together.
fn joined(before: Option<bool>, joint: Joint, found: Option<bool>) -> Option<bool> {
    match (joint, before) {
        (Joint::And, Some(false)) | (Joint::Or, Some(true)) => before,
        (Joint::And, None) => found.filter(|truth| !truth),
        (Joint::Or, None) => found.filter(|truth| *truth),
        (Joint::Pipe, _) => None,
        _ => found,
    }
}

fn is_keyword(word: &str) -> bool {
    let all = ["!", "do", "done", "elif", "else", "fi", "if", "then", "until", "while", "{", "}"];
    all.contains(&word)
}

/// `NAME=VALUE`
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The names of the commands that may run when the script is called with 1.
    fn names(script: &str) -> Option<Vec<&str>> {
        let commands = commands(script, [Some(1), None])?;
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
            ("if x; then exit 0; fi; a", "x exit a"),
            ("while x; do exit 0; done; a", "x exit a"),
            ("( exit 0 ); a", "exit a"),
            ("exit 0 | x; a", "exit"),
            ("for i in 1 2; do a $i; done", "for a"),
            ("[ $2 = 0 ] && a", "[ a"),
            ("[ $1 = 0 -o x ] && a", "[ a"),
            ("x=1 Y=2 a >/dev/null 2>&1; z=3", "a "),
            ("a &>/dev/null || b", "a b"),
            ("echo 'if; a' \"b; \\\" c\"; d", "echo d"),
            ("a \\\n  b || \\\n c", "a c"),
            ("", ""),
        ] {
            let found = names(script).unwrap().join(" ");
            assert_eq!(found, wanted, "{script}");
        }
        for script in ["cat <<E\nfi\nE\n", "shift; [ $1 = 0 ] && a", "a 'b", "a \"$(b \"c\")\""] {
            assert_eq!(names(script), None, "{script}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(script in "(if|then|else|fi|do|done|exit|\\[ \\$1 = 0 \\]|ä|[\"'\\\\;&|(){}#!<> \n]){0,30}") {
            commands(&script, [Some(1), Some(0)]);
        }
    }

    /// What the shell itself runs is never left out.
    #[test]
    fn the_shell_runs_nothing_else() {
        if !crate::format::rpm::oracle::have("bash") {
            return;
        }
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(300));
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
        ]);
        let strategy =
            prop::collection::vec((word, prop::sample::select(vec![";", "\n", " ", "&&"])), 1..12);
        runner
            .run(&strategy, |words| {
                let script: String = words.iter().flat_map(|(word, end)| [*word, *end]).collect();
                let may: Vec<String> = names(&script)
                    .map(|names| names.into_iter().map(Into::into).collect())
                    .unwrap_or_else(|| vec!["a".into(), "b".into(), "x".into()]);
                let head = "a() { echo a; }; b() { echo b; }; x() { echo x; }\n";
                let run = std::process::Command::new("bash")
                    .args(["-c", &format!("{head}{script}"), "script", "1"])
                    .output()
                    .unwrap();
                // A script that the shell cannot read may have begun to run.
                for ran in String::from_utf8(run.stdout).unwrap().lines() {
                    prop_assert!(may.iter().any(|name| name == ran), "{script}: {ran} of {may:?}");
                }
                Ok(())
            })
            .unwrap();
    }
}
