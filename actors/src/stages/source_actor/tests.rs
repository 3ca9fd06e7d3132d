use std::num::NonZeroUsize;
use std::sync::Arc;

use readings::store::stream::ReadingStream;
use tokio::sync::mpsc;

use super::*;
use crate::partition_context::PartitionContext;
use crate::stages::acker::AckerMessage;
use crate::stages::delivery_origin::DeliveryOrigin;
use crate::stages::writer_pool::WriterPoolMessage;
use crate::test_support::probe::Probe;
use crate::test_support::{self, DEADLINE, entry, id, wait};

/// A source that fetches what the test gives it; each fetch is reported.
struct Scripted {
    context: Arc<PartitionContext>,
    fetches: mpsc::UnboundedSender<usize>,
    results: mpsc::UnboundedReceiver<Result<Delivery, ()>>,
}

impl EntrySource for Scripted {
    const SOURCE: Source = Source::StreamReader;

    async fn reserve(&self) -> Reservation {
        self.context.window.reserve(NonZeroUsize::new(7).unwrap()).await
    }

    async fn fetch(&mut self, limit: usize) -> Result<Fetched, StoreError> {
        let _ = self.fetches.send(limit);
        match self.results.recv().await {
            Some(Ok(delivery)) => {
                Ok(Fetched { origin: DeliveryOrigin::New, delivery, pause: None })
            }
            Some(Err(())) => Err(any_error(&self.context.stream).await),
            None => std::future::pending().await,
        }
    }

    fn on_failure(&mut self, _: &StoreError) -> Duration {
        Duration::from_millis(1)
    }
}

async fn any_error(stream: &ReadingStream) -> StoreError {
    stream.server_time().await.unwrap_err()
}

struct Tested {
    context: Arc<PartitionContext>,
    source: ActorRef<SourceMessage>,
    writer_pool: Probe<WriterPoolMessage>,
    _acker: Probe<AckerMessage>,
    fetches: mpsc::UnboundedReceiver<usize>,
    results: mpsc::UnboundedSender<Result<Delivery, ()>>,
}

impl Tested {
    async fn start(context: PartitionContext) -> Self {
        let context = Arc::new(context);
        let (writer_pool, acker) = (Probe::start().await, Probe::start().await);
        let (report, fetches) = mpsc::unbounded_channel();
        let (results, script) = mpsc::unbounded_channel();
        let source = Scripted { context: Arc::clone(&context), fetches: report, results: script };
        let dispatcher = Dispatcher {
            context: Arc::clone(&context),
            writer_pool: writer_pool.actor.clone(),
            acker: acker.actor.clone(),
        };
        let arguments = SourceArguments { source, dispatcher };
        let (source, _) = Actor::spawn(None, SourceActor::new(), arguments).await.unwrap();
        Self { context, source, writer_pool, _acker: acker, fetches, results }
    }

    async fn fetched(&mut self) -> usize {
        let fetch = tokio::time::timeout(DEADLINE, self.fetches.recv()).await;
        fetch.expect("a fetch in time").expect("the source runs")
    }
}

fn delivery(ms: u64) -> Delivery {
    Delivery { entries: vec![entry(ms, "home")], ..Delivery::default() }
}

#[tokio::test]
async fn a_source_fetches_as_many_entries_as_it_has_reserved_and_dispatches_them() {
    let mut tested = Tested::start(test_support::context()).await;
    assert_eq!(tested.fetched().await, 7);
    tested.results.send(Ok(delivery(1))).unwrap();
    let WriterPoolMessage::Route(batch) = tested.writer_pool.message().await else {
        panic!("not routed")
    };
    assert_eq!(batch.permit.ids(), [id(1)]);
    tested.fetched().await;
}

#[tokio::test]
async fn a_source_whose_fetch_has_failed_fetches_again_and_releases_its_reservation() {
    let mut tested = Tested::start(test_support::context()).await;
    for _ in 0..20 {
        assert_eq!(tested.fetched().await, 7);
        tested.results.send(Err(())).unwrap();
    }
}

#[tokio::test]
async fn a_source_fetches_nothing_while_a_request_to_redis_is_failing() {
    let context = test_support::context();
    let outage = context.outage.enter();
    let mut tested = Tested::start(context).await;
    let turns = tested.context.progress.turns(Source::StreamReader);
    wait("the source waits", || turns.overdue(Instant::now(), None).is_none()).await;
    assert!(tested.fetches.try_recv().is_err());
    drop(outage);
    tested.fetched().await;
}

#[tokio::test]
async fn a_source_fetches_nothing_more_when_the_pipeline_drains() {
    let mut tested = Tested::start(test_support::context()).await;
    tested.fetched().await;
    tested.context.draining.cancel();
    tested.results.send(Ok(delivery(1))).unwrap();
    // What was fetched last is dispatched all the same.
    assert!(matches!(tested.writer_pool.message().await, WriterPoolMessage::Route(_)));
    tested.source.drain_and_wait(Some(DEADLINE)).await.unwrap();
    assert!(tested.fetches.try_recv().is_err());
}
