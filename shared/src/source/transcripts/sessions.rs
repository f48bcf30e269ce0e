//! The conversations of guest sessions, as a gateway names them.
//!
//! The sessions are requested in batches. The contract names no field of the reply but those of `groupBy`, so a row may name
//! no session, and a full page may have no token; then the query is divided.

use serde_json::{Value, json};

use crate::base::deadline::Deadline;
use crate::base::time::{Interval, format_timestamp};
use crate::export::plan::SessionConversations;
use crate::export::request::InvalidRequest;
use crate::genesys::wire::{NextPage, WebDetailsPage};
use crate::genesys::{Call, GenesysClient};
use crate::records::transcript::parse_document;
use crate::source::{SourceError, source_broken};

mod lookup;

use lookup::{Lookup, Query, Rows};

const QUERY: &str = "/api/v2/analytics/conversations/web/details/query";

/// Limit of the contract.
const PAGE_SIZE: usize = 500;

/// Limit of one page.
const REPLY_LIMIT_BYTES: u64 = 12_000_000;

/// The look-up keeps no progress, so it has to fit into one invocation of start-export: two minutes, at the API's pace of 300
/// requests a minute.
const MAX_REQUESTS: usize = 500;

/// The client and the requests that are left of one look-up.
struct Queries<'a> {
    client: &'a GenesysClient,
    deadline: Deadline,
    requests_left: usize,
}

/// Looks up the conversations of these sessions in the interval.
pub(in crate::source) async fn look_up(
    client: &GenesysClient,
    session_ids: &[String],
    interval: Interval,
    deadline: Deadline,
) -> Result<SessionConversations, SourceError> {
    let mut queries = Queries {
        client,
        deadline,
        requests_left: MAX_REQUESTS,
    };
    let mut lookup = Lookup::new(session_ids, interval);
    while let Some(query) = lookup.next_query() {
        let rows = queries.rows(query).await?;
        let rows = rows.ok_or_else(|| too_many_requests(session_ids))?;
        lookup.add(query, rows);
    }
    Ok(lookup.into_conversations(session_ids))
}

fn too_many_requests(session_ids: &[String]) -> InvalidRequest {
    let value = format!("{} ids", session_ids.len());
    let rule = format!(
        "the gateway names their conversations in more than {MAX_REQUESTS} requests; use several exports, or a shorter interval"
    );
    InvalidRequest::new("filters.sessionIds", value, rule)
}

impl Queries<'_> {
    /// Reads all pages of a query. `None` if that needs more requests than are left.
    async fn rows(&mut self, query: Query<'_>) -> Result<Option<Rows>, SourceError> {
        let mut rows = Vec::new();
        let mut next: Option<NextPage> = None;
        while let Some(left) = self.requests_left.checked_sub(1) {
            self.requests_left = left;
            let call = call(query, next.as_ref());
            let decode = |body: &[u8]| WebDetailsPage::read(&parse_document(body)?);
            let mut page = self.client.call(&call, self.deadline, decode).await?.value;
            let is_full = page.rows.len() >= PAGE_SIZE;
            // A conversation has a row for each message.
            page.rows.dedup();
            rows.append(&mut page.rows);
            if page.next.is_none() {
                let may_lack_some = is_full;
                return Ok(Some(Rows {
                    rows,
                    may_lack_some,
                }));
            }
            if page.next == next {
                return Err(source_broken(format!(
                    "{QUERY} repeats the token of a page"
                )));
            }
            next = page.next;
        }
        Ok(None)
    }
}

fn call(query: Query<'_>, next: Option<&NextPage>) -> Call {
    let mut body = body(query);
    let call = Call::post(QUERY).with_reply_limit(REPLY_LIMIT_BYTES);
    match next {
        Some(NextPage::Query(token)) => call.query("nextPageToken", token).json(&body),
        Some(NextPage::Body(token)) => {
            body["continuationToken"] = json!(token);
            call.json(&body)
        }
        None => call.json(&body),
    }
}

/// Only ids are read from the reply, so the gateway may redact all texts.
fn body(query: Query<'_>) -> Value {
    let Query { sessions, interval } = query;
    let conversations: Vec<Value> = sessions.iter().map(|id| json!({ "id": id })).collect();
    json!({
        "dateRange": {
            "from": format_timestamp(interval.start()).to_string(),
            "to": format_timestamp(interval.end()).to_string(),
        },
        "entities": { "conversations": conversations },
        "interval": "PT1H",
        "redactPii": true,
        "groupBy": ["conversationId", "sequenceId"],
        "pageSize": PAGE_SIZE,
    })
}
