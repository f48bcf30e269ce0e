//! The server: its API with channels, subscriptions and queues, and its sockets, which the tests drive.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use url::Url;

use crate::genesys::{ClientSettings, Credentials, Endpoints, GenesysClient};
use crate::net::clock::Clock;

/// Runs until the test ends.
pub(super) struct Server {
    url: Url,
    state: Arc<Mutex<State>>,
    connections: mpsc::UnboundedReceiver<Peer>,
}

/// The server's side of a connection.
pub(super) struct Peer {
    /// Path and query.
    pub(super) target: String,
    socket: WebSocketStream<TcpStream>,
}

#[derive(Default)]
struct State {
    tokens: u32,
    created: u32,
    channels: Vec<String>,
    queues: Vec<String>,
    /// The missing permission by topic.
    rejected: BTreeMap<String, String>,
    /// The calls, and the refused handshakes.
    calls: Vec<String>,
    /// The topics of each PUT, with the channel.
    subscribed: Vec<(String, Vec<String>)>,
    /// The statuses with which the next handshakes are refused.
    refused_handshakes: Vec<u16>,
    failing_subscriptions: u32,
}

struct Request {
    method: String,
    url: Url,
    body: String,
}

impl Server {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let url: Url = url.parse().unwrap();
        let (connected, connections) = mpsc::unbounded_channel();
        let state = Arc::<Mutex<State>>::default();
        let (accepting, base) = (Arc::clone(&state), url.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serve(
                    stream,
                    base.clone(),
                    Arc::clone(&accepting),
                    connected.clone(),
                );
                tokio::spawn(serving);
            }
        });
        Self {
            url,
            state,
            connections,
        }
    }

    pub(super) fn client(&self, clock: Clock) -> GenesysClient {
        let url = Some(self.url.as_str());
        let endpoints = Endpoints::new(None, url, url).unwrap();
        let credentials = Credentials {
            id: "c1".to_owned(),
            secret: "s3cret".into(),
        };
        GenesysClient::new(ClientSettings::new(endpoints), Arc::new(credentials), clock).unwrap()
    }

    /// The next connection of the client.
    pub(super) async fn connected(&mut self) -> Peer {
        self.connections.recv().await.unwrap()
    }

    /// Removes the queue that was added last.
    pub(super) fn remove_queue(&self) {
        self.state().queues.pop();
    }

    /// Adds queues: `q-1`, `q-2` and so on, with the names `Queue 1`, `Queue 2`.
    pub(super) fn add_queues(&self, count: usize) {
        let queues = &mut self.state().queues;
        let first = queues.len() + 1;
        queues.extend((first..first + count).map(|number| format!("q-{number}")));
    }

    pub(super) fn add_channels(&self, ids: &[&str]) {
        let added = ids.iter().map(|id| (*id).to_owned());
        self.state().channels.extend(added);
    }

    pub(super) fn remove_channels(&self) {
        self.state().channels.clear();
    }

    pub(super) fn reject(&self, topic: &str, permission: &str) {
        let rejected = &mut self.state().rejected;
        rejected.insert(topic.to_owned(), permission.to_owned());
    }

    pub(super) fn refuse_handshakes(&self, statuses: &[u16]) {
        self.state().refused_handshakes = statuses.to_vec();
    }

    /// The next subscriptions fail, and are not to be repeated for 5 minutes.
    pub(super) fn fail_subscriptions(&self, count: u32) {
        self.state().failing_subscriptions = count;
    }

    /// The topics of all PUTs, each with its channel.
    pub(super) fn subscribed(&self) -> Vec<(String, Vec<String>)> {
        self.state().subscribed.clone()
    }

    /// How often the method and path were called.
    pub(super) fn count(&self, call: &str) -> usize {
        self.state().calls.iter().filter(|it| *it == call).count()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Peer {
    pub(super) async fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Sends bytes as they are, not as a frame.
    pub(super) async fn send_raw(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).await.unwrap();
    }

    pub(super) async fn ping(&mut self) {
        let ping = Message::Ping(vec![7].into());
        self.socket.send(ping).await.unwrap();
    }

    pub(super) async fn close(mut self, code: u16) {
        let reason = String::new().into();
        let frame = CloseFrame {
            code: code.into(),
            reason,
        };
        self.socket.close(Some(frame)).await.unwrap();
        // Until the client has closed, too.
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    /// The next message of the client. A ping is answered.
    pub(super) async fn receive(&mut self) -> Message {
        let message = self.socket.next().await.unwrap().unwrap();
        // Without effect on a connection that the client has closed.
        let _ = self.socket.flush().await;
        message
    }

    /// The code with which the client closes the connection.
    pub(super) async fn close_code(&mut self) -> u16 {
        loop {
            if let Message::Close(frame) = self.receive().await {
                return frame.unwrap().code.into();
            }
        }
    }
}

async fn serve(
    mut stream: TcpStream,
    base: Url,
    state: Arc<Mutex<State>>,
    connected: mpsc::UnboundedSender<Peer>,
) {
    let head = peek_head(&stream).await;
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let is_upgrade = head.to_ascii_lowercase().contains("upgrade: websocket");
    let refusal = is_upgrade.then(|| pop_first(&mut state.lock().unwrap().refused_handshakes));
    match refusal {
        Some(None) => {
            let socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            // The test may have ended.
            let _ = connected.send(Peer { target, socket });
        }
        Some(Some(status)) => {
            read_request(&mut stream, &base).await;
            respond(&mut stream, status, "").await;
        }
        None => {
            let request = read_request(&mut stream, &base).await;
            let (status, body) = state.lock().unwrap().answer(&request, &base);
            respond(&mut stream, status, &body).await;
        }
    }
}

fn pop_first(statuses: &mut Vec<u16>) -> Option<u16> {
    (!statuses.is_empty()).then(|| statuses.remove(0))
}

/// The head of the request, which remains in the stream.
async fn peek_head(stream: &TcpStream) -> String {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = stream.peek(&mut buffer).await.unwrap();
        let text = String::from_utf8_lossy(&buffer[..length]);
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            return head.to_owned();
        }
        if length == 0 {
            return String::new();
        }
        tokio::task::yield_now().await;
    }
}

