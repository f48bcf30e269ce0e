//! Chains of frame records, as writers and others store them.

use super::super::edits::{Concealment, with_edit};
use super::world::{at, batch, chains, commit};
use super::*;
use crate::base::hash::Sha256;
use crate::base::seal;
use crate::export::live::FrameRecord;

/// A chain of four records, in the hours 10, 10, 11 and 12.
async fn chain() -> (Objects, Vec<String>) {
    let world = LiveWorld::new(None);
    let mut writer = world.writer("one");
    for (conversations, time) in [
        ("a", "03T10:00:00"),
        ("b", "03T10:01:00"),
        ("c", "03T11:00:00"),
        ("d", "03T12:00:00"),
    ] {
        commit(&mut writer, batch(conversations, time), time).await;
    }
    let objects = world.store.objects();
    let chain = chains(&objects).remove(0);
    assert_eq!(chain.len(), 4);
    (objects, chain)
}

#[tokio::test]
async fn a_record_that_is_deleted_inside_a_chain_is_named_as_missing() {
    let (objects, chain) = chain().await;
    for (position, next) in [(0, 1), (1, 2), (2, 3)] {
        let mut copy = objects.clone();
        copy.remove(&chain[position]);

        let damage = live_damage(verified_live(copy).await);

        assert_eq!(damage.key, chain[position]);
        let expected = format!(
            "missing, though {} names it as the record before it",
            chain[next]
        );
        assert_eq!(damage.what, expected);
    }
}

#[tokio::test]
async fn a_record_that_was_altered_and_sealed_again_is_named_by_the_one_after_it() {
    let (objects, chain) = chain().await;
    for key in &chain[..3] {
        let copy = with_edit(&objects, key, Concealment::Reseal, |record| {
            record["counts"]["implausibleTime"] = 1.into();
        });

        let damage = live_damage(verified_live(copy).await);

        assert_eq!(damage.key, *key);
        assert!(damage.what.contains("which follows it, names"), "{damage}");
    }
}

#[tokio::test]
async fn a_record_that_follows_another_one_than_the_one_before_is_named() {
    let (objects, chain) = chain().await;
    for (position, followed) in [(1, 2), (2, 0), (3, 1)] {
        let sha256 = Sha256::of(&objects[&chain[followed]]);
        let copy = with_edit(&objects, &chain[position], Concealment::Reseal, |record| {
            record["previous"] = serde_json::json!({"key": chain[followed], "sha256": sha256});
        });

        let damage = live_damage(verified_live(copy).await);

        assert_eq!(damage.key, chain[position]);
        assert!(
            damage.what.starts_with("the chain of its writer is broken"),
            "{damage}"
        );
    }
}

#[tokio::test]
async fn a_fork_of_a_chain_is_named() {
    let (mut objects, chain) = chain().await;
    let mut fork: FrameRecord = seal::open(&objects[&chain[2]]).unwrap();
    // In another hour, so that it has another key, and without objects there.
    fork.arrived_at = at("03T13:00:00");
    fork.objects = None;
    (fork.first_event_time, fork.last_event_time) = (None, None);
    (fork.counts, fork.topics) = Default::default();
    let stem = chain[3].replace("hour=12", "hour=13");
    let (folder, writer) = (stem.rsplit_once('/').unwrap().0, fork.writer.as_str());
    let key = format!("{folder}/{writer}-{}.record.json", Sha256::of("").short(16));
    objects.insert(key.clone(), seal::seal(&fork).unwrap().into());

    let damage = live_damage(verified_live(objects).await);

    assert_eq!(damage.key, key);
    assert_eq!(
        damage.what,
        "another record of its writer has the sequence 3"
    );
}

/// Writers take the time from their machine, which may be set back.
#[tokio::test]
async fn a_clock_that_goes_back_does_not_break_a_chain() {
    let world = LiveWorld::new(None);
    let mut writer = world.writer("one");
    for (conversations, time) in [
        ("a", "03T10:59:58"),
        ("b", "03T11:00:01"),
        ("c", "03T10:59:59"),
        ("d", "02T23:00:00"),
        ("e", "03T11:00:02"),
    ] {
        commit(&mut writer, batch(conversations, time), time).await;
    }

    let report = verified_live(world.store.objects()).await.unwrap();

    let stream = &report.streams[0];
    assert_eq!((stream.records, stream.writers, stream.days), (5, 1, 2));
    assert_eq!(stream.orphans, [""; 0]);
}

#[tokio::test]
async fn a_record_that_follows_an_object_elsewhere_is_named_and_the_object_is_not_read() {
    let (objects, chain) = chain().await;
    for elsewhere in [
        "exports/daily/manifest.json",
        "live/queues/dt=2026-03-03/x",
        "../x",
    ] {
        let copy = with_edit(&objects, &chain[2], Concealment::Reseal, |record| {
            record["previous"]["key"] = elsewhere.into();
            record["sequence"] = 9.into();
        });

        let damage = live_damage(verified_live(copy).await);

        assert_eq!(damage.key, chain[2]);
        assert_eq!(damage.what, "it follows an object of another stream");
    }
}

#[tokio::test]
async fn the_largest_sequence_does_not_overflow() {
    let world = LiveWorld::new(None);
    let mut writer = world.writer("one");
    for (conversations, time) in [
        ("a", "02T10:00:00"),
        ("b", "03T10:00:00"),
        ("c", "03T11:00:00"),
    ] {
        commit(&mut writer, batch(conversations, time), time).await;
    }
    let objects = world.store.objects();
    let chain = chains(&objects).remove(0);
    let objects = with_edit(&objects, &chain[1], Concealment::Reseal, |record| {
        record["sequence"] = u64::MAX.into();
    });
    // The record before the edited one is not read.
    let scope = LiveScope {
        stream: None,
        days: DayRange {
            from: "2026-03-03".parse().ok(),
            until: None,
        },
    };

    let damage = live_damage(verified_in(objects, &scope).await);

    assert_eq!(damage.key, chain[1]);
}
