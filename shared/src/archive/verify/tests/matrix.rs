//! Every object, damaged in every way.

use bytes::Bytes;

use super::examples::eventful;
use super::*;

/// Types of damage to a single object.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Corruption {
    /// Flips the bit at this one of [`FLIPS`] equal steps through the object.
    Flip(usize),
    /// Truncates to this many quarters of the length, and always drops at least the last byte.
    Truncate(usize),
    Delete,
}

const FLIPS: usize = 8;

/// The reason why this damage cannot be detected; `None` if it can.
fn undetectable_because(
    key: &str,
    corruption: Corruption,
    report: &Report,
) -> Option<&'static str> {
    if report.orphans.iter().any(|orphan| orphan == key) {
        return Some("nothing vouches for an object that no record names; it is reported as it is");
    }
    if corruption != Corruption::Delete {
        return None;
    }
    let of_superseded = |record: &String| {
        let stem = record.trim_end_matches("record.json").trim_end_matches('.');
        let (slice, run, page) = (&stem[21..25], &stem[26..29], &stem[35..41]);
        key.starts_with(stem) || key.contains(&format!("failures/{slice}-{run}-{page}-"))
    };
    if report.superseded.iter().any(of_superseded) {
        return Some("superseded pages may be removed: they are in no manifest");
    }
    if key.ends_with("/waiting.json") {
        return Some("most runs never wait");
    }
    if key.contains("/dead-letter-") {
        return Some("most exports have no dead letters");
    }
    // The example has two deliveries for each outcome.
    key.ends_with("-delivery-02.json")
        .then_some("no document shows that a delivery was to follow")
}

fn corrupted(bytes: &Bytes, corruption: Corruption) -> Option<Bytes> {
    let mut copy = bytes.to_vec();
    match corruption {
        Corruption::Delete => return None,
        Corruption::Truncate(quarter) => {
            copy.truncate((bytes.len() * quarter / 4).min(bytes.len() - 1));
        }
        Corruption::Flip(step) => copy[(bytes.len() - 1) * step / (FLIPS - 1)] ^= 1 << (step % 8),
    }
    Some(copy.into())
}

fn of_export(objects: &Objects) -> Vec<String> {
    let keys = objects
        .keys()
        .filter(|key| key.starts_with("exports/") || key.starts_with("audit/"));
    keys.cloned().collect()
}

#[tokio::test]
async fn a_damaged_object_is_reported_by_its_key() {
    let objects = eventful().await.objects();
    let report = verified(objects.clone(), "daily").await.unwrap();
    let flips = (0..FLIPS).map(Corruption::Flip);
    let corruptions: Vec<_> = flips
        .chain((0..=4).map(Corruption::Truncate))
        .chain([Corruption::Delete])
        .collect();
    let (mut named, mut undetectable) = (0, 0);

    for key in of_export(&objects) {
        for corruption in &corruptions {
            let mut copy = objects.clone();
            match corrupted(&objects[&key], *corruption) {
                Some(bytes) => copy.insert(key.clone(), bytes),
                None => copy.remove(&key),
            };
            let result = verified(copy, "daily").await;
            if let Some(reason) = undetectable_because(&key, *corruption, &report) {
                assert!(
                    result.is_ok(),
                    "{key} {corruption:?} ({reason}): {result:?}"
                );
                undetectable += 1;
            } else {
                assert_eq!(damage(result).key, key, "{corruption:?}");
                named += 1;
            }
        }
    }

    println!(
        "{named} damages named, {undetectable} rightly invisible, to {} objects",
        of_export(&objects).len()
    );
    assert!(named > 500);
}

#[tokio::test]
async fn swapping_two_objects_is_detected() {
    let objects = eventful().await.objects();
    let report = verified(objects.clone(), "daily").await.unwrap();
    let keys = of_export(&objects);
    let (mut named, mut undetectable) = (0, 0);

    for (number, one) in keys.iter().enumerate() {
        for other in &keys[number + 1..] {
            let mut copy = objects.clone();
            copy.insert(one.clone(), objects[other].clone());
            copy.insert(other.clone(), objects[one].clone());
            let result = verified(copy, "daily").await;
            let is_orphan = |key| report.orphans.contains(key);
            if objects[one] == objects[other] || is_orphan(one) && is_orphan(other) {
                assert!(result.is_ok(), "{one} {other}: {result:?}");
                undetectable += 1;
            } else if one.replace("-01.json", "-02.json") == *other && one.contains("-delivery-") {
                // Two deliveries of one outcome: only their times distinguish them, and either order is valid.
                let warned = format!("{other} is older than the delivery before it");
                assert!(result.unwrap().warnings.contains(&warned));
                undetectable += 1;
            } else {
                let damage = damage(result);
                assert!(
                    damage.key == *one || damage.key == *other,
                    "{one} {other}: {damage}"
                );
                named += 1;
            }
        }
    }

    println!("{named} swapped pairs named, {undetectable} without consequence");
    assert!(named > 1000);
}
