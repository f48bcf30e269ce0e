//! The services of a deployment on this machine, in one background process: the simulated organisation, the webhook
//! receiver, and the AWS emulator as a child process.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use conversation_archive::runtime::config::environment;
use genesys_simulator::Simulator;
use tokio::signal::unix::{SignalKind, signal};

use crate::local::{Folder, LocalSettings, REGION, ServiceProcesses, terminate};
use crate::organisation::organisation;
use crate::problem::{Exit, Problem, full_message};
use crate::receiver::{InitialState, ReceivedDelivery, Receiver};
use crate::screen::Screen;

/// Poll interval for the state of the emulator.
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Time limit for the emulator to end. It saves its whole memory first.
const EMULATOR_STOP_TIMEOUT: Duration = Duration::from_mins(1);

pub(super) async fn serve(folder: &Folder, screen: &Screen) -> Result<Exit, Problem> {
    let Some(_lock) = folder.lock_services()? else {
        return Err(Problem::failed("the services are already running"));
    };
    let Some(settings) = LocalSettings::read(folder)? else {
        return Err(Problem::refused(
            "the stack is not set up: run genesys-archive local up",
        ));
    };
    let _simulator = simulator(&settings).await?;
    let _receiver = receiver(folder, &settings).await?;
    let mut emulator = start_emulator(folder, &settings)?;
    let running = ServiceProcesses {
        services: std::process::id(),
        emulator: emulator.id(),
    };
    running.write(folder)?;
    let stop_reason = wait_for_stop(&mut emulator).await;
    ServiceProcesses::remove(folder);
    match stop_reason? {
        StopReason::Requested => {
            screen.print_line("stopping on request");
            stop(&mut emulator).await?;
            Ok(Exit::Done)
        }
        StopReason::EmulatorExited(status) => {
            Err(Problem::failed(format!("the emulator exited: {status}")))
        }
    }
}

/// Why the services end.
enum StopReason {
    Requested,
    EmulatorExited(std::process::ExitStatus),
}

async fn simulator(settings: &LocalSettings) -> Result<Simulator, Problem> {
    let address = settings.ports.simulator();
    let simulator = Simulator::start(organisation(&settings.organisation, address)).await;
    simulator.map_err(|error| port_in_use(address, "--simulator-port", &error.to_string()))
}

async fn receiver(folder: &Folder, settings: &LocalSettings) -> Result<Receiver, Problem> {
    let address = settings.ports.receiver();
    let path = folder.deliveries();
    let record_delivery = move |delivery: &ReceivedDelivery| record_delivery(&path, delivery);
    let receiver = Receiver::start(
        address,
        &settings.signing_secret,
        InitialState::Up,
        record_delivery,
    )
    .await;
    receiver.map_err(|error| port_in_use(address, "--receiver-port", &full_message(error)))
}

/// Appends the delivery to the file, as one line of JSON. A delivery that cannot be written is still accepted.
fn record_delivery(path: &PathBuf, delivery: &ReceivedDelivery) {
    let Ok(mut line) = serde_json::to_string(delivery) else {
        return;
    };
    line.push('\n');
    let file = OpenOptions::new().create(true).append(true).open(path);
    if let Err(error) = file.and_then(|mut file| file.write_all(line.as_bytes())) {
        tracing::warn!(%error, "webhook delivery not recorded");
    }
}

fn port_in_use(address: SocketAddr, option: &str, error: &str) -> Problem {
    Problem::refused(format!(
        "cannot listen on {address} ({error}): stop the process that uses the port, or choose another port with {option}"
    ))
}

/// Starts the emulator in its own process group, so that Ctrl-C in a terminal does not reach it, and with few
/// variables, because the functions inherit all of them.
fn start_emulator(folder: &Folder, settings: &LocalSettings) -> Result<Child, Problem> {
    let address = settings.ports.emulator();
    // Without this check the emulator would listen elsewhere, or report the error only in its log.
    drop(
        TcpListener::bind(address)
            .map_err(|error| port_in_use(address, "--port", &error.to_string()))?,
    );
    let log = folder.start_log("emulator")?;
    let errors = log.try_clone().context("cannot write the emulator's log")?;
    let child = Command::new(settings.python.join("bin/ministack"))
        .env_clear()
        .env("PATH", environment("PATH").unwrap_or_default())
        .env("HOME", folder.root())
        .env("PYTHONUNBUFFERED", "1")
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", address.port().to_string())
        .env("AWS_ENDPOINT_URL", settings.ports.endpoint())
        // The region that the emulator assumes for buckets whose region it lost when it was killed.
        .env("MINISTACK_REGION", REGION)
        .env("IOT_MTLS_ENABLED", "0")
        .env("SFTP_ENABLED", "0")
        .env("PERSIST_STATE", "1")
        .env("STATE_DIR", folder.emulator_state())
        .env("S3_PERSIST", "1")
        .env("S3_DATA_DIR", folder.emulator_objects())
        .current_dir(folder.root())
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .context("cannot start the emulator")?;
    Ok(child)
}

async fn wait_for_stop(emulator: &mut Child) -> anyhow::Result<StopReason> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    // The end of the terminal must not end the services.
    let _hung_up = signal(SignalKind::hangup())?;
    let mut poll = tokio::time::interval(POLL_INTERVAL);
    loop {
        tokio::select! {
            _ = terminated.recv() => return Ok(StopReason::Requested),
            _ = interrupted.recv() => return Ok(StopReason::Requested),
            _ = poll.tick() => if let Some(status) = emulator.try_wait()? {
                return Ok(StopReason::EmulatorExited(status));
            },
        }
    }
}

/// Stops the emulator with SIGTERM, on which it saves its queues and functions for the next start.
async fn stop(emulator: &mut Child) -> anyhow::Result<()> {
    terminate(emulator.id())?;
    let since = Instant::now();
    while emulator.try_wait()?.is_none() {
        if since.elapsed() > EMULATOR_STOP_TIMEOUT {
            emulator.kill()?;
            emulator.wait()?;
            anyhow::bail!(
                "the emulator did not exit within {EMULATOR_STOP_TIMEOUT:?} and was killed"
            );
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}
