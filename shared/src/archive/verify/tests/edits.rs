//! Documents edited by an attacker who knows how they are sealed.

use std::fmt::Write as _;

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::examples::{archived_with_other_plan, eventful};
use super::*;
use crate::base::seal;
use crate::export::audit::AuditEvent;
use crate::export::page_record::PageContent;
use crate::export::plan::ExportPlan;
use crate::export::request::Membership;
use crate::records::page::Projection;

/// The documents that the attacker updates to match the edit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Concealment {
    Reseal,
    /// The audit event is updated as well, with a new hash.
    Rehash,
}

pub(super) fn with_edit(
    objects: &Objects,
    key: &str,
    concealment: Concealment,
    edit: impl FnOnce(&mut Value),
) -> Objects {
    let mut document: Value = seal::open(&objects[key]).unwrap();
    document.as_object_mut().unwrap().remove("seal");
    edit(&mut document);
    if concealment == Concealment::Rehash {
        rehash(&mut document);
    }
    let mut copy = objects.clone();
    copy.insert(key.to_owned(), seal::seal(&document).unwrap().into());
    copy
}

fn rehash(document: &mut Value) {
    if let Ok(content) = serde_json::from_value::<PageContent>(document["content"].clone()) {
        document["event"]["details"]["contentSha256"] = json!(content.digest());
    }
    if let Ok(plan) = serde_json::from_value::<ExportPlan>(document.clone()) {
        document["startEvent"]["details"]["planSha256"] = json!(plan.digest());
    }
    for (field, detail) in [
        ("end", "end"),
        ("lastPage", "lastPage"),
        ("status", "status"),
        ("auditHeads", "auditHeads"),
    ] {
        if document[field] != Value::Null && document["event"]["details"][detail] != Value::Null {
            document["event"]["details"][detail] = document[field].clone();
        }
    }
    let of_delivery = document.get("auditId").is_some().then_some("");
    for pointer in ["/event", "/startEvent"].into_iter().chain(of_delivery) {
        let Some(event) = document.pointer_mut(pointer) else {
            continue;
        };
        if let Ok(read) = serde_json::from_value::<AuditEvent>(event.clone()) {
            let previous = read.previous_hash;
            *event = json!(read.chained_after(previous));
        }
    }
}

/// The JSON pointers of all scalar values in a document.
pub(super) fn leaves(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, value)| leaves(value, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(at_item, value)| leaves(value, &format!("{at}/{at_item}"), found));
        }
        _ => found.push(at.to_owned()),
    }
}

/// Another value of the same type, so that the document still parses.
pub(super) fn other(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_u64() {
            Some(whole) => json!(whole + 1),
            None => json!(number.as_f64().unwrap() + 0.5),
        },
        Value::Bool(flag) => json!(!flag),
        Value::String(text) => match text.parse::<jiff::Timestamp>() {
            Ok(moment) => json!(moment.checked_add(SignedDuration::from_hours(-1)).unwrap()),
            Err(_) if text.len() == 64 => json!(format!(
                "{}{}",
                if text.starts_with('0') { '1' } else { '0' },
                &text[1..]
            )),
            Err(_) => match text.as_str() {
                "quarantine" => json!("fail"),
                "standard" => json!("full"),
                "start" => json!("activity"),
                "throttled" => json!("unavailable"),
                _ => json!(format!("{text}x")),
            },
        },
        _ => json!("something"),
    }
}

/// The edits that only the seal can detect, since no other object repeats the value.
async fn unnoticed(concealment: Concealment) -> (usize, String) {
    let objects = eventful().await.objects();
    let (mut tried, mut unnoticed) = (0, String::new());
    for key in objects
        .keys()
        .filter(|key| key.starts_with("exports/") || key.starts_with("audit/"))
    {
        let Ok(document) = seal::open::<Value>(&objects[key]) else {
            continue;
        };
        let mut pointers = Vec::new();
        leaves(&document, "", &mut pointers);
        let mut missed = Vec::new();
        for pointer in pointers
            .iter()
            .filter(|pointer| *pointer != "/seal" && !pointer.ends_with("/hash"))
        {
            let copy = with_edit(&objects, key, concealment, |document| {
                let leaf = document.pointer_mut(pointer).unwrap();
                *leaf = other(leaf);
            });
            // The document equals the original again because its event restored the value.
            if copy == objects {
                continue;
            }
            tried += 1;
            if verified(copy, "daily").await.is_ok() {
                missed.push(pointer[1..].replace('/', "."));
            }
        }
        if !missed.is_empty() {
            writeln!(unnoticed, "{key}: {}", missed.join(" ")).unwrap();
        }
    }
    (tried, unnoticed)
}

