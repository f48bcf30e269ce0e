//! Each contract and each fault, over a real connection.

mod client;
mod data;
mod details;
mod faults;
mod filter;
mod gateway;
mod history;
mod jobs;
mod lasting_faults;
mod limits;
mod live;
mod login;
mod ordering;
mod pages;
mod permissions;
mod planted;
mod query;
mod records;
mod resources;
mod schedule;
mod selection;
mod speech;
mod transcripts;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use client::{Call, ClientResponse, Failure};

use crate::{Settings, Simulator, Watermark};

const INTERVAL: &str = "2026-03-01T00:00:00.000Z/2026-03-03T00:00:00.000Z";
const JOBS: &str = "api/v2/analytics/conversations/details/jobs";

/// A simulator whose clock stands still unless it is advanced, and a client that is logged in.
struct World {
    simulator: Simulator,
    token: String,
    now: Arc<Mutex<Timestamp>>,
}

impl World {
    async fn new(settings: Settings) -> Self {
        let mut world = Self::logged_out(settings).await;
        world.login().await;
        world
    }

    async fn logged_out(settings: Settings) -> Self {
        let now = Arc::new(Mutex::new("2026-03-05T12:00:00Z".parse().unwrap()));
        let clock = Arc::clone(&now);
        let clock: crate::Clock = Arc::new(move || *clock.lock().unwrap());
        let simulator = Simulator::start(Settings { clock, ..settings })
            .await
            .unwrap();
        Self {
            simulator,
            token: String::new(),
            now,
        }
    }

    async fn login(&mut self) {
        let response: Value = self
            .login_as("simulated-client", &Settings::default().client_secret)
            .await
            .json();
        response["access_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.token);
    }

    async fn login_as(&self, id: &str, secret: &str) -> ClientResponse {
        let request = self
            .request(Method::POST, "oauth/token")
            .basic_auth(id, secret);
        request
            .form("grant_type=client_credentials")
            .send()
            .await
            .unwrap()
    }

    /// A request without credentials.
    fn request(&self, method: Method, path: &str) -> Call {
        Call::new(method, self.simulator.url().join(path).unwrap())
    }

    async fn get(&self, path: &str) -> ClientResponse {
        self.try_get(path).await.unwrap()
    }

    async fn try_get(&self, path: &str) -> Result<ClientResponse, Failure> {
        self.request(Method::GET, path)
            .bearer_auth(&self.token)
            .send()
            .await
    }

    async fn post(&self, path: &str, body: &Value) -> ClientResponse {
        self.try_post(path, body).await.unwrap()
    }

    async fn try_post(&self, path: &str, body: &Value) -> Result<ClientResponse, Failure> {
        self.request(Method::POST, path)
            .bearer_auth(&self.token)
            .json(body)
            .send()
            .await
    }

    async fn put(&self, path: &str, body: &Value) -> ClientResponse {
        self.request(Method::PUT, path)
            .bearer_auth(&self.token)
            .json(body)
            .send()
            .await
            .unwrap()
    }

    async fn head(&self, path: &str) -> u16 {
        self.request(Method::HEAD, path)
            .bearer_auth(&self.token)
            .send()
            .await
            .unwrap()
            .status
    }

    async fn delete(&self, path: &str) -> u16 {
        self.request(Method::DELETE, path)
            .bearer_auth(&self.token)
            .send()
            .await
            .unwrap()
            .status
    }

    fn set_time(&self, time: Timestamp) {
        *self.now.lock().unwrap() = time;
    }

    fn advance_clock(&self, time: Duration) {
        let mut now = self.now.lock().unwrap();
        *now = now.checked_add(time).unwrap();
    }

    async fn submit(&self, body: &Value) -> String {
        let response = self.post(JOBS, body).await;
        assert_eq!(response.status, 202);
        response.json()["jobId"].as_str().unwrap().to_owned()
    }

    /// Submits a job and waits until it is finished.
    async fn finish_job(&self, body: &Value) -> String {
        let id = self.submit(body).await;
        self.advance_clock(Duration::from_secs(2));
        id
    }

    async fn state(&self, id: &str) -> String {
        self.get(&format!("{JOBS}/{id}")).await.json()["state"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Returns the ids of all conversations of a job, read page by page.
    async fn read_all(&self, id: &str, page_size: usize) -> Vec<String> {
        let mut ids = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut path = format!("{JOBS}/{id}/results?pageSize={page_size}");
            if let Some(cursor) = &cursor {
                path = format!("{path}&cursor={}", percent_encoded(cursor));
            }
            let page = self.get(&path).await.json();
            let rows = page["conversations"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            ids.extend(
                rows.iter()
                    .map(|row| row["conversationId"].as_str().unwrap().to_owned()),
            );
            cursor = page["cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return ids;
            }
        }
    }

    async fn ids_in(&self, interval: &str) -> Vec<String> {
        let id = self.finish_job(&json!({ "interval": interval })).await;
        self.read_all(&id, 1000).await
    }
}

fn percent_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn small_settings() -> Settings {
    Settings {
        conversations: 60,
        gateway_records: 60,
        rate_per_minute: 0,
        watermark: Watermark::At(Timestamp::MAX),
        ..Settings::default()
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}
