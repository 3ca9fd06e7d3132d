use proptest::prelude::*;
use readings::store::codec::stream_fields;
use readings::{DeviceId, Power, Reading, Timestamp};

use super::*;

fn filter(site: &str, devices: &[&str]) -> Filter {
    let devices = devices.iter().map(ToString::to_string).collect();
    Filter { site: SiteId::new(site).unwrap(), devices }
}

fn publish(subscribers: &mut Subscribers, seq: u64, site: &str, device: &str) {
    let reading = Reading {
        site_id: SiteId::new(site).unwrap(),
        device_id: DeviceId::new(device).unwrap(),
        power: Power::from_watts(1.5).unwrap(),
        timestamp: Timestamp::parse("2024-01-15T10:30:00Z").unwrap(),
    };
    let fields = stream_fields(&reading, "2024-01-15T10:30:00.000000");
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let entry = LiveEntry::new(StreamId { ms: 5, seq }, &fields);
    subscribers.publish(Partition::Whole, &entry);
}

fn received(receiver: &mut Receiver<Message>) -> Vec<u64> {
    std::iter::from_fn(|| match receiver.try_recv().ok()? {
        Message::Reading(event) => Some(event.id.seq),
        Message::Reset(..) | Message::Interrupted => None,
    })
    .collect()
}

proptest! {
    #[test]
    fn a_subscriber_receives_what_it_wants_in_order_and_nothing_else(
        published in prop::collection::vec((0..3_usize, 0..3_usize), 0..40),
    ) {
        const NAMES: [&str; 3] = ["a", "b", "c"];
        let mut subscribers = Subscribers::default();
        let wanted = [filter("a", &[]), filter("a", &["b"]), filter("b", &["a", "c"]), filter("d", &[])];
        let mut receivers: Vec<_> = wanted.iter().map(|it| subscribers.add(it.clone()).1).collect();
        for (seq, (site, device)) in (0..).zip(&published) {
            publish(&mut subscribers, seq, NAMES[*site], NAMES[*device]);
        }
        for (filter, receiver) in wanted.iter().zip(&mut receivers) {
            let is_wanted = |(site, device): &(usize, usize)| {
                let devices = &filter.devices;
                filter.site.as_str() == NAMES[*site]
                    && (devices.is_empty() || devices.iter().any(|it| it == NAMES[*device]))
            };
            let expected = (0..).zip(&published).filter(|(_, it)| is_wanted(it)).map(|(seq, _)| seq);
            prop_assert_eq!(received(receiver), expected.collect::<Vec<u64>>());
        }
    }
}

#[test]
fn a_subscriber_whose_buffer_is_full_is_cut_after_what_it_holds_and_the_others_are_not() {
    let mut subscribers = Subscribers::default();
    let (_, mut slow) = subscribers.add(filter("a", &[]));
    let (_, mut fast) = subscribers.add(filter("a", &[]));
    let mut fast_received = Vec::new();
    let count = BUFFERED as u64 + 5;
    for seq in 0..count {
        publish(&mut subscribers, seq, "a", "d");
        fast_received.extend(received(&mut fast));
    }
    assert!(fast_received.into_iter().eq(0..count));
    assert!(received(&mut slow).into_iter().eq(0..BUFFERED as u64));
    assert!(slow.is_closed() && !fast.is_closed());
}

#[test]
fn a_site_without_subscribers_leaves_nothing_behind() {
    let mut subscribers = Subscribers::default();
    let (first, _receiver) = subscribers.add(filter("a", &[]));
    let (second, gone) = subscribers.add(filter("b", &[]));
    drop(gone);
    subscribers.send_all(&Message::Interrupted);
    subscribers.remove(&SiteId::new("a").unwrap(), first);
    subscribers.remove(&SiteId::new("b").unwrap(), second);
    assert!(subscribers.by_site.is_empty());
}

#[test]
fn an_entry_that_is_no_reading_is_no_event() {
    let mut subscribers = Subscribers::default();
    let (_, mut receiver) = subscribers.add(filter("a", &[]));
    let fields: [(&[u8], &[u8]); 2] = [(b"site_id", b"a"), (b"power_reading", b"x")];
    let entry = LiveEntry::new(StreamId { ms: 5, seq: 0 }, &fields);
    subscribers.publish(Partition::Whole, &entry);
    publish(&mut subscribers, 1, "a", "d");
    assert_eq!(received(&mut receiver), [1]);
}
