use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::genesys::{ClientSettings, Credentials, Endpoints};
use crate::net::clock::Clock;
use crate::net::loopback::{Loopback, Scripted};
use crate::source::conversation_details::DETAILS;

const ENDED: &str = "2026-03-02T14:00:00.017Z";

fn id(number: usize) -> ConversationId {
    let id = format!("00000000-0000-4000-8000-{number:012x}");
    id.parse().unwrap()
}

fn ids(count: usize) -> Vec<ConversationId> {
    (0..count).map(id).collect()
}

fn end(text: &str) -> Option<ConversationEnd> {
    text.parse::<Timestamp>().unwrap().try_into().ok()
}

fn details(conversations: &Value) -> Scripted {
    let body = json!({ "conversations": conversations });
    Scripted::new(200, body.to_string())
}

fn refusal(status: u16) -> Scripted {
    let body = json!({"message": "refused", "code": "bad.request", "status": status});
    Scripted::new(status, body.to_string())
}

/// Looks up conversations at a server with these responses. Returns the result and the number of ids in each request.
async fn look_up(
    ids: &[ConversationId],
    responses: impl IntoIterator<Item = Scripted>,
) -> (FoundEnds, Vec<usize>) {
    let server = Loopback::start().await;
    server.script("/oauth/token", [Scripted::token("t0ken", 86_399)]);
    server.script(DETAILS, responses);
    let url = Some(server.url.as_str());
    let settings = ClientSettings::new(Endpoints::new(None, url, url).unwrap());
    let credentials = Credentials {
        id: "c1".to_owned(),
        secret: "s3cret".into(),
    };
    let clock = Clock::manual("2026-03-10T00:00:00Z".parse().unwrap());
    let client = GenesysClient::new(settings, Arc::new(credentials), clock).unwrap();
    let found = EndLookup::new(client, 4).look_up(ids, Deadline::NONE).await;
    let requests = server.seen(DETAILS).into_iter();
    let requested = requests.map(|request| request.target.matches("0000-4000").count());
    (found, requested.collect())
}

#[tokio::test]
async fn each_conversation_has_its_end_or_none() {
    let response = details(&json!([
        {"conversationId": id(0), "conversationStart": "2026-03-02T13:00:00Z", "conversationEnd": ENDED},
        {"conversationId": id(1).to_string().to_uppercase(), "conversationEnd": ENDED},
        {"conversationId": id(2), "conversationStart": "2026-03-02T13:00:00Z"},
    ]));

    let (found, requested) = look_up(&ids(4), [response]).await;

    assert!(found.error.is_none());
    let ends: Vec<_> = found.ends.into_values().collect();
    assert_eq!(ends, [end(ENDED), end(ENDED), None, None]);
    assert_eq!(requested, [4]);
}

#[tokio::test]
async fn records_that_are_no_answer_are_ignored() {
    let later = "2026-03-02T15:00:00Z";
    let response = details(&json!([
        7, null, {}, {"conversationId": "../open/x", "conversationEnd": ENDED},
        {"conversationId": id(9), "conversationEnd": ENDED},
        {"conversationId": id(0), "conversationEnd": later},
        {"conversationId": id(0), "conversationEnd": ENDED},
        {"conversationId": id(1), "conversationEnd": "1969-12-31T23:00:00Z"},
        {"conversationId": id(2), "conversationEnd": "soon"},
    ]));

    let (found, _) = look_up(&ids(3), [response]).await;

    let expected = [(id(0), end(later)), (id(1), None), (id(2), None)];
    assert_eq!(found.ends, expected.into());
}

#[tokio::test]
async fn a_response_without_a_list_is_an_answer_the_second_time() {
    let (found, requested) = look_up(&ids(2), [Scripted::new(200, "{}")]).await;

    assert!(found.error.is_none());
    assert_eq!(found.ends, [(id(0), None), (id(1), None)].into());
    assert_eq!(requested, [2, 2]);
}

#[tokio::test]
async fn a_batch_that_is_too_long_is_halved() {
    let none = || details(&json!([]));

    let (found, requested) = look_up(&ids(6), [refusal(414), none(), refusal(413), none()]).await;

    assert!(found.error.is_none());
    assert_eq!(found.ends.len(), 6);
    assert_eq!(requested, [4, 2, 2, 1, 1, 2]);
}

#[tokio::test]
async fn one_refused_id_does_not_keep_the_others_from_an_answer() {
    let one = |number| details(&json!([{"conversationId": id(number), "conversationEnd": ENDED}]));

    let responses = [
        refusal(400),
        refusal(400),
        refusal(404),
        one(1),
        details(&json!([])),
    ];
    let (found, requested) = look_up(&ids(4), responses).await;

    assert!(found.error.is_none());
    assert_eq!(found.ends[&id(0)], None);
    assert_eq!(found.ends[&id(1)], end(ENDED));
    assert_eq!(requested, [4, 2, 1, 1, 2]);
}

#[tokio::test]
async fn an_api_that_refuses_every_id_is_not_asked_for_all_of_them() {
    let (found, requested) = look_up(&ids(100), [refusal(400)]).await;

    assert_eq!(found.error.unwrap().status(), Some(400));
    assert_eq!(found.ends.len(), MAX_REFUSED_IDS);
    assert_eq!(requested, [4, 2, 1, 1, 2, 1, 1]);
}

#[tokio::test]
async fn after_a_refused_call_the_answers_so_far_are_kept() {
    let first = details(&json!([{"conversationId": id(3), "conversationEnd": ENDED}]));

    let (found, requested) = look_up(&ids(12), [first, refusal(403)]).await;

    assert_eq!(found.error.unwrap().status(), Some(403));
    assert_eq!(found.ends.keys().cloned().collect::<Vec<_>>(), ids(4));
    assert_eq!(found.ends[&id(3)], end(ENDED));
    assert_eq!(requested, [4, 4]);
}
