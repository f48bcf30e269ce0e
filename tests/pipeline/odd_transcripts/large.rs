//! Large transcripts: all of them is kept up to the limit of the archive, whatever is read beside them.

use conversation_archive::records::transcript::TranscriptRoute;
use serde_json::{Value, json};

use super::api::{Api, ODD, ReceivedRequest, Response, message, odd_ids, response, texts};
use super::{is_bulk, is_web_details};

const ROUTES: [TranscriptRoute; 2] = [TranscriptRoute::Messages, TranscriptRoute::WebDetails];

/// Answers with messages whose texts have this many bytes. The conversation itself lists `count` messages.
fn texts_of(count: usize, bytes: usize) -> impl Fn(&ReceivedRequest) -> Option<Response> + use<> {
    let text = "0123456789".repeat(bytes / 10);
    move |request| {
        if is_bulk(request) {
            let entities: Vec<Value> = request
                .ids
                .iter()
                .map(|id| long_message(id, &text))
                .collect();
            return Some(response(200, &json!({ "entities": entities })));
        }
        is_web_details(request).then(|| {
            let id = request.path.rsplit('/').next().expect("an id");
            let messages: Vec<Value> = (1..=count)
                .map(|number| json!({"sequenceId": number, "from": "Guest", "text": text}))
                .collect();
            response(200, &json!({"id": id, "messages": messages}))
        })
    }
}

fn long_message(id: &str, text: &str) -> Value {
    let mut message = message(id);
    message["normalizedMessage"]["text"] = json!(text);
    message
}

#[tokio::test]
async fn a_transcript_of_4_mb_and_3999_messages_is_kept_whole() {
    for route in ROUTES {
        let api = Api::start(3_999, texts_of(3_999, 1_000)).await;

        let record = api.export(route).await;

        assert_eq!(record["status"], "complete", "{}", record["problem"]);
        assert_eq!(texts(&record).len(), 3_999);
        assert!(texts(&record).iter().all(|text| text.len() == 1_000));
        assert!(record["cut"].is_null());
    }
}

#[tokio::test]
async fn transcripts_beyond_their_share_are_complete_on_pages_of_their_own() {
    for route in ROUTES {
        // 12 MB each, of which eight are requested at a time.
        let api = Api::start(12, texts_of(12, 1_000_000)).await;

        let records = api.records(route, &odd_ids(4)).await;

        assert_eq!(records.len(), 4);
        for record in records.values() {
            assert_eq!(record["status"], "complete", "{}", record["problem"]);
            assert!(texts(record).iter().all(|text| text.len() == 1_000_000));
            assert_eq!(texts(record).len(), 12);
        }
    }
}

#[tokio::test]
async fn a_transcript_beyond_the_archive_limit_is_too_large_and_counted() {
    for route in ROUTES {
        let api = Api::start(34, texts_of(34, 1_000_000)).await;

        let records = api.records(route, &[ODD.to_owned()]).await;

        let record = &records[ODD];
        assert_eq!(record["status"], "tooLarge");
        assert!(texts(record).is_empty());
        // Web details are refused before they are read: the number of their messages is not known.
        if route == TranscriptRoute::Messages {
            assert_eq!(record["cut"]["messages"], 34);
            assert_eq!(record["cut"]["by"], json!(["archiveLimit"]));
        }
    }
}
