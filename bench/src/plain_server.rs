//! The baseline of `ingest`: the validation and store of the product, without framework, timeouts, metrics or other
//! endpoints.

use std::io::{self, Write};

use anyhow::anyhow;
use chrono::Utc;
use readings::store::codec::ingestion_time;
use readings::store::stream::ReadingStream;
use readings::validation::parse_reading;
use tokio::net::TcpListener;

use crate::cli::PlainArguments;
use crate::http::HttpStream;
use crate::redis_server::{HOST, keys, server};

/// Serves until it is killed.
///
/// # Errors
/// When it cannot listen.
pub async fn run(arguments: &PlainArguments) -> anyhow::Result<()> {
    let stream = ReadingStream::new(keys(), server(arguments.redis_port)?.shared());
    stream.ensure_group().await?;
    let listener = TcpListener::bind((HOST, 0)).await?;
    writeln!(io::stdout(), "plain-server listens on http://{}", listener.local_addr()?)?;
    loop {
        let connection = HttpStream::new(listener.accept().await?.0)?;
        let stream = stream.clone();
        tokio::spawn(async move {
            if let Err(error) = serve(connection, &stream).await {
                // The bench detects the lost readings.
                let _ = writeln!(io::stderr(), "{error:#}");
            }
        });
    }
}

async fn serve(mut connection: HttpStream, stream: &ReadingStream) -> anyhow::Result<()> {
    while let Some(body) = connection.next_request().await? {
        let reading = parse_reading(&body).map_err(|errors| anyhow!("{errors:?}"))?;
        let id = stream.append(&reading, &ingestion_time(Utc::now())).await?;
        let body = format!(r#"{{"status":"accepted","stream_id":"{id}"}}"#);
        let length = body.len();
        let head = "HTTP/1.1 201 Created\r\ncontent-type: application/json; charset=utf-8";
        let response = format!("{head}\r\ncontent-length: {length}\r\n\r\n{body}");
        connection.respond(response.as_bytes()).await?;
    }
    Ok(())
}
