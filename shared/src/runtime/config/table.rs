//! All settings: name, range, default and meaning. Values are read by this table, and the documentation and the
//! template are compared with it.

use std::fmt;
use std::ops::RangeInclusive;

use Kind::{Default, Required, RequiredUnless, Without};

/// One environment variable.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    pub name: &'static str,
    pub kind: Kind,
    /// One line on its purpose, with the unit.
    pub meaning: &'static str,
}

/// Whether a setting must be set, and what applies if it is not.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    Required,
    /// Required unless the settings of this name are set.
    RequiredUnless(&'static str),
    /// Text or a list with this default.
    Default(&'static str),
    /// Text or a list; a description of what applies without it.
    Without(&'static str),
    /// A whole number.
    Number {
        range: RangeInclusive<u64>,
        default: u64,
    },
    /// A whole number; a description of what applies without it.
    NumberWithout {
        range: RangeInclusive<u64>,
        without: &'static str,
    },
}

/// A function, by the name of its package, and its settings.
#[derive(Clone, Copy, Debug)]
pub struct FunctionSettings {
    pub function: &'static str,
    pub deployment: Deployment,
    groups: &'static [&'static [&'static Setting]],
}

/// The stacks that have a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deployment {
    Always,
    /// Those with live capture: the parameter `LiveEventBusName`.
    LiveCapture,
}

impl FunctionSettings {
    pub fn settings(&self) -> impl Iterator<Item = &'static Setting> {
        self.groups.iter().copied().flatten().copied()
    }
}

impl Setting {
    /// The default as text, if there is one.
    pub fn default(&self) -> Option<String> {
        match &self.kind {
            Kind::Default(text) => Some((*text).to_owned()),
            Kind::Number { default, .. } => Some(default.to_string()),
            _ => None,
        }
    }

    /// The range of a number.
    pub fn range(&self) -> Option<&RangeInclusive<u64>> {
        match &self.kind {
            Kind::Number { range, .. } | Kind::NumberWithout { range, .. } => Some(range),
            _ => None,
        }
    }

    pub fn is_required(&self) -> bool {
        matches!(self.kind, Kind::Required | Kind::RequiredUnless(_))
    }
}

/// The columns of the documentation after the name: what applies without the setting, and its meaning.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Required => f.write_str("required")?,
            Kind::RequiredUnless(other) => write!(f, "required, or {other}")?,
            Kind::Default(default) => write!(f, "`{default}`")?,
            Kind::Number { default, .. } => write!(f, "{default}")?,
            Kind::Without(without) | Kind::NumberWithout { without, .. } => f.write_str(without)?,
        }
        write!(f, " | {}", self.meaning)?;
        match self.range() {
            Some(range) => write!(f, " ({} to {})", range.start(), range.end()),
            None => Ok(()),
        }
    }
}

/// All functions, in the order in which they handle an export.
pub const FUNCTIONS: [FunctionSettings; 9] = [
    FunctionSettings {
        function: "start-export",
        deployment: Deployment::Always,
        groups: &[
            ARCHIVE,
            &[&PAGE_QUEUE_URL, &COMPLETION_QUEUE_URL, &WEBHOOK_QUEUE_URL],
            ORGANISATION,
            SECRETS,
            PLANNING,
            &[&AWS_REGION, &MAX_OPEN_SLICES],
        ],
    },
    FunctionSettings {
        function: "archive-page",
        deployment: Deployment::Always,
        groups: &[
            ARCHIVE,
            &[&PAGE_QUEUE_URL, &WAITING_QUEUE_URL, &COMPLETION_QUEUE_URL],
            ORGANISATION,
            SECRETS,
            PLANNING,
            &[
                &WATERMARK_DEADLINE_HOURS,
                &TRANSCRIPT_TOPIC_ARN,
                &AWS_REGION,
                &MAX_OPEN_SLICES,
            ],
        ],
    },
    FunctionSettings {
        function: "await-ready",
        deployment: Deployment::Always,
        groups: &[ARCHIVE, &[&PAGE_QUEUE_URL, &WAITING_QUEUE_URL]],
    },
    FunctionSettings {
        function: "complete-export",
        deployment: Deployment::Always,
        groups: &[ARCHIVE, OPENING],
    },
    FunctionSettings {
        function: "send-webhook",
        deployment: Deployment::Always,
        groups: &[
            ARCHIVE,
            &[
                &WEBHOOK_QUEUE_URL,
                &WEBHOOK_ALLOWED_HOSTS,
                &WEBHOOK_RECEIVERS,
                &WEBHOOK_SIGNING_SECRET,
                &WEBHOOK_SIGNING_SECRET_ARN,
            ],
        ],
    },
    FunctionSettings {
        function: "record-failure",
        deployment: Deployment::Always,
        groups: &[ARCHIVE, &[&COMPLETION_QUEUE_URL]],
    },
    FunctionSettings {
        function: "sweep-exports",
        deployment: Deployment::Always,
        groups: &[
            ARCHIVE,
            OPENING,
            &[&REDACTION_REQUIRED, &LIVE_GAP_DELAY_SECONDS],
        ],
    },
    FunctionSettings {
        function: "archive-events",
        deployment: Deployment::LiveCapture,
        groups: &[
            ARCHIVE,
            HOSTS,
            REDACTION,
            &[&ENDED_QUEUE_URL, &LIVE_SETTLE_SECONDS],
        ],
    },
    FunctionSettings {
        function: "fetch-ended",
        deployment: Deployment::LiveCapture,
        groups: &[
            ARCHIVE,
            &[&PAGE_QUEUE_URL, &ENDED_QUEUE_URL],
            ORGANISATION,
            &[
                &GENESYS_CREDENTIALS_SECRET_ARN,
                &HTTPS_PROXY_SECRET_ARN,
                &GENESYS_QUERY_PAGE_SIZE_MAX,
                &REDACTION_REQUIRED,
                &LIVE_SETTLE_SECONDS,
                &LIVE_API_SHARE,
            ],
        ],
    },
];

