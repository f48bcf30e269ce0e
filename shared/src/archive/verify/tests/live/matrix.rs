//! Every live object, damaged in every way.

use bytes::Bytes;

use super::world::chains;
use super::*;

/// The seals of two days, and days without a seal after them.
const NEWEST_SEAL: &str = "live/events/days/2026-03-03.json";
const NEWEST_EPOCH: &str = "live/events/epoch-00000002.json";
const ENDED_EPOCH: &str = "live/events/epoch-00000001-ended.json";

/// The reason why the deletion of this object cannot be detected; `None` if it can.
fn undetectable_because(key: &str, objects: &Objects) -> Option<&'static str> {
    let ends = chains(objects);
    let is_end = |chain: &Vec<String>| chain.last().is_some_and(|last| last == key);
    if ends.iter().any(is_end) || key.starts_with("live/queues/") && key.ends_with(".record.json") {
        return Some("the day is not sealed, and no later record of the writer exists");
    }
    if ["20260303T150000000Z", "20260304T160000000Z"]
        .iter()
        .any(|gap| key.contains(gap))
    {
        return Some("no seal lists the gap: its day is not sealed, or was sealed before");
    }
    match key {
        NEWEST_SEAL => Some("no later day is sealed"),
        NEWEST_EPOCH => Some("no later epoch exists"),
        ENDED_EPOCH => Some("a process that was killed leaves none"),
        _ => None,
    }
}

fn is_orphan(report: &LiveReport, key: &str) -> bool {
    let mut orphans = report.streams.iter().flat_map(|stream| &stream.orphans);
    orphans.any(|orphan| orphan == key)
}

fn live(objects: &Objects) -> Vec<String> {
    let keys = objects.keys().filter(|key| key.starts_with("live/"));
    keys.cloned().collect()
}

/// Copies of the bytes with one bit flipped or the end cut off.
fn alterations(bytes: &Bytes, rng: &mut fastrand::Rng) -> Vec<Bytes> {
    let places = [
        0,
        bytes.len() - 1,
        rng.usize(..bytes.len()),
        rng.usize(..bytes.len()),
    ];
    let flipped = |place: usize| {
        let mut copy = bytes.to_vec();
        copy[place] ^= 1 << (place % 8);
        Bytes::from(copy)
    };
    let cut_off = [0, bytes.len() / 2, bytes.len() - 1].map(|length| bytes.slice(..length));
    let longer = Bytes::from([bytes, b"\n".as_slice()].concat());
    let flipped = places.into_iter().map(flipped);
    flipped.chain(cut_off).chain([longer]).collect()
}

#[tokio::test]
async fn an_altered_live_object_is_reported_by_its_key() {
    let objects = eventful().await;
    let report = verified_live(objects.clone()).await.unwrap();
    let mut rng = fastrand::Rng::with_seed(20);
    let (mut named, mut orphans) = (0, 0);

    for key in live(&objects) {
        for altered in alterations(&objects[&key], &mut rng) {
            let mut copy = objects.clone();
            copy.insert(key.clone(), altered);
            let result = verified_live(copy).await;
            if is_orphan(&report, &key) {
                assert_eq!(result.unwrap(), report, "{key}");
                orphans += 1;
            } else {
                assert_eq!(live_damage(result).key, key);
                named += 1;
            }
        }
    }

    println!("{named} alterations named, {orphans} of orphans");
    assert!(named > 200);
}

#[tokio::test]
async fn a_deleted_live_object_is_reported_unless_nothing_shows_it() {
    let objects = eventful().await;
    let report = verified_live(objects.clone()).await.unwrap();
    let mut undetected = Vec::new();

    for key in live(&objects) {
        let mut copy = objects.clone();
        copy.remove(&key);
        let result = verified_live(copy).await;
        if is_orphan(&report, &key) {
            assert!(result.is_ok(), "{key}: {result:?}");
        } else if let Some(reason) = undetectable_because(&key, &objects) {
            assert!(result.is_ok(), "{key} ({reason}): {result:?}");
            undetected.push(key);
        } else {
            assert_eq!(live_damage(result).key, key);
        }
    }

    // The ends of three chains, two gaps, a seal, an epoch and the end of one.
    assert_eq!(undetected.len(), 8, "{undetected:#?}");
}

#[tokio::test]
async fn swapping_two_live_objects_is_detected() {
    let objects = eventful().await;
    let report = verified_live(objects.clone()).await.unwrap();
    let keys = live(&objects);
    let mut named = 0;

    for (number, one) in keys.iter().enumerate() {
        for other in &keys[number + 1..] {
            let mut copy = objects.clone();
            copy.insert(one.clone(), objects[other].clone());
            copy.insert(other.clone(), objects[one].clone());
            let result = verified_live(copy).await;
            if objects[one] == objects[other]
                || is_orphan(&report, one) && is_orphan(&report, other)
            {
                assert!(result.is_ok(), "{one} {other}: {result:?}");
            } else {
                let damage = live_damage(result);
                assert!(
                    damage.key == *one || damage.key == *other,
                    "{one} {other}: {damage}"
                );
                named += 1;
            }
        }
    }

    println!("{named} swapped pairs named");
    assert!(named > 500);
}
