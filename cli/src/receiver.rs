//! A webhook receiver on this machine, which accepts deliveries with a valid signature.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use conversation_archive::net::clock::Clock;
use conversation_archive::net::webhook::{ID_HEADER, SIGNATURE_HEADER, Signer, TIMESTAMP_HEADER};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

#[cfg(test)]
pub(crate) mod scripted;

/// Serves requests until it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    url: String,
    secret: String,
    deliveries: Arc<Mutex<Vec<ReceivedDelivery>>>,
    server: AbortHandle,
}

/// One received delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceivedDelivery {
    pub(crate) id: String,
    pub(crate) signed: bool,
    pub(crate) status: u16,
    /// The body's `type`.
    pub(crate) event: String,
    pub(crate) export_id: String,
}

/// Whether the receiver accepts the first delivery, or returns 503 for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InitialState {
    Up,
    Down,
}

/// State that all connections share.
struct ReceiverState {
    signer: Signer,
    initial_state: InitialState,
    deliveries: Arc<Mutex<Vec<ReceivedDelivery>>>,
    on_delivery: Box<dyn Fn(&ReceivedDelivery) + Send + Sync>,
}

impl Receiver {
    /// Starts the receiver. It calls `on_delivery` for every delivery, accepted or not.
    pub(crate) async fn start(
        address: SocketAddr,
        secret: &str,
        initial_state: InitialState,
        on_delivery: impl Fn(&ReceivedDelivery) + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let url = receiver_url(listener.local_addr()?);
        let deliveries = Arc::default();
        let state = ReceiverState {
            signer: Signer::new(&secret.to_owned().into())?,
            initial_state,
            deliveries: Arc::clone(&deliveries),
            on_delivery: Box::new(on_delivery),
        };
        let server = tokio::spawn(accept(listener, Arc::new(state))).abort_handle();
        Ok(Self {
            url,
            secret: secret.to_owned(),
            deliveries,
            server,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    pub(crate) fn deliveries(&self) -> Vec<ReceivedDelivery> {
        self.deliveries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// The webhook URL of a receiver that listens on `address`.
pub(crate) fn receiver_url(address: SocketAddr) -> String {
    format!("http://{address}/archive-events")
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A signing secret as an operator would create one: 24 random bytes as base64.
pub(crate) fn new_secret() -> String {
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters: String = (0..32)
        .map(|_| char::from(BASE64[fastrand::usize(..BASE64.len())]))
        .collect();
    format!("whsec_{letters}")
}

async fn accept(listener: TcpListener, state: Arc<ReceiverState>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&state)));
    }
}

async fn serve(stream: TcpStream, state: Arc<ReceiverState>) {
    let service = service_fn(|request| async {
        let status = receive(request, &state).await;
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = status;
        Ok::<_, Infallible>(response)
    });
    // A sender that closes the connection is not an error here.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn receive(request: Request<Incoming>, state: &ReceiverState) -> StatusCode {
    let header = |name| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let [id, timestamp, signature] = [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER].map(header);
    let Ok(body) = request.into_body().collect().await else {
        return StatusCode::BAD_REQUEST;
    };
    let body = body.to_bytes();
    let valid = state
        .signer
        .verify(&id, &timestamp, &signature, &body, Clock::System.now())
        .is_ok();
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut deliveries = state
        .deliveries
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let down = deliveries.is_empty() && state.initial_state == InitialState::Down;
    let status = match (down, valid) {
        (true, _) => StatusCode::SERVICE_UNAVAILABLE,
        (false, true) => StatusCode::NO_CONTENT,
        (false, false) => StatusCode::UNAUTHORIZED,
    };
    let delivery = ReceivedDelivery {
        id,
        signed: valid,
        status: status.as_u16(),
        event: text(&json["type"]),
        export_id: text(&json["data"]["exportId"]),
    };
    (state.on_delivery)(&delivery);
    deliveries.push(delivery);
    status
}
