//! Responses that echo what they received: the token, the client's credentials, a customer's data. Each is put in place
//! of the response of one call, with any status and any body. Nothing of it may occur in a log line, an error, a stored
//! object or a webhook.

use std::sync::{Arc, Mutex};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use conversation_archive::export::parking::WaitLimits;
use conversation_archive::records::page::decode_lines;
use end_to_end::world::{World, organisation};
use genesys_simulator::{ApiResponse, ResponseFilter, Route, ServedRequest, Settings};
use serde_json::Value;

mod responses;

/// Values of the kinds in the redaction corpus, and names and words that no pattern finds.
const PERSONAL: [&str; 18] = [
    "Marigold Roebuck",
    "marigold-lou.roebuck",
    "marigold.roebuck@example.com",
    "4111 1111 1111 1111",
    "4111  1111  1111  1111",
    "378282246310005",
    "DE89370400440532013000",
    "GB29 NWBK 6016 1331 9268 19",
    "+49 30 9018 2044",
    "(415) 555-0132",
    "219  09  9999",
    "078-05-1120",
    "192.168.178.23",
    "7 April 1981",
    "https://pay.example/x?key=kSyn8Zq2Lw",
    "AKIASYNTHETIC4711XYZ",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtYXJ5In0.c3ludGhldGlj",
    "my zebrafinch flew off",
];

/// Parts of these values that may not occur either. Parts of one word are left out, such as the groups of a card.
const PARTS: [&str; 8] = [
    "Roebuck",
    "marigold",
    "4111 1111",
    "1111  1111",
    "NWBK",
    "555-0132",
    "kSyn8",
    "zebrafinch",
];

/// The calls whose responses echo, with the fields of a request that makes them.
const CALLS: [(&str, &str, &[Route]); 6] = [
    (
        "analytics-job",
        r#","slices":1,"records":"normalized","lookupNames":true"#,
        &[
            Route::Login,
            Route::Availability,
            Route::JobSubmit,
            Route::JobStatus,
            Route::JobResults,
            Route::JobDelete,
            Route::Queues,
            Route::Retention,
        ],
    ),
    (
        "analytics-query",
        r#","slices":1"#,
        &[Route::Login, Route::DetailsQuery],
    ),
    (
        "analytics-query",
        "ids",
        &[Route::DetailsByIds, Route::DetailsById],
    ),
    (
        "export-gateway",
        r#","slices":1"#,
        &[Route::ExportQuery, Route::ExportResults],
    ),
    (
        "history-gateway",
        r#","slices":1,"filters":{"mediaTypes":["webchat"]}"#,
        &[Route::DetailsQuery],
    ),
    (
        "transcripts",
        "ids",
        &[
            Route::MessageConversation,
            Route::MessagesBulk,
            Route::Recordings,
        ],
    ),
];

/// The first bytes of a gzip member.
const GZIP: &[u8] = b"\x1f\x8b";

/// What the responses of one world echo.
#[derive(Debug)]
struct Echo {
    route: Route,
    status: u16,
    seed: u64,
    /// The tokens that the logins returned.
    tokens: Mutex<Vec<String>>,
}

impl Echo {
    /// Echoes in place of a response of the route, and notes the token of a login.
    fn respond(&self, request: &ServedRequest<'_>, response: ApiResponse) -> ApiResponse {
        if request.route == Route::Login {
            let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
            let token = body["access_token"].as_str().map(ToOwned::to_owned);
            self.tokens.lock().expect("a lock").extend(token);
        }
        if request.route == self.route {
            responses::of(self.status, self.seed, &self.values())
        } else {
            response
        }
    }

    /// Every value that a response may echo.
    fn values(&self) -> Vec<String> {
        let Settings {
            client_id,
            client_secret,
            ..
        } = Settings::default();
        let basic = STANDARD.encode(format!("{client_id}:{client_secret}"));
        let tokens = self.tokens.lock().expect("a lock").clone();
        let personal = PERSONAL.map(ToOwned::to_owned);
        let secrets = [client_secret, basic];
        personal.into_iter().chain(secrets).chain(tokens).collect()
    }
}

#[tokio::test]
async fn echoes_of_job_responses_leave_no_trace() {
    Box::pin(assert_no_trace(0)).await;
}

