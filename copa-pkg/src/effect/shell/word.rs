//! A word of a script, and what it stands for.

use crate::effect::glob::Glob;

/// The arguments of a script, from `$1` on, as far as they are known.
pub(crate) type Arguments<'a> = [Option<&'a str>; 3];

/// A word, with all that is quoted or stands for something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word<'s> {
    /// As it is written.
    pub(super) raw: &'s str,
    pub(super) pieces: Vec<Piece<'s>>,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'s> {
    Text {
        text: String,
        quoted: bool,
    },
    /// `$NAME` or `${NAME}`
    Parameter {
        name: &'s str,
        quoted: bool,
    },
    /// `$(SCRIPT)`
    Runs(&'s str),
    /// What is worked out, and whether commands may run for it.
    Other {
        computes: bool,
    },
}

impl<'s> Word<'s> {
    /// The word when nothing in it stands for anything else.
    pub(super) fn literal(&self) -> Option<String> {
        self.value(&[None; 3])
    }

    /// Whether it is this word of the language.
    pub(super) fn is_keyword(&self, word: &str) -> bool {
        // Nothing in it is quoted when it is written like this.
        self.raw == word
    }

    /// What the word becomes: one word, for certain.
    pub(super) fn value(&self, arguments: &Arguments<'_>) -> Option<String> {
        self.expanded(arguments, true)
    }

    /// What the word becomes where it stays one, whatever is in it: after `case`.
    pub(super) fn subject(&self, arguments: &Arguments<'_>) -> Option<String> {
        self.expanded(arguments, false)
    }

    fn expanded(&self, arguments: &Arguments<'_>, splits: bool) -> Option<String> {
        let mut value = String::new();
        for (i, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Text { text, quoted: true } => value.push_str(text),
                Piece::Text { text, .. } => value.push_str(plain(text, i == 0)?),
                Piece::Parameter { name, quoted } => {
                    let known = argument(name, arguments)?;
                    let is_one = !known.is_empty() && plain(known, false).is_some();
                    let is_one = is_one && !known.contains(char::is_whitespace);
                    value.push_str(Some(known).filter(|_| *quoted || is_one || !splits)?);
                }
                Piece::Runs(_) | Piece::Other { .. } => return None,
            }
        }
        Some(value)
    }

    /// What the word matches where it is a pattern.
    pub(super) fn pattern(&self, arguments: &Arguments<'_>) -> Option<Vec<Glob>> {
        let mut pattern = Vec::new();
        for piece in &self.pieces {
            let literal = |text: &str| text.bytes().map(Glob::Byte).collect::<Vec<_>>();
            match piece {
                Piece::Text { text, quoted: true } => pattern.extend(literal(text)),
                Piece::Text { text, .. } => pattern.extend(Glob::parse(text.as_bytes())?),
                Piece::Parameter { name, quoted: true } => {
                    pattern.extend(literal(argument(name, arguments)?));
                }
                _ => return None,
            }
        }
        Some(pattern)
    }

    /// The scripts that run for it.
    pub(super) fn runs(&self) -> impl Iterator<Item = &'s str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Runs(script) => Some(*script),
            _ => None,
        })
    }

    /// Whether something runs for it that cannot be read.
    pub(super) fn computes(&self) -> bool {
        self.pieces.contains(&Piece::Other { computes: true })
    }

    /// The command that it names, without folders.
    pub(super) fn command(&self, arguments: &Arguments<'_>) -> String {
        let last = match self.pieces.last() {
            Some(Piece::Text { text, .. }) if text.contains('/') => Some(text.clone()),
            _ => None,
        };
        let name = self.value(arguments).or(last).unwrap_or_else(|| self.raw.to_owned());
        name.rsplit('/').next().unwrap_or_default().to_owned()
    }

    /// `NAME=VALUE`
    pub(super) fn is_assignment(&self) -> bool {
        self.raw.split_once('=').is_some_and(|(name, _)| is_name(name))
    }
}

/// Whether something can be called like this.
pub(super) fn is_name(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn argument<'a>(name: &str, arguments: &Arguments<'a>) -> Option<&'a str> {
    let number: usize = name.parse().ok()?;
    *arguments.get(number.checked_sub(1)?)?
}

/// The text, when no shell makes anything else of it.
fn plain(text: &str, is_first: bool) -> Option<&str> {
    let is_set = text.split_once('[').is_some_and(|(_, after)| after.contains(']'));
    let is_list = text.contains('{') && text.contains('}');
    let is_home = is_first && text.starts_with('~');
    let is_odd = is_home || is_set || is_list || text.contains(['*', '?']);
    (!is_odd).then_some(text)
}