async fn read_request(stream: &mut TcpStream, base: &Url) -> Request {
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await.unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse().unwrap())
        });
        if body.len() < length.unwrap_or(0) {
            continue;
        }
        let mut words = head.split(' ');
        return Request {
            method: words.next().unwrap().to_owned(),
            url: base.join(words.next().unwrap()).unwrap(),
            body: body.to_owned(),
        };
    }
}

async fn respond(stream: &mut TcpStream, status: u16, body: &str) {
    let length = body.len();
    let response = format!(
        "HTTP/1.1 {status} Status\r\nconnection: close\r\nretry-after: 300\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    // The client may have cancelled the call.
    let _ = stream.write_all(response.as_bytes()).await;
    let _ = stream.shutdown().await;
}

impl State {
    fn answer(&mut self, request: &Request, base: &Url) -> (u16, String) {
        let path = request.url.path().trim_start_matches('/');
        let path = path.strip_prefix("api/v2/").unwrap_or(path);
        self.calls.push(format!("{} {path}", request.method));
        let parts: Vec<_> = path.split('/').collect();
        match (&*request.method, &parts[..]) {
            ("POST", ["oauth", "token"]) => self.token(),
            ("GET", ["routing", "queues"]) => (200, self.queues(&request.url).to_string()),
            ("GET", ["notifications", "channels"]) => {
                let channels: Vec<_> = self.channels.iter().map(|id| channel(id, base)).collect();
                (200, json!({ "entities": channels }).to_string())
            }
            ("POST", ["notifications", "channels"]) => {
                self.created += 1;
                let id = format!("channel-{}", self.created);
                self.channels.push(id.clone());
                (200, channel(&id, base).to_string())
            }
            ("HEAD", ["notifications", "channels", id]) if self.has(id) => (200, String::new()),
            ("PUT", _) if self.failing_subscriptions > 0 => {
                self.failing_subscriptions -= 1;
                (503, String::new())
            }
            ("PUT", ["notifications", "channels", id, "subscriptions"]) if self.has(id) => {
                self.subscribe(id, &request.body)
            }
            _ => (
                404,
                r#"{"code":"not.found","message":"no","status":404}"#.to_owned(),
            ),
        }
    }

    fn token(&mut self) -> (u16, String) {
        self.tokens += 1;
        let token = format!("t0ken-{}", self.tokens);
        let body = json!({ "access_token": token, "token_type": "bearer", "expires_in": 172_800 });
        (200, body.to_string())
    }

    fn has(&self, channel: &str) -> bool {
        self.channels.iter().any(|id| id == channel)
    }

    fn queues(&self, url: &Url) -> Value {
        let value = |name: &str| {
            let pairs = url.query_pairs();
            let mut found = pairs.filter(|(key, _)| key == name);
            found.next().map(|(_, value)| value.into_owned())
        };
        let number = |name: &str| value(name).unwrap().parse::<usize>().unwrap();
        let (size, page) = (number("pageSize"), number("pageNumber"));
        let named = |id: &str| format!("Queue {}", &id[2..]);
        // The API finds all names that begin in this way.
        let prefix = value("name").unwrap_or_default().to_lowercase();
        let is_found = |id: &&String| named(id).to_lowercase().starts_with(&prefix);
        let found: Vec<_> = self.queues.iter().filter(is_found).collect();
        let entities = found.iter().skip((page - 1) * size).take(size);
        let entities = entities.map(|id| json!({ "id": id, "name": named(id) }));
        json!({
            "entities": entities.collect::<Vec<_>>(),
            "pageCount": found.len().div_ceil(size),
        })
    }

    fn subscribe(&mut self, channel: &str, body: &str) -> (u16, String) {
        let topics: Vec<BTreeMap<String, String>> = serde_json::from_str(body).unwrap();
        let topics: Vec<_> = topics
            .into_iter()
            .map(|topic| topic["id"].clone())
            .collect();
        let entity = |topic: &String| match self.rejected.get(topic) {
            Some(permission) => {
                json!({ "id": topic, "state": "Rejected", "missingPermissions": [permission] })
            }
            None => json!({ "id": topic, "state": "Permitted" }),
        };
        let entities: Vec<_> = topics.iter().map(entity).collect();
        self.subscribed.push((channel.to_owned(), topics));
        (200, json!({ "entities": entities }).to_string())
    }
}

fn channel(id: &str, base: &Url) -> Value {
    let host = base.authority();
    json!({ "id": id, "connectUri": format!("ws://{host}/channels/{id}") })
}
