//! fetch-ended: looks up the conversations that may have ended, and starts an export of those that have.
//!
//! All messages of an invocation are handled together, so that their conversations become one export. A message is
//! deleted when its conversations are in exports or in the messages that follow it. Waiting, for an end or for the
//! API, takes such a message; only a failure of the archive or a queue keeps the message itself.

use std::collections::BTreeSet;
use std::time::Duration;

use conversation_archive::base::failure::error_chain;
use conversation_archive::base::ids::ConversationId;
use conversation_archive::base::time::{elapsed, saturating_millis};
use conversation_archive::export::ended::EndedConversation;
use conversation_archive::export::message::EndedMessage;
use conversation_archive::genesys::ApiError;
use conversation_archive::pipeline::invocation::Invocation;
use conversation_archive::pipeline::{
    EndedExports, EndedOutcomes, ErrorClass, Pipeline, PipelineError, metrics, scheduling,
};
use conversation_archive::source::{EndLookup, FoundEnds};
use jiff::Timestamp;

mod follow_up;
mod hints;

use follow_up::{ConversationState, FollowUp, States};

/// The handler and its dependencies.
#[derive(Clone, Debug)]
pub struct FetchEnded {
    pub exports: EndedExports,
    pub lookup: EndLookup,
    /// Age at which the end of a conversation is exported.
    pub settle: Duration,
}

/// The result of an invocation.
#[derive(Clone, Debug, Default)]
pub struct LookedUp {
    /// A result for each message, in their order. An error keeps the message.
    pub results: Vec<Result<(), ErrorClass>>,
    /// Number of conversations whose end was claimed by an export that was started.
    pub exported: usize,
    /// Number of conversations that are left to the scheduled export.
    pub left: usize,
}

impl FetchEnded {
    /// Handles the messages together.
    pub async fn handle(&self, messages: &[EndedMessage], invocation: &Invocation) -> LookedUp {
        let hints = hints::assign(messages, self.now());
        // The other half of the time is for claims and messages.
        let deadline = invocation.deadline.halfway(self.now());
        let found = self.lookup.look_up(&hints::ids(&hints), deadline).await;
        if let Some(error) = &found.error {
            report(error);
        }
        let looked_up = found.ends.len();
        let (states, exported) = self.export(found).await;
        let (mut results, mut left) = (Vec::new(), 0);
        for hint in &hints {
            let follow_up = follow_up::after(hint, &states, self.now());
            results.push(match follow_up {
                Ok(follow_up) => self
                    .send(&follow_up)
                    .await
                    .inspect(|()| left += follow_up.left),
                Err(class) => Err(class),
            });
        }
        tracing::info!(
            messages = messages.len(),
            looked_up,
            left,
            "conversations looked up"
        );
        metrics::record(&[
            (metrics::CONVERSATIONS_LOOKED_UP, looked_up as u64),
            (metrics::CONVERSATIONS_LEFT, left as u64),
        ]);
        LookedUp {
            results,
            exported,
            left,
        }
    }

    /// Starts the exports of the conversations that have ended. Returns the state of each that was looked up, and the number
    /// of those that were claimed.
    async fn export(&self, found: FoundEnds) -> (States, usize) {
        let now = self.now();
        let mut states = States {
            wait: follow_up::wait_after(found.error.as_ref()),
            ..States::default()
        };
        let mut ended = BTreeSet::new();
        for (conversation_id, end) in found.ends {
            match follow_up::settled_end(end, self.settle, now) {
                Ok(conversation_end) => ended.extend([EndedConversation {
                    conversation_id,
                    conversation_end,
                }]),
                Err(state) => {
                    states.by_id.insert(conversation_id, state);
                }
            }
        }
        let outcomes = self.exports.start(&ended).await;
        record_claims(&outcomes, self.now());
        let claimed = outcomes.claimed.len();
        states.by_id.extend(states_of(outcomes));
        (states, claimed)
    }

    async fn send(&self, follow_up: &FollowUp) -> Result<(), ErrorClass> {
        for message in &follow_up.next {
            let sent = scheduling::send_ended(self.pipeline(), message).await;
            sent.map_err(|error| not_sent(&error))?;
        }
        Ok(())
    }

    fn pipeline(&self) -> &Pipeline {
        &self.exports.pipeline
    }

    fn now(&self) -> Timestamp {
        self.pipeline().clock.now()
    }
}

/// The state of each conversation whose end was to be exported.
fn states_of(outcomes: EndedOutcomes) -> impl Iterator<Item = (ConversationId, ConversationState)> {
    let EndedOutcomes {
        claimed,
        known,
        lost,
        failed,
    } = outcomes;
    let exported = claimed.into_iter().chain(known);
    let exported = exported.map(|it| (it, ConversationState::Exported));
    let lost = lost.into_iter().map(|it| (it, ConversationState::Lost));
    let failed = failed.into_iter();
    let failed = failed.map(|(it, class)| (it, ConversationState::Failed(class)));
    let all = exported.chain(lost).chain(failed);
    all.map(|(ended, state)| (ended.conversation_id, state))
}

fn record_claims(outcomes: &EndedOutcomes, now: Timestamp) {
    let delays = outcomes.claimed.iter();
    let delays = delays.map(|it| elapsed(it.conversation_end.moment(), now));
    if let Some(longest) = delays.max() {
        metrics::record(&[
            (
                metrics::CONVERSATIONS_CLAIMED,
                outcomes.claimed.len() as u64,
            ),
            (metrics::CLAIM_DELAY, saturating_millis(longest)),
        ]);
    }
}

/// The API did not answer for all conversations. Those are looked up again, for days.
fn report(error: &ApiError) {
    let text = error_chain(error);
    if error.is_transient() {
        tracing::warn!(error = text, "conversations not looked up yet");
    } else {
        tracing::error!(
            error = text,
            "lookup of conversations refused; it is repeated"
        );
        metrics::record(&[(metrics::LOOKUPS_REFUSED, 1)]);
    }
}

fn not_sent(error: &PipelineError) -> ErrorClass {
    tracing::warn!(error = error_chain(error), "message not sent");
    ErrorClass::of_pipeline(error)
}
