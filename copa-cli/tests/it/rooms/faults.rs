//! The faults that the order of the sources can have. Each prints as one line.

use std::fmt;

use super::floors::{Wrong, room};

/// A fault. Files are paths below the root of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Files of one crate of which each needs all the others.
    Circle { files: Vec<String>, tightest: Vec<String> },
    /// A file takes from a room that stands above its own, or beside it.
    Floor { from: String, to: String, wrong: Wrong },
    /// A room that the table of floors does not have.
    Unknown { file: String },
    /// A crate names one that it must not know.
    Crate { file: String, names: String },
    /// A path names a re-export in place of the module that defines the thing.
    Reexport { file: String, path: String, through: String, defined: String },
    /// A file that only hands on defines something.
    Definition { file: String, item: String },
    /// `x.rs` stands beside the folder `x/`.
    Style { file: String },
}

impl Fault {
    /// One word for the kind of fault, to count them by.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Circle { .. } => "circle",
            Self::Floor { .. } => "floor",
            Self::Unknown { .. } => "room without a floor",
            Self::Crate { .. } => "crate",
            Self::Reexport { .. } => "re-export",
            Self::Definition { .. } => "definition",
            Self::Style { .. } => "style",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Circle { files, tightest } => circle(f, files, tightest),
            Self::Floor { from, to, wrong } => floor(f, from, to, *wrong),
            Self::Unknown { file } => {
                let room = room(file).unwrap_or_default();
                write!(f, "{}: the table of floors has no room {room}", krate(file))
            }
            Self::Crate { file, names } => {
                write!(f, "{}: {} names {names}", krate(file), below(file))
            }
            Self::Reexport { file, path, through, defined } => {
                let (krate, file) = (krate(file), below(file));
                let (through, defined) = (below(through), below(defined));
                write!(f, "{krate}: {file}: {path} leads through {through} to {defined}")
            }
            Self::Definition { file, item } => {
                write!(f, "{}: {} only re-exports, but defines {item}", krate(file), below(file))
            }
            Self::Style { file } => {
                let folder = below(file).trim_end_matches(".rs");
                write!(f, "{}: {folder}.rs stands beside {folder}/", krate(file))
            }
        }
    }
}

fn circle(f: &mut fmt::Formatter<'_>, files: &[String], tightest: &[String]) -> fmt::Result {
    let shown = |files: &[String], between: &str| {
        files.iter().map(|file| below(file)).collect::<Vec<_>>().join(between)
    };
    let krate = files.first().map_or("", |file| krate(file));
    write!(f, "{krate}: circle of {} files: {}", files.len(), shown(files, ", "))?;
    write!(f, "; the tightest: {}", shown(tightest, " -> "))
}

fn floor(f: &mut fmt::Formatter<'_>, from: &str, to: &str, wrong: Wrong) -> fmt::Result {
    let (lower, upper) = (room(from).unwrap_or_default(), room(to).unwrap_or_default());
    let stands = match wrong {
        Wrong::Above => format!("{lower} stands below {upper}"),
        Wrong::Beside => format!("{lower} stands beside {upper}"),
    };
    write!(f, "{}: {} -> {}: {stands}", krate(from), below(from), below(to))
}

/// The crate that a file is in.
fn krate(file: &str) -> &str {
    file.split('/').next().unwrap_or_default()
}

/// The path of a file below `src/` of its crate.
fn below(file: &str) -> &str {
    file.split_once("/src/").map_or(file, |(_, path)| path)
}
