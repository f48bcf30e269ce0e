//! One conversation with unusual responses among others: it loses at most the affected parts and reports them, and the
//! others are complete.

use serde_json::Value;

use api::{Answer, ODD, QuerySpec, answer};

mod api;
mod batches;
mod documents;
mod elements;
mod refusals;

fn is_conversation(asked: &QuerySpec) -> bool {
    asked.path.ends_with(ODD)
}

fn is_bulk(asked: &QuerySpec) -> bool {
    asked.path.ends_with("/bulk")
}

fn is_web_details(asked: &QuerySpec) -> bool {
    asked.path.contains("/web/details/")
}

fn is_recordings(asked: &QuerySpec) -> bool {
    asked.path.ends_with("/recordings")
}

fn replaced(
    is_this: fn(&QuerySpec) -> bool,
    status: u16,
    body: &Value,
) -> impl Fn(&QuerySpec) -> Option<Answer> + use<> {
    let body = body.clone();
    move |asked| is_this(asked).then(|| answer(status, &body))
}
