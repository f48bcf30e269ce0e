//! Runs an export to the stage at which a pair acts on it.

use std::time::Duration;

use conversation_archive::archive::slice_status;
use conversation_archive::base::format::FormatVersion;
use conversation_archive::base::ids::ExportId;
use conversation_archive::export::message::{PageMessage, StartMessage};
use conversation_archive::export::scheduled_resume::ScheduledResume;
use conversation_archive::storage::queue::{Delivery, Queue};
use start_export::{Command, Resume};

use end_to_end::world::{Turn, World};

use super::action::{Action, Stage};
use super::pair::{Loss, Pair};
use super::prepared_action::PreparedAction;
use super::stage::{faults, refusing_faults, request};

/// Completion messages come before page messages, so that complete-export sees the first slice end while the second is
/// open.
const ORDER: [Queue; 4] = [
    Queue::Completion,
    Queue::Webhooks,
    Queue::Pages,
    Queue::Waiting,
];

/// Longer than the sweep tolerates an export without progress.
pub(super) const OVER_AN_HOUR: Duration = Duration::from_mins(61);

/// An export at its stage.
pub(super) struct StagedExport {
    pub(super) id: ExportId,
    pair: Pair,
    /// The message that marks the stage, until an action of the pair takes it.
    held_message: Option<Delivery>,
    /// Messages that were received earlier.
    handled: Vec<Delivery>,
}

impl StagedExport {
    /// Starts an export and runs it to the stage of the pair.
    pub(super) async fn run(world: &mut World, pair: Pair, id: &str, last_page: u32) -> Self {
        let id = world.start(&request(world, pair.kind, id)).await;
        let mut staged_export = Self {
            id,
            pair,
            held_message: None,
            handled: Vec::new(),
        };
        staged_export.run_to_stage(world, last_page).await;
        if pair.has(Action::AutomaticResume) {
            staged_export.schedule_resume(world).await;
        }
        world.simulator.set_faults(faults(pair));
        staged_export
    }

    async fn run_to_stage(&mut self, world: &mut World, last_page: u32) {
        let stage = self.pair.stage();
        loop {
            let Some(delivery) = world.receive_from(&ORDER) else {
                assert!(
                    world.advance_to_next_message(),
                    "{} never comes to {stage:?}",
                    self.pair
                );
                continue;
            };
            let is_completion = delivery.queue == Queue::Completion;
            let all_ended = is_completion && self.have_slices_ended(world).await;
            if is_at_stage(stage, &delivery, all_ended, last_page) {
                self.held_message = Some(delivery);
                return;
            }
            if is_completion && self.pair.fails() {
                world.simulator.set_faults(refusing_faults(self.pair));
            }
            assert_eq!(world.deliver(&delivery).await, Turn::Done, "{}", self.pair);
            self.handled.push(delivery);
        }
    }

    /// Writes the marker of an automatic resume: these exports fail by refusals, which are not resumed automatically.
    async fn schedule_resume(&self, world: &World) {
        let marker = ScheduledResume {
            format_version: FormatVersion,
            export_id: self.id.clone(),
            attempt: 1,
            not_before: world.now(),
        };
        let stored = world.archive().replace(marker.object_key(), &marker).await;
        stored.expect("written");
    }

    async fn have_slices_ended(&self, world: &World) -> bool {
        let archive = world.archive();
        let plan = archive.existing_plan(&self.id).await.expect("a plan");
        let attempt = archive.newest_attempt(&self.id).await;
        let attempt = attempt.expect("readable").expect("an attempt");
        let views = slice_status::all(&archive, &plan, &attempt)
            .await
            .expect("readable");
        views.iter().all(|view| view.end.is_some())
    }

    /// Returns the moves of A and B, and prepares the world for them.
    pub(super) fn prepare_actions(
        mut self,
        world: &mut World,
        last_page: u32,
    ) -> (ExportId, PreparedAction, PreparedAction) {
        let mut a = self.prepare(world, self.pair.a, last_page);
        let mut b = self.prepare(world, self.pair.b, last_page);
        if let Some(unused) = self.held_message.take() {
            put_back(world, &unused);
        }
        if self.pair.loss == Loss::Early {
            lose_source(world);
        }
        if self.pair.has(Action::Sweep) {
            // The sweep skips an export that has messages.
            world.lose_messages();
            world.advance_clock(OVER_AN_HOUR);
            (a, b) = (a.into_copy(), b.into_copy());
        }
        (self.id, a, b)
    }

