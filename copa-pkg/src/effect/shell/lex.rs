//! The words and signs of a script.

use std::ops::Range;

use crate::effect::shell::word::{Piece, Word};

/// A part of a script that stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token<'s> {
    Word(Word<'s>),
    /// An operator, such as `&&`.
    Sign(&'static str),
    Newline,
    /// A here-document, and whether commands in it run.
    Here {
        computes: bool,
    },
}

/// The operators, those before others that they begin with.
const SIGNS: [&str; 22] = [
    "&&", "&>>", "&>", "&", "||", "|&", "|", ";;&", ";;", ";&", ";", "(", ")", "<<<", "<<-", "<<",
    "<&", "<>", "<", ">>", ">&", ">|",
];
/// As deep may quotes and expansions be in each other.
const DEPTH_MAX: u32 = 32;

/// Takes a script apart. `None` when that cannot be done without doubt.
pub(super) fn tokens(script: &str) -> Option<Vec<Token<'_>>> {
    let mut lexer = Lexer { script, at: 0, tokens: Vec::new(), waiting: Vec::new() };
    while lexer.at < script.len() {
        lexer.token()?;
    }
    lexer.waiting.is_empty().then_some(lexer.tokens)
}

struct Lexer<'s> {
    script: &'s str,
    at: usize,
    tokens: Vec<Token<'s>>,
    /// Here-documents whose text begins after the line.
    waiting: Vec<Here>,
}

struct Here {
    token: usize,
    end: String,
    is_indented: bool,
    expands: bool,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s [u8] {
        self.script.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn text(&self, range: Range<usize>) -> Option<&'s str> {
        self.script.get(range)
    }

    fn token(&mut self) -> Option<()> {
        let rest = self.rest();
        match rest {
            [b'\\', b'\n', ..] => self.at += 2,
            [b' ' | b'\t', ..] => self.at += 1,
            [b'\n', ..] => {
                self.at += 1;
                self.tokens.push(Token::Newline);
                self.here_documents()?;
            }
            [b'#', ..] => self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len()),
            _ => match sign(rest) {
                Some(here @ ("<<" | "<<-")) => self.here(here)?,
                Some(sign) => {
                    self.at += sign.len();
                    self.tokens.push(Token::Sign(sign));
                }
                None => {
                    let word = self.word()?;
                    let is_number = word.raw.bytes().all(|b| b.is_ascii_digit());
                    // `2>`: which output goes elsewhere does not matter.
                    if !(is_number && matches!(self.rest(), [b'<' | b'>', ..])) {
                        self.tokens.push(Token::Word(word));
                    }
                }
            },
        }
        Some(())
    }

    fn here(&mut self, sign: &str) -> Option<()> {
        self.at += sign.len();
        while matches!(self.rest(), [b' ' | b'\t', ..]) {
            self.at += 1;
        }
        let word = self.word().filter(|word| !word.pieces.is_empty())?;
        let end = word.literal()?;
        let expands = word.raw == end;
        let token = self.tokens.len();
        self.waiting.push(Here { token, end, is_indented: sign == "<<-", expands });
        self.tokens.push(Token::Here { computes: false });
        Some(())
    }

    fn here_documents(&mut self) -> Option<()> {
        for here in std::mem::take(&mut self.waiting) {
            let mut computes = false;
            loop {
                let rest = self.script.get(self.at..).filter(|rest| !rest.is_empty())?;
                let line = rest.split_inclusive('\n').next()?;
                self.at += line.len();
                let line = line.strip_suffix('\n').unwrap_or(line);
                let line = if here.is_indented { line.trim_start_matches('\t') } else { line };
                if line == here.end {
                    break;
                }
                // A line that goes on may hide the end.
                if here.expands && line.ends_with('\\') {
                    return None;
                }
                computes |= here.expands && may_run(line);
            }
            *self.tokens.get_mut(here.token)? = Token::Here { computes };
        }
        Some(())
    }

    fn word(&mut self) -> Option<Word<'s>> {
        let start = self.at;
        let mut pieces = Vec::new();
        loop {
            match self.rest() {
                []
                | [b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>', ..] => {
                    break;
                }
                [b'\\', b'\n', ..] => self.at += 2,
                [b'\\', ..] => {
                    self.at += 1;
                    self.character(&mut pieces, true)?;
                }
                [b'\'', rest @ ..] => {
                    let from = self.at + 1;
                    let end = from + memchr::memchr(b'\'', rest)?;
                    push(&mut pieces, self.text(from..end)?, true);
                    self.at = end + 1;
                }
                [b'"', ..] => self.double_quoted(&mut pieces)?,
                [b'$' | b'`', ..] => self.expansion(&mut pieces, false)?,
                _ => self.character(&mut pieces, false)?,
            }
        }
        Some(Word { raw: self.text(start..self.at)?, pieces })
    }

    fn character(&mut self, pieces: &mut Vec<Piece<'s>>, quoted: bool) -> Option<()> {
        let length = self.script.get(self.at..)?.chars().next()?.len_utf8();
        push(pieces, self.text(self.at..self.at + length)?, quoted);
        self.at += length;
        Some(())
    }

    fn double_quoted(&mut self, pieces: &mut Vec<Piece<'s>>) -> Option<()> {
        self.at += 1;
        push(pieces, "", true);
        loop {
            match self.rest() {
                [] => return None,
                [b'"', ..] => break,
                [b'\\', b'\n', ..] => self.at += 2,
                [b'\\', b'$' | b'`' | b'"' | b'\\', ..] => {
                    self.at += 1;
                    self.character(pieces, true)?;
                }
                [b'$' | b'`', ..] => self.expansion(pieces, true)?,
                _ => self.character(pieces, true)?,
            }
        }
        self.at += 1;
        Some(())
    }

    /// What stands for something else, from `$` or a backquote on.
    fn expansion(&mut self, pieces: &mut Vec<Piece<'s>>, quoted: bool) -> Option<()> {
        let start = self.at;
        let script = self.script.as_bytes();
        let (end, piece) = match self.rest() {
            [b'`', ..] => (skip(script, start, DEPTH_MAX)?, Piece::Other { computes: true }),
            [b'$', b'(', ..] => {
                let end = skip(script, start + 1, DEPTH_MAX)?;
                (end, substitution(self.text(start + 2..end - 1)?)?)
            }
            [b'$', b'{', ..] => {
                let end = skip(script, start + 1, DEPTH_MAX)?;
                (end, parameter(self.text(start + 2..end - 1)?, quoted)?)
            }
            [b'$', b'\'' | b'"', ..] if !quoted => return None,
            [b'$', rest @ ..] => match name_length(rest) {
                0 => (start + 1, Piece::Text { text: "$".into(), quoted: true }),
                length => {
                    let name = self.text(start + 1..start + 1 + length)?;
                    (start + 1 + length, Piece::Parameter { name, quoted })
                }
            },
            _ => return None,
        };
        pieces.push(piece);
        self.at = end;
        Some(())
    }
}

