//! The only module that prints. Results go to stdout, everything else to stderr, where it does not disturb the bars.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
use serde::Serialize;
use serde_json::{Value, json};

use crate::logs::LogDetail;
use crate::problem::Problem;
use crate::sanitize::{Destination, sanitize};

/// The output of the program. A clone is another handle to the same screen.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    bars: MultiProgress,
    format: OutputFormat,
    /// Whether a user watches stderr on a terminal, so that bars can be shown.
    pub(crate) is_terminal: bool,
    /// Ensures that lines are printed one at a time.
    line_lock: Arc<std::sync::Mutex<()>>,
}

/// The format in which a result is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutputFormat {
    Text,
    Json,
}

/// The final result of a command, for people and for programs.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub text: String,
    pub json: Value,
}

impl Screen {
    pub(crate) fn new(format: OutputFormat, detail: LogDetail) -> Self {
        // Log lines requested by `RUST_LOG` and bars would overwrite each other.
        let is_terminal = io::stderr().is_terminal() && detail == LogDetail::Default;
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self {
            bars,
            format,
            is_terminal,
            line_lock: Arc::default(),
        }
    }

    /// Whether results are printed for people, not for programs.
    pub(crate) fn is_for_people(&self) -> bool {
        self.format == OutputFormat::Text
    }

    /// Prints the result of the command.
    pub(crate) fn print_result(&self, report: &Report) {
        let text = if self.format == OutputFormat::Json {
            format!("{:#}", report.json)
        } else {
            report.text.clone()
        };
        // A reader that closes the pipe does not want the rest.
        let _ = writeln!(io::stdout().lock(), "{text}");
    }

    /// Prints the result of a command that shows archived data. Records in `json` are passed through as raw text: not
    /// all valid JSON fits into a value.
    pub(crate) fn print_archived(&self, text: &str, json: &impl Serialize) -> Result<(), Problem> {
        let json = match self.format {
            OutputFormat::Text => return write_stdout(text),
            OutputFormat::Json => {
                serde_json::to_string_pretty(json).map_err(anyhow::Error::from)?
            }
        };
        write_stdout(&Destination::of_stdout().sanitize_json(&json))
    }

    /// Prints a part of the result as soon as it is available; a program gets the whole result at the end.
    pub(crate) fn print_piece(&self, text: &str) {
        if self.format == OutputFormat::Text {
            let _ = writeln!(io::stdout().lock(), "{text}");
        }
    }

    /// Prints a status line, above the bars.
    pub(crate) fn print_line(&self, text: &str) {
        if self.is_terminal {
            let _ = self.bars.println(text);
            return;
        }
        let _guard = self.line_lock.lock();
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    pub(crate) fn print_problem(&self, problem: &Problem) {
        let mut stderr = io::stderr().lock();
        let _ = writeln!(
            stderr,
            "{} {}",
            style("error:").red().bold().for_stderr(),
            // The message may quote the API, or a key of the store.
            sanitize(&problem.message)
        );
        if let Some(hint) = &problem.hint {
            let _ = writeln!(stderr, "{} {hint}", style("hint:").bold().for_stderr());
        }
        drop(stderr);
        if self.format == OutputFormat::Json {
            let default_json = || {
                json!({
                    "status": "error", "error": problem.message, "howToGoOn": problem.hint,
                    "exitCode": problem.exit as u8,
                })
            };
            let json = problem
                .json
                .as_deref()
                .cloned()
                .unwrap_or_else(default_json);
            self.print_result(&Report {
                text: String::new(),
                json,
            });
        }
    }

    pub(crate) fn add_bar(&self, bar: ProgressBar) -> ProgressBar {
        self.bars.add(bar)
    }
}

/// Prints to stdout. A reader that closes the pipe does not want the rest, so that is not an error.
fn write_stdout(text: &str) -> Result<(), Problem> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::failed(format!("cannot write the output: {error}")))
        }
        _ => Ok(()),
    }
}
