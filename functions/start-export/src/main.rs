//! Wires start-export: settings, clients and the handler, once per process.

use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::metrics;
use conversation_archive::runtime::config::{Config, StartExportConfig};
use conversation_archive::runtime::lambda::{self, Clients};
use conversation_archive::runtime::telemetry;
use serde_json::value::RawValue;
use start_export::{Command, ScheduledRequests, StartExport, Started};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::init_lambda();
    let app = app(StartExportConfig::from_env()?).await?;
    // Passed as raw text, so that a refusal names the field that is not allowed.
    lambda::run(async |payload: Box<RawValue>, invocation| {
        handle(&app, payload.get(), &invocation).await
    })
    .await
}

async fn app(config: StartExportConfig) -> anyhow::Result<StartExport> {
    let clients = Clients::new(config.archive).await;
    let planning = config.planning;
    Ok(StartExport {
        pipeline: clients.pipeline_with_slices(config.queues, config.max_open_slices),
        sources: clients.sources(config.genesys).await?,
        redactors: clients.redactors(config.redaction_key),
        default_webhook: clients.default_webhook(&planning),
        limits: planning.limits,
        address_rules: planning.address_rules,
        regions: planning.regions,
        emulated: planning.emulated,
        scheduled_requests: ScheduledRequests::Stored,
    })
}

async fn handle(
    app: &StartExport,
    payload: &str,
    invocation: &Invocation,
) -> anyhow::Result<Started> {
    let command = Command::parse(payload)?;
    let before = app.sources.client.stats();
    let started = app.handle(command, invocation).await;
    metrics::record_client(&before, &app.sources.client.stats());
    // A refusal is returned as its own type, so that the caller sees that the request or a setting must change.
    started.map_err(|error| match error.into_refusal() {
        Ok(refusal) => refusal.into(),
        Err(error) => error.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unstorable_payload_value_is_refused_with_its_field() {
        let refusal_text = |payload| Command::parse(payload).unwrap_err().to_string();

        let messages = [
            refusal_text(r#"{"exportId":"\ud800"}"#),
            refusal_text(r#"{"resume":{"exportId":"a","quotaMb":1E+400}}"#),
            refusal_text(r#"{"cancel":{"exportId":"\ud800"}}"#),
        ];

        for (message, field) in
            messages
                .iter()
                .zip(["exportId", "resume.quotaMb", "cancel.exportId"])
        {
            assert!(message.contains(&format!("`{field}`: ")), "{message}");
        }
    }

    #[test]
    fn every_sample_event_parses_as_a_command() {
        let command = |sample: &str| Command::parse(sample).unwrap();

        let scheduled = command(include_str!("../events/scheduled.json"));
        let start = command(include_str!("../events/start.json"));
        let resume = command(include_str!("../events/resume.json"));
        let cancel = command(include_str!("../events/cancel.json"));

        assert!(matches!(scheduled, Command::Start(request) if request.export_id.is_none()));
        assert!(matches!(start, Command::Start(request) if request.export_id.is_some()));
        assert!(matches!(resume, Command::Resume(resume) if resume.quota_mb == Some(8000)));
        assert!(matches!(cancel, Command::Cancel(id) if id.as_str() == "daily-2026-03-01"));
    }
}
