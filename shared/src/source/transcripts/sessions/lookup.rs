//! The division of a look-up into queries whose rows fit on their pages, and the conversations that these name.

use std::collections::HashSet;
use std::time::Duration;

use crate::base::time::{Interval, elapsed, later, truncate_to_millis};
use crate::export::plan::SessionConversations;
use crate::genesys::wire::WebDetailsRow;

/// Limit of the contract.
const SESSIONS_PER_QUERY: usize = 100;

/// The `interval` of a query, `PT1H`. No shorter time is queried.
const SHORTEST: Duration = Duration::from_hours(1);

/// A query for the conversations of these sessions in this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Query<'a> {
    pub(super) sessions: &'a [String],
    pub(super) interval: Interval,
}

/// The rows of a query, on all its pages.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) rows: Vec<WebDetailsRow>,
    /// Whether the last page is full and has no token: there may be more rows.
    pub(super) may_lack_some: bool,
}

/// The queries that are left, and the conversations found so far.
#[derive(Debug)]
pub(super) struct Lookup<'a> {
    /// In reverse order.
    queries: Vec<Query<'a>>,
    found: Found,
}

impl<'a> Lookup<'a> {
    pub(super) fn new(session_ids: &'a [String], interval: Interval) -> Self {
        let batches = session_ids.chunks(SESSIONS_PER_QUERY).rev();
        let queries = batches.map(|sessions| Query { sessions, interval });
        Self {
            queries: queries.collect(),
            found: Found::default(),
        }
    }

    pub(super) fn next_query(&mut self) -> Option<Query<'a>> {
        self.queries.pop()
    }

    /// Adds the rows of the query. If some may be lacking, two queries for half of it each come next.
    pub(super) fn add(&mut self, query: Query<'a>, rows: Rows) {
        let halves = query.halves().filter(|_| rows.may_lack_some);
        if halves.is_none() {
            self.found.add_knowledge(query.sessions, &rows);
        }
        self.found.add_rows(query.sessions, rows.rows);
        self.queries.extend(halves.into_iter().flatten().rev());
    }

    pub(super) fn into_conversations(self, session_ids: &[String]) -> SessionConversations {
        self.found.into_conversations(session_ids)
    }
}

impl Query<'_> {
    /// The same query in two: of half the sessions, or of one session in half the time. `None` for one session in a time
    /// that would become too short.
    fn halves(self) -> Option<[Self; 2]> {
        if let [_] | [] = self.sessions {
            let halves = halves_of(self.interval)?;
            return Some(halves.map(|interval| Self { interval, ..self }));
        }
        let (first, second) = self.sessions.split_at(self.sessions.len() / 2);
        Some([first, second].map(|sessions| Self { sessions, ..self }))
    }
}

fn halves_of(interval: Interval) -> Option<[Interval; 2]> {
    let half = elapsed(interval.start(), interval.end()) / 2;
    let middle = truncate_to_millis(later(interval.start(), half));
    let first = Interval::new(interval.start(), middle).ok()?;
    let second = Interval::new(middle, interval.end()).ok()?;
    (half >= SHORTEST).then_some([first, second])
}

/// The conversations found so far. Sessions are compared in lower case: a row may write them otherwise than the request.
#[derive(Debug, Default)]
struct Found {
    conversation_ids: Vec<String>,
    known: HashSet<String>,
    /// Sessions that have a conversation.
    sessions_with: HashSet<String>,
    /// Sessions of queries of which a row names no session, so that any of them may have the conversation.
    sessions_unknown: HashSet<String>,
    sessions_incomplete: Vec<String>,
}

impl Found {
    fn add_rows(&mut self, sessions: &[String], rows: Vec<WebDetailsRow>) {
        if let ([session], false) = (sessions, rows.is_empty()) {
            self.sessions_with.insert(session.to_ascii_lowercase());
        }
        for row in rows {
            let session = row.session_id.map(|id| id.to_ascii_lowercase());
            self.sessions_with.extend(session);
            if self.known.insert(row.conversation_id.to_ascii_lowercase()) {
                self.conversation_ids.push(row.conversation_id);
            }
        }
    }

    /// Adds what is unknown after the last query for these sessions in this time.
    fn add_knowledge(&mut self, sessions: &[String], rows: &Rows) {
        if !rows.name_sessions_of(sessions) {
            let sessions = sessions.iter().map(|id| id.to_ascii_lowercase());
            self.sessions_unknown.extend(sessions);
        }
        if rows.may_lack_some {
            self.sessions_incomplete.extend(sessions.iter().cloned());
        }
    }

