//! The messages that follow a message. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use conversation_archive::base::ids::ConversationId;
use conversation_archive::base::time::later;
use conversation_archive::export::ended::ConversationEnd;
use conversation_archive::export::message::EndedMessage;
use conversation_archive::genesys::ApiError;
use conversation_archive::pipeline::ErrorClass;
use jiff::Timestamp;

use crate::hints::{Hint, Step};

/// The state of a conversation after its lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConversationState {
    /// Its end is in an export that was started.
    Exported,
    /// No live export can have it.
    Lost,
    /// Its export could not be started; the message is redelivered.
    Failed(ErrorClass),
    /// It has ended, and is exported from this time on.
    Settling(Timestamp),
    /// It has not ended, or the API does not know it.
    InProgress,
}

/// The states of the conversations that the API answered for.
#[derive(Clone, Debug, Default)]
pub(crate) struct States {
    pub(crate) by_id: BTreeMap<ConversationId, ConversationState>,
    /// The wait before the others are looked up.
    pub(crate) wait: Duration,
}

/// What is to be done before the message is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FollowUp {
    pub(crate) next: Vec<EndedMessage>,
    /// Number of conversations that are left to the scheduled export.
    pub(crate) left: usize,
}

/// The least wait after an unavailable API: its retries within the call have taken seconds.
const UNAVAILABLE_WAIT: Duration = Duration::from_mins(1);

/// The wait after a refusal, such as a missing permission, which an operator has to end.
const REFUSED_WAIT: Duration = Duration::from_mins(15);

/// The wait before another lookup after this error; without one, there were more conversations than one invocation
/// looks up.
pub(crate) fn wait_after(error: Option<&ApiError>) -> Duration {
    match error {
        None => Duration::ZERO,
        Some(error) if error.is_transient() => {
            let wait = error.wait().unwrap_or_default();
            wait.clamp(UNAVAILABLE_WAIT, REFUSED_WAIT)
        }
        Some(_) => REFUSED_WAIT,
    }
}

/// The end to export now; or the state of a conversation with a younger end, or with none. An end in the future counts as
/// none.
pub(crate) fn settled_end(
    end: Option<ConversationEnd>,
    settle: Duration,
    now: Timestamp,
) -> Result<ConversationEnd, ConversationState> {
    let end = end.filter(|end| end.moment() <= now);
    let end = end.ok_or(ConversationState::InProgress)?;
    let settled = later(end.moment(), settle);
    if settled <= now {
        Ok(end)
    } else {
        Err(ConversationState::Settling(settled))
    }
}

/// The messages to send instead of this one; the error if it must be redelivered, because the export of one of its
/// conversations could not be started.
pub(crate) fn after(
    hint: &Hint<'_>,
    states: &States,
    now: Timestamp,
) -> Result<FollowUp, ErrorClass> {
    let message = hint.message;
    let Step::LookUp { ids, unusable } = &hint.step else {
        let next = vec![message.clone()];
        return Ok(FollowUp { next, left: 0 });
    };
    let by_state = ByState::of(ids, states, now)?;
    let mut follow_up = FollowUp {
        next: Vec::new(),
        left: unusable + by_state.lost,
    };
    let settled = by_state.settled;
    follow_up.add(by_state.settling, |ids| {
        Some(message.settling(ids, settled))
    });
    follow_up.add(by_state.in_progress, |ids| message.after_lookup(ids, now));
    follow_up.add(by_state.unanswered, |ids| {
        message.postponed(ids, states.wait, now)
    });
    Ok(follow_up)
}

impl FollowUp {
    /// Adds the message about these conversations; without one, they are left.
    fn add(&mut self, ids: Vec<String>, message: impl FnOnce(Vec<String>) -> Option<EndedMessage>) {
        let conversations = ids.len();
        if conversations == 0 {
            return;
        }
        match message(ids) {
            Some(message) => self.next.push(message),
            None => self.left += conversations,
        }
    }
}

/// The conversations of a message that need another one.
struct ByState {
    unanswered: Vec<String>,
    in_progress: Vec<String>,
    settling: Vec<String>,
    /// The time at which all of `settling` have settled.
    settled: Timestamp,
    lost: usize,
}

impl ByState {
    fn of(ids: &[ConversationId], states: &States, now: Timestamp) -> Result<Self, ErrorClass> {
        let mut sorted = Self {
            unanswered: Vec::new(),
            in_progress: Vec::new(),
            settling: Vec::new(),
            settled: now,
            lost: 0,
        };
        for id in ids {
            match states.by_id.get(id) {
                None => sorted.unanswered.push(id.to_string()),
                Some(ConversationState::Exported) => {}
                Some(ConversationState::Lost) => sorted.lost += 1,
                Some(ConversationState::Failed(class)) => return Err(*class),
                Some(ConversationState::Settling(until)) => {
                    sorted.settled = sorted.settled.max(*until);
                    sorted.settling.push(id.to_string());
                }
                Some(ConversationState::InProgress) => sorted.in_progress.push(id.to_string()),
            }
        }
        Ok(sorted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_772_323_200 + second).unwrap()
    }