    fn prepare(&mut self, world: &World, action: Action, last_page: u32) -> PreparedAction {
        let page =
            |slice, page| move |it: &Delivery| is_page(it, |it| page_position(it) == (slice, page));
        match action {
            Action::FirstPage => self.find_message(world, page(1, 1)),
            Action::AwaitReady => self.find_message(world, |it| it.queue == Queue::Waiting),
            Action::ParkedPage => {
                self.find_message(world, |it| is_page(it, |it| it.times_parked > 0))
            }
            Action::MiddlePage => self.find_message(world, page(1, 2)),
            Action::LostPage => self.find_message(world, is_second_slice),
            Action::LastPage => self.find_message(world, page(2, last_page)),
            Action::FirstCompletion | Action::LastCompletion | Action::FailedCompletion => {
                self.find_message(world, |it| it.queue == Queue::Completion)
            }
            Action::SendWebhook => self.find_message(world, |it| it.queue == Queue::Webhooks),
            Action::StartAgain => PreparedAction::Command(
                Command::parse(&request(world, self.pair.kind, self.id.as_str()))
                    .expect("a request"),
            ),
            Action::ResumeRunning | Action::ResumeFailed => {
                PreparedAction::Command(resume_command(&self.id))
            }
            Action::AutomaticResume => PreparedAction::Copy(resume_request(world, &self.id)),
            Action::Cancel => PreparedAction::Command(Command::Cancel(self.id.clone())),
            Action::Sweep => PreparedAction::Sweep,
            Action::DeadLetter => as_dead_letter(world, self.find_message(world, is_second_slice)),
            Action::LateDeadLetter => as_dead_letter(world, self.find_message(world, page(1, 1))),
        }
    }

    /// Returns the message in hand, else a matching visible message from a queue, else a copy of a handled message.
    fn find_message(
        &mut self,
        world: &World,
        is_wanted: impl Fn(&Delivery) -> bool,
    ) -> PreparedAction {
        if let Some(delivery) = self.held_message.take_if(|it| is_wanted(it)) {
            self.handled.push(delivery.clone());
            return PreparedAction::Message(delivery);
        }
        for queue in ORDER {
            match world.queues.receive(queue) {
                Some(delivery) if is_wanted(&delivery) => {
                    self.handled.push(delivery.clone());
                    return PreparedAction::Message(delivery);
                }
                Some(other) => put_back(world, &other),
                None => {}
            }
        }
        let newest_page = || self.handled.iter().rfind(|it| is_second_slice(it));
        let handled = self.handled.iter().rfind(|it| is_wanted(it));
        // If the slice failed before its last page, its newest page takes that role.
        let copy = handled.or_else(newest_page).expect("a handled message");
        PreparedAction::Copy(copy.clone())
    }
}

pub(super) fn lose_source(world: &World) {
    world.simulator.forget_jobs();
    world.simulator.lose_queries();
}

fn resume_request(world: &World, id: &ExportId) -> Delivery {
    let message = StartMessage::new(id).outgoing(world.now());
    Delivery {
        queue: Queue::Pages,
        body: message.expect("a message").body,
        receipt: String::new(),
        receive_count: 1,
        group: None,
    }
}

/// Deletes a message from its queue, as a move to the dead-letter queue does.
fn as_dead_letter(world: &World, action: PreparedAction) -> PreparedAction {
    match action {
        PreparedAction::Message(delivery) => {
            world.queues.delete(delivery.queue, &delivery.receipt);
            PreparedAction::DeadLetter(delivery)
        }
        PreparedAction::Copy(delivery) => PreparedAction::DeadLetter(delivery),
        other => other,
    }
}

fn put_back(world: &World, delivery: &Delivery) {
    let released = world
        .queues
        .release(delivery.queue, &delivery.receipt, Duration::ZERO);
    released.expect("a message in flight");
}

fn is_at_stage(stage: Stage, delivery: &Delivery, all_ended: bool, last_page: u32) -> bool {
    let is_completion = delivery.queue == Queue::Completion;
    match stage {
        Stage::Started => delivery.queue == Queue::Pages,
        Stage::Parked => delivery.queue == Queue::Waiting,
        Stage::Returned => is_page(delivery, |it| it.times_parked > 0),
        Stage::Middle => is_page(delivery, |it| page_position(it) == (1, 2)),
        Stage::SecondSlice => is_second_slice(delivery),
        Stage::FirstEnded => is_completion && !all_ended,
        Stage::LastPage => is_page(delivery, |it| page_position(it) == (2, last_page)),
        Stage::AllEnded => is_completion && all_ended,
        Stage::Decided => delivery.queue == Queue::Webhooks,
    }
}

fn is_second_slice(delivery: &Delivery) -> bool {
    is_page(delivery, |it| it.id.run.slice == 2 && it.id.page > 1)
}

fn is_page(delivery: &Delivery, is_wanted: impl Fn(&PageMessage) -> bool) -> bool {
    delivery.queue == Queue::Pages
        && serde_json::from_str(&delivery.body).is_ok_and(|message| is_wanted(&message))
}

fn page_position(message: &PageMessage) -> (u32, u32) {
    (message.id.run.slice, message.id.page)
}

pub(super) fn resume_command(id: &ExportId) -> Command {
    Command::Resume(Resume {
        export_id: id.clone(),
        quota_mb: None,
        on_bad_record: None,
    })
}