/// The settings of the command line. Those of AWS are read only for `s3://`; the SDK reads [`READ_BY_THE_SDK`].
pub const COMMAND_LINE: FunctionSettings = FunctionSettings {
    function: "genesys-archive",
    deployment: Deployment::Always,
    groups: &[
        &[
            &ARCHIVE_KMS_KEY_ID,
            &AWS_S3_FORCE_PATH_STYLE,
            &AWS_REQUEST_CHECKSUM_CALCULATION,
            &AWS_RESPONSE_CHECKSUM_VALIDATION,
        ],
        READ_BY_THE_SDK,
        ORGANISATION,
        PLANNING,
        &[
            &SIGNING_KEY_FILE,
            &TRUSTED_PUBLIC_KEYS,
            &UNSIGNED_DOCUMENTS,
            &REDACTION_KEY,
            &UNREDACTED_AUDIT_FILE,
            &AUDIT_STDOUT,
            &WEBHOOK_SIGNING_SECRET,
            &WATERMARK_DEADLINE_HOURS,
            &MAX_OPEN_SLICES,
            &LIVE_SETTLE_SECONDS,
            &LIVE_API_SHARE,
            &LIVE_GAP_DELAY_SECONDS,
        ],
    ],
};

/// Settings of the command line that the AWS SDK reads itself.
pub const READ_BY_THE_SDK: &[&Setting] = &[&AWS_REGION, &AWS_ENDPOINT_URL];

const ARCHIVE: &[&Setting] = &[
    &ARCHIVE_BUCKET,
    &ARCHIVE_PREFIX,
    &ARCHIVE_KMS_KEY_ID,
    &SIGNING_KEY_ARN,
    &TRUSTED_PUBLIC_KEYS,
    &UNSIGNED_DOCUMENTS,
    &AWS_ENDPOINT_URL,
    &AWS_S3_FORCE_PATH_STYLE,
    &AWS_REQUEST_CHECKSUM_CALCULATION,
    &AWS_RESPONSE_CHECKSUM_VALIDATION,
    &AUDIT_STDOUT,
];

/// Of the functions that start the next slice of an export.
const OPENING: &[&Setting] = &[
    &PAGE_QUEUE_URL,
    &COMPLETION_QUEUE_URL,
    &WEBHOOK_QUEUE_URL,
    &MAX_OPEN_SLICES,
];

/// For functions that do not call the API: the region determines whose telephone numbers are redacted.
const HOSTS: &[&Setting] = &[&GENESYS_REGION, &GENESYS_API_URL, &GENESYS_LOGIN_URL];

const REDACTION: &[&Setting] = &[
    &REDACTION_REQUIRED,
    &REDACTION_REGIONS,
    &REDACTION_PATTERNS,
    &REDACTION_ALLOWED,
];

