//! Settings of live capture.

use std::time::Duration;

use super::settings::Settings;
use super::table::{LIVE_API_SHARE, LIVE_GAP_DELAY_SECONDS, LIVE_SETTLE_SECONDS};

/// Conversations appear in the API some minutes after they begin.
pub const DEFAULT_GAP_DELAY: Duration = Duration::from_mins(15);

/// How ended conversations are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveSettings {
    /// Time from the end of a conversation, or a hint at it, to the lookup of its record.
    pub settle: Duration,
    /// The share of the API's rate limit that the lookups may use, in percent.
    pub api_share_percent: u32,
}

impl Default for LiveSettings {
    fn default() -> Self {
        Self {
            settle: Duration::from_mins(2),
            // Three quarters are left to the pages of exports, on which the archive depends.
            api_share_percent: 25,
        }
    }
}

impl Settings<'_> {
    pub fn live(&self) -> LiveSettings {
        let share = self.number(&LIVE_API_SHARE);
        let default = LiveSettings::default().api_share_percent;
        LiveSettings {
            settle: self.live_settle(),
            api_share_percent: share.unwrap_or(default),
        }
    }

    pub fn live_gap_delay(&self) -> Duration {
        let delay = self.number(&LIVE_GAP_DELAY_SECONDS);
        delay.map_or(DEFAULT_GAP_DELAY, Duration::from_secs)
    }

    pub(super) fn live_settle(&self) -> Duration {
        let settle = self.number(&LIVE_SETTLE_SECONDS);
        settle.map_or(LiveSettings::default().settle, Duration::from_secs)
    }
}
