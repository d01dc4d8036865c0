//! What a token is to allow: `repository:NAME:pull,push`.

use std::collections::{BTreeMap, BTreeSet};

/// Actions on resources.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope(BTreeMap<String, BTreeSet<String>>);

impl Scope {
    /// Reading one repository.
    pub(super) fn pull(repository: &str) -> Self {
        Self::default().and(&format!("repository:{repository}:pull"))
    }

    /// Reading and writing one repository.
    pub(super) fn push(repository: &str) -> Self {
        Self::default().and(&format!("repository:{repository}:pull,push"))
    }

    /// Adds scopes in the form that a challenge has them, separated by spaces. Malformed ones are
    /// left out.
    pub(super) fn and(mut self, scopes: &str) -> Self {
        for scope in scopes.split_ascii_whitespace() {
            if let Some((resource, actions)) = scope.rsplit_once(':') {
                let actions = actions.split(',').filter(|a| !a.is_empty()).map(str::to_owned);
                self.0.entry(resource.to_owned()).or_default().extend(actions);
            }
        }
        self
    }

    /// Each scope as text.
    pub(super) fn texts(&self) -> impl Iterator<Item = String> + '_ {
        self.0.iter().map(|(resource, actions)| {
            let actions: Vec<_> = actions.iter().map(String::as_str).collect();
            format!("{resource}:{}", actions.join(","))
        })
    }

    /// `pull` or `push`: for messages.
    pub(super) fn action(&self) -> &'static str {
        let push = |actions: &BTreeSet<String>| actions.contains("push");
        if self.0.values().any(push) { "push" } else { "pull" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_merged() {
        let texts = |scope: Scope| scope.texts().collect::<Vec<_>>();
        let push = Scope::push("a/b");
        assert_eq!(push.action(), "push");
        assert_eq!(texts(push.clone().and("repository:a/b:pull")), ["repository:a/b:pull,push"]);
        let both = push.and("repository:h:5/c:pull registry:catalog:* odd");
        assert_eq!(
            texts(both),
            ["registry:catalog:*", "repository:a/b:pull,push", "repository:h:5/c:pull"]
        );
    }
}
