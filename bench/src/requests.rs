//! The requests of a generator, built before the run.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::load::Load;

/// Number of different readings. Too few: they all stay in the server's CPU cache. Too many: they do not stay in the
/// generator's.
const READINGS: u32 = 10_000;

/// Sites of the readings; irrelevant to ingestion.
const SITES: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);

/// The path of single readings.
pub const SINGLE: &str = "/readings";

/// The path of batches, which an implementation may lack.
pub const BATCH: &str = "/readings/batch";

/// The path of line protocol.
const LINES: &str = "/api/v2/write?bucket=bench";

/// Requests, sent in a cycle.
#[derive(Debug, Clone)]
pub struct Requests {
    /// Complete requests, with heads.
    pub all: Arc<[String]>,
    /// Readings in each request.
    pub readings: u32,
}

impl Requests {
    /// Single readings, or batches of them, for a server of this name.
    ///
    /// # Errors
    /// Never.
    pub fn new(host: &str, batch: Option<NonZeroU32>) -> anyhow::Result<Self> {
        let load = Load::even(SITES)?;
        let readings = batch.map_or(1, NonZeroU32::get);
        let request = |number| match batch {
            None => Ok(post(host, SINGLE, &load.body(number)?)),
            Some(_) => Ok(post(host, BATCH, &array(load, number * readings, readings)?)),
        };
        let count = READINGS.div_ceil(readings);
        let all = (0..count).map(request).collect::<anyhow::Result<_>>()?;
        Ok(Self { all, readings })
    }
}

impl Requests {
    /// The same requests with another header.
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let line = format!("\r\n{name}: {value}\r\n");
        let all = self.all.iter().map(|request| request.replacen("\r\n", &line, 1)).collect();
        Self { all, readings: self.readings }
    }
}

impl Requests {
    /// Batches of line protocol. The lines have no timestamps, or those of the second cycle would be known.
    ///
    /// # Errors
    /// Never.
    pub fn lines(host: &str, batch: NonZeroU32) -> anyhow::Result<Self> {
        let load = Load::even(SITES)?;
        let readings = batch.get();
        let line = |number| {
            let reading: serde_json::Value = serde_json::from_str(&load.body(number)?)?;
            let (site, power) = (&reading["site_id"], &reading["power_reading"]);
            let site = site.as_str().unwrap_or_default();
            Ok(format!(
                "meter,host=bench,site={site},device_id=meter-{number} power={power},voltage=230.1\n"
            ))
        };
        let request = |number: u32| {
            let numbers = number * readings..(number + 1) * readings;
            Ok(post(host, LINES, &numbers.map(line).collect::<anyhow::Result<String>>()?))
        };
        let all = (0..READINGS.div_ceil(readings)).map(request).collect::<anyhow::Result<_>>()?;
        Ok(Self { all, readings })
    }
}

fn array(load: Load, first: u32, count: u32) -> anyhow::Result<String> {
    let numbers = first..first + count;
    let bodies = numbers.map(|number| load.body(number)).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(format!("[{}]", bodies.join(",")))
}

/// A request with a JSON body.
pub fn post(host: &str, path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_an_array_of_as_many_valid_readings() {
        let requests = Requests::new("localhost", NonZeroU32::new(30)).unwrap();
        let (_, body) = requests.all[1].split_once("\r\n\r\n").unwrap();
        let readings: Vec<serde_json::Value> = serde_json::from_str(body).unwrap();
        assert_eq!((readings.len(), requests.readings), (30, 30));
        let reading = readings[0].to_string();
        assert!(readings::validation::parse_reading(reading.as_bytes()).is_ok(), "{reading}");
    }

    #[test]
    fn line_protocol_has_as_many_different_lines() {
        let requests = Requests::lines("localhost", NonZeroU32::MIN.saturating_add(29)).unwrap();
        let (_, body) = requests.all[1].split_once("\r\n\r\n").unwrap();
        let lines: std::collections::BTreeSet<_> = body.lines().collect();
        assert_eq!((lines.len(), requests.readings), (30, 30));
    }

    #[test]
    fn a_request_has_the_content_length_of_its_body() {
        let request = &Requests::new("localhost", None).unwrap().all[0];
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
    }
}
