//! The bodies that a history gateway receives, compared with its contract field by field.

use std::sync::{Arc, Mutex};

use end_to_end::history::{FORMS, history_world};
use end_to_end::world::{World, organisation};
use genesys_simulator::{HistoryForm, ResponseFilter, Route, Settings};
use serde_json::{Value, json};

/// A request as the gateway received it: its token in the query string, and its body.
type Received = (Option<String>, Value);

/// Creates a world, and the list of the requests that its gateway receives.
async fn world(seed: u64, form: HistoryForm, records: usize) -> (World, Arc<Mutex<Vec<Received>>>) {
    let received = Arc::new(Mutex::new(Vec::new()));
    let of_filter = Arc::clone(&received);
    let filter: ResponseFilter = Arc::new(move |request, response| {
        if request.route == Route::DetailsQuery {
            let mut parameters = request.query.iter();
            let token = parameters.find(|(name, _)| name == "nextPageToken");
            let token = token.map(|(_, token)| token.clone());
            let body = serde_json::from_slice(request.body).expect("JSON");
            of_filter.lock().expect("a lock").push((token, body));
        }
        response
    });
    let settings = Settings {
        response_filter: Some(filter),
        ..organisation(seed, records)
    };
    (history_world(form, settings).await, received)
}

/// Removes and returns the requests received so far, without those of one entity.
fn page_requests(received: &Mutex<Vec<Received>>) -> Vec<Received> {
    let all = std::mem::take(&mut *received.lock().expect("a lock"));
    all.into_iter()
        .filter(|(_, body)| body["size"] != 1)
        .collect()
}

fn ids(world: &World, count: usize) -> Vec<String> {
    let truth = world.simulator.truth().gateway.into_iter();
    truth.map(|record| record.id).take(count).collect()
}

const TIME_RANGE: (&str, &str) = ("2026-03-01T00:00:00.000Z", "2026-03-03T00:00:00.000Z");

