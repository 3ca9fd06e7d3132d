//! Which requests need an API key, and what a key permits.
//!
//! | module | what it owns |
//! |---|---|
//! | [`scope`] | the sets of operations that a key permits |
//! | [`site_pattern`] | the sites that a key permits |
//! | [`secret`] | the secret of a key, its hash, and the token that a client sends |
//! | [`key_id`], [`key_name`] | by what requests, and by what operators name a key |
//! | [`api_key`] | a key as the keys file has it |
//! | [`keys_file`] | the file of `API_KEYS_FILE` |
//! | [`api_keys`] | the keys in use, by what a request names |
//! | [`credentials`] | the `Authorization` header |
//! | `password` | API keys as the passwords of clients of InfluxDB |
//! | [`requirement`] | the scope that a method and a path need |
//! | [`grant`] | what the key of a request permits |
//! | [`authorization`] | whether a key permits a request |
//! | [`key_limit`] | the rate limit of each key |
//! | [`guard`] | which requests are admitted |
//! | [`rejection`] | the response to a request that is not admitted, its metric and its log line |
//! | [`request_counts`] | requests of each key, counted by outcome |
//!
//! `docs/decisions/0037-api-keys.md` has the reasons.

mod api_key;
mod api_keys;
mod authorization;
mod credentials;
mod grant;
mod guard;
mod key_id;
mod key_limit;
mod key_name;
pub mod keys_file;
mod password;
mod rejection;
mod request_counts;
mod requirement;
mod scope;
mod secret;
mod site_pattern;

pub use self::api_key::ApiKey;
pub(crate) use self::authorization::check_site;
pub use self::grant::Grant;
pub use self::guard::{AccessPolicy, Guarded};
pub use self::key_id::KeyId;
pub use self::key_name::KeyName;
pub(crate) use self::requirement::required_scope;
pub use self::scope::{Scope, Scopes};
pub use self::secret::{Secret, SecretDigest, Token};
pub use self::site_pattern::SitePattern;
