//! The keys in use, by what a request names.

use std::collections::HashMap;

use super::api_key::ApiKey;
use super::grant::Grant;
use super::key_limit::KeyLimits;
use super::keys_file::{self, KeysFileError};
use super::request_counts::CountsByName;
use super::secret::{SecretDigest, Token};

/// The keys of a file.
#[derive(Debug, Default)]
pub(super) struct ApiKeys {
    by_id: HashMap<Box<str>, Grant>,
    by_certificate: HashMap<Box<str>, Grant>,
}

impl ApiKeys {
    /// Reads the content of a file.
    pub fn parse(
        content: &[u8],
        counts: &CountsByName,
        limits: &KeyLimits,
    ) -> Result<Self, KeysFileError> {
        let keys = keys_file::parse(content)?;
        Ok(Self::of(keys, counts, limits))
    }

    fn of(keys: Vec<ApiKey>, counts: &CountsByName, limits: &KeyLimits) -> Self {
        let mut found = Self::default();
        for key in keys {
            let (counts, limit) = (counts.of(&key.name), limits.of(&key));
            let (id, certificate) = (key.id.as_str().into(), key.certificate_name.clone());
            let grant = Grant::new(key, counts, limit);
            if let Some(certificate) = certificate {
                found.by_certificate.insert(certificate, grant.clone());
            }
            found.by_id.insert(id, grant);
        }
        found
    }

    /// The key of a token, if it has this secret. A secret is compared also for an id that no key has: the time does not
    /// show which ids exist.
    pub fn of_token(&self, token: &Token) -> Option<&Grant> {
        let grant = self.by_id.get(token.id);
        let digest = grant.and_then(|grant| grant.key().secret);
        let matches = digest.unwrap_or(SecretDigest::NONE).matches(&token.secret);
        grant.filter(|_| matches)
    }

    /// The key with the id of this one, if the same token and the same certificate authenticate it.
    pub fn same_as(&self, key: &ApiKey) -> Option<&Grant> {
        let grant = self.by_id.get(key.id.as_str())?;
        let current = grant.key();
        let is_same = current.secret.map(SecretDigest::to_hex)
            == key.secret.map(SecretDigest::to_hex)
            && current.certificate_name == key.certificate_name;
        is_same.then_some(grant)
    }

    /// The key of a client certificate with these DNS names, which are in lower case.
    pub fn of_certificate(&self, names: &[String]) -> Option<&Grant> {
        names.iter().find_map(|name| self.by_certificate.get(name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::secret::Secret;
    use super::*;

    fn keys(secret: &Secret) -> ApiKeys {
        let digest = secret.digest().to_hex();
        let content = format!(
            r#"{{"keys":[
                {{"id":"a","name":"one","secret_sha256":"{digest}","scopes":["read"]}},
                {{"id":"b","name":"two","certificate_name":"Gateway.example","scopes":["write"]}}]}}"#
        );
        ApiKeys::parse(content.as_bytes(), &CountsByName::default(), &KeyLimits::default()).unwrap()
    }

    #[test]
    fn a_key_is_found_by_its_id_and_secret_or_by_its_certificate() {
        let secret = Secret::generate().unwrap();
        let keys = keys(&secret);
        let name = |grant: Option<&Grant>| grant.map(|grant| grant.key().name.to_string());
        let of_token = |id, secret| name(keys.of_token(&Token { id, secret }));
        assert_eq!(of_token("a", secret).as_deref(), Some("one"));
        assert_eq!(of_token("a", Secret::generate().unwrap()), None);
        assert_eq!(of_token("c", secret), None);
        // A key without a secret has no token.
        assert_eq!(of_token("b", secret), None);
        let of_certificate = |names: &[&str]| {
            name(keys.of_certificate(&names.iter().map(ToString::to_string).collect::<Vec<_>>()))
        };
        assert_eq!(of_certificate(&["other.example", "gateway.example"]).as_deref(), Some("two"));
        assert_eq!(of_certificate(&["example"]), None);
        assert_eq!(of_certificate(&[]), None);
    }
}
