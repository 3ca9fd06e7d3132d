//! Asks the Sentinels for the master's address, or that of a healthy replica.
//!
//! All are asked at once, as one may be partitioned off. Where they differ, the highest configuration
//! epoch counts, as it does among Sentinels: it belongs to the last failover. Where the epochs are equal
//! (one master under two addresses, or Sentinels that monitor different servers under one name), the
//! known address is kept: otherwise connections would be replaced each time another Sentinel responds
//! first.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use instrumentation::log_throttle::LogThrottle;
use redis::{
    AsyncConnectionConfig, Cmd, ConnectionAddr, RedisConnectionInfo, RedisError, TlsCertificates,
    cmd,
};
use tracing::warn;

use super::address::{client_of, like, shown};
use crate::store::error::{CONNECT, ServerName, StoreError, StoreResult};
use crate::store::error_class::ErrorClass;

/// How long connecting to a Sentinel may take, and as long again its reply. Too low and a busy one is
/// passed over; too high and a hanging one delays every connection attempt that long.
const SENTINEL_TIMEOUT: Duration = Duration::from_secs(1);

const MISSING_PASSWORD: &str = "a Sentinel requires a password: set REDIS_SENTINEL_PASSWORD_FILE (user and password \
                                of the URL are those of the master)";

const WRONG_PASSWORD: &str = "a Sentinel rejects the password of REDIS_SENTINEL_PASSWORD(_FILE), or the user of \
                              REDIS_SENTINEL_USER";

const MISSING_PERMISSION: &str = "a Sentinel denies its user SENTINEL MASTERS: grant it sentinel|masters and \
                                  sentinel|replicas";

/// What a Sentinel reports of a master.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Report {
    address: ConnectionAddr,
    config_epoch: u64,
}

/// The Sentinels, and how they are connected to.
pub(super) struct Sentinels<'a> {
    pub addresses: &'a [ConnectionAddr],
    /// Their own user and password.
    pub login: RedisConnectionInfo,
    pub certificates: TlsCertificates,
    /// All of them, as logs name them.
    pub name: &'a ServerName,
}

impl Sentinels<'_> {
    /// The address of the master of this name; `known` is its last known address, as [`shown`] writes it.
    pub async fn master(&self, name: &str, known: &str) -> StoreResult<ConnectionAddr> {
        let reports = self.addresses.iter().map(|sentinel| self.report(name, sentinel));
        let results = join_all(reports).await;
        let (reports, failures): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        let reports: Vec<Report> = reports.into_iter().flatten().collect();
        let failures: Vec<_> = failures.into_iter().filter_map(Result::err).collect();
        match choose(&reports, known) {
            Some(address) => {
                warn_of_denial(&failures);
                Ok(address)
            }
            None => Err(no_master(self.name, failures)),
        }
    }

    /// The address of a healthy replica of this master: the known one as long as it is healthy. `None` where there is
    /// none, or no Sentinel responds.
    pub async fn replica(&self, name: &str, known: &str) -> Option<ConnectionAddr> {
        let replies = self.addresses.iter().map(|sentinel| async move {
            let mut command = cmd("SENTINEL");
            command.arg("REPLICAS").arg(name);
            let replicas = self.ask(sentinel, &command).await.unwrap_or_default();
            replicas.iter().filter_map(|replica| healthy(sentinel, replica)).collect::<Vec<_>>()
        });
        let healthy: Vec<_> = join_all(replies).await.into_iter().flatten().collect();
        let kept = healthy.iter().find(|address| shown(address) == known).cloned();
        kept.or_else(|| healthy.get(fastrand::usize(..healthy.len().max(1))).cloned())
    }

    async fn report(&self, name: &str, sentinel: &ConnectionAddr) -> StoreResult<Report> {
        let server: ServerName = format!("Sentinel {} (master {name})", shown(sentinel)).into();
        // Also says whether the Sentinel considers a master down.
        let reply = self.ask(sentinel, cmd("SENTINEL").arg("MASTERS")).await;
        let reply = reply.map_err(|error| failed(&server, error, &self.login))?;
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

    async fn ask(
        &self,
        sentinel: &ConnectionAddr,
        command: &Cmd,
    ) -> Result<Vec<HashMap<String, String>>, RedisError> {
        let client = client_of(sentinel.clone(), &self.login, self.certificates.clone())?;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(SENTINEL_TIMEOUT))
            .set_response_timeout(Some(SENTINEL_TIMEOUT));
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        command.query_async(&mut connection).await
    }
}

/// A Sentinel that denies access is no help in the next failover, though the others respond.
fn warn_of_denial(failures: &[StoreError]) {
    static THROTTLE: LogThrottle = LogThrottle::new();
    let denial = failures.iter().find(|error| error.class == ErrorClass::Denied);
    if let Some(error) = denial
        && let Some(suppressed) = THROTTLE.should_log(Instant::now())
    {
        warn!(%error, suppressed, "a Sentinel does not respond to this service; others do");
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

/// The address of a replica that is reachable, and connected to its master.
fn healthy(sentinel: &ConnectionAddr, replica: &HashMap<String, String>) -> Option<ConnectionAddr> {
    let flags = replica.get("flags")?;
    let is_down = ["s_down", "o_down", "disconnected"].iter().any(|flag| flags.contains(flag));
    let is_linked = replica.get("master-link-status").is_some_and(|status| status == "ok");
    let port = replica.get("port")?.parse().ok()?;
    let address = like(sentinel, replica.get("ip")?.clone(), port);
    (is_linked && !is_down && flags.contains("slave")).then_some(address)
}

/// The error of a Sentinel, with the remedy where it denies access.
fn failed(server: &ServerName, error: RedisError, login: &RedisConnectionInfo) -> StoreError {
    let error = StoreError::new(server, CONNECT, error);
    if error.class != ErrorClass::Denied {
        return error;
    }
    let text = match (error.code(), login.password()) {
        (Some("NOPERM"), _) => MISSING_PERMISSION,
        (_, None) => MISSING_PASSWORD,
        (_, Some(_)) => WRONG_PASSWORD,
    };
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
