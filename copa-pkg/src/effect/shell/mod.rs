pub(crate) mod command;
mod files;
mod lex;
pub(crate) mod outcome;
mod parse;
pub(crate) mod run;
pub(crate) mod word;
