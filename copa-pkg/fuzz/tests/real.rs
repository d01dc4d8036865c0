//! The real packages of `COPA_CORPUS` say the same to copa and to the `rpm` crate; and so they do
//! with four bytes changed, or copa refuses them for a reason that has a name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

use copa_fuzz::{Verdict, let_the_crate_panic, package};
// What is instrumented calls it.
use libfuzzer_sys as _;

/// How often each package is changed.
const CHANGES: usize = 300;

fn corpus() -> Option<PathBuf> {
    static ONCE: Once = Once::new();
    ONCE.call_once(let_the_crate_panic);
    let corpus = std::env::var_os("COPA_CORPUS").map(PathBuf::from);
    if corpus.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "COPA_CORPUS is not set");
        eprintln!("SKIPPED: COPA_CORPUS is not set, no real package was compared");
    }
    corpus
}

fn packages(corpus: &Path) -> Vec<PathBuf> {
    let (mut open, mut packages) = (vec![corpus.to_owned()], Vec::new());
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let end = path.extension().map(|end| end.to_string_lossy().into_owned());
            match end {
                _ if path.is_dir() => open.push(path),
                Some(end) if end.starts_with("rpm") => packages.push(path),
                _ => {}
            }
        }
    }
    packages.sort();
    packages
}

/// Whether rpm itself reads the headers of a package of this format or the next: no database of
/// today holds one of rpm 3.
fn rpm_reads(path: &Path) -> bool {
    let rpm = ["-qp", "--nosignature", "--nodigest", "--qf", "%{HEADERIMMUTABLE:arraysize}"];
    let out = Command::new("rpm").args(rpm).arg(path).output().unwrap();
    out.status.success() && out.stdout == b"1"
}

#[test]
fn real_packages_say_the_same_to_both() {
    let Some(corpus) = corpus() else { return };
    let mut same = 0;
    for path in packages(&corpus) {
        let verdict = package(&std::fs::read(&path).unwrap());
        if rpm_reads(&path) {
            assert_eq!(verdict, Verdict::Same, "{}", path.display());
            same += 1;
        } else {
            assert_ne!(verdict, Verdict::Same, "{}", path.display());
        }
    }
    assert!(same > 20, "{same}");
}

#[test]
fn changed_packages_say_the_same_to_both_or_are_refused() {
    let Some(corpus) = corpus() else { return };
    let mut verdicts: BTreeMap<Verdict, usize> = BTreeMap::new();
    let mut numbers = Numbers(1);
    for path in packages(&corpus) {
        let bytes = std::fs::read(path).unwrap();
        for _ in 0..CHANGES {
            *verdicts.entry(package(&changed(&bytes, &mut numbers))).or_default() += 1;
        }
    }
    eprintln!("{verdicts:#?}");
    let all: usize = verdicts.values().sum();
    assert!(verdicts[&Verdict::Same] * 10 > all, "{verdicts:?}");
}

/// The package with four bytes at its start set to another word.
fn changed(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let words = bytes.len().min(20_000) / 4;
    let at = numbers.below(words);
    let word = match numbers.below(3) {
        0 => numbers.below(100) as u32,
        1 => numbers.below(1 << 32) as u32,
        _ => u32::from_be_bytes(bytes[numbers.below(words) * 4..][..4].try_into().unwrap()),
    };
    let mut changed = bytes.to_vec();
    changed[at * 4..][..4].copy_from_slice(&word.to_be_bytes());
    changed
}

/// The same numbers each time: Marsaglia's xorshift.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