#[tokio::test]
async fn a_page_token_request_has_the_filters_given_and_nothing_else() {
    let (mut world, received) = world(66, HistoryForm::PageToken, 30).await;
    let ids = ids(&world, 3);
    let list = json!(ids);
    let filters = [
        (
            json!({"conversationIds": list}),
            json!({"interactionId": list}),
        ),
        (
            json!({"participantIds": ["p"]}),
            json!({"participantId": "p"}),
        ),
        (
            json!({"mediaTypes": ["sms"]}),
            json!({"channelType": "sms"}),
        ),
        (
            json!({"conversationIds": list, "participantIds": ["p"], "mediaTypes": ["webchat"]}),
            json!({"interactionId": list, "participantId": "p", "channelType": "webchat"}),
        ),
    ];

    for (filters, filter) in filters {
        let more_fields = format!(r#","pageSize":7,"filters":{filters}"#);
        let request = world.request("history-gateway", &more_fields);
        world.export(&request).await;

        let (start, end) = TIME_RANGE;
        let body = json!({
            "filter": filter,
            "timeRange": {"startTime": start, "endTime": end},
            "size": 7,
        });
        assert_eq!(page_requests(&received), [(None, body)]);
    }
}

#[tokio::test]
async fn a_start_requests_one_entity_with_the_body_of_the_first_page() {
    for form in FORMS {
        let (mut world, received) = world(73, form, 30).await;
        let request = world.history_request(form, r#","pageSize":7"#);

        world.start(&request).await;
        let dry_runs = std::mem::take(&mut *received.lock().expect("a lock"));
        world.run().await;
        let (_, mut body) = page_requests(&received).remove(0);
        body["size"] = json!(1);

        assert_eq!(dry_runs, [(None, body)]);
    }
}

#[tokio::test]
async fn a_refused_dry_run_fails_the_start_with_nothing_stored() {
    for form in FORMS {
        for status in [400, 401, 403, 404] {
            let filter: ResponseFilter = Arc::new(move |request, mut response| {
                if request.route == Route::DetailsQuery {
                    response.status = status;
                    response.body = format!(r#"{{"status":{status}}}"#).into();
                }
                response
            });
            let settings = Settings {
                response_filter: Some(filter),
                ..organisation(74, 30)
            };
            let mut world = history_world(form, settings).await;
            let request = world.history_request(form, "");

            let error = world.try_start(&request).await.expect_err("refused");

            assert!(error.to_string().contains(&status.to_string()), "{error}");
            assert!(world.store.snapshot().is_empty(), "{form:?} {status}");
        }
    }
}

#[tokio::test]
async fn ids_without_an_interval_have_no_time_range() {
    let (mut world, received) = world(67, HistoryForm::PageToken, 30).await;
    let ids = json!(ids(&world, 3));

    let request = format!(
        r#"{{"source":"history-gateway","filters":{{"conversationIds":{ids}}},"pageSize":50}}"#
    );
    let manifest = world.export(&request).await;

    let body = json!({"filter": {"interactionId": ids}, "size": 50});
    assert_eq!(page_requests(&received), [(None, body)]);
    assert_eq!(manifest.content.counts.archived, 3);
}

#[tokio::test]
async fn later_pages_repeat_the_body_with_the_token_in_the_query() {
    let (mut world, received) = world(68, HistoryForm::PageToken, 25).await;
    let request = world.history_request(HistoryForm::PageToken, r#","pageSize":10"#);

    world.export(&request).await;

    let requests = page_requests(&received);
    let [
        (first_token, first),
        (second_token, second),
        (third_token, third),
    ] = &requests[..]
    else {
        panic!("{requests:?}");
    };
    assert!(first_token.is_none() && second_token.is_some() && third_token.is_some());
    assert_ne!(second_token, third_token);
    assert_eq!((second, third), (first, first));
}

#[tokio::test]
async fn a_continuation_request_has_every_field_and_a_null_token_at_first() {
    let (mut world, received) = world(69, HistoryForm::Continuation, 25).await;
    let ids = ids(&world, 25);
    let body = |view: &str, token: &Value| {
        json!({
            "dateFrom": TIME_RANGE.0,
            "dateTo": TIME_RANGE.1,
            "view": view,
            "filter": [{"type": "conversation", "path": "id", "op": "in", "value": ids}],
            "size": 20,
            "continuationToken": token,
        })
    };

    let request = world.history_request(HistoryForm::Continuation, r#","pageSize":20"#);
    let manifest = world.export(&request).await;
    let requests = page_requests(&received);
    let filters = json!({"conversationIds": ids, "category": "wrapup"});
    let of_view = world.request(
        "history-gateway",
        &format!(r#","pageSize":20,"filters":{filters}"#),
    );
    world.export(&of_view).await;

    let token = requests[1].1["continuationToken"].clone();
    assert!(token.is_string());
    assert_eq!(
        requests,
        [
            (None, body("conversation", &Value::Null)),
            (None, body("conversation", &token)),
        ]
    );
    assert_eq!(
        page_requests(&received),
        [(None, body("wrapup", &Value::Null))]
    );
    assert_eq!(manifest.content.counts.archived, 25);
}

#[tokio::test]
async fn more_ids_than_one_query_holds_are_read_by_several_queries() {
    for (form, most, pointer) in [
        (HistoryForm::PageToken, 2_000, "/filter/interactionId"),
        (HistoryForm::Continuation, 1_000, "/filter/0/value"),
    ] {
        let (mut world, received) = world(70, form, 30).await;
        let known = ids(&world, 30);
        let unknown = (0..2 * most).map(|number| format!("unknown-{number}"));
        let requested: Vec<_> = known[..20]
            .iter()
            .cloned()
            .chain(unknown)
            .chain(known[20..].iter().cloned())
            .collect();
        let filters = json!({"conversationIds": requested});

        let request = world.request(
            "history-gateway",
            &format!(r#","pageSize":15,"filters":{filters}"#),
        );
        let id = world.start(&request).await;
        world.run_until_requests(Route::DetailsQuery, 3).await;
        world.lose_messages();
        world.resume(&id).await;
        world.run().await;

        let requests = page_requests(&received);
        let list = |body: &Value| body.pointer(pointer).cloned().unwrap_or_default();
        let lists: Vec<_> = requests.iter().map(|(_, body)| list(body)).collect();
        let of_query = |number: usize| {
            let ids = requested.chunks(most).nth(number);
            json!(ids)
        };
        // The first query has two pages.
        assert_eq!(
            lists,
            [of_query(0), of_query(0), of_query(1), of_query(2)],
            "{form:?}"
        );
        let manifest = world.manifest(&id).await;
        assert_eq!(manifest.content.counts.archived, 30);
        world.verify(&id).await;
    }
}
