//! The `Authorization` header (RFC 9110, 11.6.2): `Bearer` (RFC 6750), and `Token` as clients of `InfluxDB` send it.

use poem::http::HeaderMap;
use poem::http::header::AUTHORIZATION;

use super::secret::Token;

/// The schemes of a token. Their names are case-insensitive (RFC 9110, 11.1).
const SCHEMES: [&str; 2] = ["Bearer", "Token"];

/// What a request has to authenticate with.
#[derive(Debug)]
pub(super) enum Credentials<'a> {
    /// No `Authorization` header.
    Missing,
    /// Several headers, another scheme, or a malformed token.
    Invalid,
    /// A token; whether a key has it is not known yet.
    Token(Token<'a>),
}

impl<'a> Credentials<'a> {
    /// Those of a request with these headers.
    pub fn of(headers: &'a HeaderMap) -> Self {
        let mut sent = headers.get_all(AUTHORIZATION).iter();
        let (Some(first), another) = (sent.next(), sent.next()) else { return Self::Missing };
        let token = first.to_str().ok().filter(|_| another.is_none()).and_then(token);
        token.map_or(Self::Invalid, Self::Token)
    }
}

fn token(credentials: &str) -> Option<Token<'_>> {
    let (scheme, token) = credentials.split_once(' ')?;
    let is_known = SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
    Token::parse(token.trim_matches(' ')).filter(|_| is_known)
}

#[cfg(test)]
mod properties;

#[cfg(test)]
mod tests {
    use super::super::secret::Secret;
    use super::*;

    fn read(values: &[&str]) -> &'static str {
        let headers = values.iter().map(|value| (AUTHORIZATION, value.parse().unwrap()));
        match Credentials::of(&headers.collect()) {
            Credentials::Missing => "missing",
            Credentials::Invalid => "invalid",
            Credentials::Token(_) => "token",
        }
    }

    #[test]
    fn a_token_has_one_of_two_schemes_in_any_case() {
        let token = Token { id: "a", secret: Secret::generate().unwrap() }.to_string();
        for scheme in ["Bearer", "bearer", "BEARER", "Token", "token", "Bearer  "] {
            assert_eq!(read(&[&format!("{scheme} {token}")]), "token", "{scheme}");
        }
        for scheme in ["Basic", "Digest", "Bearer:", "Bear", "\"Bearer\""] {
            assert_eq!(read(&[&format!("{scheme} {token}")]), "invalid", "{scheme}");
        }
        assert_eq!(read(&[]), "missing");
        for malformed in ["", " ", "Bearer", "Bearer ", &token, "Bearer x", "Bearer é"] {
            assert_eq!(read(&[malformed]), "invalid", "{malformed}");
        }
        assert_eq!(read(&[&format!("Bearer {token} {token}")]), "invalid");
        assert_eq!(read(&[&format!("Bearer {token}"), &format!("Bearer {token}")]), "invalid");
    }
}