    fn id(number: usize) -> ConversationId {
        format!("00000000-0000-4000-8000-{number:012x}")
            .parse()
            .unwrap()
    }

    fn texts(numbers: &[usize]) -> Vec<String> {
        numbers.iter().map(|number| id(*number).into()).collect()
    }

    fn message(lookups: u32) -> EndedMessage {
        let heard = EndedMessage::heard((1..=6).map(id), at(0), Duration::ZERO);
        EndedMessage {
            lookups,
            ..heard[0].clone()
        }
    }

    fn hint(message: &EndedMessage) -> Hint<'_> {
        let ids = (1..=6).map(id).collect();
        Hint {
            message,
            step: Step::LookUp { ids, unusable: 2 },
        }
    }

    fn states() -> States {
        let by_id = [
            (id(1), ConversationState::Exported),
            (id(2), ConversationState::Lost),
            (id(3), ConversationState::Settling(at(90))),
            (id(4), ConversationState::Settling(at(70))),
            (id(5), ConversationState::InProgress),
        ];
        States {
            by_id: by_id.into(),
            wait: Duration::from_secs(75),
        }
    }

    #[test]
    fn what_is_not_exported_yet_goes_into_later_messages() {
        let message = message(1);

        let follow_up = after(&hint(&message), &states(), at(10)).unwrap();

        let next: Vec<_> = follow_up
            .next
            .into_iter()
            .map(|it| (it.conversation_ids, it.lookups, it.not_before))
            .collect();
        let expected = [
            (texts(&[3, 4]), 1, at(90)),
            (texts(&[5]), 2, at(10 + 300)),
            (texts(&[6]), 1, at(10 + 75)),
        ];
        assert_eq!(next, expected);
        // Two texts that are no ids, and the one whose claim cannot be read.
        assert_eq!(follow_up.left, 3);
    }

    #[test]
    fn what_had_its_last_lookup_or_is_too_old_is_left() {
        let message = message(6);
        let fourteen_days = 14 * 24 * 3600;

        let follow_up = after(&hint(&message), &states(), at(fourteen_days)).unwrap();

        assert_eq!(follow_up.next.len(), 1);
        assert_eq!(follow_up.left, 3 + 2);
    }

    #[test]
    fn a_failed_export_keeps_its_message_and_sends_no_other() {
        let message = message(0);
        let mut states = states();
        let failed = ConversationState::Failed(ErrorClass::Transient);
        states.by_id.insert(id(1), failed);

        let kept = after(&hint(&message), &states, at(10));

        assert_eq!(kept, Err(ErrorClass::Transient));
    }

    #[test]
    fn a_message_that_is_not_due_is_sent_again_as_it_is() {
        let message = message(0);
        let step = Step::Wait;
        let hint = Hint {
            message: &message,
            step,
        };

        let follow_up = after(&hint, &states(), at(10)).unwrap();

        assert_eq!(follow_up.next, [message]);
        assert_eq!(follow_up.left, 0);
    }

    #[test]
    fn an_end_is_exported_once_it_is_as_old_as_the_settle_time() {
        let settle = Duration::from_mins(2);
        let end = |second| ConversationEnd::try_from(at(second)).unwrap();
        let settled = |end| settled_end(end, settle, at(0));

        assert_eq!(settled(Some(end(-120))), Ok(end(-120)));
        let settling = |second| Err(ConversationState::Settling(at(second)));
        assert_eq!(settled(Some(end(-119))), settling(1));
        assert_eq!(settled(Some(end(0))), settling(120));
        for none in [Some(end(1)), None] {
            assert_eq!(settled(none), Err(ConversationState::InProgress));
        }
    }

    #[test]
    fn the_wait_after_an_error_is_a_minute_to_a_quarter_of_an_hour() {
        let throttled = |seconds| ApiError::Throttled {
            route: "/x".to_owned(),
            retry_after: Some(Duration::from_secs(seconds)),
            context_id: None,
        };
        let refused = ApiError::Refused {
            route: "/x".to_owned(),
            status: 403,
            code: None,
            reason: None,
            context_id: None,
        };
        let waits = [throttled(5), throttled(300), throttled(7_200), refused]
            .map(|error| wait_after(Some(&error)).as_secs());

        assert_eq!(waits, [60, 300, 900, 900]);
        assert_eq!(wait_after(None), Duration::ZERO);
    }
}
