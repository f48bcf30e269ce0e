//! Wires sweep-exports: settings, clients and the handler, once per process.

use conversation_archive::base::ids::ExportId;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::runtime::config::{Config, SweepExportsConfig};
use conversation_archive::runtime::lambda::{self, Clients};
use conversation_archive::runtime::telemetry;
use serde::Serialize;
use serde::de::IgnoredAny;
use sweep_exports::{LiveSweep, SweepExports, SweepOutcome};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    telemetry::init_lambda();
    let app = app(SweepExportsConfig::from_env()?).await;
    lambda::run(async |_: IgnoredAny, invocation| sweep(&app, &invocation).await).await
}

/// One element of the response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SweptExport {
    export_id: ExportId,
    swept: SweepOutcome,
}

async fn app(config: SweepExportsConfig) -> SweepExports {
    let clients = Clients::new(config.archive).await;
    SweepExports {
        pipeline: clients.pipeline_with_slices(config.queues, config.max_open_slices),
        live: LiveSweep {
            gap_delay: config.live_gap_delay,
            redaction: config.required_redaction.requested(),
        },
    }
}

async fn sweep(app: &SweepExports, invocation: &Invocation) -> anyhow::Result<Vec<SweptExport>> {
    let swept = app.handle(invocation).await?;
    let line = |(export_id, swept)| SweptExport { export_id, swept };
    Ok(swept.into_iter().map(line).collect())
}
