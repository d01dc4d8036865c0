//! The commands of a script, and how they hang together.

use crate::effect::shell::lex::{Token, tokens};
use crate::effect::shell::word::{Piece, Word, is_name};

/// As deep may blocks and substitutions be in each other.
const DEPTH_MAX: u32 = 48;
/// A longer script is not read.
const BYTES_MAX: usize = 1 << 20;

/// Commands after each other.
pub(super) type List<'s> = Vec<Node<'s>>;

/// A command, simple or not.
#[derive(Debug)]
pub(super) enum Node<'s> {
    Simple(Simple<'s>),
    /// Commands of which each reads what the one before writes.
    Pipe(List<'s>),
    Not(Box<Node<'s>>),
    /// A command, and those that run on account of how it came out.
    Chain(Box<Node<'s>>, Vec<(Joint, Node<'s>)>),
    /// It runs while the script goes on.
    Behind(Box<Node<'s>>),
    Group(List<'s>),
    Subshell(List<'s>),
    If {
        branches: Vec<(List<'s>, List<'s>)>,
        otherwise: List<'s>,
    },
    /// `while`, `until`; without a condition, `for`.
    Loop {
        condition: List<'s>,
        body: List<'s>,
    },
    Case {
        subject: Word<'s>,
        arms: Vec<(Vec<Word<'s>>, List<'s>)>,
    },
    Function {
        name: &'s str,
        body: Box<Node<'s>>,
    },
    /// A block, and what is computed or written on its account.
    With(Simple<'s>, Box<Node<'s>>),
}

/// What stands between two commands of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    And,
    Or,
}

/// A simple command.
#[derive(Debug, Default)]
pub(super) struct Simple<'s> {
    /// Its name and arguments.
    pub(super) words: Vec<Word<'s>>,
    /// The scripts whose output its words are made of.
    pub(super) runs: Vec<List<'s>>,
    /// Whether something else is computed that cannot be read.
    pub(super) computes: bool,
    /// Whether its output goes to a file.
    pub(super) writes: bool,
    /// Whether it sets variables.
    pub(super) is_assignment: bool,
    /// Whether input or output goes anywhere.
    is_redirected: bool,
    /// Whether it may fail before it runs, because of where input or output goes.
    pub(super) may_fail: bool,
}

/// Words of the language that begin no command.
const KEYWORDS: [&str; 9] = ["!", "}", "do", "done", "elif", "else", "esac", "fi", "then"];

/// Reads a script. `None` when it cannot be read without doubt.
pub(super) fn parse(script: &str) -> Option<List<'_>> {
    if script.len() > BYTES_MAX {
        return None;
    }
    parse_within(script, DEPTH_MAX)
}

fn parse_within(script: &str, depth: u32) -> Option<List<'_>> {
    let mut tokens = tokens(script)?;
    tokens.reverse();
    let mut parser = Parser { tokens, depth: depth.checked_sub(1)? };
    let list = parser.list(&[])?;
    parser.tokens.is_empty().then_some(list)
}

struct Parser<'s> {
    /// Those still to come, the next one last.
    tokens: Vec<Token<'s>>,
    depth: u32,
}

impl<'s> Parser<'s> {
    fn at_sign(&self, sign: &str) -> bool {
        matches!(self.tokens.last(), Some(Token::Sign(found)) if *found == sign)
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = self.at_sign(sign);
        found.then(|| self.tokens.pop());
        found
    }

    /// Whether the next word is one of the language, where one may stand.
    fn at_keyword(&self, keyword: &str) -> bool {
        matches!(self.tokens.last(), Some(Token::Word(word)) if word.is_keyword(keyword))
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let found = self.at_keyword(keyword);
        found.then(|| self.tokens.pop());
        found
    }

    fn expect(&mut self, keyword: &str) -> Option<()> {
        self.take_keyword(keyword).then_some(())
    }

    fn word(&mut self) -> Option<Word<'s>> {
        match self.tokens.pop()? {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    fn newlines(&mut self) {
        while matches!(self.tokens.last(), Some(Token::Newline)) {
            self.tokens.pop();
        }
    }

    /// Commands up to one of these words or signs, which stays.
    fn list(&mut self, ends: &[&str]) -> Option<List<'s>> {
        let mut list = Vec::new();
        loop {
            self.newlines();
            let at_end = |end: &&str| self.at_keyword(end) || self.at_sign(end);
            if self.tokens.is_empty() || ends.iter().any(at_end) {
                return Some(list);
            }
            let mut node = self.chain()?;
            if self.take_sign("&") {
                node = Node::Behind(Box::new(node));
            } else if !self.take_sign(";") {
                let is_over = matches!(self.tokens.last(), None | Some(Token::Newline));
                let at_end = |end: &&str| self.at_keyword(end) || self.at_sign(end);
                (is_over || ends.iter().any(at_end)).then_some(())?;
            }
            list.push(node);
        }
    }

