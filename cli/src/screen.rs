//! The one place that prints. Results go to stdout, everything else to stderr, where it does not break the bars.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use console::style;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
use serde::Serialize;
use serde_json::{Value, json};

use crate::logs::Detail;
use crate::plain::{Reader, plain};
use crate::problem::Problem;

/// A clone is another handle on the same screen.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    bars: MultiProgress,
    form: Form,
    /// Somebody looks at stderr, and there may be bars.
    pub(crate) is_terminal: bool,
    /// One line at a time.
    turn: Arc<std::sync::Mutex<()>>,
}

/// What a result is printed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
}

/// What a command has to say in the end, for people and for programs.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    pub text: String,
    pub json: Value,
}

impl Screen {
    pub(crate) fn new(form: Form, detail: Detail) -> Self {
        // Log lines that somebody asked for and bars would write over each other.
        let is_terminal = io::stderr().is_terminal() && detail == Detail::Unasked;
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self {
            bars,
            form,
            is_terminal,
            turn: Arc::default(),
        }
    }

    /// Whether results are printed for people, not for programs.
    pub(crate) fn is_for_people(&self) -> bool {
        self.form == Form::Text
    }

    /// The result of the command.
    pub(crate) fn result(&self, report: &Report) {
        let json = || serde_json::to_string_pretty(&report.json).unwrap_or_default();
        let text = if self.form == Form::Json {
            json()
        } else {
            report.text.clone()
        };
        // Who closes the pipe does not want the rest.
        let _ = writeln!(io::stdout().lock(), "{text}");
    }

    /// The result of a command that shows what is archived. Records in `json` are passed on as the text that they are: not
    /// everything that is valid JSON fits into a value.
    pub(crate) fn archived(&self, text: &str, json: &impl Serialize) -> Result<(), Problem> {
        let json = match self.form {
            Form::Text => return put(text),
            Form::Json => serde_json::to_string_pretty(json).map_err(anyhow::Error::from)?,
        };
        put(&Reader::of_stdout().json(&json))
    }

    /// A piece of the result, as soon as it is there; a program gets all of it at once in the end.
    pub(crate) fn piece(&self, text: &str) {
        if self.form == Form::Text {
            let _ = writeln!(io::stdout().lock(), "{text}");
        }
    }

    /// A line about what is going on, above the bars.
    pub(crate) fn line(&self, text: &str) {
        if self.is_terminal {
            let _ = self.bars.println(text);
            return;
        }
        let _turn = self.turn.lock();
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    pub(crate) fn problem(&self, problem: &Problem) {
        let mut stderr = io::stderr().lock();
        let _ = writeln!(
            stderr,
            "{} {}",
            style("error:").red().bold().for_stderr(),
            // It may quote the API, or a key of the store.
            plain(&problem.message)
        );
        if let Some(hint) = &problem.hint {
            let _ = writeln!(
                stderr,
                "{} {hint}",
                style("how to go on:").bold().for_stderr()
            );
        }
        drop(stderr);
        if self.form == Form::Json {
            let plain = || {
                json!({
                    "status": "error", "error": problem.message, "howToGoOn": problem.hint,
                    "exitCode": problem.exit as u8,
                })
            };
            let json = problem.json.as_deref().cloned().unwrap_or_else(plain);
            self.result(&Report {
                text: String::new(),
                json,
            });
        }
    }

    pub(crate) fn add(&self, bar: ProgressBar) -> ProgressBar {
        self.bars.add(bar)
    }
}

/// Who closes the pipe does not want the rest.
fn put(text: &str) -> Result<(), Problem> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Problem::failed(format!("cannot write the output: {error}")))
        }
        _ => Ok(()),
    }
}
