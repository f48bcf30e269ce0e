//! Settings of the archive, the queues and the topic, and limits on pages.

use std::time::Duration;

use url::Url;

use super::settings::Settings;
use crate::export::parking::WaitLimits;
use crate::storage::aws::AwsSettings;
use crate::storage::queue::{Queue, QueueUrls};
use crate::storage::store::S3Settings;
use crate::storage::topic::TopicArn;

/// The archive in S3.
#[derive(Clone, Debug)]
pub struct ArchiveConfig {
    /// `ARCHIVE_BUCKET`, `ARCHIVE_PREFIX`, `ARCHIVE_KMS_KEY_ID`
    pub s3: S3Settings,
    /// `AWS_S3_FORCE_PATH_STYLE`
    pub aws: AwsSettings,
}

/// Limits and wait times of a page chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSettings {
    /// `WATERMARK_DEADLINE_HOURS`, `JOB_DEADLINE_HOURS`, `THROTTLED_DEADLINE_HOURS`, `UNAVAILABLE_DEADLINE_HOURS`
    pub patience: WaitLimits,
    /// `MAX_PAGES_PER_SLICE`. Stops the chain if the source never ends, because each page sends the next message.
    pub max_pages_per_slice: u32,
    /// `MAX_RUNS_PER_SLICE`. Limit on the runs of a slice that may lose their job or query.
    pub max_runs_per_slice: u32,
}

impl Default for PageSettings {
    fn default() -> Self {
        Self {
            patience: WaitLimits::default(),
            max_pages_per_slice: 20_000,
            max_runs_per_slice: 10,
        }
    }
}

/// A low default: a long backfill must not hold one job for each of its days.
const OPEN_SLICES: usize = 2;

/// Longer than an export would usefully wait.
const MAX_DEADLINE_HOURS: u64 = 30 * 24;

impl Settings<'_> {
    /// `ARCHIVE_BUCKET` and the related variables.
    pub fn archive(&self) -> Option<ArchiveConfig> {
        let bucket = self.needed("ARCHIVE_BUCKET");
        let prefix = self.optional("ARCHIVE_PREFIX");
        let kms_key_id = self.kms_key_id();
        let aws = self.aws();
        Some(ArchiveConfig {
            s3: S3Settings {
                bucket: bucket?,
                prefix,
                kms_key_id,
            },
            aws,
        })
    }

    /// `ARCHIVE_KMS_KEY_ID`
    pub fn kms_key_id(&self) -> Option<String> {
        self.optional("ARCHIVE_KMS_KEY_ID")
    }

    /// `AWS_S3_FORCE_PATH_STYLE`. Also validates the checksum settings, which the SDK reads itself: it silently uses
    /// its default for unknown values.
    pub fn aws(&self) -> AwsSettings {
        self.check_checksums("AWS_REQUEST_CHECKSUM_CALCULATION");
        self.check_checksums("AWS_RESPONSE_CHECKSUM_VALIDATION");
        AwsSettings {
            force_path_style: self.is_on("AWS_S3_FORCE_PATH_STYLE"),
        }
    }

    fn check_checksums(&self, name: &'static str) {
        let is_known = |value: &str| {
            ["when_supported", "when_required"]
                .iter()
                .any(|known| value.eq_ignore_ascii_case(known))
        };
        if let Some(value) = self.optional(name).filter(|value| !is_known(value)) {
            self.malformed(name, value, "when_supported or when_required");
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
        }
    }

    /// `TRANSCRIPT_TOPIC_ARN`
    pub fn transcript_topic(&self) -> Option<TopicArn> {
        const NAME: &str = "TRANSCRIPT_TOPIC_ARN";
        let value = self.optional(NAME)?;
        let arn = value.parse::<TopicArn>();
        arn.map_err(|error| self.malformed(NAME, value, error.to_string()))
            .ok()
    }

    /// `MAX_OPEN_SLICES`
    pub fn max_open_slices(&self) -> usize {
        self.number("MAX_OPEN_SLICES", 1..=100)
            .unwrap_or(OPEN_SLICES)
    }

    /// `MAX_PAGES_PER_SLICE`, `MAX_RUNS_PER_SLICE` and the four deadlines.
    pub fn page_settings(&self) -> PageSettings {
        let default = PageSettings::default();
        // The keys of pages have six digits, those of runs two.
        let pages = self.number("MAX_PAGES_PER_SLICE", 1..=999_999);
        let runs = self.number("MAX_RUNS_PER_SLICE", 1..=99);
        PageSettings {
            patience: self.patience(),
            max_pages_per_slice: pages.unwrap_or(default.max_pages_per_slice),
            max_runs_per_slice: runs.unwrap_or(default.max_runs_per_slice),
        }
    }

    /// The total time that a page may wait, by reason.
    pub fn patience(&self) -> WaitLimits {
        let default = WaitLimits::default();
        WaitLimits {
            watermark: self.deadline("WATERMARK_DEADLINE_HOURS", default.watermark),
            job: self.deadline("JOB_DEADLINE_HOURS", default.job),
            throttled: self.deadline("THROTTLED_DEADLINE_HOURS", default.throttled),
            unavailable: self.deadline("UNAVAILABLE_DEADLINE_HOURS", default.unavailable),
            empty: default.empty,
            export: default.export,
        }
    }

    fn deadline(&self, name: &'static str, default: Duration) -> Duration {
        self.number(name, 1..=MAX_DEADLINE_HOURS)
            .map_or(default, Duration::from_hours)
    }

    fn queue_url(&self, queue: Queue) -> Option<String> {
        let name = match queue {
            Queue::Pages => "PAGE_QUEUE_URL",
            Queue::Waiting => "WAITING_QUEUE_URL",
            Queue::Completion => "COMPLETION_QUEUE_URL",
            Queue::Webhooks => "WEBHOOK_QUEUE_URL",
        };
        let value = self.needed(name)?;
        if Url::parse(&value).is_ok_and(|url| url.has_host()) {
            return Some(value);
        }
        self.malformed(name, value, "the queue's URL, not its name or ARN");
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
        let told = |value: &'static str| {
            let lookup =
                move |name: &str| (name != "AWS_S3_FORCE_PATH_STYLE").then(|| value.to_owned());
            let settings = Settings::new(&lookup);
            let aws = settings.aws();
            let read = settings.finish(Some(aws));
            read.err()
                .map_or_else(String::new, |error| error.to_string())
        };

        assert_eq!(told("when_required") + &told("WHEN_SUPPORTED"), "");
        insta::assert_snapshot!(told("never"), @r"
        AWS_REQUEST_CHECKSUM_CALCULATION is `never`: when_supported or when_required
        AWS_RESPONSE_CHECKSUM_VALIDATION is `never`: when_supported or when_required
        ");
    }

    #[test]
    fn deadlines_are_read_in_hours_and_others_keep_their_defaults() {
        let lookup = |name: &str| (name == "JOB_DEADLINE_HOURS").then(|| "12".to_owned());
        let settings = Settings::new(&lookup);

        let page = settings.page_settings();

        let patience = WaitLimits {
            job: Duration::from_hours(12),
            ..WaitLimits::default()
        };
        assert_eq!(
            page,
            PageSettings {
                patience,
                ..PageSettings::default()
            }
        );
    }
}
