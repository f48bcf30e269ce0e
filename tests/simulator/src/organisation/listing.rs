//! Paged listings of named resources.

use serde_json::{Value, json};

use super::request::Request;
use super::response::{ApiError, ApiResponse};

/// Applies when the request names no page size.
const PAGE_SIZE: usize = 25;
/// Larger values are refused. That the limit is 100 for every listing is unverified.
const PAGE_SIZE_MAX: usize = 100;

/// Returns one page of the queues, or of those that the parameters `name` and `id` select: a name, in which `*` stands
/// for any characters at an end, and one or several ids.
pub(super) fn queues(
    mut queues: Vec<(String, String)>,
    request: &Request,
) -> Result<ApiResponse, ApiError> {
    if let Some(pattern) = request.parameter("name") {
        queues.retain(|(_, name)| is_match(pattern, name));
    }
    let ids: Vec<&str> = request.parameters_named("id").collect();
    if !ids.is_empty() {
        queues.retain(|(id, _)| ids.contains(&id.as_str()));
    }
    listing(queues, request)
}

/// Returns one queue.
pub(super) fn queue(queues: Vec<(String, String)>, id: &str) -> Result<ApiResponse, ApiError> {
    let queue = queues.into_iter().find(|(it, _)| it == id);
    let (id, name) = queue.ok_or_else(|| ApiError::not_found("The queue was not found."))?;
    Ok(ApiResponse::json(200, &json!({ "id": id, "name": name })))
}

/// Upper and lower case are alike.
fn is_match(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.to_lowercase(), name.to_lowercase());
    let middle = pattern.trim_matches('*');
    match (pattern.starts_with('*'), pattern.ends_with('*')) {
        (false, false) => name == pattern,
        (false, true) => name.starts_with(middle),
        (true, false) => name.ends_with(middle),
        (true, true) => name.contains(middle),
    }
}

/// Returns one page of `(id, name)` pairs.
pub(super) fn listing(
    named: Vec<(String, String)>,
    request: &Request,
) -> Result<ApiResponse, ApiError> {
    let size = request.number("pageSize")?.unwrap_or(PAGE_SIZE);
    let number = request.number("pageNumber")?.unwrap_or(1);
    if !(1..=PAGE_SIZE_MAX).contains(&size) || number == 0 {
        let message = format!("pageSize must be between 1 and {PAGE_SIZE_MAX}, pageNumber from 1");
        return Err(ApiError::bad_request(&message));
    }
    let total = named.len();
    let page = named
        .into_iter()
        .skip((number - 1).saturating_mul(size))
        .take(size);
    let entities: Vec<Value> = page
        .map(|(id, name)| json!({ "id": id, "name": name }))
        .collect();
    Ok(ApiResponse::json(
        200,
        &json!({
            "entities": entities, "pageSize": size, "pageNumber": number,
            "total": total, "pageCount": total.div_ceil(size),
        }),
    ))
}
