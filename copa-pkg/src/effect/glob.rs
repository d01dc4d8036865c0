//! Patterns with `*` and `?`, as shells and configuration files have them.

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glob {
    Byte(u8),
    /// `?`
    One,
    /// `*`
    Any,
}

impl Glob {
    /// The pattern. `None` when it has sets of characters or quotes in it.
    pub(crate) fn parse(pattern: &[u8]) -> Option<Vec<Self>> {
        let part = |byte: &u8| match byte {
            b'[' | b'\\' => None,
            b'*' => Some(Self::Any),
            b'?' => Some(Self::One),
            byte => Some(Self::Byte(*byte)),
        };
        pattern.iter().map(part).collect()
    }

    /// Whether the pattern matches all of the text.
    pub(crate) fn matches(pattern: &[Self], text: &[u8]) -> bool {
        // Where to go on when a `*` takes one byte more.
        let (mut p, mut n, mut retry) = (0, 0, None);
        loop {
            match (pattern.get(p), text.get(n)) {
                (None, None) => return true,
                (Some(Self::Any), _) => {
                    retry = Some((p, n + 1));
                    p += 1;
                }
                (Some(part), Some(byte)) if part.fits(*byte) => (p, n) = (p + 1, n + 1),
                _ => match retry {
                    Some((star, next)) if next <= text.len() => {
                        (p, n, retry) = (star + 1, next, Some((star, next + 1)));
                    }
                    _ => return false,
                },
            }
        }
    }

    fn fits(self, byte: u8) -> bool {
        self == Self::One || self == Self::Byte(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("*.conf", "libc.conf", true),
            ("*.conf", "libc.conf.dpkg-old", false),
            ("l?b*c*", "libc.conf", true),
            ("*", "", true),
            ("?", "", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
        ] {
            let parsed = Glob::parse(pattern.as_bytes()).unwrap();
            assert_eq!(Glob::matches(&parsed, name.as_bytes()), expected, "{pattern} {name}");
        }
        assert_eq!(Glob::parse(b"[ab]"), None);
    }
}
