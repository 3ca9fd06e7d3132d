//! Bodies in UTF-16 and UTF-32, which Python's `json.loads` accepts (`json.detect_encoding`), and so the
//! original. RFC 8259 allows only UTF-8, and nearly every body is.

use std::borrow::Cow;
use std::str::Utf8Error;

/// The encoding of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16(Order),
    Utf32(Order),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Big,
    Little,
}

/// The body as text, without its byte order mark. Invalid parts of UTF-16 and UTF-32 become U+FFFD, which
/// is not JSON outside of strings.
pub(super) fn decode(body: &[u8]) -> Result<Cow<'_, str>, Utf8Error> {
    let text: Cow<'_, str> = match detect(body) {
        Encoding::Utf8 => str::from_utf8(body)?.into(),
        Encoding::Utf16(order) => utf16(body, order).into(),
        Encoding::Utf32(order) => utf32(body, order).into(),
    };
    Ok(match text {
        Cow::Borrowed(text) => text.trim_start_matches(BYTE_ORDER_MARK).into(),
        Cow::Owned(text) => text.trim_start_matches(BYTE_ORDER_MARK).to_owned().into(),
    })
}

const BYTE_ORDER_MARK: char = '\u{feff}';

fn detect(body: &[u8]) -> Encoding {
    by_mark(body).unwrap_or_else(|| by_zeros(body))
}

fn by_mark(body: &[u8]) -> Option<Encoding> {
    Some(match body {
        [0, 0, 0xfe, 0xff, ..] => Encoding::Utf32(Order::Big),
        [0xff, 0xfe, 0, 0, ..] => Encoding::Utf32(Order::Little),
        [0xfe, 0xff, ..] => Encoding::Utf16(Order::Big),
        [0xff, 0xfe, ..] => Encoding::Utf16(Order::Little),
        _ => return None,
    })
}

/// By the positions of zeros among the first bytes: JSON begins with ASCII.
const fn by_zeros(body: &[u8]) -> Encoding {
    match body {
        [0, 0, _, _, ..] => Encoding::Utf32(Order::Big),
        [0, _, _, _, ..] | [0, _] => Encoding::Utf16(Order::Big),
        [_, 0, 0, 0, ..] => Encoding::Utf32(Order::Little),
        [_, 0, _, _, ..] | [_, 0] => Encoding::Utf16(Order::Little),
        _ => Encoding::Utf8,
    }
}

fn utf16(body: &[u8], order: Order) -> String {
    let (pairs, rest) = body.as_chunks();
    let units = pairs.iter().map(|pair| match order {
        Order::Big => u16::from_be_bytes(*pair),
        Order::Little => u16::from_le_bytes(*pair),
    });
    let characters =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER));
    characters.chain(cut_off(rest)).collect()
}

fn utf32(body: &[u8], order: Order) -> String {
    let (fours, rest) = body.as_chunks();
    let codes = fours.iter().map(|four| match order {
        Order::Big => u32::from_be_bytes(*four),
        Order::Little => u32::from_le_bytes(*four),
    });
    let characters = codes.map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
    characters.chain(cut_off(rest)).collect()
}

/// The replacement for bytes that are only a part of a character.
fn cut_off(rest: &[u8]) -> Option<char> {
    (!rest.is_empty()).then_some(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\"site_id\": \"é🏠\"}";

    fn encoded(order: Order, bytes: usize) -> Vec<u8> {
        let in_order = |mut bytes: Vec<u8>| {
            if order == Order::Big {
                bytes.reverse();
            }
            bytes
        };
        match bytes {
            2 => {
                TEXT.encode_utf16().flat_map(|unit| in_order(unit.to_le_bytes().to_vec())).collect()
            }
            _ => TEXT.chars().flat_map(|c| in_order(u32::from(c).to_le_bytes().to_vec())).collect(),
        }
    }

    #[test]
    fn text_in_any_encoding_of_unicode_is_decoded() {
        for (order, mark) in [(Order::Big, [0xfe, 0xff]), (Order::Little, [0xff, 0xfe])] {
            assert_eq!(decode(&encoded(order, 2)).unwrap(), TEXT);
            assert_eq!(decode(&encoded(order, 4)).unwrap(), TEXT);
            let mut marked = mark.to_vec();
            marked.extend(encoded(order, 2));
            assert_eq!(decode(&marked).unwrap(), TEXT);
        }
        let mut marked = "\u{feff}".as_bytes().to_vec();
        marked.extend(TEXT.as_bytes());
        assert_eq!(decode(&marked).unwrap(), TEXT);
        assert_eq!(decode(TEXT.as_bytes()).unwrap(), TEXT);
    }

    #[test]
    fn a_truncated_character_is_replaced() {
        let mut bytes = encoded(Order::Little, 2);
        bytes.pop();
        assert!(decode(&bytes).unwrap().ends_with(char::REPLACEMENT_CHARACTER));
        assert!(decode(b"{\xff}").is_err());
    }
}
