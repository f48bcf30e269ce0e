//! Success bodies that are not the requested document.

use conversation_archive::records::transcript::TranscriptRoute;
use serde_json::{Value, json};

use super::api::{Api, ODD, ReceivedRequest, conversation, response, texts, web_details};
use super::{is_bulk, is_conversation, is_web_details, replace_response};

const OTHER: &str = "00000000-0000-4000-8000-0000000000ff";

/// 2xx bodies that are not a document, with the reason that is recorded if they are returned permanently.
fn invalid_documents() -> Vec<(u16, Value, &'static str)> {
    let error =
        |status: u16| json!({"message": "boom", "code": "odd", "status": status, "contextId": "c"});
    vec![
        (200, error(500), "unavailable"),
        (200, error(409), "unavailable"),
        (202, error(503), "unavailable"),
        (200, error(404), "gone"),
        (200, error(418), "refused"),
        (202, json!({}), "unavailable"),
        (202, json!({"state": "PENDING"}), "unavailable"),
        (200, json!({}), "malformed"),
        (200, json!({"state": "PENDING"}), "malformed"),
        (200, Value::Null, "malformed"),
        (200, json!([]), "malformed"),
        (200, json!("ok"), "malformed"),
        (200, json!({"id": ODD}), "malformed"),
        (201, conversation(ODD, 3), "malformed"),
    ]
}

async fn assert_recorded(
    route: TranscriptRoute,
    is_replaced: fn(&ReceivedRequest) -> bool,
    bodies: Vec<(u16, Value, &str)>,
) {
    for (status, body, expected) in bodies {
        let api = Api::start(3, replace_response(is_replaced, status, &body)).await;

        let record = api.export(route).await;

        assert_eq!(record["status"], expected, "{status} {body}: {record}");
        assert!(record["problem"].is_string(), "{record}");
        assert!(texts(&record).is_empty());
    }
}

#[tokio::test]
async fn a_malformed_conversation_is_recorded_for_it_alone() {
    let mut bodies = invalid_documents();
    let participants = &conversation(ODD, 3)["participants"];
    bodies.extend([
        (200, conversation(OTHER, 3), "malformed"),
        (200, json!({ "participants": participants }), "malformed"),
        (200, json!({"id": ODD, "participants": null}), "malformed"),
        (200, json!({"id": ODD, "participants": "none"}), "malformed"),
    ]);

    assert_recorded(TranscriptRoute::Messages, is_conversation, bodies).await;
}

#[tokio::test]
async fn a_malformed_listing_is_recorded_for_its_conversation_alone() {
    let mut bodies = invalid_documents();
    bodies.extend([
        (200, json!({"entities": null}), "malformed"),
        (200, json!({"entities": "none"}), "malformed"),
        (200, json!({"messages": []}), "malformed"),
        (200, json!({"entities": []}), "gone"),
    ]);

    assert_recorded(TranscriptRoute::Messages, is_bulk, bodies).await;
}

#[tokio::test]
async fn malformed_web_details_are_recorded_for_one_conversation_alone() {
    let mut bodies = invalid_documents();
    bodies.extend([
        (200, web_details(OTHER, 3), "malformed"),
        (200, json!({"id": ODD, "messages": null}), "malformed"),
        (
            200,
            json!({"id": ODD, "messages": {"sequenceId": 1}}),
            "malformed",
        ),
    ]);

    assert_recorded(TranscriptRoute::WebDetails, is_web_details, bodies).await;
}

#[tokio::test]
async fn the_problem_of_an_unexpected_body_names_only_the_field() {
    let bodies = [
        (
            conversation(OTHER, 3),
            "`id` is not the one that was requested",
        ),
        (json!({"participants": []}), "`id` is missing"),
        (
            json!({"id": ODD, "participants": "Mary"}),
            "`participants` is not a list",
        ),
        (json!("Mary"), "the body is not an object"),
    ];
    for (body, problem) in bodies {
        let api = Api::start(3, replace_response(is_conversation, 200, &body)).await;

        let record = api.export(TranscriptRoute::Messages).await;

        assert_eq!(
            record["problem"],
            format!("the API returned 200 with an undocumented response: {problem}")
        );
    }
}

#[tokio::test]
async fn an_unexpected_body_is_requested_again() {
    for body in [
        json!({}),
        json!({"state": "PENDING"}),
        Value::Null,
        conversation(OTHER, 3),
    ] {
        let api = Api::start(3, move |request| {
            (is_conversation(request) && request.earlier_requests < 2).then(|| response(200, &body))
        })
        .await;

        let record = api.export(TranscriptRoute::Messages).await;

        assert_eq!(record["status"], "complete", "{record}");
        assert_eq!(texts(&record).len(), 3);
    }
}
