//! One image on its way: who sees what happens, what stops it, and what was warned of so far.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::observe::event::Event;
use crate::observe::watch::Watch;
use crate::pkg::Warning;

/// One image on its way through all steps.
#[derive(Debug)]
pub(crate) struct Run {
    watch: Watch,
    warned: Mutex<Warned>,
}

/// What was warned of. Several threads raise warnings at a time, so there are two orders: the one
/// in which they were told, and the one of the results, which is the same in every run.
#[derive(Debug, Default)]
struct Warned {
    told: BTreeSet<Warning>,
    settled: BTreeSet<Warning>,
    in_order: Vec<Warning>,
}

impl Run {
    pub(crate) fn new(watch: Watch) -> Self {
        Self { watch, warned: Mutex::default() }
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Tells the observer a warning, unless it heard it before: what is asked for again warns again.
    pub(crate) fn warn(&self, warning: &Warning) {
        if self.warned().told.insert(warning.clone()) {
            self.watch.event(&Event::Warned(warning));
        }
    }

    /// Takes in the warnings of a result, in their order.
    pub(crate) fn settle<'a>(&self, warnings: impl IntoIterator<Item = &'a Warning>) {
        for warning in warnings {
            self.warn(warning);
            let mut warned = self.warned();
            if warned.settled.insert(warning.clone()) {
                warned.in_order.push(warning.clone());
            }
        }
    }

    /// All warnings so far: those of results in their order, and then what was raised by work that
    /// gave no result.
    pub(crate) fn warnings(&self) -> Vec<Warning> {
        let warned = self.warned();
        let rest = warned.told.difference(&warned.settled);
        warned.in_order.iter().chain(rest).cloned().collect()
    }

    fn warned(&self) -> MutexGuard<'_, Warned> {
        self.warned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::observe::cancel::Cancel;
    use crate::pkg::Code;

    fn warning(text: &str) -> Warning {
        Warning::new(Code::LeftOut, "a", text)
    }

    #[test]
    fn each_warning_is_told_once_and_kept_in_the_order_of_results() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&told);
        let observer = move |event: &Event<'_>| {
            if let Event::Warned(warning) = event {
                list.lock().unwrap().push(warning.text.clone());
            }
        };
        let run = Run::new(Watch::new(Arc::new(observer), Cancel::new()));
        for text in ["lost", "two", "one"] {
            run.warn(&warning(text));
        }
        run.settle(&[warning("one"), warning("two"), warning("three")]);
        run.settle(&[warning("two")]);
        assert_eq!(*told.lock().unwrap(), ["lost", "two", "one", "three"]);
        let texts: Vec<String> = run.warnings().into_iter().map(|warning| warning.text).collect();
        assert_eq!(texts, ["one", "two", "three", "lost"]);
    }
}
