//! The commands. Each reads its arguments, does its work, and returns an exit code or a problem.

use crate::arguments::{Arguments, CliCommand};
use crate::problem::{Exit, Problem};
use crate::screen::Screen;
use crate::settings::Settings;

mod cancel;
mod check;
mod demo;
mod export;
mod find;
mod follow;
mod history;
mod ledger;
mod live_query;
mod local;
mod public_key;
mod resume;
mod run_export;
mod simulate;
mod start;
mod status;
mod stream;
mod transcript;
mod verify;

pub(crate) async fn run(arguments: &Arguments, screen: &Screen) -> Result<Exit, Problem> {
    match &arguments.command {
        CliCommand::Export(arguments) => export::export(arguments, screen).await,
        CliCommand::Resume(arguments) => Box::pin(resume::resume(arguments, screen)).await,
        CliCommand::Cancel(arguments) => cancel::cancel(arguments, screen).await,
        CliCommand::Verify(arguments) => verify::verify(arguments, screen).await,
        CliCommand::Ledger(arguments) => ledger::ledger(arguments, screen).await,
        CliCommand::PublicKey(_) => public_key::public_key(screen),
        CliCommand::History(arguments) => history::history(arguments, screen).await,
        CliCommand::Find(arguments) => find::find(arguments, screen).await,
        CliCommand::Transcript(arguments) => transcript::transcript(arguments, screen).await,
        CliCommand::Check(arguments) => check::check(arguments, screen).await,
        CliCommand::Stream(arguments) => Box::pin(stream::stream(arguments, screen)).await,
        CliCommand::Simulate(arguments) => simulate::simulate(arguments, screen).await,
        CliCommand::Demo(arguments) => Box::pin(demo::demo(arguments, screen)).await,
        CliCommand::Local(arguments) => local::local(arguments, screen).await,
        CliCommand::Start(arguments) => start::start(arguments, screen).await,
        CliCommand::Status(arguments) => status::status(arguments, screen).await,
    }
}

fn settings(concurrency: Option<u16>) -> Result<Settings, Problem> {
    let mut settings = Settings::from_env()?;
    if let Some(concurrency) = concurrency {
        settings.engine.concurrency = concurrency.into();
    }
    Ok(settings)
}
