//! The webhook of a decided export: its state according to the audit trail, and how a command reports it.

use conversation_archive::archive::{Archive, ArchiveError, deliveries};
use conversation_archive::export::delivery::{DeliveryFailure, DeliveryState};
use conversation_archive::export::outcome::Outcome;
use conversation_archive::export::plan::ExportPlan;
use serde_json::{Value, json};

use crate::problem::Exit;

/// The state of an outcome's webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Webhook {
    /// Delivered by this process.
    Delivered,
    /// Delivered by an earlier process.
    DeliveredBefore,
    /// The receiver returned 410. No delivery is owed.
    Ended,
    /// Not delivered; a resume sends it again.
    Owed(Owed),
}

/// Why a webhook is owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owed {
    /// The receiver's response or the error, and the fix.
    pub reason: String,
    /// The option with which a resume sends it elsewhere, with a leading space, or an empty string.
    pub option: &'static str,
}

/// The result of the deliveries that this process has made.
#[derive(Clone, Debug, Default)]
pub(crate) struct ObservedDeliveries {
    pub delivered: bool,
    /// Why the newest delivery could not be sent at all.
    pub error: Option<String>,
}

impl Webhook {
    /// Reads the state of the webhook; `None` for an export without a receiver.
    pub(crate) async fn of(
        archive: &Archive,
        plan: &ExportPlan,
        outcome: &Outcome,
        observed: &ObservedDeliveries,
    ) -> Result<Option<Self>, ArchiveError> {
        if plan.webhook_url.is_none() {
            return Ok(None);
        }
        Ok(Some(
            match deliveries::delivery_state(archive, outcome).await? {
                DeliveryState::Delivered if observed.delivered => Self::Delivered,
                DeliveryState::Delivered => Self::DeliveredBefore,
                DeliveryState::Ended => Self::Ended,
                DeliveryState::Refused(refusal) => Self::Owed(Owed::from_failure(&refusal)),
                DeliveryState::GivenUp(refusal) => Self::Owed(Owed::given_up(&refusal)),
                DeliveryState::NotTried => Self::Owed(Owed::not_tried(observed)),
            },
        ))
    }

    pub(crate) fn owed(&self) -> Option<&Owed> {
        match self {
            Self::Owed(owed) => Some(owed),
            Self::Delivered | Self::DeliveredBefore | Self::Ended => None,
        }
    }

    /// The exit code of a command whose export ended as it should.
    pub(crate) fn exit_code(this: Option<&Self>) -> Exit {
        match this.and_then(Self::owed) {
            Some(_) => Exit::WebhookOwed,
            None => Exit::Done,
        }
    }

    /// The row of the summary. `resume` is the command that sends an owed webhook again.
    pub(crate) fn row(&self, resume: &str) -> String {
        match self {
            Self::Delivered => "delivered, signed".to_owned(),
            Self::DeliveredBefore => "delivered before".to_owned(),
            Self::Ended => {
                "the receiver returned 410 and wants no more deliveries; none is owed".to_owned()
            }
            Self::Owed(Owed { reason, option }) => {
                format!("owed: {reason}. Send it again with: {resume}{option}")
            }
        }
    }

    /// Adds the state to a JSON result.
    pub(crate) fn add_to_json(&self, result: &mut Value, resume: &str) {
        result["webhook"] = json!(self.as_str());
        if let Self::Owed(Owed { reason, option }) = self {
            result["webhookOwed"] = json!(reason);
            result["howToGoOn"] = json!(format!("{resume}{option}"));
        }
    }

    fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::DeliveredBefore => "delivered_before",
            Self::Ended => "ended",
            Self::Owed(_) => "owed",
        }
    }
}

impl Owed {
    fn from_failure(refusal: &DeliveryFailure) -> Self {
        Self {
            reason: refusal.to_string(),
            option: if refusal.needs_another_url() {
                " --webhook-url URL"
            } else {
                ""
            },
        }
    }

    /// The retry schedule of one day is over.
    fn given_up(refusal: &DeliveryFailure) -> Self {
        let owed = Self::from_failure(refusal);
        let reason = format!("given up after a day: {}", owed.reason);
        Self { reason, ..owed }
    }

    fn not_tried(observed: &ObservedDeliveries) -> Self {
        let not_sent = |cause: &String| DeliveryFailure::NotSent {
            cause: cause.clone(),
        };
        let reason = observed.error.as_ref().map(not_sent);
        Self {
            reason: reason.map_or_else(|| "not sent yet".to_owned(), |refusal| refusal.to_string()),
            option: "",
        }
    }
}
