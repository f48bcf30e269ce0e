//! The deployment on this machine: an emulator of AWS that runs the stack, a simulated organisation, and a webhook
//! receiver.
//!
//! All its state is in one folder. A background process, `local serve`, runs emulator, simulator and receiver, and
//! holds the folder's lock while it lives. The lock decides whether the services run, whatever the files say.

mod folder;
mod processes;
mod project;
mod python;
mod settings;

pub(crate) use folder::Folder;
pub(crate) use processes::{ServiceProcesses, is_running, kill, terminate};
pub(crate) use project::Project;
pub use python::{PythonError, environment as python_environment};
pub(crate) use settings::{LocalSettings, Ports, free_port};

/// Region of the emulator. Any region would do; the simulated organisation is in the same one.
pub const REGION: &str = "eu-central-1";

/// Name of the stack in the emulator.
pub const STACK: &str = "genesys-archive";