#[tokio::test]
async fn a_resealed_edit_is_detected_except_in_these_fields() {
    let (tried, unnoticed) = unnoticed(Concealment::Reseal).await;

    println!("{tried} edits tried");
    insta::assert_snapshot!(unnoticed, @r"
    exports/daily/attempt-02.json: createdAt queriesLost
    exports/daily/failures/dead-letter-44136fa355b3678a.json: formatVersion from keptAt
    exports/daily/slices/0001/r01/page-000001.record.json: committedAt correlationId
    exports/daily/slices/0001/r01/page-000002.record.json: committedAt correlationId
    exports/daily/slices/0001/r01/page-000003.record.json: committedAt correlationId effort.answers effort.repeats effort.cached effort.latencyMs
    exports/daily/slices/0001/r01/run.json: createdAt
    exports/daily/slices/0001/r01/waiting.json: page reason detail timesParked since.throttled notBefore deadline
    exports/daily/slices/0001/r02/page-000003.record.json: committedAt correlationId
    exports/daily/slices/0001/r02/run.json: createdAt
    exports/daily/slices/0002/r01/page-000001.record.json: committedAt correlationId effort.answers effort.repeats effort.cached effort.latencyMs
    exports/daily/slices/0002/r01/page-000002.record.json: committedAt correlationId effort.answers effort.repeats effort.cached effort.latencyMs
    exports/daily/slices/0002/r01/run.json: createdAt
    exports/daily/slices/0002/r02/page-000001.record.json: committedAt correlationId
    exports/daily/slices/0002/r02/page-000002.record.json: committedAt correlationId
    exports/daily/slices/0002/r02/page-000003.record.json: committedAt correlationId
    exports/daily/slices/0002/r02/run.json: createdAt
    ");
}

#[tokio::test]
async fn a_rehashed_edit_is_detected_except_in_these_fields() {
    let (tried, unnoticed) = unnoticed(Concealment::Rehash).await;

    println!("{tried} edits tried");
    insta::assert_snapshot!(unnoticed, @r"
    audit/dt=2026-03-05/daily/attempt-01-delivery-01.json: auditId requestId timestamp details.event details.answer errorMessage
    audit/dt=2026-03-05/daily/attempt-01-delivery-02.json: auditId requestId timestamp details.event details.answer
    audit/dt=2026-03-05/daily/attempt-02-delivery-01.json: auditId requestId timestamp details.event details.answer errorMessage
    audit/dt=2026-03-05/daily/attempt-02-delivery-02.json: auditId requestId timestamp details.event details.answer
    exports/daily/attempt-02.json: createdAt queriesLost
    exports/daily/failures/dead-letter-44136fa355b3678a.json: formatVersion from keptAt
    exports/daily/slices/0001/r01/page-000001.record.json: committedAt correlationId
    exports/daily/slices/0001/r01/page-000002.record.json: committedAt correlationId
    exports/daily/slices/0001/r01/page-000003.record.json: content.next.checkpoint.job content.next.checkpoint.cursor content.warnings.0 committedAt correlationId effort.answers effort.repeats effort.cached effort.latencyMs event.auditId event.requestId event.timestamp event.recordsRequested event.latencyMs
    exports/daily/slices/0001/r01/run.json: createdAt
    exports/daily/slices/0001/r01/waiting.json: page reason detail timesParked since.throttled notBefore deadline
    exports/daily/slices/0001/r02/page-000003.record.json: committedAt correlationId
    exports/daily/slices/0001/r02/run.json: createdAt
    exports/daily/slices/0002/r01/end.json: end.reason lastPage event.auditId event.requestId event.timestamp event.errorMessage
    exports/daily/slices/0002/r01/page-000001.record.json: committedAt correlationId effort.answers effort.repeats effort.cached effort.latencyMs
    exports/daily/slices/0002/r01/page-000002.record.json: committedAt correlationId effort.answers effort.repeats effort.cached effort.latencyMs
    exports/daily/slices/0002/r01/run.json: createdAt
    exports/daily/slices/0002/r02/page-000001.record.json: committedAt correlationId
    exports/daily/slices/0002/r02/page-000002.record.json: committedAt correlationId
    exports/daily/slices/0002/r02/page-000003.record.json: committedAt correlationId
    exports/daily/slices/0002/r02/run.json: createdAt
    ");
}

/// Key, concealment, JSON pointer and new value.
const DETECTED_EDITS: &str = r#"slices/0002/r02/page-000001.record.json reseal /page 2
slices/0002/r02/page-000001.record.json reseal /content/counts/received 3
slices/0002/r02/page-000001.record.json rehash /content/counts/received 3
slices/0002/r02/page-000001.record.json rehash /content/warnings/0 "quick"
slices/0002/r02/page-000001.record.json rehash /content/next/checkpoint/cursor "e7"
slices/0002/r02/page-000001.record.json reseal /totals/storedBytes 1
slices/0002/r02/page-000001.record.json reseal /event/latencyMs 1
slices/0002/r02/end.json rehash /lastPage 2
slices/0002/r02/end.json reseal /event/requestId "another"
slices/0002/r02/end.json rehash /event/previousHash "0000000000000000000000000000000000000000000000000000000000000000"
manifest.json reseal /content/counts/archived 9
manifest.json rehash /auditHeads/0 "0000000000000000000000000000000000000000000000000000000000000000"
manifest.json rehash /status "completed"
manifest.json reseal /content/slices/0/pages/0/run 2
request.json reseal /pageSize 7
request.json rehash /pageSize 7
attempt-02.json reseal /slices/0/run 1
slices/0001/r02/run.json reseal /origin/run 2"#;

#[tokio::test]
async fn the_error_names_the_rule_that_an_edit_breaks() {
    let objects = eventful().await.objects();
    let mut messages = Vec::new();
    for line in DETECTED_EDITS.lines() {
        let [key, concealment, pointer, value] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let key = format!("exports/daily/{key}");
        let concealment = if concealment == "reseal" {
            Concealment::Reseal
        } else {
            Concealment::Rehash
        };
        let copy = with_edit(&objects, &key, concealment, |document| {
            *document.pointer_mut(pointer).unwrap() = serde_json::from_str(value).unwrap();
        });
        messages.push(damage(verified(copy, "daily").await).to_string());
    }

    let masked = |word: &str| if word.contains('…') { "#" } else { word }.to_owned();
    let masked = |text: &String| text.split(' ').map(masked).collect::<Vec<_>>().join(" ");
    let messages: Vec<_> = messages.iter().map(masked).collect();
    insta::assert_snapshot!(messages.join("\n"), @r"
    exports/daily/slices/0002/r02/page-000001.record.json: it belongs to daily slice 2 run 2 page 2, not to daily slice 2 run 2 page 1
    exports/daily/slices/0002/r02/page-000001.record.json: it differs from its audit event in `contentSha256`
    exports/daily/slices/0002/r02/page-000001.record.json: it differs from its audit event in `recordsRetrieved`
    exports/daily/slices/0002/r02/page-000002.record.json: the audit chain is broken: its event follows # but the previous event is #
    exports/daily/slices/0002/r02/page-000002.record.json: the audit chain is broken: its event follows # but the previous event is #
    exports/daily/slices/0002/r02/page-000001.record.json: its totals are not the sum of the previous page's totals and its own counts
    exports/daily/slices/0002/r02/page-000001.record.json: its audit event was edited: the event's hash does not match its content
    exports/daily/manifest.json: its number of pages of slice 2 is 3, expected 2
    exports/daily/slices/0002/r02/end.json: its audit event was edited: the event's hash does not match its content
    exports/daily/slices/0002/r02/end.json: the audit chain is broken: its event follows # but the previous event is #
    exports/daily/manifest.json: its `content.counts` does not match the page records
    exports/daily/manifest.json: its `auditHeads` does not match the page records
    exports/daily/manifest.json: its `status` does not match the page records
    exports/daily/manifest.json: its pages of slice 1 differ from those of its runs
    exports/daily/request.json: it differs from its audit event in `planSha256`
    exports/daily/manifest.json: the audit chain is broken: its event follows # but the previous event is #
    exports/daily/slices/0001/r01/run.json: its origin differs from the one in its attempt
    exports/daily/slices/0001/r02/run.json: its origin is not an earlier run
    ");
}

#[tokio::test]
async fn valid_seals_do_not_hide_wrong_content() {
    let elsewhere = damage_with_other_plan(|plan| plan.membership = Membership::Activity).await;
    let projected = damage_with_other_plan(|plan| plan.records = Projection::Minimal).await;

    let messages = [elsewhere, projected].map(|damage| damage.what).join("\n");

    insta::assert_snapshot!(messages, @r"
    the number of its records that belong to another slice is 1, expected 0
    line 1 of the page object is not a record: the record has no `conversationId`
    ");
}

/// The damage found in an export of a handler that used another plan than the stored one.
async fn damage_with_other_plan(change_plan: impl FnOnce(&mut ExportPlan)) -> Damage {
    let export = archived_with_other_plan(change_plan).await;
    damage(verified(export.objects(), "daily").await)
}
