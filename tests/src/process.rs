//! A process of the pipeline: all handlers, built as their binaries build them. Tests kill it and build it again.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use archive_events::ArchiveEvents;
use archive_page::{ArchivePage, PageSettings};
use await_ready::AwaitReady;
use complete_export::CompleteExport;
use conversation_archive::archive::PortionLimits;
use conversation_archive::base::deadline::Deadline;
use conversation_archive::export::message::{
    CompletionMessage, EndedMessage, PagesMessage, WaitingMessage, WebhookMessage,
};
use conversation_archive::export::plan::{
    PlanLimits, RedactionPlan, RedactionSettings, RequiredRedaction,
};
use conversation_archive::genesys::{
    ClientSettings, Credentials, Endpoints, GenesysClient, RateShare,
};
use conversation_archive::net::clock::Clock;
use conversation_archive::net::webhook::{Sender, Signer};
use conversation_archive::net::{AddressRules, Loopback};
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::{
    ConfiguredKey, ConfiguredWebhook, EndedExports, FailedExports, LoggedError, Pipeline, Redactors,
};
use conversation_archive::records::redaction::Redactor;
use conversation_archive::runtime::config::{DEFAULT_GAP_DELAY, LiveSettings};
use conversation_archive::source::{EndLookup, Sources};
use conversation_archive::storage::queue::{Delivery, MessageQueue, Queue};
use conversation_archive::storage::store::ArchiveStore;
use conversation_archive::storage::topic::Topic;
use fetch_ended::FetchEnded;
use record_failure::{DeadLetter, RecordFailure};
use secrecy::SecretString;
use send_webhook::{ReceivedMessage, SendWebhook};
use start_export::{Regions, ScheduledRequests, StartExport};
use sweep_exports::{LiveSweep, SweepExports};
use url::Url;

use crate::rights::{AccessLog, RightsStore};
use crate::signing::Signing;

/// Signing secret, shared with the receiver.
pub const SIGNING_SECRET: &str = "whsec_c2ltdWxhdGVkLXNpZ25pbmcta2V5LW9mLTMyLWJ5dGVz";

/// Fixed, so that a test can compute hashes itself.
pub const REDACTION_KEY: &str = "simulated-redaction-key-of-32-bytes";

#[derive(Debug)]
pub struct Process {
    pub start: StartExport,
    pub page: ArchivePage,
    await_ready: AwaitReady,
    pub complete: CompleteExport,
    pub webhook: SendWebhook,
    record_failure: RecordFailure,
    pub sweep: SweepExports,
    pub events: ArchiveEvents,
    pub ended: FetchEnded,
}

/// Store, queues and topic that the handlers of a process use.
#[derive(Debug)]
pub struct Seams {
    pub store: Arc<dyn ArchiveStore>,
    pub signing: Signing,
    pub queue: Arc<dyn MessageQueue>,
    pub topic: Arc<dyn Topic>,
    /// Records the accesses of the handlers to objects.
    pub accesses: Arc<AccessLog>,
}

/// Whether a handled message is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    Delete,
    /// The handler returned the message to the queue itself.
    Keep,
}

