//! The organisation's data, made from a seed: conversations as the analytics jobs return them, and records of the export gateway.
//!
//! Each record has a generator of its own (seed and number), so that more records change none of the earlier ones.

mod cast;
mod chance;
mod conversation;
mod gateway;
pub(crate) mod ids;
mod languages;
mod message;
mod model;
mod moment;
mod outline;
mod queue_visit;
mod scene;
mod voice;

use std::borrow::Cow;

use jiff::Timestamp;

use crate::faults::malformed::{Good, is_malformed, malformed};
use crate::settings::Settings;
use crate::truth::{Truth, TruthConversation, TruthRecord};
use cast::Cast;
use gateway::Gateway;
pub(crate) use gateway::Head;

pub(crate) struct Dataset {
    /// By start, then id.
    pub(crate) conversations: Vec<Conversation>,
    gateway: Gateway,
    cast: Cast,
}

pub(crate) struct Conversation {
    pub(crate) id: String,
    pub(crate) start: Timestamp,
    pub(crate) end: Option<Timestamp>,
    pub(crate) active: Vec<(Timestamp, Option<Timestamp>)>,
    pub(crate) direction: &'static str,
    pub(crate) divisions: Vec<String>,
    pub(crate) facets: Vec<Facet>,
    json: String,
}

/// What a segment filter can ask for; one per distinct kind of segment.
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
        Self {
            conversations,
            gateway: Gateway::new(settings),
            cast,
        }
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

    /// What a query of the gateway filters by.
    pub(crate) fn gateway_heads(&self) -> &[Head] {
        self.gateway.heads()
    }

    /// As it goes over the wire, given its place among all.
    pub(crate) fn gateway_record(&self, place: usize, malformed_every: Option<usize>) -> String {
        self.gateway.served(place, &self.cast, malformed_every)
    }
}

impl Conversation {
    /// As it goes over the wire, given its place among all.
    pub(crate) fn served(&self, malformed_every: Option<usize>, place: usize) -> Cow<'_, str> {
        served(
            Good {
                json: &self.json,
                id_key: "conversationId",
                id: &self.id,
                start_key: "conversationStart",
            },
            malformed_every,
            place,
        )
    }
}

fn served(good: Good<'_>, every: Option<usize>, place: usize) -> Cow<'_, str> {
    match every.filter(|_| is_malformed(every, place)) {
        Some(n) => malformed(good, place / n).into(),
        None => good.json.into(),
    }
}
