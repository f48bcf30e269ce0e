//! `genesys-archive`: the operator's tool, and the embedded engine that runs the deployed functions' handlers on one
//! machine, over a folder.

use std::process::ExitCode;

use clap::Parser as _;

mod arguments;
pub mod carry;
mod commands;
pub mod engine;
mod figures;
mod logs;
pub mod problem;
pub mod progress;
pub mod screen;
pub mod settings;
mod shell;
mod summary;

use arguments::Arguments;
use problem::Exit;
use screen::{Form, Screen};

/// The whole program, from the arguments to the exit code.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let screen = Screen::new(if arguments.json {
        Form::Json
    } else {
        Form::Text
    });
    #[expect(
        clippy::disallowed_methods,
        reason = "how much is logged is no setting of the archive"
    )]
    logs::start(&screen, std::env::var("RUST_LOG").ok().as_deref());
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.problem(&anyhow::Error::from(error).context("cannot start").into());
            return ExitCode::from(Exit::Failed as u8);
        }
    };
    let exit = runtime
        .block_on(commands::run(&arguments, &screen))
        .unwrap_or_else(|problem| {
            screen.problem(&problem);
            problem.exit
        });
    // A worker that hangs in a file system call must not keep the process.
    runtime.shutdown_background();
    ExitCode::from(exit as u8)
}
