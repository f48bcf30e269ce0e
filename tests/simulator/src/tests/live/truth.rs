//! Live traffic and the API report the same conversations.

use std::collections::BTreeMap;

use super::*;
use crate::FrameKind;

const DETAILS: &str = "api/v2/analytics/conversations/details";

async fn played() -> World {
    let world = World::new(quiet()).await;
    play(
        &world.live(),
        Traffic {
            voice_every: 2,
            reopened_every: 5,
            ..Traffic::default()
        },
    );
    world.advance_clock(Duration::from_mins(1));
    world
}

fn bodies(world: &World, kind: FrameKind, id: &str) -> Vec<Value> {
    let frames = world.live().frames();
    let of_conversation = frames
        .iter()
        .filter(|it| it.kind == kind && it.conversation_id.as_deref() == Some(id));
    of_conversation
        .map(|it| serde_json::from_str(it.body()).unwrap())
        .collect()
}

#[tokio::test]
async fn the_record_holds_what_the_detail_events_report() {
    let world = played().await;

    for conversation in world.live().conversations() {
        let id = &conversation.id;
        let found = world.get(&format!("{DETAILS}?id={id}")).await.json();
        let record = &found["conversations"][0];
        let mut sessions = BTreeMap::new();
        for participant in record["participants"].as_array().unwrap() {
            for session in participant["sessions"].as_array().unwrap() {
                sessions.insert(
                    session["sessionId"].as_str().unwrap(),
                    participant["participantId"].as_str().unwrap(),
                );
            }
        }
        let mut reported = BTreeMap::new();
        for body in bodies(&world, FrameKind::Detail, id) {
            if let Some(session) = body["sessionId"].as_str() {
                reported.insert(
                    session.to_owned(),
                    body["participantId"].as_str().unwrap().to_owned(),
                );
            }
        }
        let reported: BTreeMap<&str, &str> = reported
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        assert_eq!(sessions, reported);
        assert_eq!(
            record["conversationStart"],
            format!("{:.3}", conversation.started)
        );
        assert_eq!(
            record["conversationEnd"],
            format!("{:.3}", conversation.ends.last().unwrap())
        );
    }
}

#[tokio::test]
async fn the_texts_of_the_api_are_those_of_the_direct_stream() {
    let world = played().await;
    let mut count = 0;

    for conversation in world.live().conversations() {
        let id = &conversation.id;
        let events = bodies(&world, FrameKind::Direct, id);
        let heard: Vec<(String, String)> = events
            .iter()
            .filter(|it| it["type"] == "transcript")
            .map(|it| {
                (
                    it["data"]["text"].as_str().unwrap().to_owned(),
                    it["data"]["timestamp"].as_str().unwrap().to_owned(),
                )
            })
            .collect();
        let messages = world.simulator.messages(id).unwrap_or_default();
        let phrases = world.simulator.phrases(id);
        let served = messages.into_iter().map(|it| (it.text, it.time));
        let served = served.chain(phrases.into_iter().map(|it| (it.text, it.time)));
        let served: Vec<(String, String)> = served
            .map(|(text, time)| (text, format!("{time:.3}")))
            .collect();
        assert_eq!(heard, served);
        count += served.len();
    }
    assert!(count > 50);
}

#[tokio::test]
async fn messages_of_snapshots_are_served_with_their_texts() {
    let world = played().await;
    let threads = world.live().conversations();
    let id = &threads[0].id;
    let snapshots = bodies(&world, FrameKind::Snapshot, id);
    let last = snapshots.last().unwrap();
    let participants = last["participants"].as_array().unwrap().iter();
    let messages = participants.flat_map(|it| it["messages"].as_array().unwrap());
    let ids: Vec<&str> = messages
        .map(|it| it["message"]["id"].as_str().unwrap())
        .collect();

    let path = format!("api/v2/conversations/messages/{id}");
    let conversation = world.get(&path).await.json();
    let texts = world
        .post(&format!("{path}/messages/bulk"), &json!(ids))
        .await
        .json();

    assert!(!ids.is_empty());
    let listed = conversation["participants"].as_array().unwrap().iter();
    let listed = listed.flat_map(|it| it["messages"].as_array().unwrap());
    assert_eq!(listed.count(), ids.len());
    let texts = texts["entities"].as_array().unwrap();
    assert_eq!(texts.len(), ids.len());
    assert!(
        texts
            .iter()
            .all(|it| it["normalizedMessage"]["text"].is_string())
    );
}

