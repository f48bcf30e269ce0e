//! An organisation's own export gateway: one query per export, pages by offset. Not part of the public API.
//!
//! Totals may be wrong and pages may be short: the next offset is computed from the number of records received, the
//! last slice is read until a page is empty, and an empty page before the announced total is never taken for the end.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;

use super::{
    PageContext, QuerySpec, Source, SourceError, SourcePage, expired_if_unknown, source_broken,
};
use crate::base::deadline::Deadline;
use crate::base::decode::{self, DecodeError};
use crate::base::hash::Sha256;
use crate::base::time::format_timestamp;
use crate::export::checkpoint::{Checkpoint, EndlessChain, Trail};
use crate::export::effort::Effort;
use crate::export::plan::{GatewayQuery, OffsetRange, SliceRange};
use crate::export::waiting::{Wait, WaitReason};
use crate::genesys::wire::QueryReply;
use crate::genesys::{ApiError, ApiPath, Call, GenesysClient, InvalidSegment, UnavailableReason};
use crate::net::clock::Clock;
use crate::records::page::{self, PageBody, RawRecord, RecordShape, ResultsReader};

/// How often an empty page before the total is requested within one invocation.
const EMPTY_PAGE_TRIES: u32 = 3;
const EMPTY_PAGE_PAUSE: Duration = Duration::from_secs(2);

/// The gateway as a source.
#[derive(Clone, Debug)]
pub struct ExportGateway {
    client: GenesysClient,
    clock: Clock,
}

/// A page of results, before it is decided whether it may be empty.
struct Results {
    body: PageBody,
    received: u64,
    /// Digest of the response body.
    digest: Option<Sha256>,
    warning: Option<String>,
    correlation_id: Option<String>,
    effort: Effort,
}

impl ExportGateway {
    pub fn new(client: GenesysClient, clock: Clock) -> Self {
        Self { client, clock }
    }

    /// The call that creates a query. Its reply is a [`QueryReply`].
    pub fn query_call(spec: &QuerySpec<'_>) -> Call {
        let mut filter = json!({
            "type": "webchat",
            "dateRange": {
                "start": format_timestamp(spec.interval.start()).to_string(),
                "end": format_timestamp(spec.interval.end()).to_string(),
            },
        });
        if let Some(range) = &spec.filters.conversation_id_range {
            filter["id"] = json!({"range": range});
        }
        let query = json!({
            "query": {"filter": filter, "pageSize": spec.page_size},
            "includeMedia": spec.include_media,
        });
        Call::post("/api/v2/export/query")
            .json(&query)
            .expect_statuses(&[200, 201, 202])
    }

    async fn results(
        &self,
        offset: u64,
        limit: u64,
        context: &PageContext<'_>,
    ) -> Result<Results, SourceError> {
        let Some(GatewayQuery {
            query_id,
            total_records,
        }) = context.run.query
        else {
            return Err(source_broken("the export has no query"));
        };
        let call = results_call(query_id, offset, limit)?;
        let rules = context.rules();
        let mut reader = ResultsReader::default();
        let mut exceeded = false;
        let decode = |body: &[u8]| {
            let mut records = reader.read_array(body)?;
            let surplus = (records.len() as u64).saturating_sub(limit);
            // The first oversized response is retried: the surplus may be an accident.
            if surplus > 0 && !std::mem::replace(&mut exceeded, true) {
                return Err(DecodeError::Shape(
                    "it has more records than requested".into(),
                ));
            }
            let received = truncate_to(limit, &mut records);
            let encoded = page::encode(&records, &rules);
            Ok((encoded, received, surplus, Sha256::of(body)))
        };
        let reply = match self.client.call(&call, context.run.deadline, decode).await {
            Ok(reply) => reply,
            Err(error) if offset < *total_records => return Err(expired_if_unknown(error)),
            Err(error) if self.means_end_of_results(&error, offset, context).await => {
                return Ok(Results {
                    warning: Some(format!(
                        "offset {offset} was treated as the end of the results: {error}"
                    )),
                    ..no_results(context)
                });
            }
            Err(error) => return Err(expired_if_unknown(error)),
        };
        let effort = reply.effort();
        let correlation_id = reply.correlation_id;
        let (body, received, surplus, digest) = reply.value;
        let warning = (surplus > 0).then(|| {
            format!(
                "at offset {offset} the gateway returned {surplus} records more than the {limit} that were requested; they were discarded"
            )
        });
        Ok(Results {
            body,
            received,
            digest: Some(digest),
            warning,
            correlation_id,
            effort,
        })
    }

