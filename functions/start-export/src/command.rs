//! The commands of start-export and the response to them.

use conversation_archive::base::ids::ExportId;
use conversation_archive::base::json::JsonText;
use conversation_archive::export::attempt::Overrides;
use conversation_archive::export::outcome::ExportStatus;
use conversation_archive::export::request::{ExportRequest, InvalidRequest, OnBadRecord};
use serde::{Deserialize, Serialize};

/// The commands of start-export: `{"resume": {…}}`, `{"cancel": {…}}`, or a plain request.
#[derive(Clone, Debug)]
pub enum Command {
    Start(Box<ExportRequest>),
    Resume(Resume),
    Cancel(ExportId),
}

/// Resumes an export.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resume {
    pub export_id: ExportId,
    #[serde(default)]
    pub quota_mb: Option<u64>,
    #[serde(default)]
    pub on_bad_record: Option<OnBadRecord>,
}

/// The response to a start, resume or cancel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    pub export_id: ExportId,
    pub state: State,
    pub attempt: u32,
    pub slices: u32,
    /// URI of the manifest, now or in the future.
    pub manifest_uri: String,
    /// The companion export of the transcripts of its conversations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcripts: Option<Box<Started>>,
    /// The companion exports that revisit intervals exported before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revisits: Vec<Started>,
}

/// The state of the export after the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Started,
    /// The request is stored and starts later: the API was not available.
    Accepted,
    /// The export existed and continues.
    Resumed,
    /// The export existed and is complete.
    Completed,
    /// The export existed and is cancelled, which is final.
    Cancelled,
    /// Cancellation was requested; the handlers of its pages act on it.
    Cancelling,
}

impl Command {
    /// Parses the payload of an invocation.
    pub fn parse(payload: &str) -> Result<Self, InvalidRequest> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Cancel {
            #[serde(rename = "exportId")]
            export_id: ExportId,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        enum Wrapped {
            Resume(Resume),
            Cancel(Cancel),
        }
        let is_wrapped =
            |payload: JsonText<'_>| payload.get("resume").or(payload.get("cancel")).is_some();
        if JsonText::parse(payload).is_ok_and(is_wrapped) {
            return Ok(match InvalidRequest::parse(payload)? {
                Wrapped::Resume(resume) => Self::Resume(resume),
                Wrapped::Cancel(cancel) => Self::Cancel(cancel.export_id),
            });
        }
        ExportRequest::parse(payload).map(Box::new).map(Self::Start)
    }
}

impl Resume {
    /// A resume without overrides.
    pub(crate) fn of(export_id: ExportId) -> Self {
        Self {
            export_id,
            quota_mb: None,
            on_bad_record: None,
        }
    }

    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            quota_mb: self.quota_mb,
            on_bad_record: self.on_bad_record,
        }
    }
}

pub(crate) fn final_state(status: ExportStatus) -> Option<State> {
    match status {
        ExportStatus::Completed
        | ExportStatus::CompletedWithRejects
        | ExportStatus::CompletedWithGaps => Some(State::Completed),
        ExportStatus::Cancelled => Some(State::Cancelled),
        ExportStatus::Failed => None,
    }
}
