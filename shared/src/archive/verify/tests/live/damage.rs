//! The words for each kind of damage: of records, gaps, epochs and quarantined frames.

use regex::Regex;
use serde_json::{Value, json};

use super::super::edits::{Concealment, with_edit};
use super::world::chains;
use super::*;

const GAP: &str = "live/events/gaps/20260303T100000000Z-20260303T100500000Z";

/// The export that closed the gap.
fn closing_export(objects: &Objects) -> String {
    let mut ids = objects
        .keys()
        .filter_map(|key| key.strip_prefix("exports/gap-"));
    let id = ids.next().and_then(|rest| rest.split('/').next());
    format!("exports/gap-{}", id.unwrap())
}

fn remove(objects: &Objects, key: &str) -> Objects {
    let mut copy = objects.clone();
    assert!(copy.remove(key).is_some(), "{key}");
    copy
}

fn edit(objects: &Objects, key: &str, edit: impl FnOnce(&mut Value)) -> Objects {
    with_edit(objects, key, Concealment::Reseal, edit)
}

/// The message about each damage, with `#` for the digits of digests.
async fn found(damages: impl IntoIterator<Item = Objects>) -> String {
    let digits = Regex::new(r"\b[0-9a-f]{12,}\b").unwrap();
    let mut found = Vec::new();
    for damaged in damages {
        let damage = live_damage(verified_live(damaged).await).to_string();
        found.push(digits.replace_all(&damage, "#").into_owned());
    }
    found.join("\n")
}

#[tokio::test]
async fn the_damage_of_gaps_and_epochs_is_named() {
    let objects = eventful().await;
    let (gap, closed) = (format!("{GAP}.json"), format!("{GAP}-closed.json"));
    let export = closing_export(&objects);
    let (manifest, plan) = (
        format!("{export}/manifest.json"),
        format!("{export}/request.json"),
    );
    let epoch = |number: u32| format!("live/events/epoch-0000000{number}.json");
    let mut without_epochs = objects.clone();
    without_epochs
        .retain(|key, _| !key.starts_with("live/events/epoch-") || key.ends_with("-ended.json"));
    let damages = [
        remove(&objects, &gap),
        remove(&objects, &manifest),
        remove(&objects, &plan),
        edit(&objects, &gap, |it| {
            it["until"] = json!("2026-03-03T10:06:00Z");
        }),
        edit(&objects, &closed, |it| it["exportId"] = json!("nightly")),
        edit(&objects, &closed, |it| it["conversations"] = 5.into()),
        edit(&objects, &closed, |it| it["unheard"] = 5.into()),
        edit(&objects, &plan, |it| it["membership"] = json!("start")),
        edit(&objects, &plan, |it| {
            it["interval"] = json!("2026-03-03T10:01:00.000Z/2026-03-03T10:06:00.000Z");
        }),
        edit(&objects, &plan, |it| {
            it["filters"] = json!({"queueIds": ["q"]});
        }),
        remove(&objects, &epoch(1)),
        edit(&objects, &epoch(1), |it| it["epoch"] = 2.into()),
        edit(&objects, &epoch(1), |it| it["writer"] = json!("w-3")),
        without_epochs,
    ];

    insta::assert_snapshot!(found(damages).await, @"
    live/events/gaps/20260303T100000000Z-20260303T100500000Z.json: missing, though live/events/gaps/20260303T100000000Z-20260303T100500000Z-closed.json says that it is closed
    exports/gap-#/manifest.json: missing, though live/events/gaps/20260303T100000000Z-20260303T100500000Z-closed.json says that it closed the gap
    exports/gap-#/request.json: missing
    live/events/gaps/20260303T100000000Z-20260303T100500000Z.json: it belongs at live/events/gaps/20260303T100000000Z-20260303T100600000Z.json
    live/events/gaps/20260303T100000000Z-20260303T100500000Z-closed.json: its export is nightly, expected gap-#
    live/events/gaps/20260303T100000000Z-20260303T100500000Z-closed.json: the number of conversations of its export is 4, expected 5
    live/events/gaps/20260303T100000000Z-20260303T100500000Z-closed.json: it counts more unheard conversations than its export has
    live/events/gaps/20260303T100000000Z-20260303T100500000Z-closed.json: its export is not one of all conversations that were active in the time of the gap
    live/events/gaps/20260303T100000000Z-20260303T100500000Z-closed.json: its export is not one of all conversations that were active in the time of the gap
    live/events/gaps/20260303T100000000Z-20260303T100500000Z-closed.json: its export is not one of all conversations that were active in the time of the gap
    live/events/epoch-00000001.json: missing, though a later epoch exists
    live/events/epoch-00000001.json: it belongs at live/events/epoch-00000002.json
    live/events/epoch-00000001-ended.json: its writer is not that of its epoch
    live/events/epoch-00000001.json: missing, though live/events/epoch-00000001-ended.json says that it ended
    ");
}

#[tokio::test]
async fn the_damage_of_records_and_quarantined_frames_is_named() {
    let objects = eventful().await;
    let chain = chains(&objects).remove(0);
    let quarantined = objects
        .keys()
        .find(|key| key.starts_with("live/events/quarantine/dt=2026-03-03/"));
    let quarantined = quarantined.unwrap();
    let mut moved = objects.clone();
    let elsewhere = chain[1].replace("hour=10", "hour=12");
    moved.insert(elsewhere, objects[&chain[1]].clone());
    let damages = [
        moved,
        edit(&objects, &chain[1], |it| it["stream"] = json!("queues")),
        edit(&objects, &chain[2], |it| {
            it["quarantined"][0]["key"] = json!("exports/nightly/manifest.json");
        }),
        edit(&objects, &chain[2], |it| {
            it["quarantined"][0]["reason"] = json!("tooDeep");
        }),
        remove(&objects, quarantined),
        edit(&objects, quarantined, |it| it["text"] = json!("other")),
    ];

    insta::assert_snapshot!(found(damages).await, @"
    live/events/dt=2026-03-03/hour=12/#-#.record.json: it belongs at live/events/dt=2026-03-03/hour=10/#-#.record.json
    live/events/dt=2026-03-03/hour=10/#-#.record.json: it belongs at live/queues/dt=2026-03-03/hour=10/#-#.record.json
    live/events/dt=2026-03-03/hour=10/#-#.record.json: the key of an object that it names is exports/nightly/manifest.json, expected live/events/quarantine/dt=2026-03-03/#.json
    live/events/quarantine/dt=2026-03-03/#.json: its reason is not the one in its frame record
    live/events/quarantine/dt=2026-03-03/#.json: missing, though its frame record names it
    live/events/quarantine/dt=2026-03-03/#.json: its size in bytes is 161, expected 174
    ");
}
