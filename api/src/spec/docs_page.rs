//! The page with the documentation of a service: Swagger UI, which the framework writes into one file.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use poem::endpoint::make_sync;
use poem::http::HeaderValue;
use poem::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, IF_NONE_MATCH};
use poem::{Endpoint, Request, Response};
use sha2::{Digest, Sha256};

use crate::entity_tag::{self, REVALIDATE};

/// The elements whose content a policy permits by its hash.
const STYLE: &str = "style";
const SCRIPT: &str = "script";

/// The beginning of the framework's page, and ours: with its language, and not in quirks mode.
const BEGINNING: (&str, &str) = ("<html charset=\"UTF-8\">", "<!DOCTYPE html>\n<html lang=\"en\">");
const TITLE: &str = "<title>Swagger UI</title>";
/// The element that the documentation is drawn into.
const DRAWN: &str = "<div id=\"ui\"";
/// A link back to the web page, which has this one below a prefix; without one it does not exist.
const WAY_BACK: &str = "<p><a id=\"page\" href=\"../\" hidden>\u{2190} Energy Readings</a></p>\
                        <script>document.getElementById('page').hidden = location.pathname === '/docs'</script>";

/// Serves the page with its Content-Security-Policy and its entity tag.
pub(super) fn docs_page(html: &str, title: &str) -> impl Endpoint<Output = Response> + use<> {
    // Of all requests: a copy for each of its uses, and for each response, would be 1.7 MB.
    let html = Bytes::from(completed(html, title));
    // At the first request: hashing 1.7 MB would slow each start down.
    let of = html.clone();
    let policy = LazyLock::new(move || {
        let html = String::from_utf8_lossy(&of);
        HeaderValue::from_str(&content_security_policy(&html)).ok()
    });
    let of = html.clone();
    let tag = LazyLock::new(move || entity_tag::weak(&hex::encode(Sha256::digest(&of))));
    make_sync(move |request: Request| {
        let page = Response::builder().content_type("text/html; charset=utf-8");
        let mut response = page.body(html.clone());
        response.headers_mut().insert(CACHE_CONTROL, REVALIDATE);
        if let Some(policy) = &*policy {
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy.clone());
        }
        match &*tag {
            Some(tag) => {
                let if_none_match = request.headers().get(IF_NONE_MATCH);
                entity_tag::tagged(response, tag.clone(), if_none_match)
            }
            None => response,
        }
    })
}

/// The framework's page with the name of the service, its language and a way back.
fn completed(html: &str, title: &str) -> String {
    let head = format!(
        "<title>{title}</title>\n    <meta name=\"viewport\" content=\"width=device-width\">"
    );
    let html = html.replacen(BEGINNING.0, BEGINNING.1, 1).replacen(TITLE, &head, 1);
    let at = html.rfind(DRAWN).unwrap_or(html.len());
    let (before, after) = html.split_at(at);
    [before, WAY_BACK, after].concat()
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

    #[test]
    fn the_page_has_a_name_a_language_and_a_way_back() {
        let framework =
            "\n<html charset=\"UTF-8\"><title>Swagger UI</title><body>\n<div id=\"ui\"></div>";
        let page = completed(framework, "Ingestion API");
        for part in ["<!DOCTYPE html>\n<html lang=\"en\">", "<title>Ingestion API</title>"] {
            assert!(page.contains(part), "{page}");
        }
        assert!(page.find("href=\"../\"") < page.find(DRAWN), "{page}");
    }
}
