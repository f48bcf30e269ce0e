//! Conversations by id: one request for many ids, divided if it is refused as too long.
//!
//! `GET /api/v2/analytics/conversations/details?id=`. The API skips ids that it does not know.
//! <https://github.com/MyPureCloud/platform-client-sdk-python/blob/master/build/docs/AnalyticsApi.md>

use crate::base::deadline::Deadline;
use crate::genesys::{ApiError, Call, GenesysClient, Reply};
use crate::records::page::{DETAILS_FIELDS, RawRecord, ResultsReader};

pub(super) const DETAILS: &str = "/api/v2/analytics/conversations/details";

/// The batches of ids that are still to be requested.
pub(super) struct IdBatches<'a>(Vec<&'a [&'a str]>);

/// Whether a response without a list of conversations is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AbsentList {
    /// The first one is, because it may be an accident; the second one is accepted, since the API omits an empty list.
    RequestedAgain,
    Accepted,
}

impl<'a> IdBatches<'a> {
    /// Batches of at most `size` ids, in order.
    pub(super) fn new(ids: &'a [&'a str], size: usize) -> Self {
        Self(ids.chunks(size.max(1)).rev().collect())
    }

    pub(super) fn next(&mut self) -> Option<&'a [&'a str]> {
        self.0.pop()
    }

    /// Halves the batch if its request may be too long; both halves come next. A proxy in front of the API may accept
    /// fewer ids than the API, and reports it only by refusing the request. Returns the error if the batch cannot be
    /// halved.
    pub(super) fn halve(&mut self, batch: &'a [&'a str], error: ApiError) -> Result<(), ApiError> {
        if batch.len() < 2 || !is_too_long(&error) {
            return Err(error);
        }
        let (first, second) = batch.split_at(batch.len() / 2);
        self.0.extend([second, first]);
        Ok(())
    }
}

/// Requests these conversations and converts each record of the response. `None` if the response has no list.
pub(super) async fn request<T>(
    client: &GenesysClient,
    ids: &[&str],
    absent_list: AbsentList,
    deadline: Deadline,
    convert: fn(RawRecord<'_>) -> T,
) -> Result<Reply<Option<Vec<T>>>, ApiError> {
    let call = Call::get(DETAILS).query("id", ids.join(","));
    let mut reader = ResultsReader::default();
    let decode = |body: &[u8]| {
        let page = reader.read_page(body, DETAILS_FIELDS)?;
        let records = match absent_list {
            AbsentList::RequestedAgain => reader.records_of(page, DETAILS_FIELDS, true)?,
            AbsentList::Accepted => page.records,
        };
        Ok(records.map(|records| records.into_iter().map(convert).collect()))
    };
    client.call(&call, deadline, decode).await
}

/// Whether the request may be too long, because its ids are in the URL.
pub(super) fn is_too_long(error: &ApiError) -> bool {
    matches!(
        error,
        ApiError::Refused {
            status: 400 | 413 | 414 | 431,
            ..
        }
    )
}
