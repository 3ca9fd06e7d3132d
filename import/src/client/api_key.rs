//! The API key that rows are sent with.

use std::fmt;

use reqwest::header::HeaderValue;

/// An API key. Neither `Debug` nor the headers of a request in a log show it.
#[derive(Clone)]
pub struct ApiKey(HeaderValue);

/// A text that is no API key. It does not contain the text, which may be a key with a mistake.
#[derive(Debug, thiserror::Error)]
#[error("must be one API key, such as enp_…: letters, digits and -._~+/ only")]
pub struct InvalidApiKey;

impl ApiKey {
    /// Parses a key; white space around it, such as the end of a file's line, is not part of it.
    ///
    /// # Errors
    /// When it is no token (`b64token` of RFC 6750, section 2.1), which is all that the header can contain.
    pub fn parse(text: &str) -> Result<Self, InvalidApiKey> {
        let key = text.trim();
        let token = key.trim_end_matches('=');
        let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        if token.is_empty() || !token.bytes().all(is_token_byte) {
            return Err(InvalidApiKey);
        }
        let mut value =
            HeaderValue::from_str(&format!("Bearer {key}")).map_err(|_| InvalidApiKey)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The value of `Authorization`.
    pub(crate) const fn authorization(&self) -> &HeaderValue {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_without_the_white_space_around_it() {
        for text in ["enp_1_aB-._~+/9==", "enp_1_aB-._~+/9==\n", " enp_1_aB-._~+/9==\r\n"] {
            let key = ApiKey::parse(text).unwrap();
            assert_eq!(key.authorization(), "Bearer enp_1_aB-._~+/9==");
        }
    }

    #[test]
    fn another_text_is_refused_and_not_repeated() {
        for text in ["", " \n", "=", "enp_1 secret", "enp_1\nenp_2", "enp_é", "\"secret\""] {
            let error = ApiKey::parse(text).unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_key_is_not_displayed_for_debugging() {
        let key = ApiKey::parse("enp_1_secret").unwrap();
        assert!(!format!("{key:?} {:?}", key.authorization()).contains("secret"));
    }
}
