//! What a simulated organisation is like: how much data of which days, how fast, how far behind, and who may log in.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::faults::Faults;

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

/// How far the data lake has got. A job asked for more gets what is there, without any error or mark.
#[derive(Clone, Debug)]
pub enum Watermark {
    /// Always this far behind now.
    Behind { lag: Duration },
    /// At this moment, until the settings are changed.
    At(Timestamp),
    /// Stuck at this moment: the lake has stopped, and a client that waits for more has to give up by itself.
    Never(Timestamp),
    /// Says `from` until the clock reaches `at`, then `to`.
    CatchesUp {
        at: Timestamp,
        from: Timestamp,
        to: Timestamp,
    },
}

impl Watermark {
    pub fn at(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::Behind { lag } => now.checked_sub(*lag).unwrap_or(Timestamp::MIN),
            Self::At(stays) | Self::Never(stays) => *stays,
            Self::CatchesUp { at, from, to } => {
                if now < *at {
                    *from
                } else {
                    *to
                }
            }
        }
    }
}

/// `seed`, `conversations`, `interval`, `spill`, `gateway_records` and `listen` count at the start; all else can be changed
/// while the simulator runs.
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
    pub client_id: String,
    pub client_secret: String,
    pub token_lifetime: Duration,
    /// Id and secret may come in the form instead of the Basic header. Reported by a third-party connector, documented nowhere.
    pub login_by_form: bool,
    /// Of `invalid_client` and its like. 400 according to third-party clients; whether it is ever 401 is unverified.
    pub login_refusal_status: u16,
    /// Per token, in fixed windows of 60 s of the clock; 0 means no limit.
    pub rate_per_minute: u32,
    pub job_page_size_max: u32,
    pub job_page_size_default: u32,
    /// From the start of a job to its results: a third of it QUEUED, then PENDING, then FULFILLED.
    pub job_ready_after: Duration,
    /// From FULFILLED to EXPIRED.
    pub job_lifetime: Duration,
    /// Jobs that are neither deleted nor expired nor failed, finished ones included; those beyond stay QUEUED.
    pub concurrent_jobs: usize,
    /// A longer interval is refused with 400.
    pub job_interval_max: Option<Duration>,
    pub watermark: Watermark,
    /// What the retention settings say; `None`: the client may not ask (403).
    pub retention_days: Option<u32>,
    pub faults: Faults,
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
            client_id: "simulated-client".to_owned(),
            client_secret: "simulated-secret-not-for-any-real-org".to_owned(),
            token_lifetime: DAY,
            login_by_form: true,
            login_refusal_status: 400,
            rate_per_minute: 300,
            job_page_size_max: 1000,
            job_page_size_default: 1000,
            job_ready_after: Duration::from_secs(2),
            job_lifetime: DAY,
            concurrent_jobs: 50,
            job_interval_max: None,
            watermark: Watermark::Behind {
                lag: Duration::from_hours(6),
            },
            retention_days: Some(730),
            faults: Faults::default(),
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
