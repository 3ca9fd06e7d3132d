//! Appends a reading to the stream, as the Ingestion API does:
//! `cargo run -p readings --example append -- redis://localhost:6379`
#![expect(clippy::print_stdout, reason = "an example for the terminal")]

use std::env;
use std::error::Error;

use chrono::Utc;
use readings::store::codec::ingestion_time;
use readings::store::stream::ReadingStream;
use readings::store::{Keys, RedisServer};
use readings::validation::parse_reading;

const BODY: &[u8] = br#"{
    "site_id": "house-01", "device_id": "main-meter",
    "power_reading": 1500.5, "timestamp": "2024-01-15T10:30:00Z"
}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).unwrap_or_else(|| "redis://localhost:6379".to_owned());
    let connection = RedisServer::from_url(&url)?.shared();
    let stream = ReadingStream::new(Keys::new("energy_readings", "processing_group"), connection);

    let reading = parse_reading(BODY).map_err(|errors| format!("{errors:?}"))?;
    let id = stream.append(&reading, &ingestion_time(Utc::now())).await?;
    println!("appended {id}");
    Ok(())
}
