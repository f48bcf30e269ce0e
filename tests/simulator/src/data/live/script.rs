//! The events of a conversation, in order.

use std::collections::VecDeque;

use fastrand::Rng;

use crate::data::random::one_in;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    Message,
    Voice,
}

/// One event of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    CustomerStart,
    Outbound,
    Contact,
    FlowStart,
    Attributes,
    FlowOutcome,
    FlowEnd,
    AcdStart,
    /// An agent answers, if the next step is `UserStart`.
    AcdEnd,
    UserStart,
    /// A message, or an utterance of a call.
    Say,
    VoicemailStart,
    VoicemailEnd,
    UserEnd,
    CustomerEnd,
    Acw,
    Wrapup,
}

/// The steps from the customer's arrival to the agent's wrap-up.
pub(super) fn first_visit(rng: &mut Rng, medium: Medium) -> VecDeque<Step> {
    match medium {
        Medium::Voice if one_in(rng, 6) => outbound(rng),
        Medium::Voice if one_in(rng, 5) => voicemail(),
        Medium::Message | Medium::Voice => inbound(rng),
    }
}

/// The steps of a customer who returns to a message conversation after its end.
pub(super) fn further_visit(rng: &mut Rng) -> VecDeque<Step> {
    inbound(rng)
}

fn inbound(rng: &mut Rng) -> VecDeque<Step> {
    let mut steps = vec![Step::CustomerStart, Step::FlowStart, Step::Attributes];
    if one_in(rng, 3) {
        steps.push(Step::FlowOutcome);
    }
    steps.extend([Step::FlowEnd, Step::AcdStart, Step::AcdEnd, Step::UserStart]);
    if one_in(rng, 3) {
        steps.push(Step::Contact);
    }
    steps.extend(talk(rng));
    steps.into()
}

fn outbound(rng: &mut Rng) -> VecDeque<Step> {
    let mut steps = vec![Step::CustomerStart, Step::Outbound, Step::UserStart];
    steps.extend(talk(rng));
    steps.into()
}

fn voicemail() -> VecDeque<Step> {
    [
        Step::CustomerStart,
        Step::FlowStart,
        Step::FlowEnd,
        Step::AcdStart,
        Step::AcdEnd,
        Step::VoicemailStart,
        Step::VoicemailEnd,
        Step::CustomerEnd,
    ]
    .into()
}

/// Customer and agent leave in either order; the conversation ends when both have left, before the agent's wrap-up.
fn talk(rng: &mut Rng) -> Vec<Step> {
    let mut steps = vec![Step::Say; rng.usize(1..=8)];
    steps.extend(if rng.bool() {
        [Step::UserEnd, Step::CustomerEnd]
    } else {
        [Step::CustomerEnd, Step::UserEnd]
    });
    steps.extend([Step::Acw, Step::Wrapup]);
    steps
}
