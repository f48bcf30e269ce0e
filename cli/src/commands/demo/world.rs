//! The demo's organisation, settings and request, all generated. Nothing comes from the environment.

use std::path::Path;
use std::time::Duration;

use conversation_archive::base::ids::ExportId;
use conversation_archive::base::signature::LocalKey;
use conversation_archive::export::request::ExportRequest;
use genesys_simulator::{Faults, Settings as Organisation, Simulator, Watermark};
use jiff::Timestamp;
use serde_json::json;

use crate::arguments::DemoArguments;
use crate::figures::count;
use crate::problem::Problem;
use crate::receiver::Receiver;
use crate::settings::Settings;
use crate::signing::{KeyLocation, SigningSettings};

/// 2026-03-01T00:00:00Z.
const START: Timestamp = Timestamp::constant(1_772_323_200, 0);
/// Three days later.
const END: Timestamp = Timestamp::constant(1_772_582_400, 0);
const SLICES: u32 = 4;
/// Enough pages to crash between them, whatever the number of conversations.
const PAGES: u32 = 48;

pub(super) fn organisation(arguments: &DemoArguments) -> Organisation {
    Organisation {
        seed: arguments.seed,
        conversations: arguments.conversations as usize,
        gateway_records: 0,
        interval: (START, END),
        job_ready_after: Duration::from_secs(2),
        watermark: Watermark::Behind {
            lag: Duration::ZERO,
        },
        faults: Faults {
            // Some of them are a 504, after which a client has to pause for ten seconds.
            server_error: 0.015,
            ..Faults::demo(arguments.seed)
        },
        ..Organisation::default()
    }
}

pub(super) fn settings(simulator: &Simulator, receiver: &Receiver) -> Result<Settings, Problem> {
    let (url, organisation) = (simulator.url().to_string(), Organisation::default());
    let settings = Settings::from_lookup(|name| match name {
        "GENESYS_API_URL" | "GENESYS_LOGIN_URL" => Some(url.clone()),
        "GENESYS_CLIENT_ID" => Some(organisation.client_id.clone()),
        "GENESYS_CLIENT_SECRET" => Some(organisation.client_secret.clone()),
        "WEBHOOK_SIGNING_SECRET" => Some(receiver.secret().to_owned()),
        _ => None,
    })?;
    let signing = SigningSettings {
        key: KeyLocation::InMemory(LocalKey::generate()),
        ..settings.signing
    };
    Ok(Settings {
        signing,
        ..settings
    })
}

pub(super) fn export_id(arguments: &DemoArguments) -> Result<ExportId, Problem> {
    format!("demo-{}", arguments.seed)
        .parse()
        .map_err(|error| Problem::from(anyhow::Error::from(error)))
}

pub(super) fn request(
    id: &ExportId,
    receiver: &Receiver,
    conversations: u32,
) -> Result<ExportRequest, Problem> {
    let request = json!({
        "exportId": id,
        "interval": format!("{START}/{END}"),
        "slices": SLICES,
        "pageSize": (conversations / PAGES).clamp(2, 1000),
        "webhookUrl": receiver.url(),
    });
    Ok(ExportRequest::parse(&request.to_string())?)
}

pub(super) fn greeting(arguments: &DemoArguments, simulator: &Simulator, out: &Path) -> String {
    format!(
        "a simulated organisation with {} conversations in three days listens at {} and injects faults: 429s, 5xx, truncated \
         responses, resets\nthe export is written to {}; its engine is killed several times and resumes from the folder alone",
        count(arguments.conversations.into()),
        simulator.url(),
        out.display(),
    )
}
