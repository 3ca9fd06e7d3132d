//! The page's nginx, with the configuration of its image.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::files;
use super::http::Http;
use super::process::Process;
use super::redis::free_port;
use super::wait;

/// A running nginx.
pub struct Nginx {
    // Before the directory: fields are dropped in this order.
    _process: Process,
    http: Http,
    _directory: TempDir,
}

impl Nginx {
    /// Starts nginx with `/api` forwarded to these services.
    pub async fn before(ingestion: &str, processing: &str) -> Self {
        let (port, directory) = (free_port(), tempfile::tempdir().unwrap());
        let text = filled_in(&directory, port, ingestion, processing);
        let file = directory.path().join("nginx.conf");
        std::fs::write(&file, text).unwrap();
        // The PATH of a user need not have the folder of servers.
        let debian = Path::new("/usr/sbin/nginx");
        let mut command = Command::new(if debian.exists() { debian } else { Path::new("nginx") });
        command.arg("-e").arg("stderr").arg("-p").arg(directory.path()).arg("-c").arg(&file);
        // One process: a worker would survive its killed master, and keep the pipe of its output open.
        let process =
            Process::start("nginx", command.args(["-g", "daemon off; master_process off;"]));
        let http = Http::at(&format!("http://127.0.0.1:{port}"));
        wait::until("nginx answers", async || {
            let request = http.request(reqwest::Method::GET, "/livez");
            request.send().await.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        Self { _process: process, http, _directory: directory }
    }

    /// The URL of the services.
    pub fn api(&self) -> String {
        format!("{}/api", self.http.base())
    }
}

/// The template filled in as by the image's entrypoint, except for its folders.
fn filled_in(directory: &TempDir, port: u16, ingestion: &str, processing: &str) -> String {
    let mut text = files::text("frontend/nginx.conf.template");
    for (variable, value) in [
        ("FRONTEND_PORT", format!("127.0.0.1:{port}").as_str()),
        ("FRONTEND_WORKERS", "1"),
        ("FRONTEND_ACCESS_LOG", "off"),
        ("FRONTEND_READ_ONLY", "false"),
        ("FRONTEND_OPERATOR_PATHS", "true"),
        ("NGINX_LISTEN_IPV6", ""),
        ("NGINX_LISTEN_TLS", ""),
        ("NGINX_TLS", ""),
        ("FRONTEND_CERT_FILE", ""),
        ("FRONTEND_KEY_FILE", ""),
        ("NGINX_UPSTREAM_TLS", ""),
        ("INGESTION_URL", ingestion),
        ("PROCESSING_URL", processing),
        ("NGINX_LOCAL_RESOLVERS", "127.0.0.1"),
    ] {
        text = text.replace(&format!("${{{variable}}}"), value);
    }
    let folder = directory.path().to_string_lossy();
    text.replace("/tmp/", &format!("{folder}/")).replace("/usr/share/nginx/html", &folder)
}
