//! A webhook receiver on loopback that checks signatures as a customer's receiver does.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use conversation_archive::net::clock::Clock;
use conversation_archive::net::webhook::Signer;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::http::{Request, read_request};
use crate::process::SIGNING_SECRET;

/// A delivery with a valid signature that the receiver accepted.
#[derive(Clone, Debug)]
pub struct ReceivedWebhook {
    pub id: String,
    pub body: Value,
}

#[derive(Debug)]
pub struct Receiver {
    url: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    deliveries: Mutex<Vec<ReceivedWebhook>>,
    /// Webhook ids of the deliveries with any other response than 200.
    refused_ids: Mutex<Vec<String>>,
    /// Statuses of the next responses; then 200.
    next_statuses: Mutex<VecDeque<u16>>,
    /// Periods (half-open) in which the response to every delivery is 503.
    down: Mutex<Vec<(Timestamp, Timestamp)>>,
    /// Number of deliveries with the response 503 in these periods.
    refused: AtomicU64,
}

impl Receiver {
    pub async fn start(clock: Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            clock,
            deliveries: Mutex::default(),
            refused_ids: Mutex::default(),
            next_statuses: Mutex::default(),
            down: Mutex::default(),
            refused: AtomicU64::default(),
        });
        let serving = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self {
            url,
            shared,
            accepting,
        }
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn respond_first_with(&self, statuses: &[u16]) {
        lock(&self.shared.next_statuses).extend(statuses);
    }

    /// Responds with 503 to every delivery from `from` until `until` (exclusive).
    pub fn set_down(&self, from: Timestamp, until: Timestamp) {
        lock(&self.shared.down).push((from, until));
    }

    pub fn refused_count(&self) -> u64 {
        self.shared.refused.load(Ordering::SeqCst)
    }

    pub fn deliveries(&self) -> Vec<ReceivedWebhook> {
        lock(&self.shared.deliveries).clone()
    }

    /// Returns the webhook id of each delivery that was not accepted, in order.
    pub fn refused_ids(&self) -> Vec<String> {
        lock(&self.shared.refused_ids).clone()
    }

    /// Returns the distinct webhook ids, each with the type that it announced.
    pub fn event_types_by_id(&self) -> BTreeMap<String, String> {
        let text = |delivery: &ReceivedWebhook| {
            delivery.body["type"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        self.deliveries()
            .iter()
            .map(|delivery| (delivery.id.clone(), text(delivery)))
            .collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves one request per connection, which is all that a delivery needs.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(Request { headers, body, .. }) = read_request(&mut stream).await else {
        return;
    };
    let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
    let id = header("webhook-id");
    let now = shared.clock.now();
    let is_down = lock(&shared.down)
        .iter()
        .any(|(from, until)| *from <= now && now < *until);
    let status = if is_down {
        shared.refused.fetch_add(1, Ordering::SeqCst);
        503
    } else {
        lock(&shared.next_statuses).pop_front().unwrap_or(200)
    };
    if status == 200 {
        let signer = Signer::new(&SecretString::from(SIGNING_SECRET)).expect("a signer");
        signer
            .verify(
                &id,
                &header("webhook-timestamp"),
                &header("webhook-signature"),
                &body,
                shared.clock.now(),
            )
            .expect("every delivery is signed");
        assert_eq!(header("x-archive-source"), "genesys-cloud");
        let body = serde_json::from_slice(&body).expect("a JSON body");
        lock(&shared.deliveries).push(ReceivedWebhook { id, body });
    } else {
        lock(&shared.refused_ids).push(id);
    }
    let response = format!("HTTP/1.1 {status} -\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(response.as_bytes()).await;
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