    /// Whether the error means that the offset is past the last record: some gateways then return an error. An
    /// error about the client or the connection does not. A transient server error does only if it persists after a
    /// wait while the gateway still returns a record at the previous offset.
    async fn means_end_of_results(
        &self,
        error: &ApiError,
        offset: u64,
        context: &PageContext<'_>,
    ) -> bool {
        match error {
            ApiError::Refused { status, .. } => !matches!(status, 300..=399 | 401 | 403 | 407),
            ApiError::Broken { .. } => true,
            ApiError::Unavailable { reason, .. } => {
                let is_server_error = matches!(
                    reason,
                    UnavailableReason::Status(500..)
                        | UnavailableReason::NotJson { .. }
                        | UnavailableReason::Unexpected { .. }
                );
                let waited = context.waiting_time(WaitReason::Unavailable, self.clock.now());
                is_server_error && waited.is_some() && self.has_record_before(offset, context).await
            }
            ApiError::Throttled { .. }
            | ApiError::Login { .. }
            | ApiError::ForbiddenAddress { .. }
            | ApiError::TooLarge { .. } => false,
        }
    }

    async fn has_record_before(&self, offset: u64, context: &PageContext<'_>) -> bool {
        let (Some(query), Some(before)) = (context.run.query, offset.checked_sub(1)) else {
            return false;
        };
        let Ok(call) = results_call(&query.query_id, before, 1) else {
            return false;
        };
        let decode = |body: &[u8]| Ok(page::gateway_records(body)?.len());
        let reply = self.client.call(&call, context.run.deadline, decode).await;
        reply.is_ok_and(|reply| reply.value > 0)
    }
}

fn results_call(query_id: &str, offset: u64, limit: u64) -> Result<Call, InvalidSegment> {
    let path = ApiPath::from("/api/v2/export/job").segment(query_id)?;
    Ok(Call::get(path.then("/results"))
        .query("offset", offset.to_string())
        .query("limit", limit.to_string()))
}

#[async_trait]
impl Source for ExportGateway {
    async fn query(
        &self,
        spec: &QuerySpec<'_>,
        deadline: Deadline,
    ) -> Result<Option<GatewayQuery>, SourceError> {
        let call = Self::query_call(spec);
        let reply = self.client.call(&call, deadline, decode::json);
        let reply: QueryReply = reply.await?.value;
        Ok(Some(GatewayQuery {
            query_id: reply.query_id,
            total_records: reply.total_records,
        }))
    }

    async fn page(
        &self,
        checkpoint: &Checkpoint,
        context: &PageContext<'_>,
    ) -> Result<SourcePage, SourceError> {
        let (Checkpoint::Offset { offset, trail }, SliceRange::Offsets(range)) =
            (checkpoint, &context.run.slice.range)
        else {
            return Err(source_broken("the checkpoint is not an offset"));
        };
        let total = context.run.query.map_or(0, |query| query.total_records);
        let limit = records_to_request(*offset, range, context.run.plan.page_size);
        let mut tries = 1;
        loop {
            let results = if limit == 0 {
                no_results(context)
            } else {
                self.results(*offset, limit, context).await?
            };
            let step = step(*offset, results.received, total, range);
            if step != Step::EmptyTooEarly {
                let next = next_checkpoint(step, &results, *offset >= total, trail.as_ref())?;
                return Ok(source_page(next, results, *offset, total, limit));
            }
            if tries == EMPTY_PAGE_TRIES
                || !context
                    .run
                    .deadline
                    .allows(self.clock.now(), EMPTY_PAGE_PAUSE)
            {
                return Err(empty_too_early(*offset, total));
            }
            tries += 1;
            self.clock.sleep(EMPTY_PAGE_PAUSE).await;
        }
    }
}

/// Classification of a page by its offset and its number of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Next(u64),
    End,
    EmptyTooEarly,
}

fn step(offset: u64, received: u64, total: u64, range: &OffsetRange) -> Step {
    let next = offset + received;
    match range.end {
        Some(end) if next >= end => Step::End,
        None if received == 0 && offset >= total => Step::End,
        _ if received == 0 => Step::EmptyTooEarly,
        _ => Step::Next(next),
    }
}

/// The number of records to request: a full page, but nothing of the next slice.
fn records_to_request(offset: u64, range: &OffsetRange, page_size: u32) -> u64 {
    let page_size = u64::from(page_size);
    range
        .end
        .map_or(page_size, |end| end.saturating_sub(offset).min(page_size))
}

/// The checkpoint after the page. A gateway that ignores the offset, or repeats its last page, would return the same
/// page forever, so pages leave a [`Trail`]. A page with a single record before the total leaves none, because one
/// record may legitimately occur twice in a query.
fn next_checkpoint(
    step: Step,
    results: &Results,
    is_past_total: bool,
    trail: Option<&Trail>,
) -> Result<Option<Checkpoint>, EndlessChain> {
    let Step::Next(offset) = step else {
        return Ok(None);
    };
    let trail = match results.digest {
        Some(digest) if results.received > 1 || is_past_total => {
            Some(Trail::extended_by_page(trail, digest)?)
        }
        _ => trail.cloned(),
    };
    Ok(Some(Checkpoint::Offset { offset, trail }))
}

