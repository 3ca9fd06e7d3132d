//! Settings that conflict are rejected at the start, with the names of both.

use crate::common::product::launch;

#[tokio::test]
async fn a_violated_constraint_fails_the_start_and_names_both_settings_and_their_values() {
    for ([one, value], [other, limit], told) in [
        (["BATCH_SIZE", "600"], ["MAX_IN_FLIGHT", "500"], ["600", "500"]),
        (["READ_BLOCK_MS", "5000"], ["DRAIN_TIMEOUT_MS", "5000"], ["5s", "5s"]),
        (["PROCESSING_DELAY_MS", "400"], ["CLAIM_MIN_IDLE_MS", "1000"], ["400ms", "1s"]),
    ] {
        for role in ["processing-service", "up"] {
            let ended = launch(&[role]).env(one, value).env(other, limit).run().await;
            assert_eq!(ended.status.code(), Some(2), "{role} {one}={value} {other}={limit}");
            for told in [one, other].into_iter().chain(told) {
                assert!(ended.stderr.contains(told), "{told} is not in {}", ended.stderr);
            }
        }
    }
}

#[tokio::test]
async fn a_constraint_that_just_holds_is_accepted() {
    let launch = launch(&["processing-service"])
        .env("BATCH_SIZE", 500)
        .env("MAX_IN_FLIGHT", 500)
        .env("READ_BLOCK_MS", 4_999)
        .env("DRAIN_TIMEOUT_MS", 5_000)
        .env("PROCESSING_DELAY_MS", 333)
        .env("CLAIM_MIN_IDLE_MS", 1_000);
    let mut role = launch.start().await;
    role.terminate();
    assert_eq!(role.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_time_to_live_of_zero_or_of_centuries_is_rejected() {
    for ttl in ["0", "2y", "100000000y"] {
        let ended = launch(&["ingestion-api"]).env("IDEMPOTENCY_TTL", ttl).run().await;
        assert_eq!(ended.status.code(), Some(2), "{ttl}");
        assert!(ended.stderr.contains("IDEMPOTENCY_TTL"), "{}", ended.stderr);
    }
}
