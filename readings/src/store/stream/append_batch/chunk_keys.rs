//! The records by which chunks of a request are recognised when it is repeated.

use std::time::Duration;

use crate::store::stream::idempotency::{IdempotencyKey, key_window};

/// The key of a request, from which the fields of its chunks are derived. All are in the hash of the first one.
#[derive(Debug)]
pub struct ChunkKeys<'a> {
    key: &'a str,
    first: IdempotencyKey,
    pub(super) window: u64,
    pub(super) ttl: Duration,
}

impl<'a> ChunkKeys<'a> {
    /// Those of a key as the client sent it (visible ASCII), of a request that is determined by `body`, and kept for
    /// `ttl` at least.
    #[must_use]
    pub fn new(key: &'a str, body: &[u8], ttl: Duration) -> Self {
        Self { key, first: IdempotencyKey::new(&name(key, 0), body), window: key_window(ttl), ttl }
    }

    /// The field of a chunk.
    pub(super) fn field(&self, chunk: usize) -> Vec<u8> {
        self.first.with_key(&name(self.key, chunk)).key().to_vec()
    }

    /// The field of the chunk before; empty for the first one.
    pub(super) fn field_before(&self, before: Option<usize>) -> Vec<u8> {
        before.map(|before| self.field(before)).unwrap_or_default()
    }

    /// The key of the first chunk, which is registered for the request.
    pub(super) const fn first(&self) -> &IdempotencyKey {
        &self.first
    }

    /// The digest of the body, with which records begin.
    pub(super) const fn body(&self) -> &[u8] {
        self.first.body()
    }

    pub(super) const fn shard(&self) -> u16 {
        self.first.shard()
    }
}

/// A client's key has no space, so this is never the key of one reading.
fn name(key: &str, chunk: usize) -> String {
    format!("{key} {chunk}")
}
