//! Error responses, and responses of no documented shape, that contain given values wherever a response has a text.

use genesys_simulator::ApiResponse;
use serde_json::{Value, json};

pub(super) const STATUSES: [u16; 26] = [
    200, 200, 200, 201, 202, 204, 301, 302, 307, 400, 401, 403, 404, 405, 407, 409, 410, 413, 415,
    422, 429, 451, 500, 502, 503, 504,
];

/// A response with this status; the seed decides about its body and headers.
pub(super) fn of(status: u16, seed: u64, values: &[String]) -> ApiResponse {
    let mut rng = fastrand::Rng::with_seed(seed);
    let text = text(&mut rng, values);
    let (content_type, body) = body(&mut rng, status, &text);
    let value = values[rng.usize(..values.len())].as_str();
    ApiResponse {
        status,
        headers: vec![
            ("content-type", format!("{content_type}; name={value}")),
            ("inin-correlation-id", value.to_owned()),
            (
                "location",
                format!("https://{}.example.com/{value}?{value}", slug(value)),
            ),
            ("retry-after", value.to_owned()),
        ],
        body: body.into(),
        content_length: None,
    }
}

/// A sentence that quotes some of the values, as an API or a proxy would.
fn text(rng: &mut fastrand::Rng, values: &[String]) -> String {
    let mut text = "the request of the client failed".to_owned();
    let openings = [
        " for ",
        ": ",
        " (Authorization: Bearer ",
        "\n",
        "\u{1b}[31m",
        "=",
        "\"",
        "/",
    ];
    for _ in 0..rng.usize(1..8) {
        text += openings[rng.usize(..openings.len())];
        text += &values[rng.usize(..values.len())];
    }
    text
}

fn body(rng: &mut fastrand::Rng, status: u16, text: &str) -> (&'static str, String) {
    let fields: Value = match rng.u8(..8) {
        0 => json!({"message": text, "code": text, "status": status, "contextId": text}),
        1 => {
            json!({"message": text, "code": "not.found", "status": 404, "details": [{"message": text}]})
        }
        2 => json!({"error": "invalid_client", "error_description": text, "description": text}),
        3 => json!({"error": text}),
        4 => json!({"state": "FAILED", "errorMessage": text, "message": text}),
        5 => {
            json!({"state": text, "dataAvailabilityDate": text, "jobId": {text: 1}, "queryId": [text],
            "totalRecords": text, "access_token": {text: text}, "retentionDays": text})
        }
        6 => {
            json!({"entities": text, "conversations": text, "participants": text, "messages": {text: 1}})
        }
        _ => return unreadable(rng, text),
    };
    ("application/json", fields.to_string())
}

/// A body that is not JSON.
fn unreadable(rng: &mut fastrand::Rng, text: &str) -> (&'static str, String) {
    match rng.u8(..4) {
        0 => ("text/html", format!("<html><body>{text}</body></html>")),
        1 => ("application/json", format!(r#"{{"message":"{text}"#)),
        2 => ("text/plain", text.to_owned()),
        _ => ("application/json", json!(text).to_string()),
    }
}

/// The value as a label of a host name.
fn slug(value: &str) -> String {
    let letters = value.chars().filter(char::is_ascii_alphanumeric);
    letters.take(60).collect()
}
