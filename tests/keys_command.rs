//! `keys`: creates, lists and revokes API keys, as an operator does.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::common::keys::{KeysFile, keys_command, secret_of};
use crate::common::product::launch;

fn mode(keys: &KeysFile) -> u32 {
    fs::metadata(keys.path()).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn create_prints_the_token_alone_on_stdout_and_the_file_has_its_hash_only() {
    let keys = KeysFile::new();
    let arguments =
        ["--name", "gateway-7", "--scope", "write,read", "--scope", "operate", "--site", "house-*"];
    let more =
        ["--expires", "2999-01-01", "--rate", "100/s", "--certificate-name", "Gateway-7.example"];
    let ended = keys_command("create", &keys.path(), &[&arguments[..], &more].concat()).run().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let token = ended.stdout.strip_suffix('\n').unwrap();
    let (id, secret) = token.strip_prefix("enp_").unwrap().split_once('_').unwrap();
    assert_eq!(secret.len(), 43, "{token}");
    assert!(
        ended.stderr.contains("created key gateway-7") && !ended.stderr.contains(secret),
        "{ended:?}"
    );
    let key = &keys.json()["keys"][0];
    assert_eq!((key["id"].as_str(), key["name"].as_str()), (Some(id), Some("gateway-7")));
    assert_eq!(key["scopes"], serde_json::json!(["write", "read", "operate"]));
    assert_eq!(key["sites"], serde_json::json!(["house-*"]));
    assert_eq!(key["expires"], "2999-01-01T00:00:00Z");
    assert_eq!(
        (key["rate"].as_str(), key["certificate_name"].as_str()),
        (Some("100/s"), Some("gateway-7.example"))
    );
    assert_eq!(key["secret_sha256"].as_str().unwrap().len(), 64);
    assert!(!keys.json().to_string().contains(secret));
    assert_eq!(mode(&keys), 0o600);
}

#[tokio::test]
async fn list_shows_what_keys_permit_and_when_they_end() {
    let keys = KeysFile::new();
    let token =
        keys.create(&["--name", "meter", "--scope", "write", "--site", "a", "--site", "b-*"]).await;
    keys.create(&[
        "--name",
        "dashboard",
        "--scope",
        "read",
        "--expires",
        "90d",
        "--rate",
        "60/min",
    ])
    .await;
    keys.create(&["--name", "old", "--scope", "operate", "--expires", "90d"]).await;
    keys.change("old", "expires", "2020-01-01T00:00:00Z".into());
    let ended = keys_command("list", &keys.path(), &[]).run().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let lines: Vec<_> = ended.stdout.lines().collect();
    assert!(lines[0].starts_with("NAME       ID            SCOPES   SITES"), "{ended:?}");
    assert!(
        lines[1].starts_with("meter ") && lines[1].contains(" write    a b-*  never"),
        "{ended:?}"
    );
    assert!(lines[2].contains("(in 89d)") && lines[2].contains("60/min"), "{ended:?}");
    assert!(lines[3].contains("2020-01-01T00:00:00Z (expired)"), "{ended:?}");
    assert!(!ended.stdout.contains(secret_of(&token)));
    assert!(!ended.stdout.contains(keys.json()["keys"][0]["secret_sha256"].as_str().unwrap()));
}

#[tokio::test]
async fn revoke_removes_a_key_by_its_name_or_id_and_fails_for_an_unknown_one() {
    let keys = KeysFile::new();
    for name in ["one", "two"] {
        keys.create(&["--name", name, "--scope", "read"]).await;
    }
    let id = keys.json()["keys"][1]["id"].as_str().unwrap().to_owned();
    for key in ["one", &id] {
        let ended = keys.revoke(key).await;
        assert!(ended.status.success() && ended.stderr.contains("revoked key "), "{ended:?}");
    }
    assert_eq!(keys.json(), serde_json::json!({ "keys": [] }));
    let ended = keys.revoke("one").await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("there is no key with the name or id one"), "{ended:?}");
}

