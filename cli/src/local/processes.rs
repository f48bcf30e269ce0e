//! The processes of a deployment on this machine: found, and ended by their ids.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::Folder;
use super::folder::{read, write};

/// `running.json`, written by the services themselves. It is valid only while their lock is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServiceProcesses {
    /// The process that runs simulator and receiver, and that started the emulator.
    pub services: u32,
    pub emulator: u32,
}

impl ServiceProcesses {
    /// Reads the file, which may describe a process that was killed.
    pub(crate) fn read(folder: &Folder) -> anyhow::Result<Option<Self>> {
        read(&folder.running())
    }

    pub(crate) fn write(&self, folder: &Folder) -> anyhow::Result<()> {
        write(&folder.running(), self)
    }

    pub(crate) fn remove(folder: &Folder) {
        // A failure is harmless: the file is ignored while the lock is free.
        let _ = fs::remove_file(folder.running());
    }
}

/// Sends SIGTERM to a process. Succeeds if the process no longer exists.
pub(crate) fn terminate(process: u32) -> anyhow::Result<()> {
    signal(process, Signal::TERM)
}

pub(crate) fn kill(process: u32) -> anyhow::Result<()> {
    signal(process, Signal::KILL)
}

fn signal(process: u32, signal: Signal) -> anyhow::Result<()> {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    let Some(pid) = pid else {
        return Ok(());
    };
    match kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Whether the process runs `program`: its id alone may have been reused. False on systems that do not report what a
/// process runs.
pub(crate) fn is_running(process: u32, program: &Path) -> bool {
    let Ok(command) = fs::read(format!("/proc/{process}/cmdline")) else {
        return false;
    };
    let program = program.to_string_lossy();
    let command = String::from_utf8_lossy(&command);
    command.split('\0').any(|word| word == program)
}
