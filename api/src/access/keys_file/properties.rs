//! Properties of keys files: near to valid, and any bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// A value of a field: valid most of the time.
fn any_value(field: &'static str) -> BoxedStrategy<Value> {
    let text = match field {
        "id" => "[a-z0-9-]{1,6}",
        "secret_sha256" => "[0-9a-fA-F]{64}",
        "certificate_name" => "[a-zA-Z0-9.-]{1,8}",
        "expires" => {
            "20[0-9]{2}-1[0-2]-[0-2][0-9]T2[0-3]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|\\+0[0-9]:30)"
        }
        "rate" => "[1-9][0-9]{0,5}/(s|min|h)( burst=[1-9])?",
        _ => "[a-zé🏠*\" -]{1,6}",
    };
    let valid = match field {
        "scopes" => prop::sample::subsequence(vec!["write", "read", "operate"], 1..=3)
            .prop_map(|scopes| json!(scopes))
            .boxed(),
        "sites" => vec("[a-z*é-]{1,6}", 1..3).prop_map(|sites| json!(sites)).boxed(),
        _ => text.prop_map(Value::from).boxed(),
    };
    let wrong = prop::sample::select(vec![json!(null), json!(1), json!([]), json!({}), json!("")]);
    prop_oneof![20 => valid, 1 => wrong, 1 => "(?s).{0,6}".prop_map(Value::from)].boxed()
}

const FIELDS: [&str; 8] =
    ["id", "name", "secret_sha256", "certificate_name", "scopes", "sites", "expires", "rate"];

fn any_key() -> impl Strategy<Value = Value> {
    let field = |name: &'static str| {
        let value = any_value(name);
        prop_oneof![8 => value.prop_map(Some), 1 => Just(None)]
            .prop_map(move |value| value.map(|value| (name.to_owned(), value)))
    };
    FIELDS.map(field).prop_map(|fields| fields.into_iter().flatten().collect::<Map<_, _>>().into())
}

/// A file of keys, of which one byte may be damaged.
fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let keys = vec(any_key(), 0..3).prop_map(|keys| json!({ "keys": keys }).to_string());
    let damage =
        prop_oneof![4 => Just(None), 1 => any::<(prop::sample::Index, u8)>().prop_map(Some)];
    (keys, damage).prop_map(|(keys, damage)| {
        let mut bytes = keys.into_bytes();
        if let Some((at, byte)) = damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

proptest! {
    /// What is accepted has every rule, and comes back when it is written and read.
    #[test]
    fn an_accepted_file_comes_back(content in any_file()) {
        if let Ok(keys) = parse(&content) {
            prop_assert!(keys.iter().all(|key| !key.scopes.is_empty()));
            prop_assert!(keys.iter().all(|key| key.secret.is_some() || key.certificate_name.is_some()));
            let written = to_json(&keys);
            let read = parse(written.as_bytes()).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(to_json(&read), written);
        }
    }

    #[test]
    fn any_bytes_are_keys_or_an_error(content in vec(any::<u8>(), 0..64)) {
        if let Err(error) = parse(&content) {
            prop_assert!(error.to_string().contains("must be"), "{}", error);
        }
    }
}
