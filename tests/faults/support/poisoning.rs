//! Poison entries, added to the stream by hand.

use redis::{Cmd, RedisResult};

use super::ledger::{Attempt, Class, Ledger, now_ns};
use super::redis_at::RedisAt;
use super::sent::SentReading;
use crate::common::redis::STREAM;

/// Adds a poison entry to the stream of the Redis at a port, and records it. Which field is invalid
/// depends on the number; the others are those of the reading in whose place it is added.
pub async fn add(redis_port: u16, ledger: &Ledger, mut instead_of: SentReading, number: u64) {
    instead_of.device = format!("poison-{}", instead_of.device);
    let (sent_ns, mut command) = (now_ns(), Cmd::new());
    command.arg("XADD").arg(STREAM).arg("*").arg(fields(&instead_of, number));
    let added: RedisResult<String> = RedisAt::port(redis_port).query(&command).await;
    let said = format!("{added:?}");
    let (class, stream_id) = (Class::Poison, added.ok());
    let received_ns = now_ns();
    let attempt = Attempt { class, status: None, stream_id, said, sent_ns, received_ns };
    ledger.note(&instead_of, None, &attempt);
}

/// The device identifies the entry.
fn fields(sent: &SentReading, number: u64) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("site_id", sent.site.clone()),
        ("device_id", sent.device.clone()),
        ("power_reading", "1.0".to_owned()),
        ("timestamp", sent.timestamp.clone()),
    ];
    match number % 5 {
        0 => fields[2].1 = "poison".to_owned(),
        1 => fields[2].1 = "1e400".to_owned(),
        2 => fields[3].1 = "yesterday".to_owned(),
        3 => fields[0].1 = String::new(),
        _ => drop(fields.remove(0)),
    }
    fields
}
