//! Malformed requests of every kind: none is accepted, and none is answered as if the server were at fault.

use crate::common::product::{ingestion_api, processing_service};
use crate::common::readings::reading;
use crate::common::redis::{DEAD_LETTERS, RedisServer, STREAM};
use crate::faults::support::malformed::Malformed;

/// Requests to each service: some of each kind. The soak sends 100,000.
const REQUESTS: u64 = 1_000;

const SEED: u64 = 1;

#[tokio::test]
async fn malformed_requests_get_no_server_error_and_store_nothing() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).start().await;
    let processing = processing_service(&redis).start().await;
    for n in 0..REQUESTS {
        for (request, service) in
            [(Malformed::write(SEED, n), &ingestion), (Malformed::read(SEED, n), &processing)]
        {
            let statuses = request.send(service).await;
            assert!(statuses.iter().all(|status| *status < 500), "{statuses:?} for {request}");
            assert!(!statuses.contains(&201), "accepted: {request}");
        }
    }
    let appended: (u64, u64) =
        (redis.run(&["XLEN", STREAM]).await, redis.run(&["XLEN", DEAD_LETTERS]).await);
    assert_eq!(appended, (0, 0));
    let valid = ingestion.post("/readings", reading("house").to_string()).await;
    assert_eq!(valid.status, 201, "a valid request after them");
}
