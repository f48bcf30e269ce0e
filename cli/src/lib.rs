//! `genesys-archive`: the operator's tool, and the embedded engine that runs the deployed functions' handlers on one
//! machine, over a folder or a bucket.

use std::process::ExitCode;

use clap::Parser as _;

mod arguments;
mod carry;
mod commands;
pub mod engine;
mod figures;
pub mod local;
mod logs;
mod organisation;
mod place;
mod plain;
mod problem;
mod progress;
mod receiver;
mod screen;
mod settings;
mod shell;
mod stack;
mod summary;
mod text;
mod webhook;

use arguments::Arguments;
use conversation_archive::runtime::config::environment;
use logs::Detail;
use problem::Exit;
use screen::{Form, Screen};

/// Maximum number of concurrent file system calls. Each takes a thread with memory of its own.
const FILES_AT_ONCE: usize = 8;

/// Runs the whole program, from the arguments to the exit code.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let detail = if environment("RUST_LOG").is_some() {
        Detail::QuerySpec
    } else {
        Detail::Unasked
    };
    let screen = Screen::new(
        if arguments.json {
            Form::Json
        } else {
            Form::Text
        },
        detail,
    );
    logs::start(detail, &screen);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(FILES_AT_ONCE)
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
    // A worker that hangs in a file system call must not keep the process alive.
    runtime.shutdown_background();
    ExitCode::from(exit as u8)
}
