//! One configuration for each function. [`FUNCTIONS`](super::FUNCTIONS) lists the settings of each.

use std::time::Duration;

use super::Config;
use super::archive::{ArchiveConfig, PageSettings};
use super::genesys::{GenesysConfig, Regions};
use super::live::LiveSettings;
use super::redaction::RedactionKeyConfig;
use super::settings::Settings;
use super::table::{AWS_REGION, DATA_LAKE_WEBHOOK_URL_SECRET_ARN, GENESYS_QUERY_PAGE_SIZE_MAX};
use super::webhook::SigningSecretConfig;
use crate::export::plan::{PlanLimits, RedactionPlan, RequiredRedaction};
use crate::net::AddressRules;
use crate::storage::queue::{Queue, QueueUrls};
use crate::storage::topic::TopicArn;

/// The settings for checking and planning a request.
#[derive(Clone, Debug)]
pub struct PlanningConfig {
    pub regions: Regions,
    pub limits: PlanLimits,
    /// The default webhook URL, for requests without `webhookUrl`.
    pub webhook_url: Option<String>,
    /// The ARN of the secret that holds the default webhook URL; `None` uses `webhook_url`.
    pub webhook_url_secret: Option<String>,
    pub address_rules: AddressRules,
    /// Whether `AWS_ENDPOINT_URL` is set.
    pub emulated: bool,
}

#[derive(Clone, Debug)]
pub struct StartExportConfig {
    pub archive: ArchiveConfig,
    pub queues: QueueUrls,
    pub genesys: GenesysConfig,
    pub planning: PlanningConfig,
    pub redaction_key: RedactionKeyConfig,
    pub max_open_slices: usize,
}

#[derive(Clone, Debug)]
pub struct ArchivePageConfig {
    pub archive: ArchiveConfig,
    pub queues: QueueUrls,
    pub genesys: GenesysConfig,
    /// Used to start accepted requests.
    pub planning: PlanningConfig,
    pub page: PageSettings,
    pub transcript_topic: Option<TopicArn>,
    pub redaction_key: RedactionKeyConfig,
    pub max_open_slices: usize,
}

#[derive(Clone, Debug)]
pub struct AwaitReadyConfig {
    pub archive: ArchiveConfig,
    pub queues: QueueUrls,
}

#[derive(Clone, Debug)]
pub struct CompleteExportConfig {
    pub archive: ArchiveConfig,
    pub queues: QueueUrls,
    pub max_open_slices: usize,
}

#[derive(Clone, Debug)]
pub struct SendWebhookConfig {
    pub archive: ArchiveConfig,
    pub queues: QueueUrls,
    pub address_rules: AddressRules,
    pub signing_secret: SigningSecretConfig,
}

#[derive(Clone, Debug)]
pub struct RecordFailureConfig {
    pub archive: ArchiveConfig,
    pub queues: QueueUrls,
}

#[derive(Clone, Debug)]
pub struct SweepExportsConfig {
    pub archive: ArchiveConfig,
    pub queues: QueueUrls,
    pub max_open_slices: usize,
    /// How long after a live gap its export starts.
    pub live_gap_delay: Duration,
    /// The exports that close live gaps redact no less.
    pub required_redaction: RequiredRedaction,
}

#[derive(Clone, Debug)]
pub struct ArchiveEventsConfig {
    pub archive: ArchiveConfig,
    pub queues: QueueUrls,
    /// That of live events.
    pub redaction: RedactionPlan,
    /// Time from the hint at an end to the lookup of the conversation.
    pub settle: Duration,
}

#[derive(Clone, Debug)]
pub struct FetchEndedConfig {
    pub archive: ArchiveConfig,
    pub queues: QueueUrls,
    pub genesys: GenesysConfig,
    /// Number of conversations to look up at a time.
    pub ids_per_request: usize,
    pub live: LiveSettings,
    /// The exports of ended conversations redact no less.
    pub required_redaction: RequiredRedaction,
}

impl PlanningConfig {
    fn read(settings: &Settings<'_>, genesys: Option<&GenesysConfig>) -> Self {
        let endpoints = genesys.map(|genesys| &genesys.client.endpoints);
        let regions = settings.regions(endpoints, settings.required(&AWS_REGION));
        let address_rules = settings.address_rules(settings.loopback());
        Self {
            regions,
            limits: settings.limits(endpoints),
            webhook_url: settings.webhook_url(&address_rules),
            webhook_url_secret: settings.optional(&DATA_LAKE_WEBHOOK_URL_SECRET_ARN),
            address_rules,
            emulated: settings.is_emulated(),
        }
    }
}