#[tokio::test]
async fn the_speech_of_a_call_is_that_of_its_transcription() {
    let world = played().await;
    let conversations = world.live().conversations();
    let mut count = 0;

    for conversation in &conversations {
        let frames = bodies(&world, FrameKind::Transcription, &conversation.id);
        let utterances = frames
            .iter()
            .filter_map(|it| it["transcripts"].get(0).map(|utterance| (it, utterance)));
        let heard: Vec<(String, String)> = utterances
            .map(|(frame, utterance)| {
                let text = &utterance["alternatives"][0]["decoratedTranscript"];
                (
                    frame["communicationId"].as_str().unwrap().to_owned(),
                    text.as_str().unwrap().to_owned(),
                )
            })
            .collect();
        let phrases = world.simulator.phrases(&conversation.id);
        let served: Vec<(String, String)> = phrases
            .into_iter()
            .map(|it| (it.communication_id, it.text))
            .collect();
        assert_eq!(heard, served);
        count += served.len();
    }
    assert!(count > 10);
}

#[tokio::test]
async fn jobs_queries_and_the_truth_know_live_conversations() {
    let world = World::new(Settings {
        conversations: 30,
        ..small_settings()
    })
    .await;
    let interval = "2026-03-05T11:00:00Z/2026-03-05T13:00:00Z";
    let query = json!({ "interval": interval, "paging": { "pageSize": 100, "pageNumber": 1 } });
    let path = format!("{DETAILS}/query");
    assert_eq!(world.post(&path, &query).await.json()["totalHits"], 0);
    play(&world.live(), Traffic::default());
    world.advance_clock(Duration::from_mins(1));

    let hits = world.post(&path, &query).await.json();
    let mut in_job = world.ids_in(interval).await;

    let mut live: Vec<String> = world
        .live()
        .conversations()
        .into_iter()
        .map(|it| it.id)
        .collect();
    let mut truth: Vec<String> = world
        .simulator
        .truth()
        .conversations
        .into_iter()
        .map(|it| it.id)
        .collect();
    // One of the others has not ended.
    for ids in [&mut truth, &mut in_job] {
        ids.retain(|it| live.contains(it));
    }
    for ids in [&mut live, &mut in_job, &mut truth] {
        ids.sort();
    }
    assert_eq!(hits["totalHits"], 20);
    assert_eq!(in_job, live);
    assert_eq!(truth, live);
}

#[tokio::test]
async fn a_query_sees_a_conversation_end() {
    let world = World::new(quiet()).await;
    let live = world.live();
    live.begin(Traffic {
        conversations: 1,
        voice_every: 0,
        ..Traffic::default()
    });
    live.step(3);
    world.advance_clock(Duration::from_mins(1));
    let query = json!({
        "interval": "2026-03-05T11:00:00Z/2026-03-05T13:00:00Z",
        "conversationFilters": [{ "type": "and", "predicates": [{ "dimension": "conversationEnd", "operator": "exists" }] }],
    });
    let path = format!("{DETAILS}/query");

    let before = world.post(&path, &query).await.json();
    live.finish(1).await;
    let after = world.post(&path, &query).await.json();

    assert_eq!(
        (&before["totalHits"], &after["totalHits"]),
        (&json!(0), &json!(1))
    );
}

#[tokio::test]
async fn recordings_of_live_conversations_are_served() {
    let world = played().await;

    for conversation in world.live().conversations() {
        let path = format!(
            "api/v2/conversations/{}/recordings?formatId=NONE",
            conversation.id
        );
        let response = world.get(&path).await;
        let heard = world.simulator.messages(&conversation.id).is_some()
            || !world.simulator.phrases(&conversation.id).is_empty();
        assert!(
            response.status == 200 || !heard,
            "{} {}",
            response.status,
            response.text()
        );
    }
}
