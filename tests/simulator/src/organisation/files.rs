//! Attachments: a URL that requires a token and may redirect, and the file itself, which requires none.

use super::answer::{Answer, ApiError};
use super::request::Request;
use crate::data::files::{file, is_elsewhere};

pub(super) fn download(id: &str, request: &Request) -> Result<Answer, ApiError> {
    if !is_elsewhere(id) {
        return media(id);
    }
    let place = format!("http://{}/media/{id}", request.host);
    Ok(Answer::empty(303).with_header("location", place))
}

pub(super) fn media(id: &str) -> Result<Answer, ApiError> {
    match file(id) {
        Some(bytes) => Ok(Answer::file(bytes)),
        None => Err(ApiError::not_found("The file no longer exists.")),
    }
}