    /// Commands up to one of these words, of which there is at least one.
    fn block(&mut self, ends: &[&str]) -> Option<List<'s>> {
        self.list(ends).filter(|list| !list.is_empty())
    }

    fn chain(&mut self) -> Option<Node<'s>> {
        let first = self.pipe()?;
        let mut rest = Vec::new();
        loop {
            let joint = match self.tokens.last() {
                Some(Token::Sign("&&")) => Joint::And,
                Some(Token::Sign("||")) => Joint::Or,
                _ if rest.is_empty() => return Some(first),
                _ => return Some(Node::Chain(Box::new(first), rest)),
            };
            self.tokens.pop();
            self.newlines();
            rest.push((joint, self.pipe()?));
        }
    }

    fn pipe(&mut self) -> Option<Node<'s>> {
        let mut negated = false;
        while self.take_keyword("!") {
            negated = !negated;
        }
        let mut all = vec![self.command()?];
        while self.take_sign("|") {
            self.newlines();
            all.push(self.command()?);
        }
        let pipe = if all.len() == 1 { all.pop()? } else { Node::Pipe(all) };
        Some(if negated { Node::Not(Box::new(pipe)) } else { pipe })
    }

    fn command(&mut self) -> Option<Node<'s>> {
        self.depth = self.depth.checked_sub(1)?;
        let node = match self.tokens.last()? {
            Token::Sign("(") => {
                self.tokens.pop();
                let list = self.block(&[")"])?;
                self.take_sign(")").then_some(())?;
                Node::Subshell(list)
            }
            Token::Word(word) => match word.raw {
                "if" => self.branches()?,
                "while" | "until" => self.while_loop()?,
                "for" => self.for_loop()?,
                "case" => self.case()?,
                "{" => {
                    self.tokens.pop();
                    let list = self.block(&["}"])?;
                    self.expect("}")?;
                    Node::Group(list)
                }
                "function" | "select" | "coproc" | "time" => return None,
                _ => self.simple_or_function()?,
            },
            _ => self.simple_or_function()?,
        };
        self.depth += 1;
        match node {
            Node::Simple(_) | Node::Function { .. } => Some(node),
            block => self.with_redirections(block),
        }
    }

    fn with_redirections(&mut self, block: Node<'s>) -> Option<Node<'s>> {
        let mut simple = Simple::default();
        while self.redirection(&mut simple)? {}
        Some(if simple.is_redirected { Node::With(simple, Box::new(block)) } else { block })
    }

    fn branches(&mut self) -> Option<Node<'s>> {
        let (mut branches, mut otherwise) = (Vec::new(), Vec::new());
        self.expect("if")?;
        loop {
            let condition = self.block(&["then"])?;
            self.expect("then")?;
            branches.push((condition, self.block(&["elif", "else", "fi"])?));
            if !self.take_keyword("elif") {
                break;
            }
        }
        if self.take_keyword("else") {
            otherwise = self.block(&["fi"])?;
        }
        self.expect("fi")?;
        Some(Node::If { branches, otherwise })
    }

    fn while_loop(&mut self) -> Option<Node<'s>> {
        self.tokens.pop();
        let condition = self.block(&["do"])?;
        Some(Node::Loop { condition, body: self.body()? })
    }

    fn for_loop(&mut self) -> Option<Node<'s>> {
        self.expect("for")?;
        self.word().filter(|word| is_name(word.raw))?;
        self.newlines();
        let mut simple = Simple::default();
        if self.take_keyword("in") {
            while let Some(Token::Word(_)) = self.tokens.last() {
                let word = self.word()?;
                self.note(&mut simple, &word)?;
            }
        }
        self.take_sign(";");
        self.newlines();
        let (condition, body) = (Vec::new(), self.body()?);
        Some(Node::With(simple, Box::new(Node::Loop { condition, body })))
    }

    fn body(&mut self) -> Option<List<'s>> {
        self.expect("do")?;
        let body = self.block(&["done"])?;
        self.expect("done")?;
        Some(body)
    }

    fn case(&mut self) -> Option<Node<'s>> {
        self.expect("case")?;
        let subject = self.word()?;
        let mut simple = Simple::default();
        self.note(&mut simple, &subject)?;
        self.newlines();
        self.expect("in")?;
        let mut arms = Vec::new();
        loop {
            self.newlines();
            if self.take_keyword("esac") {
                break;
            }
            let patterns = self.patterns(&mut simple)?;
            arms.push((patterns, self.list(&[";;", "esac"])?));
            if !self.take_sign(";;") && !self.at_keyword("esac") {
                return None;
            }
        }
        Some(Node::With(simple, Box::new(Node::Case { subject, arms })))
    }

    fn patterns(&mut self, simple: &mut Simple<'s>) -> Option<Vec<Word<'s>>> {
        self.take_sign("(");
        let mut patterns = Vec::new();
        loop {
            let pattern = self.word()?;
            self.note(simple, &pattern)?;
            patterns.push(pattern);
            if !self.take_sign("|") {
                return self.take_sign(")").then_some(patterns);
            }
        }
    }

    fn simple_or_function(&mut self) -> Option<Node<'s>> {
        let mut simple = Simple::default();
        loop {
            if self.redirection(&mut simple)? {
                continue;
            }
            let Some(Token::Word(_)) = self.tokens.last() else { break };
            let word = self.word()?;
            if simple.words.is_empty() && KEYWORDS.contains(&word.raw) {
                return None;
            }
            if simple.words.is_empty() && word.raw == "[[" {
                return self.condition(word);
            }
            if simple.words.is_empty() && self.at_sign("(") {
                let is_function = simple.is_nothing() && is_function_name(word.raw);
                return if is_function { self.function(word.raw) } else { None };
            }
            self.note(&mut simple, &word)?;
            if !simple.words.is_empty() || !word.is_assignment() {
                simple.words.push(word);
            } else {
                simple.is_assignment = true;
            }
        }
        (!simple.is_nothing()).then_some(Node::Simple(simple))
    }

    fn function(&mut self, name: &'s str) -> Option<Node<'s>> {
        (self.take_sign("(") && self.take_sign(")")).then_some(())?;
        self.newlines();
        let body = self.command().filter(|body| !matches!(body, Node::Simple(_)))?;
        Some(Node::Function { name, body: Box::new(body) })
    }

    /// `[[ ... ]]`: what looks like operators in it are none.
    fn condition(&mut self, first: Word<'s>) -> Option<Node<'s>> {
        let mut simple = Simple { words: vec![first], ..Simple::default() };
        loop {
            let word = match self.tokens.pop()? {
                Token::Word(word) => word,
                Token::Sign(raw @ ("&&" | "||" | "(" | ")" | "<" | ">")) => {
                    Word { raw, pieces: vec![Piece::Other { computes: false }] }
                }
                _ => return None,
            };
            self.note(&mut simple, &word)?;
            let is_last = word.is_keyword("]]");
            simple.words.push(word);
            if is_last {
                break;
            }
        }
        while self.redirection(&mut simple)? {}
        Some(Node::Simple(simple))
    }

    /// Notes what runs for a word.
    fn note(&mut self, simple: &mut Simple<'s>, word: &Word<'s>) -> Option<()> {
        for script in word.runs() {
            simple.runs.push(parse_within(script, self.depth)?);
        }
        simple.computes |= word.computes();
        Some(())
    }

    /// Takes a redirection, if there is one.
    fn redirection(&mut self, simple: &mut Simple<'s>) -> Option<bool> {
        let writes = match self.tokens.last() {
            Some(Token::Here { computes }) => {
                simple.computes |= computes;
                simple.is_redirected = true;
                simple.may_fail = true;
                self.tokens.pop();
                return Some(true);
            }
            Some(Token::Sign("<" | "<&" | "<<<")) => false,
            Some(Token::Sign(">" | ">>" | ">&" | ">|" | "&>" | "&>>" | "<>")) => true,
            _ => return Some(false),
        };
        // Other shells than bash take the first byte of `&>` for a sign of its own.
        let is_odd = self.at_sign("&>") || self.at_sign("&>>");
        self.tokens.pop();
        let word = self.word()?;
        self.note(simple, &word)?;
        simple.is_redirected = true;
        simple.may_fail |= is_odd || !is_nowhere(&word);
        simple.writes |= writes && !is_nowhere(&word);
        Some(true)
    }
}

impl Simple<'_> {
    fn is_nothing(&self) -> bool {
        self.words.is_empty() && !self.is_redirected && !self.is_assignment
    }
}

fn is_function_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b))
}

/// Whether output to there is lost or seen by whoever looks on.
fn is_nowhere(word: &Word<'_>) -> bool {
    let is_number = word.raw == "-" || word.raw.bytes().all(|b| b.is_ascii_digit());
    is_number || word.literal().is_some_and(|to| NOWHERE.contains(&&*to))
}

const NOWHERE: [&str; 4] = ["/dev/null", "/dev/stderr", "/dev/stdout", "/dev/tty"];
