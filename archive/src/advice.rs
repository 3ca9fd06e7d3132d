//! Which setting an error of an object store is about.
//!
//! By what its text has: the codes of S3 are in the body of the response, of which errors of `object_store` are the text.

/// What an error has in its text, and which settings are to be checked then.
const ADVICE: [(&[&str], &str); 5] = [
    (
        &["incorrectly configured region", "AuthorizationHeaderMalformed", "PermanentRedirect"],
        "check AWS_REGION: the bucket is in another region",
    ),
    (
        &["NoSuchBucket"],
        "check ARCHIVE_URL, AWS_ENDPOINT_URL and AWS_REGION: there is no such bucket",
    ),
    (
        &[
            "AccessDenied",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "ExpiredToken",
            " 403 ",
            " 401 ",
        ],
        "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the identity of the machine: it must be allowed to get, put, \
         list and delete the objects of ARCHIVE_URL",
    ),
    (&["builder error"], "check AWS_ENDPOINT_URL: http:// needs AWS_ALLOW_HTTP=true"),
    (&["error sending request"], "check AWS_ENDPOINT_URL, the network, and SSL_CERT_FILE"),
];

/// The settings to check for an error of a bucket.
pub(crate) fn advice(error: &str) -> Option<&'static str> {
    let is_about = |texts: &&[&str]| texts.iter().any(|text| error.contains(text));
    ADVICE.iter().find(|(texts, _)| is_about(texts)).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of `object_store` 0.14, and bodies of S3.
    #[test]
    fn an_error_names_the_settings_that_it_may_be_about() {
        let cases = [
            (
                "Received redirect without LOCATION, this normally indicates an incorrectly configured region",
                "AWS_REGION",
            ),
            ("400 Bad Request: <Error><Code>AuthorizationHeaderMalformed</Code>", "AWS_REGION"),
            ("404 Not Found: <Error><Code>NoSuchBucket</Code>", "ARCHIVE_URL"),
            ("status code: 403 Forbidden: <Error><Code>AccessDenied</Code>", "AWS_ACCESS_KEY_ID"),
            ("HTTP error: builder error", "AWS_ALLOW_HTTP"),
            ("after 5 retries - HTTP error: error sending request", "AWS_ENDPOINT_URL"),
        ];
        for (error, setting) in cases {
            assert!(advice(error).is_some_and(|advice| advice.contains(setting)), "{error}");
        }
        assert_eq!(advice("a column is missing"), None);
    }
}
