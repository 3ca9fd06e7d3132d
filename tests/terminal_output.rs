//! Output to a terminal is displayed and has no other effect: ids, files and arguments may hold any
//! character.

use std::io::Write;

use crate::common::process::Ended;
use crate::common::product::{launch, processing_service, query_api};
use crate::common::readings::{NOON, add, fields};
use crate::common::redis::RedisServer;
use crate::common::wait;

/// Clears the screen, sets the title, begins a new line, reverses text.
const HOSTILE: &str =
    "\u{1b}[2Jsite\u{1b}]0;pwned\u{7}\nFAKE \u{9b}2J\u{7f}\u{202e}\u{2066}\u{2028}end";

fn assert_harmless(text: &str) {
    let acts = |c: char| {
        let reorders = matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        (c.is_control() && c != '\n') || reorders
    };
    assert!(!text.contains(acts), "{text:?}");
    assert!(!text.lines().any(|line| line.starts_with("FAKE")), "{text}");
}

#[tokio::test]
async fn log_lines_escape_control_characters_of_ids() {
    for format in ["text", "json"] {
        let redis = RedisServer::start().await;
        redis.run::<()>(&["SET", &format!("site:{HOSTILE}:readings"), "text"]).await;
        add(&redis, "*", &fields(HOSTILE, "1.0", NOON)).await;
        let processing = processing_service(&redis).env("LOG_FORMAT", format).start().await;
        let seen = || processing.stderr().contains("has the wrong type");
        wait::until("it complains about the site", async || seen()).await;
        assert_harmless(&processing.stderr());
        assert!(processing.stderr().contains("pwned"), "{}", processing.stderr());
        assert!(processing.stderr().contains("\\u202e"), "{}", processing.stderr());
    }
}

#[tokio::test]
async fn names_from_settings_are_shown_in_the_log_of_a_service() {
    let redis = RedisServer::start().await;
    let launch = processing_service(&redis).env("CONSUMER_GROUP", HOSTILE);
    let processing = launch.env("LOG_FORMAT", "text").start().await;
    wait::until("it tells the group", async || processing.stderr().contains("pwned")).await;
    assert_harmless(&processing.stderr());
}

#[tokio::test]
async fn dead_letters_are_listed_as_json_without_control_characters() {
    let redis = RedisServer::start().await;
    add(&redis, "*", &fields(HOSTILE, "poison", NOON)).await;
    let processing = processing_service(&redis).start().await;
    wait::until("it is dead-lettered", async || {
        redis.run::<usize>(&["XLEN", "energy_readings:dead"]).await == 1
    })
    .await;
    let listed = launch(&["dead-letters", "list"]).env("REDIS_PORT", redis.port()).run().await;
    assert_harmless(&listed.stdout);
    let letter: serde_json::Value = serde_json::from_str(listed.stdout.trim_end()).unwrap();
    assert!(letter.to_string().contains("pwned") && letter.to_string().contains('\u{202e}'));
    drop(processing);
}

#[tokio::test]
async fn headers_file_names_and_arguments_are_shown_escaped() {
    let mut file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    write!(file, "{}_id,device_id\nx,y\n", HOSTILE.replace('\n', " ")).unwrap();
    let file = file.path().display().to_string();
    for arguments in [
        &["import", &file][..],
        &["import", HOSTILE],
        &["import", "--format", HOSTILE],
        &["import", "-", "--url", HOSTILE],
        &["dead-letters", "retry", HOSTILE],
        &["dead-letters", "list", "--redis-stream", HOSTILE],
        &["query-api", "--redis-port", HOSTILE],
        &["query-api", "--listen-host", HOSTILE],
        &["query-api", "--redis-password-file", HOSTILE],
        &[HOSTILE],
        &["up", HOSTILE],
    ] {
        let Ended { status, stdout, stderr } = launch(arguments).env("REDIS_PORT", 1).run().await;
        assert!(!status.success(), "{arguments:?}");
        assert!(!stderr.is_empty(), "{arguments:?}");
        assert_harmless(&(stdout + &stderr));
    }
}

#[tokio::test]
async fn text_has_no_colours_without_a_terminal() {
    let redis = RedisServer::start().await;
    let role = query_api(&redis).env("LOG_FORMAT", "text").env("RUST_LOG", "debug").start().await;
    role.get("/readyz").await;
    assert_harmless(&role.stderr());
}

#[cfg(feature = "failpoints")]
#[tokio::test]
async fn a_panic_is_a_log_line() {
    let redis = RedisServer::start().await;
    add(&redis, "*", &fields("site", "1.0", NOON)).await;
    for format in ["json", "text"] {
        let failpoint = "reader-before-read=1*panic(\u{1b}[2Jpwned)";
        let launch = processing_service(&redis).env("FAILPOINTS", failpoint);
        let processing = launch.env("LOG_FORMAT", format).start().await;
        let seen = || processing.stderr().contains("a thread panicked");
        wait::until("a panic is told", async || seen()).await;
        assert_harmless(&processing.stderr());
        assert!(processing.stderr().contains("pwned"), "{}", processing.stderr());
    }
}
