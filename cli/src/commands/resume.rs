//! `resume`: continues an export from the archive alone.

use conversation_archive::export::request::OnBadRecord;
use conversation_archive::net::WebhookUrl;
use serde_json::json;
use start_export::{Command, Resume};

use super::closing::{carry_to_the_end, check_signer_of};
use super::following::follow;
use super::settings;
use crate::arguments::ResumeArguments;
use crate::carry::ExportRunner;
use crate::problem::{Exit, Problem};
use crate::screen::Screen;
use crate::settings::Settings;
use crate::stack::Stack;

pub(super) async fn resume(arguments: &ResumeArguments, screen: &Screen) -> Result<Exit, Problem> {
    let Some(out) = &arguments.out else {
        return in_stack(arguments, screen).await;
    };
    let mut settings = settings(arguments.concurrency)?;
    settings.engine.receiver = receiver(arguments, &settings)?;
    let place = out.open().await?.for_writing()?;
    place.require_conditional_writes().await?;
    let mut carrier = ExportRunner::new(place, &settings, screen)?;
    let _lock = carrier.lock(&arguments.export_id)?;
    check_signer_of(&carrier, &arguments.export_id, &settings).await?;
    check_receiver(&carrier, arguments).await?;
    let started = carrier.command(Command::Resume(Resume {
        export_id: arguments.export_id.clone(),
        quota_mb: arguments.quota_mb,
        on_bad_record: arguments.on_bad_record.map(Into::into),
    }));
    let started = started.await?;
    if arguments.webhook_url.is_some() {
        carrier.engine.deliver_again(&arguments.export_id).await?;
    }
    carry_to_the_end(&mut carrier, out, &started, screen).await
}

/// Parses `--webhook-url` by the rules for every receiver.
fn receiver(arguments: &ResumeArguments, settings: &Settings) -> Result<Option<String>, Problem> {
    let Some(url) = &arguments.webhook_url else {
        return Ok(None);
    };
    match WebhookUrl::parse(url, &settings.engine.address_rules) {
        Ok(_) => Ok(Some(url.clone())),
        Err(error) => Err(Problem::refused(format!("--webhook-url: {error}"))),
    }
}

/// An export that was planned without a webhook has no receiver to replace.
async fn check_receiver(
    carrier: &ExportRunner,
    arguments: &ResumeArguments,
) -> Result<(), Problem> {
    let plan = carrier.engine.plan(&arguments.export_id).await?;
    let tells_nobody = plan.is_some_and(|plan| plan.webhook_url.is_none());
    if !tells_nobody || arguments.webhook_url.is_none() {
        return Ok(());
    }
    let id = &arguments.export_id;
    let problem = Problem::refused(format!("export {id} was planned without a webhook"));
    Err(problem.with_hint("remove --webhook-url"))
}

/// Resumes an export in the stack; this process only follows it.
async fn in_stack(arguments: &ResumeArguments, screen: &Screen) -> Result<Exit, Problem> {
    let stack = Stack::find(&arguments.stack).await?;
    stack.require_conditional_writes().await?;
    let mut resume = json!({"exportId": arguments.export_id});
    if let Some(quota_mb) = arguments.quota_mb {
        resume["quotaMb"] = json!(quota_mb);
    }
    if let Some(on_bad_record) = arguments.on_bad_record.map(OnBadRecord::from) {
        resume["onBadRecord"] = json!(on_bad_record);
    }
    let started = stack.invoke(&json!({"resume": resume})).await?;
    follow(&stack, &started, screen).await
}
