//! Holds `readings::iso8601` to what `CPython` 3.11 makes of 2,000 texts, those of the public
//! contract among them. `data/python_timestamps.py` wrote the corpus and says what is in it.

use readings::iso8601::{Instant, ParsedTimestamp, TimestampError, parse};
use serde::Deserialize;

/// What Python makes of a text; the members but the first two are there only when they matter.
#[derive(Debug, Deserialize)]
struct Line {
    text: String,
    micros: Option<i64>,
    score: Option<String>,
    has_offset: Option<bool>,
    contract: Option<String>,
}

fn corpus() -> Result<Vec<Line>, serde_json::Error> {
    let lines = include_str!("data/python_timestamps.ndjson").lines();
    lines.map(serde_json::from_str).collect()
}

#[test]
fn the_corpus_is_whole() {
    let corpus = corpus().unwrap();
    let accepted = corpus.iter().filter(|line| line.micros.is_some());
    assert_eq!((corpus.len(), accepted.count()), (2_000, 1_135));
}

#[test]
fn what_python_accepts_is_the_same_instant_with_the_same_offset_flag() {
    for line in corpus().unwrap() {
        let Some(micros) = line.micros else { continue };
        let expected = ParsedTimestamp {
            instant: Instant::from_epoch_micros(micros),
            has_offset: line.has_offset.unwrap(),
        };
        assert_eq!(parse(&line.text), Ok(expected), "{line:?}");
    }
}

#[test]
fn what_python_rejects_is_rejected() {
    for line in corpus().unwrap() {
        if line.micros.is_none() {
            assert!(parse(&line.text).is_err(), "{line:?}");
        }
    }
}

#[test]
fn what_only_our_contract_rejects_is_called_a_number() {
    let corpus = corpus().unwrap();
    let numbers = corpus.iter().filter(|line| line.contract.is_some());
    for line in numbers.clone() {
        assert_eq!(parse(&line.text), Err(TimestampError::EpochNumber), "{line:?}");
    }
    assert!(numbers.count() > 3);
}

#[test]
fn the_score_is_python_s_timestamp_to_the_last_bit() {
    for line in corpus().unwrap() {
        let (Some(micros), Some(score)) = (line.micros, &line.score) else {
            continue;
        };
        let score: f64 = score.parse().unwrap();
        let ours = Instant::from_epoch_micros(micros).epoch_seconds();
        assert_eq!(ours.to_bits(), score.to_bits(), "{line:?}");
    }
}