#[tokio::test]
async fn an_invalid_argument_is_exit_code_2_and_changes_nothing() {
    let keys = KeysFile::new();
    for (arguments, rule) in [
        (&["--name", "a"][..], "--scope"),
        (&["--scope", "read"], "--name"),
        (&["--name", "a", "--scope", "admin"], "must be write, read or operate"),
        (&["--name", "a", "--scope", "read", "--expires", "2020-01-01"], "in the future"),
        (&["--name", "a", "--scope", "read", "--expires", "soon"], "in the future"),
        (&["--name", "a", "--scope", "read", "--rate", "100"], "must be a rate"),
        (&["--name", "a", "--scope", "read", "--site", ""], "must be a site id"),
        (&["--name", " ", "--scope", "read"], "must have 1 to"),
    ] {
        let ended = keys_command("create", &keys.path(), arguments).run().await;
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains(rule) && ended.stdout.is_empty(), "{arguments:?}: {ended:?}");
    }
    assert!(!keys.path().exists());
}

#[tokio::test]
async fn a_name_exists_once_and_an_invalid_file_is_not_overwritten() {
    let keys = KeysFile::new();
    keys.create(&["--name", "a", "--scope", "read"]).await;
    let again =
        keys_command("create", &keys.path(), &["--name", "a", "--scope", "read"]).run().await;
    assert_eq!(again.status.code(), Some(1));
    assert!(again.stderr.contains("a key named a exists already"), "{again:?}");
    keys.write("{}");
    for (action, arguments) in
        [("create", &["--name", "b", "--scope", "read"][..]), ("revoke", &["a"]), ("list", &[])]
    {
        let ended = keys_command(action, &keys.path(), arguments).run().await;
        assert_eq!(ended.status.code(), Some(1), "{action}: {ended:?}");
        assert!(ended.stderr.contains("must be a JSON object with an array `keys`"), "{ended:?}");
    }
    assert_eq!(fs::read_to_string(keys.path()).unwrap(), "{}");
}

#[tokio::test]
async fn keys_that_are_created_at_the_same_time_are_all_in_the_file() {
    let keys = KeysFile::new();
    let create = |n: usize| {
        let name = format!("key-{n}");
        keys_command("create", &keys.path(), &["--name", &name, "--scope", "read"]).start_process()
    };
    let mut creating: Vec<_> = (0..16).map(create).collect();
    for process in &mut creating {
        assert!(process.ended().await.status.success());
    }
    assert_eq!(keys.json()["keys"].as_array().unwrap().len(), 16);
    let directory = keys.path().parent().unwrap().to_owned();
    assert_eq!(fs::read_dir(directory).unwrap().count(), 1, "no other file is left behind");
}

#[tokio::test]
async fn a_program_that_reads_the_file_meanwhile_has_the_keys_before_the_change() {
    let keys = KeysFile::new();
    keys.create(&["--name", "a", "--scope", "read"]).await;
    for change in ["create", "revoke"] {
        let before = fs::read_to_string(keys.path()).unwrap();
        let mut open = File::open(keys.path()).unwrap();
        match change {
            "create" => drop(keys.create(&["--name", "b", "--scope", "read"]).await),
            _ => assert!(keys.revoke("b").await.status.success()),
        }
        let mut read = String::new();
        open.read_to_string(&mut read).unwrap();
        assert_eq!(read, before, "{change}");
        assert_ne!(fs::read_to_string(keys.path()).unwrap(), before, "{change}");
    }
}

#[tokio::test]
async fn a_symbolic_link_and_the_mode_of_its_target_stay() {
    let directory = tempfile::tempdir().unwrap();
    let (link, target) = (directory.path().join("link.json"), directory.path().join("target.json"));
    symlink("target.json", &link).unwrap();
    for (name, expected) in [("a", 0o600), ("b", 0o640)] {
        let ended = keys_command("create", &link, &["--name", name, "--scope", "read"]).run().await;
        assert!(ended.status.success(), "{ended:?}");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, expected);
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_printed_is_an_error() {
    let keys = KeysFile::new();
    let command = keys_command("create", &keys.path(), &["--name", "a", "--scope", "read"]);
    let ended = command.through("exec \"$0\" \"$@\" > /dev/full").run().await;
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("cannot print the secret of key a: revoke it"), "{ended:?}");
}

#[tokio::test]
async fn help_shows_an_example() {
    for arguments in [&["keys", "--help"][..], &["keys", "create", "--help"]] {
        let ended = launch(arguments).run().await;
        assert!(
            ended.stdout.contains("keys create --keys-file keys.json --name gateway-7"),
            "{ended:?}"
        );
    }
}