impl Config for StartExportConfig {
    fn read(settings: &Settings<'_>) -> Option<Self> {
        let archive = settings.archive();
        let genesys = settings.genesys();
        let planning = PlanningConfig::read(settings, genesys.as_ref());
        let redaction_key = settings.redaction_key();
        let queues = settings.queues(&[Queue::Pages, Queue::Completion, Queue::Webhooks]);
        let max_open_slices = settings.max_open_slices();
        Some(Self {
            archive: archive?,
            queues,
            genesys: genesys?,
            planning,
            redaction_key,
            max_open_slices,
        })
    }
}

impl Config for ArchivePageConfig {
    fn read(settings: &Settings<'_>) -> Option<Self> {
        let archive = settings.archive();
        let genesys = settings.genesys();
        let planning = PlanningConfig::read(settings, genesys.as_ref());
        let queues = settings.queues(&[Queue::Pages, Queue::Waiting, Queue::Completion]);
        let page = settings.page_settings(planning.limits.required_redaction);
        let transcript_topic = settings.transcript_topic();
        let redaction_key = settings.redaction_key();
        let max_open_slices = settings.max_open_slices();
        Some(Self {
            archive: archive?,
            queues,
            genesys: genesys?,
            planning,
            page,
            transcript_topic,
            redaction_key,
            max_open_slices,
        })
    }
}

impl Config for AwaitReadyConfig {
    fn read(settings: &Settings<'_>) -> Option<Self> {
        let archive = settings.archive();
        let queues = settings.queues(&[Queue::Pages, Queue::Waiting]);
        Some(Self {
            archive: archive?,
            queues,
        })
    }
}

impl Config for CompleteExportConfig {
    fn read(settings: &Settings<'_>) -> Option<Self> {
        let archive = settings.archive();
        let queues = settings.queues(&[Queue::Pages, Queue::Completion, Queue::Webhooks]);
        let max_open_slices = settings.max_open_slices();
        Some(Self {
            archive: archive?,
            queues,
            max_open_slices,
        })
    }
}

impl Config for SendWebhookConfig {
    fn read(settings: &Settings<'_>) -> Option<Self> {
        let archive = settings.archive();
        let queues = settings.queues(&[Queue::Webhooks]);
        let address_rules = settings.address_rules(settings.loopback());
        let signing_secret = settings.signing_secret();
        Some(Self {
            archive: archive?,
            queues,
            address_rules,
            signing_secret: signing_secret?,
        })
    }
}

impl Config for RecordFailureConfig {
    fn read(settings: &Settings<'_>) -> Option<Self> {
        let archive = settings.archive();
        let queues = settings.queues(&[Queue::Completion]);
        Some(Self {
            archive: archive?,
            queues,
        })
    }
}

impl Config for SweepExportsConfig {
    fn read(settings: &Settings<'_>) -> Option<Self> {
        let archive = settings.archive();
        let queues = settings.queues(&[Queue::Pages, Queue::Completion, Queue::Webhooks]);
        let max_open_slices = settings.max_open_slices();
        let live_gap_delay = settings.live_gap_delay();
        let required_redaction = settings.required_redaction();
        Some(Self {
            archive: archive?,
            queues,
            max_open_slices,
            live_gap_delay,
            required_redaction,
        })
    }
}

impl Config for ArchiveEventsConfig {
    fn read(settings: &Settings<'_>) -> Option<Self> {
        let archive = settings.archive();
        let queues = settings.queues(&[Queue::Ended]);
        let redaction = settings.live_redaction();
        let settle = settings.live_settle();
        Some(Self {
            archive: archive?,
            queues,
            redaction: redaction?,
            settle,
        })
    }
}

impl Config for FetchEndedConfig {
    fn read(settings: &Settings<'_>) -> Option<Self> {
        let archive = settings.archive();
        let queues = settings.queues(&[Queue::Pages, Queue::Ended]);
        let genesys = settings.genesys();
        let ids_per_request = settings.number(&GENESYS_QUERY_PAGE_SIZE_MAX);
        let live = settings.live();
        let required_redaction = settings.required_redaction();
        Some(Self {
            archive: archive?,
            queues,
            genesys: genesys?,
            ids_per_request: ids_per_request?,
            live,
            required_redaction,
        })
    }
}
