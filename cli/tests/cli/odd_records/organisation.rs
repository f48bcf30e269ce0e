//! An organisation whose records are valid but unusual. It responds as the API and a gateway do.

use bytes::Bytes;
use hyper::Method;
use serde_json::{Value, json};

use crate::loopback::{Loopback, RecordedRequest, StatusAndBody};
use crate::world::World;

/// A record as it is served, and the id by which it is found.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) json: String,
}

/// The names of the members with a record's id, start and end.
#[derive(Clone, Copy)]
pub(super) struct Names {
    pub(super) id: &'static str,
    pub(super) start: &'static str,
    pub(super) end: &'static str,
}

pub(super) const ANALYTICS: Names = Names {
    id: "conversationId",
    start: "conversationStart",
    end: "conversationEnd",
};

pub(super) const GATEWAY: Names = Names {
    id: "id",
    start: "startTime",
    end: "endTime",
};

const START: &str = "2026-03-01T10:00:00.000Z";

/// A conversation that has messages.
pub(super) const WRITTEN: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

impl Names {
    /// A record with additional members after id and start.
    fn record(self, id: &str, start: &str, members: &str) -> Record {
        let quoted = Value::from(id);
        Record {
            id: id.to_owned(),
            json: format!(
                r#"{{"{}":{quoted},"{}":"{start}"{members}}}"#,
                self.id, self.start
            ),
        }
    }

    pub(super) fn records(self) -> Vec<Record> {
        let mut records = self.odd_members();
        records.extend(self.odd_ids());
        records.extend(self.odd_starts());
        records.push(self.repeated_keys());
        records.push(self.over_many_lines());
        records
    }

