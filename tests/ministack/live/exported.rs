//! The live exports of a bucket, read as docs/format.md describes them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use flate2::read::GzDecoder;
use jiff::Timestamp;
use serde_json::Value;

use super::bucket::Bucket;

/// The exports of ended conversations have these ids, those of their texts this end, too.
const LIVE: &str = "exports/live-";
const TRANSCRIPTS: &str = "-transcripts";

/// A complete export of ended conversations, and of their transcripts.
#[derive(Clone, Debug)]
pub(super) struct LiveExport {
    pub(super) id: String,
    pub(super) conversations: BTreeSet<String>,
    /// Those of them with a transcript.
    pub(super) transcripts: BTreeSet<String>,
    /// When its manifest was stored.
    pub(super) completed_at: Timestamp,
    /// When the manifest of its transcripts was stored.
    pub(super) transcribed_at: Timestamp,
}

impl LiveExport {
    pub(super) fn transcripts_id(&self) -> String {
        transcripts_of(&self.id)
    }
}

fn transcripts_of(id: &str) -> String {
    format!("{id}{TRANSCRIPTS}")
}

/// The complete live exports.
///
/// # Panics
///
/// If one lacks something that was asked for, holds a conversation twice, or is not accompanied by the complete export of
/// its transcripts.
pub(super) async fn complete_exports(bucket: &Bucket) -> Vec<LiveExport> {
    let keys = bucket.list(LIVE).await;
    let manifests = keys.into_iter().filter_map(|(key, stored)| {
        let id = key
            .strip_prefix("exports/")?
            .strip_suffix("/manifest.json")?;
        Some((id.to_owned(), stored))
    });
    let mut manifests: BTreeMap<String, Timestamp> = manifests.collect();
    let mut exports = Vec::new();
    let ids: Vec<_> = manifests
        .keys()
        .filter(|id| !id.ends_with(TRANSCRIPTS))
        .cloned()
        .collect();
    for id in ids {
        let transcripts = transcripts_of(&id);
        let export = LiveExport {
            conversations: conversations(bucket, &id).await,
            transcripts: conversations(bucket, &transcripts).await,
            completed_at: manifests.remove(&id).expect("a manifest"),
            transcribed_at: manifests
                .remove(&transcripts)
                .expect("a manifest of transcripts"),
            id,
        };
        assert!(
            export.transcripts.is_subset(&export.conversations),
            "{export:?}"
        );
        exports.push(export);
    }
    assert!(manifests.is_empty(), "{manifests:?}");
    exports
}

/// The conversations on the pages of a complete export.
async fn conversations(bucket: &Bucket, id: &str) -> BTreeSet<String> {
    let manifest = format!("exports/{id}/manifest.json");
    let document = json(&bucket.read(&manifest).await);
    assert_eq!(document["status"], "completed", "{manifest}");
    assert!(document["missingIds"].is_null(), "{manifest}");
    let slices = elements(&document["content"]["slices"]);
    let pages = slices.flat_map(|slice| elements(&slice["pages"]));
    let keys = pages.filter_map(|page| page["objects"]["page"]["key"].as_str());
    let mut conversations = BTreeSet::new();
    for key in keys {
        let mut lines = String::new();
        let object = bucket.read(key).await;
        let read = GzDecoder::new(object.as_ref()).read_to_string(&mut lines);
        read.expect("gzip");
        for line in lines.lines() {
            let record = json(line.as_bytes());
            let id = record["conversationId"].as_str().expect("an id");
            assert!(
                conversations.insert(id.to_owned()),
                "{id} is twice in {manifest}"
            );
        }
    }
    assert_eq!(
        conversations.len() as u64,
        document["content"]["counts"]["archived"]
    );
    conversations
}

/// The number of complete exports of each conversation.
pub(super) fn exports_of_each(exports: &[LiveExport]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for id in exports.iter().flat_map(|export| &export.conversations) {
        *counts.entry(id.clone()).or_default() += 1;
    }
    counts
}

fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).expect("JSON")
}
