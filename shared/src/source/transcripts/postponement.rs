//! The conversations of one page, and the policy for those that are postponed.

use std::time::Duration;

use super::fetch::{Cause, Fetch, Postponed, Stop};
use super::page::Page;
use crate::export::checkpoint::{Checkpoint, ConversationPosition};
use crate::export::portion::Portion;
use crate::source::{PageContext, SourceError};

/// Limit of postponed conversations: their ids are part of each checkpoint, which may take half of an SQS message of
/// 1 MiB.
const MAX_POSTPONED: usize = 1_000;

/// Minimum number of postponed conversations to retry on one page, because each such page may have to wait.
const AGAIN_AT_ONCE: usize = 200;

/// How long a page waits while no conversation is answered, before a single failing one is taken for a problem of that
/// conversation.
const WAIT_LIMIT: Duration = Duration::from_mins(45);

/// The same if several conversations fail, which may mean an outage of the API.
const WAIT_LIMIT_IN_OUTAGE: Duration = Duration::from_hours(5);

/// The conversations of one page.
pub(super) struct PageConversations<'a> {
    pub(super) ids: Vec<&'a str>,
    /// Their place in the list; `None` for postponed conversations.
    portion: Option<&'a Portion>,
    postponed: &'a [String],
    /// How long this page has been waiting for something unavailable.
    waited: Duration,
}

impl<'a> PageConversations<'a> {
    pub(super) fn of_portion(
        portion: &'a Portion,
        postponed: &'a [String],
        waited: Duration,
    ) -> Self {
        Self {
            ids: portion.ids().collect(),
            portion: Some(portion),
            postponed,
            waited,
        }
    }

