//! What a simulated organisation is like: how much data of which days, how fast, how far behind, and who may log in.

mod watermark;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use watermark::Watermark;

use crate::faults::Faults;
use crate::filter::AnswerFilter;
use crate::organisation::transcripts::Untold;

/// Where the simulator takes its time from. Only pauses inside a body (`slow`, `stall`) pass in real time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The machine's own time.
pub fn wall_clock() -> Clock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the default of an injected clock has to read one"
    )]
    Arc::new(Timestamp::now)
}

/// What becomes of a job that is deleted while it is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelledJobs {
    /// Unknown: 404.
    Gone,
    /// Still there, as CANCELLED.
    Stay,
}

/// Where a history gateway wants its token, and calls it.
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

/// `seed`, `conversations`, `interval`, `spill`, `gateway_records`, `gateway_interactions` and `listen` count at the start;
/// all else can be changed while the simulator runs.
#[derive(Clone)]
pub struct Settings {
    pub listen: SocketAddr,
    pub seed: u64,
    /// Exactly so many conversations start inside `interval` (half-open).
    pub conversations: usize,
    pub interval: (Timestamp, Timestamp),
    /// Further conversations, as a share of `conversations`, which start before `interval` and are active in it.
    pub spill: f64,
    /// Records of the export gateway.
    pub gateway_records: usize,
    /// Half of them have fewer interactions than this.
    pub gateway_interactions: u32,
    /// A history gateway of this form, with the export gateway's records, stands in place of the details query.
    pub history: Option<HistoryForm>,
    pub client_id: String,
    pub client_secret: String,
    pub token_lifetime: Duration,
    /// Id and secret may come in the form instead of the Basic header. Reported by a third-party connector, documented nowhere.
    pub login_by_form: bool,
    /// Of `invalid_client` and its like. 400 according to third-party clients; whether it is ever 401 is unverified.
    pub login_refusal_status: u16,
    /// What the client's role allows. A request that needs another one is a 403 that names it.
    pub permissions: Vec<String>,
    /// The client's role is granted in so many of the organisation's five divisions, in all when absent. Conversations of others
    /// are silently absent; reported by connectors and users, documented nowhere.
    pub divisions_held: Option<usize>,
    /// Per token and window; 0 means no limit at all, the client's neither. 300 is documented, and raised on request.
    pub rate_per_minute: u32,
    /// All tokens of the client together, per window; 0 means no limit. 3000 is documented.
    pub client_rate_per_minute: u32,
    /// A minute, according to the documentation. That windows are fixed, and begin with the clock's, is unverified.
    pub rate_window: Duration,
    /// More than 100 is refused according to four third-party clients; the refusal's words are unverified.
    pub query_page_size_max: usize,
    /// Pages that reach beyond so many results are refused; 100,000 is in an error that a third party reported.
    pub query_reach: usize,
    /// A longer interval is refused with 400. Third parties disagree (7 and 31 days); the shorter one is the safe one.
    pub query_interval_max: Option<Duration>,
    /// The details query finds a conversation this long after its start, or sooner; each has its own time. That there is such
    /// a delay is what the vendor's advice to leave out the last minute implies; its length is not documented.
    pub query_lag: Duration,
    /// Undocumented: 1000 is in common use, 10,000 a rumour.
    pub job_page_size_max: u32,
    /// Undocumented.
    pub job_page_size_default: u32,
    /// From the start of a job to its results: a third of it QUEUED, then PENDING, then FULFILLED.
    pub job_ready_after: Duration,
    /// From FULFILLED to EXPIRED. Commonly a day; unverified.
    pub job_lifetime: Duration,
    /// Of polling a job that is at work: 200 and 202 are both documented.
    pub job_at_work_status: u16,
    /// Of deleting a job. The status is unverified.
    pub job_delete_status: u16,
    /// Whether a job that is deleted while it is at work goes on as CANCELLED, or is unknown as a finished one is. Unverified.
    pub cancelled_jobs: CancelledJobs,
    /// Jobs that are at work or finished, and not deleted or expired; those beyond stay QUEUED. That there is such a limit is
    /// reported; its value is unverified.
    pub concurrent_jobs: usize,
    /// A longer interval is refused with 400. Whether there is a maximum is unverified.
    pub job_interval_max: Option<Duration>,
    pub watermark: Watermark,
    /// What the retention settings say; without it no maximum is set.
    pub retention_days: Option<u32>,
    /// Conversations whose texts are not simply there.
    pub untold: Untold,
    pub faults: Faults,
    /// Sees each answer, refusals included, before it is sent, and may replace it.
    pub answer_filter: Option<AnswerFilter>,
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
            gateway_records: CONVERSATIONS,
            gateway_interactions: 12,
            history: None,
            client_id: "simulated-client".to_owned(),
            client_secret: "simulated-secret-not-for-any-real-org".to_owned(),
            token_lifetime: DAY,
            login_by_form: true,
            login_refusal_status: 400,
            permissions: vec![
                "analytics:conversationDetail:view".to_owned(),
                "analytics:dataRetention:view".to_owned(),
                "routing:queue:view".to_owned(),
                "routing:wrapupCode:view".to_owned(),
                "conversation:message:view".to_owned(),
                "recording:recording:view".to_owned(),
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
            untold: Untold::default(),
            faults: Faults::default(),
            answer_filter: None,
            clock: wall_clock(),
        }
    }
}

/// Without the clock, which cannot be shown, and the secret, which must not be.
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

/// Enough for every kind of conversation to occur, little enough for a test of its own.
const CONVERSATIONS: usize = 200;
const DAY: Duration = Duration::from_hours(24);
/// 2026-03-01T00:00:00Z.
const MARCH_1ST: Timestamp = Timestamp::constant(1_772_323_200, 0);
const MARCH_3RD: Timestamp = Timestamp::constant(1_772_496_000, 0);
