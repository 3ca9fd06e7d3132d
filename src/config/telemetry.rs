//! Export of traces and metrics, by the environment variables that OpenTelemetry defines.

use clap::{ArgAction, Args, ValueEnum};
use instrumentation::sampling::{SamplerError, TraceSampler};
use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::SettingError;
use super::parsers::boolean;

/// Exporters and sampling. The SDK reads OpenTelemetry's other variables (headers, timeouts, batch sizes) by
/// itself; `docs/observability.md` lists them.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "OpenTelemetry names the variables")]
pub struct TelemetrySettings {
    /// Base URL of the OpenTelemetry collector that traces are exported to, such as `http://collector:4318`;
    /// tracing is off if unset
    #[arg(long, env, value_name = "URL")]
    otel_exporter_otlp_endpoint: Option<String>,
    /// Endpoint for traces only; with `http/protobuf` the full URL, including `/v1/traces`
    #[arg(long, env, value_name = "URL")]
    otel_exporter_otlp_traces_endpoint: Option<String>,
    /// Protocol of the collector: `http/protobuf` (port 4318) or `grpc` (port 4317)
    #[arg(long, env, value_name = "PROTOCOL", default_value = "http/protobuf", ignore_case = true)]
    pub otel_exporter_otlp_protocol: OtlpProtocol,
    /// Value of `service.name`; `energy-pipeline-` and the role if unset
    #[arg(long, env, value_name = "NAME")]
    otel_service_name: Option<String>,
    /// Additional resource attributes: `key=value,…`
    #[arg(long, env, value_name = "ATTRIBUTES")]
    otel_resource_attributes: Option<String>,
    /// Sampler of traces: `always_on`, `always_off` or `traceidratio`; with the prefix `parentbased_` a
    /// request that comes with a trace is sampled as its caller decided
    #[arg(long, env, value_name = "SAMPLER", default_value = "parentbased_always_on", value_parser = sampler)]
    otel_traces_sampler: TraceSampler,
    /// Ratio of `traceidratio`, from 0 to 1
    #[arg(long, env, value_name = "RATIO", default_value = "1")]
    otel_traces_sampler_arg: String,
    /// Exporter of metrics: `prometheus` (at `/metrics` only) or `otlp` (to the collector as well)
    #[arg(long, env, value_name = "EXPORTER", default_value = "prometheus", ignore_case = true)]
    pub otel_metrics_exporter: MetricsExporter,
    /// `true` (in any case) disables every export to a collector, whatever the other settings say
    #[arg(long, env, value_name = "BOOLEAN", default_value = "false", action = ArgAction::Set)]
    #[arg(value_parser = boolean)]
    pub otel_sdk_disabled: bool,
}

impl TelemetrySettings {
    /// Whether traces are exported.
    pub fn exports_traces(&self) -> bool {
        let endpoint = self.otel_exporter_otlp_traces_endpoint.as_deref();
        !self.otel_sdk_disabled && endpoint.or(self.endpoint()).is_some()
    }

    /// Whether metrics are exported to a collector.
    pub fn exports_metrics(&self) -> bool {
        !self.otel_sdk_disabled && self.otel_metrics_exporter == MetricsExporter::Otlp
    }

    /// The base URL of the collector.
    pub fn endpoint(&self) -> Option<&str> {
        self.otel_exporter_otlp_endpoint.as_deref()
    }

    /// The URL that traces are exported to, including the path.
    pub fn traces_endpoint(&self) -> Option<String> {
        self.otel_exporter_otlp_traces_endpoint
            .clone()
            .or_else(|| self.signal_endpoint("v1/traces"))
    }

    /// The URL for telemetry that has no endpoint of its own.
    pub fn signal_endpoint(&self, path: &str) -> Option<String> {
        let base = self.endpoint()?;
        Some(match self.otel_exporter_otlp_protocol {
            OtlpProtocol::Grpc => base.to_owned(),
            OtlpProtocol::HttpProtobuf => format!("{}/{path}", base.trim_end_matches('/')),
        })
    }

