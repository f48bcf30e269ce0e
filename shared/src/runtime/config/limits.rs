//! Settings of the limits of a plan.

use super::settings::Settings;
use super::table::{
    ARCHIVE_QUOTA_MB, ARCHIVE_RETENTION_DAYS, ATTACHMENT_TYPES, COMPLIANCE_VERSION,
    DATA_CLASSIFICATION, GATEWAY_PAGE_SIZE_MAX, GENESYS_JOB_INTERVAL_MAX_DAYS,
    GENESYS_JOB_PAGE_SIZE_MAX, GENESYS_QUERY_INTERVAL_MAX_DAYS, GENESYS_QUERY_PAGE_SIZE_MAX,
    GENESYS_TRANSCRIPT_ROUTE, MAX_ATTACHMENT_BYTES, RETENTION_DIRECTIVE, TRANSCRIPT_CONTEXT_WINDOW,
};
use crate::export::audit::Governance;
use crate::export::plan::{PlanLimits, TranscriptPlan};
use crate::genesys::Endpoints;
use crate::records::transcript::{AttachmentLimits, Limits};

impl Settings<'_> {
    /// All settings for planning; unset variables keep their defaults. The organisation's region determines
    /// whose national telephone numbers are recognised.
    pub fn limits(&self, endpoints: Option<&Endpoints>) -> PlanLimits {
        let default = PlanLimits::default();
        let number = |setting, default: u32| self.number(setting).unwrap_or(default);
        PlanLimits {
            job_page_size_max: number(&GENESYS_JOB_PAGE_SIZE_MAX, default.job_page_size_max),
            query_page_size_max: number(&GENESYS_QUERY_PAGE_SIZE_MAX, default.query_page_size_max),
            gateway_page_size_max: number(&GATEWAY_PAGE_SIZE_MAX, default.gateway_page_size_max),
            history_form: self.history_form(),
            transcripts: self.transcripts(default.transcripts),
            attachments: self.attachments(&default.attachments),
            job_interval_max_days: number(
                &GENESYS_JOB_INTERVAL_MAX_DAYS,
                default.job_interval_max_days,
            ),
            query_interval_max_days: number(
                &GENESYS_QUERY_INTERVAL_MAX_DAYS,
                default.query_interval_max_days,
            ),
            retention_days: self.number(&ARCHIVE_RETENTION_DAYS),
            quota_mb: self.number(&ARCHIVE_QUOTA_MB),
            redaction: self.redaction_settings(endpoints),
            required_redaction: self.required_redaction(),
            governance: self.governance(default.governance),
            ..default
        }
    }

    fn transcripts(&self, default: TranscriptPlan) -> TranscriptPlan {
        let route = self.text(&GENESYS_TRANSCRIPT_ROUTE);
        TranscriptPlan {
            route: self.usable(route.parse()).unwrap_or_default(),
            limits: Limits {
                context_window: self.number(&TRANSCRIPT_CONTEXT_WINDOW),
                ..default.limits
            },
            ..default
        }
    }

    fn attachments(&self, default: &AttachmentLimits) -> AttachmentLimits {
        let max_bytes = self.number(&MAX_ATTACHMENT_BYTES);
        AttachmentLimits {
            max_attachment_bytes: max_bytes.unwrap_or(default.max_attachment_bytes),
            content_types: self.list(&ATTACHMENT_TYPES),
        }
    }

    fn governance(&self, default: Governance) -> Governance {
        Governance {
            data_classification: self.text(&DATA_CLASSIFICATION),
            retention_directive: self.text(&RETENTION_DIRECTIVE),
            compliance_version: self.text(&COMPLIANCE_VERSION),
            ..default
        }
    }
}
