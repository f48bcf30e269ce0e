//! Ends, announcements and resumes of runs and attempts.

use serde_json::json;

use super::TestExport;
use crate::archive::{SliceStatus, deliveries, slice_status};
use crate::base::failure::{Failure, FailureKind};
use crate::export::attempt::{Attempt, Overrides, SliceProgress};
use crate::export::audit::{Action, AuditEvent, EventType, NewAuditEvent};
use crate::export::objects::ObjectKey;
use crate::export::outcome::{Outcome, SliceFailure};
use crate::export::plan::GatewayQuery;
use crate::export::run::End;
use crate::pipeline::conclusion::{self, ConclusionInput, Progress};
use crate::pipeline::run_ends::{self, RunEndDraft};

pub(in crate::archive::verify::tests) fn failed(message: &str) -> End {
    End::Failed {
        failure: Failure::new(FailureKind::ThrottledDeadline, message),
    }
}

impl TestExport {
    /// Ends the slice's run after its newest page.
    pub(in crate::archive::verify::tests) async fn end(&self, slice: u32, end: End) {
        self.tick();
        let slice_status = self.slice_status(slice).await;
        let newest = self
            .archive()
            .newest_record(&slice_status.run)
            .await
            .unwrap();
        let message = self.message(slice).await;
        let draft = match (&end, &newest) {
            (End::Complete, Some(last)) => RunEndDraft::after(&slice_status.run, last),
            _ => RunEndDraft::before(&message),
        };
        run_ends::end_run(&self.pipeline, &self.plan, draft, end, &self.invocation)
            .await
            .unwrap();
    }

    pub(in crate::archive::verify::tests) async fn conclude(&self) -> Outcome {
        let outcome = self.decide().await;
        self.announce(&outcome).await;
        outcome
    }

    pub(in crate::archive::verify::tests) async fn decide(&self) -> Outcome {
        self.tick();
        let slice_statuses = slice_status::all(self.archive(), &self.plan, &self.attempt)
            .await
            .unwrap();
        let progress = conclusion::conclude(&self.pipeline, self.input(&slice_statuses)).await;
        match progress.unwrap() {
            Progress::Decided(outcome) => *outcome,
            Progress::Unfinished => panic!("there is no deadline"),
        }
    }

    /// The failure that earlier versions wrote for a repeated record.
    pub(in crate::archive::verify::tests) async fn fail_for_repeats(&self) -> Outcome {
        let slice_statuses = slice_status::all(self.archive(), &self.plan, &self.attempt)
            .await
            .unwrap();
        let failure = SliceFailure {
            slice: None,
            run: None,
            after_page: None,
            failure: Failure::new(FailureKind::RepeatedRecord, "a1 is archived twice"),
        };
        let input = self.input(&slice_statuses);
        let failed = conclusion::fail_export(&self.pipeline, input, vec![failure]).await;
        failed.unwrap()
    }

    pub(in crate::archive::verify::tests) async fn announce(&self, outcome: &Outcome) {
        let slice_statuses = slice_status::all(self.archive(), &self.plan, &self.attempt)
            .await
            .unwrap();
        conclusion::announce(&self.pipeline, self.input(&slice_statuses), outcome)
            .await
            .unwrap();
    }

    fn input<'a>(&'a self, slice_statuses: &'a [SliceStatus]) -> ConclusionInput<'a> {
        ConclusionInput {
            plan: &self.plan,
            attempt: &self.attempt,
            slice_statuses,
            invocation: &self.invocation,
        }
    }

    /// The deliveries of an outcome; the last one is accepted.
    pub(in crate::archive::verify::tests) async fn deliver(
        &self,
        outcome: &Outcome,
        receipts: u32,
    ) {
        for receipt in 1..=receipts {
            let event = AuditEvent::new(NewAuditEvent {
                export_id: self.id(),
                query_hash: self.plan.query_hash,
                request_id: "call",
                timestamp: self.tick(),
                action: Action::DeliverWebhook,
                event_type: EventType::Delivery,
                subject: format!("attempt {} receipt {receipt}", outcome.attempt),
                details: json!({"event": outcome.status.event_type(), "attempt": outcome.attempt, "answer": "status 500"}),
            });
            let event = if receipt < receipts {
                event.with_failure("status 500")
            } else {
                event
            };
            let event = event.chained_after(Some(outcome.event.hash));
            deliveries::record(self.archive(), outcome, event)
                .await
                .unwrap();
        }
    }

    /// The next attempt, as a resume creates it after a failure of slices.
    pub(in crate::archive::verify::tests) async fn resume(&mut self) {
        self.resume_after(None).await;
    }

    /// The next attempt, as a resume creates it after this failure of the export.
    pub(in crate::archive::verify::tests) async fn resume_after(
        &mut self,
        failure: Option<FailureKind>,
    ) {
        let slice_progress = self.slice_progress().await;
        let now = self.tick();
        let next = self
            .attempt
            .resumed(&slice_progress, failure, Overrides::default(), None, now);
        self.begin(next).await;
    }

    /// The next attempt, as a lost query creates it.
    pub(in crate::archive::verify::tests) async fn lose_query(&mut self, query: GatewayQuery) {
        let slice_progress = self.slice_progress().await;
        let next = self
            .attempt
            .with_new_query(&slice_progress, query, self.tick());
        self.begin(next).await;
    }

    async fn slice_progress(&self) -> Vec<SliceProgress> {
        let mut slice_progress = Vec::new();
        for slice_status in slice_status::all(self.archive(), &self.plan, &self.attempt)
            .await
            .unwrap()
        {
            slice_progress.push(
                slice_status::progress(self.archive(), &slice_status)
                    .await
                    .unwrap(),
            );
        }
        slice_progress
    }

    async fn begin(&mut self, next: Attempt) {
        let name = ObjectKey::Attempt(&self.plan.export_id, next.attempt);
        self.pipeline
            .archive
            .create_or_read(name, next.clone())
            .await
            .unwrap();
        self.attempt = next;
    }
}
