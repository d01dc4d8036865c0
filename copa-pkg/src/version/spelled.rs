//! What the versions of every format have in common.

/// What versions of every format have in common: they are a text that is kept as it was spelled
/// (`text`), an `epoch` and an order, and are equal when neither comes first.
macro_rules! spelled {
    ($version:ty) => {
        impl TryFrom<String> for $version {
            type Error = $crate::error::Error;

            fn try_from(text: String) -> $crate::error::Result<Self> {
                text.parse()
            }
        }

        impl From<$version> for String {
            fn from(version: $version) -> Self {
                version.text
            }
        }

        impl PartialOrd for $version {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl PartialEq for $version {
            fn eq(&self, other: &Self) -> bool {
                self.cmp(other).is_eq()
            }
        }

        impl Eq for $version {}

        impl std::hash::Hash for $version {
            /// Only what all spellings of a version share.
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.epoch.hash(state);
            }
        }

        impl std::fmt::Display for $version {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.text)
            }
        }
    };
}
pub(crate) use spelled;
