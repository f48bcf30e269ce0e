//! Frame objects whose digests, keys and records were renewed after an alteration.

use bytes::Bytes;
use serde_json::{Value, json};

use super::world::{batch, chains, commit};
use super::*;
use crate::base::hash::Sha256;
use crate::base::seal;
use crate::records::page::{GzipWriter, page_text};

/// A stream with one record of three frames.
async fn one_record() -> Objects {
    let world = LiveWorld::new(None);
    let mut writer = world.writer("one");
    commit(&mut writer, batch("abc", "03T10:00:00"), "03T10:00:00").await;
    world.store.objects()
}

fn gzip(lines: &[String]) -> Bytes {
    let mut writer = GzipWriter::new(6);
    for line in lines {
        writer.write(format!("{line}\n").as_bytes());
    }
    writer.finish().into()
}

/// Alters the lines of the frame object and of the index and the record, and renews all that depends on them.
async fn with_lines(
    alter: impl FnOnce(&mut Vec<String>, &mut Vec<String>, &mut Value),
) -> (Objects, String) {
    let mut objects = one_record().await;
    let key = chains(&objects).remove(0).remove(0);
    let mut record: Value = seal::open(&objects.remove(&key).unwrap()).unwrap();
    record.as_object_mut().unwrap().remove("seal");
    let named = |name: &str| record["objects"][name]["key"].as_str().unwrap().to_owned();
    let [mut lines, mut index] = [named("page"), named("index")].map(|key| {
        let text = page_text(&objects.remove(&key).unwrap()).unwrap();
        text.lines().map(ToOwned::to_owned).collect::<Vec<_>>()
    });
    alter(&mut lines, &mut index, &mut record);
    let (object, index) = (gzip(&lines), gzip(&index));
    let digest = Sha256::of(&object);
    let stem = key.rsplit_once('-').unwrap().0;
    let stem = format!("{stem}-{}", digest.short(16));
    for (name, end, bytes) in [("page", "ndjson.gz", object), ("index", "index.gz", index)] {
        let key = format!("{stem}.{end}");
        record["objects"][name] =
            json!({"key": key, "sizeBytes": bytes.len(), "sha256": Sha256::of(&bytes)});
        objects.insert(key, bytes);
    }
    objects.insert(
        format!("{stem}.record.json"),
        seal::seal(&record).unwrap().into(),
    );
    (objects, stem)
}

#[tokio::test]
async fn consistently_renewed_frames_are_intact_which_only_a_signature_would_show() {
    let (objects, _) = with_lines(|_, _, _| {}).await;

    let report = verified_live(objects).await.unwrap();

    assert_eq!(report.streams[0].frames, 3);
}

/// Alters lines of the frame object, lines of the index, and the record.
type Alteration = fn(&mut Vec<String>, &mut Vec<String>, &mut Value);

#[tokio::test]
async fn what_the_lines_index_and_record_say_must_agree() {
    let cases: [(Alteration, &str); 9] = [
        (
            |lines, _, _| lines[1] = lines[1].replace("EMAIL", "PHONE"),
            "ndjson.gz: line 2 of the frame object does not have the identity of its topic and body",
        ),
        (
            |lines, _, _| lines.swap(0, 1),
            "index.gz: line 1 of the frame object and its index entry differ in `identity`",
        ),
        (
            |lines, index, _| {
                lines.swap(0, 1);
                index.swap(0, 1);
            },
            "index.gz: line 1 of the frame object and its index entry differ in `offset`",
        ),
        (
            |lines, _, _| lines[1] = lines[0].clone(),
            "ndjson.gz: line 2 of the frame object repeats the identity of an earlier line",
        ),
        (
            |lines, _, _| drop(lines.pop()),
            "index.gz: the frame index names line 3, which the frame object does not have",
        ),
        (
            |_, index, _| index[2] = "{}".to_owned(),
            "index.gz: the frame index cannot be read: line 3 of the index is not an index entry",
        ),
        (
            |_, _, record| record["topics"] = json!({"other": 3}),
            "record.json: its `topics` does not match its frame object",
        ),
        (
            |_, _, record| {
                record["counts"]["stored"] = 2.into();
                record["counts"]["repeated"] = 1.into();
            },
            "record.json: its `counts` does not match its frame object",
        ),
        (
            |_, _, record| record["lastEventTime"] = json!("2026-03-03T10:00:01Z"),
            "record.json: its `lastEventTime` does not match its frame object",
        ),
    ];
    for (alter, expected) in cases {
        let (objects, stem) = with_lines(alter).await;

        let damage = live_damage(verified_live(objects).await);

        let found = damage.to_string();
        let found = found.strip_prefix(&format!("{stem}.")).unwrap_or(&found);
        assert!(found.starts_with(expected), "{found}, expected {expected}");
    }
}

#[tokio::test]
async fn a_record_whose_counts_do_not_fit_is_named() {
    type Edit = fn(&mut Value);
    let cases: [(Edit, &str); 7] = [
        (
            |it| it["counts"]["received"] = 4.into(),
            "its counts do not add up",
        ),
        (
            |it| it["counts"]["otherVersion"] = 4.into(),
            "its counts do not add up",
        ),
        (
            |it| it["redactions"]["EMAIL"] = u64::MAX.into(),
            "its counts do not add up",
        ),
        (
            |it| {
                it["counts"]["stored"] = 0.into();
                it["counts"]["repeated"] = 3.into();
            },
            "it must name objects if and only if it stored frames",
        ),
        (
            |it| {
                it.as_object_mut().unwrap().remove("firstEventTime");
            },
            "it must state event times if and only if it stored frames",
        ),
        (
            |it| {
                it["counts"]["stored"] = 2.into();
                it["counts"]["quarantined"] = 1.into();
            },
            "it quarantined 1 frames and names 0",
        ),
        (
            |it| it["sequence"] = 2.into(),
            "it must name a record before it if and only if its sequence is greater than 1",
        ),
    ];
    for (edit, expected) in cases {
        let (objects, stem) = with_lines(|_, _, record| edit(record)).await;

        let damage = live_damage(verified_live(objects).await);

        assert_eq!(damage.key, format!("{stem}.record.json"));
        assert_eq!(damage.what, expected);
    }
}
