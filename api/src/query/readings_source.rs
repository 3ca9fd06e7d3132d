//! Where the readings of a response come from.

use readings::store::StoreError;
use readings::store::series::{Page, SelectedPage, SelectionReader, SeriesReader};

/// A reader of all readings of a site, or of a selection.
pub(super) enum ReadingsSource {
    /// All, oldest first.
    All(Box<SeriesReader>),
    /// A selection.
    Selected(Box<SelectionReader>),
}

impl ReadingsSource {
    /// The next readings; `None` after the last.
    pub async fn next_page(&mut self) -> Result<Option<Page>, StoreError> {
        match self {
            Self::All(reader) => reader.next_page().await,
            Self::Selected(reader) => Ok(reader.next_page().await?.map(as_page)),
        }
    }

    /// Whether the last page has been read.
    pub const fn has_ended(&self) -> bool {
        match self {
            Self::All(reader) => reader.has_ended(),
            Self::Selected(reader) => reader.has_ended(),
        }
    }
}

fn as_page(page: SelectedPage) -> Page {
    let members = page.readings.into_iter().map(|selected| selected.member).collect();
    Page { members, invalid: page.invalid, ..Page::default() }
}
