//! API keys with a `certificate_name`: a client certificate authenticates in place of the secret.

use reqwest::{Client, Method};
use serde_json::json;

use crate::common::http::{Http, Reply};
use crate::common::keys::KeysFile;
use crate::common::product::{Role, ingestion_api};
use crate::common::readings::reading;
use crate::common::redis::{RedisServer, STREAM};
use crate::common::tls::{Authority, TlsFiles};
use crate::common::up::{Up, up};
use crate::common::wait;

const NAME: &str = "gateway-7.example";

/// A service with HTTPS and keys, one of which has a certificate's name.
struct Keyed {
    redis: RedisServer,
    authority: Authority,
    clients: Authority,
    keys: KeysFile,
    ingestion: Role,
}

impl Keyed {
    async fn start() -> Self {
        let redis = RedisServer::start().await;
        let (authority, clients) = (Authority::new("authority"), Authority::new("clients"));
        let keys = KeysFile::new();
        create(&keys, &["--name", "gateway-7", "--scope", "write", "--site", "house-*"]).await;
        let files = TlsFiles::of(&authority.service());
        let launch = files.secure_for(&clients, ingestion_api(&redis));
        let launch = launch.env("API_KEYS_FILE", keys.path().display());
        let ingestion = launch.start_for(authority.http_client()).await;
        Self { redis, authority, clients, keys, ingestion }
    }

    /// A client whose certificate has this DNS name.
    fn named(&self, name: &str) -> Http {
        self.by(self.authority.http_client_as(&self.clients.client(name)))
    }

    fn without_certificate(&self) -> Http {
        self.by(self.authority.http_client())
    }

    fn by(&self, client: Client) -> Http {
        Http::with(client, self.ingestion.base())
    }

    async fn stored(&self) -> u64 {
        self.redis.run(&["XLEN", STREAM]).await
    }
}

/// Creates a key for certificates of [`NAME`].
async fn create(keys: &KeysFile, arguments: &[&str]) -> String {
    keys.create(&[arguments, &["--certificate-name", NAME]].concat()).await
}

async fn post(http: &Http, site: &str) -> (u16, String) {
    outcome(&http.post("/readings", reading(site).to_string()).await)
}

async fn post_with(http: &Http, authorization: &str) -> (u16, String) {
    let request = http.request(Method::POST, "/readings").header("authorization", authorization);
    outcome(&Reply::of(request.body(reading("house-1").to_string())).await)
}

/// The status of a reply, and the code of its error.
fn outcome(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["code"].as_str().unwrap_or_default().to_owned())
}

fn rejected(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_certificate_with_the_name_of_a_key_authenticates_without_a_secret() {
    let service = Keyed::start().await;
    for name in [NAME, "GATEWAY-7.Example"] {
        assert_eq!(post(&service.named(name), "house-1").await.0, 201, "{name}");
    }
    for name in ["gateway-8.example", "example", "x.gateway-7.example", "*.example", "127.0.0.1"] {
        let reply = post(&service.named(name), "house-1").await;
        assert_eq!(reply, rejected(401, "api_key_missing"), "{name}");
    }
    assert_eq!(service.stored().await, 2);
}

#[tokio::test]
async fn scopes_sites_and_expiry_of_the_key_apply() {
    let service = Keyed::start().await;
    let client = service.named(NAME);
    assert_eq!(post(&client, "shop").await, rejected(403, "site_forbidden"));
    assert_eq!(outcome(&client.get("/metrics").await), rejected(403, "scope_missing"));
    assert_eq!(service.stored().await, 0);
    service.keys.change("gateway-7", "expires", json!("2020-01-01T00:00:00Z"));
    wait::until("the key has expired", async || {
        post(&client, "house-1").await == rejected(401, "api_key_expired")
    })
    .await;
    assert!(service.keys.revoke("gateway-7").await.status.success());
    wait::until("the key is revoked", async || {
        post(&client, "house-1").await == rejected(401, "api_key_missing")
    })
    .await;
}

#[tokio::test]
async fn with_keys_a_certificate_is_optional_but_must_be_valid() {
    let service = Keyed::start().await;
    let plain = service.without_certificate();
    let key = service.keys.create(&["--name", "meter", "--scope", "write"]).await;
    let bearer = format!("Bearer {key}");
    wait::until("the key is in use", async || post_with(&plain, &bearer).await.0 == 201).await;
    let reply = plain.post("/readings", reading("house-1").to_string()).await;
    assert_eq!(outcome(&reply), rejected(401, "api_key_missing"));
    assert_eq!(reply.header("www-authenticate"), "Bearer");
    for path in ["/livez", "/readyz", "/health", "/docs", "/openapi.json"] {
        assert_eq!(plain.get(path).await.status, 200, "{path}");
    }
    for identity in [service.clients.expired_client(NAME), Authority::new("other").client(NAME)] {
        let http = service.by(service.authority.http_client_as(&identity));
        let sent = http.try_post("/readings", reading("house-1").to_string()).await;
        assert!(sent.is_err(), "the handshake fails: {sent:?}");
    }
}

#[tokio::test]
async fn a_token_decides_in_place_of_the_certificate() {
    let service = Keyed::start().await;
    let client = service.named(NAME);
    let read = service.keys.create(&["--name", "reader", "--scope", "read"]).await;
    let bearer = format!("Bearer {read}");
    wait::until("the token's scopes are those of the request", async || {
        post_with(&client, &bearer).await == rejected(403, "scope_missing")
    })
    .await;
    for invalid in ["Bearer x", "Basic eA==", ""] {
        assert_eq!(post_with(&client, invalid).await, rejected(401, "api_key_invalid"));
    }
}

#[tokio::test]
async fn a_certificate_authenticates_behind_the_pages_prefix() {
    let directory = tempfile::tempdir().unwrap();
    let (authority, clients) = (Authority::new("authority"), Authority::new("clients"));
    let keys = KeysFile::new();
    create(&keys, &["--name", "dashboard", "--scope", "read"]).await;
    let files = TlsFiles::of(&authority.service());
    let launch = files.secure_for(&clients, up(directory.path()));
    let launch = launch.env("API_KEYS_FILE", keys.path().display());
    let client = authority.http_client_as(&clients.client(NAME));
    let up = Up::launched_for(client, launch, directory.path()).await;
    assert_eq!(up.page.get("/api/sites").await.status, 200);
    assert_eq!(outcome(&up.page.get("/api/pipeline").await), rejected(403, "scope_missing"));
    let without = Http::with(authority.http_client(), up.page.base());
    let page = without.get("/").await.status;
    assert!(![401, 403].contains(&page), "the page's files are open: {page}");
    assert_eq!(outcome(&without.get("/api/sites").await), rejected(401, "api_key_missing"));
}
