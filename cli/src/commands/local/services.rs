//! Starts and stops the process that runs the services.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::local::{Folder, LocalSettings, ServiceProcesses, is_running, kill, terminate};
use crate::problem::Problem;
use crate::screen::Screen;

/// Time limit for the start, generous for a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// Time limit for the stop: that of the emulator and a little more.
const STOP_TIMEOUT: Duration = Duration::from_secs(75);

const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Whether the services were running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    Running,
    NotRunning,
}

/// Starts the services in the background. `program` is this executable. Blocks until they run.
pub(super) fn start(
    program: &Path,
    folder: &Folder,
    settings: &LocalSettings,
    screen: &Screen,
) -> Result<(), Problem> {
    clean_up(folder, settings, screen)?;
    let log = folder.start_log("services")?;
    let errors = log.try_clone().context("cannot write the services' log")?;
    let mut services = Command::new(program)
        .args(["local", "serve", "--folder"])
        .arg(folder.root())
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .context("cannot start the services")?;
    wait_until_started(folder, &mut services)
}

fn wait_until_started(folder: &Folder, services: &mut Child) -> Result<(), Problem> {
    let since = Instant::now();
    loop {
        if ServiceProcesses::read(folder)?.is_some_and(|running| running.services == services.id())
        {
            return Ok(());
        }
        if services.try_wait().map_err(anyhow::Error::from)?.is_some() {
            return Err(start_failure(folder));
        }
        if since.elapsed() > START_TIMEOUT {
            let log = folder.log("services");
            return Err(Problem::failed(format!(
                "the services did not start within {START_TIMEOUT:?}; see {}",
                log.display()
            )));
        }
        std::thread::sleep(POLL_INTERVAL);
    }
}

/// The error of services that ended at once, from their log.
fn start_failure(folder: &Folder) -> Problem {
    let log = folder.log("services");
    let text = fs::read_to_string(&log).unwrap_or_default();
    match text.lines().find_map(|line| line.strip_prefix("error: ")) {
        Some(error) => Problem::refused(error),
        None => Problem::failed(format!(
            "the services exited at once; see {}",
            log.display()
        )),
    }
}

/// Cleans up after processes that were killed: removes the file, and ends an orphaned emulator.
fn clean_up(folder: &Folder, settings: &LocalSettings, screen: &Screen) -> Result<(), Problem> {
    let Some(stale) = ServiceProcesses::read(folder)? else {
        return Ok(());
    };
    if is_running(stale.emulator, &settings.python.join("bin/ministack")) {
        screen.print_line("stopping an emulator that earlier services left running");
        end_emulator(stale.emulator, settings)?;
    }
    ServiceProcesses::remove(folder);
    Ok(())
}

fn end_emulator(emulator: u32, settings: &LocalSettings) -> Result<(), Problem> {
    terminate(emulator)?;
    let since = Instant::now();
    while is_running(emulator, &settings.python.join("bin/ministack")) {
        if since.elapsed() > STOP_TIMEOUT {
            kill(emulator)?;
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// Stops the services with SIGTERM, and blocks until they have ended.
pub(super) fn stop(folder: &Folder) -> Result<Stopped, Problem> {
    if !folder.has_services()? {
        return Ok(Stopped::NotRunning);
    }
    let Some(running) = ServiceProcesses::read(folder)? else {
        return Err(Problem::failed(
            "the services are still starting; try again",
        ));
    };
    terminate(running.services)?;
    let since = Instant::now();
    while folder.has_services()? {
        if since.elapsed() > STOP_TIMEOUT {
            return Err(Problem::failed(format!(
                "the services did not exit within {STOP_TIMEOUT:?}; see {}",
                folder.log("services").display()
            )));
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(Stopped::Running)
}
