//! The organisation's data, generated from a seed: conversations as the analytics jobs return them, and records of the
//! export gateway.
//!
//! Each record has its own generator (seed and number), so adding records does not change earlier ones.

mod conversation;
mod conversation_builder;
mod directory;
mod email;
mod entity;
pub(crate) mod files;
mod gateway;
pub(crate) mod ids;
mod languages;
pub(crate) mod live;
mod live_texts;
mod message;
mod model;
pub(crate) mod moment;
pub(crate) mod outline;
mod queue_visit;
pub(crate) mod random;
pub(crate) mod speech;
pub(crate) mod transcript;
mod voice;

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use jiff::Timestamp;

use crate::faults::malformed::{GoodRecord, is_malformed, malformed};
use crate::organisation::interval::after;
use crate::settings::{HistoryForm, Settings};
use crate::truth::{Truth, TruthConversation, TruthRecord};
use directory::Directory;
pub(crate) use email::Email;
use gateway::Gateway;
pub(crate) use gateway::RecordSummary;
use live_texts::LiveTexts;
use speech::Speech;
use transcript::Transcript;

#[derive(Clone)]
pub(crate) struct Dataset {
    /// Sorted by start, then id.
    pub(crate) conversations: Vec<Conversation>,
    gateway: Gateway,
    directory: Directory,
    /// Indexes into `conversations`, sorted by conversation id.
    by_id: Vec<usize>,
    /// Texts set by [`Dataset::write`], by index of the conversation.
    custom_texts: HashMap<usize, Vec<String>>,
    /// Texts of live conversations so far, by index of the conversation.
    live_texts: HashMap<usize, LiveTexts>,
    /// Number of changes by live conversations.
    pub(crate) live_changes: u64,
    /// Phrases and e-mails set by [`Dataset::say`], by index of the conversation.
    custom_phrases: HashMap<usize, Vec<String>>,
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
        let directory = Directory::new(settings.seed);
        let mut conversations = conversation::generate(settings, &directory);
        conversations.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
        let mut by_id: Vec<usize> = (0..conversations.len()).collect();
        by_id.sort_unstable_by(|a, b| conversations[*a].id.cmp(&conversations[*b].id));
        Self {
            conversations,
            gateway: Gateway::new(settings),
            by_id,
            custom_texts: HashMap::new(),
            custom_phrases: HashMap::new(),
            live_texts: HashMap::new(),
            live_changes: 0,
            directory,
        }
    }

    /// Returns the indexes of the conversations that started in this half-open interval.
    pub(crate) fn started(&self, within: Range<Timestamp>) -> Range<usize> {
        let before = |time| self.conversations.partition_point(|it| it.start < time);
        let end = before(within.end);
        before(within.start).min(end)..end
    }

    /// Whether a query finds this conversation at `now`. Each conversation appears after its own share of `lag`.
    pub(crate) fn is_found(&self, index: usize, lag: Duration, now: Timestamp) -> bool {
        let wait = lag.mul_f64(LAG_SHARES[index % LAG_SHARES.len()]);
        after(self.conversations[index].start, wait) <= now
    }

    /// Returns the index of the conversation with this id.
    pub(crate) fn index_of(&self, id: &str) -> Option<usize> {
        let id_at = |index: &usize| self.conversations[*index].id.as_str();
        let found = self
            .by_id
            .binary_search_by(|index| id_at(index).cmp(id))
            .ok()?;
        Some(self.by_id[found])
    }

    /// Whether a client whose role is granted in the first `held` divisions sees the conversation. Conversations
    /// without a division are visible to all.
    pub(crate) fn is_visible(&self, index: usize, held: Option<usize>) -> bool {
        let of_conversation = &self.conversations[index].divisions;
        let seen =
            held.map(|held| &self.directory.divisions[..held.min(self.directory.divisions.len())]);
        seen.is_none_or(|seen| {
            of_conversation.is_empty() || of_conversation.iter().any(|it| seen.contains(it))
        })
    }

    pub(crate) fn truth(&self, malformed_every: Option<usize>) -> Truth {
        let conversations =
            self.conversations
                .iter()
                .enumerate()
                .map(|(index, it)| TruthConversation {
                    id: it.id.clone(),
                    start: it.start,
                    end: it.end,
                    divisions: it.divisions.clone(),
                    active: it.active.clone(),
                    json: it.served_json(malformed_every, index).into_owned(),
                    malformed: is_malformed(malformed_every, index),
                });
        let summaries = self.gateway.summaries().iter().enumerate();
        let gateway = summaries.map(|(index, it)| TruthRecord {
            id: it.id.clone(),
            start: it.start,
            json: self.gateway_record(index, malformed_every),
            malformed: is_malformed(malformed_every, index),
        });
        Truth {
            conversations: conversations.collect(),
            gateway: gateway.collect(),
            planted: self.directory.planted(),
        }
    }

    /// Changes the record of a conversation, as late corrections do: from then on every read serves the changed record.
    pub(crate) fn amend(&mut self, id: &str) -> bool {
        let Some(index) = self.index_of(id) else {
            return false;
        };
        let json = &mut self.conversations[index].json;
        // Appended at the end, so that the recorded byte ranges stay valid.
        json.pop();
        json.push_str(r#","selfServed":true}"#);
        true
    }

    /// Replaces the texts of a written conversation, one message per text. Returns `false` if the conversation is
    /// unknown or spoken, or if `texts` is empty.
    pub(crate) fn write(&mut self, id: &str, texts: Vec<String>) -> bool {
        let index = self.index_of(id).filter(|index| self.is_written(*index));
        let Some(index) = index.filter(|_| !texts.is_empty()) else {
            return false;
        };
        self.custom_texts.insert(index, texts);
        true
    }

    fn is_written(&self, index: usize) -> bool {
        self.has_media(index, "message")
    }

    fn has_media(&self, index: usize, media_type: &str) -> bool {
        let mut facets = self.conversations[index].facets.iter();
        facets.any(|facet| facet.media_type == media_type)
    }

    /// Replaces what was said in a call, one phrase per text, or the e-mails of a conversation. Returns `false` if the
    /// conversation is unknown or has neither, or if `texts` is empty.
    pub(crate) fn say(&mut self, id: &str, texts: Vec<String>) -> bool {
        let has_either = |index: &usize| {
            ["voice", "email"]
                .iter()
                .any(|it| self.has_media(*index, it))
        };
        let index = self.index_of(id).filter(has_either);
        let Some(index) = index.filter(|_| !texts.is_empty()) else {
            return false;
        };
        self.custom_phrases.insert(index, texts);
        true
    }

    /// The phrases of the recorded calls of the conversation at this index; `None` when none was recorded.
    pub(crate) fn speech(&self, index: usize, seed: u64) -> Option<Speech> {
        let conversation = &self.conversations[index];
        let custom = self.custom_phrases.get(&index).map(Vec::as_slice);
        if let (Some(live), None) = (self.live_texts.get(&index), custom) {
            return Speech::of_live(conversation, index, seed, &live.phrases);
        }
        Speech::of(conversation, index, seed, &self.directory, custom)
    }

    /// The e-mails of the conversation at this index; `None` when it has none.
    pub(crate) fn emails(&self, index: usize, seed: u64) -> Option<Vec<Email>> {
        let conversation = &self.conversations[index];
        let custom = self.custom_phrases.get(&index).map(Vec::as_slice);
        self.has_media(index, "email")
            .then(|| email::emails(conversation, index, seed, &self.directory, custom))
    }

    /// Returns ids and names.
    pub(crate) fn queues(&self) -> Vec<(String, String)> {
        let queues = self.directory.queues.iter();
        queues
            .map(|queue| (queue.id.clone(), queue.language.queue.to_owned()))
            .collect()
    }

    /// Returns ids and names of the wrap-up codes that occur in the data.
    pub(crate) fn wrap_up_codes(&self) -> Vec<(String, String)> {
        const KEY: &str = "\"wrapUpCode\":\"";
        let ids = self.conversations.iter().flat_map(|it| {
            let after_key = it.json.split(KEY).skip(1);
            after_key.filter_map(|rest| rest.split('"').next())
        });
        ids.map(|id| (id.to_owned(), format!("Outcome {}", &id[..4])))
            .collect()
    }

    /// Returns the messages of the conversation at this index; `None` when it was spoken.
    pub(crate) fn transcript(&self, index: usize, seed: u64) -> Option<Transcript> {
        let conversation = &self.conversations[index];
        let custom_texts = self.custom_texts.get(&index).map(Vec::as_slice);
        if let (Some(live), None) = (self.live_texts.get(&index), custom_texts) {
            return live.transcript.clone().filter(|it| !it.messages.is_empty());
        }
        self.is_written(index)
            .then(|| Transcript::of(conversation, index, seed, &self.directory, custom_texts))
    }

    /// Returns the fields by which a query of the gateway filters.
    pub(crate) fn gateway_summaries(&self) -> &[RecordSummary] {
        self.gateway.summaries()
    }

    /// Returns the record as served, given its index in the data set.
    pub(crate) fn gateway_record(&self, index: usize, malformed_every: Option<usize>) -> String {
        self.gateway
            .served_json(index, &self.directory, malformed_every)
    }

    /// Returns the record as an entity of a history gateway of this form, given its index in the data set.
    pub(crate) fn entity(&self, index: usize, form: HistoryForm) -> String {
        self.gateway.entity(index, form, &self.directory)
    }
}

impl Conversation {
    /// Returns the record as a job serves it, given its index in the data set.
    pub(crate) fn served_json(&self, malformed_every: Option<usize>, index: usize) -> Cow<'_, str> {
        served_json(self.good_record(&self.json), malformed_every, index)
    }

    /// Returns the record as every other endpoint serves it, without participant attributes.
    pub(crate) fn served_json_without_attributes(
        &self,
        malformed_every: Option<usize>,
        index: usize,
    ) -> Cow<'_, str> {
        if self.attributes.is_empty() {
            return self.served_json(malformed_every, index);
        }
        let json = without(&self.json, &self.attributes);
        served_json(self.good_record(&json), malformed_every, index)
            .into_owned()
            .into()
    }

    fn good_record<'a>(&'a self, json: &'a str) -> GoodRecord<'a> {
        GoodRecord {
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

fn served_json(good_record: GoodRecord<'_>, every: Option<usize>, index: usize) -> Cow<'_, str> {
    match every.filter(|_| is_malformed(every, index)) {
        Some(n) => malformed(good_record, index / n).into(),
        None => good_record.json.into(),
    }
}
