//! Warnings: a check that was left out, a setting that is not obeyed, something that is left alone.
//!
//! A warning is a value. Whoever raises it puts it among the [`Warnings`] of its work, which tell a
//! [`Listener`] at once and keep it for the result:
//!
//! ```text
//! repository, database, package -> Warnings -> Listener   at once, also when the work fails later
//!                                     |
//!                                     +------> Loaded, System, Origins, Installation
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that went otherwise than asked or expected, although nothing failed.
///
/// # Examples
///
/// ```
/// use copa_pkg::{Code, Warning};
///
/// let warning = Warning::new(Code::LeftOut, "backports", "backports: left out: NotAutomatic");
/// assert_eq!(warning.to_string(), "backports: left out: NotAutomatic");
/// assert_eq!(warning.code.as_str(), "left-out");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Warning {
    /// Which kind of thing it is, for programs.
    pub code: Code,
    /// The thing: a repository, a package, a path, an address.
    pub about: String,
    /// The whole of it in one line, for people. It names the thing.
    pub text: String,
}

impl Warning {
    /// A warning about a thing.
    pub fn new(code: Code, about: impl fmt::Display, text: impl Into<String>) -> Self {
        Self { code, about: about.to_string(), text: text.into() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The kinds of warnings. Their words, as JSON has them, do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Code {
    /// Nobody trusted signed it, and it is used all the same, as the user allowed.
    Unsigned,
    /// It has expired, and it is used all the same, as the user allowed.
    Expired,
    /// It is older than what was seen before, and it is used all the same, as the user allowed.
    RolledBack,
    /// It is neither signed nor did it come by https, as its distribution has it: somebody on the
    /// way could hide updates.
    Unprotected,
    /// The image asks for a check to be switched off, which it may not.
    NotObeyed,
    /// An entry, a mirror or a key is of no use, and the others are used.
    PassedOver,
    /// A repository is not there or was not named: its updates are not considered.
    NotConsidered,
    /// What repositories and packages offer is left out: a suite, an index, a package, a device.
    LeftOut,
    /// What the image has cannot be read, and stays as it is.
    LeftAlone,
    /// Nothing names a repository: the built-in one is used.
    DefaultOrigin,
    /// What the updates of a repository fix cannot be told.
    FixesUnknown,
    /// The image says that it is for another architecture than its packages are.
    OtherArchitecture,
    /// Files belong to an account that the image does not have.
    UnknownOwner,
    /// Something of the image goes: a package that another makes obsolete, a file.
    Removed,
    /// A file that was changed in the image has another name now.
    SetAside,
    /// A script of a package did not run, and what it would have done is not known.
    ScriptNotRun,
    /// The cache cannot be trusted, and is not used.
    CacheNotUsed,
}

impl Code {
    /// Its word: `left-out`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unsigned => "unsigned",
            Self::Expired => "expired",
            Self::RolledBack => "rolled-back",
            Self::Unprotected => "unprotected",
            Self::NotObeyed => "not-obeyed",
            Self::PassedOver => "passed-over",
            Self::NotConsidered => "not-considered",
            Self::LeftOut => "left-out",
            Self::LeftAlone => "left-alone",
            Self::DefaultOrigin => "default-origin",
            Self::FixesUnknown => "fixes-unknown",
            Self::OtherArchitecture => "other-architecture",
            Self::UnknownOwner => "unknown-owner",
            Self::Removed => "removed",
            Self::SetAside => "set-aside",
            Self::ScriptNotRun => "script-not-run",
            Self::CacheNotUsed => "cache-not-used",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who hears of warnings when they arise. The default is nobody.
#[derive(Clone, Copy, Default)]
pub struct Listener<'a>(Option<&'a (dyn Fn(&Warning) + Send + Sync)>);

impl<'a> Listener<'a> {
    /// Calls this with every warning.
    pub fn new(hear: &'a (dyn Fn(&Warning) + Send + Sync)) -> Self {
        Self(Some(hear))
    }

    /// Tells it a warning.
    pub fn tell(&self, warning: &Warning) {
        if let Some(hear) = self.0 {
            hear(warning);
        }
    }
}

impl fmt::Debug for Listener<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.0.is_some()).finish()
    }
}

/// The warnings of one piece of work: each is told at once and kept for the result.
#[derive(Debug, Default)]
pub(crate) struct Warnings<'a> {
    listener: Listener<'a>,
    all: Vec<Warning>,
}

impl<'a> Warnings<'a> {
    /// None yet.
    pub(crate) fn new(listener: Listener<'a>) -> Self {
        Self { listener, all: Vec::new() }
    }

    /// Raises one.
    pub(crate) fn push(&mut self, warning: Warning) {
        self.listener.tell(&warning);
        self.all.push(warning);
    }

    /// Takes in those of a part of the work that told them itself.
    pub(crate) fn append(&mut self, told: Vec<Warning>) {
        self.all.extend(told);
    }

    /// All of them, for the result.
    pub(crate) fn into_vec(self) -> Vec<Warning> {
        self.all
    }
}

impl Extend<Warning> for Warnings<'_> {
    fn extend<I: IntoIterator<Item = Warning>>(&mut self, warnings: I) {
        warnings.into_iter().for_each(|warning| self.push(warning));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn codes_have_the_same_word_everywhere() {
        for (code, word) in [
            (Code::Unsigned, "unsigned"),
            (Code::RolledBack, "rolled-back"),
            (Code::DefaultOrigin, "default-origin"),
            (Code::OtherArchitecture, "other-architecture"),
            (Code::ScriptNotRun, "script-not-run"),
        ] {
            assert_eq!((code.as_str(), code.to_string()), (word, word.to_owned()));
            assert_eq!(serde_json::json!(code), word);
        }
        let warning = Warning::new(Code::LeftOut, "a", "a: left out");
        let json = r#"{"code":"left-out","about":"a","text":"a: left out"}"#;
        assert_eq!(serde_json::to_string(&warning).unwrap(), json);
        assert_eq!(serde_json::from_str::<Warning>(json).unwrap(), warning);
    }

    #[test]
    fn warnings_are_told_when_they_arise_and_kept() {
        let heard = Mutex::new(Vec::new());
        let hear = |warning: &Warning| heard.lock().unwrap().push(warning.text.clone());
        let mut warnings = Warnings::new(Listener::new(&hear));
        warnings.push(Warning::new(Code::Expired, "a", "one"));
        assert_eq!(*heard.lock().unwrap(), ["one"]);
        warnings.append(vec![Warning::new(Code::Expired, "a", "told by a part")]);
        warnings.extend([Warning::new(Code::Expired, "a", "two")]);
        assert_eq!(*heard.lock().unwrap(), ["one", "two"]);
        let texts: Vec<String> = warnings.into_vec().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["one", "told by a part", "two"]);
    }
}
