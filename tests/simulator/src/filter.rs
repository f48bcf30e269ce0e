//! A function of the test that sees each response before it is sent and may replace it.

use std::sync::Arc;

use http::Method;

use crate::organisation::request::Request;
use crate::organisation::response::ApiResponse;
use crate::route::Route;

/// Receives each request with its response, and returns the response to send. Runs after the request has had its
/// effect, without holding a lock, for several requests concurrently.
pub type ResponseFilter = Arc<dyn Fn(&ServedRequest<'_>, ApiResponse) -> ApiResponse + Send + Sync>;

/// A request whose response is about to be sent.
#[derive(Clone, Copy, Debug)]
pub struct ServedRequest<'a> {
    pub route: Route,
    pub method: &'a Method,
    pub path: &'a str,
    /// Decoded names and values of the query string.
    pub query: &'a [(String, String)],
    pub authorization: Option<&'a str>,
    pub content_type: &'a str,
    /// Empty when the body was not read.
    pub body: &'a [u8],
}

impl<'a> ServedRequest<'a> {
    pub(crate) fn of(request: &'a Request) -> Self {
        Self {
            route: Route::of(&request.method, &request.path).0,
            method: &request.method,
            path: &request.path,
            query: &request.parameters,
            authorization: request.authorization.as_deref(),
            content_type: &request.content_type,
            body: request.body.as_deref().unwrap_or_default(),
        }
    }
}
