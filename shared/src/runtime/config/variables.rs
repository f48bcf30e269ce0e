//! The variables of each function as a table; documentation and template are compared with it.

use Need::{Alternative, Needed, Optional};

/// One variable that a function reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    pub name: &'static str,
    pub need: Need,
    /// One line on its purpose; for an optional variable also the default.
    pub meaning: &'static str,
}

/// Whether a function starts without the variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Needed,
    /// Needed unless another variable, named in `meaning`, is set instead.
    Alternative,
    Optional,
}

/// A function, by the name of its package, and its variables.
#[derive(Clone, Copy, Debug)]
pub struct FunctionVariables {
    pub function: &'static str,
    groups: &'static [&'static [Variable]],
}

impl FunctionVariables {
    pub fn variables(&self) -> impl Iterator<Item = &'static Variable> {
        self.groups.iter().copied().flatten()
    }
}

/// All functions, in the order in which they handle an export.
pub const FUNCTIONS: [FunctionVariables; 7] = [
    FunctionVariables {
        function: "start-export",
        groups: &[
            ARCHIVE,
            &[PAGE_QUEUE, COMPLETION_QUEUE, WEBHOOK_QUEUE],
            GENESYS,
            RESIDENCY,
            LIMITS,
            REDACTION,
            REDACTION_KEY,
            &[ALLOWED_HOSTS, OPEN_SLICES, ENDPOINT],
        ],
    },
    FunctionVariables {
        function: "archive-page",
        groups: &[
            ARCHIVE,
            &[PAGE_QUEUE, WAITING_QUEUE, COMPLETION_QUEUE],
            GENESYS,
            PAGES,
            RESIDENCY,
            LIMITS,
            REDACTION,
            REDACTION_KEY,
            &[TRANSCRIPT_TOPIC, ALLOWED_HOSTS, OPEN_SLICES, ENDPOINT],
        ],
    },
    FunctionVariables {
        function: "await-ready",
        groups: &[ARCHIVE, &[PAGE_QUEUE, WAITING_QUEUE]],
    },
    FunctionVariables {
        function: "complete-export",
        groups: &[
            ARCHIVE,
            &[PAGE_QUEUE, COMPLETION_QUEUE, WEBHOOK_QUEUE, OPEN_SLICES],
        ],
    },
    FunctionVariables {
        function: "send-webhook",
        groups: &[ARCHIVE, &[WEBHOOK_QUEUE, ALLOWED_HOSTS, ENDPOINT], SIGNING],
    },
    FunctionVariables {
        function: "record-failure",
        groups: &[ARCHIVE, &[COMPLETION_QUEUE]],
    },
    FunctionVariables {
        function: "sweep-exports",
        groups: &[
            ARCHIVE,
            &[PAGE_QUEUE, COMPLETION_QUEUE, WEBHOOK_QUEUE, OPEN_SLICES],
        ],
    },
];

const ARCHIVE: &[Variable] = &[
    variable("ARCHIVE_BUCKET", Needed, "the bucket of the archive"),
    variable(
        "ARCHIVE_PREFIX",
        Optional,
        "put before every key; without it the archive is the whole bucket",
    ),
    variable(
        "ARCHIVE_KMS_KEY_ID",
        Optional,
        "the KMS key of every object; without it the bucket's default encrypts",
    ),
    variable(
        "AWS_S3_FORCE_PATH_STYLE",
        Optional,
        "`true` puts the bucket in the path, for emulators; without it, `false`",
    ),
    variable(
        "AWS_REQUEST_CHECKSUM_CALCULATION",
        Optional,
        "`when_required` sends no checksums of S3's own, for stores that refuse them; without it, `when_supported`",
    ),
    variable(
        "AWS_RESPONSE_CHECKSUM_VALIDATION",
        Optional,
        "`when_required` asks for no checksums of S3's own, for stores that do not know them; without it, `when_supported`",
    ),
];

const PAGE_QUEUE: Variable = variable("PAGE_QUEUE_URL", Needed, "the FIFO queue of page messages");
const WAITING_QUEUE: Variable = variable("WAITING_QUEUE_URL", Needed, "the queue of parked pages");
const COMPLETION_QUEUE: Variable = variable(
    "COMPLETION_QUEUE_URL",
    Needed,
    "the FIFO queue of completion messages",
);
const WEBHOOK_QUEUE: Variable =
    variable("WEBHOOK_QUEUE_URL", Needed, "the queue of webhook messages");
