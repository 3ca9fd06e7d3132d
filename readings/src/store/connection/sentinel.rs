//! Asking Sentinels which server is the master.
//!
//! All of them are asked at once, as one may be cut off. Where they differ, the highest configuration
//! epoch counts, as among themselves: the one that moved the master last has it. Where the epochs are
//! alike (one master under two addresses, or Sentinels that watch different servers under one name),
//! the address that is known stays: connections are not made anew each time another answers first.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use redis::{AsyncConnectionConfig, ConnectionAddr, RedisConnectionInfo, RedisError, cmd};

use super::address::{client_of, shown};
use crate::store::error::{CONNECT, ServerName, StoreError, StoreResult};
use crate::store::error_class::ErrorClass;

/// How long one Sentinel may take to be connected to, and as long again to answer. Too low and a busy
/// one is passed over; too high and one that hangs holds every connection attempt that long.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// What a Sentinel says of a master.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    address: ConnectionAddr,
    epoch: u64,
}

/// The address of the master of this name; `known` is where it was last, as [`shown`] writes it.
pub(super) async fn master(
    name: &str,
    sentinels: &[ConnectionAddr],
    all: &ServerName,
    known: &str,
) -> StoreResult<ConnectionAddr> {
    let answers = join_all(sentinels.iter().map(|sentinel| ask(name, sentinel))).await;
    let (answers, failures): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    let answers: Vec<Answer> = answers.into_iter().flatten().collect();
    match chosen(&answers, known) {
        Some(address) => Ok(address),
        None => Err(refusal(all, failures.into_iter().filter_map(Result::err).collect())),
    }
}

fn chosen(answers: &[Answer], known: &str) -> Option<ConnectionAddr> {
    let newest = answers.iter().map(|answer| answer.epoch).max()?;
    let mut newest = answers.iter().filter(|answer| answer.epoch == newest);
    let first = newest.clone().next()?;
    let chosen = newest.find(|answer| shown(&answer.address) == known).unwrap_or(first);
    Some(chosen.address.clone())
}

/// What to say when no Sentinel named the master: one that answered, but refused, tells most.
fn refusal(all: &ServerName, failures: Vec<StoreError>) -> StoreError {
    let telling = |error: &StoreError| match error.class {
        ErrorClass::Denied => 0,
        ErrorClass::Disconnected | ErrorClass::Timeout => 2,
        _ => 1,
    };
    let first = failures.into_iter().min_by_key(telling);
    match first {
        Some(error) if telling(&error) < 2 => error,
        Some(error) => error.of(all),
        None => StoreError::found(all, CONNECT, ErrorClass::Other, "no Sentinel is named"),
    }
}

async fn ask(name: &str, sentinel: &ConnectionAddr) -> StoreResult<Answer> {
    let server: ServerName = format!("Sentinel {} (master {name})", shown(sentinel)).into();
    let reply = query(sentinel).await.map_err(|error| not_told(&server, error))?;
    let masters = reply.iter().find(|master| master.get("name").is_some_and(|it| it == name));
    let Some(master) = masters else {
        let text = "the Sentinel knows no master of this name";
        return Err(StoreError::found(&server, CONNECT, ErrorClass::Other, text));
    };
    answer(master).ok_or_else(|| {
        let text = "the Sentinel says that the master is down";
        StoreError::found(&server, CONNECT, ErrorClass::Disconnected, text)
    })
}

/// `SENTINEL MASTERS`, which also tells a master that the Sentinel itself takes for down.
async fn query(sentinel: &ConnectionAddr) -> Result<Vec<HashMap<String, String>>, RedisError> {
    let client = client_of(sentinel.clone(), &RedisConnectionInfo::default(), None)?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER_WITHIN))
        .set_response_timeout(Some(ANSWER_WITHIN));
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    cmd("SENTINEL").arg("MASTERS").query_async(&mut connection).await
}

fn answer(master: &HashMap<String, String>) -> Option<Answer> {
    let flags = master.get("flags")?;
    if flags.contains("s_down") || flags.contains("o_down") || !flags.contains("master") {
        return None;
    }
    let port = master.get("port")?.parse().ok()?;
    let epoch = master.get("config-epoch").and_then(|epoch| epoch.parse().ok());
    let address = ConnectionAddr::Tcp(master.get("ip")?.clone(), port);
    Some(Answer { address, epoch: epoch.unwrap_or_default() })
}

fn not_told(server: &ServerName, error: RedisError) -> StoreError {
    let error = StoreError::new(server, CONNECT, error);
    if error.class != ErrorClass::Denied {
        return error;
    }
    let text = "the Sentinel asks for a password, which cannot be given to Sentinels yet (user and \
                password of the URL are for the master): let it answer without one, or name the \
                master itself with redis:// or rediss://";
    StoreError::found(server, CONNECT, ErrorClass::Denied, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(said: &[(&str, u64)]) -> Vec<Answer> {
        let answer = |&(host, epoch): &(&str, u64)| Answer {
            address: ConnectionAddr::Tcp(host.to_owned(), 1),
            epoch,
        };
        said.iter().map(answer).collect()
    }

    fn choice(said: &[(&str, u64)], known: &str) -> String {
        shown(&chosen(&answers(said), known).unwrap())
    }

    #[test]
    fn the_latest_configuration_counts_whoever_answers_first() {
        assert_eq!(choice(&[("old", 4), ("new", 5), ("old", 4)], "old:1"), "new:1");
        assert_eq!(choice(&[("new", 5)], "old:1"), "new:1");
    }

    #[test]
    fn sentinels_that_differ_without_an_order_leave_the_master_where_it_is() {
        for said in [[("one", 3), ("two", 3)], [("two", 3), ("one", 3)]] {
            assert_eq!(choice(&said, "one:1"), "one:1");
            assert_eq!(choice(&said, "two:1"), "two:1");
        }
        assert_eq!(choice(&[("one", 3), ("two", 3)], ""), "one:1");
    }

    #[test]
    fn no_answer_is_no_master() {
        assert_eq!(chosen(&[], "one:1"), None);
    }
}
