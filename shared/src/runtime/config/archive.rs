//! Settings of the archive, the queues and the topic, and limits on pages.

use std::time::Duration;

use url::Url;

use super::settings::Settings;
use super::signing::SigningConfig;
use super::table::{
    ARCHIVE_BUCKET, ARCHIVE_KMS_KEY_ID, ARCHIVE_PREFIX, AUDIT_STDOUT, AWS_ENDPOINT_URL,
    AWS_REQUEST_CHECKSUM_CALCULATION, AWS_RESPONSE_CHECKSUM_VALIDATION, AWS_S3_FORCE_PATH_STYLE,
    COMPLETION_QUEUE_URL, ENDED_QUEUE_URL, MAX_OPEN_SLICES, PAGE_QUEUE_URL, Setting,
    TRANSCRIPT_TOPIC_ARN, WAITING_QUEUE_URL, WATERMARK_DEADLINE_HOURS, WEBHOOK_QUEUE_URL,
};
use crate::export::parking::WaitLimits;
use crate::export::plan::RequiredRedaction;
use crate::storage::aws::{AwsSettings, is_allowed_endpoint};
use crate::storage::queue::{Queue, QueueUrls};
use crate::storage::store::S3Settings;
use crate::storage::topic::TopicArn;

/// The archive in S3.
#[derive(Clone, Debug)]
pub struct ArchiveConfig {
    pub s3: S3Settings,
    pub aws: AwsSettings,
    pub signing: SigningConfig,
    pub audit_output: AuditOutput,
}

/// Where audit events go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditOutput {
    /// To the archive alone.
    #[default]
    Stored,
    /// To the archive, and as lines to an output stream of the process.
    StoredAndPrinted,
}

/// Limits and wait times of a page chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSettings {
    pub wait_limits: WaitLimits,
    /// Stops the chain if the source never ends, because each page sends the next message.
    pub max_pages_per_slice: u32,
    /// Limit on the jobs or queries that a slice may lose in a row.
    pub max_runs_per_slice: u32,
    /// Pages of a plan that redacts less are not fetched.
    pub required_redaction: RequiredRedaction,
}

impl Default for PageSettings {
    fn default() -> Self {
        Self {
            wait_limits: WaitLimits::default(),
            // Two million conversations a slice with the smallest usual page; far more than a day of any organisation.
            max_pages_per_slice: 20_000,
            // A job that is lost this often will be lost again.
            max_runs_per_slice: 10,
            required_redaction: RequiredRedaction::default(),
        }
    }
}

