//! Runs a scenario: the events besides the crash, and the recovery after it.

use std::time::Duration;

use conversation_archive::base::ids::ExportId;
use conversation_archive::storage::queue::Queue;
use conversation_archive::storage::store::ArchiveStore;
use genesys_simulator::{Faults, Route};
use start_export::{Command, Resume};

use super::{Case, Recovery, Scenario, TRANSCRIPTS};
use crate::world::{Turn, World};

/// A world in which the process may be killed once, and the operator's actions in its scenario.
pub(super) struct ScenarioRun<S: ArchiveStore + 'static> {
    pub(super) world: World<S>,
    pub(super) case: Case,
    pub(super) recovery: Recovery,
    pub(super) killed: bool,
}

impl<S: ArchiveStore + 'static> ScenarioRun<S> {
    pub(super) async fn run(&mut self) {
        let id: ExportId = "disturbed".parse().expect("an id");
        self.invoke_until_success(&self.start_command()).await;
        match self.case.scenario {
            Scenario::Plain
            | Scenario::Parked
            | Scenario::Rejects
            | Scenario::AllMedia
            | Scenario::Portions => {
                self.handle_all_messages().await;
            }
            Scenario::LostQuery => {
                self.world.simulator.lose_queries();
                self.handle_all_messages().await;
            }
            Scenario::FailedThenResumed => {
                let refusing = Faults::refusing(Route::JobResults, 0);
                self.world.simulator.set_faults(refusing);
                self.handle_all_messages().await;
                self.world.simulator.set_faults(Faults::default());
                self.invoke_until_success(&resume_command(&id)).await;
                self.handle_all_messages().await;
            }
            Scenario::Cancelled => {
                self.invoke_until_success(&Command::Cancel(id)).await;
                self.handle_all_messages().await;
            }
            Scenario::Swept => {
                self.world.lose_messages();
                self.world.advance_clock(Duration::from_mins(61));
                self.sweep().await;
                self.handle_all_messages().await;
            }
            Scenario::DeadLetter => {
                self.record_dead_letter().await;
                self.handle_all_messages().await;
                self.invoke_until_success(&resume_command(&id)).await;
                self.handle_all_messages().await;
            }
            Scenario::DeadLetterThenSwept => {
                self.record_dead_letter().await;
                self.handle_all_messages().await;
                // The second sweep finds an attempt whose messages were never sent.
                for _ in 0..2 {
                    self.world.advance_clock(Duration::from_mins(61));
                    self.sweep().await;
                    self.handle_all_messages().await;
                }
            }
        }
    }

    /// Handles messages until none is left.
    async fn handle_all_messages(&mut self) {
        loop {
            match self.world.turn().await {
                Turn::Killed => {
                    self.killed = true;
                    if self.recovery == Recovery::BucketAlone {
                        self.world.lose_messages();
                        self.invoke_until_success(&self.start_command()).await;
                    }
                }
                Turn::Idle if !self.world.advance_to_next_message() => return,
                Turn::Failed => panic!("nothing fails here: {:?}", self.world.last_error()),
                Turn::Done | Turn::Idle => {}
            }
        }
    }

    /// Invokes the command until it succeeds: Lambda or the operator repeats an invocation whose process was killed.
    async fn invoke_until_success(&mut self, command: &Command) {
        while self
            .world
            .invoke(command.clone())
            .await
            .transpose()
            .expect("an answer")
            .is_none()
        {
            self.killed = true;
        }
    }

    async fn sweep(&mut self) {
        while self
            .world
            .try_sweep()
            .await
            .transpose()
            .expect("a sweep")
            .is_none()
        {
            self.killed = true;
            // Only the next hourly sweep repeats a sweep whose process was killed.
            self.world.advance_clock(Duration::from_mins(61));
        }
    }

    /// Moves the first page message of slice 1 to the dead-letter queue.
    async fn record_dead_letter(&mut self) {
        let delivery = self
            .world
            .queues
            .receive(Queue::Pages)
            .expect("a page message");
        while self
            .world
            .record_dead_letter(Queue::Pages, &delivery.body)
            .await
            .is_none()
        {
            self.killed = true;
        }
        self.world.queues.delete(Queue::Pages, &delivery.receipt);
    }

    /// Selects seven written conversations of fewer than 20 messages; each is read again for every crash point.
    fn short_conversations(&self) -> Vec<String> {
        let messages = |id: &String| self.world.simulator.messages(id);
        let is_short = |id: &String| messages(id).is_some_and(|it| it.len() < 20);
        let written = self.world.message_conversations().into_iter();
        written.filter(is_short).take(7).collect()
    }

    /// Selects seven conversations of calls and e-mails, some of which have messages too.
    fn conversations_of_all_media(&self) -> Vec<String> {
        let simulator = &self.world.simulator;
        let has_other =
            |id: &String| !simulator.phrases(id).is_empty() || !simulator.emails(id).is_empty();
        let is_short = |id: &String| simulator.messages(id).is_none_or(|it| it.len() < 20);
        let ids = simulator.truth().conversations.into_iter().map(|it| it.id);
        ids.filter(|id| has_other(id) && is_short(id))
            .take(7)
            .collect()
    }

    fn start_command(&self) -> Command {
        let Case {
            source,
            more_fields,
            ..
        } = self.case;
        let request = if source == TRANSCRIPTS.source {
            let ids = match self.case.scenario {
                Scenario::AllMedia => self.conversations_of_all_media(),
                _ => self.short_conversations(),
            };
            self.world.transcripts_request(&ids, more_fields)
        } else {
            self.world.request(source, more_fields)
        };
        Command::parse(&request).expect("a request")
    }
}

fn resume_command(id: &ExportId) -> Command {
    Command::Resume(Resume {
        export_id: id.clone(),
        quota_mb: None,
        on_bad_record: None,
    })
}
