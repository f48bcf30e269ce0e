//! A webhook receiver for tests that returns scripted responses, whatever is sent.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// The response to a delivery.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ScriptedResponse {
    Status(u16),
    /// With a `Location` header.
    Redirect(u16, &'static str),
    /// The connection is closed without a response.
    CloseConnection,
}

/// Serves requests until it is dropped.
#[derive(Debug)]
pub(crate) struct ScriptedReceiver {
    url: String,
    script: Arc<Script>,
    server: AbortHandle,
}

#[derive(Debug)]
struct Script {
    /// Used in order; the last one is repeated.
    responses: Mutex<Vec<ScriptedResponse>>,
    ids: Mutex<Vec<String>>,
}

impl ScriptedReceiver {
    /// Starts a receiver that responds to each delivery with the next of `responses`, then repeats the last one.
    pub(crate) async fn start(responses: &[ScriptedResponse]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?key=s3cret", listener.local_addr().unwrap());
        let script = Arc::new(Script {
            responses: Mutex::new(responses.to_vec()),
            ids: Mutex::default(),
        });
        let serving = Arc::clone(&script);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self {
            url,
            script,
            server: server.abort_handle(),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Returns this response from now on.
    pub(crate) fn respond_with(&self, response: ScriptedResponse) {
        *lock(&self.script.responses) = vec![response];
    }

    /// The `webhook-id` of each delivery, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        lock(&self.script.ids).clone()
    }
}

impl Drop for ScriptedReceiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Script {
    fn next_response(&self) -> ScriptedResponse {
        let mut responses = lock(&self.responses);
        if responses.len() > 1 {
            responses.remove(0)
        } else {
            responses[0]
        }
    }
}

/// Serves one delivery per connection.
async fn serve(mut stream: TcpStream, script: Arc<Script>) {
    let Some(id) = read_id(&mut stream).await else {
        return;
    };
    lock(&script.ids).push(id);
    let (status, more) = match script.next_response() {
        ScriptedResponse::Status(status) => (status, String::new()),
        ScriptedResponse::Redirect(status, to) => (status, format!("location: {to}\r\n")),
        ScriptedResponse::CloseConnection => return,
    };
    let reply =
        format!("HTTP/1.1 {status} -\r\n{more}content-length: 0\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(reply.as_bytes()).await;
}

/// Reads the whole request and returns its `webhook-id`.
async fn read_id(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                let line = head.lines().find(|line| line.starts_with(name))?;
                Some(line.split_once(": ")?.1.to_owned())
            };
            if body.len() >= header("content-length")?.parse().ok()? {
                return header("webhook-id");
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
