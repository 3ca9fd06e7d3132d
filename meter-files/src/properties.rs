//! Properties of all kinds of files: damaged samples end with an error or with finite readings, and never with a panic.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;

use crate::{Item, Options, open};

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let profiles = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir());
    let files = profiles
        .flat_map(|profile| fs::read_dir(profile).unwrap())
        .map(|entry| entry.unwrap().path());
    let mut samples: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|end| end != "toml")).collect();
    samples.sort();
    samples
}

/// What damages a file.
#[derive(Debug, Clone)]
enum Damage {
    /// The rest is missing.
    Cut(Index),
    /// Other bytes are in it.
    Insert(Index, Vec<u8>),
    /// Some of its bytes are missing.
    Remove(Index, usize),
    /// A part of it is there twice.
    Repeat(Index, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let text = prop::sample::select(vec![
        "\n",
        ",",
        ";",
        "\"",
        "0",
        "-",
        "1e999",
        "24:00",
        "\u{feff}",
        "<",
        ">",
        "{",
        "]",
        "null",
        "300,",
        "*",
        "99999999999999999999",
    ]);
    let bytes = prop_oneof![
        text.prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..8)
    ];
    prop_oneof![
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), bytes).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (any::<Index>(), 1_usize..200).prop_map(|(at, length)| Damage::Remove(at, length)),
        (any::<Index>(), 1_usize..400).prop_map(|(at, length)| Damage::Repeat(at, length)),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let (Self::Cut(at) | Self::Insert(at, _) | Self::Remove(at, _) | Self::Repeat(at, _)) =
            self;
        let at = at.index(bytes.len());
        let end = |length: &usize| (at + length).min(bytes.len());
        match self {
            Self::Cut(_) => bytes.truncate(at),
            Self::Insert(_, inserted) => drop(bytes.splice(at..at, inserted.iter().copied())),
            Self::Remove(_, length) => drop(bytes.drain(at..end(length))),
            Self::Repeat(_, length) => {
                let part = bytes[at..end(length)].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
}

proptest! {
    #[test]
    fn a_damaged_file_is_an_error_or_has_finite_readings(
        sample in any::<Index>(),
        damages in prop::collection::vec(damage(), 0..6),
    ) {
        let samples = samples();
        let mut bytes = fs::read(sample.get(&samples)).unwrap();
        for damage in &damages {
            damage.apply(&mut bytes);
        }
        let mut options = Options { site: Some("home".to_owned()), ..Options::default() };
        options.shape.zone = Some("Europe/Berlin".to_owned());
        let Ok(mut file) = open(Cursor::new(bytes), options) else { return Ok(()) };
        while let Ok(Some(item)) = file.readings.next_item() {
            if let Item::Reading(reading) = item {
                prop_assert!(reading.watts.is_finite(), "{reading:?}");
            }
        }
    }
}
