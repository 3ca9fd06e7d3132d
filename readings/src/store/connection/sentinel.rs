//! Asks the Sentinels for the master's address.
//!
//! All are asked at once, as one may be partitioned off. Where they differ, the highest configuration
//! epoch counts, as it does among Sentinels: it belongs to the last failover. Where the epochs are equal
//! (one master under two addresses, or Sentinels that monitor different servers under one name), the
//! known address is kept: otherwise connections would be replaced each time another Sentinel responds
//! first.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use redis::{
    AsyncConnectionConfig, ConnectionAddr, RedisConnectionInfo, RedisError, TlsCertificates, cmd,
};

use super::address::{client_of, like, shown};
use crate::store::error::{CONNECT, ServerName, StoreError, StoreResult};
use crate::store::error_class::ErrorClass;

/// How long connecting to a Sentinel may take, and as long again its reply. Too low and a busy one is
/// passed over; too high and a hanging one delays every connection attempt that long.
const SENTINEL_TIMEOUT: Duration = Duration::from_secs(1);

/// What a Sentinel reports of a master.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Report {
    address: ConnectionAddr,
    config_epoch: u64,
}

/// The address of the master of this name; `known` is its last known address, as [`shown`] writes it.
pub(super) async fn master(
    name: &str,
    sentinels: &[ConnectionAddr],
    all_sentinels: &ServerName,
    certificates: &TlsCertificates,
    known: &str,
) -> StoreResult<ConnectionAddr> {
    let reports = sentinels.iter().map(|sentinel| report(name, sentinel, certificates));
    let results = join_all(reports).await;
    let (reports, failures): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let reports: Vec<Report> = reports.into_iter().flatten().collect();
    match choose(&reports, known) {
        Some(address) => Ok(address),
        None => {
            Err(no_master(all_sentinels, failures.into_iter().filter_map(Result::err).collect()))
        }
    }
}

/// Of the reports with the highest configuration epoch, that of the known address, else the first.
fn choose(reports: &[Report], known: &str) -> Option<ConnectionAddr> {
    let newest = reports.iter().map(|report| report.config_epoch).max()?;
    let mut newest = reports.iter().filter(|report| report.config_epoch == newest);
    let first = newest.clone().next()?;
    let chosen = newest.find(|report| shown(&report.address) == known).unwrap_or(first);
    Some(chosen.address.clone())
}

/// The error when no Sentinel reported the master: that of a Sentinel which responded, if any did, as it is
/// the most specific.
fn no_master(all_sentinels: &ServerName, failures: Vec<StoreError>) -> StoreError {
    let rank = |error: &StoreError| match error.class {
        ErrorClass::Denied => 0,
        ErrorClass::Disconnected | ErrorClass::Timeout => 2,
        _ => 1,
    };
    let first = failures.into_iter().min_by_key(rank);
    match first {
        Some(error) if rank(&error) < 2 => error,
        Some(error) => error.of(all_sentinels),
        None => {
            StoreError::found(all_sentinels, CONNECT, ErrorClass::Other, "no Sentinel is named")
        }
    }
}

async fn report(
    name: &str,
    sentinel: &ConnectionAddr,
    certificates: &TlsCertificates,
) -> StoreResult<Report> {
    let server: ServerName = format!("Sentinel {} (master {name})", shown(sentinel)).into();
    let reply = masters(sentinel, certificates).await.map_err(|error| failed(&server, error))?;
    let masters = reply.iter().find(|master| master.get("name").is_some_and(|it| it == name));
    let Some(master) = masters else {
        let text = "the Sentinel knows no master of this name";
        return Err(StoreError::found(&server, CONNECT, ErrorClass::Other, text));
    };
    parse(sentinel, master).ok_or_else(|| {
        let text = "the Sentinel reports that the master is down";
        StoreError::found(&server, CONNECT, ErrorClass::Disconnected, text)
    })
}

/// `SENTINEL MASTERS`, which also reports whether the Sentinel considers a master down.
async fn masters(
    sentinel: &ConnectionAddr,
    certificates: &TlsCertificates,
) -> Result<Vec<HashMap<String, String>>, RedisError> {
    let (login, certificates) = (RedisConnectionInfo::default(), certificates.clone());
    let client = client_of(sentinel.clone(), &login, certificates)?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(SENTINEL_TIMEOUT))
        .set_response_timeout(Some(SENTINEL_TIMEOUT));
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    cmd("SENTINEL").arg("MASTERS").query_async(&mut connection).await
}

fn parse(sentinel: &ConnectionAddr, master: &HashMap<String, String>) -> Option<Report> {
    let flags = master.get("flags")?;
    if flags.contains("s_down") || flags.contains("o_down") || !flags.contains("master") {
        return None;
    }
    let port = master.get("port")?.parse().ok()?;
    let config_epoch = master.get("config-epoch").and_then(|epoch| epoch.parse().ok());
    let address = like(sentinel, master.get("ip")?.clone(), port);
    Some(Report { address, config_epoch: config_epoch.unwrap_or_default() })
}

fn failed(server: &ServerName, error: RedisError) -> StoreError {
    let error = StoreError::new(server, CONNECT, error);
    if error.class != ErrorClass::Denied {
        return error;
    }
    let text = "the Sentinel requires a password, which cannot be sent to Sentinels yet (user and \
                password of the URL are for the master): let it respond without one, or name the \
                master itself with redis:// or rediss://";
    StoreError::found(server, CONNECT, ErrorClass::Denied, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reports(reported: &[(&str, u64)]) -> Vec<Report> {
        let report = |&(host, config_epoch): &(&str, u64)| Report {
            address: ConnectionAddr::Tcp(host.to_owned(), 1),
            config_epoch,
        };
        reported.iter().map(report).collect()
    }

    fn choice(reported: &[(&str, u64)], known: &str) -> String {
        shown(&choose(&reports(reported), known).unwrap())
    }

    #[test]
    fn the_latest_configuration_counts_whichever_sentinel_responds_first() {
        assert_eq!(choice(&[("old", 4), ("new", 5), ("old", 4)], "old:1"), "new:1");
        assert_eq!(choice(&[("new", 5)], "old:1"), "new:1");
    }

    #[test]
    fn sentinels_that_differ_without_an_order_leave_the_master_where_it_is() {
        for reported in [[("one", 3), ("two", 3)], [("two", 3), ("one", 3)]] {
            assert_eq!(choice(&reported, "one:1"), "one:1");
            assert_eq!(choice(&reported, "two:1"), "two:1");
        }
        assert_eq!(choice(&[("one", 3), ("two", 3)], ""), "one:1");
    }

    #[test]
    fn without_a_report_there_is_no_master() {
        assert_eq!(choose(&[], "one:1"), None);
    }
}
