//! Attachments: a URL that requires a token and may redirect, and the file itself, which requires none.

use super::request::Request;
use super::response::{ApiError, ApiResponse};
use crate::data::files::{file, is_redirected};

pub(super) fn download(id: &str, request: &Request) -> Result<ApiResponse, ApiError> {
    if !is_redirected(id) {
        return media(id);
    }
    let location = format!("http://{}/media/{id}", request.host);
    Ok(ApiResponse::empty(303).with_header("location", location))
}

pub(super) fn media(id: &str) -> Result<ApiResponse, ApiError> {
    match file(id) {
        Some(bytes) => Ok(ApiResponse::file(bytes)),
        None => Err(ApiError::not_found("The file no longer exists.")),
    }
}
