use super::*;

const DIGEST: &str = "3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9";

/// A valid key with these members changed; null removes one.
fn key(changes: &Value) -> Value {
    let mut key = json!({
        "id": "a1", "name": "gateway", "secret_sha256": DIGEST, "scopes": ["write"],
    });
    for (name, value) in changes.as_object().unwrap() {
        key[name] = value.clone();
    }
    key
}

fn error(content: &str) -> String {
    parse(content.as_bytes()).unwrap_err().to_string()
}

#[test]
fn a_key_has_all_that_its_members_say() {
    let members = json!({
        "scopes": ["write", "read"], "sites": ["house-*", "shop"], "rate": "100/s",
        "expires": "2027-01-01T01:00:00+01:00", "certificate_name": "Gateway-7.Example",
    });
    let content = json!({ "keys": [key(&members)] }).to_string();
    let keys = parse(content.as_bytes()).unwrap();
    let [key] = &keys[..] else { panic!("one key") };
    assert_eq!((key.id.as_str(), key.name.as_str()), ("a1", "gateway"));
    assert_eq!(key.secret.unwrap().to_hex(), DIGEST);
    assert_eq!(key.certificate_name.as_deref(), Some("gateway-7.example"));
    assert!(key.scopes.contain(Scope::Read) && !key.scopes.contain(Scope::Operate));
    assert!(key.permits_site("house-1") && key.permits_site("shop") && !key.permits_site("a"));
    assert_eq!(key.rate.unwrap().to_string(), "100/s");
    let end = instant("2027-01-01T00:00:00Z").unwrap();
    assert!(key.has_expired(end) && !key.has_expired(end - chrono::TimeDelta::seconds(1)));
    assert!(to_json(&keys).contains(r#""expires": "2027-01-01T00:00:00Z""#));
}

#[test]
fn an_error_names_the_key_the_field_and_the_rule() {
    for (changes, message) in [
        (json!({ "id": null }), r#"key "gateway": `id` must be there"#),
        (
            json!({ "id": "a_b" }),
            r#"key "gateway": `id` must be 1 to 64 letters, digits and hyphens"#,
        ),
        (json!({ "name": " a" }), r#"key " a": `name` must have 1 to 128 bytes"#),
        (json!({ "name": null }), "key 1 of the array: `name` must be there"),
        (
            json!({ "scopes": ["admin"] }),
            r#"key "gateway": `scopes` must be write, read or operate"#,
        ),
        (json!({ "scopes": "write" }), r#"key "gateway": `scopes` must be an array of strings"#),
        (json!({ "scopes": null }), r#"key "gateway": `scopes` must have one or more of"#),
        (json!({ "sites": [] }), r#"key "gateway": `sites` must not be empty"#),
        (json!({ "sites": [1] }), r#"key "gateway": `sites` must be a string"#),
        (
            json!({ "expires": "tomorrow" }),
            r#"key "gateway": `expires` must be a time of RFC 3339"#,
        ),
        (json!({ "rate": "100" }), r#"key "gateway": `rate` must be a rate such as"#),
        (json!({ "secret_sha256": "00" }), r#"key "gateway": `secret_sha256` must be the SHA-256"#),
        (json!({ "secret_sha256": null }), r#"key "gateway": `secret_sha256` must be there, or"#),
        (
            json!({ "certificate_name": "*.example" }),
            r#"key "gateway": `certificate_name` must be a DNS"#,
        ),
        (
            json!({ "scope": ["read"] }),
            r#"key "gateway": must be a JSON object of known fields: unknown field `scope`"#,
        ),
    ] {
        let message_of_file = error(&json!({ "keys": [key(&changes)] }).to_string());
        assert!(message_of_file.starts_with(message), "{message_of_file}");
    }
}

#[test]
fn a_file_is_an_object_of_keys_and_may_have_none() {
    assert_eq!(parse(br#"{"keys":[]}"#).unwrap().len(), 0);
    for content in
        ["", " ", "null", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"key":[]}"#, "\u{feff}{}"]
    {
        let message = error(content);
        assert!(message.starts_with("must be a JSON object with an array `keys`: "), "{message}");
    }
    assert!(parse(b"{\"keys\":[\xff]}").is_err());
}

#[test]
fn ids_names_and_certificates_are_unique_and_members_are_not_repeated() {
    for (field, second) in [
        ("id", json!({ "name": "other", "certificate_name": "b" })),
        ("name", json!({ "id": "b", "certificate_name": "b" })),
        ("certificate_name", json!({ "id": "b", "name": "other", "certificate_name": "A" })),
    ] {
        let keys = [key(&json!({ "certificate_name": "a" })), key(&second)];
        let message = error(&json!({ "keys": keys }).to_string());
        let rule = format!("`{field}` must differ from that of every other key");
        assert!(message.ends_with(&rule), "{message}");
    }
    let repeated = r#"{"keys":[{"id":"a","id":"b","name":"n"}]}"#;
    assert!(
        error(repeated).starts_with(r#"key "n": must be a JSON object of known fields: duplicate"#)
    );
}

#[test]
fn an_error_does_not_display_a_value_that_may_be_a_secret() {
    for content in [
        json!({ "keys": "enp_secret" }),
        json!({ "keys": ["enp_secret"] }),
        json!({ "keys": [key(&json!({ "secret_sha256": "enp_secret" }))] }),
        json!({ "keys": [key(&json!({ "scopes": "enp_secret" }))] }),
        json!({ "keys": [key(&json!({ "rate": "enp_secret", "expires": "enp_secret" }))] }),
    ] {
        let message = error(&content.to_string());
        assert!(!message.contains("enp_secret"), "{message}");
    }
}
