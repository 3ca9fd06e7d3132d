//! What is told to a collector, by the variables that OpenTelemetry names.

use clap::{ArgAction, Args, ValueEnum};
use instrumentation::sampling::{SamplerError, TraceSampler};
use percent_encoding::percent_decode_str;
use reqwest::Url;

use super::SettingFault;
use super::parsers::boolean;

/// Where traces go, and which. The rest of OpenTelemetry's variables (headers, timeouts, sizes of
/// batches) is the SDK's to read; `docs/observability.md` has them.
#[derive(Debug, Clone, Args)]
#[expect(clippy::struct_field_names, reason = "OpenTelemetry names the variables")]
pub struct TelemetrySettings {
    /// Base URL of the OpenTelemetry collector that traces are sent to, such as
    /// `http://collector:4318`; without it nothing is traced
    #[arg(long, env, value_name = "URL")]
    otel_exporter_otlp_endpoint: Option<String>,
    /// The same for traces alone; with `http/protobuf` the full URL, `/v1/traces` included
    #[arg(long, env, value_name = "URL")]
    otel_exporter_otlp_traces_endpoint: Option<String>,
    /// How it is spoken to: `http/protobuf` (port 4318) or `grpc` (port 4317)
    #[arg(long, env, value_name = "PROTOCOL", default_value = "http/protobuf", ignore_case = true)]
    pub otel_exporter_otlp_protocol: OtlpProtocol,
    /// The service's name in traces; `energy-pipeline-` and the role if unset
    #[arg(long, env, value_name = "NAME")]
    otel_service_name: Option<String>,
    /// More about this process, for its traces: `key=value,…`
    #[arg(long, env, value_name = "ATTRIBUTES")]
    otel_resource_attributes: Option<String>,
    /// Which requests are traced: `always_on`, `always_off` or `traceidratio`, with `parentbased_`
    /// before it to leave it to callers that trace themselves
    #[arg(long, env, value_name = "SAMPLER", default_value = "parentbased_always_on", value_parser = sampler)]
    otel_traces_sampler: TraceSampler,
    /// Of `traceidratio`, the part that is traced, from 0 to 1
    #[arg(long, env, value_name = "RATIO", default_value = "1")]
    otel_traces_sampler_arg: String,
    /// Whether metrics are sent to the collector, too (`otlp`), or are at `/metrics` only (`prometheus`)
    #[arg(long, env, value_name = "EXPORTER", default_value = "prometheus", ignore_case = true)]
    pub otel_metrics_exporter: MetricsExporter,
    /// `true` (in any case) sends nothing to any collector, whatever the other settings say
    #[arg(long, env, value_name = "BOOLEAN", default_value = "false", action = ArgAction::Set)]
    #[arg(value_parser = boolean)]
    pub otel_sdk_disabled: bool,
}

impl TelemetrySettings {
    /// Whether traces are sent anywhere.
    pub fn traces(&self) -> bool {
        let endpoint = self.otel_exporter_otlp_traces_endpoint.as_deref();
        !self.otel_sdk_disabled && endpoint.or(self.endpoint()).is_some()
    }

    /// Whether metrics are sent anywhere.
    pub fn sends_metrics(&self) -> bool {
        !self.otel_sdk_disabled && self.otel_metrics_exporter == MetricsExporter::Otlp
    }

    /// The base URL of the collector.
    pub fn endpoint(&self) -> Option<&str> {
        self.otel_exporter_otlp_endpoint.as_deref()
    }

    /// Where traces are sent, with the path.
    pub fn traces_endpoint(&self) -> Option<String> {
        self.otel_exporter_otlp_traces_endpoint
            .clone()
            .or_else(|| self.signal_endpoint("v1/traces"))
    }

    /// Where a signal is sent that has no endpoint of its own.
    pub fn signal_endpoint(&self, path: &str) -> Option<String> {
        let base = self.endpoint()?;
        Some(match self.otel_exporter_otlp_protocol {
            OtlpProtocol::Grpc => base.to_owned(),
            OtlpProtocol::HttpProtobuf => format!("{}/{path}", base.trim_end_matches('/')),
        })
    }

    /// The service's name where one was given.
    pub fn service_name(&self) -> Option<&str> {
        self.otel_service_name.as_deref()
    }

    /// Checks what has more to it than its form, whether it is going to be used or not.
    ///
    /// # Errors
    /// Names the variable and its rule.
    pub fn check(&self) -> Result<(), SettingFault> {
        check_url("OTEL_EXPORTER_OTLP_ENDPOINT", self.endpoint())?;
        let traces = self.otel_exporter_otlp_traces_endpoint.as_deref();
        check_url("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", traces)?;
        if self.sends_metrics() && self.endpoint().is_none() {
            let rule = "is otlp, which needs OTEL_EXPORTER_OTLP_ENDPOINT";
            return Err(SettingFault::new("OTEL_METRICS_EXPORTER", rule));
        }
        self.resource_attributes()?;
        SDK_NUMBERS.into_iter().try_for_each(check_number)?;
        self.sampling().map(drop)
    }

    /// Keys and values that say more about this process; bytes of values may be `%`-encoded.
    pub fn resource_attributes(&self) -> Result<Vec<(String, String)>, SettingFault> {
        let list = self.otel_resource_attributes.as_deref().unwrap_or_default();
        let pairs = list.split(',').filter(|pair| !pair.trim().is_empty());
        pairs
            .map(|pair| {
                let (key, value) = pair.split_once('=').ok_or_else(|| {
                    SettingFault::new("OTEL_RESOURCE_ATTRIBUTES", "must be key=value,…")
                })?;
                let value = percent_decode_str(value.trim()).decode_utf8_lossy();
                Ok((key.trim().to_owned(), value.into_owned()))
            })
            .collect()
    }

    /// Which requests are traced. The ratio is checked with samplers that have none, too.
    pub fn sampling(&self) -> Result<TraceSampler, SettingFault> {
        let argument = &self.otel_traces_sampler_arg;
        let fault = |rule| {
            let rule = format!("{rule}, but is '{argument}'");
            SettingFault::new("OTEL_TRACES_SAMPLER_ARG", rule)
        };
        TraceSampler::parse_ratio(argument).map_err(fault)?;
        self.otel_traces_sampler.with_ratio(argument).map_err(fault)
    }
}

/// What the SDK reads by itself; it passes over what is no number.
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

fn check_number(variable: &'static str) -> Result<(), SettingFault> {
    let value = std::env::var_os(variable).unwrap_or_default();
    let is_number = value.to_str().is_some_and(|text| text.parse::<u64>().is_ok());
    if value.is_empty() || is_number {
        Ok(())
    } else {
        Err(SettingFault::new(variable, "must be a whole number"))
    }
}

fn check_url(variable: &'static str, url: Option<&str>) -> Result<(), SettingFault> {
    const RULE: &str = "must be an http:// or https:// URL, such as http://collector:4318";
    let is_usable = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let usable = url.is_none_or(|url| Url::parse(url).is_ok_and(is_usable));
    // The URL may hold a password, so it is not shown.
    if usable { Ok(()) } else { Err(SettingFault::new(variable, RULE)) }
}

/// A sampler by its name, in any case as OpenTelemetry wants it.
fn sampler(name: &str) -> Result<TraceSampler, SamplerError> {
    name.to_ascii_lowercase().parse()
}

/// How a collector is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OtlpProtocol {
    #[value(name = "http/protobuf")]
    HttpProtobuf,
    Grpc,
}

/// Where metrics go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MetricsExporter {
    Prometheus,
    Otlp,
    None,
}
