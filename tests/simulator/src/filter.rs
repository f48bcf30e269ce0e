//! A function of the test's that sees each answer before it is sent and may send another one.

use std::sync::Arc;

use http::Method;

use crate::organisation::answer::Answer;
use crate::organisation::request::Request;
use crate::route::Route;

/// Gets each request with the answer that is due, and returns the answer that is sent. Runs after the request had its
/// effect, outside of any lock, for several requests at a time.
pub type AnswerFilter = Arc<dyn Fn(&ServedRequest<'_>, Answer) -> Answer + Send + Sync>;

/// A request whose answer is about to be sent.
#[derive(Clone, Copy, Debug)]
pub struct ServedRequest<'a> {
    pub route: Route,
    pub method: &'a Method,
    pub path: &'a str,
    /// Names and values of the query string, decoded.
    pub query: &'a [(String, String)],
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
            body: request.body.as_deref().unwrap_or_default(),
        }
    }
}
