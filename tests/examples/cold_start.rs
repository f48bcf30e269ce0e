//! Cold starts of the functions: from the start of the process to its first request for an invocation.
//! Fails when a median is above 50 ms.
//!
//! `cargo build --release --bins -p start-export -p archive-page -p await-ready -p complete-export -p send-webhook -p record-failure -p sweep-exports -p archive-events -p fetch-ended`
//! `cargo run --release -p end-to-end --example cold_start -- [STARTS] [DIR]`

#![expect(
    clippy::print_stdout,
    reason = "a measurement prints its figures on standard output"
)]

use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use conversation_archive::runtime::config::{FUNCTIONS, FunctionSettings};

/// The promised limit of a median.
const MAX_MEDIAN: Duration = Duration::from_millis(50);

/// A process that has not requested an invocation after this time never will.
const MAX_WAIT: Duration = Duration::from_secs(30);

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let starts: usize = arguments.next().map_or(Ok(21), |starts| starts.parse())?;
    let binaries = arguments.next().map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release")),
        PathBuf::from,
    );
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); FUNCTIONS.len()];
    // Functions alternate, so that other load on the machine affects all of them equally.
    for _ in 0..starts {
        for (function, times) in FUNCTIONS.iter().zip(&mut times) {
            times.push(cold_start(&binaries, function)?);
        }
    }
    let mut slow = Vec::new();
    for (function, times) in FUNCTIONS.iter().zip(&mut times) {
        times.sort_unstable();
        let (median, last) = (times[times.len() / 2], times[times.len() - 1]);
        println!(
            "{:<16} median {:>5.1} ms, slowest of {starts} {:>5.1} ms",
            function.function,
            median.as_secs_f64() * 1e3,
            last.as_secs_f64() * 1e3
        );
        if median > MAX_MEDIAN {
            slow.push(function.function);
        }
    }
    ensure!(slow.is_empty(), "slower than {MAX_MEDIAN:?}: {slow:?}");
    Ok(())
}

fn cold_start(binaries: &Path, function: &FunctionSettings) -> anyhow::Result<Duration> {
    let runtime_api = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let program = binaries.join(function.function);
    let mut command = Command::new(&program);
    command
        .env_clear()
        .envs(
            function
                .settings()
                .filter(|it| it.is_required())
                .filter_map(environment_entry),
        )
        .env(
            "AWS_LAMBDA_RUNTIME_API",
            runtime_api.local_addr()?.to_string(),
        )
        .env("AWS_LAMBDA_FUNCTION_NAME", function.function)
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_REGION", "eu-central-1")
        .env("AWS_ACCESS_KEY_ID", "none")
        .env("AWS_SECRET_ACCESS_KEY", "none")
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let since = Instant::now();
    let child = command.spawn();
    let _process = Process(child.with_context(|| format!("cannot start {}", program.display()))?);
    let (stream, _) = runtime_api.accept()?;
    let took = since.elapsed();
    stream.set_read_timeout(Some(MAX_WAIT))?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    ensure!(line.contains("/invocation/next"), "{line}");
    Ok(took)
}

/// Sets a variable as the template does: secrets by their ARN.
fn environment_entry(
    variable: &conversation_archive::runtime::config::Setting,
) -> Option<(&'static str, String)> {
    let name = variable.name;
    let value = match name {
        "GENESYS_CLIENT_ID" | "GENESYS_CLIENT_SECRET" | "WEBHOOK_SIGNING_SECRET" => return None,
        "GENESYS_REGION" => "eu-central-1".to_owned(),
        _ if name.ends_with("_ARN") => {
            "arn:aws:secretsmanager:eu-central-1:1:secret:one".to_owned()
        }
        _ if name.ends_with("_URL") => {
            "https://sqs.eu-central-1.amazonaws.com/1/queue.fifo".to_owned()
        }
        _ => "archive".to_owned(),
    };
    Some((name, value))
}

/// A process that is killed when its handle is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // The process may have exited already; then both calls fail, which is not an error.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
