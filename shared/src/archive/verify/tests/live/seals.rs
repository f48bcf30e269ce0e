//! Day seals that do not fit the frame records of their day.

use serde_json::{Value, json};

use super::super::edits::{Concealment, with_edit};
use super::world::{batch, commit};
use super::*;
use crate::base::signature::LocalKey;

const SEAL: &str = "live/events/days/2026-03-03.json";

async fn found(objects: &Objects, edit: impl FnOnce(&mut Value)) -> Damage {
    let edited = with_edit(objects, SEAL, Concealment::Reseal, edit);
    live_damage(verified_live(edited).await)
}

#[tokio::test]
async fn a_seal_that_does_not_fit_its_day_is_named() {
    type Edit = fn(&mut Value);
    let objects = eventful().await;
    let cases: [(Edit, &str); 15] = [
        (|it| it["day"] = json!("2026-03-02"), "it belongs at"),
        (
            |it| it["sealedAt"] = json!("2026-03-03T23:00:00Z"),
            "it was sealed before its day had ended",
        ),
        (
            |it| it["records"].as_array_mut().unwrap().reverse(),
            "its records are not in order",
        ),
        (
            |it| it["records"][0]["key"] = json!("exports/nightly/manifest.json"),
            "it names an object that is not a frame record of its day",
        ),
        (
            |it| it["counts"]["repeated"] = 7.into(),
            "its `counts` does not match the frame records of the day",
        ),
        (
            |it| it["topics"] = json!({}),
            "its `topics` does not match the frame records of the day",
        ),
        (
            |it| it["redactions"]["EMAIL"] = 1.into(),
            "its `redactions` does not match the frame records of the day",
        ),
        (
            |it| it["unreadable"] = 1.into(),
            "its `unreadable` does not match the frame records of the day",
        ),
        (
            |it| it["conversationsHeard"] = 3.into(),
            "its number of conversations heard of is 3, expected 2",
        ),
        (
            |it| it["notEnded"]["count"] = 1.into(),
            "its `notEnded` does not match the frames of the day",
        ),
        (
            |it| it["notEnded"]["ids"][1] = json!("ff8fad5b-d9cb-469f-a165-70867728950e"),
            "its `notEnded` does not match the frames of the day",
        ),
        (
            |it| it["unheard"] = 3.into(),
            "its number of unheard conversations is 3, expected 2",
        ),
        (
            |it| drop(it.as_object_mut().unwrap().remove("comparedWith")),
            "it counts unheard conversations of no export",
        ),
        (
            |it| {
                let gap = it["gaps"][0]["exportId"].clone();
                it["comparedWith"] = gap;
            },
            "the export gap-",
        ),
        (
            |it| it["gaps"][0]["from"] = json!("2026-03-02T10:00:00Z"),
            "it lists a gap of another day",
        ),
    ];
    for (edit, expected) in cases {
        let damage = found(&objects, edit).await;

        assert_eq!(damage.key, SEAL, "{damage}, expected {expected}");
        assert!(
            damage.what.starts_with(expected),
            "{damage}, expected {expected}"
        );
    }
}

