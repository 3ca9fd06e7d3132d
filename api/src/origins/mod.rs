//! Where requests may come from: hosts that they may name, and web pages that may send them.
//!
//! | module | what it owns |
//! |---|---|
//! | [`host_pattern`] | a host of `ALLOWED_HOSTS` |
//! | [`hosts`] | which `Host` a request may name: protection against DNS rebinding |
//! | [`origin`] | an origin, as of `CORS_ALLOWED_ORIGINS`, and whether it is the host of a request |
//! | [`cors`] | the headers by which a page of another origin may read responses |
//! | [`guard`] | which requests are admitted |
//! | [`rejection`] | the response to a request that is not admitted, its metric and its log line |
//!
//! Browsers state by which page a request was sent, in `Sec-Fetch-Site` and `Origin`, and no page can change that.
//! Other clients send neither, and are not restricted here (`docs/decisions/0035-requests-of-other-origins.md`).

mod cors;
mod guard;
mod host_pattern;
mod hosts;
mod origin;
mod rejection;

pub use self::guard::{Guarded, OriginPolicy};
pub use self::host_pattern::HostPattern;
pub use self::origin::Origin;
