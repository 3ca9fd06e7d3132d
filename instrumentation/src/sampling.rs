//! Which requests and readings are traced.
//!
//! Decided before there is a span: one that is made and not sampled costs 3 µs, a quarter of what a
//! reading costs in all.

use std::str::FromStr;

use opentelemetry::trace::{SpanContext, TraceId};

/// Decides, by the samplers that OpenTelemetry names (`OTEL_TRACES_SAMPLER`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    root: Root,
    /// Whether the caller's decision, where there is one, is ours.
    parent_based: bool,
}

/// What is traced of that for which nobody has decided.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Root {
    All,
    Nothing,
    /// This part of it, from 0 to 1.
    Ratio(f64),
}

/// A sampler that is not known, or whose argument is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamplingFault(&'static str);

impl std::fmt::Display for SamplingFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for SamplingFault {}

impl FromStr for Sampling {
    type Err = SamplingFault;

    /// Reads the name of a sampler; a ratio is 1 until [`Sampling::with_ratio`] says otherwise.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "must be always_on, always_off or traceidratio, or one of them with \
                            parentbased_ before it";
        let (parent_based, name) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name),
        };
        let root = match name {
            "always_on" => Root::All,
            "always_off" => Root::Nothing,
            "traceidratio" => Root::Ratio(1.0),
            _ => return Err(SamplingFault(RULE)),
        };
        Ok(Self { root, parent_based })
    }
}

impl Sampling {
    /// The same with the argument of the sampler, which only those with a ratio have.
    ///
    /// # Errors
    /// When there is a ratio and the argument is none.
    pub fn with_ratio(self, argument: &str) -> Result<Self, SamplingFault> {
        if !matches!(self.root, Root::Ratio(_)) {
            return Ok(self);
        }
        Ok(Self { root: Root::Ratio(Self::check_ratio(argument)?), ..self })
    }

    /// Reads the argument of samplers with a ratio.
    ///
    /// # Errors
    /// When it is none.
    pub fn check_ratio(argument: &str) -> Result<f64, SamplingFault> {
        let ratio = argument.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.ok_or(SamplingFault("must be a number from 0 to 1"))
    }

    /// Whether to trace what this caller began, or what nobody has begun yet.
    #[must_use]
    pub fn samples(&self, parent: Option<&SpanContext>) -> bool {
        match parent {
            Some(parent) if self.parent_based => parent.is_sampled(),
            Some(parent) => self.root.samples(parent.trace_id()),
            None => self.root.samples_new(),
        }
    }
}

impl Root {
    fn samples_new(self) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Ratio(ratio) => fastrand::f64() < ratio,
        }
    }

    /// As the specification says: all services with the same ratio decide alike on one trace.
    fn samples(self, trace: TraceId) -> bool {
        match self {
            Self::All => true,
            Self::Nothing => false,
            Self::Ratio(ratio) => {
                let trace = u128::from_be_bytes(trace.to_bytes());
                #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
                let low = trace as u64 >> 1;
                #[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
                let share = low as f64 / (1_u64 << 63) as f64;
                share < ratio
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanId, TraceFlags, TraceState};

    use super::*;

    fn sampling(name: &str, ratio: &str) -> Sampling {
        name.parse::<Sampling>().unwrap().with_ratio(ratio).unwrap()
    }

    fn caller(trace: u128, flags: TraceFlags) -> SpanContext {
        let (trace, span) = (TraceId::from(trace), SpanId::from(1));
        SpanContext::new(trace, span, flags, true, TraceState::NONE)
    }

    #[test]
    fn a_caller_decides_where_the_sampler_is_based_on_parents() {
        let (yes, no) = (caller(1, TraceFlags::SAMPLED), caller(1, TraceFlags::NOT_SAMPLED));
        let off = sampling("parentbased_always_off", "");
        assert!(off.samples(Some(&yes)) && !off.samples(Some(&no)) && !off.samples(None));
        let on = sampling("always_on", "");
        assert!(on.samples(Some(&yes)) && on.samples(Some(&no)) && on.samples(None));
        let off = sampling("always_off", "");
        assert!(!off.samples(Some(&yes)) && !off.samples(None));
    }

    #[test]
    fn a_ratio_is_kept_and_decides_alike_on_one_trace() {
        let tenth = sampling("parentbased_traceidratio", "0.1");
        let sampled = (0..10_000).filter(|_| tenth.samples(None)).count();
        assert!((700..1_300).contains(&sampled), "{sampled} of 10000");
        let tenth = sampling("traceidratio", "0.1");
        assert!(tenth.samples(Some(&caller(1, TraceFlags::NOT_SAMPLED))));
        assert!(!tenth.samples(Some(&caller(u128::MAX, TraceFlags::SAMPLED))));
        assert!(!sampling("traceidratio", "0").samples(None));
        assert!(sampling("traceidratio", "1").samples(None));
    }

    #[test]
    fn what_is_no_sampler_is_refused() {
        for name in ["", "sometimes", "parentbased", "jaeger_remote", "ALWAYS_ON"] {
            assert!(name.parse::<Sampling>().is_err(), "{name}");
        }
        for ratio in ["", "-0.1", "1.1", "NaN", "many"] {
            assert!(
                "traceidratio".parse::<Sampling>().unwrap().with_ratio(ratio).is_err(),
                "{ratio}"
            );
        }
    }
}
