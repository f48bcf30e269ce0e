//! `export`: from a request to a finished archive.

use conversation_archive::base::ids::ExportId;
use conversation_archive::export::objects::ObjectKey;
use conversation_archive::export::plan::{Draft, ExportIdentity};
use conversation_archive::export::request::{ExportRequest, InvalidRequest, scheduled_time};
use conversation_archive::net::clock::Clock;
use start_export::Command;

use super::run_export::{check_signer, check_signer_of, run_to_end};
use super::settings;
use crate::arguments::ExportArguments;
use crate::export_runner::ExportRunner;
use crate::gaps::GapArguments;
use crate::place::{OpenedPlace, Place};
use crate::problem::{Exit, Problem};
use crate::screen::Screen;
use crate::settings::Settings;
use crate::text::read_text;

pub(super) async fn export(arguments: &ExportArguments, screen: &Screen) -> Result<Exit, Problem> {
    let request = ExportRequest::parse(&read_text("request", &arguments.request)?)?;
    let settings = settings(arguments.concurrency)?;
    let archived = archive(request, settings, &arguments.out, arguments.gaps, screen);
    Box::pin(archived).await
}

/// Runs the requested export into the given location.
pub(super) async fn archive(
    mut request: ExportRequest,
    settings: Settings,
    out: &Place,
    gaps: GapArguments,
    screen: &Screen,
) -> Result<Exit, Problem> {
    if !request.revisit.is_empty() {
        let problem =
            Problem::refused("`revisit` is for schedules and works only in a deployed stack");
        return Err(problem.with_hint(
            "remove it, or send the request to a deployed stack: genesys-archive start",
        ));
    }
    if !request.include.is_empty() {
        let problem = Problem::refused("`include` works only in a deployed stack");
        return Err(problem.with_hint(
            "remove it; when the export is complete, export {\"source\": \"transcripts\", \"fromExport\": ID}",
        ));
    }
    let (id, draft) = check(&mut request, &settings)?;
    let receiver = request
        .webhook_url
        .as_ref()
        .or(settings.engine.webhook_url.as_ref());
    check_signer(receiver.map(String::as_str), &settings)?;
    let place = open(out, &id, draft).await?.for_writing()?;
    place.require_conditional_writes().await?;
    let mut runner = ExportRunner::new(place, &settings, screen)?;
    let _lock = runner.lock(&id)?;
    // The export may have been planned with a receiver that the settings no longer name.
    check_signer_of(&runner, &id, &settings).await?;
    let started = runner.command(Command::Start(Box::new(request))).await?;
    run_to_end(&mut runner, out, &started, gaps, screen).await
}

/// Returns the request's id, which the lock needs before the export starts, and whether the request could begin a new
/// export.
fn check(
    request: &mut ExportRequest,
    settings: &Settings,
) -> Result<(ExportId, Result<Draft, InvalidRequest>), Problem> {
    let now = Clock::System.now();
    let scheduled = scheduled_time(request.scheduled_time.as_deref(), now, false)?;
    // Set once: if it were computed again in a later minute, it would make another request.
    request.scheduled_time = Some(scheduled.to_string());
    let identity = ExportIdentity::of(request, scheduled)?;
    let id = identity.export_id.clone();
    let draft = Draft::check(request.clone(), identity, now, &settings.engine.limits);
    Ok((id, draft))
}

/// Opens the location. A request that cannot begin an export may still continue one. If that cannot be determined, the
/// request has to change first.
async fn open(
    place: &Place,
    id: &ExportId,
    draft: Result<Draft, InvalidRequest>,
) -> Result<OpenedPlace, Problem> {
    let opened = place.open().await;
    let Err(refusal) = draft else { return opened };
    let Ok(opened) = opened else {
        return Err(refusal.into());
    };
    let existing_request = opened.store().get(&ObjectKey::Request(id).key()).await;
    match existing_request.map_err(anyhow::Error::from)? {
        Some(_) => Ok(opened),
        None => Err(refusal.into()),
    }
}
