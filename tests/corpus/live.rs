//! The corpus as the texts of live events: each message in a member of an event that the SDK types as text, archived by
//! archive-events, and the recall of its redaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use archive_events::EventMessage;
use conversation_archive::export::plan::{RedactionPlan, RedactionSettings, RequiredRedaction};
use conversation_archive::net::clock::Clock;
use end_to_end::live::{LiveObjects, archive_events};
use end_to_end::memory_store::MemoryStore;
use end_to_end::process::invocation;
use serde_json::{Value, json};

use crate::labelled::Message;
use crate::pages::{Recall, count, no_recall};

const FIELDS: &str = include_str!("live_fields.txt");

/// As many messages as Lambda delivers at a time.
const BATCH: usize = 1_000;

/// The time of the first event, in milliseconds; each later one is a millisecond later, so that a line names its message.
const FIRST_TIME: u64 = 1_772_445_600_000;

/// The treatment of a member by the profile standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Treatment {
    /// Searched for all values.
    Text,
    /// Names, numbers, addresses and words: searched for values that can be proved.
    Proved,
    /// Not stored.
    Dropped,
}

/// A member of an event, by its path: `participants[].wrapup.notes`.
#[derive(Clone, Copy, Debug)]
struct Field {
    topic: &'static str,
    path: &'static str,
    treatment: Treatment,
}

/// The recall for the members of each name.
pub(crate) type RecallByName = BTreeMap<(Treatment, String), Recall>;

/// The kinds that are found in every member; see docs/redaction.md.
const PROVED: [&str; 4] = ["email", "card", "iban", "url_secret"];

/// The number of times that the corpus is poured, so that the members of each name hold enough values of each kind.
const TIMES: usize = 5;

/// The minimum number of values in the members of one name, and their minimum recall in percent. It is lower than that
/// of a kind, because a few values that are missed weigh more.
const PROMISED_BY_NAME: (usize, usize) = (50, 95);

/// All members that hold texts.
fn fields() -> Vec<Field> {
    let lines = FIELDS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut topic = "";
    let mut fields = Vec::new();
    for line in lines {
        let Some(field) = line.strip_prefix("  ") else {
            topic = line;
            continue;
        };
        let (treatment, path) = field.split_once(' ').expect("a treatment and a path");
        let treatment = match treatment {
            "text" => Treatment::Text,
            "person" | "word" => Treatment::Proved,
            "dropped" => Treatment::Dropped,
            other => panic!("the treatment {other} of {path}"),
        };
        let path = path.trim_start();
        fields.push(Field {
            topic,
            path,
            treatment,
        });
    }
    fields
}

impl Field {
    /// The name of the member, after that of the object or list that contains it.
    fn name(&self) -> String {
        let mut parts: Vec<_> = self.path.rsplit('.').take(2).collect();
        parts.reverse();
        parts.join(".")
    }

    /// The message of an event whose member has this text.
    fn event(&self, text: &str, number: u64) -> String {
        self.event_with(body_with(self.path, json!(text)), number)
    }

    fn event_with(&self, mut body: Value, number: u64) -> String {
        body["eventTime"] = json!(FIRST_TIME + number);
        let topic = self
            .topic
            .replace("{id}", "0f8fad5b-d9cb-469f-a165-70867728950e");
        json!({"detail": {"topicName": topic, "version": "2", "eventBody": body}}).to_string()
    }

    /// The message of an event whose list has the words of this text, one in each element.
    fn event_of_words(&self, text: &str, number: u64) -> String {
        let (list, word) = self.path.rsplit_once("[].").expect("a list");
        let words: Vec<_> = text
            .split_whitespace()
            .map(|it| json!({ word: it }))
            .collect();
        self.event_with(body_with(list, json!(words)), number)
    }

    fn text_in<'v>(&self, body: &'v Value) -> &'v str {
        let step = |value: &'v Value, part: &str| match part.strip_suffix("[]") {
            Some(list) => &value[list][0],
            None => &value[part],
        };
        let text = self.path.split('.').fold(body, step);
        text.as_str().expect("a text")
    }
}

/// An object with this value at the path; each list on the way has one element.
fn body_with(path: &str, value: Value) -> Value {
    let wrap = |value: Value, part: &str| match part.strip_suffix("[]") {
        Some(list) => json!({ list: [value] }),
        None => json!({ part: value }),
    };
    path.rsplit('.').fold(value, wrap)
}

