//! The handlers, and the dispatch of messages to them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use archive_page::ArchivePage;
use await_ready::AwaitReady;
use complete_export::CompleteExport;
use conversation_archive::archive::{Archive, PortionLimits};
use conversation_archive::export::message::{
    EndedMessage, PagesMessage, WaitingMessage, WebhookMessage,
};
use conversation_archive::genesys::{GenesysClient, RateShare};
use conversation_archive::net::webhook::Sender;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::{
    ConfiguredWebhook, EndedExports, FailedExports, LoggedError, Pipeline,
};
use conversation_archive::runtime::config::DEFAULT_GAP_DELAY;
use conversation_archive::runtime::config::LiveSettings;
use conversation_archive::source::{EndLookup, Sources};
use conversation_archive::storage::queue::{
    ARCHIVE_PAGE_TIMEOUT, COMPLETE_EXPORT_TIMEOUT, DeadLetter, Delivery, FETCH_ENDED_TIMEOUT,
    MemoryQueues, Queue, SEND_WEBHOOK_TIMEOUT,
};
use fetch_ended::FetchEnded;
use record_failure::RecordFailure;
use send_webhook::{ReceivedMessage, SendWebhook};
use serde::de::DeserializeOwned;
use start_export::{ScheduledRequests, StartExport};
use sweep_exports::{LiveSweep, SweepExports};

use super::{EngineSettings, Event};

/// Every handler of the pipeline over one store and one set of queues.
#[derive(Debug)]
pub(super) struct Handlers {
    pub(super) pipeline: Pipeline,
    pub(super) queues: MemoryQueues,
    pub(super) start: StartExport,
    page: ArchivePage,
    ready: AwaitReady,
    complete: CompleteExport,
    webhook: Option<SendWebhook>,
    failure: RecordFailure,
    pub(super) sweep: SweepExports,
    ended: FetchEnded,
}

/// The engine's lookups of ended conversations are the only ones on its token.
const ONE_PROCESS: u32 = 1;

/// Handling of a message after its handler succeeded.
#[derive(Debug)]
pub(super) enum Disposition {
    Delete(Option<Event>),
    /// The handler has already returned the message to its queue.
    Keep(Option<Event>),
}

impl Handlers {
    pub(super) fn new(
        archive: Archive,
        client: GenesysClient,
        settings: EngineSettings,
    ) -> anyhow::Result<Self> {
        let clock = settings.clock;
        let queues = MemoryQueues::new(clock.clone());
        let pipeline = Pipeline {
            archive,
            queue: Arc::new(queues.clone()),
            clock: clock.clone(),
            max_open_slices: settings.concurrency,
            portions: PortionLimits::default(),
            failed_exports: FailedExports::LeftToOperator,
        };
        let sources = Sources::new(client, clock, settings.sources);
        let live = LiveSettings::default();
        let share = RateShare::new(live.api_share_percent, ONE_PROCESS);
        let lookup_client = sources.client.limited_to(share);
        let ids_per_request = settings.limits.query_page_size_max as usize;
        let ended = FetchEnded {
            exports: EndedExports {
                pipeline: pipeline.clone(),
                redaction: settings.limits.required_redaction.requested(),
            },
            lookup: EndLookup::new(lookup_client, ids_per_request),
            settle: live.settle,
        };
        let sender = Sender::new(settings.address_rules.clone())
            .context("cannot set up the webhook client")?;
        let webhook = settings.signer.map(|signer| SendWebhook {
            pipeline: pipeline.clone(),
            sender,
            signer,
            address_rules: settings.address_rules.clone(),
            receiver: settings.receiver,
        });
        Ok(Self {
            start: StartExport {
                pipeline: pipeline.clone(),
                sources: sources.clone(),
                redactors: settings.redactors.clone(),
                limits: settings.limits,
                default_webhook: Arc::new(ConfiguredWebhook::new(settings.webhook_url)),
                address_rules: settings.address_rules,
                regions: settings.regions,
                emulated: false,
                scheduled_requests: ScheduledRequests::LeftToCaller,
            },
            page: ArchivePage {
                pipeline: pipeline.clone(),
                sources,
                redactors: settings.redactors,
                topic: None,
                settings: settings.pages,
            },
            ready: AwaitReady {
                pipeline: pipeline.clone(),
            },
            complete: CompleteExport {
                pipeline: pipeline.clone(),
            },
            webhook,
            failure: RecordFailure {
                pipeline: pipeline.clone(),
            },
            sweep: SweepExports {
                pipeline: pipeline.clone(),
                live: LiveSweep {
                    gap_delay: DEFAULT_GAP_DELAY,
                    redaction: None,
                },
            },
            ended,
            queues,
            pipeline,
        })
    }

