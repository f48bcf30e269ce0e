//! `resume`: goes on from the archive alone.

use start_export::{Command, Resume};

use super::closing::{carry_to_the_end, check_signer};
use super::settings;
use crate::arguments::ResumeArguments;
use crate::carry::Carrier;
use crate::problem::{Exit, Problem};
use crate::screen::Screen;

pub(super) async fn resume(arguments: &ResumeArguments, screen: &Screen) -> Result<Exit, Problem> {
    let settings = settings(arguments.concurrency)?;
    let place = arguments.out.open().await?.for_writing()?;
    let mut carrier = Carrier::new(place, &settings, screen)?;
    let _lock = carrier.lock(&arguments.export_id)?;
    if let Some(plan) = carrier.engine.plan(&arguments.export_id).await? {
        check_signer(plan.webhook_url.as_deref(), &settings)?;
    }
    let started = carrier.command(Command::Resume(Resume {
        export_id: arguments.export_id.clone(),
        quota_mb: arguments.quota_mb,
        on_bad_record: arguments.on_bad_record.map(Into::into),
    }));
    let started = started.await?;
    carry_to_the_end(&mut carrier, &arguments.out, &started, screen).await
}
