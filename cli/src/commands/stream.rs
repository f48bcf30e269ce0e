//! `stream`: captures live events over sockets, and runs the exports of the conversations that end.

use std::time::Instant;

use conversation_archive::base::ids::StreamName;
use conversation_archive::export::plan::Residency;
use conversation_archive::pipeline::FailedExports;
use conversation_archive::source::stream::{
    DirectPlan, NotificationPlan, QueueSelection, RejectedTopics, StreamSource,
};

use super::settings;
use crate::arguments::{NotificationArguments, StreamArguments, StreamCommand};
use crate::capture::{Capture, CaptureLimits, CaptureSettings};
use crate::export_runner::open_engine;
use crate::place::OpenedPlace;
use crate::problem::{Exit, Problem};
use crate::screen::Screen;
use crate::settings::Settings;

mod background;
mod display;
mod kept_channels;
mod problems;
mod running;
mod status;

use display::Display;
use kept_channels::KeptChannels;
use running::RunningStream;

const BYTES_PER_KIB: usize = 1024;

/// The value of `--queue` for all queues.
const ALL_QUEUES: &str = "all";

pub(super) async fn stream(arguments: &StreamArguments, screen: &Screen) -> Result<Exit, Problem> {
    let command = &arguments.source;
    let common = command.common();
    let mut settings = settings(None)?;
    // This process sweeps.
    settings.engine.failed_exports = FailedExports::Swept;
    let place = common.out.open().await?;
    check_residency(&settings, &place)?;
    let place = place.for_writing()?.for_live_capture();
    place.require_conditional_writes().await?;
    let (engine, events) = open_engine(&place, &settings, screen)?;
    let name = match &common.name {
        Some(name) => name.clone(),
        None => default_name(command),
    };
    let mut channels = KeptChannels::find(&settings, &name);
    let capture = CaptureSettings {
        source: source(command, channels.ids())?,
        buffer_bytes: usize::from(common.buffer_mib) * BYTES_PER_KIB * BYTES_PER_KIB,
        redactor: settings
            .live_redaction
            .redactor(None)
            .map_err(|error| Problem::refused(error.to_string()))?,
        settle: settings.engine.live.lookups.settle,
        limits: CaptureLimits {
            write_every: common.write_every,
            ..CaptureLimits::default()
        },
        stream: name.clone(),
    };
    let client = settings.genesys_client()?;
    let (capture, notices) = Capture::new(engine.pipeline().clone(), client, capture);
    screen.print_line(&format!(
        "capturing the stream {name} into {}; press Ctrl-C to stop",
        common.out
    ));
    let running = RunningStream {
        engine,
        events,
        notices,
        channels: &mut channels,
        display: Display::new(screen, Instant::now()),
        ends_after: common.duration,
    };
    Box::pin(running.run(capture, screen)).await
}

/// Refuses to copy events where the owner's policy does not allow them.
fn check_residency(settings: &Settings, place: &OpenedPlace) -> Result<(), Problem> {
    let regions = settings.engine.regions.clone();
    Residency::decide(regions.genesys, place.region(), &regions.allowed)?;
    Ok(())
}

fn default_name(command: &StreamCommand) -> StreamName {
    let name = match command {
        StreamCommand::Notifications(_) => "notifications",
        StreamCommand::Direct(_) => "direct",
    };
    #[expect(clippy::expect_used, reason = "both are valid names")]
    name.parse().expect("a valid name")
}

fn source(command: &StreamCommand, channels: Vec<String>) -> Result<StreamSource, Problem> {
    Ok(match command {
        StreamCommand::Notifications(arguments) => {
            StreamSource::Notifications(notifications(arguments, channels)?)
        }
        StreamCommand::Direct(arguments) => StreamSource::Direct(DirectPlan {
            value_limit_bytes: arguments.max_event_kib as usize * BYTES_PER_KIB,
        }),
    })
}

fn notifications(
    arguments: &NotificationArguments,
    channels: Vec<String>,
) -> Result<NotificationPlan, Problem> {
    let is_all = |name: &String| name == ALL_QUEUES;
    let queues = match arguments.queues.as_slice() {
        [name] if is_all(name) => QueueSelection::All,
        names if names.iter().any(is_all) => {
            return Err(Problem::refused(
                "--queue all already names every queue: remove the other --queue options",
            ));
        }
        names => QueueSelection::Named(names.to_vec()),
    };
    Ok(NotificationPlan {
        queues,
        users: arguments.users.clone(),
        conversations: arguments.conversations.clone(),
        rejected: if arguments.allow_rejected {
            RejectedTopics::Allow
        } else {
            RejectedTopics::Refuse
        },
        max_channels: arguments.channels.into(),
        channels,
    })
}