impl Process {
    pub fn build(
        sources: Sources,
        Seams {
            store,
            signing,
            queue,
            topic,
            accesses,
        }: Seams,
        clock: &Clock,
        max_open_slices: usize,
        portions: PortionLimits,
    ) -> Self {
        // Each handler has the rights of its function in the template, and no others.
        let pipeline = |function: &'static str| {
            let store = RightsStore {
                store: Arc::clone(&store),
                function,
                accesses: Arc::clone(&accesses),
            };
            Pipeline {
                archive: signing.archive_of_function(Arc::new(store), function),
                queue: Arc::clone(&queue),
                clock: clock.clone(),
                max_open_slices,
                portions,
                failed_exports: FailedExports::Swept,
            }
        };
        let address_rules = AddressRules {
            allowed_hosts: Vec::new(),
            loopback: Loopback::Allowed,
            ..AddressRules::default()
        };
        let key = SecretString::from(REDACTION_KEY);
        let redactors = Redactors::new(Arc::new(ConfiguredKey::new(Some(key))));
        let live = LiveSettings::default();
        let share = RateShare::new(live.api_share_percent, 1);
        let lookup = EndLookup::new(sources.client.limited_to(share), 100);
        Self {
            start: StartExport {
                pipeline: pipeline("start-export"),
                sources: sources.clone(),
                redactors: redactors.clone(),
                limits: PlanLimits::default(),
                default_webhook: Arc::new(ConfiguredWebhook::default()),
                address_rules: address_rules.clone(),
                regions: Regions::default(),
                emulated: false,
                scheduled_requests: ScheduledRequests::Stored,
            },
            page: ArchivePage {
                pipeline: pipeline("archive-page"),
                sources,
                redactors,
                topic: Some(topic),
                settings: PageSettings::default(),
            },
            await_ready: AwaitReady {
                pipeline: pipeline("await-ready"),
            },
            complete: CompleteExport {
                pipeline: pipeline("complete-export"),
            },
            webhook: SendWebhook {
                pipeline: pipeline("send-webhook"),
                sender: sender(&address_rules),
                signer: Signer::new(&SecretString::from(SIGNING_SECRET)).expect("a signer"),
                address_rules,
                receiver: None,
            },
            record_failure: RecordFailure {
                pipeline: pipeline("record-failure"),
            },
            sweep: SweepExports {
                pipeline: pipeline("sweep-exports"),
                live: LiveSweep {
                    gap_delay: DEFAULT_GAP_DELAY,
                    redaction: None,
                },
            },
            events: ArchiveEvents::new(pipeline("archive-events"), live_redactor(), live.settle),
            ended: FetchEnded {
                exports: EndedExports {
                    pipeline: pipeline("fetch-ended"),
                    redaction: None,
                },
                lookup,
                settle: live.settle,
            },
        }
    }

    /// Returns the same process with its webhooks sent to this address instead of the plan's.
    #[must_use]
    pub fn with_receiver(mut self, receiver: String) -> Self {
        self.webhook.receiver = Some(receiver);
        self
    }

    pub async fn handle(
        &self,
        delivery: &Delivery,
        invocation: &Invocation,
    ) -> anyhow::Result<Disposition> {
        let body = delivery.body.as_str();
        match delivery.queue {
            Queue::Pages => match serde_json::from_str(body)? {
                PagesMessage::Start(message) => {
                    self.start_of_pages()
                        .restart(&message.start, invocation)
                        .await?;
                }
                PagesMessage::Page(message) => {
                    self.page.handle(&message, invocation).await?;
                }
            },
            Queue::Waiting => {
                let message: WaitingMessage = serde_json::from_str(body)?;
                self.await_ready.handle(&message).await?;
            }
            Queue::Completion => {
                let message: CompletionMessage = serde_json::from_str(body)?;
                self.complete.handle(&message, invocation).await?;
            }
            Queue::Webhooks => {
                let message: WebhookMessage = serde_json::from_str(body)?;
                let receive_count = delivery.receive_count;
                let received = ReceivedMessage {
                    message: &message,
                    receipt: &delivery.receipt,
                    receive_count,
                };
                let handled = self.webhook.handle(received, invocation).await?;
                if matches!(
                    handled,
                    send_webhook::DeliveryOutcome::Postponed { .. }
                        | send_webhook::DeliveryOutcome::NotDue
                ) {
                    return Ok(Disposition::Keep);
                }
            }
            Queue::Ended => {
                let message: EndedMessage = serde_json::from_str(body)?;
                for result in self.ended.handle(&[message], invocation).await.results {
                    result.map_err(LoggedError)?;
                }
            }
        }
        Ok(Disposition::Delete)
    }

    /// Start-export as archive-page runs it, with its own rights.
    fn start_of_pages(&self) -> StartExport {
        StartExport {
            pipeline: self.page.pipeline.clone(),
            ..self.start.clone()
        }
    }

    pub async fn record_dead_letter(
        &self,
        queue: Queue,
        body: &str,
        invocation: &Invocation,
    ) -> anyhow::Result<record_failure::RecordedFailure> {
        let dead_letter = DeadLetter {
            queue: Some(queue),
            body,
        };
        self.record_failure.handle(&dead_letter, invocation).await
    }

    /// Gives record-failure a payload of start-export of which every invocation failed.
    pub async fn record_failed_start(
        &self,
        body: &str,
        invocation: &Invocation,
    ) -> anyhow::Result<record_failure::RecordedFailure> {
        let dead_letter = DeadLetter { queue: None, body };
        self.record_failure.handle(&dead_letter, invocation).await
    }
}

/// One sender for all worlds: it holds no state of a process, and reading the root certificates is the slowest part of
/// building one.
fn sender(rules: &AddressRules) -> Sender {
    static SENDER: OnceLock<Sender> = OnceLock::new();
    SENDER
        .get_or_init(|| Sender::new(rules.clone()).expect("a sender"))
        .clone()
}

/// An invocation with the deadline that Lambda announces to a page handler, less the time needed to save its work.
pub fn invocation(number: u64, clock: &Clock) -> Invocation {
    let end = clock
        .now()
        .saturating_add(Duration::from_secs(110))
        .expect("a moment of this age");
    Invocation {
        request_id: format!("request-{number}"),
        deadline: Deadline::at(end),
    }
}

/// The redactor of live events with default settings.
fn live_redactor() -> Redactor {
    let plan = RedactionPlan::of_live_events(RequiredRedaction::None, RedactionSettings::default());
    plan.redactor(None).expect("a redactor")
}

/// Client for the simulated organisation at this address. `read_timeout` limits the wait for each piece of a response.
pub(crate) fn client(url: &Url, clock: &Clock, read_timeout: Duration) -> GenesysClient {
    let endpoints =
        Endpoints::new(None, Some(url.as_str()), Some(url.as_str())).expect("loopback is allowed");
    let settings = ClientSettings {
        read_timeout,
        ..ClientSettings::new(endpoints)
    };
    let credentials = Credentials {
        id: genesys_simulator::Settings::default().client_id,
        secret: SecretString::from(genesys_simulator::Settings::default().client_secret),
    };
    GenesysClient::new(settings, Arc::new(credentials), clock.clone()).expect("a client")
}
