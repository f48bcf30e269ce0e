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

/// Answers requests until it is dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    url: String,
    secret: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    server: AbortHandle,
}

/// One received delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Seen {
    pub(crate) id: String,
    pub(crate) signed: bool,
    pub(crate) status: u16,
    /// The body's `type`.
    pub(crate) event: String,
    pub(crate) export_id: String,
}

/// Whether the receiver is up at the first delivery, or answers it with 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtFirst {
    Up,
    Down,
}

/// State that all connections share.
struct Desk {
    signer: Signer,
    at_first: AtFirst,
    seen: Arc<Mutex<Vec<Seen>>>,
    on_delivery: Box<dyn Fn(&Seen) + Send + Sync>,
}

impl Receiver {
    /// Starts the receiver. It calls `on_delivery` for every delivery, accepted or not.
    pub(crate) async fn start(
        address: SocketAddr,
        secret: &str,
        at_first: AtFirst,
        on_delivery: impl Fn(&Seen) + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let url = receiver_url(listener.local_addr()?);
        let seen = Arc::default();
        let desk = Desk {
            signer: Signer::new(&secret.to_owned().into())?,
            at_first,
            seen: Arc::clone(&seen),
            on_delivery: Box::new(on_delivery),
        };
        let server = tokio::spawn(accept(listener, Arc::new(desk))).abort_handle();
        Ok(Self {
            url,
            secret: secret.to_owned(),
            seen,
            server,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen
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

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&desk)));
    }
}

async fn serve(stream: TcpStream, desk: Arc<Desk>) {
    let service = service_fn(|request| async {
        let status = take(request, &desk).await;
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = status;
        Ok::<_, Infallible>(response)
    });
    // A sender that closes the connection is not an error here.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn take(request: Request<Incoming>, desk: &Desk) -> StatusCode {
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
    let valid = desk
        .signer
        .verify(&id, &timestamp, &signature, &body, Clock::System.now())
        .is_ok();
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let mut seen = desk.seen.lock().unwrap_or_else(PoisonError::into_inner);
    let down = seen.is_empty() && desk.at_first == AtFirst::Down;
    let status = match (down, valid) {
        (true, _) => StatusCode::SERVICE_UNAVAILABLE,
        (false, true) => StatusCode::NO_CONTENT,
        (false, false) => StatusCode::UNAUTHORIZED,
    };
    let delivery = Seen {
        id,
        signed: valid,
        status: status.as_u16(),
        event: text(&json["type"]),
        export_id: text(&json["data"]["exportId"]),
    };
    (desk.on_delivery)(&delivery);
    seen.push(delivery);
    status
}
