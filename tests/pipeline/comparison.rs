//! Two archives of the same export, one of them disturbed: what must be equal to the byte, and what under a mask.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

/// Fields that tell when, by which invocation and through which job something was done, and the hashes over them.
const MASKED: [&str; 21] = [
    "seal",
    "hash",
    "previousHash",
    "auditHeads",
    "contentSha256",
    "planSha256",
    "timestamp",
    "committedAt",
    "createdAt",
    "plannedAt",
    "startedAt",
    "endedAt",
    "requestId",
    "latencyMs",
    "correlationId",
    "job",
    "queryId",
    "queryHash",
    "cursor",
    "watermark",
    "webhookUrl",
];

/// Fails at the first object in which `disturbed` is not as `undisturbed`.
pub(crate) fn assert_same_archive(
    undisturbed: &BTreeMap<String, Bytes>,
    disturbed: &BTreeMap<String, Bytes>,
    context: &str,
) {
    let (expected, actual) = (comparable(undisturbed), comparable(disturbed));
    let keys = |archive: &BTreeMap<String, Comparable>| archive.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&expected), keys(&actual), "{context}: other objects");
    for (key, expected) in &expected {
        assert_eq!(expected, &actual[key], "{context}: {key}");
    }
}

#[derive(Debug, PartialEq)]
enum Comparable {
    Bytes(Bytes),
    Masked(Vec<Value>),
}

fn comparable(archive: &BTreeMap<String, Bytes>) -> BTreeMap<String, Comparable> {
    archive
        .iter()
        .filter(|(key, _)| counts(key))
        .map(|(key, body)| {
            let comparable = match key.rsplit_once('.') {
                Some((_, "gz")) => Comparable::Bytes(body.clone()),
                _ => Comparable::Masked(documents(body)),
            };
            (key.clone(), comparable)
        })
        .collect()
}

/// How often a page waited or a delivery was tried is no part of the result.
fn counts(key: &str) -> bool {
    !key.ends_with("waiting.json") && !key.contains("-delivery-")
}

fn documents(body: &Bytes) -> Vec<Value> {
    let mut documents: Vec<Value> = serde_json::Deserializer::from_slice(body)
        .into_iter()
        .map(|value| value.expect("JSON"))
        .collect();
    documents.iter_mut().for_each(mask);
    documents
}

fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if MASKED.contains(&name.as_str()) {
                    *value = Value::String("masked".to_owned());
                } else {
                    mask(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(mask),
        _ => {}
    }
}

/// The manifest's content section as it is written.
pub(crate) fn content_section(archive: &BTreeMap<String, Bytes>) -> String {
    let (_, body) = archive
        .iter()
        .find(|(key, _)| key.ends_with("/manifest.json"))
        .expect("a manifest");
    let manifest: Value = serde_json::from_slice(body).expect("JSON");
    manifest["content"].to_string()
}
