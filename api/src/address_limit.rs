//! The rate limit of each client address, in front of a service.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{Either, ready};
use instrumentation::log_throttle::LogThrottle;
use poem::{Endpoint, Request, Response, Result};
use tracing::warn;

use crate::client_address::{self, network};
use crate::metrics::{METRICS, OF_ADDRESS};
use crate::middleware;
use crate::paths::PROBES;
use crate::rate::Rate;
use crate::rate_limiter::{Limiter, ONE, OverLimit, RateState};

/// Cells of eight bytes. Two addresses with the same cell share its rate: with few cells, one client is rejected for
/// another's requests; with many, the table fills caches and memory.
const CELLS: usize = 65_536;

/// What has the rate, in responses.
const CLIENT: &str = "client address";

/// The limit of each client address, if there is one. Clones share the state.
#[derive(Debug, Clone)]
pub struct AddressLimit(Option<Arc<Addresses>>);

#[derive(Debug)]
struct Addresses {
    limiter: Arc<Limiter>,
    /// Keyed at random, or a client could find addresses that share the cell of another one.
    hasher: RandomState,
}

impl AddressLimit {
    /// Each client address may send requests at this rate.
    #[must_use]
    pub fn new(rate: Option<Rate>) -> Self {
        Self(rate.map(|rate| {
            let limiter = Arc::new(Limiter::new(rate, CELLS));
            Arc::new(Addresses { limiter, hasher: RandomState::new() })
        }))
    }

    /// The endpoint, reached only by requests within the limit, and by probes.
    pub fn guard<E>(&self, endpoint: E) -> Limited<E> {
        Limited { limit: self.clone(), endpoint }
    }
}

impl Addresses {
    /// Adds a request of a client; returns the state of its rate.
    fn add(&self, client: IpAddr) -> Result<RateState, OverLimit> {
        let cell = self.cell(client);
        self.limiter.check(cell, ONE)?;
        Ok(RateState::new(Arc::clone(&self.limiter), cell, CLIENT))
    }

    fn cell(&self, client: IpAddr) -> usize {
        // The remainder is below the number of cells.
        let hash = self.hasher.hash_one(network(client)) % self.limiter.cells() as u64;
        usize::try_from(hash).unwrap_or_default()
    }
}

/// An endpoint that is reached only by requests within the limit.
pub struct Limited<E> {
    limit: AddressLimit,
    endpoint: E,
}

impl<E: Endpoint<Output = Response>> Endpoint for Limited<E> {
    type Output = Response;

    // Not an async function: that would move the request once more.
    fn call(&self, mut request: Request) -> impl Future<Output = Result<Response>> + Send {
        if let Some(addresses) = &self.limit.0
            && !PROBES.contains(&request.uri().path())
            && let Some(client) = client_address::of(&request)
        {
            match addresses.add(client) {
                Ok(state) => _ = request.extensions_mut().insert(state),
                Err(over) => {
                    let rejected = reject(&request, client, addresses.limiter.rate(), over);
                    return Either::Left(ready(Ok(rejected)));
                }
            }
        }
        Either::Right(self.endpoint.call(request))
    }
}

/// The response to a client above its limit; it is counted, and logged at most once a second.
fn reject(request: &Request, client: IpAddr, rate: Rate, over: OverLimit) -> Response {
    static THROTTLE: LogThrottle = LogThrottle::new();
    METRICS.rate_limited(OF_ADDRESS);
    if let Some(suppressed) = THROTTLE.should_log(Instant::now()) {
        let path = request.uri().path();
        warn!(%client, %rate, path, suppressed, "a request of a client address above its rate limit was rejected");
    }
    middleware::respond_in_place(request, |id| {
        over.response(CLIENT, rate, |body| body.with_request_id(id))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(rate: &str) -> Arc<Addresses> {
        AddressLimit::new(Some(rate.parse().unwrap())).0.unwrap()
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let addresses = addresses("1/h");
        let check = |address: &str| addresses.add(address.parse().unwrap()).is_ok();
        assert!(check("2001:db8::1"));
        assert!(!check("2001:db8::2"));
        assert!(check("192.0.2.1"));
        assert!(!check("192.0.2.1"));
    }

    #[test]
    fn addresses_are_distributed_over_the_cells_and_differently_in_each_process() {
        let (one, another) = (addresses("1/h"), addresses("1/h"));
        let mut used = vec![0_u32; CELLS];
        let mut same = 0;
        for address in 0..65_536_u32 {
            let client = IpAddr::from(address.to_be_bytes());
            used[one.cell(client)] += 1;
            same += u32::from(one.cell(client) == another.cell(client));
        }
        // At random, 1/e of the cells have no address, and one address has the same cell in both.
        let empty = used.iter().filter(|addresses| **addresses == 0).count();
        assert!((22_000..27_000).contains(&empty), "{empty}");
        assert!(same < 20, "{same}");
    }
}
