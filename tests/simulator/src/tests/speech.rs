//! Calls, e-mails and the metadata of recordings.

use super::*;
use crate::{OtherMedia, UnavailableSpeech};

async fn world(unavailable_speech: UnavailableSpeech) -> World {
    World::new(Settings {
        unavailable_speech,
        other_media: OtherMedia {
            email: 4,
            message_and_voice: 4,
        },
        ..small_settings()
    })
    .await
}

/// Ids of the conversations with recorded calls.
fn spoken(world: &World) -> Vec<String> {
    let conversations = world.simulator.truth().conversations.into_iter();
    let ids = conversations.map(|it| it.id);
    ids.filter(|id| !world.simulator.phrases(id).is_empty())
        .collect()
}

fn url_path(id: &str, communication: &str) -> String {
    format!(
        "api/v2/speechandtextanalytics/conversations/{id}/communications/{communication}/transcripturl"
    )
}

/// Requests the file at a URL, with or without a token.
async fn download(url: &str, token: Option<&str>) -> ClientResponse {
    let call = Call::new(Method::GET, url.parse().unwrap());
    let call = match token {
        Some(token) => call.bearer_auth(token),
        None => call,
    };
    call.send().await.unwrap()
}

/// A conversation, a communication of it, and the response to the request for its transcript's URL.
async fn first_url(world: &World) -> (String, String, ClientResponse) {
    let id = spoken(world).remove(0);
    let communication = world.simulator.phrases(&id)[0].communication_id.clone();
    let response = world.get(&url_path(&id, &communication)).await;
    (id, communication, response)
}

#[tokio::test]
async fn every_phrase_is_in_the_transcript_of_its_communication() {
    let world = world(UnavailableSpeech::default()).await;
    for id in spoken(&world) {
        let details = format!("api/v2/analytics/conversations/{id}/details");
        let details = world.get(&details).await;
        for truth in world.simulator.phrases(&id) {
            assert!(details.text().contains(&truth.communication_id));
            let url = world
                .get(&url_path(&id, &truth.communication_id))
                .await
                .json();

            let file = download(url["url"].as_str().unwrap(), None).await.json();

            assert_eq!(file["conversationId"], id.as_str());
            assert_eq!(file["communicationId"], truth.communication_id.as_str());
            let mut phrases = file["transcripts"][0]["phrases"].as_array().unwrap().iter();
            assert!(phrases.any(|it| {
                it["decoratedText"] == truth.text.as_str()
                    && it["startTimeMs"] == truth.time.as_millisecond()
            }));
        }
    }
}

#[tokio::test]
async fn the_host_of_transcripts_refuses_a_token_and_is_another_one() {
    let world = world(UnavailableSpeech::default()).await;
    let (.., response) = first_url(&world).await;
    let url = response.json()["url"].as_str().unwrap().to_owned();

    assert!(!url.starts_with(world.simulator.url().as_str()));
    assert_eq!(download(&url, Some(&world.token)).await.status, 400);
    assert_eq!(download(&url, None).await.status, 200);
}

#[tokio::test]
async fn a_url_expires_after_ten_minutes() {
    let world = world(UnavailableSpeech::default()).await;
    let (.., response) = first_url(&world).await;
    let url = response.json()["url"].as_str().unwrap().to_owned();

    *world.now.lock().unwrap() += Duration::from_secs(601);

    assert_eq!(download(&url, None).await.status, 403);
}

#[tokio::test]
async fn each_fault_of_speech_has_its_own_status() {
    let status = |unavailable_speech: UnavailableSpeech| async move {
        let world = world(unavailable_speech).await;
        let (.., response) = first_url(&world).await;
        if response.status != 200 {
            return (response.status, 0);
        }
        let url = response.json()["url"].as_str().unwrap().to_owned();
        (200, download(&url, None).await.status)
    };
    let of = |change: fn(&mut UnavailableSpeech)| {
        let mut faults = UnavailableSpeech::default();
        change(&mut faults);
        status(faults)
    };

    assert_eq!(of(|it| it.gone = 1).await, (404, 0));
    assert_eq!(of(|it| it.forbidden = 1).await, (403, 0));
    assert_eq!(of(|it| it.unlicensed = true).await, (403, 0));
    assert_eq!(of(|it| it.preparing = 1).await, (202, 0));
    assert_eq!(of(|it| it.expired = 1).await, (200, 403));
    assert_eq!(of(|it| it.file_gone = 1).await, (200, 404));
    assert_eq!(of(|it| it.malformed = 1).await, (200, 200));
    assert_eq!(of(|it| it.not_json = 1).await, (200, 200));
}

#[tokio::test]
async fn a_transcript_needs_both_permissions() {
    for held in [
        "recording:recording:view",
        "speechAndTextAnalytics:data:view",
    ] {
        let world = world(UnavailableSpeech::default()).await;
        world
            .simulator
            .update(|it| it.permissions = vec![held.to_owned()]);
        let (.., response) = first_url(&world).await;

        assert_eq!(response.status, 403);
        assert_eq!(response.json()["code"], "missing.permissions");
    }
}

#[tokio::test]
async fn a_padded_transcript_has_the_same_phrases() {
    let world = world(UnavailableSpeech {
        padded_bytes: 2_000_000,
        ..UnavailableSpeech::default()
    })
    .await;
    let (.., response) = first_url(&world).await;
    let url = response.json()["url"].as_str().unwrap().to_owned();

    let file = download(&url, None).await;

    assert!((2_000_000..3_000_000).contains(&file.body.len()));
    assert!(file.json()["transcripts"].is_array());
}

#[tokio::test]
async fn recordings_of_emails_hold_their_texts_and_metadata_holds_none() {
    let world = world(UnavailableSpeech::default()).await;
    let ids = world.simulator.truth().conversations.into_iter();
    let ids: Vec<_> = ids.map(|it| it.id).collect();
    let id = ids.iter().find(|id| !world.simulator.emails(id).is_empty());
    let id = id.unwrap();

    let recordings = format!("api/v2/conversations/{id}/recordings?formatId=NONE");
    let recordings = world.get(&recordings).await.json();
    let metadata = format!("api/v2/conversations/{id}/recordingmetadata");
    let metadata = world.get(&metadata).await.json();

    let emails = recordings[0]["emailTranscript"].as_array().unwrap();
    assert_eq!(emails.len(), world.simulator.emails(id).len());
    assert!(emails.iter().all(|it| it["from"]["email"].is_string()));
    assert_eq!(metadata[0]["id"], recordings[0]["id"]);
    assert!(metadata[0].get("emailTranscript").is_none());
}

#[tokio::test]
async fn given_phrases_replace_what_was_said() {
    let world = world(UnavailableSpeech::default()).await;
    let id = spoken(&world).remove(0);
    let texts = ["one", "two", "three"].map(str::to_owned).to_vec();

    assert!(world.simulator.say(&id, texts.clone()));

    let said = world.simulator.phrases(&id).into_iter();
    assert_eq!(said.map(|it| it.text).collect::<Vec<_>>(), texts);
    assert!(!world.simulator.say("nobody's", texts));
}
