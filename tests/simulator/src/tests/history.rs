//! The history gateway, in both forms.

use super::*;
use crate::HistoryForm;

const QUERY: &str = "api/v2/analytics/conversations/details/query";

fn by_page_token(size: usize) -> Value {
    json!({
        "filter": {"channelType": "webchat"},
        "timeRange": {"startTime": "2026-03-01T00:00:00Z", "endTime": "2026-03-03T00:00:00Z"},
        "size": size,
    })
}

fn by_continuation(ids: &[String], size: usize, token: Option<&str>) -> Value {
    json!({
        "dateFrom": "2026-03-01T00:00:00Z",
        "dateTo": "2026-03-03T00:00:00Z",
        "view": "conversation",
        "filter": [{"type": "conversation", "path": "id", "op": "in", "value": ids}],
        "size": size,
        "continuationToken": token,
    })
}

async fn gateway(form: HistoryForm) -> World {
    World::new(Settings {
        gateway_records: 50,
        history: Some(form),
        ..small_settings()
    })
    .await
}

impl World {
    fn history_ids(&self) -> Vec<String> {
        let truth = self.simulator.truth().gateway.into_iter();
        truth.map(|record| record.id).collect()
    }
}

fn entities(page: &str) -> usize {
    page.matches("\"channelType\":\"webchat\"").count()
}

fn token(page: &str, name: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("\"{name}\":\""))?;
    Some(rest.split('"').next().unwrap().to_owned())
}

#[tokio::test]
async fn every_page_but_the_last_has_a_page_token_for_the_next() {
    let world = gateway(HistoryForm::PageToken).await;

    let (mut counts, mut next) = (Vec::new(), None::<String>);
    loop {
        let encoded = next.map_or(String::new(), |token| {
            let token = token.replace('+', "%2B").replace('/', "%2F");
            format!("?nextPageToken={}", token.replace('=', "%3D"))
        });
        let page = world
            .post(&format!("{QUERY}{encoded}"), &by_page_token(20))
            .await;
        counts.push(entities(page.text()));
        next = token(page.text(), "nextPageToken");
        if next.is_none() {
            break;
        }
    }

    assert_eq!(counts, [20, 20, 10]);
}

#[tokio::test]
async fn every_page_but_the_last_has_a_continuation_token_for_the_next() {
    let world = gateway(HistoryForm::Continuation).await;
    let ids = world.history_ids();

    let (mut counts, mut next) = (Vec::new(), None::<String>);
    loop {
        let body = by_continuation(&ids, 20, next.as_deref());
        let page = world.post(QUERY, &body).await;
        counts.push(entities(page.text()));
        next = token(page.text(), "continuationToken");
        if next.is_none() {
            break;
        }
    }

    assert_eq!(counts, [20, 20, 10]);
}

#[tokio::test]
async fn ids_channel_participant_and_time_select_entities() {
    let world = gateway(HistoryForm::PageToken).await;
    let truth = world.simulator.truth().gateway;
    let (first, second) = (&truth[0], &truth[1]);
    let (_, after) = first.json.split_once("\"participants\":[{").unwrap();
    let (_, after) = after.split_once("\"id\":\"").unwrap();
    let participant = after.split('"').next().unwrap();
    let count = async |filter: Value, time: Option<Value>| {
        let mut body = json!({"filter": filter, "size": 100});
        if let Some(time) = time {
            body["timeRange"] = time;
        }
        let page = world.post(QUERY, &body).await;
        assert_eq!(page.status, 200, "{}", page.text());
        entities(page.text())
    };
    let later = json!({"startTime": "2026-03-03T00:00:00Z", "endTime": "2026-03-04T00:00:00Z"});
    let days = by_page_token(1)["timeRange"].clone();
    let ids = json!([first.id, second.id, "unknown"]);

    assert_eq!(count(json!({"interactionId": ids}), None).await, 2);
    assert_eq!(
        count(json!({"channelType": "voice"}), Some(days.clone())).await,
        0
    );
    assert_eq!(
        count(json!({"participantId": participant}), Some(days)).await,
        1
    );
    assert_eq!(
        count(json!({"interactionId": [first.id]}), Some(later)).await,
        0
    );
}

