//! A valid request for the readings of a site, and the response to it: all of them streamed, or one page.

use std::sync::Arc;

use bytes::Bytes;
use poem::http::HeaderValue;
use poem::{Body, Request};
use readings::SiteId;
use readings::store::StoreError;
use readings::store::series::SeriesStore;

use super::next_link::next_link;
use super::parameter_hint;
use super::readings_body::ReadingsBody;
use super::readings_format::{FormatName, ReadingsFormat};
use super::readings_page::ReadingsPage;
use super::readings_payload::ReadingsPayload;
use super::readings_source::ReadingsSource;
use super::response_slots::{ResponseSlot, ResponseSlots};
use super::selection::{SelectionRequest, SentParameters};
use crate::client_slots::Client;
use crate::error_body::ValidationErrorItem;
use crate::head_only::HeadOnly;
use crate::parameter::Checked;

/// The longest page that needs no slot; its body is about as large as the largest that needs none.
const SMALL_LIMIT: usize = 250;

/// A response that is streamed may have any number of readings.
const WANTED_OF_ALL: usize = usize::MAX;

/// A valid request.
pub(super) struct ReadingsRequest {
    site: SiteId,
    /// `None` for all readings.
    selection: Option<SelectionRequest>,
    format: ReadingsFormat,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(super) enum SiteReadingsError {
    /// Redis failed before the response began.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The response is large, and no slot is free.
    #[error("no slot is free")]
    NoSlot,
}

impl ReadingsRequest {
    /// The request that these parameters mean.
    ///
    /// # Errors
    /// One item for each error of a parameter.
    pub fn new(
        site: SiteId,
        sent: SentParameters,
        format: Checked<FormatName>,
        request: &Request,
    ) -> Result<Self, Vec<ValidationErrorItem>> {
        match (SelectionRequest::new(&site, sent), format.0) {
            (Ok(selection), Ok(format)) => {
                let format = format.unwrap_or_else(|| ReadingsFormat::accepted(request));
                Ok(Self { site, selection, format })
            }
            (selection, format) => {
                let errors = selection.err().into_iter().flatten();
                Err(errors.chain(format.err()).collect())
            }
        }
    }

    /// The response.
    ///
    /// # Errors
    /// When Redis does not reply, or no slot is free.
    pub async fn respond(
        &self,
        series: &SeriesStore,
        slots: &Arc<ResponseSlots>,
        request: &Request,
    ) -> Result<ReadingsPayload, SiteReadingsError> {
        let paged = self.selection.as_ref().and_then(|it| Some((it, it.limit?)));
        let (body, next_cursor) = match paged {
            Some(paged) => self.page(series, slots, request, paged).await?,
            None => (self.all(series, slots, request).await?, None),
        };
        Ok(ReadingsPayload {
            body,
            format: self.format,
            link: next_cursor.and_then(|cursor| link(request, &cursor)),
            warning: parameter_hint::warning(request),
        })
    }

    /// A page, and the cursor of the next one.
    async fn page(
        &self,
        series: &SeriesStore,
        slots: &Arc<ResponseSlots>,
        request: &Request,
        paged: (&SelectionRequest, usize),
    ) -> Result<(Body, Option<String>), SiteReadingsError> {
        let (selection, limit) = paged;
        // Acquired before the page is read: requests that wait for a slot must not fill the memory.
        let slot = if limit > SMALL_LIMIT { Some(slot(slots, request).await?) } else { None };
        let reader = series.select(&self.site, selection.selection.clone(), limit + 1);
        let page = ReadingsPage::read(&self.site, reader, self.format, slots, paged).await?;
        let body = Bytes::from(page.body);
        let body = match slot {
            Some(slot) => slot.attach_to(body),
            None => body,
        };
        Ok((Body::from_bytes(body), page.next_cursor))
    }

    async fn all(
        &self,
        series: &SeriesStore,
        slots: &Arc<ResponseSlots>,
        request: &Request,
    ) -> Result<Body, SiteReadingsError> {
        let body = self.begin(series, slots).await?;
        if body.is_small() || request.extensions().get::<HeadOnly>().is_some() {
            return Ok(body.without_slot());
        }
        if let Some(slot) = slots.try_acquire(&Client::of(request)) {
            return Ok(body.with_slot(slot));
        }
        // Requests that wait for a slot must not fill the memory: the first page is dropped, and read again later.
        drop(body);
        let slot = slot(slots, request).await?;
        Ok(self.begin(series, slots).await?.with_slot(slot))
    }

    async fn begin(
        &self,
        series: &SeriesStore,
        slots: &Arc<ResponseSlots>,
    ) -> Result<ReadingsBody, StoreError> {
        let source = match &self.selection {
            None => ReadingsSource::All(Box::new(series.read(&self.site))),
            Some(request) => {
                let selection = request.selection.clone();
                let reader = series.select(&self.site, selection, WANTED_OF_ALL);
                ReadingsSource::Selected(Box::new(reader))
            }
        };
        ReadingsBody::begin(&self.site, source, self.format, slots).await
    }
}

async fn slot(slots: &ResponseSlots, request: &Request) -> Result<ResponseSlot, SiteReadingsError> {
    slots.acquire(&Client::of(request)).await.ok_or(SiteReadingsError::NoSlot)
}

fn link(request: &Request, cursor: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&next_link(request, cursor, &["cursor"])).ok()
}
