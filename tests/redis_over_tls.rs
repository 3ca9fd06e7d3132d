//! Redis behind TLS: `rediss://`, with certificates of a private authority.

use crate::common::files;
use crate::common::product::{Launch, ingestion_api, processing_service};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, free_port};
use crate::common::stored::assert_each_is_stored_once;
use crate::common::wait;

/// A server with TLS as well, and a user with a password.
struct Encrypted {
    redis: RedisServer,
    port: u16,
}

impl Encrypted {
    async fn start() -> Self {
        let port = free_port();
        let [certificate, key] = ["localhost.pem", "localhost.key.pem"].map(certificate);
        let tls = format!(
            "--tls-port {port} --tls-cert-file {certificate} --tls-key-file {key} \
             --tls-ca-cert-file {certificate} --tls-auth-clients no --user app on >secret ~* +@all"
        );
        let arguments: Vec<_> = tls.split_whitespace().collect();
        Self { redis: RedisServer::start_with(&arguments).await, port }
    }

    fn for_service(&self, launch: Launch) -> Launch {
        launch.env("REDIS_URL", format!("rediss://app:secret@localhost:{}", self.port))
    }

    fn trusted_by(&self, launch: Launch) -> Launch {
        self.for_service(launch).env("REDIS_TLS_CA_FILE", certificate("localhost.pem"))
    }
}

fn certificate(name: &str) -> String {
    files::path(&format!("tests/certificates/{name}")).to_str().unwrap().to_owned()
}

#[tokio::test]
async fn readings_go_through_a_redis_with_a_certificate_of_a_private_authority() {
    let server = Encrypted::start().await;
    let ingestion = server.trusted_by(ingestion_api(&server.redis)).start().await;
    let processing = server.trusted_by(processing_service(&server.redis)).start().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        let answer = ingestion.post("/readings", reading("site").to_string()).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        ids.push(answer.json()["stream_id"].as_str().unwrap().to_owned());
    }
    assert_each_is_stored_once(&server.redis, &ids).await;
    assert_eq!(processing.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn an_untrusted_certificate_is_rejected_and_reported() {
    let server = Encrypted::start().await;
    let processing = server.for_service(processing_service(&server.redis)).start().await;
    assert_eq!(processing.get("/readyz").await.status, 503);
    wait::until("the log says why", async || processing.stderr().contains("certificate")).await;
}
