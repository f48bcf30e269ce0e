//! Resolves the command-line arguments that select a stack to its name, its option and its clients.

use conversation_archive::storage::aws::AwsClients;

use super::{clients_from_environment, clients_of_local_stack};
use crate::arguments::StackArguments;
use crate::local::{Folder, LocalSettings, STACK};
use crate::problem::Problem;
use crate::shell::escape;

impl StackArguments {
    /// Selects the stack on this machine whose state is in `folder`.
    pub(crate) fn of_folder(folder: &Folder) -> Self {
        Self {
            stack: None,
            local: Some(Some(folder.root().to_owned())),
        }
    }

    pub(super) fn name(&self) -> String {
        self.stack.clone().unwrap_or_else(|| STACK.to_owned())
    }

    /// The option that selects the same stack again, with a leading space.
    pub(super) fn option(&self) -> String {
        match &self.local {
            Some(None) => " --local".to_owned(),
            Some(Some(folder)) => format!(" --local={}", escape(&folder.display().to_string())),
            None => format!(" --stack {}", escape(&self.name())),
        }
    }

    pub(super) async fn clients(&self) -> Result<AwsClients, Problem> {
        let Some(named) = &self.local else {
            return clients_from_environment().await;
        };
        let folder = Folder::find(named.as_deref())?;
        let settings = LocalSettings::read(&folder)?;
        match settings {
            Some(settings) if folder.has_services()? => Ok(clients_of_local_stack(&settings).await),
            _ => Err(
                Problem::failed(format!("nothing is running in {}", folder.root().display()))
                    .with_hint("genesys-archive local up"),
            ),
        }
    }
}
