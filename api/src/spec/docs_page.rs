//! The page with the documentation of a service: Swagger UI, which the framework writes into one file.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use poem::endpoint::make_sync;
use poem::http::HeaderValue;
use poem::http::header::CONTENT_SECURITY_POLICY;
use poem::web::Html;
use poem::{Endpoint, IntoResponse, Response};
use sha2::{Digest, Sha256};

/// The elements whose content a policy permits by its hash.
const STYLE: &str = "style";
const SCRIPT: &str = "script";

/// Serves the page with its Content-Security-Policy.
pub(super) fn docs_page(html: String) -> impl Endpoint<Output = Response> {
    // At the first request: hashing 1.5 MB would slow each start down.
    let of = html.clone();
    let policy = LazyLock::new(move || HeaderValue::from_str(&content_security_policy(&of)).ok());
    make_sync(move |_| {
        let mut response = Html(html.clone()).into_response();
        if let Some(policy) = &*policy {
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy.clone());
        }
        response
    })
}

/// The page may run and show what is in it now and nothing else, send requests to its own service only, and be in no
/// frame, where a page around it could make a user click on "Execute".
fn content_security_policy(html: &str) -> String {
    let contents = inline_contents(html);
    let hashes = |element: &str| {
        let of_element = contents.iter().filter(|(name, _)| *name == element);
        let hashes = of_element.map(|(_, content)| {
            format!(" 'sha256-{}'", STANDARD.encode(Sha256::digest(content.as_bytes())))
        });
        hashes.collect::<String>()
    };
    format!(
        "default-src 'none'; script-src{}; style-src{}; img-src 'self' data:; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hashes(SCRIPT),
        hashes(STYLE),
    )
}

/// The name and the content of each inline script and style. The content of one ends at its end tag, as browsers read
/// it, so that the text of a script is not searched for others.
fn inline_contents(html: &str) -> Vec<(&'static str, &str)> {
    let mut contents = Vec::new();
    let mut rest = html;
    let begin = |html: &str, name| Some((html.find(&format!("<{name}"))?, name));
    while let Some((at, name)) = begin(rest, STYLE).into_iter().chain(begin(rest, SCRIPT)).min() {
        let end_tag = format!("</{name}>");
        let Some((_, after)) = rest.get(at..).and_then(|tag| tag.split_once('>')) else { break };
        let Some((content, after)) = after.split_once(&end_tag) else { break };
        contents.push((name, content));
        rest = after;
    }
    contents
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_inline_script_and_style_is_permitted_by_its_hash() {
        let html =
            "<style a=\"b\">x</style><script>let a = '<style>';</script><p><script></script>";
        let expected = [("style", "x"), ("script", "let a = '<style>';"), ("script", "")];
        assert_eq!(inline_contents(html), expected);
        let policy = content_security_policy(html);
        // printf x | openssl dgst -sha256 -binary | base64
        let style = "style-src 'sha256-LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=';";
        assert!(policy.contains(style), "{policy}");
        assert_eq!(policy.matches("'sha256-").count(), 3, "{policy}");
    }
}