#[tokio::test]
async fn a_record_or_gap_that_differs_from_the_seal_of_its_day_is_named() {
    type Edit = fn(&mut Value) -> String;
    let objects = eventful().await;
    let cases: [(Edit, &str); 7] = [
        (
            |it| text(&it["records"].as_array_mut().unwrap().remove(0)["key"]),
            "the seal of its day does not name it",
        ),
        (
            |it| text(&it["records"].as_array_mut().unwrap().pop().unwrap()["key"]),
            "the seal of its day does not name it",
        ),
        (
            |it| {
                let key = text(&it["records"][0]["key"]).replace("hour=10", "hour=00");
                it["records"][0]["key"] = json!(key);
                key
            },
            "missing, though the seal of its day names it",
        ),
        (
            |it| {
                let records = &mut it["records"];
                records[1]["sha256"] = records[0]["sha256"].clone();
                text(&records[1]["key"])
            },
            "its sha256 is",
        ),
        (
            |it| {
                it["gaps"].as_array_mut().unwrap().remove(0);
                "live/events/gaps/20260303T100000000Z-20260303T100500000Z.json".to_owned()
            },
            "the seal of its day does not list it, though it was recorded before",
        ),
        (
            |it| {
                it["gaps"][0]["until"] = json!("2026-03-03T10:04:00Z");
                "live/events/gaps/20260303T100000000Z-20260303T100400000Z.json".to_owned()
            },
            "missing, though the seal of its day names it",
        ),
        (
            |it| {
                it["gaps"][1]["exportId"] = it["gaps"][0]["exportId"].clone();
                "live/events/gaps/20260303T140000000Z-20260303T140100000Z-closed.json".to_owned()
            },
            "missing, though the seal of 2026-03-03 names the export in it",
        ),
    ];
    for (edit, expected) in cases {
        let mut key = String::new();

        let damage = found(&objects, |seal| key = edit(seal)).await;

        assert_eq!(damage.key, key, "{damage}");
        assert!(damage.what.starts_with(expected), "{damage}");
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_record_that_is_added_to_a_sealed_day_is_named() {
    let world = LiveWorld::new(None);
    world.fill().await;
    let before = world.store.objects();
    let mut stranger = world.writer("stranger");
    commit(&mut stranger, batch("a", "03T12:00:00"), "03T12:00:00").await;

    let damage = live_damage(verified_live(world.store.objects()).await);

    assert!(!before.contains_key(&damage.key) && damage.key.ends_with(".record.json"));
    let expected = "the seal of its day does not name it: it was added after the day was sealed";
    assert_eq!(damage.what, expected);
}

#[tokio::test]
async fn an_export_that_a_seal_is_compared_with_must_exist() {
    let mut objects = eventful().await;
    objects.remove("exports/nightly/manifest.json");

    let damage = live_damage(verified_live(objects).await);

    assert_eq!(damage.key, "exports/nightly/manifest.json");
    assert_eq!(
        damage.what,
        format!("missing, though {SEAL} compares its day with it")
    );
}

/// The sweep goes on with the day after the newest seal.
#[tokio::test]
async fn a_day_before_the_newest_seal_must_be_sealed() {
    let mut objects = eventful().await;
    let seal = "live/events/days/2026-03-02.json";
    objects.remove(seal);

    let damage = live_damage(verified_live(objects).await);

    assert_eq!(
        damage.to_string(),
        format!("{seal}: missing, though a later day is sealed")
    );
}

fn signed_with(key: &LocalKey) -> Anchors {
    Anchors {
        keys: vec![key.public_key().clone()],
        required: RequiredSignatures::All,
        manifest_sha256: None,
    }
}

async fn verified_with(objects: Objects, key: &LocalKey) -> Result<LiveReport, VerifyError> {
    let archive = Archive::new(Arc::new(MemoryStore::of(objects)));
    let (scope, anchors) = (LiveScope::default(), signed_with(key));
    verify_live(&archive, &scope, &anchors, &mut |_| {}).await
}

async fn signed(key: &LocalKey) -> Objects {
    let world = LiveWorld::new(Some(key));
    world.fill().await;
    world.store.objects()
}

#[tokio::test]
async fn with_a_public_key_day_seals_and_the_exports_that_they_name_must_be_signed() {
    let key = LocalKey::generate();
    let objects = signed(&key).await;

    let report = verified_with(objects.clone(), &key).await.unwrap();

    // Two day seals, and manifest and plan of two exports.
    assert_eq!(report.signatures.valid, 6);
    for unsigned in [
        SEAL,
        "exports/nightly/manifest.json",
        "exports/nightly/request.json",
    ] {
        let forged = with_edit(&objects, unsigned, Concealment::Reseal, |document| {
            drop(document.as_object_mut().unwrap().remove("signature"));
        });
        let damage = live_damage(verified_with(forged, &key).await);
        assert_eq!(
            damage.to_string(),
            format!("{unsigned}: it has no signature")
        );
    }
}

/// A record of a sealed day, and everything that depends on its digest, are written again without the key.
#[tokio::test]
async fn a_sealed_day_that_was_rewritten_consistently_is_named_with_the_public_key() {
    let (key, stranger) = (LocalKey::generate(), LocalKey::generate());
    let mut objects = signed(&key).await;
    let rewritten = signed(&stranger).await;
    let is_live = |key: &String| key.starts_with("live/");
    objects.retain(|key, _| !is_live(key));
    objects.extend(rewritten.into_iter().filter(|(key, _)| is_live(key)));

    let damage = live_damage(verified_with(objects, &key).await);

    assert_eq!(damage.key, "live/events/days/2026-03-02.json");
    assert!(
        damage.what.starts_with("it is signed with the key"),
        "{damage}"
    );
}
