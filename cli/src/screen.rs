//! The only module that prints. Results go to stdout, everything else to stderr, where it does not disturb the bars.
//!
//! Every text is cleaned here, whoever wrote it: errors quote keys of the store, tables and dialogues what people typed.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
use serde::Serialize;
use serde_json::{Value, json};

use conversation_archive::base::printable;

use crate::logs::LogDetail;
use crate::problem::Problem;
use crate::style::{displayed, style};

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

/// What is written to stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// For people: cleaned, wherever it goes.
    Text,
    /// Escaped for a terminal, which leaves its values; unchanged for a program.
    Json,
    /// Cleaned for a terminal, unchanged for a program.
    Data,
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
        // A reader that closes the pipe does not want the rest.
        let _ = if self.format == OutputFormat::Json {
            write_stdout(&format!("{:#}\n", report.json), Content::Json)
        } else {
            write_stdout(&format!("{}\n", report.text), Content::Text)
        };
    }

    /// Prints the result of a command that shows archived data. Records in `json` are passed through as raw text: not
    /// all valid JSON fits into a value.
    pub(crate) fn print_archived(&self, text: &str, json: &impl Serialize) -> Result<(), Problem> {
        let written = match self.format {
            OutputFormat::Text => write_stdout(&format!("{text}\n"), Content::Text),
            OutputFormat::Json => {
                let json = serde_json::to_string_pretty(json).map_err(anyhow::Error::from)?;
                write_stdout(&format!("{json}\n"), Content::Json)
            }
        };
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Problem::failed(format!("cannot write the output: {error}")))
            }
            // A reader that closes the pipe does not want the rest, so that is not an error.
            _ => Ok(()),
        }
    }

    /// Prints a part of the result as soon as it is available; a program gets the whole result at the end.
    pub(crate) fn print_piece(&self, text: &str) {
        if self.format == OutputFormat::Text {
            let _ = write_stdout(&format!("{text}\n"), Content::Text);
        }
    }

    /// Prints a status line, above the bars.
    pub(crate) fn print_line(&self, text: &str) {
        let text = displayed(text);
        if self.is_terminal {
            let _ = self.bars.println(text);
            return;
        }
        let _guard = self.line_lock.lock();
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Prints the line of an audit event: to stdout, or to stderr if stdout holds one JSON result.
    pub(crate) fn print_audit_line(&self, line: &str) {
        let _guard = self.line_lock.lock();
        let text = format!("{line}\n");
        // The event is stored; a reader that closes the pipe does not want the rest.
        let _ = self.bars.suspend(|| match self.format {
            OutputFormat::Text => write_stdout(&text, Content::Json),
            OutputFormat::Json => io::stderr().lock().write_all(text.as_bytes()),
        });
    }

    pub(crate) fn print_problem(&self, problem: &Problem) {
        let error = style("error:").red().bold().for_stderr();
        let mut text = format!("{error} {}\n", problem.message);
        if let Some(hint) = &problem.hint {
            let label = style("hint:").bold().for_stderr();
            text.extend([label.to_string(), format!(" {hint}\n")]);
        }
        let _ = io::stderr().lock().write_all(displayed(&text).as_bytes());
        if self.format == OutputFormat::Json {
            let default_json = || {
                json!({
                    "status": "error", "error": problem.message, "howToGoOn": problem.hint,
                    "exitCode": problem.exit.code(),
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

    /// Sets the text beside a bar, which has one line.
    pub(crate) fn set_bar_message(bar: &ProgressBar, text: &str) {
        bar.set_message(displayed(text));
    }
}

/// Writes to stdout and flushes it.
pub(crate) fn write_stdout(text: &str, content: Content) -> io::Result<()> {
    let is_terminal = io::stdout().is_terminal();
    let shown = match content {
        Content::Text => displayed(text).into(),
        Content::Json if is_terminal => printable::escaped_json(text),
        Content::Data if is_terminal => displayed(text).into(),
        Content::Json | Content::Data => text.into(),
    };
    let mut stdout = io::stdout().lock();
    stdout.write_all(shown.as_bytes())?;
    stdout.flush()
}
