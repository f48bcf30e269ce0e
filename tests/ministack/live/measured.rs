//! Metrics that the functions wrote to their logs, and the times that the test measures.

use std::collections::BTreeMap;
use std::time::Duration;

use conversation_archive::base::time::elapsed;
use genesys_simulator::LiveFrame;
use jiff::Timestamp;
use serde_json::Value;

use super::exported::LiveExport;
use crate::deployment::Deployment;

/// The metrics that a function wrote.
pub(super) struct Measured(Vec<Value>);

impl Measured {
    pub(super) async fn of(deployment: &Deployment, function: &str) -> Self {
        let lines = deployment.aws(&["logs", &Deployment::name(function)]).await;
        let mut lines = lines.as_array().expect("lines").clone();
        lines.retain(|line| line["_aws"]["CloudWatchMetrics"].is_array());
        Self(lines)
    }

    pub(super) fn sum(&self, name: &str) -> u64 {
        let values = self.0.iter().filter_map(|line| line[name].as_u64());
        values.sum()
    }
}

/// Prints the times from the customer's end of each conversation to the manifests that it is in.
pub(super) fn print_delays(frames: &[LiveFrame], exports: &[LiveExport]) {
    let delays = |completed: fn(&LiveExport) -> Timestamp| {
        let of_export = |export| delays_of(frames, export, completed(export));
        let mut delays: Vec<_> = exports.iter().flat_map(of_export).collect();
        delays.sort_unstable();
        delays
    };
    for (what, delays) in [
        ("manifest", delays(|export| export.completed_at)),
        (
            "manifest of transcripts",
            delays(|export| export.transcribed_at),
        ),
    ] {
        let seconds = |percent| percentile(&delays, percent).as_secs_f64();
        println!(
            "live: from customer.end to the {what}: median {:.1} s, p95 {:.1} s, of {} ends in {} exports",
            seconds(50),
            seconds(95),
            delays.len(),
            exports.len()
        );
    }
}

/// The time since the latest `customer.end` of each conversation of the export before it was complete.
fn delays_of(frames: &[LiveFrame], export: &LiveExport, completed: Timestamp) -> Vec<Duration> {
    let ends = frames
        .iter()
        .filter(|it| it.topic.ends_with(".customer.end"));
    let ends = ends.filter(|it| it.sent_at < export.completed_at);
    let latest: BTreeMap<_, _> = ends
        .map(|it| (it.conversation_id.as_ref(), it.sent_at))
        .collect();
    let conversations = export.conversations.iter();
    conversations
        .map(|id| elapsed(latest[&Some(id)], completed))
        .collect()
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100) - 1]
}
