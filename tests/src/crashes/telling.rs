//! Events of a story besides the crash, and the way in which the export continues after it.

use std::time::Duration;

use conversation_archive::base::ids::ExportId;
use conversation_archive::storage::queue::Queue;
use conversation_archive::storage::store::ArchiveStore;
use genesys_simulator::{Faults, Permanent, Route};
use start_export::{Command, Resume};

use super::{Afterwards, Case, Story, TRANSCRIPTS};
use crate::world::{Turn, World};

/// A world in which the process may be killed once, and the operator's actions in its story.
pub(super) struct Telling<S: ArchiveStore + 'static> {
    pub(super) world: World<S>,
    pub(super) case: Case,
    pub(super) afterwards: Afterwards,
    pub(super) killed: bool,
}

impl<S: ArchiveStore + 'static> Telling<S> {
    pub(super) async fn tell(&mut self) {
        let id: ExportId = "disturbed".parse().expect("an id");
        self.insist(&self.start_command()).await;
        match self.case.story {
            Story::Plain | Story::Parked | Story::Rejects | Story::Portions => self.go_on().await,
            Story::LostQuery => {
                self.world.simulator.lose_queries();
                self.go_on().await;
            }
            Story::FailedThenResumed => {
                self.world.simulator.set_faults(refusing());
                self.go_on().await;
                self.world.simulator.set_faults(Faults::default());
                self.insist(&resume_command(&id)).await;
                self.go_on().await;
            }
            Story::Cancelled => {
                self.insist(&Command::Cancel(id)).await;
                self.go_on().await;
            }
            Story::Swept => {
                self.world.lose_messages();
                self.world.pass(Duration::from_mins(61));
                self.sweep().await;
                self.go_on().await;
            }
            Story::Buried => {
                self.record_dead_letter().await;
                self.go_on().await;
                self.insist(&resume_command(&id)).await;
                self.go_on().await;
            }
            Story::BuriedThenSwept => {
                self.record_dead_letter().await;
                self.go_on().await;
                // The second sweep finds an attempt whose messages were never sent.
                for _ in 0..2 {
                    self.world.pass(Duration::from_mins(61));
                    self.sweep().await;
                    self.go_on().await;
                }
            }
        }
    }

    /// Handles messages until none is left.
    async fn go_on(&mut self) {
        loop {
            match self.world.turn().await {
                Turn::Killed => {
                    self.killed = true;
                    if self.afterwards == Afterwards::BucketAlone {
                        self.world.lose_messages();
                        self.insist(&self.start_command()).await;
                    }
                }
                Turn::Idle if !self.world.wait_for_next() => return,
                Turn::Failed => panic!("nothing fails here: {:?}", self.world.last_error()),
                Turn::Done | Turn::Idle => {}
            }
        }
    }

    /// Invokes the command until it succeeds: Lambda or the operator repeats an invocation that died.
    async fn insist(&mut self, command: &Command) {
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
        while self.world.sweep().await.is_none() {
            self.killed = true;
            // Only the next hourly sweep repeats a sweep that died.
            self.world.pass(Duration::from_mins(61));
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
    fn some_short_conversations(&self) -> Vec<String> {
        let messages = |id: &String| self.world.simulator.messages(id);
        let is_short = |id: &String| messages(id).is_some_and(|it| it.len() < 20);
        let written = self.world.written().into_iter();
        written.filter(is_short).take(7).collect()
    }

    fn start_command(&self) -> Command {
        let Case { source, more, .. } = self.case;
        let request = if source == TRANSCRIPTS.source {
            let ids = self.some_short_conversations();
            self.world.transcripts_request(&ids, more)
        } else {
            self.world.request(source, more)
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

/// Faults with which the API refuses all job results with 403.
fn refusing() -> Faults {
    let permanent = Permanent {
        route: Route::JobResults,
        after: 0,
        status: 403,
        code: "missing.permissions".to_owned(),
        message: "a permission is missing".to_owned(),
    };
    Faults {
        permanent: Some(permanent),
        ..Faults::default()
    }
}
