//! Comparison of two archives of the same export, one of them disturbed: which objects must be equal byte for byte, and
//! which only after masking.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

/// Fields that hold times, places, invocation ids or job ids, and the hashes over such fields. They are masked.
const MASKED: [&str; 32] = [
    // Digest of a cursor, which differs for each job.
    "mark",
    "seal",
    "signature",
    "hash",
    "previousHash",
    "previous",
    "outcomeSha256",
    "appendedAt",
    "auditHeads",
    "contentSha256",
    "planSha256",
    "archiveId",
    "timestamp",
    "committedAt",
    "createdAt",
    "plannedAt",
    "startedAt",
    "endedAt",
    "requestId",
    "destination",
    "latencyMs",
    "correlationId",
    "effort",
    "metrics",
    "job",
    "queryId",
    "queryHash",
    "cursor",
    "watermark",
    "webhookUrl",
    // The body of a stored message contains hashes over times, too.
    "body",
    "keptAt",
];

/// Panics at the first object that differs between `undisturbed` and `disturbed`.
pub fn assert_same_archive(
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
        .filter(|(key, _)| is_compared(key))
        .map(|(key, body)| {
            let comparable = match key.rsplit_once('.') {
                // The key of a stored attachment has no extension.
                Some((_, "gz")) | None => Comparable::Bytes(body.clone()),
                _ => Comparable::Masked(parse_documents(body)),
            };
            (without_digest(key), comparable)
        })
        .collect()
}

/// Removes the digest from the key of a dead letter: it is the digest of a body that contains hashes over times.
fn without_digest(key: &str) -> String {
    match key.split_once("/dead-letter-") {
        Some((folder, _)) => format!("{folder}/dead-letter"),
        None => key.to_owned(),
    }
}

fn without_uuids(text: &str) -> String {
    const UUID: usize = 36;
    let is_uuid = |part: &str| {
        part.len() == UUID
            && part
                .bytes()
                .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
    };
    let mut masked = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let taken = if rest.get(..UUID).is_some_and(is_uuid) {
            masked.push_str("uuid");
            UUID
        } else {
            masked.push(c);
            c.len_utf8()
        };
        rest = &rest[taken..];
    }
    masked
}

/// Returns whether the object is part of the result. The number of waits of a page, the delivery attempts, and the
/// point at which an invocation ran out of time are not.
fn is_compared(key: &str) -> bool {
    let is_tally = key.contains("/comparison-") && key.contains("/tally-");
    !key.ends_with("waiting.json") && !key.contains("-delivery-") && !is_tally
}

fn parse_documents(body: &Bytes) -> Vec<Value> {
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
        // Error messages of the API contain its correlation ids.
        Value::String(text) => *text = without_uuids(text),
        _ => {}
    }
}

/// Returns the manifest's content section as written, or `None` for an export that did not complete.
pub fn content_section(archive: &BTreeMap<String, Bytes>) -> Option<String> {
    let (_, body) = archive
        .iter()
        .find(|(key, _)| key.ends_with("/manifest.json"))?;
    let manifest: Value = serde_json::from_slice(body).expect("JSON");
    Some(manifest["content"].to_string())
}
