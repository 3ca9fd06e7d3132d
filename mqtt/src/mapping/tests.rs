//! The samples of every built-in profile, and mappings of a file.

use chrono::{DateTime, Utc};

use super::profile::{ProfileFile, SampleReading};
use super::*;

const SITE: &str = "house";

fn arrival() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

fn mappings(text: &str) -> Mappings {
    let mut mappings = Mappings::of_site(SITE);
    mappings.add("test", text, |_| 0).unwrap();
    mappings
}

/// The readings of a message, as a sample states them.
fn readings(mappings: &Mappings, topic: &str, payload: &str) -> Vec<SampleReading> {
    let Mapped::Readings(found) = mappings.map(topic, payload.as_bytes(), arrival()) else {
        return Vec::new();
    };
    let stated = found.into_iter().map(|mapped| {
        let MappedReading { reading, has_own_time } = mapped.unwrap();
        SampleReading {
            site: Some(reading.site_id.to_string()).filter(|site| site != SITE),
            device: reading.device_id.to_string(),
            watts: reading.power.watts(),
            time: has_own_time.then(|| reading.timestamp.as_str().to_owned()),
        }
    });
    stated.collect()
}

#[test]
fn each_sample_of_each_profile_becomes_the_readings_that_it_states() {
    assert!(profile_names().len() >= 7, "{:?}", profile_names());
    let mut all = Mappings::of_site(SITE);
    for name in profile_names() {
        all.add_profile(&name).unwrap();
    }
    for name in profile_names() {
        let file: ProfileFile = toml::from_str(&profiles::text(&name).unwrap()).unwrap();
        let mut alone = Mappings::of_site(SITE);
        alone.add_profile(&name).unwrap();
        assert!(!file.sample.is_empty(), "{name} has no sample");
        for sample in &file.sample {
            // Beside all other profiles as well as alone: none of them has the topics of another.
            for mappings in [&alone, &all] {
                let found = readings(mappings, &sample.topic, &sample.payload);
                assert_eq!(found, sample.readings, "{name}: {}", sample.topic);
                let mapped = mappings.map(&sample.topic, sample.payload.as_bytes(), arrival());
                assert_ne!(mapped, Mapped::Unmapped, "{name}: {}", sample.topic);
            }
        }
    }
}

#[test]
fn each_mapping_of_each_profile_has_a_sample() {
    for name in profile_names() {
        let file: ProfileFile = toml::from_str(&profiles::text(&name).unwrap()).unwrap();
        for row in &file.mapping {
            let pattern = TopicPattern::parse(&row.topic).unwrap();
            let is_shown = file.sample.iter().any(|sample| {
                pattern.matches(&sample.topic).is_some() && !sample.readings.is_empty()
            });
            assert!(is_shown, "{name}: {} has no sample", row.topic);
        }
    }
}

#[test]
fn a_mapping_has_its_site_its_device_and_its_unit() {
    let mappings = mappings(
        "description = 'test'
         [[mapping]]
         topic = 'plant/{site}/{meter}/{phase}'
         payload = 'number'
         site = '{site}'
         device = '{meter}-{phase}'
         power = [{ unit = 'kW' }]",
    );
    let found = readings(&mappings, "plant/a/m/l1", " 1.5\n");
    let expected = SampleReading {
        site: Some("a".to_owned()),
        device: "m-l1".to_owned(),
        watts: 1500.0,
        time: None,
    };
    assert_eq!(found, [expected]);
    assert_eq!(mappings.filters(), ["plant/+/+/+"]);
}

#[test]
fn a_message_that_breaks_a_rule_has_its_errors() {
    let mappings = mappings(
        "description = 'test'
         [[mapping]]
         topic = '{device}'
         time = '/t'
         power = [{ json = '/p' }]",
    );
    for (payload, error) in [
        ("no JSON", "json_invalid"),
        (r#"{"p": -1}"#, "greater_than_equal"),
        (r#"{"p": "on"}"#, "float_parsing"),
        (r#"{"p": 1, "t": "yesterday"}"#, "value_error"),
    ] {
        let Mapped::Readings(found) = mappings.map("meter", payload.as_bytes(), arrival()) else {
            panic!("{payload}")
        };
        let errors = found.into_iter().next().unwrap().unwrap_err();
        assert_eq!(errors[0].kind.code(), error, "{payload}");
    }
    assert_eq!(mappings.map("meter", br#"{"q": 1}"#, arrival()), Mapped::Ignored);
    assert_eq!(mappings.map("a/b", b"1", arrival()), Mapped::Unmapped);
}

#[test]
fn a_file_that_is_no_profile_names_what_is_wrong() {
    for (text, told) in [
        ("[[mapping]]\ntopic = 'a'", "description"),
        ("description = ''\n[[mapping]]\ntopic = 'a/#/b'\npower = [{}]", "'#' must be the last"),
        ("description = ''\n[[mapping]]\ntopic = 'a'\npower = [{}]", "must be one of the topic's"),
        ("description = ''\n[[mapping]]\ntopic = '{device}'", "needs power"),
        (
            "description = ''\n[[mapping]]\ntopic = '{device}'\npower = [{json = 'x'}]",
            "begins with",
        ),
        ("description = ''\n[[mapping]]\ntopic = '{device}'\nunit = 'W'", "unknown field"),
    ] {
        let error = Mappings::of_site(SITE).add("my.toml", text, |_| 0).unwrap_err().to_string();
        assert!(error.contains(told) && error.contains("my.toml"), "{error}");
    }
    let error = Mappings::of_site(SITE).add_profile("nothing").unwrap_err().to_string();
    assert!(error.contains("tasmota"), "{error}");
}
