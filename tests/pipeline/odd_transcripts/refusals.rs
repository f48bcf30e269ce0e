//! Statuses that refuse one conversation, all conversations, or the client.

use conversation_archive::records::transcript::TranscriptRoute;
use serde_json::json;

use super::api::{Api, ODD, message_ids, odd_ids, recordings, response};
use super::{is_bulk, is_conversation, is_recordings, is_web_details, replace_response};

#[tokio::test]
async fn an_unknown_refusal_affects_only_its_conversation() {
    let table = [
        (302, "refused"),
        (308, "refused"),
        (405, "refused"),
        (409, "unavailable"),
        (410, "gone"),
        (415, "refused"),
        (418, "refused"),
        (422, "refused"),
        (451, "forbidden"),
    ];
    for (status, expected) in table {
        for is_replaced in [is_conversation, is_bulk] {
            let api = Api::start(
                3,
                replace_response(is_replaced, status, &json!({"message": "no"})),
            )
            .await;

            let record = api.export(TranscriptRoute::Messages).await;

            assert_eq!(record["status"], expected, "{status}: {record}");
            let problem = record["problem"].as_str().expect("a problem");
            assert!(problem.contains(&status.to_string()), "{status}: {problem}");
        }
        let api = Api::start(3, replace_response(is_web_details, status, &json!({}))).await;
        let record = api.export(TranscriptRoute::WebDetails).await;
        assert_eq!(record["status"], expected, "{status}: {record}");
    }
}

#[tokio::test]
async fn a_400_is_refused_at_once_and_never_gone() {
    let refused = json!({"code": "bad.request", "message": "no"});
    for route in [TranscriptRoute::Messages, TranscriptRoute::WebDetails] {
        let body = refused.clone();
        let api = Api::start(3, move |request| {
            let is_first = is_conversation(request) || is_web_details(request);
            is_first
                .then(|| response(400, &body))
                .or_else(|| is_recordings(request).then(|| response(404, &json!({}))))
        })
        .await;

        let records = api.records(route, &odd_ids(5)).await;

        assert_eq!(records.len(), 5);
        for record in records.values() {
            assert_eq!(record["status"], "refused", "{record}");
            assert_eq!(
                record["problem"],
                "the API refuses the conversation with the status 400"
            );
        }
    }
}

#[tokio::test]
async fn a_conversation_refused_with_400_may_be_recorded() {
    let api = Api::start(2, |request| {
        if is_recordings(request) {
            return Some(response(200, &recordings(&message_ids(ODD, 2))));
        }
        is_conversation(request).then(|| response(400, &json!({"code": "bad.request"})))
    })
    .await;

    let record = api.export(TranscriptRoute::Messages).await;

    assert_eq!(
        (&record["status"], &record["via"]),
        (&json!("complete"), &json!("recordings"))
    );
}

#[tokio::test]
async fn a_temporary_refusal_of_all_conversations_is_waited_out() {
    for status in [302, 307, 418] {
        let api = Api::start(3, move |request| {
            let is_refused = request.earlier_requests < 4 && !is_bulk(request);
            is_refused.then(|| response(status, &json!({})))
        })
        .await;

        let records = api.records(TranscriptRoute::Messages, &odd_ids(5)).await;

        assert_eq!(records.len(), 5);
        assert!(
            records.values().all(|it| it["status"] == "complete"),
            "{status}: {records:?}"
        );
    }
}

#[tokio::test]
async fn an_export_ends_even_if_all_conversations_are_refused() {
    let api = Api::start(3, |_| Some(response(422, &json!({})))).await;

    let records = api.records(TranscriptRoute::Messages, &odd_ids(5)).await;

    assert_eq!(records.len(), 5);
    assert!(records.values().all(|it| it["status"] == "refused"));
}

#[tokio::test]
async fn errors_about_the_client_fail_the_export() {
    for (status, body) in [
        (401, json!({})),
        (407, json!({})),
        (403, json!({"code": "missing.permissions", "message": "no"})),
        (
            403,
            json!({"code": "missing.any.permissions", "message": "no"}),
        ),
    ] {
        let api = Api::start(3, move |_| Some(response(status, &body))).await;

        let failure = api.failure(&odd_ids(2)).await;

        assert!(failure.contains(&status.to_string()), "{failure}");
    }
}

#[tokio::test]
async fn a_temporary_refusal_loses_nothing() {
    for status in [302, 409, 418, 422] {
        let api = Api::start(3, move |request| {
            (is_conversation(request) && request.earlier_requests == 0)
                .then(|| response(status, &json!({})))
        })
        .await;

        let record = api.export(TranscriptRoute::Messages).await;

        assert_eq!(record["status"], "complete", "{status}: {record}");
    }
}

#[tokio::test]
async fn refused_recordings_are_gone_only_for_certain_statuses() {
    for status in [302, 400, 403, 404, 405, 409, 410, 422, 451] {
        let api = Api::start(3, move |request| {
            if is_recordings(request) {
                return Some(response(status, &json!({"code": "missing.permissions"})));
            }
            is_conversation(request).then(|| response(404, &json!({})))
        })
        .await;

        let record = api.export(TranscriptRoute::Messages).await;

        let expected = match status {
            400 | 403 | 404 | 410 | 451 => "gone",
            409 => "unavailable",
            _ => "refused",
        };
        assert_eq!(record["status"], expected, "{status}: {record}");
    }
}
