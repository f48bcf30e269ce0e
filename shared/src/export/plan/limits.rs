//! Limits on a plan, and defaults for omitted fields of a request.

use super::{RedactionSettings, RequiredRedaction, TranscriptPlan};
use crate::export::audit::Governance;
use crate::export::request::HistoryForm;
use crate::records::medium::Medium;
use crate::records::transcript::{AttachmentLimits, Limits, TranscriptRoute};

/// Settings for planning. Undocumented limits of the API are settings, not constants.
#[derive(Clone, Debug)]
pub struct PlanLimits {
    pub job_page_size_max: u32,
    pub query_page_size_max: u32,
    pub gateway_page_size_max: u32,
    /// The form of the history gateway, which limits its pages and filters.
    pub history_form: HistoryForm,
    /// Conversations whose texts are fetched for one page.
    pub transcript_page_size_max: u32,
    /// Excludes attachments.
    pub transcripts: TranscriptPlan,
    /// The attachments to store, for requests that include them.
    pub attachments: AttachmentLimits,
    /// Longest interval of one job.
    pub job_interval_max_days: u32,
    /// Longest interval of one query.
    pub query_interval_max_days: u32,
    pub slices_max: u32,
    /// Days for which the organisation keeps conversations, if set here.
    pub retention_days: Option<u32>,
    /// Stored bytes per record, for estimating a gateway export before it starts.
    pub bytes_per_record: u64,
    pub quota_mb: Option<u64>,
    pub redaction: RedactionSettings,
    /// Requests that redact less are refused.
    pub required_redaction: RequiredRedaction,
    pub governance: Governance,
}

impl Default for PlanLimits {
    fn default() -> Self {
        Self {
            // The value of other clients, such as https://github.com/estuary/connectors/tree/main/source-genesys.
            // The maximum is not documented; there are unconfirmed reports of 10,000.
            job_page_size_max: 1000,
            // Not documented; the value that four other clients use.
            query_page_size_max: 100,
            gateway_page_size_max: 1000,
            history_form: HistoryForm::default(),
            // The number that one invocation has time for, at 300 requests per minute and two requests per
            // conversation.
            transcript_page_size_max: 200,
            transcripts: TranscriptPlan {
                route: TranscriptRoute::default(),
                media: Medium::DEFAULT.to_vec(),
                limits: Limits::NONE,
                attachments: None,
            },
            attachments: AttachmentLimits {
                max_attachment_bytes: 10_000_000,
                content_types: ["image/*", "audio/*", "video/*", "application/pdf"]
                    .map(ToOwned::to_owned)
                    .to_vec(),
            },
            // Not documented; a conservative value that other clients use.
            job_interval_max_days: 31,
            // Not documented; other clients use 7 or 31.
            query_interval_max_days: 7,
            slices_max: 366,
            retention_days: None,
            // A web messaging record of about 7 KB compresses to about a tenth.
            bytes_per_record: 700,
            quota_mb: None,
            redaction: RedactionSettings::default(),
            required_redaction: RequiredRedaction::default(),
            governance: Governance {
                data_classification: "confidential".to_owned(),
                retention_directive: "as configured on the bucket".to_owned(),
                processor: concat!("genesys-conversation-archive/", env!("CARGO_PKG_VERSION"))
                    .to_owned(),
                compliance_version: "1".to_owned(),
            },
        }
    }
}
