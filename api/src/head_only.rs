//! The mark of a request whose method is `HEAD`.

/// Marks a request whose method is `HEAD`. It is routed and answered as `GET`, without the work for a
/// body that is not sent.
#[derive(Debug, Clone, Copy)]
pub struct HeadOnly;
