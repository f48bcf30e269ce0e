//! The contract of the history gateway, in both of its forms.
//!
//! A page is an object with `entities` and perhaps the token of the next page. An empty page with a token goes on, the
//! last page has no token. A gateway serves records in pages of `size`, with an empty page after the first one of each
//! query, and issues each token for one body: a token with another body is refused.

mod continuation;
mod exports;
mod page_token;

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::json::Checked;
use super::request::Request;
use super::server::{Answer, Contract};

pub(crate) const PATH: &str = "/api/v2/analytics/conversations/details/query";
const START: &str = "2026-03-01T00:00:00Z";
const END: &str = "2026-03-02T00:00:00Z";
const PAGE_SIZE: u64 = 3;

/// A form of the gateway: reads a request, or names the violation.
pub(crate) struct Form {
    /// The value of `GATEWAY_HISTORY_FORM`.
    name: &'static str,
    /// The field of a page that holds the token of the next one.
    token_field: &'static str,
    read: fn(&Request) -> Checked<Query>,
    /// The filters of an export in this form.
    filters: fn() -> Value,
    /// The body of a request for `size` records, for these filters. Tokens are left out.
    body: fn(u64) -> Value,
}

/// A request for a page.
pub(crate) struct Query {
    pub(crate) token: Option<String>,
    pub(crate) size: usize,
    pub(crate) selection: Selection,
    /// The body without the token.
    pub(crate) body: Value,
}

/// The records that a request selects. Each filter that is present applies.
#[derive(Default)]
pub(crate) struct Selection {
    pub(crate) ids: Option<Vec<String>>,
    pub(crate) interaction_ids: Option<Vec<String>>,
    pub(crate) participants: Option<Vec<String>>,
    pub(crate) channels: Option<Vec<String>>,
    pub(crate) times: Option<(Timestamp, Timestamp)>,
}

pub(crate) struct Gateway {
    form: &'static Form,
    records: Vec<Record>,
    /// Records that start at the end of the requested times are returned, too.
    inclusive: bool,
    /// The place for which each token was issued.
    tokens: HashMap<String, Place>,
}

#[derive(Clone)]
struct Place {
    body: Value,
    position: usize,
    empty_page: bool,
}

#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) entity: Value,
    start: Timestamp,
    participant: &'static str,
}

impl Selection {
    fn has(&self, record: &Record, inclusive: bool) -> bool {
        let among = |list: &Option<Vec<String>>, value: &str| {
            list.as_ref()
                .is_none_or(|list| list.iter().any(|it| it == value))
        };
        let field = |name: &str| record.entity[name].as_str().unwrap();
        among(&self.ids, field("id"))
            && among(&self.interaction_ids, field("interactionId"))
            && among(&self.channels, field("channelType"))
            && among(&self.participants, record.participant)
            && self.times.is_none_or(|(start, end)| {
                (start..end).contains(&record.start) || (inclusive && record.start == end)
            })
    }
}

impl Gateway {
    fn new(form: &'static Form, records: Vec<Record>) -> Self {
        Self {
            form,
            records,
            inclusive: false,
            tokens: HashMap::new(),
        }
    }

    /// The place of a page, which its token names.
    fn place(&self, query: &Query) -> Checked<Place> {
        let Some(token) = &query.token else {
            return Ok(Place {
                body: query.body.clone(),
                position: 0,
                empty_page: false,
            });
        };
        let place = self.tokens.get(token);
        let place = place.ok_or_else(|| format!("the token {token} was never issued"))?;
        if place.body != query.body {
            return Err(format!(
                "the token was issued for {}, not for {}",
                place.body, query.body
            ));
        }
        Ok(place.clone())
    }

    /// A new token for the place, or the one that was issued for it. It has characters that a URL must escape.
    fn token(&mut self, place: Place) -> String {
        let same = |(_, known): &(&String, &Place)| {
            known.body == place.body
                && known.position == place.position
                && known.empty_page == place.empty_page
        };
        if let Some((token, _)) = self.tokens.iter().find(same) {
            return token.clone();
        }
        let token = format!("dG9r+/{}=&x", self.tokens.len() + 1);
        self.tokens.insert(token.clone(), place);
        token
    }
}

impl Contract for Gateway {
    fn serves(&self, path: &str) -> bool {
        path == PATH
    }

    fn answer(&mut self, request: &Request) -> Checked<Answer> {
        let query = (self.form.read)(request)?;
        let place = self.place(&query)?;
        let is_selected = |it: &&Record| query.selection.has(it, self.inclusive);
        let selected = self.records.iter().filter(is_selected);
        let selected: Vec<Value> = selected.map(|it| it.entity.clone()).collect();
        let first = place.position.min(selected.len());
        let size = if place.empty_page { 0 } else { query.size };
        let last = (first + size).min(selected.len());
        let mut page = json!({"entities": selected[first..last]});
        let next = Place {
            body: query.body,
            position: last,
            // A dry run of one record has no empty page.
            empty_page: place.position == 0 && !place.empty_page && query.size > 1,
        };
        if next.empty_page || last < selected.len() {
            page[self.form.token_field] = self.token(next).into();
        }
        Ok(Answer::ok(page))
    }
}

/// Nine voice records of one day, every third one with the other names of start, end and participants.
fn records() -> Vec<Record> {
    (1..=9).map(record).collect()
}

fn record(number: usize) -> Record {
    let start = format!("2026-03-01T{:02}:05:00.125Z", number + 2);
    let end = format!("2026-03-01T{:02}:25:00Z", number + 2);
    let id = format!("7c9e6679-7425-40de-944b-{number:012}");
    let mut entity = json!({
        "id": id, "interactionId": id, "channelType": "voice",
        "queueName": "Web Support", "wrapUpCode": "resolved",
        "attributes": {"tier": "gold", "step": number.to_string()},
    });
    if number.is_multiple_of(3) {
        entity["startTime"] = start.as_str().into();
        entity["endTime"] = end.into();
        entity["participants"] = json!([{"id": format!("p{number}"), "type": "customer"}]);
    } else {
        entity["startTimestamp"] = start.as_str().into();
        entity["endTimestamp"] = end.into();
        entity["participantCount"] = 2.into();
    }
    Record {
        entity,
        start: start.parse().unwrap(),
        participant: if number.is_multiple_of(2) {
            "agent-2"
        } else {
            "agent-1"
        },
    }
}

/// A record that starts exactly at `start`.
fn record_at(number: usize, start: &str) -> Record {
    let mut record = record(number);
    let names = ["startTime", "startTimestamp"];
    let name = names.into_iter().find(|it| record.entity.get(it).is_some());
    record.entity[name.unwrap()] = start.into();
    record.start = start.parse().unwrap();
    record
}

fn entities(records: &[Record]) -> Vec<Value> {
    records.iter().map(|it| it.entity.clone()).collect()
}

fn ids() -> Vec<String> {
    let entities = entities(&records()).into_iter();
    entities
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect()
}
