//! The findings of the checks, shown one by one.

use console::Style;
use serde::Serialize;
use serde_json::json;

use crate::figures::quantity;
use crate::problem::{Exit, Problem};
use crate::screen::{Report, Screen};
use crate::style::style;

/// The meaning of a finding for an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Mark {
    Ok,
    /// An export will run, but the finding deserves attention.
    Warning,
    Failed,
    Skipped,
    /// A property that the API does not document.
    Found,
}

/// One line, and the fix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    check: &'static str,
    mark: Mark,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// All findings; each is shown as soon as it is added.
pub(super) struct Findings<'a> {
    screen: &'a Screen,
    all: Vec<Finding>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Mark::Ok, what)
    }

    pub(super) fn warning(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Mark::Warning, what)
    }

    pub(super) fn failed(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Mark::Failed, what)
    }

    pub(super) fn skipped(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Mark::Skipped, what)
    }

    pub(super) fn found(check: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, Mark::Found, what)
    }

    #[must_use]
    pub(super) fn fix(self, fix: impl Into<String>) -> Self {
        Self {
            fix: Some(fix.into()),
            ..self
        }
    }

    fn new(check: &'static str, mark: Mark, what: impl Into<String>) -> Self {
        Self {
            check,
            mark,
            what: what.into(),
            fix: None,
        }
    }

    fn text(&self) -> String {
        let (sign, symbol_style) = self.mark.symbol_and_style();
        let line = format!(
            "{} {:<12} {}{}",
            style(sign).with(symbol_style),
            self.check,
            if self.mark == Mark::Found {
                "found: "
            } else {
                ""
            },
            self.what
        );
        match &self.fix {
            Some(fix) => format!("{line}\n{:15}{} {fix}", "", style("→").bold()),
            None => line,
        }
    }
}

impl Mark {
    fn symbol_and_style(self) -> (&'static str, Style) {
        match self {
            Self::Ok => ("✓", Style::new().green().bold()),
            Self::Warning => ("!", Style::new().yellow().bold()),
            Self::Failed => ("✗", Style::new().red().bold()),
            Self::Skipped => ("-", Style::new().dim()),
            Self::Found => ("·", Style::new().cyan()),
        }
    }
}

impl<'a> Findings<'a> {
    pub(super) fn new(screen: &'a Screen) -> Self {
        let all = Vec::new();
        Self { screen, all }
    }

    pub(super) fn add(&mut self, finding: Finding) {
        self.screen.print_piece(&finding.text());
        self.all.push(finding);
    }

    /// The error after an interrupt. It holds the findings so far, including a failure to clean up.
    pub(super) fn interrupted(self) -> Problem {
        Problem::failed("the check was interrupted")
            .with_json(json!({"status": "stopped", "checks": self.all}))
    }

    /// Prints the result: all findings for a program, the totals for people.
    pub(super) fn finish(self) -> Exit {
        let count_of = |mark| self.all.iter().filter(|it| it.mark == mark).count() as u64;
        let (failed, warnings) = (count_of(Mark::Failed), count_of(Mark::Warning));
        let (status, exit) = match failed {
            0 => ("ok", Exit::Done),
            _ => ("failed", Exit::Failed),
        };
        let text = format!(
            "{}, {}",
            quantity(failed, "check failed", "checks failed"),
            quantity(warnings, "warning", "warnings")
        );
        self.screen.print_result(&Report {
            text,
            json: json!({"status": status, "checks": self.all}),
        });
        exit
    }
}
