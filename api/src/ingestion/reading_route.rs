//! The shortest way to `POST /readings`: without the framework's routing.
//!
//! Most requests are this one. The framework finds its operation in a tree of paths and a map of methods, and calls it through
//! several boxed futures (measured: `docs/benchmarks.md`). The operation and its document are the same.

use futures_util::future::Either;
use poem::http::Method;
use poem::{Endpoint, Error, IntoResponse, Request, Response, Result};

use super::IngestionApi;
use super::reading_body::ReadingBody;

/// The path, as the document has it.
const READINGS: &str = "/readings";

/// An endpoint that has all operations, with a direct way to this one.
pub(crate) struct ReadingRoute<E> {
    pub ingestion: IngestionApi,
    pub others: E,
}

impl<E: Endpoint<Output = Response>> Endpoint for ReadingRoute<E> {
    type Output = Response;

    // Not an async function: that would move the request once more.
    fn call(&self, request: Request) -> impl Future<Output = Result<Response>> + Send {
        if request.method() == Method::POST && request.uri().path() == READINGS {
            Either::Left(post(&self.ingestion, request))
        } else {
            Either::Right(self.others.call(request))
        }
    }
}

async fn post(ingestion: &IngestionApi, mut request: Request) -> Result<Response> {
    let body = request.take_body();
    let body = ReadingBody::receive(request.headers(), body).await;
    match ingestion.accept(body, &request).await {
        Ok(response) => Ok(response.into_response()),
        Err(unavailable) => Err(Error::from(unavailable)),
    }
}
