//! Settings of the limits of a plan.

use super::settings::Settings;
use crate::export::audit::Governance;
use crate::export::plan::{PlanLimits, TranscriptPlan};
use crate::genesys::Endpoints;
use crate::net::AddressRules;
use crate::records::transcript::{AttachmentLimits, Limits};

/// One petabyte; a larger quota is a typing error.
const MAX_QUOTA_MB: u64 = 1_000_000_000;

impl Settings<'_> {
    /// All settings for planning; unset variables keep their defaults. The webhook URL must satisfy `rules`; the
    /// organisation's region determines whose national telephone numbers are recognised.
    pub fn limits(&self, rules: &AddressRules, endpoints: Option<&Endpoints>) -> PlanLimits {
        let default = PlanLimits::default();
        let count = |name, default: u32, max| self.number(name, 1..=max).unwrap_or(default);
        PlanLimits {
            job_page_size_max: count(
                "GENESYS_JOB_PAGE_SIZE_MAX",
                default.job_page_size_max,
                10_000,
            ),
            query_page_size_max: count(
                "GENESYS_QUERY_PAGE_SIZE_MAX",
                default.query_page_size_max,
                10_000,
            ),
            gateway_page_size_max: count(
                "GATEWAY_PAGE_SIZE_MAX",
                default.gateway_page_size_max,
                10_000,
            ),
            history_page_size_max: self.history_form().page_size_max(),
            transcript_page_size_max: count(
                "TRANSCRIPT_PAGE_SIZE_MAX",
                default.transcript_page_size_max,
                1_000,
            ),
            transcripts: self.transcripts(&default.transcripts),
            attachments: self.attachments(default.attachments),
            job_interval_max_days: count(
                "GENESYS_JOB_INTERVAL_MAX_DAYS",
                default.job_interval_max_days,
                366,
            ),
            query_interval_max_days: count(
                "GENESYS_QUERY_INTERVAL_MAX_DAYS",
                default.query_interval_max_days,
                366,
            ),
            // The keys of slices have four digits.
            slices_max: count("MAX_SLICES", default.slices_max, 9_999),
            retention_days: self.number("ARCHIVE_RETENTION_DAYS", 1..=36_500),
            bytes_per_record: self
                .number("ARCHIVE_BYTES_PER_RECORD", 1..=10_000_000)
                .unwrap_or(default.bytes_per_record),
            quota_mb: self.number("ARCHIVE_QUOTA_MB", 1..=MAX_QUOTA_MB),
            webhook_url: self.webhook_url(rules),
            redaction: self.redaction_settings(endpoints),
            governance: self.governance(default.governance),
        }
    }

    fn transcripts(&self, default: &TranscriptPlan) -> TranscriptPlan {
        TranscriptPlan {
            route: self
                .optional("GENESYS_TRANSCRIPT_ROUTE")
                .and_then(|text| self.usable(text.parse()))
                .unwrap_or_default(),
            limits: Limits {
                max_transcript_bytes: self
                    .number("MAX_TRANSCRIPT_BYTES", 1_000..=64_000_000)
                    .unwrap_or(default.limits.max_transcript_bytes),
                context_window: self.number("TRANSCRIPT_CONTEXT_WINDOW", 1..=1_000_000),
            },
            attachments: None,
        }
    }

    fn attachments(&self, default: AttachmentLimits) -> AttachmentLimits {
        let types = self.list("ATTACHMENT_TYPES");
        AttachmentLimits {
            // Several attachments are in memory at a time.
            max_attachment_bytes: self
                .number("MAX_ATTACHMENT_BYTES", 1..=30_000_000)
                .unwrap_or(default.max_attachment_bytes),
            content_types: if types.is_empty() {
                default.content_types
            } else {
                types
            },
        }
    }

    fn governance(&self, default: Governance) -> Governance {
        let text = |name, default| self.optional(name).unwrap_or(default);
        Governance {
            data_classification: text("DATA_CLASSIFICATION", default.data_classification),
            retention_directive: text("RETENTION_DIRECTIVE", default.retention_directive),
            compliance_version: text("COMPLIANCE_VERSION", default.compliance_version),
            processor: default.processor,
        }
    }
}