impl Settings<'_> {
    /// `AUDIT_STDOUT`.
    pub fn audit_output(&self) -> AuditOutput {
        if self.is_on(&AUDIT_STDOUT) {
            AuditOutput::StoredAndPrinted
        } else {
            AuditOutput::Stored
        }
    }

    /// `ARCHIVE_BUCKET` and the related variables.
    pub fn archive(&self) -> Option<ArchiveConfig> {
        let bucket = self.required(&ARCHIVE_BUCKET);
        let prefix = self.optional(&ARCHIVE_PREFIX);
        let kms_key_id = self.kms_key_id();
        let aws = self.aws();
        let signing = self.signing();
        let audit_output = self.audit_output();
        Some(ArchiveConfig {
            s3: S3Settings {
                bucket: bucket?,
                prefix,
                kms_key_id,
            },
            aws,
            signing: signing?,
            audit_output,
        })
    }

    pub fn kms_key_id(&self) -> Option<String> {
        self.optional(&ARCHIVE_KMS_KEY_ID)
    }

    /// `AWS_S3_FORCE_PATH_STYLE`. Also validates the settings that the SDK reads itself: it silently uses its default for
    /// unknown checksum settings, and the clients refuse every call to some endpoints.
    pub fn aws(&self) -> AwsSettings {
        self.check_endpoint();
        self.check_checksums(&AWS_REQUEST_CHECKSUM_CALCULATION);
        self.check_checksums(&AWS_RESPONSE_CHECKSUM_VALIDATION);
        AwsSettings {
            force_path_style: self.is_on(&AWS_S3_FORCE_PATH_STYLE),
        }
    }

    /// Whether `AWS_ENDPOINT_URL` is set, so that an emulator replaces AWS.
    pub(crate) fn is_emulated(&self) -> bool {
        self.optional(&AWS_ENDPOINT_URL).is_some()
    }

    /// Refuses an endpoint to which the clients would refuse to send.
    fn check_endpoint(&self) {
        let endpoint = self.optional(&AWS_ENDPOINT_URL);
        if let Some(value) = endpoint.filter(|endpoint| !is_allowed_endpoint(endpoint)) {
            let rule = "an https URL; plain http is allowed only for this machine";
            self.malformed(&AWS_ENDPOINT_URL, value, rule);
        }
    }

    fn check_checksums(&self, setting: &Setting) {
        let is_known = |value: &str| {
            ["when_supported", "when_required"]
                .iter()
                .any(|known| value.eq_ignore_ascii_case(known))
        };
        if let Some(value) = self.optional(setting).filter(|value| !is_known(value)) {
            self.malformed(setting, value, "when_supported or when_required");
        }
    }

    /// The URLs of the queues that a function sends to, reads the depth of, or returns messages to.
    pub fn queues(&self, needed: &[Queue]) -> QueueUrls {
        let url = |queue| {
            let wanted = needed.contains(&queue);
            wanted.then(|| self.queue_url(queue)).flatten()
        };
        QueueUrls {
            pages: url(Queue::Pages),
            waiting: url(Queue::Waiting),
            completion: url(Queue::Completion),
            webhooks: url(Queue::Webhooks),
            ended: url(Queue::Ended),
        }
    }

    pub fn transcript_topic(&self) -> Option<TopicArn> {
        let value = self.optional(&TRANSCRIPT_TOPIC_ARN)?;
        let arn = value.parse::<TopicArn>();
        arn.map_err(|error| self.malformed(&TRANSCRIPT_TOPIC_ARN, value, error.to_string()))
            .ok()
    }

    pub fn max_open_slices(&self) -> usize {
        self.number(&MAX_OPEN_SLICES).unwrap_or(1)
    }

    /// `required_redaction` is that of the limits for planning.
    pub fn page_settings(&self, required_redaction: RequiredRedaction) -> PageSettings {
        let default = PageSettings::default();
        PageSettings {
            wait_limits: self.wait_limits(),
            required_redaction,
            ..default
        }
    }

    /// The total time that a page may wait, by reason.
    pub fn wait_limits(&self) -> WaitLimits {
        let default = WaitLimits::default();
        let watermark = self.number(&WATERMARK_DEADLINE_HOURS);
        WaitLimits {
            watermark: watermark.map_or(default.watermark, Duration::from_hours),
            ..default
        }
    }

    fn queue_url(&self, queue: Queue) -> Option<String> {
        let setting = match queue {
            Queue::Pages => &PAGE_QUEUE_URL,
            Queue::Waiting => &WAITING_QUEUE_URL,
            Queue::Completion => &COMPLETION_QUEUE_URL,
            Queue::Webhooks => &WEBHOOK_QUEUE_URL,
            Queue::Ended => &ENDED_QUEUE_URL,
        };
        let value = self.required(setting)?;
        if Url::parse(&value).is_ok_and(|url| url.has_host()) {
            return Some(value);
        }
        self.malformed(setting, value, "the queue's URL, not its name or ARN");
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_sender_report_a_missing_queue_url_alike() {
        for queue in Queue::ALL {
            let nothing = |_: &str| None;
            let settings = Settings::new(&nothing);

            let error = QueueUrls::default().url(queue).unwrap_err();
            let urls = settings.queues(&[queue]);

            assert_eq!(
                settings.finish(Some(urls)).unwrap_err().to_string(),
                error.to_string()
            );
        }
    }

    #[test]
    fn an_arn_is_not_a_queue_url() {
        let arn = |_: &str| Some("arn:aws:sqs:eu-central-1:123456789012:pages.fifo".to_owned());
        let settings = Settings::new(&arn);

        let urls = settings.queues(&[Queue::Pages]);

        assert_eq!(
            settings.finish(Some(urls)).unwrap_err().to_string(),
            "PAGE_QUEUE_URL is `arn:aws:sqs:eu-central-1:123456789012:pages.fifo`: the queue's URL, not its name or ARN"
        );
    }

    #[test]
    fn the_arn_of_a_fifo_topic_is_refused() {
        let fifo = |_: &str| Some("arn:aws:sns:eu-central-1:1:transcripts.fifo".to_owned());
        let settings = Settings::new(&fifo);

        let topic = settings.transcript_topic();

        assert_eq!(
            settings.finish(Some(topic)).unwrap_err().to_string(),
            "TRANSCRIPT_TOPIC_ARN is `arn:aws:sns:eu-central-1:1:transcripts.fifo`: the ARN of a standard SNS topic, arn:aws:sns:{region}:{account}:{name}"
        );
    }

    #[test]
    fn unknown_checksum_settings_are_refused() {
        let problems_with = |value: &'static str| {
            let lookup = move |name: &str| name.contains("CHECKSUM").then(|| value.to_owned());
            let settings = Settings::new(&lookup);
            let aws = settings.aws();
            let read = settings.finish(Some(aws));
            read.err()
                .map_or_else(String::new, |error| error.to_string())
        };

        assert_eq!(
            problems_with("when_required") + &problems_with("WHEN_SUPPORTED"),
            ""
        );
        insta::assert_snapshot!(problems_with("never"), @r"
        AWS_REQUEST_CHECKSUM_CALCULATION is `never`: when_supported or when_required
        AWS_RESPONSE_CHECKSUM_VALIDATION is `never`: when_supported or when_required
        ");
    }

    #[test]
    fn an_endpoint_over_plain_http_is_refused_except_on_this_machine() {
        let problem_with = |endpoint: &'static str| {
            let lookup =
                move |name: &str| (name == "AWS_ENDPOINT_URL").then(|| endpoint.to_owned());
            let settings = Settings::new(&lookup);
            let aws = settings.aws();
            settings
                .finish(Some(aws))
                .err()
                .map(|error| error.to_string())
        };

        for endpoint in [
            "https://minio.example",
            "http://127.0.0.1:4566",
            "http://localhost:1",
        ] {
            assert_eq!(problem_with(endpoint), None);
        }
        for endpoint in [
            "http://minio.example",
            "http://10.0.0.1",
            "ftp://minio.example",
            "minio",
        ] {
            assert!(problem_with(endpoint).is_some(), "{endpoint}");
        }
        insta::assert_snapshot!(problem_with("http://minio.example").unwrap(), @"AWS_ENDPOINT_URL is `http://minio.example`: an https URL; plain http is allowed only for this machine");
    }

    #[test]
    fn deadlines_are_read_in_hours_and_others_keep_their_defaults() {
        let lookup = |name: &str| (name == "WATERMARK_DEADLINE_HOURS").then(|| "12".to_owned());
        let settings = Settings::new(&lookup);

        let page = settings.page_settings(RequiredRedaction::default());

        let wait_limits = WaitLimits {
            watermark: Duration::from_hours(12),
            ..WaitLimits::default()
        };
        assert_eq!(
            page,
            PageSettings {
                wait_limits,
                ..PageSettings::default()
            }
        );
    }
}
