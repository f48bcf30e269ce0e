//! One conversation whose answers are odd, among others: it loses at most what is odd, says so, and the others are complete.

use conversation_archive::transcript::TranscriptRoute;
use serde_json::{Value, json};

use api::{
    Answer, Api, Asked, ODD, answer, conversation, listing, message, message_ids, recordings,
    text_of, texts, web_details,
};

mod api;

const OTHER: &str = "00000000-0000-4000-8000-0000000000ff";

fn is_conversation(asked: &Asked) -> bool {
    asked.path.ends_with(ODD)
}

fn is_bulk(asked: &Asked) -> bool {
    asked.path.ends_with("/bulk")
}

fn is_web_details(asked: &Asked) -> bool {
    asked.path.contains("/web/details/")
}

fn is_recordings(asked: &Asked) -> bool {
    asked.path.ends_with("/recordings")
}

fn replaced(
    is_this: fn(&Asked) -> bool,
    status: u16,
    body: &Value,
) -> impl Fn(&Asked) -> Option<Answer> + use<> {
    let body = body.clone();
    move |asked| is_this(asked).then(|| answer(status, &body)).flatten()
}

/// Bodies of a 2xx that are no document of anything, and what is recorded when they stay.
fn no_documents() -> Vec<(u16, Value, &'static str)> {
    let error =
        |status: u16| json!({"message": "boom", "code": "odd", "status": status, "contextId": "c"});
    vec![
        (200, error(500), "unavailable"),
        (200, error(409), "unavailable"),
        (202, error(503), "unavailable"),
        (200, error(404), "gone"),
        (200, error(418), "unavailable"),
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
    is_this: fn(&Asked) -> bool,
    bodies: Vec<(u16, Value, &str)>,
) {
    for (status, body, expected) in bodies {
        let api = Api::start(3, replaced(is_this, status, &body)).await;

        let record = api.export(route).await;

        assert_eq!(record["status"], expected, "{status} {body}: {record}");
        assert!(record["problem"].is_string(), "{record}");
        assert!(texts(&record).is_empty());
    }
}

#[tokio::test]
async fn a_body_that_is_no_conversation_is_recorded_for_it_alone() {
    let mut bodies = no_documents();
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
async fn a_body_that_is_no_listing_of_messages_is_recorded_for_it_alone() {
    let mut bodies = no_documents();
    bodies.extend([
        (200, json!({"entities": null}), "malformed"),
        (200, json!({"entities": "none"}), "malformed"),
        (200, json!({"messages": []}), "malformed"),
        (200, json!({"entities": []}), "gone"),
    ]);

    assert_recorded(TranscriptRoute::Messages, is_bulk, bodies).await;
}

#[tokio::test]
async fn a_body_that_is_no_web_details_is_recorded_for_it_alone() {
    let mut bodies = no_documents();
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
async fn the_problem_of_another_shape_names_the_field_and_no_value() {
    let bodies = [
        (
            conversation(OTHER, 3),
            "`id` is not the one that was requested",
        ),
        (json!({"participants": []}), "it has no `id`"),
        (
            json!({"id": ODD, "participants": "Mary"}),
            "`participants` is not a list",
        ),
        (json!("Mary"), "the body is not an object"),
    ];
    for (body, problem) in bodies {
        let api = Api::start(3, replaced(is_conversation, 200, &body)).await;

        let record = api.export(TranscriptRoute::Messages).await;

        assert_eq!(
            record["problem"],
            format!("the API answered 200 with something other than documented: {problem}")
        );
    }
}

#[tokio::test]
async fn an_answer_of_another_shape_is_asked_for_again_at_once() {
    for body in [
        json!({}),
        json!({"state": "PENDING"}),
        Value::Null,
        conversation(OTHER, 3),
    ] {
        let api = Api::start(3, move |asked| {
            (is_conversation(asked) && asked.before < 2)
                .then(|| answer(200, &body))
                .flatten()
        })
        .await;

        let record = api.export(TranscriptRoute::Messages).await;

        assert_eq!(record["status"], "complete", "{record}");
        assert_eq!(texts(&record).len(), 3);
    }
}

/// What the conversation and its listing of messages are, when one thing is odd.
fn with(change: impl Fn(&mut Value, &mut Value)) -> (Value, Value) {
    let (mut conversation, mut listing) = (conversation(ODD, 3), listing(&message_ids(ODD, 3)));
    change(&mut conversation, &mut listing);
    (conversation, listing)
}

async fn exported(conversation: Value, listing: Value) -> Value {
    let (conversation, listing) = (conversation.to_string(), listing.to_string());
    exported_text(conversation.into_bytes(), listing.into_bytes()).await
}

async fn exported_text(conversation: Vec<u8>, listing: Vec<u8>) -> Value {
    let api = Api::start(3, move |asked| {
        if is_conversation(asked) {
            return Some((200, conversation.clone()));
        }
        is_bulk(asked).then(|| (200, listing.clone()))
    })
    .await;
    api.export(TranscriptRoute::Messages).await
}

#[tokio::test]
async fn a_field_that_is_not_needed_may_be_anything() {
    type Change = fn(&mut Value, &mut Value);
    let changes: [Change; 9] = [
        |it, _| it["participants"][0]["startTime"] = json!(""),
        |it, _| it["participants"][0]["startTime"] = json!(1_772_460_190_112_i64),
        |it, _| it["participants"][1]["user"] = json!("u-2"),
        |it, _| it["participants"][0]["name"] = json!(["Guest"]),
        |it, _| {
            it["participants"][0]
                .as_object_mut()
                .map_or((), |it| drop(it.remove("id")))
        },
        |_, it| it["entities"][1]["timestamp"] = json!("yesterday"),
        |_, it| it["entities"][1]["timestamp"] = json!(1_772_460_123_000_i64),
        |_, it| it["entities"][1]["direction"] = json!({"in": true}),
        |_, it| it["entities"][1]["normalizedMessage"]["originatingEntity"] = json!(7),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (conversation, listing) = with(change);

        let record = exported(conversation, listing).await;

        assert_eq!(record["status"], "complete", "{number}: {record}");
        let mut texts = texts(&record);
        texts.sort_unstable();
        assert_eq!(
            texts,
            message_ids(ODD, 3)
                .iter()
                .map(|id| text_of(id))
                .collect::<Vec<_>>(),
            "{number}"
        );
    }
}

#[tokio::test]
async fn an_element_that_cannot_be_read_costs_itself_and_is_kept() {
    type Change = fn(&mut Value, &mut Value);
    let changes: [(Change, usize); 8] = [
        (
            |it, _| {
                it["participants"] = json!([null, it["participants"][0], it["participants"][1]])
            },
            3,
        ),
        (
            |it, _| it["participants"][0]["messages"] = json!([null, {"messageId": "0a-m1"}]),
            3,
        ),
        (
            |it, _| {
                it["participants"][0]["messages"] =
                    json!([{"messageStatus": "failed"}, {"messageId": "0a-m1"}])
            },
            3,
        ),
        (
            |_, it| {
                it["entities"] = json!([
                    null,
                    it["entities"][0],
                    it["entities"][1],
                    it["entities"][2]
                ])
            },
            3,
        ),
        (|_, it| it["entities"][1] = json!("broken"), 2),
        (
            |_, it| it["entities"][1]["normalizedMessage"] = json!("broken"),
            2,
        ),
        (
            |_, it| it["entities"][1]["normalizedMessage"]["text"] = json!({"de": "broken"}),
            2,
        ),
        (
            |_, it| it["entities"][1]["normalizedReceipts"] = json!("broken"),
            3,
        ),
    ];
    for (number, (change, told)) in changes.into_iter().enumerate() {
        let (conversation, listing) = with(change);

        let record = exported(conversation, listing).await;

        assert_eq!(record["status"], "partial", "{number}: {record}");
        assert_eq!(texts(&record).len(), told, "{number}: {record}");
        assert_eq!(
            record["unreadable"].as_array().map(Vec::len),
            Some(1),
            "{number}: {record}"
        );
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_cost_no_other_message() {
    let (conversation, listing) = with(|_, _| {});
    let odd = |by: &[u8]| {
        let text = listing.to_string();
        let (before, after) = text.split_once("text of 0a-m2").expect("a text");
        [before.as_bytes(), by, after.as_bytes()].concat()
    };
    let bodies = [
        (odd(br"half \ud83d"), "half \u{fffd}"),
        (odd(br"half \ude00!"), "half \u{fffd}!"),
        (odd(br"whole \ud83d\ude00"), "whole \u{1f600}"),
        (odd(b"caf\xe9"), "caf\u{e9}"),
        (odd(b"two\nlines"), "two\nlines"),
        (
            [b"\xef\xbb\xbf".as_slice(), &odd(b"marked")].concat(),
            "marked",
        ),
    ];
    for (body, text) in bodies {
        let record = exported_text(conversation.to_string().into_bytes(), body).await;

        assert_eq!(record["status"], "complete", "{record}");
        assert_eq!(texts(&record), ["text of 0a-m1", text, "text of 0a-m3"]);
    }
}

#[tokio::test]
async fn message_ids_are_found_one_level_deeper_too() {
    let nested = |details: Value| {
        json!({"id": ODD.to_uppercase(), "participants": [
            {"id": "p-1", "purpose": "customer", "messages": [{"id": "communication", "state": "disconnected", "messages": details}]},
            {"id": "p-2", "purpose": "agent", "messages": [{"id": "another", "state": "disconnected", "messages": [{"messageId": "0a-m3"}]}]},
        ]})
    };
    for details in [
        json!([{"messageId": "0a-m1"}, {"messageId": "0a-m2"}]),
        json!([{"id": "0a-m1"}, {"id": "0a-m2"}]),
    ] {
        let listing = listing(&message_ids(ODD, 3));

        let record = exported(nested(details), listing).await;

        assert_eq!(record["status"], "complete", "{record}");
        assert_eq!(texts(&record).len(), 3);
    }
}

#[tokio::test]
async fn a_limit_of_the_bulk_request_costs_no_message() {
    for (limit, refusal) in [(100, 400), (100, 413), (7, 400), (1, 422), (500, 413)] {
        let api = Api::start(249, move |asked| {
            (is_bulk(asked) && asked.ids.len() > limit)
                .then(|| {
                    answer(
                        refusal,
                        &json!({"code": "bad.request", "message": "too many ids"}),
                    )
                })
                .flatten()
        })
        .await;

        let record = api.export(TranscriptRoute::Messages).await;

        assert_eq!(record["status"], "complete", "{limit}: {record}");
        assert_eq!(texts(&record).len(), 249);
        let refused = api
            .batches()
            .into_iter()
            .filter(|size| *size > limit)
            .count();
        assert!(refused <= 9, "{limit}: learnt by {refused} refusals");
    }
}

#[tokio::test]
async fn a_message_that_alone_is_refused_is_missing_and_no_other() {
    for (poisoned, refusal) in [("0a-m1", 400), ("0a-m120", 413), ("0a-m249", 422)] {
        let api = Api::start(249, move |asked| {
            (is_bulk(asked) && asked.ids.iter().any(|id| id == poisoned))
                .then(|| answer(refusal, &json!({"code": "bad.request"})))
                .flatten()
        })
        .await;

        let record = api.export(TranscriptRoute::Messages).await;

        assert_eq!(record["status"], "partial", "{poisoned}");
        assert_eq!((texts(&record).len(), &record["missing"]), (248, &json!(1)));
        assert!(
            record["problem"]
                .as_str()
                .is_some_and(|it| it.contains(&refusal.to_string())),
            "{}",
            record["problem"]
        );
        assert!(api.batches().len() < 40, "{:?}", api.batches());
    }
}

#[tokio::test]
async fn a_bulk_that_is_always_refused_is_neither_gone_nor_what_a_recording_holds() {
    for (refusal, status) in [
        (400, "unavailable"),
        (422, "unavailable"),
        (413, "tooLarge"),
    ] {
        let api = Api::start(249, move |asked| {
            if is_recordings(asked) {
                return answer(200, &recordings(&message_ids(ODD, 2)));
            }
            is_bulk(asked)
                .then(|| answer(refusal, &json!({"code": "bad.request"})))
                .flatten()
        })
        .await;

        let record = api.export(TranscriptRoute::Messages).await;

        assert_eq!(record["status"], status, "{record}");
        assert!(api.batches().len() < 60, "{:?}", api.batches());
    }
}

#[tokio::test]
async fn an_unknown_refusal_is_about_its_conversation_alone() {
    let table = [
        (302, "unavailable"),
        (308, "unavailable"),
        (405, "unavailable"),
        (409, "unavailable"),
        (410, "gone"),
        (415, "unavailable"),
        (418, "unavailable"),
        (422, "unavailable"),
        (451, "forbidden"),
    ];
    for (status, expected) in table {
        for is_this in [is_conversation, is_bulk] {
            let api = Api::start(3, replaced(is_this, status, &json!({"message": "no"}))).await;

            let record = api.export(TranscriptRoute::Messages).await;

            assert_eq!(record["status"], expected, "{status}: {record}");
            let problem = record["problem"].as_str().expect("a problem");
            assert!(problem.contains(&status.to_string()), "{status}: {problem}");
        }
        let api = Api::start(3, replaced(is_web_details, status, &json!({}))).await;
        let record = api.export(TranscriptRoute::WebDetails).await;
        assert_eq!(record["status"], expected, "{status}: {record}");
    }
}

/// Ids of conversations each of which answers oddly.
fn odd_ids(count: usize) -> Vec<String> {
    (10..10 + count)
        .map(|number| format!("{number}-{ODD}"))
        .collect()
}

#[tokio::test]
async fn what_refuses_all_conversations_is_waited_for() {
    for status in [302, 307, 418] {
        let api = Api::start(3, move |asked| {
            let is_refused = asked.before < 4 && !is_bulk(asked);
            is_refused.then(|| answer(status, &json!({}))).flatten()
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
async fn an_export_of_which_all_conversations_are_refused_ends_too() {
    let api = Api::start(3, |_| answer(422, &json!({}))).await;

    let records = api.records(TranscriptRoute::Messages, &odd_ids(5)).await;

    assert_eq!(records.len(), 5);
    assert!(records.values().all(|it| it["status"] == "unavailable"));
}

#[tokio::test]
async fn what_is_about_the_client_fails_the_export_and_records_nothing() {
    for (status, body) in [
        (401, json!({})),
        (407, json!({})),
        (403, json!({"code": "missing.permissions", "message": "no"})),
        (
            403,
            json!({"code": "missing.any.permissions", "message": "no"}),
        ),
    ] {
        let api = Api::start(3, move |_| answer(status, &body)).await;

        let failure = api.failure(&odd_ids(2)).await;

        assert!(failure.contains(&status.to_string()), "{failure}");
    }
}

#[tokio::test]
async fn a_refusal_that_passes_costs_nothing() {
    for status in [302, 409, 418, 422] {
        let api = Api::start(3, move |asked| {
            (is_conversation(asked) && asked.before == 0)
                .then(|| answer(status, &json!({})))
                .flatten()
        })
        .await;

        let record = api.export(TranscriptRoute::Messages).await;

        assert_eq!(record["status"], "complete", "{status}: {record}");
    }
}

#[tokio::test]
async fn messages_that_a_listing_leaves_out_are_asked_for_again_and_counted() {
    // The API gives the first two of whatever it is asked for.
    let capped = Api::start(30, |asked| {
        is_bulk(asked)
            .then(|| answer(200, &listing(&asked.ids[..asked.ids.len().min(10)])))
            .flatten()
    })
    .await;
    // It never has one of them.
    let lacking = Api::start(30, |asked| {
        let ids: Vec<_> = asked
            .ids
            .iter()
            .filter(|id| *id != "0a-m7")
            .cloned()
            .collect();
        is_bulk(asked)
            .then(|| answer(200, &listing(&ids)))
            .flatten()
    })
    .await;
    // It lacks one of them the first time.
    let late = Api::start(30, |asked| {
        (is_bulk(asked) && asked.before == 0)
            .then(|| answer(200, &listing(&asked.ids[1..])))
            .flatten()
    })
    .await;

    let capped = capped.export(TranscriptRoute::Messages).await;
    assert_eq!(
        (&capped["status"], texts(&capped).len()),
        (&json!("complete"), 30)
    );
    let record = lacking.export(TranscriptRoute::Messages).await;
    assert_eq!(
        (&record["status"], &record["missing"], texts(&record).len()),
        (&json!("partial"), &json!(1), 29)
    );
    assert_eq!(lacking.batches(), [30, 1]);
    let record = late.export(TranscriptRoute::Messages).await;
    assert_eq!(
        (&record["status"], texts(&record).len()),
        (&json!("complete"), 30)
    );
}

#[tokio::test]
async fn recordings_are_complete_only_with_what_was_announced() {
    for (held, status, missing) in [(2, "partial", 3), (4, "partial", 1), (5, "complete", 0)] {
        let api = Api::start(5, move |asked| {
            if is_bulk(asked) {
                return answer(200, &json!({"entities": []}));
            }
            is_recordings(asked)
                .then(|| answer(200, &recordings(&message_ids(ODD, held))))
                .flatten()
        })
        .await;

        let record = api.export(TranscriptRoute::Messages).await;

        assert_eq!(
            (&record["status"], &record["missing"]),
            (&json!(status), &json!(missing)),
            "{record}"
        );
        assert_eq!(
            (&record["via"], texts(&record).len()),
            (&json!("recordings"), held)
        );
    }
}

#[tokio::test]
async fn recordings_that_are_refused_leave_the_conversation_gone() {
    for status in [302, 400, 403, 404, 405, 409, 410, 422, 451] {
        let api = Api::start(3, move |asked| {
            if is_recordings(asked) {
                return answer(status, &json!({"code": "missing.permissions"}));
            }
            is_conversation(asked)
                .then(|| answer(404, &json!({})))
                .flatten()
        })
        .await;

        let record = api.export(TranscriptRoute::Messages).await;

        let expected: &[&str] = if status == 409 {
            &["gone", "unavailable"]
        } else {
            &["gone"]
        };
        assert!(
            expected.contains(&record["status"].as_str().unwrap_or_default()),
            "{status}: {record}"
        );
    }
}

#[tokio::test]
async fn what_came_of_a_long_conversation_stays_when_the_rest_fails() {
    let bodies: [Answer; 4] = [
        (503, b"{}".to_vec()),
        (404, b"{}".to_vec()),
        (403, b"{}".to_vec()),
        (200, b"{\"entities\": [".to_vec()),
    ];
    for body in bodies {
        let status = body.0;
        let api = Api::start(1_100, move |asked| {
            (is_bulk(asked) && asked.ids.iter().any(|id| id == "0a-m1100")).then(|| body.clone())
        })
        .await;

        let record = api.export(TranscriptRoute::Messages).await;

        assert_eq!(record["status"], "partial", "{status}");
        assert!(
            texts(&record).len() >= 1_000,
            "{status}: {}",
            texts(&record).len()
        );
        let told = texts(&record).len() as u64 + record["missing"].as_u64().unwrap_or_default();
        assert_eq!(told, 1_100, "{status}");
    }
}

#[tokio::test]
async fn a_size_that_was_learnt_is_known_for_the_next_conversation() {
    let api = Api::start(400, |asked| {
        (is_bulk(asked) && asked.ids.len() > 100)
            .then(|| answer(400, &json!({})))
            .flatten()
    })
    .await;
    let ids = odd_ids(30);

    let records = api.records(TranscriptRoute::Messages, &ids).await;

    assert!(
        records
            .values()
            .all(|it| it["status"] == "complete" && texts(it).len() == 400)
    );
    let refused = api.batches().into_iter().filter(|size| *size > 100).count();
    assert!(
        refused <= 2 * 8,
        "{refused} refusals for {} conversations",
        ids.len()
    );
}

#[tokio::test]
async fn a_message_listed_twice_or_unasked_is_one_message() {
    let (conversation, listing) = with(|_, it| {
        let (again, stranger) = (it["entities"][0].clone(), message("ff-m9"));
        if let Some(entities) = it["entities"].as_array_mut() {
            entities.extend([again, stranger]);
        }
    });

    let record = exported(conversation, listing).await;

    assert_eq!(
        (&record["status"], texts(&record).len()),
        (&json!("complete"), 3)
    );
}