    fn into_conversations(mut self, session_ids: &[String]) -> SessionConversations {
        let mut sessions_without = Vec::new();
        let mut sessions_unknown = 0;
        for id in session_ids {
            let key = id.to_ascii_lowercase();
            if self.sessions_with.contains(&key) {
                continue;
            }
            if self.sessions_unknown.contains(&key) {
                sessions_unknown += 1;
            } else {
                sessions_without.push(id.clone());
            }
        }
        // A session is queried in several times.
        self.sessions_incomplete.dedup();
        SessionConversations {
            conversation_ids: self.conversation_ids,
            sessions_without,
            sessions_unknown,
            sessions_incomplete: self.sessions_incomplete,
        }
    }
}

impl Rows {
    /// Whether each row belongs to a session that is known: one that it names, or the only one of the query.
    fn name_sessions_of(&self, sessions: &[String]) -> bool {
        let is_of = |row: &WebDetailsRow| {
            let session = row.session_id.as_ref();
            session.is_some_and(|id| sessions.iter().any(|it| it.eq_ignore_ascii_case(id)))
        };
        sessions.len() == 1 || self.rows.iter().all(is_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("s{number}")).collect()
    }

    fn interval(text: &str) -> Interval {
        text.parse().unwrap()
    }

    fn day() -> Interval {
        interval("2026-03-01T00:00:00Z/2026-03-02T00:00:00Z")
    }

    fn row(conversation: &str, session: Option<&str>) -> WebDetailsRow {
        WebDetailsRow {
            conversation_id: conversation.to_owned(),
            session_id: session.map(str::to_owned),
        }
    }

    /// Looks up the sessions; `answer` returns the rows of a query. Returns the number of queries, too.
    fn look_up(
        sessions: &[String],
        interval: Interval,
        answer: impl Fn(Query<'_>) -> Rows,
    ) -> (SessionConversations, usize) {
        let mut lookup = Lookup::new(sessions, interval);
        let mut queries = 0;
        while let Some(query) = lookup.next_query() {
            assert!((1..=SESSIONS_PER_QUERY).contains(&query.sessions.len()));
            queries += 1;
            lookup.add(query, answer(query));
        }
        (lookup.into_conversations(sessions), queries)
    }

    #[test]
    fn rows_without_sessions_leave_unknown_which_sessions_have_none() {
        let sessions = ids(250);

        let (found, queries) = look_up(&sessions, day(), |query| Rows {
            rows: match query.sessions[0].as_str() {
                "s0" => vec![row("c1", None), row("c2", None), row("c1", None)],
                "s100" => vec![row("c3", Some("S100")), row("c4", Some("s101"))],
                _ => Vec::new(),
            },
            may_lack_some: false,
        });

        assert_eq!(queries, 3, "one for each hundred sessions");
        assert_eq!(found.conversation_ids, ["c1", "c2", "c3", "c4"]);
        assert_eq!(found.sessions_unknown, 100);
        assert_eq!(found.sessions_without, sessions[102..]);
        assert!(found.sessions_incomplete.is_empty());
    }

    #[test]
    fn a_full_page_is_divided_by_sessions_until_no_page_is_full() {
        let sessions = ids(100);

        let (found, queries) = look_up(&sessions, day(), |query| {
            assert_eq!(query.interval, day());
            // Each session has a conversation of 30 rows, and the page has room for 500.
            let rows = query.sessions.iter().take(16);
            Rows {
                rows: rows.map(|id| row(&format!("c-{id}"), None)).collect(),
                may_lack_some: query.sessions.len() > 16,
            }
        });

        assert_eq!(queries, 15);
        assert_eq!(found.conversation_ids.len(), 100);
        assert_eq!(found.sessions_incomplete, [""; 0]);
    }

    #[test]
    fn full_pages_of_a_session_are_divided_by_time_down_to_an_hour() {
        let sessions = ids(1);
        let busy = "2026-03-01T13:10:00Z".parse().unwrap();

        let (found, queries) = look_up(&sessions, day(), |query| {
            let hours = elapsed(query.interval.start(), query.interval.end()).as_secs_f64() / 3600.;
            assert!(hours >= 1., "{query:?}");
            let is_busy = query.interval.contains(busy);
            Rows {
                rows: is_busy.then(|| row("c", None)).into_iter().collect(),
                may_lack_some: is_busy,
            }
        });

        assert_eq!(queries, 9, "24, 12, 6, 3 and 1.5 hours");
        assert_eq!(found.conversation_ids, ["c"]);
        assert_eq!(found.sessions_incomplete, sessions);
        assert_eq!(found.sessions_without, [""; 0]);
    }
}
