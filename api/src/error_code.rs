//! The machine-readable `code` of error bodies, and the rules of which error becomes which.
//!
//! # Errors: what is internal, what is external, and which module maps one to the other
//! - **Internal** is all that helps an operator: the address of the Redis server, the command, the cause. It is in
//!   [`readings::store::StoreError`], and goes to the log, never into a response.
//! - **External** is all that helps a client: `detail` says in a sentence what to do, [`ErrorCode`] says the same to
//!   a program, and `request_id` finds the log lines. Programs compare codes, never sentences: sentences may be
//!   reworded in any release, a code keeps its meaning.
//! - **Mapped** is each kind of error in one place: an error of the store in `store_failure`, an invalid reading or
//!   parameter in `error_body` and `parameter`, a request that reaches no operation in [`crate::middleware`], one
//!   of another origin in [`crate::origins`], one without the key that it needs in [`crate::access`], one above a rate
//!   limit in `rate_limiter`, bytes that are no request in `server::protocol_error`. Operations choose codes only for
//!   what is theirs, such as a full
//!   backlog.
//! - **`outcome_unknown`** is the one code of a 503 that forbids a conclusion: the request may have been carried out.
//!   Every other 503 changed nothing, but for a deletion or a batch
//!   whose body says what was done before.

use poem_openapi::Enum;
use poem_openapi::types::ToJSON;

/// Defines the codes once: the enum for the program, and the meanings for the OpenAPI document.
macro_rules! error_codes {
    ($($(#[doc = $meaning:literal])+ $code:ident,)+) => {
        /// What went wrong, for programs. Later releases may add codes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
        #[oai(rename_all = "snake_case")]
        pub enum ErrorCode {
            $($(#[doc = $meaning])+ $code,)+
        }

        impl ErrorCode {
            /// Every code with its meaning, as documented.
            pub(crate) const MEANINGS: &[(Self, &str)] =
                &[$((Self::$code, concat!($($meaning),+)),)+];

            /// The code as bodies have it.
            pub(crate) fn name(self) -> String {
                self.to_json_string().trim_matches('"').to_owned()
            }
        }
    };
}

error_codes! {
    /// 422: the body, a parameter or a header breaks a rule; `detail` lists every error.
    ValidationFailed,
    /// 403: the request changes something, and a web page of another origin sent it.
    CrossOriginForbidden,
    /// 401: the request needs an API key and has none.
    ApiKeyMissing,
    /// 401: the API key is malformed, unknown or revoked.
    ApiKeyInvalid,
    /// 401: the API key has expired.
    ApiKeyExpired,
    /// 403: the API key lacks the scope that the request needs.
    ScopeMissing,
    /// 403: the API key does not permit the site.
    SiteForbidden,
    /// 421: the service is not reached by the host that `Host` names.
    HostNotAllowed,
    /// 429: the client address or the API key sends more requests than its rate limit permits, which `detail` states;
    /// try again after the seconds of `Retry-After`.
    RateLimited,
    /// 404: no operation has this path, or no site has this id.
    NotFound,
    /// 404: no site has this id; none of its readings was ever stored.
    SiteNotFound,
    /// 404: the site has no stored reading with this stream id.
    ReadingNotFound,
    /// 404: no dead letter has this id.
    DeadLetterNotFound,
    /// 409: the dead letter is a row that a receiver rejected; it never was an entry, and can only be deleted.
    DeadLetterNotRetryable,
    /// 405: the path has operations of other methods, which `Allow` lists.
    MethodNotAllowed,
    /// 413: the body is larger than a reading or a batch can be, or a batch has too many rows.
    BodyTooLarge,
    /// 415: the operation does not read bodies of this `Content-Type`; `Accept` lists those that it reads.
    UnsupportedMediaType,
    /// 415: the body has a `Content-Encoding` that is not supported, or several; `Accept-Encoding` lists those that are.
    UnsupportedContentEncoding,
    /// 400: the body is not what its `Content-Encoding` says, or is cut off.
    BodyUndecodable,
    /// 408: the body did not arrive completely in time.
    BodyTimeout,
    /// 400: the body ended before it was complete, or its chunks are malformed.
    BodyIncomplete,
    /// 400: the request is not valid HTTP/1.1.
    MalformedRequest,
    /// 400: the port is one of HTTPS, and the request was sent without TLS.
    TlsRequired,
    /// 403: the service requires a client certificate, and the client has sent none.
    ClientCertificateRequired,
    /// 408: the head of the request did not arrive completely in time.
    HeaderTimeout,
    /// 431: the head of the request is too large.
    HeadersTooLarge,
    /// 414: the request line is too long.
    UriTooLong,
    /// 501: the body has a transfer coding other than `chunked`.
    UnsupportedTransferCoding,
    /// 500: the service failed, and may have carried out the request; its log has the reason.
    InternalError,
    /// 503: the request took too long and was cancelled; it changed nothing.
    RequestTimeout,
    /// 503: the request may have been carried out, or not. A reading that is sent again may be stored twice, unless
    /// both requests have the same `Idempotency-Key`.
    OutcomeUnknown,
    /// 503: the backlog is at its limit; readings are accepted again when it is shorter.
    BacklogFull,
    /// 503: a part of the range is deleted; the request is to be repeated.
    DeletionIncomplete,
    /// 503: too many large responses are being sent.
    TooManyLargeResponses,
    /// 503: too many connections are open.
    TooManyConnections,
    /// 503: too many event streams are open, in total or of this client.
    TooManyEventStreams,
    /// 503: the service is shutting down.
    ShuttingDown,
    /// 503: the service makes no progress, though Redis is available; restart it.
    Stalled,
    /// 503: no connection to Redis.
    StoreUnreachable,
    /// 503: Redis did not respond in time.
    StoreTimeout,
    /// 503: Redis is starting or busy.
    StoreBusy,
    /// 503: Redis is out of memory, disk or replicas, and accepts no writes.
    StoreFull,
    /// 503: Redis accepts no writes during a failover.
    StoreReadOnly,
    /// 503: Redis denies this service's user or password.
    StoreAccessDenied,
    /// 503: the stream accepts no more entries, because its last id is the largest possible; an operator must rename it.
    StreamExhausted,
    /// 503: Redis cannot serve this service: a node of a cluster, or commands are missing.
    StoreUnsuitable,
    /// 503: a setting of Redis endangers readings.
    StoreMisconfigured,
    /// 503: the archive, which has a part of the readings, does not reply or lacks a file.
    ArchiveUnavailable,
    /// 503: Redis returned another error; the log has it.
    StoreError,
}
