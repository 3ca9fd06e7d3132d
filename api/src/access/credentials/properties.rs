//! Properties of the `Authorization` header: near to valid, and any bytes.

use poem::http::HeaderValue;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn headers(values: &[Vec<u8>]) -> HeaderMap {
    let value = |bytes: &Vec<u8>| HeaderValue::from_bytes(bytes).ok();
    values.iter().filter_map(value).map(|value| (AUTHORIZATION, value)).collect()
}

/// Near to a token, or any bytes.
fn any_credentials() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "(Bearer|bearer|Token|Basic|)[ ]{0,2}(enp_|ENP_|)[a-z0-9-]{0,3}[_-]?[A-Za-z0-9_-]{42,44}[= ]?"
            .prop_map(String::into_bytes),
        "(Bearer|tOkEn) {1,2}enp_[a-zA-Z0-9-]{1,64}_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..80),
    ]
}

proptest! {
    /// A token that is accepted is, written as a token, what was sent; everything else is missing or invalid.
    #[test]
    fn an_accepted_token_is_the_one_that_was_sent(values in vec(any_credentials(), 0..3)) {
        let headers = headers(&values);
        match Credentials::of(&headers) {
            Credentials::Missing => prop_assert!(headers.is_empty()),
            Credentials::Invalid => prop_assert!(!headers.is_empty()),
            Credentials::Token(token) => {
                prop_assert_eq!(headers.len(), 1);
                let sent = headers[AUTHORIZATION].to_str().unwrap_or_default();
                prop_assert_eq!(sent.split_once(' ').unwrap_or_default().1.trim(), token.to_string());
            }
        }
    }

    /// The second strategy of credentials is always a token.
    #[test]
    fn every_well_formed_token_is_accepted(id in "[a-zA-Z0-9-]{1,64}", secret in "[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]") {
        let headers = headers(&[format!("Bearer enp_{id}_{secret}").into_bytes()]);
        prop_assert!(matches!(Credentials::of(&headers), Credentials::Token(token) if token.id == id));
    }
}
