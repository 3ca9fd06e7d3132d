//! The keys as a table.

use api::access::ApiKey;
use chrono::{SecondsFormat, Utc};

const HEADER: [&str; 7] = ["NAME", "ID", "SCOPES", "SITES", "EXPIRES", "RATE", "CERTIFICATE"];

/// The lines of the table; the columns are as wide as their widest cell.
pub fn lines(keys: &[ApiKey]) -> Vec<String> {
    let header = HEADER.map(str::to_owned);
    let rows: Vec<_> = std::iter::once(header).chain(keys.iter().map(row)).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..HEADER.len()).map(width).collect();
    let line = |row: &[String; HEADER.len()]| {
        let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

fn row(key: &ApiKey) -> [String; HEADER.len()] {
    let sites: Vec<_> = key.sites.iter().map(ToString::to_string).collect();
    [
        key.name.to_string(),
        key.id.to_string(),
        key.scopes.names().collect::<Vec<_>>().join(","),
        if sites.is_empty() { "*".to_owned() } else { sites.join(" ") },
        expiry(key),
        key.rate.map_or_else(|| "-".to_owned(), |rate| rate.to_string()),
        key.certificate_name.as_deref().unwrap_or("-").to_owned(),
    ]
}

fn expiry(key: &ApiKey) -> String {
    let Some(expires) = key.expires else { return "never".to_owned() };
    let at = expires.to_rfc3339_opts(SecondsFormat::Secs, true);
    let now = Utc::now();
    if key.has_expired(now) {
        return format!("{at} (expired)");
    }
    match (expires - now).num_days() {
        0 => format!("{at} (within a day)"),
        days => format!("{at} (in {days}d)"),
    }
}
