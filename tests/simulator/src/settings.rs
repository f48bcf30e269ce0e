//! Settings of a simulated organisation: amount and days of data, speed, lag, and login.

mod other_media;
mod watermark;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use other_media::OtherMedia;
pub use watermark::Watermark;

use crate::faults::Faults;
use crate::filter::ResponseFilter;
use crate::live::LiveSettings;
use crate::organisation::speech::UnavailableSpeech;
use crate::organisation::transcripts::UnavailableTexts;

/// The simulator's source of time. Only pauses inside a body (`slow`, `stall`) take real time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The system clock.
pub fn wall_clock() -> Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the default of an injected clock has to read one"
    )]
    Arc::new(Timestamp::now)
}

/// State of a job that is deleted while it is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelledJobs {
    /// Unknown: 404.
    Gone,
    /// Still visible, as CANCELLED.
    Stay,
}

/// Where a history gateway expects its page token, and under which name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryForm {
    /// `nextPageToken` in the query string.
    PageToken,
    /// `continuationToken` in the body.
    Continuation,
}

impl HistoryForm {
    pub(crate) fn token_name(self) -> &'static str {
        match self {
            Self::PageToken => "nextPageToken",
            Self::Continuation => "continuationToken",
        }
    }

    pub(crate) fn page_size_max(self) -> usize {
        match self {
            Self::PageToken => 2000,
            Self::Continuation => 1000,
        }
    }
}

/// The login request that is accepted; every other one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginForm {
    /// The documented one: a Basic header and the form body `grant_type=client_credentials`; see also `login_by_form`.
    GenesysCloud,
    /// A gateway's: `grant_type`, `client_id`, `client_secret` and the scope as a form, without a header.
    Form,
    /// A gateway's: `grant_type`, `client_id`, `client_secret`, `realm` and `scope` as JSON, without a header.
    Json,
    /// A gateway's: a Basic header, `grant_type` in the query string, and an empty body.
    Query,
}

