//! The secret of a key, and what the keys file has of it.
//!
//! The file has the SHA-256 of a secret. A slow hash such as argon2 makes guessing expensive, which secrets need that a
//! person has chosen. These are 256 random bits, and no other is accepted: guessing is hopeless however fast the
//! hash is, and a slow one would cost each request milliseconds, for valid and invalid keys alike.

use std::fmt::{self, Debug, Display, Formatter};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::key_id::KeyId;

/// The bytes of a secret.
const SECRET_BYTES: usize = 32;

/// The length of a secret as text.
const SECRET_CHARACTERS: usize = 43;

/// What every token begins with: secret scanners find tokens by it.
const PREFIX: &str = "enp_";

/// The secret of a key: 256 random bits. It is never displayed, but as part of a [`Token`].
#[derive(Clone, Copy)]
pub struct Secret([u8; SECRET_BYTES]);

impl Secret {
    /// A new secret, from the random source of the system.
    ///
    /// # Errors
    /// When the system has no random source.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; SECRET_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Its hash.
    #[must_use]
    pub fn digest(&self) -> SecretDigest {
        SecretDigest(Sha256::digest(self.0).into())
    }

    fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != SECRET_CHARACTERS {
            return None;
        }
        // Larger than a secret: the decoder requires space for whole groups of characters.
        let mut bytes = [0; SECRET_BYTES + 1];
        let length = BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        bytes.get(..length)?.try_into().ok().map(Self)
    }
}

impl Debug for Secret {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// The SHA-256 of a secret.
#[derive(Debug, Clone, Copy)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// The digest of no secret that is known.
    pub(super) const NONE: Self = Self([0; 32]);

    /// Whether it is the digest of this secret; takes the same time in either case.
    #[must_use]
    pub fn matches(&self, secret: &Secret) -> bool {
        self.0.ct_eq(&secret.digest().0).into()
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// As hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

/// What a client sends: the id of a key and its secret, as `enp_<id>_<base64url of the secret>`.
#[derive(Debug, Clone)]
pub struct Token<'a> {
    /// The id, by which the key is found.
    pub id: &'a str,
    /// The secret.
    pub secret: Secret,
}

impl<'a> Token<'a> {
    /// Reads a token; `None` if it is malformed.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
        if !KeyId::is_valid(id) {
            return None;
        }
        Some(Self { id, secret: Secret::parse(secret.as_bytes())? })
    }
}

impl Display for Token<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let secret = BASE64_URL_SAFE_NO_PAD.encode(self.secret.0);
        write!(formatter, "{PREFIX}{}_{secret}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_displayed() {
        let secret = Secret::generate().unwrap();
        let token = Token { id: "1f2e3d4c", secret }.to_string();
        assert_eq!(token.len(), "enp_1f2e3d4c_".len() + SECRET_CHARACTERS);
        let read = Token::parse(&token).unwrap();
        assert_eq!((read.id, read.secret.0), ("1f2e3d4c", secret.0));
        assert!(secret.digest().matches(&read.secret));
    }

    #[test]
    fn a_digest_matches_one_secret_and_is_sha_256() {
        let secret = Secret(*b"0123456789abcdef0123456789abcdef");
        // printf 0123456789abcdef0123456789abcdef | sha256sum
        let hex = "3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9";
        let digest = secret.digest();
        assert_eq!(digest.to_hex(), hex);
        assert!(SecretDigest::from_hex(&hex.to_uppercase()).unwrap().matches(&secret));
        let mut other = secret;
        other.0[31] ^= 1;
        assert!(!digest.matches(&other) && !SecretDigest::NONE.matches(&secret));
        for invalid in ["", "00", &hex[1..], &format!("{hex}0"), &"g".repeat(64), &"é".repeat(32)]
        {
            assert!(SecretDigest::from_hex(invalid).is_none(), "{invalid}");
        }
    }

    #[test]
    fn a_malformed_token_is_none() {
        let token = Token { id: "a", secret: Secret([7; 32]) }.to_string();
        let secret = token.rsplit('_').next().unwrap();
        for malformed in [
            String::new(),
            "enp_".to_owned(),
            format!("enp__{secret}"),
            format!("ENP_a_{secret}"),
            format!("enp_a_{}", &secret[1..]),
            format!("enp_a_{secret}="),
            format!("enp_a_{secret}A"),
            format!("enp_a b_{secret}"),
            format!("enp_a_{}+", &secret[1..]),
            // The last character has two bits that no secret has.
            format!("enp_a_{}9", &secret[..42]),
        ] {
            assert!(Token::parse(&malformed).is_none(), "{malformed}");
        }
    }

    #[test]
    fn a_secret_is_not_in_debug_output() {
        let token = Token { id: "a", secret: Secret([7; 32]) };
        assert_eq!(format!("{token:?}"), r#"Token { id: "a", secret: Secret(…) }"#);
    }
}
