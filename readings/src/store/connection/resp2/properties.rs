//! Properties of the parser: what a server may reply, and bytes that no server should send.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

type OwnedFields = Vec<(Vec<u8>, Vec<u8>)>;
type Entry = (StreamId, Option<OwnedFields>);

/// The entries of a reply, and how many bytes they took.
type Parsed = Result<(Vec<Entry>, usize), ParseError>;

fn any_entries() -> impl Strategy<Value = Vec<Entry>> {
    // Lengths and line breaks inside of values look like the parts around them.
    let text = || prop_oneof![any::<Vec<u8>>(), "[*$:+-]?[0-9\r\n-]{0,12}".prop_map(Into::into)];
    let id = (any::<u64>(), any::<u64>()).prop_map(|(ms, seq)| StreamId { ms, seq });
    vec((id, prop::option::weighted(0.9, vec((text(), text()), 0..6))), 0..6)
}

fn bulk(reply: &mut Vec<u8>, text: &[u8]) {
    reply.extend(format!("${}\r\n", text.len()).into_bytes());
    reply.extend([text, b"\r\n"].concat());
}

/// The reply of `XREADGROUP` with these entries.
fn reply_of(entries: &[Entry]) -> Vec<u8> {
    let mut reply = b"*1\r\n*2\r\n$1\r\ns\r\n".to_vec();
    reply.extend(format!("*{}\r\n", entries.len()).into_bytes());
    for (id, fields) in entries {
        reply.extend(b"*2\r\n");
        bulk(&mut reply, id.to_string().as_bytes());
        let Some(fields) = fields else {
            reply.extend(b"*-1\r\n");
            continue;
        };
        reply.extend(format!("*{}\r\n", fields.len() * 2).into_bytes());
        for (name, value) in fields {
            bulk(&mut reply, name);
            bulk(&mut reply, value);
        }
    }
    reply
}

/// The bytes of a connection, of which a part has arrived: [`super::super::DedicatedConnection`] in
/// memory, with reads of these sizes.
struct Arriving<'a> {
    bytes: &'a [u8],
    parsed: usize,
    arrived: usize,
    reads: std::iter::Cycle<std::slice::Iter<'a, usize>>,
}

impl<'a> Arriving<'a> {
    fn new(bytes: &'a [u8], reads: &'a [usize]) -> Self {
        Self { bytes, parsed: 0, arrived: 0, reads: reads.iter().cycle() }
    }

    /// One part, parsed again from its beginning for each read.
    fn part<T>(
        &mut self,
        parse: impl Fn(&mut ReplyCursor<'a>) -> ParseResult<T>,
    ) -> ParseResult<T> {
        loop {
            let mut cursor = ReplyCursor::new(&self.bytes[self.parsed..self.arrived]);
            match parse(&mut cursor) {
                Ok(part) => {
                    self.parsed = self.arrived - cursor.remaining();
                    return Ok(part);
                }
                Err(ParseError::Incomplete) if self.arrived < self.bytes.len() => {
                    let read = self.reads.next().copied().unwrap_or(1);
                    self.arrived = self.bytes.len().min(self.arrived + read);
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn entries(mut self) -> Parsed {
        let count = self.part(ReplyCursor::stream_header)?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let (id, fields) = self.part(ReplyCursor::entry)?;
            let owned = |(name, value): (&[u8], &[u8])| (name.to_vec(), value.to_vec());
            entries.push((id, fields.map(|fields| fields.into_iter().map(owned).collect())));
        }
        Ok((entries, self.parsed))
    }
}

fn parse(bytes: &[u8], reads: &[usize]) -> Parsed {
    Arriving::new(bytes, reads).entries()
}

fn any_reads() -> impl Strategy<Value = Vec<usize>> {
    vec(1..40_usize, 1..8)
}

/// Bytes that begin as a reply and go on as another, or that have the alphabet of the protocol.
fn damaged_reply() -> impl Strategy<Value = Vec<u8>> {
    let place = any::<prop::sample::Index>;
    let instead = prop_oneof![
        any::<Vec<u8>>(),
        "[*$:+-]?[0-9]{0,22}(\r\n)?".prop_map(String::into_bytes),
        // The largest numbers of 32 and 64 bits, and the one before.
        "[*$](4294967295|18446744073709551614|18446744073709551615)\r\n".prop_map(Into::into),
        Just(b"-ERR message\r\n".to_vec()),
    ];
    let damaged = (any_entries(), place(), 0..8_usize, instead).prop_map(
        |(entries, place, length, instead)| {
            let mut reply = reply_of(&entries);
            let from = place.index(reply.len());
            let to = reply.len().min(from + length);
            reply.splice(from..to, instead);
            reply
        },
    );
    prop_oneof![3 => damaged, 1 => "([*$:+-][0-9-]{1,21}\r\n|[a-z]){0,9}".prop_map(Into::into)]
}

proptest! {
    #[test]
    fn a_reply_is_parsed_to_its_end_however_its_bytes_arrive(
        entries in any_entries(), next in any::<Vec<u8>>(), reads in any_reads(),
    ) {
        let reply = reply_of(&entries);
        let bytes = [reply.as_slice(), &next].concat();
        let expected = Ok((entries, reply.len()));
        prop_assert_eq!(parse(&bytes, &[bytes.len()]), expected.clone());
        prop_assert_eq!(parse(&bytes, &reads), expected.clone());
        prop_assert_eq!(parse(&bytes, &[1]), expected);
    }

    #[test]
    fn a_cut_reply_is_incomplete(entries in any_entries(), place in any::<prop::sample::Index>()) {
        let reply = reply_of(&entries);
        let cut = &reply[..place.index(reply.len())];
        prop_assert_eq!(parse(cut, &[reply.len()]), Err(ParseError::Incomplete));
    }

    #[test]
    fn a_damaged_reply_gives_the_same_result_however_its_bytes_arrive(
        reply in damaged_reply(), reads in any_reads(),
    ) {
        let whole = parse(&reply, &[reply.len().max(1)]);
        prop_assert_eq!(&parse(&reply, &reads), &whole);
        prop_assert_eq!(&parse(&reply, &[1]), &whole);
        if let Ok((entries, length)) = whole {
            prop_assert_eq!(parse(&reply[..length], &[1]), Ok((entries, length)));
        }
    }

    #[test]
    fn lines_and_lists_of_any_bytes_give_the_same_result_however_they_arrive(
        reply in damaged_reply(), reads in any_reads(),
    ) {
        let all = [reply.len().max(1)];
        let line = |reads| Arriving::new(&reply, reads).part(ReplyCursor::line);
        prop_assert_eq!(line(&all), line(&reads));
        let ids = |reads| Arriving::new(&reply, reads).part(ReplyCursor::ids);
        prop_assert_eq!(ids(&all), ids(&reads));
    }

    #[test]
    fn a_list_of_ids_comes_back(ids in vec(any::<(u64, u64)>(), 0..20)) {
        let ids: Vec<_> = ids.into_iter().map(|(ms, seq)| StreamId { ms, seq }).collect();
        let mut reply = format!("*{}\r\n", ids.len()).into_bytes();
        for id in &ids {
            bulk(&mut reply, id.to_string().as_bytes());
        }
        prop_assert_eq!(ReplyCursor::new(&reply).ids(), Ok(ids));
    }
}
