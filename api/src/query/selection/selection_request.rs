//! All parameters of a request for readings: their errors, and the selection that they mean.

use std::collections::BTreeSet;

use readings::SiteId;
use readings::store::series::{Order, Position, Selection};
use sha2::{Digest, Sha256};

use super::cursor::{Cursor, FilterHash};
use super::moment::Moment;
use super::page_parameters::{CursorText, OrderName, PageLimit};
use super::range_parameters::{End, Start};
use crate::error_body::ValidationErrorItem;
use crate::parameter::{Checked, Parameter, ParameterError};

/// The page length of a request with a cursor and without a limit.
const DEFAULT_LIMIT: usize = 1_000;

/// The parameters, as sent.
pub(in super::super) struct SentParameters {
    pub devices: Vec<String>,
    pub start: Checked<Start>,
    pub end: Checked<End>,
    pub limit: Checked<PageLimit>,
    pub order: Checked<OrderName>,
    pub cursor: Checked<CursorText>,
}

/// A valid request.
#[derive(Debug)]
pub(in super::super) struct SelectionRequest {
    /// The readings.
    pub selection: Selection,
    /// The most readings of the page; `None` for all in one response.
    pub limit: Option<usize>,
    filters: FilterHash,
}

impl SelectionRequest {
    /// The request that the parameters mean; `None` without any: all readings.
    ///
    /// # Errors
    /// One item for each error.
    pub fn new(
        site: &SiteId,
        sent: SentParameters,
    ) -> Result<Option<Self>, Vec<ValidationErrorItem>> {
        let SentParameters { devices, start, end, limit, order, cursor } = sent;
        let mut errors = Vec::new();
        let start = valid(start, &mut errors).flatten();
        let end = valid(end, &mut errors).flatten();
        let limit = valid(limit, &mut errors).flatten();
        let order = valid(order, &mut errors).unwrap_or_default();
        let cursor = valid(cursor, &mut errors).flatten();
        if !errors.is_empty() {
            return Err(errors);
        }
        let is_bare = start.is_none() && end.is_none() && limit.is_none() && cursor.is_none();
        if is_bare && devices.is_empty() && order == Order::Ascending {
            return Ok(None);
        }
        let devices = devices.into_iter().collect();
        Parts { start, end, devices, order }.request(site, limit, cursor).map(Some)
    }

    /// The cursor of the page that follows a position.
    pub fn cursor_after(&self, position: Position) -> String {
        Cursor { filters: self.filters, position }.text()
    }
}

fn valid<P: Parameter>(
    checked: Checked<P>,
    errors: &mut Vec<ValidationErrorItem>,
) -> Option<P::Value> {
    checked.0.map_err(|error| errors.push(error)).ok()
}

/// What the cursors of a request depend on.
struct Parts {
    start: Option<Moment>,
    end: Option<Moment>,
    devices: BTreeSet<String>,
    order: Order,
}

impl Parts {
    fn request(
        self,
        site: &SiteId,
        limit: Option<usize>,
        cursor: Option<Cursor>,
    ) -> Result<SelectionRequest, Vec<ValidationErrorItem>> {
        let filters = self.hash(site);
        if cursor.is_some_and(|cursor| cursor.filters != filters) {
            let reason = "the cursor is of a request with another site, range, device or order";
            return Err(vec![ParameterError::value_error(reason).at(CursorText::LOCATION, None)]);
        }
        let [start, end] = [self.start, self.end].map(|it| it.and_then(Moment::instant));
        if start.zip(end).is_some_and(|(start, end)| start > end) {
            let reason = "the start must not be after the end";
            return Err(vec![ParameterError::value_error(reason).at(Start::LOCATION, None)]);
        }
        let after = cursor.map(|cursor| cursor.position);
        let Self { devices, order, .. } = self;
        Ok(SelectionRequest {
            selection: Selection { start, end, devices, order, after },
            limit: limit.or(after.map(|_| DEFAULT_LIMIT)),
            filters,
        })
    }

    /// Times before now are hashed as they are sent: what they mean changes from page to page.
    fn hash(&self, site: &SiteId) -> FilterHash {
        let mut hash = Sha256::new();
        let mut add = |part: &str| {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        };
        add(site.as_str());
        add(&format!("{:?} {:?} {:?}", self.order, self.start, self.end));
        self.devices.iter().for_each(|device| add(device));
        let digest: [u8; 32] = hash.finalize().into();
        digest.first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(site: &str, start: &str, devices: &[&str], order: Order) -> FilterHash {
        let devices = devices.iter().map(|device| (*device).to_owned()).collect();
        let start = Some(Moment::parse(start).unwrap());
        Parts { start, end: None, devices, order }.hash(&SiteId::new(site).unwrap())
    }

    #[test]
    fn the_hash_depends_on_each_filter_and_not_on_its_spelling() {
        let first = hash("s", "1705314600", &["a", "b"], Order::Ascending);
        assert_eq!(first, hash("s", "2024-01-15T10:30:00Z", &["b", "a", "a"], Order::Ascending));
        for other in [
            hash("t", "1705314600", &["a", "b"], Order::Ascending),
            hash("s", "1705314601", &["a", "b"], Order::Ascending),
            hash("s", "1705314600", &["ab"], Order::Ascending),
            hash("s", "1705314600", &["a", "b"], Order::Descending),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn a_time_before_now_has_the_same_hash_on_the_next_page() {
        assert_eq!(
            hash("s", "now-24h", &[], Order::Ascending),
            hash("s", "now-1d", &[], Order::Ascending)
        );
    }
}
