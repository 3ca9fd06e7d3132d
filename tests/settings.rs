//! Settings: a flag and an environment variable each; a bad value stops the start and says why.

use std::net::{Ipv4Addr, TcpListener};

use crate::common::product::{ingestion_api, launch, processing_service, query_api};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, free_port};
use crate::common::stored;
use crate::common::wait;

#[tokio::test]
async fn a_bad_value_stops_the_start_and_names_the_variable_the_rule_and_the_value() {
    for (role, variable, value, rule) in [
        ("ingestion-api", "INGESTION_PORT", "abc", "a whole number from 0 to 65535"),
        ("ingestion-api", "INGESTION_PORT", "65536", "a whole number from 0 to 65535"),
        ("processing-service", "PROCESSING_PORT", "-1", "a whole number from 0 to 65535"),
        ("up", "FRONTEND_PORT", "1.5", "a whole number from 0 to 65535"),
        ("query-api", "REDIS_PORT", "70000", "a whole number from 0 to 65535"),
        ("processing-service", "BATCH_SIZE", "0", "a whole number from 1 to"),
        ("processing-service", "MAX_IN_FLIGHT", "many", "a whole number from 1 to"),
        ("processing-service", "PROCESSING_DELAY_MS", "1s", "a whole number from 0 to"),
        ("processing-service", "CLAIM_MIN_IDLE_MS", "1", "a whole number from 100 to"),
        ("processing-service", "READ_BLOCK_MS", "0", "a whole number from 10 to"),
        ("ingestion-api", "LISTEN_HOST", "nowhere", "IP address"),
        ("ingestion-api", "REDIS_STREAM", "", "must not be empty"),
        ("processing-service", "CONSUMER_GROUP", "", "must not be empty"),
    ] {
        let ended = launch(&[role]).env(variable, value).run().await;
        assert!(ended.status.code().is_some_and(|code| code != 0), "{variable}={value}");
        for told in [variable, rule, &format!("'{value}'")] {
            assert!(ended.stderr.contains(told), "{variable}={value}: {}", ended.stderr);
        }
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn settings_that_contradict_each_other_stop_the_start() {
    let launch = launch(&["processing-service"]).env("BATCH_SIZE", 600).env("MAX_IN_FLIGHT", 500);
    let ended = launch.run().await;
    assert_eq!(ended.status.code(), Some(1));
    for told in ["BATCH_SIZE", "MAX_IN_FLIGHT", "600", "500"] {
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn an_address_that_is_no_redis_is_refused_without_showing_its_password() {
    for url in ["ftp://user:secret@host", "nonsense secret", "redis://:secret@host:99999999"] {
        let ended = launch(&["ingestion-api"]).env("REDIS_URL", url).run().await;
        assert_eq!(ended.status.code(), Some(1), "{url}");
        assert!(ended.stderr.contains("REDIS_URL "), "{}", ended.stderr);
        assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_port_that_is_taken_stops_the_start_and_names_the_setting() {
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
            assert!(ended.stderr.contains(told), "{role}: {}", ended.stderr);
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
async fn a_flag_is_stronger_than_the_variable_and_a_url_than_host_and_port() {
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
async fn a_variable_that_is_set_to_nothing_counts_as_unset() {
    let redis = RedisServer::start().await;
    let launch = processing_service(&redis).env("REDIS_URL", "").env("CONSUMER_NAME", "");
    let processing = launch.env("HOSTNAME", "pod-7").start().await;
    let health = processing.get("/health").await.json();
    assert_eq!(health["redis_connected"], true);
    assert_eq!(health["consumer_name"], "pod-7");
}

#[tokio::test]
async fn a_consumer_without_a_name_has_the_hosts() {
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
async fn healthcheck_tells_by_its_exit_code_whether_a_role_is_ready() {
    let redis = RedisServer::start().await;
    let away = RedisServer::prepared(&[]);
    let port = |base: &str| base.rsplit(':').next().unwrap().to_owned();
    let check = async |role: &str, variable: &str, base: &str| {
        launch(&["healthcheck", role]).env(variable, port(base)).run().await
    };
    let (ingestion, processing) =
        (ingestion_api(&redis).start().await, query_api(&redis).start().await);
    let unready = ingestion_api(&away).start().await;
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let ready = check("ingestion-api", "INGESTION_PORT", ingestion.base()).await;
    assert_eq!(ready.status.code(), Some(0), "{ready:?}");
    let ready = check("query-api", "PROCESSING_PORT", processing.base()).await;
    assert_eq!(ready.status.code(), Some(0), "{ready:?}");
    for base in [unready.base(), &nobody] {
        let ended = check("ingestion-api", "INGESTION_PORT", base).await;
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains("not ready"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn healthcheck_without_a_role_asks_whichever_runs() {
    let redis = RedisServer::start().await;
    let port = |base: &str| base.rsplit(':').next().unwrap().to_owned();
    let check = async |ingestion: String, processing: String| {
        let launch = launch(&["healthcheck"]).env("INGESTION_PORT", ingestion);
        launch.env("PROCESSING_PORT", processing).run().await.status.code()
    };
    let nobody = || free_port().to_string();
    let ready = ingestion_api(&redis).start().await;
    let unready = query_api(&RedisServer::prepared(&[])).start().await;
    assert_eq!(check(port(ready.base()), nobody()).await, Some(0));
    assert_eq!(check(port(ready.base()), port(unready.base())).await, Some(1));
    assert_eq!(check(nobody(), port(unready.base())).await, Some(1));
    assert_eq!(check(nobody(), nobody()).await, Some(1));
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
