//! A small API of three conversations on loopback, whose responses may be replaced.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conversation_archive::genesys::{ClientSettings, Credentials, Endpoints, GenesysClient};
use conversation_archive::net::clock::Clock;
use conversation_archive::records::transcript::TranscriptRoute;
use conversation_archive::source::{SourceSettings, Sources};
use end_to_end::http::read_request;
use end_to_end::world::{World, organisation};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The conversation whose responses are replaced.
pub(super) const ODD: &str = "00000000-0000-4000-8000-00000000000a";
const PLAIN: [&str; 2] = [
    "00000000-0000-4000-8000-000000000001",
    "00000000-0000-4000-8000-000000000002",
];

/// The fields of a request that the tests use.
#[derive(Clone, Debug)]
pub(super) struct ReceivedRequest {
    pub(super) path: String,
    /// Message ids of a bulk request.
    pub(super) ids: Vec<String>,
    /// Number of earlier requests for this path.
    pub(super) earlier_requests: usize,
}

/// Status and body.
pub(super) type Response = (u16, Vec<u8>);

type ResponseOverride = Box<dyn Fn(&ReceivedRequest) -> Option<Response> + Send + Sync>;

/// Serves until it is dropped.
pub(super) struct Api {
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
    url: String,
}

struct Shared {
    override_response: ResponseOverride,
    messages: usize,
    requests: Mutex<Vec<ReceivedRequest>>,
}

pub(super) fn response(status: u16, body: &Value) -> Response {
    (status, body.to_string().into_bytes())
}

pub(super) fn message_ids(conversation: &str, count: usize) -> Vec<String> {
    let short = &conversation[conversation.len() - 2..];
    (1..=count)
        .map(|number| format!("{short}-m{number}"))
        .collect()
}

/// Ids of conversations with unusual responses.
pub(super) fn odd_ids(count: usize) -> Vec<String> {
    (10..10 + count)
        .map(|number| format!("{number}-{ODD}"))
        .collect()
}

/// A message conversation as the API documents it.
pub(super) fn conversation(id: &str, messages: usize) -> Value {
    let ids = message_ids(id, messages);
    let (first, rest) = ids.split_at(1);
    let details =
        |ids: &[String]| -> Vec<Value> { ids.iter().map(|id| json!({"messageId": id})).collect() };
    json!({"id": id, "participants": [
        {"id": "p-1", "purpose": "customer", "startTime": "2026-03-02T14:03:10.112Z", "messages": details(first)},
        {"id": "p-2", "purpose": "agent", "user": {"id": "u-2"}, "messages": details(rest)},
    ]})
}

pub(super) fn message(id: &str) -> Value {
    let number: u32 = id
        .rsplit('m')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0);
    let (minute, second) = (number / 60 % 60, number % 60);
    json!({
        "id": id, "timestamp": format!("2026-03-02T14:{minute:02}:{second:02}.000Z"), "direction": "inbound",
        "normalizedMessage": {"id": id, "type": "Text", "text": text_of(id), "originatingEntity": "Human"},
    })
}

pub(super) fn text_of(id: &str) -> String {
    format!("text of {id}")
}

pub(super) fn listing(ids: &[String]) -> Value {
    let entities: Vec<Value> = ids.iter().map(|id| message(id)).collect();
    json!({ "entities": entities })
}

/// One recording with these messages.
pub(super) fn recordings(ids: &[String]) -> Value {
    let messages = ids.iter().map(|id| {
        json!({"id": id, "purpose": "customer", "participantId": "p-1", "messageText": text_of(id)})
    });
    json!([{"media": "message", "fileState": "AVAILABLE", "messagingTranscript": messages.collect::<Vec<_>>()}])
}

pub(super) fn web_details(id: &str, messages: usize) -> Value {
    let messages = (1..).zip(message_ids(id, messages)).map(|(number, id)| {
        json!({"sequenceId": number, "from": "Guest", "text": text_of(&id), "timestamp": "2026-03-02T14:03:10.112Z"})
    });
    json!({"id": id, "messages": messages.collect::<Vec<_>>()})
}

