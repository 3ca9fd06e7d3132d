//! Adds what this process counted to the sums of all processes.

use std::collections::BTreeMap;
use std::process;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::{Script, cmd};
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::counter::{COUNTERS, Counts, ReceiverCounters};
use super::not_accepted::MAX_NAMES;
use super::receiver::Receiver;
use super::report::Report;
use crate::store::connection::SharedConnection;
use crate::store::error::{StoreError, StoreResult};
use crate::store::error_class::ErrorClass;
use crate::store::keys::Keys;

/// Interval between two reports. Too low: Redis does useless work. Too high: an operator who connects a sender sees
/// late that its readings come in.
const INTERVAL: Duration = Duration::from_secs(2);

/// Pause after Redis denied a report. Too low: its connection is replaced over and over. Too high: a mended permission
/// is used late.
const PAUSE_IF_DENIED: Duration = Duration::from_mins(5);

/// The time for the last report of a process. Too low: it is lost on a slow network. Too high: the process exits late.
const LAST_REPORT_TIMEOUT: Duration = Duration::from_millis(500);

/// A process without a report is forgotten after this time. Too low: one whose last report had no reply is counted
/// twice. Too high: the hash keeps processes that have ended.
const INSTANCE_TTL: Duration = Duration::from_mins(10);

/// Adds the reports of one process, each once, by its sequence number. Only the commands that the Ingestion API's user
/// needs for idempotency keys; so the time is that of the process.
///
/// The oldest names of an outcome are removed above the limit: `ARGV[5]`.
static ADD: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local now, instance, sequence = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
         local reports, most, ttl = cjson.decode(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
         local function state_of(receiver)
             local is_json, state = pcall(cjson.decode, redis.call('HGET', KEYS[1], receiver) or '')
             if is_json and type(state) == 'table' and state.instances and state.names then return state end
             return {since = now, accepted = 0, replayed = 0, rejected = 0, unmapped = 0, names = {}, instances = {}}
         end
         local function remove_oldest(names, outcome)
             local count, oldest = 0, nil
             for key, name in pairs(names) do
                 if name.outcome == outcome then
                     count = count + 1
                     if not oldest or name.last < names[oldest].last then oldest = key end
                 end
             end
             if count > most then names[oldest] = nil end
         end
         for receiver, report in pairs(reports) do
             local state = state_of(receiver)
             local before = state.instances[instance]
             if not before or before.sequence < sequence then
                 for _, count in ipairs({'accepted', 'replayed', 'rejected', 'unmapped'}) do
                     state[count] = state[count] + report[count]
                 end
                 if report.accepted > 0 then state.last_accepted = now end
                 for key, name in pairs(report.names) do
                     name.rows = name.rows + (state.names[key] and state.names[key].rows or 0)
                     name.last = now
                     state.names[key] = name
                     remove_oldest(state.names, name.outcome)
                 end
                 for id, other in pairs(state.instances) do
                     if other.at < now - ttl then state.instances[id] = nil end
                 end
                 state.instances[instance] = {sequence = sequence, at = now, connected = report.connected}
                 redis.call('HSET', KEYS[1], receiver, cjson.encode(state))
             end
         end",
    )
});

/// Reports what the receivers of this process counted.
#[derive(Debug)]
pub struct ReceiverReporter {
    key: String,
    connection: SharedConnection,
    instance: String,
    sequence: u64,
    reported: [Counts; Receiver::ALL.len()],
    /// A report without a reply: it is sent again as it was, and added once.
    unconfirmed: Option<String>,
}

impl ReceiverReporter {
    /// Reports over this connection, which others may share.
    #[must_use]
    pub fn new(keys: &Keys, connection: SharedConnection) -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            key: keys.receivers(),
            connection,
            instance: format!("{}-{}", process::id(), since_1970.as_nanos()),
            sequence: 0,
            reported: [Counts::default(); Receiver::ALL.len()],
            unconfirmed: None,
        }
    }

    /// Reports every two seconds until `stopped`, when nothing is received any more, and once then. Failures change
    /// nothing but that the sums are late.
    pub async fn run(mut self, stopped: impl Future<Output = ()>) {
        tokio::pin!(stopped);
        let mut pause = INTERVAL;
        loop {
            tokio::select! {
                () = &mut stopped => break,
                () = sleep(pause) => {}
            }
            pause =
                self.report(&COUNTERS).await.err().map_or(INTERVAL, |error| pause_after(&error));
        }
        // Err: Redis is slow or away, and the process must end.
        let _ = timeout(LAST_REPORT_TIMEOUT, self.report(&COUNTERS)).await;
    }

    /// Reports what was counted since the last report.
    ///
    /// # Errors
    /// When the server replied with an error or not at all; what was not reported is a part of the next report.
    pub async fn report(&mut self, counters: &ReceiverCounters) -> StoreResult<()> {
        self.confirm().await?;
        let mut reports = BTreeMap::new();
        for (receiver, reported) in Receiver::ALL.into_iter().zip(&mut self.reported) {
            let report = Report::since(reported, counters.get(receiver));
            reports.extend(report.map(|report| (receiver.name(), report)));
        }
        if reports.is_empty() {
            return Ok(());
        }
        self.sequence += 1;
        // Err: numbers and texts are always valid JSON.
        self.unconfirmed = serde_json::to_string(&reports).ok();
        self.confirm().await
    }

    /// Sends the report that has no reply yet.
    async fn confirm(&mut self) -> StoreResult<()> {
        let Some(report) = &self.unconfirmed else { return Ok(()) };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut command = cmd("EVALSHA");
        command.arg(ADD.get_hash()).arg(1).arg(&self.key);
        command.arg(milliseconds(now)).arg(&self.instance).arg(self.sequence).arg(report);
        command.arg(MAX_NAMES).arg(milliseconds(INSTANCE_TTL));
        self.connection.eval_command("HSET receivers", &ADD, &command).await?;
        self.unconfirmed = None;
        Ok(())
    }
}

fn pause_after(error: &StoreError) -> Duration {
    if error.class == ErrorClass::Denied {
        warn!(%error, "the counts of receivers are not reported; other processes do not see them");
        return PAUSE_IF_DENIED;
    }
    debug!(%error, "the counts of receivers are reported later");
    INTERVAL
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
