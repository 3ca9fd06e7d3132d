//! The selection that a request for readings makes: range, devices, order and page.
//!
//! | file | what it owns |
//! |---|---|
//! | `selection_request` | all parameters together: their errors, and the selection |
//! | `range_parameters` | `start` and `end` |
//! | `page_parameters` | `limit`, `order` and `cursor` |
//! | `moment` | a text of `start` or `end`, and the instant that it means |
//! | `cursor` | the position of a page in the order, as text |

mod cursor;
mod moment;
mod page_parameters;
mod range_parameters;
mod selection_request;

pub(super) use moment::Moment;
pub(super) use page_parameters::{CursorText, OrderName, PageLimit};
pub(super) use range_parameters::{End, Start};
pub(super) use selection_request::{SelectionRequest, SentParameters};
