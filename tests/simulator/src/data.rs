//! The organisation's data, generated from a seed: conversations as the analytics jobs return them, and records of the
//! export gateway.
//!
//! Each record has its own generator (seed and number), so adding records does not change earlier ones.

mod cast;
mod chance;
mod conversation;
pub(crate) mod files;
mod gateway;
pub(crate) mod ids;
mod languages;
mod message;
mod model;
mod moment;
mod outline;
mod queue_visit;
mod scene;
pub(crate) mod transcript;
mod voice;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;

use crate::faults::malformed::{Good, is_malformed, malformed};
use crate::organisation::interval::after;
use crate::settings::Settings;
use crate::truth::{Truth, TruthConversation, TruthRecord};
use cast::Cast;
use gateway::Gateway;
pub(crate) use gateway::Head;
use transcript::Transcript;

#[derive(Clone)]
pub(crate) struct Dataset {
    /// Sorted by start, then id.
    pub(crate) conversations: Vec<Conversation>,
    gateway: Gateway,
    cast: Cast,
    /// Indexes into `conversations`, sorted by conversation id.
    by_id: Vec<usize>,
    /// Texts set by [`Dataset::write`], by index of the conversation.
    given: HashMap<usize, Vec<String>>,
}

#[derive(Clone)]
pub(crate) struct Conversation {
    pub(crate) id: String,
    pub(crate) start: Timestamp,
    pub(crate) end: Option<Timestamp>,
    pub(crate) active: Vec<(Timestamp, Option<Timestamp>)>,
    pub(crate) direction: &'static str,
    pub(crate) divisions: Vec<String>,
    pub(crate) facets: Vec<Facet>,
    json: String,
    /// Byte ranges of the participants' attributes in `json`, each including the comma after it.
    attributes: Vec<Range<usize>>,
}

/// The values that a segment filter can match; one facet per distinct kind of segment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facet {
    pub(crate) media_type: &'static str,
    pub(crate) message_type: Option<&'static str>,
    pub(crate) purpose: &'static str,
    pub(crate) queue: Option<String>,
    pub(crate) user: Option<String>,
}

impl Dataset {
    pub(crate) fn generate(settings: &Settings) -> Self {
        let cast = Cast::new(settings.seed);
        let mut conversations = conversation::generate(settings, &cast);
        conversations.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
        let mut by_id: Vec<usize> = (0..conversations.len()).collect();
        by_id.sort_unstable_by(|a, b| conversations[*a].id.cmp(&conversations[*b].id));
        Self {
            conversations,
            gateway: Gateway::new(settings),
            by_id,
            given: HashMap::new(),
            cast,
        }
    }

    /// Returns the indexes of the conversations that started in this half-open interval.
    pub(crate) fn started(&self, within: Range<Timestamp>) -> Range<usize> {
        let before = |time| self.conversations.partition_point(|it| it.start < time);
        let end = before(within.end);
        before(within.start).min(end)..end
    }

    /// Whether a query finds this conversation at `now`. Each conversation appears after its own share of `lag`.
    pub(crate) fn is_found(&self, place: usize, lag: Duration, now: Timestamp) -> bool {
        let wait = lag.mul_f64(LAG_SHARES[place % LAG_SHARES.len()]);
        after(self.conversations[place].start, wait) <= now
    }

    /// Returns the index of the conversation with this id.
    pub(crate) fn place_of(&self, id: &str) -> Option<usize> {
        let id_at = |place: &usize| self.conversations[*place].id.as_str();
        let found = self
            .by_id
            .binary_search_by(|place| id_at(place).cmp(id))
            .ok()?;
        Some(self.by_id[found])
    }

    /// Whether a client whose role is granted in the first `held` divisions sees the conversation. Conversations
    /// without a division are visible to all.
    pub(crate) fn is_visible(&self, place: usize, held: Option<usize>) -> bool {
        let of_conversation = &self.conversations[place].divisions;
        let seen = held.map(|held| &self.cast.divisions[..held.min(self.cast.divisions.len())]);
        seen.is_none_or(|seen| {
            of_conversation.is_empty() || of_conversation.iter().any(|it| seen.contains(it))
        })
    }

    pub(crate) fn truth(&self, malformed_every: Option<usize>) -> Truth {
        let conversations =
            self.conversations
                .iter()
                .enumerate()
                .map(|(place, it)| TruthConversation {
                    id: it.id.clone(),
                    start: it.start,
                    end: it.end,
                    divisions: it.divisions.clone(),
                    active: it.active.clone(),
                    json: it.served(malformed_every, place).into_owned(),
                    malformed: is_malformed(malformed_every, place),
                });
        let heads = self.gateway.heads().iter().enumerate();
        let gateway = heads.map(|(place, it)| TruthRecord {
            id: it.id.clone(),
            start: it.start,
            json: self.gateway_record(place, malformed_every),
            malformed: is_malformed(malformed_every, place),
        });
        Truth {
            conversations: conversations.collect(),
            gateway: gateway.collect(),
            planted: self.cast.planted(),
        }
    }

