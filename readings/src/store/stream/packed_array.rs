//! Arrays of `MessagePack`, which Redis' Lua unpacks in C: arguments of scripts with many values.

use std::fmt::Display;
use std::io::Write;

/// The longest text that is formatted without an allocation: a number has at most 24 characters.
const NUMBER_BYTES: usize = 32;

/// An array of `MessagePack`, to which items are added.
#[derive(Debug)]
pub(super) struct PackedArray {
    bytes: Vec<u8>,
    items: u32,
}

impl Default for PackedArray {
    fn default() -> Self {
        // `array 32`, whose length is written when items are added.
        Self { bytes: vec![0xdd, 0, 0, 0, 0], items: 0 }
    }
}

impl PackedArray {
    /// Writes a text, cut at 64 KiB.
    pub fn push(&mut self, text: &[u8]) {
        match u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes() {
            [0, length @ 0..32] => self.bytes.push(0xa0 | length),
            [0, length] => self.bytes.extend_from_slice(&[0xd9, length]),
            [high, low] => self.bytes.extend_from_slice(&[0xda, high, low]),
        }
        // No value of a reading is longer than `str 16` permits.
        self.bytes.extend_from_slice(text.get(..usize::from(u16::MAX)).unwrap_or(text));
    }

    /// Writes the text of a value.
    pub fn push_display(&mut self, value: impl Display) {
        let mut text = [0; NUMBER_BYTES];
        let mut rest = &mut text[..];
        if write!(rest, "{value}").is_ok() {
            let length = NUMBER_BYTES - rest.len();
            self.push(text.get(..length).unwrap_or_default());
        } else {
            self.push(value.to_string().as_bytes());
        }
    }

    /// Writes a number.
    pub fn push_number(&mut self, number: i16) {
        let [high, low] = number.to_be_bytes();
        self.bytes.extend_from_slice(&[0xd1, high, low]);
    }

    /// Counts items that were written.
    pub fn count(&mut self, items: u32) {
        self.items += items;
        if let Some(length) = self.bytes.get_mut(1..5) {
            length.copy_from_slice(&self.items.to_be_bytes());
        }
    }

    /// Writes items of another array as they are.
    pub fn push_raw(&mut self, items: &[u8]) {
        self.bytes.extend_from_slice(items);
    }

    /// The array.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads the items of an array that was written here.
#[derive(Debug, Clone)]
pub(super) struct PackedItems<'a>(&'a [u8]);

impl<'a> PackedItems<'a> {
    /// Begins at the first item.
    pub fn of(array: &'a [u8]) -> Self {
        Self(array.get(5..).unwrap_or_default())
    }

    /// The next item, which is a text; empty after the last one.
    pub fn text(&mut self) -> &'a [u8] {
        let (length, rest) = match self.0 {
            [short @ 0xa0..=0xbf, rest @ ..] => (usize::from(short & 0x1f), rest),
            [0xd9, length, rest @ ..] => (usize::from(*length), rest),
            [0xda, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
            _ => return &[],
        };
        let (text, rest) = rest.split_at_checked(length).unwrap_or_default();
        self.0 = rest;
        text
    }

    /// The next item, which is a number; 0 after the last one.
    pub fn number(&mut self) -> i16 {
        let [0xd1, high, low, rest @ ..] = self.0 else { return 0 };
        self.0 = rest;
        i16::from_be_bytes([*high, *low])
    }

    /// The items that were read since it was cloned.
    pub fn raw_since(&self, before: &Self) -> &'a [u8] {
        let read = before.0.len() - self.0.len();
        before.0.get(..read).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_the_shortest_length_that_message_pack_has_for_them() {
        for (length, head) in [
            (0, &[0xa0][..]),
            (31, &[0xbf]),
            (32, &[0xd9, 32]),
            (255, &[0xd9, 255]),
            (256, &[0xda, 1, 0]),
        ] {
            let mut array = PackedArray::default();
            array.push("x".repeat(length).as_bytes());
            array.count(1);
            assert_eq!(array.bytes[..5], [0xdd, 0, 0, 0, 1]);
            assert_eq!(&array.bytes[5..5 + head.len()], head, "{length}");
            assert_eq!(array.bytes.len(), 5 + head.len() + length);
        }
    }

    #[test]
    fn a_value_is_formatted_as_it_is_displayed() {
        for value in ["1500.5", &"9".repeat(NUMBER_BYTES), &"9".repeat(NUMBER_BYTES + 1)] {
            let mut array = PackedArray::default();
            array.push_display(value);
            assert!(array.bytes.ends_with(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn items_are_read_as_they_were_written() {
        let texts = ["", "x", &"y".repeat(31), &"z".repeat(32), &"ü".repeat(300)];
        let mut array = PackedArray::default();
        for text in texts {
            array.push(text.as_bytes());
            array.push_number(-7);
            array.count(2);
        }
        let mut items = PackedItems::of(array.bytes());
        let (begin, mut copy) = (items.clone(), PackedArray::default());
        for text in texts {
            assert_eq!(items.text(), text.as_bytes());
            assert_eq!(items.number(), -7);
        }
        assert_eq!((items.text(), items.number()), (&b""[..], 0), "after the last one");
        copy.push_raw(items.raw_since(&begin));
        copy.count(10);
        assert_eq!(copy.bytes(), array.bytes());
    }
}
