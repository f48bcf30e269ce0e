//! Killed right before and right after every step of every handler, then run again: the same archive each time.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use conversation_archive::ids::ExportId;
use conversation_archive::queue::Queue;
use genesys_simulator::{Faults, Permanent, Route, Settings};
use start_export::{Command, Resume};

use crate::comparison::{assert_same_archive, content_section};
use crate::seams::Kill;
use crate::world::{Turn, World, organisation};

/// How the export goes on after the process died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Afterwards {
    /// The queues deliver again what was not deleted.
    Redelivery,
    /// The messages are gone too; somebody resumes from the bucket alone.
    BucketAlone,
}

/// What happens on the way, besides the crash. Each story leads through other handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    /// Nothing else.
    Plain,
    /// The job takes longer than an invocation polls: pages park, and await-ready brings them back.
    Parked,
    /// Some records are kept aside.
    Rejects,
    /// The gateway loses its query before the first page: every run is replaced under a new attempt.
    LostQuery,
    /// The API refuses every page; after the failure it does not any more, and somebody resumes.
    FailedThenResumed,
    /// Somebody cancels at once.
    Cancelled,
    /// All messages are lost at once, and the sweep brings the export back.
    Swept,
    /// A message ends in the dead letters; after the failure somebody resumes.
    Buried,
}

#[derive(Clone, Copy, Debug)]
struct Case {
    source: &'static str,
    more: &'static str,
    story: Story,
}

