//! Malformed requests: bodies that are no reading, heads that are not HTTP, and parameters that no
//! operation has. All are drawn from a seed; none may be accepted, and none may be the server's fault.

use std::fmt::{self, Debug};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::rng::Rng;
use crate::common::http::Http;

const VALID: &str = r#"{"site_id":"house-01","device_id":"main-meter","power_reading":1500.5,"timestamp":"2024-01-15T10:30:00Z"}"#;

/// The deepest nesting of a body: as many brackets as a body of 64 KiB may have.
const DEEPEST: u64 = 30_000;

/// One malformed request: bytes for a connection of its own.
pub struct Malformed {
    pub kind: &'static str,
    bytes: Vec<u8>,
}

/// The statuses of the responses; empty when the connection was closed without one.
pub type Statuses = Vec<u16>;

/// A kind of request and how one is drawn.
type Kind = (&'static str, fn(&mut Rng) -> Vec<u8>);

/// For the Ingestion API.
const WRITES: &[Kind] = &[
    ("body cut", |rng| post(&VALID.as_bytes()[..index(rng, VALID.len())])),
    ("body not UTF-8", |rng| post(&not_utf8(rng))),
    ("body of random bytes", |rng| post(&[b"x", junk(rng, 200).as_slice()].concat())),
    ("wrong type", |rng| post(wrong_type(rng).as_bytes())),
    ("array of the values", |_| {
        post(br#"["house-01","main-meter",1500.5,"2024-01-15T10:30:00Z"]"#)
    }),
    ("deep nesting", |rng| post(nested(rng).as_bytes())),
    ("huge number", |rng| post(with("power_reading", &huge_number(rng)).as_bytes())),
    ("NUL", |rng| post(&nul(rng))),
    ("long id", |rng| {
        post(with("site_id", &format!("\"{}\"", repeat("é", rng, 200, 25_000))).as_bytes())
    }),
    ("lone surrogate", |_| post(with("device_id", r#""\ud800""#).as_bytes())),
    ("invalid timestamp", |rng| post(with("timestamp", &invalid_timestamp(rng)).as_bytes())),
    ("body too large", |rng| post(repeat(" ", rng, 65_537, 70_000).as_bytes())),
    ("other content type", |rng| {
        let other =
            *rng.pick(&["text/plain", "application/xml", "multipart/form-data", "\u{7f}", ";"]);
        request("POST /readings", &format!("Content-Type: {other}\r\n"), VALID.as_bytes())
    }),
    ("compressed", |rng| {
        let body = [&[0x1f, 0x8b, 8], junk(rng, 60).as_slice()].concat();
        request(
            "POST /readings",
            "Content-Type: application/json\r\nContent-Encoding: gzip\r\n",
            &body,
        )
    }),
    ("batch cut", |rng| {
        let array = format!("[{VALID},{VALID}]");
        batch("application/json", &array.as_bytes()[..index(rng, array.len())])
    }),
    ("batch of other values", |rng| {
        let values = format!("[{}, {}, {{}}]", wrong_type(rng), nested(rng));
        batch("application/json", values.as_bytes())
    }),
    ("batch of random lines", |rng| {
        let media_type = *rng.pick(&["application/x-ndjson", "text/csv", "application/json"]);
        batch(media_type, &[b"x", junk(rng, 400).as_slice(), b"\nx\n"].concat())
    }),
    ("rows of a CSV that are none", |rng| {
        let header = b"site_id,device_id,power_reading,timestamp\n\"".as_slice();
        batch("text/csv", &[header, junk(rng, 400).as_slice()].concat())
    }),
    ("batch of another type", |rng| {
        batch(
            rng.pick::<&str>(&["text/plain", "text/csv+x", "\u{7f}"]),
            format!("[{VALID}]").as_bytes(),
        )
    }),
    ("compressed batch", |rng| {
        let coding = *rng.pick(&["gzip", "deflate", "zstd", "br", "gzip, gzip"]);
        let begin = *rng.pick(&[&[0x1f, 0x8b, 8][..], &[0x78, 0x9c], &[0x28, 0xb5, 0x2f, 0xfd]]);
        let fields = format!("Content-Type: text/csv\r\nContent-Encoding: {coding}\r\n");
        request("POST /readings/batch", &fields, &[begin, junk(rng, 200).as_slice()].concat())
    }),
    ("invalid idempotency key", |rng| {
        let long = "k".repeat(256);
        let key = *rng.pick(&["", "a b", "é", "\t", long.as_str()]);
        let head = format!("Content-Type: application/json\r\nIdempotency-Key: {key}\r\n");
        request("POST /readings", &head, VALID.as_bytes())
    }),
    ("invalid chunks", |rng| chunked(rng)),
    ("body shorter than declared", |rng| {
        let length = VALID.len() as u64 + rng.between(1, 60_000);
        format!(
            "POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{VALID}"
        )
        .into()
    }),
    ("invalid length", |rng| {
        let length =
            *rng.pick(&["many", "-1", "+5", "1e3", "0x10", "5, 6", "99999999999999999999999", ""]);
        format!(
            "POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{{}}"
        )
        .into()
    }),
    ("two lengths", |_| {
        b"POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} "
            .into()
    }),
    ("length and chunks", |_| {
        b"POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".into()
    }),
    ("invalid host", |rng| {
        let hosts = *rng.pick(&[
            "",
            "Host: a\r\nHost: b\r\n",
            "Host: a/b\r\n",
            "Host: a@b\r\n",
            "Host: é\r\n",
        ]);
        let length = VALID.len();
        format!("POST /readings HTTP/1.1\r\n{hosts}Content-Length: {length}\r\n\r\n{VALID}").into()
    }),
    ("invalid field", |rng| head(rng)),
    ("invalid request line", |rng| request_line(rng)),
    ("not HTTP", |rng| not_http(rng)),
];

/// For the Processing Service.
const READS: &[Kind] = &[
    ("invalid path", |rng| {
        let path = *rng.pick(&[
            "/sites/%ff/readings",
            "/sites/%/readings",
            "/sites/%zz/readings",
            "/sites//readings",
            "/sites/%00/readings",
            "//",
            "/..",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/sites/..%2f..%2fetc/readings",
            "/pipeline/",
            "/%%36%31",
            "*",
            "/pipeline/dead-letters/",
            "http://user@x/sites",
            "/sites/%ed%a0%80/readings",
            "/nowhere?%00=%ff",
        ]);
        request(
            &format!("{} {path}", rng.pick(&["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])),
            "",
            b"",
        )
    }),
    ("invalid parameter", |rng| {
        let (name, value) = (*rng.pick(&["limit", "cursor"]), any_parameter(rng));
        request(&format!("GET /pipeline/dead-letters?{name}={value}"), "", b"")
    }),
    ("page after anything", |rng| {
        let (name, value) =
            (*rng.pick(&["after", "cursor", "prefix", "limit"]), any_parameter(rng));
        request(&format!("GET /sites?{name}={value}"), "", b"")
    }),
    ("invalid dead letter", |rng| {
        let id = any_parameter(rng);
        let (method, retry) = *rng.pick(&[("DELETE", ""), ("POST", "/retry")]);
        request(&format!("{method} /pipeline/dead-letters/{id}{retry}"), "", b"")
    }),
    ("invalid field", |rng| head(rng)),
    ("invalid request line", |rng| request_line(rng)),
    ("not HTTP", |rng| not_http(rng)),
];

impl Malformed {
    /// The n-th request to the Ingestion API.
    pub fn write(seed: u64, n: u64) -> Self {
        Self::nth(WRITES, seed, n)
    }

    /// The n-th request to the Processing Service.
    pub fn read(seed: u64, n: u64) -> Self {
        Self::nth(READS, seed, n)
    }

    fn nth(kinds: &[Kind], seed: u64, n: u64) -> Self {
        let mut rng = Rng::seeded(seed.wrapping_mul(0x0100_0000_01b3) ^ n);
        let (kind, draw) = *rng.pick(kinds);
        Self { kind, bytes: draw(&mut rng) }
    }

    /// Sends it over a connection of its own, ends that, and reads the responses.
    pub async fn send(&self, server: &Http) -> Statuses {
        let address = server.base().trim_start_matches("http://");
        let mut connection = TcpStream::connect(address).await.expect("the server listens");
        // Err in each: the server has responded already and closed the connection.
        let _ = connection.write_all(&self.bytes).await;
        let _ = connection.shutdown().await;
        let mut responses = Vec::new();
        let _ = connection.read_to_end(&mut responses).await;
        let text = String::from_utf8_lossy(&responses);
        let status = |response: &str| response.get(..3)?.parse().ok();
        text.split("HTTP/1.1 ").skip(1).filter_map(status).collect()
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.bytes[..self.bytes.len().min(300)];
        write!(f, "{}: {:?}", self.kind, String::from_utf8_lossy(shown))
    }
}

fn request(line: &str, fields: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("{line} HTTP/1.1\r\nHost: localhost\r\n{fields}Content-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn post(body: &[u8]) -> Vec<u8> {
    request("POST /readings", "Content-Type: application/json\r\n", body)
}

fn batch(media_type: &str, body: &[u8]) -> Vec<u8> {
    request("POST /readings/batch", &format!("Content-Type: {media_type}\r\n"), body)
}

/// The valid body with this value in place of a field's.
fn with(field: &str, value: &str) -> String {
    let mut body: Vec<String> = Vec::new();
    for member in VALID.trim_matches(['{', '}']).split(',') {
        let (name, valid) = member.split_once(':').unwrap();
        let value = if name.trim_matches('"') == field { value } else { valid };
        body.push(format!("{name}:{value}"));
    }
    format!("{{{}}}", body.join(","))
}

fn index(rng: &mut Rng, end: usize) -> usize {
    usize::try_from(rng.below(end as u64)).unwrap()
}

fn repeat(text: &str, rng: &mut Rng, from: u64, to: u64) -> String {
    text.repeat(usize::try_from(rng.between(from, to)).unwrap())
}

/// Fewer than `most` random bytes.
fn junk(rng: &mut Rng, most: u64) -> Vec<u8> {
    (0..rng.below(most)).map(|_| u8::try_from(rng.below(256)).unwrap()).collect()
}

fn not_utf8(rng: &mut Rng) -> Vec<u8> {
    let invalid: &[u8] =
        rng.pick::<&[u8]>(&[b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xc3"]);
    let (before, after) = VALID.split_at(VALID.find("house").unwrap());
    [before.as_bytes(), invalid, after.as_bytes()].concat()
}

fn wrong_type(rng: &mut Rng) -> String {
    let field = *rng.pick(&["site_id", "device_id", "power_reading", "timestamp"]);
    with(
        field,
        rng.pick::<&str>(&[
            "null",
            "true",
            "[]",
            "{}",
            "[[1]]",
            "NaN",
            r#""""#,
            "-5",
            r#"{"a":"b"}"#,
        ]),
    )
}

fn nested(rng: &mut Rng) -> String {
    let depth = usize::try_from(rng.between(100, DEEPEST)).unwrap();
    let arrays = "[".repeat(depth) + &"]".repeat(depth);
    match rng.below(3) {
        0 => arrays,
        1 => with("power_reading", &arrays),
        _ => with("site_id", &("{\"a\":".repeat(depth / 5) + "1")),
    }
}

fn huge_number(rng: &mut Rng) -> String {
    let digits = repeat("9", rng, 400, 60_000);
    match rng.below(4) {
        0 => digits,
        1 => format!("-{digits}.{digits:.3}"),
        2 => format!("1e{}", rng.between(400, u64::MAX)),
        _ => format!("-0.1e{}", rng.between(400, 1_000_000)),
    }
}

fn nul(rng: &mut Rng) -> Vec<u8> {
    match rng.below(4) {
        0 => with("site_id", r#""a\u0000b""#).into(),
        1 => with("site_id", "\"a\0b\"").into(),
        2 => [b"\0", VALID.as_bytes()].concat(),
        _ => vec![0; usize::try_from(rng.between(1, 1_000)).unwrap()],
    }
}

fn invalid_timestamp(rng: &mut Rng) -> String {
    let texts = [
        "",
        "1705314600",
        "2024-02-30T00:00:00Z",
        "2024-01-15T24:00:00Z",
        "2024-01-15T10:30:60Z",
        "jazz",
        "2024",
    ];
    let long = format!("2024-01-15T10:30:00.{}Z", repeat("1", rng, 128, 60_000));
    let any = String::from_utf8_lossy(&junk(rng, 40)).into_owned();
    let text = match rng.below(9) {
        7 => &long,
        8 => &format!("x{any}"),
        n => texts[usize::try_from(n).unwrap()],
    };
    serde_json::Value::from(text).to_string()
}

/// Chunks that are malformed, or whose body is no reading.
fn chunked(rng: &mut Rng) -> Vec<u8> {
    let chunks = *rng.pick(&[
        "zz\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "5\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}0\r\n\r\n",
        "2\r\n{}\r\n",
        "2\n{}\n0\n\n",
        "ffffffffffffffffff\r\n{}",
        "fffffff\r\n{}",
        "2;a=\"\0\r\n{}\r\n0\r\n\r\n",
        "0\r\n\r\n",
        "0\r\nTrailer\r\n\r\n",
        "\r\n\r\n",
        "",
    ]);
    let extension = repeat("e", rng, 1, 40_000);
    let chunks = if rng.one_in(14) {
        format!("2;{extension}\r\n{{}}\r\n0\r\n\r\n")
    } else {
        chunks.to_owned()
    };
    format!(
        "POST /readings HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"
    )
    .into()
}

/// A head with an invalid field, or with more than a head may have.
fn head(rng: &mut Rng) -> Vec<u8> {
    let long = format!("X-Long: {}", repeat("x", rng, 17_000, 70_000));
    let many = repeat("A: b\r\n", rng, 101, 2_000) + "A: b";
    let field = *rng.pick(&[
        "no colon",
        ": no name",
        "Name : value",
        "N\0me: value",
        "Name: v\0lue",
        "Name: \r bare",
        "Näme: value",
        " folded: value",
        "(name): value",
        long.as_str(),
        many.as_str(),
    ]);
    format!("GET /livez HTTP/1.1\r\nHost: localhost\r\n{field}\r\n\r\n").into()
}

fn request_line(rng: &mut Rng) -> Vec<u8> {
    let long = format!("GET /{} HTTP/1.1", repeat("a", rng, 17_000, 70_000));
    let line = *rng.pick(&[
        "GET",
        "GET /readings",
        "GET  /readings HTTP/1.1",
        "GET /read ings HTTP/1.1",
        "G\0T / HTTP/1.1",
        "GÉT / HTTP/1.1",
        "GET / HTTP/9.9",
        "GET / HTTP/1.2",
        "GET / http/1.1",
        "GET / HTTP/1.1 more",
        "get / HTTP/1.1",
        "BREW /coffee HTTP/1.1",
        "CONNECT x:443 HTTP/1.1",
        "TRACE / HTTP/1.1",
        "PRI * HTTP/2.0",
        "GET \u{1} HTTP/1.1",
        "GET /\u{ff} HTTP/1.1",
        long.as_str(),
    ]);
    format!("{line}\r\nHost: localhost\r\n\r\n").into()
}

fn not_http(rng: &mut Rng) -> Vec<u8> {
    let begin: &[u8] = rng.pick::<&[u8]>(&[
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", // a TLS ClientHello
        b"*1\r\n$4\r\nPING\r\n",
        b"\0\0\0\0",
        b"\r\n\r\n\r\n",
        b"",
    ]);
    [begin, &junk(rng, 500), b"\r\n\r\n"].concat()
}

fn any_parameter(rng: &mut Rng) -> String {
    let long = repeat("9", rng, 20, 8_000);
    let fixed = *rng.pick(&[
        "",
        "-1",
        "0",
        "1e9",
        "NaN",
        "%00",
        "%ff%fe",
        "%",
        "5-",
        "-5",
        "5-5-5",
        "99999999999999999999-0",
        "%F0%9F%8F%A0",
        "18446744073709551615-18446744073709551615",
        "..%2f",
        "a&limit=b",
        long.as_str(),
    ]);
    fixed.to_owned()
}

impl Debug for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
