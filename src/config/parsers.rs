//! What values look like: parsers of arguments.

use std::num::NonZeroUsize;
use std::time::Duration;

fn bounded(text: &str, min: u64, max: u64) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("must be a whole number from {min} to {max}"))
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    let number = bounded(text, 0, u16::MAX.into())?;
    u16::try_from(number).map_err(|error| error.to_string())
}

/// The port of a server that is there: 0 is none.
pub(super) fn server_port(text: &str) -> Result<u16, String> {
    let number = bounded(text, 1, u16::MAX.into())?;
    u16::try_from(number).map_err(|error| error.to_string())
}

/// OpenTelemetry takes `true` in any case, and everything else for `false`, a slip too: here that is told.
pub(super) fn boolean(text: &str) -> Result<bool, &'static str> {
    let is = |word| text.eq_ignore_ascii_case(word);
    if is("true") || is("false") { Ok(is("true")) } else { Err("must be true or false") }
}

pub(super) fn milliseconds<const MIN: u64, const MAX: u64>(text: &str) -> Result<Duration, String> {
    bounded(text, MIN, MAX).map(Duration::from_millis)
}

pub(super) fn entries(text: &str) -> Result<u64, String> {
    bounded(text, 0, u64::MAX)
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text)
        .map_err(|_| "must be a time such as 90s, 5m, 24h or 30d".to_owned())
}

pub(super) fn count<const MIN: u64, const MAX: u64>(text: &str) -> Result<NonZeroUsize, String> {
    let number = usize::try_from(bounded(text, MIN, MAX)?).ok().and_then(NonZeroUsize::new);
    number.ok_or_else(|| "must be above 0".to_owned())
}