const ORGANISATION: &[&Setting] = &[
    &GENESYS_REGION,
    &GENESYS_API_URL,
    &GENESYS_LOGIN_URL,
    &GENESYS_CLIENT_ID,
    &GENESYS_CLIENT_SECRET,
    &GENESYS_LOGIN_FORM,
    &GENESYS_LOGIN_PATH,
    &GENESYS_LOGIN_SCOPE,
    &GENESYS_LOGIN_REALM,
    &GENESYS_READ_TIMEOUT_SECONDS,
    &GENESYS_BODY_LIMIT_MB,
    &GENESYS_QUERY_LAG_SECONDS,
    &GATEWAY_HISTORY_FORM,
    &ATTACHMENT_HOSTS,
    &TRANSCRIPT_HOSTS,
];

/// Secrets that only functions read.
const SECRETS: &[&Setting] = &[
    &GENESYS_CREDENTIALS_SECRET_ARN,
    &HTTPS_PROXY_SECRET_ARN,
    &DATA_LAKE_WEBHOOK_URL_SECRET_ARN,
    &REDACTION_KEY,
    &REDACTION_KEY_SECRET_ARN,
];

const PLANNING: &[&Setting] = &[
    &ALLOWED_REGIONS,
    &ARCHIVE_QUOTA_MB,
    &ARCHIVE_RETENTION_DAYS,
    &DATA_LAKE_WEBHOOK_URL,
    &WEBHOOK_ALLOWED_HOSTS,
    &WEBHOOK_RECEIVERS,
    &REDACTION_REQUIRED,
    &REDACTION_REGIONS,
    &REDACTION_PATTERNS,
    &REDACTION_ALLOWED,
    &GENESYS_TRANSCRIPT_ROUTE,
    &TRANSCRIPT_CONTEXT_WINDOW,
    &MAX_ATTACHMENT_BYTES,
    &ATTACHMENT_TYPES,
    &GENESYS_JOB_PAGE_SIZE_MAX,
    &GENESYS_QUERY_PAGE_SIZE_MAX,
    &GATEWAY_PAGE_SIZE_MAX,
    &GENESYS_JOB_INTERVAL_MAX_DAYS,
    &GENESYS_QUERY_INTERVAL_MAX_DAYS,
    &DATA_CLASSIFICATION,
    &RETENTION_DIRECTIVE,
    &COMPLIANCE_VERSION,
];

macro_rules! settings {
    ($($name:ident: $kind:expr, $meaning:literal;)*) => {
        $(pub static $name: Setting = Setting { name: stringify!($name), kind: $kind, meaning: $meaning };)*

        /// Every setting, in the order of the documentation.
        pub const ALL: &[&Setting] = &[$(&$name),*];
    };
}