impl Api {
    /// Starts the API. Each conversation has this number of messages.
    pub(super) async fn start(
        messages: usize,
        override_response: impl Fn(&ReceivedRequest) -> Option<Response> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            override_response: Box::new(override_response),
            messages,
            requests: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&serving)));
            }
        });
        Self {
            shared,
            accepting,
            url,
        }
    }

    /// Returns the requests about the unusual conversation.
    pub(super) fn requests(&self) -> Vec<ReceivedRequest> {
        let requests = self
            .shared
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        requests
            .iter()
            .filter(|it| it.path.contains(ODD))
            .cloned()
            .collect()
    }

    /// Returns the number of message ids in each bulk request.
    pub(super) fn batches(&self) -> Vec<usize> {
        let requests = self.requests().into_iter();
        requests
            .filter(|it| it.path.ends_with("/bulk"))
            .map(|it| it.ids.len())
            .collect()
    }

    /// Exports all conversations from this API and asserts that the others are complete. Returns the record of the
    /// unusual one.
    pub(super) async fn export(&self, route: TranscriptRoute) -> Value {
        let ids = [PLAIN[0], ODD, PLAIN[1]].map(ToOwned::to_owned);
        let mut records = self.records(route, &ids).await;
        for id in PLAIN {
            let record = records.remove(id).expect("a record");
            assert_eq!(record["status"], "complete", "{record}");
            assert_eq!(texts(&record).len(), self.shared.messages, "{record}");
        }
        records.remove(ODD).expect("a record of the odd one")
    }

    /// Exports these conversations and returns their records.
    pub(super) async fn records(
        &self,
        route: TranscriptRoute,
        ids: &[String],
    ) -> BTreeMap<String, Value> {
        let (mut world, request) = self.world(route, ids).await;

        let manifest = world.export(&request).await;

        world.verify(&manifest.outcome.export_id).await;
        let lines = world.archived_lines(&manifest).await.into_keys();
        let records = lines.map(|line| {
            let record: Value =
                serde_json::from_str(&line).expect("a record that can be read again");
            let id = record["conversationId"].as_str().expect("an id").to_owned();
            (id, record)
        });
        records.collect()
    }

    /// Exports these conversations, which must fail, and returns the reason.
    pub(super) async fn failure(&self, ids: &[String]) -> String {
        let (mut world, request) = self.world(TranscriptRoute::Messages, ids).await;
        let id = world.start(&request).await;

        world.run().await;

        let failed = world.failed_outcome(&id, 1).await.expect("a failure");
        failed.failures[0].failure.message.clone()
    }

    async fn world(&self, route: TranscriptRoute, ids: &[String]) -> (World, String) {
        let mut world = World::new(organisation(1, 1)).await;
        let sources = self.sources(&world.clock);
        world.process.start.sources = sources.clone();
        world.process.page.sources = sources;
        world.process.start.limits.transcripts.route = route;
        let request =
            world.transcripts_request(ids, r#","redaction":{"enabled":false},"includeMedia":true"#);
        (world, request)
    }

    fn sources(&self, clock: &Clock) -> Sources {
        let endpoints =
            Endpoints::new(None, Some(&self.url), Some(&self.url)).expect("loopback is allowed");
        let settings = ClientSettings {
            read_timeout: Duration::from_secs(5),
            ..ClientSettings::new(endpoints)
        };
        let credentials = Credentials {
            id: "client".to_owned(),
            secret: SecretString::from("secret"),
        };
        let client =
            GenesysClient::new(settings, Arc::new(credentials), clock.clone()).expect("a client");
        Sources::new(client, clock.clone(), SourceSettings::default())
    }
}

/// Message texts in the order of the record.
pub(super) fn texts(record: &Value) -> Vec<&str> {
    let messages = record["messages"].as_array().expect("messages").iter();
    messages
        .map(|it| it["text"].as_str().expect("a text"))
        .collect()
}

impl Drop for Api {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn response(&self, path: &str, body: &[u8]) -> Response {
        let request = {
            let mut all = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            let request = ReceivedRequest {
                path: path.to_owned(),
                ids: serde_json::from_slice(body).unwrap_or_default(),
                earlier_requests: all.iter().filter(|it| it.path == path).count(),
            };
            all.push(request.clone());
            request
        };
        let override_response = path
            .contains(ODD)
            .then(|| (self.override_response)(&request))
            .flatten();
        override_response
            .or_else(|| self.default_response(&request))
            .unwrap_or_else(|| (404, b"{}".to_vec()))
    }

    fn default_response(&self, request: &ReceivedRequest) -> Option<Response> {
        let token = json!({"access_token": "t", "token_type": "bearer", "expires_in": 86_400});
        let path = request.path.strip_prefix("/api/v2/conversations/");
        match path.unwrap_or(&request.path).split('/').collect::<Vec<_>>()[..] {
            ["", "oauth", "token"] => Some(response(200, &token)),
            ["messages", id] => Some(response(200, &conversation(id, self.messages))),
            ["messages", _, "messages", "bulk"] => Some(response(200, &listing(&request.ids))),
            ["web", "details", id] => Some(response(200, &web_details(id, self.messages))),
            _ => None,
        }
    }
}

/// Serves one request per connection.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(request) = read_request(&mut stream).await else {
        return;
    };
    let (status, body) = shared.response(&request.path, &request.body);
    let location_header = if (300..400).contains(&status) {
        "location: /elsewhere\r\n"
    } else {
        ""
    };
    let head = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\n{location_header}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
}
