//! Live capture in real time: processes that take over from each other, and the memory of one whose writer is slow.
//!
//! `cargo run -p end-to-end --example live -- hand-overs` takes ten minutes, `… -- memory` four.
//!
//! Archives are written below `target/live/`, and removed before the next run.

#![expect(
    clippy::print_stdout,
    reason = "a measurement prints its figures on standard output"
)]
#![expect(
    clippy::cast_precision_loss,
    reason = "some megabytes, shown with one digit"
)]
#![expect(clippy::expect_used, reason = "without a runtime nothing is measured")]

use std::process::ExitCode;

mod handovers;
mod memory;
mod process;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["stream", ..] = words.as_slice() {
        // This program is the command line of its child processes.
        return genesys_archive::run();
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let done = runtime.block_on(async {
        match words.as_slice() {
            ["hand-overs"] => handovers::run().await,
            ["memory"] => memory::run().await,
            ["capture", url, folder, millis_per_mib] => {
                memory::capture(url, folder, millis_per_mib.parse()?).await
            }
            _ => anyhow::bail!("name `hand-overs` or `memory`"),
        }
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
