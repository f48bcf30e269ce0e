//! `local`: the deployed stack on this machine.

use crate::arguments::{LocalArguments, LocalCommand};
use crate::local::Folder;
use crate::problem::{Exit, Problem};
use crate::screen::Screen;

mod build;
mod deploy;
mod down;
mod serve;
mod services;
mod up;
mod watch;

pub(super) async fn local(arguments: &LocalArguments, screen: &Screen) -> Result<Exit, Problem> {
    let folder = Folder::find(arguments.folder.as_deref())?;
    match &arguments.command {
        LocalCommand::Up(arguments) => up::up(&folder, arguments, screen).await,
        LocalCommand::Down => down::down(&folder, screen),
        LocalCommand::Status => super::status::local(&folder, screen).await,
        LocalCommand::Serve => serve::serve(&folder, screen).await,
    }
}
