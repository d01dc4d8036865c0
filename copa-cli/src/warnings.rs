//! Warnings: shown when they arise, and in JSON whether the run succeeds or fails.

use std::io::{Write, stderr};
use std::sync::{Mutex, PoisonError};

use copa_core::pkg::Warning;
use serde_json::{Value, json};

use crate::terminal;

/// The warnings of a run, in the order in which they arose.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<Vec<Warning>>);

impl Heard {
    pub(crate) fn push(&self, warning: &Warning) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(warning.clone());
    }

    pub(crate) fn all(&self) -> Vec<Warning> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Says one on standard error. When that is gone there is nobody left to tell.
pub(crate) fn say(text: &str) {
    drop(writeln!(stderr(), "warning: {}", terminal::line(text)));
}

/// Puts them into a JSON object: as lines (`warnings`), and each with its code (`warned`).
pub(crate) fn add_to(value: &mut Value, warnings: &[Warning]) {
    let lines: Vec<&str> = warnings.iter().map(|warning| warning.text.as_str()).collect();
    value["warnings"] = json!(lines);
    value["warned"] = json!(warnings);
}

#[cfg(test)]
mod tests {
    use copa_core::pkg::Code;

    use super::*;

    #[test]
    fn json_has_lines_and_codes() {
        let heard = Heard::default();
        heard.push(&Warning::new(Code::Unsigned, "http://m", "NOT VERIFIED: http://m"));
        let mut value = json!({"error": {}});
        add_to(&mut value, &heard.all());
        assert_eq!(value["warnings"], json!(["NOT VERIFIED: http://m"]));
        assert_eq!(value["warned"][0]["code"], "unsigned");
        assert_eq!(value["warned"][0]["about"], "http://m");
    }
}
