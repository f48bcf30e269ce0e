//! The promise: an export that a stranger with write access rewrote consistently is detected with the public key, or with
//! the manifest's digest.

use jiff::Timestamp;

use super::examples::records;
use super::export::TestExport;
use super::*;
use crate::archive::Signatures;
use crate::base::hash::Sha256;
use crate::base::seal::{self, Unsealed};
use crate::base::signature::LocalKey;
use crate::export::marker::OpenMarker;
use crate::export::run::End;

const REQUEST: &str =
    r#"{"exportId":"daily","interval":"2026-03-01T00:00:00Z/2026-03-02T00:00:00Z"}"#;
const MANIFEST: &str = "exports/daily/manifest.json";

/// A complete export with these two conversations, signed if there is a key.
async fn export(key: Option<&LocalKey>, ids: [&str; 2]) -> Objects {
    let archive = |store| match key {
        Some(key) => {
            let signatures = Signatures::with_key(Arc::new(key.clone()));
            Archive::new(store).with_signatures(signatures)
        }
        None => Archive::new(store),
    };
    let export = TestExport::start_in(archive, REQUEST, None).await;
    export.open(1, Some("job")).await;
    export.page(1, &records(1, &ids), None).await;
    export.end(1, End::Complete).await;
    export.conclude().await;
    export.objects()
}

async fn verified_with(objects: Objects, anchors: Anchors) -> Result<Report, VerifyError> {
    let archive = Archive::new(Arc::new(MemoryStore::of(objects)));
    verify(&archive, &"daily".parse().unwrap(), &anchors, &mut |_| {}).await
}

fn all_signed_with(key: &LocalKey) -> Anchors {
    Anchors {
        keys: vec![key.public_key().clone()],
        required: RequiredSignatures::All,
        manifest_sha256: None,
    }
}

/// Moves the signatures of the genuine documents to the forged ones.
fn with_signatures_of(genuine: &Objects, mut forged: Objects) -> Objects {
    for (key, bytes) in &mut forged {
        let signature = genuine.get(key).map(|bytes| seal::signature(bytes));
        let Some(Ok(Some((signature, _)))) = signature else {
            continue;
        };
        let document: serde_json::Value = seal::open(bytes).unwrap();
        let signed = Unsealed::new(&document).unwrap().signed(&signature);
        *bytes = signed.seal().into();
    }
    forged
}

#[tokio::test]
async fn a_genuine_export_is_intact_and_its_key_is_named() {
    let key = LocalKey::generate();
    let objects = export(Some(&key), ["a1", "a2"]).await;
    let mut anchors = all_signed_with(&key);
    anchors.manifest_sha256 = Some(Sha256::of(&objects[MANIFEST]));

    let report = verified_with(objects, anchors).await.unwrap();

    assert_eq!(report.signatures.valid, 3);
    assert!(report.signatures.keys.contains(&key.public_key().id()));
    assert_eq!(report.signatures.unsigned + report.signatures.unchecked, 0);
}

#[tokio::test]
async fn a_rewritten_export_is_named_with_the_public_key() {
    let (key, stranger) = (LocalKey::generate(), LocalKey::generate());
    let genuine = export(Some(&key), ["a1", "a2"]).await;
    let rewritten = export(None, ["a1", "forged"]).await;
    let forgeries = [
        (rewritten.clone(), "it has no signature"),
        (
            export(Some(&stranger), ["a1", "forged"]).await,
            "is signed with the key",
        ),
        (
            with_signatures_of(&genuine, rewritten),
            "its signature is not valid",
        ),
    ];

    for (forgery, reason) in forgeries {
        let damage = damage(verified_with(forgery, all_signed_with(&key)).await);

        assert_eq!(damage.key, MANIFEST);
        assert!(damage.what.contains(reason), "{damage}");
    }
}

#[tokio::test]
async fn a_planted_marker_or_cancellation_is_named_with_the_public_key() {
    let key = LocalKey::generate();
    let marker = OpenMarker::new("daily".parse().unwrap(), Timestamp::UNIX_EPOCH);
    let cancellation = serde_json::json!({"formatVersion": 1, "exportId": "daily"});
    let planted = [
        ("open/daily", Unsealed::new(&marker)),
        ("exports/daily/cancel.json", Unsealed::new(&cancellation)),
    ];
    for (name, document) in planted {
        let mut objects = export(Some(&key), ["a1", "a2"]).await;
        objects.insert(name.to_owned(), document.unwrap().seal().into());

        let damage = damage(verified_with(objects, all_signed_with(&key)).await);

        assert_eq!(damage.key, name);
    }
}

#[tokio::test]
async fn without_a_key_the_report_says_what_is_not_proven() {
    let stranger = LocalKey::generate();
    let unsigned = export(None, ["a1", "forged"]).await;
    let signed = export(Some(&stranger), ["a1", "forged"]).await;

    let unsigned = verified_with(unsigned, Anchors::default()).await.unwrap();
    let signed = verified_with(signed, Anchors::default()).await.unwrap();

    assert_eq!(unsigned.signatures.unsigned, 3);
    assert_eq!(signed.signatures.unchecked, 3);
    assert_eq!(unsigned.signatures.valid + signed.signatures.valid, 0);
}

#[tokio::test]
async fn a_signature_of_a_known_key_must_be_valid_even_if_none_is_required() {
    let key = LocalKey::generate();
    let genuine = export(Some(&key), ["a1", "a2"]).await;
    let rewritten = with_signatures_of(&genuine, export(None, ["a1", "forged"]).await);
    let anchors = Anchors {
        required: RequiredSignatures::None,
        ..all_signed_with(&key)
    };

    let damage = damage(verified_with(rewritten, anchors).await);

    assert_eq!(damage.key, MANIFEST);
}

#[tokio::test]
async fn another_manifest_than_the_announced_one_is_named() {
    let announced = export(None, ["a1", "a2"]).await;
    let anchors = Anchors {
        manifest_sha256: Some(Sha256::of(&announced[MANIFEST])),
        ..Anchors::default()
    };

    let damage = damage(verified_with(export(None, ["a1", "forged"]).await, anchors).await);

    assert_eq!(damage.key, MANIFEST);
    assert!(damage.what.starts_with("its SHA-256 is"), "{damage}");
}
