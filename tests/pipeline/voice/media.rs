//! Requests for several media: which conversations are requested, and how their parts make one record.

use genesys_simulator::{Settings, UnavailableSpeech, UnavailableTexts};

use super::*;

/// Ids of the conversations with messages and a recorded call.
fn both(world: &World) -> Vec<String> {
    let mut ids = spoken(world);
    ids.retain(|id| world.simulator.messages(id).is_some());
    ids
}

#[tokio::test]
async fn a_conversation_with_messages_and_a_call_has_both_in_one_record() {
    let mut world = World::new(mixed(321, 60)).await;
    let ids = both(&world);
    assert!(ids.len() > 5);

    let fields = format!(r#","media":["voice","message"]{VERBATIM}"#);
    let (_, records) = export(&mut world, &ids, &fields).await;

    for id in &ids {
        let record = &records[id];
        assert_eq!(record["status"], "complete", "{record}");
        assert_eq!(phrases(record), said(&world, id));
        let texts = world.simulator.messages(id).expect("messages").into_iter();
        let texts = texts.filter(|it| !it.text.is_empty()).count();
        assert_eq!(
            list(record, "messages").len(),
            texts + phrases(record).len()
        );
        let parts: Vec<_> = list(record, "parts")
            .iter()
            .map(|it| &it["medium"])
            .collect();
        assert_eq!(parts, ["message", "voice"]);
        let times: Vec<_> = list(record, "messages")
            .iter()
            .map(|it| it["time"].to_string())
            .collect();
        assert!(times.is_sorted(), "ordered by time");
        let ids: Vec<_> = list(record, "participants")
            .iter()
            .map(|it| it["participantId"].to_string())
            .collect();
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "each participant once");
    }
}

#[tokio::test]
async fn a_call_that_is_gone_makes_the_record_partial_and_names_the_part() {
    let mut world = World::new(Settings {
        unavailable_speech: UnavailableSpeech {
            gone: 1,
            ..UnavailableSpeech::default()
        },
        ..mixed(322, 60)
    })
    .await;
    let ids = both(&world);

    let (_, records) = export(&mut world, &ids, r#","media":["message","voice"]"#).await;

    for record in records.values() {
        assert_eq!(record["status"], "partial");
        assert_eq!(
            record["problem"],
            "voice: no transcript of the call was found"
        );
        assert_eq!(list(record, "parts")[0]["status"], "complete");
        assert_eq!(list(record, "parts")[1]["status"], "gone");
        assert!(!list(record, "messages").is_empty());
    }
}

#[tokio::test]
async fn only_conversations_with_the_requested_media_of_an_export_are_read() {
    for records_of in ["standard", "minimal"] {
        let mut world = World::new(mixed(323, 60)).await;
        let request = format!(r#","exportId":"base","records":"{records_of}""#);
        let request = world.request("analytics-job", &request);
        world.export(&request).await;

        let request = r#"{"source":"transcripts","fromExport":"base","media":["voice"]}"#;
        let manifest = world.export(request).await;

        let records = super::records(&world, &manifest).await;
        let complete = records.values().filter(|it| it["status"] == "complete");
        let complete = complete.count();
        let requested = spoken(&world);
        assert!(complete > 10);
        assert!(
            records
                .iter()
                .all(|(id, it)| it["status"] != "complete" || requested.contains(id))
        );
        if records_of == "standard" {
            let missing = requested
                .iter()
                .filter(|id| !records.contains_key(*id))
                .count();
            let started_before = world.simulator.truth().conversations.len() - 60;
            assert!(
                missing <= started_before,
                "{missing} calls were not requested"
            );
        }
    }
}

#[tokio::test]
async fn included_transcripts_have_the_media_of_the_request() {
    let mut world = World::new(mixed(324, 40)).await;
    let request =
        r#","exportId":"base","include":["transcripts"],"media":["message","voice","email"]"#;
    let request = world.request("analytics-job", request);
    world.start(&request).await;
    world.run().await;

    let manifest = world
        .manifest(&"base-transcripts".parse().expect("an id"))
        .await;

    let records = super::records(&world, &manifest).await;
    let has = |medium: &str| {
        records.values().any(|record| {
            let mut parts = list(record, "parts").iter();
            parts.any(|it| it["medium"] == medium && it["status"] == "complete")
        })
    };
    assert!(has("message") && has("voice") && has("email"));
}

#[tokio::test]
async fn a_conversation_without_the_requested_media_says_so() {
    let mut world = World::new(mixed(325, 30)).await;
    let ids: Vec<_> = world
        .message_conversations()
        .into_iter()
        .filter(|id| world.simulator.phrases(id).is_empty())
        .take(3)
        .collect();

    let (_, records) = export(&mut world, &ids, r#","media":["voice","email"]"#).await;

    for record in records.values() {
        assert_eq!(record["status"], "notRecorded");
        assert_eq!(
            record["problem"],
            "the conversation has no session of the media voice, email"
        );
    }
}

#[tokio::test]
async fn each_permission_that_the_media_lack_has_its_own_warning() {
    let mut world = World::new(Settings {
        permissions: vec![
            "analytics:conversationDetail:view".to_owned(),
            "conversation:message:view".to_owned(),
        ],
        unavailable_texts: UnavailableTexts {
            gone: 1,
            ..UnavailableTexts::default()
        },
        ..mixed(326, 60)
    })
    .await;
    let ids = both(&world);

    let (manifest, _) = export(&mut world, &ids[..2], r#","media":["message","voice"]"#).await;

    let warns_of = |about: &str| {
        let mut warnings = manifest.warnings.iter();
        warnings.any(|it| it.contains(about))
    };
    assert!(warns_of("the client may not read recordings"));
    assert!(warns_of("the client may not read transcripts of calls"));
}
