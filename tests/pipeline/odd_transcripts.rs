//! One conversation with unusual responses among others: it loses at most the affected parts and reports them, and the
//! others are complete.

use serde_json::Value;

use api::{ODD, ReceivedRequest, Response, response};

mod api;
mod batches;
mod documents;
mod elements;
mod large;
mod refusals;

fn is_conversation(request: &ReceivedRequest) -> bool {
    request.path.ends_with(ODD)
}

fn is_bulk(request: &ReceivedRequest) -> bool {
    request.path.ends_with("/bulk")
}

fn is_web_details(request: &ReceivedRequest) -> bool {
    request.path.contains("/web/details/")
}

fn is_recordings(request: &ReceivedRequest) -> bool {
    request.path.ends_with("/recordings")
}

fn replace_response(
    is_replaced: fn(&ReceivedRequest) -> bool,
    status: u16,
    body: &Value,
) -> impl Fn(&ReceivedRequest) -> Option<Response> + use<> {
    let body = body.clone();
    move |request| is_replaced(request).then(|| response(status, &body))
}
