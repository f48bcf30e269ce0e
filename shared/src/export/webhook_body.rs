//! The webhook's body. It is built only from the stored outcome, so that every delivery has the same body.

use serde_json::{Value, json};

use crate::base::hash::Sha256;
use crate::base::time::format_timestamp;
use crate::export::outcome::{ExportStatus, Outcome};

/// The body of the webhook as JSON: `type`, `timestamp` and `data`.
pub fn webhook_body(outcome: &Outcome, outcome_uri: &str, outcome_sha256: Sha256) -> Value {
    let mut data = json!({
        "exportId": outcome.export_id,
        "status": outcome.status,
        "attempt": outcome.attempt,
        "queryId": outcome.query_id,
        "recordsArchived": outcome.records(),
        "storageConsumedBytes": outcome.totals.stored_bytes,
        "throughputMBps": throughput(outcome),
        "completionTimestamp": format_timestamp(outcome.ended_at).to_string(),
        "dataResidency": outcome.residency,
        "compressionApplied": "gzip",
        // A failure or cancellation has no manifest; its own object is named instead.
        "manifestUri": outcome_uri,
        "manifestSha256": outcome_sha256,
        "metrics": {
            "pages": outcome.totals.pages,
            "recordsReceived": outcome.totals.counts.received,
            "recordsLeftOut": outcome.totals.counts.left_out,
            "recordsRejected": outcome.totals.counts.rejected,
            "recordBytes": outcome.totals.record_bytes,
            "auditHash": outcome.event.hash,
        },
    });
    let metrics = outcome.metrics.map(|metrics| json!(metrics));
    let effort = outcome.effort.map(|effort| json!(effort));
    if let Some(Value::Object(metrics)) = metrics.or(effort) {
        for (name, value) in metrics {
            data["metrics"][name] = value;
        }
    }
    // An outcome of an earlier version lacks these, and its deliveries keep their body.
    if let Some(redaction) = &outcome.redaction {
        data["redaction"] = json!(redaction);
    }
    if outcome.gaps.is_some() || outcome.effort.is_some() {
        data["startTimestamp"] = json!(format_timestamp(outcome.started_at).to_string());
    }
    if let Some(gaps) = outcome.gaps {
        data["gaps"] = json!(gaps);
    }
    if outcome.status == ExportStatus::Failed {
        data["error"] = json!(outcome.failures);
    }
    json!({
        "type": outcome.status.event_type(),
        "timestamp": format_timestamp(outcome.ended_at).to_string(),
        "data": data,
    })
}

/// Megabytes of records per second from start to end; `null` if no time has passed.
fn throughput(outcome: &Outcome) -> Option<f64> {
    let seconds = outcome
        .ended_at
        .duration_since(outcome.started_at)
        .as_secs_f64();
    #[expect(
        clippy::cast_precision_loss,
        reason = "a figure for display, accurate to three digits"
    )]
    let megabytes = outcome.totals.record_bytes as f64 / 1e6;
    (seconds > 0.0).then(|| (megabytes / seconds * 1000.0).round() / 1000.0)
}
