//! Arguments of `simulate`: the organisation, its speed, and the permissions of the client.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// Run the Genesys Cloud simulator alone
///
/// Serves login, details query, details by id, details jobs, availability, retention, limits and notification channels
/// of an invented organisation on this machine, until Ctrl-C. Any client may use it, the official SDKs included.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Prints the settings for another terminal. With --json and port 0, for a script:
  genesys-archive simulate --json --listen 127.0.0.1:0
  {\"url\": \"http://127.0.0.1:40123\", \"clientId\": …, \"clientSecret\": …, \"interval\": …}

A larger organisation, with faults, and a data lake that lags half a day:
  genesys-archive simulate --conversations 20000 --faults demo --lag-hours 12

To get 429 and Retry-After soon, a 403, and silently absent conversations:
  genesys-archive simulate --rate-per-minute 20 --rate-window-seconds 5
  genesys-archive simulate --permissions analytics:conversationDetail:view --divisions 2

To hear of conversations while they happen, over notification channels and the direct stream:
  genesys-archive simulate --live 20

The official SDKs need only its address:
  Python       ApiClient(host=\"http://127.0.0.1:8080\").get_client_credentials_token(id, secret)
  JavaScript   ApiClient.instance.setGateway({ protocol: \"http\", host: \"127.0.0.1\", port: 8080 })")]
pub(crate) struct SimulateArguments {
    /// Address to listen on; port 0 for any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    #[command(flatten)]
    pub organisation: OrganisationArguments,
    /// Let conversations happen, and send about this many frames a second about them
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub live: Option<u64>,
}

/// Properties of a simulated organisation
#[derive(Clone, Debug, PartialEq, Args, Serialize, Deserialize)]
pub(crate) struct OrganisationArguments {
    /// The same seed makes the same organisation
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Number of conversations that start within the days
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub conversations: usize,
    /// Number of whole days, up to today, that have conversations
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=730))]
    pub days: u16,
    /// Faults that occur at random
    #[arg(long, default_value = "none")]
    pub faults: FaultMix,
    /// Requests per token in each rate window; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub rate_per_minute: u32,
    /// Length of the rate window
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub rate_window_seconds: u64,
    /// Lifetime of a token
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..))]
    pub token_seconds: u64,
    /// Seconds from the submission of a job to its results
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    pub job_seconds: u64,
    /// Age of the newest data that jobs return; later conversations are silently missing
    #[arg(long, value_name = "HOURS", default_value_t = 0)]
    pub lag_hours: u64,
    /// Permissions of the client's role [default: all that are needed]
    #[arg(long, value_name = "PERMISSION,…", value_delimiter = ',')]
    pub permissions: Option<Vec<String>>,
    /// Number of the five divisions in which the client has its role; conversations of others are silently absent
    /// [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=5))]
    pub divisions: Option<u8>,
    /// Serve a history gateway of this form instead of the details query
    #[arg(long, value_name = "FORM")]
    pub history: Option<History>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub(crate) enum History {
    PageToken,
    Continuation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub(crate) enum FaultMix {
    None,
    /// About one request in three fails temporarily
    Transient,
    /// Some do
    Demo,
}
