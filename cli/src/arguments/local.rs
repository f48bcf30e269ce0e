//! `local`: the deployment on this machine.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::OrganisationArguments;

/// The deployed stack on this machine, without AWS and without Docker
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
`up` builds the functions, starts an emulator of AWS, a simulated organisation and a webhook receiver, all on loopback, and
deploys infra/template.yaml as it is. It needs this checkout, Rust, and Python 3.11 with venv; the first run takes minutes.

  genesys-archive local up
  genesys-archive local up --watch      # queues and functions run the edited code
  genesys-archive start --local --request request.json
  genesys-archive local down

The archive survives `down` and a killed emulator: `up` deploys again, and open exports continue from the bucket. The
simulator stores nothing: give `up` the same options to get the same organisation.")]
pub(crate) struct LocalArguments {
    #[command(subcommand)]
    pub command: LocalCommand,
    /// Folder of the stack's files [default: .local in the checkout]
    #[arg(long, value_name = "DIR", global = true)]
    pub folder: Option<PathBuf>,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum LocalCommand {
    Up(Box<UpArguments>),
    Down,
    Status,
    #[command(hide = true)]
    Serve,
}

/// Build, start and deploy the stack; run it again to deploy changes
#[derive(Clone, Debug, Args)]
pub(crate) struct UpArguments {
    /// Port of the emulator of AWS; 0 for any free one [default: the last one, else 4566]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Port of the simulator; 0 for any free one [default: the last one, else 4567]
    #[arg(long, value_name = "PORT")]
    pub simulator_port: Option<u16>,
    /// Port of the webhook receiver; 0 for any free one [default: the last one, else 4568]
    #[arg(long, value_name = "PORT")]
    pub receiver_port: Option<u16>,
    /// A parameter of the template, instead of the one for this machine
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parse_parameter)]
    pub parameters: Vec<(String, String)>,
    /// Stay, and build and deploy again when a source of the functions changes; Ctrl-C ends this, the stack stays up
    #[arg(long)]
    pub watch: bool,
    /// Folder in which the emulator is installed [default: the folder itself]
    #[arg(long, value_name = "DIR", hide = true)]
    pub environments: Option<PathBuf>,
    #[command(flatten)]
    pub organisation: OrganisationArguments,
}

fn parse_parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}