fn sign(rest: &[u8]) -> Option<&'static str> {
    let mut signs = SIGNS.into_iter().chain([">"]);
    signs.find(|sign| rest.starts_with(sign.as_bytes()))
}

/// Adds text to a word.
fn push(pieces: &mut Vec<Piece<'_>>, text: &str, quoted: bool) {
    match pieces.last_mut() {
        Some(Piece::Text { text: before, quoted: was }) if *was == quoted => before.push_str(text),
        _ => pieces.push(Piece::Text { text: text.to_owned(), quoted }),
    }
}

/// How long the name of a parameter is, after the `$`.
fn name_length(rest: &[u8]) -> usize {
    match rest {
        [b'0'..=b'9' | b'@' | b'*' | b'#' | b'?' | b'$' | b'!' | b'-', ..] => 1,
        _ => rest.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count(),
    }
}

/// `$(SCRIPT)`. Of what ends in it nobody can be sure when there are comments or lists of cases.
fn substitution(script: &str) -> Option<Piece<'_>> {
    let odd = ["case", "<<", " #", "\t#", "\n#", ";#"];
    if script.starts_with('#') || odd.iter().any(|odd| script.contains(odd)) {
        return None;
    }
    // Arithmetic looks like a subshell.
    let is_plain = !script.starts_with('(');
    Some(if is_plain { Piece::Runs(script) } else { Piece::Other { computes: true } })
}

/// `${NAME}`, also with nothing as its default; whatever else is worked out from one is not known.
fn parameter(text: &str, quoted: bool) -> Option<Piece<'_>> {
    // In quotes some shells take these for quotes and others do not.
    if quoted && text.contains(['\'', '"']) {
        return None;
    }
    let name = text.strip_suffix('-').unwrap_or(text);
    let name = name.strip_suffix(':').filter(|_| name.len() < text.len()).unwrap_or(name);
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    Some(match is_name {
        true => Piece::Parameter { name, quoted },
        false => Piece::Other { computes: may_run(text) },
    })
}

/// Whether commands may run where the text is expanded.
fn may_run(text: &str) -> bool {
    text.contains('`') || text.contains("$(")
}

/// Where the quotation, substitution or expansion ends that begins at this quote or bracket.
fn skip(script: &[u8], start: usize, depth: u32) -> Option<usize> {
    let depth = depth.checked_sub(1)?;
    let close = match script.get(start)? {
        b'(' => b')',
        b'{' => b'}',
        quote => *quote,
    };
    let is_quote = matches!(close, b'"' | b'`');
    let mut at = start + 1;
    loop {
        at = match script.get(at..)? {
            [] => return None,
            [byte, ..] if *byte == close => return Some(at + 1),
            [b'\\', ..] => at + 2,
            _ if close == b'`' => at + 1,
            [b'\'', rest @ ..] if !is_quote => at + 2 + memchr::memchr(b'\'', rest)?,
            [b'$', b'(' | b'{', ..] => skip(script, at + 1, depth)?,
            [b'"' | b'`', ..] => skip(script, at, depth)?,
            [b'(', ..] if close == b')' => skip(script, at, depth)?,
            _ => at + 1,
        };
    }
}
