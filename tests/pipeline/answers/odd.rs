//! Unusual responses, made from genuine ones.

use std::sync::{Arc, OnceLock};

use genesys_simulator::Answer;
use serde_json::{Map, Value, json};

/// Makes the unusual response from the genuine one and the number of responses made before.
pub(super) type Alter = Arc<dyn Fn(Answer, u32) -> Answer + Send + Sync>;

/// A status with the API's error body.
pub(super) fn status(status: u16) -> Alter {
    answer(status, &error_body(status, "m"))
}

/// A success whose body is an error body.
pub(super) fn disguised(body_status: u16, code: &'static str) -> Alter {
    answer(200, &error_body(body_status, code))
}

/// A status with this body.
pub(super) fn answer(status: u16, body: &str) -> Alter {
    typed(status, "application/json", body)
}

pub(super) fn typed(status: u16, content_type: &'static str, body: &str) -> Alter {
    let body = body.to_owned();
    Arc::new(move |_, _| Answer {
        status,
        headers: vec![("content-type", content_type.to_owned())],
        body: body.clone().into(),
        content_length: None,
    })
}

/// Changes the fields of the body.
pub(super) fn edit(change: impl Fn(&mut Map<String, Value>) + Send + Sync + 'static) -> Alter {
    Arc::new(move |mut answer, _| {
        if let Ok(Value::Object(mut fields)) = serde_json::from_slice(&answer.body) {
            change(&mut fields);
            answer.body = Value::Object(fields).to_string().into();
        }
        answer
    })
}

/// Changes the bytes of the body.
pub(super) fn bytes(change: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> Alter {
    Arc::new(move |mut answer, _| {
        answer.body = change(&answer.body).into();
        answer
    })
}

pub(super) fn without(name: &'static str) -> Alter {
    edit(move |fields| _ = fields.remove(name))
}

pub(super) fn with(name: &'static str, value: Value) -> Alter {
    edit(move |fields| _ = fields.insert(name.to_owned(), value.clone()))
}

fn error_body(status: u16, code: &str) -> String {
    json!({"message": "m", "code": code, "status": status, "contextId": "c-1"}).to_string()
}

/// Successes with these bodies, by the number of responses made before.
pub(super) fn sequence(body: impl Fn(u32) -> String + Send + Sync + 'static) -> Alter {
    Arc::new(move |_, number| Answer {
        status: 200,
        headers: vec![("content-type", "application/json".to_owned())],
        body: body(number).into(),
        content_length: None,
    })
}

/// Repeats the first response in place of all later ones.
pub(super) fn first_again() -> Alter {
    let first = OnceLock::new();
    Arc::new(move |answer, _| first.get_or_init(|| answer).clone())
}
