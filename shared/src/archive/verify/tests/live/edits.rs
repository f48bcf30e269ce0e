//! Live documents edited by an attacker who knows how they are sealed.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::edits::{Concealment, leaves, other, with_edit};
use super::*;
use crate::base::seal;

#[tokio::test]
async fn a_resealed_edit_of_a_live_document_is_detected_except_in_these_fields() {
    let objects = eventful().await;
    let report = verified_live(objects.clone()).await.unwrap();
    let orphans: Vec<_> = report.streams.iter().flat_map(|it| &it.orphans).collect();
    let (mut tried, mut unnoticed) = (0, String::new());
    for key in objects.keys().filter(|key| key.starts_with("live/events/")) {
        let Ok(document) = seal::open::<Value>(&objects[key]) else {
            continue;
        };
        if orphans.contains(&key) {
            continue;
        }
        let mut pointers = Vec::new();
        leaves(&document, "", &mut pointers);
        let mut missed = Vec::new();
        for pointer in pointers.iter().filter(|pointer| *pointer != "/seal") {
            let copy = with_edit(&objects, key, Concealment::Reseal, |document| {
                let leaf = document.pointer_mut(pointer).unwrap();
                *leaf = other(leaf);
            });
            tried += 1;
            if verified_live(copy).await.is_ok() {
                missed.push(pointer[1..].replace('/', "."));
            }
        }
        if !missed.is_empty() {
            writeln!(unnoticed, "{key}: {}", missed.join(" ")).unwrap();
        }
    }

    println!("{tried} edits tried");
    insta::assert_snapshot!(unnoticed, @"
    live/events/days/2026-03-02.json: sealedAt
    live/events/days/2026-03-03.json: sealedAt
    live/events/dt=2026-03-04/hour=13/3266adeb9151d1b8-c9c6426251ffac98.record.json: counts.implausibleTime redactions.EMAIL
    live/events/dt=2026-03-04/hour=14/cb1cded5926c5c66-281195d3d1eb67d5.record.json: counts.implausibleTime redactions.EMAIL
    live/events/epoch-00000001-ended.json: endedAt
    live/events/epoch-00000001.json: startedAt
    live/events/epoch-00000002.json: writer startedAt
    live/events/gaps/20260303T100000000Z-20260303T100500000Z-closed.json: unheard closedAt
    live/events/gaps/20260303T100000000Z-20260303T100500000Z.json: writer recordedAt
    live/events/gaps/20260303T140000000Z-20260303T140100000Z.json: writer recordedAt
    live/events/gaps/20260303T150000000Z-20260303T150100000Z.json: writer recordedAt
    live/events/gaps/20260304T160000000Z-20260304T160200000Z.json: writer recordedAt
    ");
}
