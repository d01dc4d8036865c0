//! JSON whose numbers keep their text: `1.50`, `1E400`, thirty digits.
//!
//! A [`serde_json::Value`] holds 64 bits of a number. What more there is in one survives with the
//! feature `arbitrary_precision`, but a feature is for every crate of a program: with it,
//! `from_str("1.50")` no longer equals `json!(1.5)` in the program that links us. So numbers that
//! would not come out as they went in are texts while they are values here, with a mark at their
//! end that no document can hold, because it is drawn anew in every process.

use std::borrow::Cow;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::OnceLock;

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

/// Reads a document that may be edited and then is [`printed`].
///
/// # Errors
///
/// When it is not JSON, or not of this type.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    // A text may stand where a number may not: as a key.
    serde_json::from_slice::<IgnoredAny>(bytes)?;
    serde_json::from_slice(&marked(bytes))
}

/// The document as text, with the numbers that were [`read`].
///
/// # Errors
///
/// When it has keys that are not texts.
pub(crate) fn printed(document: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string(document)?;
    let end = format!("{}\"", mark());
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once(&end) {
        let (before, number) = before.rsplit_once('"').unwrap_or((before, ""));
        out.push_str(before);
        out.push_str(number);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// The document for whoever only looks at it: its numbers are numbers, as far as 64 bits hold them.
pub(crate) fn plain(mut value: Value) -> Value {
    match &mut value {
        Value::String(text) => {
            if let Some(number) = text.strip_suffix(mark()) {
                return serde_json::from_str(number).unwrap_or_else(|_| number.into());
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| *value = plain(value.take())),
        Value::Object(map) => map.values_mut().for_each(|value| *value = plain(value.take())),
        _ => {}
    }
    value
}

/// The document, in which numbers that a value cannot hold as they are written are marked texts.
fn marked(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let (mut rest, mut start) = (bytes, 0);
    while let Some(first) = rest.get(start) {
        let token = rest.get(start..).unwrap_or_default();
        let length = match first {
            b'"' => length_of_text(token),
            b'-' | b'0'..=b'9' => length_of_number(token),
            _ => 1,
        };
        let (token, after) = token.split_at(length.min(token.len()));
        start += length;
        if matches!(first, b'-' | b'0'..=b'9') && !survives(token) {
            out.extend_from_slice(rest.get(..start - length).unwrap_or_default());
            out.extend([b"\"", token, mark().as_bytes(), b"\""].concat());
            (rest, start) = (after, 0);
        }
    }
    if out.is_empty() {
        return bytes.into();
    }
    out.extend_from_slice(rest);
    out.into()
}

/// How long the text is that begins here, with its quotes.
fn length_of_text(bytes: &[u8]) -> usize {
    let mut escaped = false;
    let ends = |byte: &u8| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    };
    bytes.iter().skip(1).position(ends).map_or(bytes.len(), |at| at + 2)
}

/// How long the number is that begins here.
fn length_of_number(bytes: &[u8]) -> usize {
    let within = |byte: &&u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    bytes.iter().take_while(within).count()
}

/// Whether a number comes out of a value as it went in.
fn survives(number: &[u8]) -> bool {
    serde_json::from_slice::<Value>(number)
        .is_ok_and(|value| value.to_string().as_bytes() == number)
}

/// What ends the texts that are numbers.
fn mark() -> &'static str {
    static MARK: OnceLock<String> = OnceLock::new();
    MARK.get_or_init(|| {
        let random = RandomState::new();
        format!("\u{f8ff}{:016x}{:016x}", random.hash_one(0), random.hash_one(1))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn back(text: &str) -> String {
        printed(&read::<Value>(text.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn numbers_come_out_as_they_went_in() {
        for text in [
            "1.50",
            r#"{"a":1.50,"b":[1E400,-0,-0.0,123456789012345678901234567890,1e5],"c":{"d":0.10}}"#,
            r#"["1.50","\\",1.50,"a\"1.50",-1E-400,7,1.5,18446744073709551615,true,null]"#,
            r#"{"1.50":"1.50","x":0.1000000000000000055511151231257827}"#,
        ] {
            assert_eq!(back(text), text);
        }
        let other = r#"{ "a" : [ 1.50 , 2 ] }"#;
        assert_eq!(back(other), r#"{"a":[1.50,2]}"#);
    }

    #[test]
    fn a_number_that_a_value_can_hold_is_one() {
        let value: Value = read(br#"{"size":3,"ratio":1.5,"odd":1.50}"#).unwrap();
        assert_eq!((&value["size"], &value["ratio"]), (&json!(3), &json!(1.5)));
        assert_eq!(value["odd"].as_u64(), None);
        let value =
            plain(read(br#"{"odd":[1.50,{"many":100000000000000000000}],"out":1E400}"#).unwrap());
        assert_eq!(value, json!({"odd": [1.5, {"many": 1e20}], "out": "1E400"}));
    }

    #[test]
    fn the_feature_is_not_on_for_the_program_that_links_us() {
        let value: Value = serde_json::from_str("1.50").unwrap();
        assert_eq!(value, json!(1.5), "arbitrary_precision is on");
    }

    #[test]
    fn what_is_not_json_stays_so() {
        for text in
            ["{1.50:2}", "01.50", "1.", "--1", "[1.50 1.50]", "\"1.50", "1.50\"", "", "1.5.0"]
        {
            assert!(read::<Value>(text.as_bytes()).is_err(), "{text}");
        }
        // Texts that look like a marked number, but for the mark.
        let text = "[\"1.50\u{f8ff}\",\"1.50\u{f8ff}0000000000000000\"]";
        assert_eq!(back(text), text);
    }

    proptest! {
        #[test]
        fn any_number_survives(number in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][-+]?[0-9]{1,4})?") {
            prop_assert_eq!(back(&number), number);
        }

        #[test]
        fn nothing_panics(text in "[\\[\\]{}\",:0-9.eE+\\\\ a-]{0,40}") {
            if let Ok(value) = read::<Value>(text.as_bytes()) {
                let text = printed(&value).unwrap();
                prop_assert_eq!(back(&text), text);
            }
        }
    }
}
