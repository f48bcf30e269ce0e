//! How runs and attempts end, are announced, and go on.

use futures::TryStreamExt as _;
use serde_json::json;

use super::Workshop;
use crate::archive::SliceView;
use crate::attempt::{Attempt, Overrides, SliceStanding};
use crate::audit::{Action, AuditEvent, EventType, Happening, Status};
use crate::conclusion::{Concluding, chain_records, slice_chain};
use crate::failure::{Failure, FailureKind};
use crate::objects::Name;
use crate::outcome::{Content, ExportStatus, Manifest, Outcome, PageEntry, SliceContent};
use crate::plan::GatewayQuery;
use crate::run::End;
use crate::runs::Ending;

pub(in crate::verify::tests) fn failed(message: &str) -> End {
    End::Failed {
        failure: Failure::new(FailureKind::ThrottledDeadline, message),
    }
}

impl Workshop {
    /// Ends the slice's run behind its newest page.
    pub(in crate::verify::tests) async fn end(&self, slice: u32, end: End) {
        self.tick();
        let view = self.view(slice).await;
        let newest = self.archive().newest_record(&view.run).await.unwrap();
        let message = self.message(slice).await;
        let ending = match (&end, &newest) {
            (End::Complete, Some(last)) => Ending::after(&view.run, last),
            _ => Ending::before(&message),
        };
        self.dispatch
            .end_run(&self.plan, ending, end, &self.invocation)
            .await
            .unwrap();
    }

    pub(in crate::verify::tests) async fn conclude(&self) -> Outcome {
        let outcome = self.decide().await;
        self.announce(&outcome).await;
        outcome
    }

    pub(in crate::verify::tests) async fn decide(&self) -> Outcome {
        self.tick();
        let views = self
            .archive()
            .survey(&self.plan, &self.attempt)
            .await
            .unwrap();
        self.dispatch
            .conclude(self.concluding(&views))
            .await
            .unwrap()
    }

    /// A manifest for what was found to be a failure.
    pub(in crate::verify::tests) async fn force_manifest(&self) {
        let failed = self.decide().await;
        self.archive().delete(failed.name()).await.unwrap();
        let (mut content, mut warnings) = (Content::default(), Vec::new());
        for slice in &self.plan.slices {
            let pages = slice_chain(self.archive(), &self.view(slice.number).await)
                .await
                .unwrap();
            let records: Vec<_> = chain_records(self.archive(), &pages)
                .try_collect()
                .await
                .unwrap();
            let pages = records.iter().map(|record| PageEntry {
                run: record.id.run.run,
                page: record.id.page,
                counts: record.content.counts,
                objects: record.content.objects.clone(),
            });
            let totals = records.last().unwrap().totals;
            let (slice, range, counts) = (slice.number, slice.range, totals.counts);
            content.slices.push(SliceContent {
                slice,
                range,
                counts,
                pages: pages.collect(),
            });
            content.counts = content.counts + counts;
            content.stored_bytes += totals.stored_bytes;
            warnings.extend(records.iter().map(|record| {
                format!(
                    "slice {slice} page {}: {}",
                    record.id.page, record.content.warnings[0]
                )
            }));
        }
        let mut event = AuditEvent {
            status: Status::Success,
            error_message: None,
            ..failed.event
        };
        event.details["status"] = json!("completed");
        let event = event.after(Some(self.plan.start_event.hash));
        let outcome = Outcome {
            status: ExportStatus::Completed,
            failures: Vec::new(),
            event,
            ..failed
        };
        let manifest = Manifest {
            outcome,
            content,
            missing_ids: Vec::new(),
            warnings,
        };
        self.archive()
            .create_or_read(Name::Manifest(self.id()), manifest)
            .await
            .unwrap();
    }

    pub(in crate::verify::tests) async fn announce(&self, outcome: &Outcome) {
        let views = self
            .archive()
            .survey(&self.plan, &self.attempt)
            .await
            .unwrap();
        self.dispatch
            .announce(self.concluding(&views), outcome)
            .await
            .unwrap();
    }

    fn concluding<'a>(&'a self, views: &'a [SliceView]) -> Concluding<'a> {
        Concluding {
            plan: &self.plan,
            attempt: &self.attempt,
            views,
            invocation: &self.invocation,
        }
    }

    /// The delivery attempts of an outcome, the last of which arrives.
    pub(in crate::verify::tests) async fn deliver(&self, outcome: &Outcome, receipts: u32) {
        for receipt in 1..=receipts {
            let event = AuditEvent::new(Happening {
                export_id: self.id(),
                query_hash: self.plan.query_hash,
                request_id: "call",
                timestamp: self.tick(),
                action: Action::DeliverWebhook,
                event_type: EventType::Delivery,
                subject: format!("attempt {} receipt {receipt}", outcome.attempt),
                details: json!({"event": outcome.status.event(), "attempt": outcome.attempt, "answer": "status 500"}),
            });
            let event = if receipt < receipts {
                event.failed("status 500")
            } else {
                event
            };
            let event = event.after(Some(outcome.event.hash));
            self.archive().keep_delivery(outcome, event).await.unwrap();
        }
    }

    /// The next attempt, as resume makes it.
    pub(in crate::verify::tests) async fn resume(&mut self) {
        let standings = self.standings().await;
        let now = self.tick();
        let next = self
            .attempt
            .resumed(&standings, None, Overrides::default(), None, now);
        self.begin(next).await;
    }

    /// The next attempt, as a lost query makes it.
    pub(in crate::verify::tests) async fn lose_query(&mut self, query: GatewayQuery) {
        let standings = self.standings().await;
        let next = self.attempt.with_new_query(&standings, query, self.tick());
        self.begin(next).await;
    }

    async fn standings(&self) -> Vec<SliceStanding> {
        let mut standings = Vec::new();
        for view in self
            .archive()
            .survey(&self.plan, &self.attempt)
            .await
            .unwrap()
        {
            standings.push(self.archive().standing(&view).await.unwrap());
        }
        standings
    }

    async fn begin(&mut self, next: Attempt) {
        let name = Name::Attempt(&self.plan.export_id, next.attempt);
        self.dispatch
            .archive
            .create_or_read(name, next.clone())
            .await
            .unwrap();
        self.attempt = next;
    }
}