#[tokio::test]
async fn echoes_of_details_queries_leave_no_trace() {
    Box::pin(assert_no_trace(1)).await;
}

#[tokio::test]
async fn echoes_of_lookups_leave_no_trace() {
    Box::pin(assert_no_trace(2)).await;
}

#[tokio::test]
async fn echoes_of_an_export_gateway_leave_no_trace() {
    Box::pin(assert_no_trace(3)).await;
}

#[tokio::test]
async fn echoes_of_a_history_gateway_leave_no_trace() {
    Box::pin(assert_no_trace(4)).await;
}

#[tokio::test]
async fn echoes_of_transcript_requests_leave_no_trace() {
    Box::pin(assert_no_trace(5)).await;
}

async fn assert_no_trace(call: usize) {
    let (source, more_fields, routes) = CALLS[call];
    for (number, route) in (0..).zip(routes) {
        for (seed, status) in (0..).zip(responses::STATUSES) {
            let echo = Echo {
                route: *route,
                status,
                seed: (call as u64 * 100 + number) * 100 + seed,
                tokens: Mutex::default(),
            };
            Box::pin(assert_no_trace_of(source, more_fields, echo)).await;
        }
    }
}

/// Runs an export whose responses echo, resumes it, and searches everything that it left.
async fn assert_no_trace_of(source: &str, more_fields: &str, echo: Echo) {
    let echo = Arc::new(echo);
    let mut world = world(&echo).await;
    let request = request(&world, source, more_fields);
    let id = world.try_start(&request).await;
    let start_error = id.as_ref().err().map(|error| format!("{error} {error:?}"));
    world.run().await;
    if let Ok(id) = &id
        && world.failed_outcome(id, 1).await.is_some()
    {
        world.resume(id).await;
        world.run().await;
    }

    let values = echo.values();
    let values: Vec<&str> = values.iter().map(String::as_str).chain(PARTS).collect();
    let search = AhoCorasick::new(&values).expect("a searcher");
    for (place, text) in texts(&world, start_error) {
        let found = search.find(&text).map(|found| {
            let from = found.start().saturating_sub(200);
            let shown = text.get(from..found.end()).map(String::from_utf8_lossy);
            format!("{:?} after {shown:?}", values[found.pattern()])
        });
        assert_eq!(found, None, "{:?}, {}: in {place}", echo.route, echo.status);
    }
}

async fn world(echo: &Arc<Echo>) -> World {
    let of_world = Arc::clone(echo);
    let filter: ResponseFilter =
        Arc::new(move |request, response| of_world.respond(request, response));
    let settings = Settings {
        response_filter: Some(filter),
        concurrent_jobs: 10_000,
        ..organisation(93, 6)
    };
    let mut world = World::new(settings).await;
    // Each wait costs requests.
    let hour = std::time::Duration::from_hours(1);
    world.process.page.settings.wait_limits = WaitLimits {
        watermark: hour,
        job: hour,
        throttled: hour,
        unavailable: hour,
        ..WaitLimits::default()
    };
    world
}

fn request(world: &World, source: &str, more_fields: &str) -> String {
    match (source, more_fields) {
        ("transcripts", _) => world.transcripts_request(&world.message_conversations(), ""),
        (_, "ids") => {
            let ids = serde_json::json!(world.message_conversations());
            world.request(
                source,
                &format!(r#","filters":{{"conversationIds":{ids}}}"#),
            )
        }
        _ => world.request(source, more_fields),
    }
}

/// Everything that the export left, by its place.
fn texts(world: &World, start_error: Option<String>) -> Vec<(String, Vec<u8>)> {
    let named = |text: String| {
        (
            "an error, an outcome or a webhook".to_owned(),
            text.into_bytes(),
        )
    };
    let mut texts = vec![("the logs".to_owned(), world.log_bytes())];
    texts.extend(
        world
            .outgoing_texts()
            .into_iter()
            .chain(start_error)
            .map(named),
    );
    for (key, object) in world.store.snapshot() {
        let bytes = if object.starts_with(GZIP) {
            decode_lines(&object, u64::MAX).expect("gzip")
        } else {
            object.to_vec()
        };
        texts.push((key, bytes));
    }
    texts
}