    /// Changes the record of a conversation, as late corrections do: from then on every read serves the changed record.
    pub(crate) fn amend(&mut self, id: &str) -> bool {
        let Some(place) = self.place_of(id) else {
            return false;
        };
        let json = &mut self.conversations[place].json;
        // Appended at the end, so that the recorded byte ranges stay valid.
        json.pop();
        json.push_str(r#","selfServed":true}"#);
        true
    }

    /// Replaces the texts of a written conversation, one message per text. Returns `false` if the conversation is
    /// unknown or spoken, or if `texts` is empty.
    pub(crate) fn write(&mut self, id: &str, texts: Vec<String>) -> bool {
        let place = self.place_of(id).filter(|place| self.is_written(*place));
        let Some(place) = place.filter(|_| !texts.is_empty()) else {
            return false;
        };
        self.given.insert(place, texts);
        true
    }

    fn is_written(&self, place: usize) -> bool {
        let mut facets = self.conversations[place].facets.iter();
        facets.any(|facet| facet.media_type == "message")
    }

    /// Returns ids and names.
    pub(crate) fn queues(&self) -> Vec<(String, String)> {
        let queues = self.cast.queues.iter();
        queues
            .map(|queue| (queue.id.clone(), queue.language.queue.to_owned()))
            .collect()
    }

    /// Returns ids and names of the wrap-up codes that occur in the data.
    pub(crate) fn wrap_up_codes(&self) -> Vec<(String, String)> {
        const KEY: &str = "\"wrapUpCode\":\"";
        let ids = self.conversations.iter().flat_map(|it| {
            let behind = it.json.split(KEY).skip(1);
            behind.filter_map(|rest| rest.split('"').next())
        });
        ids.map(|id| (id.to_owned(), format!("Outcome {}", &id[..4])))
            .collect()
    }

    /// Returns the messages of the conversation at this index; `None` when it was spoken.
    pub(crate) fn transcript(&self, place: usize, seed: u64) -> Option<Transcript> {
        let conversation = &self.conversations[place];
        let given = self.given.get(&place).map(Vec::as_slice);
        self.is_written(place)
            .then(|| Transcript::of(conversation, place, seed, &self.cast, given))
    }

    /// Returns the fields by which a query of the gateway filters.
    pub(crate) fn gateway_heads(&self) -> &[Head] {
        self.gateway.heads()
    }

    /// Returns the record as served, given its index in the data set.
    pub(crate) fn gateway_record(&self, place: usize, malformed_every: Option<usize>) -> String {
        self.gateway.served(place, &self.cast, malformed_every)
    }
}

impl Conversation {
    /// Returns the record as a job serves it, given its index in the data set.
    pub(crate) fn served(&self, malformed_every: Option<usize>, place: usize) -> Cow<'_, str> {
        served(self.good(&self.json), malformed_every, place)
    }

    /// Returns the record as every other endpoint serves it, without participant attributes.
    pub(crate) fn served_without_attributes(
        &self,
        malformed_every: Option<usize>,
        place: usize,
    ) -> Cow<'_, str> {
        if self.attributes.is_empty() {
            return self.served(malformed_every, place);
        }
        let json = without(&self.json, &self.attributes);
        served(self.good(&json), malformed_every, place)
            .into_owned()
            .into()
    }

    fn good<'a>(&'a self, json: &'a str) -> Good<'a> {
        Good {
            json,
            id_key: "conversationId",
            id: &self.id,
            start_key: "conversationStart",
        }
    }
}

/// Neighbouring values differ, so that late conversations appear between earlier ones.
const LAG_SHARES: [f64; 7] = [0.1, 1.0, 0.4, 0.8, 0.2, 0.6, 0.3];

/// Returns the text without these ranges, which are in ascending order.
fn without(text: &str, parts: &[Range<usize>]) -> String {
    let mut rest = String::with_capacity(text.len());
    let mut from = 0;
    for part in parts {
        rest.push_str(&text[from..part.start]);
        from = part.end;
    }
    rest.push_str(&text[from..]);
    rest
}

fn served(good: Good<'_>, every: Option<usize>, place: usize) -> Cow<'_, str> {
    match every.filter(|_| is_malformed(every, place)) {
        Some(n) => malformed(good, place / n).into(),
        None => good.json.into(),
    }
}