/// `seed`, `conversations`, `interval`, `spill`, `gateway_records`, `gateway_interactions` and `listen` apply only at
/// the start; all other settings can be changed while the simulator runs.
#[derive(Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    pub seed: u64,
    /// Number of conversations that start inside `interval` (half-open).
    pub conversations: usize,
    pub interval: (Timestamp, Timestamp),
    /// Additional conversations that start before `interval` and are active in it, as a fraction of `conversations`.
    pub spill: f64,
    /// Conversations with e-mails or with several media, which otherwise do not occur.
    pub other_media: OtherMedia,
    /// Number of records of the export gateway.
    pub gateway_records: usize,
    /// Median number of interactions in a gateway record.
    pub gateway_interactions: u32,
    /// If set, a history gateway of this form replaces the details query. It serves the export
    /// gateway's records as entities: the record's id is the entity's `interactionId` in the form `PageToken` and its `id`
    /// in the form `Continuation`.
    pub history: Option<HistoryForm>,
    pub client_id: String,
    pub client_secret: String,
    pub token_lifetime: Duration,
    pub login_form: LoginForm,
    /// The only path of the login.
    pub login_path: String,
    /// The scope that `Form` and `Json` require; `None` refuses one.
    pub login_scope: Option<String>,
    /// The realm that `Json` requires; `None` refuses one.
    pub login_realm: Option<String>,
    /// Whether id and secret may come as form fields instead of the Basic header. Reported by a third-party connector;
    /// undocumented.
    pub login_by_form: bool,
    /// Status of `invalid_client` and similar errors. 400 according to third-party clients; whether it is ever 401 is
    /// unverified.
    pub login_refusal_status: u16,
    /// Permissions of the client's role. A request that needs another one gets a 403 that names it.
    pub permissions: Vec<String>,
    /// Number of the organisation's five divisions in which the client's role is granted; `None` means all.
    /// Conversations of other divisions are silently omitted; reported by connectors and users, undocumented.
    pub divisions_held: Option<usize>,
    /// Requests per token and window; 0 disables this limit and the client's. 300 is documented; Genesys raises it on
    /// request.
    pub rate_per_minute: u32,
    /// Requests per window of all tokens of the client together; 0 disables the limit. 3000 is documented.
    pub client_rate_per_minute: u32,
    /// A minute, according to the documentation. That windows are fixed and aligned to the clock is unverified.
    pub rate_window: Duration,
    /// Larger page sizes are refused. 100 according to four third-party clients; the error message is unverified.
    pub query_page_size_max: usize,
    /// Pages beyond this number of results are refused; 100,000 is in an error message that a third party reported.
    pub query_reach: usize,
    /// Longer intervals are refused with 400. Third parties disagree (7 and 31 days); the shorter one is the safe
    /// choice.
    pub query_interval_max: Option<Duration>,
    /// Maximum delay between a conversation's start and its appearance in the details query; each conversation has its
    /// own delay. The vendor's advice to leave out the last minute implies such a delay; its length is undocumented.
    pub query_lag: Duration,
    /// Undocumented: 1000 is in common use; 10,000 is unconfirmed.
    pub job_page_size_max: u32,
    /// Undocumented.
    pub job_page_size_default: u32,
    /// Time from the start of a job to its results: QUEUED for a third of it, then PENDING, then FULFILLED.
    pub job_ready_after: Duration,
    /// Time from FULFILLED to EXPIRED. Commonly a day; unverified.
    pub job_lifetime: Duration,
    /// Status for polling a job that is at work: 200 and 202 are both documented.
    pub job_at_work_status: u16,
    /// Status for deleting a job. Unverified.
    pub job_delete_status: u16,
    /// Whether a job that is deleted while it is at work stays visible as CANCELLED or becomes unknown, as a finished
    /// one does. Unverified.
    pub cancelled_jobs: CancelledJobs,
    /// Maximum number of jobs that are at work or finished and neither deleted nor expired; further jobs stay QUEUED.
    /// Such a limit has been reported; its value is unverified.
    pub concurrent_jobs: usize,
    /// Longer intervals are refused with 400. Whether there is a maximum is unverified.
    pub job_interval_max: Option<Duration>,
    pub watermark: Watermark,
    /// `retentionDays` of the retention settings; `None` means that no maximum is set.
    pub retention_days: Option<u32>,
    /// Whether a row of the query for guest sessions names its session. Undocumented.
    pub web_rows_name_sessions: bool,
    /// Whether a page of the query for guest sessions has a token for the next page. Undocumented.
    pub web_pages_have_tokens: bool,
    /// Conversations whose texts are not available normally.
    pub unavailable_texts: UnavailableTexts,
    /// Calls whose transcripts are not available normally.
    pub unavailable_speech: UnavailableSpeech,
    pub faults: Faults,
    pub live: LiveSettings,
    /// Sees each response, including errors, before it is sent, and may replace it.
    pub response_filter: Option<ResponseFilter>,
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            conversations: CONVERSATIONS,
            interval: (MARCH_1ST, MARCH_3RD),
            spill: 0.05,
            other_media: OtherMedia::default(),
            gateway_records: CONVERSATIONS,
            gateway_interactions: 12,
            history: None,
            client_id: "simulated-client".to_owned(),
            client_secret: "simulated-secret-not-for-any-real-org".to_owned(),
            token_lifetime: DAY,
            login_form: LoginForm::GenesysCloud,
            login_path: LOGIN_PATH.to_owned(),
            login_scope: None,
            login_realm: None,
            login_by_form: true,
            login_refusal_status: 400,
            permissions: vec![
                "analytics:conversationDetail:view".to_owned(),
                "analytics:dataRetention:view".to_owned(),
                "routing:queue:view".to_owned(),
                "routing:wrapupCode:view".to_owned(),
                "conversation:message:view".to_owned(),
                "conversation:communication:view".to_owned(),
                "presence:presence:view".to_owned(),
                "recording:recording:view".to_owned(),
                "speechAndTextAnalytics:data:view".to_owned(),
            ],
            divisions_held: None,
            rate_per_minute: 300,
            client_rate_per_minute: 3000,
            rate_window: Duration::from_mins(1),
            query_page_size_max: 100,
            query_reach: 100_000,
            query_interval_max: Some(7 * DAY),
            query_lag: Duration::ZERO,
            job_page_size_max: 1000,
            job_page_size_default: 1000,
            job_ready_after: Duration::from_secs(2),
            job_lifetime: DAY,
            job_at_work_status: 202,
            job_delete_status: 204,
            cancelled_jobs: CancelledJobs::Gone,
            concurrent_jobs: 50,
            job_interval_max: None,
            watermark: Watermark::Behind {
                lag: Duration::from_hours(6),
            },
            retention_days: Some(730),
            web_rows_name_sessions: true,
            web_pages_have_tokens: true,
            unavailable_texts: UnavailableTexts::default(),
            unavailable_speech: UnavailableSpeech::default(),
            faults: Faults::default(),
            live: LiveSettings::default(),
            response_filter: None,
            clock: wall_clock(),
        }
    }
}

/// Omits the clock, which is not printable, and the secret, which must not be printed.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("seed", &self.seed)
            .field("conversations", &self.conversations)
            .field("interval", &self.interval)
            .field("spill", &self.spill)
            .field("gateway_records", &self.gateway_records)
            .field("client_id", &self.client_id)
            .field("rate_per_minute", &self.rate_per_minute)
            .field("job_ready_after", &self.job_ready_after)
            .field("watermark", &self.watermark)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}

/// The documented path of the login.
pub(crate) const LOGIN_PATH: &str = "/oauth/token";
/// Enough for every kind of conversation to occur, few enough for a single test.
const CONVERSATIONS: usize = 200;
const DAY: Duration = Duration::from_hours(24);
/// 2026-03-01T00:00:00Z.
const MARCH_1ST: Timestamp = Timestamp::constant(1_772_323_200, 0);
const MARCH_3RD: Timestamp = Timestamp::constant(1_772_496_000, 0);
