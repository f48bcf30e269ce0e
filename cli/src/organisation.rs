//! A simulated organisation with the settings given on the command line.

use std::net::SocketAddr;
use std::time::Duration;

use conversation_archive::base::time::{earlier, start_of_day};
use conversation_archive::net::clock::Clock;
use genesys_simulator::{Faults, HistoryForm, Settings, Watermark};

use crate::arguments::{FaultMix, History, OrganisationArguments};

pub(crate) fn organisation(arguments: &OrganisationArguments, listen: SocketAddr) -> Settings {
    let today = start_of_day(Clock::System.now());
    let defaults = Settings::default();
    let days = Duration::from_hours(24 * u64::from(arguments.days));
    Settings {
        listen,
        seed: arguments.seed,
        conversations: arguments.conversations,
        gateway_records: arguments.conversations,
        interval: (earlier(today, days), today),
        token_lifetime: Duration::from_secs(arguments.token_seconds),
        permissions: arguments
            .permissions
            .clone()
            .unwrap_or(defaults.permissions),
        history: arguments.history.map(|form| match form {
            History::PageToken => HistoryForm::PageToken,
            History::Continuation => HistoryForm::Continuation,
        }),
        divisions_held: arguments.divisions.map(usize::from),
        rate_per_minute: arguments.rate_per_minute,
        rate_window: Duration::from_secs(arguments.rate_window_seconds),
        job_ready_after: Duration::from_secs(arguments.job_seconds),
        watermark: Watermark::Behind {
            lag: Duration::from_secs(arguments.lag_hours.saturating_mul(3600)),
        },
        faults: match arguments.faults {
            FaultMix::None => Faults::default(),
            FaultMix::Transient => Faults::transient(arguments.seed),
            FaultMix::Demo => Faults::demo(arguments.seed),
        },
        ..defaults
    }
}
