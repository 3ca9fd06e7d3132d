//! The ledger: what producers sent, and the responses to it.
//!
//! Kept in memory, and on disk as NDJSON, a line for each attempt; the file of a failed test is
//! kept, and the test prints its path.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use tempfile::NamedTempFile;

use super::sent::SentReading;

/// Lines that may be lost when the machine crashes.
const SYNC_EVERY: u64 = 100;

/// The outcome of a request; of several attempts the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nothing was written, by the response; or the connection was refused.
    Refused,
    /// It may have been written: no response, or one that says so.
    Unknown,
    /// 201.
    Accepted,
    /// An entry that is not a reading, added by hand.
    Poison,
}

/// One attempt to send a request.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub class: Class,
    /// `None` without a response.
    pub status: Option<u16>,
    pub stream_id: Option<String>,
    /// The body of the response, or the error.
    pub said: String,
    pub sent_ns: u64,
    pub received_ns: u64,
}

/// A request with all its attempts.
#[derive(Debug, Clone)]
pub struct Request {
    pub sent: SentReading,
    pub class: Class,
    /// The ids in 201 responses: one, unless the guarantee of the key is violated.
    pub ids: Vec<String>,
    pub attempts: u32,
    /// The time of the last response.
    pub received_ns: u64,
}

/// The requests so far; clones share them.
#[derive(Debug, Clone)]
pub struct Ledger(Arc<Mutex<Book>>);

#[derive(Debug)]
struct Book {
    requests: BTreeMap<String, Request>,
    writer: BufWriter<File>,
    lines: u64,
    /// `None` when the file is kept.
    file: Option<NamedTempFile>,
}

impl Ledger {
    /// A new ledger, in a file that is deleted when its test succeeds.
    pub fn new() -> Self {
        let file = NamedTempFile::with_prefix_in("ledger-", env!("CARGO_TARGET_TMPDIR")).unwrap();
        let writer = BufWriter::new(file.reopen().unwrap());
        Self::with(writer, Some(file))
    }

    /// A new ledger in a file that is kept.
    #[allow(dead_code, reason = "the soak uses it")]
    pub fn at(path: PathBuf) -> Self {
        Self::with(BufWriter::new(File::create(path).unwrap()), None)
    }

    fn with(writer: BufWriter<File>, file: Option<NamedTempFile>) -> Self {
        let book = Book { requests: BTreeMap::new(), writer, lines: 0, file };
        Self(Arc::new(Mutex::new(book)))
    }

    /// Records an attempt.
    pub fn note(&self, sent: &SentReading, key: Option<&str>, attempt: &Attempt) {
        self.book().note(sent, key, attempt);
    }

    /// All requests, by the names of their readings.
    pub fn requests(&self) -> BTreeMap<String, Request> {
        self.book().requests.clone()
    }

    /// The number of requests of a class.
    pub fn count(&self, class: Class) -> usize {
        self.book().requests.values().filter(|request| request.class == class).count()
    }

    /// The outcome of a reading.
    pub fn class_of(&self, sent: &SentReading) -> Option<Class> {
        self.book().requests.get(&sent.device).map(|request| request.class)
    }

    /// The ids of 201 responses at or after this time, by [`now_ns`].
    pub fn accepted_since(&self, ns: u64) -> Vec<String> {
        let book = self.book();
        let recent = book.requests.values().filter(|request| request.received_ns >= ns);
        recent.flat_map(|request| request.ids.clone()).collect()
    }

    /// When the last reading was accepted.
    #[allow(dead_code, reason = "the soak uses it")]
    pub fn last_accepted_ns(&self) -> Option<u64> {
        let book = self.book();
        let accepted = book.requests.values().filter(|request| request.class == Class::Accepted);
        accepted.map(|request| request.received_ns).max()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap()
    }
}

impl Book {
    fn note(&mut self, sent: &SentReading, key: Option<&str>, attempt: &Attempt) {
        self.write(sent, key, attempt);
        let request = self.requests.entry(sent.device.clone()).or_insert_with(|| Request {
            sent: sent.clone(),
            class: attempt.class,
            ids: Vec::new(),
            attempts: 0,
            received_ns: 0,
        });
        request.class = request.class.max(attempt.class);
        request.attempts += 1;
        request.received_ns = attempt.received_ns;
        if let Some(id) = attempt.stream_id.as_ref().filter(|id| !request.ids.contains(id)) {
            request.ids.push(id.clone());
        }
    }

    fn write(&mut self, sent: &SentReading, key: Option<&str>, attempt: &Attempt) {
        let Attempt { class, status, stream_id, said, sent_ns, received_ns } = attempt;
        let line = json!({
            "site": sent.site, "device": sent.device, "timestamp": sent.timestamp,
            "value": sent.value, "key": key, "class": format!("{class:?}"), "status": status,
            "stream_id": stream_id, "said": said, "sent_ns": sent_ns, "received_ns": received_ns,
        });
        writeln!(self.writer, "{line}").unwrap();
        self.lines += 1;
        if self.lines.is_multiple_of(SYNC_EVERY) {
            self.writer.flush().unwrap();
            self.writer.get_ref().sync_data().unwrap();
        }
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        // Err: the disk is full; the file is for debugging only.
        let _ = self.writer.flush();
        if thread::panicking()
            && let Some(file) = self.file.take()
            && let Ok((_, path)) = file.keep()
        {
            println!("--- the ledger is {}", path.display());
        }
    }
}

/// The time of day.
pub fn now_ns() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}
