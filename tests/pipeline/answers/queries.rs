//! The details query, and conversations by id.

use genesys_simulator::Route;
use serde_json::{Map, Value, json};

use end_to_end::world::World;

use super::odd::{answer, edit, with, without};
use super::rows::*;
use super::{Call, Outcome, hold, settings};

#[tokio::test]
async fn details_query_results_are_handled_as_documented() {
    let call = Call {
        name: "Details query",
        source: "analytics-query",
        more: r#","slices":1,"pageSize":10"#.to_owned(),
        form: None,
        is_replaced: |request| {
            let body = String::from_utf8_lossy(request.body);
            request.route == Route::DetailsQuery && body.contains(r#""pageSize":10"#)
        },
    };
    let mut rows = not_ready();
    rows.extend(damage("conversationId"));
    rows.extend([
        row("`{}`", answer(200, "{}"), BROKEN),
        row(
            "`conversations` is absent and `totalHits` is not 0",
            without("conversations"),
            UNAVAILABLE,
        ),
        row(
            "`conversations` is null and `totalHits` is not 0",
            with("conversations", json!(null)),
            UNAVAILABLE,
        ),
        row(
            "`conversations` is empty and `totalHits` is not 0",
            with("conversations", json!([])),
            UNAVAILABLE,
        ),
        row(
            "`conversations` is not a list",
            with("conversations", json!({})),
            BROKEN,
        ),
        row(
            "`totalHits` is 0 and `conversations` is absent",
            answer(200, r#"{"totalHits":0}"#),
            Outcome::Believed("accepted as empty"),
        ),
        row("`totalHits` is absent", without("totalHits"), BROKEN),
        row(
            "`totalHits` is null",
            with("totalHits", json!(null)),
            BROKEN,
        ),
        row(
            "`totalHits` is negative",
            with("totalHits", json!(-1)),
            BROKEN,
        ),
        row(
            "`totalHits` is a string",
            edit(|fields| {
                let hits = fields["totalHits"].to_string();
                fields.insert("totalHits".to_owned(), json!(hits));
            }),
            TAKEN,
        ),
        row(
            "`totalHits` is too large",
            with("totalHits", json!(100_000)),
            UNAVAILABLE,
        ),
        row(
            "`totalHits` is too small",
            with("totalHits", json!(1)),
            UNAVAILABLE,
        ),
        row(
            "each conversation twice",
            edit(|fields| {
                if let Some(list) = conversations(fields) {
                    list.extend(list.clone());
                }
            }),
            Outcome::Repeated,
        ),
    ]);
    hold(call, with_statuses(REFUSALS, rows)).await;
}

#[tokio::test]
async fn details_by_ids_are_handled_as_documented() {
    let world = World::new(settings(None, None)).await;
    let ids: Vec<_> = world
        .simulator
        .truth()
        .conversations
        .into_iter()
        .map(|it| it.id)
        .collect();
    let call = Call {
        name: "Details by ids",
        source: "analytics-query",
        more: format!(
            r#","pageSize":20,"filters":{{"conversationIds":{}}}"#,
            json!(ids)
        ),
        form: None,
        is_replaced: |request| request.route == Route::DetailsByIds,
    };
    let mut rows = not_ready();
    rows.extend(damage("conversationId"));
    rows.extend([
        row(
            "`{}`, though the API knows one of the ids",
            answer(200, "{}"),
            BROKEN,
        ),
        row(
            "`conversations` is empty",
            with("conversations", json!([])),
            Outcome::Missing,
        ),
        row(
            "`conversations` lacks some of the ids",
            edit(|fields| {
                if let Some(list) = conversations(fields) {
                    list.truncate(3);
                }
            }),
            Outcome::Missing,
        ),
        row(
            "`conversations` is not a list",
            with("conversations", json!("m")),
            BROKEN,
        ),
        row(
            "a conversation that was not requested",
            edit(|fields| {
                if let Some(list) = conversations(fields) {
                    let mut foreign = list[0].clone();
                    foreign["conversationId"] = json!("11111111-1111-4111-8111-111111111111");
                    list.push(foreign);
                }
            }),
            WARNED,
        ),
    ]);
    hold(call, with_statuses(REFUSALS, rows)).await;
}

fn conversations(fields: &mut Map<String, Value>) -> Option<&mut Vec<Value>> {
    fields.get_mut("conversations")?.as_array_mut()
}
