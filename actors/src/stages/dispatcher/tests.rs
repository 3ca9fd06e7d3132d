use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};

use readings::store::codec::{DecodeError, Undecodable};

use super::*;
use crate::test_support::probe::Probe;
use crate::test_support::{self, entry, id, permit, wait};

struct Tested {
    dispatcher: Dispatcher,
    writer_pool: Probe<WriterPoolMessage>,
    acker: Probe<AckerMessage>,
}

impl Tested {
    async fn start() -> Self {
        let (writer_pool, acker) = (Probe::start().await, Probe::start().await);
        let dispatcher = Dispatcher {
            context: Arc::new(test_support::context()),
            writer_pool: writer_pool.actor.clone(),
            acker: acker.actor.clone(),
        };
        Self { dispatcher, writer_pool, acker }
    }

    async fn dispatch(&self, delivery: Delivery) -> Result<(), DownstreamClosed> {
        let reservation = self.dispatcher.context.window.reserve(NonZeroUsize::MAX).await;
        self.dispatcher.dispatch(DeliveryOrigin::New, reservation, delivery, Instant::now())
    }

    async fn routed(&mut self) -> ReadBatch {
        match self.writer_pool.message().await {
            WriterPoolMessage::Route(batch) => batch,
            other @ WriterPoolMessage::EvictIdle => panic!("not routed but {other:?}"),
        }
    }

    async fn dead_lettered(&mut self) -> DeadLetterBatch {
        match self.acker.message().await {
            AckerMessage::DeadLetter(batch) => batch,
            other => panic!("not dead-lettered but {other:?}"),
        }
    }

    async fn acknowledged(&mut self) -> AckBatch {
        match self.acker.message().await {
            AckerMessage::Acknowledge(batch) => batch,
            other => panic!("not acknowledged but {other:?}"),
        }
    }

    /// Lets a panic drop an entry while it is being processed.
    async fn panic_with(&self, entry: u64) {
        let permit = permit(&self.dispatcher.context, &[entry]).await.begin_work();
        let panicking = AssertUnwindSafe(move || {
            let _dropped_by_the_panic = permit;
            panic!("on purpose");
        });
        catch_unwind(panicking).unwrap_err();
    }
}

fn readings(ids: &[u64]) -> Delivery {
    Delivery { entries: ids.iter().map(|&ms| entry(ms, "home")).collect(), ..Delivery::default() }
}

#[tokio::test]
async fn each_part_of_a_delivery_goes_its_way_with_its_permit() {
    let mut tested = Tested::start().await;
    let undecodable =
        Undecodable { id: id(3), fields: Vec::new(), reason: DecodeError::Missing("site_id") };
    let delivery = Delivery {
        undecodable: vec![undecodable],
        deleted: vec![id(4)],
        finished: vec![id(5)],
        ..readings(&[1, 2])
    };
    tested.dispatch(delivery).await.unwrap();
    let routed = tested.routed().await;
    assert_eq!(routed.permit.ids(), [id(1), id(2)]);
    assert_eq!(ids(&routed.entries), routed.permit.ids());
    let dead_lettered = tested.dead_lettered().await;
    assert_eq!(dead_lettered.permit.ids(), [id(3)]);
    let deleted = tested.acknowledged().await;
    let already_dead_lettered = tested.acknowledged().await;
    assert_eq!(
        (deleted.permit.ids(), already_dead_lettered.permit.ids()),
        (&[id(4)][..], &[id(5)][..])
    );
    assert!(!tested.dispatcher.context.window.take_abandoned());
}

#[tokio::test]
async fn an_entry_that_is_in_flight_is_not_sent_again() {
    let mut tested = Tested::start().await;
    tested.dispatch(readings(&[1])).await.unwrap();
    let first = tested.routed().await;
    tested.dispatch(readings(&[1, 2])).await.unwrap();
    let second = tested.routed().await;
    assert_eq!((ids(&first.entries), ids(&second.entries)), (vec![id(1)], vec![id(2)]));
}

#[tokio::test]
async fn an_entry_that_has_panicked_goes_in_a_batch_of_its_own() {
    let mut tested = Tested::start().await;
    tested.panic_with(2).await;
    tested.dispatch(readings(&[1, 2, 3])).await.unwrap();
    let (others, quarantined) = (tested.routed().await, tested.routed().await);
    assert_eq!(
        (ids(&others.entries), ids(&quarantined.entries)),
        (vec![id(1), id(3)], vec![id(2)])
    );
}

#[tokio::test]
async fn an_entry_that_has_panicked_too_often_is_dead_lettered_with_the_number_of_failures() {
    let mut tested = Tested::start().await;
    let limit = tested.dispatcher.context.pipeline.config.max_processing_failures.get();
    for _ in 0..limit {
        tested.panic_with(1).await;
    }
    tested.dispatch(readings(&[1])).await.unwrap();
    let batch = tested.dead_lettered().await;
    assert_eq!((batch.permit.ids(), batch.dead_letters[0].failures), (&[id(1)][..], limit));
    tested.writer_pool.assert_empty();
}

#[tokio::test]
async fn entries_that_cannot_be_sent_are_abandoned() {
    let tested = Tested::start().await;
    tested.writer_pool.actor.stop(None);
    wait("the pool has ended", || tested.writer_pool.has_ended()).await;
    tested.dispatch(readings(&[1, 2])).await.unwrap_err();
    assert!(tested.dispatcher.context.window.take_abandoned());
    assert_eq!(tested.dispatcher.context.window.len(), 0);
}

#[tokio::test]
async fn an_empty_delivery_sends_nothing_and_releases_its_reservation() {
    let mut tested = Tested::start().await;
    tested.dispatch(Delivery::default()).await.unwrap();
    tested.writer_pool.assert_empty();
    assert!(!tested.dispatcher.context.window.take_abandoned());
}
