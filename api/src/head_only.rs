//! The mark of a `HEAD` request.

/// Extension of a request whose method is `HEAD`. It is routed as `GET`; an operation may skip work on a body
/// that is not sent.
#[derive(Debug, Clone, Copy)]
pub struct HeadOnly;
