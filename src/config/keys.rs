//! Arguments of `keys`.

use std::path::PathBuf;

use api::access::{KeyName, Scope, SitePattern, keys_file};
use api::rate::Rate;
use chrono::{DateTime, Days, NaiveDate, Utc};
use clap::{Args, Subcommand};

use super::parsers::duration;

/// An example, printed below the help of `keys` and `keys create`.
const EXAMPLE: &str = "Example:
  energy-pipeline keys create --keys-file keys.json --name gateway-7 --scope write --site 'house-*' --expires 90d > gateway-7.key
  energy-pipeline up --api-keys-file keys.json
  curl -H \"Authorization: Bearer $(cat gateway-7.key)\" …";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub struct KeysArguments {
    #[command(subcommand)]
    pub action: KeysAction,
}

#[derive(Debug, Args)]
pub struct KeysFile {
    /// File of API keys: the `API_KEYS_FILE` of the services
    #[arg(long = "keys-file", value_name = "FILE")]
    pub path: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum KeysAction {
    /// Add a key; its secret is printed once, on standard output, and is in no file
    #[command(after_help = EXAMPLE)]
    Create(Box<NewKey>),
    /// Print the keys as a table, without secrets
    List {
        #[command(flatten)]
        file: KeysFile,
    },
    /// Remove a key: running services reject it within seconds
    Revoke {
        /// Name or id of the key
        key: String,
        #[command(flatten)]
        file: KeysFile,
    },
}

#[derive(Debug, Args)]
pub struct NewKey {
    #[command(flatten)]
    pub file: KeysFile,
    /// Name of the key, by which metrics and log lines call it
    #[arg(long, value_name = "NAME", value_parser = str::parse::<KeyName>)]
    pub name: KeyName,
    /// What the key permits: `write` (send readings), `read` (sites and their readings), `operate` (pipeline,
    /// dead letters, metrics); no scope includes another
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_delimiter = ',', value_parser = str::parse::<Scope>)]
    pub scopes: Vec<Scope>,
    /// Site that the key permits, in which `*` is any text; may be repeated. If unset, all sites
    #[arg(long = "site", value_name = "PATTERN", value_parser = str::parse::<SitePattern>)]
    pub sites: Vec<SitePattern>,
    /// When the key ends: a day or time in UTC such as `2027-01-01`, or a time from now such as `90d`. If unset,
    /// when it is revoked
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    pub expires: Option<DateTime<Utc>>,
    /// How many requests the key permits, as `100/s`, `6000/min` or `100000/h`
    #[arg(long, value_name = "RATE", value_parser = str::parse::<Rate>)]
    pub rate: Option<Rate>,
    /// DNS name of a client certificate that authenticates as this key without its secret
    #[arg(long, value_name = "NAME", value_parser = keys_file::dns_name)]
    pub certificate_name: Option<Box<str>>,
}

/// A time in the future.
fn expiry(text: &str) -> Result<DateTime<Utc>, String> {
    let rule =
        "must be a day or time in the future, such as 2027-01-01, 2027-01-01T00:00:00Z or 90d";
    let now = Utc::now();
    let day = || text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|day| day.and_utc());
    let time = || DateTime::parse_from_rfc3339(text).ok().map(DateTime::<Utc>::from);
    let from_now =
        || now.checked_add_signed(chrono::TimeDelta::from_std(duration(text).ok()?).ok()?);
    let expiry = day().or_else(time).or_else(from_now).filter(|expiry| *expiry > now);
    // Later years have no form in RFC 3339.
    let latest = now.checked_add_days(Days::new(365_000));
    expiry
        .filter(|expiry| latest.is_some_and(|latest| *expiry < latest))
        .ok_or_else(|| rule.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_ends_at_a_day_a_time_or_after_a_time() {
        let text = |expiry: &str| super::expiry(expiry).map(|at| at.to_rfc3339());
        assert_eq!(text("2999-01-01").unwrap(), "2999-01-01T00:00:00+00:00");
        assert_eq!(text("2999-01-01T01:30:00+01:00").unwrap(), "2999-01-01T00:30:00+00:00");
        let days = (expiry("90d").unwrap() - Utc::now()).num_hours();
        assert!((90 * 24 - 1..=90 * 24).contains(&days), "{days}");
        for invalid in
            ["", "2001-01-01", "0", "tomorrow", "2999-02-30", "90", "2000y", "99999-01-01"]
        {
            assert!(expiry(invalid).is_err(), "{invalid}");
        }
    }
}
