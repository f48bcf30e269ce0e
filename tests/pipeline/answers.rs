//! Tests docs/answers.md row by row: each unusual response replaces the response of each call through whole exports,
//! once and permanently; afterwards a healthy API completes the exports that failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use conversation_archive::base::failure::FailureKind;
use genesys_simulator::{HistoryForm, ResponseFilter, ServedRequest, Settings};

use end_to_end::world::organisation;

mod alterations;
mod check;
mod documented;
mod gateways;
mod jobs;
mod queries;
mod rows;

use alterations::Alter;

/// A call of a source, and the request whose response is replaced.
struct Call {
    /// Name of the call in docs/answers.md.
    name: &'static str,
    /// `source` of the export request.
    source: &'static str,
    more_fields: String,
    /// The form of the history gateway, if that is the source.
    history: Option<HistoryForm>,
    is_replaced: fn(&ServedRequest<'_>) -> bool,
}

/// Result of a response that is returned permanently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Accepted, and the export is complete.
    Accepted,
    /// Every record is archived, and the manifest warns about the response.
    Warned,
    /// Accepted as the end, and the manifest warns about it.
    WarnedEnd,
    /// Accepted as it is, because a client cannot detect that it is wrong.
    AcceptedAsIs(&'static str),
    /// Accepted, and repeated records are counted.
    Repeated,
    /// One of its records is quarantined.
    Quarantined,
    /// Records that are absent are listed as missing.
    Missing,
    Fails(FailureKind),
}

/// A row of the table.
struct Row {
    response: &'static str,
    alter: Alter,
    outcome: Outcome,
}

/// Whether responses are replaced.
#[derive(Clone, Debug, Default)]
struct Switch {
    state: Arc<AtomicU8>,
    /// Number of responses that were replaced.
    replaced: Arc<AtomicU32>,
}

const HEALTHY: u8 = 0;
const ONCE: u8 = 1;
const ALWAYS: u8 = 2;

impl Outcome {
    /// The result in the words of docs/answers.md.
    fn documented_text(self) -> String {
        match self {
            Self::Accepted => "accepted".to_owned(),
            Self::Warned => "accepted, with a warning".to_owned(),
            Self::WarnedEnd => "accepted as empty, with a warning".to_owned(),
            Self::AcceptedAsIs(what) => what.to_owned(),
            Self::Repeated => "accepted, and counted as repeated".to_owned(),
            Self::Quarantined => "the record is quarantined".to_owned(),
            Self::Missing => "`missingIds`".to_owned(),
            Self::Fails(kind) => {
                let kind = serde_json::to_value(kind).expect("JSON");
                format!("`{}`", kind.as_str().expect("a word"))
            }
        }
    }
}

impl Row {
    fn documented_text(&self) -> (String, String) {
        (self.response.to_owned(), self.outcome.documented_text())
    }
}

impl Switch {
    fn set(&self, state: u8) {
        self.state.store(state, Ordering::SeqCst);
    }

    /// Whether this response is to be replaced.
    fn should_replace(&self) -> bool {
        let once = self
            .state
            .compare_exchange(ONCE, HEALTHY, Ordering::SeqCst, Ordering::SeqCst);
        once.is_ok() || self.state.load(Ordering::SeqCst) == ALWAYS
    }
}

fn settings(history: Option<HistoryForm>, response_filter: Option<ResponseFilter>) -> Settings {
    Settings {
        history,
        response_filter,
        // A job whose submission got an unusual response is never deleted, and occupies a slot until it expires.
        concurrent_jobs: 10_000,
        ..organisation(91, 40)
    }
}
