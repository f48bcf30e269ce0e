//! A webhook receiver for tests that gives scripted answers, whatever is sent.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// The answer to a delivery.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Status(u16),
    /// With a `Location` header.
    Redirect(u16, &'static str),
    /// The connection is closed without an answer.
    HangUp,
}

/// Answers requests until it is dropped.
#[derive(Debug)]
pub(crate) struct Scripted {
    url: String,
    desk: Arc<Desk>,
    server: AbortHandle,
}

#[derive(Debug)]
struct Desk {
    /// Used in order; the last one is repeated.
    answers: Mutex<Vec<Answer>>,
    ids: Mutex<Vec<String>>,
}

impl Scripted {
    /// Starts a receiver that answers each delivery with the next of `answers`, then repeats the last one.
    pub(crate) async fn start(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook?key=s3cret", listener.local_addr().unwrap());
        let desk = Arc::new(Desk {
            answers: Mutex::new(answers.to_vec()),
            ids: Mutex::default(),
        });
        let serving = Arc::clone(&desk);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self {
            url,
            desk,
            server: server.abort_handle(),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Gives this answer from now on.
    pub(crate) fn answer(&self, answer: Answer) {
        *lock(&self.desk.answers) = vec![answer];
    }

    /// The `webhook-id` of each delivery, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        lock(&self.desk.ids).clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Desk {
    fn next(&self) -> Answer {
        let mut answers = lock(&self.answers);
        if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0]
        }
    }
}

/// Serves one delivery per connection.
async fn serve(mut stream: TcpStream, desk: Arc<Desk>) {
    let Some(id) = read_id(&mut stream).await else {
        return;
    };
    lock(&desk.ids).push(id);
    let (status, more) = match desk.next() {
        Answer::Status(status) => (status, String::new()),
        Answer::Redirect(status, to) => (status, format!("location: {to}\r\n")),
        Answer::HangUp => return,
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
