//! Appends the readings of one request in order, and at most once where it has an `Idempotency-Key`.
//!
//! The rows of a request are divided into chunks by their position alone. Each chunk is one script, so that all of it
//! is in the stream or nothing, and is sent when the one before it is confirmed: after a failure the beginning of the
//! request is in the stream. With a key the script records the chunk, too, and returns the record when the chunk is
//! sent again (decision 42 has the protocol and its races). Rows may have keys of their own instead: then the script
//! records each row, as a single reading is recorded (decision 49).
//!
//! Where the stream has several partitions each chunk is divided by them, and has a script for each; the next chunk is
//! sent when all of them are confirmed.
//!
//! | file | what it owns |
//! |---|---|
//! | `batch` | [`AppendBatch`], what became of it ([`Appended`]) and why not all of it is in the stream |
//! | `request` | appending it to the partitions, chunk by chunk |
//! | `append_chunk`, `scripts` | appending a chunk to one stream |
//! | `chunk`, `division` | the readings of a chunk, and dividing them by partitions |
//! | [`ChunkKeys`], [`DeliveryKey`] | by what chunks and messages are recognised |
//! | `known_rows` | rows whose keys are known |

mod append_chunk;
mod batch;
mod chunk;
mod chunk_keys;
mod delivery_key;
mod division;
mod known_rows;
mod request;
mod scripts;

pub use self::batch::{AppendBatch, AppendBatchError, Appended, CHUNK_ROWS, Interrupted};
pub use self::chunk::RowPlace;
pub use self::chunk_keys::ChunkKeys;
pub use self::delivery_key::DeliveryKey;
