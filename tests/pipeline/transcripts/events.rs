//! The event that is published for each transcript.

use std::collections::BTreeSet;

use conversation_archive::base::failure::FailureKind;
use end_to_end::world::{World, organisation};
use genesys_simulator::{Settings, UnavailableTexts};

use super::{VERBATIM, archived_messages, export_transcripts, texts, transcripts};

#[tokio::test]
async fn each_transcript_is_published_once_without_its_text() {
    let unavailable_texts = UnavailableTexts {
        gone: 5,
        forbidden: 7,
        ..UnavailableTexts::default()
    };
    let mut world = World::new(Settings {
        unavailable_texts,
        ..organisation(125, 60)
    })
    .await;
    let ids = world.message_conversations();

    let records =
        export_transcripts(&mut world, &ids, &format!(r#","pageSize":7{VERBATIM}"#)).await;

    let events = world.topic.events_by_id();
    assert_eq!(events.len(), records.len());
    let published_text: String = events.values().map(|(body, _)| body.to_string()).collect();
    for (body, times) in events.values() {
        let record = &records[body["conversationId"].as_str().expect("an id")];
        let count = |field: &str| record[field].as_array().expect("a list").len() as u64;
        assert_eq!(*times, 1);
        assert_eq!(body["counts"]["messages"], count("messages"));
        assert_eq!(body["counts"]["participants"], count("participants"));
        for field in ["status", "via", "conversationStart", "languages"] {
            assert_eq!(body[field], record[field]);
        }
        let page = body["pageKey"].as_str().expect("a key");
        assert!(world.store.snapshot().contains_key(page), "{page}");
    }
    for record in records.values() {
        let texts = texts(archived_messages(record)).into_iter();
        let participants = record["participants"].as_array().expect("participants");
        let names = participants.iter().filter_map(|it| it["name"].as_str());
        for words in texts.chain(names.map(ToOwned::to_owned)) {
            // A text this short may be part of a word in the event's own fields.
            assert!(
                words.len() < 8 || !published_text.contains(&words),
                "{words}"
            );
        }
    }
}

#[tokio::test]
async fn exports_of_conversations_publish_no_event() {
    let mut world = World::new(organisation(126, 20)).await;
    let request = world.request("analytics-job", "");

    world.export(&request).await;

    assert!(world.topic.published().is_empty());
}

#[tokio::test]
async fn an_unreachable_topic_fails_the_export_and_a_resume_publishes_all() {
    // On each page, including the last one.
    for pages_before in 0..3 {
        let mut world = World::new(organisation(127, 60)).await;
        let ids: Vec<String> = world.message_conversations().into_iter().take(9).collect();
        let request = world.transcripts_request(&ids, r#","exportId":"texts","pageSize":3"#);
        let id = world.start(&request).await;
        let has_published = |world: &World| world.topic.published().len() == 3 * pages_before;
        assert!(world.run_until(has_published).await);

        world.topic.set_unreachable(true);
        world.run().await;

        let failed = world.failed_outcome(&id, 1).await.expect("a failure");
        assert_eq!(failed.failures[0].failure.kind, FailureKind::DeadLetter);
        let error = world.last_error().expect("an error");
        assert!(
            error.contains("its transcripts were not published: cannot publish"),
            "{error}"
        );

        world.topic.set_unreachable(false);
        let manifest = world.resume_to_end(&id).await;

        world.verify(&id).await;
        let archived = transcripts(&world, &manifest).await.into_keys().collect();
        let events = world.topic.events_by_id();
        let published_ids = events.values().map(|(body, _)| &body["conversationId"]);
        let published_ids: BTreeSet<String> = published_ids
            .map(|id| id.as_str().expect("an id").to_owned())
            .collect();
        assert_eq!(published_ids, archived, "{pages_before} pages before");
    }
}
