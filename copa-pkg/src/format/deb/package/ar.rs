//! The `ar` container of a `.deb`: `deb(5)`, in the common format of `ar(5)`.

use crate::error::{Error, Result};

const MAGIC: &[u8] = b"!<arch>\n";
const HEADER: usize = 60;
/// A `.deb` has three members; extra ones are legal.
const MEMBERS_MAX: usize = 64;

/// One member, borrowed from the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    pub(crate) name: &'a str,
    pub(crate) data: &'a [u8],
}

/// The members, in order. `what` names the archive in errors.
pub(crate) fn members<'a>(what: &str, archive: &'a [u8]) -> Result<Vec<Member<'a>>> {
    let fail = |reason: &str| Error::Malformed { what: what.into(), reason: reason.into() };
    let mut rest = archive.strip_prefix(MAGIC).ok_or_else(|| fail("not an ar archive"))?;
    let mut members = Vec::new();
    while !rest.is_empty() {
        if members.len() == MEMBERS_MAX {
            return Err(fail("too many ar members"));
        }
        let (header, after) =
            rest.split_at_checked(HEADER).ok_or_else(|| fail("an ar header breaks off"))?;
        let (name, size) = parse_header(header).ok_or_else(|| fail("a bad ar header"))?;
        let (data, after) =
            after.split_at_checked(size).ok_or_else(|| fail("an ar member breaks off"))?;
        members.push(Member { name, data });
        // Members are aligned to two bytes. The padding of the last one may be missing.
        rest = after.get(size % 2..).unwrap_or_default();
    }
    Ok(members)
}

/// Name and size: 16 bytes of name, 32 of times and owners, 10 of decimal size, the end mark.
fn parse_header(header: &[u8]) -> Option<(&str, usize)> {
    if header.get(58..60)? != b"`\n" {
        return None;
    }
    let name = std::str::from_utf8(header.get(..16)?).ok()?.trim_end_matches(' ');
    let size = std::str::from_utf8(header.get(48..58)?).ok()?.trim_end_matches(' ');
    if size.is_empty() || !size.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((name.strip_suffix('/').unwrap_or(name), size.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        for (name, data) in members {
            out.extend(
                format!("{name:<16}0           0     0     100644  {:<10}`\n", data.len()).bytes(),
            );
            out.extend(*data);
            out.extend((data.len() % 2 == 1).then_some(b'\n'));
        }
        out
    }

    #[test]
    fn members_come_in_order_with_and_without_padding() {
        let bytes = archive(&[("debian-binary", b"2.0\n"), ("odd/", b"abc"), ("_extra", b"")]);
        let found = members("x", &bytes).unwrap();
        let found: Vec<_> = found.iter().map(|m| (m.name, m.data)).collect();
        assert_eq!(found, [("debian-binary", &b"2.0\n"[..]), ("odd", b"abc"), ("_extra", b"")]);
        let mut last_odd = archive(&[("odd", b"abc")]);
        last_odd.pop();
        assert_eq!(members("x", &last_odd).unwrap().len(), 1);
    }

    #[test]
    fn what_is_not_an_archive_is_refused() {
        let good = archive(&[("control.tar", b"1234")]);
        let mut bad_mark = good.clone();
        bad_mark[8 + 58] = b'x';
        let mut signed_size = good.clone();
        signed_size[8 + 48] = b'+';
        let huge = String::from_utf8(good.clone()).unwrap().replace("4         `", "9999999999`");
        let cases: [&[u8]; 6] =
            [b"", b"!<arch>", &good[..40], &bad_mark, &signed_size, huge.as_bytes()];
        for case in cases {
            let error = members("the package", case).unwrap_err().to_string();
            assert!(error.starts_with("the package is malformed: "), "{error}");
        }
        let many = archive(&[("m", &b""[..]); MEMBERS_MAX + 1]);
        assert!(members("x", &many).is_err());
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>, at: prop::sample::Index, byte: u8) {
            let _ = members("x", &bytes);
            let _ = members("x", &[MAGIC, &bytes].concat());
            let mut mutated = archive(&[("debian-binary", b"2.0\n"), ("control.tar", b"abc")]);
            let at = at.index(mutated.len());
            mutated[at] = byte;
            let _ = members("x", &mutated);
        }
    }
}
