//! The gateways of a host that refuses the job API: the bodies that `check` sends them, and its findings.

use bytes::Bytes;
use hyper::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{finding_text, marks};
use crate::loopback::{Loopback, RecordedRequest};
use crate::world::World;

const QUERY: &str = "/api/v2/analytics/conversations/details/query";
const EXPORT: &str = "/api/v2/export/query";

/// A world whose settings lead to a host with these gateways.
struct Gateways {
    world: World,
    server: Loopback,
}

impl Gateways {
    /// Starts a host that responds with these statuses; a status of 404 means that there is no such gateway.
    async fn start(export: u16, history: u16) -> Self {
        Self::with_other_paths(export, history, 404).await
    }

    /// Starts a host that refuses every other path with this status.
    async fn with_other_paths(export: u16, history: u16, other: u16) -> Self {
        let mut world = World::new().await;
        let server = Loopback::start(move |request: &RecordedRequest| {
            let (status, body) = match (&request.method, request.path.as_str()) {
                (&Method::POST, "/oauth/token") => (
                    200,
                    json!({"access_token": "t", "token_type": "bearer", "expires_in": 86400}),
                ),
                (&Method::POST, EXPORT) => (
                    export,
                    json!({"id": "q", "queryId": "q", "totalRecords": 12, "pageSize": 1}),
                ),
                (&Method::POST, QUERY) => (history, json!({"entities": []})),
                _ => (other, json!({"message": "no such page"})),
            };
            (status, Bytes::from(body.to_string()))
        })
        .await;
        world.set("GENESYS_API_URL", &server.url);
        world.set("GENESYS_LOGIN_URL", &server.url);
        Self { world, server }
    }

    /// The only body received at the path.
    fn body(&self, path: &str) -> Value {
        let requests = self.server.requests().into_iter();
        let requests: Vec<_> = requests.filter(|request| request.path == path).collect();
        assert_eq!(requests.len(), 1, "{path}");
        serde_json::from_slice(&requests[0].body).unwrap()
    }
}

/// Removes a day's start and end from the object. They have to be a day apart, in ISO-8601.
fn take_day(object: &mut Value, start: &str, end: &str) {
    let mut moment = |name: &str| {
        let moment = object.as_object_mut().unwrap().remove(name);
        let moment: Timestamp = moment.unwrap().as_str().unwrap().parse().unwrap();
        moment
    };
    let (start, end) = (moment(start), moment(end));
    assert_eq!(end.as_second() - start.as_second(), 24 * 3600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gateways_get_the_bodies_of_an_export() {
    let gateways = Gateways::start(200, 200).await;

    let output = gateways.world.check(&[]).await;

    assert_eq!(output.code, 0, "{}", output.out);
    assert_eq!(marks(&output, "gateway"), ["ok"]);
    assert_eq!(marks(&output, "history gateway"), ["ok"]);
    assert!(marks(&output, "queries").iter().all(|it| it == "skipped"));
    let mut export = gateways.body(EXPORT);
    take_day(&mut export["query"]["filter"]["dateRange"], "start", "end");
    assert_eq!(
        export,
        json!({
            "query": {"filter": {"type": "webchat", "dateRange": {}}, "pageSize": 1},
            "includeMedia": false,
        })
    );
    let mut history = gateways.body(QUERY);
    take_day(&mut history["timeRange"], "startTime", "endTime");
    assert_eq!(
        history,
        json!({"filter": {"channelType": "voice"}, "timeRange": {}, "size": 1})
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_passes_that_refuses_unknown_paths_with_any_status() {
    for status in [400, 401, 403, 404, 405, 410] {
        let gateways = Gateways::with_other_paths(200, 200, status).await;

        let output = gateways.world.check(&[]).await;

        assert_eq!(output.code, 0, "{status}: {}", output.out);
        for skipped in ["jobs", "permission"] {
            assert_eq!(marks(&output, skipped), ["skipped"], "{status}");
        }
        assert!(finding_text(&output, "jobs").contains("only gateways can be used"));
        assert_eq!(marks(&output, "gateway"), ["ok"], "{status}");
        assert_eq!(marks(&output, "history gateway"), ["ok"], "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_refuses_jobs_and_gateways_fails_by_name_of_each() {
    let gateways = Gateways::with_other_paths(403, 403, 403).await;

    let output = gateways.world.check(&[]).await;

    assert_eq!(output.code, 1, "{}", output.out);
    for failed in ["permission", "gateway", "history gateway"] {
        assert_eq!(marks(&output, failed), ["failed"], "{failed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_gateway_alone_passes_in_its_form() {
    let mut gateways = Gateways::start(404, 200).await;
    gateways.world.set("GATEWAY_HISTORY_FORM", "continuation");

    let output = gateways.world.check(&[]).await;

    assert_eq!(output.code, 0, "{}", output.out);
    assert_eq!(marks(&output, "gateway"), ["skipped"]);
    assert_eq!(marks(&output, "history gateway"), ["ok"]);
    let mut body = gateways.body(QUERY);
    take_day(&mut body, "dateFrom", "dateTo");
    let value = body["filter"][0]["value"].take();
    assert!(value[0].is_string() && value[1].is_null());
    assert_eq!(
        body,
        json!({
            "view": "conversation",
            "filter": [{"type": "conversation", "path": "id", "op": "in", "value": null}],
            "size": 1,
            "continuationToken": null,
        })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_history_gateway_of_the_other_form_fails_with_the_setting() {
    let alone = Gateways::start(404, 400).await;
    let beside_another = Gateways::start(200, 400).await;

    let failed = alone.world.check(&[]).await;
    let passed = beside_another.world.check(&[]).await;

    assert_eq!((failed.code, passed.code), (1, 0), "{}", passed.out);
    assert_eq!(marks(&failed, "history gateway"), ["failed"]);
    assert_eq!(marks(&passed, "history gateway"), ["warning"]);
    assert!(finding_text(&failed, "history gateway").contains("GATEWAY_HISTORY_FORM (page-token)"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_details_are_checked_if_transcripts_use_them() {
    let mut gateways = Gateways::start(200, 404).await;
    let without = gateways.world.check(&[]).await;
    gateways
        .world
        .set("GENESYS_TRANSCRIPT_ROUTE", "web-details");

    let with = gateways.world.check(&[]).await;

    assert!(marks(&without, "web details").is_empty());
    assert_eq!(marks(&with, "web details"), ["found"]);
    assert_eq!(with.code, 0, "{}", with.out);
}
