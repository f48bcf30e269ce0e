//! The details query, and conversations by id.

use genesys_simulator::Route;
use serde_json::{Map, Value, json};

use end_to_end::world::World;

use super::alterations::{edit, response, with_field, without_field};
use super::check::assert_rows;
use super::rows::*;
use super::{Call, Outcome, settings};

#[tokio::test]
async fn details_query_results_are_handled_as_documented() {
    let call = Call {
        name: "Details query",
        source: "analytics-query",
        more_fields: r#","slices":1,"pageSize":10"#.to_owned(),
        history: None,
        is_replaced: |request| {
            let body = String::from_utf8_lossy(request.body);
            request.route == Route::DetailsQuery && body.contains(r#""pageSize":10"#)
        },
    };
    let mut rows = not_ready_rows();
    rows.extend(damaged_record_rows("conversationId"));
    rows.extend([
        row("`{}`", response(200, "{}"), BROKEN),
        row(
            "`conversations` is absent and `totalHits` is not 0",
            without_field("conversations"),
            UNAVAILABLE,
        ),
        row(
            "`conversations` is null and `totalHits` is not 0",
            with_field("conversations", json!(null)),
            UNAVAILABLE,
        ),
        row(
            "`conversations` is empty and `totalHits` is not 0",
            with_field("conversations", json!([])),
            UNAVAILABLE,
        ),
        row(
            "`conversations` is not a list",
            with_field("conversations", json!({})),
            BROKEN,
        ),
        row(
            "`totalHits` is 0 and `conversations` is absent",
            response(200, r#"{"totalHits":0}"#),
            Outcome::AcceptedAsIs("accepted as empty"),
        ),
        row("`totalHits` is absent", without_field("totalHits"), BROKEN),
        row(
            "`totalHits` is null",
            with_field("totalHits", json!(null)),
            BROKEN,
        ),
        row(
            "`totalHits` is negative",
            with_field("totalHits", json!(-1)),
            BROKEN,
        ),
        row(
            "`totalHits` is a string",
            edit(|fields| {
                let hits = fields["totalHits"].to_string();
                fields.insert("totalHits".to_owned(), json!(hits));
            }),
            ACCEPTED,
        ),
        row(
            "`totalHits` is too large",
            with_field("totalHits", json!(100_000)),
            UNAVAILABLE,
        ),
        row(
            "`totalHits` is too small",
            with_field("totalHits", json!(1)),
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
    assert_rows(call, with_statuses(REFUSALS, rows)).await;
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
        more_fields: format!(
            r#","pageSize":20,"filters":{{"conversationIds":{}}}"#,
            json!(ids)
        ),
        history: None,
        is_replaced: |request| request.route == Route::DetailsByIds,
    };
    let mut rows = not_ready_rows();
    rows.extend(damaged_record_rows("conversationId"));
    rows.extend([
        row(
            "`{}`, though the API knows one of the ids",
            response(200, "{}"),
            BROKEN,
        ),
        row(
            "`conversations` is empty",
            with_field("conversations", json!([])),
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
            with_field("conversations", json!("m")),
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
    assert_rows(call, with_statuses(REFUSALS, rows)).await;
}

fn conversations(fields: &mut Map<String, Value>) -> Option<&mut Vec<Value>> {
    fields.get_mut("conversations")?.as_array_mut()
}