const OPEN_SLICES: Variable = variable(
    "MAX_OPEN_SLICES",
    Optional,
    "number of slices of an export to process in parallel; without it, 2",
);
const TRANSCRIPT_TOPIC: Variable = variable(
    "TRANSCRIPT_TOPIC_ARN",
    Optional,
    "the SNS topic to notify of each transcript; without it, no notification is sent",
);
const ALLOWED_HOSTS: Variable = variable(
    "WEBHOOK_ALLOWED_HOSTS",
    Optional,
    "hosts of webhook receivers that may have a private address, separated by commas",
);
const ENDPOINT: Variable = variable(
    "AWS_ENDPOINT_URL",
    Optional,
    "an emulator in place of AWS: a scheduled time that was not substituted then means now, and receivers on this machine are allowed",
);

const GENESYS: &[Variable] = &[
    variable(
        "GENESYS_REGION",
        Alternative,
        "the organisation's region: a domain, an AWS region or a short code; or GENESYS_API_URL and GENESYS_LOGIN_URL",
    ),
    variable(
        "GENESYS_API_URL",
        Optional,
        "the API host; without it, the region's",
    ),
    variable(
        "GENESYS_LOGIN_URL",
        Optional,
        "the login host; without it, the region's",
    ),
    variable(
        "GENESYS_CLIENT_ID",
        Alternative,
        "the OAuth client's id; or GENESYS_CREDENTIALS_SECRET_ARN",
    ),
    variable(
        "GENESYS_CLIENT_SECRET",
        Alternative,
        "the OAuth client's secret; or GENESYS_CREDENTIALS_SECRET_ARN",
    ),
    variable(
        "GENESYS_CREDENTIALS_SECRET_ARN",
        Alternative,
        "the secret with `clientId` and `clientSecret`; or GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET",
    ),
    variable(
        "GENESYS_BODY_LIMIT_MB",
        Optional,
        "the largest reply that is read, in MB of 10⁶ bytes; without it, 67",
    ),
    variable(
        "GENESYS_QUERY_LAG_SECONDS",
        Optional,
        "minimum age of conversations that the details query is trusted for; without it, 120",
    ),
    variable(
        "GATEWAY_HISTORY_FORM",
        Optional,
        "the form of the history gateway, `page-token` or `continuation`; without it, `page-token`",
    ),
    variable(
        "ATTACHMENT_HOSTS",
        Optional,
        "hosts, including their subdomains, from which attachments are fetched besides the organisation's own domain; separated by commas",
    ),
    variable(
        "RESPONSE_CACHE_SECONDS",
        Optional,
        "seconds to cache responses that cannot change any more in memory; 0 disables the cache; without it, 300",
    ),
];

const RESIDENCY: &[Variable] = &[
    variable(
        "AWS_REGION",
        Needed,
        "the bucket's region; Lambda sets its own",
    ),
    variable(
        "ALLOWED_REGIONS",
        Optional,
        "AWS regions that data may come from and go to, separated by commas; without it, both must be the same region",
    ),
];

