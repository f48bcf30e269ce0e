//! The conversations of one page, and the handling of those that are stuck.

use std::time::Duration;

use super::missed::{Cause, HeldUp, Stuck};
use super::page::Page;
use crate::export::checkpoint::{Checkpoint, Place};
use crate::export::portion::Portion;
use crate::source::{PageContext, SourceError};

/// Limit of postponed conversations: their ids are part of each SQS message, of which a checkpoint may take half.
const MAX_POSTPONED: usize = 1_000;

/// Minimum number of postponed conversations to retry on one page, because each such page may have to wait.
const AGAIN_AT_ONCE: usize = 200;

/// How long a page waits while no conversation is answered, before a single stuck one is taken for a problem of that
/// conversation.
const PATIENCE: Duration = Duration::from_mins(45);

/// The same if several conversations fail, which may mean an outage of the API.
const PATIENCE_IN_OUTAGE: Duration = Duration::from_hours(5);

pub(super) struct Turn<'a> {
    pub(super) ids: Vec<&'a str>,
    /// Their place in the list; `None` for postponed conversations.
    portion: Option<&'a Portion>,
    postponed: &'a [String],
    /// How long this page has been waiting for something unavailable.
    waited: Duration,
}

impl<'a> Turn<'a> {
    pub(super) fn of(portion: &'a Portion, postponed: &'a [String], waited: Duration) -> Self {
        Self {
            ids: portion.ids().collect(),
            portion: Some(portion),
            postponed,
            waited,
        }
    }

    pub(super) fn again(postponed: &'a [String], page_size: u32, waited: Duration) -> Self {
        let at_once = AGAIN_AT_ONCE.max(page_size as usize);
        Self {
            ids: postponed.iter().take(at_once).map(|id| &**id).collect(),
            portion: None,
            postponed,
            waited,
        }
    }

    /// Whether these conversations were requested before.
    pub(super) fn is_again(&self) -> bool {
        self.portion.is_none()
    }

    /// Decides whether what held up a visit concerns that conversation alone. `done` and `stuck` are the numbers of
    /// conversations on this page that were visited before and that are stuck.
    pub(super) fn held_up(
        &self,
        held_up: HeldUp,
        done: usize,
        stuck: usize,
    ) -> Result<Stuck, SourceError> {
        let is_full = !self.is_again() && self.postponed.len() + stuck >= MAX_POSTPONED;
        match held_up {
            HeldUp::Alone(why) if !is_full => Ok(*why),
            // These are recorded with their fallback even if they cannot be postponed.
            HeldUp::Alone(why) if matches!(why.cause, Cause::File | Cause::Refused) => Ok(*why),
            HeldUp::Alone(why) => Err(SourceError::NotReady(why.wait)),
            // The first conversation of a page has the whole invocation, and it was never enough.
            HeldUp::OutOfTime(wait) if done == 0 && !is_full && self.waited >= PATIENCE => {
                Ok(Stuck::unavailable(wait))
            }
            HeldUp::OutOfTime(wait) => Err(SourceError::NotReady(wait)),
            HeldUp::All(setback) => Err(setback),
        }
    }

    /// The checkpoint after this page, of which `done` conversations were visited. Stuck conversations are postponed,
    /// or recorded with their fallback.
    pub(super) fn next(
        &self,
        done: usize,
        page: &mut Page,
        stuck: Vec<(&str, Stuck)>,
        reading: &PageContext<'_>,
    ) -> Result<Option<Checkpoint>, SourceError> {
        let failing = stuck.iter().filter(|(_, why)| why.is_failing()).count();
        let patience = match failing {
            0 | 1 => PATIENCE,
            _ => PATIENCE_IN_OUTAGE,
        };
        let mut waits = stuck.iter().filter(|(_, why)| self.waits_for(why.cause));
        if let Some((_, first)) = waits.next()
            && page.answered == 0
            && self.waited < patience
        {
            return Err(SourceError::NotReady(first.wait.clone()));
        }
        let mut postponed: Vec<String> = match self.portion {
            Some(_) => self.postponed.to_vec(),
            None => self.postponed[done..].to_vec(),
        };
        let is_last_try = self.is_again() && page.answered == 0;
        for (id, why) in stuck {
            let is_final = self.is_again() && why.cause == Cause::Refused;
            if is_last_try || is_final || postponed.len() >= MAX_POSTPONED {
                page.add(id, why.instead, reading)?;
            } else {
                postponed.push(id.to_owned());
            }
        }
        let next: Option<Place> = self.portion.and_then(|portion| portion.after(done));
        let is_over = next.is_none() && postponed.is_empty();
        Ok((!is_over).then_some(Checkpoint::Conversations { next, postponed }))
    }

