//! Which requests and readings are traced.
//!
//! The decision is made before a span is created: creating one and dropping it unsampled costs 3 µs, a
//! quarter of all that a reading costs.

use std::str::FromStr;

use opentelemetry::trace::{SpanContext, TraceId};

/// One of the samplers of OpenTelemetry's specification, as `OTEL_TRACES_SAMPLER` names them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TraceSampler {
    root: Root,
    /// Whether the decision of the parent span, where there is one, is followed.
    parent_based: bool,
}

/// The sampler of traces that begin here (OpenTelemetry's root sampler).
#[derive(Debug, Clone, Copy, PartialEq)]
enum Root {
    On,
    Off,
    /// This share of the traces, from 0 to 1.
    Ratio(f64),
}

/// An unknown sampler, or an invalid argument of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamplerError(&'static str);

impl std::fmt::Display for SamplerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for SamplerError {}

impl FromStr for TraceSampler {
    type Err = SamplerError;

    /// Parses the name of a sampler. Its ratio is 1 until [`TraceSampler::with_ratio`] sets another.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        const RULE: &str = "must be always_on, always_off or traceidratio, or one of them with \
                            parentbased_ before it";
        let (parent_based, name) = match name.strip_prefix("parentbased_") {
            Some(root) => (true, root),
            None => (false, name),
        };
        let root = match name {
            "always_on" => Root::On,
            "always_off" => Root::Off,
            "traceidratio" => Root::Ratio(1.0),
            _ => return Err(SamplerError(RULE)),
        };
        Ok(Self { root, parent_based })
    }
}

impl TraceSampler {
    /// Sets the ratio of `traceidratio`; other samplers ignore it.
    ///
    /// # Errors
    /// When the sampler has a ratio and the argument is not a number from 0 to 1.
    pub fn with_ratio(self, argument: &str) -> Result<Self, SamplerError> {
        if !matches!(self.root, Root::Ratio(_)) {
            return Ok(self);
        }
        Ok(Self { root: Root::Ratio(Self::parse_ratio(argument)?), ..self })
    }

    /// Parses the argument of samplers with a ratio (`OTEL_TRACES_SAMPLER_ARG`).
    ///
    /// # Errors
    /// When it is not a number from 0 to 1.
    pub fn parse_ratio(argument: &str) -> Result<f64, SamplerError> {
        let ratio = argument.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.ok_or(SamplerError("must be a number from 0 to 1"))
    }

    /// Whether to trace an operation with this parent; without one, it begins a trace.
    #[must_use]
    pub fn samples(&self, parent: Option<&SpanContext>) -> bool {
        match parent {
            Some(parent) if self.parent_based => parent.is_sampled(),
            Some(parent) => self.root.samples(parent.trace_id()),
            None => self.root.samples_root(),
        }
    }
}

impl Root {
    fn samples_root(self) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
            Self::Ratio(ratio) => fastrand::f64() < ratio,
        }
    }

    /// Decides by the trace id, as the specification requires, so that all services with the same ratio
    /// decide alike on one trace.
    fn samples(self, trace: TraceId) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
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

    fn sampler(name: &str, ratio: &str) -> TraceSampler {
        name.parse::<TraceSampler>().unwrap().with_ratio(ratio).unwrap()
    }

    fn caller(trace: u128, flags: TraceFlags) -> SpanContext {
        let (trace, span) = (TraceId::from(trace), SpanId::from(1));
        SpanContext::new(trace, span, flags, true, TraceState::NONE)
    }

    #[test]
    fn a_parent_based_sampler_follows_the_decision_of_the_caller() {
        let (yes, no) = (caller(1, TraceFlags::SAMPLED), caller(1, TraceFlags::NOT_SAMPLED));
        let off = sampler("parentbased_always_off", "");
        assert!(off.samples(Some(&yes)) && !off.samples(Some(&no)) && !off.samples(None));
        let on = sampler("always_on", "");
        assert!(on.samples(Some(&yes)) && on.samples(Some(&no)) && on.samples(None));
        let off = sampler("always_off", "");
        assert!(!off.samples(Some(&yes)) && !off.samples(None));
    }

    #[test]
    fn a_ratio_is_kept_and_decides_alike_on_one_trace() {
        let tenth = sampler("parentbased_traceidratio", "0.1");
        let sampled = (0..10_000).filter(|_| tenth.samples(None)).count();
        assert!((700..1_300).contains(&sampled), "{sampled} of 10000");
        let tenth = sampler("traceidratio", "0.1");
        assert!(tenth.samples(Some(&caller(1, TraceFlags::NOT_SAMPLED))));
        assert!(!tenth.samples(Some(&caller(u128::MAX, TraceFlags::SAMPLED))));
        assert!(!sampler("traceidratio", "0").samples(None));
        assert!(sampler("traceidratio", "1").samples(None));
    }

    #[test]
    fn an_unknown_sampler_or_ratio_is_rejected() {
        for name in ["", "sometimes", "parentbased", "jaeger_remote", "ALWAYS_ON"] {
            assert!(name.parse::<TraceSampler>().is_err(), "{name}");
        }
        for ratio in ["", "-0.1", "1.1", "NaN", "many"] {
            assert!(
                "traceidratio".parse::<TraceSampler>().unwrap().with_ratio(ratio).is_err(),
                "{ratio}"
            );
        }
    }
}