const JOB: Case = Case {
    source: "analytics-job",
    more: r#","exportId":"disturbed","slices":2,"pageSize":9,"records":"full""#,
    story: Story::Plain,
};
const GATEWAY: Case = Case {
    source: "export-gateway",
    more: r#","exportId":"disturbed","slices":2,"pageSize":7,"records":"minimal""#,
    story: Story::Plain,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_export_killed_at_any_step_ends_in_the_same_archive() {
    every_crash_point(JOB, Afterwards::Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_export_killed_at_any_step_ends_in_the_same_archive() {
    every_crash_point(GATEWAY, Afterwards::Redelivery).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_export_goes_on_from_the_bucket_alone_after_any_step() {
    every_crash_point(JOB, Afterwards::BucketAlone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_export_goes_on_from_the_bucket_alone_after_any_step() {
    every_crash_point(GATEWAY, Afterwards::BucketAlone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_parks_survives_a_crash_at_any_step() {
    every_crash_point(
        Case {
            story: Story::Parked,
            ..JOB
        },
        Afterwards::Redelivery,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_with_rejects_survives_a_crash_at_any_step() {
    every_crash_point(
        Case {
            story: Story::Rejects,
            ..GATEWAY
        },
        Afterwards::Redelivery,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_loses_its_query_survives_a_crash_at_any_step() {
    every_crash_point(
        Case {
            story: Story::LostQuery,
            ..GATEWAY
        },
        Afterwards::Redelivery,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_fails_and_is_resumed_survives_a_crash_at_any_step() {
    every_crash_point(
        Case {
            story: Story::FailedThenResumed,
            ..JOB
        },
        Afterwards::Redelivery,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_is_cancelled_survives_a_crash_at_any_step() {
    every_crash_point(
        Case {
            story: Story::Cancelled,
            ..JOB
        },
        Afterwards::Redelivery,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_is_swept_survives_a_crash_at_any_step() {
    every_crash_point(
        Case {
            story: Story::Swept,
            ..JOB
        },
        Afterwards::Redelivery,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_with_a_dead_letter_survives_a_crash_at_any_step() {
    every_crash_point(
        Case {
            story: Story::Buried,
            ..JOB
        },
        Afterwards::Redelivery,
    )
    .await;
}

async fn every_crash_point(case: Case, afterwards: Afterwards) {
    let undisturbed = run(case, None, afterwards).await;
    let steps = undisturbed.steps;
    assert!(
        steps > 40,
        "only {steps} steps were seen: the seams are not instrumented"
    );
    for number in 0..steps {
        for kill in [Kill::Before(number), Kill::After(number)] {
            let disturbed = run(case, Some(kill), afterwards).await;
            let context = format!("{case:?} {kill:?} {afterwards:?}");
            assert!(disturbed.killed, "{context}: nothing was killed");
            assert_same_archive(&undisturbed.archive, &disturbed.archive, &context);
            assert_eq!(
                content_section(&undisturbed.archive),
                content_section(&disturbed.archive),
                "{context}"
            );
            assert_eq!(
                disturbed.webhook_ids, undisturbed.webhook_ids,
                "{context}: one webhook id an outcome"
            );
        }
    }
    let Case { source, story, .. } = case;
    println!(
        "{source} {story:?} {afterwards:?}: {steps} steps, {} crash points",
        2 * steps
    );
}

struct Run {
    archive: BTreeMap<String, Bytes>,
    webhook_ids: Vec<String>,
    steps: u64,
    killed: bool,
}

/// A world in which one kill may happen, and what the people around it do.
struct Told {
    world: World,
    case: Case,
    afterwards: Afterwards,
    killed: bool,
}

async fn run(case: Case, kill: Option<Kill>, afterwards: Afterwards) -> Run {
    let malformed_every = (case.story == Story::Rejects).then_some(5);
    let mut settings = Settings {
        spill: 0.1,
        faults: Faults {
            malformed_every,
            ..Faults::default()
        },
        ..organisation(7, 24)
    };
    if case.story == Story::Parked {
        settings.job_ready_after = Duration::from_mins(2);
    }
    let world = World::new(settings).await;
    if let Some(kill) = kill {
        world.steps.kill_at(kill);
    }
    let mut told = Told {
        world,
        case,
        afterwards,
        killed: false,
    };
    told.tell().await;
    let Told { world, killed, .. } = told;
    if case.story != Story::Cancelled {
        world.verify(&"disturbed".parse().expect("an id")).await;
    }
    let webhook_ids: Vec<_> = world.receiver.ids().into_keys().collect();
    let mut archive = world.store.snapshot();
    if case.story == Story::LostQuery {
        // Which slice meets the loss first is chance; what was read from the lost query counts for nothing.
        archive.retain(|key, _| !key.contains("/r01/"));
    }
    Run {
        archive,
        webhook_ids,
        steps: world.steps.taken(),
        killed,
    }
}

impl Told {
    async fn tell(&mut self) {
        let id: ExportId = "disturbed".parse().expect("an id");
        self.insist(&self.start_command()).await;
        match self.case.story {
            Story::Plain | Story::Parked | Story::Rejects => self.go_on().await,
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
                self.bury().await;
                self.go_on().await;
                self.insist(&resume_command(&id)).await;
                self.go_on().await;
            }
        }
    }

    /// Handles every message there is.
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

    /// An invocation that died is repeated, by Lambda or by a person.
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
        }
    }

    /// The first page message of slice 1 is nobody's to handle any more.
    async fn bury(&mut self) {
        let delivery = self
            .world
            .queues
            .receive(Queue::Pages)
            .expect("a page message");
        while self
            .world
            .bury(Queue::Pages, &delivery.body)
            .await
            .is_none()
        {
            self.killed = true;
        }
        self.world.queues.delete(Queue::Pages, &delivery.receipt);
    }

    fn start_command(&self) -> Command {
        Command::parse(&self.world.request(self.case.source, self.case.more)).expect("a request")
    }
}

fn resume_command(id: &ExportId) -> Command {
    Command::Resume(Resume {
        export_id: id.clone(),
        quota_mb: None,
        on_bad_record: None,
    })
}

/// The API permits no results.
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

#[tokio::test]
async fn an_object_orphaned_by_a_crash_is_listed_and_harms_nobody() {
    let undisturbed = run(JOB, None, Afterwards::Redelivery).await;
    let mut orphaned = 0;
    for number in 0..undisturbed.steps {
        let mut world = World::new(Settings {
            spill: 0.1,
            ..organisation(7, 24)
        })
        .await;
        world.steps.kill_at(Kill::After(number));
        let command = || Command::parse(&world_request(&world)).expect("a request");
        let (first, again) = (command(), command());
        if world.invoke(first).await.is_none() {
            world
                .invoke(again)
                .await
                .expect("killed once")
                .expect("started");
        }
        while !matches!(world.turn().await, Turn::Killed | Turn::Idle) {}
        // Whatever the killed process had written, its job is gone when the message comes again.
        world.simulator.forget_jobs();
        world.run().await;

        let report = world.verify(&"disturbed".parse().expect("an id")).await;
        orphaned += report.orphans.len();
    }
    println!("{orphaned} orphans in {} archives", undisturbed.steps);
    assert!(
        orphaned > 0,
        "a crash between a page object and its record leaves an orphan"
    );
}

fn world_request(world: &World) -> String {
    world.request(JOB.source, JOB.more)
}
