//! The contract of the export gateway.
//!
//! `POST /api/v2/export/query` with `{"query":{"filter":{"type":"webchat","id":{"range":{"min","max"}},
//! "dateRange":{"start","end"}},"pageSize"},"includeMedia"}` returns `{id, queryId, totalRecords, pageSize}`; with
//! `pageSize` 1 it is only a count. `GET /api/v2/export/job/{queryId}/results?offset=&limit=` returns a bare array.
//! The next offset is the offset plus the number of records received.

mod exports;

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::json::{Checked, boolean, integer, moment, object, text, word};
use super::request::{Request, decoded};
use super::server::{Answer, Contract};

const QUERY: &str = "/api/v2/export/query";
const START: &str = "2026-03-01T00:00:00Z";
const END: &str = "2026-03-02T00:00:00Z";
const RECORDS: usize = 10;
const PAGE_SIZE: usize = 4;

pub(crate) struct ExportGateway {
    queries: HashMap<String, Query>,
}

struct Query {
    page_size: usize,
    records: Vec<Value>,
}

impl ExportGateway {
    pub(crate) fn new() -> Self {
        Self {
            queries: HashMap::new(),
        }
    }

    fn query(&mut self, request: &Request) -> Checked<Answer> {
        request.must_have_no_query()?;
        let body = request.json()?;
        let fields = object(&body, "the body", &["query", "includeMedia"], &[])?;
        boolean(&fields["includeMedia"], "includeMedia")?;
        let query = object(&fields["query"], "query", &["filter", "pageSize"], &[])?;
        // The contract states no largest page.
        let page_size = integer(&query["pageSize"], "pageSize", 1..=10_000)?;
        let selected = Selection::read(&query["filter"])?;
        let number = self.queries.len() + 1;
        let (id, query_id) = (format!("export-{number}"), format!("query/{number}"));
        let query = Query {
            page_size: usize::try_from(page_size).unwrap(),
            records: records()
                .into_iter()
                .filter(|it| selected.has(it))
                .collect(),
        };
        let total = query.records.len();
        self.queries.insert(query_id.clone(), query);
        let body =
            json!({"id": id, "queryId": query_id, "totalRecords": total, "pageSize": page_size});
        Ok(Answer::ok(body))
    }

    fn results(&self, request: &Request) -> Checked<Answer> {
        request.must_be("GET")?;
        request.must_have_no_body()?;
        let query_id = query_id(&request.path).unwrap_or_default();
        let query = self
            .queries
            .get(&decoded(query_id))
            .ok_or_else(|| format!("there is no query {query_id}"))?;
        let (offset, limit) = range(request)?;
        if offset > query.records.len() {
            return Err(format!("the offset {offset} is past the empty page"));
        }
        // A slice stops at its end, so its last page may be smaller than `pageSize`.
        if limit == 0 || limit > query.page_size {
            return Err(format!(
                "the limit {limit} is not in 1..={}",
                query.page_size
            ));
        }
        let received = received(offset, limit).min(query.records.len() - offset);
        let page = &query.records[offset..offset + received];
        Ok(Answer::ok(page.to_vec().into()))
    }
}

impl Contract for ExportGateway {
    fn serves(&self, path: &str) -> bool {
        path == QUERY || query_id(path).is_some()
    }

    fn answer(&mut self, request: &Request) -> Checked<Answer> {
        if request.path == QUERY {
            self.query(request)
        } else {
            self.results(request)
        }
    }
}

/// The query whose results the path names.
fn query_id(path: &str) -> Option<&str> {
    path.strip_prefix("/api/v2/export/job/")?
        .strip_suffix("/results")
}

/// The number of records that a page has at most: the first one is shorter than requested.
fn received(offset: usize, limit: usize) -> usize {
    if offset == 0 && limit > 1 {
        limit - 1
    } else {
        limit
    }
}

/// The conversations that a query selects.
struct Selection {
    start: Timestamp,
    end: Timestamp,
    ids: Option<(String, String)>,
}

impl Selection {
    fn read(filter: &Value) -> Checked<Self> {
        // The contract shows `id` without saying that it is optional. A request that names no range has no values for
        // it, so its absence is accepted, and the tests that name one require it.
        let fields = object(filter, "filter", &["type", "dateRange"], &["id"])?;
        word(&fields["type"], "type", &["webchat"])?;
        let dates = object(&fields["dateRange"], "dateRange", &["start", "end"], &[])?;
        let ids = fields.get("id").map(id_range).transpose()?;
        Ok(Self {
            start: moment(&dates["start"], "dateRange.start")?,
            end: moment(&dates["end"], "dateRange.end")?,
            ids,
        })
    }

    fn has(&self, record: &Value) -> bool {
        let start: Timestamp = record["startTime"].as_str().unwrap().parse().unwrap();
        let id = record["id"].as_str().unwrap();
        let in_range = |(min, max): &(String, String)| (min.as_str()..=max.as_str()).contains(&id);
        start >= self.start && start < self.end && self.ids.as_ref().is_none_or(in_range)
    }
}

/// Both ends of `{"range":{"min","max"}}`.
fn id_range(id: &Value) -> Checked<(String, String)> {
    let id = object(id, "id", &["range"], &[])?;
    let range = object(&id["range"], "id.range", &["min", "max"], &[])?;
    let end = |name: &str| text(&range[name], name).map(str::to_owned);
    Ok((end("min")?, end("max")?))
}

/// `offset` and `limit`, once each, and no other parameter.
fn range(request: &Request) -> Checked<(usize, usize)> {
    let number = |name: &str| {
        let value = request.query.iter().find(|(known, _)| known == name);
        let (_, value) = value.ok_or_else(|| format!("{name} is missing"))?;
        value.parse().map_err(|_| format!("{name} is {value}"))
    };
    if request.query.len() != 2 {
        return Err(format!("the query string is {:?}", request.query));
    }
    Ok((number("offset")?, number("limit")?))
}

fn records() -> Vec<Value> {
    let record = |number: usize| {
        json!({
            "id": format!("c-{number:04}"),
            "type": "webchat",
            "startTime": format!("2026-03-01T{number:02}:15:00.250Z"),
            "endTime": format!("2026-03-01T{number:02}:25:00Z"),
            "mediaType": "chat",
            "participants": [{"id": format!("p-{number}"), "type": "customer"}],
        })
    };
    (1..=RECORDS).map(record).collect()
}

pub(crate) fn ids() -> Vec<String> {
    (1..=RECORDS)
        .map(|number| format!("c-{number:04}"))
        .collect()
}

/// A request for all records, in one slice.
pub(crate) fn request() -> Value {
    json!({
        "source": "export-gateway", "interval": format!("{START}/{END}"), "pageSize": PAGE_SIZE, "slices": 1,
    })
}
