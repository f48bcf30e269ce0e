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
use super::moves::Move;
use super::pair::{Loss, Pair};
use super::stage::{faults, refusing, request};

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
pub(super) struct Course {
    pub(super) id: ExportId,
    pair: Pair,
    /// The message that marks the stage, until an action of the pair takes it.
    in_hand: Option<Delivery>,
    /// Messages that were received earlier.
    handled: Vec<Delivery>,
}

impl Course {
    /// Starts an export and runs it to the stage of the pair.
    pub(super) async fn run(world: &mut World, pair: Pair, id: &str, last_page: u32) -> Self {
        let id = world.start(&request(world, pair.kind, id)).await;
        let mut course = Self {
            id,
            pair,
            in_hand: None,
            handled: Vec::new(),
        };
        course.approach(world, last_page).await;
        if pair.has(Action::AutomaticResume) {
            course.schedule_resume(world).await;
        }
        world.simulator.set_faults(faults(pair));
        course
    }

    async fn approach(&mut self, world: &mut World, last_page: u32) {
        let stage = self.pair.stage();
        loop {
            let Some(delivery) = world.receive_from(&ORDER) else {
                assert!(
                    world.wait_for_next(),
                    "{} never comes to {stage:?}",
                    self.pair
                );
                continue;
            };
            let is_completion = delivery.queue == Queue::Completion;
            let all_ended = is_completion && self.has_ended(world).await;
            if reaches(stage, &delivery, all_ended, last_page) {
                self.in_hand = Some(delivery);
                return;
            }
            if is_completion && self.pair.fails() {
                world.simulator.set_faults(refusing(self.pair));
            }
            assert_eq!(world.deliver(&delivery).await, Turn::Done, "{}", self.pair);
            self.handled.push(delivery);
        }
    }

    /// The failures of these exports are refusals, which are not resumed automatically: the marker is written here.
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

    async fn has_ended(&self, world: &World) -> bool {
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
    pub(super) fn moves(mut self, world: &mut World, last_page: u32) -> (ExportId, Move, Move) {
        let mut a = self.take(world, self.pair.a, last_page);
        let mut b = self.take(world, self.pair.b, last_page);
        if let Some(unused) = self.in_hand.take() {
            put_back(world, &unused);
        }
        if self.pair.loss == Loss::Early {
            lose_the_source(world);
        }
        if self.pair.has(Action::Sweep) {
            // The sweep skips an export that has messages.
            world.lose_messages();
            world.pass(OVER_AN_HOUR);
            (a, b) = (a.without_its_queue(), b.without_its_queue());
        }
        (self.id, a, b)
    }

    fn take(&mut self, world: &World, action: Action, last_page: u32) -> Move {
        let page = |slice, page| move |it: &Delivery| is_page(it, |it| at(it) == (slice, page));
        match action {
            Action::FirstPage => self.message(world, page(1, 1)),
            Action::AwaitReady => self.message(world, |it| it.queue == Queue::Waiting),
            Action::ParkedPage => self.message(world, |it| is_page(it, |it| it.times_parked > 0)),
            Action::MiddlePage => self.message(world, page(1, 2)),
            Action::LostPage => self.message(world, is_second_slice),
            Action::LastPage => self.message(world, page(2, last_page)),
            Action::FirstCompletion | Action::LastCompletion | Action::FailedCompletion => {
                self.message(world, |it| it.queue == Queue::Completion)
            }
            Action::SendWebhook => self.message(world, |it| it.queue == Queue::Webhooks),
            Action::StartAgain => Move::Command(
                Command::parse(&request(world, self.pair.kind, self.id.as_str()))
                    .expect("a request"),
            ),
            Action::ResumeRunning | Action::ResumeFailed => Move::Command(resume(&self.id)),
            Action::AutomaticResume => Move::Copy(resume_request(world, &self.id)),
            Action::Cancel => Move::Command(Command::Cancel(self.id.clone())),
            Action::Sweep => Move::Sweep,
            Action::DeadLetter => letter(world, self.message(world, is_second_slice)),
            Action::LateDeadLetter => letter(world, self.message(world, page(1, 1))),
        }
    }

    /// Returns the message in hand, else a matching visible message from a queue, else a copy of a handled message.
    fn message(&mut self, world: &World, is_wanted: impl Fn(&Delivery) -> bool) -> Move {
        if let Some(delivery) = self.in_hand.take_if(|it| is_wanted(it)) {
            self.handled.push(delivery.clone());
            return Move::Message(delivery);
        }
        for queue in ORDER {
            match world.queues.receive(queue) {
                Some(delivery) if is_wanted(&delivery) => {
                    self.handled.push(delivery.clone());
                    return Move::Message(delivery);
                }
                Some(other) => put_back(world, &other),
                None => {}
            }
        }
        let newest_page = || self.handled.iter().rfind(|it| is_second_slice(it));
        let handled = self.handled.iter().rfind(|it| is_wanted(it));
        // If the slice failed before its last page, its newest page takes that role.
        let copy = handled.or_else(newest_page).expect("a handled message");
        Move::Copy(copy.clone())
    }
}

pub(super) fn lose_the_source(world: &World) {
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

/// A message that became a dead letter is in its queue no more.
fn letter(world: &World, of: Move) -> Move {
    match of {
        Move::Message(delivery) => {
            world.queues.delete(delivery.queue, &delivery.receipt);
            Move::Letter(delivery)
        }
        Move::Copy(delivery) => Move::Letter(delivery),
        other => other,
    }
}

fn put_back(world: &World, delivery: &Delivery) {
    let released = world
        .queues
        .release(delivery.queue, &delivery.receipt, Duration::ZERO);
    released.expect("a message in flight");
}

fn reaches(stage: Stage, delivery: &Delivery, all_ended: bool, last_page: u32) -> bool {
    let is_completion = delivery.queue == Queue::Completion;
    match stage {
        Stage::Started => delivery.queue == Queue::Pages,
        Stage::Parked => delivery.queue == Queue::Waiting,
        Stage::Returned => is_page(delivery, |it| it.times_parked > 0),
        Stage::Middle => is_page(delivery, |it| at(it) == (1, 2)),
        Stage::SecondSlice => is_second_slice(delivery),
        Stage::FirstEnded => is_completion && !all_ended,
        Stage::LastPage => is_page(delivery, |it| at(it) == (2, last_page)),
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

fn at(message: &PageMessage) -> (u32, u32) {
    (message.id.run.slice, message.id.page)
}

pub(super) fn resume(id: &ExportId) -> Command {
    Command::Resume(Resume {
        export_id: id.clone(),
        quota_mb: None,
        on_bad_record: None,
    })
}
