//! The deployment on this machine: an emulator of AWS with the stack in it, a simulated organisation, a receiver.
//!
//! Everything that it keeps lies in one folder. A process in the background, `local serve`, carries emulator, simulator and
//! receiver, and holds the folder's lock for as long as it lives: who holds the lock is the one to ask, whatever the files say.

mod folder;
mod project;
mod python;
mod running;
mod settings;

pub(crate) use folder::Folder;
pub(crate) use project::Project;
pub use python::{PythonError, environment as python_environment};
pub(crate) use running::{Running, kill, runs, terminate};
pub(crate) use settings::{LocalSettings, Ports, free_port};

/// Where the emulator says that everything is. Any region would do; the simulated organisation is in the same.
pub const REGION: &str = "eu-central-1";

/// The stack's name there.
pub const STACK: &str = "genesys-archive";
