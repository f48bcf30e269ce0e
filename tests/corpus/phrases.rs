//! The corpus as the phrases of calls: an export of their transcripts, and the recall of its redaction.

use std::collections::{BTreeMap, BTreeSet};

use end_to_end::world::{World, organisation};
use serde_json::Value;

use crate::labelled::Message;
use crate::pages::{Recall, count, no_recall};

/// About a third of them are calls.
const CONVERSATIONS: usize = 300;

/// Exports the corpus as what was said in calls. Returns, for each kind of value, the number that is removed from the
/// phrases, and the total.
pub(crate) async fn recall_of(corpus: &[Message]) -> Recall {
    let mut world = World::new(organisation(133, CONVERSATIONS)).await;
    let said = say_corpus(&world, corpus);
    let ids: Vec<_> = said.keys().cloned().collect();
    let regions: BTreeSet<_> = corpus.iter().map(|it| it.region.clone()).collect();
    world.process.start.limits.redaction.regions = regions.into_iter().collect();
    let request = world.transcripts_request(&ids, r#","media":["voice"]"#);

    let manifest = world.export(&request).await;

    assert_eq!(manifest.content.statuses.of("complete"), ids.len() as u64);
    world.verify(&manifest.outcome.export_id).await;
    let mut recall = no_recall();
    for line in world.archived_lines(&manifest).await.into_keys() {
        let record: Value = serde_json::from_str(&line).expect("a record");
        let id = record["conversationId"].as_str().expect("an id");
        let phrases = record["messages"].as_array().expect("phrases");
        assert_eq!(phrases.len(), said[id].len(), "every phrase of {id}");
        for (written, phrase) in said[id].iter().zip(phrases) {
            count(
                &mut recall,
                written,
                phrase["text"].as_str().expect("a text"),
            );
        }
    }
    recall
}

/// Distributes all messages of the corpus over the recorded calls, in order.
fn say_corpus<'a>(world: &World, corpus: &'a [Message]) -> BTreeMap<String, &'a [Message]> {
    let conversations = world.simulator.truth().conversations.into_iter();
    let ids = conversations.map(|it| it.id);
    let calls: Vec<_> = ids
        .filter(|id| !world.simulator.phrases(id).is_empty())
        .collect();
    let chunks = corpus.chunks(corpus.len().div_ceil(calls.len()));
    let said: BTreeMap<_, _> = calls.into_iter().zip(chunks).collect();
    for (id, messages) in &said {
        let texts = messages.iter().map(|it| it.text.clone()).collect();
        assert!(world.simulator.say(id, texts));
    }
    said
}
