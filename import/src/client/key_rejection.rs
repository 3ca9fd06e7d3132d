//! What to do about a response that rejects the API key, or asks for a client certificate.

use reqwest::StatusCode;

/// How a key is given to the import.
const GIVE: &str = "by --api-key-file FILE or IMPORT_API_KEY";

/// Whether a response means that no row can be sent as the import sends them, whatever was accepted before: a key may
/// expire or be revoked meanwhile.
pub(super) const fn rejects_credentials(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// The advice for a `code` of the service; a gateway has other codes, or none.
pub(super) fn advice(code: Option<&str>) -> String {
    match code {
        Some("api_key_missing") => format!("give an API key {GIVE}"),
        Some("api_key_invalid") => {
            format!("give an API key of this service {GIVE}; this one is unknown or revoked")
        }
        Some("api_key_expired") => format!("give a new API key {GIVE}"),
        Some("scope_missing") => format!("give an API key with the scope write {GIVE}"),
        Some("site_forbidden") => format!("give an API key for the sites of the file {GIVE}"),
        Some("client_certificate_required") => {
            "give a client certificate by --cert-file FILE --key-file FILE".to_owned()
        }
        _ => {
            "a gateway requires credentials, which the URL may contain: https://user:password@host"
                .to_owned()
        }
    }
}