#[tokio::test]
async fn the_id_that_selects_an_entity_depends_on_the_form() {
    for (form, selecting) in [
        (HistoryForm::PageToken, "interactionId"),
        (HistoryForm::Continuation, "id"),
    ] {
        let world = gateway(form).await;
        let ids = world.history_ids();
        let body = match form {
            HistoryForm::PageToken => by_page_token(100),
            HistoryForm::Continuation => by_continuation(&ids, 100, None),
        };

        let page = world.post(QUERY, &body).await.json();

        let entities = page["entities"].as_array().unwrap();
        let selected: Vec<_> = entities.iter().map(|it| it[selecting].clone()).collect();
        assert_eq!(json!(selected), json!(ids));
        assert!(entities.iter().all(|it| it["id"] != it["interactionId"]));
        for name in [
            "startTimestamp",
            "endTimestamp",
            "participantCount",
            "startTime",
            "endTime",
            "participants",
            "queueName",
            "wrapUpCode",
            "attributes",
        ] {
            assert!(entities.iter().any(|it| !it[name].is_null()), "{name}");
        }
    }
}

/// The statuses of a body with each alteration.
async fn statuses(world: &World, body: &Value, alterations: &[fn(&mut Value)]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for alter in alterations {
        let mut body = body.clone();
        alter(&mut body);
        statuses.push(world.post(QUERY, &body).await.status);
    }
    statuses
}

fn remove(body: &mut Value, name: &str) {
    body.as_object_mut().unwrap().remove(name).unwrap();
}

#[tokio::test]
async fn a_body_that_the_form_page_token_does_not_have_is_a_400() {
    let world = gateway(HistoryForm::PageToken).await;
    let alterations: [fn(&mut Value); 17] = [
        |body| body["continuationToken"] = Value::Null,
        |body| body["pageSize"] = json!(20),
        |body| body["filter"]["queueId"] = json!("q"),
        |body| body["filter"]["dateRange"] = json!({}),
        |body| body["timeRange"]["zone"] = json!("UTC"),
        |body| remove(body, "filter"),
        |body| remove(body, "size"),
        |body| remove(body, "timeRange"),
        |body| remove(&mut body["timeRange"], "endTime"),
        |body| body["filter"] = json!({}),
        |body| body["filter"]["interactionId"] = json!([]),
        |body| body["filter"]["interactionId"] = json!("a"),
        |body| body["filter"]["participantId"] = json!(["p"]),
        |body| body["filter"]["channelType"] = json!(["webchat"]),
        |body| body["filter"]["channelType"] = json!("message"),
        |body| body["size"] = json!(0),
        |body| body["size"] = json!(2001),
    ];

    let refused = statuses(&world, &by_page_token(20), &alterations).await;
    let accepted = world.post(QUERY, &by_page_token(2000)).await.status;
    let parameter = format!("{QUERY}?pageNumber=1");
    let unknown_parameter = world.post(&parameter, &by_page_token(20)).await.status;

    assert_eq!(refused, [400; 17]);
    assert_eq!((accepted, unknown_parameter), (200, 400));
}

#[tokio::test]
async fn a_body_that_the_form_continuation_does_not_have_is_a_400() {
    let world = gateway(HistoryForm::Continuation).await;
    let ids = world.history_ids();
    let alterations: [fn(&mut Value); 18] = [
        |body| body["nextPageToken"] = Value::Null,
        |body| body["category"] = json!("conversation"),
        |body| body["filter"][0]["not"] = json!(false),
        |body| remove(body, "dateFrom"),
        |body| remove(body, "dateTo"),
        |body| remove(body, "view"),
        |body| remove(body, "filter"),
        |body| remove(body, "size"),
        |body| remove(body, "continuationToken"),
        |body| body["filter"] = json!([]),
        |body| body["filter"] = json!({"interactionId": ["a"]}),
        |body| body["filter"][0]["value"] = json!([]),
        |body| body["filter"][0]["value"] = json!("a"),
        |body| body["filter"][0]["path"] = json!("participantId"),
        |body| body["view"] = json!("segment"),
        |body| body["dateTo"] = body["dateFrom"].clone(),
        |body| body["size"] = json!("20"),
        |body| body["size"] = json!(1001),
    ];

    let body = by_continuation(&ids, 20, None);
    let refused = statuses(&world, &body, &alterations).await;
    let accepted = world.post(QUERY, &by_continuation(&ids, 1000, None)).await;
    let unknown_parameter = world.post(&format!("{QUERY}?nextPageToken=a"), &body).await;

    assert_eq!(refused, [400; 18]);
    assert_eq!((accepted.status, unknown_parameter.status), (200, 400));
}

#[tokio::test]
async fn a_forgotten_token_is_a_404() {
    let world = gateway(HistoryForm::Continuation).await;
    let ids = world.history_ids();
    let page = world.post(QUERY, &by_continuation(&ids, 20, None)).await;
    let token = token(page.text(), "continuationToken").unwrap();

    world.simulator.forget_page_tokens();

    let body = by_continuation(&ids, 20, Some(&token));
    assert_eq!(world.post(QUERY, &body).await.status, 404);
}
