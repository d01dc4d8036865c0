//! Text for a terminal. Names and messages come from images, mirrors and reports: they must not
//! move the cursor, change colours, or turn the direction of what follows.

/// The text with everything that steers a terminal spelled out, but for the ends of lines.
pub(crate) fn lines(text: &str) -> String {
    plain(text, |c| c != '\n' && steers(c))
}

/// The same, as one line.
pub(crate) fn line(text: &str) -> String {
    plain(text, steers)
}

fn plain(text: &str, hidden: impl Fn(char) -> bool) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match hidden(c) {
            true => plain.extend(c.escape_default()),
            false => plain.push(c),
        }
    }
    plain
}

fn steers(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_spelled_out() {
        for (text, shown) in [
            ("usr/share/ä b\n", "usr/share/ä b\n"),
            ("\x1b[2J\x1b]0;x\x07", "\\u{1b}[2J\\u{1b}]0;x\\u{7}"),
            ("a\rb\tc\u{9b}31m", "a\\rb\\tc\\u{9b}31m"),
            ("gpj.\u{202e}exe", "gpj.\\u{202e}exe"),
        ] {
            assert_eq!(lines(text), shown);
        }
        assert_eq!(line("warning\nhint: all is well"), "warning\\nhint: all is well");
    }
}