const LIMITS: &[Variable] = &[
    variable(
        "GENESYS_JOB_PAGE_SIZE_MAX",
        Optional,
        "the largest page of a job's results; without it, 1000",
    ),
    variable(
        "GENESYS_QUERY_PAGE_SIZE_MAX",
        Optional,
        "the largest page of the details query, and of a lookup by ids; without it, 100",
    ),
    variable(
        "GATEWAY_PAGE_SIZE_MAX",
        Optional,
        "the largest page of a gateway; without it, 1000",
    ),
    variable(
        "TRANSCRIPT_PAGE_SIZE_MAX",
        Optional,
        "number of conversations whose transcripts are fetched for one page; without it, 200",
    ),
    variable(
        "GENESYS_TRANSCRIPT_ROUTE",
        Optional,
        "the source of transcripts: `messages`, with recordings as the fallback, or `web-details` of a gateway; without it, `messages`",
    ),
    variable(
        "MAX_ATTACHMENT_BYTES",
        Optional,
        "with `includeMedia`, the largest attachment that is stored; without it, 10000000",
    ),
    variable(
        "ATTACHMENT_TYPES",
        Optional,
        "with `includeMedia`, the content types that are stored, separated by commas; without it, image/*,audio/*,video/*,application/pdf",
    ),
    variable(
        "MAX_TRANSCRIPT_BYTES",
        Optional,
        "the most bytes of text of one conversation; older messages are dropped; without it, 2097152",
    ),
    variable(
        "TRANSCRIPT_CONTEXT_WINDOW",
        Optional,
        "number of a conversation's last messages to keep; without it, all",
    ),
    variable(
        "GENESYS_JOB_INTERVAL_MAX_DAYS",
        Optional,
        "the longest interval of one job; without it, 31",
    ),
    variable(
        "GENESYS_QUERY_INTERVAL_MAX_DAYS",
        Optional,
        "the longest interval of one query; without it, 7",
    ),
    variable(
        "MAX_SLICES",
        Optional,
        "the most slices of one export; without it, 366",
    ),
    variable(
        "ARCHIVE_RETENTION_DAYS",
        Optional,
        "days for which the organisation keeps conversations; without it, the value that the API reports",
    ),
    variable(
        "ARCHIVE_BYTES_PER_RECORD",
        Optional,
        "stored bytes per record, for estimates; without it, 700",
    ),
    variable(
        "ARCHIVE_QUOTA_MB",
        Optional,
        "the largest export in MB of 10⁶ stored bytes; without it, none",
    ),
    variable(
        "DATA_LAKE_WEBHOOK_URL",
        Optional,
        "default webhook URL, for requests without `webhookUrl`",
    ),
    variable(
        "DATA_CLASSIFICATION",
        Optional,
        "the data classification in the audit trail; without it, `confidential`",
    ),
    variable(
        "RETENTION_DIRECTIVE",
        Optional,
        "the retention directive in the audit trail; without it, `as configured on the bucket`",
    ),
    variable(
        "COMPLIANCE_VERSION",
        Optional,
        "the compliance version in the audit trail; without it, `1`",
    ),
];

const REDACTION: &[Variable] = &[
    variable(
        "REDACTION_REGIONS",
        Optional,
        "countries whose national telephone numbers are redacted, as `DE,AT`; without it, the country of GENESYS_REGION",
    ),
    variable(
        "REDACTION_PATTERNS",
        Optional,
        "additional regular expressions: a JSON array of objects with `label` and `pattern`; without it, none",
    ),
    variable(
        "REDACTION_ALLOWED",
        Optional,
        "values that are not redacted, such as your hotline, separated by commas; without it, none",
    ),
];

const REDACTION_KEY: &[Variable] = &[
    variable(
        "REDACTION_KEY",
        Optional,
        "what values are hashed with where a request says `\"mode\": \"hash\"`, at least 24 bytes; without it, such requests are refused",
    ),
    variable(
        "REDACTION_KEY_SECRET_ARN",
        Optional,
        "the secret that holds the key as text, in place of REDACTION_KEY; a plan keeps to the secret's version",
    ),
];

const PAGES: &[Variable] = &[
    variable(
        "WATERMARK_DEADLINE_HOURS",
        Optional,
        "the longest wait for the API's data to be complete; without it, 36",
    ),
    variable(
        "JOB_DEADLINE_HOURS",
        Optional,
        "the longest wait for a job; without it, 6",
    ),
    variable(
        "THROTTLED_DEADLINE_HOURS",
        Optional,
        "the longest wait for the rate limit; without it, 24",
    ),
    variable(
        "UNAVAILABLE_DEADLINE_HOURS",
        Optional,
        "the longest wait for an API that is unavailable; without it, 24",
    ),
    variable(
        "MAX_PAGES_PER_SLICE",
        Optional,
        "the most pages of a slice, for a source whose pages never end; without it, 20000",
    ),
    variable(
        "MAX_RUNS_PER_SLICE",
        Optional,
        "the most runs of a slice, each of which starts over; without it, 10",
    ),
];

const SIGNING: &[Variable] = &[
    variable(
        "WEBHOOK_SIGNING_SECRET",
        Alternative,
        "signs deliveries, `whsec_` and base64; or WEBHOOK_SIGNING_SECRET_ARN",
    ),
    variable(
        "WEBHOOK_SIGNING_SECRET_ARN",
        Alternative,
        "the secret that holds it as text; or WEBHOOK_SIGNING_SECRET",
    ),
];

const fn variable(name: &'static str, need: Need, meaning: &'static str) -> Variable {
    Variable {
        name,
        need,
        meaning,
    }
}

#[cfg(test)]
mod tests;
