//! The file of `API_KEYS_FILE`.

use std::collections::HashSet;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::api_key::ApiKey;
use super::scope::{Scope, Scopes};
use super::secret::SecretDigest;

/// The content of a keys file is invalid. Values are not displayed: one could be a secret in a wrong place.
#[derive(Debug, thiserror::Error)]
pub enum KeysFileError {
    /// It is not JSON, or not of the right shape.
    #[error("must be a JSON object with an array `keys`: {0}")]
    Malformed(String),
    /// A key is not a JSON object of known fields.
    #[error("key {key}: must be a JSON object of known fields: {reason}")]
    MalformedKey {
        /// Its name, or its position.
        key: String,
        /// The error of the parser, which names the field.
        reason: String,
    },
    /// A field breaks a rule.
    #[error("key {key}: `{field}` {rule}")]
    Field {
        /// The name of the key, or its position.
        key: String,
        /// The field.
        field: &'static str,
        /// The rule.
        rule: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// The fields of a key, of any type, so that errors can name them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    id: Option<Value>,
    name: Option<Value>,
    secret_sha256: Option<Value>,
    certificate_name: Option<Value>,
    scopes: Option<Value>,
    sites: Option<Value>,
    expires: Option<Value>,
    rate: Option<Value>,
}

/// The rule that a field breaks.
struct FieldError {
    field: &'static str,
    rule: String,
}

/// Reads the keys of a file.
///
/// # Errors
/// Names the key, the field and the rule.
pub fn parse(content: &[u8]) -> Result<Vec<ApiKey>, KeysFileError> {
    let file: File = serde_json::from_slice(content)
        .map_err(|error| KeysFileError::Malformed(reason(&error)))?;
    let keys = file.keys.into_iter().enumerate().map(|(at, key)| parse_key(at, key.get()));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    check_unique(&keys)?;
    Ok(keys)
}

/// The content of a file with these keys.
#[must_use]
pub fn to_json(keys: &[ApiKey]) -> String {
    let keys: Vec<_> = keys.iter().map(key_to_json).collect();
    format!("{:#}\n", json!({ "keys": keys }))
}

fn parse_key(at: usize, text: &str) -> Result<ApiKey, KeysFileError> {
    let key = || shown_name(at, text);
    let fields: Fields = serde_json::from_str(text)
        .map_err(|error| KeysFileError::MalformedKey { key: key(), reason: reason(&error) })?;
    fields.parse().map_err(|FieldError { field, rule }| KeysFileError::Field {
        key: key(),
        field,
        rule,
    })
}

/// The error of the parser, without the value that it displays for a wrong type.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("invalid type") || text.starts_with("invalid value") {
        return format!("wrong type at line {} column {}", error.line(), error.column());
    }
    text
}

/// The name of a key that may be invalid; its position if it has no name.
fn shown_name(at: usize, text: &str) -> String {
    let key: Value = serde_json::from_str(text).unwrap_or_default();
    let name = key.get("name").filter(|name| name.is_string());
    name.map_or_else(|| format!("{} of the array", at + 1), Value::to_string)
}

impl Fields {
    fn parse(self) -> Result<ApiKey, FieldError> {
        let secret = optional("secret_sha256", self.secret_sha256, digest)?;
        let certificate_name = optional("certificate_name", self.certificate_name, dns_name)?;
        if secret.is_none() && certificate_name.is_none() {
            let rule = "must be there, or `certificate_name`".to_owned();
            return Err(FieldError { field: "secret_sha256", rule });
        }
        let scopes: Scopes = list("scopes", self.scopes, Scope::from_str)?.into_iter().collect();
        if scopes.is_empty() {
            let rule = "must have one or more of write, read and operate".to_owned();
            return Err(FieldError { field: "scopes", rule });
        }
        Ok(ApiKey {
            id: required("id", self.id, str::parse)?,
            name: required("name", self.name, str::parse)?,
            secret,
            certificate_name,
            scopes,
            sites: list("sites", self.sites, str::parse)?,
            expires: optional("expires", self.expires, instant)?,
            rate: optional("rate", self.rate, str::parse)?,
        })
    }
}

