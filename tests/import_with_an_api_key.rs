//! `import` with an API key: where it takes the key from, and that it shows it nowhere.

use crate::common::import::{Input, import};

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
