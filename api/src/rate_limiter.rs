//! The generic cell rate algorithm (GCRA): the state of clients, and the response to one that is above its rate.

mod cells;
mod limiter;
mod over_limit;
mod rate_state;

pub(crate) use self::limiter::{Limiter, ONE};
pub(crate) use self::over_limit::OverLimit;
pub(crate) use self::rate_state::RateState;