    /// `service.name`, if set.
    pub fn service_name(&self) -> Option<&str> {
        self.otel_service_name.as_deref()
    }

    /// Checks the settings that parsers cannot check alone, including those that are not used.
    ///
    /// # Errors
    /// Names the variable and its rule.
    pub fn check(&self) -> Result<(), SettingError> {
        check_url("OTEL_EXPORTER_OTLP_ENDPOINT", self.endpoint())?;
        let traces = self.otel_exporter_otlp_traces_endpoint.as_deref();
        check_url("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", traces)?;
        if self.exports_metrics() && self.endpoint().is_none() {
            let rule = "is otlp, which needs OTEL_EXPORTER_OTLP_ENDPOINT";
            return Err(SettingError::new("OTEL_METRICS_EXPORTER", rule));
        }
        self.resource_attributes()?;
        SDK_NUMBERS.into_iter().try_for_each(check_number)?;
        self.sampling().map(drop)
    }

    /// The additional resource attributes; values may be percent-encoded.
    ///
    /// # Errors
    /// When a pair has no `=`.
    pub fn resource_attributes(&self) -> Result<Vec<(String, String)>, SettingError> {
        let list = self.otel_resource_attributes.as_deref().unwrap_or_default();
        let pairs = list.split(',').filter(|pair| !pair.trim().is_empty());
        pairs
            .map(|pair| {
                let (key, value) = pair.split_once('=').ok_or_else(|| {
                    SettingError::new("OTEL_RESOURCE_ATTRIBUTES", "must be key=value,…")
                })?;
                let value = percent_decode_str(value.trim()).decode_utf8_lossy();
                Ok((key.trim().to_owned(), value.into_owned()))
            })
            .collect()
    }

    /// The sampler. The ratio is checked even if the sampler does not use one.
    ///
    /// # Errors
    /// When the ratio is not a number from 0 to 1.
    pub fn sampling(&self) -> Result<TraceSampler, SettingError> {
        let argument = &self.otel_traces_sampler_arg;
        let error = |rule| {
            let rule = format!("{rule}, but is '{argument}'");
            SettingError::new("OTEL_TRACES_SAMPLER_ARG", rule)
        };
        TraceSampler::parse_ratio(argument).map_err(error)?;
        self.otel_traces_sampler.with_ratio(argument).map_err(error)
    }
}

/// Variables that the SDK reads itself. It ignores values that are not numbers, so they are checked here.
const SDK_NUMBERS: [&str; 8] = [
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_METRIC_EXPORT_INTERVAL",
];

fn check_number(variable: &'static str) -> Result<(), SettingError> {
    let value = std::env::var_os(variable).unwrap_or_default();
    let is_number = value.to_str().is_some_and(|text| text.parse::<u64>().is_ok());
    if value.is_empty() || is_number {
        Ok(())
    } else {
        Err(SettingError::new(variable, "must be a whole number"))
    }
}

fn check_url(variable: &'static str, url: Option<&str>) -> Result<(), SettingError> {
    const RULE: &str = "must be an http:// or https:// URL, such as http://collector:4318";
    let is_usable = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let usable = url.is_none_or(|url| Url::parse(url).is_ok_and(is_usable));
    // The URL may contain a password, so the message does not show it.
    if usable { Ok(()) } else { Err(SettingError::new(variable, RULE)) }
}

/// A sampler by its name, in any case as OpenTelemetry requires.
fn sampler(name: &str) -> Result<TraceSampler, SamplerError> {
    name.to_ascii_lowercase().parse()
}

/// Protocol of a collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OtlpProtocol {
    #[value(name = "http/protobuf")]
    HttpProtobuf,
    Grpc,
}

/// Exporter of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MetricsExporter {
    Prometheus,
    Otlp,
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_lists_every_variable_that_is_checked_for_the_sdk() {
        let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/observability.md");
        let guide = std::fs::read_to_string(guide).expect("docs/observability.md");
        for variable in SDK_NUMBERS {
            assert!(guide.contains(&format!("`{variable}`")), "{variable} is not in the guide");
        }
    }
}
