//! Rate limits, and the reverse proxies that state whose a request is.

use api::address_limit::AddressLimit;
use api::client_address::{TrustedProxies, TrustedProxy};
use api::rate::Rate;
use clap::Args;

use super::list::List;

#[derive(Debug, Clone, Args)]
pub struct RateLimitSettings {
    /// Addresses and networks of the reverse proxies in front, as `10.0.0.0/8,fd00::1`. Of a request from one of them, the
    /// last address in `X-Forwarded-For` that is not listed is the client; of other requests the header is ignored. If
    /// unset, the client is the peer of the connection: all clients of a proxy count as one
    #[arg(long, env, value_name = "NETWORKS", value_parser = str::parse::<List<TrustedProxy>>)]
    forwarded_from: Option<List<TrustedProxy>>,
    /// How many requests a client address may send, as `100/s`, `6000/min` or `100000/h`; others get 429. As many may come
    /// at once, unless it ends with `burst=20`. An IPv6 client is its /64. If unset unlimited. Lower: clients behind one
    /// address get in each other's way. Higher: one client can take more of the service. Probes and `/metrics` are never
    /// limited
    #[arg(long, env, value_name = "RATE", value_parser = str::parse::<Rate>)]
    rate_limit_per_address: Option<Rate>,
}

impl RateLimitSettings {
    /// The reverse proxies whose `X-Forwarded-For` is trusted.
    pub fn trusted_proxies(&self) -> TrustedProxies {
        TrustedProxies::new(List::items(self.forwarded_from.as_ref()))
    }

    /// The limit of each client address.
    pub fn per_address(&self) -> AddressLimit {
        AddressLimit::new(self.rate_limit_per_address)
    }
}