settings! {
    GENESYS_REGION: RequiredUnless("`GENESYS_API_URL` and `GENESYS_LOGIN_URL`"),
        "the organisation's region: a domain, an AWS region or a short code";
    GENESYS_API_URL: Without("the region's host"), "the API host; plain http only on this machine";
    GENESYS_LOGIN_URL: Without("the region's host"), "the login host; plain http only on this machine";
    GENESYS_CLIENT_ID: RequiredUnless("`GENESYS_CREDENTIALS_SECRET_ARN`"), "the OAuth client's id";
    GENESYS_CLIENT_SECRET: RequiredUnless("`GENESYS_CREDENTIALS_SECRET_ARN`"), "the OAuth client's secret";
    GENESYS_CREDENTIALS_SECRET_ARN: RequiredUnless("`GENESYS_CLIENT_ID` and `GENESYS_CLIENT_SECRET`"),
        "the secret with `clientId` and `clientSecret`";
    GENESYS_LOGIN_FORM: Default("basic"),
        "the form of the login request: `basic`, that of Genesys Cloud, or `form`, `json` or `query`, those of gateways";
    GENESYS_LOGIN_PATH: Default("/oauth/token"), "the path of the login below its host";
    GENESYS_LOGIN_SCOPE: Without("none"), "with the forms `form` and `json`, the scope to request";
    GENESYS_LOGIN_REALM: Without("none"), "with the form `json`, the realm of the OAuth client";
    // Longer ones than that of an invocation (110 s) have no effect.
    GENESYS_READ_TIMEOUT_SECONDS: number(5..=100, 60),
        "the longest wait in seconds for a response or its next part, logins included; after it, the request is repeated";
    // A larger response would not fit into a function's memory.
    GENESYS_BODY_LIMIT_MB: number(1..=1024, 67), "the largest response that is read, in MB of 10⁶ bytes";
    // Genesys recommends ending an interval at least one minute before the present. How late conversations can appear
    // is not documented.
    GENESYS_QUERY_LAG_SECONDS: number(60..=86_400, 120),
        "minimum age in seconds of conversations that the details query is trusted for";
    // The usual value; there are unconfirmed reports of a maximum of 10,000.
    GENESYS_JOB_PAGE_SIZE_MAX: number(1..=10_000, 1000),
        "the largest page of a job's results; the API documents no maximum";
    // Undocumented; the value that four other clients use.
    GENESYS_QUERY_PAGE_SIZE_MAX: number(1..=10_000, 100),
        "the largest page of the details query, and the number of ids that are looked up at a time";
    GENESYS_JOB_INTERVAL_MAX_DAYS: number(1..=366, 31),
        "the longest interval of one job in days; the API documents no maximum";
    GENESYS_QUERY_INTERVAL_MAX_DAYS: number(1..=366, 7),
        "the longest interval of one details query in days; the API documents no maximum";
    GATEWAY_PAGE_SIZE_MAX: number(1..=10_000, 1000), "the largest page of an export gateway";
    GATEWAY_HISTORY_FORM: Default("page-token"),
        "the form of the history gateway: `page-token` (the token is in the query string, pages have up to 2000 records) or `continuation` (it is in the body, up to 1000)";

    ARCHIVE_BUCKET: Required, "the bucket of the archive";
    ARCHIVE_PREFIX: Without("the archive is the whole bucket"), "the prefix of every key";
    ARCHIVE_KMS_KEY_ID: Without("the bucket's default encryption"), "the KMS key of every object";
    SIGNING_KEY_ARN: Required,
        "the KMS key that signs plans, attempts and outcomes (`ECC_NIST_P256`, `SIGN_VERIFY`)";
    SIGNING_KEY_FILE: Without("`~/.config/genesys-archive/signing-key.pem`"),
        "the file with the key that signs plans, attempts and outcomes; created at the first export";
    TRUSTED_PUBLIC_KEYS: Without("only the signing key is trusted"),
        "public keys of earlier signing keys and of other machines, as base64 of their DER form, separated by commas";
    UNSIGNED_DOCUMENTS: Default("refuse"),
        "`accept` also follows plans, attempts and outcomes without a signature, in an archive of an earlier version";
    // One petabyte; a larger quota is a typing error.
    ARCHIVE_QUOTA_MB: number_without(1..=1_000_000_000, "no quota"),
        "the quota of exports whose request has none, in MB of 10⁶ stored bytes";
    ARCHIVE_RETENTION_DAYS: number_without(1..=36_500, "the value that the API reports"),
        "days for which the organisation keeps conversations";
    AWS_REGION: Required, "the bucket's region; Lambda sets its own";
    ALLOWED_REGIONS: Without("the organisation's and the bucket's region must be equal"),
        "regions that data may come from and go to, separated by commas, in the forms of `GENESYS_REGION`, and other AWS regions for the bucket; `unknown` permits a folder and an overridden host, whose regions are not known";
    AWS_ENDPOINT_URL: Without("AWS"),
        "an emulator, or another store that implements the S3 protocol, over https except on this machine; receivers on this machine are then allowed, and a scheduled time that was not substituted means now";
    AWS_S3_FORCE_PATH_STYLE: Default("false"), "`true` puts the bucket in the path, for emulators";
    AWS_REQUEST_CHECKSUM_CALCULATION: Default("when_supported"),
        "`when_required` sends no checksums of S3's own, for stores that refuse them";
    AWS_RESPONSE_CHECKSUM_VALIDATION: Default("when_supported"),
        "`when_required` requests no checksums of S3's own, for stores that do not know them";
    DATA_CLASSIFICATION: Default("confidential"), "the data classification in the audit trail";
    RETENTION_DIRECTIVE: Default("as configured on the bucket"), "the retention directive in the audit trail";
    COMPLIANCE_VERSION: Default("1"), "the compliance version in the audit trail";
    AUDIT_STDOUT: Default("false"),
        "`true` also prints each audit event as a line of JSON, `{\"audit\": {…}}`; the command line prints it to the standard error with `--json`";

    PAGE_QUEUE_URL: Required, "the FIFO queue of page messages";
    WAITING_QUEUE_URL: Required, "the queue of parked pages";
    COMPLETION_QUEUE_URL: Required, "the FIFO queue of completion messages";
    WEBHOOK_QUEUE_URL: Required, "the queue of webhook messages";
    ENDED_QUEUE_URL: Required, "the queue of conversations that may have ended";
    DATA_LAKE_WEBHOOK_URL: Without("no webhook"), "default webhook URL, for requests without `webhookUrl`";
    DATA_LAKE_WEBHOOK_URL_SECRET_ARN: Without("`DATA_LAKE_WEBHOOK_URL`"),
        "the secret that holds the default webhook URL as text, because its path and query may hold secrets of the receiver";
    WEBHOOK_SIGNING_SECRET: RequiredUnless("`WEBHOOK_SIGNING_SECRET_ARN`"),
        "signs deliveries: `whsec_` and base64 of at least 24 bytes; during a rotation two, separated by a comma, the newest first; the command line requires it only with a webhook";
    WEBHOOK_SIGNING_SECRET_ARN: RequiredUnless("`WEBHOOK_SIGNING_SECRET`"), "the secret that holds it as text; its previous version signs, too";
    WEBHOOK_ALLOWED_HOSTS: Without("public addresses only"),
        "hosts of webhook receivers that may have a private address, separated by commas";
    WEBHOOK_RECEIVERS: Without("any host"),
        "the only hosts that webhooks may be sent to, separated by commas; every other receiver is refused, whoever names it";
    TRANSCRIPT_TOPIC_ARN: Without("no notification"), "the standard SNS topic to notify of each transcript";

    REDACTION_REQUIRED: Default("none"),
        "the least redaction of every export: `none`, `standard` or `strict`; a request or a plan with a lower profile or without a kind is refused";
    REDACTION_REGIONS: Without("the country of `GENESYS_REGION`; none with hosts alone"),
        "countries whose national telephone numbers are redacted, as `DE,AT`";
    REDACTION_PATTERNS: Without("none"),
        "additional regular expressions: `[{\"label\": \"CUSTOMER\", \"pattern\": \"\\\\bC-\\\\d{6}\\\\b\"}]`";
    REDACTION_ALLOWED: Without("none"), "values that are not redacted, such as your hotline, separated by commas";
    REDACTION_KEY: Without("requests with `\"mode\": \"hash\"` are refused"),
        "the key with which values are hashed, at least 24 bytes";
    REDACTION_KEY_SECRET_ARN: Without("`REDACTION_KEY`"),
        "the secret that holds the key as text; an export keeps the version with which it began";

    UNREDACTED_AUDIT_FILE: Without("`~/.local/state/genesys-archive/unredacted.ndjson`"),
        "the file to which `history` and `transcript` append a line before they read texts without redaction";

    GENESYS_TRANSCRIPT_ROUTE: Default("messages"),
        "the source of transcripts: `messages`, with recordings as the fallback, or `web-details` of a gateway";
    TRANSCRIPT_CONTEXT_WINDOW: number_without(1..=1_000_000, "all"),
        "number of a conversation's last messages to keep; the record states what was cut";
    // Several attachments are in memory at a time.
    MAX_ATTACHMENT_BYTES: number(1..=30_000_000, 10_000_000),
        "with `includeMedia`, the largest attachment that is stored, in bytes";
    ATTACHMENT_TYPES: Default("image/*,audio/*,video/*,application/pdf"),
        "with `includeMedia`, the content types that are stored, separated by commas; other attachments are listed only";
    ATTACHMENT_HOSTS: Without("the organisation's own domain"),
        "additional hosts, including their subdomains, from which attachments are fetched, redirects included, separated by commas; hosts inside the network only if they are listed here";
    TRANSCRIPT_HOSTS: Without("the organisation's own domain and Amazon S3"),
        "additional hosts, including their subdomains, from which transcripts of calls are downloaded, redirects included, separated by commas; hosts inside the network only if they are listed here";

    HTTPS_PROXY_SECRET_ARN: Without("`HTTPS_PROXY`"),
        "the secret that holds the proxy for requests to Genesys Cloud as text, because its login may be part of it";

    // A long backfill must not hold one job for each of its days.
    MAX_OPEN_SLICES: number(1..=100, 2), "number of slices of an export to process in parallel";
    WATERMARK_DEADLINE_HOURS: number(1..=720, 36),
        "the longest wait in hours for the API's data to reach the end of a slice";

    // SQS delays a message by 15 minutes at most.
    LIVE_SETTLE_SECONDS: number(0..=900, 120),
        "time in seconds from the end of a conversation, or a hint at it, to its export, so that its wrap-up is in its record";
    LIVE_GAP_DELAY_SECONDS: number(60..=86_400, 900),
        "time in seconds from the end of a live gap to the start of the export that closes it";
    LIVE_API_SHARE: number(1..=100, 25),
        "the share of the API's rate limit, in percent, that lookups of ended conversations may use";
}

const fn number(range: RangeInclusive<u64>, default: u64) -> Kind {
    Kind::Number { range, default }
}

const fn number_without(range: RangeInclusive<u64>, without: &'static str) -> Kind {
    Kind::NumberWithout { range, without }
}

#[cfg(test)]
mod tests;
