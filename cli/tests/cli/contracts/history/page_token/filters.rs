//! The filters of a request, as a gateway with page tokens receives them.

use serde_json::{Value, json};

use super::super::super::json::with_equal_moments;
use super::super::exports::{body_without_token, is_page, request, world, world_of};
use super::super::{
    END, Gateway, PAGE_SIZE, Record, START, entities, ids, record, record_at, records,
};
use super::{CHANNELS, PAGE_TOKEN};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_are_sent_as_interaction_ids_of_a_gateway_with_page_tokens() {
    let (server, client) = world(&PAGE_TOKEN, records()).await;
    let mut wanted = ids();
    wanted.truncate(5);
    let export = client
        .export(&request(&json!({"conversationIds": wanted})))
        .await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    assert_eq!(export.code, 0, "{}", export.err);
    assert_eq!(client.archive().records(), entities(&records()[..5]));
    let pages: Vec<Value> = server
        .exchanges()
        .into_iter()
        .filter(is_page)
        .map(|it| body_without_token(&it))
        .collect();
    let (mut sent, mut times) = (Vec::new(), Vec::new());
    for page in pages {
        let ids = page["filter"]["interactionId"].as_array().unwrap().clone();
        sent.extend(
            ids.into_iter()
                .filter(|id| !sent.contains(id))
                .collect::<Vec<_>>(),
        );
        assert_eq!(page["filter"].as_object().unwrap().len(), 1, "{page}");
        assert_eq!(page["size"], PAGE_SIZE);
        times.extend(page.get("timeRange").cloned());
    }
    assert_eq!(sent, wanted);
    let whole = with_equal_moments(&json!({"startTime": START, "endTime": END}));
    assert!(times.iter().all(|it| *it == whole), "{times:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn participants_are_sent_to_a_gateway_with_page_tokens() {
    let (server, client) = world(&PAGE_TOKEN, records()).await;

    let export = client
        .export(&request(&json!({"participantIds": ["agent-2"]})))
        .await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    assert_eq!(export.code, 0, "{}", export.err);
    let even = records().into_iter().skip(1).step_by(2).collect::<Vec<_>>();
    assert_eq!(client.archive().records(), entities(&even));
    for exchange in server.exchanges() {
        let body = body_without_token(&exchange);
        assert_eq!(body["filter"], json!({"participantId": "agent-2"}));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interval_alone_is_no_filter_of_a_gateway_with_page_tokens() {
    let (server, client) = world(&PAGE_TOKEN, records()).await;

    let export = client.export(&request(&json!({}))).await;

    // Either the request is refused before anything is sent, or it is sent with a filter that selects everything.
    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    if export.code == 0 {
        assert_eq!(client.archived_ids(), ids());
    } else {
        assert_eq!(export.code, 2, "{}", export.err);
        assert_eq!(client.archive_files(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_requested_interactions_may_have_ids_of_their_own() {
    let mut records = records();
    for (record, number) in records.iter_mut().zip(1..) {
        record.entity["id"] = format!("record-{number:02}").into();
    }
    let (server, client) = world(&PAGE_TOKEN, records.clone()).await;

    let export = client
        .export(&request(&json!({"conversationIds": ids()})))
        .await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    assert_eq!(export.code, 0, "{}", export.err);
    assert_eq!(client.archive().records(), entities(&records));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_at_the_end_of_the_interval_is_left_to_the_next_export() {
    let (first, last) = (record_at(1, START), record_at(9, END));
    let gateway = Gateway {
        inclusive: true,
        ..Gateway::new(&PAGE_TOKEN, vec![first.clone(), last])
    };
    let (server, client) = world_of(gateway).await;

    let export = client
        .export(&request(&json!({"mediaTypes": ["voice"]})))
        .await;

    assert_eq!(server.violations(), [""; 0], "{}", export.err);
    assert_eq!(export.code, 0, "{}", export.err);
    assert_eq!(client.archive().records(), entities(&[first]));
    let manifest = client.archive().manifest();
    assert_eq!(manifest["content"]["counts"]["leftOut"], 1);
}

/// One record of each channel, at different times.
fn records_of_all_channels() -> Vec<Record> {
    let channels = CHANNELS.iter().zip(1..);
    channels
        .map(|(channel, number)| {
            let mut record = record(number);
            record.entity["channelType"] = (*channel).into();
            record
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_types_reach_a_gateway_with_page_tokens_as_its_channels() {
    // The text names the channels, not the media types that lead to them, nor whether several may be requested at
    // once. A request that cannot be expressed must be refused, and must not be sent in another form.
    let cases = [
        (json!(["voice"]), Some(vec!["voice"])),
        (json!(["email"]), Some(vec!["email"])),
        (json!(["voice", "email"]), Some(vec!["voice", "email"])),
        (json!(["message"]), None),
    ];
    for (media_types, channels) in cases {
        let (server, client) = world(&PAGE_TOKEN, records_of_all_channels()).await;

        let export = client
            .export(&request(&json!({"mediaTypes": media_types})))
            .await;

        let context = format!("{media_types}: {}", export.err);
        assert_eq!(server.violations(), [""; 0], "{context}");
        assert!(matches!(export.code, 0 | 2), "{context}");
        if let (0, Some(channels)) = (export.code, channels) {
            let mut archived = client.archive().ids("channelType");
            archived.sort_by_key(|it| channels.iter().position(|known| known == it));
            assert_eq!(archived, channels, "{context}");
        }
    }
}
