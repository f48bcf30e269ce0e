//! The conversations of guest sessions, as a gateway names them.
//!
//! The sessions are requested in batches. The reply may name the session of each row or not: if a row names none of the
//! batch, its sessions are requested one by one, so that each conversation belongs to the session that was requested.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::base::deadline::Deadline;
use crate::base::time::{Interval, format_timestamp};
use crate::export::plan::SessionConversations;
use crate::genesys::wire::{NextPage, WebDetailsPage, WebDetailsRow};
use crate::genesys::{Call, GenesysClient};
use crate::records::transcript::parse_document;
use crate::source::{SourceError, source_broken};

const QUERY: &str = "/api/v2/analytics/conversations/web/details/query";

/// Limits of the contract.
const SESSIONS_PER_QUERY: usize = 100;
const PAGE_SIZE: usize = 500;

/// More pages of one batch mean that its tokens lead nowhere.
const MAX_PAGES: usize = 1_000;

/// Limit of one page.
const REPLY_LIMIT_BYTES: u64 = 12_000_000;

/// The rows of a batch.
struct Rows {
    rows: Vec<WebDetailsRow>,
    /// Whether the last page is full and has no token: there may be more rows.
    is_open: bool,
}

/// Looks up the conversations of these sessions in the interval.
pub(in crate::source) async fn look_up(
    client: &GenesysClient,
    session_ids: &[String],
    interval: Interval,
    deadline: Deadline,
) -> Result<SessionConversations, SourceError> {
    let mut found = Found::default();
    let mut batches: Vec<&[String]> = session_ids.chunks(SESSIONS_PER_QUERY).rev().collect();
    while let Some(batch) = batches.pop() {
        let rows = rows(client, batch, interval, deadline).await?;
        if let [session] = batch {
            if rows.is_open {
                return Err(source_broken(format!(
                    "{QUERY} returned {PAGE_SIZE} rows of one session and no token for the next page"
                )));
            }
            found.add_all(session, rows.rows);
        } else if rows.is_open || !rows.name_a_session_of(batch) {
            batches.extend(batch.chunks(1).rev());
        } else {
            found.add(rows.rows);
        }
    }
    Ok(found.into_conversations(session_ids))
}

/// Reads all pages of a batch.
async fn rows(
    client: &GenesysClient,
    batch: &[String],
    interval: Interval,
    deadline: Deadline,
) -> Result<Rows, SourceError> {
    let mut rows = Vec::new();
    let mut next: Option<NextPage> = None;
    for _ in 0..MAX_PAGES {
        let call = call(batch, interval, next.as_ref());
        let decode = |body: &[u8]| WebDetailsPage::read(&parse_document(body)?);
        let page = client.call(&call, deadline, decode).await?.value;
        let is_full = page.rows.len() >= PAGE_SIZE;
        rows.extend(page.rows);
        if page.next.is_none() {
            let is_open = is_full;
            return Ok(Rows { rows, is_open });
        }
        if page.next == next {
            return Err(source_broken(format!(
                "{QUERY} repeats the token of a page"
            )));
        }
        next = page.next;
    }
    Err(source_broken(format!(
        "{QUERY} has more than {MAX_PAGES} pages for a batch"
    )))
}

fn call(batch: &[String], interval: Interval, next: Option<&NextPage>) -> Call {
    let mut body = body(batch, interval);
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
fn body(batch: &[String], interval: Interval) -> Value {
    let conversations: Vec<Value> = batch.iter().map(|id| json!({ "id": id })).collect();
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

impl Rows {
    /// Whether each row names a session of the batch.
    fn name_a_session_of(&self, batch: &[String]) -> bool {
        self.rows.iter().all(|row| {
            let session = row.session_id.as_ref();
            session.is_some_and(|id| batch.iter().any(|it| it.eq_ignore_ascii_case(id)))
        })
    }
}

/// The conversations found so far.
#[derive(Default)]
struct Found {
    conversation_ids: Vec<String>,
    known: HashSet<String>,
    /// In lower case, as sessions are compared.
    sessions: HashSet<String>,
}

impl Found {
    fn add(&mut self, rows: Vec<WebDetailsRow>) {
        for row in rows {
            let session = row.session_id.map(|id| id.to_ascii_lowercase());
            self.sessions.extend(session);
            self.add_conversation(row.conversation_id);
        }
    }

    fn add_all(&mut self, session: &str, rows: Vec<WebDetailsRow>) {
        if !rows.is_empty() {
            self.sessions.insert(session.to_ascii_lowercase());
        }
        for row in rows {
            self.add_conversation(row.conversation_id);
        }
    }

    fn add_conversation(&mut self, id: String) {
        if self.known.insert(id.to_ascii_lowercase()) {
            self.conversation_ids.push(id);
        }
    }

    fn into_conversations(self, session_ids: &[String]) -> SessionConversations {
        let has_none = |id: &&String| !self.sessions.contains(&id.to_ascii_lowercase());
        SessionConversations {
            sessions_without: session_ids.iter().filter(has_none).cloned().collect(),
            conversation_ids: self.conversation_ids,
        }
    }
}
