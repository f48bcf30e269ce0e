//! Pages straight from the API, for commands that store nothing.

use std::time::Duration;

use conversation_archive::checkpoint::Checkpoint;
use conversation_archive::clock::Clock;
use conversation_archive::source::{Reading, Setback, SourcePage, Sources};
use start_export::StartError;

use crate::problem::Problem;
use crate::screen::Screen;

/// So often somebody is waited for who does not say how long.
const PAUSE: Duration = Duration::from_secs(5);
const WAITS: u32 = 60;

/// The page, waited for as long as somebody at a terminal would.
pub(super) async fn page(
    sources: &Sources,
    checkpoint: &Checkpoint,
    reading: &Reading<'_>,
    screen: &Screen,
) -> Result<SourcePage, Problem> {
    let source = sources.of(reading.plan.source);
    for _ in 0..WAITS {
        match source.page(checkpoint, reading).await {
            Ok(page) => return Ok(page),
            Err(Setback::Wait(wait)) => {
                screen.line(&format!("waiting: {}", wait.detail));
                Clock::System.sleep(wait.hint.unwrap_or(PAUSE)).await;
            }
            Err(setback) => return Err(StartError::from(setback).into()),
        }
    }
    Err(Problem::failed("the API let us wait too often").with_hint("try again later"))
}
