//! Clients that read the same sites all the time: no answer may be shorter than one before it, or have a reading twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::common::http;
use crate::common::wait;

/// Between two answers. Lower: reading takes the processor from what is read.
const PAUSE: Duration = Duration::from_millis(20);

/// Readings of a page.
const PAGE: usize = 400;

/// Above the time after which the product responds with an error.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Ways to read all readings of a site, one after the other.
const WAYS: [Way; 4] = [Way::Whole, Way::Pages("asc"), Way::Lines, Way::Pages("desc")];

#[derive(Debug, Clone, Copy)]
enum Way {
    Whole,
    Lines,
    Pages(&'static str),
}

/// A reading, by its device and stream id: entries of two partitions may have the same id.
type ReadingName = (String, String);

/// The readers, until they are stopped.
pub struct Readers {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    stop: AtomicBool,
    answers: AtomicUsize,
    /// Answers that were errors, by their status; 0: none arrived.
    errors: Mutex<BTreeMap<u16, usize>>,
    /// Stream ids of readings that may be missing from now on.
    deleted: Mutex<BTreeSet<String>>,
    faults: Mutex<Vec<String>>,
}

impl Readers {
    /// Reads these sites from a server.
    pub fn start(base: &str, sites: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let sites: Vec<String> = sites.into_iter().map(Into::into).collect();
        let shared = Arc::new(Shared {
            stop: AtomicBool::new(false),
            answers: AtomicUsize::new(0),
            errors: Mutex::default(),
            deleted: Mutex::default(),
            faults: Mutex::default(),
        });
        let client = http::builder().timeout(TIMEOUT).build().unwrap();
        let reader = Reader { base: base.to_owned(), client, shared: Arc::clone(&shared) };
        Self { shared, task: tokio::spawn(reader.read_all(sites)) }
    }

    /// To be called before this reading is deleted or replaced: answers may lack it from then on.
    pub fn may_lack(&self, stream_id: &str) {
        self.shared.deleted.lock().unwrap().insert(stream_id.to_owned());
    }

    /// Waits until each site was read this many times more, in each way.
    pub async fn wait_for_more(&self, times: usize) {
        let enough = self.shared.answers.load(Ordering::Relaxed) + times * WAYS.len();
        let what = format!("{enough} answers");
        wait::until(&what, async || self.shared.answers.load(Ordering::Relaxed) >= enough).await;
    }

    /// Stops, and fails the test if an answer was shorter than one before it or had a reading twice. Returns the answers
    /// that were errors, by status.
    pub async fn stop(self) -> BTreeMap<u16, usize> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        let faults = std::mem::take(&mut *self.shared.faults.lock().unwrap());
        let (answers, first) = (self.shared.answers.load(Ordering::Relaxed), faults.first());
        assert!(faults.is_empty(), "{} of {answers} answers: {first:?}", faults.len());
        assert!(answers > 0, "nothing was read: {:?}", self.shared.errors.lock().unwrap());
        let errors = self.shared.errors.lock().unwrap().clone();
        println!("{answers} answers, errors {errors:?}");
        errors
    }

    /// As [`Readers::stop`]; fails the test as well if an answer was an error.
    pub async fn stop_without_errors(self, when: &str) {
        let errors = self.stop().await;
        assert!(errors.is_empty(), "{when}: answers were errors, by status: {errors:?}");
    }
}

struct Reader {
    base: String,
    client: Client,
    shared: Arc<Shared>,
}

impl Reader {
    async fn read_all(self, sites: Vec<String>) {
        let mut known: BTreeMap<&str, BTreeSet<ReadingName>> = BTreeMap::new();
        for turn in 0.. {
            let (site, way) = (&sites[turn % sites.len()], WAYS[turn / sites.len() % WAYS.len()]);
            if self.shared.stop.load(Ordering::Relaxed) {
                return;
            }
            if let Some(names) = self.read(site, way).await {
                self.compare(site, way, names, known.entry(site).or_default());
                self.shared.answers.fetch_add(1, Ordering::Relaxed);
            }
            sleep(PAUSE).await;
        }
    }

    /// Compares an answer with those before it.
    fn compare(
        &self,
        site: &str,
        way: Way,
        names: Vec<ReadingName>,
        known: &mut BTreeSet<ReadingName>,
    ) {
        let (count, is_there) = (names.len(), names.into_iter().collect::<BTreeSet<_>>());
        let mut faults = Vec::new();
        if is_there.len() < count {
            faults.push(format!("{way:?} of {site}: {} readings twice", count - is_there.len()));
        }
        let deleted = self.shared.deleted.lock().unwrap().clone();
        let lacking = known.difference(&is_there).filter(|(_, id)| !deleted.contains(id));
        let lacking: Vec<_> = lacking.collect();
        if let Some(first) = lacking.first() {
            let lacks = lacking.len();
            faults.push(format!("{way:?} of {site}: {count} readings lack {lacks}, as {first:?}"));
        }
        self.shared.faults.lock().unwrap().extend(faults);
        known.extend(is_there);
    }

    /// All readings of a site; `None` when an answer was an error, or was cut off.
    async fn read(&self, site: &str, way: Way) -> Option<Vec<ReadingName>> {
        let path = format!("{}/sites/{site}/readings", self.base);
        match way {
            Way::Whole => names(&self.json(&path).await?.0),
            Way::Lines => {
                let text = self.get(&format!("{path}?format=ndjson")).await?.text().await.ok()?;
                text.lines().map(|line| name(&serde_json::from_str(line).ok()?)).collect()
            }
            Way::Pages(order) => {
                let mut next = Some(format!("?limit={PAGE}&order={order}"));
                let mut all = Vec::new();
                while let Some(parameters) = next {
                    let (page, following) = self.json(&format!("{path}{parameters}")).await?;
                    all.extend(names(&page)?);
                    next = following;
                }
                Some(all)
            }
        }
    }

    /// A body, and the parameters of the next page.
    async fn json(&self, url: &str) -> Option<(Value, Option<String>)> {
        let response = self.get(url).await?;
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let next =
            link.and_then(|link| Some(link.split_once('<')?.1.split_once('>')?.0.to_owned()));
        Some((serde_json::from_slice(&response.bytes().await.ok()?).ok()?, next))
    }

    async fn get(&self, url: &str) -> Option<Response> {
        let response = self.client.get(url).send().await;
        let status = response.as_ref().map_or(0, |response| response.status().as_u16());
        if status != 200 {
            *self.shared.errors.lock().unwrap().entry(status).or_default() += 1;
        }
        response.ok().filter(|_| status == 200)
    }
}

fn names(body: &Value) -> Option<Vec<ReadingName>> {
    body["readings"].as_array()?.iter().map(name).collect()
}

fn name(reading: &Value) -> Option<ReadingName> {
    let text = |field: &str| reading[field].as_str().map(str::to_owned);
    Some((text("device_id")?, text("stream_id")?))
}
