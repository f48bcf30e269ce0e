//! The sample events of the functions: they contain exactly what the archive sends, and each of them is tested.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::*;
use crate::export::message::{
    CompletionMessage, EndedMessage, PageMessage, WaitingMessage, WebhookMessage,
};
use crate::records::live::Frame;
use crate::storage::queue::Queue;

fn events(function: &str) -> Vec<PathBuf> {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../functions/{function}/events"));
    let files = fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

/// Checks that every message in the events of a function is unchanged after being read and written again.
fn check_messages<M: DeserializeOwned + Serialize>(function: &str) {
    let events = events(function);
    assert!(!events.is_empty(), "{function}");
    for path in events {
        let event: SqsEvent = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert!(!event.records.is_empty(), "{}", path.display());
        for record in event.records {
            let body = record.body.unwrap();
            let message: M = serde_json::from_str(&body).unwrap();
            assert_eq!(
                serde_json::to_string(&message).unwrap(),
                body,
                "{}",
                path.display()
            );
        }
    }
}

#[test]
fn the_sample_events_hold_messages_as_they_are_sent() {
    check_messages::<PageMessage>("archive-page");
    check_messages::<WaitingMessage>("await-ready");
    check_messages::<CompletionMessage>("complete-export");
    check_messages::<WebhookMessage>("send-webhook");
    check_messages::<EndedMessage>("fetch-ended");
}

#[test]
fn the_sample_events_of_archive_events_are_frames_except_for_foreign_ones() {
    let is_frame = |record: &SqsMessage| {
        let body = record.body.as_deref().unwrap();
        Frame::of_event(body, Timestamp::UNIX_EPOCH).is_ok()
    };
    for path in events("archive-events") {
        let event: SqsEvent = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let is_foreign = path.file_stem().unwrap() == "foreign";

        assert!(!event.records.is_empty(), "{}", path.display());
        for record in &event.records {
            assert_eq!(is_frame(record), !is_foreign, "{}", path.display());
        }
    }
}

#[test]
fn the_origin_of_each_record_failure_sample_is_recognised() {
    let found: BTreeMap<_, _> = events("record-failure")
        .iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, origin(path))
        })
        .collect();

    let expected = [
        ("dead-ended", "ended"),
        ("dead-page", "pages"),
        ("dead-waiting-page", "waiting"),
        ("dead-webhook", "webhooks"),
        ("failed-invocation", "RetriesExhausted"),
        ("failed-start", "nobody's"),
    ];
    let expected = expected.map(|(name, origin)| (name.to_owned(), origin.to_owned()));
    assert_eq!(found, BTreeMap::from(expected));
}

fn origin(path: &Path) -> String {
    match serde_json::from_slice(&fs::read(path).unwrap()).unwrap() {
        FailureEvent::Invocation(failed) => {
            let failed: serde_json::Value = serde_json::from_str(failed.get()).unwrap();
            let condition = failed["requestContext"]["condition"].as_str();
            condition.unwrap().to_owned()
        }
        FailureEvent::Messages(event) => {
            let queue = dead_letter_queue(&event.records[0]);
            queue.map_or("nobody's", Queue::name).to_owned()
        }
    }
}
