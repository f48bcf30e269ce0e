//! A stack with live capture: its bucket, its queues, and what must be true of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use futures::future::join_all;
use genesys_simulator::LiveFrame;
use serde_json::{Value, json};

use super::bucket::Bucket;
use super::bus::EventBus;
use super::exported::{LiveExport, complete_exports, exports_of_each};
use super::heard::Heard;
use super::measured::Measured;
use super::queues::Queue;
use crate::deployment::{Deployment, wait_until};

/// The most messages that Lambda passes to archive-events at a time.
const BATCH: usize = 1_000;

/// A conversation in progress is looked up again after two minutes.
const MAX_LOOKUP_WAIT: Duration = Duration::from_mins(5);

/// Where the ends of conversations are claimed, one object for each.
const CLAIMS: &str = "ended/conversations/";

pub(super) struct Stack<'a> {
    deployment: &'a Deployment,
    bucket: Bucket,
    events: Queue,
    ended: Queue,
}

impl<'a> Stack<'a> {
    pub(super) async fn of(deployment: &'a Deployment) -> Self {
        Self {
            deployment,
            bucket: Bucket::of(deployment).await,
            events: Queue::of(deployment, "events").await,
            ended: Queue::of(deployment, "ended").await,
        }
    }

    /// Waits until everything that was put on the bus is stored, and this number of ends of each conversation is claimed.
    pub(super) async fn wait_for_claims(&self, expected: &BTreeMap<String, usize>) {
        self.events.wait_until_empty().await;
        wait_until("a claim of each end", async || {
            self.claims().await == *expected
        })
        .await;
    }

    async fn claims(&self) -> BTreeMap<String, usize> {
        let mut claims = BTreeMap::new();
        for key in self.bucket.list(CLAIMS).await.into_keys() {
            let conversation = key[CLAIMS.len()..].split('/').next();
            let conversation = conversation.expect("an id").to_owned();
            *claims.entry(conversation).or_default() += 1;
        }
        claims
    }

    /// Waits until nothing is left to do, lookups of conversations in progress included.
    pub(super) async fn wait_until_idle(&self) {
        self.events.wait_until_empty().await;
        self.ended.wait_until_empty_up_to(MAX_LOOKUP_WAIT).await;
        wait_until("no open live export", async || {
            self.bucket.list("open/live-").await.is_empty()
        })
        .await;
    }

    /// The complete exports: each conversation is in as many as expected, and no other one is in any. All of them have a
    /// transcript, except calls, whose phrases live exports do not request.
    pub(super) async fn exports(
        &self,
        expected: &BTreeMap<String, usize>,
        calls: &BTreeSet<String>,
    ) -> Vec<LiveExport> {
        let exports = complete_exports(&self.bucket).await;
        assert_eq!(exports_of_each(&exports), *expected);
        assert_eq!(self.claims().await, *expected);
        for export in &exports {
            assert_eq!(
                export.transcripts,
                &export.conversations - calls,
                "{export:?}"
            );
        }
        exports
    }

    pub(super) async fn stored(&self) -> Heard {
        Heard::of(self.bucket.read_all("live/events/").await)
    }

    /// Puts the same events on the bus again, and delivers them in batches of the size that Lambda may choose: each twice,
    /// then in halves that are reordered. Returns the number of deliveries.
    pub(super) async fn deliver_again(&self, bus: &mut EventBus, frames: &[LiveFrame]) -> usize {
        self.switch_mapping("off").await;
        bus.put(frames);
        let messages = self.events.take(frames.len()).await;
        let mut deliveries = 0;
        for batch in messages.chunks(BATCH) {
            let reordered: Vec<_> = batch.iter().rev().cloned().collect();
            let (first, second) = reordered.split_at(batch.len() / 2);
            for part in [batch, batch, first, second] {
                self.deliver(part).await;
                deliveries += part.len();
            }
        }
        self.switch_mapping("on").await;
        deliveries
    }

    async fn switch_mapping(&self, state: &str) {
        let name = Deployment::name("archive-events");
        let switched = self.deployment.aws(&["mapping", &name, state]).await;
        assert_eq!(switched, 1);
    }

    /// Invokes archive-events with these messages, as its event source mapping does.
    async fn deliver(&self, messages: &[Value]) {
        let path = self.deployment.folder().join("batch.json");
        fs::write(&path, json!({"Records": messages}).to_string()).expect("a batch");
        let name = Deployment::name("archive-events");
        let payload = format!("@{}", path.display());
        let reply = self.deployment.aws(&["invoke", &name, &payload]).await;
        assert_eq!(reply["error"], Value::Null, "{reply}");
        assert_eq!(reply["answer"], json!({"batchItemFailures": []}));
    }

    /// The functions measured what they did.
    pub(super) async fn check_metrics(&self, heard: &Heard, messages: usize, claims: usize) {
        let events = Measured::of(self.deployment, "archive-events").await;
        let [stored, repeated, quarantined] =
            ["LiveFrames", "LiveFramesRepeated", "LiveFramesQuarantined"].map(|it| events.sum(it));
        let ended = Measured::of(self.deployment, "fetch-ended").await;

        assert_eq!((stored, quarantined), (heard.line_count(), 1));
        assert_eq!(stored + repeated + quarantined, messages as u64);
        assert!(events.sum("EndsSuggested") >= claims as u64);
        // Two processes that claim the same ends for the same export both count them.
        assert!(ended.sum("ConversationsClaimed") >= claims as u64);
        assert_eq!(
            ended.sum("ConversationsLeft") + ended.sum("LookupsRefused"),
            0
        );
        println!(
            "live: {stored} lines stored, {repeated} repeated frames dropped, {} lookups for {claims} ends",
            ended.sum("ConversationsLookedUp"),
        );
    }

    /// The command line shows the functions of live capture, too.
    pub(super) async fn check_functions(&self) {
        let status = self.deployment.run_json(&["status"]).await;
        let functions = status["functions"].as_array().expect("functions");
        assert_eq!(functions.len(), 9);
        assert!(functions.iter().all(|it| it["state"] == "Active"));
    }

    pub(super) async fn verify(&self, exports: impl Iterator<Item = &LiveExport>) {
        let ids = exports.flat_map(|export| [export.id.clone(), export.transcripts_id()]);
        let verify = async |id: String| {
            let verified = self.deployment.run(&["verify", &id]).await;
            assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
        };
        join_all(ids.map(verify)).await;
    }
}
