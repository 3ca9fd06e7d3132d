//! The banner of `up`: the addresses of the services, printed when they are ready.

use std::net::SocketAddr;
use std::time::Duration;

use api::frontend;
use poem::http::uri::Scheme;
use tokio::time::{Instant, sleep};
use tracing::warn;

use crate::config::program;
use crate::console;
use crate::readiness::{NotReady, ReadinessClient};

/// Interval of readiness checks. Too low: needless commands to Redis. Too high: the banner is that late.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// A start that takes longer prints what it waits for.
const SLOW_START: Duration = Duration::from_secs(1);

/// A request for the banner's example.
const READING: &str = r#"{"site_id": "house-01", "device_id": "main-meter", "power_reading": 1500.5, "timestamp": "2024-01-15T10:30:00Z"}"#;

/// The header of the banner's example where API keys are required. Not a key of the file, which has none.
const AUTHORIZATION: &str = r#" -H "Authorization: Bearer $API_KEY""#;

/// The addresses of all services and of Redis.
pub struct Banner {
    /// The scheme of the services' URLs.
    pub scheme: Scheme,
    pub ingestion: SocketAddr,
    pub processing: SocketAddr,
    pub frontend: SocketAddr,
    /// A description of the server.
    pub redis: String,
    /// The MQTT broker that readings come from.
    pub broker: Option<String>,
    /// Whether requests need an API key.
    pub requires_keys: bool,
}

impl Banner {
    /// Prints the banner when both services are ready. If that takes long, prints the reason once.
    pub async fn print_when_ready(self) {
        let client = ReadinessClient::new(self.scheme.clone());
        let Ok(client) = client.inspect_err(|error| warn!(%error, "cannot check readiness")) else {
            return;
        };
        let (started, mut printed) = (Instant::now(), false);
        while let Err(NotReady::Unreachable(reason) | NotReady::Unready(reason)) =
            self.check(&client).await
        {
            if started.elapsed() > SLOW_START && !printed {
                let redis = &self.redis;
                console::print(format_args!(
                    "energy-pipeline listens, but is not ready. It waits for Redis at {redis}: {reason}"
                ));
                printed = true;
            }
            sleep(CHECK_INTERVAL).await;
        }
        if !frontend::is_built_in() {
            warn!("this program was built without the web page; `make build` includes it");
        }
        self.lines().iter().for_each(console::print);
    }

    async fn check(&self, client: &ReadinessClient) -> Result<(), NotReady> {
        client.check(self.ingestion).await?;
        client.check(self.processing).await
    }

    fn lines(&self) -> Vec<String> {
        let Self { scheme, ingestion, processing, frontend, redis, broker, requires_keys } = self;
        let (program, key) = (program(), if *requires_keys { AUTHORIZATION } else { "" });
        let mut lines = vec![
            "energy-pipeline is up.".to_owned(),
            String::new(),
            format!("  page            {scheme}://{frontend}/"),
            format!("  ingestion API   {scheme}://{ingestion}/docs"),
            format!("  processing      {scheme}://{processing}/docs"),
            format!("  Redis           {redis}"),
        ];
        lines.extend(broker.iter().map(|broker| format!("  MQTT broker     {broker}")));
        lines.extend([
            String::new(),
            "Send a reading, and read it back:".to_owned(),
            String::new(),
            format!(
                "  curl -X POST {scheme}://{ingestion}/readings{key} -H 'Content-Type: application/json' -d '{READING}'"
            ),
            format!("  curl {scheme}://{processing}/sites/house-01/readings{key}"),
            String::new(),
            format!("Other commands, such as dead-letters: {program} --help"),
            "Ctrl-C stops it; the data are kept.".to_owned(),
        ]);
        lines
    }
}