fn required<T, E: ToString>(
    field: &'static str,
    value: Option<Value>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, FieldError> {
    let missing = || FieldError { field, rule: "must be there".to_owned() };
    optional(field, value, parse)?.ok_or_else(missing)
}

fn optional<T, E: ToString>(
    field: &'static str,
    value: Option<Value>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, FieldError> {
    value.map(|value| text(field, &value, parse)).transpose()
}

fn list<T, E: ToString>(
    field: &'static str,
    value: Option<Value>,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Vec<T>, FieldError> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) if items.is_empty() => {
            let rule = "must not be empty; leave it out for no restriction".to_owned();
            Err(FieldError { field, rule })
        }
        Some(Value::Array(items)) => items.iter().map(|item| text(field, item, &parse)).collect(),
        Some(_) => Err(FieldError { field, rule: "must be an array of strings".to_owned() }),
    }
}

fn text<T, E: ToString>(
    field: &'static str,
    value: &Value,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, FieldError> {
    let Value::String(text) = value else {
        return Err(FieldError { field, rule: "must be a string".to_owned() });
    };
    parse(text).map_err(|rule| FieldError { field, rule: rule.to_string() })
}

fn digest(text: &str) -> Result<SecretDigest, &'static str> {
    SecretDigest::from_hex(text)
        .ok_or("must be the SHA-256 of the secret's bytes: 64 hexadecimal digits")
}

fn instant(text: &str) -> Result<DateTime<Utc>, &'static str> {
    let instant = DateTime::parse_from_rfc3339(text);
    let rule = "must be a time of RFC 3339, such as 2027-01-01T00:00:00Z";
    instant.map(Into::into).map_err(|_| rule)
}

/// A DNS name in lower case, as certificates have it.
///
/// # Errors
/// The rule that the text breaks.
pub fn dns_name(text: &str) -> Result<Box<str>, &'static str> {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=253).contains(&text.len()) && text.bytes().all(is_of_name) {
        return Ok(text.to_ascii_lowercase().into());
    }
    Err("must be a DNS name of the client's certificate, such as gateway-7.example")
}

/// A key is found by its id or certificate, and counted by its name.
fn check_unique(keys: &[ApiKey]) -> Result<(), KeysFileError> {
    let (mut ids, mut names, mut certificates) = (HashSet::new(), HashSet::new(), HashSet::new());
    for key in keys {
        let certificate = key.certificate_name.as_ref();
        let field = if !ids.insert(&key.id) {
            "id"
        } else if !names.insert(&key.name) {
            "name"
        } else if certificate.is_some_and(|name| !certificates.insert(name)) {
            "certificate_name"
        } else {
            continue;
        };
        let (key, rule) = (
            json!(key.name.as_str()).to_string(),
            "must differ from that of every other key".to_owned(),
        );
        return Err(KeysFileError::Field { key, field, rule });
    }
    Ok(())
}

fn key_to_json(key: &ApiKey) -> Value {
    let sites: Vec<_> = key.sites.iter().map(ToString::to_string).collect();
    let expires = key.expires.map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
    let fields = [
        ("id", json!(key.id.as_str())),
        ("name", json!(key.name.as_str())),
        ("secret_sha256", json!(key.secret.map(SecretDigest::to_hex))),
        ("certificate_name", json!(key.certificate_name)),
        ("scopes", key.scopes.names().collect()),
        ("sites", if sites.is_empty() { Value::Null } else { sites.into() }),
        ("expires", json!(expires)),
        ("rate", json!(key.rate.map(|rate| rate.to_string()))),
    ];
    let present = fields.into_iter().filter(|(_, value)| !value.is_null());
    present.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
