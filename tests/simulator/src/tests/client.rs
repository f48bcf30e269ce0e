//! A minimal client: no retries, no pooling, no TLS provider to install.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use url::Url;

pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Longer than any response takes, even on a busy machine.
const MAX_WAIT: Duration = Duration::from_secs(20);

pub(super) struct Call {
    url: Url,
    method: Method,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

#[derive(Debug)]
pub(super) struct ClientResponse {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn new(method: Method, url: Url) -> Self {
        Self {
            url,
            method,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(super) fn basic_auth(self, id: &str, secret: &str) -> Self {
        self.header(
            "authorization",
            format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))),
        )
    }

    pub(super) fn bearer_auth(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    pub(super) fn json(self, body: &Value) -> Self {
        Self {
            body: body.to_string().into(),
            ..self.header("content-type", "application/json".to_owned())
        }
    }

    pub(super) fn form(self, body: &str) -> Self {
        Self {
            body: body.to_owned().into(),
            ..self.header(
                "content-type",
                "application/x-www-form-urlencoded".to_owned(),
            )
        }
    }

    pub(super) async fn send(self) -> Result<ClientResponse, Failure> {
        tokio::time::timeout(MAX_WAIT, self.exchange()).await?
    }

    fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    async fn exchange(self) -> Result<ClientResponse, Failure> {
        let address = (self.url.host_str().unwrap(), self.url.port().unwrap());
        let stream = TcpStream::connect(address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let path = &self.url[url::Position::BeforePath..];
        let mut request = Request::builder()
            .method(self.method)
            .uri(path)
            .header("host", "localhost");
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let (head, body) = sender
            .send_request(request.body(Full::new(self.body))?)
            .await?
            .into_parts();
        Ok(ClientResponse {
            status: head.status.as_u16(),
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        })
    }
}

impl ClientResponse {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}
