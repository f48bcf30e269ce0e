//! The simulator alone, for trying out an API client.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize as _;
use serde_json::Value;

use crate::world::World;

/// Longer than a busy machine takes to listen.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The program, killed when its handle is dropped: a test that fails leaves no process.
struct SimulatorProcess(Child);

impl SimulatorProcess {
    fn start(mut command: Command) -> Self {
        Self(command.spawn().unwrap())
    }

    /// The first JSON document that the program prints.
    async fn greeting(&mut self) -> Value {
        let stdout = BufReader::new(self.0.stdout.take().unwrap());
        let reading = tokio::task::spawn_blocking(move || {
            Value::deserialize(&mut serde_json::Deserializer::from_reader(stdout))
        });
        let read = tokio::time::timeout(TIMEOUT, reading).await;
        read.unwrap_or_else(|_| panic!("the simulator does not print its address in time"))
            .unwrap()
            .unwrap()
    }
}

impl Drop for SimulatorProcess {
    fn drop(&mut self) {
        // The process may have ended already; then both errors are harmless.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_output_of_simulate_is_enough_to_run_an_export() {
    let mut world = World::new().await;
    let command = "simulate --json --listen 127.0.0.1:0 --conversations 50 --days 2 --rate-per-minute 0 --job-seconds 0";
    let arguments: Vec<&str> = command.split(' ').collect();
    let mut simulator = SimulatorProcess::start(world.command(&arguments));

    let greeting = simulator.greeting().await;
    let text = |field: &str| greeting[field].as_str().unwrap().to_owned();
    for (name, field) in [
        ("GENESYS_API_URL", "url"),
        ("GENESYS_LOGIN_URL", "url"),
        ("GENESYS_CLIENT_ID", "clientId"),
        ("GENESYS_CLIENT_SECRET", "clientSecret"),
    ] {
        world.set(name, &text(field));
    }
    let request = format!(
        r#"{{"exportId":"march","interval":"{}"}}"#,
        text("interval")
    );
    let export = world.export(&request).await;

    assert_eq!(export.code, 0, "{}", export.err);
    assert!(export.out.contains("50 conversations"), "{}", export.out);
}

/// Sends a request and reads the response until it contains `expected`.
fn exchange(address: &str, request: &str, expected: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut received = String::new();
    let mut buffer = [0; 4096];
    while !received.contains(expected) {
        let length = stream.read(&mut buffer).unwrap();
        assert!(
            length > 0,
            "the response ends without {expected}: {received}"
        );
        received.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    received
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulate_sends_live_traffic_on_the_address_that_it_prints() {
    let world = World::new().await;
    let command = "simulate --json --listen 127.0.0.1:0 --conversations 5 --days 1 --live 500";
    let arguments: Vec<&str> = command.split(' ').collect();
    let mut simulator = SimulatorProcess::start(world.command(&arguments));

    let greeting = simulator.greeting().await;
    let text = |field: &str| greeting[field].as_str().unwrap().to_owned();
    let address = text("url").replace("http://", "");
    let credentials = STANDARD.encode(format!("{}:{}", text("clientId"), text("clientSecret")));
    let body = "grant_type=client_credentials";
    let login = format!(
        "POST /oauth/token HTTP/1.1\r\nhost: {address}\r\nauthorization: Basic {credentials}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let response = exchange(&address, &login, "}");
    let (_, token) = response.split_once("\"access_token\":\"").unwrap();
    let (token, _) = token.split_once('"').unwrap();
    let path = text("directStream").replace(&format!("ws://{address}"), "");
    let upgrade = format!(
        "GET {path}?access_token={token} HTTP/1.1\r\nhost: {address}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );

    let received = exchange(&address, &upgrade, "\"conversationId\":");

    assert!(received.starts_with("HTTP/1.1 101"), "{received}");
}
