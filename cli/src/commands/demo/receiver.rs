//! A webhook receiver on loopback. It is down at the first delivery and takes those that are signed.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use conversation_archive::clock::Clock;
use conversation_archive::webhook::{ID_HEADER, SIGNATURE_HEADER, Signer, TIMESTAMP_HEADER};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Answers until it is dropped.
#[derive(Debug)]
pub(super) struct Receiver {
    url: String,
    secret: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    server: AbortHandle,
}

/// One delivery as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) id: String,
    pub(super) signed: bool,
    pub(super) status: u16,
    /// The body's `type`.
    pub(super) event: String,
}

impl Receiver {
    pub(super) async fn start() -> anyhow::Result<Self> {
        let secret = secret();
        let signer = Signer::new(&secret.clone().into())?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let url = format!("http://{}/archive-events", listener.local_addr()?);
        let seen = Arc::default();
        let server = tokio::spawn(accept(listener, signer, Arc::clone(&seen))).abort_handle();
        Ok(Self {
            url,
            secret,
            seen,
            server,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A signing secret as an operator would make one: 24 random bytes as base64, for this run only.
fn secret() -> String {
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letters: String = (0..32)
        .map(|_| char::from(BASE64[fastrand::usize(..BASE64.len())]))
        .collect();
    format!("whsec_{letters}")
}

async fn accept(listener: TcpListener, signer: Signer, seen: Arc<Mutex<Vec<Seen>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, signer.clone(), Arc::clone(&seen)));
    }
}

async fn serve(stream: TcpStream, signer: Signer, seen: Arc<Mutex<Vec<Seen>>>) {
    let service = service_fn(|request| async {
        let status = take(request, &signer, &seen).await;
        let mut response = Response::new(Empty::<Bytes>::new());
        *response.status_mut() = status;
        Ok::<_, Infallible>(response)
    });
    // A sender that goes away is no concern of ours.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn take(request: Request<Incoming>, signer: &Signer, seen: &Mutex<Vec<Seen>>) -> StatusCode {
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
    let valid = signer
        .verify(&id, &timestamp, &signature, &body, Clock::System.now())
        .is_ok();
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let status = match (seen.is_empty(), valid) {
        (true, _) => StatusCode::SERVICE_UNAVAILABLE,
        (false, true) => StatusCode::NO_CONTENT,
        (false, false) => StatusCode::UNAUTHORIZED,
    };
    let event = json["type"].as_str().unwrap_or_default().to_owned();
    seen.push(Seen {
        id,
        signed: valid,
        status: status.as_u16(),
        event,
    });
    status
}
