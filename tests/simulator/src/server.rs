//! The HTTP server: one task accepts, one task serves each connection. Implements the faults that affect the connection
//! itself.

mod body;
mod socket;

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::faults::schedule::ScheduledFault;
use crate::filter::ServedRequest;
use crate::organisation::request::{REQUEST_BODY_MAX_BYTES, Request};
use crate::organisation::response::{ApiError, ApiResponse, ResponseWithFault};
use crate::simulator::Shared;
use body::Body;
use socket::{UpgradeRequest, UpgradeSlot};

/// Limit for reading one request body, whether or not it is kept.
const READ_MAX_BYTES: usize = 16 << 20;

/// Runs until it is aborted. Its connections end with it.
pub(crate) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(serve(stream, Arc::clone(&shared))); }
                // Most likely out of file descriptors: yield and accept again later.
                Err(error) => { tracing::debug!(%error, "connection not accepted"); tokio::task::yield_now().await; }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // The pieces of a slow body should arrive separately.
    stream.set_nodelay(true).ok();
    let slot = UpgradeSlot::default();
    let service = service_fn(|request| exchange(request, Arc::clone(&shared), Arc::clone(&slot)));
    if let Err(error) = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await
    {
        tracing::debug!(%error, "connection closed early");
    }
    socket::run(&slot, &shared).await;
}

async fn exchange(
    mut request: http::Request<Incoming>,
    shared: Arc<Shared>,
    slot: UpgradeSlot,
) -> io::Result<Response<Body>> {
    let upgrade = UpgradeRequest::of(&mut request);
    let request = read_request(request).await;
    if let Some(upgrade) = upgrade {
        return Ok(open_socket(upgrade, &request, &shared, &slot));
    }
    let response_with_fault = serve_request(&request, &shared);
    // On an error of the service, hyper closes the connection without a response.
    match response_with_fault.fault {
        ScheduledFault::Reset | ScheduledFault::ResetAfterEffect => {
            Err(io::ErrorKind::ConnectionReset.into())
        }
        _ => Ok(build_http_response(response_with_fault)),
    }
}

fn open_socket(
    upgrade: UpgradeRequest,
    request: &Request,
    shared: &Shared,
    slot: &UpgradeSlot,
) -> Response<Body> {
    let admission = shared.lock().admit(request);
    shared.notify();
    match admission {
        Ok(admission) => upgrade.accept(admission, slot),
        Err(response) => build_http_response(ResponseWithFault::without_fault(response)),
    }
}

fn serve_request(request: &Request, shared: &Shared) -> ResponseWithFault {
    let (mut response_with_fault, filter) = {
        let mut organisation = shared.lock();
        let response_with_fault = organisation.respond(request);
        (
            response_with_fault,
            organisation.settings.response_filter.clone(),
        )
    };
    shared.notify();
    if let Some(filter) = filter {
        response_with_fault.response =
            filter(&ServedRequest::of(request), response_with_fault.response);
    }
    response_with_fault
}

async fn read_request(request: http::Request<Incoming>) -> Request {
    let (head, body) = request.into_parts();
    Request {
        method: head.method,
        host: text(&head.headers, &header::HOST).unwrap_or_default(),
        path: head.uri.path().to_owned(),
        parameters: url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
        authorization: text(&head.headers, &header::AUTHORIZATION),
        content_type: text(&head.headers, &header::CONTENT_TYPE).unwrap_or_default(),
        body: read_body(body).await,
    }
}

/// Reads past the limit, up to a bound: otherwise a client that is still sending would see a connection reset instead
/// of the error response.
async fn read_body(mut body: Incoming) -> Result<Bytes, ApiError> {
    let mut bytes = BytesMut::new();
    let mut length = 0;
    while length <= READ_MAX_BYTES
        && let Some(frame) = body.frame().await
    {
        let frame = frame.map_err(|error| ApiError::bad_request(&read_error_message(&error)))?;
        let data = frame.into_data().unwrap_or_default();
        length += data.len();
        if length <= REQUEST_BODY_MAX_BYTES {
            bytes.extend_from_slice(&data);
        }
    }
    if length > REQUEST_BODY_MAX_BYTES {
        return Err(too_large());
    }
    Ok(bytes.freeze())
}

fn read_error_message(error: &hyper::Error) -> String {
    format!("The request could not be read: {error}")
}

fn too_large() -> ApiError {
    let message =
        format!("The request is over the size limit. Maximum bytes: {REQUEST_BODY_MAX_BYTES}");
    ApiError::new(413, "request.entity.too.large", &message)
}

fn text(headers: &HeaderMap, name: &header::HeaderName) -> Option<String> {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned)
}

fn build_http_response(response_with_fault: ResponseWithFault) -> Response<Body> {
    let ResponseWithFault {
        response,
        fault,
        slow_pause,
    } = response_with_fault;
    let ApiResponse {
        status,
        headers,
        body,
        content_length,
    } = response;
    let (status, body) = match fault {
        ScheduledFault::Garbage => (200, garbage(&body)),
        _ => (status, body),
    };
    let length = content_length.unwrap_or(body.len());
    let body = match fault {
        ScheduledFault::Slow => body::slow(&body, slow_pause),
        ScheduledFault::CutOff => body::cut_off(body),
        ScheduledFault::Stall => body::stalled(body),
        _ if length != body.len() => body::with_other_length(body),
        _ => body::complete(body),
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    if status != 204 {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length.into());
    }
    response
}

/// The first two thirds: complete as an HTTP body, but not JSON.
fn garbage(body: &Bytes) -> Bytes {
    let mut spoiled = body.slice(..body.len() * 2 / 3).to_vec();
    spoiled.extend_from_slice(b"\x00<!-- upstream connect error");
    spoiled.into()
}
