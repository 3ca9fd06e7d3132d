//! From the bytes of a file to rows.

pub mod csv;
pub mod format;
pub mod idempotency_keys;
pub mod meter_file;
pub mod ndjson_rows;
pub mod reader;
pub mod request_body;
pub mod row;
pub mod row_fault;
pub mod site_hash;
pub mod source;
pub mod unsupported_file;