    fn odd_members(self) -> Vec<Record> {
        let deep = format!(r#","deep":{}1{}"#, "[".repeat(5_000), "]".repeat(5_000));
        let digits = format!(r#","n":{}"#, "9".repeat(400));
        let huge = format!(r#","text":"{}""#, "x".repeat(1 << 20));
        let ended_before = format!(r#","{}":"2026-02-01T00:00:00Z""#, self.end);
        let members = [
            (
                "half",
                r#","name":"\ud800","attributes":{"\udc00":1,"\ud800":2,"":3}"#,
            ),
            (
                "large",
                r#","n":1E+400,"m":-0,"small":1e-400,"durationMs":1E+400"#,
            ),
            ("digits", &digits),
            ("repeated", r#","a":1,"a":2,"a":{"b":1,"b":[]}"#),
            ("deep", &deep),
            ("keys", r#","":"","\u0000":0,"\ud83d":1,"é\n":2"#),
            ("huge", &huge),
            (
                "control",
                r#","queueName":"\u0000\u001b[2J\u0007","subject":"\u009b2J"#,
            ),
            (
                "raw",
                ",\"queueName\":\"\u{9b}2J \u{202e}evil\u{2066}\u{7f}\u{2028}\"",
            ),
            ("backwards", &ended_before),
            ("text", r#","participants":"none""#),
            ("null", r#","participants":null"#),
            ("number", r#","participants":1E+400"#),
            ("object", r#","participants":{"sessions":[]}"#),
            (
                "mixed",
                r#","participants":[null,7,"\ud800",{},{"sessions":{}},{"sessions":[null,{"segments":7}],"attributes":["\ud800"]}]"#,
            ),
            (
                "mail",
                r#","participants":[{"name":"\ud800","attributes":{"\ud800":"mary@example.com \udc00"},"sessions":[{"mediaType":"message","segments":[{"wrapUpNote":"mary@example.com \ud83d"}]}]}],"interactions":[{"text":"mary@example.com \ud83d"}]"#,
            ),
        ];
        // The text of `control` lacks its closing quote, because the raw string ends there.
        let close = |text: &str| {
            if text.ends_with("2J") {
                format!("{text}\"")
            } else {
                text.to_owned()
            }
        };
        let record = |(id, members): (&str, &str)| self.record(id, START, &close(members));
        members.into_iter().map(record).collect()
    }

    fn odd_ids(self) -> Vec<Record> {
        let long = "i".repeat(1_024);
        let ids = [
            "with some spaces ",
            "with/slashes/../and?query=1&more#hash",
            "\"quoted\" and \\ and 'single'",
            "two\nlines\r\nand a\ttab",
            "\u{1b}[31m\u{9b}\u{202e}",
            "配達先👍é",
            "Case",
            "case",
            "--json",
            "{\"a\":1}",
            "\"as it is\"",
            &long,
        ];
        ids.into_iter()
            .map(|id| self.record(id, START, ""))
            .collect()
    }

    fn odd_starts(self) -> Vec<Record> {
        let starts = [
            ("year-0", "0000-01-01T00:00:00Z"),
            ("first", "-009999-01-02T01:59:59Z"),
            ("last", "9999-12-30T22:00:00.999999999Z"),
            ("offset", "2026-03-02T14:00:00+01:00:30"),
            ("leap", "2016-12-31T23:59:60Z"),
            ("fine", "2026-03-02T14:00:00.123456789+05:45"),
            ("coarse", "2026-03-02 14:00Z"),
            ("epoch", "1969-12-31T23:59:59.9999Z"),
        ];
        let record = |(id, start): (&str, &str)| self.record(id, start, "");
        starts.into_iter().map(record).collect()
    }

    /// The last member counts, however its key is escaped.
    fn repeated_keys(self) -> Record {
        let escaped = format!(
            "\\u{:04x}{}",
            u32::from(self.id.as_bytes()[0]),
            &self.id[1..]
        );
        Record {
            id: "the last".to_owned(),
            json: format!(
                r#"{{"{}":"the first","{}":"{START}","{escaped}":"the last"}}"#,
                self.id, self.start
            ),
        }
    }

    fn over_many_lines(self) -> Record {
        Record {
            id: "lines".to_owned(),
            json: format!(
                "{{\r\n\t\"{}\" : \"lines\",\n\"{}\":\"{START}\"\n\n}}",
                self.id, self.start
            ),
        }
    }
}

/// Serves the records on every route, and returns a world whose settings lead to that server.
pub(super) async fn world(records: Vec<Record>) -> (World, Loopback) {
    let mut world = World::new().await;
    let server = Loopback::start(move |request| respond(request, &records)).await;
    world.set("GENESYS_API_URL", &server.url);
    world.set("GENESYS_LOGIN_URL", &server.url);
    (world, server)
}

fn respond(request: &RecordedRequest, records: &[Record]) -> StatusAndBody {
    const ANALYTICS: &str = "/api/v2/analytics/conversations/details";
    let list = records.iter().map(|record| record.json.as_str());
    let list = list.collect::<Vec<_>>().join(",");
    let path = request
        .path
        .strip_prefix(ANALYTICS)
        .unwrap_or(&request.path);
    let total = records.len();
    let (status, body) = match (request.method.clone(), path) {
        (Method::POST, "/oauth/token") => (
            200,
            r#"{"access_token":"t","token_type":"bearer","expires_in":86400}"#.to_owned(),
        ),
        (_, "/api/v2/analytics/dataretention/settings") => (200, "{}".to_owned()),
        (Method::GET, "/jobs/availability") => (
            200,
            r#"{"dataAvailabilityDate":"2026-03-10T00:00:00Z"}"#.to_owned(),
        ),
        (Method::POST, "/jobs") => (202, r#"{"jobId":"job-1"}"#.to_owned()),
        (Method::GET, "/jobs/job-1") => (200, r#"{"state":"FULFILLED"}"#.to_owned()),
        (Method::DELETE, "/jobs/job-1") => (204, String::new()),
        (Method::GET, "/jobs/job-1/results") => (
            200,
            format!(
                r#"{{"conversations":[{list}],"dataAvailabilityDate":"2026-03-10T00:00:00Z"}}"#
            ),
        ),
        (Method::POST, "/query") => (
            200,
            format!(r#"{{"entities":[{list}],"totalHits":{total}}}"#),
        ),
        (Method::POST, "/api/v2/export/query") => (
            200,
            format!(r#"{{"id":"q","queryId":"query-1","totalRecords":{total},"pageSize":1000}}"#),
        ),
        (Method::GET, "/api/v2/export/job/query-1/results") => {
            let is_first = request.query.contains("offset=0&");
            (200, format!("[{}]", if is_first { &list } else { "" }))
        }
        (_, path) => texts(path),
    };
    (status, Bytes::from(body))
}

/// The messages of the one conversation that has some.
fn texts(path: &str) -> (u16, String) {
    let conversation = format!("/api/v2/conversations/messages/{WRITTEN}");
    match path.strip_prefix(&conversation) {
        Some("") => {
            let body = json!({"id": WRITTEN, "participants": [{
                "id": "p-1\u{9b}", "purpose": "customer", "name": "Mary\u{0}\u{202e}\n\u{1b}]0;x\u{7}",
                "messages": [{"messageId": "m-1"}, {"messageId": "m-2"}],
            }]});
            (200, body.to_string())
        }
        Some("/messages/bulk") => {
            let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
            let content = format!(
                r#"[{{"contentType":"Odd","half":"\ud800","\udc00":1E+400,"":{deep},"a":1,"a":2}}]"#
            );
            let message = |id: &str, time: &str, content: &str| {
                format!(
                    r#"{{"id":"{id}","timestamp":"{time}","direction":"inbound","normalizedMessage":{{"type":"Structured","text":"\u0000\u001b[2Jhello\u202e","content":{content}}}}}"#
                )
            };
            let first = message("m-1", "0000-01-01T00:00:00Z", &content);
            let last = message("m-2", "9999-12-30T22:00:00.999999999Z", "[]");
            (200, format!(r#"{{"entities":[{first},{last}]}}"#))
        }
        _ => (
            404,
            r#"{"message":"not found","code":"not.found","status":404}"#.to_owned(),
        ),
    }
}
