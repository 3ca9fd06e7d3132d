//! The link to the next page.

use poem::Request;

/// The value of `Link` for the next page (RFC 8288): the query alone, so that it is right behind a proxy that changes
/// the path. It has the parameters of the request but those that the cursor replaces.
pub(super) fn next_link(request: &Request, cursor: &str, replaced: &[&str]) -> String {
    let is_replaced = |part: &str| replaced.contains(&part.split('=').next().unwrap_or_default());
    let sent = request.uri().query().unwrap_or_default().split('&');
    let others = sent.filter(|part| !part.is_empty() && !is_replaced(part));
    // The cursor is first: of a repeated parameter, the first one counts.
    let query = others.fold(format!("cursor={cursor}"), |query, part| query + "&" + part);
    format!("<?{query}>; rel=\"next\"")
}
