//! Four callers share one token against the simulator's 300 requests per minute, for several minutes of real time.
//! Reports how much of the budget is used, and how much is answered with 429. With `shared`, a second client uses half
//! of the budget without coordination. Fails when less than 95 % is used or more than 1 % is refused.
//!
//! `cargo run --release -p end-to-end --example pacing -- [MINUTES] [shared]`

#![expect(
    clippy::cast_precision_loss,
    reason = "counts of a few thousand, shown in per cent"
)]
#![expect(
    clippy::print_stdout,
    reason = "a measurement prints its figures on standard output"
)]

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use conversation_archive::base::deadline::Deadline;
use conversation_archive::genesys::{Call, ClientSettings, Credentials, Endpoints, GenesysClient};
use conversation_archive::net::clock::Clock;
use genesys_simulator::{Settings, Simulator};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, interval, sleep, timeout_at};

const CALLERS: usize = 4;
const PER_MINUTE: u32 = 300;
const MINUTE: Duration = Duration::from_mins(1);
/// Time that a caller spends on a page before it requests the next: four callers could use up the budget three times.
const WORK_MILLIS: std::ops::Range<u64> = 50..450;
const PATH: &str = "/api/v2/analytics/conversations/details/jobs/availability";

/// The promised limits, in percent.
const MIN_USED_PERCENT: f64 = 95.0;
const MAX_REFUSED_PERCENT: f64 = 1.0;

/// Number of responses to a client.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    ok: u64,
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

    let tokens = simulator.tokens();
    let [token] = tokens.as_slice() else {
        bail!(
            "one client has logged in, and there are {} tokens",
            tokens.len()
        );
    };

    wait_for_next_minute().await;
    let before = client.stats();
    let end = Instant::now() + MINUTE * minutes;
    let other =
        is_shared.then(|| tokio::spawn(use_half_of_budget(simulator.url(), token.clone(), end)));
    let ours = run_callers(&client, end).await?;
    let theirs = match other {
        Some(other) => other.await??,
        None => Count::default(),
    };
    print_count("ours", ours);
    print_count("theirs", theirs);
    let after = client.stats().throttled_time;
    let waited = after.saturating_sub(before.throttled_time).as_secs_f64();
    println!("waited {waited:.1} s in total over {CALLERS} callers");
    check_limits(minutes, ours.plus(theirs))
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

/// Waits for the next full minute, because the simulator's windows are aligned to minutes and only whole windows are
/// measured.
async fn wait_for_next_minute() {
    let past = Clock::System.now().as_millisecond().rem_euclid(60_000);
    sleep(MINUTE.saturating_sub(Duration::from_millis(past.unsigned_abs()))).await;
}

async fn run_callers(client: &GenesysClient, end: Instant) -> anyhow::Result<Count> {
    let before = client.stats().throttled;
    let callers = (0..CALLERS).map(|_| tokio::spawn(run_caller(client.clone(), end)));
    let callers: Vec<_> = callers.collect();
    let mut count = Count::default();
    for caller in callers {
        count.ok += caller.await??;
    }
    count.refused = client.stats().throttled - before;
    Ok(count)
}

/// Simulates one slice, which alternates requests and work. Returns the number of successful requests.
async fn run_caller(client: GenesysClient, end: Instant) -> anyhow::Result<u64> {
    let call = Call::get(PATH);
    let mut ok = 0;
    while let Ok(response) = timeout_at(end, client.call(&call, Deadline::NONE, |_| Ok(()))).await {
        response?;
        ok += 1;
        sleep(Duration::from_millis(fastrand::u64(WORK_MILLIS))).await;
    }
    Ok(ok)
}

/// A client without pacing: one request every 400 ms, whatever the responses are.
async fn use_half_of_budget(url: url::Url, token: String, end: Instant) -> anyhow::Result<Count> {
    let mut count = Count::default();
    let address = format!("127.0.0.1:{}", url.port().context("a port")?);
    let request = format!(
        "GET {PATH} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\r\n"
    );
    let mut ticks = interval(MINUTE / (PER_MINUTE / 2));
    while ticks.tick().await < end {
        let mut stream = TcpStream::connect(&address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut response = Vec::new();
        stream.read_to_end(&mut response).await?;
        match response.get(..12) {
            Some(b"HTTP/1.1 200") => count.ok += 1,
            Some(b"HTTP/1.1 429") => count.refused += 1,
            _ => bail!("the second client got neither 200 nor 429"),
        }
    }
    Ok(count)
}

fn print_count(label: &str, count: Count) {
    let Count { ok, refused } = count;
    println!(
        "{label}: {ok} responses with 200, {refused} with 429 ({:.2} %)",
        count.refused_percent()
    );
}

fn check_limits(minutes: u32, count: Count) -> anyhow::Result<()> {
    let allowed = u64::from(PER_MINUTE * minutes);
    let (used, refused) = (percent(count.ok, allowed), count.refused_percent());
    println!(
        "{minutes} min, {allowed} requests allowed: {used:.1} % used, {refused:.2} % of all refused"
    );
    ensure!(
        used >= MIN_USED_PERCENT,
        "less than {MIN_USED_PERCENT} % of the budget was used"
    );
    ensure!(
        refused <= MAX_REFUSED_PERCENT,
        "more than {MAX_REFUSED_PERCENT} % was refused"
    );
    Ok(())
}

impl Count {
    fn plus(self, other: Self) -> Self {
        Self {
            ok: self.ok + other.ok,
            refused: self.refused + other.refused,
        }
    }

    fn refused_percent(self) -> f64 {
        percent(self.refused, self.ok + self.refused)
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}