/// Archives these events. `messages` determine the regions of telephone numbers.
async fn archive(events: Vec<String>, messages: impl Iterator<Item = &Message>) -> LiveObjects {
    let store = Arc::<MemoryStore>::default();
    let clock = Clock::manual("2026-03-02T10:00:05Z".parse().expect("a time"));
    let regions: BTreeSet<_> = messages.map(|it| it.region.clone()).collect();
    let settings = RedactionSettings {
        regions: regions.into_iter().collect(),
        ..RedactionSettings::default()
    };
    let redaction = RedactionPlan::of_live_events(RequiredRedaction::None, settings);
    let process = archive_events(Arc::clone(&store) as _, &clock, &redaction);
    for batch in events.chunks(BATCH) {
        let id = "message";
        let batch: Vec<_> = batch.iter().map(|body| EventMessage { id, body }).collect();
        let handled = process.handle(&batch, &invocation(1, &clock)).await;
        assert!(handled.failed.is_empty());
    }
    LiveObjects::of(store.snapshot())
}

/// Pours the corpus into the members that are stored, the same number of messages into those of each name.
pub(crate) async fn recall_of(corpus: &[Message]) -> RecallByName {
    let poured = poured(corpus);
    let events = (0..).zip(&poured);
    let events = events.map(|(number, (field, message))| field.event(&message.text, number));
    let objects = archive(events.collect(), corpus.iter()).await;
    let lines = objects.lines();
    assert_eq!(lines.len(), poured.len(), "every event is stored");
    let mut recalls = RecallByName::new();
    for line in lines {
        let body = &line["eventBody"];
        let number = body["eventTime"].as_u64().expect("a time") - FIRST_TIME;
        let (field, message) = &poured[usize::try_from(number).expect("a place in memory")];
        let recall = recalls.entry((field.treatment, field.name()));
        count(
            recall.or_insert_with(no_recall),
            message,
            field.text_in(body),
        );
    }
    recalls
}

/// Each message with the member that holds it.
fn poured(corpus: &[Message]) -> Vec<(Field, &Message)> {
    let mut by_name = BTreeMap::<_, Vec<Field>>::new();
    let stored = |field: &Field| field.treatment != Treatment::Dropped;
    for field in fields().into_iter().filter(stored) {
        by_name.entry(field.name()).or_default().push(field);
    }
    let names: Vec<_> = by_name.into_values().collect();
    let pour = |number: usize| {
        // The next time, each message goes to another name.
        let (time, position) = (number / corpus.len(), number % corpus.len());
        let fields = &names[(position + time) % names.len()];
        (
            fields[number / names.len() % fields.len()],
            &corpus[position],
        )
    };
    (0..TIMES * corpus.len()).map(pour).collect()
}

/// The recall for all members that are searched for all values.
pub(crate) fn recall_of_texts(recalls: &RecallByName) -> Recall {
    let mut sum = no_recall();
    let of_texts = recalls
        .iter()
        .filter(|((treatment, _), _)| *treatment == Treatment::Text);
    for (kind, (gone, all)) in of_texts.flat_map(|(_, recall)| recall) {
        let of_kind = sum.entry(kind).or_default();
        *of_kind = (of_kind.0 + gone, of_kind.1 + all);
    }
    sum
}

/// The names whose members keep more values than promised, of the kinds that they are searched for.
pub(crate) fn names_below_promise(recalls: &RecallByName) -> Vec<String> {
    let (least, percent) = PROMISED_BY_NAME;
    let mut below = Vec::new();
    for ((treatment, name), recall) in recalls {
        let is_searched_for = |kind: &&str| *treatment == Treatment::Text || PROVED.contains(kind);
        let kinds = recall.iter().filter(|(kind, _)| is_searched_for(kind));
        let (gone, all) = kinds.fold((0, 0), |sum, (_, it)| (sum.0 + it.0, sum.1 + it.1));
        if all < least || gone * 100 < percent * all {
            below.push(format!("{name}: {gone} of {all} are gone"));
        }
    }
    below
}

/// Archives the corpus as lists of single words alone, in events and in texts that are no events. Returns everything that
/// is stored.
pub(crate) async fn stored_words(corpus: &[Message]) -> Vec<String> {
    let lists = fields().into_iter();
    let lists: Vec<_> = lists
        .filter(|it| it.treatment == Treatment::Dropped)
        .collect();
    assert_eq!(lists.len(), 2, "words and decoratedWords");
    let events = (0..).zip(corpus).zip(lists.iter().cycle());
    let events = events.flat_map(|((number, message), list)| {
        let event = list.event_of_words(&message.text, number);
        let repeated = r#""eventBody":{"a":1,"a":2,"#;
        let quarantined = event.replace(r#""eventBody":{"#, repeated);
        [event, quarantined]
    });
    let objects = archive(events.collect(), corpus.iter()).await;
    objects.texts().map(|(_, text)| text).collect()
}
