//! Settings: a flag and an environment variable each; an invalid value fails the start with the
//! reason.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::ffi::OsStrExt;

use crate::common::process::Process;
use crate::common::product::{ingestion_api, launch, processing_service, query_api};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, free_port};
use crate::common::stored;
use crate::common::wait;

#[tokio::test]
async fn a_malformed_value_fails_the_start_and_names_the_variable_the_rule_and_the_value() {
    const LEVELS: &str = "off, error, warn, info, debug or trace";
    for (role, variable, value, rule) in [
        ("ingestion-api", "INGESTION_PORT", "abc", "a whole number from 0 to 65535"),
        ("ingestion-api", "INGESTION_PORT", "65536", "a whole number from 0 to 65535"),
        ("processing-service", "PROCESSING_PORT", "-1", "a whole number from 0 to 65535"),
        ("up", "FRONTEND_PORT", "1.5", "a whole number from 0 to 65535"),
        ("query-api", "REDIS_PORT", "70000", "a whole number from 1 to 65535"),
        ("query-api", "REDIS_PORT", "0", "a whole number from 1 to 65535"),
        ("reconcile", "REDIS_PORT", "0", "a whole number from 1 to 65535"),
        ("processing-service", "BATCH_SIZE", "0", "a whole number from 1 to"),
        ("processing-service", "MAX_IN_FLIGHT", "many", "a whole number from 1 to"),
        ("processing-service", "PROCESSING_DELAY_MS", "soon", "milliseconds from 0 to"),
        ("processing-service", "PROCESSING_DELAY_MS", "2h", "milliseconds from 0 to"),
        ("processing-service", "CLAIM_MIN_IDLE_MS", "1", "milliseconds from 100 to"),
        ("processing-service", "READ_BLOCK_MS", "0", "milliseconds from 10 to"),
        ("ingestion-api", "DRAIN_TIMEOUT_MS", "20 seconds or so", "a time such as 500ms or 30s"),
        ("ingestion-api", "LISTEN_HOST", "no where", "IP address"),
        ("ingestion-api", "LISTEN_HOST", "localhost:8000", "without a port"),
        ("up", "LISTEN_HOST", "256.0.0.1", "IP address"),
        ("up", "ALLOWED_HOSTS", "energy.example,http://a", "without a port"),
        ("query-api", "CORS_ALLOWED_ORIGINS", "*", "origins of web pages"),
        ("ingestion-api", "CORS_ALLOWED_ORIGINS", "https://a.example/", "origins of web pages"),
        ("up", "FORWARDED_FROM", "10.0.0.0/8,proxy.example", "networks of reverse proxies"),
        ("query-api", "RATE_LIMIT_PER_ADDRESS", "100", "a rate such as 100/s"),
        ("up", "RATE_LIMIT_PER_KEY", "100/m", "a rate such as 100/s"),
        ("ingestion-api", "RUST_LOG", "loud", LEVELS),
        ("processing-service", "RUST_LOG", "warning", LEVELS),
        ("query-api", "RUST_LOG", "actors=verbose", LEVELS),
        ("up", "RUST_LOG", "info,", LEVELS),
        ("up", "LOG_FORMAT", "yaml", "possible values: auto, text, json"),
        ("up", "OTEL_SDK_DISABLED", "maybe", "must be true or false"),
        ("query-api", "OTEL_SDK_DISABLED", "1", "must be true or false"),
    ] {
        let ended = launch(&[role]).env(variable, value).run().await;
        assert_eq!(ended.status.code(), Some(2), "{variable}={value}");
        for told in [variable, rule, &format!("'{value}'")] {
            assert!(ended.stderr.contains(told), "{variable}={value}: {}", ended.stderr);
        }
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_value_out_of_range_is_rejected_like_a_malformed_one() {
    for (role, variable, value, rule) in [
        ("ingestion-api", "IDEMPOTENCY_TTL", "0", "must be above 0"),
        ("up", "IDEMPOTENCY_TTL", "2y", "must be at most 366d"),
        ("ingestion-api", "LISTEN_HOST", "nowhere.invalid", "host name that can be resolved"),
        ("query-api", "REDIS_PASSWORD_FILE", "/no/such/file", "must be a file that can be read"),
        ("reconcile", "REDIS_TLS_CA_FILE", "/no/such/file", "must be a file that can be read"),
        ("ingestion-api", "OTEL_TRACES_SAMPLER_ARG", "2", "must be a number from 0 to 1"),
        ("up", "OTEL_TRACES_SAMPLER_ARG", "many", "must be a number from 0 to 1"),
        ("query-api", "OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "http:// or https:// URL"),
        ("query-api", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "x", "http:// or https:// URL"),
        ("query-api", "OTEL_RESOURCE_ATTRIBUTES", "nonsense", "must be key=value"),
        ("query-api", "OTEL_BSP_MAX_QUEUE_SIZE", "many", "must be a whole number"),
        ("up", "OTEL_METRICS_EXPORTER", "otlp", "needs OTEL_EXPORTER_OTLP_ENDPOINT"),
        ("processing-service", "BATCH_SIZE", "5000", "must be at most MAX_IN_FLIGHT"),
        ("processing-service", "READ_BLOCK_MS", "30000", "must be below DRAIN_TIMEOUT_MS"),
        ("up", "PROCESSING_DELAY_MS", "10000", "must be below CLAIM_MIN_IDLE_MS"),
    ] {
        let ended = launch(&[role]).env(variable, value).run().await;
        assert_eq!(ended.status.code(), Some(2), "{variable}={value}: {}", ended.stderr);
        for told in [variable, rule] {
            assert!(ended.stderr.contains(told), "{variable}={value}: {}", ended.stderr);
        }
        assert_eq!(ended.stderr.matches(rule).count(), 1, "{}", ended.stderr);
    }
}

#[tokio::test]
async fn conflicting_settings_fail_the_start() {
    let launch = launch(&["processing-service"]).env("BATCH_SIZE", 600).env("MAX_IN_FLIGHT", 500);
    let ended = launch.run().await;
    assert_eq!(ended.status.code(), Some(2));
    for told in ["BATCH_SIZE", "MAX_IN_FLIGHT", "600", "500"] {
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_value_that_is_not_utf_8_is_reported_by_its_variable() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_energy-pipeline"));
    command.arg("query-api").env_clear();
    command.env("REDIS_HOST", std::ffi::OsStr::from_bytes(b"\xff"));
    let ended = Process::start("query-api", &mut command).ended().await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("REDIS_HOST must be UTF-8"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_setting_in_milliseconds_may_have_a_unit_instead() {
    for (delay, idle) in [("400", "1000"), ("400ms", "1s")] {
        let launch = launch(&["processing-service"]).env("PROCESSING_DELAY_MS", delay);
        let ended = launch.env("CLAIM_MIN_IDLE_MS", idle).run().await;
        assert_eq!(ended.status.code(), Some(2), "{delay} {idle}");
        assert!(ended.stderr.contains("3 × 400ms is not below 1s"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn the_old_name_of_a_setting_works_and_one_warning_names_the_new_one() {
    let redis = RedisServer::start().await;
    let old = processing_service(&redis).env("MAX_DELIVERIES", 3).start().await;
    let flag = processing_service(&redis).arg("--max-deliveries=3").start().await;
    for (role, deprecated, new) in [
        (&old, "MAX_DELIVERIES is deprecated", "use MAX_PROCESSING_FAILURES"),
        (&flag, "--max-deliveries is deprecated", "use --max-processing-failures"),
    ] {
        wait::until("it warns", async || role.stderr().contains(deprecated)).await;
        assert!(role.stderr().contains(new), "{}", role.stderr());
        assert_eq!(role.stderr().matches("deprecated").count(), 1, "{}", role.stderr());
    }
    let ended = launch(&["processing-service"]).env("MAX_DELIVERIES", "0").run().await;
    assert_eq!(ended.status.code(), Some(2));
    assert!(ended.stderr.contains("MAX_DELIVERIES is set to '0'"), "{}", ended.stderr);
}

#[tokio::test]
async fn the_new_name_of_a_setting_is_stronger_than_the_old_one() {
    let redis = RedisServer::start().await;
    let both = processing_service(&redis).env("MAX_DELIVERIES", "many");
    let role = both.env("MAX_PROCESSING_FAILURES", 3).start().await;
    wait::until("it warns", async || role.stderr().contains("MAX_DELIVERIES is ignored")).await;
    assert!(!role.stderr().contains("deprecated"), "{}", role.stderr());
}

#[tokio::test]
async fn an_old_name_is_passed_over_where_it_is_empty_or_of_another_role() {
    let redis = RedisServer::start().await;
    let empty = processing_service(&redis).env("MAX_DELIVERIES", "").start().await;
    let other = query_api(&redis).env("MAX_DELIVERIES", 3).start().await;
    for role in [&empty, &other] {
        wait::until("it is ready", async || role.get("/readyz").await.status == 200).await;
        assert!(!role.stderr().contains("MAX_DELIVERIES"), "{}", role.stderr());
    }
}

#[tokio::test]
async fn enumerated_values_are_case_insensitive() {
    let redis = RedisServer::start().await;
    for (variable, value) in [
        ("OTEL_SDK_DISABLED", "TRUE"),
        ("OTEL_SDK_DISABLED", "False"),
        ("OTEL_TRACES_SAMPLER", "ALWAYS_OFF"),
        ("OTEL_METRICS_EXPORTER", "None"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "GRPC"),
        ("LOG_FORMAT", "JSON"),
        ("RUST_LOG", "WARN,actors=Debug"),
    ] {
        let role = query_api(&redis).env(variable, value).start().await;
        assert_eq!(role.get("/livez").await.status, 200, "{variable}={value}");
    }
}

#[tokio::test]
async fn a_password_in_a_flag_causes_a_warning_and_is_never_printed() {
    let redis = RedisServer::start().await;
    redis.run::<()>(&["CONFIG", "SET", "requirepass", "s3cret"]).await;
    let url = format!("redis://:s3cret@127.0.0.1:{}", redis.port());
    for (flag, value) in [("--redis-password", "s3cret"), ("--redis-url", &url)] {
        let role = query_api(&redis).arg(flag).arg(value).start().await;
        wait::until("it warns", async || role.stderr().contains(&format!("{flag} shows"))).await;
        assert!(role.stderr().contains("REDIS_PASSWORD_FILE"), "{}", role.stderr());
        assert!(!role.stderr().contains("s3cret"), "{}", role.stderr());
    }
    let variable = query_api(&redis).env("REDIS_PASSWORD", "s3cret\n").start().await;
    wait::until("it is ready", async || variable.get("/readyz").await.status == 200).await;
    assert!(!variable.stderr().contains("shows its password"), "{}", variable.stderr());
}

#[tokio::test]
async fn an_address_that_is_not_of_redis_is_rejected_without_showing_its_password() {
    for url in ["ftp://user:secret@host", "nonsense secret", "redis://:secret@host:99999999"] {
        let ended = launch(&["ingestion-api"]).env("REDIS_URL", url).run().await;
        assert_eq!(ended.status.code(), Some(2), "{url}");
        assert!(ended.stderr.contains("REDIS_URL "), "{}", ended.stderr);
        assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_role_listens_on_addresses_of_both_families_and_on_names() {
    let redis = RedisServer::start().await;
    for (host, base) in [
        ("127.0.0.2", "http://127.0.0.2:"),
        ("::1", "http://[::1]:"),
        ("[::1]", "http://[::1]:"),
        ("localhost", "http://127.0.0.1:"),
    ] {
        let role = query_api(&redis).env("LISTEN_HOST", host).start().await;
        assert!(role.base().starts_with(base), "{host}: {}", role.base());
        assert_eq!(role.get("/livez").await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn a_port_in_use_fails_the_start_and_names_the_setting() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let directory = tempfile::tempdir().unwrap();
    for (role, variable) in [
        ("ingestion-api", "INGESTION_PORT"),
        ("processing-service", "PROCESSING_PORT"),
        ("query-api", "PROCESSING_PORT"),
        ("up", "FRONTEND_PORT"),
    ] {
        let launch =
            launch(&[role]).env(variable, port).env("XDG_DATA_HOME", directory.path().display());
        let ended = launch.run().await;
        assert_eq!(ended.status.code(), Some(1), "{role}");
        for told in [variable, &port.to_string()] {
            assert_eq!(ended.stderr.matches(told).count(), 1, "{role}: {}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn help_names_every_setting_of_the_contract_with_its_default() {
    let help = launch(&["up", "--help"]).run().await.stdout;
    for (variable, default) in [
        ("REDIS_HOST", None),
        ("REDIS_PORT", Some("6379")),
        ("REDIS_URL", None),
        ("REDIS_STREAM", Some("energy_readings")),
        ("CONSUMER_GROUP", Some("processing_group")),
        ("CONSUMER_NAME", None),
        ("PROCESSING_DELAY_MS", Some("0")),
        ("INGESTION_PORT", Some("8000")),
        ("PROCESSING_PORT", Some("8001")),
        ("FRONTEND_PORT", Some("3000")),
        ("BATCH_SIZE", Some("500")),
        ("MAX_IN_FLIGHT", Some("4000")),
        ("CLAIM_MIN_IDLE_MS", Some("30000")),
    ] {
        let flag = format!("--{} ", variable.to_lowercase().replace('_', "-"));
        let (_, entry) = help.split_once(&flag).unwrap_or_else(|| panic!("no {flag} in {help}"));
        let entry = entry.split_once("\n      --").map_or(entry, |(entry, _)| entry);
        let words = entry.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&format!("[env: {variable}")), "{words}");
        if let Some(default) = default {
            assert!(words.contains(&format!("[default: {default}]")), "{words}");
        }
    }
    let short = launch(&["--help"]).run().await.stdout;
    for role in ["up", "ingestion-api", "processing-service", "query-api", "import", "healthcheck"]
    {
        assert!(short.contains(&format!("\n  {role}")), "{short}");
    }
}

#[tokio::test]
async fn a_flag_takes_precedence_over_the_variable_and_a_url_over_host_and_port() {
    let redis = RedisServer::start().await;
    let flag = query_api(&redis).env("REDIS_PORT", free_port()).arg("--redis-port");
    let flag = flag.arg(redis.port().to_string()).start().await;
    let url = format!("redis://127.0.0.1:{}", redis.port());
    let url = query_api(&redis).env("REDIS_PORT", free_port()).env("REDIS_URL", url).start().await;
    for role in [flag, url] {
        assert_eq!(role.get("/health").await.json()["redis_connected"], true);
    }
}

#[tokio::test]
async fn a_url_may_have_a_user_a_password_and_a_database_and_may_name_a_socket() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("redis.sock").display().to_string();
    let user = ["--user", "meter", "on", ">secret", "~*", "&*", "+@all"];
    let redis = RedisServer::start_with(&[&["--unixsocket", &socket], &user[..]].concat()).await;
    let address = format!("127.0.0.1:{}", redis.port());
    for (url, database) in [
        (format!("redis://meter:secret@{address}/1"), "1"),
        (format!("redis+unix://{socket}?db=2&user=meter&pass=secret"), "2"),
    ] {
        let ingestion = ingestion_api(&redis).env("REDIS_URL", &url).start().await;
        let reply = ingestion.post("/readings", reading("site").to_string()).await;
        assert_eq!(reply.status, 201, "{url}: {reply:?}");
        let keys: String = redis.run(&["INFO", "keyspace"]).await;
        assert!(keys.contains(&format!("db{database}:keys=1")), "{url}: {keys}");
    }
    let wrong = format!("redis://meter:wrong@{address}");
    let ingestion = ingestion_api(&redis).env("REDIS_URL", wrong).start().await;
    let reply = ingestion.post("/readings", reading("site").to_string()).await;
    assert_eq!(reply.status, 503);
    assert!(reply.detail().contains("credentials"), "{reply:?}");
    assert!(!ingestion.stderr().contains("wrong"), "{}", ingestion.stderr());
}

#[tokio::test]
async fn a_consumer_without_a_name_uses_the_host_name() {
    let redis = RedisServer::start().await;
    let processing = processing_service(&redis).without_env("CONSUMER_NAME").start().await;
    let health = processing.get("/health").await.json();
    assert!(health["consumer_name"].as_str().is_some_and(|name| !name.is_empty()), "{health}");
}

#[tokio::test]
async fn stream_group_and_consumer_are_named_by_settings() {
    let redis = RedisServer::start().await;
    let ingestion = ingestion_api(&redis).env("REDIS_STREAM", "s").env("CONSUMER_GROUP", "g");
    let processing = processing_service(&redis).env("REDIS_STREAM", "s").env("CONSUMER_GROUP", "g");
    let (ingestion, processing) =
        (ingestion.start().await, processing.env("CONSUMER_NAME", "c").start().await);
    ingestion.post("/readings", reading("site").to_string()).await;
    wait::until("it is stored", async || stored::count(&redis).await == 1).await;
    assert_eq!(redis.entries("s").await.len(), 1);
    let health = processing.get("/health").await.json();
    assert_eq!((&health["consumer_name"], &health["consumer_group"]), (&"c".into(), &"g".into()));
    assert_eq!(health["consumer_group_status"]["name"], "g");
}

#[tokio::test]
async fn logs_are_json_lines_on_standard_error() {
    let redis = RedisServer::start().await;
    let mut ingestion = ingestion_api(&redis).start().await;
    wait::until("it has logged", async || ingestion.stderr().contains("group")).await;
    for line in ingestion.stderr().lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
    ingestion.terminate();
    assert_eq!(ingestion.exit_code().await, Some(0));
}