    pub(super) fn archive(&self) -> &Archive {
        &self.pipeline.archive
    }

    pub(super) fn invocation(&self, timeout: Duration) -> Invocation {
        super::invocation(self.pipeline.clock.now(), timeout)
    }

    pub(super) async fn handle(&self, delivery: &Delivery) -> anyhow::Result<Disposition> {
        match delivery.queue {
            Queue::Pages => self.archive_page(delivery).await,
            Queue::Waiting => {
                let message: WaitingMessage = parse_message(delivery)?;
                let returned =
                    self.ready.handle(&message).await? == await_ready::WaitOutcome::Returned;
                let slice = message.page.id.run.slice;
                Ok(Disposition::Delete(
                    returned.then_some(Event::Unparked { slice }),
                ))
            }
            Queue::Completion => {
                let invocation = self.invocation(COMPLETE_EXPORT_TIMEOUT);
                match self
                    .complete
                    .handle(&parse_message(delivery)?, &invocation)
                    .await?
                {
                    complete_export::CompletionProgress::Waiting { .. }
                    | complete_export::CompletionProgress::Continued => {
                        Ok(Disposition::Delete(None))
                    }
                    complete_export::CompletionProgress::Concluded(outcome) => {
                        Ok(Disposition::Delete(Some(Event::Outcome(outcome))))
                    }
                }
            }
            Queue::Webhooks => self.deliver(delivery).await,
            Queue::Ended => self.fetch_ended(delivery).await,
        }
    }

    pub(super) async fn record_dead_letter(
        &self,
        queue: Queue,
        letter: &DeadLetter,
    ) -> anyhow::Result<record_failure::RecordedFailure> {
        let letter = record_failure::DeadLetter {
            queue: Some(queue),
            body: &letter.body,
        };
        self.failure
            .handle(&letter, &self.invocation(ARCHIVE_PAGE_TIMEOUT))
            .await
    }

    async fn archive_page(&self, delivery: &Delivery) -> anyhow::Result<Disposition> {
        let invocation = self.invocation(ARCHIVE_PAGE_TIMEOUT);
        match parse_message(delivery)? {
            PagesMessage::Start(message) => {
                self.start.restart(&message.start, &invocation).await?;
                Ok(Disposition::Delete(None))
            }
            PagesMessage::Page(message) => {
                let handled = self.page.handle(&message, &invocation).await?;
                Ok(Disposition::Delete(Some(Event::of_page(handled))))
            }
        }
    }

    async fn fetch_ended(&self, delivery: &Delivery) -> anyhow::Result<Disposition> {
        let message: EndedMessage = parse_message(delivery)?;
        let invocation = self.invocation(FETCH_ENDED_TIMEOUT);
        let results = self.ended.handle(&[message], &invocation).await;
        for result in results {
            result.map_err(LoggedError)?;
        }
        Ok(Disposition::Delete(None))
    }

    async fn deliver(&self, delivery: &Delivery) -> anyhow::Result<Disposition> {
        let sender = self
            .webhook
            .as_ref()
            .context("WEBHOOK_SIGNING_SECRET is not set: webhooks cannot be delivered")?;
        let message: WebhookMessage = parse_message(delivery)?;
        let Delivery {
            receipt,
            receive_count,
            ..
        } = delivery;
        let received = ReceivedMessage {
            message: &message,
            receipt,
            receive_count: *receive_count,
        };
        Ok(
            match sender
                .handle(received, &self.invocation(SEND_WEBHOOK_TIMEOUT))
                .await?
            {
                send_webhook::DeliveryOutcome::Delivered => {
                    Disposition::Delete(Some(Event::WebhookDelivered))
                }
                send_webhook::DeliveryOutcome::Ended => {
                    Disposition::Delete(Some(Event::WebhookEnded))
                }
                send_webhook::DeliveryOutcome::GivenUp => {
                    Disposition::Delete(Some(Event::WebhookGivenUp))
                }
                send_webhook::DeliveryOutcome::Postponed { refusal, status } => {
                    Disposition::Keep(Some(Event::WebhookPostponed {
                        export_id: message.export_id,
                        attempt: message.attempt,
                        status,
                        refusal,
                    }))
                }
                send_webhook::DeliveryOutcome::Superseded => Disposition::Delete(None),
                send_webhook::DeliveryOutcome::NotDue => Disposition::Keep(None),
            },
        )
    }
}

fn parse_message<T: DeserializeOwned>(delivery: &Delivery) -> anyhow::Result<T> {
    let queue = delivery.queue.name();
    serde_json::from_str(&delivery.body)
        .with_context(|| format!("cannot parse a message of the {queue} queue"))
}
