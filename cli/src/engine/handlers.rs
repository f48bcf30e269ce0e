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
            failed_exports: settings.failed_exports,
        };
        let sources = Sources::new(client, clock, settings.sources);
        let live = settings.live;
        let share = RateShare::new(live.lookups.api_share_percent, ONE_PROCESS);
        let lookup_client = sources.client.limited_to(share);
        let ids_per_request = settings.limits.query_page_size_max as usize;
        let redaction = settings.limits.required_redaction.requested();
        let ended = FetchEnded {
            exports: EndedExports {
                pipeline: pipeline.clone(),
                redaction: redaction.clone(),
            },
            lookup: EndLookup::new(lookup_client, ids_per_request),
            settle: live.lookups.settle,
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
                scheduled_requests: match settings.failed_exports {
                    FailedExports::Swept => ScheduledRequests::Stored,
                    FailedExports::LeftToOperator => ScheduledRequests::LeftToCaller,
                },
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
                    gap_delay: live.gap_delay,
                    redaction,
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
            Queue::Ended => anyhow::bail!("messages of the ended queue are handled together"),
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

    /// Handles the messages together, so that their conversations become one export. Returns a result for each.
    pub(super) async fn fetch_ended(
        &self,
        deliveries: &[Delivery],
    ) -> (Vec<anyhow::Result<Disposition>>, Event) {
        let parsed = deliveries.iter().map(parse_message::<EndedMessage>);
        let parsed: Vec<_> = parsed.collect();
        let messages: Vec<_> = parsed.iter().flatten().cloned().collect();
        let invocation = self.invocation(FETCH_ENDED_TIMEOUT);
        let looked_up = self.ended.handle(&messages, &invocation).await;
        let mut results = looked_up.results.into_iter();
        let result_of = |parsed: anyhow::Result<EndedMessage>| {
            parsed?;
            // There is one for each message; without one, the message is kept.
            let result = results.next().context("a message has no result")?;
            result.map_err(LoggedError)?;
            Ok(Disposition::Delete(None))
        };
        let results = parsed.into_iter().map(result_of).collect();
        let event = Event::EndsLookedUp {
            exported: looked_up.exported,
            left: looked_up.left,
        };
        (results, event)
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
