//! What rate limits and trusted proxies add to a request, in nanoseconds:
//! `cargo run --release -p api --example rate_limit`
#![expect(clippy::print_stdout, reason = "an example for the terminal")]

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use api::address_limit::AddressLimit;
use api::client_address::TrustedProxies;
use futures_util::FutureExt;
use poem::endpoint::make_sync;
use poem::http::uri::Scheme;
use poem::web::{LocalAddr, RemoteAddr};
use poem::{Addr, Body, Endpoint, Request, RequestParts, Response};

/// Runs of each case, in turns; the fastest one counts.
const RUNS: u32 = 200;

const REQUESTS_PER_RUN: u32 = 2_000;

/// A case: its name, the clients, the trusted proxies, and the limit of each client.
type Case = (&'static str, u32, Option<&'static str>, Option<&'static str>);

const CASES: [Case; 6] = [
    ("both off", 1, None, None),
    ("a limit, one client", 1, None, Some("1000000/s")),
    ("a limit, a million clients", 1_000_000, None, Some("1000000/s")),
    ("trusted proxies", 1, Some("10.0.0.0/8"), None),
    ("trusted proxies and a limit", 1, Some("10.0.0.0/8"), Some("1000000/s")),
    ("above the limit (the whole response)", 1, None, Some("1/h")),
];

/// A request of one of the clients, forwarded by a proxy.
fn request(client: u32) -> Result<Request, Box<dyn Error>> {
    let request = hyper::Request::builder().uri("/readings").method("POST");
    let request = request.header("host", "localhost").header("x-forwarded-for", "192.0.2.1");
    let (head, ()) = request.body(())?.into_parts();
    let peer = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + client);
    let addresses = [Ipv4Addr::LOCALHOST, peer].map(|ip| Addr::from(SocketAddr::from((ip, 1))));
    let [local, remote] = addresses;
    let parts: RequestParts = (head, LocalAddr(local), RemoteAddr(remote), Scheme::HTTP).into();
    Ok(Request::from_parts(parts, Body::empty()))
}

fn time(
    endpoint: &impl Endpoint<Output = Response>,
    run: u32,
    clients: u32,
) -> Result<Duration, Box<dyn Error>> {
    let numbers = (0..REQUESTS_PER_RUN).map(|n| (run * REQUESTS_PER_RUN + n) % clients);
    let requests = numbers.map(request).collect::<Result<Vec<_>, _>>()?;
    let mut responses = Vec::with_capacity(requests.len());
    let began = Instant::now();
    for request in requests {
        responses.push(endpoint.call(request).now_or_never());
    }
    Ok(began.elapsed())
}

fn main() -> Result<(), Box<dyn Error>> {
    let bare = make_sync(|_| Response::default());
    let mut endpoints = Vec::new();
    for (_, _, proxies, rate) in CASES {
        let proxies = proxies.map(str::parse).transpose()?;
        let limit = AddressLimit::new(rate.map(str::parse).transpose()?);
        let guarded = limit.guard(make_sync(|_| Response::default()));
        endpoints.push(TrustedProxies::new(proxies.into_iter().collect()).resolve(guarded));
    }
    let mut fastest = [Duration::MAX; CASES.len() + 1];
    for run in 0..RUNS {
        fastest[CASES.len()] = fastest[CASES.len()].min(time(&bare, run, 1)?);
        for (at, (endpoint, (_, clients, ..))) in endpoints.iter().zip(CASES).enumerate() {
            fastest[at] = fastest[at].min(time(endpoint, run, clients)?);
        }
    }
    let nanoseconds = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(REQUESTS_PER_RUN);
    let without = nanoseconds(fastest[CASES.len()]);
    println!("an endpoint without either: {without:.0} ns");
    for ((name, ..), time) in CASES.iter().zip(fastest) {
        println!("{name}: {:+.0} ns", nanoseconds(time) - without);
    }
    Ok(())
}
