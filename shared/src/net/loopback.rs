//! A server for tests: sends scripted responses in order and records the requests.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;
use url::Url;

/// One received request.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

/// One scripted response.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    content_length: usize,
    barrier: Option<Arc<Barrier>>,
}

/// A server on this machine that ends with the test's runtime.
#[derive(Clone, Debug)]
pub(crate) struct Loopback {
    pub(crate) url: Url,
    seen: Arc<Mutex<Vec<ReceivedRequest>>>,
    script: Arc<Mutex<HashMap<&'static str, VecDeque<Scripted>>>>,
}

impl Scripted {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self {
            status,
            headers: Vec::new(),
            content_length: body.len(),
            body,
            barrier: None,
        }
    }

    /// A token that expires after `expires_in` seconds.
    pub(crate) fn token(token: &str, expires_in: u64) -> Self {
        Self::new(
            200,
            format!(
                r#"{{"access_token":"{token}","token_type":"bearer","expires_in":{expires_in}}}"#
            ),
        )
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Closes the connection after half of the body.
    pub(crate) fn cut_off(mut self) -> Self {
        self.body.truncate(self.content_length / 2);
        self
    }

    /// Sends the response only when as many requests are waiting as the barrier requires.
    pub(crate) fn wait_for(mut self, barrier: &Arc<Barrier>) -> Self {
        self.barrier = Some(Arc::clone(barrier));
        self
    }
}

impl Loopback {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let server = Self {
            url,
            seen: Arc::default(),
            script: Arc::default(),
        };
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().serve(stream));
            }
        });
        server
    }

    /// Responds to requests to `path` in this order; the last response repeats.
    pub(crate) fn script(&self, path: &'static str, responses: impl IntoIterator<Item = Scripted>) {
        self.script
            .lock()
            .unwrap()
            .insert(path, responses.into_iter().collect());
    }

    /// The requests to `path` so far.
    pub(crate) fn seen(&self, path: &str) -> Vec<ReceivedRequest> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|seen| seen.path() == path)
            .cloned()
            .collect()
    }

    pub(crate) fn hits(&self, path: &str) -> usize {
        self.seen(path).len()
    }

    async fn serve(self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        let Some(seen) = ReceivedRequest::read(&mut stream).await else {
            return;
        };
        let response = self.next(seen.path());
        self.seen.lock().unwrap().push(seen);
        if let Some(barrier) = &response.barrier {
            barrier.wait().await;
        }
        let _ = stream.write_all(&response.bytes()).await;
        let _ = stream.shutdown().await;
    }

    fn next(&self, path: &str) -> Scripted {
        let mut script = self.script.lock().unwrap();
        let Some(responses) = script.get_mut(path) else {
            return Scripted::new(404, "{}");
        };
        if responses.len() > 1 {
            responses.pop_front().unwrap()
        } else {
            responses[0].clone()
        }
    }
}

impl ReceivedRequest {
    fn path(&self) -> &str {
        self.target.split('?').next().unwrap()
    }

    async fn read(stream: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            stream
                .read_line(&mut line)
                .await
                .ok()
                .filter(|read| *read > 0)?;
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let mut first = lines.first()?.split(' ').map(str::to_owned);
        let headers: HashMap<_, _> = lines[1..]
            .iter()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.ok()?;
        Some(Self {
            method: first.next()?,
            target: first.next()?,
            headers,
            body: String::from_utf8(body).unwrap(),
        })
    }
}

impl Scripted {
    fn bytes(&self) -> Vec<u8> {
        let length = match self.status {
            204 => String::new(),
            _ => format!("content-length: {}\r\n", self.content_length),
        };
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let headers = headers.concat();
        let head = format!(
            "HTTP/1.1 {} Scripted\r\nconnection: close\r\n{length}{headers}",
            self.status
        );
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}
