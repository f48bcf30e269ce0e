//! Unusual responses, made from genuine ones.

use std::sync::{Arc, OnceLock};

use genesys_simulator::ApiResponse;
use serde_json::{Map, Value, json};

/// Makes the unusual response from the genuine one and the number of responses made before.
pub(super) type Alter = Arc<dyn Fn(ApiResponse, u32) -> ApiResponse + Send + Sync>;

/// A status with the API's error body.
pub(super) fn status(status: u16) -> Alter {
    response(status, &error_body(status, "m"))
}

/// A success whose body is an error body.
pub(super) fn error_at_200(body_status: u16, code: &'static str) -> Alter {
    response(200, &error_body(body_status, code))
}

/// A status with this body.
pub(super) fn response(status: u16, body: &str) -> Alter {
    with_content_type(status, "application/json", body)
}

pub(super) fn with_content_type(status: u16, content_type: &'static str, body: &str) -> Alter {
    let body = body.to_owned();
    Arc::new(move |_, _| ApiResponse {
        status,
        headers: vec![("content-type", content_type.to_owned())],
        body: body.clone().into(),
        content_length: None,
    })
}

/// Changes the fields of the body.
pub(super) fn edit(change: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) -> Alter {
    Arc::new(move |mut response, _| {
        if let Ok(Value::Object(mut fields)) = serde_json::from_slice(&response.body) {
            change(&mut fields);
            response.body = Value::Object(fields).to_string().into();
        }
        response
    })
}

/// Changes the bytes of the body.
pub(super) fn bytes(change: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Alter {
    Arc::new(move |mut response, _| {
        response.body = change(&response.body).into();
        response
    })
}

pub(super) fn without_field(name: &'static str) -> Alter {
    edit(move |fields| _ = fields.remove(name))
}

pub(super) fn with_field(name: &'static str, value: Value) -> Alter {
    edit(move |fields| _ = fields.insert(name.to_owned(), value.clone()))
}

fn error_body(status: u16, code: &str) -> String {
    json!({"message": "m", "code": code, "status": status, "contextId": "c-1"}).to_string()
}

/// Successes with these bodies, by the number of responses made before.
pub(super) fn sequence(body: impl Fn(u32) -> String + Send + Sync + 'static) -> Alter {
    Arc::new(move |_, number| ApiResponse {
        status: 200,
        headers: vec![("content-type", "application/json".to_owned())],
        body: body(number).into(),
        content_length: None,
    })
}

/// Repeats the first response in place of all later ones.
pub(super) fn repeat_first() -> Alter {
    let first = OnceLock::new();
    Arc::new(move |response, _| first.get_or_init(|| response).clone())
}
