//! Four callers on one token against the simulator's 300 requests a minute, for some real minutes: how much of the budget
//! is used, and how much is answered 429. With `shared`, a second client takes half of it and says nothing.
//!
//! `cargo run --release -p end-to-end --example pacing -- [MINUTES] [shared]`

#![expect(
    clippy::cast_precision_loss,
    reason = "counts of a few thousand, to be told in per cent"
)]
#![expect(
    clippy::print_stdout,
    reason = "a measurement tells its figures on standard output"
)]

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use conversation_archive::clock::{Clock, Deadline};
use conversation_archive::genesys::{
    Call, ClientSettings, Credentials, Endpoints, GenesysClient, StatsSnapshot,
};
use genesys_simulator::{Settings, Simulator};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, sleep, timeout_at};

const CALLERS: usize = 4;
const PER_MINUTE: u32 = 300;
const MINUTE: Duration = Duration::from_mins(1);
/// What a caller does with a page before it wants the next: four of them could use up the budget three times.
const WORK_MS: std::ops::Range<u64> = 50..450;
const PATH: &str = "/api/v2/analytics/conversations/details/jobs/availability";

/// Requests and answers with 429 up to one moment.
#[derive(Clone, Copy, Debug)]
struct Count {
    requests: u64,
    refused: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let minutes: u32 = arguments
        .first()
        .map_or(Ok(5), |minutes| minutes.parse())
        .context("MINUTES is a whole number")?;
    let is_shared = arguments.iter().any(|argument| argument == "shared");
    let settings = Settings {
        conversations: 10,
        rate_per_minute: PER_MINUTE,
        ..Settings::default()
    };
    let simulator = Simulator::start(settings.clone()).await?;
    let client = client(&simulator, &settings)?;
    client
        .call(&Call::get(PATH), Deadline::NONE, |_| Ok(()))
        .await?;

    until_the_next_minute().await;
    let before = (Count::of(&simulator), client.stats());
    let end = Instant::now() + MINUTE * minutes;
    let callers = (0..CALLERS).map(|_| tokio::spawn(archive(client.clone(), end)));
    let callers: Vec<_> = callers.collect();
    let other = is_shared.then(|| tokio::spawn(take_half(simulator.url(), token(&simulator), end)));
    for task in callers.into_iter().chain(other) {
        task.await??;
    }
    tell(minutes, before, (Count::of(&simulator), client.stats()));
    Ok(())
}

fn client(simulator: &Simulator, settings: &Settings) -> anyhow::Result<GenesysClient> {
    let url = simulator.url().to_string();
    let endpoints = Endpoints::new(None, Some(&url), Some(&url))?;
    let credentials = Credentials {
        id: settings.client_id.clone(),
        secret: settings.client_secret.clone().into(),
    };
    let client = GenesysClient::new(
        ClientSettings::new(endpoints),
        Arc::new(credentials),
        Clock::System,
    )?;
    Ok(client)
}

/// The simulator's windows begin with the minute; whole ones are measured.
async fn until_the_next_minute() {
    let past = Clock::System.now().as_millisecond().rem_euclid(60_000);
    sleep(MINUTE.saturating_sub(Duration::from_millis(past.unsigned_abs()))).await;
}

/// One slice: a request, some work, and so on.
async fn archive(client: GenesysClient, end: Instant) -> anyhow::Result<()> {
    let slice = async {
        loop {
            client
                .call(&Call::get(PATH), Deadline::NONE, |_| Ok(()))
                .await?;
            sleep(Duration::from_millis(fastrand::u64(WORK_MS))).await;
        }
    };
    timeout_at(end, slice).await.unwrap_or(Ok(()))
}

/// A client that knows no pace: one request every 400 ms, whatever the answers say.
async fn take_half(url: url::Url, token: String, end: Instant) -> anyhow::Result<()> {
    let address = format!("127.0.0.1:{}", url.port().context("a port")?);
    let request = format!(
        "GET {PATH} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    let mut ticks = interval(MINUTE / (PER_MINUTE / 2));
    while ticks.tick().await < end {
        let mut stream = TcpStream::connect(&address).await?;
        stream.write_all(request.as_bytes()).await?;
        stream.read_to_end(&mut Vec::new()).await?;
    }
    Ok(())
}

/// The one token that was issued: it stands among the texts that must never be printed, and is the longest of them
/// without a blank.
fn token(simulator: &Simulator) -> String {
    let planted = simulator.truth().planted.into_iter();
    planted
        .filter(|text| !text.contains(' '))
        .max_by_key(String::len)
        .unwrap_or_default()
}

fn tell(minutes: u32, before: (Count, StatsSnapshot), after: (Count, StatsSnapshot)) {
    let allowed = u64::from(PER_MINUTE * minutes);
    let requests = after.0.requests - before.0.requests;
    let refused = after.0.refused - before.0.refused;
    let ours = after.1.requests - before.1.requests;
    let ours_refused = after.1.throttled - before.1.throttled;
    let percent = |part: u64, whole: u64| 100.0 * part as f64 / whole.max(1) as f64;
    println!(
        "{minutes} min, {allowed} requests allowed: {} served ({:.1} %), {refused} of {requests} answered 429 ({:.2} %)",
        requests - refused,
        percent(requests - refused, allowed),
        percent(refused, requests),
    );
    println!(
        "ours: {ours} requests, {ours_refused} answered 429 ({:.2} %), waited {:.1} s in all of {CALLERS} callers",
        percent(ours_refused, ours),
        after
            .1
            .throttled_time
            .saturating_sub(before.1.throttled_time)
            .as_secs_f64(),
    );
}

impl Count {
    fn of(simulator: &Simulator) -> Self {
        let stats = simulator.stats();
        Self {
            requests: stats.total_requests(),
            refused: stats.throttled,
        }
    }
}
