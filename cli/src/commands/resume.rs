//! `resume`: continues an export from the archive alone.

use conversation_archive::export::request::OnBadRecord;
use conversation_archive::net::WebhookUrl;
use serde_json::json;
use start_export::{Command, Resume};

use super::follow::follow;
use super::run_export::{check_signer_of, run_to_end};
use super::settings;
use crate::arguments::ResumeArguments;
use crate::export_runner::ExportRunner;
use crate::problem::{Exit, Problem};
use crate::screen::Screen;
use crate::settings::Settings;
use crate::stack::Stack;

pub(super) async fn resume(arguments: &ResumeArguments, screen: &Screen) -> Result<Exit, Problem> {
    let Some(out) = &arguments.out else {
        return resume_in_stack(arguments, screen).await;
    };
    let mut settings = settings(arguments.concurrency)?;
    settings.engine.receiver = receiver(arguments, &settings)?;
    let place = out.open().await?.for_writing()?;
    place.require_conditional_writes().await?;
    let mut runner = ExportRunner::new(place, &settings, screen)?;
    let _lock = runner.lock(&arguments.export_id)?;
    check_signer_of(&runner, &arguments.export_id, &settings).await?;
    check_receiver(&runner, arguments).await?;
    let started = runner.command(Command::Resume(Resume {
        export_id: arguments.export_id.clone(),
        quota_mb: arguments.quota_mb,
        on_bad_record: arguments.on_bad_record.map(Into::into),
    }));
    let started = started.await?;
    if arguments.webhook_url.is_some() {
        runner.engine.deliver_again(&arguments.export_id).await?;
    }
    run_to_end(&mut runner, out, &started, arguments.gaps, screen).await
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
async fn check_receiver(runner: &ExportRunner, arguments: &ResumeArguments) -> Result<(), Problem> {
    let plan = runner.engine.plan(&arguments.export_id).await?;
    let has_no_receiver = plan.is_some_and(|plan| plan.webhook_url.is_none());
    if !has_no_receiver || arguments.webhook_url.is_none() {
        return Ok(());
    }
    let id = &arguments.export_id;
    let problem = Problem::refused(format!("export {id} was planned without a webhook"));
    Err(problem.with_hint("remove --webhook-url"))
}

/// Resumes an export in the stack; this process only follows it.
async fn resume_in_stack(arguments: &ResumeArguments, screen: &Screen) -> Result<Exit, Problem> {
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
    follow(&stack, &started, arguments.gaps, screen).await
}
