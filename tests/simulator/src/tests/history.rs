//! The history gateway, in both forms.

use super::*;
use crate::HistoryForm;

const QUERY: &str = "api/v2/analytics/conversations/details/query";

fn query(size: usize, token: Option<&str>) -> Value {
    let mut body = json!({
        "filter": { "dateRange": { "start": "2026-03-01T00:00:00Z", "end": "2026-03-03T00:00:00Z" } },
        "category": "conversation",
        "pageSize": size,
    });
    if let Some(token) = token {
        body["continuationToken"] = json!(token);
    }
    body
}

async fn gateway(form: HistoryForm) -> World {
    World::new(Settings {
        gateway_records: 50,
        history: Some(form),
        ..small_settings()
    })
    .await
}

fn entities(page: &str) -> usize {
    page.matches("\"type\":\"webchat\"").count()
}

#[tokio::test]
async fn every_page_but_the_last_has_a_token_for_the_next() {
    let in_the_address = gateway(HistoryForm::PageToken).await;
    let in_the_body = gateway(HistoryForm::Continuation).await;
    let token = |page: &str, name: &str| {
        let (_, behind) = page.split_once(&format!("\"{name}\":\""))?;
        Some(behind.split('"').next().unwrap().to_owned())
    };

    let (mut counts, mut next) = (Vec::new(), None::<String>);
    loop {
        let encoded = next.map_or(String::new(), |token| {
            format!(
                "?nextPageToken={}",
                token
                    .replace('+', "%2B")
                    .replace('/', "%2F")
                    .replace('=', "%3D")
            )
        });
        let page = in_the_address
            .post(&format!("{QUERY}{encoded}"), &query(20, None))
            .await;
        counts.push(entities(page.text()));
        next = token(page.text(), "nextPageToken");
        if next.is_none() {
            break;
        }
    }
    loop {
        let page = in_the_body.post(QUERY, &query(20, next.as_deref())).await;
        counts.push(entities(page.text()));
        next = token(page.text(), "continuationToken");
        if next.is_none() {
            break;
        }
    }

    assert_eq!(counts, [20, 20, 10, 20, 20, 10]);
}

#[tokio::test]
async fn a_forgotten_token_is_a_404_and_an_oversized_page_a_400() {
    let world = gateway(HistoryForm::Continuation).await;
    let page = world.post(QUERY, &query(20, None)).await;
    let token = page.text().rsplit('"').nth(1).unwrap().to_owned();

    world.simulator.forget_page_tokens();

    assert_eq!(
        world.post(QUERY, &query(20, Some(&token))).await.status,
        404
    );
    assert_eq!(world.post(QUERY, &query(1001, None)).await.status, 400);
}