    /// Whether the page waits for this cause while no conversation is answered.
    fn waits_for(&self, cause: Cause) -> bool {
        match cause {
            Cause::Failing => true,
            // The API may be refusing all requests at the moment. A refusal that is repeated while other conversations
            // are answered is permanent.
            Cause::Refused => !self.is_again() && self.ids.len() > 1,
            // On the first request these only take time, whether or not other conversations are answered.
            Cause::Preparing | Cause::File => self.is_again(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::super::visit::Told;
    use super::*;
    use crate::export::waiting::{Wait, WaitReason};
    use crate::source::transcripts::bodies::web_details;

    fn wait() -> Wait {
        Wait {
            reason: WaitReason::Unavailable,
            hint: None,
            detail: "returned 503".to_owned(),
        }
    }

    fn failing() -> HeldUp {
        HeldUp::Alone(Box::new(Stuck::unavailable(wait())))
    }

    fn without_a_file() -> HeldUp {
        let body = RawValue::from_string(r#"{"id":"c","messages":[]}"#.to_owned()).unwrap();
        let transcript = web_details(&body, "c").unwrap();
        let files = Vec::new();
        HeldUp::Alone(Box::new(Stuck {
            cause: Cause::File,
            instead: Ok(Told { transcript, files }),
            wait: wait(),
        }))
    }

    #[test]
    fn a_full_list_blocks_failing_conversations_but_not_missing_files() {
        let portion = Portion::default();
        let postponed = vec!["c".to_owned(); MAX_POSTPONED - 1];
        let turn = Turn::of(&portion, &postponed, PATIENCE);

        assert!(turn.held_up(failing(), 3, 0).is_ok());
        assert!(matches!(
            turn.held_up(failing(), 3, 1),
            Err(SourceError::NotReady(_))
        ));
        assert!(turn.held_up(without_a_file(), 3, 1).is_ok());
        let again = Turn::again(&postponed, 10, Duration::ZERO);
        assert!(again.held_up(failing(), 3, 1).is_ok());
    }

    #[test]
    fn a_slow_conversation_is_recorded_once_its_page_has_waited() {
        let portion = Portion::default();
        let held_up = |waited, done| {
            let turn = Turn::of(&portion, &[], waited);
            turn.held_up(HeldUp::OutOfTime(wait()), done, 0)
        };

        assert!(held_up(PATIENCE, 0).is_ok());
        assert!(held_up(PATIENCE, 1).is_err());
        assert!(held_up(PATIENCE / 2, 0).is_err());
    }

    #[test]
    fn an_outage_is_never_recorded_for_one_conversation() {
        let portion = Portion::default();
        let turn = Turn::of(&portion, &[], 100 * PATIENCE);

        for reason in [WaitReason::Unavailable, WaitReason::Throttled] {
            let all = HeldUp::All(SourceError::NotReady(Wait { reason, ..wait() }));
            assert!(turn.held_up(all, 0, 0).is_err());
        }
    }

    #[test]
    fn at_least_200_postponed_conversations_are_requested_together() {
        let postponed = vec!["c".to_owned(); 500];

        assert_eq!(Turn::again(&postponed, 1, Duration::ZERO).ids.len(), 200);
        assert_eq!(Turn::again(&postponed, 300, Duration::ZERO).ids.len(), 300);
    }

    fn refused() -> Stuck {
        Stuck {
            cause: Cause::Refused,
            ..Stuck::unavailable(wait())
        }
    }

    #[test]
    fn a_page_of_one_conversation_does_not_wait_for_a_refusal() {
        let postponed = vec!["c".to_owned(); 3];
        let portion = |ids: &[&str]| {
            let mut portion = Portion::default();
            for id in ids {
                portion.add((*id).to_owned(), Place { page: 0, line: 0 });
            }
            portion
        };
        let (one, two) = (portion(&["a"]), portion(&["a", "b"]));

        let several = Turn::of(&two, &[], Duration::ZERO);
        assert!(several.waits_for(Cause::Refused) && several.waits_for(Cause::Failing));
        let alone = Turn::of(&one, &[], Duration::ZERO);
        assert!(!alone.waits_for(Cause::Refused) && alone.waits_for(Cause::Failing));
        let again = Turn::again(&postponed, 10, Duration::ZERO);
        assert!(!again.waits_for(Cause::Refused) && again.waits_for(Cause::Preparing));
    }

    #[test]
    fn a_full_list_does_not_block_refused_conversations() {
        let portion = Portion::default();
        let postponed = vec!["c".to_owned(); MAX_POSTPONED];
        let turn = Turn::of(&portion, &postponed, Duration::ZERO);

        let held_up = turn.held_up(HeldUp::Alone(Box::new(refused())), 3, 1);

        assert!(held_up.is_ok());
    }
}
