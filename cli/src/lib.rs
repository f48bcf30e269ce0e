//! `genesys-archive`: the operator's tool, and the embedded engine that runs the deployed functions' handlers on one
//! machine, over a folder or a bucket.

use std::process::ExitCode;

use clap::Parser as _;

mod arguments;
mod audit_lines;
pub mod capture;
mod commands;
pub mod engine;
mod environment;
mod export_runner;
mod figures;
mod gaps;
pub mod local;
mod logs;
mod organisation;
mod place;
mod problem;
mod progress;
mod receiver;
mod screen;
mod settings;
mod shell;
mod signing;
mod stack;
mod style;
mod summary;
mod text;
mod unredacted;
mod webhook;

use arguments::Arguments;
use conversation_archive::runtime::config::environment;
use logs::LogDetail;
use problem::Exit;
use screen::{OutputFormat, Screen};

/// Maximum number of concurrent file system calls. Each takes a thread with memory of its own.
const MAX_FILE_CALLS: usize = 8;

/// Runs the whole program, from the arguments to the exit code.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let detail = if environment("RUST_LOG").is_some() {
        LogDetail::RustLog
    } else {
        LogDetail::Default
    };
    let screen = Screen::new(
        if arguments.json {
            OutputFormat::Json
        } else {
            OutputFormat::Text
        },
        detail,
    );
    logs::start(detail, &screen);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .max_blocking_threads(MAX_FILE_CALLS)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            screen.print_problem(&anyhow::Error::from(error).context("cannot start").into());
            return ExitCode::from(Exit::Failed.code());
        }
    };
    let exit = runtime
        .block_on(commands::run(&arguments, &screen))
        .unwrap_or_else(|problem| {
            screen.print_problem(&problem);
            problem.exit
        });
    // A worker that hangs in a file system call must not keep the process alive.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}
