//! What a plan must respect, and what it takes where the request is silent.

use super::{RedactionSettings, TranscriptPlan};
use crate::audit::Governance;
use crate::source::HistoryForm;
use crate::transcript::{AttachmentLimits, Limits, TranscriptRoute};

/// Settings that planning needs. Limits that the API does not document are settings, never constants.
#[derive(Clone, Debug)]
pub struct PlanLimits {
    pub job_page_size_max: u32,
    pub query_page_size_max: u32,
    pub gateway_page_size_max: u32,
    pub history_page_size_max: u32,
    /// Conversations whose texts are fetched for one page.
    pub transcript_page_size_max: u32,
    /// Without attachments.
    pub transcripts: TranscriptPlan,
    /// Which attachments are stored where they are wanted.
    pub attachments: AttachmentLimits,
    /// Longest interval of one job.
    pub job_interval_max_days: u32,
    /// Longest interval of one query.
    pub query_interval_max_days: u32,
    pub slices_max: u32,
    /// How long the organisation keeps conversations, if that is set here.
    pub retention_days: Option<u32>,
    /// Stored bytes per record, for estimating a gateway export before it starts.
    pub bytes_per_record: u64,
    pub quota_mb: Option<u64>,
    pub webhook_url: Option<String>,
    pub redaction: RedactionSettings,
    pub governance: Governance,
}

impl Default for PlanLimits {
    fn default() -> Self {
        Self {
            // In common use; a maximum of 10,000 is only rumoured.
            job_page_size_max: 1000,
            // Undocumented; what four other clients agree on.
            query_page_size_max: 100,
            gateway_page_size_max: 1000,
            history_page_size_max: HistoryForm::default().page_size_max(),
            // At 300 requests a minute and two for each, as many as the time of one invocation is good for.
            transcript_page_size_max: 200,
            transcripts: TranscriptPlan {
                route: TranscriptRoute::default(),
                limits: Limits {
                    max_transcript_bytes: 2 << 20,
                    context_window: None,
                },
                attachments: None,
            },
            attachments: AttachmentLimits {
                max_attachment_bytes: 10_000_000,
                content_types: ["image/*", "audio/*", "video/*", "application/pdf"]
                    .map(ToOwned::to_owned)
                    .to_vec(),
            },
            // Undocumented; a cautious choice that other clients make.
            job_interval_max_days: 31,
            // Undocumented; other clients say 7 or 31.
            query_interval_max_days: 7,
            slices_max: 366,
            retention_days: None,
            // A web messaging record of about 7 KB compresses to about a tenth.
            bytes_per_record: 700,
            quota_mb: None,
            webhook_url: None,
            redaction: RedactionSettings::default(),
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
