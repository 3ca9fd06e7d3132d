//! `import` with an API key: where it takes the key from, and how it ends when the service
//! rejects it. The key is shown nowhere.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::common::import::{Input, figure, import, named_command, powers, rows};
use crate::common::keys::secret_of;
use crate::common::process::Ended;
use crate::common::product::{Launch, Role, ingestion_api, launch};
use crate::common::redis::{RedisServer, STREAM};
use crate::common::wait;

const SECRET: &str = "s3cret";

#[tokio::test]
async fn a_text_that_is_no_key_fails_the_start_and_is_not_repeated() {
    let input = Input::new("key", format!("enp_1 {SECRET}"));
    let file = input.file.display().to_string();
    for (variable, value, says) in [
        ("IMPORT_API_KEY_FILE", "/no/such/file", "must be a file that can be read: /no/such/file"),
        ("IMPORT_API_KEY_FILE", &file, "must be one API key, such as enp_…"),
        ("IMPORT_API_KEY", &format!("enp_1 {SECRET}"), "must be one API key, such as enp_…"),
    ] {
        let ended = import(&input.file, "http://127.0.0.1:9").env(variable, value).run().await;
        assert_eq!(ended.status.code(), Some(2), "{ended:?}");
        assert!(ended.stderr.contains(says) && ended.stderr.contains(variable), "{ended:?}");
        assert!(!format!("{ended:?}").contains(SECRET), "{ended:?}");
    }
}

#[tokio::test]
async fn a_key_and_a_password_in_the_url_exclude_each_other() {
    let input = Input::new("a.ndjson", "{}");
    let url = "http://meter:password@127.0.0.1:9";
    let ended = import(&input.file, url).env("IMPORT_API_KEY", "enp_1_s3cret").run().await;
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.stderr.contains("IMPORT_API_KEY and a password in the URL"), "{ended:?}");
}

#[tokio::test]
async fn an_empty_variable_is_no_key() {
    let input = Input::new("a.ndjson", "");
    let import = import(&input.file, "http://127.0.0.1:9");
    let ended = import.env("IMPORT_API_KEY", "").env("IMPORT_API_KEY_FILE", "").run().await;
    assert_eq!(ended.status.code(), Some(4), "the file has no rows: {ended:?}");
}

/// A service with API keys: one that reads, and two that write. They were created before it started, or it would read
/// them within seconds only.
struct Guarded {
    redis: RedisServer,
    ingestion: Role,
    directory: TempDir,
}

impl Guarded {
    async fn start() -> Self {
        let (redis, directory) = (RedisServer::start().await, tempfile::tempdir().unwrap());
        for (name, scope) in [("reader", "read"), ("writer", "write"), ("another", "write")] {
            let key = create_key(&directory, name, scope).await;
            std::fs::write(directory.path().join(name), key).unwrap();
        }
        let keys = directory.path().join("keys.json").display().to_string();
        let ingestion = ingestion_api(&redis).env("API_KEYS_FILE", keys).start().await;
        Self { redis, ingestion, directory }
    }

    /// The file with a key.
    fn key(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn import(&self, input: &Input, key: &PathBuf) -> Launch {
        import(&input.file, self.ingestion.base()).arg("--api-key-file").arg(key)
    }

    async fn entries(&self) -> usize {
        self.redis.run(&["XLEN", STREAM]).await
    }
}

async fn create_key(directory: &TempDir, name: &str, scope: &str) -> String {
    let create = launch(&["keys", "create", "--name", name, "--scope", scope, "--keys-file"]);
    let created = create.arg(directory.path().join("keys.json")).run().await;
    assert_eq!(created.status.code(), Some(0), "{created:?}");
    created.stdout
}

/// What an import prints has no secret of the key in this file.
fn assert_secret(ended: &Ended, key: &PathBuf) {
    let key = std::fs::read_to_string(key).unwrap();
    assert!(!format!("{ended:?}").contains(secret_of(&key)), "{ended:?}");
}

#[tokio::test]
async fn a_file_is_accepted_with_a_key_that_writes_and_otherwise_the_code_is_named() {
    let service = Guarded::start().await;
    let input = Input::new("a.ndjson", rows(100));
    let without = import(&input.file, service.ingestion.base()).run().await;
    assert_eq!(without.status.code(), Some(1), "{without:?}");
    assert!(without.stderr.contains("(api_key_missing); give an API key by"), "{without:?}");
    let reader = service.key("reader");
    let reads = service.import(&input, &reader).run().await;
    assert_eq!((reads.status.code(), figure(&reads, "failed")), (Some(1), 1), "{reads:?}");
    assert!(reads.stderr.contains("(scope_missing); give an API key with the scope write"));
    assert_eq!(service.entries().await, 0);
    let writer = service.key("writer");
    let imported = service.import(&input, &writer).run().await;
    assert_eq!(imported.status.code(), Some(0), "{imported:?}");
    let by_variable = import(&input.file, service.ingestion.base());
    let key = std::fs::read_to_string(&writer).unwrap();
    let again = by_variable.env("IMPORT_API_KEY", key.trim()).run().await;
    assert_eq!(figure(&again, "replayed"), 100, "{again:?}");
    for (ended, key) in [(&reads, &reader), (&imported, &writer), (&again, &writer)] {
        assert_secret(ended, key);
    }
}

#[tokio::test]
async fn a_key_that_is_revoked_ends_the_import_and_the_printed_command_completes_it_with_another() {
    const ROWS: u32 = 30_000;
    let service = Guarded::start().await;
    let input = Input::new("a.ndjson", rows(ROWS as usize));
    let key = service.key("writer");
    let import = service.import(&input, &key).arg("--rejects").arg(input.rejects());
    // So slow that it is not over when the service has read the file of keys again.
    let import = import.arg("--batch-size").arg("1");
    let mut first = import.start_process();
    wait::until("the import is under way", async || service.entries().await > 500).await;
    let keys = service.directory.path().join("keys.json");
    let revoke = launch(&["keys", "revoke", "writer", "--keys-file"]).arg(keys);
    assert_eq!(revoke.run().await.status.code(), Some(0));
    let first = first.ended().await;
    assert_eq!(first.status.code(), Some(1), "{first:?}");
    assert!(first.stderr.contains("(api_key_invalid)"), "{first:?}");
    assert_secret(&first, &key);
    let rejects = std::fs::read_to_string(input.rejects()).unwrap();
    assert!(rejects.contains(r#""type":"api_key_invalid""#) && !rejects.contains("enp_"));

    std::fs::rename(service.key("another"), &key).unwrap();
    let command = named_command(&first);
    let arguments: Vec<_> = command[1..].iter().map(String::as_str).collect();
    let second = launch(&arguments).run().await;
    assert_eq!(second.status.code(), Some(0), "{second:?}");
    assert_eq!(powers(&service.redis).await, (0..ROWS).map(f64::from).collect::<Vec<_>>());
}
