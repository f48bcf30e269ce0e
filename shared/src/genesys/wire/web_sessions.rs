//! A gateway's query for the conversations of guest sessions. Not an endpoint of the public API; the shape of its reply is
//! not documented. docs/sources.md states the interpretation.

use serde_json::value::RawValue;

use crate::base::decode::DecodeError;
use crate::base::decode::object::{Object, list, required_object};
use crate::records::transcript::is_id;

/// `POST …/analytics/conversations/web/details/query`: one row for each message, or for each conversation.
#[derive(Debug)]
pub struct WebDetailsPage {
    pub rows: Vec<WebDetailsRow>,
    pub next: Option<NextPage>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct WebDetailsRow {
    pub conversation_id: String,
    /// The id of the session that it belongs to, if the row names one.
    pub session_id: Option<String>,
}

/// The token of the next page, under the name by which it is sent back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextPage {
    /// `nextPageToken`, in the query string.
    Query(String),
    /// `continuationToken`, in the body.
    Body(String),
}

/// The names that the list of rows may have.
const LISTS: [&str; 3] = ["conversations", "entities", "results"];

impl WebDetailsPage {
    pub fn read(document: &RawValue) -> Result<Self, DecodeError> {
        if let Some(rows) = list(document) {
            return Ok(Self {
                rows: rows.into_iter().map(row).collect::<Result<_, _>>()?,
                next: None,
            });
        }
        let page = required_object(document)?;
        let name = LISTS.into_iter().find(|name| page.member(name).is_some());
        let rows = page.required_list(name.unwrap_or(LISTS[0]))?;
        let in_query = page.id("nextPageToken").map(NextPage::Query);
        Ok(Self {
            rows: rows.into_iter().map(row).collect::<Result<_, _>>()?,
            next: in_query.or_else(|| page.id("continuationToken").map(NextPage::Body)),
        })
    }
}

fn row(element: &RawValue) -> Result<WebDetailsRow, DecodeError> {
    let row = required_object(element)?;
    let group = row.object("group");
    let field = |name: &str| {
        let grouped = || group.as_ref().and_then(|group: &Object<'_>| group.id(name));
        row.id(name).or_else(grouped)
    };
    let conversation_id = field("conversationId");
    let conversation_id = conversation_id.ok_or_else(|| DecodeError::missing("conversationId"))?;
    if !is_id(&conversation_id) {
        return Err(DecodeError::not_a("conversationId", "an id"));
    }
    Ok(WebDetailsRow {
        conversation_id,
        session_id: field("sessionId"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<WebDetailsPage, DecodeError> {
        WebDetailsPage::read(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_page_of_sessions_is_read_in_each_known_form() {
        let row = r#"{"conversationId":"c","sessionId":"s","sequenceId":1}"#;
        let grouped = r#"{"group":{"conversationId":"c","sessionId":"s"},"data":[]}"#;
        for page in [
            format!("[{row}]"),
            format!(r#"{{"conversations":[{row}]}}"#),
            format!(r#"{{"entities":[{row}],"nextPageToken":null}}"#),
            format!(r#"{{"results":[{grouped}],"nextPageToken":""}}"#),
        ] {
            let page = read(&page).unwrap();

            assert_eq!(page.rows[0].conversation_id, "c");
            assert_eq!(page.rows[0].session_id.as_deref(), Some("s"));
            assert_eq!(page.next, None);
        }
        let next = |json| read(json).unwrap().next;
        assert_eq!(
            next(r#"{"entities":[],"nextPageToken":"t"}"#),
            Some(NextPage::Query("t".to_owned()))
        );
        assert_eq!(
            next(r#"{"entities":[],"continuationToken":"t"}"#),
            Some(NextPage::Body("t".to_owned()))
        );
    }

    #[test]
    fn a_page_of_sessions_in_any_other_form_is_an_error() {
        for page in [
            "{}",
            "null",
            r#"{"conversations":{}}"#,
            r#"{"conversations":null}"#,
            r#"{"total":0}"#,
            r#"[{"sessionId":"s"}]"#,
            "[null]",
            r#"[{"conversationId":"../x"}]"#,
        ] {
            assert!(read(page).is_err(), "{page}");
        }
    }
}
