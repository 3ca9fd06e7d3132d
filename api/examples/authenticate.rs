//! Measures what an API key costs a request, apart from HTTP:
//! `cargo run --release -p api --example authenticate`
#![expect(clippy::print_stdout, reason = "an example for the terminal")]

use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

use api::access::{AccessPolicy, Secret, Token};
use poem::endpoint::make_sync;
use poem::http::Method;
use poem::{Endpoint, Request, Response};

const REQUESTS: u32 = 1_000_000;
const KEYS: u32 = 1_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = Secret::generate()?;
    let digest = secret.digest().to_hex();
    let key = |n: u32| {
        format!(r#"{{"id":"{n}","name":"key {n}","secret_sha256":"{digest}","scopes":["write"]}}"#)
    };
    let keys: Vec<_> = (0..KEYS).map(key).collect();
    let file = std::env::temp_dir().join(format!("keys-{}.json", std::process::id()));
    fs::write(&file, format!(r#"{{"keys":[{}]}}"#, keys.join(",")))?;
    let with_keys = AccessPolicy::with_keys("API_KEYS_FILE", file.clone(), None);
    fs::remove_file(&file)?;
    let token = Token { id: "7", secret }.to_string();
    for round in 1..=3 {
        let open = measure(&AccessPolicy::open(), &token).await?;
        let keyed =
            measure(&with_keys.as_ref().map_err(ToString::to_string)?.clone(), &token).await?;
        println!("round {round}: without keys {open:?}, with {KEYS} keys {keyed:?} a request");
    }
    Ok(())
}

/// The time of a request through the guard; requests are built beforehand.
async fn measure(policy: &AccessPolicy, token: &str) -> poem::Result<Duration> {
    const BATCH: u32 = 1_000;
    let guarded = policy.clone().guard(make_sync(|_| Response::default()));
    let mut took = Duration::ZERO;
    for _ in 0..REQUESTS / BATCH {
        let request = || {
            let request = Request::builder().method(Method::POST).uri_str("/readings");
            request.header("authorization", format!("Bearer {token}")).finish()
        };
        let requests: Vec<_> = (0..BATCH).map(|_| request()).collect();
        let began = Instant::now();
        for request in requests {
            guarded.call(request).await?;
        }
        took += began.elapsed();
    }
    Ok(took / REQUESTS)
}
