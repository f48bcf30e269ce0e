//! The messages of one conversation: those that the conversation lists, requested in bulk.

use serde_json::json;

use super::allowance::Allowance;
use super::batches::{Batches, TooMuch};
use super::bodies::Messages;
use super::conversation::ConversationRequests;
use super::fetch::{Fetch, Stop, all_refused, is_poisoned, refused_alone, too_much};
use crate::genesys::wire::TextMessageListing;
use crate::genesys::{ApiError, ApiPath, Call};
use crate::records::transcript::{NoTranscript, Status, Transcript};

/// State of the requests for one conversation's messages.
struct Requested<'v, 'a> {
    conversation: &'v mut ConversationRequests<'a>,
    path: ApiPath,
    messages: Messages,
    /// Why messages are missing, from the first time that some were.
    refusal: Option<NoTranscript>,
    /// Whether the API denies this client the remaining messages.
    is_forbidden: bool,
    /// Batch size for requesting again the messages that responses omitted.
    size_again: Option<usize>,
    /// The first error of the API on a single message.
    failed: Option<ApiError>,
}

impl ConversationRequests<'_> {
    pub(super) async fn messages(&mut self) -> Result<Transcript, Fetch> {
        let id = self.id;
        let path = ApiPath::from("/api/v2/conversations/messages").segment(id)?;
        let call = Call::get(path.clone()).with_reply_limit(self.allowance.bytes());
        let read = self
            .read(&call, |document| Messages::of(document, id))
            .await;
        let messages = read.map_err(|error| self.result_of(error))?;
        self.announced.clone_from(&messages.ids);
        let mut requested = Requested {
            conversation: self,
            path,
            messages,
            refusal: None,
            is_forbidden: false,
            size_again: None,
            failed: None,
        };
        match requested.request().await {
            Ok(()) => Ok(requested.transcript()?),
            // The messages that were not requested any more are counted with those that are left out.
            Err(Fetch::StopPage(Stop::LargerThanShare)) if requested.is_of_first() => {
                let transcript = requested.messages.finish();
                Ok(self.too_large(transcript)?)
            }
            Err(fetch) => Err(requested.with_fallback(fetch)),
        }
    }
}

impl Requested<'_, '_> {
    /// Requests all messages, then once more those that the responses omitted.
    async fn request(&mut self) -> Result<(), Fetch> {
        let limit = self.conversation.bulk_limit().get();
        let mut batches = Batches::of(self.messages.ids.clone(), limit);
        self.request_batches(&mut batches).await?;
        self.conversation.bulk_limit().learn(&batches);
        let refused = batches.into_refused();
        let mut missing = self.messages.again();
        missing.retain(|id| !refused.contains(id));
        let size = self.size_again.map_or(limit, |size| size.min(limit));
        self.request_batches(&mut Batches::of(missing, size))
            .await?;
        match self.failed.take() {
            Some(error) => Err(self.conversation.result_of(error)),
            None => Ok(()),
        }
    }

    async fn request_batches(&mut self, batches: &mut Batches) -> Result<(), Fetch> {
        while !self.is_forbidden
            && let Some(ids) = batches.next()
        {
            match self.listing(&ids).await {
                Ok(listing) => {
                    batches.accepted(ids.len());
                    let received = self.messages.add(listing, self.conversation.plan.limits);
                    self.note_answer(ids.len(), received);
                    self.check_size()?;
                }
                Err(error) => self.refused(error, ids, batches)?,
            }
        }
        Ok(())
    }

    /// Stops reading a transcript that will not be kept on this page.
    fn check_size(&self) -> Result<(), Stop> {
        let has_room = self.conversation.has_room_for(self.messages.stored_bytes());
        has_room.then_some(()).ok_or(Stop::LargerThanShare)
    }

    fn is_of_first(&self) -> bool {
        self.conversation.allowance == Allowance::First
    }

    async fn listing(&mut self, ids: &[String]) -> Result<TextMessageListing, ApiError> {
        let call = Call::post(self.path.clone().then("/messages/bulk"))
            .query("useNormalizedMessage", "true")
            .json(&json!(ids))
            .with_reply_limit(self.conversation.allowance.bytes());
        self.conversation
            .read(&call, TextMessageListing::read)
            .await
    }

    fn note_answer(&mut self, requested: usize, received: usize) {
        if received < requested {
            let size = Batches::again(requested, received);
            self.size_again = Some(self.size_again.map_or(size, |known| known.min(size)));
        }
    }

    /// Continues with a smaller batch or with the next one, unless the error concerns more than this batch.
    fn refused(
        &mut self,
        error: ApiError,
        ids: Vec<String>,
        batches: &mut Batches,
    ) -> Result<(), Fetch> {
        if let Some(why) = too_much(&error) {
            if ids.len() == 1 && why == TooMuch::ForUs && !self.is_of_first() {
                return Err(Stop::LargerThanShare.into());
            }
            if ids.len() == 1 {
                self.messages.note(&refused_alone(&error));
                self.refusal.get_or_insert(all_refused(&error));
            }
            batches.refused(ids, why);
            return Ok(());
        }
        if is_poisoned(&error) {
            if ids.len() == 1 {
                self.failed.get_or_insert(error);
            }
            batches.refused(ids, TooMuch::ForUs);
            return Ok(());
        }
        match self.conversation.result_of(error) {
            Fetch::Record(Err(reason)) => {
                self.is_forbidden = reason.status == Status::Forbidden;
                if self.is_forbidden {
                    self.messages.note(&reason.problem);
                }
                self.refusal.get_or_insert(reason);
                self.note_answer(ids.len(), 0);
                Ok(())
            }
            fetch => Err(fetch),
        }
    }

    /// The transcript of the messages received, or why there are none.
    fn transcript(self) -> Result<Transcript, NoTranscript> {
        let is_any = self.messages.is_any();
        let transcript = self.messages.finish();
        if is_any || transcript.missing == 0 {
            return Ok(transcript);
        }
        let none = || NoTranscript::new(Status::Gone, "none of its messages can be found any more");
        Err(self.refusal.unwrap_or_else(none))
    }

    /// Keeps the messages received so far as the fallback, in case the rest never becomes available.
    fn with_fallback(mut self, fetch: Fetch) -> Fetch {
        let Fetch::RetryLater(mut postponed) = fetch else {
            return fetch;
        };
        if let Err(reason) = &postponed.fallback
            && self.messages.is_any()
        {
            self.messages.note(&reason.problem);
            postponed.fallback = Ok(self.conversation.without_files(self.messages.finish()));
        }
        Fetch::RetryLater(postponed)
    }
}
