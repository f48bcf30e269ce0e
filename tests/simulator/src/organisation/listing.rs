//! Paged listings of named resources.

use serde_json::{Value, json};

use super::request::Request;
use super::response::{ApiError, ApiResponse};

/// Applies when the request names no page size.
const PAGE_SIZE: usize = 25;
/// Larger values are refused. That the limit is 100 for every listing is unverified.
const PAGE_SIZE_MAX: usize = 100;

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
