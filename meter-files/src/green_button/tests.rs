use super::*;
use crate::value::Quantity;

fn entry(links: &str, resource: &str) -> String {
    format!("<entry>{links}<content>{resource}</content></entry>")
}

fn link(relation: &str, address: &str) -> String {
    format!(r#"<link rel="{relation}" href="{address}"/>"#)
}

fn reading_type(members: &str) -> String {
    format!(r#"<espi:ReadingType xmlns:espi="http://naesb.org/espi">{members}</espi:ReadingType>"#)
}

fn block(values: &[&str]) -> String {
    let reading = |(n, value): (usize, &&str)| {
        let start = 1_710_057_600 + 3600 * n;
        format!(
            "<IntervalReading><cost>907</cost><timePeriod><duration>3600</duration><start>{start}</start></timePeriod>\
             <value>{value}</value></IntervalReading>"
        )
    };
    let readings: String = values.iter().enumerate().map(reading).collect();
    format!(
        "<IntervalBlock><interval><duration>86400</duration><start>1</start></interval>{readings}</IntervalBlock>"
    )
}

fn feed(entries: &[String]) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">{}</feed>",
        entries.concat()
    )
}

fn contents(text: &str) -> Vec<Content> {
    let mut reader = GreenButton::read(text).unwrap();
    std::iter::from_fn(|| reader.next_row().unwrap()).map(|row| row.content).collect()
}

fn only_value(text: &str) -> Value {
    let contents: [Content; 1] = contents(text).try_into().unwrap();
    let [Content::Values { values, missing: 0 }] = contents else { panic!("{text}") };
    values.into_iter().next().unwrap()
}

#[test]
fn a_value_has_the_unit_and_the_power_of_ten_of_its_reading_type() {
    for (power, expected) in [("0", 412.0), ("3", 412_000.0), ("-3", 0.412)] {
        let members = format!("<powerOfTenMultiplier>{power}</powerOfTenMultiplier><uom>72</uom>");
        let value =
            only_value(&feed(&[entry("", &reading_type(&members)), entry("", &block(&["412"]))]));
        assert_eq!(value.quantity, Quantity::WattHours(expected));
        assert_eq!(value.start.to_rfc3339(), "2024-03-10T08:00:00+00:00");
        assert_eq!(value.length, Some(TimeDelta::hours(1)));
    }
    let power = entry("", &reading_type("<uom>38</uom>"));
    assert_eq!(
        only_value(&feed(&[power, entry("", &block(&["412"]))])).quantity,
        Quantity::Watts(412.0)
    );
}

#[test]
fn links_decide_which_reading_type_a_block_has() {
    let delivered = "<flowDirection>1</flowDirection><uom>72</uom>";
    let received = "<flowDirection>19</flowDirection><uom>72</uom>";
    let meter = |number: u32| {
        let links = link("self", &format!("/MeterReading/{number}"))
            + &link("related", &format!("/ReadingType/{number}"));
        entry(&links, "<MeterReading/>")
    };
    let kind = |number: u32, members| {
        entry(&link("self", &format!("/ReadingType/{number}")), &reading_type(members))
    };
    let values = |number: u32, value| {
        let links = link("self", &format!("/MeterReading/{number}/IntervalBlock/7"));
        entry(&links, &block(&[value]))
    };
    // Nothing follows from the order: each block is after the type of the other one. `/MeterReading/11` is not below `/MeterReading/1`.
    let text = feed(&[
        meter(1),
        meter(11),
        kind(1, delivered),
        kind(11, received),
        values(1, "100"),
        values(11, "200"),
    ]);
    let found = contents(&text).into_iter().map(|content| match content {
        Content::Values { values, .. } => (values[0].channel.clone(), values[0].quantity),
        other => panic!("{other:?}"),
    });
    let expected = [
        (String::new(), Quantity::WattHours(100.0)),
        ("-export".to_owned(), Quantity::WattHours(200.0)),
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

#[test]
fn gas_is_ignored_and_an_empty_value_is_missing() {
    let gas = feed(&[entry("", &reading_type("<uom>169</uom>")), entry("", &block(&["5"]))]);
    assert_eq!(contents(&gas), [Content::Ignored]);
    let empty = feed(&[entry("", &reading_type("<uom>72</uom>")), entry("", &block(&[""]))]);
    assert_eq!(contents(&empty), [Content::Values { values: vec![], missing: 1 }]);
}

#[test]
fn the_state_of_a_counter_belongs_to_an_instant() {
    let members = "<accumulationBehaviour>3</accumulationBehaviour><uom>72</uom>";
    let value =
        only_value(&feed(&[entry("", &reading_type(members)), entry("", &block(&["9000"]))]));
    assert_eq!((value.quantity, value.length), (Quantity::CounterWattHours(9000.0), None));
}

#[test]
fn a_wrong_value_is_rejected_and_the_next_one_is_read() {
    let text = feed(&[entry("", &reading_type("<uom>72</uom>")), entry("", &block(&["x", "5"]))]);
    let found = contents(&text);
    assert_eq!(found[0], Content::Invalid(RowError::new("value", "must be a number")));
    assert!(matches!(&found[1], Content::Values { values, .. } if values.len() == 1));
}

#[test]
fn a_feed_without_a_unit_and_a_feed_that_is_cut_off_are_errors() {
    let error = |text: &str| GreenButton::read(text).err().expect("an error").to_string();
    assert!(error(&feed(&[entry("", &block(&["5"]))])).contains("no ReadingType with a unit"));
    let whole = feed(&[entry("", &reading_type("<uom>72</uom>")), entry("", &block(&["5"]))]);
    for cut in [whole.len() / 2, whole.len() - 3] {
        let error = error(&whole[..cut]);
        assert!(error.contains("XML"), "{error}");
    }
}
