//! The page of readings that a request with a limit wants: as a whole, because its head has the cursor of the next one.

use readings::SiteId;
use readings::store::StoreError;
use readings::store::series::{Position, Selected, SelectionReader};

use super::readings_body::count_invalid;
use super::readings_format::ReadingsFormat;
use super::response_slots::ResponseSlots;
use super::selection::SelectionRequest;

/// The body of a page, and the cursor of the next one.
pub(super) struct ReadingsPage {
    pub body: Vec<u8>,
    pub next_cursor: Option<String>,
}

impl ReadingsPage {
    /// Reads up to `limit` readings of a selection.
    pub async fn read(
        site: &SiteId,
        reader: SelectionReader,
        format: ReadingsFormat,
        slots: &ResponseSlots,
        (request, limit): (&SelectionRequest, usize),
    ) -> Result<Self, StoreError> {
        let mut body = Vec::new();
        format.begin(site, &mut body);
        let next = append(site, reader, format, slots, limit, &mut body).await?;
        let next_cursor = next.map(|position| request.cursor_after(position));
        format.end(next_cursor.as_deref(), &mut body);
        Ok(Self { body, next_cursor })
    }
}

/// Appends the readings; gives the position of the last one when others follow.
async fn append(
    site: &SiteId,
    mut reader: SelectionReader,
    format: ReadingsFormat,
    slots: &ResponseSlots,
    limit: usize,
    body: &mut Vec<u8>,
) -> Result<Option<Position>, StoreError> {
    let (mut count, mut last) = (0, None);
    loop {
        let permit = slots.read_permit().await;
        let page = reader.next_page().await?;
        drop(permit);
        let Some(page) = page else { return Ok(None) };
        count_invalid(site, page.invalid);
        for Selected { position, member } in page.readings {
            if count == limit {
                return Ok(last);
            }
            format.append(&member, count == 0, body);
            (count, last) = (count + 1, Some(position));
        }
    }
}
