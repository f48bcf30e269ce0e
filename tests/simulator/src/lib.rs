//! A Genesys Cloud organisation on loopback, and the export gateway that a customer may have put in front of it: login,
//! conversation details, jobs, notification channels, gateway queries, rate limits and faults, over real HTTP/1.1, and
//! live traffic over sockets.
//!
//! All data is a function of a seed, and time is injected, so that a run can be repeated. The simulator shares no code
//! with the archive.

mod data;
mod faults;
mod filter;
mod live;
mod organisation;
mod route;
mod server;
mod settings;
mod simulator;
mod stats;
mod truth;

#[cfg(test)]
mod tests;

pub use data::live::{FrameKind, LiveConversation, Traffic};
pub use faults::{
    Faults, IntervalEnd, Outage, OutageKind, Permanent, Repeat, RepeatedRow, RetryAfter,
};
pub use filter::{ResponseFilter, ServedRequest};
pub use live::{
    BusEvent, ChannelView, Delivery, DirectRefusal, EventSource, Live, LiveFaults, LiveFrame,
    LiveSettings, Loss, Pieces, SocketId, SocketKind, SocketState, SocketView,
};
pub use organisation::jobs::{JobState, JobView};
pub use organisation::response::ApiResponse;
pub use organisation::speech::UnavailableSpeech;
pub use organisation::transcripts::UnavailableTexts;
pub use route::Route;
pub use settings::{
    CancelledJobs, Clock, HistoryForm, LoginForm, OtherMedia, Settings, Watermark, wall_clock,
};
pub use simulator::Simulator;
pub use stats::Stats;
pub use truth::{Truth, TruthConversation, TruthMessage, TruthPhrase, TruthRecord};