fn source_page(
    next: Option<Checkpoint>,
    results: Results,
    offset: u64,
    total: u64,
    limit: u64,
) -> SourcePage {
    let mut warnings: Vec<_> = results.warning.into_iter().collect();
    if results.received > 0 && offset + results.received > total {
        let reached = offset + results.received;
        warnings.push(format!(
            "the gateway returned {reached} records, but totalRecords announced {total}"
        ));
    }
    SourcePage {
        body: results.body,
        next,
        requested: limit,
        watermark: None,
        correlation_id: results.correlation_id,
        effort: results.effort,
        warnings,
    }
}

/// Cuts a page that is longer than requested, and returns the number of records left. Repeats are dropped. An element
/// that is not a record may have been added, so that it takes no record's place, and is kept to be rejected.
fn truncate_to(limit: u64, records: &mut Vec<RawRecord<'_>>) -> u64 {
    if records.len() as u64 <= limit {
        return records.len() as u64;
    }
    let is_record = |json| page::record_id(json, RecordShape::Gateway).is_some();
    let mut known = HashSet::new();
    let mut kept = 0;
    records.retain(|record| {
        let is_kept = kept < limit && known.insert(record.bytes());
        kept += u64::from(is_kept && record.json().is_some_and(is_record));
        is_kept
    });
    kept
}

/// The results of a slice without records, for which no request is made.
fn no_results(context: &PageContext<'_>) -> Results {
    Results {
        body: page::encode(&[], &context.rules()),
        received: 0,
        digest: None,
        warning: None,
        correlation_id: None,
        effort: Effort::default(),
    }
}

fn empty_too_early(offset: u64, total: u64) -> SourceError {
    SourceError::NotReady(Wait {
        reason: WaitReason::Empty,
        hint: None,
        detail: format!(
            "the page at offset {offset} is empty, although {total} records were announced"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSED: OffsetRange = OffsetRange {
        start: 100,
        end: Some(200),
    };
    const OPEN: OffsetRange = OffsetRange {
        start: 200,
        end: None,
    };

    #[test]
    fn only_identified_records_count_when_a_page_is_cut_to_its_limit() {
        let page = br#"[{"id":"a"},"x",{"id":"b"},{"id":"a"},{},{"id":"c"},{"id":"d"}]"#;
        let left = |limit| {
            let mut records = page::gateway_records(page).unwrap();
            let received = truncate_to(limit, &mut records);
            let left = records.iter().map(|it| String::from_utf8_lossy(it.bytes()));
            format!("{received}: {}", left.collect::<Vec<_>>().join(" "))
        };

        assert_eq!(left(2), r#"2: {"id":"a"} "x" {"id":"b"}"#);
        assert_eq!(left(3), r#"3: {"id":"a"} "x" {"id":"b"} {} {"id":"c"}"#);
        assert_eq!(
            left(6),
            r#"4: {"id":"a"} "x" {"id":"b"} {} {"id":"c"} {"id":"d"}"#
        );
        assert!(left(7).starts_with("7: "));
    }

    #[test]
    fn the_next_offset_follows_from_the_number_received() {
        assert_eq!(step(100, 7, 500, &CLOSED), Step::Next(107));
        assert_eq!(step(193, 7, 500, &CLOSED), Step::End);
    }

    #[test]
    fn a_slice_requests_no_records_of_the_next_one() {
        assert_eq!(records_to_request(100, &CLOSED, 60), 60);
        assert_eq!(records_to_request(160, &CLOSED, 60), 40);
        assert_eq!(records_to_request(900, &OPEN, 60), 60);
    }

    #[test]
    fn the_last_slice_ends_with_an_empty_page_at_or_past_the_total() {
        assert_eq!(step(480, 20, 500, &OPEN), Step::Next(500));
        assert_eq!(step(500, 3, 500, &OPEN), Step::Next(503));
        assert_eq!(step(503, 0, 500, &OPEN), Step::End);
    }

    #[test]
    fn an_empty_page_before_the_total_is_never_the_end() {
        assert_eq!(step(480, 0, 500, &OPEN), Step::EmptyTooEarly);
        assert_eq!(step(150, 0, 500, &CLOSED), Step::EmptyTooEarly);
    }

    #[test]
    fn a_slice_without_records_ends_at_once() {
        assert_eq!(
            step(
                100,
                0,
                100,
                &OffsetRange {
                    start: 100,
                    end: Some(100)
                }
            ),
            Step::End
        );
    }
}
