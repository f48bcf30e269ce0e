//! Bulk requests that are refused for their size, and responses that omit messages.

use conversation_archive::records::transcript::TranscriptRoute;
use serde_json::json;

use super::api::{Api, ODD, Response, listing, message_ids, odd_ids, recordings, response, texts};
use super::{is_bulk, is_recordings};

#[tokio::test]
async fn a_limit_of_the_bulk_request_loses_no_message() {
    for (limit, refusal) in [(100, 400), (100, 413), (7, 400), (1, 422), (500, 413)] {
        let api = Api::start(249, move |request| {
            (is_bulk(request) && request.ids.len() > limit).then(|| {
                response(
                    refusal,
                    &json!({"code": "bad.request", "message": "too many ids"}),
                )
            })
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
async fn only_a_message_that_is_refused_alone_is_missing() {
    for (poisoned, refusal) in [("0a-m1", 400), ("0a-m120", 413), ("0a-m249", 422)] {
        let api = Api::start(249, move |request| {
            (is_bulk(request) && request.ids.iter().any(|id| id == poisoned))
                .then(|| response(refusal, &json!({"code": "bad.request"})))
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
async fn a_message_at_which_the_api_fails_loses_no_other() {
    let bodies: [Response; 3] = [
        (500, b"{}".to_vec()),
        (
            200,
            br#"{"entities":[{"id":"0a-m120","textBody":"5" screen"}]}"#.to_vec(),
        ),
        (200, br#"{"state":"PENDING"}"#.to_vec()),
    ];
    for body in bodies {
        let label = String::from_utf8_lossy(&body.1).into_owned();
        let api = Api::start(249, move |request| {
            (is_bulk(request) && request.ids.iter().any(|id| id == "0a-m120")).then(|| body.clone())
        })
        .await;

        let record = api.export(TranscriptRoute::Messages).await;

        assert_eq!(record["status"], "partial", "{label}");
        assert_eq!(
            (texts(&record).len(), &record["missing"]),
            (248, &json!(1)),
            "{label}"
        );
    }
}

#[tokio::test]
async fn an_always_refused_bulk_request_is_refused_or_too_large() {
    for (refusal, status) in [(400, "refused"), (422, "refused"), (413, "tooLarge")] {
        let api = Api::start(249, move |request| {
            if is_recordings(request) {
                return Some(response(200, &recordings(&message_ids(ODD, 2))));
            }
            is_bulk(request).then(|| response(refusal, &json!({"code": "bad.request"})))
        })
        .await;

        let record = api.export(TranscriptRoute::Messages).await;

        assert_eq!(record["status"], status, "{record}");
        assert!(api.batches().len() < 60, "{:?}", api.batches());
    }
}

#[tokio::test]
async fn messages_left_out_of_a_response_are_requested_again() {
    // The API returns the first ten of the requested messages.
    let capped = Api::start(30, |request| {
        is_bulk(request).then(|| response(200, &listing(&request.ids[..request.ids.len().min(10)])))
    })
    .await;
    // The API never returns one of them.
    let incomplete = Api::start(30, |request| {
        let ids: Vec<_> = request
            .ids
            .iter()
            .filter(|id| *id != "0a-m7")
            .cloned()
            .collect();
        is_bulk(request).then(|| response(200, &listing(&ids)))
    })
    .await;
    // The API omits one of them in the first response.
    let late = Api::start(30, |request| {
        (is_bulk(request) && request.earlier_requests == 0)
            .then(|| response(200, &listing(&request.ids[1..])))
    })
    .await;

    let capped = capped.export(TranscriptRoute::Messages).await;
    assert_eq!(
        (&capped["status"], texts(&capped).len()),
        (&json!("complete"), 30)
    );
    let record = incomplete.export(TranscriptRoute::Messages).await;
    assert_eq!(
        (&record["status"], &record["missing"], texts(&record).len()),
        (&json!("partial"), &json!(1), 29)
    );
    assert_eq!(incomplete.batches(), [30, 1]);
    let record = late.export(TranscriptRoute::Messages).await;
    assert_eq!(
        (&record["status"], texts(&record).len()),
        (&json!("complete"), 30)
    );
}

#[tokio::test]
async fn received_messages_are_kept_when_the_rest_fails() {
    let bodies: [Response; 4] = [
        (503, b"{}".to_vec()),
        (404, b"{}".to_vec()),
        (403, b"{}".to_vec()),
        (200, b"{\"entities\": [".to_vec()),
    ];
    for body in bodies {
        let status = body.0;
        let api = Api::start(1_100, move |request| {
            (is_bulk(request) && request.ids.iter().any(|id| id == "0a-m1100"))
                .then(|| body.clone())
        })
        .await;

        let record = api.export(TranscriptRoute::Messages).await;

        assert_eq!(record["status"], "partial", "{status}");
        assert!(
            texts(&record).len() >= 1_000,
            "{status}: {}",
            texts(&record).len()
        );
        let accounted =
            texts(&record).len() as u64 + record["missing"].as_u64().unwrap_or_default();
        assert_eq!(accounted, 1_100, "{status}");
    }
}

#[tokio::test]
async fn files_of_received_messages_are_listed_when_the_rest_fails() {
    let api = Api::start(1_100, move |request| {
        if !is_bulk(request) {
            return None;
        }
        if request.ids.iter().any(|id| id == "0a-m1100") {
            return Some(response(500, &json!({})));
        }
        let mut listing = listing(&request.ids);
        let file = json!({"id": "f", "mime": "image/png", "url": "https://files.example/f"});
        listing["entities"][0]["normalizedMessage"]["content"] = json!([{ "attachment": file }]);
        Some(response(200, &listing))
    })
    .await;

    let record = api.export(TranscriptRoute::Messages).await;

    assert_eq!(record["status"], "partial");
    let file = &record["messages"][0]["attachments"][0];
    assert_eq!(
        (&file["id"], &file["notStored"]),
        (&json!("f"), &json!("unavailable"))
    );
}

#[tokio::test]
async fn a_learnt_batch_size_is_used_for_the_next_conversation() {
    let api = Api::start(400, |request| {
        (is_bulk(request) && request.ids.len() > 100).then(|| response(400, &json!({})))
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
async fn recordings_are_complete_only_with_all_announced_messages() {
    for (recorded, status, missing) in [(2, "partial", 3), (4, "partial", 1), (5, "complete", 0)] {
        let api = Api::start(5, move |request| {
            if is_bulk(request) {
                return Some(response(200, &json!({"entities": []})));
            }
            is_recordings(request).then(|| response(200, &recordings(&message_ids(ODD, recorded))))
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
            (&json!("recordings"), recorded)
        );
    }
}