    pub(super) fn of_postponed(postponed: &'a [String], page_size: u32, waited: Duration) -> Self {
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

    /// Applies the limits of a page to a result: how many conversations can be postponed, and how long a conversation
    /// may take. `done` and `postponed` are the numbers of conversations on this page that were requested before and
    /// that are postponed.
    pub(super) fn limit(&self, fetch: Fetch, done: usize, postponed: usize) -> Fetch {
        let is_full = !self.is_again() && self.postponed.len() + postponed >= MAX_POSTPONED;
        match fetch {
            // Files and refusals are recorded with their fallback even if they cannot be postponed.
            Fetch::RetryLater(it)
                if is_full && !matches!(it.cause, Cause::File | Cause::Refused) =>
            {
                Stop::Source(SourceError::NotReady(it.wait)).into()
            }
            // The first conversation of a page has the whole invocation, and it was never enough.
            Fetch::StopPage(Stop::OutOfTime(wait))
                if done == 0 && !is_full && self.waited >= WAIT_LIMIT =>
            {
                Postponed::unavailable(wait).into()
            }
            fetch => fetch,
        }
    }

    /// The checkpoint after this page, of which `done` conversations were requested. Failed ones are postponed again,
    /// or recorded with their fallback.
    pub(super) fn next(
        &self,
        done: usize,
        page: &mut Page<'_>,
        retry_later: Vec<(&str, Postponed)>,
        context: &PageContext<'_>,
    ) -> Result<Option<Checkpoint>, SourceError> {
        let failing = retry_later.iter().filter(|(_, it)| it.is_failing()).count();
        let wait_limit = match failing {
            0 | 1 => WAIT_LIMIT,
            _ => WAIT_LIMIT_IN_OUTAGE,
        };
        let mut waits = retry_later
            .iter()
            .filter(|(_, it)| self.waits_for(it.cause));
        if let Some((_, first)) = waits.next()
            && page.answered == 0
            && self.waited < wait_limit
        {
            return Err(SourceError::NotReady(first.wait.clone()));
        }
        let mut postponed: Vec<String> = match self.portion {
            Some(_) => self.postponed.to_vec(),
            None => self.postponed[done..].to_vec(),
        };
        let is_last_try = self.is_again() && page.answered == 0;
        for (id, it) in retry_later {
            let is_final = self.is_again() && it.cause == Cause::Refused;
            if is_last_try || is_final || postponed.len() >= MAX_POSTPONED {
                page.add(id, it.fallback, context)?;
            } else {
                postponed.push(id.to_owned());
            }
        }
        let next: Option<ConversationPosition> = self
            .portion
            .and_then(|portion| portion.position_after(done));
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

    use super::super::fetch::Texts;
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

    fn failing() -> Fetch {
        Postponed::unavailable(wait()).into()
    }

    fn is_postponed(fetch: &Fetch) -> bool {
        matches!(fetch, Fetch::RetryLater(_))
    }

    fn without_a_file() -> Fetch {
        let body = RawValue::from_string(r#"{"id":"c","messages":[]}"#.to_owned()).unwrap();
        let transcript = web_details(&body, "c").unwrap();
        let files = Vec::new();
        Postponed {
            cause: Cause::File,
            fallback: Ok(Box::new(Texts { transcript, files })),
            wait: wait(),
        }
        .into()
    }

    #[test]
    fn a_full_list_blocks_failing_conversations_but_not_missing_files() {
        let portion = Portion::default();
        let postponed = vec!["c".to_owned(); MAX_POSTPONED - 1];
        let conversations = PageConversations::of_portion(&portion, &postponed, WAIT_LIMIT);

        assert!(is_postponed(&conversations.limit(failing(), 3, 0)));
        assert!(matches!(
            conversations.limit(failing(), 3, 1),
            Fetch::StopPage(Stop::Source(SourceError::NotReady(_)))
        ));
        assert!(is_postponed(&conversations.limit(without_a_file(), 3, 1)));
        let again = PageConversations::of_postponed(&postponed, 10, Duration::ZERO);
        assert!(is_postponed(&again.limit(failing(), 3, 1)));
    }

    #[test]
    fn a_slow_conversation_is_recorded_once_its_page_has_waited() {
        let portion = Portion::default();
        let is_recorded = |waited, done| {
            let conversations = PageConversations::of_portion(&portion, &[], waited);
            is_postponed(&conversations.limit(Stop::OutOfTime(wait()).into(), done, 0))
        };

        assert!(is_recorded(WAIT_LIMIT, 0));
        assert!(!is_recorded(WAIT_LIMIT, 1));
        assert!(!is_recorded(WAIT_LIMIT / 2, 0));
    }

    #[test]
    fn an_outage_is_never_recorded_for_one_conversation() {
        let portion = Portion::default();
        let conversations = PageConversations::of_portion(&portion, &[], 100 * WAIT_LIMIT);

        for reason in [WaitReason::Unavailable, WaitReason::Throttled] {
            let all = Stop::Source(SourceError::NotReady(Wait { reason, ..wait() }));
            assert!(!is_postponed(&conversations.limit(all.into(), 0, 0)));
        }
    }

    #[test]
    fn at_least_200_postponed_conversations_are_requested_together() {
        let postponed = vec!["c".to_owned(); 500];

        assert_eq!(
            PageConversations::of_postponed(&postponed, 1, Duration::ZERO)
                .ids
                .len(),
            200
        );
        assert_eq!(
            PageConversations::of_postponed(&postponed, 300, Duration::ZERO)
                .ids
                .len(),
            300
        );
    }

    fn refused() -> Postponed {
        Postponed {
            cause: Cause::Refused,
            ..Postponed::unavailable(wait())
        }
    }

    #[test]
    fn a_page_of_one_conversation_does_not_wait_for_a_refusal() {
        let postponed = vec!["c".to_owned(); 3];
        let portion = |ids: &[&str]| {
            let mut portion = Portion::default();
            for id in ids {
                portion.add((*id).to_owned(), ConversationPosition { page: 0, line: 0 });
            }
            portion
        };
        let (one, two) = (portion(&["a"]), portion(&["a", "b"]));

        let several = PageConversations::of_portion(&two, &[], Duration::ZERO);
        assert!(several.waits_for(Cause::Refused) && several.waits_for(Cause::Failing));
        let alone = PageConversations::of_portion(&one, &[], Duration::ZERO);
        assert!(!alone.waits_for(Cause::Refused) && alone.waits_for(Cause::Failing));
        let again = PageConversations::of_postponed(&postponed, 10, Duration::ZERO);
        assert!(!again.waits_for(Cause::Refused) && again.waits_for(Cause::Preparing));
    }

    #[test]
    fn a_full_list_does_not_block_refused_conversations() {
        let portion = Portion::default();
        let postponed = vec!["c".to_owned(); MAX_POSTPONED];
        let conversations = PageConversations::of_portion(&portion, &postponed, Duration::ZERO);

        let fetch = conversations.limit(refused().into(), 3, 1);

        assert!(is_postponed(&fetch));
    }
}
