//! A key as the keys file has it.

use chrono::{DateTime, Utc};

use super::key_id::KeyId;
use super::key_name::KeyName;
use super::scope::Scopes;
use super::secret::SecretDigest;
use super::site_pattern::SitePattern;
use crate::rate::Rate;

/// A key: by what a client proves that it has it, and what it permits.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// By which requests name the key.
    pub id: KeyId,
    /// By which operators, metrics and log lines name the key.
    pub name: KeyName,
    /// The hash of its secret; `None` if only a client certificate authenticates.
    pub secret: Option<SecretDigest>,
    /// A DNS name, in lower case, of client certificates that authenticate without the secret.
    pub certificate_name: Option<Box<str>>,
    /// What it permits.
    pub scopes: Scopes,
    /// The sites that it permits; all sites if there are none.
    pub sites: Vec<SitePattern>,
    /// When it ends.
    pub expires: Option<DateTime<Utc>>,
    /// How many requests it permits.
    pub rate: Option<Rate>,
}

impl ApiKey {
    /// Whether it has ended at this time.
    #[must_use]
    pub fn has_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// Whether it permits some sites only.
    #[must_use]
    pub const fn is_restricted_to_sites(&self) -> bool {
        !self.sites.is_empty()
    }

    /// Whether it permits a site.
    #[must_use]
    pub fn permits_site(&self, site: &str) -> bool {
        !self.is_restricted_to_sites() || self.sites.iter().any(|pattern| pattern.matches(site))
    }
}
