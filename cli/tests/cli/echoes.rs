//! Error responses that echo the caller's credentials and a customer's data: nothing of them is printed.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use genesys_simulator::{ApiResponse, ResponseFilter, Route, Settings};
use serde_json::json;

use crate::world::{DAYS, World, fast_settings};

/// Values of the kinds in the redaction corpus, and a name.
const PERSONAL: [&str; 5] = [
    "Marigold Roebuck",
    "marigold.roebuck@example.com",
    "4111  1111  1111  1111",
    "DE89370400440532013000",
    "+49 30 9018 2044",
];

/// Statuses that end a command at once.
const STATUSES: [u16; 5] = [400, 401, 403, 404, 422];

fn bodies(text: &str) -> [(&'static str, String); 4] {
    let api = json!({"message": text, "code": text, "contextId": text});
    let login = json!({"error": "invalid_client", "error_description": text});
    [
        ("application/json", api.to_string()),
        ("application/json", login.to_string()),
        ("text/html", format!("<html>\u{1b}[31m{text}</html>")),
        ("text/plain", format!("{text}\nAuthorization: {text}")),
    ]
}

/// Responds to a login, or to all other calls, with the status and the body of this number.
fn filter(echoes_login: bool, text: String, number: usize) -> ResponseFilter {
    Arc::new(move |request, response| {
        if (request.route == Route::Login) != echoes_login {
            return response;
        }
        let (content_type, body) = bodies(&text)[number % 4].clone();
        ApiResponse {
            status: STATUSES[number % STATUSES.len()],
            headers: vec![("content-type", content_type.to_owned())],
            body: body.into(),
            content_length: None,
        }
    })
}

async fn assert_nothing_printed(echoes_login: bool) {
    let Settings {
        client_id,
        client_secret,
        ..
    } = Settings::default();
    let basic = STANDARD.encode(format!("{client_id}:{client_secret}"));
    let secrets = [client_secret, basic];
    let text = format!("denied for {} ({})", PERSONAL.join(", "), secrets.join(" "));
    for number in 0..STATUSES.len() {
        let world = World::with(Settings {
            response_filter: Some(filter(echoes_login, text.clone(), number)),
            ..fast_settings()
        })
        .await;
        let outputs = [
            world.run(&["check", "--json"]).await,
            world
                .run(&["history", "--interval", "2026-03-01/2026-03-03"])
                .await,
            world.export(&format!("{{{DAYS}}}")).await,
        ];
        for output in outputs {
            let printed = format!("{}{}", output.out, output.err);
            let values = PERSONAL
                .iter()
                .copied()
                .chain(secrets.iter().map(String::as_str));
            for value in values.chain(["\u{1b}"]) {
                assert!(!printed.contains(value), "{value:?} in {printed}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn echoes_of_a_login_are_not_printed() {
    assert_nothing_printed(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn echoes_of_the_api_are_not_printed() {
    assert_nothing_printed(false).await;
}
